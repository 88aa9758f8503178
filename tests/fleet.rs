//! Ten thousand tills come back after an outage, each driven by the library's own
//! [`Pace`](pointcard::points::pace::Pace).
//!
//! In: a policy, what the gateway says when it is called too often, a seed. Out: requests per
//! success, the busiest second over the capacity, how long it took; asserted against the goals for
//! each of five seeds. `make fleet` prints the whole table, live sales and other fleets included.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "fleet/sim.rs"]
mod sim;

use sim::{Fleet, Policy, Run, Says, run};
use std::sync::Once;

const SEEDS: u64 = 5;

/// Most requests per success, and the busiest second over the capacity.
#[derive(Clone, Copy)]
struct Goal {
    per_success: f64,
    peak: f64,
}

const WITH_RETRY_AFTER: Goal = Goal { per_success: 1.1, peak: 1.5 };
const WITH_40005_ONLY: Goal = Goal { per_success: 1.5, peak: 3.0 };
/// Beyond the goals: 10,000 tills that sell once a minute fill a third of the gateway by that alone.
const WHILE_SELLING: Goal = Goal { per_success: 1.1, peak: 1.6 };

/// Prints a line of the table. The worst of all seeds is what counts.
fn line(name: &str, runs: &[Run]) -> Goal {
    let worst = |of: fn(&Run) -> f64| runs.iter().map(of).fold(0.0, f64::max);
    let worst_run = Goal { per_success: worst(Run::per_success), peak: worst(Run::peak_ratio) };
    let live = match worst(|run| run.live_p99_s) {
        0.0 => "-".into(),
        seconds => format!("{seconds:.1} s"),
    };
    static HEAD: Once = Once::new();
    HEAD.call_once(|| {
        println!("fleet: requests per success, busiest second / capacity, time to 99 % / ideal,");
        println!("fleet: 99 % of the sales made meanwhile; the worst of the seeds");
    });
    println!(
        "fleet: {name:<52} {:.3} {:>6.2} {:>5.2} {live:>8}",
        worst_run.per_success,
        worst_run.peak,
        worst(Run::time_ratio),
    );
    worst_run
}

fn runs(seeds: u64, fleet: impl Fn(u64) -> Fleet) -> Vec<Run> {
    (1..=seeds).map(|seed| run(&fleet(seed))).collect()
}

fn meets(name: &str, goal: Goal, fleet: impl Fn(u64) -> Fleet) {
    let worst = line(&format!("{name}, seeds 1 to {SEEDS}"), &runs(SEEDS, fleet));
    assert!(worst.per_success <= goal.per_success, "{name}: {} a success", worst.per_success);
    assert!(worst.peak <= goal.peak, "{name}: {} × capacity", worst.peak);
}

fn library(says: Says) -> impl Fn(u64) -> Fleet {
    move |seed| Fleet { says, ..Fleet::new(seed) }
}

#[test]
fn a_fleet_comes_back_gently_with_retry_after() {
    meets("Retry-After: 30", WITH_RETRY_AFTER, library(Says::RetryAfter(30)));
}

#[test]
fn a_fleet_comes_back_gently_with_40005_only() {
    meets("40005 only", WITH_40005_ONLY, library(Says::Limited));
}

/// The simulator itself: what most clients do must fail in it, or it proves nothing.
#[test]
fn plain_jitter_misses_the_goals() {
    for (name, says) in [("Retry-After: 30", Says::RetryAfter(30)), ("40005 only", Says::Limited)] {
        let fleet = |seed| Fleet { policy: Policy::Jitter, says, ..Fleet::new(seed) };
        let worst = line(&format!("plain full jitter, {name}, seed 1"), &runs(1, fleet));
        assert!(worst.per_success > 1.4 && worst.peak > 20.0);
    }
}

#[test]
fn other_fleets_come_back_gently_too() {
    if !common::long() {
        return; // `make fleet` and `make long`
    }
    for seconds in [5, 120] {
        let name = format!("Retry-After: {seconds}");
        meets(&name, WITH_RETRY_AFTER, library(Says::RetryAfter(seconds)));
    }
    for (name, says, goal) in [
        ("Retry-After: 30", Says::RetryAfter(30), WITH_RETRY_AFTER),
        ("40005 only", Says::Limited, WITH_40005_ONLY),
    ] {
        let unaware = |seed| Fleet { policy: Policy::Unaware, says, ..Fleet::new(seed) };
        meets(&format!("nobody says that the line is up, {name}"), goal, unaware);
        let selling = |seed| Fleet { live_s: 60, says, ..Fleet::new(seed) };
        meets(&format!("a sale a minute, {name}"), WHILE_SELLING, selling);
        let small = |seed| Fleet { tills: 1_000, says, ..Fleet::new(seed) };
        meets(&format!("1,000 tills, {name}"), goal, small);
    }
}

/// Nobody else is there: nothing is refused, and the slow start costs minutes, not hours.
#[test]
fn a_till_that_is_alone_is_soon_done() {
    let one = |policy| move |seed| Fleet { tills: 1, policy, ..Fleet::new(seed) };
    for run in runs(SEEDS, one(Policy::Library)) {
        assert_eq!(run.requests, 50);
        assert!(run.done_ms < 360_000, "{} ms", run.done_ms);
    }
    for run in runs(SEEDS, one(Policy::Unaware)) {
        assert_eq!(run.requests, 50);
        assert!(run.done_ms < 660_000, "{} ms", run.done_ms);
    }
}
