//! Section: status. What calls without a client share: telling a failure, taking bytes, giving text.
//!
//! In: the caller's buffers and the fault to fill. Out: a status; the fault says what and where.

use core::ffi::c_char;

use super::cell;
use super::structs::{self, Versioned, chars};
use crate::gateway::activity::{Fault, PATH_MAX};
use crate::gateway::notify::Notification;
use crate::status::{Error, Result, Status};
use crate::text::{Text, Writer};

/// What a call without a client found wrong. Holds no key, token or user id.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_fault {
    /// Set by POINTCARD_FAULT_INIT.
    pub struct_size: u32,
    /// The status (a pointcard_status).
    pub status: i32,
    /// Byte offset in what it is about, or the length or limit the status speaks of; 0 = none.
    pub at: u32,
    /// What it is about: "private_key", "itemId", or a path, `promo_tools[0].voucher.end_time`.
    pub what: [c_char; 81],
    /// All of the above as one English line.
    pub text: [c_char; 160],
}

// Safety: repr(C), u32 first, integers only.
unsafe impl Versioned for pointcard_fault {
    const NAME: &'static str = "fault";
    const V1_SIZE: usize = core::mem::offset_of!(pointcard_fault, text) + 160;
}

const _: () = assert!(PATH_MAX == 80);

/// Runs `work`, which needs no client; its failure goes to `fault` if there is one.
// Safety: `fault` is null or a structure as the header describes it.
pub(super) unsafe fn stateless(
    fault: *mut pointcard_fault,
    work: impl FnOnce() -> core::result::Result<(), Fault>,
) -> Status {
    if !fault.is_null() {
        // Safety: as promised above.
        if let Err(error) = unsafe { structs::check_out(fault) } {
            return error.status;
        }
    }
    let mut found = Fault::from(Error::new(Status::Ok, ""));
    let done = cell::catch(|| {
        work().map_err(|failed| {
            found = failed;
            found.error
        })
    });
    let Err(error) = done else { return Status::Ok };
    if !fault.is_null() {
        // A panic has left no path, and any other failure its own.
        let told = if found.error == error { found } else { error.into() };
        // Safety: checked above.
        unsafe { structs::write(fault, &c_fault(&told)) };
    }
    error.status
}

fn c_fault(fault: &Fault) -> pointcard_fault {
    let what = if fault.path.is_empty() { fault.error.what } else { &fault.path };
    let mut line = Text::<159>::new();
    // A full line is cut, not an error.
    let _ = write_line(&mut line, what, &fault.error);
    pointcard_fault {
        struct_size: 0,
        status: fault.error.status as i32,
        at: fault.error.at,
        what: chars(what),
        text: chars(&line),
    }
}

fn write_line(line: &mut impl core::fmt::Write, what: &str, error: &Error) -> core::fmt::Result {
    write!(line, "{what}: {}", error.status.text())?;
    if error.at != 0 {
        write!(line, " (at {})", error.at)?;
    }
    match Notification::hint(error) {
        Some(hint) => write!(line, "; {hint}"),
        None => Ok(()),
    }
}

/// Bytes the caller lends for a call.
// Safety: `data` is null or has `len` readable bytes that live through `'a`.
pub(super) unsafe fn bytes<'a>(
    data: *const u8,
    len: usize,
    what: &'static str,
) -> Result<&'a [u8]> {
    match (data.is_null(), len) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(Error::new(Status::Null, what)),
        // Safety: not null, the length is the caller's word.
        _ => Ok(unsafe { core::slice::from_raw_parts(data, len) }),
    }
}

/// A caller's room for a text, and where its length goes (null: nobody asks).
pub(super) struct TextOut {
    pub out: *mut c_char,
    pub cap: usize,
    pub len: *mut usize,
}

impl TextOut {
    /// Lets `write` fill the room. As [`TextOut::lend`].
    // Safety: as `lend`.
    pub(super) unsafe fn fill(
        self,
        write: impl FnOnce(&mut Writer<'_>) -> Result<()>,
    ) -> Result<()> {
        // Safety: as promised.
        unsafe {
            self.lend(|room| {
                let mut writer = Writer::new(room);
                write(&mut writer)?;
                writer.finish().map(<[u8]>::len)
            })
        }
    }

    /// Lets `work` fill the room, which returns how much it filled, and ends the text with a NUL.
    /// When it fails the text is empty; with `BufferTooSmall` the length is the capacity needed,
    /// NUL included.
    // Safety: `out` is null or has `cap` writable bytes nobody else uses; `len` is null or
    // writable.
    pub(super) unsafe fn lend(self, work: impl FnOnce(&mut [u8]) -> Result<usize>) -> Result<()> {
        if self.out.is_null() && self.cap != 0 {
            return Err(Error::new(Status::Null, "out"));
        }
        let room: &mut [u8] = match self.cap {
            0 => &mut [],
            // Safety: not null, the capacity is the caller's word.
            cap => unsafe { core::slice::from_raw_parts_mut(self.out.cast(), cap) },
        };
        let inner = room.get_mut(..self.cap.saturating_sub(1)).unwrap_or_default();
        let small = |len| Error::new(Status::BufferTooSmall, "out").at(len);
        let done = work(inner).map_err(|error| match error.status {
            Status::BufferTooSmall => small(error.at as usize + 1),
            _ => error,
        });
        let done = done.and_then(|len| room.get(len).map(|_| len).ok_or(small(len + 1)));
        if let Some(end) = room.get_mut(done.unwrap_or(0)) {
            *end = 0;
        }
        let told = match done {
            Ok(len) => len,
            Err(Error { status: Status::BufferTooSmall, at, .. }) => at as usize,
            Err(_) => return done.map(drop),
        };
        if !self.len.is_null() {
            // Safety: not null, writable as promised above.
            unsafe { self.len.write_unaligned(told) };
        }
        done.map(drop)
    }
}
