//! The earning rule: what a sale of so many fen is worth in points.
//!
//! In: a [`Rule`], an amount in fen (1 yuan = 100 fen), the time, what was earned today. Out: points,
//! in whole numbers all the way, and which cap cut them.
//!
//! ```text
//! amount ── below min_fen? 0
//!        └─ × points × percent / (per_fen × 100), rounded ─ cap per sale ─ what the day has left
//! ```
//!
//! The rule is the shop's own: the gateway takes points and asks for no reason. It must say what the
//! activity's page promises the shopper.

use core::num::NonZeroU128;

use crate::status::{Error, Result, Status};
use crate::text::Moment;

/// Most bonuses of a rule.
pub const BONUS_MAX: usize = 8;
/// Most points of the rate `points` per `per_fen`.
pub const RATE_MAX: u32 = 1_000_000;
/// Highest multiplier, in percent: a hundredfold.
pub const PERCENT_MAX: u32 = 10_000;

/// Bit of Monday in [`Bonus::weekdays`]; Sunday is bit 6.
pub const MONDAY: u8 = 1;
/// All seven bits.
pub const EVERY_DAY: u8 = 0x7F;

/// What becomes of a part of a point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// It is dropped: 1.9 points are 1.
    #[default]
    Down,
    /// Half a point or more is one: 1.5 points are 2, 1.4 are 1.
    HalfUp,
    /// It is one: 1.1 points are 2.
    Up,
}

/// Other points at some hours, Beijing time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bonus {
    /// On which days: bits from [`MONDAY`] (1) to Sunday (64); 0 = every day.
    pub weekdays: u8,
    /// From this full hour on, 0 to 23.
    pub from_hour: u8,
    /// Until this full hour, 1 to 24 and after `from_hour`; 0 = 24. A night is two bonuses.
    pub to_hour: u8,
    /// The multiplier, 1 to [`PERCENT_MAX`]: 200 = double points. 0 = this place is empty.
    pub percent: u32,
}

impl Bonus {
    fn end(&self) -> u8 {
        if self.to_hour == 0 { 24 } else { self.to_hour }
    }

    fn holds(&self, moment: &Moment) -> bool {
        let days = if self.weekdays == 0 { EVERY_DAY } else { self.weekdays };
        let is_day = days >> moment.weekday & 1 == 1;
        let is_hour = self.from_hour <= moment.hour && moment.hour < self.end();
        self.percent != 0 && is_day && is_hour
    }

    fn is_sound(&self) -> bool {
        let hours = self.from_hour < self.end() && self.end() <= 24;
        self.weekdays <= EVERY_DAY && hours && self.percent <= PERCENT_MAX
    }
}

/// How a shop gives points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Points for each `per_fen`, 1 to [`RATE_MAX`].
    pub points: u32,
    /// Fen for each `points`, at least 1: `points: 1, per_fen: 1000` is a point for 10 yuan.
    pub per_fen: u32,
    /// A sale of less earns nothing, in fen.
    pub min_fen: u64,
    /// Most points of one sale; 0 = no cap.
    pub sale_cap: u32,
    /// Most points of one terminal in a Beijing day; 0 = no cap. Advisory: a client counts in RAM
    /// what it gave by rule since it was opened, so that a restart begins anew, and other terminals
    /// count for themselves.
    pub day_cap: u32,
    /// What becomes of a part of a point.
    pub rounding: Rounding,
    /// Other points at some hours; of several that hold, the first. When the time is unknown, none.
    pub bonuses: [Bonus; BONUS_MAX],
}

/// Which cap cut the points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cap {
    /// None.
    #[default]
    None,
    /// [`Rule::sale_cap`].
    Sale,
    /// [`Rule::day_cap`].
    Day,
}

/// What a sale earns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Earned {
    /// The points; 0 = nothing to credit.
    pub points: u32,
    /// The multiplier that was used, in percent.
    pub percent: u32,
    /// What cut them.
    pub cap: Cap,
}

impl Rule {
    /// `points` for every `per_fen`, rounded down, without anything else.
    pub const fn rate(points: u32, per_fen: u32) -> Rule {
        Rule {
            points,
            per_fen,
            min_fen: 0,
            sale_cap: 0,
            day_cap: 0,
            rounding: Rounding::Down,
            bonuses: [Bonus { weekdays: 0, from_hour: 0, to_hour: 0, percent: 0 }; BONUS_MAX],
        }
    }

    /// Refuses a rule that cannot be: `Missing` about `rule.points` or `rule.per_fen`, `Range` about
    /// `rule.points` (with the limit) or `rule.bonuses` (with the index).
    pub fn check(&self) -> Result<()> {
        if self.points == 0 {
            return Err(Error::new(Status::Missing, "rule.points"));
        }
        if self.points > RATE_MAX {
            return Err(Error::new(Status::Range, "rule.points").at(RATE_MAX as usize));
        }
        if self.per_fen == 0 {
            return Err(Error::new(Status::Missing, "rule.per_fen"));
        }
        match self.bonuses.iter().position(|bonus| !bonus.is_sound()) {
            Some(index) => Err(Error::new(Status::Range, "rule.bonuses").at(index)),
            None => Ok(()),
        }
    }

    /// Points for a sale of `amount_fen`, at a time (`None` = unknown), `earned_today` before it.
    ///
    /// As [`check`](Self::check); `Range` about `amount_fen` when, without a cap, the points are
    /// more than 2³² - 1. Right for every amount: 98 bits are the most that is computed with.
    pub fn points_for(
        &self,
        amount_fen: u64,
        moment: Option<Moment>,
        earned_today: u64,
    ) -> Result<Earned> {
        self.check()?;
        let percent = moment.and_then(|moment| self.bonus_at(&moment)).unwrap_or(100);
        if amount_fen < self.min_fen {
            return Ok(Earned { percent, ..Earned::default() });
        }
        let whole = self.rounded(amount_fen, percent)?;
        let (points, cap) = cut((whole, Cap::None), self.sale_cap.into(), 0, Cap::Sale);
        let (points, cap) = cut((points, cap), self.day_cap.into(), earned_today, Cap::Day);
        let too_much = Error::new(Status::Range, "amount_fen").at(u32::MAX as usize);
        Ok(Earned { points: u32::try_from(points).map_err(|_| too_much)?, percent, cap })
    }

    fn bonus_at(&self, moment: &Moment) -> Option<u32> {
        self.bonuses.iter().find(|bonus| bonus.holds(moment)).map(|bonus| bonus.percent)
    }

    fn rounded(&self, amount_fen: u64, percent: u32) -> Result<u128> {
        let parts = u128::from(amount_fen) * u128::from(self.points) * u128::from(percent);
        let whole = u128::from(self.per_fen) * 100;
        let more = match self.rounding {
            Rounding::Down => 0,
            Rounding::HalfUp => whole / 2,
            Rounding::Up => whole - 1,
        };
        let whole = NonZeroU128::new(whole).ok_or(Error::new(Status::Missing, "rule.per_fen"))?;
        Ok((parts + more) / whole)
    }
}

/// `points`, or what a cap of `most` (0 = none) has left over `used`.
fn cut((points, cap): (u128, Cap), most: u64, used: u64, what: Cap) -> (u128, Cap) {
    let left = u128::from(most.saturating_sub(used));
    if most == 0 || points <= left { (points, cap) } else { (left, what) }
}

/// What one terminal gave today, in RAM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Today {
    day: u64,
    points: u64,
}

impl Today {
    /// Nothing yet.
    pub const fn new() -> Self {
        Today { day: 0, points: 0 }
    }

    /// Points given on the day of `moment`. (All days of unknown date are one.)
    pub fn earned(&self, moment: Option<Moment>) -> u64 {
        if self.day == day(moment) { self.points } else { 0 }
    }

    /// Counts points just given.
    pub fn add(&mut self, moment: Option<Moment>, points: u32) {
        let points = self.earned(moment).saturating_add(points.into());
        *self = Today { day: day(moment), points };
    }
}

fn day(moment: Option<Moment>) -> u64 {
    moment.map_or(0, |moment| moment.day)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // tests may panic
#[path = "earn_tests.rs"]
mod tests;
