//! An answer: bytes become the one node that may be believed, and its signature.
//!
//! In: the body as it came, and the method that was called. Out: an [`Answer`] that knows which
//! bytes are signed. A reader who finds "the" node and "the" signature by searching can be shown
//! one and made to verify another; so the body is read as JSON, once, and whatever is there twice
//! or does not belong refuses the whole answer.
//!
//! Order of work for a caller: [`read`], [`Answer::verify`], then [`Answer::outcome`] and fields.

use super::{Charset, Outcome, SIGNATURE_MAX, classify};
#[cfg(feature = "aes")]
use crate::crypto::AesKey;
use crate::crypto::{Digest, Hasher, PublicKey, Scratch};
use crate::json::{self, Encoding, Kind, Member, Object, Value};
use crate::status::{Error, Result, Status};
use crate::text::{Text, Writer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Longest `code` that is looked at; the gateway's have 5 digits.
pub const CODE_MAX: usize = 16;
/// Longest `sub_code` that is looked at; the longest documented one has 47 characters.
pub const SUB_CODE_MAX: usize = 128;

/// A signature as base64.
const SIGN_MAX: usize = SIGNATURE_MAX.div_ceil(3) * 4;

/// Verifies: given the hash and the signature, it answers `Signature` when they do not belong
/// together.
pub type CheckFn<'f> = dyn FnMut(&[u8], &[u8]) -> Result<()> + 'f;

/// A well formed answer to one method. Nothing in it is proven before [`Answer::verify`].
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The node's bytes, and where they begin in the body.
    raw: &'a [u8],
    start: usize,
    encoding: Encoding,
    content: Content<'a>,
    sign: Option<Value<'a>>,
    cert_sn: Option<Value<'a>>,
    is_error: bool,
}

/// What the node is.
#[derive(Clone, Copy, Debug)]
enum Content<'a> {
    Open(Object<'a>),
    Encrypted(Value<'a>),
}

/// What the top level showed while it was read.
#[derive(Default)]
struct Found<'a> {
    node: Option<Value<'a>>,
    error: Option<Value<'a>>,
    sign: Option<Value<'a>>,
    cert_sn: Option<Value<'a>>,
}

/// Reads the answer to `method` (`koubei.marketing.tool.points.update`).
///
/// It must be one JSON object, in UTF-8 or GBK, that holds either
/// `koubei_marketing_tool_points_update_response` or `error_response`, once, and no other member
/// whose name ends in `_response`; `sign` and `alipay_cert_sn` are texts if present; members in
/// any order; no name twice, there or in the node; no escapes in top-level names; nothing behind
/// the closing brace.
///
/// `Malformed`, `Duplicate`, `TooDeep` or `TooLong`, with the offset, if it is not that. Any of
/// them means the outcome of the call is unknown.
///
/// It is taken for UTF-8 if it can be, else for GBK; [`read_in`] knows better.
pub fn read<'a>(body: &'a [u8], method: &str) -> Result<Answer<'a>> {
    read_in(body, method, Charset::Utf8)
}

/// [`read`] for a session in `charset`. The answer to a GBK session is GBK even when its bytes
/// happen to be UTF-8 too (模 is such a word), and UTF-8 only if it cannot be GBK.
pub fn read_in<'a>(body: &'a [u8], method: &str, charset: Charset) -> Result<Answer<'a>> {
    let mut found = Found::default();
    object(body, charset, |member| found.take(member, method))?;
    found.answer()
}

/// Reads an object in the encoding an answer to a session in `charset` has.
fn object<'a>(
    bytes: &'a [u8],
    charset: Charset,
    see: impl FnMut(&Member<'a>) -> Result<()>,
) -> Result<Object<'a>> {
    match charset {
        #[cfg(feature = "gbk")]
        Charset::Gbk if Object::read(bytes, Encoding::Gbk).is_ok() => {
            Object::read_each(bytes, Encoding::Gbk, see)
        }
        _ => Object::detect_each(bytes, see),
    }
}

impl<'a> Found<'a> {
    /// The answer, if there is one node and it is of a kind that can be one.
    fn answer(self) -> Result<Answer<'a>> {
        let (node, is_error) = match (self.node, self.error) {
            (Some(node), None) => (node, false),
            (None, Some(node)) => (node, true),
            (None, None) => return Err(bad("answer.node", 0)),
            (Some(_), Some(second)) => return Err(bad("answer.node", second.span().0)),
        };
        let content = match node.kind() {
            Kind::Object => Content::Open(node.object()?),
            Kind::String => Content::Encrypted(node),
            _ => return Err(bad("answer.node", node.span().0)),
        };
        let (raw, start, encoding) = (node.raw(), node.span().0, node.encoding());
        let Found { sign, cert_sn, .. } = self;
        Ok(Answer { raw, start, encoding, content, sign, cert_sn, is_error })
    }

    /// Sorts one top-level member. (The reader has refused names that occur twice.)
    fn take(&mut self, member: &Member<'a>, method: &str) -> Result<()> {
        let at = member.name.span().0;
        // Nobody escapes a plain name but to have it read in two ways.
        let name = match member.name.raw() {
            [b'"', name @ .., b'"'] if !name.contains(&b'\\') => name,
            _ => return Err(bad("answer.name", at)),
        };
        let place = match name {
            b"sign" => &mut self.sign,
            b"alipay_cert_sn" => &mut self.cert_sn,
            b"error_response" => &mut self.error,
            _ if is_node_of(name, method) => &mut self.node,
            _ if name.ends_with(b"_response") => return Err(bad("answer.node", at)),
            _ => return Ok(()),
        };
        *place = Some(member.value);
        if matches!(name, b"sign" | b"alipay_cert_sn") && member.value.kind() != Kind::String {
            return Err(bad("answer.sign", member.value.span().0));
        }
        Ok(())
    }
}

/// True when `name` is `method` with `_` for `.`, and `_response`.
fn is_node_of(name: &[u8], method: &str) -> bool {
    let same = |(&a, b): (&u8, u8)| a == if b == b'.' { b'_' } else { b };
    name.strip_suffix(b"_response")
        .is_some_and(|name| name.len() == method.len() && name.iter().zip(method.bytes()).all(same))
}

const fn bad(what: &'static str, at: usize) -> Error {
    Error::new(Status::Malformed, what).at(at)
}

impl<'a> Answer<'a> {
    /// The signed bytes: the node's value exactly as it came, braces (or quotes) included.
    pub fn signed(&self) -> &'a [u8] {
        self.raw
    }

    /// Where they stand in the body: `[start, end)`.
    pub fn span(&self) -> (usize, usize) {
        (self.start, self.start + self.raw.len())
    }

    /// True when the node is `error_response`: the gateway refused before it knew the method.
    pub fn is_error_node(&self) -> bool {
        self.is_error
    }

    /// True when the node is encrypted text instead of an object: no field can be read.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted().is_some()
    }

    /// The encrypted node as it came, a string, for those who decrypt elsewhere.
    pub fn encrypted(&self) -> Option<Value<'a>> {
        match self.content {
            Content::Encrypted(text) => Some(text),
            Content::Open(_) => None,
        }
    }

    /// How its texts are encoded.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The number of the certificate it was signed with, in certificate mode.
    pub fn cert_sn(&self) -> Option<Value<'a>> {
        self.cert_sn
    }

    /// Compares that number with the one of the certificate whose key verifies: `Missing` when the
    /// answer names none, `KeyMismatch` when it names another, which means that Alipay has a new
    /// certificate and this terminal needs it.
    ///
    /// The number is not signed: it explains a signature that fails, it proves nothing.
    pub fn check_cert_sn(&self, loaded: &str) -> Result<()> {
        let named = self.cert_sn.ok_or(Error::new(Status::Missing, "alipay_cert_sn"))?;
        match named.is(loaded.as_bytes()) {
            true => Ok(()),
            false => Err(Error::new(Status::KeyMismatch, "alipay_cert_sn")),
        }
    }

    /// Decodes the signature into `out` ([`SIGNATURE_MAX`] bytes are enough) and returns its
    /// length; `None` when there is none.
    ///
    /// `Signature` when it is not standard base64 with padding or is longer than a key of this
    /// build can make.
    pub fn signature(&self, out: &mut [u8]) -> Result<Option<usize>> {
        let Some(sign) = self.sign else { return Ok(None) };
        let bad = Error::new(Status::Signature, "sign");
        let mut room = [0; SIGN_MAX];
        let mut writer = Writer::new(&mut room);
        sign.text(&mut writer).map_err(|_| bad)?;
        let text = writer.finish().map_err(|_| bad)?;
        STANDARD.decode_slice(text, out).map(Some).map_err(|_| bad)
    }

    /// Verifies the node's bytes with `check`.
    ///
    /// The bytes as they came are tried first; when they do not verify, once more with each `\/`
    /// read as `/`, for some of the gateway's signers hash the text before its writer escapes
    /// slashes (Alipay's Java and .NET SDKs do the same). Never the other way.
    ///
    /// `Unsigned` without a signature.
    pub fn verify_with(&self, digest: Digest, check: &mut CheckFn<'_>) -> Result<()> {
        let mut room = [0; SIGNATURE_MAX];
        let unsigned = Error::new(Status::Unsigned, "sign");
        let len = self.signature(&mut room)?.ok_or(unsigned)?;
        let signature = room.get(..len).unwrap_or_default();
        let mut hasher = Hasher::new(digest);
        hasher.update(self.signed());
        let first = check(hasher.finish().as_bytes(), signature);
        match first {
            Err(error) if error.status == Status::Signature && self.has_escaped_slash() => {
                let mut hasher = Hasher::new(digest);
                let mut sink = |piece: &[u8]| hasher.update(piece);
                json::plain_slashes(self.signed(), self.encoding(), &mut sink);
                check(hasher.finish().as_bytes(), signature)
            }
            _ => first,
        }
    }

    /// [`Answer::verify_with`] Alipay's public key. `Signature` when it does not verify.
    pub fn verify(&self, digest: Digest, key: &PublicKey, scratch: &mut Scratch) -> Result<()> {
        self.verify_with(digest, &mut |hash, signature| {
            key.verify(digest, hash, signature, scratch)
        })
    }

    /// Decrypts an encrypted node into `room`, as long as [`Answer::signed`]; the answer returned
    /// has the fields. Call it after [`Answer::verify`] only: ciphertext protects nothing by
    /// itself. `charset` is the session's.
    ///
    /// What is returned cannot be verified again (`Unsigned`): whether it is proven is what the
    /// first one said. `BadState` when the node is not encrypted, `BufferTooSmall`, `Malformed`
    /// (see [`AesKey::decrypt`]), and as [`read`] for what was inside.
    #[cfg(feature = "aes")]
    pub fn decrypt<'b>(
        &self,
        key: &AesKey,
        charset: Charset,
        room: &'b mut [u8],
    ) -> Result<Answer<'b>> {
        let text = self.encrypted().ok_or(Error::new(Status::BadState, "answer.node"))?;
        let mut writer = Writer::new(room);
        text.text(&mut writer)?; // Some writers escape the `/` of base64.
        let len = writer.finish()?.len();
        let len = key.decrypt(room.get_mut(..len).unwrap_or_default())?;
        let plain: &'b [u8] = room.get(..len).unwrap_or_default();
        let fields = object(plain, charset, |_| Ok(()))?;
        let first = fields.members().next();
        Ok(Answer {
            raw: fields.raw(),
            start: 0,
            encoding: first.map_or(Encoding::Utf8, |member| member.value.encoding()),
            content: Content::Open(fields),
            sign: None,
            cert_sn: None,
            is_error: self.is_error,
        })
    }

    fn has_escaped_slash(&self) -> bool {
        self.signed().windows(2).any(|two| two == b"\\/")
    }

    /// A member of the node, if it is there and the node is not encrypted.
    pub fn field(&self, name: &str) -> Option<Value<'a>> {
        match self.content {
            Content::Open(fields) => fields.get(name),
            Content::Encrypted(_) => None,
        }
    }

    /// A member's text, or a number as it stands; empty when it is absent or null.
    ///
    /// GBK text becomes UTF-8. `TooLong` beyond `N` bytes, `Malformed` for other kinds, `Encoding`
    /// for GBK that is none, `Unsupported` for GBK text without the feature `gbk`.
    pub fn text<const N: usize>(&self, name: &'static str) -> Result<Text<N>> {
        member_text(self.field(name), name)
    }

    /// The result code: `10000` is success. As [`Answer::text`].
    pub fn code(&self) -> Result<Text<CODE_MAX>> {
        self.text("code")
    }

    /// The reason of a refusal: `isv.invalid-signature`. As [`Answer::text`].
    pub fn sub_code(&self) -> Result<Text<SUB_CODE_MAX>> {
        self.text("sub_code")
    }

    /// Words for the code, in English.
    pub fn msg(&self) -> Option<Value<'a>> {
        self.field("msg")
    }

    /// Words for the sub_code, mostly Chinese, perhaps in GBK. For `isv.invalid-signature` it
    /// quotes, HTML-escaped, the string the gateway built: the best diagnosis there is.
    pub fn sub_msg(&self) -> Option<Value<'a>> {
        self.field("sub_msg")
    }

    /// What this answer means for the call; `verified` says that [`Answer::verify`] succeeded.
    /// Codes that cannot be read are unknown, never a guess.
    pub fn outcome(&self, http_status: u16, verified: bool) -> Outcome {
        match (self.code(), self.sub_code()) {
            (Ok(code), Ok(sub_code)) => classify(http_status, verified, &code, &sub_code),
            _ => Outcome::Unknown,
        }
    }
}

/// See [`Answer::text`].
pub(super) fn member_text<const N: usize>(
    value: Option<Value<'_>>,
    name: &'static str,
) -> Result<Text<N>> {
    let mut room = [0; N];
    let mut writer = Writer::new(&mut room);
    let here = |error: Error| Error { what: name, ..error };
    match value {
        Some(value) if value.kind() != Kind::Null => value.text(&mut writer).map_err(here)?,
        _ => {}
    }
    let too_long = Error::new(Status::TooLong, name).at(N);
    let text = writer.finish_str().map_err(|_| too_long)?;
    Text::try_from(text).map_err(|_| too_long)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
#[path = "answer_tests.rs"]
mod tests;
