//! A sale as the till tells it → the record the queue keeps → the request the gateway gets.
//!
//! In: a [`Sale`] and the configured defaults. Out: a checked [`Deposit`], its `req_id`, and its
//! bytes in a queue record; and back again when the entry is sent, on this day or another.
//!
//! A record's body is a row of `tag u8, length u16 (little endian), bytes`; unknown tags are
//! refused, because a field that is not understood must not be dropped from a payment.

use crate::crypto::{Digest, Hasher};
use crate::gateway::Charset;
use crate::gateway::points::{self, TransType};
use crate::points::earn::Rule;
use crate::queue;
use crate::status::{Error, Result, Status};
use crate::text::{self, Text};

/// Points one sale may credit unless the configuration says otherwise.
pub const DEFAULT_MAX_POINTS: u32 = 1_000_000;

/// A paid sale, as the till tells it. Empty text means "not given".
#[derive(Clone, Copy, Default)]
pub struct Sale<'a> {
    /// The shopper's Alipay user id (2088…), ASCII, at most 32 bytes. Required.
    pub user_id: &'a str,
    /// The payment's trade number, ASCII, at most 32 bytes. Required; one sale, one number.
    pub biz_no: &'a str,
    /// Points to credit, 1 to the configured limit. 0 with `amount_fen`.
    pub points: u32,
    /// What was paid, in fen, when `rule` says the points; else 0.
    pub amount_fen: u64,
    /// What `amount_fen` is worth. A clock before 2020 counts as unknown: no bonus holds.
    pub rule: Option<&'a Rule>,
    /// Shown to the shopper, at most 256 characters.
    pub memo: &'a str,
    /// Opaque to the gateway, at most 2000 characters.
    pub ext_info: &'a str,
    /// Shop; empty = the configured one.
    pub shop_id: &'a str,
    /// Point account; empty = the configured one.
    pub activity_account: &'a str,
    /// Idempotency key of the caller's own, ASCII, at most 32 bytes; empty = derived, which is
    /// what a till wants: the same sale then has the same key on every till and after any crash.
    pub req_id: &'a str,
    /// Tells apart two credits for one trade number (a second card, a bonus); usually empty.
    pub part: &'a str,
    /// Whose sale it is, of the configured merchants; empty = the client's own.
    pub merchant: &'a str,
    /// A manager waives the limits of the queue for it (the medium's size cannot be waived).
    pub manager: bool,
}

impl<'a> Sale<'a> {
    /// Refuses an amount and a rule where only points will do: `Argument` about `sale.rule`.
    pub(crate) fn says_points(&self) -> Result<()> {
        match (self.amount_fen, self.rule) {
            (0, None) => Ok(()),
            _ => Err(Error::new(Status::Argument, "sale.rule")),
        }
    }

    /// The rule, when the sale says an amount instead of points.
    ///
    /// `Missing` about `sale.rule`, `Argument` about `sale.amount_fen` (points are said, too).
    pub fn by_rule(&self) -> Result<Option<&'a Rule>> {
        match (self.points, self.amount_fen, self.rule) {
            (_, 0, None) => Ok(None),
            (0, _, Some(rule)) => Ok(Some(rule)),
            (0, _, None) => Err(Error::new(Status::Missing, "sale.rule")),
            (_, _, _) => Err(Error::new(Status::Argument, "sale.amount_fen")),
        }
    }
}

/// Who a record is made for: the part of the configuration that goes into `req_id`.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// The application.
    pub app_id: &'a str,
    /// The merchant an ISV acts for; empty when the merchant calls for itself.
    pub merchant: &'a str,
}

/// A checked sale: what is stored, and what is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Deposit<'a> {
    /// Shopper.
    pub user_id: &'a str,
    /// Point account.
    pub activity_account: &'a str,
    /// Shop; may be empty.
    pub shop_id: &'a str,
    /// Trade number.
    pub biz_no: &'a str,
    /// Memo; may be empty.
    pub memo: &'a str,
    /// Extra information; may be empty.
    pub ext_info: &'a str,
}

/// Whose sale it is does not reach a log.
impl core::fmt::Debug for Sale<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Sale").field("points", &self.points).finish_non_exhaustive()
    }
}

/// Whose sale it is does not reach a log.
impl core::fmt::Debug for Deposit<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Deposit").finish_non_exhaustive()
    }
}

/// Fields of a DEPOSIT's body: tags 1 to 6.
pub(super) const FIELDS: usize = 6;

impl<'a> Deposit<'a> {
    /// Nothing of anybody.
    pub(crate) const EMPTY: Deposit<'static> = Deposit {
        user_id: "",
        activity_account: "",
        shop_id: "",
        biz_no: "",
        memo: "",
        ext_info: "",
    };

    /// Checks every member of `sale`, with the configured shop and account as defaults.
    pub fn check(sale: &Sale<'a>, shop_id: &'a str, account: &'a str) -> Result<Deposit<'a>> {
        let deposit = Deposit {
            user_id: sale.user_id,
            activity_account: or(sale.activity_account, account),
            shop_id: or(sale.shop_id, shop_id),
            biz_no: sale.biz_no,
            memo: sale.memo,
            ext_info: sale.ext_info,
        };
        required_id(deposit.user_id, "sale.user_id", points::USER_ID_MAX)?;
        required_id(deposit.biz_no, "sale.biz_no", points::BIZ_NO_MAX)?;
        required_id(
            deposit.activity_account,
            "sale.activity_account",
            points::ACTIVITY_ACCOUNT_MAX,
        )?;
        id(deposit.shop_id, "sale.shop_id", points::SHOP_ID_MAX)?;
        id(sale.req_id, "sale.req_id", points::REQ_ID_MAX)?;
        id(sale.part, "sale.part", points::REQ_ID_MAX)?;
        text::check(deposit.memo.as_bytes(), "sale.memo", points::MEMO_MAX)?;
        text::check(deposit.ext_info.as_bytes(), "sale.ext_info", points::EXT_INFO_MAX)?;
        Ok(deposit)
    }

    /// Refuses what the session's charset cannot say: `Encoding` with the member and the offset of
    /// the first such character. (The other members are ASCII.)
    pub fn check_charset(&self, charset: Charset) -> Result<()> {
        charset.check(self.memo, "sale.memo")?;
        charset.check(self.ext_info, "sale.ext_info")
    }

    fn fields(&self) -> [&'a str; FIELDS] {
        [self.user_id, self.activity_account, self.shop_id, self.biz_no, self.memo, self.ext_info]
    }

    /// Writes the record's body into `out` and returns it.
    pub fn store<'b>(&self, out: &'b mut [u8]) -> Result<&'b [u8]> {
        let mut body = text::Writer::new(out);
        for (tag, field) in (1u8..).zip(self.fields()) {
            put_field(&mut body, tag, field);
        }
        let body =
            body.finish().map_err(|e| Error::new(Status::TooLong, "sale").at(e.at as usize))?;
        if body.len() > queue::BODY_MAX {
            return Err(Error::new(Status::TooLong, "sale").at(body.len()));
        }
        Ok(body)
    }

    /// Reads a record's body.
    pub fn load(body: &'a [u8]) -> Result<Deposit<'a>> {
        let fields = load_fields::<FIELDS>(body)?;
        let [user_id, activity_account, shop_id, biz_no, memo, ext_info] = fields;
        Ok(Deposit { user_id, activity_account, shop_id, biz_no, memo, ext_info })
    }

    /// The request's business content.
    pub fn update<'s>(&'s self, req_id: &'s str, points: u32) -> points::Update<'s> {
        points::Update {
            shop_id: some(self.shop_id),
            memo: some(self.memo),
            ext_info: some(self.ext_info),
            ..points::Update::deposit(
                req_id,
                self.user_id,
                self.activity_account,
                points.into(),
                self.biz_no,
            )
        }
    }
}

/// Appends one field of a body; an empty one leaves no trace.
pub(super) fn put_field(body: &mut text::Writer<'_>, tag: u8, field: &str) {
    if !field.is_empty() {
        let [low, high] = (field.len() as u16).to_le_bytes();
        body.bytes(&[tag, low, high]);
        body.str(field);
    }
}

/// Reads the fields of a body whose tags are 1 to `N`.
pub(super) fn load_fields<const N: usize>(mut body: &[u8]) -> Result<[&str; N]> {
    const DAMAGED: Error = Error::new(Status::Malformed, "record");
    let mut fields = [""; N];
    while let Some((&[tag, low, high], rest)) = body.split_first_chunk::<3>() {
        let len = u16::from_le_bytes([low, high]) as usize;
        let (bytes, rest) = rest.split_at_checked(len).ok_or(DAMAGED)?;
        let slot = fields.get_mut(usize::from(tag).wrapping_sub(1)).ok_or(DAMAGED)?;
        *slot = core::str::from_utf8(bytes).map_err(|_| DAMAGED)?;
        body = rest;
    }
    if body.is_empty() { Ok(fields) } else { Err(DAMAGED) }
}

/// `given`, or the default.
pub(crate) fn or<'a>(given: &'a str, default: &'a str) -> &'a str {
    if given.is_empty() { default } else { given }
}

fn some(text: &str) -> Option<&str> {
    if text.is_empty() { None } else { Some(text) }
}

/// Checks that `value` is an id the gateway can take: printable ASCII without spaces.
pub fn id(value: &str, what: &'static str, max: usize) -> Result<()> {
    if value.len() > max {
        return Err(Error::new(Status::TooLong, what).at(max));
    }
    match value.bytes().position(|b| !b.is_ascii_graphic()) {
        Some(at) => Err(Error::new(Status::Encoding, what).at(at)),
        None => Ok(()),
    }
}

/// The same, and not empty.
pub fn required_id(value: &str, what: &'static str, max: usize) -> Result<()> {
    if value.is_empty() {
        return Err(Error::new(Status::Missing, what));
    }
    id(value, what, max)
}

/// The idempotency key of a credit: 32 base-62 characters of SHA-256 over who, where and for which
/// payment, but not over user or amount. The same payment has the same key after a crash, a
/// reformat or a restored image, and on another till.
pub fn derive_req_id(owner: &Owner<'_>, deposit: &Deposit<'_>, part: &str) -> Text<32> {
    let mut hasher = Hasher::new(Digest::Sha256);
    let fields = [
        "pointcard req_id 1",
        owner.app_id,
        owner.merchant,
        deposit.activity_account,
        TransType::Deposit.as_str(),
        deposit.biz_no,
        part,
    ];
    for field in fields {
        hash_field(&mut hasher, field);
    }
    base62(hasher.finish().as_bytes())
}

/// Which application, merchant and environment a record was made for; others' entries are held.
pub fn profile(owner: &Owner<'_>, gateway: &str) -> u64 {
    let mut hasher = Hasher::new(Digest::Sha256);
    for field in ["pointcard profile 1", owner.app_id, owner.merchant, gateway] {
        hash_field(&mut hasher, field);
    }
    let hash = hasher.finish();
    hash.as_bytes().iter().take(8).fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// The length keeps ("ab","c") and ("a","bc") apart.
pub(super) fn hash_field(hasher: &mut Hasher, field: &str) {
    hasher.update(&(field.len() as u32).to_le_bytes());
    hasher.update(field.as_bytes());
}

/// The last 32 digits of `hash`, read as one big number, to base 62 (190 bits).
pub(super) fn base62(hash: &[u8]) -> Text<32> {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut number = [0u8; 32];
    for (to, from) in number.iter_mut().zip(hash) {
        *to = *from;
    }
    let mut out = Text::new();
    for _ in 0..32 {
        let mut remainder = 0u32;
        for byte in &mut number {
            let value = remainder << 8 | u32::from(*byte);
            *byte = (value / 62) as u8;
            remainder = value % 62;
        }
        let digit = DIGITS.get(remainder as usize).copied().unwrap_or(b'0');
        // Cannot fail: 32 ASCII characters into room for 32.
        let _ = out.push(char::from(digit));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALE: Sale<'static> = Sale {
        user_id: "2088123412341234",
        biz_no: "2016082221001004150200139999",
        points: 10,
        amount_fen: 0,
        rule: None,
        memo: "积分扣减用于兑换奖品",
        ext_info: "{'EXTRA_INFO_KEY':'SAMPLE_VALUE'}",
        shop_id: "",
        activity_account: "",
        req_id: "",
        part: "",
        merchant: "",
        manager: false,
    };

    fn deposit() -> Deposit<'static> {
        Deposit::check(&SALE, "2016041200077000000003277104", "39201608190015500100016011040139")
            .unwrap()
    }

    #[test]
    fn a_stored_sale_reads_back_the_same() {
        let mut buf = [0; 512];
        let body = deposit().store(&mut buf).unwrap();
        assert_eq!(Deposit::load(body).unwrap(), deposit());
    }

    #[test]
    fn a_truncated_body_is_refused_at_every_byte() {
        let mut buf = [0; 512];
        let body = deposit().store(&mut buf).unwrap();
        let whole: Vec<usize> = field_ends(body);
        for cut in 1..body.len() {
            // A cut between two fields reads as a shorter record; the queue's checksum sees it.
            assert_eq!(Deposit::load(&body[..cut]).is_ok(), whole.contains(&cut), "cut {cut}");
        }
    }

    fn field_ends(mut body: &[u8]) -> Vec<usize> {
        let mut ends = vec![];
        let mut at = 0;
        while body.len() > 3 {
            let len = 3 + u16::from_le_bytes([body[1], body[2]]) as usize;
            at += len;
            ends.push(at);
            body = &body[len..];
        }
        ends
    }

    #[test]
    fn req_id_depends_on_the_payment_and_not_on_user_or_amount() {
        let owner = Owner { app_id: "2016100900000001", merchant: "" };
        let first = derive_req_id(&owner, &deposit(), "");
        assert_eq!(first.len(), 32);
        assert!(first.bytes().all(|b| b.is_ascii_alphanumeric()));
        let other_user = Deposit { user_id: "2088000000000000", ..deposit() };
        assert_eq!(derive_req_id(&owner, &other_user, ""), first);
        let other_payment = Deposit { biz_no: "2016082221001004150200139998", ..deposit() };
        assert_ne!(derive_req_id(&owner, &other_payment, ""), first);
        assert_ne!(derive_req_id(&owner, &deposit(), "bonus"), first);
        let isv = Owner { merchant: "2088201914979011", ..owner };
        assert_ne!(derive_req_id(&isv, &deposit(), ""), first);
    }

    #[test]
    fn base62_is_positional() {
        let mut one = [0u8; 32];
        one[31] = 63;
        assert_eq!(base62(&one).as_str(), "11000000000000000000000000000000");
    }
}
