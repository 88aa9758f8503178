//! Signing speed beside `ring` and RustCrypto `rsa`, in one process, round by round:
//!
//!     cargo test --release --no-default-features --features std,rsa4096 \
//!         --test crypto_speed -- --ignored --nocapture
//!
//! The ratio is the median of the rounds' ratios; times of two runs cannot be compared.
#![allow(clippy::expect_used, clippy::indexing_slicing)]

use std::time::Instant;

use pointcard::crypto::{Digest, MAX_BYTES, PrivateKey, PublicKey, Scratch};
use pointcard::port::{Entropy, PortError};
use rsa::pkcs8::DecodePrivateKey;
use rsa::rand_core::{Infallible, TryCryptoRng, TryRng};

struct Noise(u64);

impl TryRng for Noise {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|x| x as u32)
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        Ok(self.0 ^ self.0 >> 29)
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.fill_with(|| (self.try_next_u64().unwrap_or(0) >> 33) as u8);
        Ok(())
    }
}

impl TryCryptoRng for Noise {}

impl Entropy for Noise {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), PortError> {
        self.try_fill_bytes(out).map_err(|_| PortError(1))
    }
}

fn key_file(name: &str) -> String {
    let path = format!("{}/tests/vectors/keys/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("key file")
}

fn seconds(times: usize, mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..times).for_each(|_| work());
    start.elapsed().as_secs_f64() / times as f64
}

/// Runs all works `rounds` times in turn; returns each one's median ratio to the first.
fn ratios(rounds: usize, times: usize, works: &mut [(&str, &mut dyn FnMut())]) {
    let mut rows = vec![vec![]; works.len()];
    for _ in 0..rounds {
        let round: Vec<f64> = works.iter_mut().map(|(_, work)| seconds(times, work)).collect();
        for (row, time) in rows.iter_mut().zip(&round) {
            row.push((time / round[0], *time));
        }
    }
    for ((name, _), mut row) in works.iter().zip(rows) {
        row.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (ratio, time) = row[row.len() / 2];
        println!("{name:32} {ratio:6.3}   ({:8.1} us)", time * 1e6);
    }
}

fn der(name: &str) -> Vec<u8> {
    let pem = key_file(name);
    let text: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let mut out = vec![0; text.len()];
    let engine = base64::engine::general_purpose::STANDARD;
    let n = base64::Engine::decode_slice(&engine, text, &mut out).expect("base64");
    out.truncate(n);
    out
}

fn compare(bits: usize, times: usize) {
    println!("RSA-{bits}, ratio to the first line");
    let der = der(&format!("app{bits}.pkcs8.pem"));
    let text = key_file(&format!("app{bits}.pkcs8.pem"));
    let scratch = &mut Scratch::new();
    let mut key = PrivateKey::new();
    key.load(text.as_bytes(), scratch).expect("key");
    let mut public = PublicKey::new();
    public.load(key_file(&format!("app{bits}.pub.pem")).as_bytes(), scratch).expect("public key");

    let theirs = rsa::RsaPrivateKey::from_pkcs8_der(&der).expect("rsa key");
    let message = b"app_id=2016100900000001&charset=utf-8";
    let hash = <rsa::sha2::Sha256 as rsa::sha2::Digest>::digest(message);
    let padding = rsa::Pkcs1v15Sign::new::<rsa::sha2::Sha256>;
    let mut out = [0; MAX_BYTES];
    let n = key.sign(Digest::Sha256, &hash, None, scratch, &mut out).expect("signed");
    let signature = out[..n].to_vec();

    let ring_key = ring::signature::RsaKeyPair::from_pkcs8(&der).ok();
    let system = ring::rand::SystemRandom::new();
    let mut ring_out = vec![0; n];
    let mut ring_sign = || {
        let key = ring_key.as_ref().expect("ring takes this key");
        let scheme = &ring::signature::RSA_PKCS1_SHA256;
        key.sign(scheme, &system, message, &mut ring_out).expect("signed");
    };
    let (mut plain_key, mut load_key) = (PrivateKey::new(), PrivateKey::new());
    plain_key.load(text.as_bytes(), scratch).expect("key");
    let (mut noise, mut other_noise) = (Noise(1), Noise(2));
    let mut out = [0; MAX_BYTES];
    let mut plain = || {
        plain_key
            .sign(Digest::Sha256, &hash, None, &mut Scratch::new(), &mut out)
            .map(|_| ())
            .expect("signed");
    };
    let mut blinded_out = [0; MAX_BYTES];
    let mut blinded_scratch = Scratch::new();
    let mut blinded = || {
        key.sign(Digest::Sha256, &hash, Some(&mut noise), &mut blinded_scratch, &mut blinded_out)
            .map(|_| ())
            .expect("signed");
    };
    let mut rust_crypto = || {
        theirs.sign_with_rng(&mut other_noise, padding(), &hash).map(|_| ()).expect("signed");
    };
    let mut load = || load_key.load(text.as_bytes(), &mut Scratch::new()).expect("key");
    let mut verify_scratch = Scratch::new();
    let mut verify = || {
        public.verify(Digest::Sha256, &hash, &signature, &mut verify_scratch).expect("valid");
    };
    let mut works: Vec<(&str, &mut dyn FnMut())> = vec![
        ("ring, sign", &mut ring_sign),
        ("pointcard, sign, checked", &mut plain),
        ("pointcard, blinded and checked", &mut blinded),
        ("rsa 0.10, blinded and checked", &mut rust_crypto),
        ("pointcard, load (one signature)", &mut load),
        ("pointcard, verify", &mut verify),
    ];
    let first = if bits < 2048 { 1 } else { 0 }; // ring refuses to sign with less.
    ratios(21, times, &mut works[first..]);
}

#[test]
#[ignore = "measures; see the first lines"]
fn speed_beside_ring_and_rsa() {
    compare(2048, 20);
    compare(1024, 60);
    compare(4096, 3);
}
