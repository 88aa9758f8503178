//! Section: trade. What a paid trade gives a sale.

use core::ffi::c_char;

use super::status;
use super::structs::{self, Versioned, chars};
use crate::gateway::trade::{self, Trade};
use crate::status::{Error, Result, Status};

/// Longest node pointcard_trade_read looks at, in bytes.
const NODE_MAX: usize = 1 << 20;

/// An amount the answer does not tell.
pub const POINTCARD_NO_AMOUNT: u64 = u64::MAX;

/// A paid trade.
///
/// Source: the response models of alipay.trade.pay and alipay.trade.query in Alipay's SDKs.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_trade {
    /// Set by POINTCARD_TRADE_INIT.
    pub struct_size: u32,
    /// Zero.
    pub reserved: u32,
    /// total_amount in fen.
    pub total: u64,
    /// receipt_amount in fen: what the merchant gets. POINTCARD_NO_AMOUNT: not told.
    pub receipt: u64,
    /// buyer_pay_amount in fen: what the buyer paid himself. POINTCARD_NO_AMOUNT: not told.
    pub buyer_pay: u64,
    /// buyer_user_id: for pointcard_sale.user_id.
    pub user_id: [c_char; 33],
    /// trade_no: for pointcard_sale.biz_no.
    pub trade_no: [c_char; 33],
    /// out_trade_no: the till's own number of the order; may be empty.
    pub out_trade_no: [c_char; 65],
    /// trade_status of a query (TRADE_SUCCESS, TRADE_FINISHED); empty for pay.
    pub trade_status: [c_char; 33],
}

// Safety: repr(C), u32 first, integers only.
unsafe impl Versioned for pointcard_trade {
    const NAME: &'static str = "trade";
    const V1_SIZE: usize = core::mem::offset_of!(pointcard_trade, trade_status) + 33;
}

/// Reads a paid trade from the node of a verified answer of alipay.trade.pay or
/// alipay.trade.query: {"code":"10000",...}, UTF-8 or GBK. Nothing here verifies anything: hand in
/// what a verified answer held, and nothing else. Needs no client.
///
/// Amounts are read strictly: "12" is 1200 fen, "0.1" is 10, "12.345" is ERR_MALFORMED.
///
/// @param node      the node
/// @param node_len  bytes of it
/// @param trade     receives the trade
///
/// Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_TOO_LONG, ERR_REJECTED (not paid: another code than
/// 10000, another trade_status than TRADE_SUCCESS or TRADE_FINISHED), ERR_UNSUPPORTED (the buyer
/// is named by open id alone; trans_currency is not CNY), ERR_MISSING, ERR_ENCODING,
/// ERR_MALFORMED, ERR_TOO_DEEP, ERR_DUPLICATE, ERR_RANGE: `trade` is unchanged.
///
/// Source: Alipay's pages of alipay.trade.pay and alipay.trade.query (amounts in yuan with two
/// decimals; TRADE_SUCCESS, TRADE_FINISHED).
// Safety: `node` is null or has `node_len` readable bytes; `trade` as the header describes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_trade_read(
    node: *const c_char,
    node_len: usize,
    trade: *mut pointcard_trade,
) -> Status {
    // Safety: as promised above.
    let found = unsafe { structs::check_out(trade) }.and_then(|()| unsafe { read(node, node_len) });
    if let Ok(found) = &found {
        // Safety: checked above.
        unsafe { structs::write(trade, &c_trade(found)) };
    }
    status(found)
}

// Safety: `node` is null or has `len` readable bytes.
unsafe fn read(node: *const c_char, len: usize) -> Result<Trade> {
    if node.is_null() {
        return Err(Error::new(Status::Null, "node"));
    }
    if len > NODE_MAX {
        return Err(Error::new(Status::TooLong, "node").at(NODE_MAX));
    }
    // Safety: not null, and the length is the caller's word.
    trade::read(unsafe { core::slice::from_raw_parts(node.cast(), len) })
}

fn c_trade(trade: &Trade) -> pointcard_trade {
    pointcard_trade {
        struct_size: 0,
        reserved: 0,
        total: trade.total,
        receipt: trade.receipt.unwrap_or(POINTCARD_NO_AMOUNT),
        buyer_pay: trade.buyer_pay.unwrap_or(POINTCARD_NO_AMOUNT),
        user_id: chars(&trade.user_id),
        trade_no: chars(&trade.trade_no),
        out_trade_no: chars(&trade.out_trade_no),
        trade_status: chars(&trade.status),
    }
}
