//! Several sales, one sync: a tour group's receipts, a day's sales brought over from elsewhere.
//!
//! In: sales, checked one by one into memory the caller lends. Out: all of them durable together,
//! and a [`Ticket`] for each.

use super::{Checked, Client, Ticket};
use crate::points::refund::KIND_DEPOSIT;
use crate::points::sale::Sale;
use crate::port::Ports;
use crate::queue::{Appended, BATCH_MAX, BODY_MAX, Item, Terms};
use crate::status::{Error, Result, Status};
use crate::text::Text;

/// Room a sale takes in a batch at most, in bytes. One without memo and extra information takes
/// about 200.
pub const BATCH_ROOM: usize = 32 + BODY_MAX;

/// Sales that were checked and are not recorded yet: at most [`BATCH_MAX`].
pub struct Batch<'r> {
    items: [Item<'r>; BATCH_MAX],
    len: usize,
    /// A manager has waived the limits for each of them.
    manager: bool,
    room: &'r mut [u8],
}

/// Whose sales they are does not reach a log.
impl core::fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Batch").field("len", &self.len).finish_non_exhaustive()
    }
}

const NO_ITEM: Item<'static> =
    Item { req_id: "", profile: 0, kind: KIND_DEPOSIT, points: 0, created: 0, body: &[] };

impl<'r> Batch<'r> {
    /// An empty one. `room` holds the sales: at most [`BATCH_ROOM`] bytes each.
    pub fn new(room: &'r mut [u8]) -> Self {
        Batch { items: [NO_ITEM; BATCH_MAX], len: 0, manager: true, room }
    }

    /// How many sales are in it.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn items(&self) -> &[Item<'r>] {
        self.items.get(..self.len).unwrap_or_default()
    }

    fn add(&mut self, req_id: &str, body: &[u8], item: Item<'static>, manager: bool) -> Result<()> {
        let Some(place) = self.items.get_mut(self.len) else {
            return Err(Error::new(Status::TooLong, "sales").at(BATCH_MAX));
        };
        let small = Error::new(Status::BufferTooSmall, "room").at(req_id.len() + body.len());
        if self.room.len() < req_id.len() + body.len() {
            return Err(small);
        }
        let req_id = keep(&mut self.room, req_id.as_bytes()).ok_or(small)?;
        let body = keep(&mut self.room, body).ok_or(small)?;
        *place = Item { req_id: core::str::from_utf8(req_id).unwrap_or_default(), body, ..item };
        self.len += 1;
        self.manager &= manager;
        Ok(())
    }
}

/// Copies `bytes` to the beginning of `room`, which begins behind them from then on.
fn keep<'r>(room: &mut &'r mut [u8], bytes: &[u8]) -> Option<&'r [u8]> {
    let (mine, rest) = core::mem::take(room).split_at_mut_checked(bytes.len())?;
    for (to, from) in mine.iter_mut().zip(bytes) {
        *to = *from;
    }
    *room = rest;
    Some(mine)
}

impl<P: Ports> Client<'_, P> {
    /// Checks a sale as [`accrue`](Self::accrue) does and puts it into `batch`. Nothing is recorded
    /// yet; when it fails the batch is as it was.
    ///
    /// `TooLong` about `sales`: there are [`BATCH_MAX`] in it. `BufferTooSmall` about `room`: `at`
    /// is what this sale takes. `Argument` about `sale.rule`: a batch wants points. Else as `accrue`.
    pub fn add_to_batch(&mut self, batch: &mut Batch<'_>, sale: &Sale<'_>) -> Result<()> {
        let prepared = self.put_in(batch, sale);
        self.note(prepared)
    }

    fn put_in(&mut self, batch: &mut Batch<'_>, sale: &Sale<'_>) -> Result<()> {
        sale.says_points()?;
        let Checked { deposit, profile, req_id, points, .. } = self.check_sale(sale)?;
        let created = self.unix_time();
        let body = deposit.store(&mut self.record)?;
        let item = Item { profile, points, created, ..NO_ITEM };
        batch.add(&req_id, body, item, sale.manager)
    }

    /// Records the batch: all of it is durable when this returns `Ok`, after one sync (and one more
    /// for every sector or 16 KiB it goes beyond). `each` then hears the tickets, in order.
    ///
    /// A sale recorded a moment ago, or twice in the batch, is a duplicate as with
    /// [`accrue`](Self::accrue). `Conflict` (`at` is the sale's place in the batch), `QueueFull` and
    /// a limit refuse the batch as a whole; a manager waives limits only if each of its sales says
    /// so. `Storage`: any of its sales may be recorded; repeating the batch completes it.
    pub fn accrue_batch(&mut self, batch: &Batch<'_>, each: &mut dyn FnMut(&Ticket)) -> Result<()> {
        let recorded = self.record_batch(batch, each);
        self.note(recorded)
    }

    fn record_batch(&mut self, batch: &Batch<'_>, each: &mut dyn FnMut(&Ticket)) -> Result<()> {
        self.mend()?;
        self.append_all(batch, each)
    }

    #[inline(never)] // so that the tickets are not there while a queue is mended
    fn append_all(&mut self, batch: &Batch<'_>, each: &mut dyn FnMut(&Ticket)) -> Result<()> {
        let mut told = [Appended::default(); BATCH_MAX];
        let terms = Terms { now: self.unix_time(), manager: batch.manager, held: false };
        loop {
            let items = batch.items();
            match self.queue.append_batch(self.ports.storage(), items, &terms, &mut told) {
                Err(error) if self.make_way(&error)? => {}
                done => break done?,
            }
        }
        for (item, one) in batch.items().iter().zip(&told) {
            // Cannot be longer: it was made from such a text.
            let req_id = Text::try_from(item.req_id).unwrap_or_default();
            let (seq, duplicate, points) = (one.seq, one.duplicate, item.points);
            let ticket = Ticket { seq, req_id, duplicate, points, voided: false };
            self.tell_stored(&ticket, item.points, &one.pressure);
            each(&ticket);
        }
        Ok(())
    }
}
