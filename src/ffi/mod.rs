//! The C functions, one file per section of `include/pointcard.h`, in its order.
//!
//! In: C pointers, which may be null, stale or pointing at old structures. Out: a status, always.
//! Nothing is decided here: each export checks its pointers and calls the safe API. Nearly all
//! `unsafe` of the crate lives in this folder; each block says what it relies on.
//!
//! Rust notes stand in `//` comments, because `///` text becomes the C header.

#![allow(non_camel_case_types, clippy::missing_safety_doc)]

pub mod accrue;
pub mod activities;
pub mod activity;
pub mod answer;
pub mod batch;
pub mod call;
mod cell;
pub mod check;
pub mod claim;
pub mod earn;
pub mod events;
pub mod explain;
pub mod fault;
pub mod keys;
pub mod letters;
pub mod life;
pub mod limits;
mod lock;
pub mod media;
pub mod methods;
pub mod notification;
#[cfg(all(feature = "panic-handler", not(feature = "std")))]
mod panic;
pub mod ports;
pub mod qr;
pub mod queue;
pub mod redeem;
pub mod signing;
pub mod status;
pub mod steps;
pub mod structs;
pub mod sync;
mod texts;
pub mod tokens;
pub mod trade;
pub mod version;

use core::ffi::{CStr, c_char};

use crate::status::{Error, Result, Status};

/// A status for C.
fn status<T>(result: Result<T>) -> Status {
    match result {
        Ok(_) => Status::Ok,
        Err(error) => error.status,
    }
}

/// Configuration text: NUL-terminated, borrowed as long as the caller promises. Null = empty.
// Safety: `text` is null or points to a NUL-terminated string that outlives `'a`.
unsafe fn config_text<'a>(text: *const c_char, what: &'static str) -> Result<&'a str> {
    if text.is_null() {
        return Ok("");
    }
    // Safety: not null; the caller vouches for the terminator and the life.
    utf8(unsafe { CStr::from_ptr(text) }.to_bytes(), what)
}

/// Text of a call: NUL-terminated, at most `max` bytes looked at. Null = empty.
// Safety: `text` is null or points to a string that is readable up to its NUL or `max` + 1 bytes.
unsafe fn call_text<'a>(text: *const c_char, what: &'static str, max: usize) -> Result<&'a str> {
    // Safety: as promised above.
    utf8(unsafe { call_bytes(text, what, max)? }, what)
}

/// [`call_text`] in whatever charset.
// Safety: as `call_text`.
unsafe fn call_bytes<'a>(text: *const c_char, what: &'static str, max: usize) -> Result<&'a [u8]> {
    if text.is_null() {
        return Ok(b"");
    }
    let mut len = 0;
    // Safety: readable up to the NUL, or to `max` + 1 bytes, whichever comes first.
    while unsafe { *text.add(len) } != 0 {
        len += 1;
        if len > max {
            return Err(Error::new(Status::TooLong, what).at(max));
        }
    }
    // Safety: `len` bytes were just read.
    Ok(unsafe { core::slice::from_raw_parts(text.cast(), len) })
}

fn utf8<'a>(bytes: &'a [u8], what: &'static str) -> Result<&'a str> {
    core::str::from_utf8(bytes).map_err(|e| Error::new(Status::Encoding, what).at(e.valid_up_to()))
}
