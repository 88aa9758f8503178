//! What a claim link offers: in flow the link's parameters, out flows all the claim page shows.
//! Whether it may be claimed is [`World::may_claim`]'s word alone.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::activities::Activity;
use crate::claims::{Claim, Refused};
use crate::prizes::Token;
use crate::world::{Merchant, World};

/// The link's parameters.
pub type Link = BTreeMap<String, String>;

/// What the page shows.
pub struct Offer {
    /// What its button does.
    pub claim: Claim,
    /// What is promised, if the prize is a campaign here.
    pub prize: Option<Prize>,
    /// The merchant's number at Alipay; empty for an unknown token.
    pub merchant_uid: String,
    /// Points of this shopper that are frozen at this merchant.
    pub frozen: u128,
    /// Why the button is missing, if it is.
    pub refused: Option<Refused>,
    /// When this very link was claimed, Beijing time.
    pub claimed: Option<String>,
}

/// A campaign, for people.
pub struct Prize {
    /// The headline: the brand's, or else the campaign's name.
    pub headline: String,
    /// Of the coupon.
    pub name: String,
    /// `¥8`, `8.5折`, or what kind of coupon it is.
    pub worth: String,
    /// `满 ¥10 可用`; empty without a limit.
    pub condition: String,
    /// From when to when.
    pub validity: String,
    /// Small print.
    pub desc: String,
    /// Where it is good.
    pub shops: Vec<String>,
}

fn part(link: &Link, name: &str) -> String {
    link.get(name).cloned().unwrap_or_default()
}

impl Offer {
    /// Reads the link. `user_id` is who holds the phone; the link's buyerId, or else whom the token
    /// was given for, when nobody says.
    pub fn read(world: &World, link: &Link, user_id: Option<&str>) -> Offer {
        let text = part(link, "token");
        let holds = |merchant: &Merchant| merchant.prizes.token(&text).is_some();
        let number = world.merchants.iter().position(holds);
        let merchant = number.and_then(|number| world.merchants.get(number));
        let token = merchant.and_then(|merchant| merchant.prizes.token(&text));
        let activity =
            merchant.zip(token).and_then(|(m, t)| m.activities.of_prize(&t.auth.prize_id));
        let claim = Claim {
            merchant: number.unwrap_or(0),
            out_biz_no: part(link, "outBizNo"),
            user_id: holder(link, user_id, token),
            prize_id: prize_id(link, merchant, activity.is_some()),
            notify_url: None,
            token: text,
        };
        let refused = world.may_claim(&claim).err();
        let is_over = matches!(refused, None | Some(Refused::Used(_)));
        let used = token.and_then(|token| token.claimed.as_ref()).filter(|_| is_over);
        Offer {
            prize: activity.map(|activity| Prize::of(activity, link)),
            merchant_uid: merchant.map(|m| m.user_id.clone()).unwrap_or_default(),
            frozen: merchant.map_or(0, |merchant| frozen(merchant, &claim.user_id)),
            claimed: used
                .filter(|used| used.out_biz_no == claim.out_biz_no)
                .map(|u| u.time.clone()),
            refused,
            claim,
        }
    }
}

fn holder(link: &Link, user_id: Option<&str>, token: Option<&Token>) -> String {
    let buyer = link.get("buyerId").map(String::as_str).filter(|id| !id.is_empty());
    let owner = token.map(|token| token.auth.user_id.as_str());
    user_id.or(buyer).or(owner).unwrap_or_default().to_owned()
}

/// What the link says the prize is. A base URL from elsewhere may call a prize that is no campaign
/// here what it likes.
fn prize_id(link: &Link, merchant: Option<&Merchant>, is_campaign: bool) -> Option<String> {
    let item_id = link.get("itemId")?;
    let is_known = |merchant: &Merchant| merchant.activities.of_prize(item_id).is_some();
    (is_campaign || merchant.is_some_and(is_known)).then(|| item_id.clone())
}

fn frozen(merchant: &Merchant, user_id: &str) -> u128 {
    let all = merchant.ledger.balances();
    all.iter().filter(|(user, _, _)| *user == user_id).map(|(_, _, points)| points.freezed).sum()
}

impl Prize {
    fn of(activity: &Activity, link: &Link) -> Prize {
        let content = Value::Object(activity.content.clone());
        let voucher = &content["promo_tools"][0]["voucher"];
        let text = |name: &str| voucher[name].as_str().unwrap_or_default().to_owned();
        let named = |texts: [String; 2]| texts.into_iter().find(|t| !t.is_empty());
        let own_name = activity.text("name").to_owned();
        Prize {
            headline: named([text("brand_name"), own_name.clone()]).unwrap_or_default(),
            name: named([text("name"), own_name]).unwrap_or_default(),
            worth: worth(&text("type"), &text("worth_value"), &text("rate")),
            condition: condition(voucher["use_rule"]["min_consume"].as_str()),
            validity: validity(voucher),
            desc: text("desc"),
            shops: shops(&content, link),
        }
    }
}

/// The nearest shop if the link names it, or else all.
fn shops(content: &Value, link: &Link) -> Vec<String> {
    if let Some(shop) = link.get("shopId").filter(|shop| !shop.is_empty()) {
        return vec![shop.clone()];
    }
    let shops = content["constraint_info"]["suit_shops"].as_array();
    let shops = shops.into_iter().flatten().filter_map(Value::as_str);
    shops.map(str::to_owned).collect()
}

/// Amounts are shown as the merchant wrote them, taken for yuan.
fn worth(kind: &str, value: &str, rate: &str) -> String {
    match kind {
        "RATE" => match rate.parse::<f64>() {
            Ok(rate) => format!("{}折", (rate * 1000.0).round() / 100.0),
            Err(_) => "折扣券".into(),
        },
        "EXCHANGE" => "兑换券".into(),
        "REDUCETO" if !value.is_empty() => format!("减至 ¥{value}"),
        _ if value.is_empty() => "券".into(),
        _ => format!("¥{value}"),
    }
}

fn condition(least: Option<&str>) -> String {
    least.map(|least| format!("满 ¥{least} 可用")).unwrap_or_default()
}

/// Days, without the hours.
fn validity(voucher: &Value) -> String {
    let day = |name: &str| voucher[name].as_str().and_then(|text| text.get(..10)).unwrap_or("…");
    match voucher["relative_time"].as_str() {
        Some(days) => format!("领取后 {days} 天内有效"),
        None => format!("{} 至 {}", day("start_time"), day("end_time")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_coupon_says_what_it_is_worth() {
        assert_eq!(worth("MONEY", "20", ""), "¥20");
        assert_eq!(worth("RATE", "", "0.85"), "8.5折");
        assert_eq!(worth("RATE", "", "0.9"), "9折");
        assert_eq!(worth("RATE", "", ""), "折扣券");
        assert_eq!(worth("EXCHANGE", "5", ""), "兑换券");
        assert_eq!(worth("REDUCETO", "9.90", ""), "减至 ¥9.90");
    }
}
