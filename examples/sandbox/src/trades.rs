//! Payments, enough for "a sale from a trade": in flow payments at the till, out flow trades.

use crate::clock;
use crate::ids;

/// One payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trade {
    /// Alipay's number, 28 digits.
    pub trade_no: String,
    /// The merchant's number.
    pub out_trade_no: String,
    /// Who pays: derived from the bar code shown, so that a test can choose.
    pub buyer_user_id: String,
    /// Yuan with at most two decimals, as sent.
    pub total_amount: String,
    /// Beijing time.
    pub time: String,
    /// False while the buyer has not agreed.
    pub paid: bool,
}

/// All trades of a merchant, oldest first.
pub struct Trades {
    merchant: usize,
    all: Vec<Trade>,
}

impl Trades {
    /// None yet; numbers carry the merchant's.
    pub fn new(merchant: usize) -> Trades {
        Trades { merchant, all: Vec::new() }
    }

    /// By either number; by both they must be one trade's.
    pub fn find(
        &mut self,
        trade_no: Option<&str>,
        out_trade_no: Option<&str>,
    ) -> Option<&mut Trade> {
        self.all.iter_mut().find(|trade| {
            trade_no.is_none_or(|number| number == trade.trade_no)
                && out_trade_no.is_none_or(|number| number == trade.out_trade_no)
        })
    }

    /// A new trade of whoever shows this bar code.
    pub fn pay(
        &mut self,
        out_trade_no: String,
        auth_code: &str,
        total_amount: String,
        paid: bool,
    ) -> Trade {
        let (day, serial) = (ids::today(), self.all.len() + 1);
        let trade = Trade {
            trade_no: format!("{day}21001004{:04}{serial:08}", self.merchant),
            out_trade_no,
            buyer_user_id: buyer(auth_code),
            total_amount,
            time: clock::beijing(clock::now_ms()),
            paid,
        };
        self.all.push(trade.clone());
        trade
    }
}

/// `2088` and the last twelve digits of the bar code.
fn buyer(auth_code: &str) -> String {
    let tail = auth_code.len().saturating_sub(12);
    format!("2088{:0>12}", &auth_code[tail..])
}
