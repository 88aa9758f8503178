//! Storage in memory: for tests, for battery-backed RAM, and to rehearse power cuts.
//!
//! In: a lent slice. Out: a [`Storage`] that enforces the rules of NOR flash, so that a driver's
//! author can compare. [`FaultyStorage`] stops in the middle of a program or an erase.

use super::{Geometry, PortError, Storage};

/// Port codes of [`RamStorage`].
pub mod code {
    /// Outside the medium, or over a sector's end.
    pub const BOUNDS: i32 = 1;
    /// Not a multiple of `prog_size`.
    pub const UNALIGNED: i32 = 2;
    /// A unit was programmed twice without an erase between.
    pub const REWRITTEN: i32 = 3;
    /// [`FaultyStorage`](super::FaultyStorage): the power is off.
    pub const POWER: i32 = 4;
}

/// A medium in a lent slice, which must hold what was programmed (0xFF when new).
pub struct RamStorage<'a> {
    bytes: &'a mut [u8],
    geometry: Geometry,
}

impl<'a> RamStorage<'a> {
    /// A medium of this shape; only what the slice holds is used. Nothing is erased.
    pub fn new(bytes: &'a mut [u8], geometry: Geometry) -> Self {
        RamStorage { bytes, geometry }
    }

    /// What is on the medium.
    pub fn bytes(&self) -> &[u8] {
        self.bytes
    }

    fn range(&mut self, at: u32, len: usize) -> Result<&mut [u8], PortError> {
        let at = at as usize;
        let end = at.checked_add(len).ok_or(PortError(code::BOUNDS))?;
        self.bytes.get_mut(at..end).ok_or(PortError(code::BOUNDS))
    }

    /// The erased room a program goes to.
    fn room(&mut self, at: u32, data: &[u8]) -> Result<&mut [u8], PortError> {
        let Geometry { sector_size, prog_size, .. } = self.geometry;
        if at & (prog_size - 1) != 0 || data.len() & (prog_size as usize - 1) != 0 {
            return Err(PortError(code::UNALIGNED));
        }
        if (at & (sector_size - 1)) as usize + data.len() > sector_size as usize {
            return Err(PortError(code::BOUNDS));
        }
        let room = self.range(at, data.len())?;
        if room.iter().any(|&b| b != 0xFF) {
            return Err(PortError(code::REWRITTEN));
        }
        Ok(room)
    }
}

impl Storage for RamStorage<'_> {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn read(&mut self, at: u32, buf: &mut [u8]) -> Result<(), PortError> {
        crate::text::copy(buf, self.range(at, buf.len())?);
        Ok(())
    }

    fn prog(&mut self, at: u32, data: &[u8]) -> Result<(), PortError> {
        crate::text::copy(self.room(at, data)?, data);
        Ok(())
    }

    fn erase(&mut self, sector: u32) -> Result<(), PortError> {
        let size = self.geometry.sector_size;
        let at = sector.checked_mul(size).ok_or(PortError(code::BOUNDS))?;
        self.range(at, size as usize)?.fill(0xFF);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), PortError> {
        Ok(())
    }
}

/// How the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Between two bytes.
    Clean,
    /// In the middle of a byte: some of its bits are programmed.
    Torn,
}

/// A [`RamStorage`] whose power goes after a number of steps, and counts.
///
/// A step is one byte programmed, or an eighth of an erase. After the cut every call fails with
/// [`code::POWER`]; wrap the same bytes again to see what a restart finds. Run your own sequence
/// once without a cut, then once for every step it took.
pub struct FaultyStorage<'a> {
    ram: RamStorage<'a>,
    left: u64,
    cut: Cut,
    /// Steps taken.
    pub steps: u64,
    /// Calls of `read`.
    pub reads: u64,
    /// Bytes programmed.
    pub programmed: u64,
    /// Sectors erased.
    pub erases: u64,
    /// Calls of `sync`.
    pub syncs: u64,
}

impl<'a> FaultyStorage<'a> {
    /// Power for `left` steps; `u64::MAX` for ever.
    pub fn new(ram: RamStorage<'a>, left: u64, cut: Cut) -> Self {
        FaultyStorage { ram, left, cut, steps: 0, reads: 0, programmed: 0, erases: 0, syncs: 0 }
    }

    /// What is on the medium, to power it anew.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.ram.bytes
    }

    /// Whether the power is gone.
    pub fn is_off(&self) -> bool {
        self.left == 0
    }

    fn power(&self) -> Result<(), PortError> {
        if self.is_off() { Err(PortError(code::POWER)) } else { Ok(()) }
    }

    /// Takes up to `steps`; says how many were granted.
    fn take(&mut self, steps: u64) -> u64 {
        let granted = steps.min(self.left);
        if self.left != u64::MAX {
            self.left -= granted;
        }
        self.steps += granted;
        granted
    }
}

impl Storage for FaultyStorage<'_> {
    fn geometry(&self) -> Geometry {
        self.ram.geometry
    }

    fn read(&mut self, at: u32, buf: &mut [u8]) -> Result<(), PortError> {
        self.power()?;
        self.reads += 1;
        self.ram.read(at, buf)
    }

    fn prog(&mut self, at: u32, data: &[u8]) -> Result<(), PortError> {
        self.power()?;
        let cut = self.cut;
        self.ram.room(at, data)?;
        let granted = self.take(data.len() as u64);
        self.programmed += granted;
        let room = self.ram.room(at, data)?;
        for (i, (to, from)) in room.iter_mut().zip(data).enumerate() {
            match (i as u64).cmp(&granted) {
                core::cmp::Ordering::Less => *to = *from,
                core::cmp::Ordering::Equal if cut == Cut::Torn => *to = *from | 0x5A,
                _ => {}
            }
        }
        self.power()
    }

    fn erase(&mut self, sector: u32) -> Result<(), PortError> {
        self.power()?;
        let granted = self.take(8) as usize;
        self.erases += 1;
        let size = self.ram.geometry.sector_size as usize;
        let at = sector.checked_mul(size as u32).ok_or(PortError(code::BOUNDS))?;
        let cut = self.cut;
        let bytes = self.ram.range(at, size)?;
        let done = size / 8 * granted;
        for (i, byte) in bytes.iter_mut().enumerate() {
            if i < done {
                *byte = 0xFF;
            } else if cut == Cut::Torn && i < done + size / 8 {
                *byte |= 0xA5;
            }
        }
        self.power()
    }

    fn sync(&mut self) -> Result<(), PortError> {
        self.power()?;
        self.syncs += 1;
        Ok(())
    }
}
