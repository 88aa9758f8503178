//! The two activities a point card needs, as types: shoppers collect, shoppers exchange.
//!
//! In: texts of the caller's. Out: the content of activity.create, checked: first here (what the
//! types cannot say), then as any other JSON by [`Content::create`].
//!
//! The samples of the quick-start guide of Koubei point cards are what these types are made for:
//! what else an activity may hold (there is a lot) goes through [`Content`] as JSON.

use super::ID_MAX;
use super::content::{Content, Fault};
use super::walk::is_date_time;
use crate::status::{Error, Result, Status};
use crate::text;
use serde::Serialize;

/// Longest name of an activity, a card or a voucher; our own limit, in characters.
pub const NAME_MAX: usize = 64;
/// Longest `desc`. (Alipay's page of activity.create gives 500 for a voucher's.)
pub const DESC_MAX: usize = 500;
/// Longest amount: `99999999.99`.
pub const AMOUNT_MAX: usize = 11;
/// Longest file id of a picture (alipay.offline.material.image.upload); our own limit.
pub const FILE_ID_MAX: usize = 64;

/// What both activities have. Times are `yyyy-MM-dd HH:mm:ss`, Beijing time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity<'a> {
    /// The idempotency key: the same in every repeat, another for every other activity.
    pub out_biz_no: &'a str,
    /// What shoppers see.
    pub name: &'a str,
    /// What it is about.
    pub desc: &'a str,
    /// From when.
    pub start_time: &'a str,
    /// Until when.
    pub end_time: &'a str,
}

/// A collecting activity, `POINT_SEND`: buying collects points on a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collect<'a> {
    /// What it is.
    pub activity: Activity<'a>,
    /// Shops where it counts, at least one.
    pub suit_shops: &'a [&'a str],
    /// The card.
    pub card: PointCard<'a>,
}

/// An exchange activity, `DIRECT_SEND`: points become a voucher, given by claim link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange<'a> {
    /// What it is.
    pub activity: Activity<'a>,
    /// Shops where it counts, at least one; the voucher is good in the same.
    pub suit_shops: &'a [&'a str],
    /// How many vouchers there are, 1 or more.
    pub budget: u64,
    /// What is given.
    pub voucher: Voucher<'a>,
    /// Whether one shopper may get it again.
    pub allow_repeat_send: bool,
}

/// A point card. It has to be good for longer than its activity lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PointCard<'a> {
    /// What shoppers see.
    pub name: &'a str,
    /// The rules in short; the guide says 16 characters.
    pub desc: &'a str,
    /// Good from.
    pub start_time: &'a str,
    /// Good until.
    pub end_time: &'a str,
    /// Picture: a file id.
    pub logo: &'a str,
}

/// A money voucher of fixed validity, as in the guide's sample. Amounts are yuan as text: `20`,
/// `0.50`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Voucher<'a> {
    /// What shoppers see.
    pub name: &'a str,
    /// Whose it is.
    pub brand_name: &'a str,
    /// All about it.
    pub desc: &'a str,
    /// Good from.
    pub start_time: &'a str,
    /// Good until, later than the activity's end.
    pub end_time: &'a str,
    /// Picture: a file id.
    pub logo: &'a str,
    /// Picture: a file id.
    pub voucher_img: &'a str,
    /// What it takes off.
    pub worth_value: &'a str,
    /// What one has to buy at least.
    pub min_consume: &'a str,
}

impl Collect<'_> {
    /// `Missing`, `TooLong`, `Encoding`, `Range` (a date that does not exist, an end that is not
    /// later) with the member's path.
    pub fn check(&self) -> Result<()> {
        self.activity.check(self.suit_shops)?;
        let PointCard { name, desc, start_time, end_time, logo } = self.card;
        texts(&[
            (name, "promo_tools[0].point_card.name", NAME_MAX),
            (desc, "promo_tools[0].point_card.desc", DESC_MAX),
            (logo, "promo_tools[0].point_card.logo", FILE_ID_MAX),
        ])?;
        time(start_time, "promo_tools[0].point_card.start_time")?;
        time(end_time, "promo_tools[0].point_card.end_time")?;
        later(end_time, start_time, "promo_tools[0].point_card.end_time")?;
        later(end_time, self.activity.end_time, "promo_tools[0].point_card.end_time")
    }

    /// Checks it and writes it to `buf`: what activity.create takes.
    ///
    /// As [`Collect::check`] and [`Content::create`]; `BufferTooSmall`.
    pub fn write<'b>(&self, buf: &'b mut [u8]) -> core::result::Result<Content<'b>, Fault> {
        self.check()?;
        let PointCard { name, desc, start_time, end_time, logo } = self.card;
        let r#type = "POINT_CARD";
        let card = CardTool { r#type, name, desc, start_time, end_time, logo };
        let tools = [Tool { point_card: Some(card), voucher: None, send_rule: None }];
        let wire = Wire::of(&self.activity, "POINT_SEND", self.suit_shops, &tools);
        wire.write(buf)
    }
}

impl Exchange<'_> {
    /// As [`Collect::check`]; `Range` for a budget of 0 and an amount that is none, too.
    pub fn check(&self) -> Result<()> {
        self.activity.check(self.suit_shops)?;
        if self.budget == 0 {
            return Err(Error::new(Status::Range, "budget_info.budget_total"));
        }
        let voucher = &self.voucher;
        texts(&[
            (voucher.name, "promo_tools[0].voucher.name", NAME_MAX),
            (voucher.brand_name, "promo_tools[0].voucher.brand_name", NAME_MAX),
            (voucher.desc, "promo_tools[0].voucher.desc", DESC_MAX),
            (voucher.logo, "promo_tools[0].voucher.logo", FILE_ID_MAX),
            (voucher.voucher_img, "promo_tools[0].voucher.voucher_img", FILE_ID_MAX),
        ])?;
        amount(voucher.worth_value, "promo_tools[0].voucher.worth_value")?;
        amount(voucher.min_consume, "promo_tools[0].voucher.use_rule.min_consume")?;
        time(voucher.start_time, "promo_tools[0].voucher.start_time")?;
        time(voucher.end_time, "promo_tools[0].voucher.end_time")?;
        later(voucher.end_time, voucher.start_time, "promo_tools[0].voucher.end_time")?;
        later(voucher.end_time, self.activity.end_time, "promo_tools[0].voucher.end_time")
    }

    /// As [`Collect::write`].
    pub fn write<'b>(&self, buf: &'b mut [u8]) -> core::result::Result<Content<'b>, Fault> {
        self.check()?;
        let voucher = VoucherTool::of(&self.voucher, self.suit_shops);
        let allow_repeat_send = if self.allow_repeat_send { "true" } else { "false" };
        let send_rule = Some(SendRule { allow_repeat_send });
        let tools = [Tool { point_card: None, voucher: Some(voucher), send_rule }];
        let wire = Wire {
            budget_info: Some(Budget { budget_total: self.budget, budget_type: "QUANTITY" }),
            publish_channels: &[Channel { name: "URL_WITH_TOKEN", r#type: "URL_WITH_TOKEN" }],
            ..Wire::of(&self.activity, "DIRECT_SEND", self.suit_shops, &tools)
        };
        wire.write(buf)
    }
}

impl Activity<'_> {
    fn check(&self, suit_shops: &[&str]) -> Result<()> {
        texts(&[
            (self.out_biz_no, "out_biz_no", ID_MAX),
            (self.name, "name", NAME_MAX),
            (self.desc, "desc", DESC_MAX),
        ])?;
        time(self.start_time, "start_time")?;
        time(self.end_time, "end_time")?;
        later(self.end_time, self.start_time, "end_time")?;
        if suit_shops.is_empty() {
            return Err(Error::new(Status::Missing, SHOPS));
        }
        let shop = |shop: &&str| text::required(shop.as_bytes(), SHOPS, ID_MAX).map(drop);
        suit_shops.iter().try_for_each(shop)
    }
}

const SHOPS: &str = "constraint_info.suit_shops";

fn texts(list: &[(&str, &'static str, usize)]) -> Result<()> {
    list.iter()
        .try_for_each(|(value, what, max)| text::required(value.as_bytes(), what, *max).map(drop))
}

fn time(value: &str, what: &'static str) -> Result<()> {
    text::required(value.as_bytes(), what, 19)?;
    if is_date_time(value.as_bytes()) { Ok(()) } else { Err(Error::new(Status::Range, what)) }
}

/// Dates of one form are in order when their texts are.
fn later(value: &str, than: &str, what: &'static str) -> Result<()> {
    if value > than { Ok(()) } else { Err(Error::new(Status::Range, what)) }
}

/// Yuan: digits, perhaps a point and one or two digits more, above 0.
fn amount(value: &str, what: &'static str) -> Result<()> {
    text::required(value.as_bytes(), what, AMOUNT_MAX)?;
    let (yuan, fen) = value.split_once('.').unwrap_or((value, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let above_zero = value.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    let is_amount = digits(yuan) && digits(fen) && fen.len() <= 2 && above_zero;
    if is_amount { Ok(()) } else { Err(Error::new(Status::Range, what)) }
}

/// The JSON of either.
#[derive(Serialize)]
struct Wire<'a> {
    out_biz_no: &'a str,
    name: &'a str,
    desc: &'a str,
    start_time: &'a str,
    end_time: &'a str,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget_info: Option<Budget>,
    constraint_info: Constraint<'a>,
    promo_tools: &'a [Tool<'a>],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    publish_channels: &'a [Channel],
}

#[derive(Serialize)]
struct Budget {
    #[serde(serialize_with = "super::points::decimal")]
    budget_total: u64,
    budget_type: &'static str,
}

#[derive(Serialize)]
struct Constraint<'a> {
    suit_shops: &'a [&'a str],
}

#[derive(Serialize)]
struct Tool<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    point_card: Option<CardTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    voucher: Option<VoucherTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    send_rule: Option<SendRule>,
}

#[derive(Serialize)]
struct CardTool<'a> {
    // The guide's sample lacks it; Alipay's models require it.
    r#type: &'static str,
    name: &'a str,
    desc: &'a str,
    start_time: &'a str,
    end_time: &'a str,
    logo: &'a str,
}

#[derive(Serialize)]
struct VoucherTool<'a> {
    r#type: &'static str,
    name: &'a str,
    brand_name: &'a str,
    desc: &'a str,
    validate_type: &'static str,
    effect_type: &'static str,
    start_time: &'a str,
    end_time: &'a str,
    logo: &'a str,
    voucher_img: &'a str,
    worth_value: &'a str,
    max_amount: &'a str,
    use_rule: UseRule<'a>,
}

#[derive(Serialize)]
struct UseRule<'a> {
    min_consume: &'a str,
    suit_shops: &'a [&'a str],
}

#[derive(Serialize)]
struct SendRule {
    allow_repeat_send: &'static str,
}

#[derive(Serialize)]
struct Channel {
    name: &'static str,
    r#type: &'static str,
}

impl<'a> VoucherTool<'a> {
    fn of(voucher: &Voucher<'a>, suit_shops: &'a [&'a str]) -> Self {
        VoucherTool {
            r#type: "MONEY",
            name: voucher.name,
            brand_name: voucher.brand_name,
            desc: voucher.desc,
            validate_type: "FIXED",
            effect_type: "IMMEDIATELY",
            start_time: voucher.start_time,
            end_time: voucher.end_time,
            logo: voucher.logo,
            voucher_img: voucher.voucher_img,
            worth_value: voucher.worth_value,
            max_amount: voucher.worth_value,
            use_rule: UseRule { min_consume: voucher.min_consume, suit_shops },
        }
    }
}

impl<'a> Wire<'a> {
    fn of(
        activity: &Activity<'a>,
        kind: &'static str,
        suit_shops: &'a [&'a str],
        promo_tools: &'a [Tool<'a>],
    ) -> Self {
        let Activity { out_biz_no, name, desc, start_time, end_time } = *activity;
        Wire {
            out_biz_no,
            name,
            desc,
            start_time,
            end_time,
            r#type: kind,
            budget_info: None,
            constraint_info: Constraint { suit_shops },
            promo_tools,
            publish_channels: &[],
        }
    }

    fn write<'b>(&self, buf: &'b mut [u8]) -> core::result::Result<Content<'b>, Fault> {
        let needed = Error::new(Status::BufferTooSmall, "biz_content").at(2 * buf.len());
        let len = serde_json_core::to_slice(self, buf).map_err(|_| needed)?;
        Content::create(buf.get(..len).unwrap_or_default())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
#[path = "activity_create_tests.rs"]
mod tests;
