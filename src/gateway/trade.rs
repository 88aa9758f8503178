//! A sale from a trade: the answer of `alipay.trade.pay` or `alipay.trade.query`.
//!
//! In: the node of a verified answer. Out: what a till credits points with: who paid, the trade's
//! number, the amounts in fen.
//!
//! Names and lengths are those of the two methods' documentation: `trade_no` and `out_trade_no` 64
//! characters (samples of `trade_no` have 28 digits), amounts 11, in yuan "with two decimals".

use super::answer::{CODE_MAX, member_text};
use super::points::{BIZ_NO_MAX, USER_ID_MAX};
use crate::json::{Encoding, Kind, Object, Value};
use crate::status::{Error, Result, Status};
use crate::text::{self, Text};

/// Pays at the counter (条码支付).
pub const PAY: &str = "alipay.trade.pay";
/// Asks how a trade stands.
pub const QUERY: &str = "alipay.trade.query";

/// Longest `out_trade_no`, in characters.
pub const OUT_TRADE_NO_MAX: usize = 64;
/// Longest `trade_status` that is kept.
pub const TRADE_STATUS_MAX: usize = 32;

/// A paid trade.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trade {
    /// `buyer_user_id`: the sale's user_id.
    pub user_id: Text<USER_ID_MAX>,
    /// `trade_no`: the sale's biz_no.
    pub trade_no: Text<BIZ_NO_MAX>,
    /// `out_trade_no`: the till's own number of the order; empty if the answer has none.
    pub out_trade_no: Text<OUT_TRADE_NO_MAX>,
    /// `trade_status` of a query; empty for pay, whose 10000 alone means paid.
    pub status: Text<TRADE_STATUS_MAX>,
    /// `total_amount` in fen.
    pub total: u64,
    /// `receipt_amount` in fen, what the merchant gets; if told.
    pub receipt: Option<u64>,
    /// `buyer_pay_amount` in fen, what the buyer paid himself; if told.
    pub buyer_pay: Option<u64>,
}

/// Reads the node of a verified answer, `{"code":"10000",...}`, in UTF-8 or GBK.
///
/// It must say that the trade is paid: code 10000, and in the answer of a query (known by its
/// `trade_status`) TRADE_SUCCESS or TRADE_FINISHED. An answer without a `trade_status` is one of
/// pay, and then has a `gmt_payment`.
///
/// `Rejected` about `code` (10003: the buyer has not paid yet) or `trade_status` (anything but
/// paid); `Unsupported` about `buyer_open_id` when the answer names the buyer by open id alone,
/// which the point calls do not take, and about `trans_currency` when the price was not in yuan
/// (CNY): its amounts are no fen to give points for; `Missing`, `TooLong`, `Encoding` with the member;
/// `Malformed` for an amount that is none (see [`fen`]) and for what is no JSON object.
pub fn read(node: &[u8]) -> Result<Trade> {
    let node = Object::read(node, Encoding::of(node))?;
    let code: Text<CODE_MAX> = member(&node, "code")?;
    if code != "10000" {
        return Err(Error::new(Status::Rejected, "code"));
    }
    let status: Text<TRADE_STATUS_MAX> = member(&node, "trade_status")?;
    match status.as_str() {
        "TRADE_SUCCESS" | "TRADE_FINISHED" => {}
        "" if given(&node, "gmt_payment").is_some() => {}
        "" => return Err(Error::new(Status::Missing, "trade_status")),
        _ => return Err(Error::new(Status::Rejected, "trade_status")),
    }
    let trade_no: Text<BIZ_NO_MAX> = member(&node, "trade_no")?;
    text::required(trade_no.as_bytes(), "trade_no", BIZ_NO_MAX)?;
    if given(&node, "trans_currency").is_some_and(|currency| !currency.is(b"CNY")) {
        return Err(Error::new(Status::Unsupported, "trans_currency"));
    }
    Ok(Trade {
        user_id: buyer(&node)?,
        trade_no,
        out_trade_no: member(&node, "out_trade_no")?,
        status,
        total: amount(&node, "total_amount")?.ok_or(Error::new(Status::Missing, "total_amount"))?,
        receipt: amount(&node, "receipt_amount")?,
        buyer_pay: amount(&node, "buyer_pay_amount")?,
    })
}

fn buyer(node: &Object<'_>) -> Result<Text<USER_ID_MAX>> {
    let user_id: Text<USER_ID_MAX> = member(node, "buyer_user_id")?;
    if user_id.is_empty() && given(node, "buyer_open_id").is_some() {
        return Err(Error::new(Status::Unsupported, "buyer_open_id"));
    }
    text::required(user_id.as_bytes(), "buyer_user_id", USER_ID_MAX)?;
    Ok(user_id)
}

fn member<const N: usize>(node: &Object<'_>, name: &'static str) -> Result<Text<N>> {
    member_text(node.get(name), name)
}

/// A member that is there and not empty.
fn given<'a>(node: &Object<'a>, name: &str) -> Option<Value<'a>> {
    node.get(name).filter(|value| value.kind() != Kind::Null && !value.is(b""))
}

fn amount(node: &Object<'_>, name: &'static str) -> Result<Option<u64>> {
    let Some(value) = given(node, name) else { return Ok(None) };
    let text: Text<24> = member_text(Some(value), name)?;
    fen(&text).map(Some).map_err(|error| Error { what: name, ..error })
}

/// An amount of yuan as decimal text → fen, without rounding: digits, and at most two more behind
/// a point. `12` is 1200, `0.1` is 10, `12.34` is 1234.
///
/// `Malformed` for everything else, with the offset: no digit before or behind the point, a third
/// decimal (`12.345`, and `12.340` too: nobody sends it), a sign, a leading zero (`012`), an
/// exponent, spaces. `Range` beyond 64 bits.
pub fn fen(yuan: &str) -> Result<u64> {
    let (whole, cents) = yuan.split_once('.').map_or((yuan, None), |(w, c)| (w, Some(c)));
    let bad = |at: usize| Error::new(Status::Malformed, "amount").at(at);
    if whole.is_empty() || (whole.len() > 1 && whole.starts_with('0')) {
        return Err(bad(0));
    }
    let behind = whole.len() + 1;
    match cents.map_or(2, str::len) {
        1 | 2 => {}
        0 => return Err(bad(behind)),
        _ => return Err(bad(behind + 2)),
    }
    let start = digits(whole, 0)?;
    let cents = cents.unwrap_or_default();
    let value = cents
        .bytes()
        .enumerate()
        .try_fold(start, |sum, (at, byte)| digit(sum, byte, behind + at))?;
    (cents.len()..2).try_fold(value, |sum, _| digit(sum, b'0', 0))
}

fn digits(text: &str, sum: u64) -> Result<u64> {
    text.bytes().enumerate().try_fold(sum, |sum, (at, byte)| digit(sum, byte, at))
}

fn digit(sum: u64, byte: u8, at: usize) -> Result<u64> {
    if !byte.is_ascii_digit() {
        return Err(Error::new(Status::Malformed, "amount").at(at));
    }
    let sum = sum.checked_mul(10).and_then(|sum| sum.checked_add(u64::from(byte - b'0')));
    sum.ok_or(Error::new(Status::Range, "amount"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
mod tests {
    use super::*;

    #[test]
    fn yuan_are_fen_without_rounding() {
        for (yuan, expected) in [
            ("0", 0),
            ("0.01", 1),
            ("0.1", 10),
            ("12", 1200),
            ("12.3", 1230),
            ("12.34", 1234),
            ("100000000", 10_000_000_000),
            ("184467440737095516.15", u64::MAX),
        ] {
            assert_eq!(fen(yuan), Ok(expected), "{yuan}");
        }
        for (yuan, at) in [
            ("", 0),
            (".5", 0),
            ("5.", 2),
            ("12.345", 5),
            ("12.340", 5),
            ("012", 0),
            ("00.1", 0),
            ("-1", 0),
            ("+1", 0),
            ("1e2", 1),
            ("1,00", 1),
            ("1.0a", 3),
            ("1. 5", 2),
            ("1.2.3", 4),
            ("１", 0),
        ] {
            let error = fen(yuan).unwrap_err();
            assert_eq!((error.status, error.at), (Status::Malformed, at), "{yuan}");
        }
        assert_eq!(fen("184467440737095516.16").unwrap_err().status, Status::Range);
        assert_eq!(fen("99999999999999999999").unwrap_err().status, Status::Range);
    }

    const PAID: &str = r#"{"code":"10000","msg":"Success","buyer_logon_id":"159****5620",
        "buyer_pay_amount":"80.00","buyer_user_id":"2088101117955611","gmt_payment":
        "2014-11-27 15:45:57","out_trade_no":"6823789339978248","receipt_amount":"88.8",
        "total_amount":"88.88","trade_no":"2013112011001004330000121536"}"#;

    fn refused(node: &str) -> (Status, &'static str) {
        let error = read(node.as_bytes()).unwrap_err();
        (error.status, error.what)
    }

    #[test]
    fn a_paid_trade_is_a_sale() {
        let trade = read(PAID.as_bytes()).unwrap();
        assert_eq!((trade.user_id.as_str(), trade.status.as_str()), ("2088101117955611", ""));
        assert_eq!(trade.trade_no, "2013112011001004330000121536");
        assert_eq!(trade.out_trade_no, "6823789339978248");
        assert_eq!((trade.total, trade.receipt, trade.buyer_pay), (8888, Some(8880), Some(8000)));
    }

    #[test]
    fn a_query_must_say_that_it_is_paid() {
        let asked = |status: &str| {
            PAID.replace("\"gmt_payment\":", &format!("\"trade_status\":\"{status}\",\"x\":"))
        };
        for status in ["TRADE_SUCCESS", "TRADE_FINISHED"] {
            assert_eq!(read(asked(status).as_bytes()).unwrap().status, status);
        }
        for status in ["WAIT_BUYER_PAY", "TRADE_CLOSED", "trade_success", "TRADE_SUCCESS "] {
            assert_eq!(refused(&asked(status)), (Status::Rejected, "trade_status"), "{status}");
        }
        assert_eq!(refused(&asked("")), (Status::Missing, "trade_status"));
    }

    #[test]
    fn what_is_no_sale_is_named() {
        let with = |from: &str, to: &str| refused(&PAID.replace(from, to));
        assert_eq!(with("10000", "10003"), (Status::Rejected, "code"));
        assert_eq!(with("buyer_user_id", "buyer_open_id"), (Status::Unsupported, "buyer_open_id"));
        assert_eq!(with("buyer_user_id", "buyer_id"), (Status::Missing, "buyer_user_id"));
        let priced = |currency: &str| with("{", &format!("{{\"trans_currency\":{currency},"));
        assert_eq!(priced("\"USD\""), (Status::Unsupported, "trans_currency"));
        assert_eq!(priced("156"), (Status::Unsupported, "trans_currency"));
        assert_eq!(with("\"trade_no\"", "\"no\""), (Status::Missing, "trade_no"));
        assert_eq!(with("total_amount", "total"), (Status::Missing, "total_amount"));
        assert_eq!(with("88.88", "88.888"), (Status::Malformed, "total_amount"));
        assert_eq!(with("88.8\"", "-1\""), (Status::Malformed, "receipt_amount"));
        let long = "1".repeat(33);
        assert_eq!(with("2013112011001004330000121536", &long), (Status::TooLong, "trade_no"));
        assert_eq!(refused("[]").0, Status::Malformed);
    }

    #[test]
    fn amounts_that_are_not_told_are_none_and_numbers_count_like_text() {
        let plain = PAID.replace("receipt_amount", "x").replace("\"80.00\"", "null");
        let trade = read(plain.as_bytes()).unwrap();
        assert_eq!((trade.receipt, trade.buyer_pay), (None, None));
        let yuan = PAID.replace('{', r#"{"trans_currency":"CNY","pay_currency":"HKD","#);
        assert_eq!(read(yuan.as_bytes()), read(PAID.as_bytes()), "what the buyer's card is in");
        let number = PAID.replace("\"88.88\"", "88.88");
        assert_eq!(read(number.as_bytes()).unwrap().total, 8888);
    }
}
