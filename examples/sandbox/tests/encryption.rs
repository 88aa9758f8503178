//! Encrypted content over sockets, with the openssl command line as the other cipher: a client
//! that shared the sandbox's would share its mistakes.

mod common;

use std::io::Write;
use std::process::{Command, Stdio};

use base64::{Engine, engine::general_purpose::STANDARD};
use common::*;
use encoding_rs::GBK;
use pointcard_sandbox::{Config, Fault, Sandbox};
use rsa::Pkcs1v15Sign;
use serde_json::Value;
use sha2::{Digest, Sha256};

fn encrypting() -> Sandbox {
    Sandbox::start(Config { content_key: Some(key("aes128.b64")), ..config() }).unwrap()
}

/// AES-128-CBC with a first block of zeros, one way or the other. None without openssl.
fn openssl(way: &str, input: &[u8]) -> Option<Vec<u8>> {
    let key: String = STANDARD
        .decode(key("aes128.b64").trim())
        .unwrap()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let zeros = "0".repeat(32);
    let child = Command::new("openssl")
        .args(["enc", way, "-aes-128-cbc", "-K", &key, "-iv", &zeros])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        println!(
            "SKIPPED TOOL openssl: would have tested encrypted content against another cipher; \
             apt-get install openssl"
        );
        return None;
    };
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "openssl {way}");
    Some(output.stdout)
}

fn encrypted(biz: &[u8]) -> Option<Call> {
    let text = STANDARD.encode(openssl("-e", biz)?);
    Some(Call::new(UPDATE, &Value::Null).with("encrypt_type", "AES").with("biz_content", text))
}

/// The node's text with its quotes, if the signature over both holds.
fn node_text(answer: &Answer) -> Vec<u8> {
    let body = answer.text();
    let (from, to) = (body.find(":\"").unwrap() + 1, body.find(",\"sign\":\"").unwrap());
    let sign = STANDARD.decode(&body[to + 9..body.len() - 2]).unwrap();
    let alipay = pointcard_keytool::read_public(&key("alipay2048.pub.b64")).unwrap();
    let (padding, digest) = (Pkcs1v15Sign::new::<Sha256>(), Sha256::digest(&body[from..to]));
    alipay.verify(padding, &digest, &sign).expect("the signature covers the quotes");
    STANDARD.decode(&body[from + 1..to - 1]).unwrap()
}

#[test]
fn request_and_answer_are_encrypted() {
    let sandbox = encrypting();
    let biz = deposit("r1", "t1").to_string();
    let Some(call) = encrypted(biz.as_bytes()) else { return };
    let answer = call.send(&sandbox).unwrap();
    let plain = openssl("-d", &node_text(&answer)).unwrap();
    let plain: Value = serde_json::from_slice(&plain).unwrap();
    assert_eq!(plain["code"], "10000");
    assert_eq!(plain["point_log_no"], sandbox.ledger()[0].point_log_no);
    let open = Call::new(UPDATE, &deposit("r2", "t2")).send(&sandbox).unwrap();
    assert!(open.verifies() && open.get("code") == "10000", "a plain request is answered plainly");
}

#[test]
fn the_plain_text_is_in_the_requests_charset() {
    let sandbox = encrypting();
    let biz = deposit("r1", "t1").to_string();
    let Some(call) = encrypted(&GBK.encode(&biz).0) else { return };
    let answer = call.with("charset", "GBK").send(&sandbox).unwrap();
    assert!(!node_text(&answer).is_empty());
    assert_eq!(sandbox.ledger()[0].order.memo.as_deref(), Some("消费集点 a&b=c+d%20 \"q\""));
}

#[test]
fn a_refusal_is_encrypted_unless_the_switch_says_plain_and_unsigned() {
    let sandbox = encrypting();
    let refused = || {
        sandbox.fault(Fault::Reject { sub_code: "X".into() }, 1);
        let call = encrypted(deposit("r1", "t1").to_string().as_bytes())?;
        Some(call.send(&sandbox).unwrap())
    };
    let Some(answer) = refused() else { return };
    let plain: Value =
        serde_json::from_slice(&openssl("-d", &node_text(&answer)).unwrap()).unwrap();
    assert_eq!(plain["sub_code"], "X");
    sandbox.switch(|switches| switches.plain_refusals = true);
    let answer = refused().unwrap();
    assert_eq!((answer.get("sub_code").as_str(), answer.parts().1), ("X", None));
}

#[test]
fn what_cannot_be_decrypted_is_refused() {
    let sandbox = encrypting();
    sandbox.switch(|switches| switches.plain_refusals = true);
    let call = |text: &str, kind: &str| {
        let call = Call::new(UPDATE, &Value::Null).with("encrypt_type", kind);
        call.with("biz_content", text).send(&sandbox).unwrap().get("sub_code")
    };
    assert_eq!(call("not base64!", "AES"), "isv.invalid-encrypt");
    assert_eq!(call(&STANDARD.encode([7; 32]), "AES"), "isv.invalid-encrypt");
    assert_eq!(call("AAAA", "DES"), "isv.invalid-encrypt-type");
    assert!(sandbox.ledger().is_empty());
    for text in ["AAAA", "?"] {
        let config = Config { content_key: Some(text.into()), ..config() };
        assert!(Sandbox::start(config).err().unwrap().to_string().contains("content key"));
    }
}
