//! What a client tells its listener: in flows what it just did, out flow [`Event`]s, each after
//! what it says is durable.
//!
//! A settlement is often written together with the next request's "sent"; until then it is kept
//! here, one at a time, for only one exchange is under way.

use super::{Client, Ticket};
use crate::port::{Event, Ports, Subject};
use crate::queue::{Marks, Pressure};
use crate::status::Result;
use crate::text::Text;

/// A clock that differs this much from the monotonic one has jumped, in seconds.
const JUMP_S: u64 = 300;

/// What was told, and what is to be told as soon as it is durable.
pub(super) struct Told {
    settled: Option<(u64, Text<32>, u32)>,
    near: Marks,
    repaired: u32,
    sealed: u32,
    /// The latest look at both clocks: milliseconds, and seconds since 1970.
    clocks: Option<(u64, u64)>,
}

impl Told {
    pub(super) const fn new() -> Told {
        const NONE: Marks = Marks {
            count: false,
            bytes: false,
            points_each: false,
            points_total: false,
            age_s: false,
        };
        Told { settled: None, near: NONE, repaired: 0, sealed: 0, clocks: None }
    }

    /// The store was read anew: damage is counted from the beginning again.
    fn reread(&mut self) {
        (self.repaired, self.sealed) = (0, 0);
    }
}

/// Nothing goes out for it, and nothing is owed.
pub(super) fn tell_voided(ports: &mut impl Ports, seq: u64, req_id: &str, points: u32) {
    if let Some(events) = ports.events() {
        events.hear(&Event::Voided(Subject { seq, req_id, points }));
    }
}

impl<P: Ports> Client<'_, P> {
    pub(super) fn tell(&mut self, event: &Event<'_>) {
        if let Some(events) = self.ports.events() {
            events.hear(event);
        }
    }

    /// An append is durable.
    pub(super) fn tell_stored(&mut self, ticket: &Ticket, points: u32, pressure: &Pressure) {
        if ticket.duplicate {
            return;
        }
        self.tell(&Event::Stored(Subject { seq: ticket.seq, req_id: &ticket.req_id, points }));
        self.tell_pressure(pressure);
    }

    /// Levels that were reached before are not told again until an append found them left.
    pub(super) fn tell_pressure(&mut self, pressure: &Pressure) {
        let (near, before) = (pressure.near, self.told.near);
        let fresh = near.count && !before.count
            || near.bytes && !before.bytes
            || near.points_total && !before.points_total
            || near.age_s && !before.age_s
            || near.points_each;
        self.told.near = near;
        if fresh || pressure.over.any() {
            self.tell(&Event::NearFull(*pressure));
        }
    }

    /// The entry is settled, in RAM at least.
    pub(super) fn keep_settled(&mut self, entry: &Subject<'_>) {
        // Cannot be longer: it comes from such a text.
        let req_id = Text::try_from(entry.req_id).unwrap_or_default();
        self.told.settled = Some((entry.seq, req_id, entry.points));
    }

    /// Everything settled so far is durable.
    pub(super) fn tell_settled(&mut self) {
        if let Some((seq, req_id, points)) = self.told.settled.take() {
            self.tell(&Event::Settled(Subject { seq, req_id: &req_id, points }));
        }
    }

    /// "Sent" is durable, and with it every settlement before.
    pub(super) fn tell_sent(&mut self, entry: Subject<'_>, attempts: u8) {
        self.tell_settled();
        self.tell(&Event::Sent { entry, attempts });
    }

    /// The store was read anew after a failure: a settlement that was under way is durable, or undone.
    pub(super) fn reread(&mut self) -> Result<()> {
        self.told.reread();
        let Some((seq, ..)) = self.told.settled else { return Ok(()) };
        match self.queue.get(self.ports.storage(), seq, &mut self.record)? {
            Some(_) => self.told.settled = None,
            None => self.tell_settled(),
        }
        Ok(())
    }

    /// Makes staged settlements durable.
    pub(super) fn commit(&mut self) -> Result<()> {
        self.queue.commit(self.ports.storage())?;
        self.tell_settled();
        Ok(())
    }

    /// Tells damage that was found since the last look.
    pub(super) fn watch_store(&mut self) {
        let counts = self.queue.counts();
        let bits = counts.repaired.saturating_sub(self.told.repaired);
        let sectors = counts.sealed.saturating_sub(self.told.sealed);
        (self.told.repaired, self.told.sealed) = (counts.repaired, counts.sealed);
        if bits > 0 || sectors > 0 {
            self.tell(&Event::Repaired { bits, sectors });
        }
        while let Some(gap) = self.queue.take_gap() {
            self.tell(&Event::Lost { first: gap.first, last: gap.last, count: gap.count });
        }
    }

    /// Compares the two clocks' ways since the last look. `unix` is 0 when unknown.
    pub(super) fn watch_clock(&mut self, unix: u64) {
        if unix == 0 || self.ports.events().is_none() {
            return;
        }
        let now = self.ports.clock().monotonic_ms();
        let Some((ms, before)) = self.told.clocks.replace((now, unix)) else { return };
        let expected = before.saturating_add(now.saturating_sub(ms) / 1000);
        if unix.abs_diff(expected) > JUMP_S {
            self.tell(&Event::ClockJumped { by_s: unix.wrapping_sub(expected) as i64 });
        }
    }
}
