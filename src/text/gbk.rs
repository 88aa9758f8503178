//! GBK and back: UTF-8 in, GBK bytes out; GBK bytes in, UTF-8 out. Nothing is ever substituted.
//!
//! The tables are those browsers use (`encoding_rs`). The gateway is a Java program, and other
//! clients use Python's codec; the three were compared over every character and every pair:
//!
//! ```text
//! all three agree               21,790 characters beyond ASCII       both ways
//! U+20AC, the euro sign         80 browsers, A2E3 Java, Python none  refused
//! U+2295, and Java's U+2641     A892                                 refused
//! added after GBK (GB 18030)    99 characters, Java: private use     refused
//! private use U+E000..=U+F8FF   2,066 pairs                          refused
//! A3A0, a second U+3000         one pair                             refused
//! ```
//!
//! On a Cortex-M4 (size build) the two directions take 28 KB of code and 118 KB of tables, for the
//! encoder looks through the decoder's: 0.25 µs for a common character on a host, 1 µs for a rare
//! one. An image that must not carry that leaves the feature off and speaks UTF-8.
//!
//! What the other side might read otherwise is refused, in both directions, so that a text comes
//! back from GBK as it went in, and a pair as it came.

use crate::status::{Error, Result, Status};
use crate::text::Writer;
use encoding_rs::{DecoderResult, EncoderResult, GBK};

/// Appends `text` as GBK.
///
/// `Encoding` with the byte offset, in `text`, of the first character outside GBK; what stands
/// before it has been written.
pub fn encode(text: &str, out: &mut Writer<'_>) -> Result<()> {
    for (at, c) in text.char_indices() {
        match u8::try_from(c) {
            Ok(byte @ 0..=0x7f) => out.byte(byte),
            _ => out.bytes(&pair_of(c).ok_or(foreign(at))?),
        }
    }
    Ok(())
}

/// Whether `text` can be said in GBK at all. Errors as [`encode`].
pub fn check(text: &str) -> Result<()> {
    let is_foreign = |c: &char| !c.is_ascii() && pair_of(*c).is_none();
    match text.char_indices().find(|(_, c)| is_foreign(c)) {
        Some((at, _)) => Err(foreign(at)),
        None => Ok(()),
    }
}

/// Appends GBK `bytes` as UTF-8.
///
/// `Encoding` with the offset of the first byte that is no part of GBK text; what stands before
/// it has been written.
pub fn decode(bytes: &[u8], out: &mut Writer<'_>) -> Result<()> {
    let mut rest = bytes;
    while let Some(&first) = rest.first() {
        let at = bytes.len() - rest.len();
        if first < 0x80 {
            let ascii = rest.iter().take_while(|byte| byte.is_ascii()).count();
            out.bytes(rest.get(..ascii).unwrap_or_default());
            rest = rest.get(ascii..).unwrap_or_default();
        } else {
            let (&pair, after) = rest.split_first_chunk().ok_or(foreign(at))?;
            out.str(char_of(pair).ok_or(foreign(at))?.encode_utf8(&mut [0; 4]));
            rest = after;
        }
    }
    Ok(())
}

/// Turns UTF-8 into GBK where it stands and returns the new length, which is never greater: no
/// character is shorter in UTF-8. Errors as [`encode`].
pub(crate) fn encode_in_place(buf: &mut [u8]) -> Result<usize> {
    let (mut from, mut to) = (0, 0);
    while let Some(&first) = buf.get(from) {
        let len = match first {
            0..=0x7f => 1,
            0x80..=0xdf => 2,
            0xe0..=0xef => 3,
            _ => 4,
        };
        let text = buf.get(from..from + len).and_then(|text| core::str::from_utf8(text).ok());
        let mut room = [0; 2];
        let mut writer = Writer::new(&mut room);
        encode(text.ok_or(foreign(from))?, &mut writer).map_err(|_| foreign(from))?;
        let gbk = writer.finish()?;
        if let Some(place) = buf.get_mut(to..to + gbk.len()) {
            place.copy_from_slice(gbk);
        }
        (from, to) = (from + len, to + gbk.len());
    }
    Ok(to)
}

const fn foreign(at: usize) -> Error {
    Error::new(Status::Encoding, "gbk").at(at)
}

/// A character beyond ASCII as its pair of bytes.
fn pair_of(c: char) -> Option<[u8; 2]> {
    if is_disputed(c) {
        return None;
    }
    // The encoder wants more room than it will use.
    let (mut utf8, mut room) = ([0; 4], [0; 16]);
    let utf8 = c.encode_utf8(&mut utf8);
    let mut encoder = GBK.new_encoder();
    match encoder.encode_from_utf8_without_replacement(utf8, &mut room, true) {
        (EncoderResult::InputEmpty, _, 2) => room.first_chunk().copied(),
        _ => None,
    }
}

/// The character that a pair of bytes stands for.
fn char_of(pair: [u8; 2]) -> Option<char> {
    let mut room = [0; 16];
    let mut decoder = GBK.new_decoder_without_bom_handling();
    let (result, _, len) = decoder.decode_to_utf8_without_replacement(&pair, &mut room, true);
    let mut chars = core::str::from_utf8(room.get(..len)?).ok()?.chars();
    // One character: 0x80 and ASCII would be two, half a GB 18030 quadruple none.
    let c = chars.next().filter(|_| chars.next().is_none())?;
    (result == DecoderResult::InputEmpty && pair != SECOND_SPACE && !is_disputed(c)).then_some(c)
}

/// Browsers read it as U+3000, which is A1A1; Java as a private character.
const SECOND_SPACE: [u8; 2] = [0xa3, 0xa0];

/// Characters of the table on which the three implementations differ; see above.
const fn is_disputed(c: char) -> bool {
    matches!(c,
        '\u{1f9}' | '\u{1e3f}' | '\u{20ac}' | '\u{2295}' | '\u{303e}'
        | '\u{2e80}'..='\u{2fff}' | '\u{3400}'..='\u{4dff}' | '\u{9fb4}'..='\u{9fbb}'
        | '\u{e000}'..='\u{f8ff}' | '\u{fe10}'..='\u{fe19}')
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
mod tests {
    use super::*;
    use crate::crypto::{Digest, Hasher};

    fn gbk(text: &str) -> Result<Vec<u8>> {
        let mut room = vec![0; text.len()];
        let mut writer = Writer::new(&mut room);
        let checked = check(text);
        assert_eq!(encode(text, &mut writer), checked);
        checked?;
        let len = writer.finish()?.len();
        let mut place = text.as_bytes().to_vec();
        let in_place = encode_in_place(&mut place)?;
        assert_eq!(place[..in_place], room[..len]);
        Ok(room[..len].to_vec())
    }

    fn utf8(bytes: &[u8]) -> Result<String> {
        let mut room = vec![0; 2 * bytes.len()];
        let mut writer = Writer::new(&mut room);
        decode(bytes, &mut writer)?;
        writer.finish_str().map(str::to_owned)
    }

    fn place<T: core::fmt::Debug>(result: Result<T>) -> u32 {
        let error = result.unwrap_err();
        assert_eq!((error.status, error.what), (Status::Encoding, "gbk"));
        error.at
    }

    #[test]
    fn every_character_is_what_java_and_python_agree_on() {
        let mut hasher = Hasher::new(Digest::Sha256);
        let mut count = 0;
        for c in (0x80..=0x10ffff).filter_map(char::from_u32) {
            let Some(pair) = pair_of(c) else { continue };
            assert_eq!(char_of(pair), Some(c));
            hasher.update(format!("{:04X} {:02X}{:02X}\n", c as u32, pair[0], pair[1]).as_bytes());
            count += 1;
        }
        // Over the lines "UUUU BBBB" of U+0080..=U+FFFF on which Python 3's "gbk" and Java 17's
        // "GBK" give the same bytes, in order.
        let hash: String =
            hasher.finish().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(count, 21_790);
        assert_eq!(hash, "4b24c7b4a9e952b0612d9d9c3450989ba906e68260db233f66dc25dace105b7d");
    }

    #[test]
    fn every_pair_comes_back_as_it_came() {
        let pairs = (0..=u16::MAX).map(u16::to_be_bytes).filter(|pair| pair[0] >= 0x80);
        let known: Vec<_> = pairs.filter_map(|pair| Some((pair, char_of(pair)?))).collect();
        assert_eq!(known.len(), 21_790);
        assert!(known.iter().all(|&(pair, c)| pair_of(c) == Some(pair)));
    }

    #[test]
    fn text_goes_over_and_back() {
        let text = "a会员集点卡 10 b\\{}|";
        let bytes = gbk(text).unwrap();
        assert_eq!(&bytes[..7], b"a\xbb\xe1\xd4\xb1\xbc\xaf");
        assert_eq!(utf8(&bytes).as_deref(), Ok(text));
        assert_eq!(gbk(""), Ok(vec![]));
    }

    #[test]
    fn what_is_outside_is_named_never_replaced() {
        assert_eq!(place(gbk("集a€")), 4);
        assert_eq!(place(gbk("😀")), 0);
        assert_eq!(place(gbk("ab\u{e000}")), 2);
        for (bytes, at) in [
            (&b"ab\x80"[..], 2),
            (b"\x80a", 0),
            (b"\xbc\xafx\xbc", 3),
            (b"\xbc\x20", 0),
            (b"\xff\xff", 0),
            (b"\x81\x30\x81\x30", 0),
            (b"\xa3\xa0", 0),
        ] {
            assert_eq!(place(utf8(bytes)), at, "{bytes:x?}");
        }
    }
}
