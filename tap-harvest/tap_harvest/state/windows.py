"""The windows of the calendar by which reports are read.

Windows are fixed: a day is always in the same window, so that new figures of a window replace its
old figures. Both ends are included, and no day is in two windows.

Harvest API, "Reports": https://help.getharvest.com/api-v2/reports-api/reports/time-reports/
"""

from __future__ import annotations

from calendar import isleap
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Size = Literal["day", "week", "month", "quarter", "year"]
SIZES: tuple[Size, ...] = get_args(Size)

_DAY = timedelta(days=1)
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, order=True, slots=True)
class Window:
    """The days from `first` to `last`, both included."""

    first: date
    last: date


def window_of(day: date, size: Size) -> Window:
    """The window that a day is in.

    Weeks begin on Monday. A leap year is two windows that meet at midyear, since Harvest reports
    at most 365 days at once.

    Args:
        day: The day.
        size: The size of the windows.
    """
    if size == "day":
        return Window(day, day)
    if size == "week":
        first = day - timedelta(days=day.weekday())
        return Window(first, first + timedelta(days=6))
    months = 6 if size == "year" and isleap(day.year) else _MONTHS[size]
    month = (day.month - 1) // months * months + 1
    first = date(day.year, month, 1)
    return Window(first, _months_later(first, months) - _DAY)


def windows(first: date, last: date, size: Size) -> Iterator[Window]:
    """The windows with the days from `first` to `last`, in order; none if `last` is earlier.

    Args:
        first: The first day, which the first window may begin before.
        last: The last day, which the last window may end after.
        size: The size of the windows.
    """
    day = first
    while day <= last:
        window = window_of(day, size)
        yield window
        day = window.last + _DAY


def joined(stretches: Iterable[Window]) -> list[Window]:
    """The same days in as few stretches as possible, in order.

    Args:
        stretches: Windows or other stretches of days, in any order.
    """
    found: list[Window] = []
    for days in sorted(stretches):
        if found and days.first - found[-1].last <= _DAY:
            found[-1] = Window(found[-1].first, max(found[-1].last, days.last))
        else:
            found.append(days)
    return found


def without(window: Window, stretches: Iterable[Window]) -> list[Window]:
    """The days of some stretches that are not in a window.

    Args:
        window: The window.
        stretches: The stretches, in order.
    """
    found: list[Window] = []
    for days in stretches:
        if days.first < window.first:
            found.append(Window(days.first, min(days.last, window.first - _DAY)))
        if days.last > window.last:
            found.append(Window(max(days.first, window.last + _DAY), days.last))
    return found


def _months_later(first: date, months: int) -> date:
    """The first of a month, so many months after that of another; up to a year."""
    years, month = divmod(first.month - 1 + months, 12)
    return date(first.year + years, month + 1, 1)
