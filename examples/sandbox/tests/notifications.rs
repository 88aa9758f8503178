//! Messages to the merchant, as a real listener receives them, and what its answers lead to.

mod common;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use base64::{Engine, engine::general_purpose::STANDARD};
use common::*;
use encoding_rs::GBK;
use pointcard_sandbox::{Claim, Empty, NotifyCharset, NotifySign, Sandbox};
use rsa::Pkcs1v15Sign;
use serde_json::json;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// One request as the merchant got it.
struct Got {
    line: String,
    form: String,
}

/// A merchant's server that answers with these texts in turn, the last again and again.
fn merchant(answers: &'static [&'static str]) -> (String, Receiver<Got>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/notify", listener.local_addr().unwrap());
    let (got, receiver) = channel();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let request = read(&mut stream);
            let answer = answers[number.min(answers.len() - 1)];
            let (status, text) = answer.split_once(' ').unwrap();
            let length = text.len();
            let head = format!("HTTP/1.1 {status} x\r\nContent-Length: {length}\r\n");
            write!(stream, "{head}Location: /elsewhere\r\nConnection: close\r\n\r\n{text}")
                .unwrap();
            if got.send(request).is_err() {
                return;
            }
        }
    });
    (url, receiver)
}

fn read(stream: &mut impl Read) -> Got {
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let len = stream.read(&mut piece).unwrap();
        all.extend_from_slice(&piece[..len]);
        let text = String::from_utf8(all.clone()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .to_lowercase()
            .lines()
            .find_map(|l| l.strip_prefix("content-length: ").map(str::to_owned));
        if body.len() < length.map_or(0, |l| l.parse().unwrap()) {
            continue;
        }
        let line = head.lines().next().unwrap().to_owned();
        let query = line.split(' ').nth(1).unwrap().split_once('?').map(|(_, query)| query);
        let form = if line.starts_with("GET") { query.unwrap() } else { body }.to_owned();
        return Got { line, form };
    }
}

type Fields = BTreeMap<String, Vec<u8>>;

fn fields(form: &str) -> Fields {
    let decode = |text: &str| {
        let (mut out, mut rest) = (Vec::new(), text.as_bytes());
        while let [first, tail @ ..] = rest {
            let (byte, tail) = match (first, tail) {
                (b'%', [a, b, tail @ ..]) => {
                    let hex = format!("{}{}", char::from(*a), char::from(*b));
                    (u8::from_str_radix(&hex, 16).unwrap(), tail)
                }
                (b'+', tail) => (b' ', tail),
                (byte, tail) => (*byte, tail),
            };
            out.push(byte);
            rest = tail;
        }
        out
    };
    let pairs = form.split('&').map(|pair| pair.split_once('=').unwrap());
    pairs.map(|(name, value)| (name.to_owned(), decode(value))).collect()
}

/// True when Alipay signed all fields but these, empty ones in or out.
fn is_signed(fields: &Fields, without: &[&str], empty: bool, sha1: bool) -> bool {
    let kept = fields.iter().filter(|(name, value)| {
        *name != "sign" && !without.contains(&name.as_str()) && (empty || !value.is_empty())
    });
    let text = kept.map(|(n, v)| [n.as_bytes(), b"=", v].concat()).collect::<Vec<_>>().join(&b'&');
    let sign = STANDARD.decode(&fields["sign"]).unwrap();
    let alipay = pointcard_keytool::read_public(&key("alipay2048.pub.b64")).unwrap();
    match sha1 {
        true => alipay.verify(Pkcs1v15Sign::new::<Sha1>(), &Sha1::digest(text), &sign),
        false => alipay.verify(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(text), &sign),
    }
    .is_ok()
}

fn text(fields: &Fields, name: &str) -> String {
    String::from_utf8(fields[name].clone()).unwrap()
}

/// A token for a prize that is no campaign here.
fn token(sandbox: &Sandbox, req_id: &str, prize_id: &str) -> String {
    let biz = json!({ "req_id": req_id, "prize_id": prize_id, "user_id": USER });
    Call::new(AUTH, &biz).send(sandbox).unwrap().get("token")
}

const PRIZE: &str = "20160527000000000682853000153366";

fn claim(sandbox: &Sandbox, req_id: &str, url: &str) -> Claim {
    Claim {
        out_biz_no: format!("prize-{req_id}"),
        token: token(sandbox, req_id, PRIZE),
        user_id: USER.into(),
        notify_url: Some(url.into()),
        ..Claim::default()
    }
}

fn next(got: &Receiver<Got>) -> Got {
    got.recv_timeout(Duration::from_secs(20)).unwrap()
}

#[test]
fn a_claim_is_told_to_the_campaigns_url() {
    let sandbox = start();
    let (url, got) = merchant(&["200 success"]);
    let create = Call::new(CREATE, &exchange()).with("notify_url", &url);
    let camp_id = create.send(&sandbox).unwrap().get("camp_id");
    let told: Vec<Fields> = (0..2).map(|_| fields(&next(&got).form)).collect();
    let mut kinds: Vec<String> = told.iter().map(|f| text(f, "order_type")).collect();
    kinds.sort();
    assert_eq!(kinds, ["CREATE", "START"]);
    let names: Vec<&str> = told[0].keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "event_code",
            "id",
            "name",
            "order_id",
            "order_process_time",
            "order_status",
            "order_type",
            "sign",
            "status"
        ],
        "no sign_type, charset, app_id or notify_id"
    );
    assert!(is_signed(&told[0], &[], false, false));
    assert_eq!(text(&told[0], "name"), "全场代金+不含人群");

    let claim = Claim {
        out_biz_no: "hhe-test1-210600000101537".into(),
        token: token(&sandbox, "r1", &camp_id),
        user_id: USER.into(),
        prize_id: Some(camp_id.clone()),
        ..Claim::default()
    };
    let claimed = sandbox.claim(&claim).unwrap();
    assert_eq!(claimed.camp_id.as_ref(), Some(&camp_id));
    let got = next(&got);
    assert_eq!(got.line, "POST /notify HTTP/1.1");
    let message = fields(&got.form);
    assert!(is_signed(&message, &["sign_type"], false, false), "V1");
    assert!(!is_signed(&message, &[], false, false), "and not V2");
    assert_eq!(Some(text(&message, "notify_id")), claimed.notify_id);
    for (name, value) in [
        ("isv_out_biz_id", "hhe-test1-210600000101537"),
        ("buyer_id", USER),
        ("id", &camp_id),
        ("business_order", &format!("{USER}|{camp_id}")),
        ("event_code", "EC-promocore-prize-notice"),
        ("notify_type", "koubei_receive_coupon_notify"),
        ("app_id", APP_ID),
        ("charset", "UTF-8"),
        ("sign_type", "RSA2"),
    ] {
        assert_eq!(text(&message, name), value, "{name}");
    }
}

#[test]
fn each_way_of_signing_and_sending() {
    let sandbox = start();
    let (url, got) = merchant(&["200 success"]);
    let mut number = 0;
    for get in [false, true] {
        for v2 in [false, true] {
            for empty in [Empty::No, Empty::Unsigned, Empty::Signed] {
                for sign in [NotifySign::Rsa2, NotifySign::Rsa] {
                    number += 1;
                    sandbox.switch(|switches| {
                        switches.notify_get = get;
                        switches.notify_v2 = v2;
                        switches.notify_empty = empty;
                        switches.notify_sign_type = sign;
                    });
                    sandbox.claim(&claim(&sandbox, &format!("r{number}"), &url)).unwrap();
                    let got = next(&got);
                    let name = format!("{} {v2} {empty:?} {sign:?}", got.line);
                    assert_eq!(got.line.starts_with("GET"), get, "{name}");
                    let message = fields(&got.form);
                    assert_eq!(message.contains_key("memo"), empty != Empty::No, "{name}");
                    let without: &[&str] = if v2 { &[] } else { &["sign_type"] };
                    let (signed, sha1) = (empty == Empty::Signed, sign == NotifySign::Rsa);
                    assert!(is_signed(&message, without, signed, sha1), "{name}");
                    if empty != Empty::No {
                        assert!(!is_signed(&message, without, !signed, sha1), "{name}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_message_in_gbk_is_signed_over_gbk_bytes() {
    let sandbox = start();
    sandbox.switch(|switches| switches.notify_charset = NotifyCharset::Gbk);
    let (url, got) = merchant(&["200 success"]);
    Call::new(CREATE, &point_send()).with("notify_url", &url).send(&sandbox).unwrap();
    let message = fields(&next(&got).form);
    assert!(is_signed(&message, &[], false, false));
    assert_eq!(message["name"], GBK.encode("集点活动测试-yuchi").0.into_owned());
}

#[test]
fn anything_but_success_is_repeated_on_the_schedule() {
    let sandbox = start();
    // 4 min, 10 min, 10 min, 1 h, 2 h, 6 h, 15 h: 25 hours in 1.5 seconds.
    sandbox.switch(|switches| switches.notify_speed = 60_000);
    let (url, got) = merchant(&[
        "200 success\n",
        "302 success",
        "500 success",
        "200 <p>success</p>",
        "200 fail",
        "200 success",
    ]);
    let claimed = sandbox.claim(&claim(&sandbox, "r1", &url)).unwrap();
    let forms: Vec<String> = (0..6).map(|_| next(&got).form).collect();
    assert!(forms.iter().all(|form| *form == forms[0]), "the same message, notify_id included");
    let started = Instant::now();
    while !sandbox.deliveries().last().is_some_and(|last| last.accepted) {
        assert!(started.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(got.recv_timeout(Duration::from_millis(1200)).is_err(), "accepted is the end of it");
    let deliveries = sandbox.deliveries();
    assert_eq!(deliveries.len(), 6);
    assert_eq!(deliveries[1].answer, "302 success");
    assert_eq!(deliveries.iter().map(|d| d.attempt).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert!(deliveries.iter().all(|d| Some(&d.id) == claimed.notify_id.as_ref()));
}

#[test]
fn eight_deliveries_and_no_more() {
    let sandbox = start();
    sandbox.switch(|switches| switches.notify_speed = 1_000_000);
    let (url, got) = merchant(&["200 fail"]);
    sandbox.claim(&claim(&sandbox, "r1", &url)).unwrap();
    (0..8).for_each(|_| drop(next(&got)));
    assert!(got.recv_timeout(Duration::from_millis(500)).is_err());
    assert_eq!(sandbox.deliveries().len(), 8);
}

#[test]
fn what_a_claim_page_would_refuse() {
    let sandbox = start();
    let (url, got) = merchant(&["200 success"]);
    let good = claim(&sandbox, "r1", &url);
    let other = |change: fn(&mut Claim)| {
        let mut claim = good.clone();
        change(&mut claim);
        sandbox.claim(&claim).unwrap_err()
    };
    assert!(other(|c| c.token = "0".repeat(32)).contains("no prizesend.auth"));
    assert!(other(|c| c.user_id = "2088000000000000".into()).contains("another user"));
    assert!(other(|c| c.prize_id = Some("1".into())).contains("another prize"));
    assert!(other(|c| c.out_biz_no.clear()).contains("outBizNo is missing"));
    assert!(other(|c| c.merchant = 3).contains("no merchant 3"));
    assert!(got.try_recv().is_err());
    sandbox.claim(&good).unwrap();
    assert!(other(|_| ()).contains("used for outBizNo prize-r1"));
    sandbox.switch(|switches| switches.token_once = false);
    sandbox.claim(&good).unwrap();
    (0..2).for_each(|_| drop(next(&got)));

    let camp_id = Call::new(CREATE, &exchange()).send(&sandbox).unwrap().get("camp_id");
    let silent = Claim { token: token(&sandbox, "r2", &camp_id), notify_url: None, ..good };
    assert_eq!(sandbox.claim(&silent).unwrap().notify_id, None, "there is nowhere to send it");
    let end = json!({ "out_biz_no": "end", "camp_id": camp_id });
    Call::new(OFFLINE, &end).send(&sandbox).unwrap();
    assert!(sandbox.claim(&silent).unwrap_err().contains("offline"));
}

#[test]
fn a_claim_from_outside_the_process() {
    let sandbox = start();
    let (url, got) = merchant(&["200 success"]);
    let token = token(&sandbox, "r1", PRIZE);
    let admin = |query: &str| post(&format!("{}/claim?{query}", sandbox.admin_url()), "").unwrap();
    let query = format!("out_biz_no=o1&token={token}&user_id={USER}&notify_url={url}");
    let answer = admin(&query);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(text(&fields(&next(&got).form), "isv_out_biz_id"), "o1");
    assert!(admin(&query).text().contains("was used"));
    let missing = admin("token=x");
    assert!(missing.status == 400 && missing.text().contains("out_biz_no is missing"));
    let started = Instant::now();
    while !get(&format!("{}/deliveries", sandbox.admin_url())).contains(r#""accepted":true"#) {
        assert!(started.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(10));
    }
}
