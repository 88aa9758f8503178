//! A stand-in for Alipay's gateway, for tests: in flow signed requests of a client, out flow signed
//! answers, a ledger to compare with, and faults on demand.
//!
//! It is written from documents (see README.md), shares no code with the pointcard library, and
//! whatever Alipay does not document is an option here. Nothing proves that the real gateway
//! behaves like it where the documents are silent.
//!
//! ```no_run
//! # fn app_public_key() -> String { String::new() }
//! use pointcard_sandbox::{Config, Fault, Sandbox};
//!
//! let sandbox = Sandbox::start(Config::new("2016100900000001", app_public_key()))?;
//! let (url, key) = (sandbox.gateway_url(), sandbox.alipay_public_key()); // for the client
//! sandbox.fault(Fault::TimeoutAfterAccept { ms: 200 }, 1);
//! // ... the client sends, hears nothing, sends again ...
//! assert_eq!(sandbox.ledger().len(), 1);
//! # std::io::Result::Ok(())
//! ```
//!
//! Reading order: `params`, `protocol`, `methods`, `world` with its books, `answer`; then `faults` and `desk`;
//! then `claims`, `coupons`, `notice`, `postman`; then `door`, `http`, `admin`; what people see is in
//! `pages`, and `shopper` is a person who claims.

mod activities;
mod admin;
mod answer;
mod biz;
mod certs;
mod charset;
mod claims;
mod clock;
mod consent;
mod coupons;
mod crypt;
mod desk;
mod door;
mod faults;
mod house;
mod http;
mod ids;
mod keys;
mod ledger;
mod methods;
mod notice;
mod pages;
mod params;
mod postman;
mod prizes;
mod protocol;
mod sandbox;
mod shopper;
mod switches;
mod trades;
mod world;

pub use certs::Certificate;
pub use claims::{Claim, Claimed};
pub use coupons::Coupon;
pub use desk::Received;
pub use faults::Fault;
pub use ledger::{Balance, Booking, Order, Way};
pub use postman::Delivery;
pub use sandbox::{Config, Sandbox};
pub use shopper::claim_by_link;
pub use switches::{AccountIn, Buyer, ClaimUrl, Empty, NotifyCharset, NotifySign, Switches};
