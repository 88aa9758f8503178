//! The private key: key text in, signatures out, each checked before it leaves.

use zeroize::Zeroize;

use super::blind::Blind;
use super::der::{self, Der};
use super::hash::Digest;
use super::keyform::Numbers;
use super::limbs::{self, Limb, head, head_mut};
use super::pkcs1;
use super::public::PublicKey;
use super::rsa::{HALF, Parts, Primes, Ring, Scratch, private_op};
use crate::port::Entropy;
use crate::status::{Error, Result, Status};

const WHAT: &str = "private_key";

/// An RSA private key in fixed memory: the application's, for signing. Wiped when dropped.
pub struct PrivateKey {
    pub(super) public: PublicKey,
    pub(super) p: Ring<HALF>,
    pub(super) q: Ring<HALF>,
    pub(super) dp: [Limb; HALF],
    pub(super) dq: [Limb; HALF],
    pub(super) q_inverse: [Limb; HALF],
    pub(super) blind: Blind,
}

impl PrivateKey {
    /// No key yet.
    pub const fn new() -> Self {
        PrivateKey {
            public: PublicKey::new(),
            p: Ring::new(),
            q: Ring::new(),
            dp: [0; HALF],
            dq: [0; HALF],
            q_inverse: [0; HALF],
            blind: Blind::new(),
        }
    }

    /// Reads a key: PEM, wrapped or one-line base64, of PKCS#1 or PKCS#8, and makes one signature
    /// to see that its numbers belong together.
    ///
    /// Fails with `Missing` (empty text), `KeyMismatch` (a public key or certificate),
    /// `KeyUnsupported` (not RSA; encrypted; not two primes of equal size; not 1024 bits to
    /// [`MAX_BITS`](super::MAX_BITS) in steps of 64, `at` the bits) or `KeyFormat` (`at` an offset
    /// in the text, or 0 if the numbers contradict each other); then there is no key.
    pub fn load(&mut self, text: &[u8], scratch: &mut Scratch) -> Result<()> {
        self.clear();
        let result = self.read(text).and_then(|()| {
            self.prepare(&mut scratch.parts(self.public.half()));
            match self.is_consistent(scratch) {
                true => Ok(()),
                false => Err(Error::new(Status::KeyFormat, WHAT)),
            }
        });
        scratch.wipe();
        if result.is_err() {
            self.clear();
        }
        result
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.public.is_empty()
    }

    /// Bytes of the modulus and of a signature; 0 without a key.
    pub fn size(&self) -> usize {
        self.public.size()
    }

    /// Signs `hash` (PKCS#1 v1.5) into `out`; returns the signature's length, which is
    /// [`size`](Self::size).
    ///
    /// With `entropy` the computation is blinded: about 1000 bytes of it are drawn once in 32
    /// signatures. The signature is the same either way, and is checked with the public exponent
    /// before it is released: a fault on the way would give the key away.
    ///
    /// Fails with `Missing` without a key, `Argument` if `hash` is not as long as `digest` says,
    /// `BufferTooSmall` (`at` the length needed), `Entropy`, or `Signer` when the check fails;
    /// then `out` holds nothing of the signature.
    pub fn sign(
        &mut self,
        digest: Digest,
        hash: &[u8],
        entropy: Option<&mut dyn Entropy>,
        scratch: &mut Scratch,
        out: &mut [u8],
    ) -> Result<usize> {
        let size = self.size();
        if self.is_empty() {
            return Err(Error::new(Status::Missing, WHAT));
        }
        if hash.len() != digest.len() {
            return Err(Error::new(Status::Argument, "hash").at(hash.len()));
        }
        let Some(out) = out.get_mut(..size) else {
            return Err(Error::new(Status::BufferTooSmall, "sign").at(size));
        };
        out.fill(0);
        let mut parts = scratch.parts(self.public.half());
        let result = self.sign_into(digest, hash, entropy, &mut parts);
        if result.is_ok() {
            for (out, byte) in out.iter_mut().rev().zip(limbs::bytes(parts.output)) {
                *out = byte;
            }
        }
        scratch.wipe_used(self.public.half());
        result.map(|()| size)
    }

    /// Checks a signature this key has made, as [`PublicKey::verify`].
    pub fn verify(
        &self,
        digest: Digest,
        hash: &[u8],
        signature: &[u8],
        scratch: &mut Scratch,
    ) -> Result<()> {
        self.public.verify(digest, hash, signature, scratch)
    }

    /// Whether `public` is this key's other half: then it is not Alipay's.
    pub fn matches(&self, public: &PublicKey) -> bool {
        self.public.matches(public)
    }

    /// Forgets the key and overwrites its memory.
    pub fn clear(&mut self) {
        self.public.clear();
        self.p.wipe();
        self.q.wipe();
        self.dp.zeroize();
        self.dq.zeroize();
        self.q_inverse.zeroize();
        self.blind.wipe();
    }

    #[cfg(test)]
    pub(super) fn is_wiped(&self) -> bool {
        let numbers: [&[Limb]; 7] =
            [&self.dp, &self.dq, &self.q_inverse, &self.p.m, &self.p.rr, &self.q.m, &self.q.rr];
        numbers.iter().all(|x| limbs::is_zero(x))
            && limbs::is_zero(&self.public.n.m)
            && self.blind.is_wiped()
    }

    /// parts.output = the signature, checked.
    fn sign_into(
        &mut self,
        digest: Digest,
        hash: &[u8],
        entropy: Option<&mut dyn Entropy>,
        parts: &mut Parts<'_>,
    ) -> Result<()> {
        let half = self.public.half();
        let n = self.public.n.modulus(2 * half);
        let primes = Primes {
            p: self.p.modulus(half),
            q: self.q.modulus(half),
            dp: head(&self.dp, half),
            dq: head(&self.dq, half),
            q_inverse: head(&self.q_inverse, half),
            bits: self.public.bits / 2,
        };
        let blinded = entropy.is_some();
        if let Some(entropy) = entropy {
            self.blind.renew(&primes, &n, entropy, parts)?;
        }
        pkcs1::encode(parts.input, self.public.size(), digest, hash);
        if blinded {
            self.blind.blind(&n, parts);
        }
        private_op(&primes, primes.dp, primes.dq, parts);
        if blinded {
            self.blind.unblind(&n, parts);
        }
        match self.public.output_is_root_of(digest, hash, parts) {
            true => Ok(()),
            false => Err(Error::new(Status::Signer, "sign")),
        }
    }

    fn read(&mut self, text: &[u8]) -> Result<()> {
        let mut der = Der::new(text, WHAT)?;
        let numbers = Numbers::find(&mut der)?;
        if !numbers.private {
            return Err(der.error(Status::KeyMismatch));
        }
        let end = numbers.end;
        self.public.read_numbers(&mut der, end)?;
        der.skip(der::INTEGER, end)?; // d; the two below say the same.
        let half = self.public.half();
        for prime in [&mut self.p.m, &mut self.q.m] {
            let bits = der.integer(end, head_mut(prime, half), Status::KeyUnsupported)?;
            if bits != self.public.bits / 2 {
                return Err(der.error(Status::KeyUnsupported).at(bits));
            }
        }
        for number in [&mut self.dp, &mut self.dq, &mut self.q_inverse] {
            der.integer(end, head_mut(number, half), Status::KeyFormat)?;
        }
        numbers.finish(&mut der)
    }

    fn prepare(&mut self, parts: &mut Parts<'_>) {
        let (half, bits) = (self.public.half(), self.public.bits / 2);
        self.public.prepare(parts);
        self.p.prepare(half, bits, parts.work.product);
        self.q.prepare(half, bits, parts.work.product);
    }

    /// Whether n = p·q, the other numbers are in range, and a signature verifies.
    fn is_consistent(&mut self, scratch: &mut Scratch) -> bool {
        let half = self.public.half();
        let parts = scratch.parts(half);
        let (p, q) = (head(&self.p.m, half), head(&self.q.m, half));
        parts.output.fill(0);
        limbs::add_product(parts.output, p, q);
        let in_range = limbs::less(&self.dp, &self.p.m)
            && limbs::less(&self.dq, &self.q.m)
            && limbs::less(&self.q_inverse, &self.p.m);
        limbs::equal(parts.output, self.public.modulus())
            && in_range
            && self.sign_into(Digest::Sha256, &[0x5a; 32], None, &mut scratch.parts(half)).is_ok()
    }
}

impl Default for PrivateKey {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for PrivateKey {
    fn drop(&mut self) {
        self.clear();
    }
}
