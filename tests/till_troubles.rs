//! What can go wrong around one till, and must not stop it: poison sales, foreign entries, failing
//! queries, a storage that fails once, people on the line.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common {
    pub mod till;
}

use common::till::{APP_ID, SHAPE, TestPorts, Till, USER, config, key, leak, memory, sandbox};
use pointcard::client::{Client, IO_SIZE};
use pointcard::outcome::Verdict;
use pointcard::points::sale::{self, Owner, Sale};
use pointcard::points::sync::{query, sync};
use pointcard::port::ram::RamStorage;
use pointcard::port::*;
use pointcard::queue::{Item, Queue};
use pointcard::status::Status;
use pointcard_sandbox::{Fault, Way};

#[test]
fn a_sale_that_always_fails_does_not_stop_the_others() {
    let sandbox = sandbox();
    let mut till = Till::new(&sandbox.gateway_url());
    // A web application firewall dislikes one sale's text: HTTP 405 for it, always.
    till.transport.bad = |r| {
        std::str::from_utf8(r.body)
            .unwrap()
            .contains("POISON")
            .then_some(HttpAnswer { status: 405, ..HttpAnswer::default() })
    };
    till.sell("POISON1");
    for i in 0..20 {
        till.sell(&format!("good{i}"));
    }
    for _ in 0..300 {
        till.sync();
        till.wait_ms(600_000);
    } // 50 hours
    let n = sandbox.ledger().len();
    assert_eq!(n, 20);
}

#[test]
fn a_record_of_a_later_version_is_held_and_stops_nobody() {
    let sandbox = sandbox();
    let url = sandbox.gateway_url();
    let mut mem = memory();
    let profile = sale::profile(&Owner { app_id: APP_ID, merchant: "" }, &url);
    {
        let mut s = RamStorage::new(&mut mem, SHAPE);
        let mut q = Queue::new();
        q.open(&mut s, [1; 8]).unwrap();
        // a later version's DEPOSIT with one more field (tag 7), then a downgrade
        q.append(
            &mut s,
            &Item {
                req_id: "later",
                profile,
                kind: 1,
                points: 1,
                created: 0,
                body: &[7, 1, 0, b'x'],
            },
        )
        .unwrap();
    }
    let mut till = Till::over(mem, config(&url));
    till.sell("good");
    assert_eq!(till.sync().held, 1);
    till.wait_ms(600_000);
    till.sync();
    assert_eq!(sandbox.ledger().len(), 1);
}

#[test]
fn a_windowful_of_anothers_entries_does_not_stop_new_sales() {
    let sandbox = sandbox();
    let url = sandbox.gateway_url();
    let mut mem = memory();
    let other = sale::profile(&Owner { app_id: APP_ID, merchant: "old" }, &url);
    {
        let mut s = RamStorage::new(&mut mem, SHAPE);
        let mut q = Queue::new();
        q.open(&mut s, [1; 8]).unwrap();
        for i in 0..64 {
            q.append(
                &mut s,
                &Item {
                    req_id: &format!("o{i}"),
                    profile: other,
                    kind: 1,
                    points: 1,
                    created: 0,
                    body: b"",
                },
            )
            .unwrap();
        }
    }
    let mut till = Till::over(mem, config(&url));
    for i in 0..10 {
        till.sell(&format!("n{i}"));
    }
    till.sync();
    for _ in 0..10 {
        till.wait_ms(600_000);
        till.sync();
    }
    assert_eq!(sandbox.ledger().len(), 10);
}

#[test]
fn failing_queries_do_not_hold_up_sales() {
    let sandbox = sandbox();
    let mut till = Till::new(&sandbox.gateway_url());
    till.transport.bad = |r| {
        r.url
            .contains("points.query")
            .then_some(HttpAnswer { status: 404, ..HttpAnswer::default() })
    };
    let mut told = 0;
    for i in 0..60 {
        till.sell(&format!("s{i}"));
        let Till { client, transport, io, .. } = &mut till;
        let _ = query(client, transport, io, USER, "", 1000);
        let r = till.sync();
        told = r.retry_in_ms.max(told);
        till.wait_ms(60_000); // one shopper a minute
    }
    assert!(sandbox.ledger().len() >= 58);
}

#[test]
fn a_query_does_not_lift_a_retry_after() {
    let sandbox = sandbox();
    sandbox.fault(Fault::Http5xx { status: 503, retry_after: Some(600), booked: false }, 1);
    let mut till = Till::new(&sandbox.gateway_url());
    till.sell("s");
    let r = till.sync();
    assert!(r.retry_in_ms >= 600_000, "{r:?}");
    let Till { client, transport, io, .. } = &mut till;
    let outcome = query(client, transport, io, USER, "", 1000).unwrap();
    assert_eq!(outcome.verdict, Verdict::Accepted);
    let r = till.sync();
    assert_eq!(r.sent, 0, "sent {} requests 0 ms after Retry-After: 600", r.sent);
}

#[test]
fn debug_shows_no_token() {
    let mut c = config("http://127.0.0.1:1/");
    c.app_auth_token = "SECRETTOKEN123";
    let till = Till::over(memory(), c);
    till.sell("s");
    let mut io = vec![0; IO_SIZE];
    let mut client = till.client.borrow_mut();
    let step = client.next_request(&mut io).unwrap().unwrap();
    let text = format!("{step:?}");
    assert!(!text.contains("SECRETTOKEN123"), "{}", &text[..400]);
}

#[test]
fn the_same_sale_in_two_entries_settles_both() {
    let sandbox = sandbox();
    sandbox.repeat(Way::Same);
    let mut till = Till::new(&sandbox.gateway_url());
    till.sell("again");
    for i in 0..32 {
        till.sell(&format!("x{i}"));
    }
    let second = till.sell("again"); // beyond RECENT: a second entry
    assert!(!second.duplicate);
    for _ in 0..50 {
        till.sync();
        till.wait_ms(600_000);
    }
    assert_eq!(sandbox.ledger().len(), 33);
    assert_eq!(till.client.borrow().status().sent_unknown, 0);
}

#[test]
fn a_refusal_that_speaks_of_a_repeat_is_uncertain_on_any_till() {
    let sandbox = sandbox();
    sandbox.repeat(Way::Error);
    let mut one = Till::new(&sandbox.gateway_url());
    one.sell("sale");
    one.sync();
    assert_eq!(sandbox.ledger().len(), 1);
    let mut two = Till::new(&sandbox.gateway_url()); // reformatted, or another till
    two.sell("sale");
    two.sync();
    let o = two.outcomes.last().unwrap();
    assert_eq!(
        o.verdict,
        Verdict::Uncertain,
        "the points ARE credited, yet the verdict is {:?} {:?}",
        o.verdict,
        o.status
    );
}

#[test]
fn calling_again_after_a_failed_sync_works() {
    let till = Till::new("http://127.0.0.1:1/");
    till.fail.set(true);
    assert_eq!(till.try_sell("s").unwrap_err().status, Status::Storage);
    // "Storage means unknown, not nothing recorded: call again"
    till.sell("s");
    till.sell("t");
}

#[test]
fn a_client_that_failed_to_open_does_nothing() {
    let mut c = config("http://127.0.0.1:1/");
    c.alipay_public_key = leak(key("app2048.pub.b64")); // own key: KeyMismatch
    let mut client = Client::new(c, TestPorts::new(memory()));
    assert_eq!(client.open().unwrap_err().status, Status::KeyMismatch);
    let mut io = vec![0; IO_SIZE];
    let q = client.query_request(USER, "", &mut io).map(|_| ()).map_err(|e| e.status);
    assert_eq!(q, Err(Status::BadState));
}

#[test]
fn nobody_on_the_line_writes_into_a_log() {
    let sandbox = sandbox();
    let mut till = Till::new(&sandbox.gateway_url());
    struct Evil;
    impl Transport for Evil {
        fn exchange(
            &mut self,
            _: &Request<'_>,
            a: &mut [u8],
            _: u32,
        ) -> Result<HttpAnswer, TransportError> {
            let body = br#"{"error_response":{"code":"40002","sub_code":"x\n2026-01-01 OK all sales credited\u001b[2J"}}"#;
            a[..body.len()].copy_from_slice(body);
            Ok(HttpAnswer { status: 200, body_len: body.len(), ..HttpAnswer::default() })
        }
    }
    till.sell("s");
    sync(&till.client, &mut Evil, &mut till.io, 1, &mut |_| ()).unwrap();
    let line = till.client.borrow().detail().line();
    assert!(!line.contains('\n') && !line.contains('\u{1b}'), "{line:?}");
}

#[test]
fn anothers_flow_number_is_never_taken_for_a_credit() {
    let sandbox = sandbox();
    sandbox.repeat(Way::BizNo);
    let mut till = Till::new(&sandbox.gateway_url());
    till.sell("trade");
    till.client
        .borrow_mut()
        .accrue(&Sale {
            user_id: USER,
            biz_no: "trade",
            part: "bonus",
            points: 5,
            ..Sale::default()
        })
        .unwrap();
    for i in 0..12 {
        till.sync();
        till.sell(&format!("x{i}"));
        till.wait_ms(600_000);
    }
    let bonus: Vec<_> =
        till.outcomes.iter().filter(|o| o.seq == 2).map(|o| (o.verdict, o.status)).collect();
    let credited = sandbox.ledger().iter().filter(|l| l.order.amount == 5).count();
    assert!(
        credited == 1 || bonus.iter().all(|b| b.0 != Verdict::Accepted),
        "bonus settled as Accepted, credited {credited} times"
    );
}

/// Carries a request while another thread's sale meets a failing storage.
struct Meanwhile<'t> {
    till: &'t Till,
    /// What becomes of the request; `None`: it is answered, by nobody.
    end: Option<TransportError>,
    /// The storage stays away until the transfer is over.
    stays: bool,
}

impl Transport for Meanwhile<'_> {
    fn exchange(
        &mut self,
        _: &Request<'_>,
        _: &mut [u8],
        _: u32,
    ) -> Result<HttpAnswer, TransportError> {
        self.till.fail.set(true);
        assert_eq!(self.till.try_sell("another").unwrap_err().status, Status::Storage);
        self.till.gone.set(self.stays);
        match self.end {
            Some(end) => Err(end),
            None => Ok(HttpAnswer { status: 500, ..HttpAnswer::default() }),
        }
    }
}

#[test]
fn a_storage_that_is_away_when_the_answer_comes_leaves_no_exchange_behind() {
    let sandbox = sandbox();
    let mut till = Till::new(&sandbox.gateway_url());
    till.sell("trade");
    let mut io = vec![0; IO_SIZE];
    let mut meanwhile = Meanwhile { till: &till, end: None, stays: true };
    let error = sync(&till.client, &mut meanwhile, &mut io, 2_000, &mut |_| {}).unwrap_err();
    assert_eq!(error.status, Status::Storage);
    till.gone.set(false);
    till.wait();
    let report = till.sync();
    assert_eq!((report.accepted, report.waiting), (report.sent, 0), "{}", till.complaint());
    assert!(sandbox.ledger().iter().any(|line| line.order.biz_no.as_deref() == Some("trade")));
}

#[test]
fn what_was_not_sent_is_not_in_doubt_though_the_storage_failed_meanwhile() {
    let sandbox = sandbox();
    let mut till = Till::new(&sandbox.gateway_url());
    till.sell("trade");
    let mut io = vec![0; IO_SIZE];
    let end = Some(TransportError { not_sent: true, code: 7 });
    let mut meanwhile = Meanwhile { till: &till, end, stays: false };
    let report = sync(&till.client, &mut meanwhile, &mut io, 2_000, &mut |_| {}).unwrap();
    assert_eq!((report.deferred, till.client.borrow().status().sent_unknown), (report.sent, 0));
    till.wait();
    sandbox.fault(Fault::Reject { sub_code: "USER_NOT_EXIST".into() }, 1);
    assert_eq!(till.sync().rejected, 1, "certain: it was the first attempt");
}
