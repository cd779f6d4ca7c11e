"""Which states may be printed: those of which every record before them is committed."""

from __future__ import annotations

from itertools import pairwise
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from target_harvest_sql.watermark import HELD_BYTES, Watermark


def test_a_state_waits_for_its_records() -> None:
    """First until they are handed over, then until their batch is committed."""
    watermark = Watermark(keeps_last=False)
    watermark.add(2, b"two", [1])

    watermark.hand_over(1, 1)
    assert watermark.commit(1, inf) == []
    watermark.hand_over(2, 2)
    assert watermark.commit(1, inf) == []
    assert watermark.commit(2, inf) == [b"two"]
    assert watermark.commit(2, inf) == []


def test_of_states_that_wait_for_the_same_records_the_newest_is_printed() -> None:
    """An older one would tell less."""
    watermark = Watermark(keeps_last=False)
    for state in (b"first", b"second"):
        watermark.add(1, state, [])
    watermark.hand_over(1, 1)

    assert watermark.commit(1, inf) == [b"second"]


def test_no_state_after_a_refused_record_is_printed() -> None:
    """The state before the record is printed, though its batch ends after the record."""
    watermark = Watermark(keeps_last=False)
    watermark.add(1, b"before", [1])
    watermark.add(3, b"after", [1])
    watermark.hand_over(3, 1)

    assert watermark.commit(1, 2) == [b"before"]


def test_a_run_that_replaces_tables_prints_its_last_state() -> None:
    """All others are dropped, whatever they wait for."""
    watermark = Watermark(keeps_last=True)
    for ordinal in range(5):
        watermark.add(ordinal, b"%d" % ordinal, [])
    watermark.hand_over(4, 1)

    assert watermark.commit(1, inf) == [b"4"]


@given(
    sizes=st.lists(st.integers(0, 3), min_size=1, max_size=30),
    length=st.sampled_from([10, HELD_BYTES // 4]),
)
def test_every_printed_state_is_due_and_newer_than_the_one_before(
    sizes: list[int], length: int
) -> None:
    """Also where so many bytes of states wait that some are dropped; the last is always printed."""
    watermark, ordinal, due = Watermark(keeps_last=False), 0, []
    for number, size in enumerate(sizes, 1):
        first, ordinal = ordinal + 1, ordinal + size
        watermark.add(ordinal, b"%d " % ordinal + b"-" * length, [first] if size else [])
        watermark.hand_over(ordinal, number)
        due.append(ordinal)

    printed = []
    for number, last in enumerate(due, 1):
        states = [int(state.split()[0]) for state in watermark.commit(number, inf)]
        assert all(state <= last for state in states)
        printed += states
    assert printed[-1] == due[-1]
    assert all(older <= newer for older, newer in pairwise(printed))
