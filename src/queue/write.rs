//! Recording: append, sent, settled, buried. Each ends with one sync.
//!
//! In: an item or a number. Out: records, durable when the call returns.

use super::fault::{Fault, Result};
use super::limits::{Load, Terms};
use super::medium::{Medium, Reader};
use super::record::{self, Bytes, FRAME, Moved, kind};
use super::seal;
use super::state::{SNAP_MAX, WINDOW};
use super::take::Peek;
use super::walk::{LIVE, step};
use super::{Appended, Buried, Cursor, Item, Queue, RECENT, Reason, Spot, fingerprint};

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
        self.make_room(medium, len, terms.held)?;
        let seq = self.live.next;
        self.live.push(medium, kind::ITEM, seq as u32, pieces)?;
        medium.sync()?;
        self.note_appended(item);
        Ok(Appended { seq, duplicate: false, pressure })
    }

    /// One more entry at the live lane's end, its points owed.
    pub(crate) fn note_appended(&mut self, item: &Item<'_>) {
        let pos = self.live.next;
        self.live.next = pos.saturating_add(1);
        self.live.total = self.live.total.wrapping_add(item.points.into());
        self.note_recent(pos, item.req_id);
        self.note_oldest(Spot::live(pos), item.created);
    }

    /// Keeps the time of a lane's oldest entry.
    pub(crate) fn note_oldest(&mut self, spot: Spot, created: u64) {
        let [live, back] = &mut self.oldest;
        if spot.pos == self.state.of(spot.back).mark() {
            *if spot.back { back } else { live } = (spot.pos, created);
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
            let Some(peek) = self.peek_recent(medium, pos)? else { continue };
            match compare(medium, &peek, item)? {
                Same::Other => {}
                Same::Equal => return Ok(Some(peek.seq)),
                Same::Conflict => return Err(Fault::Conflict),
            }
        }
        Ok(None)
    }

    /// A recent entry, or its copy where its own record is erased already.
    fn peek_recent(&mut self, medium: &mut Medium<'_>, seq: u64) -> Result<Option<Peek>> {
        match self.peek(medium, Spot::live(seq))? {
            None if self.state.settled(Spot::live(seq)) => match self.copy_of(medium, seq)? {
                Some(spot) => self.peek(medium, spot),
                None => Ok(None),
            },
            found => Ok(found),
        }
    }

    pub(crate) fn note_recent(&mut self, pos: u64, req_id: &str) {
        if let Some(slot) = self.recent.get_mut((pos % RECENT as u64) as usize) {
            *slot = fingerprint(req_id);
        }
    }

    /// Makes the head ready for an append of `len` bytes, or says `QueueFull`.
    pub(crate) fn make_room(
        &mut self,
        medium: &mut Medium<'_>,
        len: usize,
        held: bool,
    ) -> Result<()> {
        let opened = u32::from(!self.live.fits(medium, len));
        if !self.may_open(opened, 1, held) && self.state.is_staged() {
            self.flush(medium)?;
        }
        if !self.may_open(opened, 1, held) {
            return Err(self.full(medium)?);
        }
        if !self.live.fits(medium, len) {
            self.open_live(medium)?;
        }
        Ok(())
    }

    /// Opens the live lane's next sector; nothing may depend on its being opened yet.
    pub(crate) fn open_live(&mut self, medium: &mut Medium<'_>) -> Result<()> {
        match self.live.open_next(medium) {
            // Older sectors were good: what they hold can make way.
            Err(Fault::Bad) if self.live.tail < self.live.generation => Err(self.full(medium)?),
            done => {
                done?;
                self.live.follow(medium, self.state.live.mark())
            }
        }
    }

    /// Which lane refuses an append: the live one, as long as its oldest entry could make way.
    pub(crate) fn full(&mut self, medium: &mut Medium<'_>) -> Result<Fault> {
        let oldest = self.movable(medium, Spot::live(self.state.live.mark()))?;
        let free = self.back.free(self.state.back.mark()) > self.spare() || self.is_sparse();
        Ok(match oldest {
            Some((_, len)) if free || self.back.fits(medium, len) => Fault::Full,
            _ => Fault::BacklogFull,
        })
    }

    /// Whether `count` entries may be appended that open this many sectors: there is room, and
    /// none of them can be stopped by others. Those that fit the window have their turn whatever
    /// stands before them; behind it, what stands before must be able to move out of the way. What
    /// cannot go out now must be able to make way itself, or the lane would fill with it.
    pub(crate) fn may_open(&self, opened: u32, count: u32, held: bool) -> bool {
        let mark = self.state.live.mark();
        let span = self.live.next.saturating_sub(mark).saturating_add(count.into());
        let used = self.live.used(mark).saturating_add(opened);
        let stopped = match held {
            true => !self.can_always_move(used, self.spare()),
            false => span > WINDOW && !self.can_always_move(used, 0),
        };
        self.live.free(mark) >= opened && !stopped
    }

    /// Whether the backlog surely takes all of so many live sectors: copies are longer, and fill
    /// sectors less well, but never twice as many.
    pub(crate) fn can_always_move(&self, used: u32, spare: u32) -> bool {
        let free = self.back.free(self.state.back.mark());
        free >= used.saturating_mul(2).saturating_add(spare)
    }

    /// Sectors of the backlog kept free for moving what it holds to its end.
    pub(crate) fn spare(&self) -> u32 {
        if self.back.count < 16 { 1 } else { 2 }
    }

    pub(crate) fn do_mark_sent(&mut self, medium: &mut Medium<'_>, seq: u64) -> Result<u8> {
        let spot = self.unsettled(medium, seq)?;
        let mut known = self.state.attempts(spot);
        if known == 0
            && self.state.moved_sent > 0
            && let Some((before, parked)) = self.peek(medium, spot)?.and_then(|peek| peek.copy)
        {
            known = before;
            self.uncount_sent(before, parked);
        }
        let attempts = known.saturating_add(1);
        if attempts != self.state.attempts(spot) {
            self.state.set_attempts(spot, attempts);
            self.write_state(medium, Some(spot))?;
        } else {
            self.flush(medium)?;
        }
        Ok(attempts)
    }

    pub(crate) fn do_settle(&mut self, medium: &mut Medium<'_>, seq: u64) -> Result<()> {
        if let Some(spot) = self.position(medium, seq)? {
            self.bring_in(medium, spot)?;
            self.stage_spot(spot, true);
        }
        self.flush(medium)
    }

    pub(crate) fn do_retract(&mut self, medium: &mut Medium<'_>, seq: u64) -> Result<()> {
        let spot = self.unsettled(medium, seq)?;
        let attempts = self.state.attempts(spot);
        let copy = self.peek(medium, spot)?.and_then(|peek| peek.copy);
        let before = copy.map_or(0, |(before, _)| before);
        if attempts <= before || attempts == u8::MAX {
            return self.flush(medium); // Too many to count, or told by the copy: doubt stays.
        }
        self.state.set_attempts(spot, attempts - 1);
        self.write_state(medium, Some(spot))
    }

    pub(crate) fn do_stage(&mut self, seq: u64) -> Result<()> {
        if seq == 0 || seq >= self.live.next {
            return Err(Fault::NotFound);
        }
        let hint = self.hint;
        let spot = if hint.seq == seq { hint.spot } else { Spot::live(seq) };
        if self.state.settled(spot) {
            // With a backlog about it may be only the original that is; a read could tell.
            return if self.unsettled_in(true) == 0 { Ok(()) } else { Err(Fault::NotFound) };
        }
        self.in_window(spot)?;
        self.stage_spot(spot, true);
        Ok(())
    }

    /// Settles an entry of its lane's window in RAM; `priced` when its points still count as owed.
    pub(crate) fn stage_spot(&mut self, spot: Spot, priced: bool) {
        let hint = self.hint;
        let window = self.state.of_mut(spot.back);
        let bit = window.acks.bit(spot.pos).unwrap_or(0) & !window.acks.done;
        if bit & window.staged != 0 {
            return;
        }
        window.staged |= bit;
        if priced {
            window.unpriced |= bit;
            if hint.spot == spot && !hint.moved {
                self.price(spot.back, bit, hint.points);
            }
        }
    }

    fn price(&mut self, back: bool, bit: u64, points: u32) {
        self.state.of_mut(back).unpriced &= !bit;
        self.state.settled_points = self.state.settled_points.wrapping_add(points.into());
    }

    /// Looks up the points of what was staged without being read.
    fn price_all(&mut self, medium: &mut Medium<'_>, back: bool) -> Result<()> {
        while self.state.of(back).unpriced != 0 {
            let slot = self.state.of(back).unpriced.trailing_zeros();
            let pos = self.state.of(back).mark().saturating_add(slot.into());
            let spot = Spot { back, pos };
            let peek = self.peek(medium, spot)?;
            self.price(back, 1 << slot, peek.map_or(0, |peek| peek.points));
            if let Some((attempts, parked)) = peek.and_then(|peek| peek.copy) {
                self.uncount_copy(spot, attempts, parked);
            }
        }
        Ok(())
    }

    /// One copy less among the unsettled.
    pub(crate) fn uncount_copy(&mut self, spot: Spot, attempts: u8, parked: bool) {
        if parked {
            self.state.moved_parked = self.state.moved_parked.saturating_sub(1);
            self.state.irregular = true;
        }
        if self.state.attempts(spot) == 0 {
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
        from: Spot,
        parked: bool,
        attempts: u8,
    ) -> Result<()> {
        if from.back || self.state.moved_sent > 0 {
            let peek = self.peek(medium, from)?;
            if let Some((before, was_parked)) = peek.and_then(|peek| peek.copy) {
                self.uncount_copy(from, before, was_parked);
            }
        }
        self.stage_spot(from, false);
        let sent = !parked && attempts > 0;
        self.state.moved_parked += u32::from(parked);
        self.state.moved_sent += u32::from(sent);
        // Only SNAP tells how many copies there are: one that rots later must be missed.
        self.state.irregular = true;
        Ok(())
    }

    /// Makes the backlog's head ready for a copy of `len` bytes; false: no room. What moves within
    /// the backlog may take the sectors that others leave free.
    pub(crate) fn back_room(
        &mut self,
        m: &mut Medium<'_>,
        len: usize,
        within: bool,
    ) -> Result<bool> {
        if self.back.fits(m, len) {
            return Ok(true);
        }
        let mark = self.state.back.mark();
        let kept = if within { 0 } else { self.spare() };
        if self.back.free(mark) <= kept {
            return Ok(false);
        }
        match self.back.open_next(m) {
            Err(Fault::Bad) => return Ok(false),
            done => done?,
        }
        self.back.follow(m, mark)?;
        Ok(true)
    }

    /// Programs one copy at the backlog's head, where it fits. Not synced. `Bad`: the head did not
    /// take it, see [`super::ring::Ring::go_on`].
    pub(crate) fn push_back(
        &mut self,
        medium: &mut Medium<'_>,
        more: bool,
        moved: &Moved<'_>,
        item: &[u8],
    ) -> Result<()> {
        let what = if more { kind::MOVED | kind::JOINED } else { kind::MOVED };
        let pos = self.back.next;
        let head = record::moved_head(moved);
        self.back.try_push(medium, what, pos as u32, [head.get(), item, &[], &[]])?;
        self.back.next = pos.saturating_add(1);
        Ok(())
    }

    /// Appends one copy to the backlog, durably; false: no room.
    pub(crate) fn copy_back(
        &mut self,
        medium: &mut Medium<'_>,
        moved: &Moved<'_>,
        item: &[u8],
    ) -> Result<bool> {
        let len = record::moved_head(moved).get().len() + item.len();
        if !self.back_room(medium, len, false)? {
            return Ok(false);
        }
        while let Err(fault) = self.push_back(medium, false, moved, item) {
            match fault {
                Fault::Bad => self.back.go_on(medium)?,
                other => return Err(other),
            }
        }
        medium.sync()?;
        Ok(true)
    }

    pub(crate) fn do_bury(
        &mut self,
        medium: &mut Medium<'_>,
        seq: u64,
        reason: &Reason<'_>,
        buf: &mut [u8],
    ) -> Result<Buried> {
        let spot = self.pending(medium, seq)?;
        let Some(taken) = self.fetch(medium, spot, buf)? else {
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
        let moved =
            Moved { seq, from: spot.pos, attempts, parked: false, source: spot.source(), reason };
        if self.push_dead(medium, record::moved_head(&moved).get(), payload.raw)? {
            self.stage_spot(spot, true);
            self.flush(medium)?;
            return Ok(Buried::Moved);
        }
        if parked {
            return Ok(Buried::Parked);
        }
        if self.copy_back(medium, &Moved { parked: true, ..moved }, payload.raw)? {
            self.count_move(medium, spot, true, attempts)?;
        } else {
            let bit = self.state.bit(spot).unwrap_or(0);
            self.park(medium, spot, bit)?;
        }
        self.write_state(medium, None)?;
        Ok(Buried::Parked)
    }

    /// Flags an entry where it is. A copy's own attempts count no longer among those sent.
    fn park(&mut self, medium: &mut Medium<'_>, spot: Spot, bit: u64) -> Result<()> {
        if self.state.attempts(spot) == 0
            && let Some((before, parked)) = self.peek(medium, spot)?.and_then(|peek| peek.copy)
        {
            self.uncount_sent(before, parked);
            self.state.set_attempts(spot, before);
        }
        self.state.of_mut(spot.back).parked |= bit;
        self.state.irregular = true;
        Ok(())
    }

    fn push_dead(&mut self, medium: &mut Medium<'_>, head: &[u8], item: &[u8]) -> Result<bool> {
        if !self.dead.fits(medium, head.len() + item.len()) {
            if self.dead.free(self.state.dead.mark) == 0 {
                return Ok(false);
            }
            match self.dead.open_next(medium) {
                Err(Fault::Bad) => return Ok(false),
                done => done?,
            }
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
        if !self.state.is_staged() && !self.state.irregular {
            return Ok(());
        }
        self.write_state(medium, None)
    }

    /// One record with everything that changed, and one sync.
    pub(crate) fn write_state(&mut self, m: &mut Medium<'_>, sent: Option<Spot>) -> Result<()> {
        self.price_all(m, false)?;
        self.price_all(m, true)?;
        self.push_state(m, sent)?;
        m.sync()?;
        self.log.tail = self.log.generation;
        self.live.follow(m, self.state.live.mark())?;
        self.back.follow(m, self.state.back.mark())?;
        self.dead.follow(m, self.state.dead.mark)?;
        self.refresh_oldest(m)
    }

    /// The record itself, not yet durable.
    #[inline(never)] // so that its bytes are gone while the oldest entries are looked for
    fn push_state(&mut self, m: &mut Medium<'_>, sent: Option<Spot>) -> Result<()> {
        let touched =
            |back| self.state.of(back).staged != 0 || sent.is_some_and(|s| s.back == back);
        let changed = match (touched(false), touched(true)) {
            (true, true) => None,
            (_, back) => Some(back),
        };
        self.state.merge();
        if self.unsettled_count() == 0 {
            // Drained: whatever an unreadable entry left in the sums is forgotten.
            self.state.settled_points = self.points_ever();
        }
        self.state.limit_moved(self.unsettled_count());
        let next = [self.live.next, self.back.next];
        let mut bytes = Bytes::new();
        let (mut what, mut number) = self.state.encode(changed, next, sent, &mut bytes);
        let seen = seal::witness(&m.shape, [&self.live, &self.back, &self.dead]);
        loop {
            if !self.log.fits(m, seen.get().len() + bytes.get().len()) {
                // RAM is ahead of the medium here: only another mount can tell what is settled.
                self.log.open_next(m).map_err(Fault::spent)?;
                (what, number) = self.state.encode(None, next, None, &mut bytes);
            }
            let pieces = [seen.get(), bytes.get(), &[], &[]];
            match self.log.try_push(m, what, number as u32, pieces) {
                Err(Fault::Bad) => self.log.off = m.shape.sector,
                done => return done.map(drop),
            }
        }
    }

    /// Erases ahead where the head is more than half full.
    pub(crate) fn do_maintain(&mut self, medium: &mut Medium<'_>) -> Result<()> {
        self.flush(medium)?;
        let half = medium.shape.sector / 2;
        let mut erased = false;
        let fresh = |ring: &super::Ring| ring.fresh > ring.generation;
        for back in [false, true] {
            let mark = self.state.of(back).mark();
            let ring = self.ring_mut(back);
            let used = ring.generation != 0 || !back;
            if used && ring.off > half && ring.free(mark) > 0 && !fresh(ring) {
                erased |= cleared(ring, medium)?;
            }
        }
        // One of the state lane's sectors is always enough: it opens with everything.
        let most = medium.shape.taken(seal::WITNESS + SNAP_MAX) as u32;
        if self.log.off > half.min(medium.shape.sector - most) && !fresh(&self.log) {
            erased |= cleared(&mut self.log, medium)?;
        }
        if erased { medium.sync() } else { Ok(()) }
    }

    /// Where an entry is counted that may be sent now.
    fn unsettled(&mut self, medium: &mut Medium<'_>, seq: u64) -> Result<Spot> {
        let spot = self.pending(medium, seq)?;
        let copy_parked = self.state.moved_parked > 0
            && self.peek(medium, spot)?.is_some_and(|p| p.copy.is_some_and(|copy| copy.1));
        if self.state.is_parked(spot) || copy_parked {
            return Err(Fault::Parked);
        }
        Ok(spot)
    }

    /// Where an unsettled entry of a window is counted.
    fn pending(&mut self, medium: &mut Medium<'_>, seq: u64) -> Result<Spot> {
        let spot = self.position(medium, seq)?.ok_or(Fault::NotFound)?;
        self.bring_in(medium, spot)?;
        Ok(spot)
    }

    /// Writes what is staged where that may move the window on to the entry.
    pub(crate) fn bring_in(&mut self, medium: &mut Medium<'_>, spot: Spot) -> Result<()> {
        if self.state.bit(spot).is_none() {
            self.flush(medium)?;
        }
        self.in_window(spot)
    }

    fn in_window(&self, spot: Spot) -> Result<()> {
        self.state.bit(spot).map(|_| ()).ok_or(Fault::Window)
    }

    /// Where the unsettled entry `seq` is counted, in a window or behind it; `None` when it is
    /// settled.
    pub(crate) fn position(&mut self, medium: &mut Medium<'_>, seq: u64) -> Result<Option<Spot>> {
        if seq == 0 || seq >= self.live.next {
            return Err(Fault::NotFound);
        }
        let live = Spot::live(seq);
        if !self.state.settled(live) {
            return Ok(Some(live));
        }
        if self.hint.seq == seq && self.hint.spot.back && !self.state.settled(self.hint.spot) {
            return Ok(Some(self.hint.spot));
        }
        self.copy_of(medium, seq)
    }

    /// Where the backlog's unsettled copy of `seq` is counted. Reads the backlog up to it.
    fn copy_of(&mut self, medium: &mut Medium<'_>, seq: u64) -> Result<Option<Spot>> {
        if self.unsettled_in(true) == 0 {
            return Ok(None);
        }
        let (ring, mut cursor) = (self.back, Cursor::at(LIVE, self.back.tail));
        while let Some(hit) = step(&ring, medium, &mut cursor)? {
            let spot = Spot::back(record::widen(hit.frame.number, ring.next));
            if record::u64_at(&hit.head, 0) == seq && !self.state.settled(spot) {
                return Ok(Some(spot));
            }
            cursor.off = hit.next;
        }
        Ok(None)
    }
}

/// Erases ahead; no good sector is no failure before one is needed.
fn cleared(ring: &mut super::Ring, medium: &mut Medium<'_>) -> Result<bool> {
    match ring.clear_next(medium) {
        Err(Fault::Bad) => Ok(false),
        done => done.map(|()| true),
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
    let mut reader = Reader::of_payload(&medium.shape);
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
