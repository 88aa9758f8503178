//! Strict DER: key text in, headers and numbers out, front to back without going back.
//!
//! Lengths are definite and minimal, at most 65535; every element ends inside its parent;
//! integers are positive and minimal. The walk through a key's structure is in `keyform`.

use super::keytext::KeyText;
use super::limbs::{BITS, Limb};
use crate::status::{Error, Result, Status};

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const CONTEXT_0: u8 = 0xa0;

/// Tag and length of an element whose content comes next.
#[derive(Clone, Copy)]
pub(super) struct Header {
    pub tag: u8,
    /// Bytes of the content.
    pub len: usize,
}

/// A reader at some element.
pub(super) struct Der<'a> {
    text: KeyText<'a>,
    /// Bytes read so far.
    at: usize,
    peeked: Option<Header>,
}

impl<'a> Der<'a> {
    pub fn new(text: &'a [u8], what: &'static str) -> Result<Self> {
        Ok(Der { text: KeyText::new(text, what)?, at: 0, peeked: None })
    }

    /// An error at this place of the text.
    pub fn error(&self, status: Status) -> Error {
        self.text.error(status)
    }

    /// The header of the next element, which stays the next one.
    pub fn peek(&mut self) -> Result<Header> {
        let header = match self.peeked {
            Some(header) => header,
            None => self.header()?,
        };
        self.peeked = Some(header);
        Ok(header)
    }

    /// Enters the next element, which must have this tag and end by `limit`; returns its end.
    pub fn enter(&mut self, tag: u8, limit: usize) -> Result<usize> {
        let header = self.peek()?;
        let end = self.at + header.len;
        if header.tag != tag || end > limit {
            return Err(self.error(Status::KeyFormat));
        }
        self.peeked = None;
        Ok(end)
    }

    /// Steps over the next element, which must have this tag and end by `limit`.
    pub fn skip(&mut self, tag: u8, limit: usize) -> Result<()> {
        let end = self.enter(tag, limit)?;
        self.skip_to(end)
    }

    /// Steps over everything up to `end`.
    pub fn skip_to(&mut self, end: usize) -> Result<()> {
        while self.at < end {
            self.byte()?;
        }
        self.leave(end)
    }

    /// Checks that the element ending at `end` has been read whole.
    pub fn leave(&self, end: usize) -> Result<()> {
        match self.at == end && self.peeked.is_none() {
            true => Ok(()),
            false => Err(self.error(Status::KeyFormat)),
        }
    }

    /// Whether nothing is left before `end`.
    pub fn is_at(&self, end: usize) -> bool {
        self.at == end
    }

    /// Checks that the text ends here too.
    pub fn finish(&mut self) -> Result<()> {
        self.text.finish()
    }

    /// The next byte of content.
    pub fn byte(&mut self) -> Result<u8> {
        self.at += 1;
        self.text.byte()
    }

    /// An INTEGER of one byte: a version.
    pub fn version(&mut self, limit: usize) -> Result<u8> {
        let end = self.enter(INTEGER, limit)?;
        let version = self.byte()?;
        self.leave(end)?;
        Ok(version)
    }

    /// A positive INTEGER into `out`; returns its bits. Longer than `out`: `too_long`, with its
    /// bits for a place.
    pub fn integer(&mut self, limit: usize, out: &mut [Limb], too_long: Status) -> Result<usize> {
        let end = self.enter(INTEGER, limit)?;
        let mut len = end - self.at;
        let mut byte = if len > 0 { self.byte()? } else { 0x80 };
        if byte >= 0x80 {
            return Err(self.error(Status::KeyFormat)); // Empty, or negative.
        }
        if byte == 0 && len > 1 {
            (byte, len) = (self.byte()?, len - 1);
            if byte < 0x80 {
                return Err(self.error(Status::KeyFormat)); // Not minimal.
            }
        }
        let bits = 8 * len - byte.leading_zeros() as usize;
        if bits > out.len() * BITS {
            return Err(self.error(too_long).at(bits));
        }
        out.fill(0);
        for place in (0..len).rev() {
            if let Some(limb) = out.get_mut(place / (BITS / 8)) {
                *limb = *limb << 8 | Limb::from(byte);
            }
            byte = if place > 0 { self.byte()? } else { 0 };
        }
        self.leave(end)?;
        Ok(bits)
    }

    fn header(&mut self) -> Result<Header> {
        let start = self.at;
        let tag = self.byte()?;
        let len = match self.byte()? {
            short @ 0..=0x7f => usize::from(short),
            0x81 => usize::from(self.byte()?),
            0x82 => usize::from(u16::from_be_bytes([self.byte()?, self.byte()?])),
            _ => return Err(self.error(Status::KeyFormat)),
        };
        let minimal = match len {
            0..=0x7f => 2,
            0x80..=0xff => 3,
            _ => 4,
        };
        if self.at - start != minimal || tag & 0x1f == 0x1f {
            return Err(self.error(Status::KeyFormat));
        }
        Ok(Header { tag, len })
    }
}
