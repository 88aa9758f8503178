//! A writer over a lent buffer that never overruns and always knows how much room was needed.

use crate::status::{Error, Result, Status};

/// Appends to a slice; after an overflow it only counts, so [`Writer::finish`] can name the
/// capacity that would have been enough.
///
/// No method fails: a chain of writes is checked once, at its end.
#[derive(Debug)]
pub struct Writer<'a> {
    buf: &'a mut [u8],
    len: usize,
}

impl<'a> Writer<'a> {
    /// Writes from the start of `buf`.
    pub fn new(buf: &'a mut [u8]) -> Self {
        Writer { buf, len: 0 }
    }

    /// Bytes written so far, including those that found no room.
    pub fn needed(&self) -> usize {
        self.len
    }

    /// Appends one byte.
    pub fn byte(&mut self, byte: u8) {
        self.bytes(&[byte]);
    }

    /// Appends bytes. A piece that does not fit whole is left out, and so is everything after it.
    pub fn bytes(&mut self, bytes: &[u8]) {
        let room = self.buf.get_mut(self.len..).and_then(|room| room.get_mut(..bytes.len()));
        if let Some(room) = room {
            super::copy(room, bytes);
        }
        self.len = self.len.saturating_add(bytes.len());
    }

    /// Appends text.
    pub fn str(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Appends `value` in decimal.
    pub fn decimal(&mut self, value: u64) {
        let _ = core::fmt::write(self, format_args!("{value}"));
    }

    /// Appends percent-encoded bytes. Only `A-Za-z0-9-_.~` stay as they are and a space becomes
    /// `%20`: every decoder in use at the gateway reads that back to the same bytes.
    pub fn percent(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        loop {
            // Stretches of plain bytes are copied whole.
            let plain = rest.iter().position(|&byte| !is_plain(byte)).unwrap_or(rest.len());
            self.bytes(rest.get(..plain).unwrap_or_default());
            let Some((&byte, after)) = rest.get(plain..).and_then(<[u8]>::split_first) else {
                return;
            };
            self.bytes(&escaped(byte));
            rest = after;
        }
    }

    /// What was written, or `BufferTooSmall` with the capacity needed.
    pub fn finish(self) -> Result<&'a [u8]> {
        let Writer { buf, len } = self;
        buf.get(..len).ok_or(Error::new(Status::BufferTooSmall, "buffer").at(len))
    }

    /// The same as text; `Encoding` when raw bytes that are not UTF-8 were appended.
    pub fn finish_str(self) -> Result<&'a str> {
        let bytes = self.finish()?;
        core::str::from_utf8(bytes)
            .map_err(|e| Error::new(Status::Encoding, "buffer").at(e.valid_up_to()))
    }
}

impl core::fmt::Write for Writer<'_> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.str(text);
        Ok(())
    }
}

/// True for a byte that travels as it is in a URL or form.
pub(crate) const fn is_plain(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~')
}

/// How any other byte travels.
pub(crate) const fn escaped(byte: u8) -> [u8; 3] {
    const fn hex(nibble: u8) -> u8 {
        if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 }
    }
    [b'%', hex(byte >> 4), hex(byte & 15)]
}

/// Bytes that `bytes` takes once percent-encoded.
pub(crate) fn percent_len(bytes: &[u8]) -> usize {
    bytes.len() + 2 * bytes.iter().filter(|&&byte| !is_plain(byte)).count()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
mod tests {
    use super::*;

    #[test]
    fn counts_on_after_an_overflow() {
        let mut buf = [0; 4];
        let mut w = Writer::new(&mut buf);
        w.str("abc");
        w.str("def");
        w.byte(b'g');
        let error = w.finish().unwrap_err();
        assert_eq!((error.status, error.at), (Status::BufferTooSmall, 7));
    }

    #[test]
    fn nothing_is_written_behind_a_gap() {
        let mut buf = [0; 4];
        let mut w = Writer::new(&mut buf);
        w.str("abc");
        w.str("too long");
        w.byte(b'x');
        assert_eq!(w.needed(), 12);
        assert_eq!(&buf, b"abc\0");
    }

    #[test]
    fn only_unreserved_characters_stay() {
        let mut buf = [0; 64];
        let mut w = Writer::new(&mut buf);
        w.percent("aZ09-_.~ +*/&=%集".as_bytes());
        assert_eq!(w.finish_str(), Ok("aZ09-_.~%20%2B%2A%2F%26%3D%25%E9%9B%86"));
        assert_eq!(percent_len("a 集".as_bytes()), 1 + 3 + 9);
    }

    #[test]
    fn numbers_are_plain_decimal() {
        let mut buf = [0; 20];
        let mut w = Writer::new(&mut buf);
        w.decimal(u64::MAX);
        assert_eq!(w.finish_str(), Ok("18446744073709551615"));
    }
}
