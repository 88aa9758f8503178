//! Points taken back: before the sale was sent, after, while nobody knows, twice, and with power
//! cut between any two writes. Against the sandbox, whose ledger says what was booked.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common {
    pub mod till;
}

use common::till::{ACCOUNT, SHAPE, TestClock, Till, USER, config, memory, sandbox};
use pointcard::client::{Client, Ticket};
use pointcard::outcome::Verdict;
use pointcard::points::refund::Refund;
use pointcard::points::sale::Sale;
use pointcard::port::ram::{Cut, FaultyStorage, RamStorage};
use pointcard::port::system::SystemEntropy;
use pointcard::port::*;
use pointcard::queue::{EntryState, RECENT};
use pointcard::status::{Result, Status};
use pointcard_sandbox::{Fault, Sandbox};

const SALE: &str = "2016082221001004150200139999";

fn back(refund_no: &str, points: u32) -> Refund<'_> {
    Refund { biz_no: SALE, refund_no, points, ..Refund::default() }
}

fn refund(till: &Till, refund: &Refund<'_>) -> Result<Ticket> {
    till.client.borrow_mut().refund(refund)
}

fn refused(till: &Till, asked: &Refund<'_>) -> (Status, &'static str, u32) {
    let error = refund(till, asked).unwrap_err();
    (error.status, error.what, error.at)
}

/// What the ledger holds: kinds and amounts, in order.
fn booked(sandbox: &Sandbox) -> Vec<(String, u64)> {
    let ledger = sandbox.ledger();
    ledger.into_iter().map(|line| (line.order.trans_type, line.order.amount)).collect()
}

fn deposit_and(consumed: &[u64]) -> Vec<(String, u64)> {
    let consumes = consumed.iter().map(|points| ("CONSUME".to_owned(), *points));
    std::iter::once(("DEPOSIT".to_owned(), 10)).chain(consumes).collect()
}

fn is_drained(till: &Till) -> bool {
    let status = till.client.borrow().status();
    (status.waiting, status.sent_unknown, status.parked, status.dead) == (0, 0, 0, 0)
}

#[test]
fn a_sale_that_was_never_sent_is_voided() {
    let sandbox = sandbox();
    let mut till = Till::new(&sandbox.gateway_url());
    till.sell(SALE);
    let ticket = refund(&till, &back("r1", 10)).unwrap();
    assert!(ticket.voided && !ticket.duplicate);
    assert!(is_drained(&till));
    assert_eq!(till.states(), [EntryState::Settled], "of the sale nothing is left");
    // Again is the same refund; another one finds nothing left.
    let again = refund(&till, &back("r1", 10)).unwrap();
    assert_eq!((again.duplicate, again.seq, &again.req_id), (true, ticket.seq, &ticket.req_id));
    assert_eq!(refused(&till, &back("r2", 1)), (Status::NotFound, "refund.biz_no", 0));
    // A till that sells again because it is unsure: recorded before, and refunded.
    assert!(till.try_sell(SALE).unwrap().duplicate);
    let report = till.sync();
    assert_eq!((report.sent, report.waiting), (0, 0));
    assert_eq!(booked(&sandbox), []);
    // The same after a restart.
    let url = sandbox.gateway_url();
    let mut till = till.reopen(config(&url));
    assert_eq!((till.sync().sent, is_drained(&till)), (0, true));
    assert!(refund(&till, &back("r1", 10)).unwrap().duplicate);
    assert_eq!(till.sync().sent, 0);
}

#[test]
fn a_sale_that_was_credited_is_taken_back_once() {
    let sandbox = sandbox();
    let mut till = Till::new(&sandbox.gateway_url());
    till.sell(SALE);
    assert_eq!(till.sync().accepted, 1);
    let ticket = refund(&till, &back("r1", 10)).unwrap();
    assert!(!ticket.voided);
    assert_eq!(till.sync().accepted, 1, "{}", till.complaint());
    assert!(refund(&till, &back("r1", 10)).unwrap().duplicate);
    assert_eq!(till.sync().sent, 0);
    assert_eq!(booked(&sandbox), deposit_and(&[10]));
    let order = &sandbox.ledger()[1].order;
    assert_eq!(order.req_id, ticket.req_id.as_str());
    assert_eq!((order.user_id.as_str(), order.activity_account.as_str()), (USER, ACCOUNT));
    assert_eq!((order.biz_no.as_deref(), order.shop_id.as_deref()), (None, None));
    assert_eq!(order.memo.as_deref(), Some("退款 2016082221001004150200139999"));
    let names = r#"{"refund_of":"2016082221001004150200139999","refund_no":"r1"}"#;
    assert_eq!(order.ext_info.as_deref(), Some(names));
}

#[test]
fn a_lost_answer_to_a_refund_takes_the_points_once() {
    let sandbox = sandbox();
    let mut till = Till::new(&sandbox.gateway_url());
    till.sell(SALE);
    till.sync();
    refund(&till, &back("r1", 4)).unwrap();
    sandbox.fault(Fault::TimeoutAfterAccept { ms: 50 }, 1);
    assert_eq!(till.sync().unknown, 1);
    till.wait();
    assert_eq!(till.sync().accepted, 1);
    assert_eq!(booked(&sandbox), deposit_and(&[4]));
    assert_eq!(sandbox.balance(USER, ACCOUNT).available, 6);
}

/// The entry alone is in doubt, so the line is free: the refund could overtake, and must not.
#[test]
fn while_the_sale_is_unknown_its_refund_waits_behind_it() {
    let sandbox = sandbox();
    let mut till = Till::new(&sandbox.gateway_url());
    till.sell(SALE);
    sandbox.fault(Fault::Unknown { booked: false }, 1);
    assert_eq!(till.sync().unknown, 1);
    let ticket = refund(&till, &back("r1", 10)).unwrap();
    assert!(!ticket.voided, "it was sent, so nobody may take it for not credited");
    till.sell("2016082221001004150200140000");
    till.sync();
    assert!(booked(&sandbox).iter().all(|line| line.0 == "DEPOSIT"), "{:?}", booked(&sandbox));
    till.wait();
    till.sync();
    assert!(is_drained(&till), "{}", till.complaint());
    let kinds: Vec<_> = booked(&sandbox).into_iter().map(|line| line.0).collect();
    assert_eq!(kinds, ["DEPOSIT", "DEPOSIT", "CONSUME"]);
    assert_eq!(sandbox.balance(USER, ACCOUNT).available, 10);
}

#[test]
fn partial_refunds_end_where_the_sale_ends() {
    let sandbox = sandbox();
    let mut till = Till::new(&sandbox.gateway_url());
    till.sell(SALE);
    assert!(!refund(&till, &back("r1", 4)).unwrap().voided, "part of a sale is not void");
    assert_eq!(refused(&till, &back("r2", 7)), (Status::Range, "refund.points", 6));
    assert_eq!(refused(&till, &back("r1", 5)), (Status::Conflict, "refund.points", 0));
    assert_eq!(refused(&till, &back("r2", 0)), (Status::Range, "refund.points", 6));
    till.sync();
    assert_eq!(refused(&till, &back("r2", 7)), (Status::Range, "refund.points", 6));
    refund(&till, &back("r2", 6)).unwrap();
    till.sync();
    assert_eq!(refused(&till, &back("r3", 1)), (Status::Range, "refund.points", 0));
    assert!(refund(&till, &back("r1", 4)).unwrap().duplicate);
    till.sync();
    assert_eq!(booked(&sandbox), deposit_and(&[4, 6]));
}

#[test]
fn a_refused_sale_has_nothing_to_take_back() {
    let sandbox = sandbox();
    let mut till = Till::new(&sandbox.gateway_url());
    till.sell(SALE);
    refund(&till, &back("r1", 4)).unwrap();
    sandbox.fault(Fault::Reject { sub_code: "USER_NOT_EXIST".into() }, 1);
    let report = till.sync();
    assert_eq!((report.sent, report.rejected, report.waiting), (1, 1, 0));
    assert_eq!(refused(&till, &back("r2", 1)), (Status::Rejected, "refund.biz_no", 0));
    assert_eq!(booked(&sandbox), []);
}

/// Refused, put right at the console, and sold again when its first record was long behind: the
/// letter of the first is no word about the second.
#[test]
fn a_sale_refused_once_and_credited_later_is_taken_back() {
    let sandbox = sandbox();
    let mut till = Till::new(&sandbox.gateway_url());
    till.sell(SALE);
    sandbox.fault(Fault::Reject { sub_code: "ACTIVITY_CLOSED".into() }, 1);
    assert_eq!(till.sync().rejected, 1);
    for number in 0..RECENT {
        till.sell(&format!("other-{number}"));
    }
    assert!(!till.sell(SALE).duplicate);
    assert_eq!(till.sync().accepted, 1 + RECENT as u32);
    refund(&till, &back("r1", 10)).unwrap();
    till.sync();
    assert!(is_drained(&till) || till.states().contains(&EntryState::Dead), "{}", till.complaint());
    assert_eq!(booked(&sandbox).last(), Some(&("CONSUME".to_owned(), 10)));
}

#[test]
fn an_uncertain_sale_needs_a_person_first() {
    let sandbox = sandbox();
    let mut till = Till::new(&sandbox.gateway_url());
    till.sell(SALE);
    refund(&till, &back("r1", 4)).unwrap();
    sandbox.fault(Fault::Unknown { booked: true }, 1);
    sandbox.fault(Fault::Reject { sub_code: "REPEATED".into() }, 1);
    till.sync();
    till.wait();
    let report = till.sync();
    assert_eq!(till.last().verdict, Verdict::Uncertain);
    assert_eq!((report.held, report.waiting), (1, 1), "the refund is shown, not sent");
    assert_eq!(refused(&till, &back("r2", 1)), (Status::Uncertain, "refund.biz_no", 0));
    assert_eq!(booked(&sandbox), deposit_and(&[]));
}

#[test]
fn a_refused_refund_is_a_dead_letter_and_can_be_asked_for_again_by_another_number() {
    let sandbox = sandbox();
    let mut till = Till::new(&sandbox.gateway_url());
    till.sell(SALE);
    till.sync();
    refund(&till, &back("r1", 10)).unwrap();
    sandbox.fault(Fault::Reject { sub_code: "POINT_NOT_ENOUGH".into() }, 1);
    assert_eq!(till.sync().rejected, 1);
    refund(&till, &back("r2", 10)).unwrap();
    assert_eq!(till.sync().accepted, 1);
    assert_eq!(booked(&sandbox), deposit_and(&[10]));
}

#[test]
fn a_sale_nobody_remembers_needs_the_tills_own_books() {
    let sandbox = sandbox();
    let mut till = Till::new(&sandbox.gateway_url());
    let foreign = Refund { biz_no: "another-sale", ..back("r1", 4) };
    assert_eq!(refused(&till, &foreign), (Status::NotFound, "refund.biz_no", 0));
    let told = Refund { points_left: 3, user_id: USER, ..foreign };
    assert_eq!(refused(&till, &told), (Status::Range, "refund.points", 3));
    let nobody = Refund { points_left: 4, ..foreign };
    assert_eq!(refused(&till, &nobody), (Status::Missing, "refund.user_id", 0));
    till.sell(SALE); // points to take
    refund(&till, &Refund { points_left: 4, ..told }).unwrap();
    till.sync();
    assert_eq!(booked(&sandbox), deposit_and(&[4]));
    let other = Refund { user_id: "2088000000000000", ..back("r2", 1) };
    assert_eq!(refused(&till, &other), (Status::Conflict, "refund.user_id", 0));
}

#[test]
fn a_part_and_an_own_key_find_their_sale() {
    let sandbox = sandbox();
    let mut till = Till::new(&sandbox.gateway_url());
    let sale = Sale { user_id: USER, biz_no: SALE, points: 10, ..Sale::default() };
    till.accrue(&Sale { part: "bonus", points: 3, ..sale }).unwrap();
    till.accrue(&Sale { req_id: "OWN", points: 5, ..sale }).unwrap();
    till.sync();
    assert_eq!(refused(&till, &back("r", 1)).0, Status::NotFound);
    let bonus = Refund { part: "bonus", ..back("r", 9) };
    assert_eq!(refused(&till, &bonus), (Status::Range, "refund.points", 3));
    let own = Refund { req_id: "OWN", ..back("r", 9) };
    assert_eq!(refused(&till, &own), (Status::Range, "refund.points", 5));
}

/// Ports over a medium whose power fails after so many steps.
struct Failing<'a> {
    storage: FaultyStorage<'a>,
    clock: TestClock,
    entropy: SystemEntropy,
}

impl Ports for Failing<'_> {
    fn storage(&mut self) -> &mut dyn Storage {
        &mut self.storage
    }

    fn clock(&mut self) -> &mut dyn Clock {
        &mut self.clock
    }

    fn entropy(&mut self) -> Option<&mut dyn Entropy> {
        Some(&mut self.entropy)
    }
}

/// The refund with power for `left` steps; whether it was told to be recorded.
fn refund_until(medium: &mut [u8], url: &str, left: u64, points: u32) -> Result<Ticket> {
    let ram = RamStorage::new(medium, SHAPE);
    let storage = FaultyStorage::new(ram, left, Cut::Clean);
    let ports = Failing { storage, clock: TestClock::default(), entropy: SystemEntropy };
    let mut client = Client::new(config(url), ports);
    client.open()?;
    client.refund(&back("r1", points))
}

/// Whenever power fails: the till asks again, and in the end the shopper has what he should.
#[test]
fn power_may_fail_between_any_two_writes() {
    // A step is a byte programmed. All of them when POINTCARD_LONG is set; odd, for both orders.
    let stride = if std::env::var_os("POINTCARD_LONG").is_some() { 1 } else { 13 };
    for points in [10, 4] {
        let mut cuts = 0;
        loop {
            let sandbox = sandbox();
            let url = sandbox.gateway_url();
            let mut medium = sold(&url);
            let told = refund_until(&mut medium, &url, cuts, points);
            let mut till = Till::over(medium, config(&url));
            // Half of the tills sync first, half ask again first.
            if cuts % 2 == 0 {
                till.sync();
            }
            refund(&till, &back("r1", points)).unwrap_or_else(|e| panic!("cut {cuts}: {e}"));
            till.sync();
            till.wait();
            till.sync();
            assert!(is_drained(&till), "cut {cuts}: {:?}", till.client.borrow().status());
            let left = sandbox.balance(USER, ACCOUNT).available;
            assert_eq!(left, u128::from(10 - points), "cut {cuts}: {:?}", booked(&sandbox));
            if told.is_ok() {
                break;
            }
            cuts += stride;
            assert!(cuts < 5_000, "never done");
        }
        assert!(cuts > 100, "only {cuts} steps until it was done");
    }
}

/// A medium with one sale that was never sent.
fn sold(url: &str) -> Vec<u8> {
    let mut medium = memory();
    let ram = RamStorage::new(&mut medium, SHAPE);
    let storage = FaultyStorage::new(ram, u64::MAX, Cut::Clean);
    let ports = Failing { storage, clock: TestClock::default(), entropy: SystemEntropy };
    let mut client = Client::new(config(url), ports);
    client.open().unwrap();
    let sale = Sale { user_id: USER, biz_no: SALE, points: 10, ..Sale::default() };
    client.accrue(&sale).unwrap();
    drop(client);
    medium
}
