//! Reading entries: by number, the next to send.
//!
//! In: a number. Out: the record in the caller's buffer, and what it is.

use super::fault::{Fault, Result};
use super::medium::Medium;
use super::record::{self, FRAME, Frame, ITEM_FIXED, Moved, kind};
use super::ring::{Place, Ring};
use super::scan::{Hit, NO_BIT, Scan};
use super::state::WINDOW;
use super::{Entry, EntryState, Hint, Queue};

/// Bytes read at once in the hope that the record is no longer.
const FIRST_READ: usize = 384;
/// Unsettled entries up to which the window is moved on over copies, too.
const CROWD: u32 = 32;
/// Entries copied in one call at most.
const LAP: u32 = 256;

/// A record in the caller's buffer: its frame, its number, and the lane it came from.
#[derive(Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) frame: Frame,
    pub(crate) pos: u64,
    pub(crate) dead: bool,
}

/// What is known of an entry without its body.
#[derive(Clone, Copy)]
pub(crate) struct Peek {
    pub(crate) seq: u64,
    pub(crate) points: u32,
    pub(crate) created: u64,
    /// `Some` when it is a copy: how often sent before, whether parked.
    pub(crate) copy: Option<(u8, bool)>,
    /// The address of the item's own bytes.
    pub(crate) item_at: u32,
    pub(crate) item_len: u32,
}

impl Queue {
    /// The entry in `buf`, with the state RAM knows.
    pub(crate) fn entry<'b>(&self, taken: Taken, buf: &'b [u8]) -> Option<Entry<'b>> {
        let end = FRAME + usize::from(taken.frame.len);
        let payload = record::decode_payload(taken.frame.kind, buf.get(FRAME..end)?)?;
        let moved = payload.moved;
        let ram = if taken.dead { 0 } else { self.state.attempts(taken.pos) };
        let before = moved.map_or(0, |m| m.attempts);
        let parked = self.state.is_parked(taken.pos) || moved.is_some_and(|m| m.parked);
        let attempts = if ram > 0 { ram } else { before };
        let state = match () {
            () if taken.dead => EntryState::Dead,
            () if self.state.settled(taken.pos) => EntryState::Settled,
            () if parked => EntryState::Parked,
            () if attempts > 0 => EntryState::Sent,
            () => EntryState::Waiting,
        };
        Some(Entry {
            seq: moved.map_or(taken.pos, |m| m.seq),
            state,
            attempts: if state == EntryState::Settled { 0 } else { attempts },
            item: payload.item,
            reason: moved.and_then(|m| m.reason),
        })
    }

    /// Reads the live record `pos` into `buf`. `None` when it is unreadable.
    pub(crate) fn fetch(
        &mut self,
        medium: &mut Medium<'_>,
        pos: u64,
        buf: &mut [u8],
    ) -> Result<Option<Taken>> {
        for place in self.guesses(pos) {
            // A guess may hit what was torn there before the number was given again: no mending.
            if let Some(taken) = self.fetch_at(medium, place, pos, buf, false)? {
                return Ok(Some(taken));
            }
        }
        match self.live.locate(medium, self.live.tail, pos)? {
            Some(place) => self.fetch_at(medium, place, pos, buf, true),
            None => Ok(None),
        }
    }

    /// Where `pos` stands if it is the entry read last or the one behind it.
    fn guesses(&self, pos: u64) -> impl Iterator<Item = Place> + use<> {
        let hint = self.hint;
        let generation = hint.place.generation;
        let behind = Place { generation, off: hint.behind };
        let first = self.shape.first_record();
        let over = Place { generation: generation.saturating_add(1), off: first };
        let known = generation >= self.live.oldest() && generation != 0;
        let same = known && hint.pos == pos;
        let next = known && hint.pos.checked_add(1) == Some(pos);
        let next_sector = next && generation < self.live.generation;
        [(same, hint.place), (next, behind), (next_sector, over)]
            .into_iter()
            .filter_map(|(ok, place)| ok.then_some(place))
    }

    fn fetch_at(
        &mut self,
        medium: &mut Medium<'_>,
        place: Place,
        pos: u64,
        buf: &mut [u8],
        mend: bool,
    ) -> Result<Option<Taken>> {
        let Some(frame) = read_record(&self.live, medium, place, buf, mend)? else {
            return Ok(None);
        };
        if frame.number != pos as u32 {
            return Ok(None);
        }
        let bytes = buf.get(FRAME..FRAME + usize::from(frame.len)).unwrap_or(&[]);
        let Some(payload) = record::decode_payload(frame.kind, bytes) else { return Ok(None) };
        self.hint = Hint {
            pos,
            seq: payload.moved.map_or(pos, |m| m.seq),
            place,
            behind: frame.next(&self.shape, place.off + FRAME as u32 + u32::from(frame.len) + 1),
            points: payload.item.points,
            moved: payload.moved.is_some(),
        };
        if pos == self.state.live.mark {
            self.oldest = (pos, payload.item.created);
        }
        Ok(Some(Taken { frame, pos, dead: false }))
    }

    /// Looks at the live record `pos` without a buffer. `None` when it is unreadable.
    pub(crate) fn peek(&mut self, medium: &mut Medium<'_>, pos: u64) -> Result<Option<Peek>> {
        for place in self.guesses(pos) {
            let mut scan = Scan::at(medium, place.generation, place.off);
            match scan.next(&self.live, medium)? {
                Some(hit)
                    if hit.off == place.off && !hit.mended && hit.frame.number == pos as u32 =>
                {
                    return peek_hit(medium, &hit, pos).map(Some);
                }
                _ => {}
            }
        }
        let from = if pos >= self.state.live.mark { self.live.tail } else { self.live.oldest() };
        let Some(place) = self.live.locate(medium, from, pos)? else { return Ok(None) };
        let mut scan = Scan::from(&self.live, medium, place.generation, place.off)?;
        match scan.next(&self.live, medium)? {
            Some(hit) => peek_hit(medium, &hit, pos).map(Some),
            None => Ok(None),
        }
    }

    /// Chooses the next entry to send and reads it.
    pub(crate) fn pick(
        &mut self,
        medium: &mut Medium<'_>,
        from: u64,
        buf: &mut [u8],
    ) -> Result<Option<Taken>> {
        let mut seen = 0;
        // Bounded, in case the medium claims a huge number of entries it does not hold.
        for _ in 0..LAP {
            let start = self.state.live.mark.max(seen);
            seen = self.window_end();
            let found = if self.state.moved == 0 {
                self.pick_plain(medium, start.max(from), buf)?
            } else {
                self.pick_sorted(medium, start, from, buf)?
            };
            if found.is_some() || !self.widen_window(medium, buf)? {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Without copies in the ring: numbers are in order.
    fn pick_plain(
        &mut self,
        medium: &mut Medium<'_>,
        start: u64,
        buf: &mut [u8],
    ) -> Result<Option<Taken>> {
        for pos in start..self.window_end() {
            if !self.offered(pos) {
                continue;
            }
            if let Some(taken) = self.fetch(medium, pos, buf)? {
                return Ok(Some(taken));
            }
            self.count_lost(pos);
        }
        Ok(None)
    }

    /// With copies: the lowest original number of the window.
    fn pick_sorted(
        &mut self,
        medium: &mut Medium<'_>,
        start: u64,
        from: u64,
        buf: &mut [u8],
    ) -> Result<Option<Taken>> {
        let mut best: Option<(u64, u64)> = None;
        for pos in start..self.window_end() {
            if !self.offered(pos) {
                continue;
            }
            match self.peek(medium, pos)? {
                None => self.count_lost(pos),
                Some(Peek { copy: Some((_, true)), .. }) => {}
                Some(peek) if peek.seq >= from && best.is_none_or(|(seq, _)| peek.seq < seq) => {
                    best = Some((peek.seq, pos));
                }
                Some(_) => {}
            }
        }
        match best {
            Some((_, pos)) => self.fetch(medium, pos, buf),
            None => Ok(None),
        }
    }

    /// One past the last number the window reaches.
    fn window_end(&self) -> u64 {
        self.state.live.mark.saturating_add(WINDOW).min(self.live.next)
    }

    fn offered(&self, pos: u64) -> bool {
        !self.state.settled(pos) && !self.state.is_parked(pos)
    }

    /// A number nothing can be read for: nothing is left to send, so it counts as settled.
    fn count_lost(&mut self, pos: u64) {
        self.stage_position(pos, false);
        if !self.gaps.knows(pos) {
            self.counts.lost = self.counts.lost.saturating_add(1);
            self.gaps.note(pos, 1);
        }
    }

    /// When the window is used up: writes what is staged, or moves the oldest entry to the head.
    fn widen_window(&mut self, medium: &mut Medium<'_>, buf: &mut [u8]) -> Result<bool> {
        if self.window_end() >= self.live.next {
            return Ok(false);
        }
        if self.state.staged != 0 {
            let before = self.state.live.mark;
            self.flush(medium)?;
            if self.state.live.mark != before {
                return Ok(true);
            }
        }
        // Behind the newest entry stand only copies of what has had its turn.
        let newest = self.live.next.saturating_sub(self.rear.into());
        if self.window_end() >= newest && self.crowd(medium)? > CROWD {
            return Ok(false);
        }
        self.relocate(medium, buf)
    }

    /// Entries of the window that are neither settled nor parked.
    fn crowd(&mut self, medium: &mut Medium<'_>) -> Result<u32> {
        let mut crowd = 0;
        for pos in self.state.live.mark..self.window_end() {
            if !self.offered(pos) {
                continue;
            }
            let parked = self.state.moved_parked > 0
                && self.peek(medium, pos)?.is_some_and(|p| p.copy.is_some_and(|c| c.1));
            crowd += u32::from(!parked);
        }
        Ok(crowd)
    }

    /// Copies the oldest unsettled entry to the head, then settles the original.
    fn relocate(&mut self, medium: &mut Medium<'_>, buf: &mut [u8]) -> Result<bool> {
        let pos = self.state.live.mark;
        let Some(taken) = self.fetch(medium, pos, buf)? else {
            self.count_lost(pos);
            return self.flush(medium).map(|()| true);
        };
        let Some(entry) = self.entry(taken, buf) else { return Ok(false) };
        let parked = entry.state == EntryState::Parked;
        let (seq, attempts, reason) = (entry.seq, entry.attempts, entry.reason);
        let moved = Moved { seq, from: pos, attempts, parked, requeued: false, reason };
        let head = record::moved_head(&moved);
        let end = FRAME + usize::from(taken.frame.len);
        let payload = buf.get(FRAME..end).unwrap_or(&[]);
        let Some(payload) = record::decode_payload(taken.frame.kind, payload) else {
            return Ok(false);
        };
        if !self.push_copy(medium, head.get(), payload.raw, entry.item.req_id)? {
            return Ok(false);
        }
        self.count_move(medium, pos, parked, attempts)?;
        self.flush(medium)?;
        Ok(true)
    }

    /// Reads on for the oldest entry's time when the one known is settled.
    pub(crate) fn refresh_oldest(&mut self, medium: &mut Medium<'_>) -> Result<()> {
        let mark = self.state.live.mark;
        if mark < self.live.next && self.oldest.0 != mark {
            let peek = self.peek(medium, mark)?;
            self.oldest = (mark, peek.map_or(0, |peek| peek.created));
        }
        Ok(())
    }
}

fn peek_hit(medium: &mut Medium<'_>, hit: &Hit, pos: u64) -> Result<Peek> {
    let len = u32::from(hit.frame.len);
    let mut peek = Peek {
        seq: pos,
        points: record::u32_at(&hit.head, 14),
        created: u64::from(record::u32_at(&hit.head, 8))
            | u64::from(record::u16_at(&hit.head, 12)) << 32,
        copy: None,
        item_at: hit.at,
        item_len: len,
    };
    if hit.frame.kind != kind::MOVED {
        return Ok(peek);
    }
    let texts = record::u8_at(&hit.head, 24).saturating_add(record::u8_at(&hit.head, 25));
    let skip = record::MOVED_FIXED as u32 + u32::from(texts);
    let mut item = [0; ITEM_FIXED];
    if skip + ITEM_FIXED as u32 <= len {
        hit.read(medium, skip, &mut item)?;
    }
    let parked = record::u8_at(&hit.head, 17) & record::flag::PARKED != 0;
    peek.seq = record::u64_at(&hit.head, 0);
    peek.points = record::u32_at(&item, 14);
    peek.created = u64::from(record::u32_at(&item, 8)) | u64::from(record::u16_at(&item, 12)) << 32;
    peek.copy = Some((record::u8_at(&hit.head, 16), parked));
    peek.item_at = hit.at + skip;
    peek.item_len = len.saturating_sub(skip);
    Ok(peek)
}

/// Reads the record at `place` whole into `buf`, mending one bit if it may; `None` when there is
/// none.
pub(crate) fn read_record(
    ring: &Ring,
    medium: &mut Medium<'_>,
    place: Place,
    buf: &mut [u8],
    mend: bool,
) -> Result<Option<Frame>> {
    let sector = medium.shape.sector;
    let left = sector.saturating_sub(place.off) as usize;
    if left < FRAME {
        return Ok(None);
    }
    let at = ring.address(medium, place.generation) + place.off;
    let first = FIRST_READ.min(left).min(buf.len());
    read_into(medium, at, buf, 0, first)?;
    if first < FRAME {
        return Err(Fault::Buffer.at(medium, super::ENTRY_MAX));
    }
    if let Some(frame) = Frame::decode(buf) {
        let end = FRAME + usize::from(frame.len);
        if end <= left {
            need(medium, buf, end)?;
            read_into(medium, at, buf, first, end)?;
            let seed = medium.shape.seed(ring.lane, place.generation, place.off);
            if seed.add(buf.get(4..end).unwrap_or(&[])).value() == frame.crc {
                return Ok(Some(frame));
            }
        }
    }
    if !mend || buf.iter().take(FRAME).all(|&b| b == 0xFF) {
        return Ok(None);
    }
    mend_record(ring, medium, place, buf)
}

fn mend_record(
    ring: &Ring,
    medium: &mut Medium<'_>,
    place: Place,
    buf: &mut [u8],
) -> Result<Option<Frame>> {
    let mut scan = Scan::at(medium, place.generation, place.off);
    let Some(hit) = scan.next(ring, medium)?.filter(|hit| hit.off == place.off) else {
        return Ok(None);
    };
    let end = FRAME + usize::from(hit.frame.len);
    need(medium, buf, end)?;
    read_into(medium, hit.at - FRAME as u32, buf, 0, end)?;
    if hit.bit != NO_BIT
        && let Some(byte) = buf.get_mut(FRAME + hit.bit / 8)
    {
        *byte ^= 1 << (hit.bit % 8);
    }
    medium.repaired += u32::from(hit.mended);
    Ok(Some(hit.frame))
}

fn need(medium: &mut Medium<'_>, buf: &[u8], len: usize) -> Result<()> {
    if buf.len() < len {
        return Err(Fault::Buffer.at(medium, len));
    }
    Ok(())
}

fn read_into(m: &mut Medium<'_>, at: u32, buf: &mut [u8], from: usize, to: usize) -> Result<()> {
    match buf.get_mut(from..to) {
        Some(room) if !room.is_empty() => m.read(at + from as u32, room),
        _ => Ok(()),
    }
}
