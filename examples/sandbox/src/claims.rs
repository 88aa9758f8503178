//! A shopper claims a coupon: in flow the claim link's token, outBizNo and who holds the telephone,
//! out flows the message that tells the merchant. The claim page asks [`World::may_claim`] what to
//! show and calls [`World::claim`] for its button.

use crate::activities::Activity;
use crate::clock;
use crate::ids;
use crate::notice::{Kind, Letter};
use crate::prizes::{Token, Used};
use crate::world::{Merchant, World};

/// What a claim page knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// Whose coupon; the first merchant unless changed.
    pub merchant: usize,
    /// `outBizNo` of the link: comes back as isv_out_biz_id.
    pub out_biz_no: String,
    /// `token` of the link, from prizesend.auth.
    pub token: String,
    /// Who claims.
    pub user_id: String,
    /// When given, it must be what the token was given for: as it was named there, or by the other
    /// number of that campaign.
    pub prize_id: Option<String>,
    /// Where the message goes when the prize is no campaign of this sandbox, or it has no
    /// notify_url.
    pub notify_url: Option<String>,
}

/// What a claim led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The campaign, if the prize is one.
    pub camp_id: Option<String>,
    /// The message's number, if there is anywhere to send it.
    pub notify_id: Option<String>,
}

/// Why a claim page would refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A merchant there is not.
    NoMerchant(String),
    /// The link lacks it.
    NoOutBizNo,
    /// Nobody gave it.
    UnknownToken,
    /// Given for somebody else.
    OtherUser,
    /// Given for something else.
    OtherPrize,
    /// Used before, for this outBizNo.
    Used(String),
    /// Older than the switch `token_life` allows.
    Expired,
    /// Its campaign was taken offline.
    Offline,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(match self {
            Refused::NoMerchant(why) => why,
            Refused::NoOutBizNo => "outBizNo is missing",
            Refused::UnknownToken => "no prizesend.auth of this merchant gave this token",
            Refused::OtherUser => "this token is for another user",
            Refused::OtherPrize => "this token is for another prize",
            Refused::Used(by) => return write!(f, "this token was used for outBizNo {by}"),
            Refused::Expired => "this token has expired",
            Refused::Offline => "this campaign is offline",
        })
    }
}

impl World {
    /// Claims; the letter is to be posted. An error says why the page would refuse.
    pub fn claim(
        &mut self,
        claim: &Claim,
        app_id: &str,
    ) -> Result<(Claimed, Option<Letter>), Refused> {
        let prize_id = self.may_claim(claim)?.auth.prize_id.clone();
        let otherwise = Some(self.switches.notify_url.clone()).filter(|url| !url.is_empty());
        let merchant = self.merchant(claim.merchant).map_err(Refused::NoMerchant)?;
        let activity = merchant.activities.of_prize(&prize_id);
        let camp_id = activity.map(|activity| activity.camp_id.clone());
        let own = activity.and_then(|activity| activity.notify_url.clone());
        let letter = own.or(claim.notify_url.clone()).or(otherwise).map(|url| {
            let fields = coupon(claim, merchant, app_id, camp_id.as_deref());
            Letter { url, kind: Kind::Coupon, fields }
        });
        let notify_id = letter.as_ref().map(Letter::id);
        let out_biz_no = claim.out_biz_no.clone();
        let time = clock::beijing(clock::now_ms());
        let used = Used { out_biz_no, time, notify_id: notify_id.clone() };
        merchant.prizes.use_up(&claim.token, used);
        Ok((Claimed { camp_id, notify_id }, letter))
    }

    /// The token, if it gives this prize to this user now.
    pub fn may_claim(&self, claim: &Claim) -> Result<&Token, Refused> {
        let no = || Refused::NoMerchant(format!("there is no merchant {}", claim.merchant));
        let merchant = self.merchants.get(claim.merchant).ok_or_else(no)?;
        if claim.out_biz_no.is_empty() {
            return Err(Refused::NoOutBizNo);
        }
        let token = merchant.prizes.token(&claim.token).ok_or(Refused::UnknownToken)?;
        let activity = merchant.activities.of_prize(&token.auth.prize_id);
        if token.auth.user_id != claim.user_id {
            return Err(Refused::OtherUser);
        }
        if claim.prize_id.as_ref().is_some_and(|prize| !is_prize(token, activity, prize)) {
            return Err(Refused::OtherPrize);
        }
        match &token.claimed {
            Some(used) if self.switches.token_once => Err(Refused::Used(used.out_biz_no.clone())),
            _ if self.is_expired(token) => Err(Refused::Expired),
            _ if activity.is_some_and(|activity| !activity.is_on) => Err(Refused::Offline),
            _ => Ok(token),
        }
    }

    /// True once the switch `token_life` ended it.
    pub fn is_expired(&self, token: &Token) -> bool {
        let life_ms = i64::try_from(self.switches.token_life).unwrap_or(i64::MAX);
        life_ms > 0 && clock::now_ms() - token.given_ms > life_ms.saturating_mul(1000)
    }

    /// Messages about what happened to campaigns since the last call.
    pub fn letters(&mut self) -> Vec<Letter> {
        let all = self.merchants.iter_mut().flat_map(|merchant| merchant.activities.news());
        all.collect()
    }
}

fn is_prize(token: &Token, activity: Option<&Activity>, prize: &str) -> bool {
    let is_its = |activity: &Activity| activity.camp_id == prize || activity.item_id == prize;
    token.auth.prize_id == prize || activity.is_some_and(is_its)
}

/// 领券成功, with the fields of the guide's table and sample.
fn coupon(
    claim: &Claim,
    merchant: &Merchant,
    app_id: &str,
    camp_id: Option<&str>,
) -> Vec<(&'static str, String)> {
    let order = format!("{}|{}", claim.user_id, camp_id.unwrap_or_default());
    let mut fields = vec![
        ("notify_id", format!("{}gu", ids::hex32())),
        ("notify_time", clock::beijing(clock::now_ms())),
        ("notify_type", "koubei_receive_coupon_notify".into()),
        ("event_code", "EC-promocore-prize-notice".into()),
        ("app_id", app_id.into()),
        ("auth_app_id", merchant.auth_app_id.clone()),
        ("buyer_id", claim.user_id.clone()),
        ("merchant_uid", merchant.user_id.clone()),
        ("isv_out_biz_id", claim.out_biz_no.clone()),
        ("business_order", order),
        ("version", "1.0".into()),
    ];
    fields.extend(camp_id.map(|id| ("id", id.to_owned())));
    fields
}

/// 活动状态, with the fields integrators' samples have and no others.
pub fn state(activity: &Activity, url: &str, order: &crate::activities::Order) -> Letter {
    let status = match order.kind {
        "CREATE" => "STARTING",
        "CLOSE" => "CLOSED",
        _ => "STARTED",
    };
    let fields = vec![
        ("name", activity.text("name").to_owned()),
        ("id", activity.camp_id.clone()),
        ("order_type", order.kind.to_owned()),
        ("order_process_time", order.time.clone()),
        ("status", status.into()),
        ("order_status", "SUCCESS".into()),
        ("order_id", order.order_id.clone()),
        ("event_code", "EC-CAMPAIGN_PROCESS-CAMPAIGN_SYNCH".into()),
    ];
    Letter { url: url.to_owned(), kind: Kind::State, fields }
}
