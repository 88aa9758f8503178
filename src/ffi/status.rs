//! Section: status. (The statuses themselves are `src/status.rs`.)

use core::ffi::c_char;

use super::cell;
use super::life::pointcard_client;
use super::structs::{self, Versioned, chars};
use crate::status::Status;

/// What is known about the latest failure of a client. Holds no key, token or user id.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_detail {
    /// Set by POINTCARD_DETAIL_INIT.
    pub struct_size: u32,
    /// The status (a pointcard_status).
    pub status: i32,
    /// What it is about: "sale.points", "config.private_key", "answer".
    pub what: [c_char; 48],
    /// Byte offset in it, or the length or limit the status speaks of; 0 = none.
    pub at: u32,
    /// The port's own error code (errno for the built-in file port); 0 = none.
    pub port: i32,
    /// HTTP status of the answer; 0 = no answer.
    pub http_status: u16,
    /// 1 when the answer's signature was verified; else code and sub_code are hearsay.
    pub authenticated: u8,
    /// Zero.
    pub reserved: u8,
    /// The gateway's code, such as "40004"; may be empty. Source: Alipay's table of common errors.
    pub code: [c_char; 17],
    /// The gateway's sub_code, such as "isv.invalid-signature"; may be empty. Source: the same table.
    pub sub_code: [c_char; 129],
    /// All of the above as one English line.
    pub text: [c_char; 160],
    /// The gateway's words for it (sub_msg, else msg), mostly Chinese, always UTF-8; may be cut.
    /// What quotes a request ends at its first "="; long numbers show four digits.
    pub words: [c_char; 161],
}

// Safety: repr(C), u32 first, integers only.
unsafe impl Versioned for pointcard_detail {
    const NAME: &'static str = "detail";
    const V1_SIZE: usize = core::mem::offset_of!(pointcard_detail, text) + 160;
}

/// One English sentence for a status, such as "the queue is full". Never NULL, also for numbers
/// that are no status; lives as long as the program.
#[unsafe(no_mangle)]
pub extern "C" fn pointcard_status_text(status: i32) -> *const c_char {
    let known = Status::all().iter().find(|known| **known as i32 == status);
    known.map_or(c"unknown status", |known| known.c_text()).as_ptr()
}

/// Fetches what is known about the latest failure, also after a failed pointcard_init.
///
/// @param client  a client that pointcard_init was called for
/// @param detail  receives it; begin with POINTCARD_DETAIL_INIT
///
/// Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_BAD_STATE (never initialised), ERR_BUSY.
// Safety: `client` is null or was passed to pointcard_init; `detail` is null or has struct_size
// writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_last_detail(
    client: *mut pointcard_client,
    detail: *mut pointcard_detail,
) -> Status {
    // Safety: as promised above.
    if let Err(error) = unsafe { structs::check_out(detail) } {
        return error.status;
    }
    // Safety: as promised above.
    let found = unsafe { cell::look(client, |client| Ok(c_detail(client.detail()))) };
    match found {
        Ok(found) => {
            // Safety: checked above.
            unsafe { structs::write(detail, &found) };
            Status::Ok
        }
        Err(error) => error.status,
    }
}

fn c_detail(detail: &crate::outcome::Detail) -> pointcard_detail {
    pointcard_detail {
        struct_size: 0,
        status: detail.error.status as i32,
        what: chars(detail.error.what),
        at: detail.error.at,
        port: detail.error.port,
        http_status: detail.http_status,
        authenticated: detail.authenticated.into(),
        reserved: 0,
        code: chars(&detail.code),
        sub_code: chars(&detail.sub_code),
        text: chars(&detail.line()),
        words: chars(&detail.words),
    }
}
