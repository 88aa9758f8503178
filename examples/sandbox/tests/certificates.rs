//! Certificate mode, and Alipay's change of key: what requests must name, what answers say.

mod common;

use std::process::Command;

use common::*;
use pointcard_sandbox::{Certificate, Config, Sandbox};
use rsa::Pkcs1v15Sign;
use sha2::{Digest, Sha256};

fn certified() -> (Sandbox, [Certificate; 3]) {
    let sandbox = Sandbox::start(Config { certificates: true, ..rotating() }).unwrap();
    let certificates = sandbox.certificates().unwrap();
    (sandbox, certificates)
}

fn rotating() -> Config {
    Config { next_alipay_key: Some(key("other2048.pkcs8.pem")), ..config() }
}

fn named([root, app, _]: &[Certificate; 3]) -> Call {
    let call = Call::new(UPDATE, &deposit("r1", "t1"));
    call.with("app_cert_sn", &app.number).with("alipay_root_cert_sn", &root.number)
}

/// The node and signature of an answer that may name a certificate between them.
fn is_signed_by(answer: &Answer, public_key: &str) -> bool {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let body = answer.text();
    let (from, sign) = (body.find(":{").unwrap() + 1, body.find(",\"sign\":\"").unwrap());
    let to = body.find(",\"alipay_cert_sn\"").unwrap_or(sign);
    let sign = STANDARD.decode(&body[sign + 9..body.len() - 2]).unwrap();
    let key = pointcard_keytool::read_public(public_key).unwrap();
    let digest = Sha256::digest(&body[from..to]);
    key.verify(Pkcs1v15Sign::new::<Sha256>(), &digest, &sign).is_ok()
}

/// A change to a good call, and the sub_code it is refused with.
type Case = (fn(Call) -> Call, &'static str);

#[test]
fn requests_name_both_certificates_and_answers_theirs() {
    let (sandbox, certificates) = certified();
    let answer = named(&certificates).send(&sandbox).unwrap();
    assert_eq!(answer.get("code"), "10000", "{}", answer.text());
    let member = format!("}},\"alipay_cert_sn\":\"{}\",\"sign\":\"", certificates[2].number);
    assert!(answer.text().contains(&member), "{}", answer.text());
    assert!(is_signed_by(&answer, &key("alipay2048.pub.b64")));
    let cases: [Case; 5] = [
        (|c| c.without("app_cert_sn"), "isv.missing-app-cert-sn"),
        (|c| c.with("app_cert_sn", "0".repeat(32)), "isv.app-cert-not-exist"),
        (|c| c.without("alipay_root_cert_sn"), "isv.invalid-alipay-root-cert-sn"),
        (|c| c.with("alipay_root_cert_sn", "0".repeat(32)), "isv.invalid-alipay-root-cert-sn"),
        (|c| c.without("app_cert_sn").without("alipay_root_cert_sn"), "isv.missing-app-cert-sn"),
    ];
    for (change, sub_code) in cases {
        let answer = change(named(&certificates)).send(&sandbox).unwrap();
        assert_eq!(answer.get("sub_code"), sub_code);
        assert!(is_signed_by(&answer, &key("alipay2048.pub.b64")), "{sub_code}");
    }
    assert_eq!(sandbox.ledger().len(), 1);
    assert!(start().certificates().is_none());
}

#[test]
fn a_change_of_key_comes_with_its_certificate() {
    let (sandbox, [_, _, before]) = certified();
    sandbox.rotate(true).unwrap();
    let certificates = sandbox.certificates().unwrap();
    assert_ne!(certificates[2], before);
    let answer = named(&certificates).send(&sandbox).unwrap();
    assert!(answer.text().contains(&certificates[2].number));
    assert!(is_signed_by(&answer, &key("other2048.pub.b64")));
}

#[test]
fn alipay_changes_its_key_and_back() {
    let sandbox = Sandbox::start(rotating()).unwrap();
    let next = sandbox.next_alipay_public_key().unwrap();
    assert_eq!(next, key("other2048.pub.b64").trim());
    let signed_by = |public_key: &str| {
        let answer = Call::new(QUERY, &balance_of(USER)).send(&sandbox).unwrap();
        is_signed_by(&answer, public_key)
    };
    assert!(signed_by(sandbox.alipay_public_key()));
    sandbox.rotate(true).unwrap();
    assert!(signed_by(next) && !signed_by(sandbox.alipay_public_key()));
    let admin = |path: &str| post(&format!("{}{path}", sandbox.admin_url()), "").unwrap();
    assert_eq!(admin("/rotate?back=true").status, 200);
    assert!(signed_by(sandbox.alipay_public_key()));
    assert_eq!(admin("/rotate").status, 200);
    assert!(signed_by(next));
    assert!(get(&format!("{}/next_key", sandbox.admin_url())).contains(next));
}

/// openssl finds the chain whole, the app's key inside, and the parts the numbers are made of.
#[test]
fn openssl_agrees_about_the_certificates() {
    let (_sandbox, [root, app, alipay]) = certified();
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, pem: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let files = [file("root", &root.pem), file("app", &app.pem), file("alipay", &alipay.pem)];
    let openssl = |args: &[&str]| match Command::new("openssl").args(args).output() {
        Ok(output) => Some((output.status.success(), String::from_utf8(output.stdout).unwrap())),
        Err(_) => {
            println!(
                "SKIPPED TOOL openssl: would have tested the sandbox's certificates; \
                 apt-get install openssl"
            );
            None
        }
    };
    for (file, certificate) in files.iter().zip([root, app, alipay]) {
        let Some((is_good, _)) = openssl(&["verify", "-CAfile", &files[0], file]) else { return };
        assert!(is_good, "{file}");
        let args = ["x509", "-in", file, "-noout", "-issuer", "-serial", "-nameopt", "RFC2253"];
        let (_, text) = openssl(&args).unwrap();
        let (issuer, serial) = text.split_once('\n').unwrap();
        let issuer = issuer.strip_prefix("issuer=").unwrap();
        let serial = serial.trim().strip_prefix("serial=").unwrap();
        let serial = u128::from_str_radix(serial, 16).unwrap();
        assert!(serial > u128::from(u64::MAX), "beyond 64 bits");
        use md5::{Digest as _, Md5};
        let hash: String =
            Md5::digest(format!("{issuer}{serial}")).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hash, certificate.number);
    }
    let (_, public) = openssl(&["x509", "-in", &files[1], "-noout", "-pubkey"]).unwrap();
    assert_eq!(public.trim(), key("app2048.pub.pem").trim());
}
