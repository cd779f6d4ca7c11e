"""The request budget, by a clock that only waiting moves."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import Clock

from tap_harvest.http.budget import Budget


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


def waits(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines of long waits, without the time of day."""
    assert all(re.search(r" until=2\d{3}-\S+$", record.message) for record in caplog.records)
    return [record.message.rpartition(" until=")[0] for record in caplog.records]


def test_a_long_wait_is_told_every_minute(clock: Clock, caplog: pytest.LogCaptureFixture):
    """A quarter of an hour without a word would be taken for a standstill."""
    caplog.set_level("INFO")
    reports = Budget(2, 900, clock=clock, wait=clock.wait)
    lists = Budget(2, 15, clock=clock, wait=clock.wait)
    reports.expect(5)

    for budget in (reports, lists):
        for _ in range(5):
            with budget:
                clock.now += 1

    window = "Waiting for Harvest's budget: requests=2 in_seconds=900"
    told = range(899, 20, -60)
    assert waits(caplog) == [
        *(f"{window} wait=1 of=2 wait_seconds={seconds}" for seconds in told),
        *(f"{window} wait=2 of=2 wait_seconds={seconds}" for seconds in told),
    ]


def test_requests_that_wait_together_are_told_once(clock: Clock, caplog: pytest.LogCaptureFixture):
    """Each of them may be sent a little later than the one before."""
    caplog.set_level("INFO")
    budget = Budget(3, 900, clock=clock, wait=clock.wait)

    for _ in range(6):
        with budget:
            clock.now += 5

    assert {line.partition(" wait_")[0][-11:] for line in waits(caplog)} == {"wait=1 of=1"}


@pytest.mark.parametrize(
    ("requests", "seconds"),
    [(0, 0), (1, 0), (2, 0), (3, 890), (4, 895), (5, 900), (6, 900), (8, 1790)],
)
def test_the_time_until_requests_are_sent_is_known(clock: Clock, requests: int, seconds: float):
    """By what is left of the budget, and by when more of it is free again."""
    budget = Budget(5, 900, clock=clock, wait=clock.wait)
    with budget:
        pass
    clock.now += 5
    with budget:
        pass
    clock.now += 5

    with budget:  # It has no answer yet, so it may count until a window from now.
        assert budget.seconds_until(requests) == seconds


def test_a_pause_is_a_part_of_the_time_until_requests_are_sent(clock: Clock):
    """Nothing is sent before its end."""
    budget = Budget(5, 900, clock=clock, wait=clock.wait)

    budget.pause(60)

    assert (budget.seconds_until(1), budget.seconds_until(6)) == (60, 960)


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
    """Only the first one is news. The wait is told from a minute after that on."""
    caplog.set_level("INFO")
    budget = Budget(3, 900, clock=clock, wait=clock.wait)

    news = []
    for _ in range(4):
        news.append(budget.pause(900))
        clock.now += 3
    with budget:
        pass

    assert news == [True, False, False, False]
    assert sum(clock.waited) == 897
    assert waits(caplog)[0].endswith(" wait=1 of=1 wait_seconds=837")
    assert len(caplog.records) == 14


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
