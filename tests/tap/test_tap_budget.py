"""The request budget, by a clock that only waiting moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from scripted_server import Clock

from tap_harvest.http.budget import Budget

if TYPE_CHECKING:
    import pytest


def test_a_budget_holds_back_only_what_exceeds_it(clock: Clock):
    """The first requests leave at once, the next when the first one is out of the window."""
    budget = Budget(3, 15, clock=clock, wait=clock.wait)

    for _ in range(4):
        with budget:
            clock.now += 1

    assert clock.waited == [13]


def test_time_in_which_requests_are_held_back_is_counted(clock: Clock):
    """For the summary of a run; time between requests is none of it."""
    budget = Budget(2, 15, clock=clock, wait=clock.wait)

    for _ in range(3):
        with budget:
            clock.now += 1
    clock.now += 100

    assert budget.seconds_held == 14


def test_a_long_wait_is_told_once(clock: Clock, caplog: pytest.LogCaptureFixture):
    """A quarter of an hour without a word would be taken for a standstill."""
    caplog.set_level("INFO")
    reports = Budget(2, 900, clock=clock, wait=clock.wait)
    lists = Budget(2, 15, clock=clock, wait=clock.wait)

    for budget in (reports, lists):
        for _ in range(4):
            with budget:
                clock.now += 1

    [line] = [record.message for record in caplog.records]
    assert line == "Waiting for Harvest's budget: requests=2 in_seconds=900 wait_seconds=899"


def test_what_is_left_grows_again_with_time(clock: Clock):
    """Requests that are out of the window no longer count."""
    budget = Budget(3, 15, clock=clock, wait=clock.wait)

    with budget:
        pass
    left = budget.left
    clock.now += 15

    assert (left, budget.left) == (2, 3)


def test_of_two_pauses_the_longer_one_counts(clock: Clock):
    """A short pause does not end a long one."""
    budget = Budget(3, 15, clock=clock, wait=clock.wait)
    assert budget.pause(9)
    assert not budget.pause(2)

    with budget:
        pass

    assert clock.waited == [9]


def test_requests_that_are_refused_together_ask_for_one_pause(
    clock: Clock, caplog: pytest.LogCaptureFixture
):
    """Only the first one is news, and what tells of it tells of the wait as well."""
    caplog.set_level("INFO")
    budget = Budget(3, 900, clock=clock, wait=clock.wait)

    news = []
    for _ in range(4):
        news.append(budget.pause(900))
        clock.now += 3
    with budget:
        pass

    assert news == [True, False, False, False]
    assert clock.waited == [897]
    assert caplog.records == []


@given(st.lists(st.floats(0, 20), max_size=60), st.integers(1, 5))
def test_no_window_ever_holds_more_requests_than_allowed(gaps: list[float], limit: int):
    """Whatever the pace, Harvest counts at most the budget in each window of its clock."""
    clock = Clock()
    budget = Budget(limit, 15, clock=clock, wait=clock.wait)
    arrivals = []
    for gap in gaps:
        clock.now += gap
        with budget:
            arrivals.append(clock.now)

    assert all(
        later - earlier >= 15 - 1e-6
        for earlier, later in zip(arrivals, arrivals[limit:], strict=False)
    )
