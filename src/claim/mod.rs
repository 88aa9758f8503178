//! Claiming a coupon: from a frozen point to the page where the shopper takes the prize.
//!
//! In: what the exchange activity says of its page, and a token. Out: a link to show, and the link
//! as a QR code: on a screen, on paper, in a terminal.

#[cfg(feature = "qr")]
pub mod bitmap;
#[cfg(feature = "qr")]
pub mod escpos;
pub mod link;
#[cfg(feature = "qr")]
pub mod qr;
#[cfg(feature = "qr")]
pub mod terminal;

pub use link::Link;
