//! The wire: parameters become a signed request, bytes become a verified answer.
//!
//! In: a [`Session`] (whose app, which gateway), a typed request of one of the family files, a
//! signing function, a clock reading. Out: a URL and a body to POST. Back in: the body that came.
//! Out: an [`Answer`] whose signature is checked over the very bytes received, and an [`Outcome`].
//!
//! ```text
//! points::Update ──json──► canonical string ──hash──► sign ──► URL + body      (request)
//! body ──► the one expected node ──► verify its bytes ──► fields ──► Outcome   (answer)
//! ```
//!
//! Nothing here talks to a network, keeps state or decides about a queue.

pub mod activity;
pub mod answer;
mod canonical;
pub mod explain;
pub mod notify;
mod outcome;
mod path;
pub mod points;
pub mod prize;
pub(crate) mod request;
mod session;
pub mod token;
pub mod trade;

pub use answer::{Answer, CheckFn};
pub use canonical::{Param, canonical};
pub(crate) use outcome::contains;
pub use outcome::{Outcome, classify};
pub use path::find;
pub use request::{SignFn, build, request_size, to_sign};
pub(crate) use request::{extent, found};
pub(crate) use session::until;
pub use session::{
    APP_AUTH_TOKEN_MAX, APP_ID_MAX, CERT_SN_MAX, GATEWAY, GATEWAY_SANDBOX, METHOD_MAX,
    NOTIFY_URL_MAX, Session, is_safe,
};

use crate::crypto::{self, Digest};
#[cfg(feature = "gbk")]
use crate::status::Error;
use crate::status::Result;
use core::ffi::CStr;

/// Longest signature in bytes: that of the largest key of this build.
pub const SIGNATURE_MAX: usize = crypto::MAX_BYTES;

/// How requests are signed and answers verified: the `sign_type` parameter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignType {
    /// PKCS#1 v1.5 with SHA-256. New apps can use nothing else since 2018-01-26.
    #[default]
    Rsa2,
    /// PKCS#1 v1.5 with SHA-1, for apps from before.
    Rsa,
}

impl SignType {
    /// The parameter's value.
    pub const fn name(self) -> &'static str {
        match self {
            SignType::Rsa2 => "RSA2",
            SignType::Rsa => "RSA",
        }
    }

    /// The digest signed. Answers use the session's too; an answer cannot choose a weaker one.
    pub const fn digest(self) -> Digest {
        match self {
            SignType::Rsa2 => Digest::Sha256,
            SignType::Rsa => Digest::Sha1,
        }
    }
}

/// The charset of a session's requests: what is signed and what travels.
///
/// (Some refusals come in GBK whatever was asked for: answers say themselves what they are in,
/// except to a session that asked for GBK.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Charset {
    /// UTF-8.
    #[default]
    Utf8,
    /// GBK. A character outside it is refused before anything is signed.
    #[cfg(feature = "gbk")]
    Gbk,
}

impl Charset {
    /// The parameter's value. It has to stand in the URL, not in the body, or the gateway refuses.
    pub const fn name(self) -> &'static str {
        match self {
            Charset::Utf8 => "utf-8",
            #[cfg(feature = "gbk")]
            Charset::Gbk => "GBK",
        }
    }

    /// The `Content-Type` header of a request.
    pub const fn content_type(self) -> &'static str {
        match self.c_content_type().to_str() {
            Ok(text) => text,
            Err(_) => "",
        }
    }

    /// [`content_type`](Self::content_type) for C.
    pub const fn c_content_type(self) -> &'static CStr {
        match self {
            Charset::Utf8 => c"application/x-www-form-urlencoded;charset=utf-8",
            #[cfg(feature = "gbk")]
            Charset::Gbk => c"application/x-www-form-urlencoded;charset=GBK",
        }
    }

    /// Refuses a text this charset cannot say: `Encoding` with the byte offset of the first such
    /// character.
    pub fn check(self, text: &str, what: &'static str) -> Result<()> {
        #[cfg(feature = "gbk")]
        if self == Charset::Gbk {
            return crate::text::gbk::check(text).map_err(|error| Error { what, ..error });
        }
        let _ = (text, what);
        Ok(())
    }
}
