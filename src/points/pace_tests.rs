//! The arithmetic of `pace`, case by case. In: moments and random numbers. Out: what must wait.

use super::*;

#[test]
fn full_jitter_doubles_and_is_capped() {
    assert_eq!(full_jitter(1, u32::MAX), 1_000);
    assert_eq!(full_jitter(2, u32::MAX), 2_000);
    assert_eq!(full_jitter(9, u32::MAX), 256_000);
    assert_eq!(full_jitter(10, u32::MAX), CAP_MS);
    assert_eq!(full_jitter(u32::MAX, u32::MAX), CAP_MS);
    assert_eq!(full_jitter(10, 0), 0);
}

#[test]
fn retry_after_is_never_cut_short_and_never_overflows() {
    assert_eq!(after(30, 0), 30_000);
    assert_eq!(after(30, u32::MAX), 38_500);
    assert_eq!(after(u32::MAX, u32::MAX), 4_501_000);
}

#[test]
fn a_till_that_is_alone_leaves_no_space() {
    let mut pace = Pace::new();
    for seq in 0..100 {
        assert_eq!(pace.backlog_wait(seq), 0);
        pace.line_works(seq, seq, u32::MAX);
    }
    pace.not_sent(7, 100, 0);
    pace.line_works(7, 100, u32::MAX);
    assert_eq!(pace.backlog_wait(100), 0, "one failure is no outage");
}

#[test]
fn a_line_that_came_up_lets_sales_pass_and_the_backlog_wait() {
    let mut pace = Pace::new();
    pace.line_failed(7, 0, 0, u32::MAX);
    assert_eq!(pace.line_up(FIRST_DELAY_MS, 0, u32::MAX), FIRST_DELAY_MS);
    assert_eq!((pace.line_wait(0), pace.backlog_wait(0)), (0, FIRST_DELAY_MS));
    assert_eq!(pace.resting(0), Rest::Spacing);
    // A sale that passes leaves the backlog its turn.
    pace.line_works(8, 1_000, u32::MAX);
    assert_eq!(pace.backlog_wait(1_000), FIRST_DELAY_MS - 1_000);
    // Then the backlog goes slowly, and faster and faster.
    let (mut now, mut waits) = (u64::from(FIRST_DELAY_MS), vec![]);
    while waits.last() != Some(&0) {
        pace.line_works(9, now, HALF);
        waits.push(pace.backlog_wait(now));
        now += u64::from(pace.backlog_wait(now));
    }
    assert!(waits.is_sorted_by(|a, b| a >= b) && waits.len() < 50, "{waits:?}");
    assert!(waits[0] > FIRST_DELAY_MS / 4, "{waits:?}");
}

#[test]
fn refusals_widen_the_space_and_successes_narrow_it() {
    let mut pace = Pace::new();
    let first = pace.throttled(0, 0, HALF);
    assert!((500..=1_000).contains(&first), "{first}");
    assert_eq!(pace.resting(0), Rest::Asked);
    let waits: Vec<u32> = (0..9).map(|_| pace.throttled(0, 0, HALF)).collect();
    assert!(waits.is_sorted(), "{waits:?}");
    pace.line_works(1, 400_000, HALF);
    let wide = pace.backlog_wait(400_000);
    assert!(wide > 10_000, "{wide}");
    assert_eq!(pace.line_wait(400_000), 0, "a sale made now goes ahead");
    let mut now = 400_000;
    for _ in 0..60 {
        now += u64::from(pace.backlog_wait(now));
        pace.line_works(1, now, HALF);
    }
    assert!(pace.backlog_wait(now) < wide / 10);
}

#[test]
fn repeats_are_paid_for_and_successes_earn_them() {
    let mut pace = Pace::new();
    for _ in 0..10 {
        pace.failures = 0;
        assert!(pace.line_failed(7, 0, 0, 0) < CAP_MS / 2);
    }
    pace.failures = 0;
    assert!(pace.line_failed(7, 0, 0, 0) >= CAP_MS / 2, "nothing left to pay with");
    pace.failures = 0;
    assert_eq!(pace.not_sent(7, 0, 0), 0, "what was not sent costs nothing");
    for _ in 0..10 {
        pace.line_works(7, 0, 0);
    }
    assert!(pace.line_failed(7, 0, 0, 0) < CAP_MS / 2);
}

#[test]
fn a_person_lifts_all_but_what_the_gateway_asked_for() {
    let mut pace = Pace::new();
    pace.entry_failed(7, 9, 0, u32::MAX);
    pace.line_paused(8, 0, 0);
    pace.force();
    assert_eq!((pace.backlog_wait(0), pace.entry_wait(7, 0)), (0, 0));
    pace.line_up(FIRST_DELAY_MS, 0, u32::MAX);
    pace.force();
    assert_eq!(pace.backlog_wait(0), 0);
    pace.line_failed(8, 0, 30, 0);
    pace.force();
    assert_eq!((pace.line_wait(0), pace.resting(0)), (30_000, Rest::Asked));
    pace.line_up(1_000, 0, 0);
    assert_eq!(pace.line_wait(0), 30_000, "nor does a new line");
}

#[test]
fn one_doubtful_entry_does_not_hold_the_others() {
    let mut pace = Pace::new();
    let wait = pace.entry_failed(7, 3, 1_000, u32::MAX);
    assert_eq!(wait, 4_000);
    assert_eq!(pace.entry_wait(7, 1_000), 4_000);
    assert_eq!(pace.entry_wait(8, 1_000), 0);
    assert_eq!(pace.line_wait(1_000), 0);
    pace.forget(7);
    assert_eq!(pace.entry_wait(7, 1_000), 0);
}

#[test]
fn many_doubtful_entries_hold_the_line() {
    let mut pace = Pace::new();
    for seq in 0..8 {
        pace.entry_failed(seq, 5, 0, u32::MAX);
    }
    assert_eq!(pace.line_wait(0), 0);
    pace.entry_failed(8, 5, 0, u32::MAX);
    assert_ne!(pace.line_wait(0), 0);
    pace.line_works(1, 0, 0);
    assert_eq!(pace.line_wait(0), 0);
}

#[test]
fn a_pause_waits_at_least_half_the_cap() {
    let mut pace = Pace::new();
    assert!(pace.line_paused(1, 0, 0) >= CAP_MS / 2);
}

#[test]
fn an_entry_that_keeps_failing_lets_the_others_go_first() {
    let mut pace = Pace::new();
    for _ in 0..2 {
        pace.line_failed(7, 0, 0, 0);
    }
    assert_eq!(pace.suspect(), None);
    pace.line_failed(7, 0, 0, 0);
    assert_eq!(pace.suspect(), Some(7));
    pace.line_works(8, 0, 0);
    assert_eq!(pace.suspect(), None);
    assert!(pace.entry_wait(7, 0) >= CAP_MS / 2, "it was the entry, not the line");
}

#[test]
fn a_clock_that_jumps_back_makes_everything_due() {
    let mut pace = Pace::new();
    pace.line_failed(7, 4_000_000_000, 0, u32::MAX);
    assert_ne!(pace.line_wait(4_000_000_000), 0);
    assert_eq!(pace.line_wait(5), 0);
}
