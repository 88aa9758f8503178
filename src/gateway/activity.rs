//! The activity family: `koubei.marketing.campaign.activity.*`.
//!
//! In: JSON somebody wrote for create and modify, checked by [`Content`]; ids for the others. Out:
//! `biz_content`, and what a verified answer says of an activity, its raw node included.

use super::{Answer, points};
use crate::json::{Encoding, Kind, Object, Value};
use crate::status::{Error, Result, Status};
use crate::text::{self, Text};
use serde::Serialize;

#[path = "activity_content.rs"]
mod content;
#[path = "activity_create.rs"]
mod create;
#[path = "activity_walk.rs"]
mod walk;

pub use content::{Content, Fault, LEVELS_MAX, PATH_MAX};
pub use create::{Activity, Collect, Exchange, PointCard, Voucher};
pub use walk::{Items, is_date_time, items};

/// Creates an activity; messages go to the session's `notify_url`.
pub const CREATE: &str = "koubei.marketing.campaign.activity.create";
/// Changes an activity.
pub const MODIFY: &str = "koubei.marketing.campaign.activity.modify";
/// Ends an activity.
pub const OFFLINE: &str = "koubei.marketing.campaign.activity.offline";
/// Tells all about an activity that was created through this interface.
pub const QUERY: &str = "koubei.marketing.campaign.activity.query";
/// Lists activities.
pub const BATCHQUERY: &str = "koubei.marketing.campaign.activity.batchquery";

/// Longest `camp_id`, `out_biz_no` and `operator_id`, in characters.
pub const ID_MAX: usize = 32;
/// Longest `reason`.
pub const REASON_MAX: usize = 1024;
/// Longest value of a [`Criterion`]; our own limit.
pub const CRITERION_MAX: usize = 256;
/// Longest `camp_id` and status that are kept; our own limit.
pub const KEPT_MAX: usize = 64;

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OperatorType {
    /// The merchant, the gateway's default.
    Mer,
    /// A merchant's employee.
    MerOperator,
    /// A software house.
    Provider,
    /// A software house's employee.
    ProviderStaff,
}

/// One activity.offline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Offline<'a> {
    /// The idempotency key: the same in every repeat, another for every other call.
    pub out_biz_no: &'a str,
    /// The activity.
    pub camp_id: &'a str,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    /// Who acts; with `operator_type` or not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator_id: Option<&'a str>,
    /// What they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator_type: Option<OperatorType>,
}

impl Offline<'_> {
    /// `Missing`, `TooLong` or `Encoding` with the member's name.
    pub fn check(&self) -> Result<()> {
        text::required(self.out_biz_no.as_bytes(), "out_biz_no", ID_MAX)?;
        text::required(self.camp_id.as_bytes(), "camp_id", ID_MAX)?;
        points::optional(self.reason, "reason", REASON_MAX)?;
        operator(self.operator_id, self.operator_type)
    }
}

/// One activity.query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Query<'a> {
    /// The activity.
    pub camp_id: &'a str,
    /// Who acts; with `operator_type` or not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator_id: Option<&'a str>,
    /// What they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator_type: Option<OperatorType>,
}

impl Query<'_> {
    /// As [`Offline::check`].
    pub fn check(&self) -> Result<()> {
        text::required(self.camp_id.as_bytes(), "camp_id", ID_MAX)?;
        operator(self.operator_id, self.operator_type)
    }
}

/// One activity.batchquery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BatchQuery<'a> {
    /// Which page, from 1.
    #[serde(serialize_with = "points::decimal")]
    pub page_number: u64,
    /// Activities of a page; the gateway's default is 20.
    #[serde(serialize_with = "points::decimal")]
    pub page_size: u64,
    /// Who acts; with `operator_type` or not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator_id: Option<&'a str>,
    /// What they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator_type: Option<OperatorType>,
    /// What has to be true of them; empty for all.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub query_criterias: &'a [Criterion<'a>],
}

impl BatchQuery<'_> {
    /// As [`Offline::check`]; `Range` for page 0 and pages of nothing; `Argument` for a time that
    /// is none.
    pub fn check(&self) -> Result<()> {
        if self.page_number == 0 || self.page_size == 0 {
            return Err(Error::new(Status::Range, "page"));
        }
        operator(self.operator_id, self.operator_type)?;
        self.query_criterias.iter().try_for_each(Criterion::check)
    }
}

/// One condition. Which operator goes with which field is settled by how it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Criterion<'a> {
    field_name: &'static str,
    operator: &'static str,
    field_value: &'a str,
}

impl<'a> Criterion<'a> {
    /// The name is this.
    pub const fn name(value: &'a str) -> Self {
        Criterion { field_name: "name", operator: "EQUAL", field_value: value }
    }

    /// It begins then, `yyyy-MM-dd HH:mm:ss`.
    pub const fn start_time(value: &'a str) -> Self {
        Criterion { field_name: "startTime", operator: "EQUAL", field_value: value }
    }

    /// It ends then.
    pub const fn end_time(value: &'a str) -> Self {
        Criterion { field_name: "endTime", operator: "EQUAL", field_value: value }
    }

    /// Its status is one of these: `STARTED|CLOSED`.
    pub const fn status(values: &'a str) -> Self {
        Criterion { field_name: "status", operator: "IN", field_value: values }
    }

    fn check(&self) -> Result<()> {
        text::required(self.field_value.as_bytes(), self.field_name, CRITERION_MAX)?;
        let is_time = self.field_name.ends_with("Time");
        if is_time && !is_date_time(self.field_value.as_bytes()) {
            return Err(Error::new(Status::Argument, self.field_name));
        }
        Ok(())
    }
}

fn operator(id: Option<&str>, kind: Option<OperatorType>) -> Result<()> {
    points::optional(id, "operator_id", ID_MAX)?;
    match (id, kind) {
        (Some(_), None) => Err(Error::new(Status::Missing, "operator_type")),
        (None, Some(_)) => Err(Error::new(Status::Missing, "operator_id")),
        _ => Ok(()),
    }
}

/// What an accepted create, modify or offline tells. Starting takes a while: wait for the
/// notification, or query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// The activity; only create tells it.
    pub camp_id: Text<KEPT_MAX>,
    /// `STARTING`, `STARTED`...
    pub camp_status: Text<KEPT_MAX>,
    /// `AUDITING`, `REJECT`; empty when nobody has to approve.
    pub audit_status: Text<KEPT_MAX>,
}

/// Reads a [`Changed`] of modify or offline; `TooLong`, `Malformed` with the member.
pub fn changed(answer: &Answer<'_>) -> Result<Changed> {
    Ok(Changed {
        camp_id: answer.text("camp_id")?,
        camp_status: answer.text("camp_status")?,
        audit_status: answer.text("audit_status")?,
    })
}

/// Reads a [`Changed`] of create; `Missing` without a `camp_id`, too.
pub fn created(answer: &Answer<'_>) -> Result<Changed> {
    let created = changed(answer)?;
    text::required(created.camp_id.as_bytes(), "camp_id", KEPT_MAX)?;
    Ok(created)
}

/// What an accepted activity.query tells: the node, for nobody documents where the point account
/// stands in it.
#[derive(Clone, Copy, Debug)]
pub struct Detail<'a> {
    node: Object<'a>,
    encoding: Encoding,
}

/// The `camp_detail` of an accepted activity.query; `Missing`, or `Malformed` if it is no object.
pub fn detail<'a>(answer: &Answer<'a>) -> Result<Detail<'a>> {
    let value = answer.field("camp_detail").ok_or(Error::new(Status::Missing, "camp_detail"))?;
    let node = value.object().map_err(|error| Error { what: "camp_detail", ..error })?;
    Ok(Detail { node, encoding: value.encoding() })
}

impl<'a> Detail<'a> {
    /// All of it.
    pub fn node(&self) -> &Object<'a> {
        &self.node
    }

    /// `status`: `STARTED`, `CLOSED`...; other members are in [`Detail::node`].
    pub fn status(&self) -> Option<Value<'a>> {
        self.node.get("status")
    }

    /// What [`crate::claim::Link`] takes as its base: the URL_WITH_TOKEN channel's `ext_info` or
    /// `config`, whichever holds a URL.
    pub fn claim_base(&self) -> Option<Value<'a>> {
        let channels = items(self.node.get("publish_channels")?);
        let mut channels = channels.filter_map(|(_, raw)| Object::read(raw, self.encoding).ok());
        let channel = channels
            .find(|channel| channel.get("type").is_some_and(|kind| kind.is(b"URL_WITH_TOKEN")))?;
        let holds_url = |value: &Value<'_>| {
            value.kind() == Kind::String && value.raw().windows(4).any(|four| four == b"http")
        };
        ["ext_info", "config"].iter().filter_map(|name| channel.get(name)).find(holds_url)
    }
}

/// How many activities an accepted activity.batchquery found in all. The page's own are
/// [`items`] of the member `camp_sets`.
pub fn total_number(answer: &Answer<'_>) -> Result<u64> {
    let missing = Error::new(Status::Missing, "total_number");
    let value = answer.field("total_number").ok_or(missing)?;
    value.as_u64().map_err(|error| Error { what: "total_number", ..error })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
#[path = "activity_tests.rs"]
mod tests;
