//! In: a private key's text and a message, from C. Out: its signature, by the library's own RSA;
//! 0, or the status. The memory lent is counted by the program that links this.
#![no_std]

// Limb by limb in 32 bits; on 64-bit machines the library's own tests do it.
#[cfg(target_pointer_width = "32")]
mod compare;
// The kernel itself once more, for `compare`: it is nobody's business outside the library.
#[cfg(target_pointer_width = "32")]
#[path = "../../../../src/crypto/limbs.rs"]
#[allow(dead_code)]
mod limbs;
#[cfg(target_pointer_width = "32")]
#[path = "../../../../src/crypto/rows.rs"]
#[allow(dead_code)]
mod rows;

use pointcard::crypto::{Digest, Hasher, PrivateKey, Scratch};
use pointcard::port::{Entropy, PortError};

/// Deterministic bytes: two runs must take the same number of instructions.
struct Noise(u32);

impl Entropy for Noise {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), PortError> {
        for byte in out {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (self.0 >> 24) as u8;
        }
        Ok(())
    }
}

/// What a signer needs: the key, and the memory lent to it.
pub struct Signer {
    key: PrivateKey,
    scratch: Scratch,
    noise: Noise,
}

/// Bytes of a [`Signer`].
#[unsafe(no_mangle)]
pub extern "C" fn kernel_size() -> usize {
    size_of::<Signer>()
}

/// Loads a key into `memory` of `kernel_size` bytes, zeroed and aligned to 8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kernel_load(memory: *mut Signer, text: *const u8, len: usize) -> i32 {
    // Safety: the C program lends zeroed memory, which is a signer without a key, and `len` bytes.
    let (signer, text) = unsafe { (&mut *memory, core::slice::from_raw_parts(text, len)) };
    signer.key.load(text, &mut signer.scratch).map_or_else(|error| error.status as i32, |()| 0)
}

/// Signs a message; `out` has 256 bytes. Blinded when `blinded` is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kernel_sign(
    memory: *mut Signer,
    message: *const u8,
    len: usize,
    blinded: i32,
    out: *mut u8,
) -> i32 {
    // Safety: a loaded signer, `len` bytes of message and 256 bytes of room.
    let (signer, message, out) = unsafe {
        (
            &mut *memory,
            core::slice::from_raw_parts(message, len),
            core::slice::from_raw_parts_mut(out, 256),
        )
    };
    let mut hasher = Hasher::new(Digest::Sha256);
    hasher.update(message);
    let hash = hasher.finish();
    let noise: Option<&mut dyn Entropy> = if blinded == 0 { None } else { Some(&mut signer.noise) };
    let signed = signer.key.sign(Digest::Sha256, hash.as_bytes(), noise, &mut signer.scratch, out);
    signed.map_or_else(|error| error.status as i32, |_| 0)
}
