//! Walking lists of checked JSON, and dates that exist.

use crate::json::{Encoding, Kind, Object, Value};

/// The elements of a checked list: offset in the list, and bytes.
#[derive(Clone, Debug)]
pub struct Items<'a> {
    raw: &'a [u8],
    at: usize,
    encoding: Encoding,
}

/// The elements of `value`: a list, or an object that holds one list and nothing else (the
/// gateway wraps some so). Nothing for other values.
pub fn items<'a>(value: Value<'a>) -> Items<'a> {
    let list = match value.kind() {
        Kind::Array => Some(value),
        Kind::Object => value.object().ok().and_then(|object| only_list(&object)),
        _ => None,
    };
    Items::new(list.map_or(b"[]", |list| list.raw()), value.encoding())
}

fn only_list<'a>(object: &Object<'a>) -> Option<Value<'a>> {
    let mut members = object.members();
    let only = members.next()?.value;
    (members.next().is_none() && only.kind() == Kind::Array).then_some(only)
}

impl<'a> Items<'a> {
    /// `raw` goes from `[` to `]`.
    pub(super) fn new(raw: &'a [u8], encoding: Encoding) -> Self {
        Items { raw, at: 1, encoding }
    }

    fn peek(&self) -> Option<u8> {
        self.raw.get(self.at).copied()
    }

    /// Steps over one value of checked JSON.
    fn skip(&mut self) -> Option<()> {
        let (mut depth, mut in_text) = (0u32, false);
        loop {
            let byte = self.peek()?;
            match (byte, in_text) {
                // A GBK pair's second byte may look like any of these, an escape's like a quote.
                (b'\\', true) => self.at += 1,
                (0x80.., true) if self.encoding == Encoding::Gbk => self.at += 1,
                (b'"', _) => in_text = !in_text,
                (b'[' | b'{', false) => depth += 1,
                (b',', false) if depth == 0 => return Some(()),
                (b']' | b'}', false) => match depth.checked_sub(1) {
                    Some(less) => depth = less,
                    None => return Some(()),
                },
                _ => {}
            }
            self.at += 1;
        }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        while matches!(self.peek()?, b',' | b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        let start = self.at;
        self.skip()?;
        let item = self.raw.get(start..self.at)?.trim_ascii_end();
        (!item.is_empty()).then_some((start, item))
    }
}

/// True for `yyyy-MM-dd HH:mm:ss` of a moment that exists.
pub fn is_date_time(text: &[u8]) -> bool {
    let &[a, b, c, d, b'-', m1, m0, b'-', d1, d0, b' ', h1, h0, b':', n1, n0, b':', s1, s0] = text
    else {
        return false;
    };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0u32, |sum, digit| {
            digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0'))
        })
    };
    let below = |digits: &[u8], limit| number(digits).is_some_and(|number| number < limit);
    let date = (number(&[a, b, c, d]), number(&[m1, m0]), number(&[d1, d0]));
    let (Some(year), Some(month), Some(day)) = date else { return false };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(is_leap),
        _ => 0,
    };
    year > 0
        && (1..=last).contains(&day)
        && below(&[h1, h0], 24)
        && below(&[n1, n0], 60)
        && below(&[s1, s0], 60)
}
