//! Finding one member deep inside an answer: `camp_detail.promo_tools.0.voucher.name`.
//!
//! In: a checked object, and names and numbers joined by points. Out: the value there.

use super::activity::items;
use crate::json::{Kind, Object, Value};

/// The value at `path`: names of members, and numbers (from 0) of the elements of lists, joined by
/// points. A list may also be wrapped in an object that holds nothing else, as the gateway sends
/// some. `None` when nothing is there, or when an object on the way names a member twice.
pub fn find<'a>(object: &Object<'a>, path: &str) -> Option<Value<'a>> {
    let mut steps = path.split('.');
    let first = object.get(steps.next()?)?;
    steps.try_fold(first, below)
}

/// One step down from `value`.
fn below<'a>(value: Value<'a>, step: &str) -> Option<Value<'a>> {
    let named = match value.kind() {
        Kind::Object => value.object().ok()?.get(step),
        _ => None,
    };
    named.or_else(|| element(value, step))
}

/// The element whose number is `step`. Only digits: `+1` is no number of an element.
fn element<'a>(value: Value<'a>, step: &str) -> Option<Value<'a>> {
    let digits = step.bytes().all(|byte| byte.is_ascii_digit());
    let number = step.parse().ok().filter(|_| digits)?;
    let (_, raw) = items(value).nth(number)?;
    Value::read(raw, value.encoding()).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
mod tests {
    use super::*;
    use crate::json::Encoding;

    const NODE: &str = r#"{"code":"10000","camp":{"name":"集点","tools":[{"n":"a"},{"n":"b"}],
        "sets":{"camp_set":[7,"x"]},"0":"zero"},"none":null,"a.b":1}"#;

    fn at(path: &str) -> Option<&str> {
        let object = Object::read(NODE.as_bytes(), Encoding::Utf8).unwrap();
        find(&object, path).map(|value| core::str::from_utf8(value.raw()).unwrap())
    }

    #[test]
    fn names_and_numbers_lead_there() {
        for (path, wanted) in [
            ("code", "\"10000\""),
            ("camp.name", "\"集点\""),
            ("camp.tools.0.n", "\"a\""),
            ("camp.tools.1.n", "\"b\""),
            ("camp.sets.0", "7"),
            ("camp.sets.1", "\"x\""),
            ("camp.sets.camp_set.1", "\"x\""),
            ("camp.0", "\"zero\""),
            ("none", "null"),
        ] {
            assert_eq!(at(path), Some(wanted), "{path}");
        }
    }

    #[test]
    fn elsewhere_is_nothing() {
        for path in [
            "",
            ".",
            "camp.",
            "camp..name",
            ".code",
            "Code",
            "camp.tools.2",
            "camp.tools.n",
            "camp.tools.+1",
            "camp.tools.-1",
            "camp.tools.18446744073709551616",
            "code.0",
            "none.x",
            "camp.name.0",
            "camp.sets.2",
        ] {
            assert_eq!(at(path), None, "{path}");
        }
    }

    #[test]
    fn the_bytes_of_gbk_are_walked_as_pairs() {
        let node = b"{\"list\":[\"\xd6\x5d\",{\"\x95\x5c\":\"\xbc\xaf\"}]}";
        let object = Object::read(node, Encoding::Gbk).unwrap();
        assert_eq!(find(&object, "list.0").unwrap().raw(), b"\"\xd6\x5d\"");
        assert_eq!(find(&object, "list.1").unwrap().kind(), Kind::Object);
    }
}
