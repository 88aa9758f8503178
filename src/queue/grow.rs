//! A lane goes on: the next record, the next sector, around bad ones.
//!
//! In: pieces of a record. Out: where it stands. Nothing here is synced.
//!
//! A sector that the port calls bad is left out: the lane opens the next one, and the header there
//! says how many were passed over. What a failed write leaves in a bad sector is anything between
//! nothing and all of it. So what could not be recorded is recorded again behind a header that
//! gives its number anew: in the sector before, numbers end where the next one begins.

use super::fault::{Fault, Result};
use super::medium::Medium;
use super::record::{self, Frame, Header};
use super::ring::{BAD_RUN, Place, Ring};
use super::seal::Site;
use crate::port::PortError;

impl Ring {
    /// Whether a payload of `len` bytes still fits the head.
    pub(crate) fn fits(&self, medium: &Medium<'_>, len: usize) -> bool {
        let end = (self.off as usize).saturating_add(medium.shape.taken(len));
        end <= medium.shape.sector as usize
    }

    /// Erases the sector to be opened next, unless that was done before. Bad ones are left out;
    /// `Bad`: all are, and nothing is lost.
    pub(crate) fn clear_next(&mut self, medium: &mut Medium<'_>) -> Result<()> {
        self.clear_behind(medium, self.generation).map(drop)
    }

    /// The same behind `last`, which was found bad or is the head; says which generation it is.
    fn clear_behind(&mut self, medium: &mut Medium<'_>, last: u32) -> Result<u32> {
        if self.fresh > last {
            return Ok(self.fresh);
        }
        let first = last.checked_add(1).ok_or(Fault::Worn)?;
        for generation in first..=self.limit() {
            match medium.erase(self.sector(generation)) {
                Err(Fault::Bad) => {}
                done => {
                    done?;
                    self.fresh = generation;
                    return Ok(generation);
                }
            }
        }
        // Also where none was left to be tried, behind a head that turned bad.
        medium.note = PortError::BAD_SECTOR.0 as u32;
        Err(Fault::Bad)
    }

    /// The last generation that may be opened next: its sector holds nothing unsettled, nor the
    /// only complete record of what is settled. A format touches nothing but sector 0.
    fn limit(&self) -> u32 {
        let kept = match (self.lane, self.tail) {
            (record::STATE_LANE, 0) => return 1,
            (record::STATE_LANE, tail) => tail,
            (_, tail) => tail.max(1),
        };
        let last = kept.saturating_add(self.count.saturating_sub(1));
        last.min(self.generation.saturating_add(1 + BAD_RUN))
    }

    /// Opens the next sector that is not bad: erase, header. Not synced; its first record will be.
    ///
    /// `Bad`: none could be erased. `Spent`: a header may have been written in a sector that is
    /// bad; whether it was, the next mount sees, and until then nothing may be written.
    pub(crate) fn open_next(&mut self, medium: &mut Medium<'_>) -> Result<()> {
        let (mut last, mut begun) = (self.generation, false);
        loop {
            let cleared = self.clear_behind(medium, last);
            let generation = cleared.map_err(|fault| if begun { fault.spent() } else { fault })?;
            self.fresh = 0;
            match self.write_header(medium, generation) {
                // Its number is that of the next header, so nothing depends on what it holds.
                Err(Fault::Bad) => (last, begun) = (generation, true),
                done => {
                    done?;
                    self.enter(medium, generation);
                    return Ok(());
                }
            }
        }
    }

    fn write_header(&self, medium: &mut Medium<'_>, generation: u32) -> Result<()> {
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
            skipped: generation.saturating_sub(self.generation.saturating_add(1)) as u8,
            key: 0,
            log: 0,
            locked: false,
        };
        let behind = medium.seal_header(&mut header)?;
        let at = self.address(medium, generation);
        medium.program(at, &[header.encode().get(), behind.get()])
    }

    fn enter(&mut self, medium: &Medium<'_>, generation: u32) {
        let before = self.generation;
        (self.generation, self.off) = (generation, medium.shape.first_record());
        self.base = self.next;
        if self.lane == record::STATE_LANE {
            return; // its tail follows once its SNAP is durable
        }
        let behind = self.tail < before || self.tail_end != u64::MAX;
        if !behind {
            // The old head was the tail: it ends where the new head starts.
            self.tail_end = self.next;
        }
        self.tail = self.tail.max(1);
        if self.tail == generation {
            self.tail_end = u64::MAX;
        }
    }

    /// Programs one record at the head, where it must fit; where the head turns out to be bad, in
    /// the next sector. Not synced.
    pub(crate) fn push(
        &mut self,
        medium: &mut Medium<'_>,
        kind: u8,
        number: u32,
        pieces: [&[u8]; 4],
    ) -> Result<Place> {
        loop {
            match self.try_push(medium, kind, number, pieces) {
                Err(Fault::Bad) => self.go_on(medium)?,
                done => return done,
            }
        }
    }

    /// Leaves the head, which did not take a record, for the next sector. The record may be there
    /// all the same; the next header gives its number again, so that it does not count.
    pub(crate) fn go_on(&mut self, medium: &mut Medium<'_>) -> Result<()> {
        self.off = medium.shape.sector;
        // What the head took in this sync must not come later than what follows it.
        medium.sync()?;
        self.open_next(medium).map_err(Fault::spent)
    }

    /// Programs one record at the head, where it must fit. Not synced. `Bad`: not recorded, and
    /// [`Ring::go_on`] must come before anything else is written.
    pub(crate) fn try_push(
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
