//! Looking at everything: the walk, and finding by req_id.
//!
//! In: a cursor. Out: one entry after the other, in the caller's buffer.

use super::fault::Result;
use super::medium::Medium;
use super::record::{self, FRAME, kind};
use super::ring::{Place, Ring};
use super::scan::{Hit, Scan};
use super::take::{Taken, read_record};
use super::{Item, Queue};

/// A place in a walk. The default is the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Cursor {
    /// 0: in the live ring; else in the dead letters. A number, because a C caller lends this
    /// memory and any bytes in it must be a cursor.
    lane: u32,
    generation: u32,
    pub(crate) off: u32,
    /// What of the state ring `copied` was made after.
    stamp: [u32; 2],
    /// A coarse set of the numbers copies were made from: most settled entries are not in it.
    copied: [u64; 4],
}

impl Cursor {
    pub(crate) const fn at(dead: bool, generation: u32) -> Cursor {
        Cursor { lane: dead as u32, generation, off: 0, stamp: [0; 2], copied: [0; 4] }
    }

    fn dead(&self) -> bool {
        self.lane != 0
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
        if !cursor.dead() {
            while let Some(hit) = step(&self.live, medium, cursor)? {
                let generation = cursor.generation;
                let pos = record::widen(hit.frame.number, self.live.next);
                // A settled copy is told by its original, and that one by its letter if it is dead.
                let shown = !self.state.settled(pos)
                    || hit.frame.kind != kind::MOVED && !self.superseded(medium, cursor, pos)?;
                if shown && read_hit(&self.live, medium, generation, &hit, buf)? {
                    cursor.off = hit.next;
                    return Ok(Some(Taken { frame: hit.frame, pos, dead: false }));
                }
                cursor.off = hit.next;
            }
            *cursor = Cursor::at(true, 0);
        }
        while let Some(hit) = step(&self.dead, medium, cursor)? {
            let pos = record::widen(hit.frame.number, self.dead.next);
            let generation = cursor.generation;
            let shown = !self.state.dead.settled(pos);
            if shown && read_hit(&self.dead, medium, generation, &hit, buf)? {
                cursor.off = hit.next;
                return Ok(Some(Taken { frame: hit.frame, pos, dead: true }));
            }
            cursor.off = hit.next;
        }
        Ok(None)
    }

    /// Whether a settled record is only the original of a copy or of a dead letter.
    fn superseded(&self, m: &mut Medium<'_>, cursor: &mut Cursor, pos: u64) -> Result<bool> {
        let stamp = [self.log.generation, self.log.off];
        if cursor.stamp != stamp {
            (cursor.stamp, cursor.copied) = (stamp, [0; 4]);
            self.any_copy(m, &mut |from| {
                cursor.hold(from);
                false
            })?;
        }
        Ok(cursor.may_hold(pos) && self.any_copy(m, &mut |from| from == pos)?)
    }

    /// Whether any copy, dead or live, was made from a number `wanted` likes.
    fn any_copy(&self, m: &mut Medium<'_>, wanted: &mut dyn FnMut(u64) -> bool) -> Result<bool> {
        for (ring, dead) in [(&self.dead, true), (&self.live, false)] {
            if !dead && self.state.moved == 0 {
                continue;
            }
            let mut cursor = Cursor::at(dead, 0);
            while let Some(hit) = step(ring, m, &mut cursor)? {
                let (seq, from) = (record::u64_at(&hit.head, 0), record::u64_at(&hit.head, 8));
                // A requeued letter's `from` counts letters; its seq says which entry it was.
                let requeued = record::u8_at(&hit.head, 17) & record::flag::REQUEUED != 0;
                if hit.frame.kind == kind::MOVED && (!requeued && wanted(from) || wanted(seq)) {
                    return Ok(true);
                }
                cursor.off = hit.next;
            }
        }
        Ok(false)
    }

    /// Where the dead letter `seq` is counted.
    pub(crate) fn dead_position(&self, medium: &mut Medium<'_>, seq: u64) -> Result<Option<u64>> {
        let mut cursor = Cursor::at(true, self.dead.tail);
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
        let mut cursor = Cursor::at(false, self.live.tail);
        loop {
            let ring = if cursor.dead() { self.dead } else { self.live };
            let Some(hit) = step(&ring, medium, &mut cursor)? else {
                if cursor.dead() {
                    return Ok(None);
                }
                cursor = Cursor::at(true, self.dead.tail);
                continue;
            };
            let generation = cursor.generation;
            cursor.off = hit.next;
            let pos = record::widen(hit.frame.number, ring.next);
            let gone =
                if cursor.dead() { self.state.dead.settled(pos) } else { self.state.settled(pos) };
            if gone || !read_hit(&ring, medium, generation, &hit, buf)? {
                continue;
            }
            let taken = Taken { frame: hit.frame, pos, dead: cursor.dead() };
            if self.entry(taken, buf).is_some_and(|entry| wanted(&entry.item)) {
                return Ok(Some(taken));
            }
        }
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
        let mut scan = Scan::from(ring, medium, cursor.generation, cursor.off)?;
        while let Some(hit) = scan.next(ring, medium)? {
            // What was torn here and never counted has a number that was given again.
            if record::widen(hit.frame.number, ring.next) < end {
                return Ok(Some(hit));
            }
        }
        (cursor.generation, cursor.off) = (cursor.generation + 1, 0);
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
