//! One lane: a ring of sectors, opened one after the other, each with a generation one higher.
//!
//! In: numbered records. Out: where they stand. Generation g always lives in sector
//! (g - 1) mod count of its lane, so a place says which generation belongs there.

use super::fault::{Fault, Result};
use super::medium::Medium;
use super::record::{self, Found, Frame, HEADER, Header, TRAILER};
use super::scan::{Hit, Scan};
use super::seal::{Site, Tampering};

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
    /// Generation of the oldest sector that still holds something unsettled.
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

    fn sector(&self, generation: u32) -> u32 {
        let index = generation.wrapping_sub(1).checked_rem(self.count).unwrap_or(0);
        self.first.wrapping_add(index)
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
        // Sectors before the tail may be erased, and their keys forgotten.
        let needed = (self.tail..=self.generation).contains(&generation);
        let (header, mended) = match Header::read(medium, at)? {
            Found::Header(header, mended) => (header, mended),
            found => {
                if medium.shape.sealed() && needed && matches!(found, Found::Erased) {
                    medium.tampered(Tampering::Removed, at);
                }
                return Ok(None);
            }
        };
        let mine = header.lane == self.lane
            && header.generation == generation
            && header.salt == medium.shape.salt;
        if header.locked && needed {
            return Err(Fault::Key.at(medium, header.key.into()));
        }
        if medium.shape.sealed() && !mine && needed {
            medium.tampered(Tampering::Moved, at);
        }
        medium.repaired += u32::from(mine && mended);
        Ok(mine.then_some(header))
    }

    /// The generation in the sector at `index`, if its header is sound and belongs there.
    pub(crate) fn probe(&self, medium: &mut Medium<'_>, index: u32) -> Result<Option<u32>> {
        let at = self.first.wrapping_add(index).wrapping_mul(medium.shape.sector);
        let Found::Header(header, _) = Header::read(medium, at)? else { return Ok(None) };
        let mine = header.lane == self.lane
            && header.salt == medium.shape.salt
            && (1..u32::MAX).contains(&header.generation)
            && (header.generation - 1).checked_rem(self.count) == Some(index);
        if medium.shape.sealed() && !mine && !header.locked {
            medium.tampered(Tampering::Moved, at);
        }
        Ok(mine.then_some(header.generation))
    }

    /// Finds the newest sector: generations rise by one along the ring up to it.
    pub(crate) fn find_head(&mut self, medium: &mut Medium<'_>) -> Result<()> {
        let found = match self.probe(medium, 0)? {
            Some(zero) => self.search(medium, zero)?,
            None => self.before_zero(medium)?,
        };
        self.generation = match found {
            Some(generation) => generation,
            None => self.newest(medium)?,
        };
        let mut header = self.header(medium, self.generation)?;
        if header.is_none() && self.generation > 1 {
            // Sound a moment ago: its opening was cut, and a bit of it is not decided.
            self.generation -= 1;
            header = self.header(medium, self.generation)?;
        }
        if let Some(header) = header {
            (self.base, self.next, self.total) = (header.base, header.base, header.total);
        }
        (self.tail, self.tail_end) = (self.generation.max(1), u64::MAX);
        Ok(())
    }

    /// Binary search from sector 0 of generation `zero`; `None` when a neighbour looks wrong.
    fn search(&self, medium: &mut Medium<'_>, zero: u32) -> Result<Option<u32>> {
        let (mut low, mut high) = (0, self.count);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.probe(medium, middle)? == zero.checked_add(middle) {
                low = middle;
            } else {
                high = middle;
            }
        }
        let head = zero.checked_add(low);
        // The sector behind the head may be torn while it was opened; the one behind that not.
        for index in [high, high + 1] {
            if index < self.count {
                let found = self.probe(medium, index)?;
                if found.is_some() && (found > head || index == high && found == head) {
                    return Ok(None);
                }
            }
        }
        Ok(head)
    }

    /// Sector 0 is unreadable: torn while it was opened behind the last one, or rotten.
    fn before_zero(&self, medium: &mut Medium<'_>) -> Result<Option<u32>> {
        let last = self.probe(medium, self.count - 1)?;
        let second = self.probe(medium, 1)?;
        // Once a lane is used, at most one of these is erased: the one to be opened next.
        if self.erased(medium, 0)?
            && self.erased(medium, 1)?
            && self.erased(medium, self.count - 1)?
        {
            return Ok(Some(0));
        }
        Ok(match (last, second) {
            (Some(last), Some(second)) if second < last => Some(last),
            _ => None,
        })
    }

    fn erased(&self, medium: &mut Medium<'_>, index: u32) -> Result<bool> {
        let mut bytes = [0; HEADER];
        let at = self.first.wrapping_add(index).wrapping_mul(medium.shape.sector);
        medium.read(at, &mut bytes)?;
        Ok(bytes.iter().all(|&b| b == 0xFF))
    }

    /// The highest generation of all sectors; 0 when there is none.
    fn newest(&self, medium: &mut Medium<'_>) -> Result<u32> {
        let mut newest = 0;
        for index in 0..self.count {
            newest = newest.max(self.probe(medium, index)?.unwrap_or(0));
        }
        Ok(newest)
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
        while high - low > 1 && high > low {
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

    fn end_of(&self, medium: &mut Medium<'_>, generation: u32) -> Result<u64> {
        if generation >= self.generation {
            return Ok(u64::MAX);
        }
        self.base_of(medium, generation + 1)
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

    /// Whether a payload of `len` bytes still fits the head.
    pub(crate) fn fits(&self, medium: &Medium<'_>, len: usize) -> bool {
        let end = (self.off as usize).saturating_add(medium.shape.taken(len));
        end <= medium.shape.sector as usize
    }

    /// Erases the sector behind the head, unless that was done before.
    pub(crate) fn clear_next(&mut self, medium: &mut Medium<'_>) -> Result<()> {
        let generation = self.generation.checked_add(1).ok_or(Fault::Worn)?;
        if self.fresh != generation {
            medium.erase(self.sector(generation))?;
            self.fresh = generation;
        }
        Ok(())
    }

    /// Opens the sector behind the head: erase, header. Not synced; its first record will be.
    pub(crate) fn open_next(&mut self, medium: &mut Medium<'_>) -> Result<()> {
        let generation = self.generation.checked_add(1).ok_or(Fault::Worn)?;
        self.clear_next(medium)?;
        let shape = medium.shape;
        if self.lane == record::STATE_LANE {
            medium.vault.log = generation;
        }
        let mut header = Header {
            lane: self.lane,
            generation,
            first: self.first,
            sectors: shape.sectors,
            salt: shape.salt,
            base: self.next,
            total: self.total,
            log_sector: shape.sector.trailing_zeros() as u8,
            log_prog: shape.prog.trailing_zeros() as u8,
            log_align: shape.align.trailing_zeros() as u8,
            key: 0,
            log: 0,
            locked: false,
        };
        let behind = medium.seal_header(&mut header)?;
        let at = self.address(medium, generation);
        medium.program(at, &[header.encode().get(), behind.get()])?;
        let behind = self.tail < self.generation || self.tail_end != u64::MAX;
        if !behind {
            // The old head was the tail: it ends where the new head starts.
            self.tail_end = self.next;
        }
        self.tail = self.tail.max(1);
        (self.generation, self.off, self.base) = (generation, shape.first_record(), self.next);
        if self.tail == generation {
            self.tail_end = u64::MAX;
        }
        self.fresh = 0;
        Ok(())
    }

    /// Programs one record at the head, where it must fit. Not synced.
    pub(crate) fn push(
        &mut self,
        medium: &mut Medium<'_>,
        kind: u8,
        number: u32,
        pieces: [&[u8]; 4],
    ) -> Result<Place> {
        let shape = medium.shape;
        let len: usize = pieces.iter().map(|piece| piece.len()).sum();
        let frame = Frame { crc: 0, len: (len + shape.tag()) as u16, kind, number };
        let place = Place { generation: self.generation, off: self.off };
        let seed = shape.seed(self.lane, self.generation, self.off);
        let at = self.address(medium, self.generation).wrapping_add(self.off);
        if shape.sealed() {
            let site = Site { lane: self.lane, generation: self.generation, off: self.off };
            medium.seal_record(&site, &frame, pieces)?;
            medium.program_record(at, seed, &frame, None)?;
        } else {
            medium.program_record(at, seed, &frame, Some(pieces))?;
        }
        let end = self.off + shape.taken(len) as u32;
        self.off = frame.next(&shape, end);
        Ok(place)
    }
}
