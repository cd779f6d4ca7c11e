"""The calendar in pieces, and which of them a report still has to read, without HTTP."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_harvest.state.report_state import Reported
from tap_harvest.state.windows import SIZES, Size, Window, joined, window_of, windows, without

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


def day(text: str) -> date:
    """A day of 2026, by month and day."""
    return date.fromisoformat(f"2026-{text}")


def test_stretches_that_meet_or_overlap_are_joined():
    """In whichever order they come."""
    stretches = [
        Window(day("03-01"), day("03-31")),
        Window(day("01-01"), day("01-31")),
        Window(day("02-01"), day("02-28")),
        Window(day("01-15"), day("02-10")),
        Window(day("05-01"), date.max),
    ]

    assert joined(stretches) == [
        Window(day("01-01"), day("03-31")),
        Window(day("05-01"), date.max),
    ]


@given(
    stretches=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=6),
    first=st.integers(0, 60),
    days=st.integers(0, 20),
)
def test_stretches_are_sets_of_days(stretches: list[tuple[int, int]], first: int, days: int):
    """Joined they hold the same days, and without a window all days but those of the window."""

    def days_of(found: list[Window]) -> set[date]:
        return {w.first + timedelta(n) for w in found for n in range((w.last - w.first).days + 1)}

    def stretch(first: int, days: int) -> Window:
        return Window(day("01-01") + timedelta(first), day("01-01") + timedelta(first + days))

    several, window = [stretch(*one) for one in stretches], stretch(first, days)

    found = joined(several)

    assert days_of(found) == days_of(several)
    assert all(one.last + timedelta(days=1) < next_.first for one, next_ in pairwise(found))
    assert days_of(without(window, found)) == days_of(found) - days_of([window])


class Report:
    """A report that is read by runs that may be stopped, without HTTP.

    Attributes:
        reported: The entry in the state.
        changes: How often the options were changed.
        read_at: How often that was when each window was last read.
        closed_reads: Each read of a window that was out of the lookback, with the changes so far.
    """

    def __init__(self, size: Size) -> None:
        self.reported = Reported(report_window=size)
        self.changes = 0
        self.read_at: dict[Window, int] = {}
        self.closed_reads: list[tuple[Window, int]] = []

    def run(self, start: date, today: date, lookback: int, option: str, stop: int) -> None:
        """Read the windows that are due, but at most some of them."""
        span, options = timedelta(days=lookback), {"option": option}
        entry = Reported.from_state(self.reported.to_state())
        if entry.options != options:
            self.changes += 1
            entry = entry.restarted(options)
        due = entry.due(start, today, span)
        assert due == sorted(set(due), reverse=True)
        entry = entry.begun(due)
        for window in due[:stop]:
            is_again = self.read_at.get(window) == self.changes
            assert window.first in entry.sent or not is_again
            entry = entry.read(window, [(1, "")], today=today, last=today, lookback=span)
            self.read_at[window] = self.changes
            if window.last < today - span:
                self.closed_reads.append((window, self.changes))
            self.reported = entry


@settings(max_examples=200)
@given(
    size=st.sampled_from(SIZES[1:]),
    runs=st.lists(
        st.tuples(
            st.integers(0, 40),  # Days since the run before.
            st.integers(1, 3),  # How many windows the run reads before it is stopped.
            st.sampled_from(["a", "a", "a", "b"]),
        ),
        min_size=1,
        max_size=8,
    ),
    lookback=st.integers(0, 45),
)
def test_stopped_runs_read_each_window_once(
    size: Size, runs: list[tuple[int, int, str]], lookback: int
):
    """Whenever runs are stopped, all windows are read in the end, and old ones only once.

    The subjects of a window stay known as long as it is read again.
    """
    start, today, report = day("01-20"), day("04-10"), Report(size)
    for days, stop, option in runs:
        today += timedelta(days=days)
        report.run(start, today, lookback, option, stop)
    report.run(start, today, lookback, option, 10**6)

    assert all(report.read_at[window] == report.changes for window in windows(start, today, size))
    assert not report.reported.unread
    assert len(set(report.closed_reads)) == len(report.closed_reads)
