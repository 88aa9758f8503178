//! Campaigns: in flow checked contents and ends, out flow campaigns with their numbers and orders.
//!
//! ```text
//! create ──► STARTED ──modify──► STARTED ──offline──► CLOSED
//! ```
//!
//! Alipay works on each step for a while: the answer to a step says STARTING, MODIFYING or CLOSING,
//! whoever asks afterwards hears the end of it. Nothing is compared with the clock.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::claims;
use crate::clock;
use crate::ids;
use crate::notice::Letter;

/// One campaign.
#[derive(Clone, Debug)]
pub struct Activity {
    /// 32 digits, the campaign's number.
    pub camp_id: String,
    /// 28 digits, what the claim page calls it.
    pub item_id: String,
    /// 32 digits: the account points.update books on. Only POINT_SEND campaigns have one.
    pub account: Option<String>,
    /// The members of create, or of the last modify.
    pub content: Map<String, Value>,
    /// False once it was taken offline.
    pub is_on: bool,
    /// Where its messages go.
    pub notify_url: Option<String>,
    /// What was done to it, oldest first.
    pub orders: Vec<Order>,
    /// How many of the orders its merchant was told of.
    told: usize,
}

/// One step of a campaign.
#[derive(Clone, Debug)]
pub struct Order {
    /// Its number.
    pub order_id: String,
    /// `CREATE`, `START`, `MODIFY` or `CLOSE`.
    pub kind: &'static str,
    /// Beijing time.
    pub time: String,
}

impl Order {
    /// As activity.query and activity.batchquery list it.
    pub fn json(&self) -> Value {
        json!({
            "order_id": self.order_id,
            "order_type": format!("CAMPAIGN_{}_ORDER", self.kind),
            "order_status": "SUCCESS",
            "audit_status": "PASS",
            "activity_audit_list": [],
        })
    }
}

impl Activity {
    /// A text of its content; empty when it is none.
    pub fn text(&self, name: &str) -> &str {
        self.content.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// `STARTED` or `CLOSED`.
    pub fn status(&self) -> &'static str {
        if self.is_on { "STARTED" } else { "CLOSED" }
    }

    /// Messages about orders the merchant was not told of, if there is anywhere to send them.
    fn news(&mut self) -> Vec<Letter> {
        let fresh = self.orders.get(self.told..).unwrap_or_default();
        let letter = |order| self.notify_url.as_ref().map(|url| claims::state(self, url, order));
        let letters = fresh.iter().filter_map(letter).collect();
        self.told = self.orders.len();
        letters
    }

    /// Newest first, as Alipay lists them.
    pub fn orders_json(&self) -> Vec<Value> {
        self.orders.iter().rev().map(Order::json).collect()
    }

    fn step(&mut self, kind: &'static str) {
        let order_id = format!("{}{:04}", &self.camp_id[..28], self.orders.len() + 1);
        self.orders.push(Order { order_id, kind, time: clock::beijing(clock::now_ms()) });
    }
}

/// What an out_biz_no was used for: the same again is a repeat, anything else is refused.
type Request = (&'static str, Map<String, Value>);

/// Why a step was not taken.
pub enum NotDone {
    /// The same out_biz_no with other content, or for another step.
    OtherContent,
    /// No campaign of this merchant.
    NoSuchActivity,
    /// It was taken offline.
    Closed,
    /// A member that may not change did, or `end_time` went back.
    MayNotChange(&'static str),
}

/// All campaigns of a merchant, oldest first.
pub struct Activities {
    merchant: usize,
    all: Vec<Activity>,
    done: HashMap<String, (Request, usize)>,
}

impl Activities {
    /// None yet; numbers carry the merchant's.
    pub fn new(merchant: usize) -> Activities {
        Activities { merchant, all: Vec::new(), done: HashMap::new() }
    }

    /// Oldest first.
    pub fn all(&self) -> &[Activity] {
        &self.all
    }

    /// Messages about what happened since the last call.
    pub fn news(&mut self) -> Vec<Letter> {
        self.all.iter_mut().flat_map(Activity::news).collect()
    }

    /// By camp_id.
    pub fn find(&self, camp_id: &str) -> Option<&Activity> {
        self.all.iter().find(|activity| activity.camp_id == camp_id)
    }

    /// By what a prizesend.auth called prize_id: camp_id or itemId.
    pub fn of_prize(&self, prize_id: &str) -> Option<&Activity> {
        let is =
            |activity: &&Activity| activity.camp_id == prize_id || activity.item_id == prize_id;
        self.all.iter().find(is)
    }

    /// Creates; true when it is a repeat.
    pub fn create(
        &mut self,
        content: Map<String, Value>,
        notify_url: Option<String>,
    ) -> Result<(&Activity, bool), NotDone> {
        if let Some(index) = self.earlier("CREATE", &content)? {
            return Ok((&self.all[index], true));
        }
        let index = self.all.len();
        let mut activity = self.numbered(content.clone(), notify_url);
        activity.step("CREATE");
        activity.step("START");
        self.all.push(activity);
        self.note("CREATE", content, index);
        Ok((&self.all[index], false))
    }

    fn numbered(&self, content: Map<String, Value>, notify_url: Option<String>) -> Activity {
        let (day, serial) = (ids::today(), self.merchant * 1_000_000 + self.all.len() + 1);
        let is_card = content.get("type").is_some_and(|kind| kind == "POINT_SEND");
        Activity {
            camp_id: format!("{day}{serial:015}000151011"),
            item_id: format!("{day}20076{serial:015}"),
            account: is_card.then(|| format!("39{day}001550010001{serial:010}")),
            content,
            is_on: true,
            notify_url,
            orders: Vec::new(),
            told: 0,
        }
    }

    /// Takes new content; true when it is a repeat.
    pub fn modify(&mut self, content: Map<String, Value>) -> Result<(&Activity, bool), NotDone> {
        if let Some(index) = self.earlier("MODIFY", &content)? {
            return Ok((&self.all[index], true));
        }
        let index = self.running(&content)?;
        let activity = &mut self.all[index];
        may_follow(&activity.content, &content)?;
        activity.content = content.clone();
        activity.step("MODIFY");
        self.note("MODIFY", content, index);
        Ok((&self.all[index], false))
    }

    /// Ends; true when it is a repeat.
    pub fn offline(&mut self, content: Map<String, Value>) -> Result<(&Activity, bool), NotDone> {
        if let Some(index) = self.earlier("CLOSE", &content)? {
            return Ok((&self.all[index], true));
        }
        let index = self.running(&content)?;
        let activity = &mut self.all[index];
        activity.is_on = false;
        activity.step("CLOSE");
        self.note("CLOSE", content, index);
        Ok((&self.all[index], false))
    }

    fn running(&self, content: &Map<String, Value>) -> Result<usize, NotDone> {
        let camp_id = content.get("camp_id").and_then(Value::as_str).unwrap_or_default();
        let index = self.all.iter().position(|activity| activity.camp_id == camp_id);
        match index {
            Some(index) if self.all[index].is_on => Ok(index),
            Some(_) => Err(NotDone::Closed),
            None => Err(NotDone::NoSuchActivity),
        }
    }

    fn earlier(
        &self,
        step: &'static str,
        content: &Map<String, Value>,
    ) -> Result<Option<usize>, NotDone> {
        match self.done.get(out_biz_no(content)) {
            None => Ok(None),
            Some(((own, first), index)) if *own == step && first == content => Ok(Some(*index)),
            Some(_) => Err(NotDone::OtherContent),
        }
    }

    fn note(&mut self, step: &'static str, content: Map<String, Value>, index: usize) {
        self.done.insert(out_biz_no(&content).to_owned(), ((step, content), index));
    }
}

fn out_biz_no(content: &Map<String, Value>) -> &str {
    content.get("out_biz_no").and_then(Value::as_str).unwrap_or_default()
}

/// name, desc, start_time and type stay; end_time may only grow. (Its texts sort like its times.)
fn may_follow(before: &Map<String, Value>, after: &Map<String, Value>) -> Result<(), NotDone> {
    for name in ["name", "desc", "start_time", "type"] {
        if before.get(name) != after.get(name) {
            return Err(NotDone::MayNotChange(name));
        }
    }
    let end = |content: &Map<String, Value>| {
        content.get("end_time").and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    if end(after) < end(before) { Err(NotDone::MayNotChange("end_time")) } else { Ok(()) }
}
