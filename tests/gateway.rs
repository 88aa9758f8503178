//! A till against the sandbox over real sockets: every fault, every way a repeat can be answered.
//!
//! The till's clock is the test's, so that back-off can be waited out at once.

mod common {
    pub mod till;
}

use std::sync::{Arc, Mutex, mpsc};

use common::till::{SHAPE, Till, USER, config, memory, sandbox};
use pointcard::client::{Client, IO_SIZE};
use pointcard::outcome::{Outcome, Verdict};
use pointcard::points::sale::Sale;
use pointcard::points::sync::{Shared, query, sync};
use pointcard::port::http::HttpTransport;
use pointcard::port::ram::RamStorage;
use pointcard::port::system::SystemPorts;
use pointcard::port::{HttpAnswer, Request, Transport, TransportError};
use pointcard::queue::{Cursor, EntryState};
use pointcard::status::Status;
use pointcard_sandbox::{Fault, Way};

#[test]
fn a_sale_becomes_points_once() {
    let sandbox = sandbox();
    let mut till = Till::new(&sandbox.gateway_url());
    till.sell("2016082221001004150200139999");
    let report = till.sync();
    assert_eq!((report.accepted, report.waiting), (1, 0));
    let ledger = sandbox.ledger();
    assert_eq!(ledger.len(), 1);
    assert_eq!(ledger[0].order.req_id, till.last().req_id.as_str());
    assert_eq!(ledger[0].point_log_no, till.last().point_log_no.as_str());
    assert_eq!(ledger[0].order.amount, 10);
    assert_eq!(ledger[0].order.memo.as_deref(), Some("消费集点"));
    assert_eq!(till.states(), [EntryState::Settled]);
    assert_eq!(till.sync().sent, 0);
}

/// The answer to the first attempt is lost; what becomes of the repeat, for each way the gateway
/// could answer it?
fn after_a_lost_answer(way: Way) -> (Outcome, usize, Till) {
    let sandbox = sandbox();
    sandbox.repeat(way);
    sandbox.fault(Fault::TimeoutAfterAccept { ms: 50 }, 1);
    let mut till = Till::new(&sandbox.gateway_url());
    till.sell("2016082221001004150200139999");
    assert_eq!(till.sync().unknown, 1);
    assert_eq!(till.last().verdict, Verdict::Unknown);
    till.wait();
    till.sync();
    let bookings = sandbox.ledger().len();
    (till.last().clone(), bookings, till)
}

#[test]
fn a_repeat_with_the_same_answer_is_accepted_and_booked_once() {
    let (outcome, bookings, _) = after_a_lost_answer(Way::Same);
    assert_eq!((outcome.verdict, outcome.attempts, bookings), (Verdict::Accepted, 2, 1));
}

#[test]
fn a_repeat_found_by_its_trade_number_is_accepted_and_booked_once() {
    let (outcome, bookings, _) = after_a_lost_answer(Way::BizNo);
    assert_eq!((outcome.verdict, outcome.attempts, bookings), (Verdict::Accepted, 2, 1));
}

#[test]
fn a_refused_repeat_is_uncertain_and_flagged_for_a_person() {
    let (outcome, bookings, till) = after_a_lost_answer(Way::Error);
    assert_eq!((outcome.verdict, outcome.attempts, bookings), (Verdict::Uncertain, 2, 1));
    let status = till.client.borrow().status();
    assert_eq!((status.waiting, status.sent_unknown, status.dead), (0, 0, 1));
    let mut cursor = Cursor::default();
    let mut client = till.client.borrow_mut();
    let mut flagged = 0;
    while let Some(entry) = client.walk(&mut cursor).unwrap() {
        flagged += u32::from(entry.reason.is_some_and(|reason| reason.uncertain));
    }
    assert_eq!(flagged, 1);
}

/// The one condition of the promise: a gateway that forgets a req_id books twice, and nothing a
/// client can do after a lost answer would help. It is at least the same req_id, both times.
#[test]
fn a_gateway_that_forgets_books_twice_under_one_req_id() {
    let sandbox = sandbox();
    sandbox.repeat(Way::Forget);
    sandbox.fault(Fault::TimeoutAfterAccept { ms: 50 }, 1);
    let mut till = Till::new(&sandbox.gateway_url());
    till.sell("2016082221001004150200139999");
    till.sync();
    till.wait();
    till.sync();
    let ledger = sandbox.ledger();
    assert_eq!(ledger.len(), 2);
    assert_eq!(ledger[0].order.req_id, ledger[1].order.req_id);
}

/// Whatever stands between a sale and its answer, afterwards the points are there once.
#[test]
fn every_fault_ends_in_one_credit() {
    use Verdict::{Deferred, Unknown};
    let faults = [
        (Fault::Slow { ms: 100 }, Verdict::Accepted),
        (Fault::Drop { booked: false }, Unknown),
        (Fault::Drop { booked: true }, Unknown),
        (Fault::TimeoutAfterAccept { ms: 50 }, Unknown),
        (Fault::Http5xx { status: 500, retry_after: None, booked: true }, Unknown),
        (Fault::Http5xx { status: 503, retry_after: Some(30), booked: false }, Unknown),
        (Fault::Unsigned, Unknown),
        (Fault::WrongSignature, Unknown),
        (Fault::DuplicateNode, Unknown),
        (Fault::Truncate, Unknown),
        (Fault::GbkError { booked: false }, Unknown),
        (Fault::GbkError { booked: true }, Unknown),
        (Fault::UnsignedError { booked: false }, Unknown),
        (Fault::Html { booked: true }, Unknown),
        (Fault::Unknown { booked: true }, Unknown),
        (Fault::Throttle, Deferred),
        (Fault::Token, Deferred),
    ];
    for (fault, verdict) in faults {
        let sandbox = sandbox();
        let name = format!("{fault:?}");
        sandbox.fault(fault, 1);
        let mut till = Till::new(&sandbox.gateway_url());
        till.sell("2016082221001004150200139999");
        till.sync();
        assert_eq!(till.outcomes[0].verdict, verdict, "{name}");
        till.wait();
        till.sync();
        assert_eq!(
            till.last().verdict,
            Verdict::Accepted,
            "{name}: {}",
            till.client.borrow().detail().line()
        );
        assert_eq!(sandbox.ledger().len(), 1, "{name}");
        assert_eq!(till.states(), [EntryState::Settled], "{name}");
    }
}

#[test]
fn a_signed_refusal_is_a_dead_letter_and_not_uncertain() {
    let sandbox = sandbox();
    sandbox.fault(Fault::Reject { sub_code: "USER_NOT_EXIST".into() }, 1);
    let mut till = Till::new(&sandbox.gateway_url());
    till.sell("2016082221001004150200139999");
    let report = till.sync();
    assert_eq!((report.rejected, report.uncertain, report.waiting), (1, 0, 0));
    assert_eq!(till.client.borrow().detail().sub_code.as_str(), "USER_NOT_EXIST");
    assert!(till.client.borrow().detail().authenticated);
    assert_eq!(sandbox.ledger().len(), 0);
}

#[test]
fn attempts_that_never_left_raise_no_doubt() {
    let sandbox = sandbox();
    let mut till = Till::new(&sandbox.gateway_url());
    till.sell("2016082221001004150200139999");
    sandbox.down();
    for _ in 0..3 {
        let report = till.sync();
        assert_eq!((report.deferred, report.waiting), (1, 1));
        assert!(report.retry_in_ms > 0 || till.last().retry_in_ms == 0);
        till.wait();
    }
    sandbox.up();
    sandbox.fault(Fault::Reject { sub_code: "USER_NOT_EXIST".into() }, 1);
    till.sync();
    assert_eq!((till.last().verdict, till.last().attempts), (Verdict::Rejected, 1));
}

#[test]
fn retry_after_is_obeyed() {
    let sandbox = sandbox();
    sandbox.fault(Fault::Http5xx { status: 503, retry_after: Some(120), booked: false }, 1);
    let mut till = Till::new(&sandbox.gateway_url());
    till.sell("2016082221001004150200139999");
    let report = till.sync();
    assert!((110_000..=160_000).contains(&report.retry_in_ms), "{}", report.retry_in_ms);
    assert_eq!(till.sync().sent, 0, "nothing goes out before its time");
    till.wait();
    assert_eq!(till.sync().accepted, 1);
}

#[test]
fn unsigned_refusals_pause_the_line_and_bury_nothing() {
    let sandbox = sandbox();
    sandbox.fault(Fault::UnsignedError { booked: false }, 0);
    let mut till = Till::new(&sandbox.gateway_url());
    till.sell("2016082221001004150200139999");
    for _ in 0..3 {
        till.sync();
        till.wait();
    }
    let detail = till.client.borrow().detail().clone();
    assert!(!detail.authenticated && !detail.code.is_empty(), "{detail:?}");
    assert!(till.last().retry_in_ms >= 150_000, "{}", till.last().retry_in_ms);
    assert_eq!(till.client.borrow().status().dead, 0);
    sandbox.clear();
    assert_eq!(till.sync().accepted, 1);
}

#[test]
fn one_doubtful_entry_does_not_hold_the_others() {
    let sandbox = sandbox();
    sandbox.fault(Fault::Unknown { booked: false }, 1);
    let mut till = Till::new(&sandbox.gateway_url());
    for number in 0..5 {
        till.sell(&format!("201608222100100415020013999{number}"));
    }
    let report = till.sync();
    assert_eq!((report.unknown, report.accepted), (1, 4));
    till.wait();
    assert_eq!(till.sync().accepted, 1);
    assert_eq!(sandbox.ledger().len(), 5);
}

#[test]
fn points_waiting_here_stand_beside_the_balance() {
    let sandbox = sandbox();
    let mut till = Till::new(&sandbox.gateway_url());
    till.sell("2016082221001004150200139999");
    till.sync();
    till.sell("2016082221001004150200140000");
    let Till { client, transport, io, .. } = &mut till;
    let outcome = query(client, transport, io, USER, "", 3_000).unwrap();
    assert_eq!(outcome.verdict, Verdict::Accepted);
    assert_eq!(outcome.balance.unwrap().available, 10);
    let pending = client.borrow_mut().pending(USER).unwrap();
    assert_eq!((pending.entries, pending.points), (1, 10));
}

/// Hands out the first answer for every request, as somebody on the line might.
struct Replay {
    real: HttpTransport,
    first: Option<(HttpAnswer, Vec<u8>)>,
}

impl Transport for Replay {
    fn exchange(
        &mut self,
        request: &Request<'_>,
        answer: &mut [u8],
        timeout_ms: u32,
    ) -> Result<HttpAnswer, TransportError> {
        if let Some((http, body)) = &self.first {
            answer[..body.len()].copy_from_slice(body);
            return Ok(*http);
        }
        let http = self.real.exchange(request, answer, timeout_ms)?;
        self.first = Some((http, answer[..http.body_len].to_vec()));
        Ok(http)
    }
}

#[test]
fn a_replayed_success_settles_nothing() {
    let sandbox = sandbox();
    let mut till = Till::new(&sandbox.gateway_url());
    till.sell("2016082221001004150200139999");
    till.sell("2016082221001004150200140000");
    let mut replay = Replay { real: HttpTransport::new("", "").unwrap(), first: None };
    let Till { client, io, .. } = &mut till;
    let report = sync(client, &mut replay, io, 2_000, &mut |_| {}).unwrap();
    assert_eq!((report.accepted, report.unknown, report.waiting), (1, 1, 1));
    assert_eq!(client.borrow().detail().error.status, Status::Duplicate);
    till.wait();
    assert_eq!(till.sync().accepted, 1);
    assert_eq!(sandbox.ledger().len(), 2);
}

#[test]
fn another_configurations_entries_are_held_not_sent() {
    let (first, second) = (sandbox(), sandbox());
    let till = Till::new(&first.gateway_url());
    till.sell("2016082221001004150200139999");
    // The same store, opened for another environment.
    let mut till = till.reopen(config(&second.gateway_url()));
    let report = till.sync();
    assert_eq!((report.sent, report.waiting), (0, 1));
    till.sell("2016082221001004150200140000");
    assert_eq!(till.sync().accepted, 1);
    assert_eq!((first.ledger().len(), second.ledger().len()), (0, 1));
}

#[test]
fn a_wrong_clock_never_refuses_a_sale_and_is_reported() {
    let sandbox = sandbox();
    let mut till = Till::new(&sandbox.gateway_url());
    for (number, unix) in [(1, 0), (2, 1), (3, 4_300_000_000), (4, u64::MAX)] {
        till.clock.unix.set(Some(unix));
        till.sell(&format!("201608222100100415020013999{number}"));
    }
    till.clock.unix.set(Some(0));
    assert!(till.sync().clock_wrong);
    till.clock.unix.set(None);
    till.wait();
    while till.sync().waiting > 0 {
        till.wait();
    }
    assert_eq!(sandbox.ledger().len(), 4);
}

/// A transport that says when it is inside and waits to be let go.
struct Hanging {
    inside: mpsc::Sender<()>,
    go: mpsc::Receiver<()>,
}

impl Transport for Hanging {
    fn exchange(
        &mut self,
        _: &Request<'_>,
        _: &mut [u8],
        _: u32,
    ) -> Result<HttpAnswer, TransportError> {
        self.inside.send(()).unwrap();
        self.go.recv().unwrap();
        Err(TransportError { not_sent: false, code: 7 })
    }
}

#[test]
fn accrue_and_status_work_while_a_sync_hangs_in_its_transport() {
    let medium = Box::leak(memory().into_boxed_slice());
    let ports = SystemPorts::new(RamStorage::new(medium, SHAPE));
    let mut client = Client::new(config("https://127.0.0.1:1/gateway.do"), ports);
    client.open().unwrap();
    let shared = Arc::new(Mutex::new(client));
    let sell = |number: u32| {
        let biz_no = format!("2016082221001004150200{number:06}");
        let sale = Sale { user_id: USER, biz_no: &biz_no, points: 1, ..Sale::default() };
        shared.with(|client| client.accrue(&sale)).unwrap()
    };
    sell(1);
    let (inside, entered) = mpsc::channel();
    let (go, gone) = mpsc::channel();
    let syncing = std::thread::spawn({
        let shared = Arc::clone(&shared);
        move || {
            let mut transport = Hanging { inside, go: gone };
            let mut io = vec![0; IO_SIZE];
            sync(&*shared, &mut transport, &mut io, 10, &mut |_| {}).unwrap()
        }
    });
    entered.recv().unwrap();
    // The transport hangs until this thread has done all of this.
    for number in 2..=20 {
        sell(number);
    }
    let status = shared.with(|client| Ok(client.status())).unwrap();
    assert_eq!((status.waiting, status.sent_unknown), (19, 1));
    go.send(()).unwrap();
    assert_eq!(syncing.join().unwrap().unknown, 1);
}
