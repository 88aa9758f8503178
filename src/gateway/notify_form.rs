//! A form: raw bytes in, decoded names and values out, one after the other.

use super::Field;
use crate::status::{Error, Result, Status};

/// Shows each field of `raw` to `see`, with its offset there; decoded bytes are kept in `room`.
pub(super) fn each<'a>(
    raw: &[u8],
    room: &'a mut [u8],
    see: &mut dyn FnMut(usize, Field<'a>) -> Result<()>,
) -> Result<()> {
    let (mut at, mut room) = (query_start(raw), room);
    for piece in raw.get(at..).unwrap_or_default().split(|&byte| byte == b'&') {
        // `a=1&&b=2` and a `&` at the end say nothing that could be signed.
        if !piece.is_empty() {
            let (name, value) = halves(piece);
            let needed = |_| Error::new(Status::BufferTooSmall, "notification").at(raw.len());
            let name_at = at;
            let (name, rest) = decode(name, name_at, room)?.map_err(needed)?;
            let value_at = at + piece.len() - value.len();
            let (value, rest) = decode(value, value_at, rest)?.map_err(needed)?;
            room = rest;
            // Nobody hides `=` in a name but to have one string read in two ways.
            if name.is_empty() || name.iter().any(|byte| matches!(byte, b'=' | b'&')) {
                return Err(malformed(at));
            }
            see(at, Field { name, value })?;
        }
        at += piece.len() + 1;
    }
    Ok(())
}

/// Where the query begins: behind the `?` of a URL or path, else at once.
fn query_start(raw: &[u8]) -> usize {
    let Some(mark) = raw.iter().position(|byte| matches!(byte, b'?' | b'=' | b'&')) else {
        return 0;
    };
    let before = raw.get(..mark).unwrap_or_default();
    let is_url = before.is_empty() || before.contains(&b'/');
    if raw.get(mark) == Some(&b'?') && is_url { mark + 1 } else { 0 }
}

/// Name and value, split at the first `=`; without one it is a name of no value.
fn halves(piece: &[u8]) -> (&[u8], &[u8]) {
    let mut halves = piece.splitn(2, |&byte| byte == b'=');
    (halves.next().unwrap_or_default(), halves.next().unwrap_or_default())
}

/// What decoding leaves: the decoded bytes and the rest of the room.
type Decoded<'a> = core::result::Result<(&'a [u8], &'a mut [u8]), ()>;

/// Decodes `raw`, which stands at `at`, once: `+` is a space, `%41` a byte. The inner error is a
/// room too small.
fn decode<'a>(raw: &[u8], at: usize, room: &'a mut [u8]) -> Result<Decoded<'a>> {
    let (mut from, mut len) = (0, 0);
    while let Some(&byte) = raw.get(from) {
        let byte = match byte {
            b'+' => b' ',
            b'%' => {
                from += 2;
                let digits = raw.get(from - 1..=from).ok_or(malformed(at + from - 2))?;
                hex(digits).ok_or(malformed(at + from - 2))?
            }
            _ => byte,
        };
        let Some(to) = room.get_mut(len) else { return Ok(Err(())) };
        *to = byte;
        (from, len) = (from + 1, len + 1);
    }
    let Some((decoded, rest)) = room.split_at_mut_checked(len) else { return Ok(Err(())) };
    Ok(Ok((decoded, rest)))
}

/// The byte that two hex digits say.
pub(crate) fn hex(digits: &[u8]) -> Option<u8> {
    digits.iter().try_fold(0u8, |sum, &digit| {
        let digit = (digit as char).to_digit(16)?;
        Some(sum << 4 | digit as u8)
    })
}

/// What a web page makes of `&notify_id`, `&timestamp`, `&a`, and how that is called here.
/// (Browsers and editors know `&not` and `&times` even without a semicolon.)
const DAMAGE: [(&[u8], &str); 3] = [
    ("\u{AC}ify_".as_bytes(), "damage.not"),
    ("\u{D7}tamp".as_bytes(), "damage.times"),
    (b"amp;", "damage.amp"),
];

/// The damage a field shows. `¬` swallows the `&`, so what it damages became part of the value
/// before; `&amp;` leaves `amp;` in front of a name.
pub(super) fn damage(field: &Field<'_>) -> Option<Error> {
    let shows = |(mark, what): &(&[u8], &'static str)| {
        // (`windows` would bring its panic about a length of 0 into a firmware image.)
        let here = |at| field.value.get(at..).is_some_and(|rest| rest.starts_with(mark));
        let in_value = *what != "damage.amp" && (0..field.value.len()).any(here);
        (in_value || field.name.starts_with(mark)).then_some(Error::new(Status::Malformed, what))
    };
    DAMAGE.iter().find_map(shows)
}

const fn malformed(at: usize) -> Error {
    Error::new(Status::Malformed, "notification").at(at)
}
