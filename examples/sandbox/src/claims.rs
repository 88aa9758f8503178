//! A shopper claims a coupon: in flow the claim link's token, outBizNo and who holds the telephone,
//! out flows the message that tells the merchant. A web page needs nothing more than [`World::claim`].

use crate::activities::Activity;
use crate::clock;
use crate::ids;
use crate::notice::{Kind, Letter};
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
    /// When given, it must be what the token was given for.
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

impl World {
    /// Claims; the letter is to be posted. An error says why the page would refuse.
    pub fn claim(
        &mut self,
        claim: &Claim,
        app_id: &str,
    ) -> Result<(Claimed, Option<Letter>), String> {
        let once = self.switches.token_once;
        let merchant = self.merchant(claim.merchant)?;
        let prize_id = checked(merchant, claim, once)?;
        let activity = merchant.activities.of_prize(&prize_id);
        if activity.is_some_and(|activity| !activity.is_on) {
            return Err("this campaign is offline".into());
        }
        let camp_id = activity.map(|activity| activity.camp_id.clone());
        let own = activity.and_then(|activity| activity.notify_url.clone());
        let letter = own.or(claim.notify_url.clone()).map(|url| {
            let fields = coupon(claim, merchant, app_id, camp_id.as_deref());
            Letter { url, kind: Kind::Coupon, fields }
        });
        if let Some(token) = merchant.prizes.token(&claim.token) {
            token.claimed = Some(claim.out_biz_no.clone());
        }
        let notify_id = letter.as_ref().map(Letter::id);
        Ok((Claimed { camp_id, notify_id }, letter))
    }

    /// Messages about what happened to campaigns since the last call.
    pub fn letters(&mut self) -> Vec<Letter> {
        let all = self.merchants.iter_mut().flat_map(|merchant| merchant.activities.news());
        all.collect()
    }
}

/// The prize, if this token gives it to this user now.
fn checked(merchant: &mut Merchant, claim: &Claim, once: bool) -> Result<String, String> {
    if claim.out_biz_no.is_empty() {
        return Err("outBizNo is missing".into());
    }
    let unknown = "no prizesend.auth of this merchant gave this token";
    let token = merchant.prizes.token(&claim.token).ok_or(unknown)?;
    if token.auth.user_id != claim.user_id {
        return Err("this token is for another user".into());
    }
    if claim.prize_id.as_ref().is_some_and(|prize| *prize != token.auth.prize_id) {
        return Err("this token is for another prize".into());
    }
    match &token.claimed {
        Some(by) if once => Err(format!("this token was used for outBizNo {by}")),
        _ => Ok(token.auth.prize_id.clone()),
    }
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
