//! Group commit: many appends, one sync.
//!
//! In: up to [`BATCH_MAX`] items. Out: their records, one behind the other without the gaps that
//! `align` leaves between syncs, durable together.
//!
//! All but the last record of a sync say that one more follows; so opening the store knows a cut
//! batch, appends nothing behind it, and keeps what of it is whole.

use super::fault::{Fault, Result};
use super::limits::{Load, Terms};
use super::medium::Medium;
use super::record::{ITEM_FIXED, Shape, kind, up};
use super::scan::SYNC_MAX;
use super::write::checked_head;
use super::{Appended, Item, Queue, RECENT};
use crate::port::Storage;

/// Items in one batch at most: as many as [`Queue::append`] looks back over, so that a batch whose
/// end is unknown can be repeated whole.
pub const BATCH_MAX: usize = RECENT;

impl Queue {
    /// Records items; all are durable when it returns. One sync, and one more for every sector or
    /// 16 KiB that the batch goes beyond.
    ///
    /// `told[i]` says what became of `items[i]`; duplicates, of recent entries or within the batch,
    /// are answered as by [`Queue::append`]. An error before anything is written (`Conflict`,
    /// `QueueFull`, `TooLong`, a limit) refuses the whole batch. After power was cut or the storage
    /// failed the first n items are recorded, n from none to all; on a disk that keeps unsynced
    /// blocks in any order, any of them, each whole or not at all (numbers left out then count as
    /// [lost](super::Opened::lost)). Repeating the batch completes it.
    ///
    /// `Conflict`: `at` is the place of the item in the batch. `TooLong` `items`: more than [`BATCH_MAX`]. `BufferTooSmall` `told`: shorter than `items`.
    pub fn append_batch(
        &mut self,
        storage: &mut dyn Storage,
        items: &[Item<'_>],
        terms: &Terms,
        told: &mut [Appended],
    ) -> crate::status::Result<()> {
        self.with(storage, |queue, medium| queue.do_batch(medium, items, terms, told))
    }

    fn do_batch(
        &mut self,
        medium: &mut Medium<'_>,
        items: &[Item<'_>],
        terms: &Terms,
        told: &mut [Appended],
    ) -> Result<()> {
        if items.len() > BATCH_MAX {
            return Err(Fault::Items.at(medium, BATCH_MAX));
        }
        let Some(told) = told.get_mut(..items.len()) else {
            return Err(Fault::Told.at(medium, items.len()));
        };
        let load = self.recognise(medium, items, told)?;
        // What is recorded already is no append: no limit may keep its answer back.
        if load.count == 0 {
            return Ok(());
        }
        let pressure = self.admit(medium, &load, terms)?;
        self.make_batch_room(medium, items, told, terms.held)?;
        self.write_batch(medium, items, told)?;
        for one in told.iter_mut().filter(|one| !one.duplicate) {
            one.pressure = pressure;
        }
        Ok(())
    }

    /// Checks every item, tells duplicates from new ones and gives these their numbers.
    fn recognise(
        &mut self,
        medium: &mut Medium<'_>,
        items: &[Item<'_>],
        told: &mut [Appended],
    ) -> Result<Load> {
        let mut load = Load { count: 0, bytes: 0, points_each: 0, points: 0 };
        for (index, item) in items.iter().enumerate() {
            checked_head(medium, item)?;
            // Only a conflict is about one item.
            let own = |fault, medium: &mut Medium<'_>| match fault {
                Fault::Conflict => Fault::Conflict.at(medium, index),
                other => other,
            };
            let recent = self.same_recent(medium, item).map_err(|fault| own(fault, medium))?;
            let known = match recent {
                Some(seq) => Some(seq),
                None => same_before(items, told, index).map_err(|fault| own(fault, medium))?,
            };
            let seq = known.unwrap_or(self.live.next.saturating_add(load.count));
            if let Some(one) = told.get_mut(index) {
                *one = Appended { seq, duplicate: known.is_some(), ..Appended::default() };
            }
            if known.is_none() {
                load = load.and(&Load::of(item));
            }
        }
        Ok(load)
    }

    /// Fails with `Full` before anything is written.
    fn make_batch_room(
        &mut self,
        medium: &mut Medium<'_>,
        items: &[Item<'_>],
        told: &[Appended],
        held: bool,
    ) -> Result<()> {
        let opened = self.sectors_for(&medium.shape, items, told);
        let count = fresh(items, told).count() as u32;
        if !self.may_open(opened, count, held) && self.state.is_staged() {
            self.flush(medium)?;
        }
        match self.may_open(opened, count, held) {
            true => Ok(()),
            false => Err(self.full(medium)?),
        }
    }

    /// How many sectors the batch opens.
    fn sectors_for(&self, shape: &Shape, items: &[Item<'_>], told: &[Appended]) -> u32 {
        let (mut off, mut start, mut opened) = (self.live.off, self.live.off, 0);
        for (item, following) in fresh(items, told) {
            if off.saturating_add(taken(shape, item)) > shape.sector {
                (off, opened) = (shape.first_record(), opened + 1);
                start = off;
            }
            let end = off + taken(shape, item);
            if joins(shape, start, end, following) {
                off = up(end, shape.prog);
            } else {
                off = up(end, shape.align);
                start = off;
            }
        }
        opened
    }

    fn write_batch(
        &mut self,
        medium: &mut Medium<'_>,
        items: &[Item<'_>],
        told: &[Appended],
    ) -> Result<()> {
        let (mut start, first) = (self.live.off, self.live.next);
        for (item, following) in fresh(items, told) {
            let head = checked_head(medium, item)?;
            let pieces = [head.get(), item.req_id.as_bytes(), item.body, &[]];
            if !self.live.fits(medium, pieces.iter().map(|piece| piece.len()).sum()) {
                if self.live.next == first {
                    self.open_live(medium)?;
                } else {
                    self.live.open_next(medium).map_err(Fault::spent)?;
                    self.live.follow(medium, self.state.live.mark())?;
                }
                start = self.live.off;
            }
            let more =
                joins(&medium.shape, start, self.live.off + taken(&medium.shape, item), following);
            let what = if more { kind::ITEM | kind::JOINED } else { kind::ITEM };
            let head = self.live.generation;
            let place = self.live.push(medium, what, self.live.next as u32, pieces)?;
            if place.generation != head {
                start = place.off;
            }
            self.note_appended(item);
            if !more {
                medium.sync()?;
                start = self.live.off;
            }
        }
        Ok(())
    }
}

/// The items that are no duplicates, each with the one that follows it.
fn fresh<'i>(
    items: &'i [Item<'i>],
    told: &'i [Appended],
) -> impl Iterator<Item = (&'i Item<'i>, Option<&'i Item<'i>>)> {
    let new =
        move || items.iter().zip(told).filter(|(_, one)| !one.duplicate).map(|(item, _)| item);
    new().zip(new().skip(1).map(Some).chain(core::iter::once(None)))
}

/// Bytes an item's record takes.
fn taken(shape: &Shape, item: &Item<'_>) -> u32 {
    shape.taken(ITEM_FIXED + item.req_id.len() + item.body.len()) as u32
}

/// Whether the record behind one that ends at `end` goes into the sync that began at `start`.
fn joins(shape: &Shape, start: u32, end: u32, following: Option<&Item<'_>>) -> bool {
    following.is_some_and(|item| {
        let to = up(end, shape.prog).saturating_add(taken(shape, item));
        to <= shape.sector && to.saturating_sub(start) <= SYNC_MAX
    })
}

/// The number of an equal item earlier in the batch; an unequal one with its req_id is an error.
fn same_before(items: &[Item<'_>], told: &[Appended], index: usize) -> Result<Option<u64>> {
    let (Some(item), Some(before)) = (items.get(index), items.get(..index)) else {
        return Ok(None);
    };
    let Some((other, one)) = before.iter().zip(told).find(|(b, _)| b.req_id == item.req_id) else {
        return Ok(None);
    };
    // When it was made does not matter.
    if (Item { created: item.created, ..*other }) == *item {
        return Ok(Some(one.seq));
    }
    Err(Fault::Conflict)
}
