//! The numbers of certificates, `app_cert_sn` and `alipay_root_cert_sn`: certificate text in, 32
//! hex digits out, several joined by `_` for a root bundle.
//!
//! ```text
//! certificate  SEQ { SEQ { [0] v, serial, SEQ { signature OID, ... }, issuer, ... }, ... }
//! issuer       SEQ { SET { SEQ { type OID, text } }, ... }       one SET per part, outermost first
//! number       MD5("CN=...,OU=...,O=...,C=CN" serial)            innermost first, serial decimal
//! ```
//!
//! A reader cannot go back, so each part of the issuer is found by a reading of its own: parts
//! are few, and nothing has to be buffered. Text between certificates is skipped.

use super::der::{self, Der};
use crate::status::{Error, Result, Status};
use crate::text::{Text, Writer};
use md5::{Digest as _, Md5};

/// Length of one certificate's number.
pub const NUMBER_LEN: usize = 32;

/// Longest serial number in bytes. (RFC 5280 allows 20.)
const SERIAL_MAX: usize = 32;
/// Decimal digits of the longest serial number.
const DIGITS: usize = 78;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";

/// The number of an app's or Alipay's certificate: of the first one, when its issuers follow.
///
/// `Missing` when there is none, `KeyFormat` with the offset when it is none, `KeyUnsupported`
/// for an issuer of unusual parts (whose number every SDK computes otherwise) or a serial number
/// above 256 bits.
pub fn number(text: &[u8]) -> Result<Text<NUMBER_LEN>> {
    let (at, block) = Blocks { text, at: 0 }.next().unwrap_or((0, text));
    let number = read(block).and_then(|certificate| certificate.number());
    number.map_err(|error| below(at, error))
}

/// Appends the numbers of a bundle's root certificates, in the order they stand. Those not signed
/// with RSA do not count: of a bundle without any, nothing is appended.
///
/// Errors as [`number`].
pub fn root_number(bundle: &[u8], out: &mut Writer<'_>) -> Result<()> {
    let (mut joint, mut any) = ("", false);
    for (at, block) in (Blocks { text: bundle, at: 0 }) {
        any = true;
        let certificate = read(block).map_err(|error| below(at, error))?;
        if certificate.is_rsa {
            out.str(joint);
            out.str(&certificate.number().map_err(|error| below(at, error))?);
            joint = "_";
        }
    }
    match any {
        true => Ok(()),
        false => Err(Error::new(Status::Missing, WHAT)),
    }
}

const WHAT: &str = "certificate";

/// An error in a block that begins at `at`.
const fn below(at: usize, error: Error) -> Error {
    error.at(error.at as usize + at)
}

/// Walks the certificates in a text, each from its BEGIN line to its END line, and where it is.
struct Blocks<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Blocks<'a> {
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<(usize, &'a [u8])> {
        loop {
            let start = self.at + find(self.text.get(self.at..)?, BEGIN)?;
            let block = self.text.get(start..)?;
            // A block without an end is refused when it is read.
            let end = find(block, END).map_or(block.len(), |end| {
                let label = end + END.len();
                let rest = block.get(label..).unwrap_or_default();
                label + find(rest, b"-----").map_or(rest.len(), |len| len + 5)
            });
            self.at = start + end;
            if block.get(BEGIN.len()..).is_some_and(|label| label.starts_with(b"CERTIFICATE-----"))
            {
                return Some((start, block.get(..end)?));
            }
        }
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|part| part == what)
}

/// What the number is made of, but for the issuer's parts.
struct Certificate<'a> {
    text: &'a [u8],
    serial: [u8; SERIAL_MAX],
    is_rsa: bool,
    /// Parts of the issuer.
    parts: usize,
}

/// A reader before the issuer, and where the issuer's parent and the certificate end.
struct Place<'a> {
    der: Der<'a>,
    serial: [u8; SERIAL_MAX],
    is_rsa: bool,
    signed: usize,
    outer: usize,
}

/// Reads a certificate whole, so that what is numbered is well formed.
fn read(text: &[u8]) -> Result<Certificate<'_>> {
    let Place { mut der, serial, is_rsa, signed, outer } = before_issuer(text)?;
    let issuer = der.enter(der::SEQUENCE, signed)?;
    let mut parts = 0;
    while !der.is_at(issuer) {
        der.skip(SET, issuer)?;
        parts += 1;
    }
    der.leave(issuer)?;
    der.skip_to(signed)?;
    der.skip_to(outer)?;
    der.finish()?;
    Ok(Certificate { text, serial, is_rsa, parts })
}

const SET: u8 = 0x31;

fn before_issuer(text: &[u8]) -> Result<Place<'_>> {
    let mut der = Der::new(text, WHAT)?;
    let outer = der.enter(der::SEQUENCE, usize::MAX)?;
    let signed = der.enter(der::SEQUENCE, outer)?;
    if der.peek()?.tag == der::CONTEXT_0 {
        der.skip(der::CONTEXT_0, signed)?;
    }
    let serial = read_serial(&mut der, signed)?;
    let is_rsa = is_rsa_signed(&mut der, signed)?;
    Ok(Place { der, serial, is_rsa, signed, outer })
}

/// A serial number, at the end of the room.
fn read_serial(der: &mut Der<'_>, limit: usize) -> Result<[u8; SERIAL_MAX]> {
    let len = der.peek()?.len;
    let end = der.enter(der::INTEGER, limit)?;
    let mut room = [0; SERIAL_MAX];
    let start = SERIAL_MAX.checked_sub(len).ok_or(der.error(Status::KeyUnsupported))?;
    for place in room.get_mut(start..).unwrap_or_default() {
        *place = der.byte()?;
    }
    // Below zero, or no number at all.
    match room.get(start) {
        Some(0..=0x7f) => der.leave(end).map(|()| room),
        _ => Err(der.error(Status::KeyFormat)),
    }
}

/// Whether an algorithm's OID begins with 1.2.840.113549.1.1.
fn is_rsa_signed(der: &mut Der<'_>, limit: usize) -> Result<bool> {
    let end = der.enter(der::SEQUENCE, limit)?;
    let (oid, len) = short(der, der::OID, end)?;
    der.skip_to(end)?;
    Ok(oid.get(..len).unwrap_or_default().starts_with(b"\x2a\x86\x48\x86\xf7\x0d\x01\x01"))
}

/// The content of a short element and its length; of a longer one the start.
fn short(der: &mut Der<'_>, tag: u8, limit: usize) -> Result<([u8; 16], usize)> {
    let len = der.peek()?.len;
    let end = der.enter(tag, limit)?;
    let mut room = [0; 16];
    for place in room.iter_mut().take(len) {
        *place = der.byte()?;
    }
    der.skip_to(end)?;
    Ok((room, len.min(16)))
}

impl Certificate<'_> {
    fn number(&self) -> Result<Text<NUMBER_LEN>> {
        let mut hash = Md5::new();
        for part in (0..self.parts).rev() {
            self.part(part, &mut hash)?;
            if part > 0 {
                hash.update(b",");
            }
        }
        decimal(self.serial, &mut hash);
        let mut room = [0; NUMBER_LEN];
        let mut writer = Writer::new(&mut room);
        for byte in hash.finalize() {
            let _ = core::fmt::write(&mut writer, format_args!("{byte:02x}"));
        }
        crate::text::bounded(writer.finish_str()?, WHAT)
    }

    /// Hashes one part of the issuer as `CN=...`.
    fn part(&self, index: usize, hash: &mut Md5) -> Result<()> {
        let Place { mut der, signed, .. } = before_issuer(self.text)?;
        let issuer = der.enter(der::SEQUENCE, signed)?;
        for _ in 0..index {
            der.skip(SET, issuer)?;
        }
        let set = der.enter(SET, issuer)?;
        let pair = der.enter(der::SEQUENCE, set)?;
        let (oid, len) = short(&mut der, der::OID, pair)?;
        let name = keyword(oid.get(..len).unwrap_or_default());
        hash.update(name.ok_or(der.error(Status::KeyUnsupported))?);
        hash.update(b"=");
        value(&mut der, pair, hash)?;
        // Two names in one part: their order is anybody's guess.
        match der.is_at(set) {
            true => der.leave(pair),
            false => Err(der.error(Status::KeyUnsupported)),
        }
    }
}

/// The keyword RFC 2253 has for a type.
fn keyword(oid: &[u8]) -> Option<&'static [u8]> {
    Some(match oid {
        b"\x55\x04\x03" => b"CN",
        b"\x55\x04\x06" => b"C",
        b"\x55\x04\x07" => b"L",
        b"\x55\x04\x08" => b"ST",
        b"\x55\x04\x0a" => b"O",
        b"\x55\x04\x0b" => b"OU",
        _ => return None,
    })
}

/// Hashes a text of UTF-8 or ASCII. What RFC 2253 would escape is refused: SDKs differ on it.
fn value(der: &mut Der<'_>, limit: usize, hash: &mut Md5) -> Result<()> {
    const UTF8: u8 = 0x0c;
    const PRINTABLE: u8 = 0x13;
    const IA5: u8 = 0x16;
    let header = der.peek()?;
    if !matches!(header.tag, UTF8 | PRINTABLE | IA5) {
        return Err(der.error(Status::KeyUnsupported));
    }
    let end = der.enter(header.tag, limit)?;
    let (mut first, mut last) = (true, b' ');
    while !der.is_at(end) {
        last = der.byte()?;
        if matches!(last, b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' | 0..=0x1f)
            || first && matches!(last, b' ' | b'#')
        {
            return Err(der.error(Status::KeyUnsupported));
        }
        first = false;
        hash.update([last]);
    }
    match last {
        b' ' => Err(der.error(Status::KeyUnsupported)), // An end, or all, of spaces.
        _ => der.leave(end),
    }
}

/// Hashes a big-endian number in decimal, without leading zeros.
fn decimal(mut number: [u8; SERIAL_MAX], hash: &mut Md5) {
    let mut digits = [0; DIGITS];
    for place in digits.iter_mut().rev() {
        let mut rest = 0;
        for byte in &mut number {
            let value = rest << 8 | u16::from(*byte);
            *byte = (value / 10) as u8; // rest is below 10, so this is below 256
            rest = value % 10;
        }
        *place = b'0' + rest as u8;
    }
    let zeros = digits.iter().take(DIGITS - 1).take_while(|&&digit| digit == b'0').count();
    hash.update(digits.get(zeros..).unwrap_or_default());
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
#[path = "cert_tests.rs"]
mod tests;
