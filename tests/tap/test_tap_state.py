"""What a second sync reads, and what happens when the first one is disturbed."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import FatalAPIError
from tap_run import Run, run_tap, selecting, try_tap

from harvest_sandbox.sandbox import FIXED_NOW
from tap_harvest.state.bookmark import instant, instant_text
from tap_harvest.tap import TapHarvest

if TYPE_CHECKING:
    from collections.abc import Callable

    from harvest_sandbox import Sandbox

    Sync = Callable[..., Run]

LOOKBACK = timedelta(seconds=300)
FACTS = ("time_entries", "expenses", "invoices", "estimates")


def asked(harvest: Sandbox, path: str) -> list[str | None]:
    """From when on each request for a list asked."""
    return [
        request.query.get("updated_since") for request in harvest.requests if request.path == path
    ]


def bookmark(moment: str) -> dict[str, Any]:
    """A stream's entry in the state, after a whole read in the first run."""
    return {
        "replication_key": "updated_at",
        "replication_key_value": moment,
        "swept_at": instant_text(FIXED_NOW),
        "version": int(FIXED_NOW.timestamp()) * 1000,
    }


def latest(harvest: Sandbox, stream: str) -> str:
    """The latest change of a list."""
    return max(row["updated_at"] for row in harvest.rows(stream))


def test_a_bookmark_is_the_latest_change_that_was_seen(harvest: Sandbox, sync: Sync):
    """One entry a stream; where Harvest cannot be asked for changes, when it was read whole."""
    run = sync("clients", "roles", "time_clients_report", "project_budget_report")

    entry = bookmark(latest(harvest, "clients"))
    whole = {name: entry[name] for name in ("swept_at", "version")}
    entries = run.states[-1]["bookmarks"]
    del entries["time_clients_report"]
    budgets = {"swept_at": entry["swept_at"]}
    assert entries == {"clients": entry, "roles": whole, "project_budget_report": budgets}


def test_a_second_sync_asks_for_changes_only(harvest: Sandbox, sync: Sync):
    """From the bookmark on, less the overlap."""
    first = sync("clients")
    harvest.requests.clear()
    harvest.advance(seconds=3600)
    row = harvest.rows("clients")[0]
    harvest.change("clients", row["id"], name="Example Works")

    second = sync("clients", state=first.states[-1])

    since = instant(first.bookmarks["clients"]) - LOOKBACK
    assert asked(harvest, "/v2/clients") == [instant_text(since)]
    [changed] = [record for record in second.records("clients") if record["id"] == row["id"]]
    assert changed["name"] == "Example Works"
    assert second.bookmarks["clients"] == changed["updated_at"]


@pytest.mark.parametrize("inclusive", [True, False])
def test_a_change_in_the_very_second_of_the_bookmark_is_not_missed(
    harvest: Sandbox, sync: Sync, inclusive: bool
):
    """Whether Harvest's filter includes the second that is asked for or not."""
    harvest.switches.updated_since_inclusive = inclusive
    one, other, *_ = harvest.rows("clients")
    harvest.change("clients", one["id"], name="One of example.com")
    first = sync("clients")
    harvest.change("clients", other["id"], name="Other of example.com")

    second = sync("clients", state=first.states[-1])

    assert first.bookmarks["clients"] == instant_text(harvest.now)
    assert "Other of example.com" in {record["name"] for record in second.records("clients")}


def test_a_sync_with_nothing_new_keeps_the_state(harvest: Sandbox, sync: Sync):
    """The overlap moves nothing; what is read whole each time has a new version."""
    first = sync()
    harvest.advance(seconds=3600)

    second = sync(state=first.states[-1])

    before, after = (run.states[-1]["bookmarks"] for run in (first, second))
    whole = {stream for stream, entry in before.items() if "replication_key" not in entry}
    assert before.keys() == after.keys()
    assert {stream for stream in before if before[stream] != after[stream]} == whole


def test_lookback_is_a_setting(harvest: Sandbox, sync: Sync):
    """Where five minutes are too few, or too many."""
    sync(
        "clients",
        state={"bookmarks": {"clients": bookmark("2025-01-02T00:00:00Z")}},
        lookback_seconds=86400,
    )

    assert asked(harvest, "/v2/clients") == ["2025-01-01T00:00:00Z"]


def test_a_bookmark_never_passes_the_start_of_the_run(harvest: Sandbox, sync: Sync):
    """A row that changed during the walk may have been overtaken by another change."""
    started = harvest.now

    def edit() -> None:
        harvest.advance(seconds=60)
        harvest.change("clients", harvest.rows("clients")[-1]["id"], name="Example Works")

    harvest.fail(path="/v2/clients", edit=edit)

    run = sync("clients")

    assert max(row["updated_at"] for row in run.records("clients")) > instant_text(started)
    assert run.bookmarks["clients"] == instant_text(started)


def test_a_bookmark_never_moves_backwards(harvest: Sandbox, sync: Sync):
    """Whatever the list holds; clocks may differ by as much as the overlap covers."""
    later = instant_text(harvest.now + LOOKBACK)

    run = sync("clients", state={"bookmarks": {"clients": bookmark(later)}})

    assert latest(harvest, "clients") < later
    assert run.bookmarks["clients"] == later


def test_a_bookmark_ahead_of_harvest_s_clock_hides_no_changes(
    harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture
):
    """Another program wrote it, by a clock that was fast: nobody knows what was read."""
    ahead = instant_text(harvest.now + timedelta(hours=1))
    entries = {"clients": bookmark(ahead), "invoice_line_items": bookmark(ahead)}

    run = sync("clients", "invoice_line_items", state={"bookmarks": entries})

    assert run.ids("clients") == {row["id"] for row in harvest.rows("clients")}
    assert run.bookmarks["clients"] == latest(harvest, "clients")
    assert run.bookmarks["invoice_line_items"] == latest(harvest, "invoices")
    assert caplog.text.count("lies ahead of Harvest's clock") == 2


def test_an_interrupted_stream_keeps_its_old_bookmark(
    harvest: Sandbox, config: dict[str, Any], capfdbinary: pytest.CaptureFixture[bytes]
):
    """What came before it is bookmarked, it is not."""
    harvest.fail(path="/v2/clients", after=1, status=401)
    tap = TapHarvest(
        config={**config, "page_size": 3}, catalog=selecting("clients", "company", "contacts")
    )

    with pytest.raises(FatalAPIError):
        tap.sync_all()
    tap.account.client.close()

    output = capfdbinary.readouterr().out
    assert output.count(b'"RECORD"') == 3
    assert b'"STATE"' not in output


def test_a_first_sync_that_stops_anywhere_loses_nothing(harvest: Sandbox, config: dict[str, Any]):
    """Whatever request was its last, what it bookmarked and what the next one reads is all."""
    streams = ("clients", "contacts", "roles", "user_roles", "invoices", "invoice_line_items")
    catalog = selecting(*streams)

    def sync(state: dict[str, Any] | None) -> Run:
        tap = TapHarvest(config={**config, "page_size": 5}, catalog=catalog, state=state)
        run = try_tap(tap)
        assert run.error is None or isinstance(run.error, FatalAPIError)
        return run

    def content(*runs: Run) -> dict[str, set[str]]:
        return {
            stream: {json.dumps(row) for run in runs for row in run.records(stream)}
            for stream in streams
        }

    whole = content(sync(None))
    requests = len(harvest.requests)

    for position in range(requests):
        harvest.faults.clear()
        harvest.fail(status=401, after=position)
        stopped = sync(None)
        kept = stopped.until_last_state()
        resumed = sync(kept.states[-1] if kept.states else None)

        assert content(kept, resumed) == whole, f"stopped at request {position}"
    assert requests > 10


def test_rows_that_are_deleted_during_the_walk_hide_no_others(harvest: Sandbox, sync: Sync):
    """Deleting moves rows to pages that were read already, so the list is read again."""
    entries = harvest.rows("time_entries")
    first = next(entry for entry in entries[:10] if not entry["is_closed"])
    harvest.fail(
        path="/v2/time_entries", after=1, edit=lambda: harvest.delete("time_entries", first["id"])
    )

    run = sync("time_entries", page_size=10)

    assert run.ids("time_entries") >= {row["id"] for row in harvest.rows("time_entries")}
    assert run.bookmarks["time_entries"]


def test_rows_that_come_twice_do_not_stand_for_others(harvest: Sandbox, sync: Sync):
    """One row added and one deleted: as many rows as announced, yet one is missing."""
    first = harvest.rows("time_entries")[0]
    now = harvest.now.date().isoformat()
    harvest.fail(
        path="/v2/time_entries",
        after=1,  # Before the second page, so that a row of the first one comes again.
        edit=lambda: harvest.add("time_entries", spent_date=now),
    )
    harvest.fail(
        path="/v2/time_entries",
        after=2,  # Before the fourth page, so that its first row moves to the third one.
        edit=lambda: harvest.delete("time_entries", first["id"]),
    )

    run = sync("time_entries", page_size=10)

    assert run.ids("time_entries") >= {row["id"] for row in harvest.rows("time_entries")}


def test_a_row_that_moves_to_the_end_hides_no_other(harvest: Sandbox, sync: Sync):
    """It comes twice, far apart, and must not stand for the one that moved into its page."""
    first = next(row for row in harvest.rows("time_entries")[:10] if not row["is_locked"])

    def edit() -> None:
        harvest.advance(seconds=5)
        harvest.change("time_entries", first["id"], spent_date="2020-01-01")

    harvest.fail(path="/v2/time_entries", after=1, edit=edit)

    run = sync("time_entries", page_size=10)

    assert run.ids("time_entries") == {row["id"] for row in harvest.rows("time_entries")}


def test_a_row_that_is_made_during_the_walk_does_not_stand_for_another(
    harvest: Sandbox, sync: Sync
):
    """One deleted on a page that was read, one added on a page that was not."""
    first = next(row for row in harvest.rows("time_entries")[:10] if not row["is_closed"])

    def edit() -> None:
        harvest.advance(seconds=5)
        harvest.delete("time_entries", first["id"])
        harvest.add("time_entries", spent_date="2020-01-01")

    harvest.fail(path="/v2/time_entries", after=1, edit=edit)

    run = sync("time_entries", page_size=10)

    assert run.ids("time_entries") >= {row["id"] for row in harvest.rows("time_entries")}


def test_a_clock_that_is_behind_makes_no_row_a_newcomer(
    harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture
):
    """What is on the first page was announced, whatever `Date` says; the bookmark moves."""
    harvest.add("clients")
    harvest.switches.date_skew_seconds = -3600

    run = sync("clients")

    assert asked(harvest, "/v2/clients") == [None]
    assert "changed each time" not in caplog.text
    assert run.bookmarks["clients"]


def test_rows_that_are_added_during_the_walk_cost_no_second_one(harvest: Sandbox, sync: Sync):
    """They come with the next run, as their change is later than this run's start."""
    pages = -(-len(harvest.rows("time_entries")) // 10)

    def edit() -> None:
        harvest.advance(seconds=60)
        harvest.add("time_entries")

    harvest.fail(path="/v2/time_entries", after=1, edit=edit)
    first = sync("time_entries", page_size=10)
    requests = len(asked(harvest, "/v2/time_entries"))
    second = sync("time_entries", state=first.states[-1])

    assert requests in {pages, pages + 1}
    assert first.ids("time_entries") | second.ids("time_entries") == {
        row["id"] for row in harvest.rows("time_entries")
    }


def test_a_list_that_stays_short_keeps_its_bookmark(
    harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture
):
    """Rows are deleted in each walk: nobody can say that all were read."""
    for after in (1, 2, 3):  # Before the second page of each walk.
        harvest.fail(
            path="/v2/time_entries",
            after=after,
            edit=lambda: harvest.delete("time_entries", harvest.rows("time_entries")[0]["id"]),
        )
    before = bookmark("2019-01-01T00:00:00Z")

    run = sync("time_entries", page_size=200, state={"bookmarks": {"time_entries": before}})

    assert "changed each time that it was read" in caplog.text
    assert run.states[-1] == {"bookmarks": {"time_entries": before}}


def test_start_date_limits_facts_only(harvest: Sandbox, sync: Sync):
    """Today's entry may refer to a client of long ago."""
    run = sync(start_date="2026-01-01")

    assert asked(harvest, "/v2/clients") == [None]
    assert run.ids("clients") == {row["id"] for row in harvest.rows("clients")}
    for stream in FACTS:
        assert asked(harvest, f"/v2/{stream}") == ["2026-01-01T00:00:00Z"]
        assert all(row["updated_at"] >= "2026-01-01" for row in run.records(stream))


def test_start_date_counts_before_the_first_bookmark_only(harvest: Sandbox, sync: Sync):
    """A later start must not leave a gap behind the bookmark."""
    state = {"bookmarks": {"expenses": bookmark("2025-01-01T00:05:00Z")}}

    sync("expenses", start_date="2026-01-01", state=state)

    assert asked(harvest, "/v2/expenses") == ["2025-01-01T00:00:00Z"]


def test_slices_that_meet_lose_nothing(sync: Sync):
    """History can be read piece by piece."""
    streams = (*FACTS, "invoice_line_items", "time_entry_external_references", "clients")
    whole = sync(*streams)
    state: dict[str, Any] | None = None
    pieces = []
    for end in ("2025-06-01", "2026-01-01T12:00:00Z", None):
        run = sync(*streams, state=state, **({"end_date": end} if end else {}))
        pieces.append(run)
        state = run.states[-1]

    for stream in FACTS:
        assert all(row["updated_at"] < "2025-06-01" for row in pieces[0].records(stream))
        assert set().union(*(run.ids(stream) for run in pieces)) == whole.ids(stream)
        assert pieces[0].bookmarks.get(stream, "") <= "2025-06-01T00:00:00Z"
    assert state == whole.states[-1]


def test_a_child_that_is_selected_late_gets_its_whole_history(harvest: Sandbox, sync: Sync):
    """The parent, which is up to date, does not write its own again."""
    first = sync("invoices")
    harvest.requests.clear()

    second = sync("invoices", "invoice_line_items", state=first.states[-1])

    assert asked(harvest, "/v2/invoices") == [None]
    lines = [line["id"] for row in harvest.rows("invoices") for line in row["line_items"]]
    assert sorted(row["id"] for row in second.records("invoice_line_items")) == sorted(lines)
    assert len(second.records("invoices")) < len(first.records("invoices"))
    assert second.bookmarks["invoice_line_items"] == second.bookmarks["invoices"]


def test_state_is_written_after_each_stream(sync: Sync):
    """A run that is stopped keeps what was read whole; no state runs ahead of its records."""
    run = sync("clients", "tasks")

    kinds = [
        message["type"] if message["type"] == "STATE" else message["stream"]
        for message in run.messages
        if message["type"] in {"RECORD", "STATE"}
    ]
    order = [kind for kind, before in zip(kinds, [None, *kinds], strict=False) if kind != before]
    assert order == ["clients", "STATE", "tasks", "STATE"]
    assert [sorted(state["bookmarks"]) for state in run.states] == [
        ["clients"],
        ["clients", "tasks"],
    ]


def test_a_bookmark_that_cannot_be_used_is_reported(
    harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture
):
    """Its stream is read from the beginning, the others from their bookmarks."""
    good = bookmark("2025-01-01T00:05:00Z")

    sync("clients", "tasks", state={"bookmarks": {"clients": bookmark("never"), "tasks": good}})

    assert "stream=clients" in caplog.text
    assert asked(harvest, "/v2/clients") == [None]
    assert asked(harvest, "/v2/tasks") == ["2025-01-01T00:00:00Z"]


def test_the_bookmark_of_a_deselected_stream_is_kept(sync: Sync):
    """It may be selected again."""
    tasks = bookmark("2025-01-01T00:00:00Z")

    run = sync("clients", state={"bookmarks": {"tasks": tasks}})

    assert run.states[-1]["bookmarks"]["tasks"] == tasks


def test_a_stream_that_is_to_be_read_in_full_is(harvest: Sandbox, config: dict[str, Any]):
    """A catalog can ask for `FULL_TABLE`; its bookmark then stays where it is."""
    state = {"bookmarks": {"clients": bookmark("2025-01-01T00:00:00Z")}}
    catalog = selecting("clients")
    for entry in catalog["streams"]:
        entry["replication_method"] = "FULL_TABLE"

    run = run_tap(TapHarvest(config=config, catalog=catalog, state=state))

    assert asked(harvest, "/v2/clients") == [None]
    assert run.ids("clients") == {row["id"] for row in harvest.rows("clients")}
    bookmarks = run.states[-1]["bookmarks"]
    assert bookmarks["clients"]["replication_key_value"] == "2025-01-01T00:00:00Z"


def test_the_account_s_clock_counts_and_not_the_machine_s(harvest: Sandbox, sync: Sync):
    """Harvest's `Date` tells when the run began."""
    harvest.change("clients", harvest.rows("clients")[0]["id"], name="Example Works")
    harvest.advance(seconds=-60)

    run = sync("clients")

    assert run.bookmarks["clients"] == instant_text(harvest.now)
    assert latest(harvest, "clients") > run.bookmarks["clients"]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"])
def test_rows_of_an_instant_beyond_the_calendar_pass(harvest: Sandbox, sync: Sync, moment: str):
    """As they came. They move no bookmark."""
    changed = re.compile(rb'(?<="updated_at":")[^"]+')
    harvest.fail(path="/v2/clients", rewrite=lambda body: changed.sub(moment.encode(), body))

    run = sync("clients")

    assert {record["updated_at"] for record in run.records("clients")} == {moment}
    assert run.ids("clients") == {row["id"] for row in harvest.rows("clients")}
    assert run.bookmarks == {}
