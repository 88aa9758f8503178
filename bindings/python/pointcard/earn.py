"""The earning rule: points for an amount in fen."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from typing import Sequence

from . import _structures as c
from ._library import lib
from ._values import check, fault, number
from .errors import BY_NAME, Error

ROUND_DOWN, ROUND_HALF_UP, ROUND_UP = 0, 1, 2
MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = (1 << day for day in range(7))
_BONUSES = 8
_CAPS = {0: None, 1: "sale", 2: "day"}


@dataclass(frozen=True)
class Bonus:
    """Other points at some hours, Beijing time."""

    percent: int  #: 1 to 10000; 200 = double points
    weekdays: int = 0  #: MONDAY | ...; 0 = every day
    from_hour: int = 0  #: 0 to 23
    to_hour: int = 0  #: 1 to 24, after from_hour; 0 = 24


@dataclass(frozen=True)
class Rule:
    """amount_fen * points / per_fen, times a bonus, rounded, then capped."""

    points: int
    per_fen: int
    min_fen: int = 0  #: a sale of less earns nothing
    sale_cap: int = 0  #: most points of one sale; 0 = no cap
    day_cap: int = 0  #: of one client and Beijing day, counted in RAM; 0 = no cap
    rounding: int = ROUND_DOWN
    bonuses: Sequence[Bonus] = field(default_factory=tuple)  #: at most 8; the first that holds

    def _c(self):
        if len(self.bonuses) > _BONUSES:
            raise Error(BY_NAME["ERR_RANGE"], "rule.bonuses", _BONUSES, "rule.bonuses: at most 8")
        rule = c.Rule.new(
            rounding=number(self.rounding, "rule.rounding", 31),
            points=number(self.points, "rule.points"),
            per_fen=number(self.per_fen, "rule.per_fen"),
            min_fen=number(self.min_fen, "rule.min_fen", 64),
            sale_cap=number(self.sale_cap, "rule.sale_cap"),
            day_cap=number(self.day_cap, "rule.day_cap"),
        )
        for place, bonus in zip(rule.bonuses, self.bonuses):
            place.percent = number(bonus.percent, "rule.bonuses")
            place.weekdays = number(bonus.weekdays, "rule.bonuses", 8)
            place.from_hour = number(bonus.from_hour, "rule.bonuses", 8)
            place.to_hour = number(bonus.to_hour, "rule.bonuses", 8)
        return rule


@dataclass(frozen=True)
class Earned:
    """What an amount earns; cap: None, "sale" or "day"."""

    points: int
    percent: int
    cap: str | None


def points_for(rule: Rule, amount_fen: int, unix_time: int = 0, earned_today: int = 0) -> Earned:
    """Points for a sale, to show them before it is paid. unix_time 0 = unknown: no bonus."""
    wrong, earned, given = fault(), c.Earned.new(), rule._c()
    status = lib().pointcard_points_for(
        ctypes.byref(given),
        number(amount_fen, "amount_fen", 64),
        number(unix_time, "unix_time", 64),
        number(earned_today, "earned_today", 64),
        ctypes.byref(earned),
        ctypes.byref(wrong),
    )
    check(status, wrong)
    return Earned(earned.points, earned.percent, _CAPS[earned.cap])
