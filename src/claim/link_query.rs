//! The query of a base: which items stay, and which item it is about.

use crate::status::{Error, Result, Status};
use crate::text::{Writer, escaped};

/// Names whose items of a base are replaced.
const OURS: [&str; 5] = ["type", "token", "outBizNo", "buyerId", "shopId"];

/// The `itemId` of a base, escaped as it stands there: from the query, else from a query inside
/// the fragment (`#/home?itemId=1`), where it may be spelled `item_id`.
///
/// `Missing` without one, `Duplicate` for two that differ, `Malformed` for a broken escape.
pub(super) fn item_id<'q>(query: &'q str, fragment: &'q str) -> Result<&'q [u8]> {
    let inner = fragment.split_once('?').map_or("", |(_, inner)| inner);
    let mut found: Option<&[u8]> = None;
    for (name, value) in items(query).chain(items(inner)) {
        if !bytes(value).all(|byte| byte.is_some()) {
            return Err(Error::new(Status::Malformed, "base"));
        }
        if value.is_empty() || !(is(name, "itemId") || is(name, "item_id")) {
            continue;
        }
        if found.is_some_and(|found| !bytes(found).eq(bytes(value))) {
            return Err(Error::new(Status::Duplicate, "itemId"));
        }
        found = found.or(Some(value));
    }
    found.ok_or(Error::new(Status::Missing, "itemId"))
}

/// True when [`copy`] keeps an item `name`.
pub(super) fn has(query: &str, name: &str) -> bool {
    items(query).any(|(found, value)| is(found, name) && !value.is_empty())
}

/// Copies the items that are not ours, and one `itemId`.
pub(super) fn copy(query: &str, joint: &mut u8, out: &mut Writer<'_>) {
    let mut has_item = false;
    for piece in query.split('&').filter(|piece| !piece.is_empty()) {
        let (name, value) = halves(piece);
        let is_item = is(name, "itemId");
        let again = is_item && (has_item || value.is_empty());
        if again || OURS.iter().any(|ours| is(name, ours)) {
            continue;
        }
        has_item |= is_item;
        out.byte(core::mem::replace(joint, b'&'));
        escape(piece.as_bytes(), out);
    }
}

/// Begins an item of ours.
pub(super) fn join(name: &str, joint: &mut u8, out: &mut Writer<'_>) {
    out.byte(core::mem::replace(joint, b'&'));
    out.str(name);
    out.byte(b'=');
}

/// Appends text of a URL as it stands, but for bytes no URL may hold: those are escaped.
pub(super) fn escape(text: &[u8], out: &mut Writer<'_>) {
    for &byte in text {
        if byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'#') {
            out.byte(byte);
        } else {
            out.bytes(&escaped(byte));
        }
    }
}

fn items(query: &str) -> impl Iterator<Item = (&[u8], &[u8])> {
    query.split('&').map(halves)
}

fn halves(piece: &str) -> (&[u8], &[u8]) {
    let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
    (name.as_bytes(), value.as_bytes())
}

/// True when `name`, decoded, is `text`.
fn is(name: &[u8], text: &str) -> bool {
    bytes(name).eq(text.bytes().map(Some))
}

/// The decoded bytes; `None` for an escape that is none.
fn bytes(raw: &[u8]) -> impl Iterator<Item = Option<u8>> {
    let mut rest = raw.iter();
    core::iter::from_fn(move || {
        Some(match *rest.next()? {
            b'+' => Some(b' '),
            b'%' => hex(rest.next()).zip(hex(rest.next())).map(|(high, low)| high << 4 | low),
            byte => Some(byte),
        })
    })
}

fn hex(digit: Option<&u8>) -> Option<u8> {
    (*digit? as char).to_digit(16).map(|digit| digit as u8)
}
