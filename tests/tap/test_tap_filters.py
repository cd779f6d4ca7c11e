"""What Harvest is asked to leave out of a list."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import ConfigValidationError
from tap_run import run_tap, selecting

from harvest_sandbox.endpoints import endpoints
from tap_harvest.reading.nested import NestedStream
from tap_harvest.reading.report import Report
from tap_harvest.streams import STREAMS
from tap_harvest.tap import TapHarvest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_run import Run

    from harvest_sandbox import Sandbox

    Row = dict[str, Any]
    Sync = Callable[..., Run]


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_filters_are_those_that_harvest_offers(stream: Any):
    """Of each list of the oracle; the days of reports are windows, and no filters."""
    endpoint = endpoints().get(stream.name)
    is_list = endpoint is not None and not issubclass(stream, Report | NestedStream)

    assert dict(stream.filters) == (dict(endpoint.filters) if endpoint and is_list else {})


@pytest.mark.parametrize(
    ("stream", "field", "name"),
    [
        ("time_entries", "project", "project_id"),
        ("time_entries", "user", "user_id"),
        ("expenses", "client", "client_id"),
    ],
)
def test_only_what_passes_is_read(harvest: Sandbox, sync: Sync, stream: str, field: str, name: str):
    """On all pages, as Harvest's links carry the filters on."""
    rows = harvest.rows(stream)
    wanted = rows[0][field]["id"]

    run = sync(stream, stream_filters={stream: {name: wanted}}, page_size=1)

    assert run.ids(stream) == {row["id"] for row in rows if row[field]["id"] == wanted}
    assert 0 < len(run.ids(stream)) < len(rows)


def test_a_row_passes_all_filters(harvest: Sandbox, sync: Sync):
    """A person's billed work in a time frame, whose ends are included."""
    rows = harvest.rows("time_entries")
    days = sorted(row["spent_date"] for row in rows)
    first, last = days[len(days) // 4], days[len(days) // 2]

    run = sync(
        "time_entries",
        stream_filters={"time_entries": {"is_billed": True, "from": first, "to": last}},
    )

    expected = {r["id"] for r in rows if r["is_billed"] and first <= r["spent_date"] <= last}
    assert run.ids("time_entries") == expected
    assert expected


def test_what_comes_from_a_filtered_list_follows_it(harvest: Sandbox, sync: Sync):
    """Also without that list, and from lists below it, of which only those that pass are asked."""
    rows = harvest.rows("invoices")
    paid = {row["id"] for row in rows if row["state"] == "paid"}

    run = sync(
        "invoice_line_items",
        "invoice_payments",
        "invoice_message_recipients",
        stream_filters={"invoices": {"state": "paid"}},
    )

    assert {record["invoice_id"] for record in run.records("invoice_line_items")} == paid
    asked = {
        int(request.path.split("/")[3])
        for request in harvest.requests
        if request.path.endswith(("/payments", "/messages"))
    }
    assert asked == paid
    assert paid < {row["id"] for row in rows}


def test_a_filtered_stream_goes_on_from_its_bookmark(harvest: Sandbox, sync: Sync):
    """As any other, while the filters stay."""
    filters = {"time_entries": {"is_billed": False}}
    first = sync("time_entries", stream_filters=filters)
    entry = harvest.add("time_entries")

    second = sync("time_entries", state=first.states[-1], stream_filters=filters)

    assert entry["id"] in second.ids("time_entries")
    assert len(second.ids("time_entries")) < len(first.ids("time_entries"))
    assert second.states[-1]["bookmarks"]["time_entries"]["filters"] == {"is_billed": "false"}


@pytest.mark.parametrize(
    ("stream", "before", "now"),
    [
        ("time_entries", {"is_billed": False}, {}),
        ("time_entries", {}, {"is_billed": False}),
        ("time_entry_external_references", {"is_billed": False}, {"is_billed": True}),
    ],
)
def test_changed_filters_have_the_stream_read_from_the_beginning(
    sync: Sync, caplog: pytest.LogCaptureFixture, stream: str, before: Row, now: Row
):
    """Rows that only the new ones let through did not change since the bookmark."""
    first = sync(stream, stream_filters={"time_entries": before})

    second = sync(stream, stream_filters={"time_entries": now}, state=first.states[-1])

    assert "`stream_filters` was changed" in caplog.text
    whole = sync(stream, stream_filters={"time_entries": now})
    assert second.records(stream) == whole.records(stream)
    assert second.records(stream)


def test_changed_filters_of_the_parent_have_all_its_lists_read(sync: Sync):
    """Of invoices that only the new ones let through."""
    first = sync("invoice_payments", stream_filters={"invoices": {"state": "draft"}})

    second = sync("invoice_payments", state=first.states[-1] if first.states else None)

    assert second.ids("invoice_payments") == sync("invoice_payments").ids("invoice_payments")


def test_what_nobody_filled_in_is_no_filter(harvest: Sandbox, sync: Sync):
    """Null, at either place."""
    run = sync("tasks", "users", stream_filters={"tasks": {"is_active": None}, "users": None})

    assert run.ids("tasks") == {row["id"] for row in harvest.rows("tasks")}
    assert "is_active" not in harvest.requests[-1].query


def test_filters_can_come_from_the_environment(
    harvest: Sandbox, config: Row, monkeypatch: pytest.MonkeyPatch
):
    """As JSON, where some programs write each value as a text."""
    project = harvest.rows("time_entries")[0]["project"]["id"]
    monkeypatch.setenv(
        "TAP_HARVEST_STREAM_FILTERS",
        json.dumps({"time_entries": {"project_id": str(project), "is_running": "False"}}),
    )

    tap = TapHarvest(config=config, catalog=selecting("time_entries"), parse_env_config=True)
    run = run_tap(tap)

    assert {record["project"]["id"] for record in run.records("time_entries")} == {project}
    assert harvest.requests[-1].query["is_running"] == "false"


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"task": {"is_active": True}}, "an unknown stream: task"),
        ({"task": {}}, "The streams with filters are clients, contacts, invoices,"),
        ({"tasks": True}, "`stream_filters` of tasks is not an object"),
        ({"roles": {"is_active": True}}, "cannot limit roles: Harvest has no filters for it"),
        ({"invoice_payments": {"from": "2031-01-01"}}, "cannot limit invoice_payments"),
        ({"time_team_report": {"from": "2031-01-01"}}, "cannot limit time_team_report"),
        ({"expenses": {"task_id": 7}}, "of expenses has no filter task_id. Harvest knows user_id,"),
        ({"tasks": {"updated_since": "2031-01-01"}}, "has no filter updated_since"),
        ({"tasks": {"is_active": 1}}, "is_active is not true or false"),
        ({"tasks": {"is_active": "yes"}}, "is_active is not true or false"),
        ({"contacts": {"client_id": "ACME"}}, "client_id is not a whole number"),
        ({"contacts": {"client_id": 7.5}}, "client_id is not a whole number"),
        ({"contacts": {"client_id": True}}, "client_id is not a whole number"),
        ({"contacts": {"client_id": [7, 8]}}, "client_id is not a whole number"),
        ({"invoices": {"from": "01/04/2031"}}, "from is not a date, such as `2031-04-09`"),
        ({"invoices": {"to": "2031-04-31"}}, "to is not a date"),
        ({"invoices": {"to": 20310430}}, "to is not a date"),
        ({"invoices": {"to": "2031-04-30T12:00:00Z"}}, "to is not a date"),
        ({"invoices": {"state": ""}}, "state is not a text"),
        ({"invoices": {"state": ["paid"]}}, "state is not a text"),
        ({"invoices": {"from": "2031-04-02", "to": "2031-04-01"}}, "is after `to` (2031-04-01)"),
    ],
)
def test_filters_that_cannot_be_right_are_named(filters: Any, said: str):
    """In one sentence, before the first request."""
    with pytest.raises(ConfigValidationError) as caught:
        TapHarvest(config={"access_token": "71001.pt.secret", "stream_filters": filters})

    [complaint] = [text for text in caught.value.errors if "stream_filters" in text]
    assert said in complaint


def test_each_fault_of_the_filters_is_named():
    """So that nobody has to try as often as there are faults."""
    filters = {"task": {}, "tasks": {"is_active": "yes", "name": "x"}}

    with pytest.raises(ConfigValidationError) as caught:
        TapHarvest(config={"access_token": "71001.pt.secret", "stream_filters": filters})

    assert len(caught.value.errors) == 3
