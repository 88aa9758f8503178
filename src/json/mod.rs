//! JSON from outside, read strictly (RFC 8259), without recursion and without a copy.
//!
//! In: bytes of an answer. Out: members with their exact byte ranges, because a signature covers
//! bytes, not values. Text is decoded only when it is asked for.
//!
//! Why not an existing reader: those without a heap recurse as deep as the sender likes, accept
//! broken numbers and escapes in members they skip, refuse a whole answer for an emoji nobody
//! asked for, or cannot tell where an object begins and ends. (Requests are written by
//! serde-json-core, which does that well.)
//!
//! One pass over the bytes checks everything; what comes after walks checked bytes.

mod scan;
mod text;

use crate::status::{Error, Result, Status};
use crate::text::Writer;
use scan::Scanner;
pub(crate) use text::{gbk, plain_slashes};

/// Deepest nesting accepted; the outermost object is level 1. Answers of this product have 8.
pub const DEPTH_MAX: u32 = 32;

/// Most members of one object that is read (skipped objects may have more).
pub const MEMBERS_MAX: usize = 64;

/// Longest input in bytes: positions are kept in 32 bits.
pub const LEN_MAX: usize = u32::MAX as usize;

/// How the bytes of texts are to be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// GBK: a lead byte 0x81..=0xFE takes the next byte along, and that one may look like `\`,
    /// `{`, `}` or `|`.
    Gbk,
}

impl Encoding {
    /// UTF-8 when `bytes` are valid UTF-8, else GBK. An answer does not say which it is: the
    /// gateway sends some refusals in GBK to clients that asked for UTF-8.
    pub fn of(bytes: &[u8]) -> Self {
        if core::str::from_utf8(bytes).is_ok() { Encoding::Utf8 } else { Encoding::Gbk }
    }
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `{...}`
    Object,
    /// `[...]`
    Array,
    /// `"..."`
    String,
    /// A number, checked but not converted.
    Number,
    /// `true` or `false`
    Bool,
    /// `null`
    Null,
}

/// A checked value: its kind, its bytes and where they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'a> {
    kind: Kind,
    raw: &'a [u8],
    start: usize,
    encoding: Encoding,
}

/// A name and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// The name, a [`Kind::String`].
    pub name: Value<'a>,
    /// The value.
    pub value: Value<'a>,
}

/// A checked object without two members of one name.
#[derive(Clone, Copy, Debug)]
pub struct Object<'a> {
    raw: &'a [u8],
    start: usize,
    encoding: Encoding,
}

impl<'a> Object<'a> {
    /// Checks `bytes`: one object, white space around it, nothing else.
    ///
    /// `Malformed` with the offset, `TooDeep` beyond [`DEPTH_MAX`], `Duplicate` when two of its
    /// own names are equal after decoding, `TooLong` beyond [`MEMBERS_MAX`] members.
    pub fn read(bytes: &'a [u8], encoding: Encoding) -> Result<Self> {
        Self::read_each(bytes, encoding, |_| Ok(()))
    }

    /// [`Object::read`], showing each member to `see` as soon as it is checked, so that one pass
    /// is enough. What `see` was shown counts only once this returns `Ok`.
    pub fn read_each(
        bytes: &'a [u8],
        encoding: Encoding,
        see: impl FnMut(&Member<'a>) -> Result<()>,
    ) -> Result<Self> {
        if encoding == Encoding::Utf8 {
            core::str::from_utf8(bytes).map_err(|e| malformed(e.valid_up_to()))?;
        }
        Self::scan_each(bytes, encoding, see)
    }

    /// [`Object::read_each`] in the encoding that `bytes` turn out to have.
    pub(crate) fn detect_each(
        bytes: &'a [u8],
        see: impl FnMut(&Member<'a>) -> Result<()>,
    ) -> Result<Self> {
        Self::scan_each(bytes, Encoding::of(bytes), see)
    }

    /// The pass itself. With [`Encoding::Utf8`] the bytes are known to be UTF-8.
    fn scan_each(
        bytes: &'a [u8],
        encoding: Encoding,
        mut see: impl FnMut(&Member<'a>) -> Result<()>,
    ) -> Result<Self> {
        if bytes.len() > LEN_MAX {
            return Err(Error::new(Status::TooLong, "json").at(LEN_MAX));
        }
        let mut scanner = Scanner::new(bytes, encoding);
        scanner.blank();
        let start = scanner.at();
        let mut names = Names::new();
        scanner.object(|member| {
            names.add(member)?;
            see(member)
        })?;
        let end = scanner.at();
        scanner.blank();
        if scanner.at() != bytes.len() {
            return Err(malformed(scanner.at()));
        }
        let raw = bytes.get(start..end).unwrap_or_default();
        Ok(Object { raw, start, encoding })
    }

    /// The members in the order they stand.
    pub fn members(&self) -> Members<'a> {
        Members { scanner: Scanner::new(self.raw, self.encoding), base: self.start, begun: false }
    }

    /// The value of the member `name`, if there is one.
    pub fn get(&self, name: &str) -> Option<Value<'a>> {
        self.members().find(|member| member.name.is(name.as_bytes())).map(|member| member.value)
    }

    /// The bytes from `{` to `}`.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }
}

/// Walks the members of a checked object.
#[derive(Clone, Debug)]
pub struct Members<'a> {
    scanner: Scanner<'a>,
    base: usize,
    begun: bool,
}

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Member<'a>> {
        let first = !core::mem::replace(&mut self.begun, true);
        let mut member = self.scanner.next_member(first).ok()??;
        member.name.start += self.base;
        member.value.start += self.base;
        Some(member)
    }
}

impl<'a> Value<'a> {
    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its bytes exactly as they came; a string's include the quotes.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Where those bytes stand in what was read: `[start, end)`.
    pub fn span(&self) -> (usize, usize) {
        (self.start, self.start + self.raw.len())
    }

    /// How its texts are encoded.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The value as an object; `Malformed` when it is none, and as [`Object::read`].
    pub fn object(&self) -> Result<Object<'a>> {
        let here = |error: Error| match error.status {
            Status::TooLong => error,
            _ => error.at(error.at as usize + self.start),
        };
        let object = Object::scan_each(self.raw, self.encoding, |_| Ok(())).map_err(here)?;
        Ok(Object { start: object.start + self.start, ..object })
    }

    /// Writes a string's text, or a number as it stands, as UTF-8.
    ///
    /// `Malformed` for other kinds; for GBK text beyond ASCII `Encoding` where a pair is no
    /// character, `Unsupported` without the feature `gbk` (the bytes are in [`Value::raw`]).
    pub fn text(&self, out: &mut Writer<'_>) -> Result<()> {
        text::write(self, out)
    }

    /// Shows a string's text, or a number as it stands, character by character, to whoever wants
    /// some of it only. What is no character, or cannot be decoded without the feature `gbk`, is
    /// U+FFFD. Other kinds have none.
    pub fn each_char(&self, see: &mut dyn FnMut(char)) {
        text::each_char(self, see);
    }

    /// Checks `bytes`: one value of any kind, nothing around it. Errors as [`Object::read`], but
    /// an object's own names are not compared.
    pub(crate) fn read(bytes: &'a [u8], encoding: Encoding) -> Result<Self> {
        if encoding == Encoding::Utf8 {
            core::str::from_utf8(bytes).map_err(|e| malformed(e.valid_up_to()))?;
        }
        let mut scanner = Scanner::new(bytes, encoding);
        let value = scanner.any()?;
        match scanner.at() == bytes.len() {
            true => Ok(value),
            false => Err(malformed(scanner.at())),
        }
    }

    /// True when it is a string whose decoded text is `text`.
    pub fn is(&self, text: &[u8]) -> bool {
        self.kind == Kind::String && text::equal(self, text)
    }

    /// A whole number: a JSON number of digits only, or a string of digits only, for the gateway
    /// documents strings and sends numbers now and then. `Malformed` else, `Range` beyond 64 bits.
    pub fn as_u64(&self) -> Result<u64> {
        let digits = match self.kind {
            Kind::String | Kind::Number => text::inside(self),
            _ => return Err(malformed(self.start)),
        };
        if digits.is_empty() {
            return Err(malformed(self.start));
        }
        digits.iter().try_fold(0u64, |sum, digit| {
            if !digit.is_ascii_digit() {
                return Err(malformed(self.start));
            }
            let sum = sum.checked_mul(10).and_then(|sum| sum.checked_add(u64::from(digit - b'0')));
            sum.ok_or(Error::new(Status::Range, "json").at(self.start))
        })
    }
}

/// The names an object has shown so far.
struct Names<'a> {
    list: heapless::Vec<&'a [u8], MEMBERS_MAX>,
}

impl<'a> Names<'a> {
    fn new() -> Self {
        Names { list: heapless::Vec::new() }
    }

    /// Adds a name; `Duplicate` when one before decodes to the same text.
    fn add(&mut self, member: &Member<'a>) -> Result<()> {
        let name = &member.name;
        let as_value = |raw| Value { raw, ..*name };
        if self.list.iter().any(|&seen| text::same(&as_value(seen), name)) {
            return Err(Error::new(Status::Duplicate, "json").at(name.start));
        }
        let full = Error::new(Status::TooLong, "json").at(MEMBERS_MAX);
        self.list.push(name.raw).map_err(|_| full)
    }
}

/// Not JSON, from byte `at` on.
pub(crate) const fn malformed(at: usize) -> Error {
    Error::new(Status::Malformed, "json").at(at)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
mod tests;
