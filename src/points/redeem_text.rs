//! An offer on its way to another queue: a signed text, and the receipt that comes back.
//!
//! In: what the new owner needs to know. Out: bytes to sign and a text of letters, digits, `-`, `_`
//! and `.`; and back again.
//!
//! ```text
//! PCO1.<payload>.<signature>        base64 of RFC 4648, URL alphabet, no padding
//! payload: a row of tag, length, bytes as in a queue record
//! signature: RSA2 of "pointcard offer 1\n" and the payload (a receipt: "pointcard receipt 1\n")
//! ```
//!
//! The first line keeps the signature apart from a gateway request's, whose signed string begins
//! with a parameter's name.

use super::redeem::{self, TO_MAX, digits};
use super::sale;
use crate::client::MERCHANT_MAX;
use crate::crypto::{Digest, HashValue, Hasher};
use crate::gateway::{SIGNATURE_MAX, points, prize};
use crate::status::{Error, Result, Status};
use crate::text::Writer;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A buffer of this size takes every text and receipt. (With a 2048-bit key 784 bytes are enough.)
pub const TEXT_MAX: usize = 1152;
/// The longest payload.
pub(crate) const PAYLOAD_MAX: usize = 384;

/// Which of the two it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Offer,
    Receipt,
}

impl Kind {
    fn mark(self) -> &'static str {
        match self {
            Kind::Offer => "PCO1",
            Kind::Receipt => "PCR1",
        }
    }

    fn context(self) -> &'static str {
        match self {
            Kind::Offer => "pointcard offer 1\n",
            Kind::Receipt => "pointcard receipt 1\n",
        }
    }

    fn what(self) -> &'static str {
        match self {
            Kind::Offer => "text",
            Kind::Receipt => "receipt",
        }
    }

    /// What is signed.
    pub(crate) fn hash(self, payload: &[u8]) -> HashValue {
        let mut hasher = Hasher::new(Digest::Sha256);
        hasher.update(self.context().as_bytes());
        hasher.update(payload);
        hasher.finish()
    }

    /// Writes the text of a signed payload.
    pub(crate) fn write<'o>(
        self,
        payload: &[u8],
        signature: &[u8],
        out: &'o mut [u8],
    ) -> Result<&'o str> {
        let mut text = Writer::new(out);
        text.str(self.mark());
        for part in [payload, signature] {
            text.byte(b'.');
            let mut room = [0; 64];
            for piece in part.chunks(48) {
                let len = URL_SAFE_NO_PAD.encode_slice(piece, &mut room);
                let len = len.map_err(|_| Error::new(Status::Internal, "text"))?;
                text.bytes(room.get(..len).unwrap_or_default());
            }
        }
        text.finish_str().map_err(|error| Error { what: self.what(), ..error })
    }

    /// Takes a text apart; the lengths of payload and signature. `Malformed` for what is none.
    pub(crate) fn read(
        self,
        text: &str,
        payload: &mut [u8; PAYLOAD_MAX],
        signature: &mut [u8; SIGNATURE_MAX],
    ) -> Result<(usize, usize)> {
        let malformed = Error::new(Status::Malformed, self.what());
        let mut parts = text.trim_ascii().split('.');
        let (mark, first, second) = (parts.next(), parts.next(), parts.next());
        let (Some(first), Some(second), None) = (first, second, parts.next()) else {
            return Err(malformed);
        };
        if mark != Some(self.mark()) {
            return Err(malformed);
        }
        let decode = |part: &str, room: &mut [u8]| {
            URL_SAFE_NO_PAD.decode_slice(part, room).map_err(|_| malformed)
        };
        Ok((decode(first, payload)?, decode(second, signature)?))
    }
}

/// What travels. A receipt carries number, `point_log_no` and receiver; the rest is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Handover<'a> {
    pub(crate) user_id: &'a str,
    pub(crate) activity_account: &'a str,
    pub(crate) out_biz_no: &'a str,
    pub(crate) prize_id: &'a str,
    pub(crate) claim_life_s: u32,
    pub(crate) at: u64,
    pub(crate) point_log_no: &'a str,
    pub(crate) to: &'a str,
    pub(crate) points: u32,
    pub(crate) merchant: &'a str,
}

/// Tags of a payload: those of an offer's record, and two more.
const POINTS: u8 = 17;
const MERCHANT: u8 = 18;

impl<'a> Handover<'a> {
    /// The payload.
    pub(crate) fn store<'b>(&self, out: &'b mut [u8]) -> Result<&'b [u8]> {
        let (life, at) = (digits(self.claim_life_s.into()), digits(self.at));
        let points = digits(self.points.into());
        let mut body = Writer::new(out);
        for (tag, field) in [
            (1, self.user_id),
            (2, self.activity_account),
            (4, self.out_biz_no),
            (8, self.prize_id),
            (10, &life),
            (11, &at),
            (12, self.point_log_no),
            (15, self.to),
            (POINTS, &points),
            (MERCHANT, self.merchant),
        ] {
            sale::put_field(&mut body, tag, field);
        }
        body.finish().map_err(|_| Error::new(Status::Internal, "text"))
    }

    /// Reads a payload whose signature holds; it may still be a later version's.
    pub(crate) fn load(body: &'a [u8]) -> Result<Handover<'a>> {
        let damaged = Error::new(Status::Malformed, "text");
        let fields = sale::load_fields::<{ MERCHANT as usize }>(body).map_err(|_| damaged)?;
        let [user_id, activity_account, _, out_biz_no, .., points, merchant] = fields;
        let [_, _, _, _, _, _, _, prize_id, _, life, at, point_log_no, _, _, to, ..] = fields;
        Ok(Handover {
            user_id,
            activity_account,
            out_biz_no,
            prize_id,
            claim_life_s: life.parse().map_err(|_| damaged)?,
            at: at.parse().map_err(|_| damaged)?,
            point_log_no,
            to,
            points: points.parse().map_err(|_| damaged)?,
            merchant,
        })
    }

    /// Checks what becomes an offer here: it was signed by the same application, but perhaps by
    /// another version.
    pub(crate) fn check(&self) -> Result<()> {
        redeem::out_biz_no(self.out_biz_no, "text.out_biz_no")?;
        sale::required_id(self.user_id, "text.user_id", points::USER_ID_MAX)?;
        let account_max = points::ACTIVITY_ACCOUNT_MAX;
        sale::required_id(self.activity_account, "text.activity_account", account_max)?;
        sale::required_id(self.point_log_no, "text.point_log_no", points::BIZ_NO_MAX)?;
        sale::id(self.prize_id, "text.prize_id", prize::PRIZE_ID_MAX)?;
        sale::id(self.merchant, "text.merchant", MERCHANT_MAX)?;
        sale::required_id(self.to, "text.to", TO_MAX)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
mod tests {
    use super::*;

    fn wide(n: usize) -> &'static str {
        Box::leak("9".repeat(n).into_boxed_str())
    }

    fn longest() -> Handover<'static> {
        let id = wide(32);
        Handover {
            user_id: id,
            activity_account: id,
            out_biz_no: id,
            prize_id: id,
            claim_life_s: u32::MAX,
            at: crate::text::TIME_MAX,
            point_log_no: id,
            to: wide(TO_MAX),
            points: u32::MAX,
            merchant: wide(MERCHANT_MAX),
        }
    }

    #[test]
    fn the_longest_text_fits_and_reads_back() {
        let mut room = [0; PAYLOAD_MAX];
        let payload = longest().store(&mut room).unwrap().to_vec();
        for (size, max) in [(256, 784), (512, TEXT_MAX)] {
            let mut out = [0; TEXT_MAX];
            let signature = vec![7; size];
            let text = Kind::Offer.write(&payload, &signature, &mut out).unwrap();
            assert!(text.len() <= max, "{}", text.len());
            assert!(text.bytes().all(crate::text::is_plain), "URL-safe");
            let (mut one, mut two) = ([0; PAYLOAD_MAX], [0; SIGNATURE_MAX]);
            if size > SIGNATURE_MAX {
                continue;
            }
            let (a, b) = Kind::Offer.read(&format!(" {text}\r\n"), &mut one, &mut two).unwrap();
            assert_eq!((&one[..a], &two[..b]), (&payload[..], &signature[..]));
            assert_eq!(Handover::load(&one[..a]), Ok(longest()));
            let other = Kind::Receipt.read(text, &mut one, &mut two).unwrap_err();
            assert_eq!((other.status, other.what), (Status::Malformed, "receipt"));
        }
        longest().check().unwrap();
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let (mut one, mut two) = ([0; PAYLOAD_MAX], [0; SIGNATURE_MAX]);
        let long = format!("PCO1.{}.AA", "A".repeat(600));
        for text in ["", "PCO1", "PCO1.AA", "PCO1.AA.AA.AA", "PCO2.AA.AA", "PCO1.A=.AA", &long] {
            let error = Kind::Offer.read(text, &mut one, &mut two).unwrap_err();
            assert_eq!((error.status, error.what), (Status::Malformed, "text"), "{text}");
        }
    }

    #[test]
    fn an_offer_and_a_receipt_are_signed_apart() {
        assert_ne!(Kind::Offer.hash(b"x"), Kind::Receipt.hash(b"x"));
    }
}
