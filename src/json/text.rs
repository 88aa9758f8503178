//! Decoding of checked texts: raw bytes between quotes in, UTF-8 out, piece by piece.

use super::{Encoding, Kind, Value, malformed};
use crate::status::Result;
#[cfg(not(feature = "gbk"))]
use crate::status::{Error, Status};
use crate::text::Writer;

/// The bytes between a string's quotes; any other value whole.
pub(super) fn inside<'a>(value: &Value<'a>) -> &'a [u8] {
    match (value.kind, value.raw) {
        (Kind::String, [_, inside @ .., _]) => inside,
        _ => value.raw,
    }
}

/// See [`Value::text`].
pub(super) fn write(value: &Value<'_>, out: &mut Writer<'_>) -> Result<()> {
    if !matches!(value.kind, Kind::String | Kind::Number) {
        return Err(malformed(value.start));
    }
    for piece in Pieces::of(value) {
        match piece {
            Piece::Plain(text) => out.bytes(text),
            Piece::Char(c) => out.str(c.encode_utf8(&mut [0; 4])),
            Piece::Gbk(pair) => gbk(pair, out).map_err(|error| error.at(value.start))?,
        }
    }
    Ok(())
}

/// See [`Value::each_char`].
pub(super) fn each_char(value: &Value<'_>, see: &mut dyn FnMut(char)) {
    if !matches!(value.kind, Kind::String | Kind::Number) {
        return;
    }
    for piece in Pieces::of(value) {
        let mut room = [0; 4];
        match piece {
            Piece::Char(c) => see(c),
            Piece::Plain(text) => shown(core::str::from_utf8(text).ok(), see),
            Piece::Gbk(pair) => {
                let mut writer = Writer::new(&mut room);
                let known = gbk(pair, &mut writer).is_ok();
                shown(writer.finish_str().ok().filter(|_| known), see);
            }
        }
    }
}

fn shown(text: Option<&str>, see: &mut dyn FnMut(char)) {
    text.unwrap_or("\u{fffd}").chars().for_each(see);
}

#[cfg(feature = "gbk")]
pub(crate) use crate::text::gbk::decode as gbk;

/// Without its table there is no telling what a pair means.
#[cfg(not(feature = "gbk"))]
pub(crate) fn gbk(bytes: &[u8], out: &mut Writer<'_>) -> Result<()> {
    if !bytes.is_ascii() {
        return Err(Error::new(Status::Unsupported, "gbk"));
    }
    out.bytes(bytes);
    Ok(())
}

/// True when the decoded text is `text`.
pub(super) fn equal(value: &Value<'_>, text: &[u8]) -> bool {
    let inside = inside(value);
    if !inside.contains(&b'\\') {
        return inside == text;
    }
    let mut rest = text;
    let all = Pieces::of(value).all(|piece| {
        let mut room = [0; 4];
        let left = rest.strip_prefix(piece.bytes(&mut room));
        rest = left.unwrap_or_default();
        left.is_some()
    });
    all && rest.is_empty()
}

/// True when two strings of one encoding decode to the same text.
pub(super) fn same(a: &Value<'_>, b: &Value<'_>) -> bool {
    if a.raw == b.raw {
        return true;
    }
    if !a.raw.contains(&b'\\') && !b.raw.contains(&b'\\') {
        return false;
    }
    Bytes::of(a).eq(Bytes::of(b))
}

/// A stretch of decoded text.
enum Piece<'a> {
    /// Bytes that stand for themselves.
    Plain(&'a [u8]),
    /// An escape, decoded.
    Char(char),
    /// GBK text beyond ASCII.
    Gbk(&'a [u8]),
}

impl<'a> Piece<'a> {
    fn bytes<'b>(&self, room: &'b mut [u8; 4]) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Piece::Plain(bytes) | Piece::Gbk(bytes) => bytes,
            Piece::Char(c) => c.encode_utf8(room).as_bytes(),
        }
    }
}

/// Walks the pieces of checked text.
#[derive(Clone)]
struct Pieces<'a> {
    rest: &'a [u8],
    encoding: Encoding,
}

impl<'a> Pieces<'a> {
    fn of(value: &Value<'a>) -> Self {
        Pieces { rest: inside(value), encoding: value.encoding }
    }

    /// Takes the next `count` bytes.
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// The character of an escape, its backslash taken.
    fn escape(&mut self) -> Option<char> {
        Some(match *self.take(1)? {
            [b'b'] => '\u{8}',
            [b'f'] => '\u{c}',
            [b'n'] => '\n',
            [b'r'] => '\r',
            [b't'] => '\t',
            [b'u'] => self.unicode()?,
            [byte] => byte as char,
            _ => return None,
        })
    }

    fn unicode(&mut self) -> Option<char> {
        let high = self.hex4()?;
        if !(0xD800..0xDC00).contains(&high) {
            return char::from_u32(high);
        }
        self.take(2)?;
        let low = self.hex4()?;
        char::from_u32(0x10000 + ((high & 0x3FF) << 10 | low & 0x3FF))
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits = core::str::from_utf8(self.take(4)?).ok()?;
        u32::from_str_radix(digits, 16).ok()
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let gbk = self.encoding == Encoding::Gbk;
        let first = *self.rest.first()?;
        if first == b'\\' {
            self.take(1)?;
            return self.escape().map(Piece::Char);
        }
        if gbk && first >= 0x80 {
            return self.take(2).map(Piece::Gbk);
        }
        let ends = |&byte: &u8| byte == b'\\' || gbk && byte >= 0x80;
        let count = self.rest.iter().position(ends).unwrap_or(self.rest.len());
        self.take(count).map(Piece::Plain)
    }
}

/// Walks the decoded bytes one by one.
struct Bytes<'a> {
    pieces: Pieces<'a>,
    piece: Option<Piece<'a>>,
    at: usize,
}

impl<'a> Bytes<'a> {
    fn of(value: &Value<'a>) -> Self {
        let mut pieces = Pieces::of(value);
        Bytes { piece: pieces.next(), pieces, at: 0 }
    }
}

impl Iterator for Bytes<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        loop {
            let mut room = [0; 4];
            let byte = self.piece.as_ref()?.bytes(&mut room).get(self.at).copied();
            if byte.is_some() {
                self.at += 1;
                return byte;
            }
            self.piece = self.pieces.next();
            self.at = 0;
        }
    }
}

/// The decoded bytes of a signed slice in which every `\/` is a `/`, as pieces in order.
/// Nothing else is decoded.
pub(crate) fn plain_slashes(raw: &[u8], encoding: Encoding, sink: &mut dyn FnMut(&[u8])) {
    let (mut from, mut at) = (0, 0);
    while let Some(&byte) = raw.get(at) {
        let pair = byte == b'\\' || encoding == Encoding::Gbk && byte >= 0x80;
        if byte == b'\\' && raw.get(at + 1) == Some(&b'/') {
            sink(raw.get(from..at).unwrap_or_default());
            from = at + 1;
        }
        at += if pair { 2 } else { 1 };
    }
    sink(raw.get(from..).unwrap_or_default());
}
