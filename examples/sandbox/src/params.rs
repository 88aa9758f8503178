//! Request parameters: in flow the raw URL query and form body, out flow decoded byte values and
//! the canonical string both sides sign.

use std::collections::{BTreeMap, BTreeSet};

/// Decoded parameters of one request, wherever they travelled.
#[derive(Debug, Default)]
pub struct Params {
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    in_query: BTreeSet<Vec<u8>>,
}

impl Params {
    /// Decodes once; a broken escape or a name sent twice is an error that names it.
    pub fn read(query: &[u8], body: &[u8]) -> Result<Params, String> {
        let mut params = Params::default();
        for (part, is_query) in [(query, true), (body, false)] {
            for pair in part.split(|&b| b == b'&').filter(|pair| !pair.is_empty()) {
                params.add(pair, is_query)?;
            }
        }
        Ok(params)
    }

    fn add(&mut self, pair: &[u8], is_query: bool) -> Result<(), String> {
        let cut = pair.iter().position(|&b| b == b'=').unwrap_or(pair.len());
        let name = decode(&pair[..cut]).ok_or("a parameter name has a broken % escape")?;
        let shown = String::from_utf8_lossy(&name).into_owned();
        let value = pair.get(cut + 1..).unwrap_or_default();
        let value = decode(value).ok_or(format!("{shown} has a broken % escape"))?;
        if is_query {
            self.in_query.insert(name.clone());
        }
        match self.values.insert(name, value) {
            Some(_) => Err(format!("{shown} is sent twice")),
            None => Ok(()),
        }
    }

    /// A value; an empty one counts as not sent.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.values.get(name.as_bytes()).map(Vec::as_slice).filter(|value| !value.is_empty())
    }

    /// A value as text; anything that is not UTF-8 shows as marks. For names of ASCII values.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// True when the URL carries it.
    pub fn in_query(&self, name: &str) -> bool {
        self.in_query.contains(name.as_bytes()) && self.get(name).is_some()
    }

    /// `name=value` of all but `sign`, empty ones left out, sorted by bytes, joined by `&`.
    pub fn canonical(&self) -> Vec<u8> {
        let kept = self.values.iter().filter(|(name, value)| *name != b"sign" && !value.is_empty());
        let pairs: Vec<Vec<u8>> = kept.map(|(n, v)| [n, &b"="[..], v].concat()).collect();
        pairs.join(&b'&')
    }
}

/// Names and values of a query or a form as text; of a name sent twice, the last. None when an escape
/// is broken or the bytes are not UTF-8.
pub fn texts(query: &str) -> Option<BTreeMap<String, String>> {
    let text = |part: &str| decode(part.as_bytes()).and_then(|b| String::from_utf8(b).ok());
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((text(name)?, text(value)?))
    });
    pairs.collect()
}

/// `+` is a space, `%XX` a byte. None when an escape is broken.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(&byte) = rest.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => hex(*rest.next()?)? * 16 + hex(*rest.next()?)?,
            other => other,
        });
    }
    Some(out)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_string_is_raw_sorted_and_without_sign() {
        let params = Params::read(b"b=1%262&sign=x&B=%3D&empty=", b"a_b=p%2Bq+r&a=%25").unwrap();
        assert_eq!(params.canonical(), b"B==&a=%&a_b=p+q r&b=1&2");
        assert!(params.in_query("b") && !params.in_query("a") && !params.in_query("empty"));
    }

    #[test]
    fn broken_escapes_and_repeats_are_named() {
        assert_eq!(Params::read(b"memo=%4", b"").unwrap_err(), "memo has a broken % escape");
        assert_eq!(Params::read(b"memo=%zz", b"").unwrap_err(), "memo has a broken % escape");
        assert_eq!(Params::read(b"a=1", b"a=1").unwrap_err(), "a is sent twice");
    }
}
