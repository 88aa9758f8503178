//! Points: what a sale becomes, and how it reaches the gateway.
//!
//! In: a sale or a refund from the till. Out: a durable queue entry, and later a request whose
//! repeats the gateway can tell from new ones. `earn` makes points of an amount, `sale` and `refund`
//! say what is stored, `pace` when to try again, `sync` drives a client over a transport.

pub mod earn;
pub mod pace;
pub mod redeem;
pub mod redeem_saga;
pub mod redeem_text;
pub mod refund;
pub mod sale;
pub mod sync;
