//! Business fields: in flows the JSON text of biz_content, out flow checked texts, dates, lists and
//! objects. A member that is wrong is named by its place: `promo_tools[0].point_card.end_time`.
//!
//! Stricter than Alipay may be: a name given twice, at any depth, or a number where the documents
//! say string is refused, because a client under test should hear of it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::answer::Refusal;
use crate::clock;

/// An object of biz_content, or all of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Biz {
    /// Where it stands: empty, or ending in a point.
    place: String,
    members: Map<String, Value>,
}

impl Biz {
    /// Reads a JSON object.
    pub fn read(text: &str) -> Result<Biz, String> {
        let mut from = serde_json::Deserializer::from_str(text);
        let value = Strict.deserialize(&mut from).and_then(|value| from.end().map(|()| value));
        match value.map_err(|e| e.to_string())? {
            Value::Object(members) => Ok(Biz { place: String::new(), members }),
            _ => Err("this is no JSON object".into()),
        }
    }

    /// Its members as they came.
    pub fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    /// True when the member is there and says something.
    pub fn has(&self, name: &str) -> bool {
        self.member(name).is_some()
    }

    /// A text that must be there, at most `max` characters.
    pub fn required(&self, name: &str, max: usize) -> Result<String, Refusal> {
        self.optional(name, max)?.ok_or_else(|| self.no(name, "is missing"))
    }

    /// A text that may be there. An empty one counts as absent.
    pub fn optional(&self, name: &str, max: usize) -> Result<Option<String>, Refusal> {
        match self.member(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.chars().count() > max => {
                Err(self.no(name, &format!("is over {max} characters")))
            }
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(self.no(name, "is not a string")),
        }
    }

    /// A text that must be there and be one of these.
    pub fn one_of(&self, name: &str, all: &[&str]) -> Result<String, Refusal> {
        let text = self.required(name, usize::MAX)?;
        if all.contains(&text.as_str()) {
            return Ok(text);
        }
        Err(self.no(name, &format!("is none of {}", all.join(", "))))
    }

    /// A date of the calendar that must be there: its text, and seconds since 1970.
    pub fn date(&self, name: &str) -> Result<(String, i64), Refusal> {
        let text = self.required(name, usize::MAX)?;
        let seconds = clock::parse_beijing(&text);
        let no = || self.no(name, &format!("{text} is no yyyy-MM-dd HH:mm:ss of the calendar"));
        seconds.map(|seconds| (text.clone(), seconds)).ok_or_else(no)
    }

    /// An object that may be there.
    pub fn object(&self, name: &str) -> Result<Option<Biz>, Refusal> {
        match self.member(name) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(self.inside(name.into(), members))),
            Some(_) => Err(self.no(name, "is not an object")),
        }
    }

    /// A list of objects; absent is empty.
    pub fn objects(&self, name: &str) -> Result<Vec<Biz>, Refusal> {
        let each = |(at, value): (usize, &Value)| match value {
            Value::Object(members) => Ok(self.inside(format!("{name}[{at}]"), members)),
            _ => Err(self.no(&format!("{name}[{at}]"), "is not an object")),
        };
        self.list(name)?.iter().enumerate().map(each).collect()
    }

    /// A list of texts; absent is empty.
    pub fn texts(&self, name: &str) -> Result<Vec<String>, Refusal> {
        let each = |(at, value): (usize, &Value)| {
            let text = value.as_str().map(str::to_owned);
            text.ok_or_else(|| self.no(&format!("{name}[{at}]"), "is not a string"))
        };
        self.list(name)?.iter().enumerate().map(each).collect()
    }

    /// A text for the list of requests, whatever its length.
    pub fn peek(&self, name: &str) -> Option<String> {
        self.member(name)?.as_str().map(str::to_owned)
    }

    /// The refusal that names a member by its place.
    pub fn no(&self, name: &str, why: &str) -> Refusal {
        let place = format!("{}{name}", self.place);
        Refusal::invalid_parameter(&place, &format!("{place} {why}"))
    }

    fn list(&self, name: &str) -> Result<&[Value], Refusal> {
        match self.member(name) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.no(name, "is not a list")),
        }
    }

    fn inside(&self, name: String, members: &Map<String, Value>) -> Biz {
        Biz { place: format!("{}{name}.", self.place), members: members.clone() }
    }

    /// Null, as some writers put it, and an empty text count as absent.
    fn member(&self, name: &str) -> Option<&Value> {
        let says = |value: &&Value| !value.is_null() && value.as_str() != Some("");
        self.members.get(name).filter(says)
    }
}

/// Reads a value and refuses names given twice, which the usual reader takes the last of.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = from.next_element_seed(Strict)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = from.next_key::<String>()? {
            let value = from.next_value_seed(Strict)?;
            if members.contains_key(&name) {
                return Err(A::Error::custom(format!("{name} is given twice")));
            }
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_given_twice_is_refused_at_any_depth() {
        for text in [r#"{"a":1,"a":2}"#, r#"{"l":[{"v":{"a":1,"b":2,"a":3}}]}"#] {
            assert!(Biz::read(text).unwrap_err().starts_with("a is given twice"), "{text}");
        }
        assert!(Biz::read(r#"{"a":{"a":{"a":1}}}"#).is_ok());
    }

    #[test]
    fn only_one_object_is_read() {
        for text in ["[]", "1", "", r#"{"a":1} {}"#, r#"{"a":1"#] {
            assert!(Biz::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_place_is_named_from_the_top() {
        let biz = Biz::read(r#"{"l":[{"c":{"d":"2016-09-31 00:00:00"}}]}"#).unwrap();
        let card = biz.objects("l").unwrap()[0].object("c").unwrap().unwrap();
        assert!(card.date("d").unwrap_err().sub_msg.contains("l[0].c.d 2016-09-31 00:00:00 is no"));
        assert!(card.texts("t").unwrap().is_empty());
    }
}
