//! A gateway, its tills, and the time between them, event by event.
//!
//! In: a [`Fleet`] and its seed. Out: a [`Run`]. The gateway takes [`CAPACITY`] requests a second with
//! a tenth of a second of burst and refuses the rest; a transfer takes 50 to 176 ms, evenly drawn
//! for each way. Nothing sleeps. The tills ask `Pace` what the client asks it, in the same order.

use crate::common::Rng;
use pointcard::points::pace::{self, Pace};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Requests the gateway takes per second.
pub const CAPACITY: u64 = 500;
const BURST: f64 = CAPACITY as f64 / 10.0;

/// What the gateway says to a request too many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Says {
    /// HTTP 503 with Retry-After, in seconds.
    RetryAfter(u32),
    /// A signed 40005, nothing else.
    Limited,
}

/// How a till decides when to send.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Policy {
    /// Full jitter on a refusal, everything at once otherwise: what most clients do.
    Jitter,
    /// The library.
    Library,
    /// The library, with tills that do not know that the line came up: their latest retry was
    /// drawn before, anywhere within the longest back-off.
    Unaware,
}

/// Who comes back to what.
pub struct Fleet {
    pub seed: u64,
    pub tills: usize,
    /// Entries waiting in each till when the line comes back.
    pub backlog: u32,
    pub policy: Policy,
    pub says: Says,
    /// A till sells once in so many seconds, at random; 0 = never.
    pub live_s: u64,
}

impl Fleet {
    pub fn new(seed: u64) -> Fleet {
        Fleet {
            seed,
            tills: 10_000,
            backlog: 50,
            policy: Policy::Library,
            says: Says::Limited,
            live_s: 0,
        }
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Run {
    /// That arrived at the gateway.
    pub requests: u64,
    pub successes: u64,
    /// Most requests that arrived within one second.
    pub peak: u64,
    /// When 99 % of the backlog was settled.
    pub done_ms: u64,
    /// When all of it would have been, had the gateway never been idle.
    pub ideal_ms: u64,
    /// Sales made meanwhile: 99 % were settled within so long.
    pub live_p99_s: f64,
}

impl Run {
    pub fn per_success(&self) -> f64 {
        self.requests as f64 / self.successes as f64
    }
    pub fn peak_ratio(&self) -> f64 {
        self.peak as f64 / CAPACITY as f64
    }
    pub fn time_ratio(&self) -> f64 {
        self.done_ms as f64 / self.ideal_ms as f64
    }
}

struct Till {
    pace: Pace,
    failures: u32,
    not_before: u64,
    backlog: u32,
    live: Vec<u64>,
    flying: bool,
    flying_live: bool,
    /// The look that counts; others are stale.
    due: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Look,
    Arrive,
    Answer(bool),
    Sale,
}

struct World<'f> {
    fleet: &'f Fleet,
    rng: Rng,
    tills: Vec<Till>,
    events: BinaryHeap<Reverse<(u64, usize, Event)>>,
    tokens: f64,
    filled: u64,
    per_second: Vec<u64>,
    run: Run,
    waits: Vec<u64>,
    backlog_left: u64,
}

pub fn run(fleet: &Fleet) -> Run {
    let mut world = World::new(fleet);
    while world.backlog_left > 0 {
        let Some(Reverse((now, who, event))) = world.events.pop() else { panic!("a till sleeps") };
        match event {
            Event::Look => world.look(now, who),
            Event::Arrive => world.arrive(now, who),
            Event::Answer(taken) => world.answer(now, who, taken),
            Event::Sale => world.sale(now, who),
        }
    }
    let mut run = world.run;
    run.peak = world.per_second.iter().copied().max().unwrap_or(0);
    world.waits.sort_unstable();
    let p99 = world.waits.len() * 99 / 100;
    run.live_p99_s = world.waits.get(p99).map_or(0.0, |ms| *ms as f64 / 1_000.0);
    run
}

impl World<'_> {
    fn new(fleet: &Fleet) -> World<'_> {
        let total = fleet.tills as u64 * u64::from(fleet.backlog);
        let mut world = World {
            fleet,
            rng: Rng(fleet.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
            tills: Vec::new(),
            events: BinaryHeap::new(),
            tokens: BURST,
            filled: 0,
            per_second: Vec::new(),
            run: Run { ideal_ms: total * 1_000 / CAPACITY, ..Run::default() },
            waits: Vec::new(),
            backlog_left: total,
        };
        for who in 0..fleet.tills {
            let till = world.till();
            world.tills.push(till);
            world.look_at(0, who);
            world.next_sale(0, who);
        }
        world
    }

    fn random(&mut self) -> u32 {
        (self.rng.next() >> 32) as u32
    }

    fn till(&mut self) -> Till {
        let mut pace = Pace::new();
        match self.fleet.policy {
            Policy::Jitter => {}
            Policy::Library => {
                pace.line_up(pace::FIRST_DELAY_MS, 0, self.random());
            }
            Policy::Unaware => {
                for _ in 0..12 {
                    pace.not_sent(0, 0, self.random());
                }
            }
        }
        Till {
            pace,
            failures: 0,
            not_before: 0,
            backlog: self.fleet.backlog,
            live: vec![],
            flying: false,
            flying_live: false,
            due: 0,
        }
    }

    fn look_at(&mut self, at: u64, who: usize) {
        self.tills[who].due = at;
        self.events.push(Reverse((at, who, Event::Look)));
    }

    fn next_sale(&mut self, now: u64, who: usize) {
        if self.fleet.live_s > 0 {
            let unit = (f64::from(self.random()) + 1.0) / 4_294_967_296.0;
            let wait = -unit.ln() * self.fleet.live_s as f64 * 1_000.0;
            self.events.push(Reverse((now + wait as u64, who, Event::Sale)));
        }
    }

    fn sale(&mut self, now: u64, who: usize) {
        self.tills[who].live.push(now);
        if !self.tills[who].flying {
            self.look_at(now, who);
        }
        self.next_sale(now, who);
    }

    /// What sync does: send if something may go, else come back when it may.
    fn look(&mut self, now: u64, who: usize) {
        let policy = self.fleet.policy;
        let till = &mut self.tills[who];
        if till.flying || till.due != now {
            return;
        }
        let (line, backlog) = match policy {
            Policy::Jitter => {
                let wait = till.not_before.saturating_sub(now) as u32;
                (wait, wait)
            }
            _ => (till.pace.line_wait(now), till.pace.backlog_wait(now)),
        };
        let wait = if till.live.is_empty() { backlog } else { line };
        if wait > 0 {
            return self.look_at(now + u64::from(wait), who);
        }
        if till.live.is_empty() && till.backlog == 0 {
            return;
        }
        (till.flying, till.flying_live) = (true, !till.live.is_empty());
        let trip = 25 + u64::from(self.random() >> 26);
        self.events.push(Reverse((now + trip, who, Event::Arrive)));
    }

    /// At the gateway.
    fn arrive(&mut self, now: u64, who: usize) {
        let earned = (now - self.filled) as f64 * CAPACITY as f64 / 1_000.0;
        (self.tokens, self.filled) = ((self.tokens + earned).min(BURST), now);
        let taken = self.tokens >= 1.0;
        if taken {
            self.tokens -= 1.0;
        }
        self.run.requests += 1;
        let second = (now / 1_000) as usize;
        self.per_second.resize(self.per_second.len().max(second + 1), 0);
        self.per_second[second] += 1;
        let trip = 25 + u64::from(self.random() >> 26);
        self.events.push(Reverse((now + trip, who, Event::Answer(taken))));
    }

    fn answer(&mut self, now: u64, who: usize, taken: bool) {
        let random = self.random();
        self.tills[who].flying = false;
        if taken {
            self.settle(now, who);
        }
        let (policy, says) = (self.fleet.policy, self.fleet.says);
        let till = &mut self.tills[who];
        let seq = u64::from(till.backlog);
        match (policy, taken, says) {
            (Policy::Jitter, true, _) => till.failures = 0,
            (Policy::Jitter, false, says) => {
                till.failures += 1;
                let wait = match says {
                    Says::RetryAfter(s) => pace::after(s, random),
                    Says::Limited => pace::full_jitter(till.failures, random),
                };
                till.not_before = now + u64::from(wait);
            }
            (_, true, _) => till.pace.line_works(seq, now, random),
            (_, false, Says::RetryAfter(s)) => {
                till.pace.line_failed(seq, now, s, random);
            }
            (_, false, Says::Limited) => {
                till.pace.throttled(now, 0, random);
            }
        }
        self.look_at(now, who);
    }

    fn settle(&mut self, now: u64, who: usize) {
        self.run.successes += 1;
        let till = &mut self.tills[who];
        if till.flying_live {
            let made = till.live.remove(0);
            self.waits.push(now - made);
            return;
        }
        till.backlog -= 1;
        self.backlog_left -= 1;
        let total = self.fleet.tills as u64 * u64::from(self.fleet.backlog);
        if self.backlog_left <= total / 100 && self.run.done_ms == 0 {
            self.run.done_ms = now;
        }
    }
}
