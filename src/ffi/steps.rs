//! Section: steps, for integrators whose modem or event loop does the talking.

use core::ffi::c_char;

use super::life::pointcard_client;
use super::ports::{c_request, http_answer, pointcard_request, pointcard_response};
use super::structs::{self, Versioned};
use super::sync::{c_outcome, pointcard_outcome};
use super::{call_text, cell, status};
use crate::client::{REQUEST_MAX, Step};
use crate::gateway::points;
use crate::outcome::Outcome;
use crate::port::TransportError;
use crate::status::{Error, Result, Status};

/// Room pointcard_next_request and pointcard_query_request need for a request, in bytes.
pub const POINTCARD_REQUEST_MAX: usize = 10240;
/// Room an answer needs; a longer one is no answer.
pub const POINTCARD_ANSWER_MAX: usize = 4096;

const _: () = assert!(POINTCARD_REQUEST_MAX == REQUEST_MAX);
const _: () = assert!(POINTCARD_ANSWER_MAX == crate::client::ANSWER_MAX);

/// The next due entry as a signed request. "Sent" is durable before this returns.
///
/// One exchange at a time: end it with pointcard_on_response or pointcard_on_transport_error.
///
/// Source: Alipay's page on calling the gateway: system parameters in the URL (charset has to be
/// there), biz_content in the body, form-encoded.
///
/// @param client   an open client
/// @param buf      room for the request, yours again when the exchange ends
/// @param cap      bytes there; POINTCARD_REQUEST_MAX is always enough
/// @param request  receives what to POST; points into `buf`
/// @param wait_ms  receives, with POINTCARD_IDLE, how long nothing will be due (0 = nothing
///                 waits); may be NULL
///
/// Returns POINTCARD_IDLE (nothing is due); ERR_NULL, ERR_BUFFER_TOO_SMALL (nothing was sent; the
/// detail's `at` is room enough), ERR_BAD_STATE, ERR_BUSY, ERR_STORAGE, ERR_SIGNER,
/// ERR_ENTROPY.
// Safety: `client` as everywhere; `buf` has `cap` writable bytes; the others are null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_next_request(
    client: *mut pointcard_client,
    buf: *mut u8,
    cap: usize,
    request: *mut pointcard_request,
    wait_ms: *mut u32,
) -> Status {
    // Safety: as promised above.
    let step = unsafe {
        cell::step(client, |client| {
            let buf = lent(buf, cap, request)?;
            let step = client.next_request(buf)?;
            if !wait_ms.is_null() {
                *wait_ms = client.wait_ms();
            }
            Ok(step)
        })
    };
    match step {
        Ok(None) => Status::Idle,
        // Safety: checked in `lent`.
        other => unsafe { hand_out(other.and_then(|step| step.ok_or(NO_STEP)), request) },
    }
}

/// An answer that is none.
const TOO_LONG: TransportError = TransportError { not_sent: false, code: 0 };
const NO_STEP: Error = Error::new(Status::Idle, "queue");

/// A signed request for a shopper's balance; the answer goes to pointcard_on_response.
///
/// @param client            an open client
/// @param user_id           the shopper, ASCII, at most 32 bytes
/// @param activity_account  the point account; NULL = the configured one
/// @param buf               room for the request, yours again when the exchange ends
/// @param cap               bytes there
/// @param request           receives what to POST; points into `buf`
///
/// Returns ERR_NULL, ERR_MISSING, ERR_TOO_LONG, ERR_ENCODING, ERR_BUFFER_TOO_SMALL, ERR_BAD_STATE,
/// ERR_BUSY, ERR_SIGNER, ERR_ENTROPY.
///
/// Source: koubei.marketing.tool.points.query, in the models of Alipay's SDKs.
// Safety: `client` as everywhere; texts as the header says; `buf` has `cap` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_query_request(
    client: *mut pointcard_client,
    user_id: *const c_char,
    activity_account: *const c_char,
    buf: *mut u8,
    cap: usize,
    request: *mut pointcard_request,
) -> Status {
    // Safety: as promised above.
    let step = unsafe {
        cell::step(client, |client| {
            let buf = lent(buf, cap, request)?;
            let user = call_text(user_id, "user_id", points::USER_ID_MAX)?;
            let account =
                call_text(activity_account, "activity_account", points::ACTIVITY_ACCOUNT_MAX)?;
            client.query_request(user, account, buf)
        })
    };
    // Safety: checked in `lent`.
    unsafe { hand_out(step, request) }
}

// Safety: `buf` has `cap` writable bytes that nobody else uses until the exchange ends.
unsafe fn lent<'b>(
    buf: *mut u8,
    cap: usize,
    request: *mut pointcard_request,
) -> Result<&'b mut [u8]> {
    // Safety: promised. A request is never longer than this.
    let room = unsafe { writable(buf, cap.min(REQUEST_MAX), "buf") }?;
    if request.is_null() {
        return Err(Error::new(Status::Null, "request"));
    }
    Ok(room)
}

/// Memory the caller lends.
// Safety: `buf` is null or has `cap` writable bytes that nobody else uses through `'b`.
pub(super) unsafe fn writable<'b>(
    buf: *mut u8,
    cap: usize,
    what: &'static str,
) -> Result<&'b mut [u8]> {
    if buf.is_null() {
        return Err(Error::new(Status::Null, what));
    }
    // Safety: not null, the length is the caller's word.
    Ok(unsafe { core::slice::from_raw_parts_mut(buf, cap) })
}

// Safety: `request` is writable.
pub(super) unsafe fn hand_out(step: Result<Step<'_>>, request: *mut pointcard_request) -> Status {
    if let Ok(step) = &step {
        // Safety: promised.
        unsafe { request.write(c_request(&step.request, step.exchange)) };
    }
    status(step)
}

/// Ends an exchange with the answer that came.
///
/// @param client    an open client
/// @param exchange  pointcard_request.exchange
/// @param response  body, body_len, http_status, and the headers if you have them
/// @param outcome   receives what it came to; may be NULL
///
/// Returns POINTCARD_OK when the outcome is recorded, whatever it is; ERR_NULL, ERR_STRUCT_SIZE,
/// ERR_ARGUMENT (not the exchange under way), ERR_BAD_STATE, ERR_BUSY, ERR_STORAGE (the outcome
/// is not recorded; the entry will be repeated).
///
/// Source: Alipay's page on synchronous answers (the node's bytes are what is signed).
// Safety: `client` as everywhere; `response` and its body are readable; `outcome` as described.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_on_response(
    client: *mut pointcard_client,
    exchange: u32,
    response: *const pointcard_response,
    outcome: *mut pointcard_outcome,
) -> Status {
    // Safety: as promised above.
    let ended = unsafe {
        cell::step(client, |client| {
            check_outcome(outcome)?;
            if response.is_null() || ((*response).body.is_null() && (*response).body_len != 0) {
                return Err(Error::new(Status::Null, "response"));
            }
            let response = &*response;
            let body: &[u8] = match response.body_len {
                0 => &[],
                1..=POINTCARD_ANSWER_MAX => {
                    core::slice::from_raw_parts(response.body, response.body_len)
                }
                _ => return client.on_transport_error(exchange, TOO_LONG),
            };
            client.on_response(exchange, &http_answer(response), body)
        })
    };
    // Safety: checked above.
    unsafe { end(ended, outcome) }
}

/// Ends an exchange without an answer.
///
/// @param client    an open client
/// @param exchange  pointcard_request.exchange
/// @param not_sent  1 only when certainly no byte of the request left the machine; else 0
/// @param code      the transport's own code, for the detail
/// @param outcome   receives what it came to; may be NULL
///
/// Returns as pointcard_on_response.
// Safety: `client` as everywhere; `outcome` as described.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_on_transport_error(
    client: *mut pointcard_client,
    exchange: u32,
    not_sent: i32,
    code: i32,
    outcome: *mut pointcard_outcome,
) -> Status {
    let error = TransportError { not_sent: not_sent != 0, code };
    // Safety: as promised above.
    let ended = unsafe {
        cell::step(client, |client| {
            check_outcome(outcome)?;
            client.on_transport_error(exchange, error)
        })
    };
    // Safety: checked above.
    unsafe { end(ended, outcome) }
}

// Safety: `outcome` is null or as the header describes it.
unsafe fn check_outcome(outcome: *mut pointcard_outcome) -> Result<()> {
    // Safety: promised.
    if outcome.is_null() { Ok(()) } else { unsafe { structs::check_out(outcome) } }
}

// Safety: `outcome` is null or checked.
unsafe fn end(ended: Result<Outcome>, outcome: *mut pointcard_outcome) -> Status {
    if let Ok(ended) = &ended
        && !outcome.is_null()
    {
        // Safety: promised.
        unsafe { structs::write(outcome, &c_outcome(ended)) };
    }
    status(ended)
}

const _: () = assert!(pointcard_outcome::V1_SIZE <= size_of::<pointcard_outcome>());
