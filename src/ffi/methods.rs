//! Section: methods. Points and prizes, with structures of their own; and what all typed calls share.

use core::ffi::c_char;

use super::call::{Go, POINTCARD_CONTENT_MAX, perform, pointcard_answer, pointcard_options};
use super::call_text;
use super::cell::Cell;
use super::life::pointcard_client;
use super::structs::{self, Versioned, chars};
use super::texts;
use crate::client::call::{BizContent, Told};
use crate::gateway::Answer;
use crate::gateway::points::{self, TransType, Update};
use crate::gateway::prize::{self, PrizesendAuth};
use crate::points::sync::Shared;
use crate::status::{Error, Result, Status};

/// update.trans_type: credits points for a payment. Source: Alipay's page of
/// koubei.marketing.tool.points.update (trans_type), as the next four.
pub const POINTCARD_DEPOSIT: i32 = 1;
/// update.trans_type: reserves points. Source: Alipay's page of
/// koubei.marketing.tool.points.update.
pub const POINTCARD_FREEZE: i32 = 2;
/// update.trans_type: spends a reserve. Source: Alipay's page of
/// koubei.marketing.tool.points.update.
pub const POINTCARD_COMMIT: i32 = 3;
/// update.trans_type: releases a reserve. Source: Alipay's page of
/// koubei.marketing.tool.points.update.
pub const POINTCARD_CANCEL: i32 = 4;
/// update.trans_type: spends without a reserve. Source: Alipay's page of
/// koubei.marketing.tool.points.update.
pub const POINTCARD_CONSUME: i32 = 5;

/// Moves points at once. Lengths are in characters. Source: Alipay's page of
/// koubei.marketing.tool.points.update; the lengths of biz_no, memo and ext_info are integrators'.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_update {
    /// Set by POINTCARD_UPDATE_INIT.
    pub struct_size: u32,
    /// POINTCARD_DEPOSIT to POINTCARD_CONSUME. Required.
    pub trans_type: i32,
    /// How many points, 1 to 9999999999999999. COMMIT and CANCEL: the amount that was frozen.
    pub points: u64,
    /// The idempotency key, at most 32: the same in every repeat of this update. Required.
    pub req_id: *const c_char,
    /// The shopper's Alipay user id (2088...), at most 32. Required.
    pub user_id: *const c_char,
    /// Point account, at most 32; default: the configured one of the merchant (options.merchant).
    pub activity_account: *const c_char,
    /// The payment's trade number for DEPOSIT, the FREEZE's point_log_no for COMMIT and CANCEL, at
    /// most 32. FREEZE and CONSUME must not have one.
    pub biz_no: *const c_char,
    /// Shop, at most 32; only DEPOSIT may have one.
    pub shop_id: *const c_char,
    /// At most 256.
    pub memo: *const c_char,
    /// Opaque to the gateway, at most 2000.
    pub ext_info: *const c_char,
}

/// Where an update was booked.
///
/// Source: Alipay's page of koubei.marketing.tool.points.update (point_log_no).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_booking {
    /// Set by POINTCARD_BOOKING_INIT.
    pub struct_size: u32,
    /// The gateway's flow number. That of a FREEZE is what COMMIT and CANCEL need: keep it on
    /// storage, nothing else can release those points.
    pub point_log_no: [c_char; 65],
}

/// The right to one prize. Source: Alipay's quick-start of the point card and the models
/// integrators publish of koubei.marketing.tool.prizesend.auth.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_prize {
    /// Set by POINTCARD_PRIZE_INIT.
    pub struct_size: u32,
    /// The idempotency key, at most 32. Required.
    pub req_id: *const c_char,
    /// What is given, at most 32. Samples look like the exchange activity's camp_id; no page says
    /// so. Required.
    pub prize_id: *const c_char,
    /// The shopper's Alipay user id, at most 32. Required.
    pub user_id: *const c_char,
}

/// What a claim link carries.
///
/// Source: koubei.marketing.tool.prizesend.auth, in the models integrators publish (token).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_prize_token {
    /// Set by POINTCARD_PRIZE_TOKEN_INIT.
    pub struct_size: u32,
    /// The token. How long it lives is not documented; nothing can take it back.
    pub token: [c_char; 65],
}

/// Structures that grow: what they are called in errors, and where their first version ends.
macro_rules! versioned {
    ($($name:ident, $says:literal, $last:ident $size:expr;)*) => {$(
        // Safety: repr(C), u32 first, integers and pointers only.
        unsafe impl Versioned for $name {
            const NAME: &'static str = $says;
            const V1_SIZE: usize = core::mem::offset_of!($name, $last) + $size;
        }
    )*};
}
pub(super) use versioned;

pub(super) const POINTER: usize = size_of::<*const c_char>();

versioned! {
    pointcard_update, "update", ext_info POINTER;
    pointcard_booking, "booking", point_log_no 65;
    pointcard_prize, "prize", user_id POINTER;
    pointcard_prize_token, "prize_token", token 65;
}

/// Moves points and waits for the gateway: FREEZE, COMMIT, CANCEL, CONSUME, or a DEPOSIT.
///
/// Nothing is stored here: with ERR_UNKNOWN and its like the points may have moved, and the caller
/// repeats the update with the same req_id, after a restart too. A refusal of such a repeat says
/// nothing of the attempt before it. Points for a sale are safe with pointcard_accrue, which does
/// all that by itself.
///
/// @param client   an open client
/// @param update   read during the call
/// @param options  NULL = defaults, no buffer needed
/// @param booking  receives the flow number
/// @param answer   receives what the gateway said, whenever it was waited for; may be NULL
///
/// Returns as pointcard_call. ERR_MISSING, ERR_TOO_LONG, ERR_ENCODING, ERR_RANGE and ERR_ARGUMENT
/// (a biz_no or shop_id this trans_type must not have) name the member. ERR_DUPLICATE: answered
/// with the flow number of another request of a moment ago, so the end is unknown. Threads and lock
/// as pointcard_call.
///
/// Source: Alipay's page of koubei.marketing.tool.points.update.
// Safety: `client` as everywhere; structures are null or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_points_update(
    client: *mut pointcard_client,
    update: *const pointcard_update,
    options: *const pointcard_options,
    booking: *mut pointcard_booking,
    answer: *mut pointcard_answer,
) -> Status {
    // Safety: as promised above.
    unsafe {
        texts::unlocked(client, |texts| {
            let content = |cell: &Cell, merchant: &str| {
                rust_update(&structs::read(update)?, cell, merchant, texts)
            };
            run(client, options, answer, booking, false, content, |answer| {
                Ok(pointcard_booking {
                    struct_size: 0,
                    point_log_no: chars(&points::point_log_no(answer)?),
                })
            })
        })
    }
}

// Safety: the texts of `update` are NUL-terminated or null and live through `'a`.
unsafe fn rust_update<'a>(
    update: &pointcard_update,
    cell: &Cell,
    merchant: &str,
    texts: &mut texts::Reader<'a>,
) -> Result<Update<'a>> {
    let trans_type = match update.trans_type {
        POINTCARD_DEPOSIT => TransType::Deposit,
        POINTCARD_FREEZE => TransType::Freeze,
        POINTCARD_COMMIT => TransType::Commit,
        POINTCARD_CANCEL => TransType::Cancel,
        POINTCARD_CONSUME => TransType::Consume,
        _ => return Err(Error::new(Status::Argument, "trans_type")),
    };
    // Safety: promised. The exact limits are checked by `check`.
    unsafe {
        let account = text(update.activity_account, "activity_account")?;
        Ok(Update {
            req_id: required(update.req_id, "req_id")?,
            user_id: required(update.user_id, "user_id")?,
            activity_account: match account {
                Some(account) => account,
                None => cell.with(|client| client.account(merchant))?,
            },
            trans_type,
            trans_amount: update.points,
            shop_id: text(update.shop_id, "shop_id")?,
            biz_no: text(update.biz_no, "biz_no")?,
            memo: texts.optional(update.memo, "memo")?,
            ext_info: texts.optional(update.ext_info, "ext_info")?,
        })
    }
}

/// Asks for the token that lets a shopper claim a prize.
///
/// @param client   an open client
/// @param prize    read during the call
/// @param options  NULL = defaults, no buffer needed
/// @param token    receives the token
/// @param answer   as pointcard_points_update; may be NULL
///
/// Returns as pointcard_call; threads and lock as there. With ERR_UNKNOWN and its like repeat it
/// with the same req_id.
///
/// Source: koubei.marketing.tool.prizesend.auth, in Alipay's quick-start of the point card.
// Safety: `client` as everywhere; structures are null or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_prize_authorize(
    client: *mut pointcard_client,
    prize: *const pointcard_prize,
    options: *const pointcard_options,
    token: *mut pointcard_prize_token,
    answer: *mut pointcard_answer,
) -> Status {
    // Safety: as promised above.
    unsafe {
        let content = |_: &Cell, _: &str| {
            let prize = structs::read(prize)?;
            Ok(PrizesendAuth {
                req_id: required(prize.req_id, "req_id")?,
                prize_id: required(prize.prize_id, "prize_id")?,
                user_id: required(prize.user_id, "user_id")?,
            })
        };
        run(client, options, answer, token, false, content, |answer| {
            Ok(pointcard_prize_token { struct_size: 0, token: chars(&prize::token(answer)?) })
        })
    }
}

/// Text of a call, `None` when it is not given. The exact limits are checked with the content.
// Safety: `given` is null or a NUL-terminated text that lives through `'a`.
pub(super) unsafe fn text<'a>(given: *const c_char, what: &'static str) -> Result<Option<&'a str>> {
    // Safety: promised.
    let text = unsafe { call_text(given, what, POINTCARD_CONTENT_MAX) }?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// The same of a text that is required; its content's check says so.
// Safety: as `text`.
pub(super) unsafe fn required<'a>(given: *const c_char, what: &'static str) -> Result<&'a str> {
    // Safety: promised.
    unsafe { text(given, what) }.map(Option::unwrap_or_default)
}

/// One typed call, its result written to `out`.
// Safety: as `perform`; `out` is null or as the header describes it.
pub(super) unsafe fn run<C: BizContent, R: Versioned>(
    client: *mut pointcard_client,
    options: *const pointcard_options,
    answer: *mut pointcard_answer,
    out: *mut R,
    wants_node: bool,
    content: impl FnOnce(&Cell, &str) -> Result<C>,
    read: impl FnOnce(&Answer<'_>) -> Result<R>,
) -> Status {
    // Safety: promised; `read` is called after `ask`, which has checked `out`.
    unsafe {
        let (mut ask, mut read) = (asking(content, out), reading(read, out));
        perform(client, options, answer, wants_node, &mut ask, &mut read)
    }
}

/// What makes the content; asked once.
// Safety: `out` is null or as the header describes it, while the result lives.
unsafe fn asking<C: BizContent, R: Versioned>(
    content: impl FnOnce(&Cell, &str) -> Result<C>,
    out: *mut R,
) -> impl FnMut(&Cell, &str, Go<'_>) -> Result<Status> {
    let mut content = Some(content);
    move |cell, merchant, go| {
        // Safety: promised.
        unsafe { structs::check_out(out)? };
        let content = content.take().ok_or(AGAIN)?(cell, merchant)?;
        go("", &Told::of(&content))
    }
}

/// What reads the answer; asked once.
// Safety: `out` was checked when the result is called.
unsafe fn reading<R: Versioned>(
    read: impl FnOnce(&Answer<'_>) -> Result<R>,
    out: *mut R,
) -> impl FnMut(&Answer<'_>) -> Result<()> {
    let mut read = Some(read);
    move |answer| {
        let result = read.take().ok_or(AGAIN)?(answer)?;
        // Safety: promised.
        unsafe { structs::write(out, &result) };
        Ok(())
    }
}

const AGAIN: Error = Error::new(Status::Internal, "call");
