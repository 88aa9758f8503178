//! Payments at the till: in flow trade.pay and trade.query, out flow the members a sale is made
//! of. Only what a point card needs is played: no refund, no cancel, no discounts.

use serde_json::{Value, json};

use crate::answer::{Done, Outcome, Refusal};
use crate::biz::Biz;
use crate::protocol::Request;
use crate::switches::{Buyer, Switches};
use crate::trades::Trade;
use crate::world::Merchant;

/// alipay.trade.pay
pub fn pay(request: &Request, merchant: &mut Merchant, switches: &Switches) -> Outcome {
    let biz = &request.biz;
    let out_trade_no = biz.required("out_trade_no", 64)?;
    biz.one_of("scene", &["bar_code", "wave_code"])?;
    let auth_code = auth_code(biz)?;
    biz.required("subject", 256)?;
    let amount = amount(biz)?;
    if merchant.trades.find(None, Some(&out_trade_no)).is_some_and(|trade| trade.paid) {
        return Err(Refusal::business("ACQ.TRADE_HAS_SUCCESS", "交易已被支付 (paid before)"));
    }
    let trade = match merchant.trades.find(None, Some(&out_trade_no)) {
        Some(waiting) => waiting.clone(),
        None => merchant.trades.pay(out_trade_no, &auth_code, amount, !switches.pay_waits),
    };
    let waits = !trade.paid;
    let done = Done::new("paid", fields(&trade, switches));
    Ok(if waits { done.code("10003") } else { done })
}

/// alipay.trade.query
pub fn query(request: &Request, merchant: &mut Merchant, switches: &Switches) -> Outcome {
    let biz = &request.biz;
    let (trade_no, own) = (biz.optional("trade_no", 64)?, biz.optional("out_trade_no", 64)?);
    if trade_no.is_none() && own.is_none() {
        return Err(biz.no("out_trade_no", "is missing, and so is trade_no"));
    }
    let found = merchant.trades.find(trade_no.as_deref(), own.as_deref());
    let missing = || Refusal::business("ACQ.TRADE_NOT_EXIST", "交易不存在 (no such trade)");
    let trade = found.ok_or_else(missing)?;
    trade.paid |= !switches.pay_waits;
    let status = if trade.paid { "TRADE_SUCCESS" } else { "WAIT_BUYER_PAY" };
    let fields = fields(trade, switches).into_iter().chain([("trade_status", json!(status))]);
    Ok(Done::new("read", fields.collect()))
}

/// 16 to 24 digits beginning with 25 to 30, as the payment code on a telephone.
fn auth_code(biz: &Biz) -> Result<String, Refusal> {
    let code = biz.required("auth_code", 32)?;
    let digits = code.bytes().all(|b| b.is_ascii_digit()) && (16..=24).contains(&code.len());
    if digits && ("25".."31").contains(&&code[..2]) {
        return Ok(code);
    }
    Err(biz.no("auth_code", "is not 16 to 24 digits beginning with 25 to 30"))
}

/// Yuan: 0.01 to 100000000.00, at most two decimals.
fn amount(biz: &Biz) -> Result<String, Refusal> {
    let text = biz.required("total_amount", 11)?;
    let (yuan, fen) = text.split_once('.').unwrap_or((&text, "0"));
    let digits = |part: &str, max| {
        (1..=max).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
    };
    let positive = text.bytes().any(|b| (b'1'..=b'9').contains(&b));
    if digits(yuan, 9) && digits(fen, 2) && positive {
        return Ok(text);
    }
    Err(biz.no("total_amount", "is not yuan with at most two decimals"))
}

fn fields(trade: &Trade, switches: &Switches) -> Vec<(&'static str, Value)> {
    let mut fields = vec![
        ("trade_no", json!(trade.trade_no)),
        ("out_trade_no", json!(trade.out_trade_no)),
        ("buyer_logon_id", json!("159****5620")),
        ("total_amount", json!(trade.total_amount)),
    ];
    if switches.buyer != Buyer::OpenId {
        fields.push(("buyer_user_id", json!(trade.buyer_user_id)));
    }
    if switches.buyer != Buyer::UserId {
        fields.push(("buyer_open_id", json!(format!("0{}sandbox", trade.buyer_user_id))));
    }
    if trade.paid {
        let fund = json!([{ "fund_channel": "ALIPAYACCOUNT", "amount": trade.total_amount }]);
        fields.push(("receipt_amount", json!(trade.total_amount)));
        fields.push(("gmt_payment", json!(trade.time)));
        fields.push(("fund_bill_list", fund));
    }
    fields
}
