//! Section: dead letters. What a person does with entries.

use core::ffi::c_char;

use super::accrue::{pointcard_sale, pointcard_ticket, rust_sale, ticketed};
use super::cell;
use super::fault::TextOut;
use super::life::pointcard_client;
use super::queue::{Way, c_entry, next_entry, pointcard_cursor, pointcard_entry};
use super::structs;
use super::{call_text, status, texts};
use crate::client::BATCH_ROOM;
use crate::gateway::points;
use crate::queue::EXPORT_MAX;
use crate::status::{Error, Result, Status};

/// Bytes that are enough for any pointcard_export, its NUL included.
pub const POINTCARD_EXPORT_MAX: usize = 7169;
const _: () = assert!(POINTCARD_EXPORT_MAX == EXPORT_MAX + 1);

/// Flag of pointcard_requeue: a person accepts that points which may have been credited already may
/// be credited once more.
pub const POINTCARD_F_ACCEPT_DOUBLE: u32 = 64;

/// The next refused entry: those in place because the dead letters were full, then the dead
/// letters. Otherwise as pointcard_walk. Reads the whole queue.
///
/// @param client  an open client
/// @param cursor  where the list stands; begin with a zeroed one
/// @param entry   receives the entry
///
/// Returns as pointcard_walk.
// Safety: `client` as everywhere; `cursor` and `entry` are null or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_letters(
    client: *mut pointcard_client,
    cursor: *mut pointcard_cursor,
    entry: *mut pointcard_entry,
) -> Status {
    // Safety: as promised above.
    unsafe { next_entry(client, cursor, entry, Way::Letters) }
}

/// One entry that is not settled, pending or dead, by its number or by the req_id on a receipt.
///
/// @param client  an open client
/// @param seq     its number (ticket.seq, entry.seq); 0 = look for `req_id`
/// @param req_id  its idempotency key, ASCII, at most 32 bytes; not read when `seq` is not 0
/// @param entry   receives it
///
/// Returns ERR_NOT_FOUND (there is none, or it is settled), ERR_NULL, ERR_STRUCT_SIZE, ERR_MISSING
/// (neither is given), ERR_TOO_LONG, ERR_ENCODING, ERR_BAD_STATE, ERR_BUSY, ERR_STORAGE,
/// ERR_MALFORMED. By req_id it reads everything that is not settled.
// Safety: `client` as everywhere; `req_id` is null or NUL-terminated; `entry` is null or as the
// header describes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_get(
    client: *mut pointcard_client,
    seq: u64,
    req_id: *const c_char,
    entry: *mut pointcard_entry,
) -> Status {
    // Safety: as promised above.
    status(unsafe {
        cell::with(client, |client| {
            structs::check_out(entry)?;
            let found = match seq {
                0 => match call_text(req_id, "req_id", points::REQ_ID_MAX)? {
                    "" => return Err(Error::new(Status::Missing, "req_id")),
                    req_id => client.find(req_id)?,
                },
                seq => client.get(seq)?,
            };
            structs::write(entry, &c_entry(&found)?);
            Ok(())
        })
    })
}

/// One entry that is not settled as a line of JSON, for a support desk: its number, state, keys,
/// why it was refused, and the record's body in hexadecimal (docs/format.md). It names the shopper.
///
/// @param client   an open client
/// @param seq      its number
/// @param out      receives the line, NUL-terminated
/// @param cap      bytes there; POINTCARD_EXPORT_MAX are enough
/// @param out_len  receives its length without the NUL; with ERR_BUFFER_TOO_SMALL a capacity that
///                 is enough; may be NULL
///
/// Returns ERR_NOT_FOUND, ERR_NULL, ERR_BUFFER_TOO_SMALL, ERR_BAD_STATE, ERR_BUSY, ERR_STORAGE.
// Safety: `client` as everywhere; `out` has `cap` writable bytes; `out_len` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_export(
    client: *mut pointcard_client,
    seq: u64,
    out: *mut c_char,
    cap: usize,
    out_len: *mut usize,
) -> Status {
    let out = TextOut { out, cap, len: out_len };
    // Safety: as promised above.
    status(unsafe {
        cell::with(client, |client| out.lend(|room| client.export(seq, room).map(str::len)))
    })
}

/// Puts a refused entry back among those to be sent, as it is, under its own req_id. Durable when
/// it returns.
///
/// @param client  an open client
/// @param seq     its number
/// @param flags   POINTCARD_F_ACCEPT_DOUBLE, or 0
///
/// Returns ERR_UNCERTAIN (entry.uncertain: look first whether the shopper has the points, and say
/// POINTCARD_F_ACCEPT_DOUBLE; a gateway that has forgotten the req_id credits once more),
/// ERR_NOT_FOUND (not refused, or not there), ERR_CONFLICT (an entry with that req_id waits),
/// ERR_QUEUE_FULL, ERR_RANGE (not among the 64 oldest letters), ERR_NULL, ERR_ARGUMENT (flags),
/// ERR_BAD_STATE, ERR_BUSY: nothing changed. ERR_STORAGE: unknown; look again.
///
/// Source: Alipay's page of koubei.marketing.tool.points.update (req_id controls idempotency; for
/// how long is not said).
// Safety: `client` as everywhere.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_requeue(
    client: *mut pointcard_client,
    seq: u64,
    flags: u32,
) -> Status {
    // Safety: as promised above.
    status(unsafe { cell::with(client, |client| client.requeue(seq, accepts(flags)?)) })
}

/// Replaces a refused sale by a corrected one, which waits under a new number. Durable when it
/// returns, and either done or not after a power cut.
///
/// With the same biz_no it has the same req_id, so that a gateway that did credit it only says so
/// again; set sale.part if the gateway should see another request.
///
/// @param client  an open client
/// @param seq     the refused sale's number
/// @param sale    the corrected one, whole; checked as by pointcard_accrue, read during the call
/// @param flags   POINTCARD_F_ACCEPT_DOUBLE, or 0
/// @param ticket  receives where it went; may be NULL
///
/// Returns ERR_UNSUPPORTED (the entry is a refund: record another one), ERR_BAD_STATE (also: refused
/// in place, which can only be put back as it is), else as pointcard_requeue and, about the sale, as
/// pointcard_accrue. The limits do not hold for it.
// Safety: `client` as everywhere; `sale` and `ticket` are null or structures as the header
// describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_requeue_edited(
    client: *mut pointcard_client,
    seq: u64,
    sale: *const pointcard_sale,
    flags: u32,
    ticket: *mut pointcard_ticket,
) -> Status {
    // Safety: as promised above.
    unsafe {
        ticketed(client, ticket, |client| {
            let sale = structs::read(sale)?;
            let accept_double = accepts(flags)?;
            texts::with(client, |client, reader| {
                in_room(|room| {
                    let sale = rust_sale(&sale, reader)?;
                    client.requeue_edited(seq, &sale, accept_double, room)
                })
            })
        })
    }
}

/// Apart, so that only who edits pays for the room.
#[inline(never)]
fn in_room<R>(work: impl FnOnce(&mut [u8]) -> R) -> R {
    work(&mut [0; BATCH_ROOM])
}

fn accepts(flags: u32) -> Result<bool> {
    match flags & !POINTCARD_F_ACCEPT_DOUBLE {
        0 => Ok(flags != 0),
        _ => Err(Error::new(Status::Argument, "flags")),
    }
}

/// Removes a refused entry for good. From then on it counts as settled: pointcard_refund of the sale
/// takes points back as if it had been credited.
///
/// @param client  an open client
/// @param seq     its number
///
/// Returns ERR_NOT_FOUND, ERR_RANGE (not among the 64 oldest letters: discard older ones first),
/// ERR_NULL, ERR_BAD_STATE (also: it was not refused), ERR_BUSY, ERR_STORAGE.
// Safety: `client` as everywhere.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_discard(client: *mut pointcard_client, seq: u64) -> Status {
    // Safety: as promised above.
    status(unsafe { cell::with(client, |client| client.discard(seq)) })
}

/// Removes all dead letters for good, with one write. Entries refused in place stay. Debts and points
/// that could not be released are among them: look at pointcard_redeem_list first.
///
/// @param client  an open client
/// @param count   receives how many; may be NULL
///
/// Returns ERR_NULL, ERR_BAD_STATE, ERR_BUSY, ERR_STORAGE.
// Safety: `client` as everywhere; `count` is null or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_discard_all(
    client: *mut pointcard_client,
    count: *mut u32,
) -> Status {
    // Safety: as promised above.
    let done = unsafe { cell::with(client, |client| client.discard_all()) };
    if let Ok(letters) = done
        && !count.is_null()
    {
        // Safety: not null, writable as promised above.
        unsafe { count.write_unaligned(letters) };
    }
    status(done)
}

/// Takes back a sale that certainly never left this till. Works offline; durable when it returns.
///
/// It is a refund of all its points, which the ticket is of: ticket.voided = 1 says that both are
/// settled and nothing goes out. 0: the sale lies too far behind the oldest one and goes out after
/// all, with its refund behind it, which comes to the same. The limits do not hold for it. The same
/// sale recorded again soon after is answered with its old ticket (ticket.duplicate); sell it again
/// under another sale.part. Reads the whole queue.
///
/// @param client  an open client
/// @param seq     the sale's number
/// @param ticket  receives where its refund went; may be NULL
///
/// Returns ERR_UNKNOWN (it was sent: pointcard_refund takes the points back), ERR_NOT_FOUND (no such
/// entry waits, or its merchant is not configured), ERR_UNSUPPORTED (it is a refund), ERR_NULL,
/// ERR_STRUCT_SIZE, ERR_BAD_STATE (also: it was refused; discard it), ERR_BUSY, else as
/// pointcard_refund.
// Safety: `client` as everywhere; `ticket` is null or as the header describes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_void(
    client: *mut pointcard_client,
    seq: u64,
    ticket: *mut pointcard_ticket,
) -> Status {
    // Safety: as promised above.
    unsafe { ticketed(client, ticket, |client| client.void(seq)) }
}

/// Holds back what waits: nothing is sent until pointcard_resume (a report's retry_in_ms is
/// UINT32_MAX meanwhile). Sales, the answer under way and everything else go on. Not stored: a
/// restart ends it.
///
/// Returns ERR_NULL, ERR_BAD_STATE, ERR_BUSY.
// Safety: `client` as everywhere.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_pause(client: *mut pointcard_client) -> Status {
    // Safety: as promised above.
    status(unsafe {
        cell::with(client, |client| {
            client.pause();
            Ok(())
        })
    })
}

/// Ends a pointcard_pause.
///
/// Returns ERR_NULL, ERR_BAD_STATE, ERR_BUSY.
// Safety: `client` as everywhere.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_resume(client: *mut pointcard_client) -> Status {
    // Safety: as promised above.
    status(unsafe {
        cell::with(client, |client| {
            client.resume();
            Ok(())
        })
    })
}
