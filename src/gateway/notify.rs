//! Notifications: a form body or a query string becomes a message that may be believed.
//!
//! In: the bytes as they came, POST or GET. Out: a [`Verified`] notification, and from it a typed
//! message ([`Verified::message`]) or any field by name.
//!
//! ```text
//! a=1&b=%32 ──split, decode once──► fields ──sort, join──► hash ──► Verified ──► Message
//! ```
//!
//! What is hashed are the decoded bytes, in whatever charset they came; nothing is converted,
//! trimmed or repaired, except that a `+` which a sender forgot to escape is put back in `sign`.
//!
//! The signed string is not injective: `memo` of value `1&men=2` and two fields `memo=1`, `men=2`
//! give the same bytes. So nobody may let a stranger choose a text that Alipay signs, and a message
//! counts only when its ids are known here: match `isv_out_biz_id` with an offer that is open.

use super::{SIGNATURE_MAX, SignType};
use crate::crypto::{Digest, Hasher, PublicKey, Scratch};
use crate::json::{self, Encoding};
use crate::status::{Error, Result, Status};
use crate::text::Writer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

#[path = "notify_form.rs"]
mod form;
#[path = "notify_message.rs"]
mod message;
#[path = "notify_seen.rs"]
mod seen;

pub use message::{ActivityState, CouponIssued, ID_MAX, Message};
pub use seen::{Seen, SeenId};

/// The whole answer to a notification: HTTP 200 and these 7 bytes, no redirect, nothing around
/// them. Anything else is delivered again, up to 8 times in 25 hours. Send it once the message is
/// stored, not once its work is done.
pub const REPLY: &str = "success";

/// An answer that says "not yet": the message is delivered again. (Any body but [`REPLY`] does; this
/// is the one Alipay's samples send.)
pub const REPLY_FAIL: &str = "fail";

/// Most fields of one notification. Those of this product have 9 to 16.
pub const FIELDS_MAX: usize = 32;

/// A signature as base64.
const SIGN_MAX: usize = SIGNATURE_MAX.div_ceil(3) * 4;

/// Verifies: given the digest, the hash and the signature, it answers `Signature` when they do not
/// belong together.
pub type CheckFn<'f> = dyn FnMut(Digest, &[u8], &[u8]) -> Result<()> + 'f;

/// A name and its value, decoded once, in the sender's charset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name; never empty, without `=` and `&`.
    pub name: &'a [u8],
    /// The value, perhaps empty.
    pub value: &'a [u8],
}

/// Which string the signature was made over. (Which of them this product uses is not documented;
/// official SDKs differ, so each is tried, in this order.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// All fields but `sign`, `sign_type` and empty ones.
    V1,
    /// All fields but `sign` and `sign_type`.
    V1Empty,
    /// All fields but `sign` and empty ones.
    V2,
    /// All fields but `sign`.
    V2Empty,
}

impl Variant {
    /// In the order they are tried.
    pub const ALL: [Variant; 4] = [Variant::V1, Variant::V1Empty, Variant::V2, Variant::V2Empty];

    /// True when `field` is part of the string.
    fn signs(self, field: &Field<'_>) -> bool {
        let signs_type = matches!(self, Variant::V2 | Variant::V2Empty);
        let signs_empty = matches!(self, Variant::V1Empty | Variant::V2Empty);
        field.name != b"sign"
            && (signs_type || field.name != b"sign_type")
            && (signs_empty || !field.value.is_empty())
    }
}

/// A well formed notification. Nothing in it is proven before [`Notification::verify`].
#[derive(Clone, Debug)]
pub struct Notification<'a> {
    fields: heapless::Vec<Field<'a>, FIELDS_MAX>,
    damage: Option<Error>,
}

/// A notification whose signature holds.
#[derive(Clone, Copy, Debug)]
pub struct Verified<'n, 'a> {
    notification: &'n Notification<'a>,
    variant: Variant,
}

/// Reads a form body or a query string. A whole URL is read from its `?` on.
///
/// `room` takes the decoded fields; as many bytes as `raw` has are enough.
///
/// `Malformed` for no field at all, a field without a name, and a `%` that is no escape, with the
/// offset; `Duplicate` with the offset of the second when a name occurs twice, for which of the
/// two was signed cannot be told; `TooLong` beyond [`FIELDS_MAX`]; `BufferTooSmall`.
pub fn read<'a>(raw: &[u8], room: &'a mut [u8]) -> Result<Notification<'a>> {
    let mut notification = Notification { fields: heapless::Vec::new(), damage: None };
    form::each(raw, room, &mut |at, field| notification.add(at, field))?;
    if notification.fields.is_empty() {
        return Err(Error::new(Status::Malformed, "notification"));
    }
    Ok(notification)
}

impl<'a> Notification<'a> {
    fn add(&mut self, at: usize, field: Field<'a>) -> Result<()> {
        if self.field_of(field.name).is_some() {
            return Err(Error::new(Status::Duplicate, "notification").at(at));
        }
        self.damage = self.damage.or_else(|| form::damage(&field).map(|error| error.at(at)));
        let full = Error::new(Status::TooLong, "notification").at(FIELDS_MAX);
        self.fields.push(field).map_err(|_| full)
    }

    fn field_of(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.fields.iter().find(|field| field.name == name).map(|field| field.value)
    }

    /// The fields in the order they came, `sign` among them.
    pub fn fields(&self) -> &[Field<'a>] {
        &self.fields
    }

    /// A field's bytes, if it is there.
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        self.field_of(name.as_bytes())
    }

    /// Where the message went through a web page that read `&not`, `&times` or `&amp;` as HTML:
    /// `Malformed` about `damage.not` (`¬ify_id` stands for `&notify_id`), `damage.times` or
    /// `damage.amp`, with the offset of the field. It is what [`Notification::verify`] returns
    /// when no signature holds; a message that verifies only looks damaged.
    pub fn damage(&self) -> Option<Error> {
        self.damage
    }

    /// What to do about [`Notification::damage`], in words; `None` for every other error.
    pub fn hint(error: &Error) -> Option<&'static str> {
        error.what.starts_with("damage.").then_some(
            "a web page has read & and a name as HTML: take the request as it came, not a copy",
        )
    }

    /// How texts are encoded: what the field `charset` says, `otherwise` (the `Content-Type`'s,
    /// else the session's) without one. `Unsupported` for a charset that is neither UTF-8 nor GBK.
    pub fn encoding(&self, otherwise: Encoding) -> Result<Encoding> {
        let is = |name: &str, value: &[u8]| value.eq_ignore_ascii_case(name.as_bytes());
        match self.field("charset").unwrap_or_default() {
            b"" => Ok(otherwise),
            name if is("utf-8", name) || is("utf8", name) => Ok(Encoding::Utf8),
            // gb2312 is a part of GBK.
            name if is("gbk", name) || is("gb2312", name) => Ok(Encoding::Gbk),
            _ => Err(Error::new(Status::Unsupported, "charset")),
        }
    }

    /// How it says it is signed, `session`'s way if it does not say. `Unsupported` for others, and
    /// for RSA (SHA-1) where the session has RSA2: the field is not always signed, so whoever writes
    /// it must not choose a weaker digest than the application's. A session with RSA takes both.
    pub fn sign_type(&self, session: SignType) -> Result<SignType> {
        match self.field("sign_type").unwrap_or_default() {
            b"" => Ok(session),
            b"RSA2" => Ok(SignType::Rsa2),
            b"RSA" if session == SignType::Rsa => Ok(SignType::Rsa),
            _ => Err(Error::new(Status::Unsupported, "sign_type")),
        }
    }

    /// Decodes the signature into `out` and returns its length; `Unsigned` when there is none.
    fn signature(&self, out: &mut [u8]) -> Result<usize> {
        let bad = Error::new(Status::Signature, "sign");
        let sign = self.field("sign").unwrap_or_default();
        if sign.is_empty() {
            return Err(Error::new(Status::Unsigned, "sign"));
        }
        let mut room = [0; SIGN_MAX];
        let text = room.get_mut(..sign.len()).ok_or(bad)?;
        for (to, &byte) in text.iter_mut().zip(sign) {
            *to = if byte == b' ' { b'+' } else { byte };
        }
        STANDARD.decode_slice(text, out).map_err(|_| bad)
    }

    /// Verifies with `check`, trying each [`Variant`] until one holds.
    ///
    /// `Unsigned` without a signature, `Signature` when none holds, [`Notification::damage`]
    /// instead of both where there is any; `Unsupported` for a `sign_type` that is unknown or weaker
    /// than the session's.
    pub fn verify_with(
        &self,
        session: SignType,
        check: &mut CheckFn<'_>,
    ) -> Result<Verified<'_, 'a>> {
        self.try_variants(session, check).map_err(|error| match (error.status, self.damage) {
            (Status::Signature | Status::Unsigned, Some(damage)) => damage,
            _ => error,
        })
    }

    /// [`Notification::verify_with`] Alipay's public key.
    pub fn verify(
        &self,
        session: SignType,
        key: &PublicKey,
        scratch: &mut Scratch,
    ) -> Result<Verified<'_, 'a>> {
        self.verify_with(session, &mut |digest, hash, signature| {
            key.verify(digest, hash, signature, scratch)
        })
    }

    fn try_variants(&self, session: SignType, check: &mut CheckFn<'_>) -> Result<Verified<'_, 'a>> {
        let digest = self.sign_type(session)?.digest();
        let mut room = [0; SIGNATURE_MAX];
        let len = self.signature(&mut room)?;
        let signature = room.get(..len).unwrap_or_default();
        let mut result = Err(Error::new(Status::Signature, "sign"));
        for variant in Variant::ALL.into_iter().filter(|&variant| self.is_new(variant)) {
            let mut hasher = Hasher::new(digest);
            self.canonical(variant, &mut |piece| hasher.update(piece));
            result = check(digest, hasher.finish().as_bytes(), signature);
            match result {
                Ok(()) => return Ok(Verified { notification: self, variant }),
                Err(error) if error.status == Status::Signature => {}
                Err(_) => break,
            }
        }
        Err(result.err().unwrap_or(Error::new(Status::Signature, "sign")))
    }

    /// True when no variant before it gives the same string.
    fn is_new(&self, variant: Variant) -> bool {
        let mut before = Variant::ALL.into_iter().take_while(|&earlier| earlier != variant);
        let same = |earlier: Variant| {
            self.fields.iter().all(|field| earlier.signs(field) == variant.signs(field))
        };
        !before.any(same)
    }

    /// Feeds the string of `variant` to `sink`: sorted by name in byte order, `name=value` joined
    /// by `&`, values raw.
    pub fn canonical(&self, variant: Variant, sink: &mut dyn FnMut(&[u8])) {
        let mut last = None;
        while let Some(field) = self.following(variant, last) {
            if last.is_some() {
                sink(b"&");
            }
            last = Some(field.name);
            sink(field.name);
            sink(b"=");
            sink(field.value);
        }
    }

    /// The signed field with the least name behind `last`.
    fn following(&self, variant: Variant, last: Option<&[u8]>) -> Option<&Field<'a>> {
        let signed = self.fields.iter().filter(|field| variant.signs(field));
        let behind = signed.filter(|field| last.is_none_or(|last| field.name > last));
        behind.min_by_key(|field| field.name)
    }
}

impl<'a> Verified<'_, 'a> {
    /// The notification.
    pub fn notification(&self) -> &Notification<'a> {
        self.notification
    }

    /// The string that was signed.
    pub fn variant(&self) -> Variant {
        self.variant
    }

    /// Appends a signed field's text to `out`, GBK as UTF-8: what [`Notification::encoding`] says,
    /// `otherwise` if the message says nothing.
    ///
    /// `NotFound` when it is not there or not signed; `Encoding` with the offset for bytes that are
    /// no text; `Unsupported` for another charset, and for GBK without the feature `gbk`.
    pub fn text(&self, name: &str, otherwise: Encoding, out: &mut Writer<'_>) -> Result<()> {
        let value = self.field(name).ok_or(Error::new(Status::NotFound, "field"))?;
        match self.notification.encoding(otherwise)? {
            Encoding::Utf8 => {
                out.str(core::str::from_utf8(value).map_err(|error| {
                    Error::new(Status::Encoding, "field").at(error.valid_up_to())
                })?)
            }
            Encoding::Gbk => json::gbk(value, out)?,
        }
        Ok(())
    }

    /// The id that every delivery of this message has in common, and the field it stands in:
    /// `notify_id`, or `order_id` of an activity's message. `None` when neither is signed.
    pub fn repeat_id(&self) -> Option<(&'static str, &'a [u8])> {
        ["notify_id", "order_id"]
            .into_iter()
            .find_map(|name| self.field(name).filter(|id| !id.is_empty()).map(|id| (name, id)))
    }

    /// A signed field's bytes, if it is there. `sign`, and where it is not signed `sign_type`, are
    /// not among them.
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        let field = |field: &&Field<'_>| field.name == name.as_bytes();
        let found = self.notification.fields.iter().find(field)?;
        self.variant.signs(found).then_some(found.value)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
#[path = "notify_tests.rs"]
mod tests;
