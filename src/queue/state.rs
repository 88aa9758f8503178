//! What is settled, sent, parked: a watermark, 64 bits behind it, and a few counts.
//!
//! In: a number that was sent or settled. Out: one record of the state lane; and back at mount.
//!
//! ```text
//! STATE | done 8 | settled points 3 | [slot | attempts] |            number = watermark
//! SNAP  | watermark 8 | done 8 | parked 8 | settled points 8 | dead watermark 8 | dead done 8 |
//!       | next 8 | moved 4 | moved parked 4 | moved sent 4 | voids 1 | void 8 ... |
//!       | (slot | attempts) ... |
//! ```

use super::record::{self, Bytes, kind, u8_at, u32_at, u64_at};

/// Entries that may be sent and settled out of order, counted from the oldest unsettled one.
pub(crate) const WINDOW: u64 = 64;
const SNAP_FIXED: usize = 69;
/// Entries behind the window that may be void at a time.
pub(crate) const VOIDS: usize = 8;
/// The longest state record.
pub(crate) const SNAP_MAX: usize = SNAP_FIXED + 8 * VOIDS + 2 * WINDOW as usize;

/// A run of numbers settled up to a watermark, and 64 bits of what is settled behind it.
#[derive(Clone, Copy)]
pub(crate) struct Acks {
    /// Everything below is settled.
    pub(crate) mark: u64,
    /// Bit i: `mark + i` is settled.
    pub(crate) done: u64,
}

impl Acks {
    /// The bit of `number`, if it lies in the window.
    pub(crate) fn bit(&self, number: u64) -> Option<u64> {
        let slot = number.checked_sub(self.mark)?;
        (slot < WINDOW).then(|| 1 << slot)
    }

    pub(crate) fn settled(&self, number: u64) -> bool {
        number < self.mark || self.bit(number).is_some_and(|bit| self.done & bit != 0)
    }

    /// Moves the watermark over what is settled; says by how much.
    pub(crate) fn slide(&mut self) -> u32 {
        let by = self.done.trailing_ones();
        self.done = self.done.checked_shr(by).unwrap_or(0);
        self.mark = self.mark.saturating_add(by.into());
        by
    }
}

#[derive(Clone, Copy)]
pub(crate) struct State {
    pub(crate) live: Acks,
    pub(crate) dead: Acks,
    /// Settled in RAM, not yet on the medium; same bits as `live.done`.
    pub(crate) staged: u64,
    /// Of those, the ones whose points are not counted yet.
    pub(crate) unpriced: u64,
    /// Refused, and kept where they are.
    pub(crate) parked: u64,
    /// Points of everything settled or buried, ever.
    pub(crate) settled_points: u64,
    /// The same as last written; STATE carries its low 24 bits only.
    written_points: u64,
    /// Unsettled copies in the live ring; of those parked; of those sent before they were copied.
    pub(crate) moved: u32,
    pub(crate) moved_parked: u32,
    pub(crate) moved_sent: u32,
    /// Something only SNAP tells has changed.
    pub(crate) irregular: bool,
    /// Behind the window, and nothing is owed for them any more; 0 is none.
    voids: [u64; VOIDS],
    /// By number modulo 64.
    attempts: [u8; WINDOW as usize],
}

impl State {
    pub(crate) const fn new() -> Self {
        State {
            live: Acks { mark: 1, done: 0 },
            dead: Acks { mark: 1, done: 0 },
            staged: 0,
            unpriced: 0,
            parked: 0,
            settled_points: 0,
            written_points: 0,
            moved: 0,
            moved_parked: 0,
            moved_sent: 0,
            irregular: false,
            voids: [0; VOIDS],
            attempts: [0; WINDOW as usize],
        }
    }

    /// Whether `number` is settled, staged ones included.
    pub(crate) fn settled(&self, number: u64) -> bool {
        self.live.settled(number) || self.has(self.staged, number) || self.is_void(number)
    }

    fn is_void(&self, number: u64) -> bool {
        number != 0 && self.voids.contains(&number)
    }

    /// How many entries behind the window are void.
    pub(crate) fn voided(&self) -> u32 {
        self.voids.iter().filter(|number| **number != 0).count() as u32
    }

    /// Notes that nothing is owed for `number`, which lies behind the window; false: no room.
    pub(crate) fn void(&mut self, number: u64) -> bool {
        let Some(free) = self.voids.iter_mut().find(|slot| **slot == 0) else { return false };
        *free = number;
        self.irregular = true;
        true
    }

    /// Void entries the window has reached count as settled in it.
    fn absorb(&mut self) {
        for slot in &mut self.voids {
            if let Some(bit) = self.live.bit(*slot) {
                self.live.done |= bit;
                *slot = 0;
            } else if *slot < self.live.mark {
                *slot = 0;
            }
        }
    }

    pub(crate) fn is_parked(&self, number: u64) -> bool {
        self.has(self.parked, number)
    }

    fn has(&self, bits: u64, number: u64) -> bool {
        self.live.bit(number).is_some_and(|bit| bits & bit != 0)
    }

    pub(crate) fn attempts(&self, number: u64) -> u8 {
        match self.live.bit(number) {
            Some(_) => u8_at(&self.attempts, (number % WINDOW) as usize),
            None => 0,
        }
    }

    pub(crate) fn set_attempts(&mut self, number: u64, attempts: u8) {
        if let Some(slot) = self.attempts.get_mut((number % WINDOW) as usize) {
            *slot = attempts;
        }
    }

    /// Unsettled, unparked entries of the window that were sent.
    pub(crate) fn sent(&self) -> u32 {
        let skip = self.live.done | self.staged | self.parked;
        (0..WINDOW)
            .filter(|slot| skip & (1 << slot) == 0)
            .filter(|slot| self.attempts(self.live.mark.saturating_add(*slot)) > 0)
            .count() as u32
    }

    /// An unreadable copy is settled uncounted: no more copies than unsettled entries.
    pub(crate) fn limit_moved(&mut self, unsettled: u32) {
        if self.moved > unsettled {
            self.moved = unsettled;
            self.moved_parked = self.moved_parked.min(unsettled);
            self.moved_sent = self.moved_sent.min(unsettled - self.moved_parked);
            self.irregular = true;
        }
    }

    /// Takes the staged bits over and slides the window.
    pub(crate) fn merge(&mut self) {
        self.live.done |= self.staged;
        self.staged = 0;
        self.parked &= !self.live.done;
        loop {
            let old = self.live.mark;
            let by = self.live.slide();
            self.parked = self.parked.checked_shr(by).unwrap_or(0);
            self.forget(old, by.into());
            self.absorb();
            if self.live.done & 1 == 0 {
                break;
            }
        }
        self.dead.slide();
    }

    /// Moves the watermark to `mark`, ahead of it, whatever is settled or not in between.
    pub(crate) fn skip_to(&mut self, mark: u64) {
        let old = self.live.mark;
        let by = u32::try_from(mark.saturating_sub(old)).unwrap_or(u32::MAX);
        self.forget(old, by.into());
        let done = self.live.done.checked_shr(by).unwrap_or(0);
        self.parked = self.parked.checked_shr(by).unwrap_or(0) & !done;
        self.live = Acks { mark, done };
        self.absorb();
        self.irregular = true;
    }

    fn forget(&mut self, from: u64, count: u64) {
        for number in 0..count.min(WINDOW) {
            self.set_attempts(from.wrapping_add(number), 0);
        }
    }

    /// The record to write: STATE, or SNAP when asked for or needed. `sent` is in the window.
    pub(crate) fn encode(
        &mut self,
        snap: bool,
        next: u64,
        sent: Option<u64>,
    ) -> (u8, Bytes<SNAP_MAX>) {
        let far = self.settled_points.wrapping_sub(self.written_points) >= 1 << 23;
        self.written_points = self.settled_points;
        if snap || self.irregular || far {
            self.irregular = false;
            return (kind::SNAP, self.snap(next));
        }
        let mut out = Bytes::new();
        out.put(&self.live.done.to_le_bytes());
        let [a, b, c, ..] = self.settled_points.to_le_bytes();
        out.put(&[a, b, c]);
        if let Some(number) = sent {
            let slot = number.wrapping_sub(self.live.mark) as u8;
            out.put(&[slot, self.attempts(number)]);
        }
        (kind::STATE, out)
    }

    fn snap(&self, next: u64) -> Bytes<SNAP_MAX> {
        let mut out = Bytes::new();
        for word in [
            self.live.mark,
            self.live.done,
            self.parked,
            self.settled_points,
            self.dead.mark,
            self.dead.done,
            next,
        ] {
            out.put(&word.to_le_bytes());
        }
        for count in [self.moved, self.moved_parked, self.moved_sent] {
            out.put(&count.to_le_bytes());
        }
        out.put(&[self.voided() as u8]);
        for number in self.voids.iter().filter(|number| **number != 0) {
            out.put(&number.to_le_bytes());
        }
        for slot in 0..WINDOW {
            match self.attempts(self.live.mark.saturating_add(slot)) {
                0 => {}
                attempts => out.put(&[slot as u8, attempts]),
            }
        }
        out
    }

    /// Replays a STATE record.
    pub(crate) fn apply_state(&mut self, number: u32, payload: &[u8]) {
        let mark = record::widen(number, self.live.mark);
        let by = mark.saturating_sub(self.live.mark);
        self.forget(self.live.mark, by);
        self.parked = u32::try_from(by).ok().and_then(|n| self.parked.checked_shr(n)).unwrap_or(0);
        self.live = Acks { mark, done: u64_at(payload, 0) };
        self.absorb();
        self.parked &= !self.live.done;
        // 24 bits, never less than before.
        let more = (u32_at(payload, 7) >> 8).wrapping_sub(self.settled_points as u32) & 0xFF_FFFF;
        self.settled_points = self.settled_points.wrapping_add(more.into());
        self.written_points = self.settled_points;
        if payload.len() >= 13 {
            let slot = u64::from(u8_at(payload, 11)) % WINDOW;
            self.set_attempts(mark.wrapping_add(slot), u8_at(payload, 12));
        }
    }

    /// Replays a SNAP record; says which number the live ring had reached.
    pub(crate) fn apply_snap(&mut self, payload: &[u8]) -> u64 {
        *self = State {
            live: Acks { mark: u64_at(payload, 0), done: u64_at(payload, 8) },
            parked: u64_at(payload, 16),
            settled_points: u64_at(payload, 24),
            written_points: u64_at(payload, 24),
            dead: Acks { mark: u64_at(payload, 32), done: u64_at(payload, 40) },
            moved: u32_at(payload, 56),
            moved_parked: u32_at(payload, 60),
            moved_sent: u32_at(payload, 64),
            ..State::new()
        };
        let rest = payload.get(SNAP_FIXED..).unwrap_or(&[]);
        let voids = 8 * usize::from(u8_at(payload, SNAP_FIXED - 1)).min(VOIDS);
        let (voids, pairs) = rest.split_at_checked(voids).unwrap_or((&[], rest));
        for (slot, number) in self.voids.iter_mut().zip(voids.chunks_exact(8)) {
            *slot = u64_at(number, 0);
        }
        self.absorb();
        for pair in pairs.chunks_exact(2) {
            let slot = u64::from(u8_at(pair, 0)) % WINDOW;
            self.set_attempts(self.live.mark.wrapping_add(slot), u8_at(pair, 1));
        }
        u64_at(payload, 48)
    }
}
