"""What was read and what is due, without HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tap_harvest.state.bookmark import Bookmark, Span, instant, instant_text
from tap_harvest.state.entries import sound_state

MAY = datetime(2031, 5, 1, tzinfo=UTC)
JUNE = datetime(2031, 6, 1, tzinfo=UTC)
JULY = datetime(2031, 7, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2031-05-01", MAY),
        ("2031-05-01T00:00:00", MAY),
        ("2031-05-01T00:00:00Z", MAY),
        ("2031-05-01T02:00:00+02:00", MAY),
    ],
)
def test_an_instant_is_read_in_each_of_its_forms(text: str, moment: datetime):
    """A date is its first second, and UTC is assumed."""
    assert instant(text) == moment
    assert instant_text(instant(text)) == "2031-05-01T00:00:00Z"


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"])
@pytest.mark.parametrize("name", ["replication_key_value", "swept_at", "start_date"])
def test_an_instant_beyond_the_calendar_is_a_fault_of_its_entry(name: str, text: str):
    """In UTC there is no year 0 and no year 10000."""
    entry = {"replication_key_value": "2031-05-01T00:00:00Z", name: text}

    sound, faults = sound_state({"bookmarks": {"clients": entry}})

    assert sound == {}
    assert "years 1 to 9999" in faults["clients"]


def test_a_bookmark_asks_again_for_the_overlap():
    """Rows that Harvest showed late are not missed."""
    since = Bookmark(MAY).since(lookback=timedelta(seconds=300))

    assert since == MAY - timedelta(seconds=300)


@pytest.mark.parametrize(
    ("moment", "lookback"),
    [
        (datetime.min.replace(tzinfo=UTC), timedelta(seconds=300)),
        (MAY, timedelta(days=700_000)),
    ],
)
def test_an_overlap_with_the_beginning_of_time_asks_for_all(moment: datetime, lookback: timedelta):
    """Other programs write year 1 for never, and a lookback has no upper bound."""
    assert Bookmark(moment).since(lookback=lookback) is None


@pytest.mark.parametrize(
    ("bookmark", "start", "beginning"),
    [
        (Bookmark(), MAY, MAY),
        (Bookmark(), None, None),
        (Bookmark(JULY, start=MAY), JUNE, MAY),
        (Bookmark(JULY, start=JUNE), MAY, MAY),
        (Bookmark(JULY, start=MAY), None, None),
        (Bookmark(JULY), MAY, None),
        (Bookmark(version=1), MAY, None),
    ],
)
def test_a_stream_begins_at_the_earliest_start_it_ever_had(
    bookmark: Bookmark, start: datetime | None, beginning: datetime | None
):
    """What was loaded once stays loaded."""
    assert bookmark.beginning(start) == beginning


def test_a_version_is_later_than_all_before():
    """Also where the clock stands still, or was set back."""
    now = datetime.fromtimestamp(1900, UTC)

    assert Bookmark().next_version(now) == 1_900_000
    assert Bookmark(version=1_899_999).next_version(now) == 1_900_000
    assert Bookmark(version=1_900_000).next_version(now) == 1_900_001
    assert Bookmark(version=2_000_000).next_version(now) == 2_000_001


@pytest.mark.parametrize(
    ("before", "highest", "caps", "after"),
    [
        (None, None, (), None),
        (None, JUNE, (), JUNE),
        (MAY, JUNE, (None,), JUNE),
        (MAY, JULY, (JUNE, None), JUNE),
        (JUNE, MAY, (), JUNE),
        (JUNE, JULY, (MAY,), JUNE),
        (JUNE, None, (), JUNE),
    ],
)
def test_a_bookmark_moves_forward_up_to_its_caps(
    before: datetime | None,
    highest: datetime | None,
    caps: tuple[datetime | None, ...],
    after: datetime | None,
):
    """Never past a cap, never backwards, and not without a row."""
    assert Bookmark(before).moved(highest, *caps) == Bookmark(after)


def test_a_span_holds_its_begin_and_not_its_end():
    """Slices that meet share no instant; a row without an instant is never left out."""
    span = Span(MAY, JUNE)

    assert MAY in span
    assert JUNE not in span
    assert None in span
    assert MAY - timedelta(seconds=1) not in span


def test_an_entry_of_the_state_is_read_as_it_was_written():
    """Singer's names, and Harvest's way to write an instant."""
    entry = Bookmark(MAY).to_state()

    assert entry == {
        "replication_key": "updated_at",
        "replication_key_value": "2031-05-01T00:00:00Z",
    }
    assert Bookmark.from_state(entry) == Bookmark(MAY)


@pytest.mark.parametrize(
    "entry",
    [
        "2031-05-01",
        {"replication_key": "id", "replication_key_value": "2031-05-01"},
        {"replication_key": "updated_at", "replication_key_value": 12},
        {"replication_key": "updated_at", "replication_key_value": "yesterday"},
    ],
)
def test_an_entry_that_cannot_be_used_is_named(entry: Any):
    """The other streams keep their bookmarks."""
    good = Bookmark(MAY).to_state()

    sound, faults = sound_state({"bookmarks": {"clients": entry, "tasks": good}})

    assert sound == {"tasks": good}
    assert list(faults) == ["clients"]


def test_marks_of_an_interrupted_run_are_dropped():
    """Only what was read whole is kept."""
    marks = {"progress_markers": {"Note": "x"}, "starting_replication_value": "2030-01-01"}

    sound, faults = sound_state({"bookmarks": {"clients": marks, "tasks": {}}})

    assert (sound, faults) == ({}, {})


def test_bookmarks_that_are_no_object_are_a_fault():
    """A state of another shape is not taken for an empty one."""
    with pytest.raises(ValueError, match="list, not an object"):
        sound_state({"bookmarks": []})


def test_spans_are_covered_by_one_that_holds_them_all():
    """One read serves several streams, each from its own bookmark on."""
    assert Span.covering([Span(JUNE, JULY), Span(MAY, JUNE)]) == Span(MAY, JULY)
    assert Span.covering([Span(JUNE, JULY), Span(None, JULY)]) == Span(None, JULY)
    assert Span.covering([Span(JUNE, None), Span(MAY, JULY)]) == Span(MAY, None)


@pytest.mark.parametrize(
    ("bookmark", "now", "every", "is_due"),
    [
        (Bookmark(), JUNE, None, True),
        (Bookmark(MAY, MAY), None, timedelta(0), False),
        (Bookmark(MAY, MAY), JUNE, None, False),
        (Bookmark(MAY, None), JUNE, timedelta(days=60), True),
        (Bookmark(MAY, MAY), JUNE, timedelta(days=32), False),
        (Bookmark(MAY, MAY), JUNE, timedelta(days=31), True),
        (Bookmark(MAY, MAY), MAY, timedelta(0), True),
        (Bookmark(MAY, JULY), JUNE, timedelta(days=60), True),
    ],
)
def test_a_list_is_reconciled_when_its_time_is_over(
    bookmark: Bookmark, now: datetime | None, every: timedelta | None, is_due: bool
):
    """Without a bookmark all is read anyway; a time in the future tells nothing."""
    assert bookmark.is_reconcile_due(now, every) is is_due


def test_the_time_of_a_reconcile_stands_beside_the_bookmark():
    """In the same entry of the state, with its beginning and the version of the records."""
    bookmark = Bookmark(JUNE, MAY, start=MAY, version=7)

    entry = bookmark.to_state()

    assert entry == {
        "replication_key": "updated_at",
        "replication_key_value": "2031-06-01T00:00:00Z",
        "swept_at": "2031-05-01T00:00:00Z",
        "start_date": "2031-05-01T00:00:00Z",
        "version": 7,
    }
    assert Bookmark.from_state(entry) == bookmark
    assert sound_state({"bookmarks": {"invoice_payments": entry}}) == (
        {"invoice_payments": entry},
        {},
    )


def test_a_stream_without_bookmark_keeps_its_version():
    """One that is read whole each time has no other."""
    assert sound_state({"bookmarks": {"roles": {"version": 7}}}) == (
        {"roles": {"version": 7}},
        {},
    )
