//! A disk with a cache: unsynced blocks reach it in any order, at any time, whole or spoilt.
//!
//! In: the calls of a queue. Out: a `Storage`; and after `crash` what a restart finds. Blocks are
//! tracked one by one and undone one by one, so that a case costs only what it changes.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::indexing_slicing)]

use crate::common::Rng;
use pointcard::port::{Geometry, PortError, Storage};

pub const LOST_POWER: PortError = PortError(4);

/// What happens to a block that was being written when the power went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocks {
    /// It is as before or as after (power-safe overwrite).
    Whole,
    /// Or it holds anything.
    Spoilt,
}

pub struct Disk {
    now: Vec<u8>,
    durable: Vec<u8>,
    /// Bit n of all: block n was written since the last sync.
    dirty: u128,
    /// The same since `restore`.
    touched: u128,
    block: usize,
    blocks: Blocks,
    g: Geometry,
    /// Calls that write or sync until the power goes.
    pub left: u64,
    pub rng: Rng,
}

/// The lowest bit's number; that bit is cleared.
fn pop(bits: &mut u128) -> Option<usize> {
    let lowest = bits.trailing_zeros() as usize;
    *bits &= bits.wrapping_sub(1);
    (lowest < 128).then_some(lowest)
}

impl Disk {
    pub fn new(g: Geometry, block: usize, blocks: Blocks) -> Disk {
        let bytes = vec![0xFF; (g.sector_size * g.sector_count) as usize];
        assert!(bytes.len() / block <= 128);
        let durable = bytes.clone();
        Disk {
            now: bytes,
            durable,
            dirty: 0,
            touched: 0,
            block,
            blocks,
            g,
            left: u64::MAX,
            rng: Rng(1),
        }
    }

    pub fn image(&self) -> Vec<u8> {
        assert_eq!(self.dirty, 0, "synced");
        self.now.clone()
    }

    /// As `image` was, when what was there before was another state of the same image.
    pub fn restore(&mut self, image: &[u8], all: bool) {
        if all {
            self.now.copy_from_slice(image);
            self.durable.copy_from_slice(image);
            self.touched = 0;
        }
        while let Some(n) = pop(&mut self.touched) {
            let at = n * self.block..(n + 1) * self.block;
            self.now[at.clone()].copy_from_slice(&image[at.clone()]);
            self.durable[at.clone()].copy_from_slice(&image[at]);
        }
        (self.dirty, self.left) = (0, u64::MAX);
    }

    fn call(&mut self) -> Result<(), PortError> {
        if self.left == 0 {
            return Err(LOST_POWER);
        }
        if self.left != u64::MAX {
            self.left -= 1;
            self.write_back();
        }
        Ok(())
    }

    /// The disk may write what it holds before anybody asks: one block in eight does.
    fn write_back(&mut self) {
        let mut some = self.dirty;
        while let Some(n) = pop(&mut some) {
            if self.rng.below(8) == 0 {
                self.settle(n);
            }
        }
    }

    fn settle(&mut self, n: usize) {
        let at = n * self.block..(n + 1) * self.block;
        self.durable[at.clone()].copy_from_slice(&self.now[at]);
    }

    fn touch(&mut self, at: usize, len: usize) {
        for n in at / self.block..(at + len).div_ceil(self.block) {
            self.dirty |= 1 << n;
        }
        self.touched |= self.dirty;
    }

    /// What a restart finds: of the blocks written since the last sync each one is old, new or,
    /// where the disk does that, spoilt.
    pub fn crash(&mut self) {
        while let Some(n) = pop(&mut self.dirty) {
            let at = n * self.block..(n + 1) * self.block;
            match self.rng.below(if self.blocks == Blocks::Spoilt { 4 } else { 2 }) {
                0 => {}
                1 => self.settle(n),
                2 => {
                    // Torn somewhere: new in front, old behind.
                    let end = at.start + self.rng.below(self.block);
                    self.durable[at.start..end].copy_from_slice(&self.now[at.start..end]);
                }
                _ => {
                    let from = at.start + self.rng.below(self.block);
                    let to = (from + 64).min(at.end);
                    self.settle(n);
                    self.rng.fill(&mut self.durable[from..to]);
                }
            }
            self.now[at.clone()].copy_from_slice(&self.durable[at]);
        }
        self.left = u64::MAX;
    }
}

impl Storage for Disk {
    fn geometry(&self) -> Geometry {
        self.g
    }

    fn read(&mut self, at: u32, buf: &mut [u8]) -> Result<(), PortError> {
        if self.left == 0 {
            return Err(LOST_POWER);
        }
        buf.copy_from_slice(&self.now[at as usize..at as usize + buf.len()]);
        Ok(())
    }

    fn prog(&mut self, at: u32, data: &[u8]) -> Result<(), PortError> {
        self.call()?;
        self.now[at as usize..at as usize + data.len()].copy_from_slice(data);
        self.touch(at as usize, data.len());
        Ok(())
    }

    fn erase(&mut self, sector: u32) -> Result<(), PortError> {
        self.call()?;
        let size = self.g.sector_size as usize;
        let at = sector as usize * size;
        self.now[at..at + size].fill(0xFF);
        self.touch(at, size);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), PortError> {
        self.call()?;
        while let Some(n) = pop(&mut self.dirty) {
            self.settle(n);
        }
        Ok(())
    }

    /// Every sync that returned has worked here, so there is nothing to write again; and writing
    /// what is durable already would put it in danger.
    fn reassert(&mut self, _: u32, _: u32) -> Result<(), PortError> {
        self.call()
    }
}
