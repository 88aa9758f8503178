//! Looking at everything: the walk, and finding by req_id.
//!
//! In: a cursor. Out: one entry after the other, in the caller's buffer.

use super::fault::Result;
use super::medium::Medium;
use super::record::{self, FRAME};
use super::ring::{Place, Ring};
use super::scan::{Hit, Scan};
use super::take::{Taken, read_record};
use super::{Item, Queue, Spot};

/// A place in a walk. The default is the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Cursor {
    /// [`LIVE`], [`BACKLOG`]; anything else is the dead letters. A number, because a C caller lends
    /// this memory and any bytes in it must be a cursor.
    lane: u32,
    generation: u32,
    pub(crate) off: u32,
    /// What of the state ring `copied` was made after.
    stamp: [u32; 2],
    /// A coarse set of the numbers copies were made from: most settled entries are not in it.
    copied: [u64; 4],
}

/// Values of a cursor's lane, in the order of a walk.
pub(crate) const LIVE: u32 = 0;
pub(crate) const BACKLOG: u32 = 1;
pub(crate) const DEAD: u32 = 2;

impl Cursor {
    pub(crate) const fn at(lane: u32, generation: u32) -> Cursor {
        Cursor { lane, generation, off: 0, stamp: [0; 2], copied: [0; 4] }
    }

    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    fn may_hold(&self, pos: u64) -> bool {
        let (word, bit) = slot_of(pos);
        self.copied.get(word).is_some_and(|bits| bits & bit != 0)
    }

    fn hold(&mut self, pos: u64) {
        let (word, bit) = slot_of(pos);
        if let Some(bits) = self.copied.get_mut(word) {
            *bits |= bit;
        }
    }
}

fn slot_of(pos: u64) -> (usize, u64) {
    ((pos >> 6) as usize & 3, 1 << (pos & 63))
}

impl Queue {
    pub(crate) fn do_walk(
        &mut self,
        medium: &mut Medium<'_>,
        cursor: &mut Cursor,
        buf: &mut [u8],
    ) -> Result<Option<Taken>> {
        loop {
            let ring = *self.walked(cursor);
            while let Some(hit) = step(&ring, medium, cursor)? {
                let generation = cursor.generation;
                let taken = self.taken(cursor, &hit);
                let shown = self.shown(medium, cursor, &taken)?;
                cursor.off = hit.next;
                if shown && read_hit(&ring, medium, generation, &hit, buf)? {
                    return Ok(Some(taken));
                }
            }
            if cursor.lane > BACKLOG {
                return Ok(None);
            }
            *cursor = Cursor::at(cursor.lane + 1, 0);
        }
    }

    fn walked(&self, cursor: &Cursor) -> &Ring {
        match cursor.lane {
            LIVE => &self.live,
            BACKLOG => &self.back,
            _ => &self.dead,
        }
    }

    fn taken(&self, cursor: &Cursor, hit: &Hit) -> Taken {
        let pos = record::widen(hit.frame.number, self.walked(cursor).next);
        let spot = Spot { back: cursor.lane == BACKLOG, pos };
        Taken { frame: hit.frame, spot, dead: cursor.lane > BACKLOG }
    }

    fn is_gone(&self, taken: &Taken) -> bool {
        match taken.dead {
            true => self.state.dead.settled(taken.spot.pos),
            false => self.state.settled(taken.spot),
        }
    }

    /// A settled copy is told by its original, and that one by its letter if it is dead.
    fn shown(&self, m: &mut Medium<'_>, cursor: &mut Cursor, taken: &Taken) -> Result<bool> {
        if !self.is_gone(taken) {
            return Ok(true);
        }
        Ok(!taken.dead && !taken.spot.back && !self.superseded(m, cursor, taken.spot.pos)?)
    }

    /// Whether a settled record is only the original of a copy or of a dead letter.
    fn superseded(&self, m: &mut Medium<'_>, cursor: &mut Cursor, pos: u64) -> Result<bool> {
        let stamp = [self.log.generation, self.log.off];
        if cursor.stamp != stamp {
            (cursor.stamp, cursor.copied) = (stamp, [0; 4]);
            self.any_copy(m, &mut |seq| {
                cursor.hold(seq);
                false
            })?;
        }
        Ok(cursor.may_hold(pos) && self.any_copy(m, &mut |seq| seq == pos)?)
    }

    /// Whether `wanted` likes the number of any dead letter, discarded ones included, or of an
    /// entry that stands in the backlog.
    fn any_copy(&self, m: &mut Medium<'_>, wanted: &mut dyn FnMut(u64) -> bool) -> Result<bool> {
        let from = if self.unsettled_in(true) > 0 { BACKLOG } else { DEAD };
        for lane in from..=DEAD {
            let mut cursor = Cursor::at(lane, 0);
            let ring = *self.walked(&cursor);
            while let Some(hit) = step(&ring, m, &mut cursor)? {
                cursor.off = hit.next;
                let taken = self.taken(&cursor, &hit);
                let counts = taken.dead || !self.is_gone(&taken);
                if counts && wanted(record::u64_at(&hit.head, 0)) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Where the dead letter `seq` is counted.
    pub(crate) fn dead_position(&self, medium: &mut Medium<'_>, seq: u64) -> Result<Option<u64>> {
        let mut cursor = Cursor::at(DEAD, self.dead.tail);
        while let Some(letter) = step(&self.dead, medium, &mut cursor)? {
            let pos = record::widen(letter.frame.number, self.dead.next);
            if record::u64_at(&letter.head, 0) == seq && !self.state.dead.settled(pos) {
                return Ok(Some(pos));
            }
            cursor.off = letter.next;
        }
        Ok(None)
    }

    pub(crate) fn do_find(
        &mut self,
        medium: &mut Medium<'_>,
        wanted: &dyn Fn(&Item<'_>) -> bool,
        buf: &mut [u8],
    ) -> Result<Option<Taken>> {
        for lane in LIVE..=DEAD {
            let mut cursor = Cursor::at(lane, 0);
            let ring = *self.walked(&cursor);
            cursor.generation = ring.tail;
            while let Some(hit) = step(&ring, medium, &mut cursor)? {
                cursor.off = hit.next;
                let taken = self.taken(&cursor, &hit);
                if self.is_gone(&taken) || !read_hit(&ring, medium, cursor.generation, &hit, buf)? {
                    continue;
                }
                if self.entry(taken, buf).is_some_and(|entry| wanted(&entry.item)) {
                    return Ok(Some(taken));
                }
            }
        }
        Ok(None)
    }
}

/// The record at or behind the cursor. Sectors erased meanwhile are skipped.
pub(crate) fn step(
    ring: &Ring,
    medium: &mut Medium<'_>,
    cursor: &mut Cursor,
) -> Result<Option<Hit>> {
    if cursor.generation < ring.oldest() {
        (cursor.generation, cursor.off) = (ring.oldest(), 0);
    }
    while cursor.generation <= ring.generation {
        let end = if cursor.generation < ring.generation {
            ring.base_of(medium, cursor.generation + 1)?
        } else {
            ring.next
        };
        if let Some(hit) = step_in(ring, medium, cursor, end)? {
            return Ok(Some(hit));
        }
        (cursor.generation, cursor.off) = (cursor.generation + 1, 0);
    }
    Ok(None)
}

/// The same in the cursor's sector, whose numbers end before `end`.
#[inline(never)] // so that its window is gone while the end of a sector is looked for
fn step_in(ring: &Ring, medium: &mut Medium<'_>, cursor: &Cursor, end: u64) -> Result<Option<Hit>> {
    let mut scan = Scan::from(ring, medium, cursor.generation, cursor.off)?;
    while let Some(hit) = scan.next(ring, medium)? {
        // What was torn here and never counted has a number that was given again.
        if record::widen(hit.frame.number, ring.next) < end {
            return Ok(Some(hit));
        }
    }
    Ok(None)
}

fn read_hit(
    ring: &Ring,
    medium: &mut Medium<'_>,
    generation: u32,
    hit: &Hit,
    buf: &mut [u8],
) -> Result<bool> {
    let found = read_record(ring, medium, Place { generation, off: hit.off }, buf, true)?;
    let end = FRAME + usize::from(hit.frame.len);
    let bytes = buf.get(FRAME..end).unwrap_or(&[]);
    Ok(found.is_some() && record::decode_payload(hit.frame.kind, bytes).is_some())
}
