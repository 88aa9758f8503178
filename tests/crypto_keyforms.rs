//! Every form of key text that users paste, as rows of tests/vectors/keyforms.jsonl: an accepted
//! private key makes the row's signature, an accepted public key verifies it. And the words of
//! each refusal.
#![allow(clippy::expect_used, clippy::indexing_slicing)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pointcard::crypto::{Digest, Hasher, MAX_BITS, MAX_BYTES, PrivateKey, PublicKey, Scratch};
use pointcard::status::{Error, Result, Status};
use serde_json::Value;

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/");

fn rows() -> Vec<Value> {
    let text = std::fs::read_to_string(format!("{VECTORS}keyforms.jsonl")).expect("vectors");
    text.lines().map(|line| serde_json::from_str(line).expect("a row is JSON")).collect()
}

fn key_file(name: &str) -> String {
    std::fs::read_to_string(format!("{VECTORS}keys/{name}")).expect("key file")
}

fn load_private(text: &str) -> Result<PrivateKey> {
    let mut key = PrivateKey::new();
    let result = key.load(text.as_bytes(), &mut Scratch::new());
    assert_eq!(result.is_err(), key.is_empty());
    result.map(|()| key)
}

fn load_public(text: &str) -> Result<PublicKey> {
    let mut key = PublicKey::new();
    let result = key.load(text.as_bytes(), &mut Scratch::new());
    assert_eq!(result.is_err(), key.is_empty());
    result.map(|()| key)
}

/// Loads the row's key and uses it.
fn use_key(row: &Value) -> Result<()> {
    let text = row["text"].as_str().expect("text");
    let mut hasher = Hasher::new(Digest::Sha256);
    hasher.update(row["message"].as_str().expect("message").as_bytes());
    let hash = hasher.finish();
    let mut signature = [0; MAX_BYTES + 2];
    let text64 = row["signature_b64"].as_str().unwrap_or_default();
    let n = STANDARD.decode_slice(text64, &mut signature).unwrap_or(0);
    let signature = &signature[..n];
    let scratch = &mut Scratch::new();
    if row["kind"] == "public" {
        return load_public(text)?.verify(Digest::Sha256, hash.as_bytes(), signature, scratch);
    }
    let mut key = load_private(text)?;
    let mut out = [0; MAX_BYTES];
    let n = key.sign(Digest::Sha256, hash.as_bytes(), None, scratch, &mut out)?;
    assert_eq!(&out[..n], signature, "{}", row["case"]);
    Ok(())
}

#[test]
fn every_row_is_accepted_or_refused_as_it_says() {
    for row in rows() {
        let too_big = row["bits"].as_u64().is_some_and(|bits| bits > MAX_BITS as u64);
        let accept = row["expect"] == "accept" && !too_big;
        let result = use_key(&row);
        println!("{} {result:?}", row["case"]);
        assert_eq!(result.is_ok(), accept, "{} {result:?}", row["case"]);
    }
}

/// What the refusal of case `number` says.
fn refusal(number: &str) -> Error {
    let mark = format!("/{number}-");
    let row =
        rows().into_iter().find(|row| row["case"].as_str().is_some_and(|c| c.contains(&mark)));
    use_key(&row.expect("the case exists")).expect_err("refused")
}

#[test]
fn each_refusal_says_why() {
    let cases = [
        ("012", Status::KeyMismatch),
        ("013", Status::Missing),
        ("014", Status::KeyFormat),
        ("015", Status::KeyFormat),
        ("016", Status::KeyUnsupported),
        ("017", Status::KeyUnsupported),
        ("025", Status::KeyMismatch),
        ("026", Status::Missing),
        ("027", Status::KeyFormat),
        ("028", Status::KeyUnsupported),
    ];
    for (number, status) in cases {
        let error = refusal(number);
        let what = if number < "018" { "private_key" } else { "public_key" };
        assert_eq!((error.status, error.what), (status, what), "case {number}");
    }
    assert_eq!(refusal("014").at, 5, "its second byte is no length of DER");
    assert_eq!(refusal("015").at, 800, "the text ends there");
}

#[test]
fn every_form_of_every_key_file_is_the_same_key() {
    let names = ["alipay1024", "alipay2048", "app1024", "app2048", "app4096", "other2048"];
    for name in names.iter().filter(|name| !name.ends_with("4096") || MAX_BITS >= 4096) {
        let public = load_public(&key_file(&format!("{name}.pub.pem"))).expect("public");
        for form in ["pub.b64", "pubpkcs1.pem", "pubpkcs1.b64"] {
            let same = load_public(&key_file(&format!("{name}.{form}"))).expect(form);
            assert_eq!(same.size(), public.size());
        }
        for form in ["pkcs1.pem", "pkcs1.b64", "pkcs8.pem", "pkcs8.b64"] {
            let key = load_private(&key_file(&format!("{name}.{form}"))).expect(form);
            assert!(key.matches(&public), "{name}.{form}");
            assert_eq!(format!("{}", key.size() * 8), name[name.len() - 4..]);
        }
    }
}

#[test]
fn a_key_matches_no_other_and_an_empty_one_matches_none() {
    let key = load_private(&key_file("app2048.pkcs8.pem")).expect("private");
    let other = load_public(&key_file("other2048.pub.pem")).expect("public");
    let short = load_public(&key_file("app1024.pub.pem")).expect("public");
    assert!(!key.matches(&other));
    assert!(!key.matches(&short));
    assert!(!key.matches(&PublicKey::new()));
    assert!(!PrivateKey::new().matches(&PublicKey::new()));
}

/// Changes one symbol of the key's base64 at a time. Each must be refused, unless it stands where
/// nothing depends on it: in d, which the other numbers repeat.
#[test]
fn a_private_key_with_one_changed_symbol_is_refused() {
    let text = key_file("app2048.pkcs1.b64");
    let text = text.trim();
    // n, e, d, p, q, dp, dq, qinv: offsets in the DER of this 1192-byte key.
    let d = (4 + 3 + 4 + 257 + 5 + 4)..(4 + 3 + 4 + 257 + 5 + 4 + 256);
    let mut changed_in_d = 0;
    for at in (0..text.len()).step_by(7) {
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).expect("ASCII");
        match load_private(&changed) {
            Err(error) => assert!(
                matches!(error.status, Status::KeyFormat | Status::KeyUnsupported),
                "symbol {at}: {error}"
            ),
            Ok(_) => {
                assert!(d.contains(&(at * 3 / 4)), "symbol {at} was not noticed");
                changed_in_d += 1;
            }
        }
    }
    println!("{changed_in_d} changes in d, which is not used");
}

#[test]
fn a_truncated_key_is_refused_at_every_length() {
    for name in ["app1024.pkcs8.b64", "app1024.pub.pem"] {
        let text = key_file(name);
        let text = text.trim();
        for n in 1..text.len() {
            let private = load_private(&text[..n]).map(|_| ()).expect_err("refused");
            let public = load_public(&text[..n]).map(|_| ()).expect_err("refused");
            assert!((private.at as usize) <= n && (public.at as usize) <= n);
        }
    }
}
