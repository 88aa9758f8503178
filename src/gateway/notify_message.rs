//! The two messages of this product: verified fields in, typed values out.

use super::Verified;
use crate::gateway::Session;
use crate::status::{Error, Result, Status};
use crate::text;

/// `notify_type` of [`CouponIssued`].
const COUPON_TYPE: &[u8] = b"koubei_receive_coupon_notify";
/// `event_code` of [`CouponIssued`].
const COUPON_EVENT: &[u8] = b"EC-promocore-prize-notice";
/// `event_code` of [`ActivityState`].
const ACTIVITY_EVENT: &[u8] = b"EC-CAMPAIGN_PROCESS-CAMPAIGN_SYNCH";

/// Longest id that is read, in bytes; our own limit, samples have up to 64 characters.
pub const ID_MAX: usize = 128;

/// What a notification says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A shopper has the coupon.
    Coupon(CouponIssued<'a>),
    /// An activity changed its state.
    Activity(ActivityState<'a>),
    /// Something else; answer it, or it comes again.
    Other,
}

/// A shopper took the coupon on the claim page (领券成功): time to COMMIT the freeze of this
/// `isv_out_biz_id`. The message names neither the points nor the freeze's `point_log_no`.
///
/// Only what the work needs is required; the rest is `None` where a message lacks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CouponIssued<'a> {
    /// Names the message; the same in every delivery, so it tells repeats.
    pub notify_id: &'a str,
    /// The `outBizNo` of the claim link.
    pub isv_out_biz_id: &'a str,
    /// The shopper.
    pub buyer_id: &'a str,
    /// When it was sent, `yyyy-MM-dd HH:mm:ss`, Beijing time; for people, not for decisions.
    pub notify_time: Option<&'a str>,
    /// The app it is meant for.
    pub app_id: Option<&'a str>,
    /// The merchant's app that authorised it.
    pub auth_app_id: Option<&'a str>,
    /// The merchant that gave the coupon.
    pub merchant_uid: Option<&'a str>,
    /// Opaque, for finding faults; in samples `buyer_id|id`. Whoever sends it chooses it, so raw
    /// bytes: whatever it holds must not keep points from being settled.
    pub business_order: Option<&'a [u8]>,
    /// The activity; some messages have none.
    pub id: Option<&'a str>,
}

/// An activity changed its state. It carries no `app_id` and no `notify_id`: tell repeats by
/// `order_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActivityState<'a> {
    /// The activity: `camp_id` elsewhere.
    pub id: &'a str,
    /// Names the change.
    pub order_id: &'a str,
    /// `CREATE`, `ENABLE`... A list that grows, so a text.
    pub order_type: Option<&'a str>,
    /// `SUCCESS`...
    pub order_status: Option<&'a str>,
    /// When it was done, `yyyy-MM-dd HH:mm:ss`, Beijing time.
    pub order_process_time: Option<&'a str>,
    /// What the activity is now: `STARTING`, `STARTED`...
    pub status: Option<&'a str>,
    /// Its name as raw bytes; [`Verified::text`] decodes them.
    pub name: &'a [u8],
}

impl<'a> Verified<'_, 'a> {
    /// What it says.
    ///
    /// For a message of a known kind: `Missing` for a required field, `TooLong` beyond 128
    /// bytes, `Encoding` with control characters or bytes that are no UTF-8.
    pub fn message(&self) -> Result<Message<'a>> {
        let (kind, event) = (self.field("notify_type"), self.field("event_code"));
        // A message that calls itself two things is neither.
        let is_type = kind.is_none_or(|kind| kind == COUPON_TYPE);
        let is_event = event.is_none_or(|event| event == COUPON_EVENT);
        if is_type && is_event && (kind.is_some() || event.is_some()) {
            return self.coupon().map(Message::Coupon);
        }
        if event == Some(ACTIVITY_EVENT) {
            return self.activity().map(Message::Activity);
        }
        Ok(Message::Other)
    }

    fn coupon(&self) -> Result<CouponIssued<'a>> {
        Ok(CouponIssued {
            notify_id: self.required("notify_id")?,
            isv_out_biz_id: self.required("isv_out_biz_id")?,
            buyer_id: self.required("buyer_id")?,
            notify_time: self.optional("notify_time")?,
            app_id: self.optional("app_id")?,
            auth_app_id: self.optional("auth_app_id")?,
            merchant_uid: self.optional("merchant_uid")?,
            business_order: self.field("business_order").filter(|value| !value.is_empty()),
            id: self.optional("id")?,
        })
    }

    fn activity(&self) -> Result<ActivityState<'a>> {
        Ok(ActivityState {
            id: self.required("id")?,
            order_id: self.required("order_id")?,
            order_type: self.optional("order_type")?,
            order_status: self.optional("order_status")?,
            order_process_time: self.optional("order_process_time")?,
            status: self.optional("status")?,
            name: self.field("name").unwrap_or_default(),
        })
    }

    fn required(&self, name: &'static str) -> Result<&'a str> {
        text::required(self.id(name)?, name, ID_MAX)
    }

    /// `None` when it is absent or empty.
    fn optional(&self, name: &'static str) -> Result<Option<&'a str>> {
        let value = text::check(self.id(name)?, name, ID_MAX)?;
        Ok(Some(value).filter(|value| !value.is_empty()))
    }

    /// What is kept of it is bytes: in a record, in a C structure.
    fn id(&self, name: &'static str) -> Result<&'a [u8]> {
        text::fits(self.field(name).unwrap_or_default(), name, ID_MAX)
    }
}

impl CouponIssued<'_> {
    /// Refuses a message that is signed but meant for somebody else, as Alipay signs those of all
    /// apps with one key.
    ///
    /// `Missing` when it has no `app_id`, `Argument` about `app_id` when that is not the
    /// session's. When `auth_app_id` (of the merchant this session acts for) is given, the same
    /// about `auth_app_id`.
    pub fn check(&self, session: &Session<'_>, auth_app_id: Option<&str>) -> Result<()> {
        equal(self.app_id, session.app_id, "app_id")?;
        auth_app_id.map_or(Ok(()), |wanted| equal(self.auth_app_id, wanted, "auth_app_id"))
    }
}

fn equal(found: Option<&str>, wanted: &str, what: &'static str) -> Result<()> {
    let found = found.ok_or(Error::new(Status::Missing, what))?;
    if found == wanted { Ok(()) } else { Err(Error::new(Status::Argument, what)) }
}
