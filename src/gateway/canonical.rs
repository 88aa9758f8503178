//! The canonical string: the one text both sides sign.
//!
//! In: parameters in any order. Out: `name=value&name=value...`, piece by piece into a sink
//! (normally a hash), so that no second copy of a request is needed.

use crate::status::{Error, Result, Status};

/// One parameter, its value as raw bytes of the session's charset: not percent-encoded, not quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    /// The name.
    pub name: &'a str,
    /// The value; empty means the parameter is not sent and not signed.
    pub value: &'a [u8],
}

/// Feeds the canonical string of `params` to `sink`: sorted by name in byte order, `sign` and
/// empty values left out, `name=value` joined by `&`.
///
/// Values go in raw, even when they hold `&` or `=`; the gateway's rule is so (its documentation
/// of signing, and what its SDKs compute). `sign_type` is part of it. A name that occurs twice is
/// refused (`Duplicate`): each side could take another of the two values.
pub fn canonical(params: &[Param<'_>], sink: &mut dyn FnMut(&[u8])) -> Result<()> {
    // The next name is looked for each time: with a dozen parameters that is cheaper than a
    // sort, and needs neither a copy nor a changed order.
    let (mut last, mut first) = (None, true);
    while let Some(param) = following(params, last) {
        last = Some(param.name);
        if params.iter().filter(|other| other.name == param.name).count() > 1 {
            return Err(Error::new(Status::Duplicate, "params"));
        }
        if param.name == "sign" || param.value.is_empty() {
            continue;
        }
        if !core::mem::take(&mut first) {
            sink(b"&");
        }
        sink(param.name.as_bytes());
        sink(b"=");
        sink(param.value);
    }
    Ok(())
}

/// The parameter with the least name behind `last`.
fn following<'p, 'a>(params: &'p [Param<'a>], last: Option<&str>) -> Option<&'p Param<'a>> {
    let behind = params.iter().filter(|param| last.is_none_or(|last| param.name > last));
    behind.min_by_key(|param| param.name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
mod tests {
    use super::*;

    fn string(params: &[(&str, &str)]) -> Result<String> {
        let params: Vec<_> =
            params.iter().map(|(name, value)| Param { name, value: value.as_bytes() }).collect();
        let mut out = Vec::new();
        canonical(&params, &mut |piece| out.extend_from_slice(piece))?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn sorted_by_bytes_and_a_prefix_goes_first() {
        let params = [("a_b", "1"), ("ab", "2"), ("aB", "3"), ("a0", "4"), ("a", "5"), ("B", "6")];
        assert_eq!(string(&params).as_deref(), Ok("B=6&a=5&a0=4&aB=3&a_b=1&ab=2"));
    }

    #[test]
    fn sign_and_empty_values_are_left_out() {
        let params = [("sign", "x"), ("sign_type", "RSA2"), ("a", ""), ("z", "0"), ("b", " ")];
        assert_eq!(string(&params).as_deref(), Ok("b= &sign_type=RSA2&z=0"));
        assert_eq!(string(&[]).as_deref(), Ok(""));
        assert_eq!(string(&[("sign", "x")]).as_deref(), Ok(""));
    }

    #[test]
    fn values_are_raw() {
        assert_eq!(string(&[("m", "a&b=c %2B+集")]).as_deref(), Ok("m=a&b=c %2B+集"));
    }

    #[test]
    fn a_name_twice_is_refused_even_when_empty() {
        for twice in
            [[("a", "1"), ("a", "1")], [("a", ""), ("a", "1")], [("sign", ""), ("sign", "1")]]
        {
            assert_eq!(string(&twice).unwrap_err().status, Status::Duplicate);
        }
    }
}
