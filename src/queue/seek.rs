//! Finding a lane's newest sector when a store is opened.
//!
//! In: sector headers. Out: the head. Generations rise by one along the ring, but for those that
//! were left out: what stands there is of an older lap, blank, or garbage.

use super::fault::Result;
use super::medium::Medium;
use super::record::{Found, Header};
use super::ring::{BAD_RUN, Ring};
use super::seal::Tampering;

/// How far is looked for a sound header: over as many bad sectors as a lane goes around, the one
/// that was about to be opened, and a rotten header more.
const LOOK: u32 = BAD_RUN + 2;

impl Ring {
    /// Finds the newest sector.
    pub(crate) fn find_head(&mut self, medium: &mut Medium<'_>) -> Result<()> {
        let found = match self.any_opened(medium)? {
            Some(known) => self.search(medium, known)?,
            None => 0,
        };
        self.generation = found;
        let mut header = self.header(medium, found)?;
        if header.is_none() && found > 1 {
            // Sound a moment ago: its opening was cut, and a bit of it is not decided.
            self.generation = self.opened_before(medium, found)?;
            header = self.header(medium, self.generation)?;
        }
        if let Some(header) = header {
            (self.base, self.next, self.total) = (header.base, header.base, header.total);
        }
        (self.tail, self.tail_end) = (self.generation.max(1), u64::MAX);
        Ok(())
    }

    /// The newest generation before `found` whose header is sound; the one before when none is.
    fn opened_before(&self, medium: &mut Medium<'_>, found: u32) -> Result<u32> {
        for older in (found.saturating_sub(LOOK).max(1)..found).rev() {
            if self.own_header(medium, older)?.is_some() {
                return Ok(older);
            }
        }
        Ok(found.saturating_sub(1))
    }

    /// The generation of some sector that was opened; `None` when the lane was never used. A used
    /// lane leaves no [`LOOK`] places at its beginning blank: at most [`BAD_RUN`] in a row are bad,
    /// and the one behind them may be about to be opened.
    fn any_opened(&self, medium: &mut Medium<'_>) -> Result<Option<u32>> {
        let mut blank = true;
        for index in 0..self.count {
            if blank && index == LOOK {
                return Ok(None);
            }
            match self.look(medium, index)? {
                (Some(generation), _) => return Ok(Some(generation)),
                (None, erased) => blank = blank && erased,
            }
        }
        Ok(None)
    }

    /// The newest generation, from a known one on. A quick search is misled by bad sectors and by
    /// rot; whether it was shows in the places behind what it found.
    fn search(&self, medium: &mut Medium<'_>, known: u32) -> Result<u32> {
        let quick = self.climb(medium, known, 1)?;
        let mut newer = quick;
        for ahead in 1..=LOOK.min(self.count.saturating_sub(1)) {
            let index = self.index(quick.wrapping_add(ahead));
            newer = newer.max(self.probe(medium, index)?.unwrap_or(0));
        }
        if newer == quick { Ok(quick) } else { self.climb(medium, newer, LOOK) }
    }

    /// Binary search among `low` and the `count` - 1 generations behind it; each probe looks at so
    /// many places.
    fn climb(&self, medium: &mut Medium<'_>, mut low: u32, look: u32) -> Result<u32> {
        let mut high = low.saturating_add(self.count);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            match self.first_opened(medium, middle, middle.saturating_add(look).min(high))? {
                Some(generation) => low = generation,
                None => high = middle,
            }
        }
        Ok(low)
    }

    /// The first generation of `from` up to `end` that was opened.
    fn first_opened(&self, medium: &mut Medium<'_>, from: u32, end: u32) -> Result<Option<u32>> {
        for generation in from..end {
            if self.probe(medium, self.index(generation))? == Some(generation) {
                return Ok(Some(generation));
            }
        }
        Ok(None)
    }

    /// The generation in the sector at `index`, if its header is sound and belongs there.
    pub(crate) fn probe(&self, medium: &mut Medium<'_>, index: u32) -> Result<Option<u32>> {
        self.look(medium, index).map(|(generation, _)| generation)
    }

    /// The same, and whether the header is blank.
    fn look(&self, medium: &mut Medium<'_>, index: u32) -> Result<(Option<u32>, bool)> {
        let at = self.first.wrapping_add(index).wrapping_mul(medium.shape.sector);
        let header = match Header::read(medium, at)? {
            Found::Header(header, _) => header,
            found => return Ok((None, matches!(found, Found::Erased))),
        };
        let mine = header.lane == self.lane
            && header.salt == medium.shape.salt
            && (1..u32::MAX).contains(&header.generation)
            && self.index(header.generation) == index;
        if medium.shape.sealed() && !mine && !header.locked {
            medium.tampered(Tampering::Moved, at);
        }
        Ok((mine.then_some(header.generation), false))
    }
}
