//! Koubei point cards (会员集点) at the till: a sale becomes points, exactly once.
//!
//! ```text
//! sale → points → queue → gateway → crypto → wire → answer → queue
//! ```
//!
//! A shopper pays; [`Client::accrue`](client::Client::accrue) makes the points durable before it
//! returns; [`points::sync::sync`] sends them, now or when the line is back, each with an
//! idempotency key that never changes; a verified answer settles them. The core needs no heap and
//! no `std`; every buffer is the caller's or the client's own.
//!
//! The promise, that points recorded arrive exactly once, rests on one thing outside this crate:
//! that the gateway treats a repeated `req_id` as the same request. Alipay documents `req_id` as
//! the idempotency key.
//!
//! The modules, ground floor first: [`status`] is the only error vocabulary; [`text`], [`json`]
//! and [`crypto`] know nothing of points; [`port`] is what the machine must bring; [`gateway`]
//! speaks to Alipay; [`queue`] survives power cuts; [`points`] says what a sale becomes; [`client`]
//! ties them together. `ffi` hands all of it to C.
#![cfg_attr(not(feature = "std"), no_std)]

pub mod status;

pub mod crypto;
pub mod json;
pub mod port;
pub mod text;

pub mod gateway;
pub mod queue;

pub mod claim;
pub mod client;
pub mod outcome;
pub mod points;

#[cfg(feature = "capi")]
pub mod ffi;

/// Where the build put the C header generated from the sources; a test compares it with
/// `include/pointcard.h`.
#[cfg(feature = "capi")]
#[doc(hidden)]
pub const HEADER_PATH: &str = concat!(env!("OUT_DIR"), "/pointcard.h");
