//! Section: methods. Activities.

use core::ffi::c_char;

use super::call::{pointcard_answer, pointcard_options};
use super::cell::Cell;
use super::life::pointcard_client;
use super::methods::{POINTER, required, run, text, versioned};
use super::structs::{self, Versioned, chars};
use super::texts;
use crate::gateway::Answer;
use crate::gateway::activity::{
    self, BatchQuery, Changed, Content, Criterion, Offline, OperatorType,
};
use crate::json::Value;
use crate::status::{Error, Result, Status};
use crate::text::{Text, Writer};

/// operator_type: the merchant, the gateway's default. Source: the activity models of Alipay's SDKs
/// (operator_type), as the next three.
pub const POINTCARD_OPERATOR_MER: i32 = 1;
/// operator_type: a merchant's employee. Source: the activity models of Alipay's SDKs.
pub const POINTCARD_OPERATOR_MER_OPERATOR: i32 = 2;
/// operator_type: a software house. Source: the activity models of Alipay's SDKs.
pub const POINTCARD_OPERATOR_PROVIDER: i32 = 3;
/// operator_type: a software house's employee. Source: the activity models of Alipay's SDKs.
pub const POINTCARD_OPERATOR_PROVIDER_STAFF: i32 = 4;

/// What create, modify and offline tell. Starting takes a while: wait for the notification or
/// query.
///
/// Source: the responses of koubei.marketing.campaign.activity.create, .modify and .offline in
/// Alipay's SDKs.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_activity {
    /// Set by POINTCARD_ACTIVITY_INIT.
    pub struct_size: u32,
    /// The activity; only create tells it.
    pub camp_id: [c_char; 65],
    /// "STARTING", "STARTED"...; may be empty.
    pub camp_status: [c_char; 65],
    /// "AUDITING", "REJECT"; empty when nobody has to approve.
    pub audit_status: [c_char; 65],
}

/// An activity, and who asks for it.
///
/// Source: koubei.marketing.campaign.activity.query, in the models of Alipay's SDKs.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_activity_id {
    /// Set by POINTCARD_ACTIVITY_ID_INIT.
    pub struct_size: u32,
    /// POINTCARD_OPERATOR_; with operator_id or 0.
    pub operator_type: i32,
    /// The activity, at most 32. Required.
    pub camp_id: *const c_char,
    /// Who acts, at most 32; default: the merchant.
    pub operator_id: *const c_char,
}

/// What query tells; everything else is in the answer's node, under "camp_detail".
///
/// Source: koubei.marketing.campaign.activity.query; where the claim page's address stands is told
/// differently by the guide (config) and by integrators' code (ext_info): both are looked at.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_activity_detail {
    /// Set by POINTCARD_ACTIVITY_DETAIL_INIT.
    pub struct_size: u32,
    /// "CREATED", "ENABLED", "DISABLED", "STARTED", "CLOSED", "FINISHED".
    pub camp_status: [c_char; 65],
    /// What a claim link is made of: the text of the URL_WITH_TOKEN channel's ext_info or config,
    /// whichever holds a URL; empty when there is none.
    pub claim_base: [c_char; 1025],
}

/// Ends an activity. Source: Alipay's page of koubei.marketing.campaign.activity.offline.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_offline {
    /// Set by POINTCARD_OFFLINE_INIT.
    pub struct_size: u32,
    /// POINTCARD_OPERATOR_; with operator_id or 0.
    pub operator_type: i32,
    /// The idempotency key, at most 32: another one for every other call. Required.
    pub out_biz_no: *const c_char,
    /// The activity, at most 32. Required.
    pub camp_id: *const c_char,
    /// Why, at most 1024 characters.
    pub reason: *const c_char,
    /// Who acts, at most 32; default: the merchant.
    pub operator_id: *const c_char,
}

/// Which activities to list; what is not given does not matter.
///
/// Source: koubei.marketing.campaign.activity.batchquery, in the models of Alipay's SDKs.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_page {
    /// Set by POINTCARD_PAGE_INIT.
    pub struct_size: u32,
    /// POINTCARD_OPERATOR_; with operator_id or 0.
    pub operator_type: i32,
    /// Which page, from 1; 0 = 1.
    pub page_number: u32,
    /// Activities of a page; 0 = 20, the gateway's default.
    pub page_size: u32,
    /// Who acts, at most 32; default: the merchant.
    pub operator_id: *const c_char,
    /// The activity's name, at most 256 characters.
    pub name: *const c_char,
    /// When it begins, "yyyy-MM-dd HH:mm:ss", Beijing time.
    pub start_time: *const c_char,
    /// When it ends.
    pub end_time: *const c_char,
    /// What it is, one or more of STARTED, STARTING, MODIFYING, CLOSED, CLOSING, DISABLED, joined
    /// by `|`.
    pub statuses: *const c_char,
}

/// What a list tells; the activities themselves are in the answer's node, under "camp_sets".
///
/// Source: the same (total_number).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_page_total {
    /// Set by POINTCARD_PAGE_TOTAL_INIT.
    pub struct_size: u32,
    /// Zero.
    pub reserved: u32,
    /// How many there are on all pages.
    pub total: u64,
}

versioned! {
    pointcard_activity, "activity", audit_status 65;
    pointcard_activity_id, "activity_id", operator_id POINTER;
    pointcard_activity_detail, "activity_detail", claim_base 1025;
    pointcard_offline, "offline", operator_id POINTER;
    pointcard_page, "page", statuses POINTER;
    pointcard_page_total, "page_total", total 8;
}

/// Creates an activity. Its messages go to options.notify_url.
///
/// @param client       an open client
/// @param biz_content  its JSON, UTF-8, checked before it is sent: kinds of known members, required
///                     members, dates that exist, no name twice at any depth, the tool that belongs
///                     to the type
/// @param options      NULL = defaults
/// @param activity     receives its id
/// @param answer       as pointcard_points_update; may be NULL
///
/// Returns as pointcard_call; threads and lock as there. ERR_MISSING, ERR_RANGE (no such date, or
/// an end before its start), ERR_ARGUMENT, ERR_MALFORMED, ERR_DUPLICATE: the detail's what is the
/// member or "biz_content", its `at` the byte offset.
///
/// Source: Alipay's page of koubei.marketing.campaign.activity.create.
// Safety: `client` as everywhere; text and structures are null or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_activity_create(
    client: *mut pointcard_client,
    biz_content: *const c_char,
    options: *const pointcard_options,
    activity: *mut pointcard_activity,
    answer: *mut pointcard_answer,
) -> Status {
    // Safety: as promised above.
    unsafe {
        let text = (biz_content, Content::create);
        written(client, text, options, activity, answer, activity::created)
    }
}

/// A call whose content is the caller's JSON, which `check` knows.
// Safety: as pointcard_activity_create.
unsafe fn written<'t>(
    client: *mut pointcard_client,
    (text, check): (*const c_char, impl FnOnce(&'t [u8]) -> Checked<'t>),
    options: *const pointcard_options,
    activity: *mut pointcard_activity,
    answer: *mut pointcard_answer,
    read: impl FnOnce(&Answer<'_>) -> Result<Changed>,
) -> Status {
    // Safety: promised.
    unsafe {
        let content = |_: &Cell, _: &str| {
            check(required(text, "biz_content")?.as_bytes()).map_err(|fault| fault.error)
        };
        let read = |answer: &Answer<'_>| read(answer).map(c_activity);
        run(client, options, answer, activity, false, content, read)
    }
}

type Checked<'t> = core::result::Result<Content<'t>, activity::Fault>;

/// Changes an activity. name, desc, start_time and type repeat what they are; end_time can only
/// grow; out_biz_no is another one for every change.
///
/// Arguments and results as pointcard_activity_create; camp_id stays empty. Source: Alipay's page
/// of koubei.marketing.campaign.activity.modify.
// Safety: as pointcard_activity_create.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_activity_modify(
    client: *mut pointcard_client,
    biz_content: *const c_char,
    options: *const pointcard_options,
    activity: *mut pointcard_activity,
    answer: *mut pointcard_answer,
) -> Status {
    // Safety: as promised above.
    unsafe {
        let text = (biz_content, Content::modify);
        written(client, text, options, activity, answer, activity::changed)
    }
}

/// Ends an activity.
///
/// @param client    an open client
/// @param offline   read during the call
/// @param options   NULL = defaults
/// @param activity  receives its state; camp_id stays empty
/// @param answer    as pointcard_points_update; may be NULL
///
/// Returns as pointcard_call; threads and lock as there. ERR_MISSING of "operator_id" or
/// "operator_type": only together.
///
/// Source: Alipay's page of koubei.marketing.campaign.activity.offline.
// Safety: `client` as everywhere; structures are null or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_activity_offline(
    client: *mut pointcard_client,
    offline: *const pointcard_offline,
    options: *const pointcard_options,
    activity: *mut pointcard_activity,
    answer: *mut pointcard_answer,
) -> Status {
    // Safety: as promised above.
    unsafe {
        texts::unlocked(client, |texts| {
            let content = |_: &Cell, _: &str| {
                let offline = structs::read(offline)?;
                Ok(Offline {
                    out_biz_no: required(offline.out_biz_no, "out_biz_no")?,
                    camp_id: required(offline.camp_id, "camp_id")?,
                    reason: texts.optional(offline.reason, "reason")?,
                    operator_id: text(offline.operator_id, "operator_id")?,
                    operator_type: operator(offline.operator_type)?,
                })
            };
            run(client, options, answer, activity, false, content, |answer| {
                activity::changed(answer).map(c_activity)
            })
        })
    }
}

/// Asks for all about one activity that was created through this interface.
///
/// @param client    an open client
/// @param activity  read during the call
/// @param options   must lend a buffer; the answer's node is left there
/// @param detail    receives status and claim page
/// @param answer    receives the answer and its node, for pointcard_answer_text; required
///
/// Returns as pointcard_call; threads and lock as there. Where the activity's point account stands
/// in the node no page tells.
///
/// Source: Alipay's page of koubei.marketing.campaign.activity.query.
// Safety: `client` as everywhere; structures are null or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_activity_query(
    client: *mut pointcard_client,
    activity: *const pointcard_activity_id,
    options: *const pointcard_options,
    detail: *mut pointcard_activity_detail,
    answer: *mut pointcard_answer,
) -> Status {
    // Safety: as promised above.
    unsafe {
        let content = |_: &Cell, _: &str| {
            let activity = structs::read(activity)?;
            Ok(activity::Query {
                camp_id: required(activity.camp_id, "camp_id")?,
                operator_id: text(activity.operator_id, "operator_id")?,
                operator_type: operator(activity.operator_type)?,
            })
        };
        run(client, options, answer, detail, true, content, c_detail)
    }
}

/// Lists activities.
///
/// @param client   an open client
/// @param page     read during the call
/// @param options  must lend a buffer; the answer's node is left there
/// @param total    receives how many there are
/// @param answer   receives the answer and its node, for pointcard_answer_text; required
///
/// Returns as pointcard_call; threads and lock as there. ERR_ARGUMENT names a time that is none.
///
/// Source: Alipay's page of koubei.marketing.campaign.activity.batchquery.
// Safety: `client` as everywhere; structures are null or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_activity_batchquery(
    client: *mut pointcard_client,
    page: *const pointcard_page,
    options: *const pointcard_options,
    total: *mut pointcard_page_total,
    answer: *mut pointcard_answer,
) -> Status {
    // Safety: as promised above.
    unsafe {
        texts::unlocked(client, |texts| {
            let room = &mut heapless::Vec::new();
            let content = |_: &Cell, _: &str| {
                let criteria = room; // moved in: the content borrows it
                rust_page(&structs::read(page)?, criteria, texts)
            };
            run(client, options, answer, total, true, content, |answer| {
                Ok(pointcard_page_total {
                    struct_size: 0,
                    reserved: 0,
                    total: activity::total_number(answer)?,
                })
            })
        })
    }
}

/// One of each kind of condition.
const CRITERIA: usize = 4;

// Safety: the texts of `page` are NUL-terminated or null and live through `'a`.
unsafe fn rust_page<'a, 'r>(
    page: &pointcard_page,
    room: &'r mut heapless::Vec<Criterion<'a>, CRITERIA>,
    texts: &mut texts::Reader<'a>,
) -> Result<BatchQuery<'r>>
where
    'a: 'r,
{
    // Safety: promised.
    let given = unsafe {
        [
            texts.optional(page.name, "name")?.map(Criterion::name),
            text(page.start_time, "start_time")?.map(Criterion::start_time),
            text(page.end_time, "end_time")?.map(Criterion::end_time),
            text(page.statuses, "statuses")?.map(Criterion::status),
        ]
    };
    for criterion in given.into_iter().flatten() {
        // There is room for one of each kind.
        let _ = room.push(criterion);
    }
    Ok(BatchQuery {
        page_number: page.page_number.max(1).into(),
        page_size: if page.page_size == 0 { 20 } else { page.page_size.into() },
        // Safety: promised.
        operator_id: unsafe { text(page.operator_id, "operator_id") }?,
        operator_type: operator(page.operator_type)?,
        query_criterias: room,
    })
}

fn operator(kind: i32) -> Result<Option<OperatorType>> {
    Ok(Some(match kind {
        0 => return Ok(None),
        POINTCARD_OPERATOR_MER => OperatorType::Mer,
        POINTCARD_OPERATOR_MER_OPERATOR => OperatorType::MerOperator,
        POINTCARD_OPERATOR_PROVIDER => OperatorType::Provider,
        POINTCARD_OPERATOR_PROVIDER_STAFF => OperatorType::ProviderStaff,
        _ => return Err(Error::new(Status::Argument, "operator_type")),
    }))
}

fn c_activity(changed: Changed) -> pointcard_activity {
    pointcard_activity {
        struct_size: 0,
        camp_id: chars(&changed.camp_id),
        camp_status: chars(&changed.camp_status),
        audit_status: chars(&changed.audit_status),
    }
}

fn c_detail(answer: &Answer<'_>) -> Result<pointcard_activity_detail> {
    let detail = activity::detail(answer)?;
    Ok(pointcard_activity_detail {
        struct_size: 0,
        camp_status: chars(&whole::<64>(detail.status(), "status")?),
        claim_base: chars(&whole::<1024>(detail.claim_base(), "claim_base")?),
    })
}

/// All of a text, or nothing: half a URL leads nowhere.
fn whole<const N: usize>(value: Option<Value<'_>>, what: &'static str) -> Result<Text<N>> {
    let mut room = [0; N];
    let mut out = Writer::new(&mut room);
    if let Some(value) = value {
        value.text(&mut out).map_err(|error| Error { what, ..error })?;
    }
    let too_long = Error::new(Status::TooLong, what).at(N);
    let text = out.finish_str().map_err(|_| too_long)?;
    Text::try_from(text).map_err(|_| too_long)
}
