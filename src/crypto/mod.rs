//! Keys and RSA: key text and messages in, signatures made and checked out.
//!
//! ```text
//! key text → keytext (base64) → der → keyform → private, public
//! message  → hash → pkcs1 → rsa (blind, limbs, rows) → signature
//! certificate text → keytext → der → cert → its number        (feature `certificates`)
//! content → aes → base64 of ciphertext                        (feature `aes`)
//! ```
//!
//! No heap, no panic, and no `unsafe` but for one block of assembly on 32-bit ARM (`rows`). What
//! depends on a private key takes the same time for every key of one size (on cores whose
//! multiplication does: not Cortex-M3). Working memory is lent.

#[cfg(feature = "aes")]
mod aes;
mod blind;
#[cfg(feature = "certificates")]
pub mod cert;
mod der;
mod hash;
mod keyform;
mod keytext;
mod limbs;
mod pkcs1;
mod private;
mod public;
mod rows;
mod rsa;
#[cfg(test)]
mod taint;
#[cfg(test)]
mod tests;

#[cfg(feature = "aes")]
pub use aes::AesKey;
pub use hash::{Digest, HashValue, Hasher};
pub use private::PrivateKey;
pub use public::PublicKey;
pub use rsa::{MAX_BITS, MAX_BYTES, Scratch};
