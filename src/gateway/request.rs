//! A typed request becomes bytes to POST.
//!
//! In: session, method, content, clock reading, a function that signs. Out: URL and body, both in
//! the one buffer the caller lent:
//!
//! ```text
//! serialise   | biz_content as JSON |                                            |
//! move        |                                          | biz_content as JSON   |
//! sign, URL   | gateway?app_id=...&sign=... |  | signature | biz_content as JSON |
//! encode      | gateway?app_id=...&sign=... |0| biz_content=%7B%22req_id...   |  |
//! ```
//!
//! What is signed and what travels are the same bytes: JSON is written once. A GBK session turns
//! it into GBK and one that encrypts into base64 of ciphertext before it is moved; from there on
//! that is `biz_content`. Percent-encoding goes forward in place; it cannot overtake its source,
//! because what is still to be read never takes more room than what it becomes. A NUL stands
//! behind the URL, for readers in C.

use super::session::{BIZ_CONTENT, METHOD_MAX};
use super::{Charset, Param, SIGNATURE_MAX, Session, canonical};
use crate::crypto::{Digest, Hasher};
use crate::port::Request;
use crate::status::{Error, Result, Status};
use crate::text::{self, Beijing, Writer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use core::cmp::Ordering;
use serde::Serialize;

/// Signs: given the digest, the hash, and room for [`SIGNATURE_MAX`] bytes, it writes the signature
/// to the start of the room and returns its length.
pub type SignFn<'f> = dyn FnMut(Digest, &[u8], &mut [u8]) -> Result<usize> + 'f;

/// A zero byte ends the URL: C programs want one, and nobody has to copy the URL for it.
const END: usize = 1;
/// What the body begins with.
const BODY: &[u8] = b"biz_content=";

/// A content of whatever type: only its writing exists once for every type, not the whole request.
pub(crate) trait Written {
    /// Writes it to the start of `buf` as JSON; `None` when there is no room.
    fn write(&self, buf: &mut [u8]) -> Option<usize>;
}

impl<T: Serialize> Written for T {
    fn write(&self, buf: &mut [u8]) -> Option<usize> {
        serde_json_core::to_slice(self, buf).ok()
    }
}

/// Makes the signed request of `method` with `content` at `unix_time` (seconds UTC).
///
/// All system parameters stand in the URL, `biz_content` alone in the body.
///
/// `BufferTooSmall` with the capacity that is surely enough ([`request_size`]; where even the JSON
/// or its ciphertext did not fit, twice the present one, to be tried again); `Range` for a time
/// beyond 9999; `Argument` for a bad method name; in a GBK session `Encoding` for a character
/// outside GBK (of `biz_content` with its offset in the JSON); and whatever `sign` returns.
pub fn build<'b>(
    session: &Session<'_>,
    method: &str,
    content: &(impl Serialize + ?Sized),
    unix_time: u64,
    sign: &mut SignFn<'_>,
    buf: &'b mut [u8],
) -> Result<Request<'b>> {
    build_written(session, method, &content, unix_time, sign, buf)
}

/// [`build`], made once.
pub(crate) fn build_written<'b>(
    session: &Session<'_>,
    method: &str,
    content: &dyn Written,
    unix_time: u64,
    sign: &mut SignFn<'_>,
    buf: &'b mut [u8],
) -> Result<Request<'b>> {
    let timestamp = Beijing::from_unix(unix_time)?;
    check_method(method)?;
    let len = prepare(session, content, buf)?;
    let needed = size(session, method, buf.get(..len).unwrap_or_default());
    let too_small = Error::new(Status::BufferTooSmall, "request").at(needed);
    if buf.len() < needed {
        return Err(too_small);
    }
    let tail = move_to_end(buf, len);
    let (front, json) = buf.split_at_mut_checked(tail).ok_or(too_small)?;
    let url = front.len().checked_sub(SIGNATURE_MAX).ok_or(too_small)?;
    let (front, signature) = front.split_at_mut_checked(url).ok_or(too_small)?;
    let params = session.params(method, timestamp.as_str(), json);
    let signature = signed(session, &params, sign, signature)?;
    let url = write_url(session, &params, signature, front)?;
    let body = encode_in_place(buf, url, tail).ok_or(too_small)?;
    finish(session, buf, url, body).ok_or(too_small)
}

/// The canonical string of the request that [`build`] makes of the same arguments, at the start of
/// `buf`: for whoever signs elsewhere.
///
/// A `buf` that is enough here is enough for [`build`]. Errors as there.
pub fn to_sign<'b>(
    session: &Session<'_>,
    method: &str,
    content: &(impl Serialize + ?Sized),
    unix_time: u64,
    buf: &'b mut [u8],
) -> Result<&'b [u8]> {
    to_sign_written(session, method, &content, unix_time, buf)
}

/// [`to_sign`], made once.
pub(crate) fn to_sign_written<'b>(
    session: &Session<'_>,
    method: &str,
    content: &dyn Written,
    unix_time: u64,
    buf: &'b mut [u8],
) -> Result<&'b [u8]> {
    let timestamp = Beijing::from_unix(unix_time)?;
    check_method(method)?;
    let len = prepare(session, content, buf)?;
    let needed = size(session, method, buf.get(..len).unwrap_or_default());
    let too_small = Error::new(Status::BufferTooSmall, "request").at(needed);
    if buf.len() < needed {
        return Err(too_small);
    }
    let params = session.params(method, timestamp.as_str(), b"");
    let only = |wanted: Ordering| {
        params.map(|param| match param.name.cmp(BIZ_CONTENT) == wanted {
            true => param,
            false => Param { value: b"", ..param },
        })
    };
    let end = write_around(&only(Ordering::Less), &only(Ordering::Greater), len, buf)?;
    buf.get(..end.ok_or(too_small)?).ok_or(too_small)
}

/// Writes what goes before and behind the `len` bytes of `biz_content` that begin `buf`; returns
/// where the whole ends. The content is moved to its place first: there is no room for a copy.
fn write_around(
    before: &[Param<'_>],
    after: &[Param<'_>],
    len: usize,
    buf: &mut [u8],
) -> Result<Option<usize>> {
    let mut from = 2 + BIZ_CONTENT.len(); // an ampersand and an equals sign
    canonical(before, &mut |piece| from += piece.len())?;
    let Some(place) = buf.get_mut(..from + len) else { return Ok(None) };
    move_to_end(place, len);
    let Some((front, rest)) = buf.split_at_mut_checked(from) else { return Ok(None) };
    let mut front = Writer::new(front);
    canonical(before, &mut |piece| front.bytes(piece))?;
    front.byte(b'&');
    front.str(BIZ_CONTENT);
    front.byte(b'=');
    front.finish()?;
    let Some(back) = rest.get_mut(len..) else { return Ok(None) };
    let mut back = Writer::new(back);
    back.byte(b'&');
    canonical(after, &mut |piece| back.bytes(piece))?;
    Ok(Some(from + len + back.finish()?.len()))
}

/// Bytes [`build`] needs at most for this request, whatever the time and the signature: a request
/// that fits today still fits when it is sent again tomorrow.
///
/// `scratch` holds `biz_content` for a moment; `BufferTooSmall` when it does not fit. Other errors
/// as [`build`].
pub fn request_size(
    session: &Session<'_>,
    method: &str,
    content: &(impl Serialize + ?Sized),
    scratch: &mut [u8],
) -> Result<usize> {
    check_method(method)?;
    let len = prepare(session, &content, scratch)?;
    Ok(size(session, method, scratch.get(..len).unwrap_or_default()))
}

/// Letters, digits, points and underscores: it names the answer's node as well.
fn check_method(method: &str) -> Result<()> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'_';
    if method.is_empty() || method.len() > METHOD_MAX || !method.bytes().all(known) {
        return Err(Error::new(Status::Argument, "method"));
    }
    Ok(())
}

/// Writes `biz_content` to the start of `buf` as it is signed and sent; returns its length.
pub(super) fn prepare(
    session: &Session<'_>,
    content: &dyn Written,
    buf: &mut [u8],
) -> Result<usize> {
    session.check_charset()?;
    let twice = buf.len().saturating_mul(2).max(256);
    let too_small = Error::new(Status::BufferTooSmall, BIZ_CONTENT).at(twice);
    let len = content.write(buf).ok_or(too_small)?;
    let len = convert(session.charset, buf.get_mut(..len).unwrap_or_default())?;
    #[cfg(feature = "aes")]
    if let Some(key) = session.content_key {
        return key.encrypt(buf, len).map_err(|_| too_small);
    }
    Ok(len)
}

/// Turns JSON into the session's charset where it stands; returns its length.
fn convert(charset: Charset, json: &mut [u8]) -> Result<usize> {
    match charset {
        Charset::Utf8 => Ok(json.len()),
        #[cfg(feature = "gbk")]
        Charset::Gbk => {
            text::gbk::encode_in_place(json).map_err(|error| Error { what: BIZ_CONTENT, ..error })
        }
    }
}

/// See [`request_size`]. `json` is `biz_content` as it is sent.
fn size(session: &Session<'_>, method: &str, json: &[u8]) -> usize {
    const TIMESTAMP: &str = "9999-12-31 23:59:59";
    // Base64 gives four characters for three bytes, and each may need three in a URL.
    const SIGN: usize = "&sign=".len() + SIGNATURE_MAX.div_ceil(3) * 4 * 3;
    let params = session.params(method, TIMESTAMP, json);
    let query: usize =
        in_query(&params).map(|param| 2 + param.name.len() + text::percent_len(param.value)).sum();
    let url = session.gateway.len() + query + SIGN + END;
    url + (SIGNATURE_MAX + json.len()).max(BODY.len() + text::percent_len(json))
}

/// The parameters that travel in the URL.
fn in_query<'p, 'a>(params: &'p [Param<'a>]) -> impl Iterator<Item = &'p Param<'a>> {
    params.iter().filter(|param| !param.value.is_empty() && param.name != BIZ_CONTENT)
}

/// Moves the first `len` bytes to the end of `buf` and returns where they begin.
fn move_to_end(buf: &mut [u8], len: usize) -> usize {
    let tail = buf.len().saturating_sub(len);
    for at in (0..len).rev() {
        let byte = buf.get(at).copied().unwrap_or_default();
        if let Some(to) = buf.get_mut(tail + at) {
            *to = byte;
        }
    }
    tail
}

/// Hashes the canonical string and has it signed into `room`.
fn signed<'r>(
    session: &Session<'_>,
    params: &[Param<'_>],
    sign: &mut SignFn<'_>,
    room: &'r mut [u8],
) -> Result<&'r [u8]> {
    let digest = session.sign_type.digest();
    let mut hasher = Hasher::new(digest);
    canonical(params, &mut |piece| hasher.update(piece))?;
    let len = sign(digest, hasher.finish().as_bytes(), room)?;
    room.get(..len).filter(|_| len > 0).ok_or(Error::new(Status::Signer, "sign").at(len))
}

/// Writes the URL to `room` and returns its length.
fn write_url(
    session: &Session<'_>,
    params: &[Param<'_>],
    signature: &[u8],
    room: &mut [u8],
) -> Result<usize> {
    let mut url = Writer::new(room);
    url.str(session.gateway);
    let mut joint = if session.gateway.as_bytes().contains(&b'?') { b'&' } else { b'?' };
    for param in in_query(params) {
        url.byte(joint);
        url.str(param.name);
        url.byte(b'=');
        url.percent(param.value);
        joint = b'&';
    }
    url.str("&sign=");
    base64_percent(signature, &mut url)?;
    url.finish().map(<[u8]>::len)
}

/// Base64 with padding, percent-encoded, without a copy of the whole.
fn base64_percent(bytes: &[u8], out: &mut Writer<'_>) -> Result<()> {
    let mut text = [0; 64];
    for piece in bytes.chunks(48) {
        let len = STANDARD.encode_slice(piece, &mut text);
        let len = len.map_err(|_| Error::new(Status::Internal, "sign"))?;
        out.percent(text.get(..len).unwrap_or_default());
    }
    Ok(())
}

/// Writes a NUL and the body behind the URL, from the JSON that stands from `from` to the end of
/// `buf`. Returns where it ends.
fn encode_in_place(buf: &mut [u8], url: usize, from: usize) -> Option<usize> {
    *buf.get_mut(url)? = 0;
    let mut to = url + END;
    for &byte in BODY {
        *buf.get_mut(to)? = byte;
        to += 1;
    }
    for at in from..buf.len() {
        let byte = *buf.get(at)?;
        if text::is_plain(byte) {
            *buf.get_mut(to)? = byte;
            to += 1;
        } else {
            buf.get_mut(to..to + 3)?.copy_from_slice(&text::escaped(byte));
            to += 3;
        }
    }
    Some(to)
}

fn finish<'b>(
    session: &Session<'_>,
    buf: &'b [u8],
    url: usize,
    body: usize,
) -> Option<Request<'b>> {
    found(buf.get(..body)?, url, session.charset.content_type())
}

/// The request that [`build`] wrote to the start of a buffer: `buf` ends where it ends, and its
/// URL has `url` bytes.
pub(crate) fn found<'b>(
    buf: &'b [u8],
    url: usize,
    content_type: &'static str,
) -> Option<Request<'b>> {
    Some(Request {
        url: core::str::from_utf8(buf.get(..url)?).ok()?,
        content_type,
        body: buf.get(url + END..)?,
    })
}

/// Bytes of its buffer that a request takes.
pub(crate) fn extent(request: &Request<'_>) -> usize {
    request.url.len() + END + request.body.len()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
#[path = "request_tests.rs"]
mod tests;
