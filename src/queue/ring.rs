//! One lane: a ring of sectors, opened one after the other, each with a generation one higher.
//!
//! In: numbered records. Out: where they stand. Generation g always lives in sector
//! (g - 1) mod count of its lane, so a place says which generation belongs there.

use super::fault::{Fault, Result};
use super::medium::Medium;
use super::record::{self, Found, Header, TRAILER};
use super::scan::{Hit, Scan};
use super::seal::Tampering;

/// Bad sectors in a row that a lane goes around; more are refused, so that opening knows how far it
/// has to look.
pub(crate) const BAD_RUN: u32 = 8;

/// A lane's ring. All of its RAM.
#[derive(Clone, Copy)]
pub(crate) struct Ring {
    pub(crate) lane: u8,
    pub(crate) first: u32,
    pub(crate) count: u32,
    /// The head's generation; 0 when no sector was ever opened.
    pub(crate) generation: u32,
    /// Where the next record goes in the head; the sector's size when nowhere.
    pub(crate) off: u32,
    /// The head's first number.
    pub(crate) base: u64,
    /// Points of all entries ever appended to this lane, copies not counted.
    pub(crate) total: u64,
    /// The number the next entry gets.
    pub(crate) next: u64,
    /// Generation of the oldest sector that still holds something unsettled. Of the state lane: of
    /// the newest one whose SNAP is durable, 0 when none is.
    pub(crate) tail: u32,
    /// The first number behind that sector; `u64::MAX` when it is the head.
    pub(crate) tail_end: u64,
    /// A generation whose sector is already erased; 0 when none.
    pub(crate) fresh: u32,
}

/// Where a record stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) generation: u32,
    pub(crate) off: u32,
}

/// What a walk through a lane's head found.
pub(crate) struct Scanned {
    /// Nothing is appended behind what was torn.
    pub(crate) torn: bool,
    /// Where what the last sync wrote starts; 0 when it wrote the header, too.
    pub(crate) doubt: u32,
    /// A mended record that could be torn, and what follows it was of the same sync.
    pub(crate) suspect: Option<u32>,
    /// Something that is not erased is no record.
    pub(crate) damaged: bool,
    /// Where the walk ended.
    pub(crate) end: u32,
}

impl Ring {
    pub(crate) const fn new(lane: u8, first: u32, count: u32) -> Self {
        Ring {
            lane,
            first,
            count,
            generation: 0,
            off: u32::MAX,
            base: 1,
            total: 0,
            next: 1,
            tail: 1,
            tail_end: u64::MAX,
            fresh: 0,
        }
    }

    /// Which of the lane's sectors is `generation`'s, counted from 0.
    pub(crate) fn index(&self, generation: u32) -> u32 {
        generation.wrapping_sub(1).checked_rem(self.count).unwrap_or(0)
    }

    /// The same, counted from the medium's beginning.
    pub(crate) fn sector(&self, generation: u32) -> u32 {
        self.first.wrapping_add(self.index(generation))
    }

    /// The first byte of the sector where `generation` lives.
    pub(crate) fn address(&self, medium: &Medium<'_>, generation: u32) -> u32 {
        self.sector(generation).wrapping_mul(medium.shape.sector)
    }

    /// The oldest generation that may still be on the medium.
    pub(crate) fn oldest(&self) -> u32 {
        let newest = self.generation.max(self.fresh);
        newest.saturating_sub(self.count.saturating_sub(1)).max(1)
    }

    /// The header of `generation`, if its sector carries exactly that.
    pub(crate) fn header(
        &self,
        medium: &mut Medium<'_>,
        generation: u32,
    ) -> Result<Option<Header>> {
        let at = self.address(medium, generation);
        let found = Header::read(medium, at)?;
        let own = self.own(medium, generation, &found);
        // Sectors before the tail may be erased, and their keys forgotten.
        let needed = (self.tail..=self.generation).contains(&generation);
        if medium.shape.sealed()
            && needed
            && (own.is_some() || self.left_out(medium, generation)? == Some(false))
        {
            match &found {
                Found::Header(header, _) if header.locked => {
                    return Err(Fault::Key.at(medium, header.key.into()));
                }
                Found::Header(..) if own.is_none() => medium.tampered(Tampering::Moved, at),
                Found::Erased => medium.tampered(Tampering::Removed, at),
                _ => {}
            }
        }
        medium.repaired += u32::from(own.is_some_and(|(_, mended)| mended));
        Ok(own.map(|(header, _)| header))
    }

    /// What was found where `generation` lives, if that is its header; and whether it was mended.
    fn own(&self, medium: &Medium<'_>, generation: u32, found: &Found) -> Option<(Header, bool)> {
        match found {
            Found::Header(header, mended)
                if header.lane == self.lane
                    && header.generation == generation
                    && header.salt == medium.shape.salt =>
            {
                Some((*header, *mended))
            }
            _ => None,
        }
    }

    /// The same, with nothing told when it is missing.
    pub(crate) fn own_header(
        &self,
        medium: &mut Medium<'_>,
        generation: u32,
    ) -> Result<Option<Header>> {
        let found = Header::read(medium, self.address(medium, generation))?;
        Ok(self.own(medium, generation, &found).map(|(header, _)| header))
    }

    /// Whether `generation`, which has no header, was left out because its sector was bad: the next
    /// one that was not says so. `None`: a rotten header stands before that.
    fn left_out(&self, medium: &mut Medium<'_>, generation: u32) -> Result<Option<bool>> {
        let mut known = Some(false);
        let last = generation.saturating_add(BAD_RUN).min(self.generation);
        for newer in generation.saturating_add(1)..=last {
            let found = Header::read(medium, self.address(medium, newer))?;
            if let Some((header, _)) = self.own(medium, newer, &found) {
                let skipped = newer.saturating_sub(header.skipped.into()) <= generation;
                return Ok(if skipped { Some(true) } else { known });
            }
            if matches!(found, Found::Garbage) {
                known = None;
            }
        }
        Ok(known)
    }

    /// The generation that was the head before `generation` was opened, as its header says.
    pub(crate) fn before(&self, medium: &mut Medium<'_>, generation: u32) -> Result<u32> {
        let header = self.own_header(medium, generation)?;
        let skipped = header.map_or(0, |header| header.skipped.into());
        Ok(generation.saturating_sub(1u32.saturating_add(skipped)))
    }

    /// Walks the head up to `stop`, hands each accepted record to `each`, and sets `off`.
    ///
    /// A record with one wrong bit that is the last of the head could also be torn: it counts only
    /// if the byte behind it was programmed, and bytes are programmed in order (`align` = `prog`).
    /// The same goes for all records of the last sync; one that was handed out before that could
    /// be known is told as `suspect`, and the caller walks again, up to there.
    pub(crate) fn scan_head(
        &mut self,
        medium: &mut Medium<'_>,
        stop: u32,
        each: &mut dyn FnMut(&mut Medium<'_>, Hit) -> Result<()>,
    ) -> Result<Scanned> {
        if self.generation == 0 {
            self.off = medium.shape.sector;
            let doubt = medium.shape.sector;
            return Ok(Scanned { torn: false, doubt, suspect: None, damaged: false, end: 0 });
        }
        let in_order = medium.shape.align == medium.shape.prog;
        let mut scan = Scan::new(self, medium, self.generation)?;
        let mut held: Option<Hit> = None;
        let (mut doubt, mut suspect) = (0, None);
        while let Some(hit) = scan.next(self, medium)?.filter(|hit| hit.off < stop) {
            if let Some(before) = held.replace(hit) {
                if !before.frame.joined() {
                    (doubt, suspect) = (hit.off, None);
                } else if before.mended && !in_order {
                    suspect = suspect.or(Some(before.off));
                }
                medium.repaired += u32::from(before.mended);
                each(medium, before)?;
            }
        }
        self.off = scan.tail(medium);
        let (mut torn, mut damaged) = (scan.sealed, scan.damaged);
        if stop < medium.shape.sector {
            (torn, damaged, self.off) = (true, true, medium.shape.sector);
        }
        if held.is_none() {
            // The opening was cut before its first record, perhaps within the header: bits of it
            // may read otherwise the next time, so nothing must depend on them.
            (torn, self.off) = (true, medium.shape.sector);
        }
        if let Some(last) = held {
            if !last.mended || self.written_to_the_end(medium, &last)? {
                medium.repaired += u32::from(last.mended);
                each(medium, last)?;
            } else {
                (torn, damaged, self.off) = (true, true, medium.shape.sector);
            }
        }
        Ok(Scanned { torn, doubt, suspect, damaged, end: scan.place() })
    }

    /// Has the part of the head written again that a failed sync may have left in a cache only.
    ///
    /// A record is programmed only after the sync of the one before has succeeded, be it now or at
    /// an earlier mount, which did this; after a failure nothing is written until the next mount.
    /// So only the last record of a head is in doubt; and if it is the only one, its sector's
    /// erasure and header, which share its sync. A sector erased ahead is erased anew. Records of
    /// other syncs, which share no block with the last, are not touched. Behind a whole record the
    /// sector is as erased as when it was opened, which is durable since the sync before.
    pub(crate) fn reassert(&self, medium: &mut Medium<'_>, scanned: &Scanned) -> Result<()> {
        if self.generation == 0 {
            return Ok(());
        }
        let at = self.address(medium, self.generation);
        let whole = scanned.doubt == 0 || scanned.torn;
        let end = if whole { medium.shape.sector } else { scanned.end.min(medium.shape.sector) };
        medium.reassert(at + scanned.doubt, end.saturating_sub(scanned.doubt))
    }

    fn written_to_the_end(&self, medium: &mut Medium<'_>, hit: &Hit) -> Result<bool> {
        if medium.shape.align != medium.shape.prog {
            return Ok(false);
        }
        let mut last = [0xFF];
        medium.read(self.address(medium, self.generation) + hit.end - 1, &mut last)?;
        Ok(last == [TRAILER])
    }

    /// The first number in `generation`'s sector, or of the nearest readable one behind it.
    pub(crate) fn base_of(&self, medium: &mut Medium<'_>, generation: u32) -> Result<u64> {
        let mut at = generation;
        while at < self.generation {
            if let Some(header) = self.header(medium, at)? {
                return Ok(header.base);
            }
            if self.left_out(medium, at)? == Some(true) {
                at += 1;
                continue;
            }
            // A rotten header: the place says generation and seed, the records say the rest.
            let mut scan = Scan::new(self, medium, at)?;
            if let Some(hit) = scan.next(self, medium)? {
                return Ok(record::widen(hit.frame.number, self.next));
            }
            at += 1;
        }
        Ok(self.base)
    }

    /// The sector, among `from` and newer, where number `pos` must stand if anywhere.
    pub(crate) fn sector_with(&self, medium: &mut Medium<'_>, from: u32, pos: u64) -> Result<u32> {
        let (mut low, mut high) = (from.max(1), self.generation.saturating_add(1));
        while high.saturating_sub(low) > 1 {
            let middle = low + (high - low) / 2;
            if self.base_of(medium, middle)? <= pos { low = middle } else { high = middle }
        }
        Ok(low)
    }

    /// Where number `pos` stands, if it is readable.
    pub(crate) fn locate(
        &self,
        medium: &mut Medium<'_>,
        from: u32,
        pos: u64,
    ) -> Result<Option<Place>> {
        if self.generation == 0 || pos >= self.next {
            return Ok(None);
        }
        let generation = self.sector_with(medium, from, pos)?;
        self.find_in(medium, generation, pos)
    }

    /// The same, in a known sector.
    #[inline(never)] // so that its window is gone while the sector is looked for
    fn find_in(&self, medium: &mut Medium<'_>, generation: u32, pos: u64) -> Result<Option<Place>> {
        let mut scan = Scan::new(self, medium, generation)?;
        while let Some(hit) = scan.next(self, medium)? {
            if hit.frame.number == pos as u32 {
                return Ok(Some(Place { generation, off: hit.off }));
            }
        }
        Ok(None)
    }

    /// Moves the tail on to where `watermark` is.
    pub(crate) fn follow(&mut self, medium: &mut Medium<'_>, watermark: u64) -> Result<()> {
        while self.tail < self.generation && watermark >= self.tail_end {
            self.tail += 1;
            self.tail_end = self.end_of(medium, self.tail)?;
        }
        Ok(())
    }

    /// Sets the tail afresh, as at mount.
    pub(crate) fn find_tail(&mut self, medium: &mut Medium<'_>, watermark: u64) -> Result<()> {
        self.tail = self.sector_with(medium, self.oldest(), watermark)?;
        self.tail_end = self.end_of(medium, self.tail)?;
        Ok(())
    }

    /// The first number behind `generation`'s sector; `u64::MAX` when it is the head. Of the tail it
    /// is known.
    pub(crate) fn known_end(&self, medium: &mut Medium<'_>, generation: u32) -> Result<u64> {
        if generation == self.tail { Ok(self.tail_end) } else { self.end_of(medium, generation) }
    }

    fn end_of(&self, medium: &mut Medium<'_>, generation: u32) -> Result<u64> {
        match generation {
            _ if generation >= self.generation => Ok(u64::MAX),
            _ => self.base_of(medium, generation + 1),
        }
    }

    /// Sectors that hold something unsettled, and the head.
    pub(crate) fn used(&self, watermark: u64) -> u32 {
        match () {
            () if watermark >= self.next => u32::from(self.generation != 0),
            () => self.generation.saturating_sub(self.tail).saturating_add(1),
        }
    }

    /// The others.
    pub(crate) fn free(&self, watermark: u64) -> u32 {
        self.count.saturating_sub(self.used(watermark))
    }
}
