//! The points family: `koubei.marketing.tool.points.*`.
//!
//! In: what a till knows. Out: `biz_content`, and results read from verified answers.
//!
//! Lengths are those of the gateway's documentation of points.update; those of `biz_no`, `memo`,
//! `ext_info` and of points.query are known only from models integrators publish.

use super::Answer;
use crate::status::{Error, Result, Status};
use crate::text::{self, Text};
use serde::{Serialize, Serializer};

/// Moves points: credit, freeze, spend.
pub const UPDATE: &str = "koubei.marketing.tool.points.update";
/// Asks for a balance.
pub const QUERY: &str = "koubei.marketing.tool.points.query";

/// Longest `req_id`, in characters (as all limits here). A UUID with dashes does not fit.
pub const REQ_ID_MAX: usize = 32;
/// Longest `user_id`: the shopper's Alipay user number (2088...).
pub const USER_ID_MAX: usize = 32;
/// Longest `activity_account`: the point account of the collecting activity.
pub const ACTIVITY_ACCOUNT_MAX: usize = 32;
/// Longest `shop_id`.
pub const SHOP_ID_MAX: usize = 32;
/// Longest `biz_no`.
pub const BIZ_NO_MAX: usize = 32;
/// Longest `memo`.
pub const MEMO_MAX: usize = 256;
/// Longest `ext_info`.
pub const EXT_INFO_MAX: usize = 2000;
/// Most points of one call: `trans_amount` has at most 16 digits.
pub const TRANS_AMOUNT_MAX: u64 = 9_999_999_999_999_999;
/// Longest `point_log_no` that is kept; our own limit, samples have 18 to 32 characters.
pub const POINT_LOG_NO_MAX: usize = 64;

/// What happens to the points. (The gateway wants upper case.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TransType {
    /// Credits points for a payment.
    Deposit,
    /// Reserves points; the answer's `point_log_no` is what COMMIT or CANCEL needs.
    Freeze,
    /// Spends a reserve.
    Commit,
    /// Releases a reserve.
    Cancel,
    /// Spends without a reserve.
    Consume,
}

impl TransType {
    /// As it travels.
    pub const fn as_str(self) -> &'static str {
        match self {
            TransType::Deposit => "DEPOSIT",
            TransType::Freeze => "FREEZE",
            TransType::Commit => "COMMIT",
            TransType::Cancel => "CANCEL",
            TransType::Consume => "CONSUME",
        }
    }

    /// True when `biz_no` has to be sent: the payment's trade number for DEPOSIT, the freeze's
    /// `point_log_no` for COMMIT and CANCEL. For FREEZE and CONSUME it has to be absent.
    pub const fn needs_biz_no(self) -> bool {
        matches!(self, TransType::Deposit | TransType::Commit | TransType::Cancel)
    }
}

/// One points.update. Texts that are `None` are not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Update<'a> {
    /// The idempotency key: the same in every repeat of the same call.
    pub req_id: &'a str,
    /// The shopper.
    pub user_id: &'a str,
    /// The activity's point account.
    pub activity_account: &'a str,
    /// What happens. Optional for the gateway, but no default is documented: always sent.
    pub trans_type: TransType,
    /// How many points, 1 to [`TRANS_AMOUNT_MAX`]; travels as decimal text.
    #[serde(serialize_with = "decimal")]
    pub trans_amount: u64,
    /// The shop; DEPOSIT only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shop_id: Option<&'a str>,
    /// See [`TransType::needs_biz_no`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub biz_no: Option<&'a str>,
    /// A remark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memo: Option<&'a str>,
    /// A text that itself holds JSON; opaque.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ext_info: Option<&'a str>,
}

impl<'a> Update<'a> {
    /// Credits `points` for the payment `biz_no`; shop, memo and ext_info can be set after.
    pub const fn deposit(
        req_id: &'a str,
        user_id: &'a str,
        activity_account: &'a str,
        points: u64,
        biz_no: &'a str,
    ) -> Self {
        Update {
            req_id,
            user_id,
            activity_account,
            trans_type: TransType::Deposit,
            trans_amount: points,
            shop_id: None,
            biz_no: Some(biz_no),
            memo: None,
            ext_info: None,
        }
    }

    /// Spends `points` at once, without a reserve. It carries no `biz_no`.
    pub const fn consume(
        req_id: &'a str,
        user_id: &'a str,
        activity_account: &'a str,
        points: u64,
    ) -> Self {
        Update {
            trans_type: TransType::Consume,
            biz_no: None,
            ..Update::deposit(req_id, user_id, activity_account, points, "")
        }
    }

    /// Spends what `frozen` reserved.
    pub const fn commit(req_id: &'a str, frozen: &Frozen<'a>) -> Self {
        frozen.settle(req_id, TransType::Commit)
    }

    /// Releases what `frozen` reserved.
    pub const fn cancel(req_id: &'a str, frozen: &Frozen<'a>) -> Self {
        frozen.settle(req_id, TransType::Cancel)
    }

    /// Refuses what the gateway would refuse, before anything is recorded or sent: `Missing`,
    /// `TooLong`, `Encoding`, `Range` with the member's name; `Argument` for a `biz_no` or
    /// `shop_id` that does not belong to this [`TransType`].
    pub fn check(&self) -> Result<()> {
        text::required(self.req_id.as_bytes(), "req_id", REQ_ID_MAX)?;
        text::required(self.user_id.as_bytes(), "user_id", USER_ID_MAX)?;
        let account = self.activity_account.as_bytes();
        text::required(account, "activity_account", ACTIVITY_ACCOUNT_MAX)?;
        if !(1..=TRANS_AMOUNT_MAX).contains(&self.trans_amount) {
            return Err(Error::new(Status::Range, "trans_amount"));
        }
        match (self.biz_no, self.trans_type.needs_biz_no()) {
            (biz_no, true) => {
                text::required(biz_no.unwrap_or_default().as_bytes(), "biz_no", BIZ_NO_MAX)?;
            }
            (Some(_), false) => return Err(Error::new(Status::Argument, "biz_no")),
            (None, false) => {}
        }
        if self.shop_id.is_some() && self.trans_type != TransType::Deposit {
            return Err(Error::new(Status::Argument, "shop_id"));
        }
        optional(self.shop_id, "shop_id", SHOP_ID_MAX)?;
        optional(self.memo, "memo", MEMO_MAX)?;
        optional(self.ext_info, "ext_info", EXT_INFO_MAX)
    }
}

/// A request to reserve points. It carries no `biz_no`; its answer's `point_log_no` makes it
/// [`Frozen`], and only that can be spent or released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freeze<'a> {
    /// The idempotency key of the freeze.
    pub req_id: &'a str,
    /// The shopper.
    pub user_id: &'a str,
    /// The activity's point account.
    pub activity_account: &'a str,
    /// How many points.
    pub points: u64,
}

impl<'a> Freeze<'a> {
    /// The call to send; memo and ext_info can be set after.
    pub const fn update(&self) -> Update<'a> {
        Update {
            trans_type: TransType::Freeze,
            ..Update::consume(self.req_id, self.user_id, self.activity_account, self.points)
        }
    }

    /// The reserve, once the answer has named it.
    pub const fn frozen(&self, point_log_no: &'a str) -> Frozen<'a> {
        Frozen {
            point_log_no,
            user_id: self.user_id,
            activity_account: self.activity_account,
            points: self.points,
        }
    }
}

/// Points reserved: what COMMIT and CANCEL need. Whether either may move another amount than was
/// frozen is not documented, so they move all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frozen<'a> {
    /// What the accepted FREEZE answered.
    pub point_log_no: &'a str,
    /// The shopper.
    pub user_id: &'a str,
    /// The activity's point account.
    pub activity_account: &'a str,
    /// How many points.
    pub points: u64,
}

impl<'a> Frozen<'a> {
    const fn settle(&self, req_id: &'a str, trans_type: TransType) -> Update<'a> {
        let (user_id, account) = (self.user_id, self.activity_account);
        Update {
            trans_type,
            ..Update::deposit(req_id, user_id, account, self.points, self.point_log_no)
        }
    }
}

/// One points.query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Query<'a> {
    /// The activity's point account.
    pub activity_account: &'a str,
    /// The shopper.
    pub user_id: &'a str,
}

impl Query<'_> {
    /// As [`Update::check`].
    pub fn check(&self) -> Result<()> {
        let account = self.activity_account.as_bytes();
        text::required(account, "activity_account", ACTIVITY_ACCOUNT_MAX)?;
        text::required(self.user_id.as_bytes(), "user_id", USER_ID_MAX).map(|_| ())
    }
}

/// A shopper's points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Free to spend.
    pub available: u64,
    /// Reserved by FREEZE. (The gateway's spelling.)
    pub freezed: u64,
    /// Collected in all.
    pub total: u64,
}

/// The number under which an accepted points.update is booked.
///
/// Only for an answer that is [`super::Outcome::Accepted`]. `Missing` when it has none, `TooLong`
/// beyond [`POINT_LOG_NO_MAX`], `Encoding` with control characters: treat those as unknown.
pub fn point_log_no(answer: &Answer<'_>) -> Result<Text<POINT_LOG_NO_MAX>> {
    let number = answer.text("point_log_no")?;
    text::required(number.as_bytes(), "point_log_no", POINT_LOG_NO_MAX)?;
    Ok(number)
}

/// The balance an accepted points.query tells; `Missing`, `Malformed` or `Range` with the member.
pub fn balance(answer: &Answer<'_>) -> Result<Balance> {
    Ok(Balance {
        available: points(answer, "available_points")?,
        freezed: points(answer, "freezed_points")?,
        total: points(answer, "total_points")?,
    })
}

fn points(answer: &Answer<'_>, name: &'static str) -> Result<u64> {
    let value = answer.field(name).ok_or(Error::new(Status::Missing, name))?;
    value.as_u64().map_err(|error| Error { what: name, ..error })
}

pub(super) fn optional(value: Option<&str>, what: &'static str, max: usize) -> Result<()> {
    match value {
        Some(value) => text::required(value.as_bytes(), what, max).map(|_| ()),
        None => Ok(()),
    }
}

/// A number as decimal text.
pub(super) fn decimal<S: Serializer>(
    value: &u64,
    serializer: S,
) -> core::result::Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
#[path = "points_tests.rs"]
mod tests;
