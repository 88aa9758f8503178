//! Campaigns: in flow activity.create, query, modify and offline, out flow numbers, states and, to
//! who asks, all that is known of a campaign.

use serde_json::{Map, Value, json};

#[path = "activity_check.rs"]
mod check;

use super::operator;
use crate::activities::{Activity, NotDone};
use crate::answer::{Done, Outcome, Refusal};
use crate::biz::Biz;
use crate::protocol::Request;
use crate::switches::{AccountIn, ClaimUrl, Switches};
use crate::world::Merchant;

/// koubei.marketing.campaign.activity.create
pub fn create(request: &Request, merchant: &mut Merchant, _: &Switches) -> Outcome {
    let biz = &request.biz;
    check::content(biz)?;
    let made = merchant.activities.create(biz.members().clone(), request.notify_url.clone());
    let (activity, is_repeat) = made.map_err(|why| refusal(biz, why))?;
    let camp_id = ("camp_id", json!(activity.camp_id));
    let what = if is_repeat { "repeat" } else { "created" };
    Ok(Done::new(what, vec![camp_id, ("camp_status", json!("STARTING"))]))
}

/// koubei.marketing.campaign.activity.modify
pub fn modify(biz: &Biz, merchant: &mut Merchant) -> Outcome {
    biz.required("camp_id", 32)?;
    check::content(biz)?;
    let changed = merchant.activities.modify(biz.members().clone());
    let (_, is_repeat) = changed.map_err(|why| refusal(biz, why))?;
    let what = if is_repeat { "repeat" } else { "modified" };
    Ok(Done::new(what, vec![("camp_status", json!("MODIFYING"))]))
}

/// koubei.marketing.campaign.activity.offline
pub fn offline(biz: &Biz, merchant: &mut Merchant) -> Outcome {
    biz.required("out_biz_no", 32)?;
    biz.required("camp_id", 32)?;
    biz.optional("reason", 1024)?;
    biz.optional("ext_info", 1024)?;
    operator(biz)?;
    let closed = merchant.activities.offline(biz.members().clone());
    let (_, is_repeat) = closed.map_err(|why| refusal(biz, why))?;
    let what = if is_repeat { "repeat" } else { "closed" };
    Ok(Done::new(what, vec![("camp_status", json!("CLOSING"))]))
}

/// koubei.marketing.campaign.activity.query
pub fn query(request: &Request, merchant: &mut Merchant, switches: &Switches) -> Outcome {
    let biz = &request.biz;
    let camp_id = biz.required("camp_id", 32)?;
    operator(biz)?;
    let found = merchant.activities.find(&camp_id);
    let activity = found.ok_or_else(|| refusal(biz, NotDone::NoSuchActivity))?;
    Ok(Done::new("read", vec![("camp_detail", detail(activity, switches))]))
}

/// What create was given, and what Alipay adds.
fn detail(activity: &Activity, switches: &Switches) -> Value {
    let own = ["out_biz_no", "operator_id", "operator_type", "camp_id", "recruit_tool"];
    let kept = activity.content.iter().filter(|(name, _)| !own.contains(&name.as_str()));
    let mut detail: Map<String, Value> = kept.map(|(n, v)| (n.clone(), v.clone())).collect();
    detail.insert("id".into(), json!(activity.camp_id));
    detail.insert("status".into(), json!(activity.status()));
    detail.insert("activity_orders".into(), activity.orders_json().into());
    if let Some(Value::Array(channels)) = detail.get_mut("publish_channels") {
        channels.iter_mut().for_each(|channel| publish(channel, activity, switches));
    }
    tools(&mut detail, activity, switches);
    Value::Object(detail)
}

/// The claim page's URL with the campaign's itemId, in a channel that has one.
fn publish(channel: &mut Value, activity: &Activity, switches: &Switches) {
    if channel["type"] != "URL_WITH_TOKEN" {
        return;
    }
    let url = format!("{}?itemId={}", switches.claim_page, activity.item_id);
    match switches.claim_url {
        ClaimUrl::ExtInfo => {
            channel["ext_info"] = json!(json!({ "URL_WITH_TOKEN": url }).to_string());
        }
        ClaimUrl::Config => channel["config"] = json!(url),
    }
}

/// Each tool gets a number; the first of a point card is the account, if that is where it stands.
fn tools(detail: &mut Map<String, Value>, activity: &Activity, switches: &Switches) {
    let account = activity.account.as_ref();
    if let (Some(account), AccountIn::ExtInfo) = (account, switches.account_in) {
        let text = json!({ "activity_account": account }).to_string();
        detail.insert("ext_info".into(), json!(text));
    }
    let in_number = account.filter(|_| switches.account_in == AccountIn::VoucherNo);
    if let Some(Value::Array(tools)) = detail.get_mut("promo_tools") {
        for (at, tool) in tools.iter_mut().enumerate() {
            let own = || format!("{}{:04}", activity.item_id, at + 1);
            tool["voucher_no"] = json!(in_number.cloned().unwrap_or_else(own));
            tool["status"] = json!(if activity.is_on { "ENABLED" } else { "DISABLED" });
        }
    }
}

fn refusal(biz: &Biz, why: NotDone) -> Refusal {
    let (sub_code, sub_msg) = match why {
        NotDone::OtherContent => (
            "sandbox.out-biz-no-other-content",
            "外部业务号重复且内容不一致 (this out_biz_no was used with other content)",
        ),
        NotDone::NoSuchActivity => (
            "sandbox.no-such-activity",
            "活动不存在 (no campaign of this merchant has this camp_id)",
        ),
        NotDone::Closed => ("sandbox.activity-closed", "活动已下架 (this campaign is offline)"),
        NotDone::MayNotChange("end_time") => return biz.no("end_time", "may only grow"),
        NotDone::MayNotChange(name) => return biz.no(name, "must repeat the present value"),
    };
    Refusal::business(sub_code, sub_msg)
}
