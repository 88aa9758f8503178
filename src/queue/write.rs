//! Recording: append, sent, settled, buried. Each ends with one sync.
//!
//! In: an item or a number. Out: records, durable when the call returns.

use super::fault::{Fault, Result};
use super::limits::{Load, Terms};
use super::medium::{Medium, Reader};
use super::record::{self, FRAME, Moved, kind};
use super::state::{SNAP_MAX, WINDOW};
use super::take::Peek;
use super::{Appended, Buried, Item, Queue, RECENT, Reason, fingerprint};

impl Queue {
    pub(crate) fn do_append(
        &mut self,
        medium: &mut Medium<'_>,
        item: &Item<'_>,
        terms: &Terms,
    ) -> Result<Appended> {
        let head = checked_head(medium, item)?;
        if let Some(seq) = self.same_recent(medium, item)? {
            return Ok(Appended { seq, duplicate: true, ..Appended::default() });
        }
        let pressure = self.admit(medium, &Load::of(item), terms)?;
        let pieces = [head.get(), item.req_id.as_bytes(), item.body, &[]];
        let len = pieces.iter().map(|piece| piece.len()).sum();
        self.make_room(medium, len)?;
        let seq = self.live.next;
        self.live.push(medium, kind::ITEM, seq as u32, pieces)?;
        medium.sync()?;
        self.note_appended(item);
        Ok(Appended { seq, duplicate: false, pressure })
    }

    /// One more entry at the ring's end, its points owed.
    pub(crate) fn note_appended(&mut self, item: &Item<'_>) {
        let pos = self.live.next;
        self.live.next = pos.saturating_add(1);
        self.rear = 0;
        self.live.total = self.live.total.wrapping_add(item.points.into());
        self.note_recent(pos, item.req_id);
        if pos == self.state.live.mark {
            self.oldest = (pos, item.created);
        }
    }

    /// The number of an equal entry among the newest; an unequal one with its req_id is an error.
    pub(crate) fn same_recent(
        &mut self,
        medium: &mut Medium<'_>,
        item: &Item<'_>,
    ) -> Result<Option<u64>> {
        let wanted = fingerprint(item.req_id);
        let next = self.live.next;
        for pos in next.saturating_sub(RECENT as u64).max(1)..next {
            if self.recent.get((pos % RECENT as u64) as usize) != Some(&wanted) {
                continue;
            }
            let Some(peek) = self.peek(medium, pos)? else { continue };
            match compare(medium, &peek, item)? {
                Same::Other => {}
                Same::Equal => return Ok(Some(peek.seq)),
                Same::Conflict => return Err(Fault::Conflict),
            }
        }
        Ok(None)
    }

    pub(crate) fn note_recent(&mut self, pos: u64, req_id: &str) {
        if let Some(slot) = self.recent.get_mut((pos % RECENT as u64) as usize) {
            *slot = fingerprint(req_id);
        }
    }

    /// Makes the head ready for an append of `len` bytes, or says `QueueFull`.
    pub(crate) fn make_room(&mut self, medium: &mut Medium<'_>, len: usize) -> Result<()> {
        if !self.may_append(medium, len) && self.state.staged != 0 {
            self.flush(medium)?;
        }
        if !self.may_append(medium, len) {
            return Err(Fault::Full);
        }
        if !self.live.fits(medium, len) {
            self.live.open_next(medium)?;
            self.live.follow(medium, self.state.live.mark)?;
        }
        Ok(())
    }

    /// Appends leave one sector free, for copies.
    fn may_append(&self, medium: &Medium<'_>, len: usize) -> bool {
        let mark = self.state.live.mark;
        let needed = 1 + u32::from(!self.live.fits(medium, len));
        self.live.free(mark) >= needed || mark >= self.live.next
    }

    pub(crate) fn do_mark_sent(&mut self, medium: &mut Medium<'_>, seq: u64) -> Result<u8> {
        let pos = self.unsettled(medium, seq)?;
        let mut known = self.state.attempts(pos);
        if known == 0 && self.state.moved > 0 {
            let peek = self.peek(medium, pos)?;
            if let Some((before, parked)) = peek.and_then(|peek| peek.copy) {
                known = before;
                self.uncount_sent(before, parked);
            }
        }
        let attempts = known.saturating_add(1);
        if attempts != self.state.attempts(pos) {
            self.state.set_attempts(pos, attempts);
            self.write_state(medium, Some(pos))?;
        } else {
            self.flush(medium)?;
        }
        Ok(attempts)
    }

    pub(crate) fn do_settle(&mut self, medium: &mut Medium<'_>, seq: u64) -> Result<()> {
        match self.position(medium, seq)? {
            Some(pos) => self.stage_position(pos, true),
            None => return self.flush(medium),
        }
        self.flush(medium)
    }

    pub(crate) fn do_retract(&mut self, medium: &mut Medium<'_>, seq: u64) -> Result<()> {
        let pos = self.unsettled(medium, seq)?;
        let attempts = self.state.attempts(pos);
        if attempts == 0 || attempts == u8::MAX {
            return self.flush(medium); // Too many to count: doubt stays.
        }
        self.state.set_attempts(pos, attempts - 1);
        self.write_state(medium, Some(pos))
    }

    pub(crate) fn do_stage(&mut self, seq: u64) -> Result<()> {
        let hint = self.hint;
        let pos = if hint.seq == seq && hint.pos != 0 { hint.pos } else { seq };
        if seq == 0 || pos >= self.live.next || (pos == seq && seq < self.state.live.mark) {
            // A settled number, or a copy's original one; only a read could tell.
            let known = seq != 0 && pos < self.live.next && self.state.moved == 0;
            return if known { Ok(()) } else { Err(Fault::NotFound) };
        }
        if self.state.settled(pos) {
            // With copies about it may be only the original that is.
            return if self.state.moved == 0 { Ok(()) } else { Err(Fault::NotFound) };
        }
        if self.state.live.bit(pos).is_none() {
            return Err(Fault::Window);
        }
        self.stage_position(pos, true);
        Ok(())
    }

    /// Settles `pos` in RAM; `priced` when its points still count as owed.
    pub(crate) fn stage_position(&mut self, pos: u64, priced: bool) {
        let bit = self.state.live.bit(pos).unwrap_or(0) & !self.state.live.done;
        if bit & self.state.staged != 0 {
            return;
        }
        self.state.staged |= bit;
        if priced {
            self.state.unpriced |= bit;
            if self.hint.pos == pos && !self.hint.moved {
                self.price(bit, self.hint.points);
            }
        }
    }

    fn price(&mut self, bit: u64, points: u32) {
        self.state.unpriced &= !bit;
        self.state.settled_points = self.state.settled_points.wrapping_add(points.into());
    }

    /// Looks up the points of what was staged without being read.
    fn price_all(&mut self, medium: &mut Medium<'_>) -> Result<()> {
        while self.state.unpriced != 0 {
            let slot = self.state.unpriced.trailing_zeros();
            let pos = self.state.live.mark.saturating_add(slot.into());
            let peek = self.peek(medium, pos)?;
            self.price(1 << slot, peek.map_or(0, |peek| peek.points));
            if let Some((attempts, parked)) = peek.and_then(|peek| peek.copy) {
                self.uncount_copy(pos, attempts, parked);
            }
        }
        Ok(())
    }

    /// One copy less among the unsettled.
    pub(crate) fn uncount_copy(&mut self, pos: u64, attempts: u8, parked: bool) {
        let state = &mut self.state;
        state.moved = state.moved.saturating_sub(1);
        state.moved_parked = state.moved_parked.saturating_sub(u32::from(parked));
        state.irregular = true;
        if state.attempts(pos) == 0 {
            self.uncount_sent(attempts, parked);
        }
    }

    /// A copy sent before it was copied now has its attempts in the window.
    fn uncount_sent(&mut self, attempts: u8, parked: bool) {
        if attempts > 0 && !parked {
            self.state.moved_sent = self.state.moved_sent.saturating_sub(1);
            self.state.irregular = true;
        }
    }

    /// `from` now lives in a copy: settles the original in RAM, its points still owed.
    pub(crate) fn count_move(
        &mut self,
        medium: &mut Medium<'_>,
        from: u64,
        parked: bool,
        attempts: u8,
    ) -> Result<()> {
        if self.state.moved > 0 {
            let peek = self.peek(medium, from)?;
            if let Some((before, was_parked)) = peek.and_then(|peek| peek.copy) {
                self.uncount_copy(from, before, was_parked);
            }
        }
        self.stage_position(from, false);
        self.state.moved += 1;
        self.state.moved_parked += u32::from(parked);
        self.state.moved_sent += u32::from(!parked && attempts > 0);
        self.state.irregular = true;
        Ok(())
    }

    /// Appends a copy to the live ring, into the last free sector if need be; false: no room.
    pub(crate) fn push_copy(
        &mut self,
        medium: &mut Medium<'_>,
        head: &[u8],
        item: &[u8],
        req_id: &str,
    ) -> Result<bool> {
        if !self.live.fits(medium, head.len() + item.len()) {
            if self.live.free(self.state.live.mark) == 0 {
                return Ok(false);
            }
            self.live.open_next(medium)?;
        }
        let pos = self.live.next;
        self.live.push(medium, kind::MOVED, pos as u32, [head, item, &[], &[]])?;
        medium.sync()?;
        self.live.next = pos.saturating_add(1);
        self.rear = self.rear.saturating_add(1);
        self.note_recent(pos, req_id);
        Ok(true)
    }

    pub(crate) fn do_bury(
        &mut self,
        medium: &mut Medium<'_>,
        seq: u64,
        reason: &Reason<'_>,
        buf: &mut [u8],
    ) -> Result<Buried> {
        let pos = self.pending(medium, seq)?;
        let Some(taken) = self.fetch(medium, pos, buf)? else {
            return Err(Fault::Corrupt);
        };
        let (Some(entry), Some(payload)) = (
            self.entry(taken, buf),
            record::decode_payload(
                taken.frame.kind,
                buf.get(FRAME..FRAME + usize::from(taken.frame.len)).unwrap_or(&[]),
            ),
        ) else {
            return Err(Fault::Corrupt);
        };
        let (attempts, parked) = (entry.attempts, entry.state == super::EntryState::Parked);
        let reason = Some(*reason);
        let moved = Moved { seq, from: pos, attempts, parked: false, requeued: false, reason };
        if self.push_dead(medium, record::moved_head(&moved).get(), payload.raw)? {
            self.stage_position(pos, true);
            self.flush(medium)?;
            return Ok(Buried::Moved);
        }
        if parked {
            return Ok(Buried::Parked);
        }
        let head = record::moved_head(&Moved { parked: true, ..moved });
        if self.push_copy(medium, head.get(), payload.raw, entry.item.req_id)? {
            self.count_move(medium, pos, true, attempts)?;
        } else {
            self.state.parked |= self.state.live.bit(pos).unwrap_or(0);
            self.state.irregular = true;
        }
        self.write_state(medium, None)?;
        Ok(Buried::Parked)
    }

    fn push_dead(&mut self, medium: &mut Medium<'_>, head: &[u8], item: &[u8]) -> Result<bool> {
        if !self.dead.fits(medium, head.len() + item.len()) {
            if self.dead.free(self.state.dead.mark) == 0 {
                return Ok(false);
            }
            self.dead.open_next(medium)?;
            self.dead.follow(medium, self.state.dead.mark)?;
        }
        let pos = self.dead.next;
        self.dead.push(medium, kind::MOVED, pos as u32, [head, item, &[], &[]])?;
        medium.sync()?;
        self.dead.next = pos.saturating_add(1);
        Ok(true)
    }

    pub(crate) fn do_discard(&mut self, medium: &mut Medium<'_>, seq: u64) -> Result<()> {
        let Some(pos) = self.dead_position(medium, seq)? else { return Err(Fault::NotFound) };
        let Some(bit) = self.state.dead.bit(pos) else {
            return Err(Fault::Window);
        };
        self.state.dead.done |= bit;
        self.state.irregular = true;
        self.write_state(medium, None)
    }

    /// Writes what is staged, if anything is.
    pub(crate) fn flush(&mut self, medium: &mut Medium<'_>) -> Result<()> {
        if self.state.staged == 0 && !self.state.irregular {
            return Ok(());
        }
        self.write_state(medium, None)
    }

    /// One record with everything that changed, and one sync.
    pub(crate) fn write_state(&mut self, medium: &mut Medium<'_>, sent: Option<u64>) -> Result<()> {
        self.price_all(medium)?;
        self.state.merge();
        if self.state.live.mark >= self.live.next {
            // Drained: whatever an unreadable entry left in the sums is forgotten.
            self.state.settled_points = self.live.total;
        }
        let done = self.state.live.done.count_ones();
        let unsettled = super::short(self.live.next.saturating_sub(self.state.live.mark));
        self.state.limit_moved(unsettled.saturating_sub(done).saturating_sub(self.state.voided()));
        let next = self.live.next;
        let (mut what, mut bytes) = self.state.encode(false, next, sent);
        if !self.log.fits(medium, bytes.get().len()) {
            self.log.open_next(medium)?;
            (what, bytes) = self.state.encode(true, next, None);
        }
        let number = self.state.live.mark as u32;
        self.log.push(medium, what, number, [bytes.get(), &[], &[], &[]])?;
        medium.sync()?;
        self.live.follow(medium, self.state.live.mark)?;
        self.dead.follow(medium, self.state.dead.mark)?;
        self.refresh_oldest(medium)
    }

    /// Erases ahead where the head is more than half full.
    pub(crate) fn do_maintain(&mut self, medium: &mut Medium<'_>) -> Result<()> {
        self.flush(medium)?;
        let half = medium.shape.sector / 2;
        let mut erased = false;
        let fresh = |ring: &super::Ring| ring.fresh == ring.generation.saturating_add(1);
        if self.live.off > half && self.live.free(self.state.live.mark) > 0 && !fresh(&self.live) {
            self.live.clear_next(medium)?;
            erased = true;
        }
        // One of the state lane's sectors is always enough: it opens with everything.
        if self.log.off > half.min(medium.shape.sector - SNAP_MAX as u32) && !fresh(&self.log) {
            self.log.clear_next(medium)?;
            erased = true;
        }
        if erased { medium.sync() } else { Ok(()) }
    }

    /// The position of an entry that may be sent now.
    fn unsettled(&mut self, medium: &mut Medium<'_>, seq: u64) -> Result<u64> {
        let pos = self.pending(medium, seq)?;
        let copy_parked = self.state.moved_parked > 0
            && self.peek(medium, pos)?.is_some_and(|p| p.copy.is_some_and(|copy| copy.1));
        if self.state.is_parked(pos) || copy_parked {
            return Err(Fault::Parked);
        }
        Ok(pos)
    }

    /// The position of an unsettled entry.
    fn pending(&mut self, medium: &mut Medium<'_>, seq: u64) -> Result<u64> {
        self.position(medium, seq)?.ok_or(Fault::NotFound)
    }

    /// Where in the live ring the unsettled entry `seq` is counted; `None` when it is settled.
    pub(crate) fn position(&mut self, medium: &mut Medium<'_>, seq: u64) -> Result<Option<u64>> {
        if seq == 0 || seq >= self.live.next {
            return Err(Fault::NotFound);
        }
        if self.state.moved > 0 {
            return self.moved_position(medium, seq);
        }
        if self.state.settled(seq) {
            return Ok(None);
        }
        self.state.live.bit(seq).map(|_| Some(seq)).ok_or(Fault::Window)
    }

    /// The same while there are copies: reads the window until `seq` is found.
    fn moved_position(&mut self, medium: &mut Medium<'_>, seq: u64) -> Result<Option<u64>> {
        if self.hint.seq == seq && !self.state.settled(self.hint.pos) {
            return Ok(Some(self.hint.pos));
        }
        let mark = self.state.live.mark;
        let mut copies = 0;
        for pos in mark..mark.saturating_add(WINDOW).min(self.live.next) {
            if self.state.settled(pos) {
                continue;
            }
            let Some(peek) = self.peek(medium, pos)? else { continue };
            if peek.seq == seq {
                return Ok(Some(pos));
            }
            copies += u32::from(peek.copy.is_some());
        }
        // Beyond the window: itself, or one of the copies not met.
        let behind = self.state.settled(seq) && copies < self.state.moved;
        if behind || self.state.live.bit(seq).is_none() && seq >= mark {
            return Err(Fault::Window);
        }
        Ok(None)
    }
}

/// An item's bytes before req_id and body, if all of it fits this medium.
pub(crate) fn checked_head(
    medium: &mut Medium<'_>,
    item: &Item<'_>,
) -> Result<record::Bytes<{ record::ITEM_FIXED }>> {
    let head = record::item_head(item)?;
    let limit = medium.shape.body_max(item.req_id.len());
    if item.body.len() > limit {
        return Err(Fault::Body.at(medium, limit));
    }
    Ok(head)
}

enum Same {
    Other,
    Equal,
    Conflict,
}

/// Compares a recorded entry with an item, byte by byte; when it was made does not matter.
fn compare(medium: &mut Medium<'_>, peek: &Peek, item: &Item<'_>) -> Result<Same> {
    let end = peek.item_at + peek.item_len;
    let mut reader = Reader::new();
    let mut head = [0; record::ITEM_FIXED];
    reader.exact(medium, peek.item_at, &mut head, end)?;
    let req_at = peek.item_at + head.len() as u32;
    let req = item.req_id.as_bytes();
    if usize::from(record::u8_at(&head, 19)) != req.len()
        || !equal(medium, &mut reader, req_at, req, end)?
    {
        return Ok(Same::Other);
    }
    let body_at = req_at + req.len() as u32;
    let same = record::u64_at(&head, 0) == item.profile
        && record::u32_at(&head, 14) == item.points
        && record::u8_at(&head, 18) == item.kind
        && end - body_at.min(end) == item.body.len() as u32
        && equal(medium, &mut reader, body_at, item.body, end)?;
    Ok(if same { Same::Equal } else { Same::Conflict })
}

fn equal(
    medium: &mut Medium<'_>,
    reader: &mut Reader,
    at: u32,
    bytes: &[u8],
    end: u32,
) -> Result<bool> {
    let (mut at, mut rest) = (at, bytes);
    while !rest.is_empty() {
        let got = reader.some(medium, at, rest.len() as u32, end)?;
        let Some((now, later)) = rest.split_at_checked(got.len()) else { return Ok(false) };
        if got.is_empty() || got != now {
            return Ok(false);
        }
        (at, rest) = (at + now.len() as u32, later);
    }
    Ok(true)
}
