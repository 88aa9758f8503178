//! Limits before an append: how much may wait, and from when on somebody should know.
//!
//! In: limits, and what is about to be appended. Out: which limits it comes near or passes, from
//! RAM alone; a refusal names the limit.

use super::fault::{Fault, Result};
use super::medium::Medium;
use super::record::{FRAME, ITEM_FIXED};
use super::{Item, Queue};

/// Two levels of one measure; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// From this value on an append says that the limit is near.
    pub warn: u32,
    /// Above this value an append is refused, unless a manager waives it.
    pub refuse: u32,
}

impl Level {
    const NONE: Level = Level { warn: 0, refuse: 0 };

    fn near(&self, value: u64) -> bool {
        self.warn != 0 && value >= self.warn.into()
    }

    fn over(&self, value: u64) -> bool {
        self.refuse != 0 && value > self.refuse.into()
    }
}

/// How much may wait. Each measure is taken as it would be after the append.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Entries for which something is owed.
    pub count: Level,
    /// Bytes of the medium from the oldest sector in use to the newest entry's end, in the live
    /// lane and in the backlog. A sector is free again when all in it is settled; so this falls in steps.
    pub bytes: Level,
    /// Points of the one entry.
    pub points_each: Level,
    /// Points owed altogether, dead letters not counted.
    pub points_total: Level,
    /// Seconds since the oldest entry still owed was made. Not looked at when a time is unknown.
    pub age_s: Level,
}

impl Limits {
    /// No limits but the medium's size.
    pub const NONE: Limits = Limits {
        count: Level::NONE,
        bytes: Level::NONE,
        points_each: Level::NONE,
        points_total: Level::NONE,
        age_s: Level::NONE,
    };
}

/// On which terms an item is appended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Seconds since 1970; 0 when unknown.
    pub now: u64,
    /// A manager waives the limits. The medium's size cannot be waived.
    pub manager: bool,
    /// The entry cannot go out now, and nobody knows when. It is recorded only as long as the
    /// backlog has room for it: the live lane is left to others. `QueueFull` otherwise.
    pub held: bool,
}

/// One mark per measure of [`Limits`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// [`Limits::count`].
    pub count: bool,
    /// [`Limits::bytes`].
    pub bytes: bool,
    /// [`Limits::points_each`].
    pub points_each: bool,
    /// [`Limits::points_total`].
    pub points_total: bool,
    /// [`Limits::age_s`].
    pub age_s: bool,
}

impl Marks {
    /// Whether any is set.
    pub fn any(&self) -> bool {
        *self != Marks::default()
    }
}

/// How near an append comes to the limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pressure {
    /// At or above the warning level.
    pub near: Marks,
    /// Above the refusing level; appended all the same when a manager waived it.
    pub over: Marks,
}

/// What an append adds.
pub(crate) struct Load {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
    /// The most points of one entry.
    pub(crate) points_each: u64,
    pub(crate) points: u64,
}

impl Load {
    pub(crate) fn of(item: &Item<'_>) -> Load {
        let points = item.points.into();
        let bytes = (FRAME + ITEM_FIXED + item.req_id.len() + item.body.len() + 1) as u64;
        Load { count: 1, bytes, points_each: points, points }
    }

    /// Both together.
    pub(crate) fn and(&self, other: &Load) -> Load {
        Load {
            count: self.count + other.count,
            bytes: self.bytes + other.bytes,
            points_each: self.points_each.max(other.points_each),
            points: self.points.saturating_add(other.points),
        }
    }
}

impl Queue {
    /// Sets how much may wait, from the next append on. Not stored: set them after every start.
    /// Entries that are already there stay, whatever the limits say.
    pub fn set_limits(&mut self, limits: Limits) {
        self.wish.limits = limits;
    }

    /// How near an append of `item` at `now` (seconds since 1970; 0 when unknown) would come to
    /// the limits. No I/O.
    pub fn pressure(&self, item: &Item<'_>, now: u64) -> Pressure {
        self.weigh(&Load::of(item), now)
    }

    fn weigh(&self, load: &Load, now: u64) -> Pressure {
        let limits = &self.wish.limits;
        let owed = self.points_ever().saturating_sub(self.state.settled_points);
        let waiting = u64::from(self.unsettled_count());
        let age = match self.oldest_created() {
            0 => 0,
            oldest => now.saturating_sub(oldest),
        };
        let bytes = load.bytes + load.count * self.shape.tag() as u64;
        let marks = |passed: fn(&Level, u64) -> bool| Marks {
            count: passed(&limits.count, waiting + load.count),
            bytes: passed(&limits.bytes, self.span().saturating_add(bytes)),
            points_each: passed(&limits.points_each, load.points_each),
            points_total: passed(&limits.points_total, owed.saturating_add(load.points)),
            age_s: passed(&limits.age_s, age),
        };
        Pressure { near: marks(Level::near), over: marks(Level::over) }
    }

    /// Bytes from the oldest sector in use to the newest entry's end, of both lanes that send.
    fn span(&self) -> u64 {
        let span = |back: bool| {
            let ring = self.ring(back);
            if self.state.of(back).mark() >= ring.next {
                return 0;
            }
            let before = ring.generation.saturating_sub(ring.tail);
            u64::from(before) * u64::from(self.shape.sector) + u64::from(ring.off)
        };
        span(false) + span(true)
    }

    /// The pressure of an append, or the limit that forbids it.
    pub(crate) fn admit(
        &self,
        medium: &mut Medium<'_>,
        load: &Load,
        terms: &Terms,
    ) -> Result<Pressure> {
        let pressure = self.weigh(load, terms.now);
        let (over, limits) = (&pressure.over, &self.wish.limits);
        let (fault, level) = match () {
            () if terms.manager => return Ok(pressure),
            () if over.points_each => (Fault::LimitEach, limits.points_each),
            () if over.count => (Fault::LimitCount, limits.count),
            () if over.bytes => (Fault::LimitBytes, limits.bytes),
            () if over.points_total => (Fault::LimitTotal, limits.points_total),
            () if over.age_s => (Fault::LimitAge, limits.age_s),
            () => return Ok(pressure),
        };
        Err(fault.at(medium, level.refuse as usize))
    }
}
