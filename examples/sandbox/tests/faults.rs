//! Each fault as a client meets it on a socket, and what was booked meanwhile.

mod common;

use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant};

use common::*;
use encoding_rs::GBK;
use pointcard_sandbox::{Fault, Sandbox};

/// One deposit while a fault waits; afterwards the repeat must be answered normally.
fn meets(fault: Fault) -> (Sandbox, std::io::Result<Answer>) {
    let sandbox = start();
    sandbox.fault(fault, 1);
    let answer = Call::new(UPDATE, &deposit("r", "t")).send(&sandbox);
    (sandbox, answer)
}

fn booked(sandbox: &Sandbox) -> usize {
    sandbox.ledger().len()
}

/// The repeat is right, and one deposit is booked in the end.
fn settles(sandbox: &Sandbox) {
    let answer = Call::new(UPDATE, &deposit("r", "t")).send(sandbox).unwrap();
    assert!(answer.verifies() && answer.get("code") == "10000");
    assert_eq!(booked(sandbox), 1);
}

#[test]
fn down_really_refuses_and_up_listens_on_the_same_port() {
    let sandbox = start();
    let url = sandbox.gateway_url();
    for _ in 0..20 {
        sandbox.down();
        assert_eq!(connect(&url).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert_eq!(get(&format!("{}/faults", sandbox.admin_url())), "");
        sandbox.up();
        assert_eq!(sandbox.gateway_url(), url);
        assert_eq!(Call::new(QUERY, &balance_of(USER)).send(&sandbox).unwrap().status, 200);
    }
    sandbox.down();
    sandbox.down();
    sandbox.up();
    sandbox.up();
    settles(&sandbox);
}

#[test]
fn down_closes_connections_that_were_kept() {
    let sandbox = start();
    let mut kept = connect(&sandbox.gateway_url()).unwrap();
    kept.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    std::thread::sleep(Duration::from_millis(50));
    sandbox.down();
    let whole = read_answer(&mut kept).unwrap();
    assert_eq!(whole.status, 404);
}

#[test]
fn down_for_a_while_comes_back_by_itself_and_waits_its_turn() {
    let sandbox = start();
    sandbox.fault(Fault::Throttle, 1);
    sandbox.fault(Fault::Down { ms: 200 }, 1);
    let answer = Call::new(UPDATE, &deposit("r", "t")).send(&sandbox).unwrap();
    assert_eq!(answer.get("code"), "40005");
    let started = Instant::now();
    let refused = || connect(&sandbox.gateway_url()).is_err();
    assert!((0..50).any(|_| {
        std::thread::sleep(Duration::from_millis(1));
        refused()
    }));
    while refused() {
        assert!(started.elapsed() < Duration::from_secs(5));
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(started.elapsed() >= Duration::from_millis(150));
    settles(&sandbox);
}

#[test]
fn drop_closes_without_a_byte() {
    for is_booked in [false, true] {
        let (sandbox, answer) = meets(Fault::Drop { booked: is_booked });
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::UnexpectedEof);
        assert_eq!(booked(&sandbox), usize::from(is_booked));
        assert!(!sandbox.requests()[0].answered);
        settles(&sandbox);
    }
}

#[test]
fn slow_books_at_once_and_answers_late() {
    let started = Instant::now();
    let (sandbox, answer) = meets(Fault::Slow { ms: 150 });
    assert!(answer.unwrap().verifies());
    assert!(started.elapsed() >= Duration::from_millis(150));
    settles(&sandbox);
}

#[test]
fn a_client_that_gives_up_leaves_its_booking_behind() {
    let sandbox = start();
    sandbox.fault(Fault::Slow { ms: 60_000 }, 1);
    let url = sandbox.gateway_url();
    let call = Call::new(UPDATE, &deposit("r", "t")).signed();
    let waiting = std::thread::spawn(move || call.send_as_is(&url));
    while sandbox.requests().is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(booked(&sandbox), 1);
    assert!(!sandbox.requests()[0].answered);
    settles(&sandbox);
    drop(sandbox);
    assert!(waiting.join().unwrap().is_err());
}

#[test]
fn timeout_after_accept_books_and_says_nothing() {
    let started = Instant::now();
    let (sandbox, answer) = meets(Fault::TimeoutAfterAccept { ms: 150 });
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert!(started.elapsed() >= Duration::from_millis(150));
    assert_eq!(booked(&sandbox), 1);
    assert!(!sandbox.requests()[0].answered);
    settles(&sandbox);
}

#[test]
fn stall_says_nothing_and_books_nothing() {
    let (sandbox, answer) = meets(Fault::Stall { ms: 50 });
    assert!(answer.is_err());
    assert_eq!(booked(&sandbox), 0);
    assert_eq!(sandbox.requests()[0].done, "nothing");
    settles(&sandbox);
}

#[test]
fn http_5xx_before_or_after_booking() {
    for (status, retry_after, is_booked) in
        [(500, None, false), (502, None, true), (503, Some(7), false)]
    {
        let (sandbox, answer) = meets(Fault::Http5xx { status, retry_after, booked: is_booked });
        let answer = answer.unwrap();
        assert_eq!(answer.status, status);
        assert_eq!(answer.head.contains("retry-after: 7"), retry_after.is_some());
        assert_eq!(booked(&sandbox), usize::from(is_booked));
        settles(&sandbox);
    }
}

#[test]
fn unsigned_is_a_success_nobody_should_believe() {
    let (sandbox, answer) = meets(Fault::Unsigned);
    let answer = answer.unwrap();
    assert_eq!((answer.get("code").as_str(), answer.parts().1), ("10000", None));
    settles(&sandbox);
}

#[test]
fn wrong_signature_is_well_formed() {
    let (sandbox, answer) = meets(Fault::WrongSignature);
    let answer = answer.unwrap();
    assert_eq!(answer.parts().1.map(|sign| sign.len()), Some(256));
    assert!(!answer.verifies());
    settles(&sandbox);
}

#[test]
fn duplicate_node_comes_after_a_good_signature() {
    let (sandbox, answer) = meets(Fault::DuplicateNode);
    let answer = answer.unwrap();
    assert!(answer.verifies());
    assert_eq!(answer.text().matches("points_update_response").count(), 2);
    settles(&sandbox);
}

#[test]
fn gbk_error_is_signed_over_gbk_bytes() {
    let (sandbox, answer) = meets(Fault::GbkError { booked: false });
    let answer = answer.unwrap();
    assert!(answer.verifies() && std::str::from_utf8(&answer.body).is_err());
    assert!(answer.head.contains("charset=utf-8"), "the header keeps the request's charset");
    let text = GBK.decode(&answer.body).0.into_owned();
    assert!(text.contains("isp.unknow-error") && text.contains("系统繁忙"), "{text}");
    assert_eq!(booked(&sandbox), 0);
    settles(&sandbox);
}

#[test]
fn signed_refusals_on_demand() {
    let reject = Fault::Reject { sub_code: "POINT_CARD_CLOSED".into() };
    let cases = [
        (Fault::Throttle, "40005", "isv.app-call-limited", 0),
        (Fault::Unknown { booked: false }, "20000", "isp.unknow-error", 0),
        (Fault::Unknown { booked: true }, "20000", "isp.unknow-error", 1),
        (Fault::Token, "20001", "aop.invalid-app-auth-token", 0),
        (reject, "40004", "POINT_CARD_CLOSED", 0),
    ];
    for (fault, code, sub_code, bookings) in cases {
        let (sandbox, answer) = meets(fault);
        let answer = answer.unwrap();
        assert!(answer.verifies() && answer.status == 200);
        assert_eq!(answer.codes(), (code.into(), sub_code.into()));
        assert_eq!(booked(&sandbox), bookings);
        settles(&sandbox);
    }
}

#[test]
fn unsigned_error_has_the_methods_node() {
    let (sandbox, answer) = meets(Fault::UnsignedError { booked: false });
    let answer = answer.unwrap();
    assert_eq!(answer.codes(), ("40002".into(), "isv.invalid-app-id".into()));
    assert!(answer.parts().1.is_none() && answer.text().contains("points_update_response"));
    settles(&sandbox);
}

#[test]
fn html_is_a_page_in_gbk() {
    let (sandbox, answer) = meets(Fault::Html { booked: false });
    let answer = answer.unwrap();
    assert_eq!(answer.status, 200);
    assert!(GBK.decode(&answer.body).0.starts_with("<html><head><title>系统繁忙"));
    assert_eq!(booked(&sandbox), 0);
    settles(&sandbox);
}

#[test]
fn truncate_breaks_off_and_half_pretends_to_be_whole() {
    let (sandbox, answer) = meets(Fault::Truncate);
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    settles(&sandbox);
    let (sandbox, answer) = meets(Fault::Half);
    let answer = answer.unwrap();
    assert!(serde_json::from_slice::<serde_json::Value>(&answer.body).is_err());
    settles(&sandbox);
}

#[test]
fn truncate_really_sends_the_first_half() {
    use std::io::Read;
    let sandbox = start();
    sandbox.fault(Fault::Truncate, 1);
    let call = Call::new(QUERY, &balance_of(USER)).signed();
    let query: Vec<_> = call.params.iter().map(|(n, v)| format!("{n}={}", escape(v))).collect();
    let mut stream = connect(&sandbox.gateway_url()).unwrap();
    let query = query.join("&");
    write!(stream, "POST /gateway.do?{query} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        .unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let text = String::from_utf8(all).unwrap();
    assert!(text.contains(r#"{"koubei_marketing_tool_points_query_response":{"#), "{text}");
    assert!(!text.ends_with('}'));
}

#[test]
fn turns_count_and_zero_lasts_until_cleared() {
    let sandbox = start();
    sandbox.fault(Fault::Throttle, 2);
    sandbox.fault(Fault::Token, 0);
    let code = || Call::new(QUERY, &balance_of(USER)).send(&sandbox).unwrap().get("code");
    let codes: Vec<_> = (0..5).map(|_| code()).collect();
    assert_eq!(codes, ["40005", "40005", "20001", "20001", "20001"]);
    sandbox.clear();
    assert_eq!(code(), "10000");
}

#[test]
fn a_wrong_request_hears_that_and_not_the_fault() {
    let sandbox = start();
    sandbox.fault(Fault::Throttle, 1);
    let call = Call::new(QUERY, &balance_of(USER)).with("version", "9");
    assert_eq!(call.send(&sandbox).unwrap().get("sub_code"), "isv.invalid-parameter");
}
