//! Section: events. What a client tells while it works.

use core::ffi::{c_char, c_void};

use super::life::pointcard_event_fn;
use super::limits::c_marks;
use super::structs::chars;
use crate::port::{Event, Events, Subject};

/// pointcard_event.kind: a sale or refund is on storage, or a dead letter waits again. Not told for
/// duplicates. seq, req_id, points.
pub const POINTCARD_EVENT_STORED: i32 = 1;
/// A request is about to leave: told before its first byte does. seq, req_id, points, attempts.
pub const POINTCARD_EVENT_SENT: i32 = 2;
/// A verified answer: credited, or taken back. seq, req_id, points.
pub const POINTCARD_EVENT_SETTLED: i32 = 3;
/// Refused: a dead letter. seq, req_id, points, uncertain, code, sub_code.
pub const POINTCARD_EVENT_REJECTED: i32 = 4;
/// Nothing goes out and nothing is owed: a voided sale, and its refund; a refund whose sale was not
/// credited. seq, req_id, points.
pub const POINTCARD_EVENT_VOIDED: i32 = 5;
/// A sale reached a warning level that the one before had not (points_each: every one that reaches
/// it), or passed a refusing level on a manager's word. near, over.
pub const POINTCARD_EVENT_NEAR_FULL: i32 = 6;
/// Damage on the medium was mended; nothing is missing. count, sectors.
pub const POINTCARD_EVENT_REPAIRED: i32 = 7;
/// Entries that are known to have existed cannot be read: count of them, from seq to last. Gaps
/// among the newest entries are told by every pointcard_init as long as their place is not used
/// again. When so many are found at once that they are told as one, count is less than the numbers
/// from seq to last.
pub const POINTCARD_EVENT_LOST: i32 = 8;
/// The terminal's clock went another way than its monotonic clock, by more than 300 seconds. It was
/// set; or the machine slept and its monotonic clock stood still. seconds.
pub const POINTCARD_EVENT_CLOCK: i32 = 9;

/// Something happened, and is durable already. Members an event is not about are zero.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_event {
    /// Bytes of this structure in the library.
    pub struct_size: u32,
    /// POINTCARD_EVENT_STORED to POINTCARD_EVENT_CLOCK; ignore others.
    pub kind: i32,
    /// Number of the entry; LOST: the lowest one missing.
    pub seq: u64,
    /// LOST: the highest number missing.
    pub last: u64,
    /// CLOCK: by how much it jumped; negative = back.
    pub seconds: i64,
    /// The entry's points.
    pub points: u32,
    /// SENT: how often that makes it (255 = or more).
    pub attempts: u32,
    /// REJECTED: 1 when an earlier attempt may have credited the points: a person must look.
    pub uncertain: u32,
    /// LOST: entries missing. REPAIRED: bits put right since the last such event.
    pub count: u32,
    /// REPAIRED: sectors closed early since the last such event, because a write was cut.
    pub sectors: u32,
    /// NEAR_FULL: sum of POINTCARD_LIMIT_ numbers at or above their warning level.
    pub near: u32,
    /// NEAR_FULL: those above their refusing level.
    pub over: u32,
    /// The entry's idempotency key.
    pub req_id: [c_char; 33],
    /// REJECTED: the gateway's code.
    pub code: [c_char; 9],
    /// REJECTED: the gateway's sub_code.
    pub sub_code: [c_char; 65],
}

// Safety: integers are valid when all bytes are zero.
const NOTHING: pointcard_event = unsafe { core::mem::zeroed() };

fn about(kind: i32, entry: &Subject<'_>) -> pointcard_event {
    pointcard_event {
        kind,
        seq: entry.seq,
        points: entry.points,
        req_id: chars(entry.req_id),
        ..NOTHING
    }
}

fn c_event(event: &Event<'_>) -> pointcard_event {
    match *event {
        Event::Stored(entry) => about(POINTCARD_EVENT_STORED, &entry),
        Event::Sent { entry, attempts } => {
            pointcard_event { attempts: attempts.into(), ..about(POINTCARD_EVENT_SENT, &entry) }
        }
        Event::Settled(entry) => about(POINTCARD_EVENT_SETTLED, &entry),
        Event::Voided(entry) => about(POINTCARD_EVENT_VOIDED, &entry),
        Event::Rejected { entry, uncertain, code, sub_code } => pointcard_event {
            uncertain: uncertain.into(),
            code: chars(code),
            sub_code: chars(sub_code),
            ..about(POINTCARD_EVENT_REJECTED, &entry)
        },
        Event::NearFull(pressure) => pointcard_event {
            kind: POINTCARD_EVENT_NEAR_FULL,
            near: c_marks(&pressure.near),
            over: c_marks(&pressure.over),
            ..NOTHING
        },
        Event::Repaired { bits, sectors } => {
            pointcard_event { kind: POINTCARD_EVENT_REPAIRED, count: bits, sectors, ..NOTHING }
        }
        Event::Lost { first, last, count } => {
            pointcard_event { kind: POINTCARD_EVENT_LOST, seq: first, last, count, ..NOTHING }
        }
        Event::ClockJumped { by_s } => {
            pointcard_event { kind: POINTCARD_EVENT_CLOCK, seconds: by_s, ..NOTHING }
        }
    }
}

/// A listener of the integrator's.
pub(super) struct CEvents {
    pub hear: pointcard_event_fn,
    pub ctx: *mut c_void,
}

impl Events for CEvents {
    fn hear(&mut self, event: &Event<'_>) {
        if let Some(hear) = self.hear {
            let mut out = c_event(event);
            out.struct_size = size_of::<pointcard_event>() as u32;
            // Safety: the integrator's function takes its own ctx and an event for the call.
            unsafe { hear(self.ctx, &out) }
        }
    }
}
