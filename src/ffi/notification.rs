//! Section: notifications. Bytes of a request to the integrator's server → a message to believe.
//!
//! In: query string or form body, Alipay's public key. Out: typed texts in UTF-8, any other signed
//! field by name, and whether a message was taken before.

use core::ffi::c_char;

use super::fault::{TextOut, bytes, pointcard_fault, stateless};
use super::keys::{loaded, pointcard_key, required, rust_sign_type};
use super::life::{POINTCARD_GBK, POINTCARD_UTF8};
use super::structs::{self, Versioned, fill};
use super::{config_text, status};
use crate::gateway::Session;
use crate::gateway::notify::{self, FIELDS_MAX, Message, Seen, SeenId, Variant, Verified};
use crate::json::{self, Encoding};
use crate::status::{Error, Result, Status};
use crate::text::Writer;

/// pointcard_notification.kind: a shopper has the coupon (领券成功). Source: the quick-start guide of
/// Koubei point cards (EC-promocore-prize-notice).
pub const POINTCARD_NOTIFY_COUPON: i32 = 1;
/// An activity changed its state. Source: messages that integrators publish
/// (EC-CAMPAIGN_PROCESS-CAMPAIGN_SYNCH).
pub const POINTCARD_NOTIFY_ACTIVITY: i32 = 2;
/// Something else; answer it, or it comes again.
pub const POINTCARD_NOTIFY_OTHER: i32 = 3;

/// pointcard_notification.variant: signed without sign_type and empty fields. Source: Alipay's page
/// on asynchronous messages (all but sign and sign_type).
pub const POINTCARD_NOTIFY_V1: i32 = 1;
/// Signed without sign_type, empty fields included. Source: Alipay's pages disagree about empty values.
pub const POINTCARD_NOTIFY_V1_EMPTY: i32 = 2;
/// Signed with sign_type, without empty fields. Source: Alipay's Java SDK (rsaCheckV2).
pub const POINTCARD_NOTIFY_V2: i32 = 3;
/// Signed with sign_type and empty fields. Source: the same, and its pages disagree about empty
/// values.
pub const POINTCARD_NOTIFY_V2_EMPTY: i32 = 4;

/// A notification as it came, and who it should be for. Read during the call.
///
/// Source: Alipay's page on asynchronous messages.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_notification_in {
    /// Set by POINTCARD_NOTIFICATION_IN_INIT.
    pub struct_size: u32,
    /// POINTCARD_RSA2 (default) or POINTCARD_RSA: how a message is signed that does not say (that of
    /// an activity does not), and the least that is believed: RSA2 refuses a message that says RSA.
    pub sign_type: i32,
    /// POINTCARD_UTF8 (default) or POINTCARD_GBK: the charset of a message that does not say.
    pub charset: i32,
    /// Zero.
    pub reserved: u32,
    /// Alipay's public key, loaded with POINTCARD_KEY_PUBLIC. Required.
    pub alipay_key: *mut pointcard_key,
    /// The app it has to be for. Required: Alipay signs every app's messages. (An activity's
    /// message names no app and is not compared.)
    pub app_id: *const c_char,
    /// The merchant's app it has to be about; NULL = any.
    pub auth_app_id: *const c_char,
    /// POST: the body. GET: the query, or the URL or path with it.
    pub raw: *const u8,
    /// Bytes there.
    pub raw_len: usize,
}

// Safety: repr(C), u32 first, integers and pointers only.
unsafe impl Versioned for pointcard_notification_in {
    const NAME: &'static str = "notification_in";
    const V1_SIZE: usize =
        core::mem::offset_of!(pointcard_notification_in, raw_len) + size_of::<usize>();
}

/// A verified message. What it does not carry is "". All texts are UTF-8.
///
/// Source: the notification of the quick-start guide of Koubei point cards (coupon: its table and
/// example); a published integration (activity; Alipay documents none of its fields).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_notification {
    /// Set by POINTCARD_NOTIFICATION_INIT.
    pub struct_size: u32,
    /// POINTCARD_NOTIFY_COUPON, POINTCARD_NOTIFY_ACTIVITY or POINTCARD_NOTIFY_OTHER.
    pub kind: i32,
    /// POINTCARD_NOTIFY_V1 to POINTCARD_NOTIFY_V2_EMPTY: over which string the signature holds.
    pub variant: i32,
    /// POINTCARD_UTF8 or POINTCARD_GBK: what it came in.
    pub charset: i32,
    /// Names the message; the same in every delivery.
    pub notify_id: [c_char; 129],
    /// When it was sent, yyyy-MM-dd HH:mm:ss in Beijing.
    pub notify_time: [c_char; 129],
    /// koubei_receive_coupon_notify for a coupon.
    pub notify_type: [c_char; 129],
    /// EC-promocore-prize-notice for a coupon.
    pub event_code: [c_char; 129],
    /// The app it is for.
    pub app_id: [c_char; 129],
    /// The merchant's app that authorised it.
    pub auth_app_id: [c_char; 129],
    /// Coupon: who took it (2088...).
    pub buyer_id: [c_char; 129],
    /// Coupon: the merchant that gave it.
    pub merchant_uid: [c_char; 129],
    /// Coupon: outBizNo of the claim link. It finds the frozen points: no field names them.
    pub isv_out_biz_id: [c_char; 129],
    /// The activity; absent from some coupon messages.
    pub id: [c_char; 129],
    /// Activity: names the change; the same in every delivery.
    pub order_id: [c_char; 129],
    /// Activity: CREATE, ENABLE...
    pub order_type: [c_char; 129],
    /// Activity: SUCCESS...
    pub order_status: [c_char; 129],
    /// Activity: when it was done, yyyy-MM-dd HH:mm:ss in Beijing.
    pub order_process_time: [c_char; 129],
    /// Activity: what it is now: STARTING, STARTED...
    pub status: [c_char; 129],
    /// The library's: how many fields there are, and which of them are signed.
    pub field_count: u32,
    /// The library's.
    pub signed_fields: u32,
    /// The library's: where the decoded fields are.
    pub fields: *const u8,
    /// The library's: where each name and each value ends there.
    pub field_ends: [u32; 64],
}

// Safety: repr(C), u32 first, integers and a pointer only.
unsafe impl Versioned for pointcard_notification {
    const NAME: &'static str = "notification";
    const V1_SIZE: usize = core::mem::offset_of!(pointcard_notification, field_ends) + 256;
}

const _: () = assert!(FIELDS_MAX == 32 && notify::ID_MAX == 128);

/// All members at zero.
// Safety: integers, null pointers.
const ZERO: pointcard_notification = unsafe { core::mem::zeroed() };

/// Reads a notification and verifies it. POST bodies and GET queries alike; fields are decoded once
/// and verified as bytes; where a sender forgot to escape a `+`, it is put back in `sign` only.
///
/// Reply POINTCARD_NOTIFY_REPLY once the message is stored. A message counts only when its ids are
/// known here: match isv_out_biz_id with an offer that is open.
///
/// Source: Alipay's page on asynchronous notifications; for the four strings a signature may be
/// made over, what its SDKs do.
///
/// @param in            the request; begin with POINTCARD_NOTIFICATION_IN_INIT
/// @param room          keeps the decoded fields as long as `notification` is used
/// @param cap           bytes there; raw_len are enough
/// @param notification  receives the message; begin with POINTCARD_NOTIFICATION_INIT
/// @param fault         receives what is wrong; may be NULL
///
/// Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_BAD_STATE and ERR_KEY_MISMATCH (the key), ERR_MISSING (a
/// required field; app_id), ERR_ARGUMENT (for another app: fault.what is "app_id"), ERR_SIGNATURE,
/// ERR_UNSIGNED, ERR_DUPLICATE (a name twice), ERR_MALFORMED (fault.what "damage.not": a web page
/// read &not as HTML, so that notify_id became ¬ify_id; fault.at: where), ERR_TOO_LONG (more than
/// 32 fields, an id above 128 bytes), ERR_ENCODING, ERR_UNSUPPORTED (charset; a sign_type
/// that is unknown, or weaker than the one in `in`),
/// ERR_BUFFER_TOO_SMALL (fault.at: the room needed): do not believe it.
// Safety: structures as the header describes them; `raw` has raw_len bytes, `room` has `cap`
// writable ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_notification_read(
    r#in: *const pointcard_notification_in,
    room: *mut u8,
    cap: usize,
    notification: *mut pointcard_notification,
    fault: *mut pointcard_fault,
) -> Status {
    // Safety: as promised above.
    unsafe {
        stateless(fault, || {
            structs::check_out(notification)?;
            let given = structs::read(r#in)?;
            if room.is_null() && cap != 0 {
                return Err(Error::new(Status::Null, "room").into());
            }
            let room: &mut [u8] =
                if cap == 0 { &mut [] } else { core::slice::from_raw_parts_mut(room, cap) };
            let mut found = ZERO;
            read(&given, room, &mut found)?;
            structs::write(notification, &found);
            Ok(())
        })
    }
}

// Safety: as pointcard_notification_read.
unsafe fn read(
    given: &pointcard_notification_in,
    room: &mut [u8],
    out: &mut pointcard_notification,
) -> Result<()> {
    let sign_type = rust_sign_type(given.sign_type, "sign_type")?;
    let otherwise = match given.charset {
        POINTCARD_UTF8 => Encoding::Utf8,
        POINTCARD_GBK => Encoding::Gbk,
        _ => return Err(Error::new(Status::Argument, "charset")),
    };
    // Safety: as promised.
    let (app_id, merchant, raw, key) = unsafe {
        (
            required(given.app_id, "app_id")?,
            config_text(given.auth_app_id, "auth_app_id")?,
            bytes(given.raw, given.raw_len, "raw")?,
            loaded(given.alipay_key)?,
        )
    };
    let (key, scratch) = key.verifier()?;
    let start = room.as_ptr();
    let message = notify::read(raw, room)?;
    let verified = message.verify(sign_type, key, scratch)?;
    out.kind = kind(&verified, &Session::new(app_id), Some(merchant).filter(|m| !m.is_empty()))?;
    let charset = message.encoding(otherwise)?;
    out.variant = variant(verified.variant());
    out.charset = if charset == Encoding::Gbk { POINTCARD_GBK } else { POINTCARD_UTF8 };
    out.fields = start;
    table(&verified, out);
    typed(&verified, otherwise, out)
}

/// What it is; a coupon has to be for this app and merchant.
fn kind(verified: &Verified<'_, '_>, session: &Session<'_>, merchant: Option<&str>) -> Result<i32> {
    match verified.message()? {
        Message::Coupon(coupon) => {
            coupon.check(session, merchant)?;
            Ok(POINTCARD_NOTIFY_COUPON)
        }
        Message::Activity(_) => Ok(POINTCARD_NOTIFY_ACTIVITY),
        Message::Other => Ok(POINTCARD_NOTIFY_OTHER),
    }
}

fn variant(variant: Variant) -> i32 {
    match variant {
        Variant::V1 => POINTCARD_NOTIFY_V1,
        Variant::V1Empty => POINTCARD_NOTIFY_V1_EMPTY,
        Variant::V2 => POINTCARD_NOTIFY_V2,
        Variant::V2Empty => POINTCARD_NOTIFY_V2_EMPTY,
    }
}

/// Where the fields are: names and values stand in the room one behind the other.
fn table(verified: &Verified<'_, '_>, out: &mut pointcard_notification) {
    let (mut end, mut ends) = (0, out.field_ends.iter_mut());
    for (index, field) in verified.notification().fields().iter().enumerate() {
        for part in [field.name, field.value] {
            end += part.len() as u32;
            if let Some(place) = ends.next() {
                *place = end;
            }
        }
        let name = core::str::from_utf8(field.name).unwrap_or_default();
        let signed = verified.field(name).is_some();
        out.signed_fields |= u32::from(signed) << index;
        out.field_count += 1;
    }
}

fn typed(
    verified: &Verified<'_, '_>,
    otherwise: Encoding,
    out: &mut pointcard_notification,
) -> Result<()> {
    let texts = [
        ("notify_id", &mut out.notify_id),
        ("notify_time", &mut out.notify_time),
        ("notify_type", &mut out.notify_type),
        ("event_code", &mut out.event_code),
        ("app_id", &mut out.app_id),
        ("auth_app_id", &mut out.auth_app_id),
        ("buyer_id", &mut out.buyer_id),
        ("merchant_uid", &mut out.merchant_uid),
        ("isv_out_biz_id", &mut out.isv_out_biz_id),
        ("id", &mut out.id),
        ("order_id", &mut out.order_id),
        ("order_type", &mut out.order_type),
        ("order_status", &mut out.order_status),
        ("order_process_time", &mut out.order_process_time),
        ("status", &mut out.status),
    ];
    texts.into_iter().try_for_each(|(name, to)| id(verified, otherwise, name, to))
}

/// A signed field's text; empty when it is not there.
fn id(
    verified: &Verified<'_, '_>,
    otherwise: Encoding,
    name: &'static str,
    to: &mut [c_char; 129],
) -> Result<()> {
    let mut room = [0; notify::ID_MAX];
    let mut writer = Writer::new(&mut room);
    match verified.text(name, otherwise, &mut writer) {
        Err(Error { status: Status::NotFound, .. }) => {}
        other => other.map_err(|error| Error { what: name, ..error })?,
    }
    let too_long = Error::new(Status::TooLong, name).at(notify::ID_MAX);
    let text = writer.finish_str().map_err(|_| too_long)?;
    fill(to, text.as_bytes());
    Ok(())
}

/// A signed field of a message by its name: business_order, name, memo, whatever the sender chose.
///
/// @param notification  read with pointcard_notification_read; its room is unchanged since
/// @param name          the field, NUL-terminated
/// @param out           receives the text as UTF-8, NUL-terminated
/// @param cap           bytes there
/// @param out_len       receives the length without the NUL; may be NULL
///
/// Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_BAD_STATE (nothing was read), ERR_MISSING (the name),
/// ERR_NOT_FOUND (not there, or not signed), ERR_ENCODING, ERR_UNSUPPORTED (GBK, built without it),
/// ERR_BUFFER_TOO_SMALL (out_len: the capacity needed).
// Safety: structures as the header describes them, the room as it was; `out` as usual.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_notification_field(
    notification: *const pointcard_notification,
    name: *const c_char,
    out: *mut c_char,
    cap: usize,
    out_len: *mut usize,
) -> Status {
    // Safety: as promised above.
    unsafe {
        stateless(core::ptr::null_mut(), || {
            let mut given = structs::room();
            let given = structs::read_to(notification, &mut given)?;
            let (name, out) = (required(name, "name")?, TextOut { out, cap, len: out_len });
            let value = field(given, name)?;
            Ok(out.fill(|out| match given.charset {
                POINTCARD_GBK => json::gbk(value, out),
                _ => {
                    let wrong = Error::new(Status::Encoding, "field");
                    out.str(core::str::from_utf8(value).map_err(|_| wrong)?);
                    Ok(())
                }
            })?)
        })
    }
}

// Safety: `given` was filled by pointcard_notification_read, and its room is as it was.
unsafe fn field<'a>(given: &'a pointcard_notification, name: &str) -> Result<&'a [u8]> {
    if given.fields.is_null() || given.field_count as usize > FIELDS_MAX {
        return Err(Error::new(Status::BadState, "notification"));
    }
    let (pairs, mut start) = (given.field_ends.as_chunks::<2>().0, 0);
    for (index, &[middle, end]) in pairs.iter().take(given.field_count as usize).enumerate() {
        // Safety: the parts stand there one behind the other.
        let (found, value) = unsafe {
            let part = |from: u32, to: u32| {
                let len = to.saturating_sub(from) as usize;
                core::slice::from_raw_parts(given.fields.add(from as usize), len)
            };
            (part(start, middle), part(middle, end))
        };
        if found == name.as_bytes() && given.signed_fields >> index & 1 == 1 {
            return Ok(value);
        }
        start = end;
    }
    Err(Error::new(Status::NotFound, "field"))
}

/// Room for one id in a ring of ids seen. Zero it.
#[repr(C)]
pub struct pointcard_seen_id {
    opaque: [u8; 16],
}

const _: () = assert!(size_of::<pointcard_seen_id>() == size_of::<SeenId>());

/// The latest messages, so that repeats are told: by notify_id, or an activity's order_id. One
/// thread at a time. In memory only: after a restart it knows nothing.
///
/// Source: Alipay's page on asynchronous messages (notify_id stays the same when one is repeated).
#[repr(C)]
pub struct pointcard_seen {
    /// Places for ids, zeroed; the caller's, kept as long as the ring is used.
    pub ids: *mut pointcard_seen_id,
    /// How many. Eight deliveries of each message in 25 hours: as many as messages in a day.
    pub count: u32,
    /// Zero to begin; the library's.
    pub next: u32,
}

/// Tells whether a message was kept before. A repeat is answered POINTCARD_NOTIFY_REPLY and not
/// worked on again.
///
/// Returns POINTCARD_OK (new); ERR_DUPLICATE (kept before); ERR_NULL, ERR_STRUCT_SIZE,
/// ERR_NOT_FOUND (it carries neither notify_id nor order_id).
// Safety: structures as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_seen_check(
    seen: *const pointcard_seen,
    notification: *const pointcard_notification,
) -> Status {
    // Safety: as promised above.
    status(unsafe {
        with_id(seen.cast_mut(), notification, |ring, kind, id| match ring.holds(kind, id) {
            true => Err(Error::new(Status::Duplicate, kind)),
            false => Ok(()),
        })
    })
}

/// Keeps a message's id. Call it once the message is stored, before the reply: in this order a
/// power cut loses nothing.
///
/// Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_NOT_FOUND (it carries neither notify_id nor order_id).
// Safety: structures as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_seen_keep(
    seen: *mut pointcard_seen,
    notification: *const pointcard_notification,
) -> Status {
    // Safety: as promised above.
    status(unsafe {
        with_id(seen, notification, |ring, kind, id| {
            ring.keep(kind, id);
            (*seen).next = ring.next() as u32;
            Ok(())
        })
    })
}

// Safety: as pointcard_seen_check.
unsafe fn with_id(
    seen: *mut pointcard_seen,
    notification: *const pointcard_notification,
    work: impl FnOnce(&mut Seen<'_>, &'static str, &[u8]) -> Result<()>,
) -> Result<()> {
    let mut given = structs::room();
    // Safety: as promised.
    let given = unsafe { structs::read_to(notification, &mut given)? };
    if seen.is_null() {
        return Err(Error::new(Status::Null, "seen"));
    }
    // Safety: not null; `count` places are the caller's word, any bytes are ids.
    let (ids, next) = unsafe {
        let ring = &*seen;
        match (ring.ids.is_null(), ring.count) {
            (_, 0) => (Default::default(), 0),
            (true, _) => return Err(Error::new(Status::Null, "seen.ids")),
            (_, count) => {
                (core::slice::from_raw_parts_mut(ring.ids.cast(), count as usize), ring.next)
            }
        }
    };
    let ids: &mut [SeenId] = ids;
    let mut ring = Seen::over(ids, next as usize);
    let text = |chars: &[c_char; 129], room: &mut [u8; 129]| {
        let mut len = 0;
        for (to, from) in room.iter_mut().zip(chars.iter().take_while(|from| **from != 0)) {
            *to = *from as u8;
            len += 1;
        }
        len
    };
    let mut room = [0; 129];
    for (kind, chars) in [("notify_id", &given.notify_id), ("order_id", &given.order_id)] {
        let len = text(chars, &mut room);
        if len > 0 {
            return work(&mut ring, kind, room.get(..len).unwrap_or_default());
        }
    }
    Err(Error::new(Status::NotFound, "notify_id"))
}
