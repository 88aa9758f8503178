//! NOR flash in RAM whose power goes at a given step, for millions of cases: nothing is allocated.
//!
//! In: a lent slice. Out: a `Storage` that stops. A step is one byte programmed or an eighth of an
//! erase, as in `pointcard::port::ram::FaultyStorage`; here the unit under way is left with any of
//! its bits programmed, and what was touched is known, so that a case costs only what it changes.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::indexing_slicing)]

use crate::common::Rng;
use pointcard::port::{Geometry, PortError, Storage};

/// Any code will do.
const POWER: PortError = PortError(4);

/// How the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tear {
    /// Between two bytes.
    Clean,
    /// One byte is half programmed.
    Byte,
    /// The rest of the unit is half programmed: flash programs its words at once.
    Unit,
}

pub struct Nor {
    pub bytes: Vec<u8>,
    pub g: Geometry,
    /// Steps until the power goes.
    pub left: u64,
    pub tear: Tear,
    pub rng: Rng,
    /// Bit n: sector n was programmed or erased.
    pub dirty: u64,
    /// Bits that read differently every time, by address; empty when there are none.
    weak: Vec<u8>,
    /// An erase left so many sectors' bits undecided that read as erased.
    half_erased: u64,
}

impl Nor {
    pub fn new(g: Geometry) -> Nor {
        assert!(g.sector_count <= 64);
        let bytes = vec![0xFF; (g.sector_size * g.sector_count) as usize];
        Nor {
            bytes,
            g,
            left: u64::MAX,
            tear: Tear::Clean,
            rng: Rng(1),
            dirty: 0,
            weak: vec![],
            half_erased: 0,
        }
    }

    /// As `image` was; only what was touched is copied.
    pub fn restore(&mut self, image: &[u8]) {
        let size = self.g.sector_size as usize;
        while self.dirty != 0 {
            let at = self.dirty.trailing_zeros() as usize * size;
            self.dirty &= self.dirty - 1;
            self.bytes[at..at + size].copy_from_slice(&image[at..at + size]);
        }
        self.left = u64::MAX;
        self.weak.fill(0);
        self.half_erased = 0;
    }

    /// From now on a cut leaves one bit undecided: every read finds it otherwise. A cut erase reads
    /// as if it had ended, and what is programmed there before another erase does not hold.
    pub fn marginal(&mut self) {
        self.weak = vec![0; self.bytes.len()];
    }

    fn granted(&mut self, steps: u64) -> u64 {
        let granted = steps.min(self.left);
        if self.left != u64::MAX {
            self.left -= granted;
        }
        granted
    }

    fn power(&self) -> Result<(), PortError> {
        if self.left == 0 { Err(POWER) } else { Ok(()) }
    }
}

impl Nor {
    fn erase_or_seem_to(&mut self, sector: u32) -> Result<(), PortError> {
        let size = self.g.sector_size as usize;
        let range = sector as usize * size..(sector as usize + 1) * size;
        self.half_erased |= 1 << sector;
        if self.granted(8) == 8 {
            self.half_erased &= !(1 << sector);
        } else if self.rng.below(2) == 0 {
            return self.power(); // it had hardly begun
        }
        self.bytes[range.clone()].fill(0xFF);
        self.weak[range].fill(0);
        self.power()
    }
}

impl Storage for Nor {
    fn geometry(&self) -> Geometry {
        self.g
    }

    fn read(&mut self, at: u32, buf: &mut [u8]) -> Result<(), PortError> {
        self.power()?;
        let range = at as usize..at as usize + buf.len();
        buf.copy_from_slice(&self.bytes[range.clone()]);
        if !self.weak.is_empty() {
            for (byte, weak) in
                buf.iter_mut().zip(&self.weak[range]).filter(|(_, weak)| **weak != 0)
            {
                *byte ^= weak & self.rng.next() as u8;
            }
        }
        Ok(())
    }

    fn prog(&mut self, at: u32, data: &[u8]) -> Result<(), PortError> {
        self.power()?;
        let unit = self.g.prog_size as usize;
        assert!((at as usize | data.len()) & (unit - 1) == 0, "unaligned");
        self.dirty |= 1 << (at / self.g.sector_size);
        assert!(self.half_erased & 1 << (at / self.g.sector_size) == 0, "its erase did not end");
        let granted = self.granted(data.len() as u64) as usize;
        let at = at as usize;
        if !self.weak.is_empty() {
            // A bit that is programmed is decided; one that should stay erased is not.
            let weak = &mut self.weak[at..at + granted];
            weak.iter_mut().zip(data).for_each(|(weak, data)| *weak &= *data);
            if let Some(weak) = self.weak[at..at + data.len()].get_mut(granted) {
                *weak |= 1 << self.rng.below(8);
            }
        }
        let room = &mut self.bytes[at..at + data.len()];
        assert!(room.iter().all(|&b| b == 0xFF), "programmed twice");
        room[..granted].copy_from_slice(&data[..granted]);
        let torn = match self.tear {
            Tear::Clean => granted,
            Tear::Byte => granted + 1,
            Tear::Unit => (granted / unit + 1) * unit,
        };
        for i in granted..torn.min(data.len()) {
            room[i] = data[i] | self.rng.next() as u8;
        }
        self.power()
    }

    fn erase(&mut self, sector: u32) -> Result<(), PortError> {
        self.power()?;
        self.dirty |= 1 << sector;
        let size = self.g.sector_size as usize;
        if !self.weak.is_empty() {
            return self.erase_or_seem_to(sector);
        }
        let done = size / 8 * self.granted(8) as usize;
        let room = &mut self.bytes[sector as usize * size..][..size];
        room[..done].fill(0xFF);
        if self.tear != Tear::Clean {
            let under_way = done..(done + size / 8).min(size);
            room[under_way].iter_mut().for_each(|byte| *byte |= self.rng.next() as u8);
        }
        self.power()
    }

    fn sync(&mut self) -> Result<(), PortError> {
        self.power()
    }
}
