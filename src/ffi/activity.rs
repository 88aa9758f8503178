//! Section: activities. The JSON of a create or modify, checked before it is sent.

use super::fault::{bytes, pointcard_fault, stateless};
use crate::gateway::activity::Content;
use crate::status::{Error, Status};

/// pointcard_activity_check: the content of koubei.marketing.campaign.activity.create.
pub const POINTCARD_ACTIVITY_CREATE: i32 = 1;
/// The content of koubei.marketing.campaign.activity.modify.
pub const POINTCARD_ACTIVITY_MODIFY: i32 = 2;

/// Checks the biz_content of an activity: what is surely wrong is found here and not by the
/// gateway. Required members; kinds of known members; a name twice, at any depth; dates that do not
/// exist (2016-09-31), ends that are not after their start; a point_card outside POINT_SEND, a
/// voucher inside; a "biz_content" around it, which is the parameter's name. Members nobody has
/// heard of pass.
///
/// Source: the samples of the quick-start guide of Koubei point cards, step 3;
/// KoubeiMarketingCampaignActivityCreateModel of Alipay's SDKs.
///
/// @param json   UTF-8; need not end with a NUL
/// @param len    bytes there
/// @param kind   POINTCARD_ACTIVITY_CREATE or POINTCARD_ACTIVITY_MODIFY
/// @param fault  receives the member's path in `what`, its offset in `at`; may be NULL
///
/// Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_ARGUMENT, ERR_MISSING, ERR_MALFORMED, ERR_DUPLICATE,
/// ERR_RANGE (dates), ERR_TOO_DEEP (12 levels), ERR_TOO_LONG.
// Safety: `json` has `len` readable bytes; `fault` as the header describes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_activity_check(
    json: *const u8,
    len: usize,
    kind: i32,
    fault: *mut pointcard_fault,
) -> Status {
    // Safety: as promised above.
    unsafe {
        stateless(fault, || {
            let json = bytes(json, len, "json")?;
            match kind {
                POINTCARD_ACTIVITY_CREATE => Content::create(json).map(drop),
                POINTCARD_ACTIVITY_MODIFY => Content::modify(json).map(drop),
                _ => Err(Error::new(Status::Argument, "kind").into()),
            }
        })
    }
}
