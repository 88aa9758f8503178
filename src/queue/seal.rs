//! Sealed stores: every record and header encrypted or authenticated with its place (feature
//! `seal`).
//!
//! In: payloads and headers, keys from the storage port. Out: sealed bytes and back; what does not
//! open although its checksum is right is told as tampering.
//!
//! ```text
//! header  | 52 bytes as ever, byte 7 = key id | state generation 4 | tag 16 | crc 4 |
//! record  | crc 4 | len 2 | kind | !kind | number 4 | ciphertext | tag 16 | 0 |
//! ```
//!
//! The checksum covers ciphertext and tag, so tears and rot are told, and single bits mended,
//! before any key is needed: a wrong tag under a right checksum is nobody's accident. The cipher
//! is AES-GCM-SIV; its nonce is the record's place, which a store uses once, and should a restored
//! image use it twice, only equal records become visible. Whole records are opened in a buffer of
//! the medium, because nothing of one may be believed before its last byte was seen.
//!
//! Without the feature [`Shape::sealed`](super::record::Shape::sealed) is false by definition, and
//! nothing of this remains in the image.

use zeroize::Zeroizing;

use super::crc::Crc;
use super::fault::{Fault, Result};
use super::medium::{Medium, Reader};
use super::record::{self, Bytes, Found, Frame, HEADER, Header, PAYLOAD_MAX, Shape, mend, u32_at};
use super::ring::Ring;

/// Bytes of an authentication tag.
pub(crate) const TAG: usize = 16;
/// What a sealed sector's header is longer.
pub(crate) const EXTENSION: usize = 24;
/// What a sealed state record says before its payload: how far the other lanes had come.
pub(crate) const WITNESS: usize = 12;
/// The longest key, in bytes.
const KEY: usize = 32;
/// The longest sealed payload. Nothing without the feature.
const ROOM: usize = if cfg!(feature = "seal") { PAYLOAD_MAX + TAG } else { 0 };
/// Places of tampering that are remembered, so that none is counted at every look.
#[cfg(feature = "seal")]
const SEEN: usize = 8;

/// What was done to a sealed store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tampering {
    /// A record's checksum is right and its tag is not: altered, or brought from elsewhere.
    Record,
    /// A sector header's checksum is right and its tag is not, or it is not sealed at all.
    Header,
    /// A genuine sector header stands where it does not belong: an older copy of the sector, or
    /// one of another lane or store.
    Moved,
    /// Records or sectors that a genuine record vouches for are erased. (A storage that lost what
    /// it said was durable looks the same.)
    Removed,
}

/// The places where tampering was met. Takes no memory without the feature.
#[derive(Clone, Copy)]
pub(crate) struct Tampers {
    #[cfg(feature = "seal")]
    count: u32,
    #[cfg(feature = "seal")]
    first: Option<(Tampering, u32)>,
    #[cfg(feature = "seal")]
    seen: [u32; SEEN],
}

#[cfg(not(feature = "seal"))]
impl Tampers {
    pub(crate) const NONE: Tampers = Tampers {};

    pub(crate) fn count(&self) -> u32 {
        0
    }

    pub(crate) fn first(&self) -> Option<(Tampering, u32)> {
        None
    }

    pub(crate) fn places(&self) -> impl Iterator<Item = u32> + use<> {
        core::iter::empty()
    }

    fn note(&mut self, _: Tampering, _: u32) {}
}

#[cfg(feature = "seal")]
impl Tampers {
    pub(crate) const NONE: Tampers = Tampers { count: 0, first: None, seen: [u32::MAX; SEEN] };

    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    pub(crate) fn first(&self) -> Option<(Tampering, u32)> {
        self.first
    }

    /// The places remembered.
    pub(crate) fn places(&self) -> impl Iterator<Item = u32> + use<> {
        self.seen.into_iter().filter(|at| *at != u32::MAX)
    }

    fn note(&mut self, what: Tampering, at: u32) {
        if self.seen.contains(&at) {
            return;
        }
        self.first = self.first.or(Some((what, at)));
        if let Some(slot) = self.seen.get_mut(self.count as usize & (SEEN - 1)) {
            *slot = at;
        }
        self.count = self.count.saturating_add(1);
    }
}

/// A record's place, as its nonce says it.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "seal"), allow(dead_code))]
pub(crate) struct Site {
    pub(crate) lane: u8,
    pub(crate) generation: u32,
    pub(crate) off: u32,
}

impl Site {
    /// A header is the record at offset 0.
    fn header(header: &Header) -> Site {
        Site { lane: header.lane, generation: header.generation, off: 0 }
    }

    #[cfg(feature = "seal")]
    fn nonce(&self) -> [u8; 12] {
        let [a, b, c, d] = self.generation.to_le_bytes();
        let [e, f, g, h] = self.off.to_le_bytes();
        [a, b, c, d, e, f, g, h, self.lane, 0, 0, 0]
    }
}

/// What a record under a right checksum is.
pub(crate) enum Opened {
    /// It opens with this key; its payload is in the vault.
    With(u8),
    /// There is no key to look with.
    Blind,
    Forged,
}

/// One key and one opened record, for the length of a call.
pub(crate) struct Vault {
    /// Nobody gave keys: only the structure is looked at.
    pub(crate) blind: bool,
    /// The newest generation of the state lane; what headers of other lanes vouch for.
    pub(crate) log: u32,
    pub(crate) tampers: Tampers,
    /// Number and length of the key below; 0 is none.
    held: u8,
    key_len: usize,
    key: Zeroizing<[u8; KEY]>,
    /// The address of the payload below on the medium.
    at: u32,
    len: usize,
    bytes: [u8; ROOM],
}

impl Vault {
    pub(crate) fn new() -> Vault {
        Vault {
            blind: false,
            log: 0,
            tampers: Tampers::NONE,
            held: 0,
            key_len: 0,
            key: Zeroizing::new([0; KEY]),
            at: u32::MAX,
            len: 0,
            bytes: [0; ROOM],
        }
    }

    fn clear(&mut self) {
        (self.at, self.len) = (u32::MAX, 0);
    }

    fn put(&mut self, more: &[u8]) {
        let end = self.len.saturating_add(more.len());
        if let Some(room) = self.bytes.get_mut(self.len..end) {
            for (to, from) in room.iter_mut().zip(more) {
                *to = *from;
            }
            self.len = end;
        }
    }

    /// What lies here: a payload, or ciphertext and tag.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }

    /// Copies what the opened payload holds at address `at`; `None` when it is another one's.
    pub(crate) fn copy(&self, at: u32, out: &mut [u8]) -> Option<()> {
        let from = at.checked_sub(self.at)? as usize;
        let opened = self.bytes().get(from..)?.get(..out.len())?;
        for (to, byte) in out.iter_mut().zip(opened) {
            *to = *byte;
        }
        Some(())
    }

    /// The opened payload's first bytes; 0xFF behind its end.
    pub(crate) fn head<const N: usize>(&self) -> [u8; N] {
        let mut head = [0xFF; N];
        for (to, byte) in head.iter_mut().zip(self.bytes()) {
            *to = *byte;
        }
        head
    }

    fn cipher(&self) -> Cipher<'_> {
        Cipher(self.key.get(..self.key_len).unwrap_or(&[]))
    }

    /// Encrypts what lies here in place and puts the tag behind it.
    fn seal(&mut self, site: &Site, aad: &[u8]) -> Result<()> {
        let Vault { bytes, len, key, key_len, .. } = self;
        let cipher = Cipher(key.get(..*key_len).unwrap_or(&[]));
        let plain = bytes.get_mut(..*len).unwrap_or(&mut []);
        let tag = cipher.seal(site, aad, plain).ok_or(Fault::KeyLength)?;
        self.put(&tag);
        Ok(())
    }

    /// The way back; false, and nothing changed, when the tag is wrong.
    fn open(&mut self, site: &Site, aad: &[u8]) -> bool {
        let Some(len) = self.len.checked_sub(TAG) else { return false };
        let Vault { bytes, key, key_len, .. } = self;
        let cipher = Cipher(key.get(..*key_len).unwrap_or(&[]));
        let Some((plain, rest)) = bytes.split_at_mut_checked(len) else { return false };
        let tag = record::bytes_at(rest, 0);
        if !cipher.open(site, aad, plain, &tag) {
            return false;
        }
        self.len = len;
        true
    }
}

/// AES-GCM-SIV with a key of 16 or 32 bytes.
struct Cipher<'k>(&'k [u8]);

#[cfg(feature = "seal")]
impl Cipher<'_> {
    fn seal(&self, site: &Site, aad: &[u8], plain: &mut [u8]) -> Option<[u8; TAG]> {
        use aes_gcm_siv::{AeadInOut, Aes128GcmSiv, Aes256GcmSiv, KeyInit};
        let nonce = site.nonce().into();
        let tag = match self.0.len() {
            16 => Aes128GcmSiv::new_from_slice(self.0).ok()?.encrypt_inout_detached(
                &nonce,
                aad,
                plain.into(),
            ),
            _ => Aes256GcmSiv::new_from_slice(self.0).ok()?.encrypt_inout_detached(
                &nonce,
                aad,
                plain.into(),
            ),
        };
        tag.ok().map(Into::into)
    }

    fn open(&self, site: &Site, aad: &[u8], bytes: &mut [u8], tag: &[u8; TAG]) -> bool {
        use aes_gcm_siv::{AeadInOut, Aes128GcmSiv, Aes256GcmSiv, KeyInit};
        let (nonce, tag) = (site.nonce().into(), (*tag).into());
        match self.0.len() {
            16 => Aes128GcmSiv::new_from_slice(self.0).is_ok_and(|cipher| {
                cipher.decrypt_inout_detached(&nonce, aad, bytes.into(), &tag).is_ok()
            }),
            _ => Aes256GcmSiv::new_from_slice(self.0).is_ok_and(|cipher| {
                cipher.decrypt_inout_detached(&nonce, aad, bytes.into(), &tag).is_ok()
            }),
        }
    }
}

#[cfg(not(feature = "seal"))]
impl Cipher<'_> {
    fn seal(&self, _: &Site, _: &[u8], _: &mut [u8]) -> Option<[u8; TAG]> {
        let _ = self.0;
        None
    }

    fn open(&self, _: &Site, _: &[u8], _: &mut [u8], _: &[u8; TAG]) -> bool {
        false
    }
}

/// What a record's tag covers beside place and payload.
fn record_aad(shape: &Shape, frame: &Frame) -> Bytes<16> {
    let mut aad = Bytes::new();
    aad.put(&shape.salt);
    aad.put(&frame.tail());
    aad
}

/// How far the live lane, the backlog and the dead lane have come, for a state record to vouch for;
/// nothing in a plain store.
pub(crate) fn witness(shape: &Shape, lanes: [&Ring; 3]) -> Bytes<WITNESS> {
    let mut out = Bytes::new();
    for ring in lanes.into_iter().filter(|_| shape.sealed()) {
        out.put(&(ring.next as u32).to_le_bytes());
    }
    out
}

impl Medium<'_> {
    /// Somebody without the key was at `at`.
    #[cold]
    pub(crate) fn tampered(&mut self, what: Tampering, at: u32) {
        self.vault.tampers.note(what, at);
    }

    /// The number of the key to seal with; 0 when there is none.
    pub(crate) fn newest_key(&mut self) -> u8 {
        #[cfg(feature = "seal")]
        if let Some(keys) = self.storage.keys() {
            return keys.newest();
        }
        0
    }

    /// Fetches the key `id`; false when the caller has none.
    fn hold(&mut self, id: u8) -> Result<bool> {
        if id == 0 || self.vault.held == id {
            return Ok(id != 0);
        }
        self.vault.held = 0;
        #[cfg(feature = "seal")]
        if let Some(keys) = self.storage.keys() {
            match keys.key(id, &mut self.vault.key) {
                Ok(None) => return Ok(false),
                Ok(Some(len)) if len == 16 || len == KEY => self.vault.key_len = len,
                Ok(Some(_)) => return Err(Fault::KeyLength.at(self, id.into())),
                Err(error) => return Err(Fault::KeyPort.at(self, error.0 as usize)),
            }
            self.vault.held = id;
            return Ok(true);
        }
        Ok(false)
    }

    /// The key new records are sealed with.
    fn hold_newest(&mut self) -> Result<u8> {
        let id = self.newest_key();
        if self.hold(id)? { Ok(id) } else { Err(Fault::Key.at(self, id.into())) }
    }

    /// Seals the pieces of a record's payload: ciphertext and tag then lie in the vault. `frame`
    /// says the sealed length.
    pub(crate) fn seal_record(
        &mut self,
        site: &Site,
        frame: &Frame,
        pieces: [&[u8]; 4],
    ) -> Result<()> {
        self.hold_newest()?;
        self.vault.clear();
        for piece in pieces {
            self.vault.put(piece);
        }
        let aad = record_aad(&self.shape, frame);
        self.vault.seal(site, aad.get())
    }

    /// Opens the record whose sealed payload stands at `at`, `bit` of it mended.
    pub(crate) fn open_record(
        &mut self,
        reader: &mut Reader,
        ring: &Ring,
        site: &Site,
        (at, frame, bit): (u32, &Frame, usize),
    ) -> Result<Opened> {
        if self.vault.blind {
            return Ok(Opened::Blind);
        }
        self.load(reader, at, frame.len, bit)?;
        let usual = if self.vault.held != 0 { self.vault.held } else { self.newest_key() };
        if self.opens(usual, site, frame)? {
            return Ok(Opened::With(usual));
        }
        // Not with the key that was right before: look which one the sector was sealed with.
        if let Some(header) = ring.header(self, site.generation)? {
            if !self.hold(header.key)? {
                return Err(Fault::Key.at(self, header.key.into()));
            }
            let right = header.key != usual && self.opens(header.key, site, frame)?;
            return Ok(if right { Opened::With(header.key) } else { Opened::Forged });
        }
        // Its header is rotten: keys change from one sector to the next, so a neighbour's it is.
        for other in [site.generation.wrapping_sub(1), site.generation.wrapping_add(1)] {
            let known = (1..=ring.generation).contains(&other);
            let header = if known { ring.header(self, other)? } else { None };
            let id = header.map_or(0, |header| header.key);
            if self.opens(id, site, frame)? {
                return Ok(Opened::With(id));
            }
        }
        Ok(Opened::Forged)
    }

    /// Opens it again, with the key that is known to be right.
    pub(crate) fn reopen(
        &mut self,
        id: u8,
        site: &Site,
        (at, frame, bit): (u32, &Frame, usize),
    ) -> Result<()> {
        if self.vault.at == at {
            return Ok(());
        }
        self.load(&mut Reader::new(), at, frame.len, bit)?;
        if self.opens(id, site, frame)? { Ok(()) } else { Err(Fault::Corrupt) }
    }

    fn load(&mut self, reader: &mut Reader, at: u32, len: u16, bit: usize) -> Result<()> {
        let end = at + u32::from(len);
        let limit = (at & !(self.shape.sector - 1)) + self.shape.sector;
        self.vault.clear();
        let mut here = at;
        while here < end {
            let got = reader.some(self, here, end - here, limit)?;
            if got.is_empty() {
                break;
            }
            here += got.len() as u32;
            self.vault.put(got);
        }
        if let Some(byte) = self.vault.bytes.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
        self.vault.at = at;
        Ok(())
    }

    fn opens(&mut self, id: u8, site: &Site, frame: &Frame) -> Result<bool> {
        if !self.hold(id)? {
            return Ok(false);
        }
        let aad = record_aad(&self.shape, frame);
        Ok(self.vault.open(site, aad.get()))
    }

    /// What stands behind a sealed header's first 52 bytes. It covers all of them.
    pub(crate) fn seal_header(&mut self, header: &mut Header) -> Result<Bytes<EXTENSION>> {
        let mut out = Bytes::new();
        if !self.shape.sealed() {
            return Ok(out);
        }
        (header.key, header.log) = (self.hold_newest()?, self.vault.log);
        let aad = header_aad(header);
        let tag = self.vault.cipher().seal(&Site::header(header), aad.get(), &mut []);
        out.put(&header.log.to_le_bytes());
        out.put(&tag.ok_or(Fault::KeyLength)?);
        out.put(&extension_crc(header, out.get()).to_le_bytes());
        Ok(out)
    }

    /// Judges a header whose checksum is right by what stands behind it.
    pub(crate) fn vouch(
        &mut self,
        at: u32,
        mut header: Header,
        mended: bool,
        behind: &mut [u8; EXTENSION],
    ) -> Result<Found> {
        if !self.shape.sealed() {
            return match header.key {
                0 => Ok(Found::Header(header, mended)),
                id => Err(Fault::Key.at(self, id.into())),
            };
        }
        if header.key == 0 {
            self.tampered(Tampering::Header, at);
            return Ok(Found::Forged);
        }
        let Some((body, sum)) = behind.split_at_mut_checked(EXTENSION - 4) else {
            return Ok(Found::Garbage);
        };
        let difference = extension_crc(&header, body) ^ u32_at(sum, 0);
        let Some(also) = mend(body, difference) else { return Ok(Found::Garbage) };
        header.log = u32_at(body, 0);
        if !self.vault.blind {
            header.locked = !self.hold(header.key)?;
            let aad = header_aad(&header);
            let (cipher, site) = (self.vault.cipher(), Site::header(&header));
            let tag = record::bytes_at(body, 4);
            if !header.locked && !cipher.open(&site, aad.get(), &mut [], &tag) {
                self.tampered(Tampering::Header, at);
                return Ok(Found::Forged);
            }
        }
        Ok(Found::Header(header, mended || also))
    }
}

/// All a header says.
fn header_aad(header: &Header) -> Bytes<{ HEADER + 4 }> {
    let mut aad = Bytes::new();
    aad.put(header.encode().get());
    aad.put(&header.log.to_le_bytes());
    aad
}

/// Seeded with the header, so that the two halves belong together.
fn extension_crc(header: &Header, body: &[u8]) -> u32 {
    Crc::new().add(header.encode().get()).add(body).value()
}
