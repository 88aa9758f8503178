//! What a session speaks: certificates, two keys of Alipay's, encrypted content, charsets.
//!
//! Over real HTTP: the sandbox where it plays a thing, else `common::gate`, which checks every
//! request's signature with another RSA and signs its answers with it.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[allow(dead_code)]
mod c_api {
    pub mod build;
}
mod common {
    pub mod gate;
    pub mod till;
}

use c_api::build;
use common::gate::{Answer, Gate, success};
use common::till::{TestPorts, Till, USER, config, key, leak, memory};
use pointcard::client::{Client, Config};
use pointcard::points::sale::Sale;
use pointcard::status::{Error, Status};

fn refused(config: Config<'static>) -> Error {
    Client::new(config, TestPorts::new(memory())).open().unwrap_err()
}

/// Certificate mode, and two keys.
mod keys {
    use super::*;

    const APP_SN: &str = "0b2fe9ccc7d7f1ef3565055cee556ef6";

    fn cert(name: &str) -> &'static str {
        leak(key(&format!("certs/{name}")))
    }

    fn certified(url: &str) -> Config<'static> {
        Config {
            alipay_public_key: "",
            app_cert: cert("app.crt"),
            alipay_cert: cert("alipay.crt"),
            alipay_root_cert: cert("root_bundle.crt"),
            ..config(url)
        }
    }

    /// Numbers that Alipay's SDKs give these certificates.
    fn number(name: &str) -> String {
        let path = format!("{}/tests/vectors/certsn.jsonl", env!("CARGO_MANIFEST_DIR"));
        let rows = std::fs::read_to_string(path).unwrap();
        let file = format!("keys/certs/{name}");
        let mut rows =
            rows.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let row = rows.find(|row| row["cert"] == file.as_str()).expect(name);
        row["expect_sn"].as_str().expect("a number").to_owned()
    }

    #[test]
    fn certificate_mode_names_the_certificates_and_verifies_with_alipays() {
        let gate = Gate::start(|_| Answer::booked(1));
        let mut till = Till::over(memory(), certified(&gate.url));
        till.sell("trade");
        assert_eq!(till.sync().accepted, 1, "{}", till.complaint());
        let request = &gate.requests()[0];
        assert_eq!((request.get("app_cert_sn"), number("app.crt").as_str()), (APP_SN, APP_SN));
        assert_eq!(request.get("alipay_root_cert_sn"), number("root_bundle.crt"));
    }

    #[test]
    fn an_answer_of_another_certificate_says_so() {
        let gate = Gate::start(|_| Answer {
            cert_sn: Some("ffffffffffffffffffffffffffffffff".into()),
            ..Answer::booked(1).by("other2048.pkcs8.pem")
        });
        let mut till = Till::over(memory(), certified(&gate.url));
        till.sell("trade");
        assert_eq!(till.sync().unknown, 1);
        let error = till.client.borrow().detail().error;
        assert_eq!((error.status, error.what), (Status::KeyMismatch, "alipay_cert_sn"));
        // A bad signature under the right number is just that.
        let sn = number("alipay.crt");
        let gate = Gate::start(move |_| Answer {
            cert_sn: Some(sn.clone()),
            ..Answer::booked(1).by("other2048.pkcs8.pem")
        });
        let mut till = Till::over(memory(), certified(&gate.url));
        till.sell("trade");
        till.sync();
        assert_eq!(till.client.borrow().detail().error.status, Status::Signature);
    }

    #[test]
    fn certificates_that_do_not_belong_are_refused_by_name() {
        let with = |change: fn(&mut Config<'static>)| {
            let mut config = certified("http://127.0.0.1:1/");
            change(&mut config);
            let error = refused(config);
            (error.status, error.what)
        };
        assert_eq!(
            with(|c| c.app_cert = cert("alipay.crt")),
            (Status::KeyMismatch, "config.app_cert")
        );
        assert_eq!(
            with(|c| c.alipay_cert = cert("app.crt")),
            (Status::KeyMismatch, "config.alipay_cert")
        );
        assert_eq!(with(|c| c.app_cert = ""), (Status::Missing, "config.app_cert"));
        assert_eq!(with(|c| c.alipay_cert = ""), (Status::Missing, "config.alipay_cert"));
        assert_eq!(with(|c| c.alipay_root_cert = ""), (Status::Missing, "config.alipay_root_cert"));
        assert_eq!(
            with(|c| c.alipay_public_key = leak(key("alipay2048.pub.b64"))),
            (Status::Argument, "config.alipay_public_key")
        );
        assert_eq!(
            with(|c| c.alipay_root_cert = cert("ec_only.crt")),
            (Status::KeyUnsupported, "config.alipay_root_cert")
        );
        assert_eq!(
            with(|c| c.alipay_cert = cert("ec_only.crt")),
            (Status::KeyUnsupported, "config.alipay_cert")
        );
        // A certificate without its head, and a key where a certificate belongs.
        assert_eq!(
            with(|c| c.app_cert = leak(key("app2048.pub.pem"))),
            (Status::KeyFormat, "config.app_cert")
        );
    }

    #[test]
    fn while_alipay_changes_its_key_both_are_good() {
        let next = leak(key("other2048.pub.b64"));
        let mut log_no = 0;
        let gate = Gate::start(move |_| {
            log_no += 1;
            let answer = Answer::booked(log_no);
            if log_no == 1 { answer } else { answer.by("other2048.pkcs8.pem") }
        });
        let both = Config { alipay_public_key_next: next, ..config(&gate.url) };
        let mut till = Till::over(memory(), both);
        till.sell("before");
        let report = till.sync();
        assert_eq!((report.accepted, report.next_key_used), (1, false));
        till.sell("after");
        let report = till.sync();
        assert_eq!((report.accepted, report.next_key_used), (1, true));
        // Without the second key the same answer settles nothing.
        let mut till = till.reopen(config(&gate.url));
        till.sell("alone");
        let report = till.sync();
        assert_eq!((report.accepted, report.unknown, report.next_key_used), (0, 1, false));
    }

    #[test]
    fn the_next_key_must_not_be_the_apps_own() {
        let own = leak(key("app2048.pub.b64"));
        let error =
            refused(Config { alipay_public_key_next: own, ..config("http://127.0.0.1:1/") });
        assert_eq!(
            (error.status, error.what),
            (Status::KeyMismatch, "config.alipay_public_key_next")
        );
    }

    #[test]
    fn a_next_certificate_counts_like_the_first() {
        // A certificate for the other key, made by a library that shares nothing with ours.
        let pair = rcgen::KeyPair::from_pem(&key("other2048.pkcs8.pem")).unwrap();
        let made = rcgen::CertificateParams::default().self_signed(&pair).unwrap();
        let gate = Gate::start(|_| Answer::booked(1).by("other2048.pkcs8.pem"));
        let config = Config { alipay_cert_next: leak(made.pem()), ..certified(&gate.url) };
        let mut till = Till::over(memory(), config);
        till.sell("trade");
        let report = till.sync();
        assert_eq!((report.accepted, report.next_key_used), (1, true), "{}", till.complaint());
    }
}

/// Content encrypted with AES. The other side is OpenSSL's.
mod content {
    use super::*;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    fn openssl(direction: &str, input: &[u8]) -> Vec<u8> {
        use base64::Engine as _;
        let key = base64::engine::general_purpose::STANDARD.decode(key("aes128.b64").trim());
        let hex: String = key.unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        let mut command = Command::new("openssl");
        command.args(["enc", direction, "-aes-128-cbc", "-a", "-A", "-K", &hex, "-iv", ZERO]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "openssl enc {direction}");
        output.stdout
    }

    const ZERO: &str = "00000000000000000000000000000000";

    /// False, and said, when OpenSSL is not here.
    fn can() -> bool {
        build::tool("openssl", "encrypted content, tests/profiles.rs").is_some()
    }

    fn encrypted(node: &str) -> Answer {
        let text = String::from_utf8(openssl("-e", node.as_bytes())).unwrap();
        Answer::signed(format!("\"{text}\""))
    }

    fn till(gate: &Gate) -> Till {
        let content_key = leak(key("aes128.b64"));
        let till = Till::over(memory(), Config { content_key, ..config(&gate.url) });
        till.sell("trade");
        till
    }

    #[test]
    fn requests_and_successes_are_encrypted() {
        if !can() {
            return;
        }
        let gate = Gate::start(|params| {
            assert_eq!(params.get("encrypt_type"), "AES");
            let content = openssl("-d", params.get("biz_content").as_bytes());
            let content: serde_json::Value = serde_json::from_slice(&content).unwrap();
            assert_eq!(
                (&content["biz_no"], &content["memo"]),
                (&"trade".into(), &"消费集点".into())
            );
            encrypted(&success(7))
        });
        let mut till = till(&gate);
        assert_eq!(till.sync().accepted, 1, "{}", till.complaint());
        assert_eq!(till.last().point_log_no.as_str(), "000000000000000000000007");
    }

    #[test]
    fn an_encrypted_refusal_is_a_refusal() {
        if !can() {
            return;
        }
        let node = r#"{"code":"40004","msg":"Business Failed","sub_code":"USER_NOT_EXIST"}"#;
        let gate = Gate::start(move |_| encrypted(node));
        let mut till = till(&gate);
        assert_eq!(till.sync().rejected, 1);
        assert_eq!(till.client.borrow().detail().sub_code.as_str(), "USER_NOT_EXIST");
    }

    #[test]
    fn a_plain_signed_refusal_is_a_refusal_and_a_plain_success_is_none() {
        let gate = Gate::start(|_| Answer::refused("40004", "USER_NOT_EXIST"));
        let mut refused = till(&gate);
        assert_eq!(refused.sync().rejected, 1);
        let gate = Gate::start(|_| Answer::booked(1));
        let mut plain = till(&gate);
        let report = plain.sync();
        assert_eq!((report.accepted, report.unknown, report.waiting), (0, 1, 1));
        let error = plain.client.borrow().detail().error;
        assert_eq!((error.status, error.what), (Status::Malformed, "answer.node"));
    }

    #[test]
    fn ciphertext_that_is_not_signed_is_not_decrypted() {
        if !can() {
            return;
        }
        let gate = Gate::start(|_| encrypted(&success(1)).by("other2048.pkcs8.pem"));
        let mut till = till(&gate);
        assert_eq!(till.sync().unknown, 1);
        let detail = till.client.borrow().detail().clone();
        assert_eq!((detail.error.status, detail.authenticated), (Status::Signature, false));
        assert!(detail.code.is_empty(), "nothing of it was read: {detail:?}");
    }

    #[test]
    fn what_cannot_be_decrypted_is_unknown() {
        for text in ["\"\"", "\"****\"", "\"QkJCQkJCQkJCQkJCQkJCQg==\""] {
            let gate = Gate::start(move |_| Answer::signed(text));
            let mut till = till(&gate);
            let report = till.sync();
            assert_eq!((report.unknown, report.waiting), (1, 1), "{text}");
            assert_eq!(till.client.borrow().detail().error.status, Status::Malformed, "{text}");
        }
    }

    #[test]
    fn a_bad_content_key_is_named() {
        let error = refused(Config { content_key: "QUJD", ..config("http://127.0.0.1:1/") });
        assert_eq!((error.status, error.what), (Status::KeyFormat, "config.content_key"));
    }
}

/// GBK on the wire, and texts in GBK.
mod charset {
    use super::*;
    use pointcard::client::REQUEST_MAX;
    use pointcard::gateway::Charset;
    use pointcard::points::refund::Refund;
    use pointcard::port::TransportError;
    use pointcard_sandbox::Fault;

    fn gbk(url: &str) -> Config<'static> {
        Config { charset: Charset::Gbk, ..config(url) }
    }

    #[test]
    fn a_gbk_session_credits_what_was_sold() {
        let sandbox = common::till::sandbox();
        let mut till = Till::over(memory(), gbk(&sandbox.gateway_url()));
        till.sell("trade");
        assert_eq!(till.sync().accepted, 1, "{}", till.complaint());
        assert_eq!(sandbox.ledger()[0].order.memo.as_deref(), Some("消费集点"));
    }

    #[test]
    fn gbk_travels_as_gbk() {
        let gate = Gate::start(|_| Answer::booked(1));
        let mut till = Till::over(memory(), gbk(&gate.url));
        till.sell("trade");
        assert_eq!(till.sync().accepted, 1, "{}", till.complaint());
        let content = gate.requests()[0].0["biz_content"].clone();
        let (text, _, broken) = encoding_rs::GBK.decode(&content);
        assert!(!broken && text.contains("\"memo\":\"消费集点\""), "{text}");
    }

    #[test]
    fn what_gbk_cannot_say_is_refused_by_accrue_with_its_offset() {
        let till = Till::over(memory(), gbk("http://127.0.0.1:1/"));
        let sale = Sale { user_id: USER, biz_no: "t", points: 1, ..Sale::default() };
        let refused = |sale: &Sale<'_>| {
            let error = till.accrue(sale).unwrap_err();
            (error.status, error.what, error.at)
        };
        let memo = Sale { memo: "集点😀", ..sale };
        assert_eq!(refused(&memo), (Status::Encoding, "sale.memo", 6));
        let ext_info = Sale { ext_info: "{'a':'€'}", ..sale };
        assert_eq!(refused(&ext_info), (Status::Encoding, "sale.ext_info", 6));
        assert_eq!(till.states(), []);
        // In UTF-8 there is nothing to refuse.
        let till = Till::new("http://127.0.0.1:1/");
        till.accrue(&memo).unwrap();
    }

    /// Sold under UTF-8, then the configuration changes: held, and the others go on, in a buffer
    /// that is enough for them.
    #[test]
    fn what_gbk_cannot_say_stops_nobody_in_a_small_buffer() {
        let url = "http://127.0.0.1:1/";
        let till = Till::new(url);
        let sale = Sale { user_id: USER, biz_no: "t", points: 2, memo: "😀", ..Sale::default() };
        till.accrue(&sale).unwrap();
        let taken = Refund { biz_no: "t", refund_no: "r", points: 1, ..Refund::default() };
        till.client.borrow_mut().refund(&taken).unwrap();
        let till = till.reopen(gbk(url));
        till.sell("trade");
        let mut client = till.client.borrow_mut();
        let mut buf = vec![0; REQUEST_MAX / 2];
        let step = client.next_request(&mut buf).unwrap().expect("the second sale");
        let not_sent = TransportError { not_sent: true, code: 0 };
        assert_eq!(client.on_transport_error(step.exchange, not_sent).unwrap().seq, 3);
    }

    /// A refund behind a sale that is held waits for the same person: it is not due "at once".
    #[test]
    fn what_waits_behind_a_held_sale_is_held_too() {
        let gate = Gate::start(|_| Answer::booked(1));
        let till = Till::new(&gate.url);
        let sale = Sale { user_id: USER, biz_no: "t", points: 2, memo: "😀", ..Sale::default() };
        till.accrue(&sale).unwrap();
        let taken = Refund { biz_no: "t", refund_no: "r", points: 1, ..Refund::default() };
        till.client.borrow_mut().refund(&taken).unwrap();
        let mut till = till.reopen(gbk(&gate.url));
        let report = till.sync();
        assert_eq!((report.waiting, report.held, report.retry_in_ms), (2, 2, 0));
    }

    #[test]
    fn words_in_gbk_are_decoded_in_a_utf8_session() {
        let sandbox = common::till::sandbox();
        sandbox.fault(Fault::GbkError { booked: false }, 1);
        let mut till = Till::new(&sandbox.gateway_url());
        till.sell("trade");
        assert_eq!(till.sync().unknown, 1);
        let detail = till.client.borrow().detail().clone();
        assert!(detail.authenticated && detail.code == "20000", "{detail:?}");
        assert!(detail.words.chars().any(|c| ('\u{4e00}'..'\u{9fff}').contains(&c)), "{detail:?}");
        assert!(!detail.words.contains('\u{fffd}'), "{detail:?}");
    }

    #[test]
    fn words_show_neither_requests_nor_shoppers_nor_new_lines() {
        let said = r#"用户2088123412341234\n不存在\u202e: app_auth_token=SECRET&x"#;
        let node = format!("{{\"code\":\"40004\",\"sub_code\":\"X\",\"sub_msg\":\"{said}\"}}");
        let gate = Gate::start(move |_| Answer::signed(node.clone()));
        let mut till = Till::new(&gate.url);
        till.sell("trade");
        till.sync();
        let words = till.client.borrow().detail().words.clone();
        assert_eq!(words.as_str(), "用户2088************?不存在?: app_auth_token");
    }
}
