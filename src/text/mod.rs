//! Text at the border: bounded, checked, percent-encoded, dated.
//!
//! In: text from the caller, numbers, the clock. Out: bytes in a buffer somebody lent. `gateway`
//! builds URLs with it, `points` checks what a till hands in.

#[cfg(feature = "gbk")]
pub mod gbk;
mod time;
mod writer;

pub use time::{Beijing, Moment, TIME_MAX, http_date};
pub use writer::Writer;
pub(crate) use writer::{escaped, is_plain, percent_len};

use crate::status::{Error, Result, Status};

/// Text of at most `N` bytes, kept by value.
pub type Text<const N: usize> = heapless::String<N>;

/// Copies `text` into a [`Text`]; `TooLong` with the limit when it has more than `N` bytes.
pub fn bounded<const N: usize>(text: &str, what: &'static str) -> Result<Text<N>> {
    Text::try_from(text).map_err(|_| Error::new(Status::TooLong, what).at(N))
}

/// Copies as many bytes as both have. What `copy_from_slice` panics about cannot be asked of this,
/// however little the compiler looks into it.
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

/// Text handed in by the caller, as the gateway may see it: UTF-8 without control characters, at
/// most `max_chars` characters (the gateway counts characters, not bytes).
///
/// `Encoding` with the byte offset of the first bad byte or control character (U+0000..=U+001F,
/// U+007F..=U+009F), `TooLong` with the limit. Empty text passes; [`required`] refuses it.
pub fn check<'a>(text: &'a [u8], what: &'static str, max_chars: usize) -> Result<&'a str> {
    let text = core::str::from_utf8(text)
        .map_err(|e| Error::new(Status::Encoding, what).at(e.valid_up_to()))?;
    if let Some((at, _)) = text.char_indices().find(|(_, c)| c.is_control()) {
        return Err(Error::new(Status::Encoding, what).at(at));
    }
    if text.chars().nth(max_chars).is_some() {
        return Err(Error::new(Status::TooLong, what).at(max_chars));
    }
    Ok(text)
}

/// Bytes that are kept as they are: `TooLong` with the limit when there are more than `max`.
pub(crate) fn fits<'a>(bytes: &'a [u8], what: &'static str, max: usize) -> Result<&'a [u8]> {
    if bytes.len() > max {
        return Err(Error::new(Status::TooLong, what).at(max));
    }
    Ok(bytes)
}

/// [`check`], and `Missing` when there is no text.
pub fn required<'a>(text: &'a [u8], what: &'static str, max_chars: usize) -> Result<&'a str> {
    if text.is_empty() {
        return Err(Error::new(Status::Missing, what));
    }
    check(text, what, max_chars)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
mod tests {
    use super::*;

    fn status<T: core::fmt::Debug>(result: Result<T>) -> (Status, u32) {
        result.map_err(|e| (e.status, e.at)).unwrap_err()
    }

    #[test]
    fn characters_are_counted_not_bytes() {
        assert_eq!(check("消费积点".as_bytes(), "memo", 4), Ok("消费积点"));
        assert_eq!(status(check("消费积点".as_bytes(), "memo", 3)), (Status::TooLong, 3));
    }

    #[test]
    fn what_is_kept_is_counted_in_bytes() {
        assert_eq!(fits("积点".as_bytes(), "id", 6), Ok("积点".as_bytes()));
        assert_eq!(status(fits("积点".as_bytes(), "id", 5)), (Status::TooLong, 5));
    }

    #[test]
    fn the_first_bad_byte_is_named() {
        assert_eq!(status(check(b"ab\xffc", "memo", 9)), (Status::Encoding, 2));
        assert_eq!(status(check(b"ab\nc", "memo", 9)), (Status::Encoding, 2));
        assert_eq!(status(check("a\u{85}".as_bytes(), "memo", 9)), (Status::Encoding, 1));
        assert_eq!(status(check(b"\xed\xa0\x80", "memo", 9)), (Status::Encoding, 0));
    }

    #[test]
    fn empty_passes_unless_required() {
        assert_eq!(check(b"", "memo", 0), Ok(""));
        assert_eq!(status(required(b"", "memo", 9)), (Status::Missing, 0));
        assert!(bounded::<3>("abcd", "memo").is_err());
        assert_eq!(bounded::<4>("abcd", "memo").as_deref(), Ok("abcd"));
    }
}
