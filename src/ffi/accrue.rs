//! Section: accrue.

use core::ffi::c_char;

use super::cell::{self, CClient};
use super::earn::{pointcard_rule, rust_rule};
use super::life::pointcard_client;
use super::structs::{self, Versioned, chars};
use super::{call_text, texts};
use crate::client::{MERCHANT_MAX, Ticket};
use crate::gateway::points;
use crate::points::earn::Rule;
use crate::points::refund::{REFUND_NO_MAX, Refund};
use crate::points::sale::Sale;
use crate::status::{Error, Result, Status};

/// Flag of a sale or refund: a manager waives the limits for it (pointcard_limits; the medium's size
/// cannot be waived).
pub const POINTCARD_F_MANAGER: u32 = 32;

/// A paid sale. Texts are NUL-terminated, read during the call; NULL or "" = not given. memo and
/// ext_info come in config.text_charset (UTF-8 unless told otherwise), the others are ASCII.
///
/// Source: Alipay's page of koubei.marketing.tool.points.update for req_id, user_id,
/// activity_account, shop_id (32 characters each), and that trans_amount is a whole number above 0;
/// published integrations for biz_no (32), memo (256) and ext_info (2000).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_sale {
    /// Set by POINTCARD_SALE_INIT.
    pub struct_size: u32,
    /// Points to credit, 1 to config.max_points; 0 with `rule`.
    pub points: u32,
    /// The shopper's Alipay user id (2088...), ASCII, at most 32 bytes. Required.
    pub user_id: *const c_char,
    /// The payment's trade number, ASCII, at most 32 bytes. Required: one sale, one number.
    /// Source: KoubeiMarketingToolPointsUpdateModel (biz_no of a DEPOSIT).
    pub biz_no: *const c_char,
    /// At most 256 characters.
    pub memo: *const c_char,
    /// Opaque to the gateway, at most 2000 characters.
    pub ext_info: *const c_char,
    /// Shop; default: the configured one.
    pub shop_id: *const c_char,
    /// Point account; default: the configured one.
    pub activity_account: *const c_char,
    /// Idempotency key of your own, ASCII, at most 32 bytes. Default, and what a till wants:
    /// derived from application, merchant, account and biz_no.
    pub req_id: *const c_char,
    /// Tells apart two credits for one biz_no (a bonus), ASCII, at most 32 bytes.
    pub part: *const c_char,
    /// Whose sale it is, of config.merchants; default: the client's own.
    pub merchant: *const c_char,
    /// POINTCARD_F_MANAGER, or 0.
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
    /// Instead of `points`: the rule that says what amount_fen is worth (section "Earning rule"),
    /// read during the call. ticket.points tells what it gave. A clock before 2020 counts as
    /// unknown: no bonus holds. Only for pointcard_accrue.
    pub rule: *const pointcard_rule,
    /// With `rule`: what was paid, in fen (1 yuan = 100 fen).
    pub amount_fen: u64,
}

// Safety: repr(C), u32 first, integers and pointers only.
unsafe impl Versioned for pointcard_sale {
    const NAME: &'static str = "sale";
    const V1_SIZE: usize = core::mem::offset_of!(pointcard_sale, part) + size_of::<*const c_char>();
}

/// Where a sale went.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_ticket {
    /// Set by POINTCARD_TICKET_INIT.
    pub struct_size: u32,
    /// 1: the sale was recorded before, and this is the first record.
    pub duplicate: u32,
    /// Number of the queue entry.
    pub seq: u64,
    /// The idempotency key, the same on every resend. Print it on the receipt.
    pub req_id: [c_char; 33],
    /// 1: a refund whose sale was never sent, told by the call that voided it: both are settled
    /// now, nothing goes out.
    pub voided: u32,
    /// The points recorded, by this call or the first one with this sale. 0 = sale.amount_fen earns
    /// none: nothing was recorded, seq is 0 and req_id is empty.
    pub points: u32,
}

// Safety: repr(C), u32 first, integers only.
unsafe impl Versioned for pointcard_ticket {
    const NAME: &'static str = "ticket";
    const V1_SIZE: usize = core::mem::offset_of!(pointcard_ticket, req_id) + 33;
}

/// Records points for a paid sale (trans_type DEPOSIT). Works offline; never waits for the network.
///
/// When this returns POINTCARD_OK the entry is on storage and will be sent with the same req_id
/// until the gateway gives a verified answer, across restarts. A sale recorded a moment ago is
/// answered with its first ticket, so a till that is unsure simply calls again with the same sale.
/// With a rule the first ticket's points count, whatever hour it is by then.
///
/// Source: step 2 of the quick-start guide of Koubei point cards; Alipay's page of
/// koubei.marketing.tool.points.update (req_id controls idempotency).
///
/// @param client  an open client
/// @param sale    read during the call
/// @param ticket  receives where it went; may be NULL
///
/// Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_MISSING, ERR_TOO_LONG, ERR_ENCODING (not text, or not to
/// be said in config.charset; the detail has the member and the offset), ERR_RANGE (points,
/// amount_fen, rule), ERR_ARGUMENT (flags; points beside amount_fen or rule), ERR_NOT_FOUND
/// (merchant), ERR_CONFLICT (same biz_no, other content), ERR_QUEUE_FULL (no room, or a limit that the
/// detail names), ERR_BAD_STATE, ERR_BUSY: nothing was recorded. ERR_STORAGE: unknown whether it was;
/// call again, with the same sale.
/// Not for interrupt handlers.
// Safety: `client` as everywhere; `sale` and `ticket` are null or structures as the header
// describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_accrue(
    client: *mut pointcard_client,
    sale: *const pointcard_sale,
    ticket: *mut pointcard_ticket,
) -> Status {
    // Safety: as promised above.
    unsafe {
        ticketed(client, ticket, |client| {
            let sale = structs::read(sale)?;
            let rule = rule_of(&sale)?;
            let (rule, amount_fen) = (rule.as_ref(), sale.amount_fen);
            let plain = pointcard_sale { rule: core::ptr::null(), amount_fen: 0, ..sale };
            texts::with(client, |client, reader| {
                client.accrue(&Sale { rule, amount_fen, ..rust_sale(&plain, reader)? })
            })
        })
    }
}

/// Runs what ends in a ticket.
// Safety: `client` as everywhere; `ticket` is null or as the header describes it.
pub(super) unsafe fn ticketed(
    client: *mut pointcard_client,
    ticket: *mut pointcard_ticket,
    work: impl FnOnce(&mut CClient) -> Result<Ticket>,
) -> Status {
    // Safety: as promised above.
    super::status(unsafe {
        cell::with(client, |client| {
            if !ticket.is_null() {
                structs::check_out(ticket)?;
            }
            let went = work(client)?;
            hand_over(&went, ticket);
            Ok(())
        })
    })
}

// Safety: `ticket` is null or checked.
pub(super) unsafe fn hand_over(went: &Ticket, ticket: *mut pointcard_ticket) {
    if !ticket.is_null() {
        let out = pointcard_ticket {
            struct_size: 0,
            duplicate: went.duplicate.into(),
            seq: went.seq,
            req_id: chars(&went.req_id),
            voided: went.voided.into(),
            points: went.points,
        };
        // Safety: as promised above.
        unsafe { structs::write(ticket, &out) };
    }
}

// Safety: the sale's rule is null or a structure as the header describes it.
unsafe fn rule_of(sale: &pointcard_sale) -> Result<Option<Rule>> {
    if sale.rule.is_null() {
        return Ok(None);
    }
    // Safety: promised.
    rust_rule(&unsafe { structs::read(sale.rule)? }).map(Some)
}

// Safety: the texts of `sale` are NUL-terminated or null and live through the call.
pub(super) unsafe fn rust_sale<'a>(
    sale: &pointcard_sale,
    reader: &mut texts::Reader<'a>,
) -> Result<Sale<'a>> {
    let manager = waives(sale.flags, "sale.flags")?;
    if sale.reserved != 0 {
        return Err(Error::new(Status::Argument, "sale.reserved"));
    }
    if !sale.rule.is_null() || sale.amount_fen != 0 {
        return Err(Error::new(Status::Argument, "sale.rule"));
    }
    // A character is at most four bytes; the exact limits are checked in the safe API.
    const MEMO: usize = points::MEMO_MAX * 4;
    const EXT: usize = points::EXT_INFO_MAX * 4;
    // Safety: as promised above.
    unsafe {
        Ok(Sale {
            user_id: call_text(sale.user_id, "sale.user_id", points::USER_ID_MAX)?,
            biz_no: call_text(sale.biz_no, "sale.biz_no", points::BIZ_NO_MAX)?,
            points: sale.points,
            amount_fen: 0,
            rule: None,
            memo: reader.read(sale.memo, "sale.memo", MEMO)?,
            ext_info: reader.read(sale.ext_info, "sale.ext_info", EXT)?,
            shop_id: call_text(sale.shop_id, "sale.shop_id", points::SHOP_ID_MAX)?,
            activity_account: call_text(
                sale.activity_account,
                "sale.activity_account",
                points::ACTIVITY_ACCOUNT_MAX,
            )?,
            req_id: call_text(sale.req_id, "sale.req_id", points::REQ_ID_MAX)?,
            part: call_text(sale.part, "sale.part", points::REQ_ID_MAX)?,
            merchant: call_text(sale.merchant, "sale.merchant", MERCHANT_MAX)?,
            manager,
        })
    }
}

/// Whether a manager waives the limits.
fn waives(flags: u32, what: &'static str) -> Result<bool> {
    match flags & !POINTCARD_F_MANAGER {
        0 => Ok(flags != 0),
        _ => Err(Error::new(Status::Argument, what)),
    }
}

/// A refund of a sale. Texts are NUL-terminated, read during the call; NULL or "" = not given. memo
/// comes in config.text_charset, the others are ASCII.
///
/// Source: Alipay's page of koubei.marketing.tool.points.update (CONSUME spends at once; it has no
/// biz_no, so that memo and ext_info name the sale).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_refund_order {
    /// Set by POINTCARD_REFUND_ORDER_INIT.
    pub struct_size: u32,
    /// Points to take back: at most what earlier refunds have left of the sale's.
    pub points: u32,
    /// The sale's trade number. Required.
    pub biz_no: *const c_char,
    /// The refund's own number (out_request_no): letters, digits, '-', '_', '.', at most 32 bytes.
    /// Required: the same number again is the same refund.
    pub refund_no: *const c_char,
    /// Shown to the shopper, at most 256 characters; default: 退款 and the trade number.
    pub memo: *const c_char,
    /// As the sale's.
    pub activity_account: *const c_char,
    /// As the sale's.
    pub part: *const c_char,
    /// As the sale's, when it had one of its own.
    pub req_id: *const c_char,
    /// As the sale's.
    pub merchant: *const c_char,
    /// Only for a sale so old that its record is overwritten: the shopper.
    pub user_id: *const c_char,
    /// Only for a sale so old that its record is overwritten: what is left of its points, from
    /// your own books. 0: such a sale is ERR_NOT_FOUND.
    pub points_left: u32,
    /// POINTCARD_F_MANAGER, or 0.
    pub flags: u32,
}

// Safety: repr(C), u32 first, integers and pointers only.
unsafe impl Versioned for pointcard_refund_order {
    const NAME: &'static str = "refund";
    const V1_SIZE: usize = core::mem::offset_of!(pointcard_refund_order, flags) + 4;
}

/// Takes points back for a refunded sale. Works offline; never waits for the network.
///
/// When this returns POINTCARD_OK the refund is on storage and arrives exactly once, like a sale;
/// call it again with the same refund_no when unsure. A sale that was never sent is voided with it
/// if all its points are taken back (ticket.voided); else the points are spent (CONSUME) as soon
/// as the sale is settled. Reads the whole queue.
///
/// @param client  an open client
/// @param refund  read during the call
/// @param ticket  receives where it went; may be NULL
///
/// Returns ERR_NOT_FOUND (no record of the sale is left, or no such merchant), ERR_REJECTED (the
/// gateway refused the sale: nothing to take back), ERR_UNCERTAIN (nobody knows whether it was
/// credited: look into the dead letters first), ERR_RANGE (points; the detail's `at` is what is
/// left), ERR_CONFLICT (the same refund_no with other points; another shopper), ERR_NULL,
/// ERR_STRUCT_SIZE, ERR_MISSING, ERR_TOO_LONG, ERR_ENCODING, ERR_QUEUE_FULL, ERR_BAD_STATE,
/// ERR_BUSY: nothing was recorded. ERR_STORAGE: unknown; call again. Not for interrupt handlers.
///
/// Source: Alipay's page of koubei.marketing.tool.points.update (CONSUME).
// Safety: `client` as everywhere; `refund` and `ticket` are null or structures as the header
// describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_refund(
    client: *mut pointcard_client,
    refund: *const pointcard_refund_order,
    ticket: *mut pointcard_ticket,
) -> Status {
    // Safety: as promised above.
    unsafe {
        ticketed(client, ticket, |client| {
            let refund = structs::read(refund)?;
            texts::with(client, |client, reader| client.refund(&rust_refund(&refund, reader)?))
        })
    }
}

// Safety: the texts of `refund` are NUL-terminated or null and live through the call.
unsafe fn rust_refund<'a>(
    refund: &pointcard_refund_order,
    reader: &mut texts::Reader<'a>,
) -> Result<Refund<'a>> {
    let manager = waives(refund.flags, "refund.flags")?;
    // Safety: as promised above.
    unsafe {
        Ok(Refund {
            biz_no: call_text(refund.biz_no, "refund.biz_no", points::BIZ_NO_MAX)?,
            refund_no: call_text(refund.refund_no, "refund.refund_no", REFUND_NO_MAX)?,
            points: refund.points,
            memo: reader.read(refund.memo, "refund.memo", points::MEMO_MAX * 4)?,
            activity_account: call_text(
                refund.activity_account,
                "refund.activity_account",
                points::ACTIVITY_ACCOUNT_MAX,
            )?,
            part: call_text(refund.part, "refund.part", points::REQ_ID_MAX)?,
            req_id: call_text(refund.req_id, "refund.req_id", points::REQ_ID_MAX)?,
            merchant: call_text(refund.merchant, "refund.merchant", MERCHANT_MAX)?,
            user_id: call_text(refund.user_id, "refund.user_id", points::USER_ID_MAX)?,
            points_left: refund.points_left,
            manager,
        })
    }
}
