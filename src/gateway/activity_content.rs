//! JSON of an activity, written by a person: checked, and sent as it stands.
//!
//! In: the `biz_content` of create or modify. Out: a [`Content`] to send, or a [`Fault`] that
//! names the member by its path: `promo_tools[0].voucher.start_time`.
//!
//! Only what is surely wrong is refused; members and values nobody has heard of pass, for the
//! gateway's list of them grows.

use super::walk::{Items, is_date_time};
use crate::json::{Encoding, Kind, Members, Object, Value};
use crate::status::{Error, Result, Status};
use crate::text::Text;
use core::iter::Enumerate;
use heapless::Vec;
use serde::{Serialize, Serializer};

/// Deepest nesting that is sent; activities have 8 levels.
pub const LEVELS_MAX: u32 = 12;
/// Longest path that is told in bytes; a longer one loses its end.
pub const PATH_MAX: usize = 80;

/// Checked `biz_content`; travels byte for byte as it was given.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    raw: &'a [u8],
    method: &'static str,
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What; `at` is the byte offset.
    pub error: Error,
    /// The member; empty for the whole.
    pub path: Text<PATH_MAX>,
}

impl From<Error> for Fault {
    /// A failure that is not about a member of the content.
    fn from(error: Error) -> Fault {
        Fault { error, path: Text::new() }
    }
}

/// Members every create has.
const CREATE: [&str; 8] = [
    "out_biz_no",
    "name",
    "desc",
    "start_time",
    "end_time",
    "type",
    "constraint_info",
    "promo_tools",
];
/// Members every modify has; four of them repeat what they are.
const MODIFY: [&str; 7] =
    ["camp_id", "out_biz_no", "name", "desc", "start_time", "end_time", "type"];

/// Members whose kind is known, wherever they stand. `ext_info` and `config` are texts that hold
/// JSON.
const KINDS: [(Kind, &[&str]); 3] = [
    (
        Kind::Object,
        &[
            "budget_info",
            "constraint_info",
            "point_card",
            "voucher",
            "send_rule",
            "recruit_tool",
            "use_rule",
            "delay_info",
            "item_info",
            "display_config",
            "forbidden_time",
        ],
    ),
    (
        Kind::Array,
        &[
            "promo_tools",
            "publish_channels",
            "suit_shops",
            "item_ids",
            "pid_shops",
            "use_time",
            "use_instructions",
            "clause_terms",
        ],
    ),
    (
        Kind::String,
        &[
            "out_biz_no",
            "camp_id",
            "name",
            "desc",
            "type",
            "start_time",
            "end_time",
            "ext_info",
            "config",
            "operator_id",
            "operator_type",
            "auto_delay_flag",
        ],
    ),
];

impl<'a> Content<'a> {
    /// Checks the content of activity.create.
    ///
    /// `Malformed`, `TooDeep`, `TooLong` as [`Object::read`], nesting beyond [`LEVELS_MAX`] and
    /// members of another kind than documented included; `Duplicate` for a name twice, at any
    /// depth; `Missing` for what is required; `Range` for a `start_time` or `end_time` that is no
    /// moment of the calendar, and for an end that is not after its start; `Argument` for a
    /// `biz_content` around it (that is the parameter's name, not part of its value) and for a
    /// tool that does not belong to the activity's type (`point_card` to POINT_SEND, `voucher` to
    /// all others).
    pub fn create(json: &'a [u8]) -> core::result::Result<Self, Fault> {
        Self::checked(json, &CREATE, super::CREATE)
    }

    /// Checks the content of activity.modify, as [`Content::create`].
    pub fn modify(json: &'a [u8]) -> core::result::Result<Self, Fault> {
        Self::checked(json, &MODIFY, super::MODIFY)
    }

    fn checked(
        json: &'a [u8],
        required: &[&'static str],
        method: &'static str,
    ) -> core::result::Result<Self, Fault> {
        let mut walk = Walk { path: Text::new() };
        let raw = walk.whole(json, required);
        raw.map(|raw| Content { raw, method }).map_err(|error| Fault { error, path: walk.path })
    }

    /// The method it was checked for: [`super::CREATE`] or [`super::MODIFY`].
    pub fn method(&self) -> &'static str {
        self.method
    }

    /// The bytes that are sent.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }
}

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> core::result::Result<S::Ok, S::Error> {
        // The writer of requests takes bytes as JSON that is written already.
        serializer.serialize_bytes(self.raw)
    }
}

/// An object or list that is being walked.
struct Level<'a> {
    /// Where it stands.
    at: usize,
    /// How long the path to it is.
    path: usize,
    rest: Rest<'a>,
}

/// What of it is still to come.
enum Rest<'a> {
    Members(Object<'a>, Members<'a>),
    Items(Enumerate<Items<'a>>),
}

impl<'a> Level<'a> {
    fn of(object: Object<'a>, at: usize, path: usize) -> Self {
        Level { at, path, rest: Rest::Members(object, object.members()) }
    }
}

/// The path to where a check stands; after an error, to what is wrong.
struct Walk {
    path: Text<PATH_MAX>,
}

impl Walk {
    fn whole<'a>(&mut self, json: &'a [u8], required: &[&'static str]) -> Result<&'a [u8]> {
        let object = self.read(json, 0)?;
        if object.get("biz_content").is_some() {
            return self.fail(Status::Argument, "biz_content", 0);
        }
        self.members(object)?;
        for &name in required {
            let is_empty = |value: &Value<'_>| matches!(value.raw(), b"\"\"" | b"null");
            if object.get(name).is_none_or(|value| is_empty(&value)) {
                return self.fail(Status::Missing, name, 0);
            }
        }
        self.tools(&object)?;
        Ok(object.raw())
    }

    /// An error about the member `name` of where the walk stands.
    fn fail<T>(&mut self, status: Status, name: &'static str, at: usize) -> Result<T> {
        self.enter(name);
        Err(Error::new(status, name).at(at))
    }

    fn enter(&mut self, name: &str) {
        if !self.path.is_empty() {
            let _ = self.path.push('.');
        }
        let _ = self.path.push_str(name);
    }

    /// Reads an object at `at`; a name that occurs twice joins the path.
    fn read<'a>(&mut self, raw: &'a [u8], at: usize) -> Result<Object<'a>> {
        Object::read(raw, Encoding::Utf8).map_err(|error| {
            if error.status == Status::Duplicate {
                let name = raw.get(error.at as usize + 1..).unwrap_or_default();
                let name = name.split(|&byte| byte == b'"').next().unwrap_or_default();
                self.enter(core::str::from_utf8(name).unwrap_or_default());
            }
            let at = at + error.at as usize;
            Error { what: "biz_content", ..error }.at(at)
        })
    }

    /// Checks every member of `root`, at whatever depth, with a stack of its own: what somebody
    /// else wrote does not decide how deep this library calls itself.
    fn members<'a>(&mut self, root: Object<'a>) -> Result<()> {
        let mut levels: Vec<Level<'a>, { LEVELS_MAX as usize }> = Vec::new();
        let mut next = Some(Level::of(root, 0, 0));
        loop {
            if let Some(level) = next.take() {
                let at = level.at;
                let full = |_| Error::new(Status::TooDeep, "biz_content").at(at);
                levels.push(level).map_err(full)?;
            }
            let Some(level) = levels.last_mut() else { return Ok(()) };
            self.back_to(level.path);
            match self.step(level)? {
                Some((raw, at)) => next = self.descend(raw, at)?,
                None => drop(levels.pop()),
            }
        }
    }

    /// The next value of `level`, checked by its name, or none at its end.
    fn step<'a>(&mut self, level: &mut Level<'a>) -> Result<Option<(&'a [u8], usize)>> {
        match &mut level.rest {
            Rest::Members(object, members) => {
                let Some(member) = members.next() else {
                    let object = *object;
                    return self.in_order(&object, level.at).map(|()| None);
                };
                let at = level.at + member.value.span().0;
                self.enter(inside(&member.name));
                self.known(&member.name, &member.value, at)?;
                Ok(Some((member.value.raw(), at)))
            }
            Rest::Items(items) => {
                let Some((index, (from, item))) = items.next() else { return Ok(None) };
                let _ = core::fmt::write(&mut self.path, format_args!("[{index}]"));
                Ok(Some((item, level.at + from)))
            }
        }
    }

    /// The level a value opens, if it does.
    fn descend<'a>(&mut self, raw: &'a [u8], at: usize) -> Result<Option<Level<'a>>> {
        let path = self.path.len();
        Ok(match raw.first() {
            Some(b'{') => Some(Level::of(self.read(raw, at)?, at, path)),
            Some(b'[') => {
                let items = Items::new(raw, Encoding::Utf8).enumerate();
                Some(Level { at, path, rest: Rest::Items(items) })
            }
            _ => None,
        })
    }

    /// An object's end comes after its start.
    fn in_order(&mut self, object: &Object<'_>, at: usize) -> Result<()> {
        let time = |name| object.get(name).map(|value| value.raw());
        match time("start_time").zip(time("end_time")) {
            // Dates of one form are in order when their texts are.
            Some((start, end)) if start >= end => self.fail(Status::Range, "end_time", at),
            _ => Ok(()),
        }
    }

    /// (`truncate` would bring its panic about half a character into a firmware image.)
    fn back_to(&mut self, len: usize) {
        while self.path.len() > len && self.path.pop().is_some() {}
    }

    /// Checks a member whose name is known.
    fn known(&self, name: &Value<'_>, value: &Value<'_>, at: usize) -> Result<()> {
        let is = |known: &&str| name.is(known.as_bytes());
        let kind = KINDS.iter().find(|(_, names)| names.iter().any(is));
        if kind.is_some_and(|(kind, _)| *kind != value.kind()) {
            return Err(Error::new(Status::Malformed, "biz_content").at(at));
        }
        let is_time = is(&"start_time") || is(&"end_time");
        if is_time && !is_date_time(inside(value).as_bytes()) {
            return Err(Error::new(Status::Range, "biz_content").at(at));
        }
        Ok(())
    }

    /// A collecting activity hands out point cards, every other one vouchers.
    fn tools(&mut self, object: &Object<'_>) -> Result<()> {
        let Some(tools) = object.get("promo_tools") else { return Ok(()) };
        let collects = object.get("type").is_some_and(|kind| kind.is(b"POINT_SEND"));
        let (ours, other) =
            if collects { ("point_card", "voucher") } else { ("voucher", "point_card") };
        let mut count = 0;
        for (index, (_, raw)) in Items::new(tools.raw(), Encoding::Utf8).enumerate() {
            let _ = core::fmt::write(&mut self.path, format_args!("promo_tools[{index}]"));
            let tool = self.read(raw, 0)?;
            if tool.get(other).is_some() {
                return self.fail(Status::Argument, other, 0);
            }
            if tool.get(ours).is_none() {
                return self.fail(Status::Missing, ours, 0);
            }
            self.path.clear();
            count += 1;
        }
        if count == 0 { self.fail(Status::Missing, "promo_tools", 0) } else { Ok(()) }
    }
}

/// A text as it stands between its quotes.
fn inside<'a>(text: &Value<'a>) -> &'a str {
    let inside = text.raw().get(1..text.raw().len().saturating_sub(1)).unwrap_or_default();
    core::str::from_utf8(inside).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
#[path = "activity_content_tests.rs"]
mod tests;
