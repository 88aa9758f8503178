//! Coupons, seen from outside: in flow the books of prizes and campaigns, out flow a list for people
//! and tests, and a sample offer to look at before a client is written.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::clock;
use crate::house::House;
use crate::ids;
use crate::ledger::Way;
use crate::prizes::{Auth, NoToken};
use crate::world::World;

/// One authorised coupon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Coupon {
    /// Whose.
    pub merchant: usize,
    /// The claim link's.
    pub token: String,
    /// As prizesend.auth named it.
    pub prize_id: String,
    /// The campaign's name; empty when the prize is no campaign here.
    pub name: String,
    /// For whom.
    pub user_id: String,
    /// When it was authorised, Beijing time.
    pub given: String,
    /// True when it was not claimed in time.
    pub is_expired: bool,
    /// `outBizNo` of the claim; none as long as nobody claimed.
    pub out_biz_no: Option<String>,
    /// When it was claimed, Beijing time.
    pub claimed: Option<String>,
    /// The message about the claim, if there was anywhere to send it.
    pub notify_id: Option<String>,
}

impl World {
    /// All merchants', oldest first within each.
    pub fn coupons(&self) -> Vec<Coupon> {
        let of = |number: usize| {
            let merchant = &self.merchants[number];
            let each = move |(text, token): (&str, &crate::prizes::Token)| {
                let activity = merchant.activities.of_prize(&token.auth.prize_id);
                let used = token.claimed.as_ref();
                Coupon {
                    merchant: number,
                    token: text.to_owned(),
                    prize_id: token.auth.prize_id.clone(),
                    name: activity.map(|a| a.text("name").to_owned()).unwrap_or_default(),
                    user_id: token.auth.user_id.clone(),
                    given: clock::beijing(token.given_ms),
                    is_expired: used.is_none() && self.is_expired(token),
                    out_biz_no: used.map(|used| used.out_biz_no.clone()),
                    claimed: used.map(|used| used.time.clone()),
                    notify_id: used.and_then(|used| used.notify_id.clone()),
                }
            };
            merchant.prizes.all().into_iter().map(each)
        };
        (0..self.merchants.len()).flat_map(of).collect()
    }
}

impl House {
    /// A campaign of the first merchant, made once, and a fresh right to its coupon.
    pub fn sample_link(&self, user_id: &str, notify_url: Option<&str>) -> Result<String, String> {
        if user_id.is_empty() || user_id.len() > 32 {
            return Err("user_id has 1 to 32 characters".into());
        }
        let mut desk = self.desk();
        let merchant = desk.world.merchant(0)?;
        let content = sample(notify_url.unwrap_or_default());
        let made = merchant.activities.create(content, notify_url.map(str::to_owned));
        let (activity, _) = made.map_err(|_| "the sample campaign's out_biz_no is taken")?;
        let (prize_id, item_id) = (activity.camp_id.clone(), activity.item_id.clone());
        let auth = Auth { req_id: ids::hex32(), prize_id, user_id: user_id.to_owned() };
        let given = merchant.prizes.authorise(auth, Way::Same);
        let (token, _) = given.map_err(|_: NoToken| "the sample's req_id is taken")?;
        self.post(desk.world.letters());
        let page = &desk.world.switches.claim_page;
        let number = format!("sample-{}", &token[..12]);
        Ok(format!("{page}?itemId={item_id}&type=pointcard&token={token}&outBizNo={number}"))
    }
}

/// The exchange campaign of the quick-start guide, in kind; one for each address.
fn sample(notify_url: &str) -> Map<String, Value> {
    let text = json!({
        "out_biz_no": format!("sandbox-sample {notify_url}"),
        "name": "八点换豆浆", "desc": "集满八点，换一杯豆浆", "type": "DIRECT_SEND",
        "start_time": "2016-08-01 00:00:00", "end_time": "2036-12-31 00:00:00",
        "constraint_info": { "suit_shops": ["2016041200077000000003277104"] },
        "promo_tools": [{ "voucher": {
            "type": "MONEY", "name": "早餐代金券", "brand_name": "8个集点兑换",
            "desc": "每次消费限用一张，不找零", "worth_value": "8", "max_amount": "8",
            "effect_type": "IMMEDIATELY", "validate_type": "FIXED",
            "start_time": "2016-08-01 00:00:00", "end_time": "2037-01-01 00:00:00",
            "use_rule": {
                "min_consume": "10", "suit_shops": ["2016041200077000000003277104"],
            },
        }}],
        "publish_channels": [{ "name": "URL_WITH_TOKEN", "type": "URL_WITH_TOKEN" }],
    });
    match text {
        Value::Object(content) => content,
        _ => Map::new(),
    }
}
