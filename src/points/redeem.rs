//! Points for a coupon: what the queue keeps of an offer, and what the gateway gets.
//!
//! In: who redeems how many points for which prize. Out: a checked [`Redeem`], an [`Offer`] in a
//! record of kind [`KIND_OFFER`], the keys and contents of its requests; and a [`Claim`], a
//! notification that came before its offer, in one of kind [`KIND_CLAIM`].
//!
//! `redeem_saga` says what becomes of an offer, `redeem_text` how it travels to another queue.

use super::redeem_saga::{Facts, Job, Stage, Whose};
use super::sale::{self, Deposit, FIELDS, Owner};
use crate::claim::link;
use crate::crypto::{Digest, Hasher};
use crate::gateway::notify;
use crate::gateway::points::{self, Freeze, TransType, Update};
use crate::gateway::prize;
use crate::status::{Error, Result, Status};
use crate::text::{self, Text, Writer};

/// The kind of a queue record: an offer.
pub const KIND_OFFER: u8 = 3;
/// The kind of a queue record: a coupon whose offer is not here.
pub const KIND_CLAIM: u8 = 4;

/// Longest `outBizNo` of an offer; our own limit. It has to survive a web page and come back.
pub const OUT_BIZ_NO_MAX: usize = 32;
/// Longest page URL of an offer in bytes; our own limit, samples have about 90.
pub const BASE_MAX: usize = 256;
/// Longest name of a receiver; our own limit.
pub const TO_MAX: usize = 32;
/// Longest record of an offer or a claim, in bytes.
pub const OFFER_MAX: usize = 768;

/// What a new offer's record grows by at most: number, token, message, receiver, time and two flags,
/// each with a tag and its length.
pub(crate) const GROWTH: usize =
    points::BIZ_NO_MAX + prize::TOKEN_MAX + notify::ID_MAX + TO_MAX + 20 + 2 + 6 * 3;

/// How long a claim token can be used unless the caller says otherwise, in seconds: a day. Alipay
/// does not say how long.
pub const CLAIM_LIFE_S: u32 = 86_400;
/// As long as a notification is repeated, in seconds: 25 hours. (Alipay's page on notifications.)
pub const RETRY_S: u32 = 90_000;
/// An offer nobody was shown is given up after this, in seconds; our own choice.
pub const STALE_S: u32 = 900;

/// A coupon for points, as the till tells it. Empty text means "not given".
#[derive(Clone, Copy, Default)]
pub struct Redeem<'a> {
    /// Our number of this offer: letters, digits, `-`, `_`, at most 32. Required, and never used
    /// again for another offer of this application: keys follow from it.
    pub out_biz_no: &'a str,
    /// The shopper's Alipay user id (2088…), ASCII, at most 32 bytes. Required.
    pub user_id: &'a str,
    /// Points the coupon costs, 1 to the configured limit.
    pub points: u32,
    /// What prizesend.auth wants as `prize_id`. Required.
    pub prize_id: &'a str,
    /// The claim page: what activity.query says of its URL_WITH_TOKEN channel, a URL or JSON that
    /// holds one ([`link::Link::base`]). The URL has at most [`BASE_MAX`] bytes. Required.
    pub link_base: &'a str,
    /// The nearest shop where the coupon is good, for the link; empty = the link names none.
    pub shop_id: &'a str,
    /// Point account; empty = the configured one.
    pub activity_account: &'a str,
    /// Whose offer it is, of the configured merchants; empty = the client's own.
    pub merchant: &'a str,
    /// How long a token can be used, in seconds; 0 = [`CLAIM_LIFE_S`].
    pub claim_life_s: u32,
}

/// Whose offer it is does not reach a log.
impl core::fmt::Debug for Redeem<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Redeem").field("points", &self.points).finish_non_exhaustive()
    }
}

impl<'a> Redeem<'a> {
    /// Checks every member, with `account` as default, and makes the offer. `room` takes the
    /// page's URL where JSON holds it.
    pub(crate) fn check(
        &self,
        account: &'a str,
        room: &'a mut [u8; link::BASE_MAX],
    ) -> Result<Offer<'a>> {
        out_biz_no(self.out_biz_no, "redeem.out_biz_no")?;
        sale::required_id(self.user_id, "redeem.user_id", points::USER_ID_MAX)?;
        sale::required_id(self.prize_id, "redeem.prize_id", prize::PRIZE_ID_MAX)?;
        sale::id(self.shop_id, "redeem.shop_id", points::SHOP_ID_MAX)?;
        let activity_account = sale::or(self.activity_account, account);
        let account_max = points::ACTIVITY_ACCOUNT_MAX;
        sale::required_id(activity_account, "redeem.activity_account", account_max)?;
        let face = Deposit {
            user_id: self.user_id,
            activity_account,
            shop_id: self.shop_id,
            biz_no: self.out_biz_no,
            ..Deposit::EMPTY
        };
        let claim_life_s = if self.claim_life_s == 0 { CLAIM_LIFE_S } else { self.claim_life_s };
        let base = page(self.link_base, room)?;
        Ok(Offer { prize_id: self.prize_id, base, claim_life_s, ..Offer::new(face) })
    }
}

/// What the claim link of these parts can be made of, before points are frozen for it.
fn page<'a>(base: &'a str, room: &'a mut [u8; link::BASE_MAX]) -> Result<&'a str> {
    let named = |error: Error| Error { what: "redeem.link_base", ..error };
    // With any token and number: what can be wrong now is the page.
    link::Link::new(base, "0", "0").write(&mut Writer::new(&mut [])).map_err(named)?;
    let page = link::url(base, room).map_err(named)?;
    if page.len() > BASE_MAX {
        return Err(named(Error::new(Status::TooLong, "base").at(BASE_MAX)));
    }
    Ok(page)
}

/// Checks an offer's number.
pub(crate) fn out_biz_no(number: &str, what: &'static str) -> Result<()> {
    sale::required_id(number, what, OUT_BIZ_NO_MAX)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    match number.bytes().position(|byte| !plain(byte)) {
        Some(at) => Err(Error::new(Status::Encoding, what).at(at)),
        None => Ok(()),
    }
}

/// An offer as the queue keeps it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Offer<'a> {
    /// Shopper, account, shop, and our number as `biz_no`; neither memo nor ext_info.
    pub face: Deposit<'a>,
    /// Where it stands.
    pub stage: Stage,
    /// What is given.
    pub prize_id: &'a str,
    /// The claim page's URL; empty for one that was imported.
    pub base: &'a str,
    /// Seconds a token can be used.
    pub claim_life_s: u32,
    /// When the stage's time began, seconds since 1970; 0 = the clock was unknown.
    pub at: u64,
    /// What the accepted FREEZE answered; empty before.
    pub point_log_no: &'a str,
    /// What prizesend.auth answered; empty before, and for one that was imported.
    pub token: &'a str,
    /// The notification that says it is claimed; empty before.
    pub notify_id: &'a str,
    /// Whom it is or was handed to.
    pub to: &'a str,
    /// The shopper left while nobody knew whether the points were frozen.
    pub unwanted: bool,
    /// It came from another queue.
    pub imported: bool,
}

/// Whose offer it is, and the token, do not reach a log.
impl core::fmt::Debug for Offer<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Offer").field("stage", &self.stage).finish_non_exhaustive()
    }
}

/// Fields of an offer's body: tags 1 to 16.
const OFFER_FIELDS: usize = FIELDS + 10;

impl<'a> Offer<'a> {
    pub(crate) const fn new(face: Deposit<'a>) -> Offer<'a> {
        Offer {
            face,
            stage: Stage::Freezing,
            prize_id: "",
            base: "",
            claim_life_s: CLAIM_LIFE_S,
            at: 0,
            point_log_no: "",
            token: "",
            notify_id: "",
            to: "",
            unwanted: false,
            imported: false,
        }
    }

    /// Writes the record's body into `out` and returns it.
    pub fn store<'b>(&self, out: &'b mut [u8]) -> Result<&'b [u8]> {
        let face = self.face.store(out)?.len();
        let (life, at) = (digits(self.claim_life_s.into()), digits(self.at));
        let flags = match (self.unwanted, self.imported) {
            (false, false) => "",
            (true, false) => "u",
            (false, true) => "i",
            (true, true) => "ui",
        };
        let (stage, log_no) = (self.stage.letter(), self.point_log_no);
        let mut rest = Writer::new(out.get_mut(face..).unwrap_or_default());
        let fields = [stage, self.prize_id, self.base, &life, &at, log_no];
        let fields = fields.into_iter().chain([self.token, self.notify_id, self.to, flags]);
        for (tag, field) in (FIELDS as u8 + 1..).zip(fields) {
            sale::put_field(&mut rest, tag, field);
        }
        let too_long = Error::new(Status::TooLong, "redeem").at(OFFER_MAX);
        let len = face + rest.finish().map_err(|_| too_long)?.len();
        out.get(..len).ok_or(too_long)
    }

    /// Reads a record's body; `Malformed` for what a later version has written.
    pub fn load(body: &'a [u8]) -> Result<Offer<'a>> {
        let (face, fields) = load(body)?;
        let [stage, prize_id, base, life, at, point_log_no, token, notify_id, to, flags] = fields;
        let damaged = Error::new(Status::Malformed, "record");
        if !flags.bytes().all(|flag| matches!(flag, b'u' | b'i')) {
            return Err(damaged);
        }
        Ok(Offer {
            face,
            stage: Stage::of_letter(stage).ok_or(damaged)?,
            prize_id,
            base,
            claim_life_s: life.parse().map_err(|_| damaged)?,
            at: at.parse().map_err(|_| damaged)?,
            point_log_no,
            token,
            notify_id,
            to,
            unwanted: flags.contains('u'),
            imported: flags.contains('i'),
        })
    }

    /// What decides beside the stage; `attempts` of the stage's request.
    pub fn facts(&self, attempts: u8) -> Facts {
        Facts {
            sent: attempts > 0,
            claimed: !self.notify_id.is_empty(),
            unwanted: self.unwanted,
            shown: self.imported || !self.token.is_empty(),
        }
    }

    /// Which claim `claim` is to this offer.
    pub fn whose(&self, claim: &Claim<'_>) -> Whose {
        match self.notify_id {
            _ if claim.buyer_id != self.face.user_id => Whose::Other,
            "" => Whose::First,
            noted if noted == claim.notify_id => Whose::Again,
            _ => Whose::Other,
        }
    }

    /// Whether the time of the stage is over at `now`; never, while one of the two times is
    /// unknown or the clock went back.
    pub fn is_timed_out(&self, now: u64) -> bool {
        self.time_left(now) == Some(0)
    }

    /// Seconds until then; `None` while one of the two times is unknown.
    pub(crate) fn time_left(&self, now: u64) -> Option<u64> {
        let limit = match self.stage {
            Stage::Freezing | Stage::Frozen => STALE_S.into(),
            _ => u64::from(self.claim_life_s) + u64::from(RETRY_S),
        };
        (self.at != 0 && now != 0).then(|| limit.saturating_sub(now.saturating_sub(self.at)))
    }

    /// The content of the points.update that is due; `BadState` when none is.
    pub(crate) fn update<'s>(&'s self, key: &'s str, points: u32) -> Result<Update<'s>> {
        let Deposit { user_id, activity_account, biz_no, .. } = self.face;
        let freeze = Freeze { req_id: key, user_id, activity_account, points: points.into() };
        let frozen = freeze.frozen(self.point_log_no);
        // These two name no payment: the memo tells people which offer it was.
        let memo = Some(biz_no);
        match self.stage.job() {
            Some(Job::Freeze) => Ok(Update { memo, ..freeze.update() }),
            Some(Job::Commit) => Ok(Update::commit(key, &frozen)),
            Some(Job::Cancel) => Ok(Update::cancel(key, &frozen)),
            Some(Job::Consume) => {
                Ok(Update { memo, trans_type: TransType::Consume, ..freeze.update() })
            }
            _ => Err(Error::new(Status::BadState, "offer")),
        }
    }

    /// The req_id of the request that is due; `own` is the FREEZE's.
    pub(crate) fn key(&self, own: &str) -> Text<32> {
        match self.stage.job() {
            Some(job) => key(job, own, self.point_log_no),
            None => Text::new(),
        }
    }
}

/// A coupon that was taken, as a notification says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Claim<'a> {
    /// The offer's number.
    pub out_biz_no: &'a str,
    /// Who took it.
    pub buyer_id: &'a str,
    /// Names the message.
    pub notify_id: &'a str,
}

/// Who took it does not reach a log.
impl core::fmt::Debug for Claim<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Claim").finish_non_exhaustive()
    }
}

impl<'a> Claim<'a> {
    /// What the work needs of a message.
    pub fn of(coupon: &notify::CouponIssued<'a>) -> Claim<'a> {
        Claim {
            out_biz_no: coupon.isv_out_biz_id,
            buyer_id: coupon.buyer_id,
            notify_id: coupon.notify_id,
        }
    }

    /// Its record's req_id: the same message has the same.
    pub fn req_id(&self) -> Text<32> {
        hashed(&["pointcard CLAIM 1", self.out_biz_no, self.buyer_id, self.notify_id])
    }

    /// Writes the record's body into `out` and returns it.
    pub fn store<'b>(&self, out: &'b mut [u8]) -> Result<&'b [u8]> {
        let mut body = Writer::new(out);
        for (tag, field) in [(1, self.buyer_id), (4, self.out_biz_no), (NOTIFY, self.notify_id)] {
            sale::put_field(&mut body, tag, field);
        }
        body.finish().map_err(|_| Error::new(Status::TooLong, "notification").at(OFFER_MAX))
    }

    /// Reads a record's body.
    pub fn load(body: &'a [u8]) -> Result<Claim<'a>> {
        let (face, [_, _, _, _, _, _, _, notify_id, ..]) = load(body)?;
        Ok(Claim { out_biz_no: face.biz_no, buyer_id: face.user_id, notify_id })
    }
}

/// The tag of a message's id.
const NOTIFY: u8 = FIELDS as u8 + 8;

fn load(body: &[u8]) -> Result<(Deposit<'_>, [&str; OFFER_FIELDS - FIELDS])> {
    let fields = sale::load_fields::<OFFER_FIELDS>(body)?;
    let [user_id, activity_account, shop_id, biz_no, memo, ext_info, rest @ ..] = fields;
    Ok((Deposit { user_id, activity_account, shop_id, biz_no, memo, ext_info }, rest))
}

/// The FREEZE's key, from whom it belongs to and the offer's number: the same offer has the same
/// key after a crash and on another till.
pub fn freeze_key(owner: &Owner<'_>, account: &str, out_biz_no: &str) -> Text<32> {
    let (app_id, merchant) = (owner.app_id, owner.merchant);
    hashed(&["pointcard FREEZE 1", app_id, merchant, account, "FREEZE", out_biz_no])
}

/// The key of a job; `own` is the FREEZE's.
pub(crate) fn key(job: Job, own: &str, point_log_no: &str) -> Text<32> {
    match job {
        // Cannot be longer: the queue refuses a longer one.
        Job::Freeze => Text::try_from(own).unwrap_or_default(),
        Job::Auth => hashed(&["pointcard redeem 1", job.name(), own]),
        _ => hashed(&["pointcard redeem 1", job.name(), own, point_log_no]),
    }
}

fn hashed(fields: &[&str]) -> Text<32> {
    let mut hasher = Hasher::new(Digest::Sha256);
    for field in fields {
        sale::hash_field(&mut hasher, field);
    }
    sale::base62(hasher.finish().as_bytes())
}

/// A number as decimal text.
pub(super) fn digits(value: u64) -> Text<20> {
    use core::fmt::Write as _;
    let mut out = Text::new();
    // Cannot fail: twenty digits are enough for any.
    let _ = write!(out, "{value}");
    out
}

/// Checks what a notification may say of an offer that is to be stored.
pub(crate) fn check_claim(claim: &Claim<'_>) -> Result<()> {
    for (value, what) in [
        (claim.out_biz_no, "isv_out_biz_id"),
        (claim.buyer_id, "buyer_id"),
        (claim.notify_id, "notify_id"),
    ] {
        let value = text::fits(value.as_bytes(), what, notify::ID_MAX)?;
        text::required(value, what, notify::ID_MAX)?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
#[path = "redeem_tests.rs"]
mod tests;
