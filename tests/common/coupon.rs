//! The message that says a coupon was given, with nothing in it but what an offer is found by.

use pointcard::gateway::notify::CouponIssued;

/// The message `notify_id` to `app_id`: `buyer_id` has the coupon of offer `number`.
pub fn coupon<'a>(
    app_id: &'a str,
    notify_id: &'a str,
    number: &'a str,
    buyer_id: &'a str,
) -> CouponIssued<'a> {
    CouponIssued {
        notify_id,
        isv_out_biz_id: number,
        buyer_id,
        notify_time: None,
        app_id: Some(app_id),
        auth_app_id: None,
        merchant_uid: None,
        business_order: None,
        id: None,
    }
}
