"""The calendar in pieces, without HTTP."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_harvest.state.windows import SIZES, Size, Window, window_of, windows

DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))


@pytest.mark.parametrize(
    ("day", "size", "first", "last"),
    [
        ("2024-02-29", "day", "2024-02-29", "2024-02-29"),
        ("2024-02-29", "week", "2024-02-26", "2024-03-03"),
        ("2024-02-26", "week", "2024-02-26", "2024-03-03"),
        ("2024-03-03", "week", "2024-02-26", "2024-03-03"),
        ("2026-01-01", "week", "2025-12-29", "2026-01-04"),
        ("2024-02-29", "month", "2024-02-01", "2024-02-29"),
        ("2025-02-28", "month", "2025-02-01", "2025-02-28"),
        ("2025-12-31", "month", "2025-12-01", "2025-12-31"),
        ("2024-02-29", "quarter", "2024-01-01", "2024-03-31"),
        ("2025-12-31", "quarter", "2025-10-01", "2025-12-31"),
        ("2025-12-31", "year", "2025-01-01", "2025-12-31"),
        ("2024-02-29", "year", "2024-01-01", "2024-06-30"),
        ("2024-12-31", "year", "2024-07-01", "2024-12-31"),
        ("2000-07-01", "year", "2000-07-01", "2000-12-31"),
        ("2100-07-01", "year", "2100-01-01", "2100-12-31"),
    ],
)
def test_a_day_is_in_a_piece_of_the_calendar(day: str, size: Size, first: str, last: str):
    """Weeks begin on Monday; months end when they end; a leap year is two pieces."""
    expected = Window(date.fromisoformat(first), date.fromisoformat(last))

    assert window_of(date.fromisoformat(day), size) == expected


@given(day=DAYS, days=st.integers(0, 1000), size=st.sampled_from(SIZES))
def test_windows_hold_each_day_once(day: date, days: int, size: Size):
    """They meet without a gap, begin with the first day's and end with the last one's."""
    last = day + timedelta(days=days)

    found = list(windows(day, last, size))

    assert found[0] == window_of(day, size)
    assert found[-1] == window_of(last, size)
    assert all(one.last + timedelta(days=1) == next_.first for one, next_ in pairwise(found))


@given(day=DAYS, size=st.sampled_from(SIZES))
def test_a_window_is_the_same_for_all_its_days(day: date, size: Size):
    """And never longer than Harvest reports at once."""
    window = window_of(day, size)

    assert window.first <= day <= window.last
    assert window_of(window.first, size) == window_of(window.last, size) == window
    assert (window.last - window.first).days < 365


def test_a_stretch_that_ends_before_it_begins_has_none():
    """Nothing is to be read of it."""
    assert list(windows(date(2026, 2, 1), date(2026, 1, 31), "month")) == []
