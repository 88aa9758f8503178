//! Reading entries: by number, the next to send.
//!
//! In: a number. Out: the record in the caller's buffer, and what it is.

use super::crc::{Crc, flipped_bit};
use super::fault::{Fault, Result};
use super::medium::Medium;
use super::record::{self, FRAME, Frame, ITEM_FIXED, PAYLOAD_MAX};
use super::ring::{Place, Ring};
use super::scan::{Hit, Scan};
use super::state::WINDOW;
use super::walk::{LIVE, step};
use super::{BACKLOG_TURN, Cursor, Entry, EntryState, Hint, Queue, Spot};

/// Bytes read at once in the hope that the record is no longer.
const FIRST_READ: usize = 384;

/// A record in the caller's buffer: its frame, its number, and the lane it came from.
#[derive(Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) frame: Frame,
    pub(crate) spot: Spot,
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
    /// Bytes of the payload a copy of it has.
    pub(crate) copy_len: usize,
}

impl Queue {
    /// The entry in `buf`, with the state RAM knows.
    pub(crate) fn entry<'b>(&self, taken: Taken, buf: &'b [u8]) -> Option<Entry<'b>> {
        let end = FRAME + usize::from(taken.frame.len);
        let payload = record::decode_payload(taken.frame.kind, buf.get(FRAME..end)?)?;
        let moved = payload.moved;
        let ram = if taken.dead { 0 } else { self.state.attempts(taken.spot) };
        let before = moved.map_or(0, |m| m.attempts);
        let parked = self.state.is_parked(taken.spot) || moved.is_some_and(|m| m.parked);
        let attempts = if ram > 0 { ram } else { before };
        let state = match () {
            () if taken.dead => EntryState::Dead,
            () if self.state.settled(taken.spot) => EntryState::Settled,
            () if parked => EntryState::Parked,
            () if attempts > 0 => EntryState::Sent,
            () => EntryState::Waiting,
        };
        Some(Entry {
            seq: moved.map_or(taken.spot.pos, |m| m.seq),
            turn: if taken.dead { 0 } else { taken.spot.turn() },
            state,
            attempts: if state == EntryState::Settled { 0 } else { attempts },
            item: payload.item,
            reason: moved.and_then(|m| m.reason),
        })
    }

    /// Reads the record of `spot` into `buf`. `None` when it is unreadable.
    pub(crate) fn fetch(
        &mut self,
        medium: &mut Medium<'_>,
        spot: Spot,
        buf: &mut [u8],
    ) -> Result<Option<Taken>> {
        if let Some(place) = self.guess(medium, spot)? {
            // It may hit what was torn there before the number was given again: no mending.
            if let Some(taken) = self.fetch_at(medium, place, spot, buf, false)? {
                return Ok(Some(taken));
            }
        }
        let ring = self.ring(spot.back);
        match ring.locate(medium, ring.tail, spot.pos)? {
            Some(place) => self.fetch_at(medium, place, spot, buf, true),
            None => Ok(None),
        }
    }

    /// Where `spot` may stand if it is the entry read last or the one behind it.
    ///
    /// A bad sector may hold the whole of a record it did not acknowledge, under a number that was
    /// given again behind it. So a number is looked for only where it lies before the next sector's
    /// first.
    fn guess(&self, medium: &mut Medium<'_>, spot: Spot) -> Result<Option<Place>> {
        let (hint, ring) = (self.hint, self.ring(spot.back));
        let generation = hint.place.generation;
        if hint.spot.back != spot.back || generation < ring.oldest() || generation == 0 {
            return Ok(None);
        }
        if hint.spot.pos == spot.pos {
            return Ok(Some(hint.place));
        }
        if hint.spot.pos.checked_add(1) != Some(spot.pos) {
            return Ok(None);
        }
        if spot.pos < ring.known_end(medium, generation)? {
            return Ok(Some(Place { generation, off: hint.behind }));
        }
        let over = Place { generation: generation + 1, off: self.shape.first_record() };
        Ok((spot.pos < ring.known_end(medium, over.generation)?).then_some(over))
    }

    fn fetch_at(
        &mut self,
        medium: &mut Medium<'_>,
        place: Place,
        spot: Spot,
        buf: &mut [u8],
        mend: bool,
    ) -> Result<Option<Taken>> {
        let Some(frame) = read_record(self.ring(spot.back), medium, place, buf, mend)? else {
            return Ok(None);
        };
        if frame.number != spot.pos as u32 {
            return Ok(None);
        }
        let bytes = buf.get(FRAME..FRAME + usize::from(frame.len)).unwrap_or(&[]);
        let Some(payload) = record::decode_payload(frame.kind, bytes) else { return Ok(None) };
        self.hint = Hint {
            spot,
            seq: payload.moved.map_or(spot.pos, |m| m.seq),
            place,
            behind: frame.next(&self.shape, place.off + self.shape.taken(frame.len.into()) as u32),
            points: payload.item.points,
            moved: payload.moved.is_some(),
        };
        self.note_oldest(spot, payload.item.created);
        Ok(Some(Taken { frame, spot, dead: false }))
    }

    /// Looks at the record of `spot` without a buffer. `None` when it is unreadable.
    pub(crate) fn peek(&mut self, medium: &mut Medium<'_>, spot: Spot) -> Result<Option<Peek>> {
        if let Some(place) = self.guess(medium, spot)?
            && let Some(peek) = self.peek_at(medium, spot, place, true)?
        {
            return Ok(Some(peek));
        }
        let waits = spot.pos >= self.state.of(spot.back).mark();
        let ring = self.ring(spot.back);
        let from = if waits { ring.tail } else { ring.oldest() };
        let Some(place) = ring.locate(medium, from, spot.pos)? else { return Ok(None) };
        self.peek_at(medium, spot, place, false)
    }

    /// The same at one place, which may be a guess. Apart, so that a record is not searched for
    /// below the window of another walk.
    #[inline(never)]
    fn peek_at(
        &self,
        medium: &mut Medium<'_>,
        spot: Spot,
        place: Place,
        guess: bool,
    ) -> Result<Option<Peek>> {
        let ring = self.ring(spot.back);
        let mut scan = match guess {
            true => Scan::at(medium, place.generation, place.off),
            false => Scan::from(ring, medium, place.generation, place.off)?,
        };
        let Some(hit) = scan.next(ring, medium)? else { return Ok(None) };
        let found = hit.off == place.off && !hit.mended && hit.frame.number == spot.pos as u32;
        if guess && !found {
            return Ok(None);
        }
        peek_hit(medium, &hit, spot.pos).map(Some)
    }

    /// The first entry from turn `from` on that may be sent, read into `buf`.
    pub(crate) fn pick(
        &mut self,
        medium: &mut Medium<'_>,
        from: u64,
        buf: &mut [u8],
    ) -> Result<Option<Taken>> {
        let behind = from.checked_sub(BACKLOG_TURN);
        if behind.is_none()
            && let Some(taken) = self.pick_from(medium, Spot::live(from), buf)?
        {
            return Ok(Some(taken));
        }
        self.pick_from(medium, Spot::back(behind.unwrap_or(0)), buf)
    }

    /// The same in one lane, from a number of it on: first in the window, then behind it.
    fn pick_from(
        &mut self,
        m: &mut Medium<'_>,
        from: Spot,
        buf: &mut [u8],
    ) -> Result<Option<Taken>> {
        let end = self.window_end(from.back);
        let start = self.state.of(from.back).mark().max(from.pos);
        for pos in start..end {
            let spot = Spot { pos, ..from };
            if !self.offered(spot) {
                continue;
            }
            match self.fetch(m, spot, buf)? {
                Some(taken) if self.is_parked(taken, buf) => {}
                Some(taken) => return Ok(Some(taken)),
                None => self.count_lost(spot),
            }
        }
        self.pick_behind(m, Spot { pos: end.max(from.pos), ..from }, buf)
    }

    /// The same behind the window, record by record: the medium may claim numbers it does not hold.
    fn pick_behind(
        &mut self,
        m: &mut Medium<'_>,
        from: Spot,
        buf: &mut [u8],
    ) -> Result<Option<Taken>> {
        let ring = *self.ring(from.back);
        if from.pos >= ring.next {
            return Ok(None);
        }
        let mut cursor = self.cursor_to(m, from)?;
        while let Some(hit) = step(&ring, m, &mut cursor)? {
            let spot = Spot { pos: record::widen(hit.frame.number, ring.next), ..from };
            cursor.off = hit.next;
            if spot.pos < from.pos || !self.offered(spot) {
                continue;
            }
            let place = Place { generation: cursor.generation(), off: hit.off };
            match self.fetch_at(m, place, spot, buf, true)? {
                Some(taken) if !self.is_parked(taken, buf) => return Ok(Some(taken)),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Where the walk to `spot` begins: behind the entry read last, or at the sector that holds it.
    fn cursor_to(&self, m: &mut Medium<'_>, spot: Spot) -> Result<Cursor> {
        let (hint, ring) = (self.hint, self.ring(spot.back));
        let mine = hint.spot.back == spot.back && hint.place.generation >= ring.oldest();
        if mine && hint.place.generation != 0 && hint.spot.pos.checked_add(1) == Some(spot.pos) {
            let mut cursor = Cursor::at(LIVE, hint.place.generation);
            cursor.off = hint.behind;
            return Ok(cursor);
        }
        Ok(Cursor::at(LIVE, ring.sector_with(m, ring.tail, spot.pos)?))
    }

    /// One past the last number a lane's window reaches.
    pub(crate) fn window_end(&self, back: bool) -> u64 {
        self.state.of(back).mark().saturating_add(WINDOW).min(self.ring(back).next)
    }

    fn offered(&self, spot: Spot) -> bool {
        !self.state.settled(spot) && !self.state.is_parked(spot)
    }

    fn is_parked(&self, taken: Taken, buf: &[u8]) -> bool {
        self.entry(taken, buf).is_none_or(|entry| entry.state == EntryState::Parked)
    }

    /// A number nothing can be read for: nothing is left to send, so it counts as settled.
    pub(crate) fn count_lost(&mut self, spot: Spot) {
        self.stage_spot(spot, false);
        if !spot.back && self.gaps.knows(spot.pos) {
            return;
        }
        self.counts.lost = self.counts.lost.saturating_add(1);
        if !spot.back {
            self.gaps.note(spot.pos, 1);
        }
    }

    /// Reads on for the times of the oldest entries when those known are settled.
    pub(crate) fn refresh_oldest(&mut self, medium: &mut Medium<'_>) -> Result<()> {
        let known = self.oldest;
        for (back, known) in [false, true].into_iter().zip(known) {
            let mark = self.state.of(back).mark();
            if mark < self.ring(back).next && known.0 != mark {
                let spot = Spot { back, pos: mark };
                let peek = self.peek(medium, spot)?;
                self.note_oldest(spot, peek.map_or(0, |peek| peek.created));
            }
        }
        Ok(())
    }

    pub(crate) fn do_waiting(
        &mut self,
        medium: &mut Medium<'_>,
        seq: u64,
        buf: &mut [u8],
    ) -> Result<Option<Taken>> {
        match self.position(medium, seq) {
            Ok(Some(spot)) => self.fetch(medium, spot, buf),
            Ok(None) | Err(Fault::NotFound) => Ok(None),
            Err(fault) => Err(fault),
        }
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
        copy_len: record::MOVED_FIXED + usize::from(hit.frame.len),
    };
    if !hit.frame.moved() {
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
    peek.copy_len = hit.frame.len.into();
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
    if medium.shape.sealed() {
        return open_record(ring, medium, place, buf, mend);
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
            let short = usize::from(frame.len) <= PAYLOAD_MAX;
            if short && seed.add(buf.get(4..end).unwrap_or(&[])).value() == frame.crc {
                return Ok(Some(frame));
            }
        }
    }
    if !mend || buf.iter().take(FRAME).all(|&b| b == 0xFF) {
        return Ok(None);
    }
    mend_record(ring, medium, place, buf)
}

/// The same from a sealed store.
fn open_record(
    ring: &Ring,
    medium: &mut Medium<'_>,
    place: Place,
    buf: &mut [u8],
    mend: bool,
) -> Result<Option<Frame>> {
    let mut scan = Scan::at(medium, place.generation, place.off);
    let found = scan.next(ring, medium)?;
    let Some(hit) = found.filter(|hit| hit.off == place.off && (mend || !hit.mended)) else {
        return Ok(None);
    };
    let end = FRAME + usize::from(hit.frame.len);
    need(medium, buf, end)?;
    for (to, from) in buf.iter_mut().skip(4).zip(hit.frame.tail()) {
        *to = from;
    }
    if let Some(room) = buf.get_mut(FRAME..end) {
        hit.read(medium, 0, room)?;
    }
    medium.repaired += u32::from(hit.mended);
    Ok(Some(hit.frame))
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
    // A bit that is not decided may read otherwise this time: what is handed out is judged itself.
    let seed = medium.shape.seed(ring.lane, place.generation, place.off).add(&hit.frame.tail());
    if !mend_payload(seed, hit.frame.crc, buf.get_mut(FRAME..end).unwrap_or(&mut [])) {
        return Ok(None);
    }
    medium.repaired += u32::from(hit.mended);
    Ok(Some(hit.frame))
}

/// Puts one wrong bit of a payload right, if there is one; false when more than that is wrong.
fn mend_payload(seed: Crc, crc: u32, payload: &mut [u8]) -> bool {
    let wrong = seed.add(payload).value() ^ crc;
    if wrong.count_ones() <= 1 {
        return true; // nothing, or a bit of the checksum
    }
    let Some(bit) = flipped_bit(payload.len(), wrong) else { return false };
    if let Some(byte) = payload.get_mut(bit / 8) {
        *byte ^= 1 << (bit % 8);
    }
    true
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
