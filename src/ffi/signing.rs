//! Section: signing elsewhere. The key stays on a server; a till holds none.

use core::ffi::c_char;

use super::call::{Wishes, given, pointcard_options};
use super::life::{POINTCARD_RSA, POINTCARD_RSA2, pointcard_client};
use super::ports::pointcard_request;
use super::steps::{hand_out, writable};
use super::{call_text, cell, status};
use crate::client::signing::ToSign;
use crate::gateway::{SIGNATURE_MAX, SignType};
use crate::status::{Error, Result, Status};

/// Longest signature as base64: that of a 4096-bit key, with room for line ends.
const SIGNATURE_TEXT_MAX: usize = SIGNATURE_MAX * 2;

/// A string that somebody else signs.
///
/// Source: Alipay's page on signing.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_to_sign {
    /// Names the exchange: its signature is given back under it.
    pub exchange: u32,
    /// POINTCARD_RSA2 or POINTCARD_RSA: PKCS#1 v1.5 with SHA-256 or SHA-1.
    pub sign_type: i32,
    /// The canonical string, not NUL-terminated. It holds a shopper's id and perhaps a token: send
    /// it to the key over a line that is trusted.
    pub bytes: *const u8,
    /// Bytes of it.
    pub len: usize,
}

/// The next due entry as the string to sign, for a client with POINTCARD_F_SIGN_ELSEWHERE. Nothing
/// is recorded yet, and nothing is sent.
///
/// The exchange goes on with pointcard_next_signed. Or it is given up with
/// pointcard_on_transport_error: the entry then waits as one whose line is down. Be quick: the
/// request's time is that of this call.
///
/// @param client   an open client
/// @param buf      room for the string
/// @param cap      bytes there; POINTCARD_REQUEST_MAX is always enough
/// @param to_sign  receives what to sign; points into `buf`
/// @param wait_ms  receives, with POINTCARD_IDLE, how long nothing will be due (0 = nothing
///                 waits); may be NULL
///
/// Returns as pointcard_next_request; ERR_UNSUPPORTED for a client that signs itself. Takes the
/// client's lock for a moment. Source: Alipay's page on signing, which says what is signed.
// Safety: `client` as everywhere; `buf` has `cap` writable bytes; the others are null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_next_to_sign(
    client: *mut pointcard_client,
    buf: *mut u8,
    cap: usize,
    to_sign: *mut pointcard_to_sign,
    wait_ms: *mut u32,
) -> Status {
    // Safety: as promised above.
    let step = unsafe {
        cell::step(client, |client| {
            let buf = lent(buf, cap, to_sign)?;
            let step = client.next_to_sign(buf)?;
            if step.is_none() && !wait_ms.is_null() {
                *wait_ms = client.wait_ms();
            }
            Ok(step)
        })
    };
    match step {
        Ok(None) => Status::Idle,
        Ok(Some(step)) => {
            // Safety: checked in `lent`.
            unsafe { to_sign.write(c_to_sign(&step)) };
            Status::Ok
        }
        Err(error) => error.status,
    }
}

/// The request whose string was signed. "Sent" is durable before this returns; then POST it, and
/// end the exchange with pointcard_on_response or pointcard_on_transport_error.
///
/// @param client     an open client
/// @param exchange   pointcard_to_sign.exchange
/// @param signature  base64 with padding, as Alipay's parameter `sign`
/// @param buf        room for the request, yours again when the exchange ends; may be the buffer
///                   the string was in
/// @param cap        bytes there
/// @param request    receives what to POST; points into `buf`
///
/// Returns ERR_SIGNER (the signature is not one of this string by the key of
/// config.app_public_key), ERR_MALFORMED (no base64), ERR_CONFLICT (the entry or the configuration
/// is no longer what was handed out), ERR_ARGUMENT (another exchange), ERR_NULL,
/// ERR_BUFFER_TOO_SMALL, ERR_STORAGE, ERR_BAD_STATE, ERR_BUSY, ERR_UNSUPPORTED: nothing may be
/// sent, and the same exchange may be tried again. Takes the client's lock for a moment.
///
/// Source: Alipay's page on signing.
// Safety: `client` as everywhere; `signature` is text; `buf` has `cap` writable bytes; `request` is
// null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_next_signed(
    client: *mut pointcard_client,
    exchange: u32,
    signature: *const c_char,
    buf: *mut u8,
    cap: usize,
    request: *mut pointcard_request,
) -> Status {
    // Safety: as promised above.
    let step = unsafe {
        cell::step(client, |client| {
            let buf = lent(buf, cap, request)?;
            let signature = call_text(signature, "signature", SIGNATURE_TEXT_MAX)?;
            client.next_signed(exchange, signature, buf)
        })
    };
    // Safety: checked in `lent`.
    unsafe { hand_out(step, request) }
}

/// The string to sign of a call of any method. Goes on with pointcard_call_signed.
///
/// @param client       an open client with POINTCARD_F_SIGN_ELSEWHERE
/// @param method       as pointcard_call
/// @param biz_content  as pointcard_call
/// @param options      as pointcard_call_request; may be NULL
/// @param buf          room for the string
/// @param cap          bytes there
/// @param to_sign      receives what to sign; points into `buf`
///
/// Returns as pointcard_call_request; ERR_UNSUPPORTED for a client that signs itself. Takes the
/// client's lock for a moment.
///
/// Source: Alipay's page on signing.
// Safety: `client` as everywhere; texts as the header says; `buf` has `cap` writable bytes;
// `to_sign` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_call_to_sign(
    client: *mut pointcard_client,
    method: *const c_char,
    biz_content: *const c_char,
    options: *const pointcard_options,
    buf: *mut u8,
    cap: usize,
    to_sign: *mut pointcard_to_sign,
) -> Status {
    // Safety: as promised above.
    let step = unsafe {
        cell::step(client, |client| {
            let buf = lent(buf, cap, to_sign)?;
            let (method, json) = given(method, biz_content)?;
            client.call_to_sign(&Wishes::read(options)?.call(method), &json, buf)
        })
    };
    if let Ok(step) = &step {
        // Safety: checked in `lent`.
        unsafe { to_sign.write(c_to_sign(step)) };
    }
    status(step)
}

/// The request of the call whose string was signed; the answer goes to pointcard_call_answer.
///
/// @param client       an open client
/// @param exchange     pointcard_to_sign.exchange
/// @param method       the same again
/// @param biz_content  the same again
/// @param options      the same again
/// @param signature    base64 with padding
/// @param buf          room for the request; may be the buffer the string was in
/// @param cap          bytes there
/// @param request      receives what to POST; points into `buf`
///
/// Returns as pointcard_next_signed; ERR_CONFLICT when method, content or options are not those
/// the string was made of. Takes the client's lock for a moment.
///
/// Source: Alipay's page on signing.
// Safety: `client` as everywhere; texts as the header says; `buf` has `cap` writable bytes;
// `request` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_call_signed(
    client: *mut pointcard_client,
    exchange: u32,
    method: *const c_char,
    biz_content: *const c_char,
    options: *const pointcard_options,
    signature: *const c_char,
    buf: *mut u8,
    cap: usize,
    request: *mut pointcard_request,
) -> Status {
    // Safety: as promised above.
    let step = unsafe {
        cell::step(client, |client| {
            let buf = lent(buf, cap, request)?;
            let (method, json) = given(method, biz_content)?;
            let wishes = Wishes::read(options)?;
            let signature = call_text(signature, "signature", SIGNATURE_TEXT_MAX)?;
            client.call_signed(exchange, &wishes.call(method), &json, signature, buf)
        })
    };
    // Safety: checked in `lent`.
    unsafe { hand_out(step, request) }
}

/// The caller's buffer, if there is a place for the result as well.
// Safety: `buf` is null or has `cap` writable bytes that nobody else uses through `'b`.
unsafe fn lent<'b, T: Out>(buf: *mut u8, cap: usize, out: *mut T) -> Result<&'b mut [u8]> {
    // Safety: promised.
    let room = unsafe { writable(buf, cap, "buf") }?;
    if out.is_null() {
        return Err(Error::new(Status::Null, T::NAME));
    }
    Ok(room)
}

/// A result, and what it is called when it is missing.
trait Out {
    const NAME: &'static str;
}

impl Out for pointcard_request {
    const NAME: &'static str = "request";
}

impl Out for pointcard_to_sign {
    const NAME: &'static str = "to_sign";
}

fn c_to_sign(step: &ToSign<'_>) -> pointcard_to_sign {
    pointcard_to_sign {
        exchange: step.exchange,
        sign_type: match step.sign_type {
            SignType::Rsa2 => POINTCARD_RSA2,
            SignType::Rsa => POINTCARD_RSA,
        },
        bytes: step.canonical.as_ptr(),
        len: step.canonical.len(),
    }
}
