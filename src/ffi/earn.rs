//! Section: earning rule. What a sale of so many fen is worth in points.

use super::fault::{pointcard_fault, stateless};
use super::structs::{self, Versioned};
use crate::points::earn::{BONUS_MAX, Bonus, Cap, Rounding, Rule};
use crate::status::{Error, Result, Status};
use crate::text::Moment;

/// Most bonuses of a rule.
pub const POINTCARD_BONUS_MAX: usize = 8;
const _: () = assert!(POINTCARD_BONUS_MAX == BONUS_MAX);

/// rounding: a part of a point is dropped (1.9 are 1). The default.
pub const POINTCARD_ROUND_DOWN: i32 = 0;
/// rounding: half a point or more is one (1.5 are 2).
pub const POINTCARD_ROUND_HALF_UP: i32 = 1;
/// rounding: a part of a point is one (1.1 are 2).
pub const POINTCARD_ROUND_UP: i32 = 2;

/// Monday's bit of pointcard_bonus.weekdays, by Beijing's calendar.
pub const POINTCARD_MONDAY: u8 = 1;
/// Tuesday's bit.
pub const POINTCARD_TUESDAY: u8 = 2;
/// Wednesday's bit.
pub const POINTCARD_WEDNESDAY: u8 = 4;
/// Thursday's bit.
pub const POINTCARD_THURSDAY: u8 = 8;
/// Friday's bit.
pub const POINTCARD_FRIDAY: u8 = 16;
/// Saturday's bit.
pub const POINTCARD_SATURDAY: u8 = 32;
/// Sunday's bit.
pub const POINTCARD_SUNDAY: u8 = 64;

/// Other points at some hours, Beijing time. All zero = no bonus. Frozen: it will not grow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_bonus {
    /// On which days: POINTCARD_MONDAY | ...; 0 = every day.
    pub weekdays: u8,
    /// From this full hour on, 0 to 23.
    pub from_hour: u8,
    /// Until this full hour, 1 to 24 and after from_hour; 0 = 24. A night is two bonuses.
    pub to_hour: u8,
    /// Zero.
    pub reserved: u8,
    /// The multiplier, 1 to 10000: 200 = double points.
    pub percent: u32,
}

/// How a shop gives points: amount_fen * points / per_fen, times a bonus, rounded, then capped. The
/// gateway takes points and asks for no reason; the rule must say what the activity's page promises.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_rule {
    /// Set by POINTCARD_RULE_INIT.
    pub struct_size: u32,
    /// POINTCARD_ROUND_DOWN (default), _HALF_UP or _UP.
    pub rounding: i32,
    /// Points for each per_fen, 1 to 1000000.
    pub points: u32,
    /// Fen for each points, at least 1: points 1, per_fen 1000 is a point for 10 yuan.
    pub per_fen: u32,
    /// A sale of less earns nothing, in fen.
    pub min_fen: u64,
    /// Most points of one sale; 0 = no cap.
    pub sale_cap: u32,
    /// Most points of one terminal in a Beijing day; 0 = no cap. Advisory: a client counts in RAM
    /// what it gave by rule since pointcard_init, so that a restart begins anew; other terminals
    /// count for themselves.
    pub day_cap: u32,
    /// Of several that hold, the first counts. When the time is unknown, none does.
    pub bonuses: [pointcard_bonus; POINTCARD_BONUS_MAX],
}

// Safety: repr(C), u32 first, integers only.
unsafe impl Versioned for pointcard_rule {
    const NAME: &'static str = "rule";
    const V1_SIZE: usize = core::mem::offset_of!(pointcard_rule, bonuses) + 64;
}

/// cap: nothing cut the points.
pub const POINTCARD_CAP_NONE: u32 = 0;
/// cap: rule.sale_cap did.
pub const POINTCARD_CAP_SALE: u32 = 1;
/// cap: rule.day_cap did.
pub const POINTCARD_CAP_DAY: u32 = 2;

/// What an amount earns.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pointcard_earned {
    /// Set by POINTCARD_EARNED_INIT.
    pub struct_size: u32,
    /// The points; 0 = nothing to credit.
    pub points: u32,
    /// The multiplier that was used, in percent.
    pub percent: u32,
    /// What cut the points: POINTCARD_CAP_...
    pub cap: u32,
}

// Safety: repr(C), u32 first, integers only.
unsafe impl Versioned for pointcard_earned {
    const NAME: &'static str = "earned";
    const V1_SIZE: usize = 16;
}

/// What a sale of `amount_fen` earns, to show it before it is paid. (pointcard_accrue computes it
/// itself when the sale names a rule.) Exact for every amount.
///
/// @param rule          read during the call; begin with POINTCARD_RULE_INIT
/// @param amount_fen    in fen (1 yuan = 100 fen)
/// @param unix_time     seconds since 1970 UTC; 0 = unknown, no bonus holds
/// @param earned_today  points this terminal gave today, for rule.day_cap
/// @param earned        receives the points
/// @param fault         receives what is wrong; may be NULL
///
/// Returns ERR_NULL, ERR_STRUCT_SIZE, ERR_MISSING (rule.points, rule.per_fen), ERR_RANGE
/// (rule.points; rule.bonuses, `at` is the index; amount_fen: more than 4294967295 points and no
/// cap), ERR_ARGUMENT (rule.rounding, rule.bonuses: reserved).
// Safety: structures as the header describes them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pointcard_points_for(
    rule: *const pointcard_rule,
    amount_fen: u64,
    unix_time: u64,
    earned_today: u64,
    earned: *mut pointcard_earned,
    fault: *mut pointcard_fault,
) -> Status {
    // Safety: as promised above.
    unsafe {
        stateless(fault, || {
            structs::check_out(earned)?;
            let rule = rust_rule(&structs::read(rule)?)?;
            let moment = if unix_time == 0 { None } else { Moment::from_unix(unix_time) };
            let found = rule.points_for(amount_fen, moment, earned_today)?;
            let (points, percent, cap) = (found.points, found.percent, c_cap(found.cap));
            structs::write(earned, &pointcard_earned { struct_size: 0, points, percent, cap });
            Ok(())
        })
    }
}

fn c_cap(cap: Cap) -> u32 {
    match cap {
        Cap::None => POINTCARD_CAP_NONE,
        Cap::Sale => POINTCARD_CAP_SALE,
        Cap::Day => POINTCARD_CAP_DAY,
    }
}

pub(super) fn rust_rule(given: &pointcard_rule) -> Result<Rule> {
    let rounding = match given.rounding {
        POINTCARD_ROUND_DOWN => Rounding::Down,
        POINTCARD_ROUND_HALF_UP => Rounding::HalfUp,
        POINTCARD_ROUND_UP => Rounding::Up,
        _ => return Err(Error::new(Status::Argument, "rule.rounding")),
    };
    if let Some(index) = given.bonuses.iter().position(|bonus| bonus.reserved != 0) {
        return Err(Error::new(Status::Argument, "rule.bonuses").at(index));
    }
    let bonuses = given.bonuses.map(|bonus| Bonus {
        weekdays: bonus.weekdays,
        from_hour: bonus.from_hour,
        to_hour: bonus.to_hour,
        percent: bonus.percent,
    });
    Ok(Rule {
        points: given.points,
        per_fen: given.per_fen,
        min_fen: given.min_fen,
        sale_cap: given.sale_cap,
        day_cap: given.day_cap,
        rounding,
        bonuses,
    })
}
