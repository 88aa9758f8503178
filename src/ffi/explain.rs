//! Section: explain. The string that was signed, for a person.

use core::ffi::c_char;

use super::fault::TextOut;
use super::life::pointcard_client;
use super::{cell, status};
use crate::points::sync::Shared;
use crate::status::Status;

/// Room for any explanation, NUL included.
pub const POINTCARD_EXPLAIN_MAX: usize = 16384;

/// What was signed: the exact canonical string of the latest request the gateway refused for its
/// signature, else of the latest request, else of the next due entry, with user ids and tokens
/// masked (first four characters and length). After an isv.invalid-signature answer a last line
/// names the first difference between it and the string the gateway quotes, and what such a
/// difference usually comes from: charset, a second encoding, order, a parameter lost or added, or,
/// when both are the same, the key. Nothing is sent, nothing is changed.
///
/// The string is built again from the entry, so that of an entry that is settled or a dead letter,
/// or of a balance query, cannot be had. Of the gateway's string 1024 bytes are kept until
/// pointcard_close.
///
/// Source: the sub_msg of isv.invalid-signature, as the comments of Alipay's Node SDK describe it.
///
/// @param client   an open client
/// @param out      receives the text, NUL-terminated UTF-8
/// @param cap      bytes there; POINTCARD_EXPLAIN_MAX is always enough
/// @param out_len  receives the length without the NUL; may be NULL
///
/// Returns ERR_NULL, ERR_NOT_FOUND (no request to explain), ERR_BUFFER_TOO_SMALL (out_len: the
/// capacity needed), ERR_BAD_STATE, ERR_BUSY (a sync, query or step is under way), ERR_STORAGE.
// Safety: `client` as everywhere; `out` has `cap` writable bytes, `out_len` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_explain(
    client: *mut pointcard_client,
    out: *mut c_char,
    cap: usize,
    out_len: *mut usize,
) -> Status {
    // Safety: as promised above.
    let done = unsafe { cell::open(client) }.and_then(|cell| {
        cell.exchange(|io| {
            let out = TextOut { out, cap, len: out_len };
            // Safety: as promised above.
            unsafe { out.fill(|out| cell.with(|client| client.explain(io, out))) }
        })
    });
    // Safety: as promised above.
    status(done.or_else(|error| unsafe { cell::with(client, |_| Err::<(), _>(error)) }))
}
