//! Which numbers are lost: in flows one missing number or run after the other, out flow gaps.
//!
//! A few are kept until somebody asks; when there are more, the last one grows over them, so that
//! no missing number lies outside all gaps.

use super::Queue;

/// Gaps kept at a time.
const KEPT: usize = 3;

/// Entries known to have existed that cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gap {
    /// The lowest number missing.
    pub first: u64,
    /// The highest number missing.
    pub last: u64,
    /// How many are missing between the two, both included.
    pub count: u32,
}

impl Gap {
    /// Every number in it is missing: it was never stretched over others.
    fn is_exact(&self) -> bool {
        self.count > 0 && self.last - self.first == u64::from(self.count - 1)
    }
}

/// One that is kept, and whether somebody has heard of it. Not a `Gap` and a flag: that would be a
/// word longer.
#[derive(Clone, Copy)]
struct Slot {
    first: u64,
    last: u64,
    count: u32,
    told: bool,
}

impl Slot {
    const FREE: Slot = Slot { first: 0, last: 0, count: 0, told: true };

    fn gap(&self) -> Gap {
        Gap { first: self.first, last: self.last, count: self.count }
    }
}

/// Told ones stay as long as nobody needs their place: a number is counted once.
#[derive(Clone, Copy)]
pub(crate) struct Gaps([Slot; KEPT]);

impl Gaps {
    pub(crate) const fn new() -> Gaps {
        Gaps([Slot::FREE; KEPT])
    }

    /// Notes that `count` numbers from `first` on are missing.
    pub(crate) fn note(&mut self, first: u64, count: u64) {
        if count == 0 {
            return;
        }
        let last = first.saturating_add(count - 1);
        let Gaps([a, b, c]) = self;
        let grows = |slot: &Slot| !slot.told && slot.last.checked_add(1) == Some(first);
        let slot = match () {
            () if grows(a) => a,
            () if grows(b) => b,
            () if a.count == 0 => a,
            () if b.count == 0 => b,
            () if c.count == 0 => c,
            () if a.told => a,
            () if b.told => b,
            () => c,
        };
        if slot.told {
            *slot = Slot { first, last, count: 0, told: false };
        }
        slot.count = slot.count.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        (slot.first, slot.last) = (slot.first.min(first), slot.last.max(last));
    }

    /// Whether `number` is known to be missing.
    pub(crate) fn knows(&self, number: u64) -> bool {
        self.run(number).0
    }

    /// The same, and up to which number, excluded, it is so.
    pub(crate) fn run(&self, number: u64) -> (bool, u64) {
        let exact = || self.0.iter().map(Slot::gap).filter(Gap::is_exact);
        match exact().find(|gap| (gap.first..=gap.last).contains(&number)) {
            Some(gap) => (true, gap.last.saturating_add(1)),
            None => {
                let firsts = exact().map(|gap| gap.first).filter(|first| *first > number);
                (false, firsts.min().unwrap_or(u64::MAX))
            }
        }
    }

    fn take(&mut self) -> Option<Gap> {
        let slot = self.0.iter_mut().find(|slot| !slot.told)?;
        slot.told = true;
        Some(slot.gap())
    }
}

impl Queue {
    /// Takes the next gap that [`Queue::open`] or a look since then found among the numbers. All of
    /// them together hold the [lost](super::Opened::lost) entries, but for those of the backlog:
    /// what is left of such a copy does not tell its number.
    pub fn take_gap(&mut self) -> Option<Gap> {
        self.gaps.take()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests may panic
mod tests {
    use super::*;

    fn all(mut gaps: Gaps) -> Vec<(u64, u64, u32)> {
        core::iter::from_fn(|| gaps.take()).map(|gap| (gap.first, gap.last, gap.count)).collect()
    }

    #[test]
    fn runs_grow_and_what_is_too_much_is_one() {
        let mut gaps = Gaps::new();
        gaps.note(7, 0);
        assert_eq!(all(gaps), []);
        gaps.note(3, 1);
        gaps.note(4, 2);
        gaps.note(9, 1);
        assert_eq!(all(gaps), [(3, 5, 3), (9, 9, 1)]);
        assert_eq!(
            [2, 3, 5, 6, 9].map(|number| gaps.knows(number)),
            [false, true, true, false, true]
        );
        gaps.note(20, 2);
        gaps.note(30, 1);
        gaps.note(12, 1);
        assert_eq!(all(gaps), [(3, 5, 3), (9, 9, 1), (12, 30, 4)]);
        assert_eq!([12, 20, 30].map(|number| gaps.knows(number)), [false; 3]);
        let runs = [1, 3, 6, 9, 10].map(|number| gaps.run(number));
        let end = u64::MAX;
        assert_eq!(runs, [(false, 3), (true, 6), (false, 9), (true, 10), (false, end)]);
        gaps.note(u64::MAX, u64::MAX);
        assert_eq!(all(gaps).last(), Some(&(12, u64::MAX, u32::MAX)));
        // A told one is known until its place is needed.
        let mut gaps = Gaps::new();
        gaps.note(3, 2);
        assert_eq!((gaps.take().map(|gap| gap.count), gaps.take()), (Some(2), None));
        assert!(gaps.knows(3));
        for (number, still) in [(8, true), (9, true), (20, true), (30, false)] {
            gaps.note(number, 1);
            assert_eq!(gaps.knows(3), still, "{number}");
        }
    }
}
