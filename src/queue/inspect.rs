//! Looking at an image without opening it: every sector, every record, every damaged byte.
//!
//! In: a medium that is only read, also one that [`Queue::open`](super::Queue::open) refuses.
//! Out: what stands where, one [`Finding`] after the other; nothing is believed beyond its own
//! checksum, so what is settled must be asked of an opened queue.

use super::fault::{Fault, Result};
use super::medium::{Medium, Reader};
use super::mount::lanes;
use super::record::{self, FRAME, Found, HEADER, Header, Payload, Shape};
use super::ring::{Place, Ring};
use super::scan::{Hit, Scan};
use super::seal::Tampers;
use super::take::read_record;
use super::{Item, Reason};
use crate::port::{Geometry, Storage};
use crate::status::{Error, Status};

/// A lane of the medium; see `docs/format.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// What is settled, and how often an entry was sent.
    State,
    /// Entries to be sent.
    Live,
    /// Entries to be sent behind those: copies of what had to make way.
    Backlog,
    /// Refused entries.
    Dead,
}

/// What a sector's header is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectorHeader {
    /// Sound, of this generation.
    Sound(u32),
    /// Of this generation, one bit wrong.
    Mended(u32),
    /// Beyond repair; the sector's records are of this generation.
    Rotten(u32),
    /// Beyond repair, and no record says of which generation the sector is.
    Unreadable,
    /// Sound, but of another store, lane or place. Its records are not read.
    Foreign,
    /// The whole sector is erased.
    Erased,
}

/// What stands somewhere on a medium. Addresses are bytes from the medium's beginning.
#[derive(Clone, Copy, Debug)]
pub enum Finding<'b> {
    /// A sector begins.
    Sector {
        /// Its address.
        at: u32,
        /// The lane its place belongs to.
        lane: Lane,
        /// What its first bytes say.
        header: SectorHeader,
    },
    /// An entry whose checksum is right, or is once one bit is put right.
    Record(Record<'b>),
    /// An entry in a sealed store, and no keys were given: it stands whole where it belongs, as far
    /// as its checksum can tell.
    Sealed {
        /// Its address.
        at: u32,
        /// [`Lane::Live`], [`Lane::Backlog`] or [`Lane::Dead`].
        lane: Lane,
        /// The low 32 bits of its number in the lane.
        number: u32,
        /// Bytes of its payload.
        len: u32,
        /// One bit is wrong.
        mended: bool,
    },
    /// A record or header with a right checksum that nobody with the key has written there.
    Forged {
        /// Its address.
        at: u32,
    },
    /// A state record. What it says is told by a queue that was opened.
    State {
        /// Its address.
        at: u32,
        /// One bit is wrong.
        mended: bool,
    },
    /// Bytes that are neither a record nor erased: torn by a power cut, or rotten.
    Damage {
        /// The first one's address.
        at: u32,
        /// How many.
        len: u32,
    },
    /// The sector holds something this version does not know; the rest of it is not read.
    Refused {
        /// The sector's address.
        at: u32,
        /// `MediaVersion`, with name and value.
        error: Error,
    },
}

/// An entry as one record tells it.
#[derive(Clone, Copy, Debug)]
pub struct Record<'b> {
    /// Its address.
    pub at: u32,
    /// [`Lane::Live`], [`Lane::Backlog`] or [`Lane::Dead`].
    pub lane: Lane,
    /// The number it was first appended under (its low 32 bits, unless it is a copy).
    pub seq: u64,
    /// For a copy: how often it was sent before.
    pub attempts: u8,
    /// It is a copy of an earlier record.
    pub copy: bool,
    /// One bit is wrong.
    pub mended: bool,
    /// What was appended.
    pub item: Item<'b>,
    /// Why it is dead or parked.
    pub reason: Option<Reason<'b>>,
}

/// The shape of the store in these bytes, from its first sound header; `None` when there is none.
///
/// `MediaVersion`: the header is of a version (`at`), feature, lane or form this one does not know.
pub fn geometry(image: &[u8]) -> core::result::Result<Option<Geometry>, Error> {
    for start in (0..image.len()).step_by(512) {
        let mut bytes: [u8; HEADER] = record::bytes_at(image, start);
        let found = Header::check(&mut bytes);
        if let Found::Header(header, _) = found.map_err(|(fault, value)| fault.error(value))? {
            return Ok(Some(shape_of(&header)));
        }
    }
    Ok(None)
}

fn shape_of(header: &Header) -> Geometry {
    let power = |log: u8| 1u32.checked_shl(log.into()).unwrap_or(0);
    Geometry {
        sector_size: power(header.log_sector),
        sector_count: header.sectors,
        prog_size: power(header.log_prog),
        align: power(header.log_align),
    }
}

/// Reads the whole medium and hands everything on it to `each`, by address. Writes nothing.
///
/// `buf` holds one entry at a time; [`ENTRY_MAX`](super::ENTRY_MAX) bytes are enough for any, and
/// A sealed store is told whole when `storage` gives its keys, and its structure without.
/// `BufferTooSmall` says at the first entry that does not fit how many that one needs.
/// `Geometry`: no store has this shape. `MediaCorrupt`: not one sound header carries the key that
/// checksums start from, so nothing can be told from noise. `Storage`: the port failed.
pub fn inspect(
    storage: &mut dyn Storage,
    buf: &mut [u8],
    each: &mut dyn FnMut(&Finding<'_>),
) -> core::result::Result<(), Error> {
    let geometry = storage.geometry();
    let shape = Shape::new(&geometry, [0; 8])?;
    let mut medium = Medium::new(storage, shape);
    let header = find_header(&mut medium, geometry.sector_count);
    let Some(header) = header.map_err(|fault| fault.error(medium.note))? else {
        return Err(Error::new(Status::MediaCorrupt, "store"));
    };
    (medium.shape.salt, medium.shape.seal) = (header.salt, header.key != 0);
    medium.vault.blind = medium.newest_key() == 0;
    let mut look = Look { medium, buf, each };
    let names = [Lane::State, Lane::Live, Lane::Backlog, Lane::Dead];
    for (lane, ring) in names.into_iter().zip(lanes(geometry.sector_count)) {
        let done = look.lane(lane, ring);
        done.map_err(|fault| fault.error(look.medium.note))?;
    }
    Ok(())
}

/// The first sound header: a store never holds two salts.
fn find_header(medium: &mut Medium<'_>, count: u32) -> Result<Option<Header>> {
    for index in 0..count {
        let mut bytes = [0; HEADER];
        medium.read(index.wrapping_mul(medium.shape.sector), &mut bytes)?;
        if let Ok(Found::Header(header, _)) = Header::check(&mut bytes) {
            return Ok(Some(header));
        }
    }
    Ok(None)
}

struct Look<'a, 'm> {
    medium: Medium<'m>,
    buf: &'a mut [u8],
    each: &'a mut dyn FnMut(&Finding<'_>),
}

impl Look<'_, '_> {
    fn lane(&mut self, lane: Lane, mut ring: Ring) -> Result<()> {
        for index in 0..ring.count {
            if let Ok(Some(generation)) = ring.probe(&mut self.medium, index) {
                ring.generation = ring.generation.max(generation);
            }
        }
        for index in 0..ring.count {
            let at = ring.first.wrapping_add(index).wrapping_mul(self.medium.shape.sector);
            self.medium.vault.tampers = Tampers::NONE;
            let looked = self.sector(lane, &ring, index, at);
            for at in self.medium.vault.tampers.places() {
                (self.each)(&Finding::Forged { at });
            }
            let error = match looked {
                Ok(()) => continue,
                // Neither says anything of the sector.
                Err(fault @ (Fault::Port | Fault::Buffer)) => return Err(fault),
                Err(fault) => fault.error(self.medium.note),
            };
            (self.each)(&Finding::Refused { at, error });
        }
        Ok(())
    }

    fn sector(&mut self, lane: Lane, ring: &Ring, index: u32, at: u32) -> Result<()> {
        let header = self.header(ring, index, at)?;
        (self.each)(&Finding::Sector { at, lane, header });
        match header {
            SectorHeader::Sound(generation)
            | SectorHeader::Mended(generation)
            | SectorHeader::Rotten(generation) => self.records(lane, ring, generation, at),
            SectorHeader::Unreadable => self.damage(at, at),
            SectorHeader::Foreign | SectorHeader::Erased => Ok(()),
        }
    }

    fn header(&mut self, ring: &Ring, index: u32, at: u32) -> Result<SectorHeader> {
        let size = self.medium.shape.sector;
        let found = Header::read(&mut self.medium, at)?;
        if let Found::Header(header, mended) = found {
            return Ok(match ring.probe(&mut self.medium, index)? {
                None => SectorHeader::Foreign,
                Some(generation) if mended => SectorHeader::Mended(generation),
                Some(_) => SectorHeader::Sound(header.generation),
            });
        }
        if Reader::new().written(&mut self.medium, at, at + size)?.is_none() {
            return Ok(SectorHeader::Erased);
        }
        Ok(match self.by_records(ring, index)? {
            Some(generation) => SectorHeader::Rotten(generation),
            None => SectorHeader::Unreadable,
        })
    }

    /// The generation under which a sector without a header has records: the ones its place
    /// allows, from the newest that may exist on.
    fn by_records(&mut self, ring: &Ring, index: u32) -> Result<Option<u32>> {
        let newest = ring.generation.saturating_add(1);
        for generation in (newest.saturating_sub(2 * ring.count).max(1)..=newest).rev() {
            if (generation - 1).checked_rem(ring.count) != Some(index) {
                continue;
            }
            let mut scan = Scan::new(ring, &mut self.medium, generation)?;
            if scan.next(ring, &mut self.medium)?.is_some() {
                return Ok(Some(generation));
            }
        }
        Ok(None)
    }

    fn records(&mut self, lane: Lane, ring: &Ring, generation: u32, at: u32) -> Result<()> {
        let mut scan = Scan::new(ring, &mut self.medium, generation)?;
        let mut expected = scan.place();
        while let Some(hit) = scan.next(ring, &mut self.medium)? {
            if hit.off != expected {
                let torn = Finding::Damage { at: at + expected, len: hit.off - expected };
                (self.each)(&torn);
            }
            expected = scan.place();
            match lane {
                Lane::State => {
                    let at = hit.at - FRAME as u32;
                    (self.each)(&Finding::State { at, mended: hit.mended });
                }
                Lane::Live | Lane::Backlog | Lane::Dead
                    if self.medium.vault.blind && self.medium.shape.sealed() =>
                {
                    self.sealed(lane, &hit);
                }
                Lane::Live | Lane::Backlog | Lane::Dead => {
                    self.entry(lane, ring, generation, &hit)?
                }
            }
        }
        self.damage(at, at + expected)
    }

    fn sealed(&mut self, lane: Lane, hit: &Hit) {
        let Hit { frame, mended, .. } = *hit;
        let (at, len) = (hit.at - FRAME as u32, frame.len.into());
        (self.each)(&Finding::Sealed { at, lane, number: frame.number, len, mended });
    }

    fn entry(&mut self, lane: Lane, ring: &Ring, generation: u32, hit: &Hit) -> Result<()> {
        let place = Place { generation, off: hit.off };
        let found = read_record(ring, &mut self.medium, place, self.buf, true)?;
        let end = FRAME + usize::from(hit.frame.len);
        let bytes = self.buf.get(FRAME..end).unwrap_or(&[]);
        let at = hit.at - FRAME as u32;
        let payload = record::decode_payload(hit.frame.kind, bytes).filter(|_| found.is_some());
        let finding = match payload {
            Some(payload) => Finding::Record(Record::of(at, lane, hit, &payload)),
            None => Finding::Damage { at, len: hit.end - hit.off },
        };
        (self.each)(&finding);
        Ok(())
    }

    /// What is not erased between `from` and the end of the sector at `at`.
    fn damage(&mut self, at: u32, from: u32) -> Result<()> {
        let (end, mut reader, mut last) = (at + self.medium.shape.sector, Reader::new(), from);
        let mut here = from;
        while here < end {
            let got = reader.some(&mut self.medium, here, end - here, end)?;
            if let Some(index) = got.iter().rposition(|&byte| byte != 0xFF) {
                last = here + index as u32 + 1;
            }
            here += got.len().max(1) as u32;
        }
        if last > from {
            (self.each)(&Finding::Damage { at: from, len: last - from });
        }
        Ok(())
    }
}

impl<'b> Record<'b> {
    fn of(at: u32, lane: Lane, hit: &Hit, payload: &Payload<'b>) -> Record<'b> {
        let moved = payload.moved;
        Record {
            at,
            lane,
            seq: moved.map_or(hit.frame.number.into(), |moved| moved.seq),
            attempts: moved.map_or(0, |moved| moved.attempts),
            copy: hit.frame.moved(),
            mended: hit.mended,
            item: payload.item,
            reason: moved.and_then(|moved| moved.reason),
        }
    }
}
