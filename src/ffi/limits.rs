//! Section: limits. How much may wait, and from when on somebody should know.

use super::life::pointcard_client;
use super::structs::{self, Versioned};
use super::{cell, status};
use crate::queue::{Level, Limits, Marks};
use crate::status::{Result, Status};

/// Two levels of one measure, each as it would be after the sale; 0 = none. Frozen: it will not
/// grow.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct pointcard_level {
    /// From this value on a sale is told as POINTCARD_EVENT_NEAR_FULL.
    pub warn: u32,
    /// Above this value a sale is refused, unless it has POINTCARD_F_MANAGER. Not below `warn`.
    pub refuse: u32,
}

/// How much may wait on this till. Zero = no limits but the medium's size. Offers (redemption) count
/// as long as they are kept, up to two days after they ended; a message about a coupon is never refused
/// by a limit.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_limits {
    /// Set by POINTCARD_LIMITS_INIT.
    pub struct_size: u32,
    /// Entries not settled, dead letters not counted. Refused: ERR_QUEUE_FULL, "limit.count".
    pub count: pointcard_level,
    /// Bytes of the medium from the oldest sector in use to the newest entry. ERR_QUEUE_FULL,
    /// "limit.bytes".
    pub bytes: pointcard_level,
    /// Points of one sale. ERR_RANGE, "limit.points_each".
    pub points_each: pointcard_level,
    /// Points not settled, dead letters not counted. ERR_QUEUE_FULL, "limit.points_total".
    pub points_total: pointcard_level,
    /// Seconds since the oldest entry not settled was recorded; not looked at when a time is
    /// unknown. ERR_QUEUE_FULL, "limit.age_s".
    pub age_s: pointcard_level,
}

// Safety: repr(C), u32 first, integers only.
unsafe impl Versioned for pointcard_limits {
    const NAME: &'static str = "limits";
    const V1_SIZE: usize = core::mem::offset_of!(pointcard_limits, age_s) + 8;
}

/// pointcard_event.near, over: limits.count.
pub const POINTCARD_LIMIT_COUNT: u32 = 1;
/// limits.bytes.
pub const POINTCARD_LIMIT_BYTES: u32 = 2;
/// limits.points_each.
pub const POINTCARD_LIMIT_POINTS_EACH: u32 = 4;
/// limits.points_total.
pub const POINTCARD_LIMIT_POINTS_TOTAL: u32 = 8;
/// limits.age_s.
pub const POINTCARD_LIMIT_AGE: u32 = 16;

/// Marks as the sum of their POINTCARD_LIMIT_ numbers.
pub(super) fn c_marks(marks: &Marks) -> u32 {
    let of = |set: bool, number: u32| if set { number } else { 0 };
    of(marks.count, POINTCARD_LIMIT_COUNT)
        | of(marks.bytes, POINTCARD_LIMIT_BYTES)
        | of(marks.points_each, POINTCARD_LIMIT_POINTS_EACH)
        | of(marks.points_total, POINTCARD_LIMIT_POINTS_TOTAL)
        | of(marks.age_s, POINTCARD_LIMIT_AGE)
}

/// Limits of the caller's; null = none.
// Safety: `limits` is null or a structure as the header describes it.
pub(super) unsafe fn rust_limits(limits: *const pointcard_limits) -> Result<Limits> {
    if limits.is_null() {
        return Ok(Limits::NONE);
    }
    // Safety: as promised above.
    let limits = unsafe { structs::read(limits)? };
    let level = |level: pointcard_level| Level { warn: level.warn, refuse: level.refuse };
    Ok(Limits {
        count: level(limits.count),
        bytes: level(limits.bytes),
        points_each: level(limits.points_each),
        points_total: level(limits.points_total),
        age_s: level(limits.age_s),
    })
}

/// Sets how much may wait, from the next sale on, in place of config.limits. Entries that are there
/// stay. Not stored: a restart begins with the configuration's.
///
/// @param client  an open client
/// @param limits  read during the call; NULL = none
///
/// Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_RANGE (a level that warns after it has refused; the detail
/// has the member), ERR_BAD_STATE, ERR_BUSY: the limits before stay.
// Safety: `client` as everywhere; `limits` is null or a structure as the header describes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_set_limits(
    client: *mut pointcard_client,
    limits: *const pointcard_limits,
) -> Status {
    // Safety: as promised above.
    status(unsafe { cell::with(client, |client| client.set_limits(rust_limits(limits)?)) })
}
