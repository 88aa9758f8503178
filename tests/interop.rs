//! Alipay's own SDKs as the other side, over real sockets: they call the sandbox and accept its
//! answers, they check the signatures of our requests and of the sandbox's notifications, and our
//! library accepts what the sandbox said to them.
//!
//! Where an SDK is known to be wrong its very mistake is asserted, and named `known:`; when a new
//! version mends it the test says so by failing.
//!
//! The SDKs come from their package registries, pinned, into target/interop.
#![cfg(all(feature = "gbk", feature = "aes"))]

#[path = "interop/install.rs"]
mod install;
#[path = "interop/mail.rs"]
mod mail;
#[path = "interop/ours.rs"]
mod ours;
#[path = "interop/relay.rs"]
mod relay;

use std::fmt::Debug;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use mail::Mailbox;
use pointcard::gateway::notify::Variant;
use pointcard::gateway::{Charset, SignType};
use pointcard::status::Status;
use pointcard_sandbox::{
    Claim, Config, Empty, Fault, NotifyCharset, NotifySign, Sandbox, Switches,
};
use relay::{Relay, signed_with_sha1};
use serde_json::{Value, json};

const APP_ID: &str = "2016100900000001";
const ACCOUNT: &str = "39201608190015500100016011040139";
const USER: &str = "2088123412341234";
const UPDATE: &str = "koubei.marketing.tool.points.update";
const QUERY: &str = "koubei.marketing.tool.points.query";
const AUTH: &str = "koubei.marketing.tool.prizesend.auth";

/// A throw-away key of the vectors.
fn key(name: &str) -> String {
    let path = format!("{}/tests/vectors/keys/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

fn sandbox() -> Sandbox {
    let mut config = Config::new(APP_ID, key("app2048.pub.b64"));
    config.alipay_key = Some(key("alipay2048.pkcs8.pem"));
    config.content_key = Some(key("aes128.b64"));
    Sandbox::start(config).unwrap()
}

/// An SDK at work in a process of its own.
struct Sdk {
    name: &'static str,
    child: Child,
    orders: ChildStdin,
    results: BufReader<ChildStdout>,
}

impl Sdk {
    fn start(name: &'static str, mut command: Command) -> Sdk {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let orders = child.stdin.take().unwrap();
        let results = BufReader::new(child.stdout.take().unwrap());
        Sdk { name, child, orders, results }
    }

    fn ask(&mut self, order: &Value) -> Value {
        writeln!(self.orders, "{order}").unwrap();
        let mut line = String::new();
        self.results.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{}: {e}: {line:?}", self.name))
    }
}

impl Drop for Sdk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One SDK, the sandbox, the relay between them, and what came of the cases.
struct Bench {
    sdk: Sdk,
    sandbox: Sandbox,
    relay: Relay,
    passed: usize,
    failed: usize,
    serial: usize,
}

impl Bench {
    fn new(sdk: Sdk) -> Bench {
        let sandbox = sandbox();
        let relay = Relay::start(&sandbox.gateway_url());
        Bench { sdk, sandbox, relay, passed: 0, failed: 0, serial: 0 }
    }

    /// One case: counted, and said when it fails.
    fn is<T: PartialEq + Debug>(&mut self, case: &str, found: T, wanted: T) {
        if found == wanted {
            self.passed += 1;
        } else {
            self.failed += 1;
            println!("FAILED {} {case}: {found:?}, not {wanted:?}", self.sdk.name);
        }
    }

    /// One case: `found` has to contain the text.
    fn says(&mut self, case: &str, found: &Value, wanted: &str) {
        let text = found.to_string();
        let shown = if text.contains(wanted) { wanted.to_owned() } else { text };
        self.is(case, shown, wanted.to_owned());
    }

    /// A call through the relay; `more` are members of the order.
    fn call(&mut self, method: &str, biz: &Value, more: &Value) -> Value {
        let mut order = json!({
            "do": "call", "gateway": self.relay.url, "app_id": APP_ID, "method": method, "biz": biz,
            "app_key": key("app2048.pkcs1.b64"), "alipay_key": key("alipay2048.pub.b64"),
        });
        merge(&mut order, more);
        self.sdk.ask(&order)
    }

    /// Does the SDK take this signature over query and form for `public_key`'s?
    fn verify(&mut self, parts: &[String], public_key: &str, more: &Value) -> Value {
        let mut order = json!({
            "do": "verify", "app_id": APP_ID, "app_key": key("app2048.pkcs1.b64"),
            "parts": parts, "public_key": key(public_key),
        });
        merge(&mut order, more);
        self.sdk.ask(&order)["value"].clone()
    }

    /// A new sale.
    fn deposit(&mut self) -> Value {
        self.serial += 1;
        json!({
            "req_id": format!("r{}", self.serial), "user_id": USER, "activity_account": ACCOUNT,
            "trans_type": "DEPOSIT", "trans_amount": "10",
            "shop_id": "2016041200077000000003277104", "biz_no": format!("t{}", self.serial),
            "memo": "消费集点 a&b=c+d%20 \"q\"", "ext_info": "{'K':'V'}",
        })
    }
}

fn merge(order: &mut Value, more: &Value) {
    for (name, value) in more.as_object().into_iter().flatten() {
        order[name] = value.clone();
    }
}

/// The three calls of a redemption, accepted by the SDK and, from the same bytes, by us.
fn calls(bench: &mut Bench, wire: (Charset, SignType), more: &Value) {
    let auth = json!({
        "req_id": format!("a{}", bench.serial), "user_id": USER,
        "prize_id": "20160527000000000682853000153366",
    });
    let deposit = bench.deposit();
    let query = json!({ "user_id": USER, "activity_account": ACCOUNT });
    let cases = [
        (UPDATE, deposit, "point_log_no"),
        (QUERY, query, "available_points"),
        (AUTH, auth, "token"),
    ];
    for (method, biz, member) in cases {
        let result = bench.call(method, &biz, more);
        let name = format!("{method} {wire:?}");
        bench.is(&format!("{name} is accepted"), &result["value"]["success"], &json!(true));
        let theirs = result["value"][member].as_str().unwrap_or_default().to_owned();
        let ours = ours::member(&bench.relay.seen(), method, wire, member);
        bench.is(&format!("{name} reads the same to us"), ours, Ok(theirs));
    }
    let last = bench.sandbox.ledger().last().map(|booking| booking.order.memo.clone());
    bench.is("the memo arrived", last, Some(Some("消费集点 a&b=c+d%20 \"q\"".into())));
}

/// Our requests' signatures, as the SDK builds the string; and not for a changed byte.
fn requests(bench: &mut Bench, charset: Charset, sign_type: SignType) {
    let session = ours::session(charset, sign_type);
    for (name, parts) in ours::requests(&session) {
        let more = json!({ "charset": charset.name(), "sign_type": sign_type.name() });
        let found = bench.verify(&parts, "app2048.pub.b64", &more);
        bench.is(&format!("our {name} {charset:?} {sign_type:?} verifies"), found, json!(true));
        let other = [parts[0].replace("10%3A10%3A10", "10%3A10%3A11"), parts[1].clone()];
        assert_ne!(other, parts);
        let found = bench.verify(&other, "app2048.pub.b64", &more);
        bench.is(&format!("our {name} {charset:?} changed does not"), found == true, false);
    }
}

/// One claim under these switches: the form as it came, its outBizNo, and what we make of it.
fn claimed(b: &mut Bench, mailbox: &Mailbox, turn: impl FnOnce(&mut Switches)) -> String {
    b.serial += 1;
    b.sandbox.switch(|switches| *switches = Switches::default());
    b.sandbox.switch(turn);
    let (prize_id, serial) = ("20160527000000000682853000153366", b.serial);
    let auth = json!({ "req_id": format!("c{serial}"), "prize_id": prize_id, "user_id": USER });
    let token = b.call(AUTH, &auth, &Value::Null)["value"]["token"].as_str().unwrap().to_owned();
    let claim = Claim {
        out_biz_no: format!("prize +%{serial}"),
        token,
        user_id: USER.into(),
        notify_url: Some(mailbox.url.clone()),
        ..Claim::default()
    };
    b.sandbox.claim(&claim).unwrap();
    mailbox.next()
}

/// Every way a message can be signed: we take each; the SDK takes `taken` of them.
fn notifications(b: &mut Bench, taken: fn(bool, Empty) -> bool) {
    let mailbox = Mailbox::open();
    for v2 in [false, true] {
        for empty in [Empty::No, Empty::Unsigned, Empty::Signed] {
            for sign in [NotifySign::Rsa2, NotifySign::Rsa] {
                let form = claimed(b, &mailbox, |switches| {
                    switches.notify_v2 = v2;
                    switches.notify_get = sign == NotifySign::Rsa;
                    switches.notify_empty = empty;
                    switches.notify_sign_type = sign;
                });
                let name = format!("notification V2 {v2} {empty:?} {sign:?}");
                let variant = match (v2, empty == Empty::Signed) {
                    (false, false) => Variant::V1,
                    (false, true) => Variant::V1Empty,
                    (true, false) => Variant::V2,
                    (true, true) => Variant::V2Empty,
                };
                let out_biz_no = format!("prize +%{}", b.serial);
                let session = match sign {
                    NotifySign::Rsa => SignType::Rsa,
                    _ => SignType::Rsa2,
                };
                let told = ours::coupon(&form, session);
                b.is(&format!("{name}: ours"), told, Ok((variant, out_biz_no)));
                let without: &[&str] = if v2 { &[] } else { &["sign_type"] };
                let found = b.verify(&[form], "alipay2048.pub.b64", &json!({ "without": without }));
                b.is(&format!("{name}: theirs"), found == true, taken(v2, empty));
            }
        }
    }
}

/// What both SDKs meet: a refusal with its reason, and answers that must not be believed.
fn refusals(bench: &mut Bench) {
    bench.sandbox.fault(Fault::Reject { sub_code: "POINT_CARD_CLOSED".into() }, 1);
    let deposit = bench.deposit();
    let result = bench.call(UPDATE, &deposit, &Value::Null);
    bench.is("a refusal is no success", &result["value"]["success"], &json!(false));
    bench.is("a refusal has its reason", &result["value"]["sub_code"], &json!("POINT_CARD_CLOSED"));
    bench.sandbox.fault(Fault::WrongSignature, 1);
    let result = bench.call(UPDATE, &deposit, &Value::Null);
    bench.is("a wrong signature is an error", result["error"].is_string(), true);
    let wire = (Charset::Utf8, SignType::Rsa2);
    let ours = ours::member(&bench.relay.seen(), UPDATE, wire, "code");
    bench.is("to us as well", ours.map_err(|e| e.status), Err(Status::Signature));
}

/// An unsigned refusal: we can name its reason, the SDKs bury it in an exception.
fn unsigned(bench: &mut Bench, error: &str) {
    bench.sandbox.fault(Fault::UnsignedError { booked: false }, 1);
    let deposit = bench.deposit();
    let result = bench.call(UPDATE, &deposit, &Value::Null);
    bench.says("known: an unsigned refusal is an error of the program", &result["error"], error);
    let body = bench.relay.seen();
    let answer = pointcard::gateway::answer::read(&body, UPDATE).unwrap();
    let sub_code = answer.sub_code().map(|code| code.to_string());
    bench.is("we name its reason", sub_code, Ok("isv.invalid-app-id".into()));
}

fn python(sdk: Sdk) -> (usize, usize) {
    let mut bench = Bench::new(sdk);
    let b = &mut bench;
    for charset in [Charset::Utf8, Charset::Gbk] {
        for sign_type in [SignType::Rsa2, SignType::Rsa] {
            let more = json!({ "charset": charset.name(), "sign_type": sign_type.name() });
            calls(b, (charset, sign_type), &more);
            requests(b, charset, sign_type);
        }
    }
    refusals(b);
    unsigned(b, "response shape maybe illegal");
    // Python's string keeps whatever is given to it, empty values too.
    notifications(b, |_, empty| empty != Empty::Unsigned);
    let mailbox = Mailbox::open();
    let form = claimed(b, &mailbox, |switches| switches.notify_charset = NotifyCharset::Gbk);
    let more = json!({ "charset": "GBK", "without": ["sign_type"] });
    let found = b.verify(std::slice::from_ref(&form), "alipay2048.pub.b64", &more);
    b.is(
        "a notification in GBK",
        (found, ours::coupon(&form, SignType::Rsa2).is_ok()),
        (json!(true), true),
    );
    python_mistakes(b);
    (bench.passed, bench.failed)
}

fn python_mistakes(b: &mut Bench) {
    let deposit = b.deposit();
    let result = b.call(UPDATE, &deposit, &json!({ "keep_port": true }));
    b.says("known: a port in the gateway's URL", &result["error"], "TypeError");
    let content_key = json!({ "content_key": key("aes128.b64").trim() });
    let result = b.call(UPDATE, &deposit, &content_key);
    b.says("known: AES does not work on Python 3", &result["error"], "TypeError");

    // A signed answer of another method, and one signed with SHA-1 in an RSA2 session.
    let query = json!({ "user_id": USER, "activity_account": ACCOUNT });
    b.call(QUERY, &query, &Value::Null);
    let of_query = b.relay.seen();
    b.relay.answer_instead(of_query);
    let result = b.call(UPDATE, &deposit, &Value::Null);
    b.is("known: another method's answer passes", &result["value"]["success"], &json!(true));
    not_by_us(b, Status::Malformed);
    let node = r#"{"code":"10000","msg":"Success","point_log_no":"1"}"#;
    b.relay.answer_instead(signed_with_sha1("koubei_marketing_tool_points_update_response", node));
    let result = b.call(UPDATE, &deposit, &Value::Null);
    b.is("known: SHA-1 passes for RSA2", &result["value"]["success"], &json!(true));
    not_by_us(b, Status::Signature);
}

/// We do not accept what the SDK was just given.
fn not_by_us(b: &mut Bench, status: Status) {
    let wire = (Charset::Utf8, SignType::Rsa2);
    let ours = ours::member(&b.relay.seen(), UPDATE, wire, "code");
    b.is("but not with us", ours.map_err(|e| e.status), Err(status));
}

fn node(sdk: Sdk) -> (usize, usize) {
    let mut bench = Bench::new(sdk);
    let b = &mut bench;
    for sign_type in [SignType::Rsa2, SignType::Rsa] {
        let more = json!({ "sign_type": sign_type.name() });
        calls(b, (Charset::Utf8, sign_type), &more);
        requests(b, Charset::Utf8, sign_type);
    }
    refusals(b);
    unsigned(b, "TypeError");
    // Known: its string keeps empty values, which Alipay's Java and .NET leave out.
    notifications(b, |_, empty| empty != Empty::Unsigned);
    let mailbox = Mailbox::open();
    let form = claimed(b, &mailbox, |_| ());
    let found = b.verify(&[form], "alipay2048.pub.b64", &json!({ "old": true }));
    b.is("known: its older check decodes a value twice", found == true, false);
    node_mistakes(b);
    (bench.passed, bench.failed)
}

fn node_mistakes(b: &mut Bench) {
    b.sandbox.fault(Fault::DuplicateNode, 1);
    let deposit = b.deposit();
    let result = b.call(UPDATE, &deposit, &Value::Null);
    let forged = json!("00000000000000");
    b.is("known: of two nodes the unsigned counts", &result["value"]["point_log_no"], &forged);
    not_by_us(b, Status::Duplicate);

    let result = b.call("koubei.marketing.tool.points.delete", &json!({}), &Value::Null);
    b.says("known: a signed error_response fails", &result["error"], "AlipayRequestError");
    let body = b.relay.seen();
    let wire = (Charset::Utf8, SignType::Rsa2);
    let ours = ours::member(&body, "koubei.marketing.tool.points.delete", wire, "sub_code");
    b.is("but not with us", ours, Ok("isv.invalid-method".into()));

    let deposit = b.deposit();
    let empty = json!({ "extra": { "appAuthToken": "" } });
    let result = b.call(UPDATE, &deposit, &empty);
    let sub_code = &result["value"]["sub_code"];
    b.is("known: an empty parameter is signed", sub_code, &json!("isv.invalid-signature"));

    let booked = b.sandbox.ledger().len();
    let content_key = json!({ "content_key": key("aes128.b64").trim() });
    let result = b.call(UPDATE, &deposit, &content_key);
    b.says("known: an encrypted answer fails", &result["error"], "AlipayRequestError");
    b.is("its own encryption is right", b.sandbox.ledger().len(), booked + 1);
    let number = b.sandbox.ledger().last().unwrap().point_log_no.clone();
    let ours = ours::encrypted_member(&b.relay.seen(), UPDATE, "point_log_no");
    b.is("but not with us: encrypted", ours, Ok(number));
}

/// One test, so that the cases are counted together.
#[test]
fn official_sdks() {
    let (mut passed, mut failed) = (0, 0);
    let mut add = |(more_passed, more_failed)| {
        passed += more_passed;
        failed += more_failed;
    };
    if let Some(command) = install::python() {
        add(python(Sdk::start("python", command)));
    }
    if let Some(command) = install::node() {
        add(node(Sdk::start("node", command)));
    }
    println!("interop: {passed} passed, {failed} failed");
    assert_eq!(failed, 0, "see above");
}
