//! Section: accrue. Several sales, one sync.

use super::accrue::{hand_over, pointcard_sale, pointcard_ticket, rust_sale};
use super::life::pointcard_client;
use super::steps::writable;
use super::structs::{self, Versioned};
use super::{cell, status, texts};
use crate::client::{BATCH_ROOM, Batch};
use crate::queue::BATCH_MAX;
use crate::status::{Error, Status};

/// Most sales of one pointcard_accrue_batch; our own limit.
pub const POINTCARD_BATCH_MAX: usize = 32;
/// Bytes one sale takes in the memory lent to pointcard_accrue_batch, at most. A sale without memo
/// and ext_info takes about 200.
pub const POINTCARD_BATCH_ROOM: usize = 2932;

const _: () = assert!(POINTCARD_BATCH_MAX == BATCH_MAX && POINTCARD_BATCH_ROOM == BATCH_ROOM);

/// Records several sales in one sync, which costs little more than one sale alone. All of them are
/// durable when this returns POINTCARD_OK; each then is what pointcard_accrue makes it.
///
/// The limits hold for the batch as a whole; POINTCARD_F_MANAGER waives them if each sale has it.
///
/// @param client   an open client
/// @param sales    that many, one behind the other, all with the same struct_size; read during the
///                 call
/// @param count    at most POINTCARD_BATCH_MAX
/// @param tickets  receives where each went; as many, initialised; may be NULL
/// @param buf      memory for the call: POINTCARD_BATCH_ROOM bytes for each sale are enough
/// @param cap      bytes there
///
/// Returns as pointcard_accrue. Where it is about one sale ("sale.points", "item.req_id"), `at` in
/// the detail is its place, from 0; nothing of the batch was recorded. ERR_TOO_LONG about "sales"
/// (more than POINTCARD_BATCH_MAX), ERR_BUFFER_TOO_SMALL (`at`: what the sales up to the first that
/// does not fit take). ERR_STORAGE: any of them may be recorded; the same call again completes it.
/// Not for interrupt handlers.
// Safety: `client` as everywhere; `sales` and `tickets` are null or `count` structures as the
// header describes them; `buf` has `cap` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_accrue_batch(
    client: *mut pointcard_client,
    sales: *const pointcard_sale,
    count: usize,
    tickets: *mut pointcard_ticket,
    buf: *mut u8,
    cap: usize,
) -> Status {
    // Safety: as promised above, in this block and the blocks below.
    status(unsafe {
        cell::with(client, |client| {
            if count > BATCH_MAX {
                return Err(Error::new(Status::TooLong, "sales").at(BATCH_MAX));
            }
            for at in 0..if tickets.is_null() { 0 } else { count } {
                structs::check_out(element(tickets, at).cast_mut())?;
            }
            let mut batch = Batch::new(writable(buf, cap, "buf")?);
            for at in 0..count {
                let sale = structs::read(element(sales, at)).map_err(|error| error.at(at))?;
                let added = texts::with(client, |client, reader| {
                    client.add_to_batch(&mut batch, &rust_sale(&sale, reader)?)
                });
                added.map_err(|error| place(error, at))?;
            }
            let mut at = 0;
            client.accrue_batch(&batch, &mut |ticket| {
                if !tickets.is_null() {
                    hand_over(ticket, element(tickets, at).cast_mut());
                }
                at += 1;
            })
        })
    })
}

/// A sale's error says which one it is.
fn place(error: Error, at: usize) -> Error {
    match error.status {
        Status::BufferTooSmall => Error { what: "buf", ..error },
        _ => error.at(at),
    }
}

/// Element `at` of the caller's array, whose elements are as long as the first one says.
// Safety: `array` is null or has that many elements.
unsafe fn element<T: Versioned>(array: *const T, at: usize) -> *const T {
    if array.is_null() {
        return array;
    }
    // Safety: as promised above; a size that is none is found when the element is read.
    unsafe {
        let size = array.cast::<u32>().read_unaligned() as usize;
        array.cast::<u8>().add(size * at).cast()
    }
}
