//! Clocks that are wrong: 1970, 2106, backwards, frozen, unknown. Every sale is credited once, in
//! its turn, and nobody is asked more often than with a right clock.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "common/till.rs"]
mod till;

use pointcard_sandbox::{Fault, Sandbox};
use till::{Till, sandbox};

const YEAR_2106: u64 = u32::MAX as u64 + 1;

/// What the wall clock shows at each sale, over and over.
const CLOCKS: [(&str, &[u64]); 5] = [
    ("right", &[1_800_000_000, 1_800_000_060, 1_800_000_120]),
    ("1970", &[0, 1, 86_400]),
    ("2106", &[YEAR_2106 - 1, YEAR_2106, YEAR_2106 + 1]),
    ("backwards", &[1_800_000_000, 1_500_000_000, 1_000_000_000, 0]),
    ("frozen", &[1_800_000_000]),
];

fn credited(sandbox: &Sandbox) -> Vec<String> {
    sandbox.ledger().into_iter().map(|booking| booking.order.biz_no.unwrap()).collect()
}

fn names(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("sale{i}")).collect()
}

#[test]
fn a_wrong_wall_clock_refuses_no_sale_and_changes_no_order() {
    for (name, times) in CLOCKS {
        let sandbox = sandbox();
        let mut till = Till::new(&sandbox.gateway_url());
        for (sale, time) in names(12).iter().zip(times.iter().cycle()) {
            till.clock.unix.set(Some(*time));
            till.sell(sale);
        }
        for time in times.iter().rev() {
            till.clock.unix.set(Some(*time));
            till.sync();
        }
        assert_eq!(credited(&sandbox), names(12), "{name}");
        assert_eq!(sandbox.requests().len(), 12, "{name}");
    }
}

/// With an outage in between: as many requests as with a right clock, each sale once.
#[test]
fn a_wrong_wall_clock_changes_no_retry() {
    let mut asked = vec![];
    for (name, times) in CLOCKS {
        let sandbox = sandbox();
        let mut till = Till::new(&sandbox.gateway_url());
        sandbox.fault(Fault::Http5xx { status: 503, retry_after: None, booked: true }, 4);
        for sale in names(6) {
            till.sell(&sale);
        }
        let mut time = times.iter().cycle();
        for _ in 0..20 {
            till.clock.unix.set(time.next().copied());
            till.sync();
            till.wait();
        }
        let mut credited = credited(&sandbox);
        credited.sort();
        assert_eq!(credited, names(6), "{name}");
        asked.push((name, sandbox.requests().len()));
    }
    assert!(asked.iter().all(|(_, count)| *count == 10), "{asked:?}");
}

/// A monotonic clock that stands still ends no back-off: one attempt, however often it is asked.
#[test]
fn a_frozen_tick_asks_nobody_twice() {
    let sandbox = sandbox();
    sandbox.fault(Fault::Http5xx { status: 503, retry_after: None, booked: false }, 0);
    let mut till = Till::new(&sandbox.gateway_url());
    for sale in names(5) {
        till.sell(&sale);
    }
    let first = till.sync();
    let asked = sandbox.requests().len();
    for _ in 0..200 {
        let report = till.sync();
        assert!(report.retry_in_ms > 0, "{report:?}");
    }
    assert_eq!(sandbox.requests().len(), asked, "first {first:?}");
    sandbox.clear();
    till.wait();
    while till.sync().waiting > 0 {
        till.wait();
    }
    assert_eq!(credited(&sandbox).len(), 5);
}

/// One that goes back (it must not, but some do after sleep) delays, and loses nothing.
#[test]
fn a_tick_that_goes_back_only_delays() {
    let sandbox = sandbox();
    let mut till = Till::new(&sandbox.gateway_url());
    till.wait();
    sandbox.fault(Fault::Drop { booked: true }, 2);
    for sale in names(5) {
        till.sell(&sale);
        till.clock.ms.set(till.clock.ms.get() / 2);
        till.sync();
    }
    let mut syncs = 0;
    while till.sync().waiting > 0 {
        till.wait_ms(600_000);
        syncs += 1;
        assert!(syncs < 1_000, "it never sends again");
    }
    let mut credited = credited(&sandbox);
    credited.sort();
    assert_eq!(credited, names(5));
}
