//! Walking one sector's records, sound, mended and torn.
//!
//! In: a lane, a generation. Out: its records in order, and where the next one may go.

use super::fault::{Fault, Result};
use super::medium::{Medium, Reader};
use super::record::{self, FRAME, Frame, PAYLOAD_MAX, bytes_at, u32_at, up};
use super::ring::Ring;
use super::seal::{Opened, Site, Tampering};

/// A record that checks out.
#[derive(Clone, Copy)]
pub(crate) struct Hit {
    pub(crate) frame: Frame,
    pub(crate) off: u32,
    /// Where it ends, its last byte included.
    pub(crate) end: u32,
    /// Where the next record is looked for.
    pub(crate) next: u32,
    /// The payload's address on the medium.
    pub(crate) at: u32,
    /// The payload's first bytes, mended.
    pub(crate) head: [u8; HEAD],
    /// One bit had to be mended; [`NO_BIT`] or the payload's bit that is wrong on the medium.
    pub(crate) mended: bool,
    pub(crate) bit: usize,
    /// In a sealed store: its place, and the key that opened it; 0 when nobody looked inside.
    site: Site,
    pub(crate) key: u8,
}

impl Hit {
    /// Fills `out` with the payload from byte `from` on, mended; 0xFF behind its end.
    pub(crate) fn read(&self, medium: &mut Medium<'_>, from: u32, out: &mut [u8]) -> Result<()> {
        out.fill(0xFF);
        let left = u32::from(self.frame.len).saturating_sub(from) as usize;
        let len = left.min(out.len());
        if let Some(room) = out.get_mut(..len).filter(|room| !room.is_empty()) {
            if medium.shape.sealed() {
                self.open(medium)?;
                return medium.vault.copy(self.at + from, room).ok_or(Fault::Corrupt);
            }
            medium.read(self.at + from, room)?;
        }
        if self.bit != NO_BIT
            && let Some(bit) = self.bit.checked_sub(from as usize * 8)
            && bit / 8 < len
        {
            flip(out, bit);
        }
        Ok(())
    }

    /// In a sealed store: has the vault hold this record's payload.
    pub(crate) fn open(&self, medium: &mut Medium<'_>) -> Result<()> {
        let frame = Frame { len: self.frame.len + medium.shape.tag() as u16, ..self.frame };
        medium.reopen(self.key, &self.site, (self.at, &frame, self.bit))
    }
}

/// As much of a payload as a walk keeps: a plain item up to the end of its req_id.
pub(crate) const HEAD: usize = record::ITEM_FIXED + 32;
/// One sync of the live lane or the backlog covers at most this many bytes.
pub(crate) const SYNC_MAX: u32 = 16 << 10;
/// No bit of the payload is wrong.
pub(crate) const NO_BIT: usize = usize::MAX;

/// How a sector's header says that a walk through it begins.
struct Start {
    off: u32,
    /// The units of the sector: of a record's place, and of the medium.
    units: (u32, u32),
    sealed: bool,
    closed: bool,
    done: bool,
}

impl Start {
    fn find(ring: &Ring, medium: &mut Medium<'_>, generation: u32) -> Result<Start> {
        let header = ring.header(medium, generation)?;
        let mut off = medium.shape.first_record();
        let mut units = (medium.shape.align, medium.shape.prog);
        let mut sealed = header.is_none();
        let closed = header.is_some_and(|header| header.key != medium.newest_key());
        if let Some(header) = header {
            // A sector written under another geometry is read by its own, and not appended to.
            let own = record::Shape {
                prog: 1u32.checked_shl(header.log_prog.into()).unwrap_or(1),
                align: 1u32.checked_shl(header.log_align.into()).unwrap_or(1),
                ..medium.shape
            };
            sealed = own.prog != medium.shape.prog || own.align != medium.shape.align;
            (off, units) = (own.first_record(), (own.align, own.prog));
        }
        // Settled long ago, and its key withdrawn: nothing in it is looked for.
        let done = header.is_some_and(|header| header.locked);
        Ok(Start { off, units, sealed, closed, done })
    }
}

/// A walk through one sector.
pub(crate) struct Scan {
    pub(crate) generation: u32,
    off: u32,
    /// The units of the sector: of a record's place, and of the medium.
    unit: u32,
    prog: u32,
    /// The record before says that one more was written in its sync.
    joined: bool,
    reader: Reader,
    /// Bytes that are no record were passed: nothing may be appended here any more.
    pub(crate) sealed: bool,
    /// Some of them were not erased: torn, rotten or forged.
    pub(crate) damaged: bool,
    /// Nothing is amiss, but what is appended goes to the next sector: another key is the newest.
    closed: bool,
    done: bool,
}

impl Scan {
    /// A walk from the first record of the sector that generation `generation` lives in.
    #[inline(always)] // so that its window is made where it stays, not made and moved
    pub(crate) fn new(ring: &Ring, medium: &mut Medium<'_>, generation: u32) -> Result<Scan> {
        Ok(Scan::begin(Start::find(ring, medium, generation)?, generation))
    }

    #[inline(always)]
    fn begin(start: Start, generation: u32) -> Scan {
        Scan {
            generation,
            off: start.off,
            unit: start.units.0,
            prog: start.units.1,
            joined: false,
            reader: Reader::new(),
            sealed: start.sealed,
            damaged: false,
            closed: start.closed,
            done: start.done,
        }
    }

    /// The same, from a known offset.
    #[inline(always)]
    pub(crate) fn from(ring: &Ring, medium: &mut Medium<'_>, g: u32, off: u32) -> Result<Scan> {
        let start = Start::find(ring, medium, g)?;
        Ok(Scan::begin(Start { off: off.max(start.off), ..start }, g))
    }

    /// The same where the sector's layout is known to be today's; costs no read.
    #[inline(always)]
    pub(crate) fn at(medium: &Medium<'_>, generation: u32, off: u32) -> Scan {
        let units = (medium.shape.align, medium.shape.prog);
        Scan::begin(Start { off, units, sealed: false, closed: false, done: false }, generation)
    }

    /// Where the next record is looked for.
    pub(crate) fn place(&self) -> u32 {
        self.off
    }

    /// Where a record may be appended after the walk has ended; the sector's size when nowhere.
    pub(crate) fn tail(&self, medium: &Medium<'_>) -> u32 {
        if self.sealed || self.closed {
            return medium.shape.sector;
        }
        self.off.min(medium.shape.sector)
    }

    /// The next record, or `None` at the end.
    pub(crate) fn next(&mut self, ring: &Ring, medium: &mut Medium<'_>) -> Result<Option<Hit>> {
        let size = medium.shape.sector;
        let start = ring.address(medium, self.generation);
        while !self.done && self.off.saturating_add(FRAME as u32) <= size {
            let mut head = [0; FRAME];
            self.reader.exact(medium, start + self.off, &mut head, start + size)?;
            if head.iter().all(|&b| b == 0xFF) {
                self.pass_blank(ring, medium, start)?;
                continue;
            }
            if let Some(hit) = self.check(ring, medium, start, &head)? {
                (self.off, self.joined) = (hit.next, hit.frame.joined());
                return Ok(Some(hit));
            }
            self.damaged = true;
            self.seal(self.off + 1);
        }
        // A sync that was to bring one more record did not return.
        self.sealed |= self.joined;
        self.done = true;
        Ok(None)
    }

    /// Something is torn or rotten before `from`. Behind it records of one sync may stand closer
    /// than `align`, so each unit is looked at.
    fn seal(&mut self, from: u32) {
        (self.sealed, self.joined) = (true, false);
        self.off = up(from, self.prog);
    }

    /// At 12 erased bytes: the clean end, or a hole before something that must seal the sector.
    fn pass_blank(&mut self, ring: &Ring, medium: &mut Medium<'_>, start: u32) -> Result<()> {
        let size = medium.shape.sector;
        self.sealed |= self.joined;
        let reach = self.off.saturating_add(reach(ring.lane, self.unit, &medium.shape)).min(size);
        let to = if self.sealed { size } else { reach };
        match self.reader.written(medium, start + self.off, start + to)? {
            None => self.done = true,
            // A frame with 0xFF in front may begin up to 11 bytes before.
            Some(at) => {
                let at = at.saturating_sub(start).saturating_sub(FRAME as u32 - 1);
                self.seal(at.max(self.off + 1));
            }
        }
        Ok(())
    }

    /// Whether a record stands at the current offset.
    fn check(
        &mut self,
        ring: &Ring,
        medium: &mut Medium<'_>,
        start: u32,
        head: &[u8; FRAME],
    ) -> Result<Option<Hit>> {
        let place = Place { lane: ring.lane, generation: self.generation, start, off: self.off };
        if let Some(frame) = Frame::decode(head)
            && place.syndrome(&mut self.reader, medium, head, frame.len)? == Some(0)
        {
            return self.hit(ring, medium, start, frame, None);
        }
        // Behind torn bytes only flawless records count: mending there could invent one.
        if self.sealed {
            return Ok(None);
        }
        match place.mend(&mut self.reader, medium, head)? {
            Some((frame, bit)) if record::belongs(ring.lane, frame.kind) => {
                self.hit(ring, medium, start, frame, Some(bit))
            }
            _ => Ok(None),
        }
    }

    /// What a record that checks out is. One this version does not know is refused by name; one
    /// that is forged is none.
    fn hit(
        &mut self,
        ring: &Ring,
        medium: &mut Medium<'_>,
        start: u32,
        frame: Frame,
        mended: Option<usize>,
    ) -> Result<Option<Hit>> {
        let (payload, end) =
            (self.off + FRAME as u32, self.off + FRAME as u32 + u32::from(frame.len));
        let bit = mended.unwrap_or(NO_BIT);
        let site = Site { lane: ring.lane, generation: self.generation, off: self.off };
        let at = start + payload;
        let (mut head, mut frame, mut key) = ([0xFF; HEAD], frame, 0);
        if medium.shape.sealed() {
            match medium.open_record(&mut self.reader, ring, &site, (at, &frame, bit))? {
                Opened::With(id) => (head, key) = (medium.vault.head(), id),
                Opened::Blind => {}
                Opened::Forged => {
                    // A mended one that does not open was no record: damage, not forgery.
                    if mended.is_none() {
                        medium.tampered(Tampering::Record, start + self.off);
                    }
                    return Ok(None);
                }
            }
            frame.len = frame.len.saturating_sub(medium.shape.tag() as u16);
        } else {
            self.reader.exact(medium, at, &mut head, start + end)?;
            flip(&mut head, bit);
        }
        if !record::belongs(ring.lane, frame.kind) {
            return Err(Fault::Kind.at(medium, frame.kind.into()));
        }
        let flags = record::u8_at(&head, 17);
        let read = key != 0 || !medium.shape.sealed();
        if read && frame.moved() && flags & !record::flag::KNOWN != 0 {
            return Err(Fault::Flags.at(medium, flags.into()));
        }
        Ok(Some(Hit {
            frame,
            off: self.off,
            end: end + 1,
            next: up(end + 1, if frame.joined() { self.prog } else { self.unit }),
            at,
            head,
            mended: mended.is_some(),
            bit,
            site,
            key,
        }))
    }
}

/// As far as what one sync left unwritten can extend.
fn reach(lane: u8, unit: u32, shape: &record::Shape) -> u32 {
    let many = matches!(lane, record::LIVE_LANE | record::BACK_LANE);
    let most = if many { SYNC_MAX } else { shape.taken(PAYLOAD_MAX) as u32 };
    up(most, unit)
}

/// Where a record stands.
struct Place {
    lane: u8,
    generation: u32,
    start: u32,
    off: u32,
}

impl Place {
    /// Computed against stored checksum, were the payload `len` bytes; `None` past the sector.
    fn syndrome(
        &self,
        reader: &mut Reader,
        medium: &mut Medium<'_>,
        head: &[u8; FRAME],
        len: u16,
    ) -> Result<Option<u32>> {
        let limit = self.start + medium.shape.sector;
        let mut at = self.start + self.off + FRAME as u32;
        let end = at + u32::from(len);
        if end > limit || usize::from(len) > PAYLOAD_MAX + medium.shape.tag() {
            return Ok(None);
        }
        let mut tail: [u8; FRAME - 4] = bytes_at(head, 4);
        if let Some(room) = tail.first_chunk_mut() {
            *room = len.to_le_bytes();
        }
        let mut crc = medium.shape.seed(self.lane, self.generation, self.off).add(&tail);
        while at < end {
            let got = reader.some(medium, at, end - at, limit)?;
            if got.is_empty() {
                return Ok(None);
            }
            crc = crc.add(got);
            at += got.len() as u32;
        }
        Ok(Some(crc.value() ^ u32_at(head, 0)))
    }

    /// The frame with one flipped bit put right, and which bit of the payload that is, if any.
    fn mend(
        &self,
        reader: &mut Reader,
        medium: &mut Medium<'_>,
        head: &[u8; FRAME],
    ) -> Result<Option<(Frame, usize)>> {
        let len = record::u16_at(head, 4);
        if let Some(syndrome) = self.syndrome(reader, medium, head, len)?
            && let Some(mended) = mend_at(head, len, syndrome)
        {
            return Ok(Some(mended));
        }
        for bit in 0..16 {
            let other = len ^ 1 << bit;
            if self.syndrome(reader, medium, head, other)? == Some(0) {
                let mut head = *head;
                flip(&mut head, 32 + bit);
                return Ok(Frame::decode(&head).map(|frame| (frame, NO_BIT)));
            }
        }
        Ok(None)
    }
}

/// Finds the one bit that explains `syndrome`: in checksum, frame or payload.
fn mend_at(head: &[u8; FRAME], len: u16, syndrome: u32) -> Option<(Frame, usize)> {
    const TAIL_BITS: usize = (FRAME - 4) * 8;
    let mut head = *head;
    let mut payload_bit = NO_BIT;
    if !syndrome.is_power_of_two() {
        match super::crc::flipped_bit(FRAME - 4 + usize::from(len), syndrome)? {
            // A wrong length has read the wrong bytes: it is tried on its own.
            0..16 => return None,
            bit @ 16..TAIL_BITS => flip(&mut head, 32 + bit),
            bit => payload_bit = bit - TAIL_BITS,
        }
    }
    Frame::decode(&head).map(|frame| (frame, payload_bit))
}

fn flip(bytes: &mut [u8], bit: usize) {
    if let Some(byte) = bytes.get_mut(bit / 8) {
        *byte ^= 1 << (bit % 8);
    }
}
