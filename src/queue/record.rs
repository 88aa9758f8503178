//! Bytes on the medium: sector headers and records. No I/O here.
//!
//! In: an item, a state, a header. Out: their bytes, and back. `docs/format.md` is the full text.
//!
//! ```text
//! sector  | header 52 | first record ... | pad | record ... | pad | ... 0xFF |
//!
//! header  | magic 4 | version | lane | log2 sector | key | features 2 | log2 prog | log2 align |
//!         | generation 4 | first 4 | sectors 4 | salt 8 | base 8 | total 8 | crc 4 |
//!
//! record  | crc 4 | len 2 | kind | !kind | number 4 | payload len | 0 |
//!
//! ITEM    | profile 8 | created 6 | points 4 | kind | req_len | req_id | body |
//! MOVED   | seq 8 | from 8 | attempts | flags | at 6 | code_len | sub_len | code | sub | ITEM |
//! ```
//!
//! In a sealed store 24 more bytes stand behind the header, and 16 in `len` behind the payload:
//! `seal` says what.
//!
//! All numbers are little-endian. A record's checksum starts from (salt, lane, generation, offset
//! in the sector): bytes of a payload, of an older lap or of another place never check out.

use super::crc::{self, Crc};
use super::fault::{Fault, Result};
use super::medium::Medium;
use super::ring::BAD_RUN;
use super::seal::{EXTENSION, TAG};
use super::{Item, Reason};
use crate::port::Geometry;
use crate::status::{Error, Status};

pub(crate) const HEADER: usize = 52;
pub(crate) const FRAME: usize = 12;
/// One byte behind every payload, programmed last: 0 says that all before it was programmed, so a
/// wrong bit there is rot and not a tear.
pub(crate) const TRAILER: u8 = 0;
pub(crate) const ITEM_FIXED: usize = 20;
pub(crate) const MOVED_FIXED: usize = 26;
/// The longest prefix a moved entry carries before its item.
pub(crate) const MOVED_MAX: usize = MOVED_FIXED + 8 + 64;
/// The longest payload of any record.
pub(crate) const PAYLOAD_MAX: usize = MOVED_MAX + ITEM_FIXED + 32 + super::BODY_MAX;

/// Feature bit 0: 16 bytes behind every payload, and behind the header what `seal` says.
const SEALED: u16 = 1;
/// From feature bit 8 on: how many generations before this one were left out, at most [`BAD_RUN`].
/// A reader that does not look for them refuses such a sector, and so the store.
const SKIPPED: u32 = 8;
const MAGIC: [u8; 4] = *b"KPCQ";
const VERSION: u8 = 1;
/// Two for each lane.
const SECTORS_MIN: u32 = 8;
/// The smallest sector of a sealed store.
const SEALED_SECTOR_MIN: u32 = 1024;
const CREATED_MAX: u64 = (1 << 48) - 1;

pub(crate) const STATE_LANE: u8 = 0;
pub(crate) const LIVE_LANE: u8 = 1;
pub(crate) const DEAD_LANE: u8 = 2;
pub(crate) const BACK_LANE: u8 = 3;

/// What a record is. The byte and its complement are both stored.
pub(crate) mod kind {
    /// An entry as appended.
    pub(crate) const ITEM: u8 = 0x11;
    /// An entry copied: to the backlog, or to the dead letters; or one put back from there.
    pub(crate) const MOVED: u8 = 0x12;
    /// Watermark and done bits of the live lane; may carry one "sent".
    pub(crate) const STATE: u8 = 0x21;
    /// The same of the backlog.
    pub(crate) const BACK_STATE: u8 = 0x23;
    /// Everything the state lane knows.
    pub(crate) const SNAP: u8 = 0x22;
    /// Added to ITEM and MOVED: the next record was written in the same sync and follows at the next unit.
    pub(crate) const JOINED: u8 = 0x40;
}

/// A MOVED record's flags.
pub(crate) mod flag {
    pub(crate) const PARKED: u8 = 1;
    pub(crate) const UNCERTAIN: u8 = 2;
    pub(crate) const REASON: u8 = 4;
    /// Copied from the dead letter whose number `from` is.
    pub(crate) const FROM_DEAD: u8 = 8;
    /// `from` is a number of the backlog.
    pub(crate) const FROM_BACK: u8 = 16;
    /// Every flag this version knows.
    pub(crate) const KNOWN: u8 = PARKED | UNCERTAIN | REASON | FROM_DEAD | FROM_BACK;
}

/// Whether records of this kind stand in that lane.
pub(crate) fn belongs(lane: u8, kind_byte: u8) -> bool {
    match lane {
        STATE_LANE => matches!(kind_byte, kind::STATE | kind::BACK_STATE | kind::SNAP),
        LIVE_LANE => kind_byte & !kind::JOINED == kind::ITEM || kind_byte == kind::MOVED,
        BACK_LANE => kind_byte & !kind::JOINED == kind::MOVED,
        _ => kind_byte == kind::MOVED,
    }
}

/// Bytes at `at`, or zeros where there are none.
pub(crate) fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    if let Some(from) = bytes.get(at..).and_then(|rest| rest.first_chunk::<N>()) {
        out = *from;
    }
    out
}

pub(crate) fn u8_at(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes_at(bytes, at))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes_at(bytes, at))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes_at(bytes, at))
}

fn u48_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u16_at(bytes, at + 4)) << 32
}

/// Collects bytes into a fixed array; what does not fit is dropped (callers size it).
pub(crate) struct Bytes<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Bytes<N> {
    pub(crate) const fn new() -> Self {
        Bytes { bytes: [0; N], len: 0 }
    }

    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    pub(crate) fn put(&mut self, more: &[u8]) {
        if let Some(room) = self.bytes.get_mut(self.len..self.len + more.len()) {
            crate::text::copy(room, more);
            self.len += more.len();
        }
    }

    pub(crate) fn put_u48(&mut self, value: u64) {
        let [a, b, c, d, e, f, ..] = value.min(CREATED_MAX).to_le_bytes();
        self.put(&[a, b, c, d, e, f]);
    }

    pub(crate) fn get(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }
}

/// A sector header.
#[derive(Clone, Copy)]
pub(crate) struct Header {
    pub(crate) lane: u8,
    pub(crate) generation: u32,
    pub(crate) first: u32,
    /// Sectors of the whole medium; the lanes follow from it.
    pub(crate) sectors: u32,
    pub(crate) salt: [u8; 8],
    /// Number of the first record this sector may hold.
    pub(crate) base: u64,
    /// Points of every entry appended to this lane before this sector was opened.
    pub(crate) total: u64,
    pub(crate) log_sector: u8,
    pub(crate) log_prog: u8,
    pub(crate) log_align: u8,
    /// Generations between the head before this one and this one: their sectors were bad.
    pub(crate) skipped: u8,
    /// Number of the key the sector is sealed with; 0 when it is not.
    pub(crate) key: u8,
    /// Sealed: the newest generation of the state lane when this sector was opened.
    pub(crate) log: u32,
    /// Sealed with a key nobody gave: nothing in it is proven.
    pub(crate) locked: bool,
}

/// What the first bytes of a sector are.
pub(crate) enum Found {
    Header(Header, bool),
    Erased,
    Garbage,
    /// Not written by anybody who has the key.
    Forged,
}

impl Header {
    pub(crate) fn encode(&self) -> Bytes<HEADER> {
        let mut out = Bytes::new();
        out.put(&MAGIC);
        let sealed = if self.key == 0 { 0 } else { SEALED };
        let [low, high] = (sealed | u16::from(self.skipped) << SKIPPED).to_le_bytes();
        out.put(&[VERSION, self.lane, self.log_sector, self.key]);
        out.put(&[low, high, self.log_prog, self.log_align]);
        out.put(&self.generation.to_le_bytes());
        out.put(&self.first.to_le_bytes());
        out.put(&self.sectors.to_le_bytes());
        out.put(&self.salt);
        out.put(&self.base.to_le_bytes());
        out.put(&self.total.to_le_bytes());
        out.put(&Crc::new().add(out.get()).value().to_le_bytes());
        out
    }

    /// Reads the header at `at`, mending one flipped bit. A sound one of another version is an
    /// error.
    pub(crate) fn read(medium: &mut Medium<'_>, at: u32) -> Result<Found> {
        let mut bytes = [0xFF; HEADER + EXTENSION];
        if let Some(room) = bytes.get_mut(..medium.shape.header_len() as usize) {
            medium.read(at, room)?;
        }
        let mut first: [u8; HEADER] = bytes_at(&bytes, 0);
        let mut behind: [u8; EXTENSION] = bytes_at(&bytes, HEADER);
        let found = Header::check(&mut first);
        match found.map_err(|(fault, value)| fault.at(medium, value as usize))? {
            Found::Header(header, mended) => medium.vouch(at, header, mended, &mut behind),
            found => Ok(found),
        }
    }

    /// The first half, without a medium; a fault comes with the value it is about.
    pub(crate) fn check(bytes: &mut [u8; HEADER]) -> core::result::Result<Found, (Fault, u32)> {
        if bytes.iter().all(|&b| b == 0xFF) {
            return Ok(Found::Erased);
        }
        let Some(mended) = mend_header(bytes) else { return Ok(Found::Garbage) };
        let version = u8_at(bytes, 4);
        if bytes_at(bytes, 0) != MAGIC {
            return Ok(Found::Garbage);
        }
        if version != VERSION {
            return Err((Fault::Version, version.into()));
        }
        let (features, lane, key) = (u16_at(bytes, 8), u8_at(bytes, 5), u8_at(bytes, 7));
        let known = if cfg!(feature = "seal") { SEALED } else { 0 };
        let (flags, skipped) = (features & ((1 << SKIPPED) - 1), features >> SKIPPED);
        match () {
            () if flags & !known != 0 || u32::from(skipped) > BAD_RUN => {
                Err((Fault::Features, features.into()))
            }
            () if lane > BACK_LANE => Err((Fault::Lane, lane.into())),
            () if (key != 0) != (flags == SEALED) => Err((Fault::Reserved, key.into())),
            () => Ok(Found::Header(Header::fields(bytes), mended)),
        }
    }

    fn fields(bytes: &[u8]) -> Header {
        Header {
            lane: u8_at(bytes, 5),
            log_sector: u8_at(bytes, 6),
            log_prog: u8_at(bytes, 10),
            log_align: u8_at(bytes, 11),
            generation: u32_at(bytes, 12),
            first: u32_at(bytes, 16),
            sectors: u32_at(bytes, 20),
            salt: bytes_at(bytes, 24),
            base: u64_at(bytes, 32).min(NUMBER_MAX),
            total: u64_at(bytes, 40),
            skipped: u8_at(bytes, 9),
            key: u8_at(bytes, 7),
            log: 0,
            locked: false,
        }
    }
}

/// Whether a header that does not check out is what an interrupted format leaves: bits of the
/// magic not yet cleared, none wrongly cleared.
pub(crate) fn half_formatted(bytes: &[u8; HEADER]) -> bool {
    MAGIC.iter().zip(bytes).all(|(want, have)| have & want == *want)
}

/// `Some(false)` sound, `Some(true)` one bit mended, `None` beyond repair.
fn mend_header(bytes: &mut [u8; HEADER]) -> Option<bool> {
    let (body, stored) = bytes.split_at_mut_checked(HEADER - 4)?;
    let syndrome = Crc::new().add(body).value() ^ u32_at(stored, 0);
    mend(body, syndrome)
}

/// Mends `body` given the difference between computed and stored checksum.
pub(crate) fn mend(body: &mut [u8], syndrome: u32) -> Option<bool> {
    if syndrome == 0 {
        return Some(false);
    }
    if syndrome.is_power_of_two() {
        return Some(true); // the bit is in the checksum itself
    }
    let bit = crc::flipped_bit(body.len(), syndrome)?;
    *body.get_mut(bit / 8)? ^= 1 << (bit % 8);
    Some(true)
}

/// The sizes and the key every record of one store depends on.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) sector: u32,
    pub(crate) sectors: u32,
    pub(crate) prog: u32,
    pub(crate) align: u32,
    pub(crate) salt: [u8; 8],
    /// Ask [`Shape::sealed`].
    pub(crate) seal: bool,
}

impl Shape {
    pub(crate) const NONE: Shape =
        Shape { sector: 512, sectors: 0, prog: 1, align: 1, salt: [0; 8], seal: false };

    pub(crate) fn new(geometry: &Geometry, salt: [u8; 8]) -> crate::status::Result<Shape> {
        let Geometry { sector_size: sector, sector_count: count, prog_size: prog, align } =
            *geometry;
        let bad = |what| Err(Error::new(Status::Geometry, what));
        if !sector.is_power_of_two() || !(512..=1 << 20).contains(&sector) {
            return bad("storage.sector_size");
        }
        if count < SECTORS_MIN || sector.checked_mul(count).is_none() {
            return bad("storage.sector_count");
        }
        if !prog.is_power_of_two() || prog > 32 {
            return bad("storage.prog_size");
        }
        if !align.is_power_of_two() || align < prog || align > sector / 4 {
            return bad("storage.align");
        }
        Ok(Shape { sector, sectors: count, prog, align, salt, seal: false })
    }

    /// The same for a store that is sealed, or is not. A state record that tells all it can must
    /// fit a sector; sealed it is 28 bytes longer, and stands behind a header 24 bytes longer.
    pub(crate) fn keyed(self, seal: bool) -> crate::status::Result<Shape> {
        let shape = Shape { seal, ..self };
        if shape.sealed() && shape.sector < SEALED_SECTOR_MIN {
            return Err(Error::new(Status::Geometry, "storage.sector_size"));
        }
        Ok(shape)
    }

    /// Whether the store is sealed.
    pub(crate) fn sealed(&self) -> bool {
        cfg!(feature = "seal") && self.seal
    }

    /// Bytes of a sector header.
    pub(crate) fn header_len(&self) -> u32 {
        (HEADER + if self.sealed() { EXTENSION } else { 0 }) as u32
    }

    /// Bytes on the medium beside frame, payload and the last byte.
    pub(crate) fn tag(&self) -> usize {
        if self.sealed() { TAG } else { 0 }
    }

    /// Bytes a record with this payload takes.
    pub(crate) fn taken(&self, payload: usize) -> usize {
        FRAME + payload + self.tag() + 1
    }

    /// Where the first record of a sector starts: right behind the header, in the same sync.
    pub(crate) fn first_record(&self) -> u32 {
        up(self.header_len(), self.prog)
    }

    /// Where the record after one that ends at `end` starts.
    pub(crate) fn after(&self, end: u32) -> u32 {
        up(end, self.align)
    }

    /// The longest item body this medium takes, whatever happens to the entry later.
    pub(crate) fn body_max(&self, req_len: usize) -> usize {
        let record = self.taken(MOVED_MAX + ITEM_FIXED + req_len);
        let used = self.first_record() as usize + record + 32;
        (self.sector as usize).saturating_sub(used).min(super::BODY_MAX)
    }

    /// The checksum a record at this place starts from.
    pub(crate) fn seed(&self, lane: u8, generation: u32, offset: u32) -> Crc {
        Crc::new()
            .add(&self.salt)
            .add(&[lane])
            .add(&generation.to_le_bytes())
            .add(&offset.to_le_bytes())
    }
}

/// `value` rounded up to a multiple of `unit`, a power of two.
pub(crate) fn up(value: u32, unit: u32) -> u32 {
    value.wrapping_add(unit - 1) & !(unit.wrapping_sub(1))
}

/// The 12 bytes before a payload.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) crc: u32,
    pub(crate) len: u16,
    pub(crate) kind: u8,
    pub(crate) number: u32,
}

impl Frame {
    /// Whether the next record belongs to the same sync.
    pub(crate) fn joined(&self) -> bool {
        self.kind & kind::JOINED != 0
    }

    /// Whether it is a copy.
    pub(crate) fn moved(&self) -> bool {
        self.kind & !kind::JOINED == kind::MOVED
    }

    /// Where the place behind this record is, given where it ends.
    pub(crate) fn next(&self, shape: &Shape, end: u32) -> u32 {
        up(end, if self.joined() { shape.prog } else { shape.align })
    }

    /// Kind, length and number as the checksum sees them.
    pub(crate) fn tail(&self) -> [u8; FRAME - 4] {
        let [a, b] = self.len.to_le_bytes();
        let [c, d, e, f] = self.number.to_le_bytes();
        [a, b, self.kind, !self.kind, c, d, e, f]
    }

    /// A frame that could be one; its checksum is not looked at.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Frame> {
        let kind = u8_at(bytes, 6);
        if kind != !u8_at(bytes, 7) {
            return None;
        }
        let frame =
            Frame { crc: u32_at(bytes, 0), len: u16_at(bytes, 4), kind, number: u32_at(bytes, 8) };
        (usize::from(frame.len) <= PAYLOAD_MAX + TAG).then_some(frame)
    }
}

/// An entry's payload, borrowed from the record.
pub(crate) struct Payload<'b> {
    pub(crate) moved: Option<Moved<'b>>,
    /// The item's own bytes, as a copy of it carries them.
    pub(crate) raw: &'b [u8],
    pub(crate) item: Item<'b>,
}

/// The lane a copy was made from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Live,
    Back,
    Dead,
}

impl Source {
    pub(crate) fn of(flags: u8) -> Source {
        match () {
            () if flags & flag::FROM_DEAD != 0 => Source::Dead,
            () if flags & flag::FROM_BACK != 0 => Source::Back,
            () => Source::Live,
        }
    }
}

/// What a MOVED record says before its item.
#[derive(Clone, Copy)]
pub(crate) struct Moved<'b> {
    pub(crate) seq: u64,
    pub(crate) from: u64,
    pub(crate) attempts: u8,
    pub(crate) parked: bool,
    /// Whose number `from` is.
    pub(crate) source: Source,
    pub(crate) reason: Option<Reason<'b>>,
}

/// The item's bytes before req_id and body. Checks the limits `body_max` does not know.
pub(crate) fn item_head(item: &Item<'_>) -> Result<Bytes<ITEM_FIXED>> {
    let req = item.req_id;
    if req.is_empty() {
        return Err(Fault::ReqEmpty);
    }
    if req.len() > 32 {
        return Err(Fault::ReqLong);
    }
    if !req.is_ascii() {
        return Err(Fault::ReqText);
    }
    if item.created > CREATED_MAX {
        return Err(Fault::Created);
    }
    let mut out = Bytes::new();
    out.put(&item.profile.to_le_bytes());
    out.put_u48(item.created);
    out.put(&item.points.to_le_bytes());
    out.put(&[item.kind, req.len() as u8]);
    Ok(out)
}

pub(crate) fn decode_item(bytes: &[u8]) -> Option<Item<'_>> {
    let (head, rest) = bytes.split_at_checked(ITEM_FIXED)?;
    let (req, body) = rest.split_at_checked(u8_at(head, 19).into())?;
    Some(Item {
        req_id: ascii(req).filter(|id| (1..=32).contains(&id.len()))?,
        profile: u64_at(head, 0),
        created: u48_at(head, 8),
        points: u32_at(head, 14),
        kind: u8_at(head, 18),
        body,
    })
}

fn ascii(bytes: &[u8]) -> Option<&str> {
    core::str::from_utf8(bytes).ok().filter(|text| text.is_ascii())
}

/// The bytes a copied entry carries before its item.
pub(crate) fn moved_head(moved: &Moved<'_>) -> Bytes<MOVED_MAX> {
    let reason = moved.reason.unwrap_or(Reason { uncertain: false, at: 0, code: "", sub_code: "" });
    let mut flags = if moved.parked { flag::PARKED } else { 0 };
    flags |= if reason.uncertain { flag::UNCERTAIN } else { 0 };
    flags |= if moved.reason.is_some() { flag::REASON } else { 0 };
    flags |= match moved.source {
        Source::Live => 0,
        Source::Back => flag::FROM_BACK,
        Source::Dead => flag::FROM_DEAD,
    };
    let (code, sub) = (fit(reason.code, 8), fit(reason.sub_code, 64));
    let mut out = Bytes::new();
    out.put(&moved.seq.to_le_bytes());
    out.put(&moved.from.to_le_bytes());
    out.put(&[moved.attempts, flags]);
    out.put_u48(reason.at);
    out.put(&[code.len() as u8, sub.len() as u8]);
    out.put(code.as_bytes());
    out.put(sub.as_bytes());
    out
}

/// As much of `text` as fits `max` bytes, whole characters only.
fn fit(text: &str, max: usize) -> &str {
    let mut len = max.min(text.len());
    while len > 0 && !text.is_char_boundary(len) {
        len -= 1;
    }
    text.get(..len).unwrap_or("")
}

/// Splits a payload of kind ITEM or MOVED.
pub(crate) fn decode_payload(kind_byte: u8, bytes: &[u8]) -> Option<Payload<'_>> {
    match kind_byte & !kind::JOINED {
        kind::ITEM => Some(Payload { moved: None, raw: bytes, item: decode_item(bytes)? }),
        kind::MOVED => {
            let (moved, rest) = decode_moved(bytes)?;
            Some(Payload { moved: Some(moved), raw: rest, item: decode_item(rest)? })
        }
        _ => None,
    }
}

pub(crate) fn decode_moved(bytes: &[u8]) -> Option<(Moved<'_>, &[u8])> {
    let (head, rest) = bytes.split_at_checked(MOVED_FIXED)?;
    let (code, rest) = rest.split_at_checked(u8_at(head, 24).into())?;
    let (sub, rest) = rest.split_at_checked(u8_at(head, 25).into())?;
    let flags = u8_at(head, 17);
    let reason = Reason {
        uncertain: flags & flag::UNCERTAIN != 0,
        at: u48_at(head, 18),
        code: core::str::from_utf8(code).ok()?,
        sub_code: core::str::from_utf8(sub).ok()?,
    };
    let moved = Moved {
        seq: u64_at(head, 0),
        from: u64_at(head, 8),
        attempts: u8_at(head, 16),
        parked: flags & flag::PARKED != 0,
        source: Source::of(flags),
        reason: (flags & flag::REASON != 0).then_some(reason),
    };
    Some((moved, rest))
}

/// No store gets this far, only a forged one says so: the bit above it tells lanes apart.
pub(crate) const NUMBER_MAX: u64 = 1 << 62;

/// The 64-bit number near `near` whose low half is `low`.
pub(crate) fn widen(low: u32, near: u64) -> u64 {
    let ahead = low.wrapping_sub(near as u32) as i32;
    near.wrapping_add_signed(i64::from(ahead))
}
