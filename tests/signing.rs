//! A till that holds no key: strings go out to be signed, signatures come back.
//!
//! RustCrypto signs, as a software house's server would; the sandbox verifies. Until a signature
//! holds, nothing is recorded and nothing may be sent.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "common/desk.rs"]
mod desk;
#[path = "common/till.rs"]
mod till;

use desk::sign;
use pointcard::client::call::{Call, Json};
use pointcard::client::{ANSWER_MAX, Client, Config, REQUEST_MAX, Step};
use pointcard::gateway::points::{self, Update};
use pointcard::outcome::{Outcome, Verdict};
use pointcard::points::sale::Sale;
use pointcard::points::sync;
use pointcard::port::http::HttpTransport;
use pointcard::port::{Transport, TransportError};
use pointcard::status::{Error, Status};
use pointcard_sandbox::Sandbox;
use till::{ACCOUNT, TestPorts, USER, key, leak, memory, sandbox};

const SALE: &str = "2016082221001004150200139999";

type Till = Client<'static, TestPorts>;

fn config(sandbox: &Sandbox) -> Config<'static> {
    Config {
        private_key: "",
        app_public_key: leak(key("app2048.pub.b64")),
        sign_elsewhere: true,
        ..till::config(&sandbox.gateway_url())
    }
}

fn opened(config: Config<'static>) -> Result<Till, Error> {
    let mut client = Client::new(config, TestPorts::new(memory()));
    client.open().map(|_| client)
}

fn till(sandbox: &Sandbox) -> Till {
    opened(config(sandbox)).unwrap()
}

fn sell(till: &mut Till, biz_no: &str) {
    let sale = Sale { user_id: USER, biz_no, points: 10, memo: "消费集点", ..Sale::default() };
    till.accrue(&sale).unwrap();
}

/// What a till and the holder of the key say to each other.
fn to_sign(till: &mut Till) -> (u32, Vec<u8>) {
    let mut buf = vec![0; REQUEST_MAX];
    let step = till.next_to_sign(&mut buf).unwrap().unwrap();
    (step.exchange, step.canonical.to_vec())
}

fn post(step: &Step<'_>) -> (pointcard::port::HttpAnswer, Vec<u8>) {
    let mut answer = vec![0; ANSWER_MAX];
    let mut http = HttpTransport::new("", "").unwrap();
    let came = http.exchange(&step.request, &mut answer, 5_000).unwrap();
    answer.truncate(came.body_len);
    (came, answer)
}

fn finish(till: &mut Till, exchange: u32, signature: &str) -> Outcome {
    let mut buf = vec![0; REQUEST_MAX];
    let step = till.next_signed(exchange, signature, &mut buf).unwrap();
    assert_eq!(step.exchange, exchange);
    let (http, body) = post(&step);
    till.on_response(exchange, &http, &body).unwrap()
}

fn status<T>(result: Result<T, Error>) -> (Status, &'static str) {
    result.map(drop).map_err(|error| (error.status, error.what)).unwrap_err()
}

fn counts(till: &Till) -> (u32, u32) {
    (till.status().waiting, till.status().sent_unknown)
}

#[test]
fn a_sale_signed_elsewhere_is_credited() {
    let sandbox = sandbox();
    let mut till = till(&sandbox);
    assert!(till.next_to_sign(&mut [0; REQUEST_MAX]).unwrap().is_none());
    sell(&mut till, SALE);
    let (exchange, canonical) = to_sign(&mut till);
    let text = std::str::from_utf8(&canonical).unwrap();
    assert!(text.starts_with("app_id=2016100900000001&biz_content={"), "{text}");
    assert!(text.contains("&method=koubei.marketing.tool.points.update&"), "{text}");
    assert_eq!(counts(&till), (1, 0), "nothing is sent yet");
    // Base64 as a command line prints it.
    let signature = sign("app2048.pkcs8.pem", &canonical) + "\n";
    let outcome = finish(&mut till, exchange, &signature);
    assert_eq!((outcome.verdict, outcome.attempts), (Verdict::Accepted, 1));
    assert_eq!(counts(&till), (0, 0));
    assert_eq!(sandbox.ledger().len(), 1);
}

#[test]
fn only_the_apps_signature_of_this_string_lets_it_go() {
    let sandbox = sandbox();
    let mut till = till(&sandbox);
    sell(&mut till, SALE);
    let (exchange, canonical) = to_sign(&mut till);
    let right = sign("app2048.pkcs8.pem", &canonical);
    let other_string = [&canonical[..], b" "].concat();
    let mut buf = vec![0; REQUEST_MAX];
    for (exchange, signature, wanted) in [
        (exchange, sign("other2048.pkcs8.pem", &canonical), (Status::Signer, "signature")),
        (exchange, sign("app2048.pkcs8.pem", &other_string), (Status::Signer, "signature")),
        (exchange, String::new(), (Status::Signer, "signature")),
        (exchange, "AAAA".into(), (Status::Signer, "signature")),
        (exchange, "not base64!".into(), (Status::Malformed, "signature")),
        (exchange, "A".repeat(2000), (Status::Malformed, "signature")),
        (exchange + 1, right.clone(), (Status::Argument, "exchange")),
    ] {
        assert_eq!(status(till.next_signed(exchange, &signature, &mut buf)), wanted);
        assert_eq!(counts(&till), (1, 0), "{wanted:?}");
    }
    let error = till.next_signed(exchange, &right, &mut [0; 500]).unwrap_err();
    assert_eq!((error.status, error.what), (Status::BufferTooSmall, "request"));
    assert_eq!(finish(&mut till, exchange, &right).attempts, 1, "none of that was an attempt");
    assert_eq!(sandbox.ledger().len(), 1);
}

#[test]
fn the_exchange_waits_for_its_signature_and_can_be_given_up() {
    let sandbox = sandbox();
    let mut till = till(&sandbox);
    sell(&mut till, SALE);
    let (exchange, canonical) = to_sign(&mut till);
    let mut buf = vec![0; REQUEST_MAX];
    assert_eq!(status(till.next_to_sign(&mut buf)), (Status::Busy, "exchange"));
    let http = pointcard::port::HttpAnswer { status: 200, ..Default::default() };
    assert_eq!(status(till.on_response(exchange, &http, b"{}")), (Status::BadState, "exchange"));
    // Whatever the caller believes: without a signature nothing can have been sent.
    let error = TransportError { not_sent: false, code: 0 };
    let outcome = till.on_transport_error(exchange, error).unwrap();
    assert_eq!((outcome.verdict, outcome.attempts), (Verdict::Deferred, 0));
    assert_eq!(counts(&till), (1, 0));
    let late = sign("app2048.pkcs8.pem", &canonical);
    assert_eq!(status(till.next_signed(exchange, &late, &mut buf)), (Status::Argument, "exchange"));
    assert!(sandbox.ledger().is_empty());
}

#[test]
fn a_client_that_holds_no_key_signs_nothing_itself() {
    let sandbox = sandbox();
    let mut till = till(&sandbox);
    let mut buf = vec![0; REQUEST_MAX];
    assert!(
        till.next_request(&mut buf).unwrap().is_none(),
        "nothing waits, nothing to complain of"
    );
    sell(&mut till, SALE);
    let elsewhere = (Status::Signer, "config.sign_elsewhere");
    assert_eq!(status(till.next_request(&mut buf)), elsewhere);
    assert_eq!(status(till.query_request(USER, "", &mut buf)), elsewhere);
    let json = Json::check("{}").unwrap();
    let call = Call { method: "alipay.trade.query", ..Call::default() };
    assert_eq!(status(till.call_request(&call, &json, &mut buf)), elsewhere);
    let shared = std::cell::RefCell::new(till);
    let mut http = HttpTransport::new("", "").unwrap();
    let mut io = vec![0; pointcard::client::IO_SIZE];
    let synced = sync::sync(&shared, &mut http, &mut io, 1_000, &mut |_| {});
    assert_eq!(status(synced), elsewhere);
    assert_eq!(counts(&shared.borrow()), (1, 0));
}

#[test]
fn the_configuration_says_where_the_key_is() {
    let sandbox = sandbox();
    let both = Config { private_key: leak(key("app2048.pkcs8.b64")), ..config(&sandbox) };
    assert_eq!(status(opened(both)), (Status::Argument, "config.sign_elsewhere"));
    let none = Config { app_public_key: "", ..config(&sandbox) };
    assert_eq!(status(opened(none)).1, "config.app_public_key");
    let swapped = Config { app_public_key: leak(key("alipay2048.pub.b64")), ..config(&sandbox) };
    assert_eq!(status(opened(swapped)), (Status::KeyMismatch, "config.alipay_public_key"));
    let private_key = leak(key("app2048.pkcs8.b64"));
    let here = Config { sign_elsewhere: false, private_key, ..config(&sandbox) };
    let mut till = opened(here).unwrap();
    let unsupported = (Status::Unsupported, "config.sign_elsewhere");
    let mut buf = vec![0; REQUEST_MAX];
    assert_eq!(status(till.next_to_sign(&mut buf)), unsupported);
    assert_eq!(status(till.next_signed(1, "", &mut buf)), unsupported);
    let json = Json::check("{}").unwrap();
    assert_eq!(status(till.call_to_sign(&Call::default(), &json, &mut buf)), unsupported);
}

#[test]
fn a_call_is_signed_elsewhere_as_well() {
    let sandbox = sandbox();
    let mut till = till(&sandbox);
    let update = Update::deposit("req1", USER, ACCOUNT, 30, SALE);
    let call = Call::default();
    let mut buf = vec![0; REQUEST_MAX];
    let step = till.call_to_sign(&call, &update, &mut buf).unwrap();
    let (exchange, canonical) = (step.exchange, step.canonical.to_vec());
    let signature = sign("app2048.pkcs8.pem", &canonical);
    // Not the same again.
    let more = Update { trans_amount: 31, ..update };
    let notified = Call { notify_url: "https://isv.example/", ..call };
    let query = points::Query { activity_account: ACCOUNT, user_id: USER };
    let conflict = |what| (Status::Conflict, what);
    let signed = till.call_signed(exchange, &call, &more, &signature, &mut buf);
    assert_eq!(status(signed), conflict("exchange"));
    let signed = till.call_signed(exchange, &notified, &update, &signature, &mut buf);
    assert_eq!(status(signed), conflict("exchange"));
    let signed = till.call_signed(exchange, &call, &query, &signature, &mut buf);
    assert_eq!(status(signed), conflict("method"));
    let signed = till.next_signed(exchange, &signature, &mut buf);
    assert_eq!(status(signed), (Status::Argument, "exchange"));
    let waits = till.on_answer(exchange, &Default::default(), b"", &mut []);
    assert_eq!(status(waits), (Status::BadState, "exchange"));

    let step = till.call_signed(exchange, &call, &update, &signature, &mut buf).unwrap();
    let (http, body) = post(&step);
    let mut answered = till.on_answer(exchange, &http, &body, &mut []).unwrap();
    assert!(answered.result(points::point_log_no).is_ok());
    assert_eq!(sandbox.balance(USER, ACCOUNT).available, 30);
}

/// The entry handed out is the entry sent, or nothing is.
#[test]
fn an_exchange_outlives_neither_the_client_nor_another_one() {
    let sandbox = sandbox();
    let mut till = till(&sandbox);
    sell(&mut till, SALE);
    let (first, canonical) = to_sign(&mut till);
    let signature = sign("app2048.pkcs8.pem", &canonical);
    till.open().unwrap();
    let mut buf = vec![0; REQUEST_MAX];
    assert_eq!(
        status(till.next_signed(first, &signature, &mut buf)),
        (Status::Argument, "exchange")
    );
    let (exchange, canonical) = to_sign(&mut till);
    assert_ne!(first, exchange);
    let outcome = finish(&mut till, exchange, &sign("app2048.pkcs8.pem", &canonical));
    assert_eq!((outcome.verdict, outcome.attempts), (Verdict::Accepted, 1));
}
