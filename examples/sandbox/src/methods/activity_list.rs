//! activity.batchquery: in flow conditions and a page, out flow the campaigns that meet them,
//! newest first.

use serde_json::{Value, json};

use super::operator;
use crate::activities::Activity;
use crate::answer::{Done, Outcome, Refusal};
use crate::biz::Biz;
use crate::world::Merchant;

const STATES: [&str; 6] = ["STARTED", "STARTING", "MODIFYING", "CLOSED", "CLOSING", "DISABLED"];

/// koubei.marketing.campaign.activity.batchquery
pub fn batchquery(biz: &Biz, merchant: &mut Merchant) -> Outcome {
    operator(biz)?;
    let (page, size) = (number(biz, "page_number", 1)?, number(biz, "page_size", 20)?);
    let wishes = biz.objects("query_criterias")?;
    let wishes: Vec<Wish> = wishes.iter().map(wish).collect::<Result<_, _>>()?;
    let meets = |activity: &&Activity| wishes.iter().all(|wish| wish.is_met(activity));
    let found: Vec<&Activity> = merchant.activities.all().iter().rev().filter(meets).collect();
    let sets: Vec<Value> =
        found.iter().skip((page - 1).saturating_mul(size)).take(size).map(|a| line(a)).collect();
    let total = found.len().to_string();
    Ok(Done::new("read", vec![("camp_sets", json!(sets)), ("total_number", json!(total))]))
}

/// A positive whole number, as text or as number: models print both.
fn number(biz: &Biz, name: &str, default: usize) -> Result<usize, Refusal> {
    let value = match biz.members().get(name) {
        None | Some(Value::Null) => return Ok(default),
        Some(Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_u64().and_then(|n| n.try_into().ok()),
    };
    let no = || biz.no(name, "is not a positive whole number");
    value.filter(|number| *number > 0).ok_or_else(no)
}

/// A condition: the field's text is one of these.
struct Wish {
    field: String,
    values: Vec<String>,
}

fn wish(biz: &Biz) -> Result<Wish, Refusal> {
    let field = biz.one_of("field_name", &["name", "startTime", "endTime", "status"])?;
    let operator = biz.one_of("operator", &["EQUAL", "IN"])?;
    let value = biz.required("field_value", usize::MAX)?;
    if (field == "status") != (operator == "IN") {
        return Err(biz.no("operator", "is IN for status and EQUAL for all others"));
    }
    if field.ends_with("Time") {
        biz.date("field_value")?;
    }
    let values: Vec<String> = match field.as_str() {
        "status" => value.split('|').map(str::to_owned).collect(),
        _ => vec![value],
    };
    match values.iter().find(|value| field == "status" && !STATES.contains(&value.as_str())) {
        Some(value) => Err(biz.no("field_value", &format!("{value} is no status"))),
        None => Ok(Wish { field, values }),
    }
}

impl Wish {
    fn is_met(&self, activity: &Activity) -> bool {
        let text = match self.field.as_str() {
            "status" => activity.status(),
            "startTime" => activity.text("start_time"),
            "endTime" => activity.text("end_time"),
            _ => activity.text("name"),
        };
        self.values.iter().any(|value| value == text)
    }
}

fn line(activity: &Activity) -> Value {
    json!({
        "id": activity.camp_id,
        "name": activity.text("name"),
        "type": activity.text("type"),
        "status": activity.status(),
        "plan_status": if activity.is_on { "GOING" } else { "OFFLINE" },
        "start_time": activity.text("start_time"),
        "end_time": activity.text("end_time"),
        "auto_delay_flag": activity.content.get("auto_delay_flag").unwrap_or(&json!("N")),
        "activity_orders": activity.orders_json(),
    })
}
