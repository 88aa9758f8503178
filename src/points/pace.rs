//! When to send next: pure arithmetic, no clock, no random source, no sleep of its own.
//!
//! In: the moment, a random number, and what happened. Out: milliseconds. A till that is alone sends
//! as fast as it can; one of ten thousand that were cut off together finds its share of the gateway
//! by itself (`tests/fleet.rs` drives this type, ten thousand times). Everything here lives in RAM.
//! The *count* of attempts is what the queue keeps, because a stored wall-clock deadline is
//! worthless on a terminal whose clock jumps.
//!
//! ```text
//! now ──────── rest ────────┬──── spacing ────┬─────────▶
//!   nothing may go          │ sales made now  │ the backlog, too
//! ```

/// First back-off ceiling.
pub const BASE_MS: u32 = 1_000;
/// Longest back-off ceiling, and longest space between two requests of the backlog.
pub const CAP_MS: u32 = 300_000;
/// Window of the random delay after [`Pace::line_up`] unless the configuration has another.
pub const FIRST_DELAY_MS: u32 = 60_000;
/// Longest window that can be configured.
pub const FIRST_DELAY_MAX_MS: u32 = 3_600_000;
/// Longest `Retry-After` that is obeyed, in seconds: anybody on the line can write one.
const ASKED_MAX_S: u32 = 3_600;
/// Failures in a row with the same entry after which it, and not the line, is suspected.
const STRIKES: u8 = 3;
/// How many entries can be waiting for a retry of their own at one time.
const DEFERRED: usize = 8;
/// The budget of repeats, in tenths: what it holds at most, what one costs, what a success earns.
/// In the long run repeats are a tenth of the traffic.
const TOKENS: u8 = 100;
const REPEAT: u8 = 10;
const EARNED: u8 = 1;
/// How the space changes, whatever the gateway's capacity and however many tills share it. The
/// figures are what `make fleet` liked best. Before the gateway has refused, each success takes this part of the space.
const STARTING: u32 = 8;
/// Afterwards the n-th success in a row takes n of so many parts.
const NARROWING: u32 = 128;
/// A refusal makes the space 3/2 of what it was.
const WIDENING: u32 = 3;
const WIDENING_OF: u32 = 2;
const RUN_MAX: u32 = 128;
/// The space the backlog begins with: this part of the window of the first delay.
const SLOW_START: u32 = 2;
/// The space after an outage: this part of the longest back-off that was reached.
const AFTER_OUTAGE: u32 = 16;
/// A space shorter than this is none: a transfer takes as long.
const SPACE_MIN_MS: u32 = 250;

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

/// Half to one and a half of `space`, evenly.
fn around(space: u32, random: u32) -> u32 {
    space / 2 + scale(space, random)
}

/// `random` of 2^32, scaled to 0..=`ceiling`.
fn scale(ceiling: u32, random: u32) -> u32 {
    (((u64::from(ceiling) + 1) * u64::from(random)) >> 32) as u32
}

/// Who asked for the rest that everything is taking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Rest {
    /// Nothing rests.
    #[default]
    None = 0,
    /// The backlog's next turn has not come: the delay after the line came up, or the space between
    /// two requests. Sales made now go at once.
    Spacing = 1,
    /// The line or the gateway failed: back-off.
    Failed = 2,
    /// The gateway asked for it: `Retry-After`, or 40005 (calls limited).
    Asked = 3,
    /// Only a person or another configuration helps.
    Paused = 4,
}

/// What may be sent when: one moment for everything, one for the backlog, a few for single entries.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    failures: u32,
    not_before: u64,
    why: Rest,
    /// The backlog's next turn, and the space behind each of its requests.
    turn: u64,
    space: u32,
    /// The gateway has not yet refused for being called too often.
    starting: bool,
    /// Successes in a row since.
    run: u32,
    tokens: u8,
    deferred: [(u64, u64); DEFERRED],
    /// The entry the line failed with last, and how often in a row.
    failing: (u64, u8),
}

/// An entry number no entry has.
const NONE: u64 = u64::MAX;

impl Pace {
    /// Nothing waits.
    pub const fn new() -> Pace {
        Pace {
            failures: 0,
            not_before: 0,
            why: Rest::None,
            turn: 0,
            space: 0,
            starting: true,
            run: 0,
            tokens: TOKENS,
            deferred: [(NONE, 0); DEFERRED],
            failing: (NONE, 0),
        }
    }

    /// The line came up (or the till did): the backlog waits for a random part of `window_ms`, and
    /// begins slowly. What failed before is forgotten, for the line was another one; what the
    /// gateway asked for is not. Returns how long the backlog waits.
    pub fn line_up(&mut self, window_ms: u32, now: u64, random: u32) -> u32 {
        self.lift();
        let window = window_ms.min(FIRST_DELAY_MAX_MS);
        self.space = (window / SLOW_START).min(CAP_MS);
        self.starting = true;
        let wait = scale(window, random);
        self.turn = now.saturating_add(wait.into());
        wait
    }

    /// A person wants it now: whatever this client decided by itself is lifted, single entries'
    /// waits included. What the gateway asked for stays.
    pub fn force(&mut self) {
        self.lift();
        (self.turn, self.space) = (0, 0);
        self.deferred = [(NONE, 0); DEFERRED];
    }

    fn lift(&mut self) {
        self.failing = (NONE, 0);
        if self.why != Rest::Asked {
            (self.failures, self.not_before, self.why) = (0, 0, Rest::None);
        }
    }

    /// The line works, as entry `seq` has shown: the next one may go, the backlog after its space.
    /// If another entry kept failing, it was not the line: that one waits by itself.
    pub fn line_works(&mut self, seq: u64, now: u64, random: u32) {
        (self.failures, self.not_before, self.why) = (0, 0, Rest::None);
        self.tokens = self.tokens.saturating_add(EARNED).min(TOKENS);
        self.narrow();
        // A sale that went ahead of the backlog does not cost it its turn.
        if left(self.turn, now) == 0 {
            self.turn = now.saturating_add(around(self.space, random).into());
        }
        if let Some(suspect) = self.suspect().filter(|suspect| *suspect != seq) {
            self.defer(suspect, now.saturating_add(pause(random).into()), now);
        }
        self.failing = (NONE, 0);
    }

    fn narrow(&mut self) {
        self.run = self.run.saturating_add(1).min(RUN_MAX);
        let part = match self.starting {
            true => self.space / STARTING,
            false => self.space / NARROWING * self.run,
        };
        self.space = match self.space.saturating_sub(part) {
            space if space < SPACE_MIN_MS => 0,
            space => space,
        };
    }

    /// The line or the gateway failed with entry `seq`: everything waits. Returns how long.
    pub fn line_failed(&mut self, seq: u64, now: u64, retry_after_s: u32, random: u32) -> u32 {
        if retry_after_s != 0 {
            return self.throttled(now, retry_after_s, random);
        }
        self.strike(seq);
        let wait = self.repeat(full_jitter(self.failures, random), random);
        self.rest(Rest::Failed, now, wait)
    }

    /// Not a byte of entry `seq` left the till: as [`line_failed`](Self::line_failed), but it was no
    /// load for anybody and costs no repeat.
    pub fn not_sent(&mut self, seq: u64, now: u64, random: u32) -> u32 {
        self.strike(seq);
        self.rest(Rest::Failed, now, full_jitter(self.failures, random))
    }

    /// The gateway has too much to do (40005, or any answer with a `Retry-After`): everything
    /// waits, and from now on the backlog leaves more space. No entry is suspected for it. Returns
    /// how long the backlog waits.
    pub fn throttled(&mut self, now: u64, retry_after_s: u32, random: u32) -> u32 {
        self.fail();
        (self.starting, self.run) = (false, 0);
        self.space = (self.space.max(BASE_MS / 2) / WIDENING_OF * WIDENING).min(CAP_MS);
        self.turn = now.saturating_add(around(self.space, random).into());
        let own = full_jitter(self.failures, random);
        let asked = if retry_after_s == 0 { 0 } else { after(retry_after_s, random) };
        let wait = self.repeat(own.max(asked), random);
        self.rest(Rest::Asked, now, wait);
        self.backlog_wait(now)
    }

    /// Only a person or a new configuration helps (key, clock, permission): the longest wait at once.
    pub fn line_paused(&mut self, seq: u64, now: u64, random: u32) -> u32 {
        self.failures = self.failures.max(9);
        self.strike(seq);
        self.rest(Rest::Paused, now, pause(random))
    }

    fn strike(&mut self, seq: u64) {
        let strikes = if self.failing.0 == seq { self.failing.1 } else { 0 };
        self.failing = (seq, strikes.saturating_add(1));
        self.fail();
    }

    fn fail(&mut self) {
        self.failures = self.failures.saturating_add(1);
        // After a long outage the first success does not let the whole backlog loose.
        self.space = self.space.max(full_jitter(self.failures, u32::MAX) / AFTER_OUTAGE);
    }

    /// Pays for a repeat after `wait`; who has nothing left waits long.
    fn repeat(&mut self, wait: u32, random: u32) -> u32 {
        match self.tokens.checked_sub(REPEAT) {
            Some(left) => {
                self.tokens = left;
                wait
            }
            None => wait.max(pause(random)),
        }
    }

    fn rest(&mut self, why: Rest, now: u64, wait: u32) -> u32 {
        self.why = why;
        self.not_before = now.saturating_add(wait.into());
        wait
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

    /// Milliseconds until a sale made now may be sent; 0 = now.
    pub fn line_wait(&self, now: u64) -> u32 {
        left(self.not_before, now)
    }

    /// Milliseconds until the backlog may go on; 0 = now.
    pub fn backlog_wait(&self, now: u64) -> u32 {
        self.line_wait(now).max(left(self.turn, now))
    }

    /// Who asked for the rest that is being taken now.
    pub fn resting(&self, now: u64) -> Rest {
        match (self.line_wait(now), self.backlog_wait(now)) {
            (0, 0) => Rest::None,
            (0, _) => Rest::Spacing,
            _ => self.why,
        }
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
#[path = "pace_tests.rs"]
mod tests;
