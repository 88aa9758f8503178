//! The line as this client knows it: what an exchange, the integrator or a person says about it
//! becomes the pace of the next requests.
//!
//! In: events, the clock and a random number. Out: waits in milliseconds. The arithmetic is
//! [`pace`](crate::points::pace)'s; here it meets the queue. Nothing is stored.

use super::Client;
use crate::points::pace::{FIRST_DELAY_MS, Rest};
use crate::port::Ports;

impl<P: Ports> Client<'_, P> {
    /// The line came up again (network attached, modem registered). What waits now goes out after
    /// a random part of [`Config::first_delay_ms`](super::Config::first_delay_ms), slowly at first,
    /// so that ten thousand tills that come back together do not knock the gateway over; sales made
    /// from now on go at once. Lifts what failures of the line before had to wait for, but not what
    /// the gateway asked for. Returns how long the backlog waits, in milliseconds.
    ///
    /// Not needed for a single till: back-off finds the line by itself.
    pub fn line_up(&mut self) -> u32 {
        let window = match self.config.first_delay_ms {
            0 => FIRST_DELAY_MS,
            window => window,
        };
        let (now, random) = self.now_and_random();
        self.all_is_backlog();
        self.distrust = 0;
        self.pace.line_up(window, now, random)
    }

    /// A person wants what waits to go now. Lifts every wait this client chose by itself: the first
    /// delay, the space between requests, back-off of the line and of single entries, pauses after
    /// refused configurations. Does not lift what the gateway asked for (`Retry-After`, 40005), nor
    /// what waits for a token or is held. Sends nothing: [`sync`](crate::points::sync::sync) does.
    pub fn force(&mut self) {
        self.distrust = 0;
        self.pace.force();
        self.profiles.force();
    }

    /// Who asked for the rest that is being taken now, if any is.
    pub fn resting(&mut self) -> Rest {
        let now = self.ports.clock().monotonic_ms();
        self.pace.resting(now)
    }

    /// Just opened. What is found on the medium is a backlog.
    pub(super) fn begin(&mut self) {
        self.all_is_backlog();
        let waits = self.queue.status();
        if self.config.first_delay_ms > 0 && waits.waiting + waits.sent_unknown > 0 {
            self.line_up();
        }
    }

    fn all_is_backlog(&mut self) {
        self.live_from = self.queue.status().next_seq;
    }

    /// Milliseconds until anything may go, be it only a sale made now.
    pub(super) fn rest_ms(&mut self, now: u64) -> u32 {
        match self.pace.line_wait(now) {
            0 => 0,
            // Nobody waits but the backlog: no need to come back before its turn.
            _ if self.queue.status().next_seq <= self.live_from => self.pace.backlog_wait(now),
            wait => wait,
        }
    }

    pub(super) fn line_works(&mut self, seq: u64) -> u32 {
        self.distrust = 0;
        let (now, random) = self.now_and_random();
        self.pace.line_works(seq, now, random);
        0
    }

    /// What was sold while the line was down is backlog when it is back; what was sold while the
    /// gateway was busy is not.
    pub(super) fn line_failed(&mut self, seq: u64, retry_after_s: u32) -> u32 {
        if retry_after_s == 0 {
            self.all_is_backlog();
        }
        let (now, random) = self.now_and_random();
        self.pace.line_failed(seq, now, retry_after_s, random)
    }

    pub(super) fn not_sent(&mut self, seq: u64) -> u32 {
        self.all_is_backlog();
        let (now, random) = self.now_and_random();
        self.pace.not_sent(seq, now, random)
    }

    pub(super) fn line_paused(&mut self, seq: u64) -> u32 {
        self.all_is_backlog();
        let (now, random) = self.now_and_random();
        self.pace.line_paused(seq, now, random)
    }

    /// The random number is for jitter only. Without entropy the clock has to do.
    pub(super) fn now_and_random(&mut self) -> (u64, u32) {
        let now = self.ports.clock().monotonic_ms();
        let mut bytes = [0; 4];
        match self.ports.entropy().map(|entropy| entropy.fill(&mut bytes)) {
            Some(Ok(())) => (now, u32::from_le_bytes(bytes)),
            _ => (now, (now as u32).wrapping_mul(0x9E37_79B9)),
        }
    }
}
