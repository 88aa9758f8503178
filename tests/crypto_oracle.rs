//! The same signatures from three sides: this crate, RustCrypto `rsa`, and the openssl command.
//! PKCS#1 v1.5 is deterministic, so they must agree to the byte.
#![allow(clippy::expect_used, clippy::indexing_slicing)]

use std::io::Write as _;
use std::process::{Command, Stdio};

use pointcard::crypto::{Digest, Hasher, MAX_BITS, MAX_BYTES, PrivateKey, PublicKey, Scratch};
use pointcard::port::{Entropy, PortError};
use pointcard::status::Status;
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use rsa::rand_core::{Infallible, TryCryptoRng, TryRng};
use rsa::sha2::Sha256;
use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};
use rsa::{Pkcs1v15Sign, RsaPrivateKey};

const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/keys/");

/// Repeatable noise from a printed seed: POINTCARD_SEED sets it.
struct Noise(u64);

impl Noise {
    fn new() -> Self {
        let set = std::env::var("POINTCARD_SEED").ok().and_then(|text| text.parse().ok());
        let seed = set.unwrap_or_else(|| u64::from(std::process::id()) << 20 ^ 20161010);
        println!("POINTCARD_SEED={seed}");
        Noise(seed)
    }
}

impl TryRng for Noise {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|x| x as u32)
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        Ok(z ^ z >> 31)
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.fill_with(|| self.try_next_u64().map_or(0, |x| x as u8));
        Ok(())
    }
}

impl TryCryptoRng for Noise {}

impl Entropy for Noise {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), PortError> {
        self.try_fill_bytes(out).map_err(|_| PortError(1))
    }
}

fn message(noise: &mut Noise) -> Vec<u8> {
    let mut message = vec![0; noise.try_next_u32().map_or(0, |x| x as usize % 600)];
    let Ok(()) = noise.try_fill_bytes(&mut message);
    message
}

fn hash(digest: Digest, message: &[u8]) -> Vec<u8> {
    let mut hasher = Hasher::new(digest);
    message.chunks(97).for_each(|piece| hasher.update(piece));
    hasher.finish().as_bytes().to_vec()
}

/// RustCrypto's padding for SHA-1: its DigestInfo by hand, `rsa` is built with SHA-2 only.
fn padding(digest: Digest) -> Pkcs1v15Sign {
    match digest {
        Digest::Sha256 => Pkcs1v15Sign::new::<Sha256>(),
        Digest::Sha1 => Pkcs1v15Sign {
            hash_len: Some(20),
            prefix: b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14"[..].into(),
        },
    }
}

/// Signs with both, verifies both ways, with and without blinding.
fn compare(theirs: &RsaPrivateKey, messages: usize, noise: &mut Noise) {
    let scratch = &mut Scratch::new();
    let mut ours = PrivateKey::new();
    let text = theirs.to_pkcs8_pem(LineEnding::CRLF).expect("PKCS#8");
    ours.load(text.as_bytes(), scratch).expect("PKCS#8 loads");
    let text = theirs.to_pkcs1_pem(LineEnding::LF).expect("PKCS#1");
    ours.load(text.as_bytes(), scratch).expect("PKCS#1 loads");
    let mut public = PublicKey::new();
    let text = theirs.to_public_key().to_public_key_pem(LineEnding::LF).expect("SPKI");
    public.load(text.as_bytes(), scratch).expect("SPKI loads");
    assert!(ours.matches(&public));

    for i in 0..messages {
        let message = message(noise);
        for digest in [Digest::Sha256, Digest::Sha1] {
            let hash = hash(digest, &message);
            let expected = theirs.sign(padding(digest), &hash).expect("they sign");
            let mut out = [0; MAX_BYTES];
            let entropy: Option<&mut dyn Entropy> = if i % 2 == 0 { Some(noise) } else { None };
            let n = ours.sign(digest, &hash, entropy, scratch, &mut out).expect("we sign");
            assert_eq!(out[..n], expected, "message {i}");
            public.verify(digest, &hash, &expected, scratch).expect("we verify");
            refuse_neighbours(&public, digest, &hash, &expected, noise);
        }
    }
}

/// The same signature with a bit changed, one byte shorter or longer, or plus n, is none.
fn refuse_neighbours(
    key: &PublicKey,
    digest: Digest,
    hash: &[u8],
    valid: &[u8],
    noise: &mut Noise,
) {
    let scratch = &mut Scratch::new();
    let mut refused = |signature: &[u8]| {
        let error = key.verify(digest, hash, signature, scratch).expect_err("refused");
        assert_eq!(error.status, Status::Signature);
    };
    let mut changed = valid.to_vec();
    let bit = noise.try_next_u32().map_or(0, |x| x as usize % (8 * valid.len()));
    changed[bit / 8] ^= 1 << (bit % 8);
    refused(&changed);
    refused(&valid[1..]);
    refused(&[valid, &[0]].concat());
    refused(&[&[0], valid].concat());
    refused(&vec![0xff; valid.len()]);
    refused(&vec![0; valid.len()]);
}

#[test]
fn signatures_agree_with_rustcrypto_for_new_keys() {
    let noise = &mut Noise::new();
    for bits in [1024, 1024, 1088, 1152, 1536, 1984, 2048, 3072] {
        if bits <= MAX_BITS {
            println!("{bits} bits");
            compare(&RsaPrivateKey::new(noise, bits).expect("a key"), 4, noise);
        }
    }
}

#[test]
fn signatures_agree_with_rustcrypto_for_the_key_files() {
    let noise = &mut Noise::new();
    for name in ["app1024", "alipay1024", "app2048", "alipay2048", "other2048", "app4096"] {
        let text = std::fs::read_to_string(format!("{KEYS}{name}.pkcs8.pem")).expect("key file");
        let theirs = RsaPrivateKey::from_pkcs8_pem(&text).expect("they load it");
        if theirs.size() <= MAX_BYTES {
            compare(&theirs, 6, noise);
        }
    }
}

#[test]
fn the_order_of_the_primes_does_not_matter() {
    let noise = &mut Noise::new();
    let key = RsaPrivateKey::new(noise, 1024).expect("a key");
    let (p, q) = (key.primes()[0].as_ref().clone(), key.primes()[1].as_ref().clone());
    for primes in [vec![p.clone(), q.clone()], vec![q, p]] {
        let (n, e, d) = (key.n().as_ref().clone(), key.e().clone(), key.d().clone());
        let same = RsaPrivateKey::from_components(n, e, d, primes).expect("the same key");
        println!("p < q: {}", same.primes()[0] < same.primes()[1]);
        compare(&same, 8, noise);
    }
}

#[test]
fn small_and_large_public_exponents_agree() {
    let noise = &mut Noise::new();
    for e in [3u64, 5, 17, 257, 65539, 0xffff_ffff, 0x1_0000_000f] {
        println!("e = {e}");
        // `rsa` takes exponents up to 33 bits; few primes suit 3, hence its own loop.
        match RsaPrivateKey::new_with_exp(noise, 1024, e.into()) {
            Ok(key) => compare(&key, 2, noise),
            Err(error) => println!("not tested: rsa makes no key with e = {e}: {error}"),
        }
    }
}

/// What `openssl dgst` signs with the key file; `None` if there is no openssl.
fn openssl_sign(digest: &str, key: &str, message: &[u8]) -> Option<Vec<u8>> {
    let mut child = Command::new("openssl")
        .args(["dgst", digest, "-sign", &format!("{KEYS}{key}.pkcs8.pem")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take().expect("piped").write_all(message).expect("openssl reads");
    let output = child.wait_with_output().expect("openssl ends");
    assert!(output.status.success(), "openssl {digest} {key}");
    Some(output.stdout)
}

#[test]
fn signatures_agree_with_the_openssl_command() {
    let noise = &mut Noise::new();
    let scratch = &mut Scratch::new();
    for name in ["app1024", "app2048", "other2048", "app4096"] {
        if name.ends_with("4096") && MAX_BITS < 4096 {
            continue;
        }
        let text = std::fs::read(format!("{KEYS}{name}.pkcs1.b64")).expect("key file");
        let mut key = PrivateKey::new();
        key.load(&text, scratch).expect("loads");
        for (digest, option) in [(Digest::Sha256, "-sha256"), (Digest::Sha1, "-sha1")] {
            let message = message(noise);
            let Some(expected) = openssl_sign(option, name, &message) else {
                println!("NOT TESTED: no openssl command; signatures of {name} {option} unchecked");
                continue;
            };
            let mut out = [0; MAX_BYTES];
            let hash = hash(digest, &message);
            let n = key.sign(digest, &hash, Some(noise), scratch, &mut out).expect("signs");
            assert_eq!(out[..n], expected, "{name} {option}");
        }
    }
}
