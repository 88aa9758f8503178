//! An entry whose body changes: its state is written down by writing it again.
//!
//! In: a number and the new body. Out: a copy at the backlog's head, then the original settled; after
//! a power cut between the two, opening the store finishes the move.

use super::fault::{Fault, Result};
use super::medium::Medium;
use super::record::{self, ITEM_FIXED, MOVED_FIXED, Moved, kind};
use super::write::checked_head;
use super::{EntryState, Item, Queue, Spot};
use crate::port::Storage;

/// What becomes of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replace<'a> {
    /// The body from now on.
    pub body: &'a [u8],
    /// Its request is another one, which was never sent; else the attempts stay as they are.
    pub fresh: bool,
}

impl Queue {
    /// Gives a waiting entry another body; req_id, profile, kind, points, its time and its number
    /// stay. From then on it stands at the backlog's end, where it is in no sale's way and has its
    /// turn once more. Durable when it returns, and either done or not after a power cut. Two
    /// syncs; more when the backlog has to be tidied for it.
    ///
    /// `NotFound`: no such entry waits. `BadState`: it was refused. `Range`: it stands behind the
    /// 64 oldest of its lane; [`Queue::reach`] brings it among them. `QueueFull`: no room in the
    /// backlog. `TooLong`: `at` says the limit. After any of these nothing changed. `buf` lends
    /// memory ([`ENTRY_MAX`](super::ENTRY_MAX)).
    pub fn replace(
        &mut self,
        storage: &mut dyn Storage,
        seq: u64,
        how: &Replace<'_>,
        buf: &mut [u8],
    ) -> crate::status::Result<()> {
        self.with(storage, |queue, medium| queue.do_replace(medium, seq, how, buf))
    }

    fn do_replace(
        &mut self,
        medium: &mut Medium<'_>,
        seq: u64,
        how: &Replace<'_>,
        buf: &mut [u8],
    ) -> Result<()> {
        let spot = self.position(medium, seq)?.ok_or(Fault::NotFound)?;
        self.bring_in(medium, spot)?;
        let Some(taken) = self.fetch(medium, spot, buf)? else { return Err(Fault::Corrupt) };
        let Some(entry) = self.entry(taken, buf) else { return Err(Fault::Corrupt) };
        if entry.state == EntryState::Parked {
            return Err(Fault::Parked);
        }
        let item = Item { body: how.body, ..entry.item };
        checked_head(medium, &item)?;
        let len = MOVED_FIXED + ITEM_FIXED + item.req_id.len() + item.body.len();
        if self.back_room(medium, len, false)? {
            return self.replace_in(medium, spot, how, buf);
        }
        self.tidy_for(medium, len, buf)?;
        // Tidying moves what stands in the backlog.
        let spot = self.position(medium, seq)?.ok_or(Fault::NotFound)?;
        self.bring_in(medium, spot)?;
        self.replace_in(medium, spot, how, buf)
    }

    /// Moves the backlog's oldest entries to its end until a copy of `len` bytes has room.
    fn tidy_for(&mut self, medium: &mut Medium<'_>, len: usize, buf: &mut [u8]) -> Result<()> {
        while !self.back_room(medium, len, false)? {
            if !self.tidy(medium, buf)? {
                return Err(Fault::BacklogFull);
            }
        }
        Ok(())
    }

    /// Writes the copy where it fits, then settles the original.
    fn replace_in(
        &mut self,
        medium: &mut Medium<'_>,
        from: Spot,
        how: &Replace<'_>,
        buf: &mut [u8],
    ) -> Result<()> {
        self.copy_to_back(medium, from, how, buf)?;
        self.write_state(medium, None)
    }

    /// The copy, durable and counted.
    #[inline(never)] // so that its head is gone while the state is written
    fn copy_to_back(
        &mut self,
        medium: &mut Medium<'_>,
        from: Spot,
        how: &Replace<'_>,
        buf: &mut [u8],
    ) -> Result<()> {
        let Some(taken) = self.fetch(medium, from, buf)? else { return Err(Fault::Corrupt) };
        let Some(entry) = self.entry(taken, buf) else { return Err(Fault::Corrupt) };
        let attempts = if how.fresh { 0 } else { entry.attempts };
        let item = Item { body: how.body, ..entry.item };
        let (seq, source, parked) = (entry.seq, from.source(), false);
        let moved = Moved { seq, from: from.pos, attempts, parked, source, reason: None };
        let (head, fixed) = (record::moved_head(&moved), checked_head(medium, &item)?);
        let pieces = [head.get(), fixed.get(), item.req_id.as_bytes(), item.body];
        let to = Spot::back(self.back.next);
        self.back.push(medium, kind::MOVED, to.pos as u32, pieces)?;
        medium.sync()?;
        self.back.next = to.pos.saturating_add(1);
        self.count_move(medium, from, parked, attempts)?;
        self.note_oldest(to, item.created);
        Ok(())
    }
}
