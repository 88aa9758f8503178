//! Draining, forcing and the first delay, against the sandbox over real sockets.
//!
//! In: a gateway that refuses with 40005 and with Retry-After, or is not there. Out: what went,
//! what is left and why. The till's clock is the test's: who sleeps moves it.

mod common {
    pub mod till;
}

use common::till::{Till, config, sandbox};
use pointcard::outcome::Outcome;
use pointcard::points::pace::Rest;
use pointcard::points::sync::{NAP_MS, Report, drain};
use pointcard_sandbox::Fault;

/// Drains; sleeping moves the till's clock and lasts no time.
fn drain_for(till: &mut Till, deadline_ms: u32) -> (Report, u64) {
    let Till { client, transport, io, clock, outcomes, .. } = till;
    let mut slept = 0;
    let mut sleep = |ms: u32| {
        assert!((1..=NAP_MS).contains(&ms), "{ms}");
        clock.ms.set(clock.ms.get() + u64::from(ms));
        slept += u64::from(ms);
        true
    };
    let mut told = |outcome: &Outcome| outcomes.push(outcome.clone());
    let report = drain(client, transport, io, deadline_ms, &mut sleep, &mut told).unwrap();
    (report, slept)
}

fn sell(till: &Till, from: u32, count: u32) {
    for n in from..from + count {
        till.sell(&format!("20160822210010041502{n:08}"));
    }
}

#[test]
fn a_drain_sleeps_through_refusals_until_nothing_is_left() {
    let sandbox = sandbox();
    let mut till = Till::new(&sandbox.gateway_url());
    sell(&till, 0, 40);
    sandbox.fault(Fault::Throttle, 3);
    sandbox.fault(Fault::Http5xx { status: 503, retry_after: Some(30), booked: false }, 1);
    let (report, slept) = drain_for(&mut till, 600_000);
    assert_eq!((report.accepted, report.waiting, report.rest), (40, 0, Rest::None), "{report:?}");
    assert_eq!((report.deferred, report.unknown, report.sent), (3, 1, 44), "{report:?}");
    assert!(slept >= 30_000, "Retry-After was obeyed: {slept}");
    assert_eq!(sandbox.ledger().len(), 40);
    // A refusal with 40005 leaves no doubt behind; a 503 does.
    let twice = till.outcomes.iter().filter(|o| o.attempts > 1).count();
    assert_eq!(twice, 1);
}

#[test]
fn a_drain_says_why_it_ends_before_all_is_gone() {
    let sandbox = sandbox();
    let mut till = Till::new(&sandbox.gateway_url());
    sell(&till, 0, 3);
    sandbox.fault(Fault::Http5xx { status: 503, retry_after: Some(600), booked: false }, 1);
    let (report, slept) = drain_for(&mut till, 60_000);
    assert_eq!((report.waiting, report.rest, slept), (3, Rest::Asked, 0), "{report:?}");
    assert!(report.retry_in_ms >= 600_000, "{report:?}");

    // No time: nothing is sent, nothing rests.
    let mut till = Till::new(&sandbox.gateway_url());
    sell(&till, 10, 3);
    let (report, _) = drain_for(&mut till, 0);
    assert_eq!((report.sent, report.waiting, report.rest), (0, 3, Rest::None), "{report:?}");

    // Nobody is there: tried again and again until the deadline.
    sandbox.down();
    let (report, slept) = drain_for(&mut till, 60_000);
    assert_eq!((report.waiting, report.rest), (3, Rest::Failed), "{report:?}");
    assert!(report.deferred >= 2 && slept <= 60_000, "{report:?} {slept}");
}

#[test]
fn a_drain_ends_when_its_sleeper_says_so() {
    let sandbox = sandbox();
    sandbox.fault(Fault::Throttle, 1);
    let mut till = Till::new(&sandbox.gateway_url());
    sell(&till, 0, 3);
    till.client.borrow_mut().line_up();
    let Till { client, transport, io, .. } = &mut till;
    let report = drain(client, transport, io, 600_000, &mut |_| false, &mut |_| {}).unwrap();
    assert_eq!((report.sent, report.waiting, report.rest), (0, 3, Rest::Spacing), "{report:?}");
}

#[test]
fn force_lifts_back_off_and_not_what_the_gateway_asked_for() {
    let sandbox = sandbox();
    let mut till = Till::new(&sandbox.gateway_url());
    sell(&till, 0, 5);
    sandbox.down();
    let mut waits = 0;
    for _ in 0..12 {
        waits = till.sync().retry_in_ms;
        till.wait();
    }
    // The thirteenth wait stands, whatever it was drawn as.
    let report = till.sync();
    assert_eq!((report.deferred, report.rest), (1, Rest::Failed), "{waits}");
    sandbox.up();
    till.client.borrow_mut().force();
    let report = till.sync();
    assert_eq!((report.accepted, report.waiting), (5, 0), "all at once: {report:?}");

    sell(&till, 5, 2);
    sandbox.fault(Fault::Http5xx { status: 503, retry_after: Some(600), booked: false }, 1);
    till.sync();
    till.client.borrow_mut().force();
    let report = till.sync();
    assert_eq!((report.sent, report.rest), (0, Rest::Asked), "{report:?}");
}

#[test]
fn after_an_outage_the_backlog_waits_and_a_sale_made_now_does_not() {
    let sandbox = sandbox();
    let mut till = Till::new(&sandbox.gateway_url());
    sell(&till, 0, 5);
    let wait = till.client.borrow_mut().line_up();
    assert!(wait > 0 && wait <= 60_000, "{wait}");
    assert_eq!(till.sync().sent, 0);
    let now = till.sell("20160822210010041502999999");
    let report = till.sync();
    assert_eq!((report.accepted, report.waiting), (1, 5), "{report:?}");
    assert_eq!((till.last().seq, report.rest), (now.seq, Rest::Spacing));
    assert!(report.retry_in_ms > 0 && report.retry_in_ms <= wait);
    let (report, slept) = drain_for(&mut till, 600_000);
    assert_eq!((report.accepted, report.waiting), (5, 0), "{report:?}");
    assert!(slept >= u64::from(wait), "{slept}");
}

#[test]
fn a_till_of_a_fleet_starts_with_the_first_delay() {
    let sandbox = sandbox();
    let till = Till::new(&sandbox.gateway_url());
    sell(&till, 0, 3);
    let mut fleet = config(&sandbox.gateway_url());
    fleet.first_delay_ms = 3_600_000;
    let mut till = till.reopen(fleet);
    let report = till.sync();
    assert_eq!((report.sent, report.waiting, report.rest), (0, 3, Rest::Spacing), "{report:?}");
    till.client.borrow_mut().force();
    assert_eq!(till.sync().accepted, 3);
    // Without entries there is nothing to wait with.
    let mut till = till.reopen(fleet);
    sell(&till, 3, 1);
    assert_eq!(till.sync().accepted, 1);
    // Without a window nobody waits.
    sell(&till, 4, 1);
    let mut till = till.reopen(config(&sandbox.gateway_url()));
    assert_eq!(till.sync().accepted, 1);
}
