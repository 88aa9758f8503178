//! The vectors of other implementations once more, through the C functions.
//!
//! In: `tests/vectors/*.jsonl`. Out: every strict row gives in C what it gives in Rust: a status, a
//! text, a signature.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use pointcard::ffi::fault::pointcard_fault;
use pointcard::ffi::keys::*;
#[cfg(feature = "gbk")]
use pointcard::ffi::notification::*;
use pointcard::status::Status;
use serde_json::Value;
use std::ffi::{CStr, CString, c_char};
use std::mem::MaybeUninit;
use std::ptr::null_mut;

fn file(path: &str) -> String {
    let path = format!("{}/tests/vectors/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Rows of `name.jsonl`; all of them are looked at, strict or not.
fn rows(name: &str) -> Vec<Value> {
    let rows = file(&format!("{name}.jsonl"));
    let rows: Vec<_> = rows.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    assert!(!rows.is_empty());
    rows
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn c_text(text: &str) -> CString {
    CString::new(text).unwrap()
}

/// Calls with a room of 4 KiB; what it filled, if it says OK.
fn filled(call: impl FnOnce(*mut c_char, usize, *mut usize) -> Status) -> Result<String, Status> {
    let (mut room, mut len) = (vec![0u8; 4096], usize::MAX);
    match call(room.as_mut_ptr().cast(), room.len(), &mut len) {
        Status::Ok => {
            let text = CStr::from_bytes_until_nul(&room).unwrap();
            assert_eq!(text.count_bytes(), len);
            Ok(text.to_str().unwrap().into())
        }
        status => Err(status),
    }
}

/// The text of a fault after a call that must not succeed.
fn fault() -> pointcard_fault {
    // Safety: integers.
    let mut fault: pointcard_fault = unsafe { MaybeUninit::zeroed().assume_init() };
    fault.struct_size = size_of::<pointcard_fault>() as u32;
    fault
}

fn load(text: &str, kind: i32) -> (Box<pointcard_key>, Status) {
    let mut key = Box::<pointcard_key>::new_uninit();
    let (text, mut fault) = (c_text(text), fault());
    // Safety: the key has its size, the text its end.
    let status = unsafe { pointcard_key_load(key.as_mut_ptr(), text.as_ptr(), kind, &mut fault) };
    assert_eq!(fault.status, status as i32);
    // Safety: any bytes are an opaque key, and it was written whole.
    (unsafe { key.assume_init() }, status)
}

#[test]
fn every_key_form_is_taken_or_named() {
    for row in rows("keyforms") {
        let is_private = text(&row, "kind") == "private";
        let kind = if is_private { POINTCARD_KEY_PRIVATE } else { POINTCARD_KEY_PUBLIC };
        let (mut key, status) = load(text(&row, "text"), kind);
        let accepted = text(&row, "expect") == "accept";
        if row["bits"].as_u64() > Some(pointcard::crypto::MAX_BITS as u64) {
            assert_eq!(status, Status::KeyUnsupported);
            continue;
        }
        assert_eq!(status == Status::Ok, accepted, "{}: {status:?}", row["case"]);
        if !accepted {
            continue;
        }
        let (message, wanted) = (text(&row, "message"), text(&row, "signature_b64"));
        let (data, len) = (message.as_ptr(), message.len());
        if is_private {
            let made = filled(|out, cap, out_len| {
                // Safety: buffers with their lengths.
                unsafe {
                    pointcard_key_sign(&mut *key, 0, data, len, out, cap, out_len, null_mut())
                }
            });
            assert_eq!(made.as_deref(), Ok(wanted), "{}", row["case"]);
        } else {
            let sign = c_text(wanted);
            let mut verify = |len| {
                // Safety: buffers with their lengths.
                unsafe { pointcard_key_verify(&mut *key, 0, data, len, sign.as_ptr(), null_mut()) }
            };
            assert_eq!(verify(len), Status::Ok, "{}", row["case"]);
            assert_eq!(verify(len - 1), Status::Signature, "{}", row["case"]);
        }
    }
}

#[test]
#[cfg(feature = "certificates")]
fn certificates_have_their_numbers() {
    for row in rows("certsn") {
        let pem = c_text(&file(text(&row, "cert")));
        let number = filled(|out, cap, len| {
            // Safety: the text has its end, the room its size.
            unsafe {
                match text(&row, "kind") {
                    "root" => pointcard_root_cert_number(pem.as_ptr(), out, cap, len, null_mut()),
                    _ => {
                        len.write(POINTCARD_CERT_NUMBER_SIZE - 1);
                        pointcard_cert_number(pem.as_ptr(), out, null_mut())
                    }
                }
            }
        });
        assert_eq!(number.as_deref(), Ok(text(&row, "expect_sn")), "{}", row["case"]);
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().map(|c| c.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// What the C function makes of a request, and its message.
fn notification(row: &Value, room: &mut [u8]) -> (Status, pointcard_notification) {
    let (mut key, status) = load(&file(text(row, "alipay_public_key")), POINTCARD_KEY_PUBLIC);
    assert_eq!(status, Status::Ok);
    let (app, raw) = (c_text("2016090501239018"), hex(text(row, "raw_hex")));
    // Safety: integers and pointers.
    let (mut given, mut out): (pointcard_notification_in, pointcard_notification) =
        unsafe { MaybeUninit::zeroed().assume_init() };
    given.struct_size = size_of_val(&given) as u32;
    out.struct_size = size_of_val(&out) as u32;
    given.sign_type = i32::from(text(row, "session_sign_type") == "RSA");
    (given.alipay_key, given.app_id) = (&mut *key, app.as_ptr());
    (given.raw, given.raw_len) = (raw.as_ptr(), raw.len());
    // Safety: all of it lives through the call.
    let status = unsafe {
        pointcard_notification_read(&given, room.as_mut_ptr(), room.len(), &mut out, null_mut())
    };
    (status, out)
}

#[test]
#[cfg(feature = "gbk")]
fn notifications_are_believed_or_refused() {
    for row in rows("verify_notify") {
        let mut room = vec![0; 4096];
        let (status, message) = notification(&row, &mut room);
        let found = match status {
            Status::Ok => "valid",
            Status::Signature => "invalid",
            Status::Unsigned => "unsigned",
            Status::Malformed if text(&row, "case").contains("damage") => "invalid",
            Status::Malformed | Status::Duplicate => "malformed",
            other => panic!("{}: {other:?}", row["case"]),
        };
        assert_eq!(found, text(&row, "expect"), "{}", row["case"]);
        if status != Status::Ok {
            continue;
        }
        let variant = ["v1", "v1+empty", "v2", "v2+empty"][message.variant as usize - 1];
        assert_eq!(variant, text(&row, "variant"), "{}", row["case"]);
        let fields = row.get("expect_fields").and_then(Value::as_object);
        for (name, expected) in fields.into_iter().flatten() {
            let name = c_text(name);
            let value = filled(|out, cap, len| {
                // Safety: the message's room is as it was.
                unsafe { pointcard_notification_field(&message, name.as_ptr(), out, cap, len) }
            });
            assert_eq!(value.as_deref().ok(), expected.as_str(), "{name:?}");
        }
    }
}
