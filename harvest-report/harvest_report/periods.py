"""Days, weeks and months of a page."""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

MONTHS: Final = 12
"""How many months a page has if nothing else is asked for."""


@dataclass(frozen=True)
class Period:
    """The days of a page, first and last included, and the day that ages are counted to."""

    first: dt.date
    last: dt.date
    as_of: dt.date

    @property
    def months(self) -> list[str]:
        """All months such as 2031-04, oldest first."""
        count = _month_number(self.last) - _month_number(self.first) + 1
        return [f"{_month(self.first, each):%Y-%m}" for each in range(count)]

    @property
    def weeks(self) -> float:
        """How many weeks of it were over on the day `as_of`; at least a seventh."""
        return max((min(self.last, self.as_of) - self.first).days + 1, 1) / 7

    @property
    def parameters(self) -> dict[str, Any]:
        """The values of the queries' parameters that are days."""
        before = {
            f"days_{days}_before": (self.as_of - dt.timedelta(days)).isoformat()
            for days in (30, 60, 90)
        }
        days = {"from_date": self.first, "to_date": self.last, "as_of": self.as_of}
        return {name: day.isoformat() for name, day in days.items()} | before


def default_period(
    held: Mapping[str, dt.date | None],
    first: dt.date | None,
    last: dt.date | None,
    as_of: dt.date,
) -> Period:
    """Fill in what was not asked for: whole months, the last twelve that have data.

    Args:
        held: The first and the last day of the data, as `first_day` and `last_day`.
        first: The first day asked for.
        last: The last day asked for.
        as_of: The day that ages are counted to.
    """
    if last is None:
        newest = min(held["last_day"] or as_of, as_of)
        last = end_of_month(max(newest, first) if first else newest)
    if first is None:
        first = _month(last, 1 - MONTHS)
        if held["first_day"]:
            first = max(first, min(held["first_day"], last).replace(day=1))
    return Period(first, last, as_of)


def last_week(as_of: dt.date, begins: str = "Monday") -> tuple[dt.date, dt.date]:
    """Find the last whole week that ended on a day or before it.

    Args:
        as_of: The day.
        begins: The English name of the first day of a week.
    """
    names = list(calendar.day_name)
    begin = names.index(begins) if begins in names else 0
    days_since_end = (as_of.weekday() - (begin + 6)) % 7
    end = as_of - dt.timedelta(days_since_end)
    return end - dt.timedelta(6), end


def end_of_month(day: dt.date) -> dt.date:
    """The last day of a month."""
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def to_day(value: Any) -> dt.date | None:
    """Read a day that a database gave: a date, a moment, or text that begins with one."""
    if isinstance(value, dt.datetime):
        return value.date()
    if value is None or isinstance(value, dt.date):
        return value
    return dt.date.fromisoformat(str(value)[:10])


def _month_number(day: dt.date) -> int:
    return day.year * 12 + day.month - 1


def _month(day: dt.date, after: int) -> dt.date:
    """The first day of a month so many months later."""
    number = _month_number(day) + after
    return dt.date(number // 12, number % 12 + 1, 1)
