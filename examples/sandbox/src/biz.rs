//! Business fields: in flows the JSON text of biz_content, out flow checked strings.
//!
//! Stricter than Alipay may be: a name given twice or a number where the documents say string is
//! refused, because a client under test should hear of it.

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::answer::Refusal;

/// The members of biz_content, in order.
#[derive(Debug)]
pub struct Biz(Vec<(String, Value)>);

impl Biz {
    /// Reads a JSON object.
    pub fn read(text: &str) -> Result<Biz, String> {
        serde_json::from_str(text).map_err(|e| e.to_string())
    }

    /// A string that must be there, at most `max` characters.
    pub fn required(&self, name: &str, max: usize) -> Result<String, Refusal> {
        let missing = || Refusal::invalid_parameter(name, &format!("{name} is missing"));
        self.optional(name, max)?.ok_or_else(missing)
    }

    /// A string that may be there. An empty one counts as absent.
    pub fn optional(&self, name: &str, max: usize) -> Result<Option<String>, Refusal> {
        let no = |why: &str| Refusal::invalid_parameter(name, &format!("{name} {why}"));
        match self.member(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) if text.chars().count() > max => {
                Err(no(&format!("is over {max} characters")))
            }
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(no("is not a string")),
        }
    }

    /// A string for the list of requests, whatever its length.
    pub fn peek(&self, name: &str) -> Option<String> {
        self.member(name)?.as_str().map(str::to_owned)
    }

    fn member(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }
}

impl<'de> Deserialize<'de> for Biz {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Biz, D::Error> {
        from.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Biz;

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Biz, A::Error> {
        let mut members: Vec<(String, Value)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if members.iter().any(|(own, _)| *own == name) {
                return Err(A::Error::custom(format!("{name} is given twice")));
            }
            members.push((name, value));
        }
        Ok(Biz(members))
    }
}
