//! What is accepted, what is refused and how, and what a repeated req_id does.

mod common;

use common::*;
use encoding_rs::GBK;
use pointcard_sandbox::{Config, Sandbox, Way};
use rsa::Pkcs1v15Sign;
use serde_json::{Value, json};
use sha1::Sha1;

#[test]
fn a_deposit_is_booked_answered_and_signed() {
    let sandbox = start();
    let answer = Call::new(UPDATE, &deposit("r1", "t1")).send(&sandbox).unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("content-type: text/html;charset=utf-8"), "{}", answer.head);
    assert!(answer.head.contains("\r\ndate: "), "clients may correct their clock by it");
    assert!(answer.verifies());
    let number = answer.get("point_log_no");
    let shape = format!(
        r#"{{"koubei_marketing_tool_points_update_response":{{"code":"10000","msg":"Success","point_log_no":"{number}"}},"sign":""#
    );
    assert!(answer.text().starts_with(&shape), "{}", answer.text());
    assert!(number.len() <= 32 && number.bytes().all(|b| b.is_ascii_digit()), "{number}");
    let ledger = sandbox.ledger();
    assert_eq!((ledger.len(), &ledger[0].point_log_no), (1, &number));
    assert_eq!(ledger[0].order.memo.as_deref(), Some("消费集点 a&b=c+d%20 \"q\""));
    let line = &sandbox.requests()[0];
    assert_eq!((line.done.as_str(), line.said.as_str()), ("booked", "10000"));
    assert!(line.answered && line.req_id == "r1" && line.method == UPDATE);
}

#[test]
fn a_query_gives_integers_as_strings() {
    let sandbox = start();
    for n in 0..3 {
        Call::new(UPDATE, &deposit(&format!("r{n}"), &format!("t{n}"))).send(&sandbox).unwrap();
    }
    let answer = Call::new(QUERY, &balance_of(USER)).send(&sandbox).unwrap();
    assert!(answer.verifies());
    for (name, value) in
        [("available_points", "30"), ("freezed_points", "0"), ("total_points", "30")]
    {
        assert_eq!(answer.get(name), value);
    }
    let other = Call::new(QUERY, &balance_of("2088000000000000")).send(&sandbox).unwrap();
    assert_eq!(other.get("total_points"), "0");
}

#[test]
fn sha1_and_gbk_as_in_the_oldest_samples() {
    let sandbox = start();
    let biz = deposit("r1", "t1").to_string();
    let answer = Call::new(UPDATE, &Value::Null)
        .with("charset", "GBK")
        .with("sign_type", "RSA")
        .with("biz_content", GBK.encode(&biz).0)
        .send(&sandbox)
        .unwrap();
    assert!(answer.verifies_as::<Sha1>(Pkcs1v15Sign::new::<Sha1>()));
    assert!(answer.head.contains("charset=gbk"));
    assert_eq!(sandbox.ledger()[0].order.memo.as_deref(), Some("消费集点 a&b=c+d%20 \"q\""));
    let refused = Call::new(UPDATE, &json!({})).with("charset", "gbk").send(&sandbox).unwrap();
    assert!(refused.verifies());
    assert!(GBK.decode(&refused.body).0.contains("参数无效"), "texts are in GBK too");
}

#[test]
fn parameters_may_travel_in_query_or_body_but_charset_in_the_query() {
    let sandbox = start();
    let mut all_in_body = Call::new(UPDATE, &deposit("r1", "t1"));
    for name in ["app_id", "method", "format", "sign_type", "timestamp", "version", "sign"] {
        all_in_body = all_in_body.in_body(name);
    }
    assert_eq!(all_in_body.clone().send(&sandbox).unwrap().get("code"), "10000");
    let refused = all_in_body.in_body("charset").send(&sandbox).unwrap();
    assert_eq!(refused.get("sub_code"), "isv.invalid-charset");
    let mut all_in_query = Call::new(QUERY, &balance_of(USER));
    all_in_query.body.clear();
    assert_eq!(all_in_query.send(&sandbox).unwrap().get("code"), "10000");
}

/// A change to a good call, and the codes it is refused with.
type Case = (fn(Call) -> Call, &'static str, &'static str, bool);

#[test]
fn each_refusal_has_its_codes_and_is_signed_unless_app_id_is_wrong() {
    let cases: [Case; 21] = [
        (|c| c.without("method"), "40001", "isv.missing-method", true),
        (|c| c.with("method", "koubei.no.such"), "40002", "isv.invalid-method", true),
        (|c| c.without("app_id"), "40001", "isv.missing-app-id", false),
        (|c| c.with("app_id", "1"), "40002", "isv.invalid-app-id", false),
        (|c| c.without("charset"), "40002", "isv.invalid-charset", true),
        (|c| c.with("charset", "latin1"), "40002", "isv.invalid-charset", true),
        (|c| c.without("sign_type"), "40001", "isv.missing-signature-type", true),
        (|c| c.with("sign_type", "rsa2"), "40002", "isv.invalid-signature-type", true),
        (|c| c.without("timestamp"), "40001", "isv.missing-timestamp", true),
        (|c| c.with("timestamp", "2016-09-31 00:00:00"), "40002", "isv.invalid-timestamp", true),
        (|c| c.with("timestamp", "2016-10-10T10:10:10"), "40002", "isv.invalid-timestamp", true),
        (|c| c.without("version"), "40001", "isv.missing-version", true),
        (|c| c.with("version", "2.0"), "40002", "isv.invalid-parameter", true),
        (|c| c.with("format", "xml"), "40002", "isv.invalid-format", true),
        (|c| c.with("notify_url", "u".repeat(257)), "40002", "isv.invalid-parameter", true),
        (|c| c.with("encrypt_type", "AES"), "40002", "isv.invalid-encrypt-type", true),
        (|c| c.with("app_cert_sn", "00"), "40002", "isv.app-cert-not-exist", true),
        (|c| c.with("app_auth_token", "t"), "20001", "aop.invalid-app-auth-token", true),
        (|c| c.without("biz_content"), "40002", "isv.invalid-parameter", true),
        (|c| c.with("biz_content", b"{\"memo\":\"\xff\"}"), "40002", "isv.invalid-parameter", true),
        (|c| c.with("biz_content", r#"{"a":1,"a":2}"#), "40002", "isv.invalid-parameter", true),
    ];
    let sandbox = start();
    for (change, code, sub_code, signed) in cases {
        let answer = change(Call::new(UPDATE, &deposit("r", "t"))).send(&sandbox).unwrap();
        assert_eq!(answer.status, 200, "{sub_code}");
        assert_eq!(answer.codes(), (code.into(), sub_code.into()), "{}", answer.text());
        assert_eq!(answer.verifies(), signed, "{sub_code}");
        assert_eq!(answer.parts().1.is_some(), signed, "{sub_code}");
        let nameless = sub_code.ends_with("-method");
        assert_eq!(answer.text().contains("error_response"), nameless, "{sub_code}");
        assert!(!answer.get("sub_msg").is_empty());
    }
    assert!(sandbox.ledger().is_empty());
}

#[test]
fn app_id_is_looked_at_before_the_signature() {
    let sandbox = start();
    let call = Call::new(UPDATE, &deposit("r", "t")).with("app_id", "1").with("sign", "AAAA");
    let answer = call.send_as_is(&sandbox.gateway_url()).unwrap();
    assert_eq!(answer.get("sub_code"), "isv.invalid-app-id");
}

#[test]
fn a_wrong_signature_is_told_the_string_that_was_built() {
    let sandbox = start();
    let good = Call::new(UPDATE, &deposit("r", "t")).signed();
    let other_key = Call {
        key: pointcard_keytool::read_private(&key("other2048.pkcs8.pem")).unwrap(),
        ..good.clone()
    };
    let wrong = [
        good.clone().with("timestamp", "2016-10-10 10:10:11"),
        good.clone().with("sign", "AAAA"),
        good.clone().with("sign", "not base64"),
        good.clone().with("extra", "unsigned"),
        other_key.signed(),
    ];
    for call in wrong {
        let answer = call.send_as_is(&sandbox.gateway_url()).unwrap();
        assert_eq!(answer.codes(), ("40002".into(), "isv.invalid-signature".into()));
        assert!(answer.verifies());
        let quoted = answer.get("sub_msg");
        let built = String::from_utf8(call.canonical()).unwrap();
        let built = built.replace('&', "&amp;").replace('"', "&quot;");
        assert!(quoted.ends_with(&built), "{quoted}\n{built}");
    }
    let missing = good.without("sign").send_as_is(&sandbox.gateway_url()).unwrap();
    assert_eq!(missing.codes(), ("40001".into(), "isv.missing-signature".into()));
}

#[test]
fn an_empty_parameter_is_no_part_of_the_string() {
    let sandbox = start();
    let empty = Call::new(QUERY, &balance_of(USER)).with("notify_url", "");
    assert_eq!(empty.clone().send(&sandbox).unwrap().get("code"), "10000");
    // Some SDKs sign `notify_url=`: that is a wrong signature.
    let text = [&b"notify_url=&"[..], &empty.canonical()].concat();
    assert_ne!(text, empty.canonical());
    let digest = <sha2::Sha256 as sha2::Digest>::digest(&text);
    let signature = empty.key.sign(Pkcs1v15Sign::new::<sha2::Sha256>(), &digest).unwrap();
    use base64::{Engine, engine::general_purpose::STANDARD};
    let call = empty.with("sign", STANDARD.encode(signature));
    let answer = call.send_as_is(&sandbox.gateway_url()).unwrap();
    assert_eq!(answer.get("sub_code"), "isv.invalid-signature");
}

#[test]
fn values_with_every_awkward_character_verify() {
    let sandbox = start();
    for (n, memo) in ["&=+%", "%26 %2B", "a b", "\\/\"'", "<&amp;>", "集点卡😀", "¬ify_", "~*-._"]
        .into_iter()
        .enumerate()
    {
        let mut biz = deposit(&format!("r{n}"), &format!("t{n}"));
        biz["memo"] = memo.into();
        let call = Call::new(UPDATE, &biz).with("notify_url", format!("http://x/?a=1&b={memo}"));
        let answer = call.send(&sandbox).unwrap();
        assert_eq!(answer.get("code"), "10000", "{memo}: {}", answer.text());
        assert_eq!(sandbox.ledger()[n].order.memo.as_deref(), Some(memo));
    }
}

#[test]
fn broken_requests_get_an_error_response() {
    let sandbox = start();
    let url = sandbox.gateway_url();
    for (query, body, says) in [
        ("method=%4", "", "method has a broken % escape"),
        ("app_id=1", "app_id=1", "app_id is sent twice"),
    ] {
        let answer = post(&format!("{url}?{query}"), body).unwrap();
        assert_eq!(answer.get("sub_code"), "isv.invalid-parameter");
        assert!(answer.get("sub_msg").contains(says) && answer.verifies());
    }
    assert_eq!(request("GET", &url, "").unwrap().status, 405);
    assert_eq!(post(&url.replace("gateway.do", "x"), "").unwrap().status, 404);
    let big = "x".repeat((1 << 20) + 1);
    assert_eq!(post(&url, &big).unwrap().status, 413);
}

#[test]
fn fields_of_points_update_are_checked() {
    let long = |n: usize| "好".repeat(n);
    let bad: Vec<(&str, Value)> = vec![
        ("req_id", Value::Null),
        ("req_id", "".into()),
        ("req_id", long(33).into()),
        ("user_id", long(33).into()),
        ("activity_account", json!(["x"])),
        ("trans_type", "deposit".into()),
        ("trans_type", "UNFREEZE".into()),
        ("trans_type", "".into()),
        ("trans_amount", 10.into()),
        ("trans_amount", "0".into()),
        ("trans_amount", "-1".into()),
        ("trans_amount", "+1".into()),
        ("trans_amount", "1.5".into()),
        ("trans_amount", "010".into()),
        ("trans_amount", "12345678901234567".into()),
        ("shop_id", long(33).into()),
        ("biz_no", "".into()),
        ("biz_no", long(33).into()),
        ("memo", long(257).into()),
        ("ext_info", long(2001).into()),
        ("ext_info", json!({"K": "V"})),
    ];
    let sandbox = start();
    for (name, value) in bad {
        let mut biz = deposit("r", "t");
        biz[name] = value.clone();
        let answer = Call::new(UPDATE, &biz).send(&sandbox).unwrap();
        assert_eq!(answer.get("sub_code"), "isv.invalid-parameter", "{name} {value}");
        assert!(answer.get("sub_msg").contains(name), "{}", answer.text());
    }
    let mut widest = deposit(&long(32), &long(32));
    widest["memo"] = long(256).into();
    widest["ext_info"] = long(2000).into();
    widest["trans_amount"] = "9999999999999999".into();
    assert_eq!(Call::new(UPDATE, &widest).send(&sandbox).unwrap().get("code"), "10000");
}

#[test]
fn a_token_is_demanded_once_configured() {
    let token = Some("201509BB1234".into());
    let sandbox = Sandbox::start(Config { app_auth_token: token, ..config() }).unwrap();
    let call = Call::new(QUERY, &balance_of(USER));
    assert_eq!(call.clone().send(&sandbox).unwrap().get("code"), "20001");
    let right = call.clone().with("app_auth_token", "201509BB1234");
    assert_eq!(right.in_body("app_auth_token").send(&sandbox).unwrap().get("code"), "10000");
    assert_eq!(call.with("app_auth_token", "x").send(&sandbox).unwrap().get("code"), "20001");
}

#[test]
fn a_timestamp_may_be_off_unless_a_tolerance_is_set() {
    let sandbox = Sandbox::start(Config { clock_tolerance: Some(600), ..config() }).unwrap();
    let old = Call::new(QUERY, &balance_of(USER)).send(&sandbox).unwrap();
    assert_eq!(old.get("sub_code"), "isv.invalid-timestamp");
}

/// Codes and flow number of sending one deposit after another.
fn repeats(way: Way, orders: [Value; 2]) -> (Sandbox, Vec<(String, String, String)>) {
    let sandbox = start();
    sandbox.repeat(way);
    let said = orders.map(|order| {
        let answer = Call::new(UPDATE, &order).send(&sandbox).unwrap();
        assert!(answer.verifies());
        (answer.get("code"), answer.get("sub_code"), answer.get("point_log_no"))
    });
    (sandbox, said.to_vec())
}

#[test]
fn repeat_same_answers_again_and_books_once() {
    let (sandbox, said) = repeats(Way::Same, [deposit("r", "t"), deposit("r", "t")]);
    assert_eq!(said[0], said[1]);
    assert_eq!(sandbox.ledger().len(), 1);
    assert_eq!(sandbox.requests()[1].done, "repeat");
    assert_eq!(sandbox.balance(USER, ACCOUNT).total, 10);
}

#[test]
fn repeat_error_refuses_and_books_once() {
    let (sandbox, said) = repeats(Way::Error, [deposit("r", "t"), deposit("r", "t")]);
    assert_eq!((said[1].0.as_str(), said[1].1.as_str()), ("40004", "sandbox.req-id-repeated"));
    assert_eq!(sandbox.ledger().len(), 1);
}

#[test]
fn repeat_forget_books_twice() {
    let (sandbox, said) = repeats(Way::Forget, [deposit("r", "t"), deposit("r", "t")]);
    assert_ne!(said[0].2, said[1].2);
    assert_eq!(sandbox.balance(USER, ACCOUNT).total, 20);
}

#[test]
fn repeat_biz_no_looks_at_the_payment_only() {
    let (sandbox, said) = repeats(Way::BizNo, [deposit("r1", "t"), deposit("r2", "t")]);
    assert_eq!(said[0], said[1]);
    assert_eq!(sandbox.ledger().len(), 1);
    let (sandbox, said) = repeats(Way::BizNo, [deposit("r", "t1"), deposit("r", "t2")]);
    assert_ne!(said[0].2, said[1].2);
    assert_eq!(sandbox.ledger().len(), 2);
}

#[test]
fn the_same_req_id_for_something_else_is_refused() {
    let mut other = deposit("r", "t");
    other["trans_amount"] = "11".into();
    for way in [Way::Same, Way::Error] {
        let (sandbox, said) = repeats(way, [deposit("r", "t"), other.clone()]);
        assert_eq!(said[1].1, "sandbox.req-id-other-content");
        assert_eq!(sandbox.ledger().len(), 1);
    }
}

#[test]
fn a_ledger_file_survives_a_restart_and_a_torn_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ledger");
    let config = Config { ledger_file: Some(file.clone()), ..config() };
    let first = {
        let sandbox = Sandbox::start(config.clone()).unwrap();
        Call::new(UPDATE, &deposit("r1", "t1")).send(&sandbox).unwrap().get("point_log_no")
    };
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, [&whole[..], br#"{"point_log_no":"1"#].concat()).unwrap();
    let sandbox = Sandbox::start(config.clone()).unwrap();
    let again = Call::new(UPDATE, &deposit("r1", "t1")).send(&sandbox).unwrap();
    assert_eq!(again.get("point_log_no"), first);
    let second = Call::new(UPDATE, &deposit("r2", "t2")).send(&sandbox).unwrap();
    assert_ne!(second.get("point_log_no"), first);
    drop(sandbox);
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 2);
    assert_eq!(Sandbox::start(config.clone()).unwrap().balance(USER, ACCOUNT).total, 20);
    std::fs::write(&file, "rubbish\n").unwrap();
    let why = Sandbox::start(config).err().unwrap().to_string();
    assert!(why.contains("ledger line 1"), "{why}");
}

#[test]
fn every_text_form_of_the_app_key_is_taken() {
    for name in
        ["app2048.pub.b64", "app2048.pub.pem", "app2048.pubpkcs1.b64", "app2048.pubpkcs1.pem"]
    {
        let config = Config { app_public_key: key(name), ..config() };
        let sandbox = Sandbox::start(config).unwrap();
        assert_eq!(sandbox.alipay_public_key(), key("alipay2048.pub.b64").trim());
        let answer = Call::new(QUERY, &balance_of(USER)).send(&sandbox).unwrap();
        assert_eq!(answer.get("code"), "10000", "{name}");
    }
    let private = Config { app_public_key: key("app2048.pkcs8.pem"), ..config() };
    let error = Sandbox::start(private).err().unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}

#[test]
fn one_connection_carries_many_requests() {
    use std::io::{Read, Write};
    let sandbox = start();
    let call = Call::new(QUERY, &balance_of(USER)).signed();
    let query: Vec<_> = call.params.iter().map(|(n, v)| format!("{n}={}", escape(v))).collect();
    let head = format!("POST /gateway.do?{} HTTP/1.1\r\nHost: x\r\n", query.join("&"));
    let mut stream = connect(&sandbox.gateway_url()).unwrap();
    for _ in 0..3 {
        write!(stream, "{head}Content-Length: 0\r\n\r\n").unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"\"}") {
            let mut some = [0; 4096];
            let got = stream.read(&mut some).unwrap();
            assert!(got > 0);
            seen.extend_from_slice(&some[..got]);
        }
    }
    assert_eq!(sandbox.requests().len(), 3);
}

#[test]
fn many_tills_sending_the_same_sale_book_it_once() {
    let sandbox = start();
    let url = sandbox.gateway_url();
    let call = Call::new(UPDATE, &deposit("r", "t")).signed();
    let tills = (0..16).map(|_| {
        let (url, call) = (url.clone(), call.clone());
        std::thread::spawn(move || call.send_as_is(&url).unwrap().get("point_log_no"))
    });
    let tills: Vec<_> = tills.collect();
    let mut numbers: Vec<_> = tills.into_iter().map(|till| till.join().unwrap()).collect();
    numbers.dedup();
    assert_eq!((numbers.len(), sandbox.ledger().len()), (1, 1));
}

#[test]
fn an_async_caller_may_start_order_and_drop_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let sandbox = start();
        sandbox.down();
        sandbox.up();
        let taken = sandbox.gateway_url().replace("http://", "").replace("/gateway.do", "");
        assert!(Sandbox::start(Config { listen: taken.parse().unwrap(), ..config() }).is_err());
    });
}
