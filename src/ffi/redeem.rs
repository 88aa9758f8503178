//! Section: redeem. Points become a coupon: frozen, authorised, claimed, spent, or released.
//!
//! In: an order, messages, texts of another queue. Out: the link to show, where each offer stands.

use core::ffi::c_char;

use super::cell::{self, Cell};
use super::fault::TextOut;
use super::life::pointcard_client;
use super::notification::{POINTCARD_NOTIFY_COUPON, pointcard_notification};
use super::queue::{own, pointcard_cursor};
use super::structs::{self, Versioned, chars};
use super::sync::{note, on_line};
use super::{call_text, status};
use crate::claim::link;
use crate::client::MERCHANT_MAX;
use crate::client::redeem::{Filed, Listed, Standing};
use crate::gateway::notify::{CouponIssued, ID_MAX};
use crate::gateway::{points, prize};
use crate::points::redeem::{OUT_BIZ_NO_MAX, Redeem, TO_MAX};
use crate::points::redeem_text::TEXT_MAX;
use crate::points::sync;
use crate::status::{Error, Result, Status};
use crate::text::Writer;

/// Room for what pointcard_redeem_export and pointcard_redeem_import write, NUL included.
pub const POINTCARD_REDEEM_TEXT_MAX: usize = 1153;

const _: () = assert!(POINTCARD_REDEEM_TEXT_MAX == TEXT_MAX + 1);

/// A coupon for points. Texts are NUL-terminated ASCII, read during the call; NULL or "" = not
/// given.
///
/// Source: Alipay's page of koubei.marketing.tool.points.update (FREEZE); published integrations
/// for koubei.marketing.tool.prizesend.auth; the quick-start guide of Koubei point cards (the order
/// of the steps, and the claim page).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_redeem_order {
    /// Set by POINTCARD_REDEEM_ORDER_INIT.
    pub struct_size: u32,
    /// Points the coupon costs, 1 to config.max_points.
    pub points: u32,
    /// Your number of this offer: letters, digits, '-', '_', at most 32. Required. It names the
    /// offer in every other call and comes back in the notification. Never use it again.
    pub out_biz_no: *const c_char,
    /// The shopper's Alipay user id (2088...), at most 32 bytes. Required.
    pub user_id: *const c_char,
    /// What prizesend.auth wants as prize_id, at most 32 bytes. Required.
    pub prize_id: *const c_char,
    /// The claim page: `config` or `ext_info` of the activity's URL_WITH_TOKEN channel. The URL in
    /// it has at most 256 bytes. Required.
    pub link_base: *const c_char,
    /// The nearest shop where the coupon is good, for the link; default: none.
    pub shop_id: *const c_char,
    /// Point account; default: the configured one.
    pub activity_account: *const c_char,
    /// Whose offer it is, of config.merchants; default: the client's own.
    pub merchant: *const c_char,
    /// How long a token can be used, in seconds; default: a day. Alipay does not say how long.
    pub claim_life_s: u32,
    /// Zero.
    pub reserved: u32,
}

// Safety: repr(C), u32 first, integers and pointers only.
unsafe impl Versioned for pointcard_redeem_order {
    const NAME: &'static str = "redeem";
    const V1_SIZE: usize = core::mem::offset_of!(pointcard_redeem_order, reserved) + 4;
}

/// pointcard_offer.standing: points.update FREEZE was not sent, or nobody knows its end. (For all
/// of these: the documentation's docs/redemption.md says who acts in which, and what happens next.)
pub const POINTCARD_OFFER_FREEZING: i32 = 1;
/// Frozen; there is no token yet.
pub const POINTCARD_OFFER_FROZEN: i32 = 2;
/// The link may be shown.
pub const POINTCARD_OFFER_AUTHORISED: i32 = 3;
/// Handed to another queue; its receipt is awaited.
pub const POINTCARD_OFFER_EXPORTED: i32 = 4;
/// The other queue has it; the link may be shown here.
pub const POINTCARD_OFFER_HANDED: i32 = 5;
/// Claimed; to be spent by pointcard_sync.
pub const POINTCARD_OFFER_COMMITTING: i32 = 6;
/// To be released by pointcard_sync.
pub const POINTCARD_OFFER_CANCELLING: i32 = 7;
/// Claimed although it was released; to be spent by pointcard_sync without a freeze.
pub const POINTCARD_OFFER_CONSUMING: i32 = 8;
/// Spent.
pub const POINTCARD_OFFER_DONE: i32 = 9;
/// Released.
pub const POINTCARD_OFFER_CANCELLED: i32 = 10;
/// A coupon whose offer is not here.
pub const POINTCARD_OFFER_CLAIM: i32 = 11;
/// A coupon is out and its points were refused: a debt, for a person.
pub const POINTCARD_OFFER_OWED: i32 = 12;
/// FREEZE was refused after an attempt of unknown end: points may be frozen under a number nobody
/// knows. For a person.
pub const POINTCARD_OFFER_UNCERTAIN: i32 = 13;
/// CANCEL was refused. For a person.
pub const POINTCARD_OFFER_STUCK: i32 = 14;

const _: () = assert!(
    POINTCARD_OFFER_FREEZING == Standing::Freezing as i32
        && POINTCARD_OFFER_FROZEN == Standing::Frozen as i32
        && POINTCARD_OFFER_AUTHORISED == Standing::Authorised as i32
        && POINTCARD_OFFER_EXPORTED == Standing::Exported as i32
        && POINTCARD_OFFER_HANDED == Standing::Handed as i32
        && POINTCARD_OFFER_COMMITTING == Standing::Committing as i32
        && POINTCARD_OFFER_CANCELLING == Standing::Cancelling as i32
        && POINTCARD_OFFER_CONSUMING == Standing::Consuming as i32
        && POINTCARD_OFFER_DONE == Standing::Done as i32
        && POINTCARD_OFFER_CANCELLED == Standing::Cancelled as i32
        && POINTCARD_OFFER_CLAIM == Standing::Claim as i32
        && POINTCARD_OFFER_OWED == Standing::Owed as i32
        && POINTCARD_OFFER_UNCERTAIN == Standing::Uncertain as i32
        && POINTCARD_OFFER_STUCK == Standing::Stuck as i32
);

/// An offer, or a claim without one, as pointcard_redeem_list tells it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_offer {
    /// Set by POINTCARD_OFFER_INIT.
    pub struct_size: u32,
    /// POINTCARD_OFFER_FREEZING to POINTCARD_OFFER_STUCK.
    pub standing: i32,
    /// Number of the queue entry.
    pub seq: u64,
    /// When it was started (or the message came), seconds since 1970; 0 = the clock was unknown.
    pub created: u64,
    /// Since when it stands there, likewise.
    pub since: u64,
    /// Points; 0 for a claim.
    pub points: u32,
    /// How often the request that is due was sent.
    pub attempts: u32,
    /// For a person: 1 when the refusal may have met a repeat of what was executed before.
    pub uncertain: u32,
    /// For a person: the gateway's code, or CLAIM: a coupon nobody froze for.
    pub code: [c_char; 9],
    /// For a person: the gateway's sub_code.
    pub sub_code: [c_char; 65],
    /// The FREEZE's idempotency key.
    pub req_id: [c_char; 33],
    /// What FREEZE answered. Source: KoubeiMarketingToolPointsUpdateResponse.
    pub point_log_no: [c_char; 65],
    /// Your number of the offer.
    pub out_biz_no: [c_char; 129],
    /// The shopper; of a claim, who took the coupon.
    pub user_id: [c_char; 129],
}

// Safety: repr(C), u32 first, integers only.
unsafe impl Versioned for pointcard_offer {
    const NAME: &'static str = "offer";
    const V1_SIZE: usize = core::mem::offset_of!(pointcard_offer, user_id) + 129;
}

/// Freezes points, asks for the token, and gives the link to show (as a QR code as a rule). It needs
/// the network: at most two requests, each waited for.
///
/// The offer is durable before anything is sent, and every step before the next. When this fails,
/// nothing is lost: call it again with the same order (or pointcard_redeem_resume), also after a
/// power cut. What is never taken on is given up by pointcard_sync, and its points are released.
///
/// Source: steps of the quick-start guide of Koubei point cards (集点兑换优惠券).
///
/// @param client      an open client
/// @param order       read during the call; begin with POINTCARD_REDEEM_ORDER_INIT
/// @param timeout_ms  longest wait for each request; 0 = 15000
/// @param link        receives the link, NUL-terminated ASCII
/// @param cap         bytes there; POINTCARD_CLAIM_LINK_MAX is always enough
/// @param link_len    receives the length without the NUL; may be NULL
///
/// Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_MISSING, ERR_TOO_LONG, ERR_ENCODING, ERR_RANGE, and for
/// redeem.link_base what pointcard_claim_link returns; ERR_NOT_FOUND (merchant), ERR_CONFLICT (the
/// number is another offer's), ERR_BAD_STATE (the offer has gone another way, or is over),
/// ERR_QUEUE_FULL, ERR_BUSY (a sync is under way; more than 64 older entries wait), ERR_UNSUPPORTED
/// (no transport), ERR_SIGNER (also: requests are signed elsewhere), ERR_ENTROPY, ERR_STORAGE;
/// ERR_TRANSPORT (offline), ERR_UNKNOWN, ERR_TOKEN, ERR_THROTTLED, ERR_REFUSED, ERR_UNSIGNED,
/// ERR_SIGNATURE, ERR_MALFORMED: call again; ERR_REJECTED: the gateway refused, the offer is over;
/// ERR_UNCERTAIN: refused after an attempt of unknown end, it is listed; ERR_BUFFER_TOO_SMALL
/// (link_len: the capacity needed; the offer stands).
// Safety: `client` as everywhere; `order` as the header describes it; `link` has `cap` writable
// bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_redeem_start(
    client: *mut pointcard_client,
    order: *const pointcard_redeem_order,
    timeout_ms: u32,
    link: *mut c_char,
    cap: usize,
    link_len: *mut usize,
) -> Status {
    // Safety: as promised above.
    let done = unsafe { cell::open(client) }.and_then(|cell| unsafe {
        let order = structs::read(order)?;
        let order = rust_order(&order)?;
        on_link(cell, TextOut { out: link, cap, len: link_len }, |transport, io, out| {
            sync::redeem(cell, transport, io, &order, out, timeout_ms).map(|_| ())
        })
    });
    // Safety: as promised above.
    status(unsafe { note(client, done) })
}

/// Takes a started offer on from wherever it stands, and gives its link (again).
///
/// @param client      an open client
/// @param out_biz_no  the offer's number
/// @param timeout_ms  longest wait for each request; 0 = 15000
/// @param link        receives the link, NUL-terminated ASCII
/// @param cap         bytes there; POINTCARD_CLAIM_LINK_MAX is always enough
/// @param link_len    receives the length without the NUL; may be NULL
///
/// Returns ERR_NOT_FOUND, and as pointcard_redeem_start. ERR_BAD_STATE also for an offer that was
/// handed over and whose receipt has not come.
///
/// Source: the quick-start guide of Koubei point cards, its claim page.
// Safety: `client` as everywhere; `link` has `cap` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_redeem_resume(
    client: *mut pointcard_client,
    out_biz_no: *const c_char,
    timeout_ms: u32,
    link: *mut c_char,
    cap: usize,
    link_len: *mut usize,
) -> Status {
    // Safety: as promised above.
    let done = unsafe { cell::open(client) }.and_then(|cell| unsafe {
        let number = number(out_biz_no)?;
        on_link(cell, TextOut { out: link, cap, len: link_len }, |transport, io, out| {
            sync::resume(cell, transport, io, number, out, timeout_ms)
        })
    });
    // Safety: as promised above.
    status(unsafe { note(client, done) })
}

/// Runs `work` on the line and lets it write the link.
// Safety: as TextOut::fill.
unsafe fn on_link(
    cell: &Cell,
    out: TextOut,
    work: impl FnOnce(&mut dyn crate::port::Transport, &mut [u8], &mut Writer<'_>) -> Result<()>,
) -> Result<()> {
    let fill = |link: &mut Writer<'_>| {
        cell.exchange(|io| on_line(cell, |transport| work(transport, io, link)))
    };
    // Safety: as promised.
    unsafe { out.fill(fill) }
}

/// pointcard_redeem_commit: its offer is here and will be spent (or was).
pub const POINTCARD_FILED_JOINED: i32 = 1;
/// Its offer is not here, or was handed over: stored, and joined when the offer comes.
pub const POINTCARD_FILED_STORED: i32 = 2;
/// A coupon nobody froze for: a dead letter, for a person.
pub const POINTCARD_FILED_DEBT: i32 = 3;

const _: () = assert!(
    POINTCARD_FILED_JOINED == Filed::Joined as i32
        && POINTCARD_FILED_STORED == Filed::Stored as i32
        && POINTCARD_FILED_DEBT == Filed::Debt as i32
);

/// Files the message that a coupon was taken. Works offline; pointcard_sync spends the points.
///
/// When it returns POINTCARD_OK the message is durable: reply POINTCARD_NOTIFY_REPLY. For any other
/// status reply something else, and it is delivered again. The same again changes nothing.
///
/// Source: the notification of the quick-start guide of Koubei point cards.
///
/// @param client        an open client
/// @param notification  as pointcard_notification_read filled it, POINTCARD_NOTIFY_COUPON
/// @param filed         receives POINTCARD_FILED_JOINED, _STORED or _DEBT; may be NULL
///
/// Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_ARGUMENT (another kind of message; another app's),
/// ERR_MISSING, ERR_BAD_STATE, ERR_BUSY, ERR_QUEUE_FULL, ERR_STORAGE: not filed.
// Safety: `client` as everywhere; `notification` as the header describes it; `filed` is null or
// writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_redeem_commit(
    client: *mut pointcard_client,
    notification: *const pointcard_notification,
    filed: *mut i32,
) -> Status {
    // Safety: as promised above.
    let done = unsafe {
        cell::with(client, |client| {
            let mut message = structs::room();
            let message = structs::read_to(notification, &mut message)?;
            if message.kind != POINTCARD_NOTIFY_COUPON {
                return Err(Error::new(Status::Argument, "notification.kind"));
            }
            client.redeem_commit(&CouponIssued {
                notify_id: id(&message.notify_id, "notify_id")?,
                isv_out_biz_id: id(&message.isv_out_biz_id, "isv_out_biz_id")?,
                buyer_id: id(&message.buyer_id, "buyer_id")?,
                app_id: Some(id(&message.app_id, "app_id")?),
                notify_time: None,
                auth_app_id: None,
                merchant_uid: None,
                business_order: None,
                id: None,
            })
        })
    };
    if let (Ok(done), false) = (&done, filed.is_null()) {
        // Safety: not null, writable as promised.
        unsafe { filed.write_unaligned(*done as i32) };
    }
    status(done)
}

/// Gives an offer up. Works offline; points that may be frozen are released by pointcard_sync.
///
/// A token cannot be revoked. So an offer whose link was given out is not given up before its time
/// is over (claim_life_s, and 25 hours for late notifications), unless `word` is 1: then you vouch
/// that the shopper cannot claim any more. A claim that comes all the same is settled by CONSUME.
/// For an entry that waits for a person (and a claim without an offer) 1 says that a person has
/// dealt with it: it is forgotten. A debt under this number is meant first, an offer by the next call.
///
/// @param client      an open client
/// @param out_biz_no  the offer's number
/// @param word        1 = your word; else 0
///
/// Returns ERR_NULL, ERR_NOT_FOUND, ERR_BAD_STATE (the link may be out, it was claimed, or it is
/// another queue's), ERR_BUSY, ERR_QUEUE_FULL, ERR_STORAGE.
///
/// Source: Alipay's page of koubei.marketing.tool.points.update (CANCEL, CONSUME) and its page on
/// asynchronous notifications (eight deliveries in 25 hours).
// Safety: `client` as everywhere; `out_biz_no` is null or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_redeem_cancel(
    client: *mut pointcard_client,
    out_biz_no: *const c_char,
    word: u32,
) -> Status {
    // Safety: as promised above.
    status(unsafe {
        cell::with(client, |client| {
            // A claim may carry any number.
            let number = call_text(out_biz_no, "out_biz_no", ID_MAX * 4)?;
            client.redeem_cancel(number, word != 0)
        })
    })
}

/// The next offer, or claim without one: those somebody may have to do something about, and those
/// that are over and still kept to know a late message.
///
/// @param client  an open client
/// @param cursor  where the list stands; begin with a zeroed one
/// @param offer   receives it; begin with POINTCARD_OFFER_INIT
///
/// Returns POINTCARD_IDLE at the end; ERR_NULL, ERR_STRUCT_SIZE, ERR_ARGUMENT (the cursor was never
/// zeroed), ERR_BAD_STATE, ERR_BUSY, ERR_STORAGE, ERR_MALFORMED.
// Safety: `client` as everywhere; `cursor` and `offer` are null or as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_redeem_list(
    client: *mut pointcard_client,
    cursor: *mut pointcard_cursor,
    offer: *mut pointcard_offer,
) -> Status {
    // Safety: as promised above.
    let found = unsafe {
        cell::with(client, |client| {
            structs::check_out(offer)?;
            if cursor.is_null() {
                return Err(Error::new(Status::Null, "cursor"));
            }
            Ok(client.redeem_list(own(cursor)?)?.as_ref().map(c_offer))
        })
    };
    match found {
        Ok(Some(found)) => {
            // Safety: checked above.
            unsafe { structs::write(offer, &found) };
            Status::Ok
        }
        Ok(None) => Status::Idle,
        Err(error) => error.status,
    }
}

/// Hands an offer to another queue (the server where the notification arrives): a signed text for
/// pointcard_redeem_import there. Do it before the link is shown: pointcard_redeem_resume gives it
/// once pointcard_redeem_handed_over has taken the receipt. Works offline.
///
/// Durable before it returns; again gives the same text. It names the shopper: send it over a line
/// you trust.
///
/// @param client      an open client
/// @param out_biz_no  the offer's number
/// @param to          the other queue's name, ASCII, at most 32 bytes
/// @param text        receives the text, NUL-terminated, URL-safe
/// @param cap         bytes there, at least POINTCARD_REDEEM_TEXT_MAX
/// @param text_len    receives the length without the NUL; may be NULL
///
/// Returns ERR_NULL, ERR_MISSING, ERR_TOO_LONG, ERR_ENCODING, ERR_NOT_FOUND, ERR_CONFLICT (handed to
/// another), ERR_BAD_STATE (there is no link yet, or it has gone another way), ERR_SIGNER (also:
/// requests are signed elsewhere), ERR_ENTROPY, ERR_BUFFER_TOO_SMALL, ERR_BUSY, ERR_QUEUE_FULL,
/// ERR_STORAGE.
///
/// Source: none of Alipay's; our own text, signed like a request.
// Safety: `client` as everywhere; texts are null or NUL-terminated; `text` has `cap` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_redeem_export(
    client: *mut pointcard_client,
    out_biz_no: *const c_char,
    to: *const c_char,
    text: *mut c_char,
    cap: usize,
    text_len: *mut usize,
) -> Status {
    // Safety: as promised above.
    status(unsafe {
        cell::with(client, |client| {
            let (number, to) = (number(out_biz_no)?, call_text(to, "to", TO_MAX)?);
            let out = TextOut { out: text, cap, len: text_len };
            out.lend(|room| client.redeem_export(number, to, room).map(str::len))
        })
    })
}

/// Takes an offer over from a till. Works offline.
///
/// Durable before it returns; again gives the same receipt, which goes back to the till. From now
/// on this queue spends or releases its points.
///
/// @param client       an open client
/// @param text         what pointcard_redeem_export wrote
/// @param me           this queue's name, as the till was told
/// @param receipt      receives the receipt, NUL-terminated, URL-safe
/// @param cap          bytes there, at least POINTCARD_REDEEM_TEXT_MAX
/// @param receipt_len  receives the length without the NUL; may be NULL
///
/// Returns ERR_NULL, ERR_MALFORMED, ERR_SIGNATURE (not of this application's key, or changed),
/// ERR_ARGUMENT (text.to: for another queue), ERR_NOT_FOUND (text.merchant), ERR_RANGE (text.at: its
/// time is over), ERR_CONFLICT (another offer has its number), ERR_BAD_STATE (it was given up here),
/// and as pointcard_redeem_export.
///
/// Source: none of Alipay's.
// Safety: `client` as everywhere; texts are null or NUL-terminated; `receipt` has `cap` writable
// bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_redeem_import(
    client: *mut pointcard_client,
    text: *const c_char,
    me: *const c_char,
    receipt: *mut c_char,
    cap: usize,
    receipt_len: *mut usize,
) -> Status {
    // Safety: as promised above.
    status(unsafe {
        cell::with(client, |client| {
            let (text, me) = (call_text(text, "text", LONG)?, call_text(me, "me", TO_MAX)?);
            let out = TextOut { out: receipt, cap, len: receipt_len };
            out.lend(|room| client.redeem_import(text, me, room).map(str::len))
        })
    })
}

/// The other queue has the offer: from now on pointcard_redeem_resume gives its link. Works offline;
/// again is fine.
///
/// @param client   an open client
/// @param receipt  what pointcard_redeem_import wrote
///
/// Returns ERR_NULL, ERR_MALFORMED, ERR_SIGNATURE, ERR_ARGUMENT (a receipt for another hand-over),
/// ERR_NOT_FOUND, ERR_BAD_STATE (the offer was given up meanwhile: show no link), ERR_BUSY,
/// ERR_QUEUE_FULL, ERR_STORAGE.
///
/// Source: none of Alipay's.
// Safety: `client` as everywhere; `receipt` is null or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_redeem_handed_over(
    client: *mut pointcard_client,
    receipt: *const c_char,
) -> Status {
    // Safety: as promised above.
    status(unsafe {
        cell::with(client, |client| client.redeem_handed_over(call_text(receipt, "receipt", LONG)?))
    })
}

/// A text with white space around it.
const LONG: usize = TEXT_MAX * 2;

// Safety: `text` is null or NUL-terminated and lives through the call.
unsafe fn number<'a>(text: *const c_char) -> Result<&'a str> {
    // Safety: as promised.
    unsafe { call_text(text, "out_biz_no", OUT_BIZ_NO_MAX) }
}

/// A text of a filled structure; `Encoding` when nobody has filled it.
fn id<'a>(text: &'a [c_char; 129], what: &'static str) -> Result<&'a str> {
    let len = text.iter().position(|c| *c == 0).ok_or(Error::new(Status::TooLong, what))?;
    // Safety: `len` characters of the array; a c_char is a byte.
    let bytes = unsafe { core::slice::from_raw_parts(text.as_ptr().cast::<u8>(), len) };
    super::utf8(bytes, what)
}

// Safety: the texts of `order` are NUL-terminated or null and live through the call.
unsafe fn rust_order<'a>(order: &pointcard_redeem_order) -> Result<Redeem<'a>> {
    // A character is at most four bytes, and JSON around a URL may escape all of it.
    const BASE: usize = link::BASE_MAX * 8;
    // Safety: as promised above.
    unsafe {
        Ok(Redeem {
            out_biz_no: call_text(order.out_biz_no, "redeem.out_biz_no", OUT_BIZ_NO_MAX)?,
            user_id: call_text(order.user_id, "redeem.user_id", points::USER_ID_MAX)?,
            points: order.points,
            prize_id: call_text(order.prize_id, "redeem.prize_id", prize::PRIZE_ID_MAX)?,
            link_base: call_text(order.link_base, "redeem.link_base", BASE)?,
            shop_id: call_text(order.shop_id, "redeem.shop_id", points::SHOP_ID_MAX)?,
            activity_account: call_text(
                order.activity_account,
                "redeem.activity_account",
                points::ACTIVITY_ACCOUNT_MAX,
            )?,
            merchant: call_text(order.merchant, "redeem.merchant", MERCHANT_MAX)?,
            claim_life_s: order.claim_life_s,
        })
    }
}

fn c_offer(line: &Listed<'_>) -> pointcard_offer {
    pointcard_offer {
        struct_size: 0,
        standing: line.standing as i32,
        seq: line.seq,
        created: line.created,
        since: line.since,
        points: line.points,
        attempts: line.attempts.into(),
        uncertain: line.uncertain.into(),
        code: chars(line.code),
        sub_code: chars(line.sub_code),
        req_id: chars(line.req_id),
        point_log_no: chars(line.point_log_no),
        out_biz_no: chars(line.out_biz_no),
        user_id: chars(line.user_id),
    }
}
