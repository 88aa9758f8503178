//! Section: queue. How it stands, entry by entry.

use core::ffi::c_char;

use super::cell;
use super::life::pointcard_client;
use super::status;
use super::structs::{self, Versioned, chars};
use crate::points::redeem::{KIND_CLAIM, KIND_OFFER};
use crate::points::refund::{KIND_DEPOSIT, KIND_REFUND, Order};
use crate::points::sync::Shared;
use crate::queue::inspect::Lane;
use crate::queue::{Cursor, Entry, EntryState, Forgery, Health, QueueStatus, Tampering};
use crate::status::{Error, Result, Status};

/// How the queue stands.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_queue_info {
    /// Set by POINTCARD_QUEUE_INFO_INIT.
    pub struct_size: u32,
    /// Entries never sent.
    pub waiting: u32,
    /// Entries sent at least once without a verified answer.
    pub sent_unknown: u32,
    /// Refused entries that stay in place because the dead letters are full.
    pub parked: u32,
    /// Dead letters.
    pub dead: u32,
    /// Entries of usual size (250 bytes) that still fit, at least.
    pub room: u32,
    /// Sum of the points of all entries neither settled nor dead, those to be taken back included.
    pub points: u64,
    /// When the oldest of them was recorded, seconds since 1970; 0 = none, or clock unknown.
    pub oldest: u64,
    /// Number the next entry will get.
    pub next_seq: u64,
    /// Sectors closed early because a write was cut.
    pub sealed: u32,
    /// Damaged bits repaired since init.
    pub repaired: u32,
    /// Entries lost to damage since init. Not zero = look at the medium.
    pub lost: u32,
    /// POINTCARD_HEALTH_SOUND to POINTCARD_HEALTH_BAD_SECTORS.
    pub health: i32,
    /// Seconds since the oldest of the entries not settled was recorded; 0 = none, or a time is
    /// unknown.
    pub age_s: u64,
    /// What `room` is when nothing waits.
    pub capacity: u32,
    /// 1: pointcard_pause holds back what waits.
    pub paused: u32,
    /// Sealed queue: places met since init that were altered without the key. What stands there is
    /// never sent; sound entries still are. The members below tell the first one.
    pub forged: u32,
    /// POINTCARD_FORGED_ what was done there; 0 = nothing.
    pub forged_what: u32,
    /// Its lane: 0 = what is settled, 1 = entries, 2 = dead letters, 3 = entries
    /// that made way for others.
    pub forged_lane: u32,
    /// Its sector, counted from the medium's beginning.
    pub forged_sector: u32,
    /// Bytes from the sector's beginning.
    pub forged_offset: u32,
    /// How often the storage answered POINTCARD_BAD_SECTOR since init; see there.
    pub bad: u32,
}

/// pointcard_queue_info.health: nothing unusual.
pub const POINTCARD_HEALTH_SOUND: i32 = 0;
/// Damage was mended, or a write had been cut; nothing is missing.
pub const POINTCARD_HEALTH_REPAIRED: i32 = 1;
/// Entries known to have existed cannot be read (`lost`).
pub const POINTCARD_HEALTH_LOST: i32 = 2;
/// The storage failed. The next call that writes looks at it again.
pub const POINTCARD_HEALTH_FAILED: i32 = 3;
/// A sealed queue was altered by somebody without its key (`forged`).
pub const POINTCARD_HEALTH_FORGED: i32 = 4;
/// The storage called sectors bad and they were left out (`bad`); nothing is missing.
pub const POINTCARD_HEALTH_BAD_SECTORS: i32 = 5;

/// pointcard_queue_info.forged_what: an entry was altered, or brought from elsewhere.
pub const POINTCARD_FORGED_RECORD: u32 = 1;
/// A sector's header was altered.
pub const POINTCARD_FORGED_HEADER: u32 = 2;
/// A sector is an older copy, or one from elsewhere.
pub const POINTCARD_FORGED_MOVED: u32 = 3;
/// Entries or sectors were erased. (A storage that forgets what it said was durable looks the same.)
pub const POINTCARD_FORGED_REMOVED: u32 = 4;

// Safety: repr(C), u32 first, integers only.
unsafe impl Versioned for pointcard_queue_info {
    const NAME: &'static str = "queue_info";
    const V1_SIZE: usize = core::mem::offset_of!(pointcard_queue_info, lost) + 4;
}

/// pointcard_entry.state: never sent.
pub const POINTCARD_WAITING: i32 = 1;
/// Sent at least once, no verified answer.
pub const POINTCARD_SENT: i32 = 2;
/// Credited; the record has not been overwritten yet.
pub const POINTCARD_SETTLED: i32 = 3;
/// Refused: a dead letter.
pub const POINTCARD_DEAD: i32 = 4;
/// Refused, in place because the dead letters are full.
pub const POINTCARD_PARKED: i32 = 5;

/// Where a walk stands. Zero it to begin.
#[repr(C)]
pub struct pointcard_cursor {
    opaque: [u64; 8],
}

/// One entry.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_entry {
    /// Set by POINTCARD_ENTRY_INIT.
    pub struct_size: u32,
    /// POINTCARD_WAITING to POINTCARD_PARKED.
    pub state: i32,
    /// Its number.
    pub seq: u64,
    /// When it was recorded, seconds since 1970; 0 = the clock was unknown.
    pub created: u64,
    /// Points.
    pub points: u32,
    /// How often it was sent; not kept for settled entries (0).
    pub attempts: u32,
    /// Dead or parked: 1 when an earlier attempt may have credited the points.
    pub uncertain: u32,
    /// Dead or parked: the gateway's code.
    pub code: [c_char; 9],
    /// Dead or parked: the gateway's sub_code.
    pub sub_code: [c_char; 65],
    /// Idempotency key.
    pub req_id: [c_char; 33],
    /// Shopper.
    pub user_id: [c_char; 33],
    /// Trade number.
    pub biz_no: [c_char; 33],
    /// Shop.
    pub shop_id: [c_char; 33],
    /// Point account.
    pub activity_account: [c_char; 33],
    /// Memo, UTF-8; at most 256 characters (published integrations).
    pub memo: [c_char; 1025],
    /// POINTCARD_KIND_DEPOSIT, or POINTCARD_KIND_REFUND: points to be taken back; biz_no then is
    /// the sale's.
    pub kind: u32,
    /// Dead or parked: when it was refused, seconds since 1970; 0 = the clock was unknown.
    pub refused_at: u64,
}

/// pointcard_entry.kind: points credited for a sale. Source: Alipay's page of
/// koubei.marketing.tool.points.update (DEPOSIT).
pub const POINTCARD_KIND_DEPOSIT: u32 = 1;
/// pointcard_entry.kind: points taken back for a refunded sale. Source: Alipay's page of
/// koubei.marketing.tool.points.update (CONSUME).
pub const POINTCARD_KIND_REFUND: u32 = 2;

/// pointcard_entry.kind: an offer; biz_no is its number. See pointcard_redeem_list. Source: Alipay's
/// page of koubei.marketing.tool.points.update (FREEZE, COMMIT, CANCEL).
pub const POINTCARD_KIND_OFFER: u32 = 3;
/// pointcard_entry.kind: a coupon whose offer is not here; user_id took it. Source: the notification
/// of the quick-start guide of Koubei point cards.
pub const POINTCARD_KIND_CLAIM: u32 = 4;

const _: () = assert!(
    POINTCARD_KIND_DEPOSIT == KIND_DEPOSIT as u32
        && POINTCARD_KIND_REFUND == KIND_REFUND as u32
        && POINTCARD_KIND_OFFER == KIND_OFFER as u32
        && POINTCARD_KIND_CLAIM == KIND_CLAIM as u32
);

// Safety: repr(C), u32 first, integers only.
unsafe impl Versioned for pointcard_entry {
    const NAME: &'static str = "entry";
    const V1_SIZE: usize = core::mem::offset_of!(pointcard_entry, memo) + 1025;
}

/// How the queue stands. Takes the same time whatever waits: no I/O.
///
/// @param client  an open client
/// @param info    receives it
///
/// Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_BAD_STATE, ERR_BUSY.
// Safety: `client` as everywhere; `info` is null or a structure as the header describes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_queue_status(
    client: *mut pointcard_client,
    info: *mut pointcard_queue_info,
) -> Status {
    // Safety: as promised above.
    let found = unsafe {
        cell::with(client, |client| {
            structs::check_out(info)?;
            let (status, now) = (client.status(), client.unix_time());
            Ok(c_info(&status, now))
        })
    };
    if let Ok(found) = &found {
        // Safety: checked above.
        unsafe { structs::write(info, found) };
    }
    status(found)
}

/// What was done, in which lane.
fn c_forgery(forgery: &Forgery) -> (u32, u32) {
    let what = match forgery.what {
        Tampering::Record => POINTCARD_FORGED_RECORD,
        Tampering::Header => POINTCARD_FORGED_HEADER,
        Tampering::Moved => POINTCARD_FORGED_MOVED,
        Tampering::Removed => POINTCARD_FORGED_REMOVED,
    };
    let lane = match forgery.lane {
        Lane::State => 0,
        Lane::Live => 1,
        Lane::Dead => 2,
        Lane::Backlog => 3,
    };
    (what, lane)
}

fn c_info(status: &QueueStatus, now: u64) -> pointcard_queue_info {
    let (what, lane) = status.forgery.as_ref().map_or((0, 0), c_forgery);
    pointcard_queue_info {
        struct_size: 0,
        waiting: status.waiting,
        sent_unknown: status.sent_unknown,
        parked: status.parked,
        dead: status.dead,
        room: status.room.saturating_add(status.backlog_room),
        points: status.points,
        oldest: status.oldest,
        next_seq: status.next_seq,
        sealed: status.sealed,
        repaired: status.repaired,
        lost: status.lost,
        health: match status.health {
            Health::Sound => POINTCARD_HEALTH_SOUND,
            Health::Repaired => POINTCARD_HEALTH_REPAIRED,
            Health::Lost => POINTCARD_HEALTH_LOST,
            Health::Failed => POINTCARD_HEALTH_FAILED,
            Health::Forged => POINTCARD_HEALTH_FORGED,
            Health::BadSectors => POINTCARD_HEALTH_BAD_SECTORS,
        },
        age_s: status.age(now),
        capacity: status.capacity,
        paused: status.paused.into(),
        forged: status.forged,
        forged_what: what,
        forged_lane: lane,
        forged_sector: status.forgery.map_or(0, |forgery| forgery.sector),
        forged_offset: status.forgery.map_or(0, |forgery| forgery.offset),
        bad: status.bad,
    }
}

/// The next entry, oldest first: waiting, sent and still readable settled ones, then dead letters.
/// Entries may come and go between two calls.
///
/// @param client  an open client
/// @param cursor  where the walk stands; begin with a zeroed one
/// @param entry   receives the entry
///
/// Returns POINTCARD_IDLE at the end; ERR_NULL, ERR_STRUCT_SIZE, ERR_ARGUMENT (the cursor was never
/// zeroed), ERR_BAD_STATE, ERR_BUSY, ERR_STORAGE, ERR_MALFORMED.
// Safety: `client` as everywhere; `cursor` and `entry` are null or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_walk(
    client: *mut pointcard_client,
    cursor: *mut pointcard_cursor,
    entry: *mut pointcard_entry,
) -> Status {
    // Safety: as promised above.
    unsafe { next_entry(client, cursor, entry, Way::Everything) }
}

/// A way to look at the entries, one after the other.
#[derive(Clone, Copy)]
pub(super) enum Way {
    Everything,
    Letters,
}

/// The next entry on `way`.
// Safety: `client` as everywhere; `cursor` and `entry` are null or as the header describes them.
pub(super) unsafe fn next_entry(
    client: *mut pointcard_client,
    cursor: *mut pointcard_cursor,
    entry: *mut pointcard_entry,
    way: Way,
) -> Status {
    // Safety: as promised above.
    let found = unsafe {
        cell::with(client, |client| {
            structs::check_out(entry)?;
            if cursor.is_null() {
                return Err(Error::new(Status::Null, "cursor"));
            }
            let cursor = own(cursor)?;
            // No function pointer: the worst case of the stack is found by following calls.
            let found = match way {
                Way::Everything => client.walk(cursor),
                Way::Letters => client.letters(cursor),
            };
            found?.as_ref().map(c_entry).transpose()
        })
    };
    match found {
        Ok(Some(found)) => {
            // Safety: checked above.
            unsafe { structs::write(entry, &found) };
            Status::Ok
        }
        Ok(None) => Status::Idle,
        Err(error) => error.status,
    }
}

/// Stands in the last word of a cursor that a walk has used: memory that was never zeroed is told
/// from a cursor.
const WALKING: u64 = 0x7063_0004_7063_0004;

// Safety: `cursor` is writable. A zeroed Cursor is a new one.
pub(super) unsafe fn own<'a>(cursor: *mut pointcard_cursor) -> Result<&'a mut Cursor> {
    // Safety: integers are valid whatever they are.
    let words = unsafe { &mut (*cursor).opaque };
    match words {
        [.., WALKING] => {}
        words if words.iter().all(|word| *word == 0) => {
            let [.., last] = words;
            *last = WALKING;
        }
        _ => return Err(Error::new(Status::Argument, "cursor")),
    }
    // Safety: zeroed, or left by an earlier walk; the mark lies behind it.
    Ok(unsafe { &mut *cursor.cast::<Cursor>() })
}

const _: () = assert!(size_of::<Cursor>() <= size_of::<pointcard_cursor>() - size_of::<u64>());
const _: () = assert!(align_of::<Cursor>() <= align_of::<pointcard_cursor>());

pub(super) fn c_entry(entry: &Entry<'_>) -> Result<pointcard_entry> {
    let order = Order::load(entry.item.kind, entry.item.body)?;
    let sale = order.sale();
    let reason = entry.reason.as_ref();
    Ok(pointcard_entry {
        struct_size: 0,
        state: match entry.state {
            EntryState::Waiting => POINTCARD_WAITING,
            EntryState::Sent => POINTCARD_SENT,
            EntryState::Settled => POINTCARD_SETTLED,
            EntryState::Dead => POINTCARD_DEAD,
            EntryState::Parked => POINTCARD_PARKED,
        },
        seq: entry.seq,
        created: entry.item.created,
        points: entry.item.points,
        attempts: entry.attempts.into(),
        uncertain: reason.is_some_and(|reason| reason.uncertain).into(),
        code: chars(reason.map_or("", |reason| reason.code)),
        sub_code: chars(reason.map_or("", |reason| reason.sub_code)),
        req_id: chars(entry.item.req_id),
        user_id: chars(sale.user_id),
        biz_no: chars(sale.biz_no),
        shop_id: chars(sale.shop_id),
        activity_account: chars(sale.activity_account),
        memo: chars(sale.memo),
        kind: entry.item.kind.into(),
        refused_at: reason.map_or(0, |reason| reason.at),
    })
}

/// Prepares storage in idle time, so that no sale waits for a flash erase. Costs at most one
/// erase; call it when the till is idle.
///
/// Returns ERR_NULL, ERR_BAD_STATE, ERR_BUSY, ERR_STORAGE.
// Safety: `client` as everywhere.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_maintain(client: *mut pointcard_client) -> Status {
    // Safety: as promised above.
    status(unsafe { cell::open(client) }.and_then(|cell| cell.with(|client| client.maintain())))
}
