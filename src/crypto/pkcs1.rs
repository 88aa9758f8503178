//! EMSA-PKCS1-v1_5 (RFC 8017, 9.2): digest and hash in, the number to be signed out.
//!
//! ```text
//! 00 01 FF ... FF 00 | DigestInfo | hash        as many bytes as the modulus
//! ```

use super::hash::Digest;
use super::limbs::{self, Limb};

/// DER of DigestInfo up to the hash itself (RFC 8017, 9.2, note 1).
const fn digest_info(digest: Digest) -> &'static [u8] {
    match digest {
        Digest::Sha256 => {
            b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
        }
        Digest::Sha1 => b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14",
    }
}

/// Sets `out` to the block of `size` bytes for `hash`. The smallest modulus, 128 bytes, leaves
/// room for 74 bytes of padding.
pub(super) fn encode(out: &mut [Limb], size: usize, digest: Digest, hash: &[u8]) {
    let padding = size.saturating_sub(3 + digest_info(digest).len() + hash.len());
    let lowest_first = (hash.iter().rev().copied())
        .chain(digest_info(digest).iter().rev().copied())
        .chain([0])
        .chain(core::iter::repeat_n(0xff, padding))
        .chain([1]);
    limbs::set_bytes(out, lowest_first);
}
