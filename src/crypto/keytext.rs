//! Key text: PEM, wrapped or one-line base64 in, the bytes of its DER out, one at a time.
//!
//! Nothing is buffered, so text of any length needs no memory. White space may stand anywhere;
//! PEM labels are skipped, not believed. Symbols are decoded by arithmetic, not by a table: the
//! symbols of a private key must not choose addresses.

use crate::status::{Error, Result, Status};

/// A reader at some place in the text.
pub(super) struct KeyText<'a> {
    text: &'a [u8],
    at: usize,
    /// `"private_key"` or `"public_key"`, for errors.
    what: &'static str,
    /// Decoded bytes not yet handed out; the first `have` count.
    ready: [u8; 3],
    have: u8,
    /// A padded group was read: nothing may follow.
    last: bool,
    pem: bool,
}

impl<'a> KeyText<'a> {
    /// Starts reading; steps over a byte order mark, white space and the BEGIN line.
    pub fn new(text: &'a [u8], what: &'static str) -> Result<Self> {
        let mut new =
            KeyText { text, at: 0, what, ready: [0; 3], have: 0, last: false, pem: false };
        new.step_over(b"\xef\xbb\xbf");
        new.skip_space();
        if new.at == text.len() {
            return Err(Error::new(Status::Missing, what));
        }
        new.pem = new.step_over(b"-----BEGIN ");
        if new.pem {
            new.skip_label()?;
            new.skip_space();
            if new.rest().starts_with(b"Proc-Type:") {
                return Err(new.error(Status::KeyUnsupported)); // Encrypted the old way.
            }
        }
        Ok(new)
    }

    /// An error at this place of the text.
    pub fn error(&self, status: Status) -> Error {
        Error::new(status, self.what).at(self.at)
    }

    /// The next byte of the DER.
    pub fn byte(&mut self) -> Result<u8> {
        if self.have == 0 {
            self.group()?;
        }
        let [first, second, third] = self.ready;
        self.ready = [second, third, 0];
        self.have = self.have.saturating_sub(1);
        Ok(first)
    }

    /// Checks that nothing is left: only space, the END line and further PEM blocks may follow.
    pub fn finish(&mut self) -> Result<()> {
        self.skip_space();
        if self.pem && self.have == 0 && self.step_over(b"-----END ") {
            self.skip_label()?;
            self.skip_space();
            if self.rest().starts_with(b"-----BEGIN ") {
                return Ok(()); // A certificate's issuers.
            }
        } else if self.pem {
            return Err(self.error(Status::KeyFormat));
        }
        match self.rest() {
            [] if self.have == 0 => Ok(()),
            _ => Err(self.error(Status::KeyFormat)),
        }
    }

    /// Decodes the next four symbols.
    fn group(&mut self) -> Result<()> {
        let (mut word, mut symbols, mut pads) = (0u32, 0, 0);
        while symbols + pads < 4 {
            self.skip_space();
            let symbol = match self.rest().first() {
                Some(b'=') if symbols >= 2 => {
                    pads += 1;
                    0
                }
                Some(&c) if pads == 0 && !self.last => {
                    symbols += 1;
                    sextet(c).ok_or(self.error(Status::KeyFormat))?
                }
                _ => return Err(self.error(Status::KeyFormat)),
            };
            word = word << 6 | symbol;
            self.at += 1;
        }
        // Bits that no byte takes must be zero, else two texts would be one key.
        if pads > 0 && word & ((1 << (8 * pads)) - 1) != 0 {
            return Err(self.error(Status::KeyFormat));
        }
        let [_, first, second, third] = word.to_be_bytes();
        (self.ready, self.have, self.last) = ([first, second, third], 3 - pads, pads > 0);
        Ok(())
    }

    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn step_over(&mut self, prefix: &[u8]) -> bool {
        let found = self.rest().starts_with(prefix);
        if found {
            self.at += prefix.len();
        }
        found
    }

    fn skip_space(&mut self) {
        let space = |c: &u8| matches!(c, b' ' | b'\t'..=b'\r');
        self.at += self.rest().iter().take_while(|c| space(c)).count();
    }

    /// Steps over the rest of a BEGIN or END label and its closing dashes.
    fn skip_label(&mut self) -> Result<()> {
        let label = self.rest().iter().take_while(|&&c| c != b'-' && c >= b' ').count();
        self.at += label;
        if !self.step_over(b"-----") {
            return Err(self.error(Status::KeyFormat));
        }
        Ok(())
    }
}

/// The value of a base64 symbol. Each line adds the value, plus one, if `c` is in its range: only
/// then are both differences negative and the mask all ones.
fn sextet(c: u8) -> Option<u32> {
    let c = i32::from(c);
    let value = ((0x40 - c) & (c - 0x5b)) >> 8 & (c - 64)
        | ((0x60 - c) & (c - 0x7b)) >> 8 & (c - 70)
        | ((0x2f - c) & (c - 0x3a)) >> 8 & (c + 5)
        | ((0x2a - c) & (c - 0x2c)) >> 8 & 63
        | ((0x2e - c) & (c - 0x30)) >> 8 & 64;
    u32::try_from(value - 1).ok()
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn every_symbol_has_its_value_and_no_other_byte_has_one() {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        for c in 0..=255 {
            let expected = alphabet.iter().position(|&a| a == c).map(|p| p as u32);
            assert_eq!(sextet(c), expected, "byte {c}");
        }
    }

    fn decode(text: &[u8], n: usize) -> Result<Vec<u8>> {
        let mut reader = KeyText::new(text, "private_key")?;
        let bytes = (0..n).map(|_| reader.byte()).collect::<Result<_>>()?;
        reader.finish()?;
        Ok(bytes)
    }

    #[test]
    fn space_and_pem_lines_are_stepped_over() {
        let texts: [&[u8]; 6] = [
            b"AQIDBA==",
            b" \r\n AQ\nID\tBA =\r\n=\n\n",
            b"\xef\xbb\xbfAQIDBA==",
            b"-----BEGIN X-----\r\nAQIDBA==\r\n-----END X-----\r\n",
            b"-----BEGIN X-----AQIDBA==-----END Y-----",
            b"-----BEGIN X-----\nAQIDBA==\n-----END X-----\n-----BEGIN X-----\n",
        ];
        for text in texts {
            assert_eq!(decode(text, 4), Ok(vec![1, 2, 3, 4]));
        }
    }

    #[test]
    fn anything_else_is_refused_with_its_place() {
        let cases: [(&[u8], usize, u32); 11] = [
            (b"AQIDBA=", 4, 7),
            (b"AQIDBA", 4, 6),
            (b"AQIDB===", 4, 5),
            (b"AQIDBB==", 4, 8),
            (b"AQIDBA==A", 4, 8),
            (b"AQID.A==", 4, 4),
            (b"AQIDBA==-----END X-----", 4, 8),
            (b"-----BEGIN X-----\nAQIDBA==", 4, 26),
            (b"-----BEGIN X-----\nAQIDBA==-----END X----", 4, 36),
            (b"-----BEGIN X\nAQIDBA==", 4, 12),
            (b"AQIDBA==", 3, 4),
        ];
        for (text, n, at) in cases {
            let error = decode(text, n).expect_err("refused");
            assert_eq!((error.status, error.at), (Status::KeyFormat, at), "{text:?}");
        }
        for text in [&b""[..], b" \r\n"] {
            assert_eq!(decode(text, 1).map_err(|e| e.status), Err(Status::Missing));
        }
    }
}
