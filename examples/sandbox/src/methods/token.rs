//! Tokens: in flow a merchant's code or a refresh token, out flows the pair that lets the app act
//! for the merchant. Sub codes of refusals are inventions; no list of them was readable.

use serde_json::{Value, json};

use crate::answer::{Done, Outcome, Refusal};
use crate::biz::Biz;
use crate::clock;
use crate::consent::{EXPIRES_IN, Pair, RE_EXPIRES_IN};
use crate::switches::Switches;
use crate::world::{Merchant, World};

/// alipay.open.auth.token.app
pub fn app(biz: &Biz, world: &mut World) -> Outcome {
    let grant = biz.one_of("grant_type", &["authorization_code", "refresh_token"])?;
    let by_code = grant == "authorization_code";
    let (wanted, other) =
        if by_code { ("code", "refresh_token") } else { ("refresh_token", "code") };
    let text = biz.required(wanted, 40)?;
    if biz.has(other) {
        return Err(biz.no(other, &format!("does not belong to {grant}")));
    }
    let World { merchants, switches, .. } = world;
    let found = merchants.iter_mut().find_map(|merchant| {
        let pair = match by_code {
            true => merchant.consent.exchange(&text),
            false => merchant.consent.refresh(&text, switches.old_refresh_works),
        };
        pair.map(|pair| (pair, &*merchant))
    });
    let (pair, merchant) = found.ok_or_else(|| match by_code {
        true => Refusal::business("sandbox.code-invalid", "授权码无效 (code is unknown or used)"),
        false => Refusal::business("sandbox.refresh-token-invalid", "刷新令牌无效 (unknown)"),
    })?;
    Ok(Done::new("exchanged", pair_fields(&pair, merchant, switches)))
}

/// The same members at the top, as in the older documents, and per merchant, as in the newer.
fn pair_fields(
    pair: &Pair,
    merchant: &Merchant,
    switches: &Switches,
) -> Vec<(&'static str, Value)> {
    let fields = vec![
        ("app_auth_token", json!(pair.token)),
        ("app_refresh_token", json!(pair.refresh)),
        ("auth_app_id", json!(merchant.auth_app_id)),
        ("expires_in", seconds(EXPIRES_IN, switches)),
        ("re_expires_in", seconds(RE_EXPIRES_IN, switches)),
        ("user_id", json!(merchant.user_id)),
    ];
    let one: Value = fields.iter().cloned().map(|(name, value)| (name.to_owned(), value)).collect();
    fields.into_iter().chain([("tokens", json!([one]))]).collect()
}

fn seconds(number: i64, switches: &Switches) -> Value {
    if switches.seconds_as_number { json!(number) } else { json!(number.to_string()) }
}

/// alipay.open.auth.token.app.query
pub fn query(biz: &Biz, world: &mut World) -> Outcome {
    let token = biz.required("app_auth_token", 40)?;
    let alive = world.acting(Some(&token));
    let known = || world.merchants.iter().position(|m| m.consent.is_dead(&token));
    let Some(number) = alive.or_else(known) else {
        let text = "应用授权令牌不存在 (no merchant ever gave this token)";
        return Err(Refusal::business("sandbox.no-such-token", text));
    };
    let merchant = &world.merchants[number];
    let given = merchant.consent.alive().map_or_else(clock::now_ms, |token| token.given_ms);
    let status = if alive.is_some() { "valid" } else { "invalid" };
    let methods = ["koubei.marketing.tool.points.update", "koubei.marketing.tool.points.query"];
    let fields = vec![
        ("user_id", json!(merchant.user_id)),
        ("auth_app_id", json!(merchant.auth_app_id)),
        ("expires_in", seconds(EXPIRES_IN, &world.switches)),
        ("auth_methods", json!(methods)),
        ("auth_start", json!(clock::beijing(given))),
        ("auth_end", json!(clock::beijing(given + EXPIRES_IN * 1000))),
        ("status", json!(status)),
        ("is_by_app_auth", json!(true)),
    ];
    Ok(Done::new("read", fields))
}
