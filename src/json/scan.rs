//! The scanner: bytes in, checked values with their ranges out. Strict RFC 8259, no recursion:
//! which brackets are open is one bit per level.

use super::{DEPTH_MAX, Encoding, Kind, Member, Value, malformed};
use crate::status::{Error, Result, Status};

/// A position in bytes that are being checked.
#[derive(Clone, Debug)]
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    encoding: Encoding,
}

/// The brackets open at a position: one bit each, 1 for `{`, innermost lowest.
#[derive(Clone, Copy)]
struct Open {
    kinds: u32,
    depth: u32,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(bytes: &'a [u8], encoding: Encoding) -> Self {
        Scanner { bytes, at: 0, encoding }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Checks one object and shows each of its members to `see`.
    pub(super) fn object(&mut self, mut see: impl FnMut(&Member<'a>) -> Result<()>) -> Result<()> {
        let mut first = true;
        while let Some(member) = self.next_member(first)? {
            first = false;
            see(&member)?;
        }
        Ok(())
    }

    /// The next member of the object this scanner walks; `None` behind its closing brace.
    #[inline]
    pub(super) fn next_member(&mut self, first: bool) -> Result<Option<Member<'a>>> {
        if first {
            self.expect(b'{')?;
        }
        self.blank();
        match self.peek() {
            Some(b'}') => {
                self.at += 1;
                return Ok(None);
            }
            Some(b',') if !first => self.at += 1,
            Some(_) if first => {}
            _ => return Err(malformed(self.at)),
        }
        // A comma must be followed by a name, so `{"a":1,}` fails here.
        self.blank();
        let start = self.at;
        self.name()?;
        let name = self.value(Kind::String, start, self.at);
        self.colon()?;
        self.blank();
        let start = self.at;
        let kind = self.skip(1)?;
        Ok(Some(Member { name, value: self.value(kind, start, self.at) }))
    }

    /// Checks the value that stands here.
    pub(super) fn any(&mut self) -> Result<Value<'a>> {
        let start = self.at;
        let kind = self.skip(0)?;
        Ok(self.value(kind, start, self.at))
    }

    fn value(&self, kind: Kind, start: usize, end: usize) -> Value<'a> {
        let raw = self.bytes.get(start..end).unwrap_or_default();
        Value { kind, raw, start, encoding: self.encoding }
    }

    /// Checks one value that stands `outside` levels deep.
    fn skip(&mut self, outside: u32) -> Result<Kind> {
        let kind = self.kind()?;
        let mut open = Open { kinds: 0, depth: outside };
        loop {
            self.blank();
            let at = self.at;
            match self.next()? {
                b'"' => self.string()?,
                b'{' => {
                    open.push(true, at)?;
                    if !self.closes(b'}') {
                        self.name()?;
                        self.colon()?;
                        continue;
                    }
                    open.pop();
                }
                b'[' => {
                    open.push(false, at)?;
                    if !self.closes(b']') {
                        continue;
                    }
                    open.pop();
                }
                b't' => self.word(b"rue")?,
                b'f' => self.word(b"alse")?,
                b'n' => self.word(b"ull")?,
                first => self.number(first)?,
            }
            if self.close_and_step(&mut open, outside)? {
                return Ok(kind);
            }
        }
    }

    /// After a value: closes what closes here and steps over the comma before the next value.
    /// True when nothing is open any more.
    fn close_and_step(&mut self, open: &mut Open, outside: u32) -> Result<bool> {
        while open.depth > outside {
            self.blank();
            match (self.next()?, open.in_object()) {
                (b',', false) => return Ok(false),
                (b',', true) => {
                    self.blank();
                    self.name()?;
                    self.colon()?;
                    return Ok(false);
                }
                (b'}', true) | (b']', false) => open.pop(),
                _ => return Err(malformed(self.at - 1)),
            }
        }
        Ok(true)
    }

    /// What begins here.
    fn kind(&self) -> Result<Kind> {
        Ok(match self.peek().ok_or(malformed(self.at))? {
            b'{' => Kind::Object,
            b'[' => Kind::Array,
            b'"' => Kind::String,
            b't' | b'f' => Kind::Bool,
            b'n' => Kind::Null,
            _ => Kind::Number,
        })
    }

    /// True, and stepped over, when the bracket just opened closes at once.
    fn closes(&mut self, bracket: u8) -> bool {
        self.blank();
        let closes = self.peek() == Some(bracket);
        self.at += usize::from(closes);
        closes
    }

    fn name(&mut self) -> Result<()> {
        self.expect(b'"')?;
        self.string()
    }

    fn colon(&mut self) -> Result<()> {
        self.blank();
        self.expect(b':')
    }

    /// Skips white space.
    #[inline]
    pub(super) fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn next(&mut self) -> Result<u8> {
        let byte = self.peek().ok_or(malformed(self.at))?;
        self.at += 1;
        Ok(byte)
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Result<()> {
        if self.peek() != Some(byte) {
            return Err(malformed(self.at));
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, rest: &[u8]) -> Result<()> {
        rest.iter().try_for_each(|&byte| self.expect(byte))
    }

    /// A string behind its opening quote, up to and with the closing one.
    fn string(&mut self) -> Result<()> {
        loop {
            self.plain();
            let at = self.at;
            match self.next()? {
                b'"' => return Ok(()),
                b'\\' => self.escape()?,
                0..=0x1F => return Err(malformed(at)),
                lead @ 0x80.. if self.encoding == Encoding::Gbk => self.pair(lead)?,
                _ => {}
            }
        }
    }

    /// Steps over text eight bytes at a time, up to the first byte that means something.
    #[inline]
    fn plain(&mut self) {
        let high = if self.encoding == Encoding::Gbk { u64::MAX } else { 0 };
        while let Some(eight) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk()) {
            let found = special(u64::from_le_bytes(*eight), high);
            // Apart, so that the next load need not wait for the count of zeros.
            if found != 0 {
                self.at += found.trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
    }

    /// The trail byte of a GBK pair. 0x80 and 0xFF lead nothing; no trail is a control character
    /// or a quote.
    fn pair(&mut self, lead: u8) -> Result<()> {
        match (lead, self.peek()) {
            (0x81..=0xFE, Some(0x40..=0x7E | 0x80..=0xFE)) => self.at += 1,
            _ => return Err(malformed(self.at - 1)),
        }
        Ok(())
    }

    /// An escape behind its backslash. A surrogate must be half of a pair.
    fn escape(&mut self) -> Result<()> {
        let at = self.at - 1;
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => match self.hex4()? {
                0xD800..=0xDBFF => {
                    self.word(b"\\u")?;
                    let low = self.hex4()?;
                    if matches!(low, 0xDC00..=0xDFFF) { Ok(()) } else { Err(malformed(at)) }
                }
                0xDC00..=0xDFFF => Err(malformed(at)),
                _ => Ok(()),
            },
            _ => Err(malformed(at)),
        }
    }

    fn hex4(&mut self) -> Result<u32> {
        let mut value = 0;
        for _ in 0..4 {
            let at = self.at;
            let digit = (self.next()? as char).to_digit(16).ok_or(malformed(at))?;
            value = value << 4 | digit;
        }
        Ok(value)
    }

    /// A number from its `first` byte on: no leading zeros, no bare point, no empty exponent.
    fn number(&mut self, first: u8) -> Result<()> {
        let start = self.at - 1;
        let lead = if first == b'-' { self.next()? } else { first };
        match lead {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return Err(malformed(start)),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }

    fn some_digits(&mut self) -> Result<()> {
        let start = self.at;
        self.digits();
        if self.at == start { Err(malformed(start)) } else { Ok(()) }
    }
}

impl Open {
    fn push(&mut self, object: bool, at: usize) -> Result<()> {
        if self.depth >= DEPTH_MAX {
            return Err(Error::new(Status::TooDeep, "json").at(at));
        }
        self.kinds = self.kinds << 1 | u32::from(object);
        self.depth += 1;
        Ok(())
    }

    fn pop(&mut self) {
        self.kinds >>= 1;
        self.depth -= 1;
    }

    fn in_object(self) -> bool {
        self.kinds & 1 == 1
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = ONES << 7;

/// The top bit of each byte that is a quote, a backslash or a control character, or (where `high`
/// is all ones) not ASCII. Bits above the lowest one set may be wrong (a borrow runs upwards);
/// only the lowest is used.
#[inline]
const fn special(eight: u64, high: u64) -> u64 {
    let quote = eight ^ (ONES * b'"' as u64);
    let backslash = eight ^ (ONES * b'\\' as u64);
    let below = eight.wrapping_sub(ONES * 0x20) & !eight;
    let quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    (below | quote | backslash | (eight & high)) & HIGHS
}
