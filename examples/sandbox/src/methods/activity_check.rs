//! The rules of activity.create and modify: in flows their content, out flows nothing or the
//! refusal that names the first member that is wrong. The rules are those of the official models'
//! comments; members they say nothing about are taken as they come.

use crate::answer::Refusal;
use crate::biz::Biz;
use crate::methods::operator;

type Checked = Result<(), Refusal>;

const TYPES: [&str; 6] =
    ["CONSUME_SEND", "DIRECT_SEND", "REAL_TIME_SEND", "GUESS_SEND", "RECHARGE_SEND", "POINT_SEND"];
const VOUCHERS: [&str; 5] = ["EXCHANGE", "MONEY", "REDUCETO", "RATE", "PER_FULL_CUT"];
const CHANNELS: [&str; 7] = [
    "QR_CODE",
    "SHORT_LINK",
    "SHOP_DETAIL",
    "PAYMENT_RESULT",
    "MERCHANT_CROWD",
    "URL_WITH_TOKEN",
    "EXTERNAL",
];

/// What the parts need to know of the whole.
struct Whole {
    kind: String,
    end: i64,
    shops: Vec<String>,
}

/// All of it.
pub fn content(biz: &Biz) -> Checked {
    biz.required("out_biz_no", 32)?;
    biz.required("name", usize::MAX)?;
    biz.required("desc", usize::MAX)?;
    let kind = biz.one_of("type", &TYPES)?;
    let (_, start) = biz.date("start_time")?;
    let (_, end) = biz.date("end_time")?;
    if end <= start {
        return Err(biz.no("end_time", "is not later than start_time"));
    }
    let rules = biz.object("constraint_info")?;
    let rules = rules.ok_or_else(|| biz.no("constraint_info", "is missing"))?;
    let whole = Whole { kind, end, shops: rules.texts("suit_shops")? };
    rules.texts("item_ids")?;
    if let Some(budget) = biz.object("budget_info")? {
        budget.required("budget_total", usize::MAX)?;
        budget.required("budget_type", usize::MAX)?;
    }
    tools(biz, &whole)?;
    channels(biz, &whole)?;
    if biz.has("auto_delay_flag") {
        biz.one_of("auto_delay_flag", &["Y", "N"])?;
    }
    operator(biz)
}

fn tools(biz: &Biz, whole: &Whole) -> Checked {
    let tools = biz.objects("promo_tools")?;
    if tools.is_empty() {
        return Err(biz.no("promo_tools", "is missing or empty"));
    }
    tools.iter().try_for_each(|tool| self::tool(tool, whole))
}

/// A point card for POINT_SEND and nothing else; a voucher for every other type.
fn tool(tool: &Biz, whole: &Whole) -> Checked {
    let is_card = whole.kind == "POINT_SEND";
    let (wanted, other) =
        if is_card { ("point_card", "voucher") } else { ("voucher", "point_card") };
    if tool.has(other) {
        return Err(tool.no(other, &format!("does not belong to {}", whole.kind)));
    }
    let part = tool.object(wanted)?.ok_or_else(|| tool.no(wanted, "is missing"))?;
    match tool.object("send_rule")? {
        Some(rule) if rule.has("allow_repeat_send") => {
            rule.one_of("allow_repeat_send", &["true", "false"])?;
        }
        _ => {}
    }
    if is_card { card(&part, whole) } else { voucher(&part, whole) }
}

/// `type` is missing in the quick-start guide's sample, so it may be.
fn card(card: &Biz, whole: &Whole) -> Checked {
    if card.has("type") {
        card.one_of("type", &["POINT_CARD"])?;
    }
    for name in ["name", "desc", "logo"] {
        card.required(name, usize::MAX)?;
    }
    period(card, whole)
}

fn voucher(voucher: &Biz, whole: &Whole) -> Checked {
    voucher.one_of("type", &VOUCHERS)?;
    voucher.required("name", usize::MAX)?;
    voucher.optional("desc", 500)?;
    match voucher.one_of("validate_type", &["RELATIVE", "FIXED"])?.as_str() {
        "FIXED" => period(voucher, whole)?,
        _ => drop(voucher.required("relative_time", usize::MAX)?),
    }
    let Some(rule) = voucher.object("use_rule")? else { return Ok(()) };
    let shops = rule.texts("suit_shops")?;
    if whole.kind == "DIRECT_SEND" && !shops.is_empty() && shops != whole.shops {
        return Err(rule.no("suit_shops", "differs from constraint_info.suit_shops"));
    }
    Ok(())
}

/// Begins before it ends, and ends after the campaign does.
fn period(part: &Biz, whole: &Whole) -> Checked {
    let (_, start) = part.date("start_time")?;
    let (_, end) = part.date("end_time")?;
    match () {
        () if end <= start => Err(part.no("end_time", "is not later than start_time")),
        () if end <= whole.end => Err(part.no("end_time", "is not later than the campaign's")),
        () => Ok(()),
    }
}

fn channels(biz: &Biz, whole: &Whole) -> Checked {
    let channels = biz.objects("publish_channels")?;
    match whole.kind.as_str() {
        "DIRECT_SEND" | "REAL_TIME_SEND" if channels.is_empty() => {
            return Err(biz.no("publish_channels", "is missing or empty"));
        }
        "CONSUME_SEND" if !channels.is_empty() => {
            return Err(biz.no("publish_channels", "must be empty for CONSUME_SEND"));
        }
        _ => {}
    }
    for channel in &channels {
        channel.required("name", usize::MAX)?;
        let kind = channel.one_of("type", &CHANNELS)?;
        if kind == "URL_WITH_TOKEN" && whole.kind != "DIRECT_SEND" {
            return Err(channel.no("type", "URL_WITH_TOKEN belongs to DIRECT_SEND only"));
        }
    }
    Ok(())
}
