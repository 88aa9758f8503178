//! Section: claim link. The exchange activity's page and this shopper's token become one URL.

use core::ffi::c_char;

use super::call_text;
use super::fault::{TextOut, pointcard_fault, stateless};
use super::structs::{self, Versioned};
use crate::claim::link::{self, Link};
use crate::status::{Result, Status};

/// Room for any claim link, NUL included: a base of 1024 bytes and parts at their limits, every
/// byte percent-encoded.
pub const POINTCARD_CLAIM_LINK_MAX: usize = 6144;

/// What a claim link is made of. Texts are NUL-terminated UTF-8, read during the call.
///
/// Source: the table of the claim page's parameters in the quick-start guide of Koubei point cards.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_claim {
    /// Set by POINTCARD_CLAIM_INIT.
    pub struct_size: u32,
    /// Zero.
    pub reserved: u32,
    /// The `config` or `ext_info` of the activity's URL_WITH_TOKEN channel, as activity.query
    /// returned it: a URL, or a JSON object that holds one. At most 1024 bytes. Required. (The
    /// guide names `config`; integrators find it in `ext_info`.)
    pub base: *const c_char,
    /// The token of prizesend.auth, at most 64 characters. Required.
    pub token: *const c_char,
    /// Your number of this offer; the notification brings it back as isv_out_biz_id. Keep to 32 of
    /// A-Za-z0-9_-; at most 64. Required.
    pub out_biz_no: *const c_char,
    /// The shopper (2088...), at most 32 characters; NULL = not said.
    pub buyer_id: *const c_char,
    /// The nearest shop where the coupon is good, at most 32 characters; NULL = not said.
    pub shop_id: *const c_char,
    /// The page's `type`, at most 32 characters; default: "pointcard".
    pub kind: *const c_char,
}

// Safety: repr(C), u32 first, integers and pointers only.
unsafe impl Versioned for pointcard_claim {
    const NAME: &'static str = "claim";
    const V1_SIZE: usize =
        core::mem::offset_of!(pointcard_claim, kind) + size_of::<*const c_char>();
}

/// The link to show the shopper, as a QR code as a rule. What the base holds besides is kept; what
/// it says for token, outBizNo, type, buyerId and shopId is replaced.
///
/// @param claim    read during the call; begin with POINTCARD_CLAIM_INIT
/// @param out      receives the link, NUL-terminated ASCII
/// @param cap      bytes there; POINTCARD_CLAIM_LINK_MAX is always enough
/// @param out_len  receives the length without the NUL; may be NULL
/// @param fault    receives what is wrong; may be NULL
///
/// Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_MISSING, ERR_TOO_LONG, ERR_ENCODING (fault.what: token,
/// outBizNo, type, buyerId, shopId, base), ERR_ARGUMENT (base: no http(s) URL), ERR_MALFORMED
/// (base: broken JSON or escape), ERR_DUPLICATE (base: several URLs; itemId: two different ones),
/// ERR_BUFFER_TOO_SMALL (out_len: the capacity needed).
///
/// Source: the quick-start guide of Koubei point cards, its claim page (token, outBizNo, type).
// Safety: structures as the header describes them; `out` has `cap` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_claim_link(
    claim: *const pointcard_claim,
    out: *mut c_char,
    cap: usize,
    out_len: *mut usize,
    fault: *mut pointcard_fault,
) -> Status {
    // Safety: as promised above.
    unsafe {
        stateless(fault, || {
            let given = structs::read(claim)?;
            let link = rust_link(&given)?;
            Ok(TextOut { out, cap, len: out_len }.fill(|out| link.write(out))?)
        })
    }
}

// Safety: the texts of `given` are NUL-terminated or null and live through the call.
unsafe fn rust_link<'a>(given: &pointcard_claim) -> Result<Link<'a>> {
    // A character is at most four bytes, and JSON around a URL may escape all of it.
    const BASE: usize = link::BASE_MAX * 8;
    let some = |text: &'a str| Some(text).filter(|text| !text.is_empty());
    // Safety: as promised.
    unsafe {
        let link = Link::new(
            call_text(given.base, "base", BASE)?,
            call_text(given.token, "token", link::TOKEN_MAX * 4)?,
            call_text(given.out_biz_no, "outBizNo", link::OUT_BIZ_NO_MAX * 4)?,
        );
        Ok(Link {
            kind: some(call_text(given.kind, "type", link::TYPE_MAX * 4)?).unwrap_or(link.kind),
            buyer_id: some(call_text(given.buyer_id, "buyerId", link::ID_MAX * 4)?),
            shop_id: some(call_text(given.shop_id, "shopId", link::ID_MAX * 4)?),
            ..link
        })
    }
}
