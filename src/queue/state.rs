//! What is settled, sent, parked: for each lane that sends a watermark and 64 bits behind it, and a
//! few counts.
//!
//! In: a number that was sent or settled. Out: one record of the state lane; and back at mount.
//!
//! ```text
//! STATE | done 8 | settled points 3 | [slot | attempts] |      number = watermark, of the live lane
//! BACK_STATE, the same                                                         of the backlog
//! SNAP  | live: watermark 8 | done 8 | parked 8 | settled points 8 | dead watermark 8 | dead done 8 |
//!       | next 8 | backlog: watermark 8 | done 8 | parked 8 | next 8 | moved parked 4 |
//!       | moved sent 4 | voids 1 | void 8 ... | pairs 1 | (slot | attempts) of the live lane ... |
//!       | (slot | attempts) of the backlog ... |
//! ```

use super::Spot;
use super::record::{self, Bytes, NUMBER_MAX, kind, u8_at, u32_at, u64_at};

/// Entries that may be sent and settled out of order, counted from a lane's oldest unsettled one.
pub(crate) const WINDOW: u64 = 64;
const SNAP_FIXED: usize = 97;
/// Entries behind the windows that may be void at a time.
pub(crate) const VOIDS: usize = 8;
/// The longest state record.
pub(crate) const SNAP_MAX: usize = SNAP_FIXED + 8 * VOIDS + 1 + 2 * 2 * WINDOW as usize;
/// Marks a void number of the backlog.
const VOID_BACK: u64 = 1 << 63;

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

/// What is known of the 64 oldest entries of a lane.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    pub(crate) acks: Acks,
    /// Settled in RAM, not yet on the medium; same bits as `acks.done`.
    pub(crate) staged: u64,
    /// Of those, the ones whose points are not counted yet.
    pub(crate) unpriced: u64,
    /// Refused, and kept where they are.
    pub(crate) parked: u64,
    /// By number modulo 64.
    attempts: [u8; WINDOW as usize],
}

impl Window {
    const fn new() -> Window {
        Window {
            acks: Acks { mark: 1, done: 0 },
            staged: 0,
            unpriced: 0,
            parked: 0,
            attempts: [0; WINDOW as usize],
        }
    }

    fn at(mark: u64, done: u64, parked: u64) -> Window {
        Window { acks: Acks { mark, done }, parked, ..Window::new() }
    }

    /// Everything below is settled.
    pub(crate) fn mark(&self) -> u64 {
        self.acks.mark
    }

    fn has(&self, bits: u64, number: u64) -> bool {
        self.acks.bit(number).is_some_and(|bit| bits & bit != 0)
    }

    fn settled(&self, number: u64) -> bool {
        self.acks.settled(number) || self.has(self.staged, number)
    }

    fn attempts(&self, number: u64) -> u8 {
        match self.acks.bit(number) {
            Some(_) => u8_at(&self.attempts, (number % WINDOW) as usize),
            None => 0,
        }
    }

    fn set_attempts(&mut self, number: u64, attempts: u8) {
        if let Some(slot) = self.attempts.get_mut((number % WINDOW) as usize) {
            *slot = attempts;
        }
    }

    /// Unsettled, unparked entries that were sent.
    fn sent(&self) -> u32 {
        let skip = self.acks.done | self.staged | self.parked;
        (0..WINDOW)
            .filter(|slot| skip & (1 << slot) == 0)
            .filter(|slot| self.attempts(self.mark().saturating_add(*slot)) > 0)
            .count() as u32
    }

    /// How many are settled from the watermark on.
    pub(crate) fn settled_count(&self) -> u32 {
        (self.acks.done | self.staged).count_ones()
    }

    /// Slides over what is settled; says whether it did.
    fn slide(&mut self) -> bool {
        let old = self.mark();
        let by = self.acks.slide();
        self.parked = self.parked.checked_shr(by).unwrap_or(0);
        self.forget(old, by.into());
        by > 0
    }

    /// Moves the watermark to `mark`, ahead of it, whatever is settled or not in between.
    fn skip_to(&mut self, mark: u64) {
        let old = self.mark();
        let by = u32::try_from(mark.saturating_sub(old)).unwrap_or(u32::MAX);
        self.forget(old, by.into());
        let done = self.acks.done.checked_shr(by).unwrap_or(0);
        self.parked = self.parked.checked_shr(by).unwrap_or(0) & !done;
        self.acks = Acks { mark, done };
    }

    fn forget(&mut self, from: u64, count: u64) {
        for number in 0..count.min(WINDOW) {
            self.set_attempts(from.wrapping_add(number), 0);
        }
    }

    fn put_pairs(&self, out: &mut Bytes<SNAP_MAX>) {
        for slot in 0..WINDOW {
            match self.attempts(self.mark().saturating_add(slot)) {
                0 => {}
                attempts => out.put(&[slot as u8, attempts]),
            }
        }
    }

    fn pairs(&self) -> usize {
        (0..WINDOW).filter(|slot| self.attempts(self.mark().saturating_add(*slot)) > 0).count()
    }

    fn take_pairs(&mut self, pairs: &[u8]) {
        for pair in pairs.chunks_exact(2) {
            let slot = u64::from(u8_at(pair, 0)) % WINDOW;
            self.set_attempts(self.mark().wrapping_add(slot), u8_at(pair, 1));
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct State {
    pub(crate) live: Window,
    pub(crate) back: Window,
    pub(crate) dead: Acks,
    /// Points of everything settled or buried, ever.
    pub(crate) settled_points: u64,
    /// The same as last written; STATE carries its low 24 bits only.
    written_points: u64,
    /// Unsettled copies that are parked; that were sent before they were copied and not since.
    pub(crate) moved_parked: u32,
    pub(crate) moved_sent: u32,
    /// Something only SNAP tells has changed.
    pub(crate) irregular: bool,
    /// Behind the windows, and nothing is owed for them any more; 0 is none.
    voids: [u64; VOIDS],
}

impl State {
    pub(crate) const fn new() -> Self {
        State {
            live: Window::new(),
            back: Window::new(),
            dead: Acks { mark: 1, done: 0 },
            settled_points: 0,
            written_points: 0,
            moved_parked: 0,
            moved_sent: 0,
            irregular: false,
            voids: [0; VOIDS],
        }
    }

    pub(crate) fn of(&self, back: bool) -> &Window {
        if back { &self.back } else { &self.live }
    }

    pub(crate) fn of_mut(&mut self, back: bool) -> &mut Window {
        if back { &mut self.back } else { &mut self.live }
    }

    /// The bit of an entry in its lane's window, if it lies there.
    pub(crate) fn bit(&self, spot: Spot) -> Option<u64> {
        self.of(spot.back).acks.bit(spot.pos)
    }

    /// Whether an entry is settled, staged ones included.
    pub(crate) fn settled(&self, spot: Spot) -> bool {
        self.of(spot.back).settled(spot.pos) || self.voids.contains(&void_name(spot))
    }

    /// Whether anything is settled in RAM only.
    pub(crate) fn is_staged(&self) -> bool {
        self.live.staged | self.back.staged != 0
    }

    /// How many entries behind a lane's window are void.
    pub(crate) fn voided(&self, back: bool) -> u32 {
        let mine = |name: &&u64| **name != 0 && (**name & VOID_BACK != 0) == back;
        self.voids.iter().filter(mine).count() as u32
    }

    /// Notes that nothing is owed for an entry behind the window; false: no room.
    pub(crate) fn void(&mut self, spot: Spot) -> bool {
        let Some(free) = self.voids.iter_mut().find(|slot| **slot == 0) else { return false };
        *free = void_name(spot);
        self.irregular = true;
        true
    }

    /// Void entries a window has reached count as settled in it.
    fn absorb(&mut self) {
        for slot in &mut self.voids {
            let back = *slot & VOID_BACK != 0;
            let window = if back { &mut self.back } else { &mut self.live };
            let number = *slot & !VOID_BACK;
            if let Some(bit) = window.acks.bit(number) {
                window.acks.done |= bit;
                *slot = 0;
            } else if number < window.acks.mark {
                *slot = 0;
            }
        }
    }

    pub(crate) fn is_parked(&self, spot: Spot) -> bool {
        let window = self.of(spot.back);
        window.has(window.parked, spot.pos)
    }

    pub(crate) fn attempts(&self, spot: Spot) -> u8 {
        self.of(spot.back).attempts(spot.pos)
    }

    pub(crate) fn set_attempts(&mut self, spot: Spot, attempts: u8) {
        self.of_mut(spot.back).set_attempts(spot.pos, attempts);
    }

    /// Unsettled, unparked entries of the windows that were sent.
    pub(crate) fn sent(&self) -> u32 {
        self.live.sent() + self.back.sent()
    }

    /// An unreadable copy is settled uncounted: no more copies than unsettled entries.
    pub(crate) fn limit_moved(&mut self, unsettled: u32) {
        if self.moved_parked.saturating_add(self.moved_sent) > unsettled {
            self.moved_parked = self.moved_parked.min(unsettled);
            self.moved_sent = self.moved_sent.min(unsettled - self.moved_parked);
            self.irregular = true;
        }
    }

    /// Takes the staged bits over and slides the windows.
    pub(crate) fn merge(&mut self) {
        for window in [&mut self.live, &mut self.back] {
            window.acks.done |= window.staged;
            window.staged = 0;
            window.parked &= !window.acks.done;
        }
        loop {
            let slid = self.live.slide() | self.back.slide();
            self.absorb();
            if !slid {
                break;
            }
        }
        self.dead.slide();
    }

    /// Moves a lane's watermark to `mark`, ahead of it.
    pub(crate) fn skip_to(&mut self, back: bool, mark: u64) {
        self.of_mut(back).skip_to(mark);
        self.absorb();
        self.irregular = true;
    }

    /// The record to write: STATE or BACK_STATE when `changed` names one lane alone, SNAP when more
    /// is to be told. `next` are the numbers the next records of both lanes get; `sent` is in its
    /// window. Says the record's kind and number; its bytes take the place of `out`'s.
    pub(crate) fn encode(
        &mut self,
        changed: Option<bool>,
        next: [u64; 2],
        sent: Option<Spot>,
        out: &mut Bytes<SNAP_MAX>,
    ) -> (u8, u64) {
        out.clear();
        let far = self.settled_points.wrapping_sub(self.written_points) >= 1 << 23;
        self.written_points = self.settled_points;
        let Some(back) = changed.filter(|_| !self.irregular && !far) else {
            self.irregular = false;
            self.snap(next, out);
            return (kind::SNAP, self.live.mark());
        };
        let window = self.of(back);
        out.put(&window.acks.done.to_le_bytes());
        let [a, b, c, ..] = self.settled_points.to_le_bytes();
        out.put(&[a, b, c]);
        if let Some(spot) = sent {
            let slot = spot.pos.wrapping_sub(window.mark()) as u8;
            out.put(&[slot, window.attempts(spot.pos)]);
        }
        (if back { kind::BACK_STATE } else { kind::STATE }, window.mark())
    }

    fn snap(&self, next: [u64; 2], out: &mut Bytes<SNAP_MAX>) {
        let [live_next, back_next] = next;
        for word in [
            self.live.acks.mark,
            self.live.acks.done,
            self.live.parked,
            self.settled_points,
            self.dead.mark,
            self.dead.done,
            live_next,
            self.back.acks.mark,
            self.back.acks.done,
            self.back.parked,
            back_next,
        ] {
            out.put(&word.to_le_bytes());
        }
        for count in [self.moved_parked, self.moved_sent] {
            out.put(&count.to_le_bytes());
        }
        let voids = self.voids.iter().filter(|name| **name != 0);
        out.put(&[voids.clone().count() as u8]);
        voids.for_each(|name| out.put(&name.to_le_bytes()));
        out.put(&[self.live.pairs() as u8]);
        self.live.put_pairs(out);
        self.back.put_pairs(out);
    }

    /// Replays a STATE or BACK_STATE record.
    pub(crate) fn apply_state(&mut self, back: bool, number: u32, payload: &[u8]) {
        let window = self.of_mut(back);
        let mark = record::widen(number, window.mark());
        if mark > NUMBER_MAX {
            return; // forged
        }
        let by = mark.saturating_sub(window.mark());
        window.forget(window.mark(), by);
        let shift = u32::try_from(by).ok();
        window.parked = shift.and_then(|by| window.parked.checked_shr(by)).unwrap_or(0);
        window.acks = Acks { mark, done: u64_at(payload, 0) };
        self.absorb();
        let window = self.of_mut(back);
        window.parked &= !window.acks.done;
        if payload.len() >= 13 {
            let slot = u64::from(u8_at(payload, 11)) % WINDOW;
            window.set_attempts(mark.wrapping_add(slot), u8_at(payload, 12));
        }
        // 24 bits, never less than before.
        let more = (u32_at(payload, 7) >> 8).wrapping_sub(self.settled_points as u32) & 0xFF_FFFF;
        self.settled_points = self.settled_points.wrapping_add(more.into());
        self.written_points = self.settled_points;
    }

    /// Replays a SNAP record; says which numbers the live ring and the backlog had reached.
    pub(crate) fn apply_snap(&mut self, payload: &[u8]) -> [u64; 2] {
        let word = |at| u64_at(payload, at);
        let number = |at| u64_at(payload, at).min(NUMBER_MAX);
        *self = State {
            live: Window::at(number(0), word(8), word(16)),
            settled_points: word(24),
            written_points: word(24),
            dead: Acks { mark: number(32), done: word(40) },
            back: Window::at(number(56), word(64), word(72)),
            moved_parked: u32_at(payload, 88),
            moved_sent: u32_at(payload, 92),
            ..State::new()
        };
        let rest = payload.get(SNAP_FIXED..).unwrap_or(&[]);
        let voids = 8 * usize::from(u8_at(payload, SNAP_FIXED - 1)).min(VOIDS);
        let (voids, rest) = rest.split_at_checked(voids).unwrap_or((&[], rest));
        for (slot, name) in self.voids.iter_mut().zip(voids.chunks_exact(8)) {
            *slot = u64_at(name, 0);
        }
        let pairs = 2 * usize::from(u8_at(rest, 0));
        let rest = rest.get(1..).unwrap_or(&[]);
        let (live, back) = rest.split_at_checked(pairs).unwrap_or((rest, &[]));
        self.live.take_pairs(live);
        self.back.take_pairs(back);
        self.absorb();
        [number(48), number(80)]
    }
}

fn void_name(spot: Spot) -> u64 {
    if spot.back { spot.pos | VOID_BACK } else { spot.pos }
}
