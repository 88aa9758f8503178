//! What a client tells while it works: in flows what became durable, out flows one [`Event`] after
//! the other, to whoever listens.
//!
//! For a till's own books, its display, its log. Nothing depends on anybody listening: an event
//! that a power cut swallowed is not told again, and the counts of the queue say the same.

use crate::queue::Pressure;

/// The entry an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'e> {
    /// Its number in the queue.
    pub seq: u64,
    /// Its idempotency key.
    pub req_id: &'e str,
    /// Its points.
    pub points: u32,
}

/// Something happened, and is durable already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'e> {
    /// A sale or a refund is recorded, or a dead letter waits again. Not told for duplicates.
    Stored(Subject<'e>),
    /// A request is about to leave: told before its first byte does.
    Sent {
        /// What is sent.
        entry: Subject<'e>,
        /// How often that makes it (stops at 255).
        attempts: u8,
    },
    /// A verified answer: credited, or taken back.
    Settled(Subject<'e>),
    /// Nothing is owed and nothing goes out: a sale that was voided before it was ever sent, with
    /// its refund; or a refund whose sale was not credited.
    Voided(Subject<'e>),
    /// Refused: a dead letter.
    Rejected {
        /// What was refused.
        entry: Subject<'e>,
        /// An earlier attempt may have been credited: a person must look.
        uncertain: bool,
        /// The gateway's code, at most 8 bytes.
        code: &'e str,
        /// The gateway's sub_code, at most 64 bytes.
        sub_code: &'e str,
    },
    /// An append reached a warning level that the one before it had not (the level of one entry's
    /// points: every append that reaches it), or passed a refusing level on a manager's word.
    NearFull(Pressure),
    /// Damage was mended; nothing is missing.
    Repaired {
        /// Single wrong bits put right since the last event of this kind.
        bits: u32,
        /// Sectors closed early, because power was cut while they were written, since then.
        sectors: u32,
    },
    /// Entries that are known to have existed cannot be read. When the client is opened, gaps among
    /// the newest entries are told every time, as long as their place is not used again.
    Lost {
        /// The lowest number missing.
        first: u64,
        /// The highest one.
        last: u64,
        /// How many; fewer than lie between the two when so many gaps are found at once that the
        /// later ones are told as one.
        count: u32,
    },
    /// The terminal's clock went another way than its monotonic clock since the last look, by more
    /// than 300 seconds. (So does one that is set; or a machine that slept, if its monotonic clock
    /// stands still meanwhile.)
    ClockJumped {
        /// By how many seconds; negative = back.
        by_s: i64,
    },
}

/// Hears what a client does, on the thread of the call that did it.
///
/// The client is in use while this runs, so it can be asked nothing: be quick, note it and return.
pub trait Events {
    /// Something happened.
    fn hear(&mut self, event: &Event<'_>);
}
