//! The public key: key text in, checked signatures out.

use zeroize::Zeroize;

use super::der::Der;
use super::hash::Digest;
use super::keyform::Numbers;
use super::limbs::{self, BITS, Limb, head};
use super::pkcs1;
use super::rsa::{FULL, MIN_BITS, Parts, Ring, Scratch, half_limbs, public_op};
use crate::status::{Error, Result, Status};

const WHAT: &str = "public_key";

/// An RSA public key in fixed memory: Alipay's, for verifying.
pub struct PublicKey {
    pub(super) n: Ring<FULL>,
    pub(super) e: u64,
    /// Bits of the modulus; 0 means no key.
    pub(super) bits: usize,
}

impl PublicKey {
    /// No key yet.
    pub const fn new() -> Self {
        PublicKey { n: Ring::new(), e: 0, bits: 0 }
    }

    /// Reads a key: PEM, wrapped or one-line base64, of SubjectPublicKeyInfo, PKCS#1 or an X.509
    /// certificate (its subject's key; the certificate itself is not checked).
    ///
    /// Fails with `Missing` (empty text), `KeyMismatch` (a private key), `KeyUnsupported` (not
    /// RSA; not 1024 bits to [`MAX_BITS`](super::MAX_BITS) in steps of 64, `at` the bits) or
    /// `KeyFormat` (`at` an offset in the text); then there is no key.
    pub fn load(&mut self, text: &[u8], scratch: &mut Scratch) -> Result<()> {
        self.clear();
        let result = self.read(text);
        match result {
            Ok(()) => self.prepare(&mut scratch.parts(self.half())),
            Err(_) => self.clear(),
        }
        scratch.wipe();
        result
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.bits == 0
    }

    /// Bytes of the modulus and of a signature; 0 without a key.
    pub fn size(&self) -> usize {
        self.bits / 8
    }

    /// Whether `other` has the same modulus.
    pub fn matches(&self, other: &PublicKey) -> bool {
        !self.is_empty() && limbs::equal(self.modulus(), other.modulus())
    }

    /// Checks that `signature` (PKCS#1 v1.5) belongs to `hash`.
    ///
    /// Fails with `Signature` if it does not, `Argument` if `hash` is not as long as `digest`
    /// says, `Missing` without a key.
    pub fn verify(
        &self,
        digest: Digest,
        hash: &[u8],
        signature: &[u8],
        scratch: &mut Scratch,
    ) -> Result<()> {
        let wrong = Error::new(Status::Signature, "sign");
        if self.is_empty() {
            return Err(Error::new(Status::Missing, WHAT));
        }
        if hash.len() != digest.len() {
            return Err(Error::new(Status::Argument, "hash").at(hash.len()));
        }
        if signature.len() != self.size() {
            return Err(wrong.at(signature.len()));
        }
        let mut parts = scratch.parts(self.half());
        limbs::set_bytes(parts.output, signature.iter().rev().copied());
        let valid = limbs::less(parts.output, self.modulus())
            && self.output_is_root_of(digest, hash, &mut parts);
        scratch.wipe_used(self.half());
        if valid { Ok(()) } else { Err(wrong) }
    }

    /// Forgets the key.
    pub(super) fn clear(&mut self) {
        self.n.wipe();
        self.e.zeroize();
        self.bits.zeroize();
    }

    /// Limbs of a prime; the modulus has twice as many.
    pub(super) fn half(&self) -> usize {
        half_limbs(self.bits)
    }

    /// The modulus.
    pub(super) fn modulus(&self) -> &[Limb] {
        head(&self.n.m, 2 * self.half())
    }

    /// Whether parts.output^e is the block for `hash`. The block is rebuilt and compared whole:
    /// parsing it is how forgeries have passed elsewhere.
    pub(super) fn output_is_root_of(
        &self,
        digest: Digest,
        hash: &[u8],
        parts: &mut Parts<'_>,
    ) -> bool {
        pkcs1::encode(parts.input, self.size(), digest, hash);
        let mut work = parts.work.full();
        public_op(parts.output, self.e, &self.n.modulus(2 * self.half()), &mut work);
        limbs::equal(work.value, parts.input)
    }

    /// Reads n and e.
    pub(super) fn read_numbers(&mut self, der: &mut Der<'_>, end: usize) -> Result<()> {
        let bits = der.integer(end, &mut self.n.m, Status::KeyUnsupported)?;
        if bits < MIN_BITS || !bits.is_multiple_of(64) {
            return Err(der.error(Status::KeyUnsupported).at(bits));
        }
        let mut e = [0; 64 / BITS];
        der.integer(end, &mut e, Status::KeyUnsupported)?;
        let mut e_bytes = [0; 8];
        e_bytes.iter_mut().zip(limbs::bytes(&e)).for_each(|(to, byte)| *to = byte);
        self.e = u64::from_le_bytes(e_bytes);
        let odd = self.n.m.first().is_some_and(|n| n & self.e as Limb & 1 == 1);
        if !odd || self.e < 3 {
            return Err(der.error(Status::KeyFormat));
        }
        self.bits = bits;
        Ok(())
    }

    /// Computes what verifying needs beside the numbers.
    pub(super) fn prepare(&mut self, parts: &mut Parts<'_>) {
        self.n.prepare(2 * self.half(), self.bits, parts.work.full().product);
    }

    fn read(&mut self, text: &[u8]) -> Result<()> {
        let mut der = Der::new(text, WHAT)?;
        let numbers = Numbers::find(&mut der)?;
        if numbers.private {
            return Err(der.error(Status::KeyMismatch));
        }
        self.read_numbers(&mut der, numbers.end)?;
        numbers.finish(&mut der)
    }
}

impl Default for PublicKey {
    fn default() -> Self {
        Self::new()
    }
}
