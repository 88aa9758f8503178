//! A merchant's consent: `alipay.open.auth.token.app` and its `.query`.
//!
//! In: the code a merchant's consent gave, or a refresh token. Out: `biz_content`, and the pair of
//! tokens that lets a software house act for the merchant.
//!
//! A refresh gives a new pair: store both before either is used. Past `re_expires_in` only a new
//! consent helps, and a new consent ends the token before.

use super::{Answer, Session};
use crate::json::Kind;
use crate::status::{Error, Result};
use crate::text::{self, Text};
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// Exchanges a code or a refresh token for tokens. Sent without `app_auth_token`: [`without`].
pub const APP: &str = "alipay.open.auth.token.app";
/// Asks what a token is worth. Sent without `app_auth_token`, too.
pub const QUERY: &str = "alipay.open.auth.token.app.query";

/// Longest code or token that is sent. (The gateway's documentation.)
pub const SENT_MAX: usize = 40;
/// Longest token that is kept; our own limit.
pub const TOKEN_MAX: usize = 64;
/// Longest id that is kept; our own limit, samples have 16 digits.
pub const ID_MAX: usize = 32;

/// One token.app: what is handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant<'a> {
    /// The `app_auth_code` of a merchant's consent: good once, for 24 hours.
    Code(&'a str),
    /// The `app_refresh_token` of the last pair. If the answer is lost, repeat it once.
    Refresh(&'a str),
}

impl<'a> Grant<'a> {
    /// `grant_type`, and the name and text of what is handed in.
    const fn parts(self) -> (&'static str, &'static str, &'a str) {
        match self {
            Grant::Code(code) => ("authorization_code", "code", code),
            Grant::Refresh(token) => ("refresh_token", "refresh_token", token),
        }
    }

    /// `Missing`, `TooLong` beyond [`SENT_MAX`], `Encoding` with the member's name.
    pub fn check(&self) -> Result<()> {
        let (_, name, value) = self.parts();
        text::required(value.as_bytes(), name, SENT_MAX).map(|_| ())
    }
}

impl Serialize for Grant<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> core::result::Result<S::Ok, S::Error> {
        let (grant_type, name, value) = self.parts();
        let mut members = serializer.serialize_struct("Grant", 2)?;
        members.serialize_field("grant_type", grant_type)?;
        members.serialize_field(name, value)?;
        members.end()
    }
}

/// One token.app.query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Query<'a> {
    /// The token that is asked about.
    pub app_auth_token: &'a str,
}

impl Query<'_> {
    /// As [`Grant::check`].
    pub fn check(&self) -> Result<()> {
        text::required(self.app_auth_token.as_bytes(), "app_auth_token", SENT_MAX).map(|_| ())
    }
}

/// `session` as these two calls want it: acting for nobody.
pub const fn without<'a>(session: &Session<'a>) -> Session<'a> {
    Session { app_auth_token: None, ..*session }
}

/// What an accepted token.app gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Set it in the [`Session`].
    pub app_auth_token: Text<TOKEN_MAX>,
    /// For the next [`Grant::Refresh`].
    pub app_refresh_token: Text<TOKEN_MAX>,
    /// The merchant's Alipay user number; empty if the answer has none.
    pub user_id: Text<ID_MAX>,
    /// The merchant's app, which notifications name; empty if the answer has none.
    pub auth_app_id: Text<ID_MAX>,
    /// Seconds the token lives from the call on, if told.
    pub expires_in: Option<u64>,
    /// Seconds the refresh token lives from the call on, if told.
    pub re_expires_in: Option<u64>,
}

/// The tokens of an accepted token.app.
///
/// `Missing` without a token or its refresh token; `TooLong`, `Malformed`, `Range` with the member.
/// An answer for several merchants has them in `tokens` alone: [`Answer::field`].
pub fn tokens(answer: &Answer<'_>) -> Result<Tokens> {
    let present = |name| {
        let token: Text<TOKEN_MAX> = answer.text(name)?;
        text::required(token.as_bytes(), name, TOKEN_MAX)?;
        Ok::<_, Error>(token)
    };
    Ok(Tokens {
        app_auth_token: present("app_auth_token")?,
        app_refresh_token: present("app_refresh_token")?,
        user_id: answer.text("user_id")?,
        auth_app_id: answer.text("auth_app_id")?,
        expires_in: number(answer, "expires_in")?,
        re_expires_in: number(answer, "re_expires_in")?,
    })
}

/// What an accepted token.app.query tells. Its `auth_methods` are a list: [`Answer::field`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// True for `valid`, false for anything else.
    pub is_valid: bool,
    /// The merchant's Alipay user number.
    pub user_id: Text<ID_MAX>,
    /// The merchant's app.
    pub auth_app_id: Text<ID_MAX>,
    /// Seconds the token still lives, if told.
    pub expires_in: Option<u64>,
    /// Since when, `yyyy-MM-dd HH:mm:ss`.
    pub auth_start: Text<ID_MAX>,
    /// Until when.
    pub auth_end: Text<ID_MAX>,
}

/// The state an accepted token.app.query tells; `Missing` without a `status`.
pub fn state(answer: &Answer<'_>) -> Result<State> {
    let status: Text<ID_MAX> = answer.text("status")?;
    text::required(status.as_bytes(), "status", ID_MAX)?;
    Ok(State {
        is_valid: status == "valid",
        user_id: answer.text("user_id")?,
        auth_app_id: answer.text("auth_app_id")?,
        expires_in: number(answer, "expires_in")?,
        auth_start: answer.text("auth_start")?,
        auth_end: answer.text("auth_end")?,
    })
}

/// A number that may come as text, be absent, null or empty.
fn number(answer: &Answer<'_>, name: &'static str) -> Result<Option<u64>> {
    match answer.field(name) {
        Some(value) if value.kind() != Kind::Null && !value.is(b"") => {
            let number = value.as_u64().map_err(|error| Error { what: name, ..error });
            number.map(Some)
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
mod tests {
    use super::*;
    use crate::gateway::answer;
    use crate::status::Status;

    fn json(content: &impl Serialize) -> String {
        let mut buf = [0; 256];
        let len = serde_json_core::to_slice(content, &mut buf).unwrap();
        String::from_utf8(buf[..len].to_vec()).unwrap()
    }

    #[test]
    fn only_what_belongs_to_the_grant_is_sent() {
        assert_eq!(json(&Grant::Code("c1")), r#"{"grant_type":"authorization_code","code":"c1"}"#);
        assert_eq!(
            json(&Grant::Refresh("r1")),
            r#"{"grant_type":"refresh_token","refresh_token":"r1"}"#
        );
        assert_eq!(json(&Query { app_auth_token: "t1" }), r#"{"app_auth_token":"t1"}"#);
        assert_eq!(Grant::Code("").check().unwrap_err().what, "code");
        assert_eq!(Grant::Refresh(&"x".repeat(41)).check().unwrap_err().status, Status::TooLong);
        let session = Session { app_auth_token: Some("old"), ..Session::new("1") };
        assert_eq!(without(&session).app_auth_token, None);
    }

    fn read(fields: &str) -> Result<Tokens> {
        let body = format!("{{\"alipay_open_auth_token_app_response\":{{{fields}}}}}");
        tokens(&answer::read(body.as_bytes(), APP).unwrap())
    }

    #[test]
    fn numbers_may_be_text() {
        let both = r#""app_auth_token":"t","app_refresh_token":"r","auth_app_id":"2016","#;
        for (five, expected) in [("5", Some(5)), ("\"5\"", Some(5)), ("null", None), ("\"\"", None)]
        {
            let tokens = read(&format!("{both}\"expires_in\":{five}")).unwrap();
            assert_eq!((tokens.expires_in, tokens.re_expires_in), (expected, None));
            assert_eq!(tokens.auth_app_id, "2016");
        }
        let error = read(&format!("{both}\"re_expires_in\":\"1.5\"")).unwrap_err();
        assert_eq!((error.status, error.what), (Status::Malformed, "re_expires_in"));
        let error = read(r#""app_auth_token":"t""#).unwrap_err();
        assert_eq!((error.status, error.what), (Status::Missing, "app_refresh_token"));
    }

    #[test]
    fn only_valid_is_valid() {
        let read = |fields: &str| {
            let body = format!("{{\"alipay_open_auth_token_app_query_response\":{{{fields}}}}}");
            state(&answer::read(body.as_bytes(), QUERY).unwrap())
        };
        let state = read(r#""status":"valid","expires_in":31536000,"user_id":"2088""#).unwrap();
        assert!(state.is_valid && state.expires_in == Some(31_536_000) && state.user_id == "2088");
        assert!(!read(r#""status":"invalid""#).unwrap().is_valid);
        assert_eq!(read(r#""user_id":"2088""#).unwrap_err().what, "status");
    }
}
