//! Base blinding: a key and fresh entropy in, a pair (a, b) with (m·a)^d · b = m^d out.
//!
//! The secret exponents then only ever meet numbers nobody outside can know. a is random and
//! b = a^(−d), found without an inversion as a^(p−1−dp) modulo p and a^(q−1−dq) modulo q. Each
//! signature squares both; after [`USES`] the pair is made anew.

use zeroize::Zeroize;

use super::limbs::{self, BITS, CopyFrom, Limb, Modulus};
use super::rsa::{FULL, Parts, Primes, private_op};
use crate::port::Entropy;
use crate::status::{Error, Result, Status};

/// Signatures for one random number.
const USES: u32 = 32;

/// A blinding pair, both in Montgomery form. Kept with the key it belongs to.
pub(super) struct Blind {
    a: [Limb; FULL],
    b: [Limb; FULL],
    left: u32,
}

impl Blind {
    pub const fn new() -> Self {
        Blind { a: [0; FULL], b: [0; FULL], left: 0 }
    }

    pub fn wipe(&mut self) {
        self.a.zeroize();
        self.b.zeroize();
        self.left.zeroize();
    }

    #[cfg(test)]
    pub fn is_wiped(&self) -> bool {
        limbs::is_zero(&self.a) && limbs::is_zero(&self.b) && self.left == 0
    }

    /// Makes a new pair if the old one is used up. Uses all of `parts`.
    pub fn renew(
        &mut self,
        primes: &Primes<'_>,
        n: &Modulus<'_>,
        entropy: &mut dyn Entropy,
        parts: &mut Parts<'_>,
    ) -> Result<()> {
        if self.left > 0 {
            return Ok(());
        }
        let Blind { a, b, left } = self;
        let (a, b) = (front(a, n), front(b, n));
        random(a, 2 * primes.bits - 1, entropy)?;
        parts.input.copy_from(a);
        limbs::leave(parts.input, n, parts.work.full().product);

        // b is not needed until the end: meanwhile it holds the exponents.
        let (dp, dq) = b.split_at_mut_checked(primes.dp.len()).unwrap_or_default();
        negate(dp, primes.dp, primes.p.m);
        negate(dq, primes.dq, primes.q.m);
        private_op(primes, dp, dq, parts);
        b.copy_from(parts.output);
        limbs::mul(b, n.rr, n, parts.work.full().product);
        *left = USES;
        Ok(())
    }

    /// parts.input = parts.input · a, with a pair never used before.
    pub fn blind(&mut self, n: &Modulus<'_>, parts: &mut Parts<'_>) {
        let Blind { a, b, left } = self;
        let (a, b) = (front(a, n), front(b, n));
        let full = parts.work.full();
        limbs::sqr(a, n, full.product);
        limbs::sqr(b, n, full.product);
        limbs::mul(parts.input, a, n, full.product);
        *left = left.saturating_sub(1);
    }

    /// parts.output = parts.output · b.
    pub fn unblind(&mut self, n: &Modulus<'_>, parts: &mut Parts<'_>) {
        limbs::mul(parts.output, front(&mut self.b, n), n, parts.work.full().product);
    }
}

/// As many limbs as the modulus has.
fn front<'a>(x: &'a mut [Limb; FULL], n: &Modulus<'_>) -> &'a mut [Limb] {
    x.get_mut(..n.m.len()).unwrap_or_default()
}

/// out = p − 1 − d, for odd p and d < p.
fn negate(out: &mut [Limb], d: &[Limb], p: &[Limb]) {
    out.copy_from(p);
    if let Some(lowest) = out.first_mut() {
        *lowest ^= 1;
    }
    limbs::subtract_mod(out, d, p);
}

/// A random number of up to `bits` bits. Zero is no random number.
fn random(out: &mut [Limb], bits: usize, entropy: &mut dyn Entropy) -> Result<()> {
    let failed = Error::new(Status::Entropy, "entropy");
    let mut bytes = [0; 32];
    let mut left = bits;
    for limbs in out.chunks_mut(bytes.len() * 8 / BITS) {
        entropy.fill(&mut bytes).map_err(|error| failed.port(error.0))?;
        limbs::set_bytes(limbs, bytes.iter().copied());
        for limb in limbs {
            *limb &= Limb::MAX.checked_shr((BITS - left.min(BITS)) as u32).unwrap_or(0);
            left = left.saturating_sub(BITS);
        }
    }
    bytes.zeroize();
    if limbs::is_zero(out) { Err(failed) } else { Ok(()) }
}
