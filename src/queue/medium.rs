//! The storage port with a shape: programming in whole units, reading through a small window.
//!
//! In: addresses and pieces of bytes. Out: the port's calls, its failures as [`Fault`].

use super::crc::Crc;
use super::fault::{Fault, Result};
use super::record::{FRAME, Frame, Shape, TRAILER};
use super::seal::Vault;
use crate::port::{PortError, Storage};

/// Bytes gathered before the port is called. A multiple of every unit.
const GATHER: usize = if cfg!(feature = "std") { 4096 } else { 256 };
/// Bytes a scan reads at once.
const WINDOW: usize = if cfg!(feature = "std") { 2048 } else { 512 };

pub(crate) struct Medium<'a> {
    pub(super) storage: &'a mut dyn Storage,
    pub(crate) shape: Shape,
    pub(crate) vault: Vault,
    /// Records and headers mended while this was in use.
    pub(crate) repaired: u32,
    /// How often the port called a sector bad meanwhile.
    pub(crate) bad: u32,
    /// The number a fault is about, or the port's code.
    pub(crate) note: u32,
}

impl<'a> Medium<'a> {
    pub(crate) fn new(storage: &'a mut dyn Storage, shape: Shape) -> Self {
        Medium { storage, shape, vault: Vault::new(), repaired: 0, bad: 0, note: 0 }
    }

    pub(crate) fn read(&mut self, at: u32, buf: &mut [u8]) -> Result<()> {
        let done = self.storage.read(at, buf);
        self.told(done)
    }

    pub(crate) fn erase(&mut self, sector: u32) -> Result<()> {
        let done = self.storage.erase(sector);
        self.told_of_sector(done)
    }

    pub(crate) fn sync(&mut self) -> Result<()> {
        let done = self.storage.sync();
        self.told(done)
    }

    pub(crate) fn reassert(&mut self, at: u32, len: u32) -> Result<()> {
        let done = self.storage.reassert(at, len);
        self.told(done)
    }

    fn told(&mut self, done: core::result::Result<(), PortError>) -> Result<()> {
        done.map_err(|e| {
            self.note = e.0 as u32;
            Fault::Port
        })
    }

    /// Only erasing and programming tell a bad sector from a broken medium.
    fn told_of_sector(&mut self, done: core::result::Result<(), PortError>) -> Result<()> {
        let bad = done == Err(PortError::BAD_SECTOR);
        self.bad += u32::from(bad);
        self.told(done).map_err(|fault| if bad { Fault::Bad } else { fault })
    }

    /// Programs the pieces one behind the other, the last unit filled up with 0xFF.
    pub(crate) fn program(&mut self, at: u32, pieces: &[&[u8]]) -> Result<()> {
        let done = program(self.storage, self.shape.prog, at, pieces);
        self.told_of_sector(done)
    }

    /// Programs a record: checksum, the rest of the frame, the payload, the last byte. `None`: the
    /// payload lies in the vault.
    pub(crate) fn program_record(
        &mut self,
        at: u32,
        seed: Crc,
        frame: &Frame,
        payload: Option<[&[u8]; 4]>,
    ) -> Result<()> {
        let [a, b, c, d] = payload.unwrap_or([self.vault.bytes(), &[], &[], &[]]);
        let tail: [u8; FRAME - 4] = frame.tail();
        let crc = seed.add(&tail).add(a).add(b).add(c).add(d).value().to_le_bytes();
        let pieces: [&[u8]; 7] = [&crc, &tail, a, b, c, d, &[TRAILER]];
        let done = program(self.storage, self.shape.prog, at, &pieces);
        self.told_of_sector(done)
    }
}

/// Whether a store on this medium is to be sealed.
pub(crate) fn has_keys(storage: &mut dyn Storage) -> bool {
    #[cfg(feature = "seal")]
    return storage.keys().is_some();
    #[cfg(not(feature = "seal"))]
    {
        let _ = storage;
        false
    }
}

fn program(
    storage: &mut dyn Storage,
    unit: u32,
    at: u32,
    pieces: &[&[u8]],
) -> core::result::Result<(), PortError> {
    let mut gather = [0xFF; GATHER];
    let (mut at, mut used) = (at, 0usize);
    for &byte in pieces.iter().copied().flatten() {
        if let Some(slot) = gather.get_mut(used) {
            *slot = byte;
        }
        used += 1;
        if used == GATHER {
            storage.prog(at, &gather)?;
            (at, used) = (at.wrapping_add(GATHER as u32), 0);
            gather = [0xFF; GATHER];
        }
    }
    let unit = unit as usize;
    let whole = used.wrapping_add(unit - 1) & !unit.wrapping_sub(1);
    match gather.get(..whole) {
        Some(bytes) if used > 0 => storage.prog(at, bytes),
        _ => Ok(()),
    }
}

/// Reads forward through a window, so that small records do not cost a read each.
pub(crate) struct Reader {
    window: [u8; WINDOW],
    start: u32,
    len: u32,
    /// Reads the payload that was opened last instead of the sealed bytes.
    opened: bool,
}

impl Reader {
    pub(crate) const fn new() -> Self {
        Reader { window: [0; WINDOW], start: 0, len: 0, opened: false }
    }

    /// Reads a payload as it was appended: in a sealed store the one that was opened last, at the
    /// addresses it has on the medium.
    pub(crate) const fn of_payload(shape: &Shape) -> Self {
        Reader { opened: shape.seal, ..Reader::new() }
    }

    /// Between 1 and `max` bytes from `at`; `end` is where the sector ends. Empty only at `end`.
    pub(crate) fn some(
        &mut self,
        medium: &mut Medium<'_>,
        at: u32,
        max: u32,
        end: u32,
    ) -> Result<&[u8]> {
        let inside = at.wrapping_sub(self.start);
        if self.len == 0 || at < self.start || inside >= self.len {
            self.fill(medium, at, end)?;
        }
        let from = at.wrapping_sub(self.start) as usize;
        let to = from.saturating_add(max as usize).min(self.len as usize);
        Ok(self.window.get(from..to).unwrap_or(&[]))
    }

    /// Exactly `out.len()` bytes from `at`, or 0xFF behind `end`.
    pub(crate) fn exact(
        &mut self,
        medium: &mut Medium<'_>,
        at: u32,
        out: &mut [u8],
        end: u32,
    ) -> Result<()> {
        out.fill(0xFF);
        let mut done = 0usize;
        while let Some(rest) = out.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let from = at.wrapping_add(done as u32);
            if from >= end {
                break;
            }
            let got = self.some(medium, from, rest.len() as u32, end)?;
            match rest.get_mut(..got.len()) {
                Some(room) if !got.is_empty() => crate::text::copy(room, got),
                _ => break,
            }
            done += got.len();
        }
        Ok(())
    }

    /// The first byte from `at` up to `to` that is not erased.
    pub(crate) fn written(
        &mut self,
        medium: &mut Medium<'_>,
        mut at: u32,
        to: u32,
    ) -> Result<Option<u32>> {
        while at < to {
            let got = self.some(medium, at, to - at, to)?;
            if got.is_empty() {
                return Ok(Some(at));
            }
            if let Some(index) = got.iter().position(|&b| b != 0xFF) {
                return Ok(Some(at.wrapping_add(index as u32)));
            }
            at = at.wrapping_add(got.len() as u32);
        }
        Ok(None)
    }

    fn fill(&mut self, medium: &mut Medium<'_>, at: u32, end: u32) -> Result<()> {
        let n = end.saturating_sub(at).min(WINDOW as u32);
        (self.start, self.len) = (at, 0);
        if let Some(window) = self.window.get_mut(..n as usize).filter(|w| !w.is_empty()) {
            if self.opened && medium.shape.sealed() {
                medium.vault.copy(at, window).ok_or(Fault::Corrupt)?;
            } else {
                medium.read(at, window)?;
            }
        }
        self.len = n;
        Ok(())
    }
}
