//! Points: in flow the fields of points.update and points.query, out flow bookings and balances.
//!
//! Need and lengths of points.update are from its official page; the lengths of biz_no, memo,
//! ext_info and of points.query are from integrators' code. Sub codes of business refusals begin
//! with `sandbox.`: Alipay documents none.

use crate::answer::{Done, Outcome, Refusal};
use crate::biz::Biz;
use crate::ledger::{Booked, NotBooked, Order};
use crate::world::Merchant;

/// koubei.marketing.tool.points.update
pub fn update(biz: &Biz, merchant: &mut Merchant) -> Outcome {
    let (what, point_log_no) = match merchant.ledger.book(order(biz)?).map_err(refusal)? {
        Booked::New(number) => ("booked", number),
        Booked::Repeat(number) => ("repeat", number),
    };
    Ok(Done::new(what, vec![("point_log_no", point_log_no.into())]))
}

/// koubei.marketing.tool.points.query
pub fn query(biz: &Biz, merchant: &mut Merchant) -> Outcome {
    let account = biz.required("activity_account", 32)?;
    let balance = merchant.ledger.balance(&biz.required("user_id", 32)?, &account);
    let fields = vec![
        ("available_points", balance.available.to_string().into()),
        ("freezed_points", balance.freezed.to_string().into()),
        ("total_points", balance.total.to_string().into()),
    ];
    Ok(Done::new("read", fields))
}

fn order(biz: &Biz) -> Result<Order, Refusal> {
    let order = Order {
        req_id: biz.required("req_id", 32)?,
        user_id: biz.required("user_id", 32)?,
        activity_account: biz.required("activity_account", 32)?,
        trans_type: trans_type(biz)?,
        amount: amount(&biz.required("trans_amount", 16)?)?,
        shop_id: biz.optional("shop_id", 32)?,
        biz_no: biz.optional("biz_no", 32)?,
        memo: biz.optional("memo", 256)?,
        ext_info: biz.optional("ext_info", 2000)?,
    };
    by_type(&order).map(|()| order)
}

/// No default is documented, so it has to be sent.
fn trans_type(biz: &Biz) -> Result<String, Refusal> {
    let name = biz.required("trans_type", 16)?;
    match name.as_str() {
        "DEPOSIT" | "CONSUME" | "FREEZE" | "COMMIT" | "CANCEL" => Ok(name),
        _ => Err(Refusal::invalid_parameter("trans_type", "trans_type is none of the five")),
    }
}

/// A positive integer in a string.
fn amount(text: &str) -> Result<u64, Refusal> {
    let digits = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    let number = text.parse().ok().filter(|_| digits);
    let why = "trans_amount is not a positive integer";
    number.ok_or_else(|| Refusal::invalid_parameter("trans_amount", why))
}

/// biz_no: the payment's trade number, or the freeze's flow number, or nothing. shop_id: DEPOSIT.
fn by_type(order: &Order) -> Result<(), Refusal> {
    let wants_biz_no = !matches!(order.trans_type.as_str(), "CONSUME" | "FREEZE");
    let name = &order.trans_type;
    if order.biz_no.is_some() != wants_biz_no {
        let need = if wants_biz_no { "needs" } else { "must not carry" };
        return Err(Refusal::invalid_parameter("biz_no", &format!("{name} {need} biz_no")));
    }
    if order.shop_id.is_some() && name != "DEPOSIT" {
        let why = format!("{name} must not carry shop_id");
        return Err(Refusal::invalid_parameter("shop_id", &why));
    }
    Ok(())
}

fn refusal(why: NotBooked) -> Refusal {
    let (sub_code, sub_msg) = match why {
        NotBooked::Repeated => {
            ("sandbox.req-id-repeated", "请求流水号重复 (this req_id was booked before)")
        }
        NotBooked::OtherContent => (
            "sandbox.req-id-other-content",
            "请求流水号重复且内容不一致 (this req_id was booked with other content)",
        ),
        NotBooked::NotEnough => ("sandbox.not-enough-points", "集点余额不足 (not enough points)"),
        NotBooked::NoSuchFreeze => {
            ("sandbox.no-such-freeze", "冻结流水不存在 (biz_no is no freeze of this user)")
        }
        NotBooked::FreezeSettled => {
            ("sandbox.freeze-settled", "冻结流水已处理 (committed or cancelled before)")
        }
        NotBooked::OtherAmount => {
            ("sandbox.freeze-other-amount", "集点数与冻结不一致 (not the amount that was frozen)")
        }
        NotBooked::Storage(error) => {
            let text = format!("系统异常 (the sandbox cannot write its ledger: {error})");
            return Refusal::new("20000", "isp.unknow-error", text);
        }
    };
    Refusal::business(sub_code, sub_msg)
}
