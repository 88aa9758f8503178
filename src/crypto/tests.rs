//! What only the inside can show: the kernel against plain big integers, faults, wiping.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use num_bigint::BigUint;

use super::limbs::{self, BITS, Limb, Modulus};
use super::{Digest, MAX_BYTES, PrivateKey, PublicKey, Scratch};
use crate::port::{Entropy, PortError};
use crate::status::Status;

const APP_1024: &[u8] = include_bytes!("../../tests/vectors/keys/app1024.pkcs8.pem");
const APP_2048: &[u8] = include_bytes!("../../tests/vectors/keys/app2048.pkcs1.b64");
const APP_2048_PUBLIC: &[u8] = include_bytes!("../../tests/vectors/keys/app2048.pub.pem");

/// Repeatable noise; the seed is printed by who makes it.
struct Noise(u64);

impl Noise {
    fn limb(&mut self) -> Limb {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let mixed = (self.0 ^ self.0 >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> (64 - BITS)) as Limb
    }

    /// Limbs of all ones, of zeros, and any, so that carries run far.
    fn limbs(&mut self, n: usize) -> Vec<Limb> {
        let style = self.limb() % 4;
        let mut limb = || match (style, self.limb() % 4) {
            (0, _) | (1, 0) => Limb::MAX,
            (1, 1) => 0,
            (1, 2) => 1 << (BITS - 1),
            _ => self.limb(),
        };
        (0..n).map(|_| limb()).collect()
    }
}

impl Entropy for Noise {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), PortError> {
        out.fill_with(|| self.limb() as u8);
        Ok(())
    }
}

struct Broken;

impl Entropy for Broken {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), PortError> {
        Err(PortError(-7))
    }
}

struct Stuck;

impl Entropy for Stuck {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), PortError> {
        out.fill(0);
        Ok(())
    }
}

fn big(x: &[Limb]) -> BigUint {
    BigUint::from_bytes_le(&limbs::bytes(x).collect::<Vec<_>>())
}

fn small(x: &BigUint, n: usize) -> Vec<Limb> {
    let mut out = vec![0; n];
    limbs::set_bytes(&mut out, x.to_bytes_le().into_iter());
    out
}

fn key(text: &[u8]) -> PrivateKey {
    let mut key = PrivateKey::new();
    key.load(text, &mut Scratch::new()).unwrap();
    key
}

#[test]
fn montgomery_arithmetic_agrees_with_plain_integers() {
    let seed = 20161010;
    println!("seed {seed}");
    let mut noise = Noise(seed);
    for n in [4, 8, 12, 16, 24, 32, 48, 64] {
        for _ in 0..60 {
            // A modulus of any size that ends in the top two limbs, sometimes of all ones.
            let bits = n * BITS - noise.limb() as usize % (2 * BITS);
            let one = BigUint::from(1u8);
            let m = (big(&noise.limbs(n)) % (&one << bits)) | (&one << (bits - 1)) | &one;
            let r = (&one << (n * BITS)) % &m;
            let m_limbs = small(&m, n);
            let (mut rr, mut t) = (vec![0; n], vec![0; 2 * n]);
            let k = limbs::negated_inverse(&m_limbs);
            limbs::r_squared(&mut rr, &m_limbs, k, bits, &mut t);
            assert_eq!(big(&rr), &r * &r % &m, "R^2, {n} limbs");
            let modulus = Modulus { m: &m_limbs, rr: &rr, k };

            let x = noise.limbs(n);
            let y = small(&(big(&noise.limbs(n)) % &m), n);
            let mut product = x.clone();
            limbs::mul(&mut product, &y, &modulus, &mut t);
            assert!(big(&product) < m);
            assert_eq!(big(&product) * &r % &m, big(&x) * big(&y) % &m, "x*y, {n} limbs");

            let mut square = x.clone();
            limbs::sqr(&mut square, &modulus, &mut t);
            assert_eq!(big(&square) * &r % &m, big(&x) * big(&x) % &m, "x^2, {n} limbs");
            limbs::sqr(&mut square, &modulus, &mut t);
            limbs::mul(&mut square, &y, &modulus, &mut t);
            assert!(big(&square) < m, "a product is reduced whatever a square was");

            let mut left = y.clone();
            limbs::leave(&mut left, &modulus, &mut t);
            assert!(big(&left) < m);
            assert_eq!(big(&left) * &r % &m, big(&y));

            let mut difference = y.clone();
            limbs::subtract_mod(&mut difference, &product, &m_limbs);
            assert_eq!((big(&difference) + big(&product)) % &m, big(&y));
            assert!(big(&difference) < m);
        }
    }
}

#[test]
fn comparisons_agree_with_plain_integers() {
    let mut noise = Noise(7);
    for _ in 0..1000 {
        let (a, b) = (noise.limbs(4), noise.limbs(4));
        assert_eq!(limbs::less(&a, &b), big(&a) < big(&b));
        assert_eq!(limbs::equal(&a, &b), a == b);
        assert_eq!(limbs::is_zero(&a), a == [0; 4]);
        assert_eq!(limbs::equal_mask(a[0], b[0]) == Limb::MAX, a[0] == b[0]);
    }
    assert!(!limbs::equal(&[1], &[1, 0]));
}

#[test]
fn blinding_changes_nothing_that_can_be_seen() {
    let (mut plain, mut blinded) = (key(APP_1024), key(APP_1024));
    let (mut noise, scratch) = (Noise(99), &mut Scratch::new());
    let (mut a, mut b) = ([0; MAX_BYTES], [0; MAX_BYTES]);
    // More than two lives of a pair; and without entropy in between.
    for i in 0..70 {
        for digest in [Digest::Sha256, Digest::Sha1] {
            let hash = [i; 32];
            let hash = &hash[..digest.len()];
            plain.sign(digest, hash, None, scratch, &mut a).unwrap();
            blinded.sign(digest, hash, Some(&mut noise), scratch, &mut b).unwrap();
            assert_eq!(a, b, "signature {i}");
            assert!(scratch.is_wiped());
        }
    }
}

#[test]
fn without_entropy_there_is_no_blinded_signature() {
    let (mut key, scratch) = (key(APP_1024), &mut Scratch::new());
    let mut out = [0xee; MAX_BYTES];
    let error = key.sign(Digest::Sha256, &[1; 32], Some(&mut Broken), scratch, &mut out);
    let error = error.unwrap_err();
    assert_eq!((error.status, error.port), (Status::Entropy, -7));
    assert_eq!(out[..128], [0; 128]);
    let error = key.sign(Digest::Sha256, &[1; 32], Some(&mut Stuck), scratch, &mut out);
    assert_eq!(error.unwrap_err().status, Status::Entropy);
    assert!(scratch.is_wiped());
    key.sign(Digest::Sha256, &[1; 32], Some(&mut Noise(3)), scratch, &mut out).unwrap();
}

/// Flips one bit somewhere in the key after it was loaded, as a fault would.
#[test]
fn a_fault_never_releases_a_signature() {
    let scratch = &mut Scratch::new();
    type Part = fn(&mut PrivateKey) -> &mut [Limb];
    let parts: [(&str, Part); 9] = [
        ("dp", |key| &mut key.dp),
        ("dq", |key| &mut key.dq),
        ("q_inverse", |key| &mut key.q_inverse),
        ("p", |key| &mut key.p.m),
        ("q", |key| &mut key.q.m),
        ("p.rr", |key| &mut key.p.rr),
        ("q.rr", |key| &mut key.q.rr),
        ("n", |key| &mut key.public.n.m),
        ("n.rr", |key| &mut key.public.n.rr),
    ];
    for (name, part) in parts {
        for bit in [0, 5, 100, 511] {
            for blinded in [false, true] {
                let mut key = key(APP_1024);
                part(&mut key)[bit / BITS] ^= 1 << (bit % BITS);
                let mut noise = Noise(bit as u64);
                let entropy: Option<&mut dyn Entropy> =
                    if blinded { Some(&mut noise) } else { None };
                let mut out = [0xee; MAX_BYTES];
                let result = key.sign(Digest::Sha256, &[9; 32], entropy, scratch, &mut out);
                assert_eq!(
                    result.map_err(|error| error.status),
                    Err(Status::Signer),
                    "{name}, bit {bit}, blinded {blinded}"
                );
                assert_eq!(out[..128], [0; 128]);
                assert!(scratch.is_wiped());
            }
        }
    }
}

#[test]
fn a_cleared_key_leaves_nothing_behind() {
    let (mut key, scratch) = (key(APP_2048), &mut Scratch::new());
    let mut out = [0; MAX_BYTES];
    key.sign(Digest::Sha256, &[1; 32], Some(&mut Noise(1)), scratch, &mut out).unwrap();
    assert!(!key.is_wiped());
    key.clear();
    assert!(key.is_wiped());
    assert!(key.is_empty());
    let error = key.sign(Digest::Sha256, &[1; 32], None, scratch, &mut out).unwrap_err();
    assert_eq!(error.status, Status::Missing);
}

#[test]
fn a_key_that_fails_to_load_leaves_nothing_behind() {
    let (mut key, scratch) = (key(APP_2048), &mut Scratch::new());
    let mut text = APP_2048.to_vec();
    text[1000] ^= 1;
    assert!(key.load(&text, scratch).is_err());
    assert!(key.is_wiped() && scratch.is_wiped());
}

#[test]
fn lent_memory_is_wiped_after_each_use() {
    let (mut private, scratch) = (PrivateKey::new(), &mut Scratch::new());
    private.load(APP_2048, scratch).unwrap();
    assert!(scratch.is_wiped());
    let mut public = PublicKey::new();
    public.load(APP_2048_PUBLIC, scratch).unwrap();
    assert!(scratch.is_wiped());
    let mut out = [0; MAX_BYTES];
    let n = private.sign(Digest::Sha1, &[1; 20], None, scratch, &mut out).unwrap();
    assert!(scratch.is_wiped());
    public.verify(Digest::Sha1, &[1; 20], &out[..n], scratch).unwrap();
    assert!(scratch.is_wiped());
}

#[test]
fn a_wrong_call_is_told_what_is_wrong() {
    let (mut key, scratch) = (key(APP_1024), &mut Scratch::new());
    let mut out = [0; MAX_BYTES];
    let error = key.sign(Digest::Sha256, &[1; 20], None, scratch, &mut out).unwrap_err();
    assert_eq!((error.status, error.at), (Status::Argument, 20));
    let error = key.sign(Digest::Sha1, &[1; 20], None, scratch, &mut out[..127]).unwrap_err();
    assert_eq!((error.status, error.at), (Status::BufferTooSmall, 128));
}

#[test]
fn sizes_are_what_the_manual_says() {
    println!(
        "PrivateKey {} PublicKey {} Scratch {}",
        size_of::<PrivateKey>(),
        size_of::<PublicKey>(),
        size_of::<Scratch>()
    );
    assert!(align_of::<PrivateKey>() <= 8 && align_of::<Scratch>() <= 8);
}
