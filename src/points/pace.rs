//! When to try again: pure arithmetic, no clock, no random source, no sleep of its own.
//!
//! In: how often something failed, a random number, what the gateway asked for. Out: milliseconds.
//! Deadlines live in RAM only. The *count* of attempts is what the queue keeps, because a stored
//! wall-clock deadline is worthless on a terminal whose clock jumps.

/// First back-off ceiling.
pub const BASE_MS: u32 = 1_000;
/// Longest back-off ceiling.
pub const CAP_MS: u32 = 300_000;
/// Longest `Retry-After` that is obeyed, in seconds: anybody on the line can write one.
const ASKED_MAX_S: u32 = 3_600;
/// Failures in a row with the same entry after which it, and not the line, is suspected.
const STRIKES: u8 = 3;
/// How many entries can be waiting for a retry of their own at one time.
const DEFERRED: usize = 8;

/// Full jitter: anything from 0 to `min(CAP, BASE × 2^(failures-1))`, evenly.
pub fn full_jitter(failures: u32, random: u32) -> u32 {
    let doublings = failures.saturating_sub(1).min(9);
    scale((BASE_MS << doublings).min(CAP_MS), random)
}

/// The gateway's own `Retry-After`, plus up to a quarter (and a second) of jitter so that the
/// terminals it sent away do not come back together. Never earlier than asked.
pub fn after(retry_after_s: u32, random: u32) -> u32 {
    let asked = retry_after_s.min(ASKED_MAX_S) * 1_000;
    asked + scale(asked / 4 + 1_000, random)
}

/// How long to wait where only a person can help: the longest back-off, at least half of it.
pub fn pause(random: u32) -> u32 {
    full_jitter(u32::MAX, random | HALF)
}

/// `random` of 2^32, scaled to 0..=`ceiling`.
fn scale(ceiling: u32, random: u32) -> u32 {
    (((u64::from(ceiling) + 1) * u64::from(random)) >> 32) as u32
}

/// What may be sent when: one moment for the whole queue, and a few for single entries.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    failures: u32,
    not_before: u64,
    deferred: [(u64, u64); DEFERRED],
    /// The entry the line failed with last, and how often in a row.
    failing: (u64, u8),
}

/// An entry number no entry has.
const NONE: u64 = u64::MAX;

impl Pace {
    /// Nothing waits.
    pub const fn new() -> Pace {
        Pace { failures: 0, not_before: 0, deferred: [(NONE, 0); DEFERRED], failing: (NONE, 0) }
    }

    /// The line works, as entry `seq` has shown: the next one may go at once. If another one kept
    /// failing, it was not the line: that one waits by itself.
    pub fn line_works(&mut self, seq: u64, now: u64, random: u32) {
        self.failures = 0;
        self.not_before = 0;
        if let Some(suspect) = self.suspect().filter(|suspect| *suspect != seq) {
            self.defer(suspect, now.saturating_add(pause(random).into()), now);
        }
        self.failing = (NONE, 0);
    }

    /// The line or the gateway failed with entry `seq`: everything waits. Returns how long.
    pub fn line_failed(&mut self, seq: u64, now: u64, retry_after_s: u32, random: u32) -> u32 {
        let strikes = if self.failing.0 == seq { self.failing.1 } else { 0 };
        self.failing = (seq, strikes.saturating_add(1));
        self.failures = self.failures.saturating_add(1);
        let wait = match retry_after_s {
            0 => full_jitter(self.failures, random),
            asked => after(asked, random),
        };
        self.not_before = now.saturating_add(u64::from(wait));
        wait
    }

    /// Only a person or a new configuration helps (key, clock, permission): the longest wait at once.
    pub fn line_paused(&mut self, seq: u64, now: u64, random: u32) -> u32 {
        self.failures = self.failures.max(9);
        self.line_failed(seq, now, 0, random | HALF)
    }

    /// An entry the line has failed with several times in a row: perhaps it is the entry. The
    /// others are tried before it.
    pub fn suspect(&self) -> Option<u64> {
        (self.failing.1 >= STRIKES).then_some(self.failing.0)
    }

    /// This one entry's outcome is unknown; the others may go on. Returns how long it waits.
    pub fn entry_failed(&mut self, seq: u64, attempts: u32, now: u64, random: u32) -> u32 {
        let wait = full_jitter(attempts, random);
        if self.defer(seq, now.saturating_add(u64::from(wait)), now) {
            return wait;
        }
        // So many doubtful entries at once are the gateway's trouble, not theirs.
        self.line_failed(seq, now, 0, random)
    }

    /// False when there is no room for another one.
    fn defer(&mut self, seq: u64, due: u64, now: u64) -> bool {
        self.forget(seq);
        let free = |slot: &&mut (u64, u64)| slot.0 == NONE || left(slot.1, now) == 0;
        match self.deferred.iter_mut().find(free) {
            Some(slot) => *slot = (seq, due),
            None => return false,
        }
        true
    }

    /// The entry is settled or gone.
    pub fn forget(&mut self, seq: u64) {
        for slot in self.deferred.iter_mut().filter(|slot| slot.0 == seq) {
            *slot = (NONE, 0);
        }
    }

    /// Milliseconds until anything at all may be sent; 0 = now.
    pub fn line_wait(&self, now: u64) -> u32 {
        left(self.not_before, now)
    }

    /// Milliseconds until entry `seq` may be sent, the line aside; 0 = now.
    pub fn entry_wait(&self, seq: u64, now: u64) -> u32 {
        self.deferred.iter().find(|slot| slot.0 == seq).map_or(0, |slot| left(slot.1, now))
    }
}

impl Default for Pace {
    fn default() -> Self {
        Pace::new()
    }
}

/// With this bit a random number is at least half of what it could be.
const HALF: u32 = 1 << 31;

/// What is left until `due`. More than the longest wait there is means that the clock jumped back
/// (a counter of 32 bits, a reset): then it is due.
pub(crate) fn left(due: u64, now: u64) -> u32 {
    const LONGEST: u64 = (ASKED_MAX_S as u64 * 5 / 4 + 1) * 1_000;
    match due.saturating_sub(now) {
        left if left > LONGEST => 0,
        left => left as u32,
    }
}

#[cfg(test)]
mod tests {
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
}
