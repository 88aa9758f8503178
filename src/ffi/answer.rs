//! Section: calls. What stands in an answer's node.

use core::ffi::c_char;

use super::call::pointcard_answer;
use super::life::POINTCARD_GBK;
use super::steps::writable;
use super::structs;
use super::{call_text, status};
use crate::gateway;
use crate::json::{Encoding, Kind, Object, Value};
use crate::status::{Error, Result, Status};
use crate::text::Writer;

/// Longest path of pointcard_answer_text, in bytes.
const PATH_MAX: usize = 256;

/// Reads one member of an answer's node as text. Needs no client and no lock.
///
/// @param answer  an answer with a node; the bytes it points at still stand
/// @param path    names, and numbers of list elements (from 0), joined by points:
///                "camp_detail.promo_tools.0.voucher.name"; at most 256 bytes
/// @param buf     receives UTF-8, NUL-terminated; on failure, if there is room, an empty text
/// @param cap     bytes there
/// @param len     receives the text's bytes without the NUL, or, with ERR_BUFFER_TOO_SMALL, the
///                room needed; may be NULL
///
/// A number or truth value is given as it stands. Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_BAD_STATE
/// (no node), ERR_TOO_LONG, ERR_ENCODING (of the path, or GBK that is none), ERR_NOT_FOUND (nothing
/// there, or null), ERR_ARGUMENT (an object or a list), ERR_UNSUPPORTED (GBK text in a library
/// without its table), ERR_BUFFER_TOO_SMALL, ERR_MALFORMED (the bytes are no longer the node).
// Safety: `answer` is null or as the header describes it, and its node is readable; `path` is text;
// `buf` has `cap` writable bytes; `len` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_answer_text(
    answer: *const pointcard_answer,
    path: *const c_char,
    buf: *mut c_char,
    cap: usize,
    len: *mut usize,
) -> Status {
    // Safety: as promised above.
    let found = unsafe {
        member(answer, path).and_then(|value| {
            let room = if cap == 0 { &mut [] } else { writable(buf.cast(), cap, "buf")? };
            copy_text(&value, room)
        })
    };
    match found {
        Ok(bytes) => {
            if !len.is_null() {
                // Safety: promised.
                unsafe { *len = bytes };
            }
        }
        Err(error) => {
            if !buf.is_null() && cap != 0 {
                // Safety: promised.
                unsafe { *buf = 0 };
            }
            if error.status == Status::BufferTooSmall && !len.is_null() {
                // Safety: promised.
                unsafe { *len = error.at as usize };
            }
        }
    }
    status(found)
}

// Safety: as pointcard_answer_text.
unsafe fn member<'a>(answer: *const pointcard_answer, path: *const c_char) -> Result<Value<'a>> {
    // Safety: promised.
    let (answer, path) = unsafe { (structs::read(answer)?, call_text(path, "path", PATH_MAX)?) };
    if answer.node.is_null() {
        return Err(Error::new(Status::BadState, "answer.node"));
    }
    // Safety: promised: the node is where the answer says.
    let node = unsafe { core::slice::from_raw_parts(answer.node, answer.node_len) };
    let encoding = match answer.encoding {
        POINTCARD_GBK => Encoding::Gbk,
        _ => Encoding::Utf8,
    };
    gateway::find(&Object::read(node, encoding)?, path)
        .filter(|value| value.kind() != Kind::Null)
        .ok_or(Error::new(Status::NotFound, "path"))
}

/// The value's text and a NUL; returns the text's length.
fn copy_text(value: &Value<'_>, room: &mut [u8]) -> Result<usize> {
    let mut out = Writer::new(room);
    match value.kind() {
        Kind::Object | Kind::Array => return Err(Error::new(Status::Argument, "path")),
        Kind::Bool => out.bytes(value.raw()),
        _ => value.text(&mut out)?,
    }
    out.byte(0);
    Ok(out.finish()?.len() - 1)
}
