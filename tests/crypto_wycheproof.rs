//! Project Wycheproof's PKCS#1 v1.5 signatures, every set with a digest and a size we have.
//!
//! A signature marked `acceptable` (the DigestInfo's NULL is missing) is refused here: the block
//! is rebuilt and compared whole, and no signer of this century makes it.
#![allow(clippy::expect_used, clippy::indexing_slicing)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pointcard::crypto::{Digest, Hasher, MAX_BITS, PublicKey, Scratch};
use pointcard::status::Status;
use wycheproof::rsa_pkcs1_verify::{TestGroup, TestName, TestSet};
use wycheproof::{HashFunction, TestResult};

/// Valid, invalid and acceptable signatures judged.
type Counts = [usize; 3];

fn base64(der: &[u8]) -> String {
    let mut text = vec![0; der.len().div_ceil(3) * 4];
    let n = STANDARD.encode_slice(der, &mut text).expect("fits");
    String::from_utf8_lossy(&text[..n]).into_owned()
}

fn judge(group: &TestGroup, counts: &mut Counts) {
    let scratch = &mut Scratch::new();
    let mut key = PublicKey::new();
    key.load(base64(&group.der).as_bytes(), scratch).expect("SubjectPublicKeyInfo");
    let mut same = PublicKey::new();
    same.load(base64(&group.asn_key).as_bytes(), scratch).expect("PKCS#1");
    same.load(group.pem.as_bytes(), scratch).expect("PEM");
    assert_eq!((same.size(), key.size()), (group.key_size / 8, group.key_size / 8));
    for test in &group.tests {
        let mut hasher = Hasher::new(Digest::Sha256);
        hasher.update(&test.msg);
        let hash = hasher.finish();
        let result = key.verify(Digest::Sha256, hash.as_bytes(), &test.sig, scratch);
        let valid = test.result == TestResult::Valid;
        let case = format!("{} {:?} {}", test.tc_id, test.flags, test.comment);
        match result {
            Ok(()) => assert!(valid, "accepted: {case}"),
            Err(error) => assert!(!valid && error.status == Status::Signature, "refused: {case}"),
        }
        counts[test.result as usize] += 1;
    }
}

#[test]
fn forged_signatures_are_refused_and_real_ones_accepted() {
    let mut counts = [0; 3];
    for name in TestName::all() {
        let set = TestSet::load(name).expect("test set");
        let groups = set.test_groups.iter();
        for group in groups.filter(|g| g.hash == HashFunction::Sha2_256 && g.key_size <= MAX_BITS) {
            println!("{name:?}: {} bits, {} cases", group.key_size, group.tests.len());
            judge(group, &mut counts);
        }
    }
    println!("{} valid, {} invalid, {} acceptable (refused)", counts[0], counts[1], counts[2]);
    assert!(counts[0] >= 8 && counts[1] >= 200, "the sets are there: {counts:?}");
}

#[test]
fn keys_beyond_the_limit_are_refused_by_size() {
    let set = TestSet::load(TestName::Rsa8192Sha256).expect("test set");
    let group = set.test_groups.first().expect("a group");
    let error = PublicKey::new()
        .load(group.pem.as_bytes(), &mut Scratch::new())
        .expect_err("8192 bits are too many");
    assert_eq!((error.status, error.at), (Status::KeyUnsupported, 8192));
}
