//! Points taken back for a refunded sale: what the queue keeps and what the gateway gets.
//!
//! In: which sale, which refund, how many points. Out: a checked [`Taken`], its `req_id`, its bytes
//! in a record of kind [`KIND_REFUND`]; and back again when it is sent.
//!
//! The gateway knows no refund: a CONSUME takes the points, under a `req_id` that follows from the
//! sale's and the refund's own number, and names the sale in memo and ext_info. It goes out only
//! after its sale is settled; a sale that was never sent, or certainly refused, has nothing to take
//! back, and neither goes out.

use super::redeem::{Claim, KIND_CLAIM, KIND_OFFER, Offer};
use super::redeem_saga::Job;
use super::sale::{self, Deposit, FIELDS};
use crate::crypto::{Digest, Hasher};
use crate::gateway::points::{self, Update};
use crate::queue::{BODY_MAX, Item};
use crate::status::{Error, Result, Status};
use crate::text::{self, Text};

/// The kind of a queue record: points credited for a sale.
pub const KIND_DEPOSIT: u8 = 1;
/// The kind of a queue record: points taken back.
pub const KIND_REFUND: u8 = 2;

/// Longest number of a refund, in bytes; our own limit.
pub const REFUND_NO_MAX: usize = 32;
/// What ext_info is at most: two numbers and what stands around them.
const EXT_INFO_MAX: usize = 128;

/// A refund, as the till tells it. Empty text means "not given".
#[derive(Clone, Copy, Default)]
pub struct Refund<'a> {
    /// The sale's trade number. Required. Neither `"` nor `\` may stand in it.
    pub biz_no: &'a str,
    /// The refund's own number (`out_request_no`): letters, digits, `-`, `_`, `.`, at most 32.
    /// Required: the same number again is the same refund.
    pub refund_no: &'a str,
    /// Points to take back, at most those of the sale that earlier refunds have left.
    pub points: u32,
    /// Shown to the shopper, at most 256 characters; empty = `退款` and the trade number.
    pub memo: &'a str,
    /// As the sale's.
    pub activity_account: &'a str,
    /// As the sale's.
    pub part: &'a str,
    /// As the sale's, when it had one of its own.
    pub req_id: &'a str,
    /// As the sale's.
    pub merchant: &'a str,
    /// Only for a sale so old that its record is overwritten: the shopper.
    pub user_id: &'a str,
    /// Only for a sale so old that its record is overwritten: what is left of its points, from the
    /// till's own books. 0 = such a sale is not found.
    pub points_left: u32,
    /// A manager waives the limits of the queue for it (the medium's size cannot be waived).
    pub manager: bool,
}

/// Whose refund it is does not reach a log.
impl core::fmt::Debug for Refund<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Refund").field("points", &self.points).finish_non_exhaustive()
    }
}

impl Refund<'_> {
    /// Checks what does not need the sale's record.
    pub fn check(&self) -> Result<()> {
        sale::required_id(self.biz_no, "refund.biz_no", points::BIZ_NO_MAX)?;
        if let Some(at) = self.biz_no.bytes().position(|byte| matches!(byte, b'"' | b'\\')) {
            return Err(Error::new(Status::Encoding, "refund.biz_no").at(at));
        }
        sale::required_id(self.refund_no, "refund.refund_no", REFUND_NO_MAX)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if let Some(at) = self.refund_no.bytes().position(|byte| !plain(byte)) {
            return Err(Error::new(Status::Encoding, "refund.refund_no").at(at));
        }
        let account_max = points::ACTIVITY_ACCOUNT_MAX;
        sale::id(self.activity_account, "refund.activity_account", account_max)?;
        sale::id(self.part, "refund.part", points::REQ_ID_MAX)?;
        sale::id(self.req_id, "refund.req_id", points::REQ_ID_MAX)?;
        sale::id(self.user_id, "refund.user_id", points::USER_ID_MAX)?;
        text::check(self.memo.as_bytes(), "refund.memo", points::MEMO_MAX).map(|_| ())
    }
}

/// The texts a refund's request carries.
pub(crate) struct Texts {
    memo: Text<{ 8 + points::BIZ_NO_MAX }>,
    ext_info: Text<EXT_INFO_MAX>,
}

impl Texts {
    /// `refund` was checked.
    pub(crate) fn of(refund: &Refund<'_>) -> Result<Texts> {
        use core::fmt::Write as _;
        let mut texts = Texts { memo: Text::new(), ext_info: Text::new() };
        let (biz_no, refund_no) = (refund.biz_no, refund.refund_no);
        let memo = write!(texts.memo, "退款 {biz_no}");
        let ext_info =
            write!(texts.ext_info, "{{\"refund_of\":\"{biz_no}\",\"refund_no\":\"{refund_no}\"}}");
        memo.and(ext_info).map_err(|_| Error::new(Status::TooLong, "refund.biz_no"))?;
        Ok(texts)
    }

    pub(crate) fn memo<'a>(&'a self, own: &'a str) -> &'a str {
        if own.is_empty() { &self.memo } else { own }
    }

    pub(crate) fn ext_info(&self) -> &str {
        &self.ext_info
    }
}

/// A checked refund: what is stored, and what is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Taken<'a> {
    /// Shopper, account, the sale's trade number, memo and ext_info; no shop.
    pub sale: Deposit<'a>,
    /// The sale's req_id.
    pub of: &'a str,
}

/// Whose refund it is does not reach a log.
impl core::fmt::Debug for Taken<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Taken").finish_non_exhaustive()
    }
}

impl<'a> Taken<'a> {
    /// Writes the record's body into `out` and returns it: the sale's tags, and 7, its req_id.
    pub fn store<'b>(&self, out: &'b mut [u8]) -> Result<&'b [u8]> {
        let sale = self.sale.store(out)?.len();
        let mut rest = text::Writer::new(out.get_mut(sale..).unwrap_or_default());
        sale::put_field(&mut rest, FIELDS as u8 + 1, self.of);
        let too_long = Error::new(Status::TooLong, "refund").at(BODY_MAX);
        let len = sale + rest.finish().map_err(|_| too_long)?.len();
        out.get(..len).filter(|body| body.len() <= BODY_MAX).ok_or(too_long)
    }

    /// Reads a record's body.
    pub fn load(body: &'a [u8]) -> Result<Taken<'a>> {
        let fields = sale::load_fields::<{ FIELDS + 1 }>(body)?;
        let [user_id, activity_account, shop_id, biz_no, memo, ext_info, of] = fields;
        let sale = Deposit { user_id, activity_account, shop_id, biz_no, memo, ext_info };
        Ok(Taken { sale, of })
    }

    /// The request's business content.
    pub fn update<'s>(&'s self, req_id: &'s str, points: u32) -> Update<'s> {
        let Deposit { user_id, activity_account, memo, ext_info, .. } = self.sale;
        Update {
            memo: Some(memo).filter(|memo| !memo.is_empty()),
            ext_info: Some(ext_info).filter(|text| !text.is_empty()),
            ..Update::consume(req_id, user_id, activity_account, points.into())
        }
    }
}

/// What a record asks for, whatever its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order<'a> {
    /// [`KIND_DEPOSIT`].
    Deposit(Deposit<'a>),
    /// [`KIND_REFUND`].
    Refund(Taken<'a>),
    /// [`KIND_OFFER`].
    Offer(Offer<'a>),
    /// [`KIND_CLAIM`].
    Claim(Claim<'a>),
}

impl<'a> Order<'a> {
    /// Reads a record of `kind`; `Malformed` for kinds and fields of a later version.
    pub fn load(kind: u8, body: &'a [u8]) -> Result<Order<'a>> {
        match kind {
            KIND_DEPOSIT => Deposit::load(body).map(Order::Deposit),
            KIND_REFUND => Taken::load(body).map(Order::Refund),
            KIND_OFFER => Offer::load(body).map(Order::Offer),
            KIND_CLAIM => Claim::load(body).map(Order::Claim),
            _ => Err(Error::new(Status::Malformed, "record")),
        }
    }

    /// What a person may be shown of it. An offer's number stands as its trade number.
    pub fn sale(&self) -> Deposit<'a> {
        match self {
            Order::Deposit(sale) => *sale,
            Order::Refund(taken) => taken.sale,
            Order::Offer(offer) => offer.face,
            Order::Claim(claim) => {
                Deposit { user_id: claim.buyer_id, biz_no: claim.out_biz_no, ..Deposit::EMPTY }
            }
        }
    }
}

/// A record's request: what it asks for, under which key.
pub(crate) struct Sending<'a> {
    order: Order<'a>,
    key: Text<32>,
    points: u32,
}

impl<'a> Sending<'a> {
    /// Reads a record; `Malformed` as [`Order::load`].
    pub(crate) fn load(item: &Item<'a>) -> Result<Sending<'a>> {
        let order = Order::load(item.kind, item.body)?;
        let key = match &order {
            Order::Offer(offer) => offer.key(item.req_id),
            _ => text::bounded(item.req_id, "record")?,
        };
        Ok(Sending { order, key, points: item.points })
    }

    /// The request's business content; `BadState` when none is due.
    pub(crate) fn update(&self) -> Result<Update<'_>> {
        match &self.order {
            Order::Deposit(sale) => Ok(sale.update(&self.key, self.points)),
            Order::Refund(taken) => Ok(taken.update(&self.key, self.points)),
            Order::Offer(offer) => offer.update(&self.key, self.points),
            Order::Claim(_) => Err(Error::new(Status::BadState, "claim")),
        }
    }

    /// The request's idempotency key; empty when none is due.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Which of an offer's requests it is.
    pub(crate) fn job(&self) -> Option<Job> {
        match &self.order {
            Order::Offer(offer) => offer.stage.job(),
            _ => None,
        }
    }
}

/// The idempotency key of a refund, from that of its sale and its own number: the same refund has
/// the same key after a crash and on another till.
pub fn derive_req_id(of: &str, refund_no: &str) -> Text<32> {
    let mut hasher = Hasher::new(Digest::Sha256);
    for field in ["pointcard refund 1", of, refund_no] {
        sale::hash_field(&mut hasher, field);
    }
    sale::base62(hasher.finish().as_bytes())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
mod tests {
    use super::*;

    const TAKEN: Taken<'static> = Taken {
        sale: Deposit {
            user_id: "2088123412341234",
            activity_account: "account",
            shop_id: "",
            biz_no: "2016082221001004150200139999",
            memo: "退款",
            ext_info: "{}",
        },
        of: "ABC",
    };

    #[test]
    fn a_stored_refund_reads_back_the_same_and_as_nothing_else() {
        let mut buf = [0; 512];
        let body = TAKEN.store(&mut buf).unwrap().to_vec();
        assert_eq!(Taken::load(&body), Ok(TAKEN));
        assert_eq!(Order::load(KIND_REFUND, &body), Ok(Order::Refund(TAKEN)));
        assert_eq!(Order::load(KIND_DEPOSIT, &body).unwrap_err().status, Status::Malformed);
        assert_eq!(Order::load(3, &body).unwrap_err().status, Status::Malformed);
        for len in 0..body.len() {
            let small = TAKEN.store(&mut buf[..len]).map(|_| ()).unwrap_err();
            assert_eq!(small.status, Status::TooLong, "{len}");
        }
    }

    #[test]
    fn it_is_a_consume_that_names_its_sale() {
        let update = TAKEN.update("R", 4);
        assert_eq!(update.trans_type, points::TransType::Consume);
        assert_eq!((update.biz_no, update.shop_id, update.trans_amount), (None, None, 4));
        update.check().unwrap();
        let refund = Refund { biz_no: "t1", refund_no: "r-1", points: 1, ..Refund::default() };
        refund.check().unwrap();
        let texts = Texts::of(&refund).unwrap();
        assert_eq!(texts.ext_info(), r#"{"refund_of":"t1","refund_no":"r-1"}"#);
        assert_eq!((texts.memo(""), texts.memo("own")), ("退款 t1", "own"));
        let longest = "9".repeat(32);
        let refund = Refund { biz_no: &longest, refund_no: &longest, ..refund };
        assert!(Texts::of(&refund).is_ok());
    }

    #[test]
    fn its_key_follows_from_sale_and_number() {
        let key = derive_req_id("sale", "1");
        assert_eq!(key, derive_req_id("sale", "1"));
        assert_ne!(key, derive_req_id("sale", "2"));
        assert_ne!(key, derive_req_id("sal", "e1"));
        assert_eq!(key.len(), 32);
    }

    #[test]
    fn bad_members_are_named() {
        let good = Refund { biz_no: "t", refund_no: "r", points: 1, ..Refund::default() };
        let what = |refund: Refund<'_>| {
            let error = refund.check().unwrap_err();
            (error.status, error.what, error.at)
        };
        assert_eq!(what(Refund { biz_no: "", ..good }), (Status::Missing, "refund.biz_no", 0));
        assert_eq!(what(Refund { biz_no: "a\"", ..good }), (Status::Encoding, "refund.biz_no", 1));
        assert_eq!(
            what(Refund { refund_no: "", ..good }),
            (Status::Missing, "refund.refund_no", 0)
        );
        assert_eq!(
            what(Refund { refund_no: "a/b", ..good }),
            (Status::Encoding, "refund.refund_no", 1)
        );
        assert_eq!(what(Refund { memo: "a\n", ..good }), (Status::Encoding, "refund.memo", 1));
    }
}
