//! prizesend.auth (发券授权): in flows who may get what, out flows the token of the claim link.
//! Lengths are from integrators' code; no official page was readable.

use crate::answer::{Done, Outcome, Refusal};
use crate::biz::Biz;
use crate::prizes::{Auth, NoToken};
use crate::world::Merchant;

/// koubei.marketing.tool.prizesend.auth
pub fn auth(biz: &Biz, merchant: &mut Merchant) -> Outcome {
    let auth = Auth {
        req_id: biz.required("req_id", 32)?,
        prize_id: biz.required("prize_id", 32)?,
        user_id: biz.required("user_id", 32)?,
    };
    let way = merchant.ledger.way;
    let (token, is_repeat) = merchant.prizes.authorise(auth, way).map_err(refusal)?;
    let what = if is_repeat { "repeat" } else { "authorised" };
    Ok(Done::new(what, vec![("token", token.into())]))
}

fn refusal(why: NoToken) -> Refusal {
    let (sub_code, sub_msg) = match why {
        NoToken::Repeated => {
            ("sandbox.req-id-repeated", "请求流水号重复 (this req_id was authorised before)")
        }
        NoToken::OtherContent => (
            "sandbox.req-id-other-content",
            "请求流水号重复且内容不一致 (this req_id was authorised with other content)",
        ),
    };
    Refusal::business(sub_code, sub_msg)
}
