//! Claiming a coupon: from a frozen point to the page where the shopper takes the prize.
//!
//! In: what the exchange activity says of its page, and a token. Out: a link to show.

pub mod link;

pub use link::Link;
