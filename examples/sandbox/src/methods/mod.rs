//! The methods this gateway plays: in flows a checked request, out flows what its node says.
//! A further method is one more row and one more function.

mod activity;
mod activity_list;
mod points;
mod prize;
mod token;
mod trade;

use crate::answer::{Outcome, Refusal};
use crate::biz::Biz;
use crate::protocol::Request;
use crate::switches::Switches;
use crate::world::{Merchant, World};

/// Who a method is about.
enum Play {
    /// A merchant: the app's owner, or whom a token names.
    Merchant(fn(&Biz, &mut Merchant) -> Outcome),
    /// A merchant, with what else stands in the request and the switches.
    More(fn(&Request, &mut Merchant, &Switches) -> Outcome),
    /// Tokens themselves: sent without one.
    Tokens(fn(&Biz, &mut World) -> Outcome),
}

const METHODS: &[(&str, Play)] = &[
    ("koubei.marketing.tool.points.update", Play::Merchant(points::update)),
    ("koubei.marketing.tool.points.query", Play::Merchant(points::query)),
    ("koubei.marketing.tool.prizesend.auth", Play::Merchant(prize::auth)),
    ("koubei.marketing.campaign.activity.create", Play::More(activity::create)),
    ("koubei.marketing.campaign.activity.query", Play::More(activity::query)),
    ("koubei.marketing.campaign.activity.modify", Play::Merchant(activity::modify)),
    ("koubei.marketing.campaign.activity.offline", Play::Merchant(activity::offline)),
    ("koubei.marketing.campaign.activity.batchquery", Play::Merchant(activity_list::batchquery)),
    ("alipay.open.auth.token.app", Play::Tokens(token::app)),
    ("alipay.open.auth.token.app.query", Play::Tokens(token::query)),
    ("alipay.trade.pay", Play::More(trade::pay)),
    ("alipay.trade.query", Play::More(trade::query)),
];

fn find(method: &str) -> Option<&'static Play> {
    METHODS.iter().find(|(name, _)| *name == method).map(|(_, play)| play)
}

/// True when `run` can play it.
pub fn known(method: &str) -> bool {
    find(method).is_some()
}

/// True for the calls that take no app_auth_token.
pub fn is_about_tokens(method: &str) -> bool {
    matches!(find(method), Some(Play::Tokens(_)))
}

/// Plays it.
pub fn run(request: &Request, world: &mut World) -> Outcome {
    let merchant = world.merchants.get_mut(request.merchant);
    match (find(&request.method), merchant) {
        (Some(Play::Merchant(play)), Some(merchant)) => play(&request.biz, merchant),
        (Some(Play::More(play)), Some(merchant)) => play(request, merchant, &world.switches),
        (Some(Play::Tokens(play)), _) => play(&request.biz, world),
        _ => Err(Refusal::new("40002", "isv.invalid-method", "不存在的方法名").nameless()),
    }
}

/// operator_id and operator_type: both or neither.
fn operator(biz: &Biz) -> Result<(), Refusal> {
    const TYPES: [&str; 4] = ["MER", "MER_OPERATOR", "PROVIDER", "PROVIDER_STAFF"];
    match (biz.optional("operator_id", 32)?, biz.has("operator_type")) {
        (Some(_), true) => biz.one_of("operator_type", &TYPES).map(|_| ()),
        (Some(_), false) => Err(biz.no("operator_type", "is missing beside operator_id")),
        (None, true) => Err(biz.no("operator_id", "is missing beside operator_type")),
        (None, false) => Ok(()),
    }
}
