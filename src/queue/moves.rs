//! Making way: what stands before an entry moves to the backlog, or to the backlog's end.
//!
//! In: a lane whose oldest entries are in the way. Out: their copies at the backlog's head, as many
//! as one sync of one sector takes; durable before the originals are settled. When power is cut
//! between the two, opening the store settles the original of every copy in the head.

use super::fault::{Fault, Result};
use super::medium::Medium;
use super::record::{self, FRAME, Moved, up};
use super::scan::SYNC_MAX;
use super::walk::{LIVE, step};
use super::{Cursor, EntryState, Queue, Spot};

impl Queue {
    pub(crate) fn do_reach(
        &mut self,
        m: &mut Medium<'_>,
        seq: u64,
        buf: &mut [u8],
    ) -> Result<bool> {
        let spot = self.position(m, seq)?.ok_or(Fault::NotFound)?;
        if self.state.bit(spot).is_none() {
            self.flush(m)?;
        }
        while self.state.bit(spot).is_none() {
            let before = self.state.of(spot.back).mark();
            self.move_front(m, spot.back, buf)?;
            if self.state.of(spot.back).mark() == before {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(crate) fn do_relieve(&mut self, m: &mut Medium<'_>, buf: &mut [u8]) -> Result<bool> {
        loop {
            if self.move_front(m, false, buf)? {
                return Ok(true);
            }
            if !self.tidy(m, buf)? {
                return Ok(false);
            }
        }
    }

    /// Moves the backlog's oldest entries to its end, when so many behind them are settled that
    /// this makes room: one that rests there keeps every sector behind it from being opened again.
    /// False: it would not.
    pub(crate) fn tidy(&mut self, m: &mut Medium<'_>, buf: &mut [u8]) -> Result<bool> {
        Ok(self.is_sparse() && self.move_front(m, true, buf)?)
    }

    /// Whether the backlog's settled entries, from the oldest unsettled one on, take two sectors. Each
    /// entry moved leaves behind the settled ones before it, so within one lap there are none.
    pub(crate) fn is_sparse(&self) -> bool {
        let span = super::short(self.back.next.saturating_sub(self.state.back.mark()));
        let settled = span.saturating_sub(self.unsettled_in(true));
        settled >= self.per_sector().max(1).saturating_mul(2)
    }

    /// Moves the oldest unsettled entries of a lane to the backlog's end: one sync for the copies,
    /// one for the originals. False: nothing was moved.
    pub(crate) fn move_front(
        &mut self,
        m: &mut Medium<'_>,
        back: bool,
        buf: &mut [u8],
    ) -> Result<bool> {
        let before = self.back.next;
        loop {
            match self.move_some(m, back, buf) {
                // A mount ends only what stands in the head: what was copied is ended first.
                Err(Fault::Bad) => {
                    m.sync()?;
                    self.flush(m)?;
                    self.back.go_on(m)?;
                }
                done => return Ok(done? || self.back.next != before),
            }
        }
    }

    /// The same; `Bad`: the head did not take all, and the originals of what it took are staged.
    fn move_some(&mut self, m: &mut Medium<'_>, back: bool, buf: &mut [u8]) -> Result<bool> {
        self.flush(m)?;
        let mark = self.state.of(back).mark();
        let Some((mut spot, mut len)) = self.movable(m, Spot { back, pos: mark })? else {
            self.flush(m)?;
            return self.skip_lost(m, back).map(|()| false);
        };
        if !self.back_room(m, len, back)? {
            return Ok(false);
        }
        let start = self.back.off;
        loop {
            let end = self.back.off.saturating_add(m.shape.taken(len) as u32);
            let following = self.movable(m, Spot { pos: spot.pos + 1, ..spot })?;
            let place = up(end, m.shape.prog);
            let following = following.filter(|(_, len)| {
                let end = place.saturating_add(m.shape.taken(*len) as u32);
                end <= m.shape.sector && end.saturating_sub(start) <= SYNC_MAX
            });
            self.copy_one(m, spot, following.is_some(), buf)?;
            match following {
                Some(next) => (spot, len) = next,
                None => break,
            }
        }
        m.sync()?;
        self.flush(m)?;
        Ok(true)
    }

    /// Moves a lane's watermark to the first number from it on that the medium still holds: in one
    /// step, for a forged header may claim thousands of millions that were never there.
    fn skip_lost(&mut self, m: &mut Medium<'_>, back: bool) -> Result<()> {
        let (mut mark, ring) = (self.state.of(back).mark(), *self.ring(back));
        if mark >= ring.next {
            return Ok(());
        }
        let mut cursor = Cursor::at(LIVE, ring.sector_with(m, ring.tail, mark)?);
        let mut held = ring.next;
        while let Some(hit) = step(&ring, m, &mut cursor)? {
            let pos = record::widen(hit.frame.number, ring.next);
            if pos >= mark {
                held = pos;
                break;
            }
            cursor.off = hit.next;
        }
        if held > mark {
            self.state.skip_to(back, held);
        }
        while mark < held {
            let (known, end) = self.gaps.run(mark);
            let end = end.min(held);
            if back || !known {
                self.counts.lost = self.counts.lost.saturating_add(super::short(end - mark));
            }
            if !back && !known {
                self.gaps.note(mark, end - mark);
            }
            mark = end;
        }
        self.flush(m)
    }

    /// The first unsettled entry of the window from `from` on, and how long a copy's payload is.
    pub(crate) fn movable(
        &mut self,
        m: &mut Medium<'_>,
        from: Spot,
    ) -> Result<Option<(Spot, usize)>> {
        for pos in from.pos..self.window_end(from.back) {
            let spot = Spot { pos, ..from };
            if self.state.settled(spot) {
                continue;
            }
            match self.peek(m, spot)? {
                Some(peek) => return Ok(Some((spot, peek.copy_len))),
                None => self.count_lost(spot),
            }
        }
        Ok(None)
    }

    /// Programs the copy of one entry and settles the original in RAM. Not synced.
    fn copy_one(
        &mut self,
        m: &mut Medium<'_>,
        spot: Spot,
        more: bool,
        buf: &mut [u8],
    ) -> Result<()> {
        let Some(taken) = self.fetch(m, spot, buf)? else { return Err(Fault::Corrupt) };
        let Some(entry) = self.entry(taken, buf) else { return Err(Fault::Corrupt) };
        let (seq, attempts, reason) = (entry.seq, entry.attempts, entry.reason);
        let parked = entry.state == EntryState::Parked;
        let (from, source) = (spot.pos, spot.source());
        let moved = Moved { seq, from, attempts, parked, source, reason };
        let bytes = buf.get(FRAME..FRAME + usize::from(taken.frame.len)).unwrap_or(&[]);
        let Some(payload) = record::decode_payload(taken.frame.kind, bytes) else {
            return Err(Fault::Corrupt);
        };
        self.push_back(m, more, &moved, payload.raw)?;
        self.count_move(m, spot, parked, attempts)
    }
}
