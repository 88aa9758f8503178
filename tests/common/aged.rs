//! Flash with sectors that do not erase, or do not program, any more; plain or sealed.
//!
//! In: which sectors. Out: a `Storage` that says so, and leaves there what a worn block may hold.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::indexing_slicing)]

use crate::common::{KEYS, Rng};
use crate::nor::Nor;
use pointcard::port::sealed::{KeyList, Keys};
use pointcard::port::{Geometry, PortError, Storage};

/// Lanes of a medium of 64 sectors: state, live, backlog, dead; as `docs/format.md` reckons them.
pub const LANES: [(u32, u32); 4] = [(0, 4), (4, 17), (21, 35), (56, 8)];
/// As many of each go bad at a time in the random days; so hardly a call has to be refused.
const MOST: [u32; 4] = [2, 5, 8, 4];

/// The lanes of a medium of so many sectors, and how many of each go bad at a time. On one with
/// less than 64 all but one of a lane do, and many calls are refused; but none for dead letters,
/// which would be parked.
fn lanes(count: u32) -> [((u32, u32), u32); 4] {
    let (state, dead) = ((count / 16).clamp(2, 8), (count / 8).max(2));
    let rest = count - state - dead;
    let live = ((rest - 1) / 3).max(2);
    let starts = [(0, state), (state, live), (state + live, rest - live), (state + rest, dead)];
    let most = |i: usize| match count {
        64 => MOST[i],
        _ if i == 3 => 0,
        _ => starts[i].1 - 1,
    };
    [0, 1, 2, 3].map(|i| (starts[i], most(i)))
}

/// A bit for every sector of a lane.
pub fn bits((first, count): (u32, u32)) -> u64 {
    ((1u64 << count) - 1) << first
}

pub struct Aged {
    pub nor: Nor,
    /// Bit n: sector n cannot be erased; or not be programmed.
    pub no_erase: u64,
    pub no_prog: u64,
    /// How often a sector was called bad.
    pub said: u64,
    pub reads: u64,
    /// What every failure leaves: see [`Aged::fail`]; `None` is any of them.
    pub how: Option<usize>,
    /// So many programs of such sectors still succeed.
    pub spare: u32,
    keys: Option<KeyList<'static>>,
}

impl Aged {
    pub fn new(g: Geometry, sealed: bool) -> Aged {
        let keys = sealed.then(|| KeyList::new(KEYS).unwrap());
        let nor = Nor::new(g);
        Aged { nor, no_erase: 0, no_prog: 0, said: 0, reads: 0, how: None, spare: 0, keys }
    }

    pub fn heal(&mut self) {
        (self.no_erase, self.no_prog, self.spare) = (0, 0, 0);
    }

    /// Blank, with every sector good.
    pub fn renew(&mut self, blank: &[u8], rng: &mut Rng) {
        self.heal();
        (self.nor.dirty, self.said) = (u64::MAX >> (64 - self.nor.g.sector_count), 0);
        self.nor.restore(blank);
        self.nor.rng = Rng(rng.next() | 1);
    }

    /// Another sector of a random lane goes bad, or all are good again.
    pub fn age(&mut self, rng: &mut Rng) {
        if rng.below(6) == 0 {
            return self.heal();
        }
        let lane = rng.below(4);
        let ((first, count), most) = lanes(self.nor.g.sector_count)[lane];
        let bad = (self.no_erase | self.no_prog) & bits((first, count));
        if bad.count_ones() >= most {
            return;
        }
        // Beside one that is bad already, as often as not: runs are what a search stumbles over.
        let sector = if bad != 0 && rng.below(2) == 0 {
            (bad.trailing_zeros() + bad.count_ones()).min(first + count - 1)
        } else {
            first + rng.below(count as usize) as u32
        };
        match rng.below(3) {
            0 => self.no_erase |= 1 << sector,
            1 => self.no_prog |= 1 << sector,
            _ => {
                self.no_erase |= 1 << sector;
                self.no_prog |= 1 << sector;
            }
        }
    }

    /// What a failing chip leaves where `data` should be is anything. The power may go meanwhile.
    fn fail(&mut self, at: usize, data: &[u8]) -> Result<(), PortError> {
        self.nor.read(0, &mut [0])?;
        self.said += 1;
        self.nor.dirty |= 1 << (at as u32 / self.nor.g.sector_size);
        let how = self.how.unwrap_or_else(|| self.nor.rng.below(4));
        for (i, byte) in data.iter().enumerate() {
            let room = &mut self.nor.bytes[at + i];
            match how {
                0 => {}                                   // nothing happened
                1 => *room = *byte,                       // it worked, and says it did not
                2 if i < data.len() / 2 => *room = *byte, // half of it
                2 => {}
                _ => *room = byte | self.nor.rng.next() as u8, // some of the bits
            }
        }
        if self.nor.left != u64::MAX {
            self.nor.left = self.nor.left.saturating_sub(8);
        }
        self.nor.read(0, &mut [0])?;
        Err(PortError::BAD_SECTOR)
    }
}

impl Storage for Aged {
    fn geometry(&self) -> Geometry {
        self.nor.g
    }

    fn read(&mut self, at: u32, buf: &mut [u8]) -> Result<(), PortError> {
        self.reads += 1;
        self.nor.read(at, buf)
    }

    fn prog(&mut self, at: u32, data: &[u8]) -> Result<(), PortError> {
        match self.no_prog & 1 << (at / self.nor.g.sector_size) {
            0 => self.nor.prog(at, data),
            _ if self.spare > 0 => {
                self.spare -= 1;
                self.nor.prog(at, data)
            }
            _ => self.fail(at as usize, data),
        }
    }

    fn erase(&mut self, sector: u32) -> Result<(), PortError> {
        let size = self.nor.g.sector_size as usize;
        match self.no_erase & 1 << sector {
            0 => self.nor.erase(sector),
            _ => self.fail(sector as usize * size, &vec![0xFF; size]),
        }
    }

    fn sync(&mut self) -> Result<(), PortError> {
        self.nor.sync()
    }

    fn keys(&mut self) -> Option<&mut dyn Keys> {
        self.keys.as_mut().map(|keys| keys as &mut dyn Keys)
    }
}
