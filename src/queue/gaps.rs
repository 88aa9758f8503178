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
    const NONE: Gap = Gap { first: 0, last: 0, count: 0 };
}

#[derive(Clone, Copy)]
pub(crate) struct Gaps([Gap; KEPT]);

impl Gaps {
    pub(crate) const fn new() -> Gaps {
        Gaps([Gap::NONE; KEPT])
    }

    /// Notes that `count` numbers from `first` on are missing.
    pub(crate) fn note(&mut self, first: u64, count: u64) {
        if count == 0 {
            return;
        }
        let Gaps([a, b, c]) = self;
        let last = first.saturating_add(count - 1);
        let joins = |gap: &Gap| gap.count == 0 || gap.last.checked_add(1) == Some(first);
        let gap = match () {
            () if joins(a) => a,
            () if joins(b) => b,
            () => c,
        };
        let before = if gap.count == 0 { first } else { gap.first };
        let count = u32::try_from(count).unwrap_or(u32::MAX).saturating_add(gap.count);
        *gap = Gap { first: first.min(before), last: last.max(gap.last), count };
    }

    fn take(&mut self) -> Option<Gap> {
        let Gaps([a, b, c]) = *self;
        *self = Gaps([b, c, Gap::NONE]);
        (a.count > 0).then_some(a)
    }
}

impl Queue {
    /// Takes the next gap that [`Queue::open`] or a look since then found among the numbers. All of
    /// them together hold the [lost](super::Opened::lost) entries.
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
        gaps.note(20, 2);
        gaps.note(30, 1);
        gaps.note(12, 1);
        assert_eq!(all(gaps), [(3, 5, 3), (9, 9, 1), (12, 30, 4)]);
        gaps.note(u64::MAX, u64::MAX);
        assert_eq!(all(gaps).last(), Some(&(12, u64::MAX, u32::MAX)));
    }
}
