//! Keys and RSA: key text and messages in, signatures made and checked out.
//!
//! ```text
//! key text → keytext (base64) → der → keyform → private, public
//! message  → hash → pkcs1 → rsa (blind, limbs) → signature
//! ```
//!
//! No heap, no `unsafe`, no panic. What depends on a private key takes the same time for every key
//! of one size (on cores whose multiplication does: not Cortex-M3). Working memory is lent.

mod blind;
mod der;
mod hash;
mod keyform;
mod keytext;
mod limbs;
mod pkcs1;
mod private;
mod public;
mod rsa;
#[cfg(test)]
mod taint;
#[cfg(test)]
mod tests;

pub use hash::{Digest, HashValue, Hasher};
pub use private::PrivateKey;
pub use public::PublicKey;
pub use rsa::{MAX_BITS, MAX_BYTES, Scratch};
