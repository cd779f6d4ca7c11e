"""What was deleted in Harvest goes downstream, and nothing else does."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import FatalAPIError
from tap_run import Run, landed, run_tap, selecting, try_tap

from harvest_sandbox import Sandbox
from harvest_sandbox.sandbox import FIXED_NOW
from tap_harvest.reading.kinds import Singleton
from tap_harvest.reading.nested import NestedStream
from tap_harvest.state.bookmark import instant_text
from tap_harvest.streams import STREAMS
from tap_harvest.tap import TapHarvest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Sync = Callable[..., Run]

HOUR = 3600
DAY = 24 * HOUR
NOW = int(FIXED_NOW.timestamp()) * 1000
"""The version that a read at the account's first moment gives."""
RECONCILED = [stream.name for stream in STREAMS if not stream.is_history]
ACCOUNT_WIDE = [
    stream.name
    for stream in STREAMS
    if not (stream.is_history or issubclass(stream, NestedStream))
    and not issubclass(stream.parent_stream_type or stream, NestedStream)
]
"""The streams that take no request for each record of another."""
LISTS = [
    stream.name
    for stream in STREAMS
    if stream.name in ACCOUNT_WIDE and stream.path and not issubclass(stream, Singleton)
]


def ids(harvest: Sandbox, stream: str) -> set[int]:
    """The ids of what the account holds now."""
    return {row["id"] for row in harvest.rows(stream)}


def found(stream: str, *runs: Run) -> set[int]:
    """The ids of what a target holds after some runs."""
    return {record["id"] for record in landed(*runs)[stream].values()}


def deletable(harvest: Sandbox, *, of: slice = slice(None)) -> int:
    """The id of a time entry that may be deleted, out of a part of the list."""
    return next(row["id"] for row in harvest.rows("time_entries")[of] if not row["is_closed"])


@pytest.fixture(scope="module")
def everything() -> Iterator[Run]:
    """A first sync of a whole account, in two runs: one would use up the budget, and wait."""
    with Sandbox() as harvest:
        config = {
            "access_token": harvest.token,
            "account_id": harvest.account_id,
            "api_url": harvest.api_url,
            "identity_url": harvest.identity_url,
            "report_start_date": "2026-06-01",
        }
        others = [stream.name for stream in STREAMS if stream.name not in ACCOUNT_WIDE]
        first = run_tap(TapHarvest(config=config, catalog=selecting(*ACCOUNT_WIDE)))
        second = run_tap(
            TapHarvest(config=config, catalog=selecting(*others), state=first.states[-1])
        )
        yield Run(first.messages + second.messages)


@pytest.mark.parametrize("stream", RECONCILED)
def test_a_version_is_activated_after_the_last_record_and_before_the_state(
    everything: Run, stream: str
):
    """Each record carries it from the first read on, and the state keeps it."""
    kinds = [message["type"] for message in everything.messages if message.get("stream") == stream]
    assert kinds == ["SCHEMA", *["RECORD"] * len(everything.records(stream)), "ACTIVATE_VERSION"]
    assert everything.versions(stream) == {NOW}
    assert everything.activated[stream] == NOW
    assert everything.states[-1]["bookmarks"][stream]["version"] == NOW
    activation = {"type": "ACTIVATE_VERSION", "stream": stream, "version": NOW}
    position = everything.messages.index(activation)
    for message in everything.messages[:position]:
        if message["type"] == "STATE":
            assert "version" not in message["value"]["bookmarks"].get(stream, {})


@pytest.mark.parametrize("stream", [stream.name for stream in STREAMS if stream.is_history])
def test_figures_of_the_past_stay(everything: Run, stream: str):
    """A window that is not read again is none that was deleted."""
    assert everything.versions(stream) == {None}
    assert stream not in everything.activated


def test_between_two_reconciles_records_carry_the_last_version(harvest: Sandbox, sync: Sync):
    """What changed is asked for as ever, and nothing is removed."""
    first = sync("time_entries")
    harvest.advance(seconds=DAY - 2 * HOUR)
    harvest.add("time_entries")
    harvest.requests.clear()

    second = sync("time_entries", state=first.states[-1])

    assert second.versions("time_entries") == {NOW}
    assert "time_entries" not in second.activated
    [request] = [r for r in harvest.requests if r.path == "/v2/time_entries"]
    assert "updated_since" in request.query


@pytest.mark.parametrize(
    ("reconcile_days", "hours", "is_due"),
    [(1, 22, False), (1, 23, True), (1, 24, True), (7, 24, False), (7, 168, True), (0, 0, True)],
)
def test_a_list_is_read_whole_when_it_is_due(
    harvest: Sandbox, sync: Sync, reconcile_days: int, hours: int, is_due: bool
):
    """By Harvest's clock. A run that is up to an hour and a half early is in time."""
    first = sync("time_entries")
    harvest.advance(seconds=hours * HOUR)
    gone = deletable(harvest)
    harvest.delete("time_entries", gone)

    second = sync("time_entries", state=first.states[-1], reconcile_days=reconcile_days)

    assert ("time_entries" in second.activated) is is_due
    assert (gone in found("time_entries", first, second)) is not is_due
    entry = second.states[-1]["bookmarks"]["time_entries"]
    assert entry["swept_at"] == instant_text(harvest.now if is_due else FIXED_NOW)


def test_a_daily_run_reconciles_each_day(harvest: Sandbox, sync: Sync):
    """Though none begins at exactly the time of the one before."""
    run = sync("clients", "invoice_payments", sweep_days=1)
    for seconds in (0, -40, 75, -3, 20, -HOUR, HOUR):  # The last two: clocks go forward, and back.
        harvest.advance(seconds=DAY + seconds)

        run = sync("clients", "invoice_payments", state=run.states[-1], sweep_days=1)

        assert run.activated.keys() == {"clients", "invoice_payments"}


def test_reconciling_can_be_switched_off(harvest: Sandbox, sync: Sync):
    """`reconcile_days: null`: no version is sent, and nothing is ever removed."""
    settings = {"reconcile_days": None}
    first = sync("time_entries", "roles", "invoice_payments", **settings)
    harvest.advance(seconds=400 * DAY)

    second = sync("time_entries", "roles", "invoice_payments", state=first.states[-1], **settings)

    for run in (first, second):
        assert run.activated == {}
        assert run.versions("time_entries") | run.versions("roles") <= {None}
    entries = [request for request in harvest.requests if request.path == "/v2/time_entries"]
    assert ["updated_since" in request.query for request in entries] == [False, True]


def test_switched_off_later_records_keep_their_version(harvest: Sandbox, sync: Sync):
    """Or the next reconcile would not know them."""
    first = sync("clients")
    harvest.add("clients")

    second = sync("clients", state=first.states[-1], reconcile_days=None)

    assert second.versions("clients") == {NOW}
    assert second.states[-1]["bookmarks"]["clients"]["version"] == NOW


@pytest.mark.parametrize("seconds", [0, -HOUR, HOUR])
def test_each_version_is_later_than_the_last(harvest: Sandbox, sync: Sync, seconds: int):
    """Also where Harvest's clock stands still or was set back."""
    first = sync("roles", "tasks")
    harvest.advance(seconds=seconds)

    second = sync("roles", "tasks", state=first.states[-1], reconcile_days=0)

    assert second.activated["roles"] > first.activated["roles"]
    assert second.activated["tasks"] > first.activated["tasks"]
    assert second.versions("tasks") == {second.activated["tasks"]}


def test_what_is_deleted_goes_with_all_that_hangs_on_it(harvest: Sandbox, sync: Sync):
    """A client, a project with its time, a line of an invoice, a membership, a contact."""
    first = sync(*ACCOUNT_WIDE)
    harvest.advance(seconds=DAY)
    client = harvest.add("clients")
    contact = harvest.add("contacts", client_id=client["id"])
    second = sync(*ACCOUNT_WIDE, state=first.states[-1])
    harvest.advance(seconds=DAY)
    harvest.delete("clients", client["id"])
    project = next(
        row["project"]["id"]
        for row in harvest.rows("time_entries")
        if not row["is_closed"] and row["external_reference"]
    )
    harvest.delete("projects", project)
    invoice = next(row for row in harvest.rows("invoices") if len(row["line_items"]) > 1)
    lines = [{"id": line["id"], "kind": line["kind"]} for line in invoice["line_items"]]
    harvest.change("invoices", invoice["id"], line_items=lines[1:])
    role = next(row for row in harvest.rows("roles") if row["user_ids"])
    harvest.change("roles", role["id"], user_ids=role["user_ids"][1:])

    third = sync(*ACCOUNT_WIDE, state=second.states[-1])

    before, after = landed(first, second), landed(first, second, third)
    assert (client["id"],) in before["clients"]
    assert (contact["id"],) in before["contacts"]
    assert any(row["project"]["id"] == project for row in before["time_entries"].values())
    for stream in LISTS:
        assert {record["id"] for record in after[stream].values()} == ids(harvest, stream), stream
    assert after["invoice_line_items"].keys() == {
        (row["id"], line["id"]) for row in harvest.rows("invoices") for line in row["line_items"]
    }
    assert after["user_roles"].keys() == {
        (row["id"], user) for row in harvest.rows("roles") for user in row["user_ids"]
    }
    assert after["time_entry_external_references"].keys() == {
        (row["id"],) for row in harvest.rows("time_entries") if row["external_reference"]
    }
    for stream in ("invoice_line_items", "user_roles", "time_entry_external_references"):
        assert after[stream].keys() < before[stream].keys(), stream


def test_a_row_that_comes_back_is_there_again(harvest: Sandbox, sync: Sync):
    """A person leaves a role and joins it again."""
    first = sync("roles", "user_roles")
    role = next(row for row in harvest.rows("roles") if row["user_ids"])
    key = (role["id"], role["user_ids"][0])
    harvest.change("roles", role["id"], user_ids=role["user_ids"][1:])
    second = sync("roles", "user_roles", state=first.states[-1])
    harvest.change("roles", role["id"], user_ids=role["user_ids"])

    third = sync("roles", "user_roles", state=second.states[-1])

    assert key not in landed(first, second)["user_roles"]
    assert key in landed(first, second, third)["user_roles"]


def test_a_state_from_before_there_were_versions_is_reconciled_at_once(
    harvest: Sandbox, sync: Sync
):
    """Its bookmarks are kept as they are; the rows that are downstream have no version."""
    first = sync("clients", "invoice_payments", reconcile_days=None)
    gone = harvest.rows("invoice_payments")[0]["id"]
    harvest.delete("invoice_payments", gone)

    second = sync("clients", "invoice_payments", state=first.states[-1])

    assert second.activated == {"clients": NOW, "invoice_payments": NOW}
    assert gone in found("invoice_payments", first)
    assert gone not in found("invoice_payments", first, second)
    assert second.bookmarks["clients"] == first.bookmarks["clients"]


# Reads that are not whole


def test_a_read_with_an_end_removes_nothing(harvest: Sandbox, sync: Sync):
    """It leaves rows out; what it does not limit is reconciled as ever."""
    first = sync("time_entries", "invoice_payments", "clients")
    harvest.advance(seconds=400 * DAY)

    second = sync(
        "time_entries",
        "invoice_payments",
        "clients",
        state=first.states[-1],
        end_date="2026-01-01",
    )

    assert list(second.activated) == ["clients"]
    assert second.states[-1]["bookmarks"]["time_entries"]["version"] == NOW


def test_a_filtered_read_removes_nothing(harvest: Sandbox, sync: Sync):
    """Nor do those of what hangs on it; without filters all is read and reconciled again."""
    streams = ("invoices", "invoice_line_items", "invoice_payments", "tasks")
    first = sync(*streams)
    harvest.advance(seconds=40 * DAY)
    gone = harvest.rows("invoices")[0]["id"]
    harvest.delete("invoices", gone)
    filters = {"invoices": {"client_id": harvest.rows("clients")[0]["id"]}}

    second = sync(*streams, state=first.states[-1], stream_filters=filters)
    third = sync(*streams, state=second.states[-1])

    assert list(second.activated) == ["tasks"]
    assert second.versions("invoices") == {NOW}
    assert second.states[-1]["bookmarks"]["invoices"]["version"] == NOW
    assert gone in found("invoices", first, second)
    assert third.activated.keys() >= set(streams[:3])
    assert found("invoices", first, second, third) == ids(harvest, "invoices")


def test_a_trial_removes_nothing(config: dict[str, Any], capfdbinary: pytest.CaptureFixture[bytes]):
    """It reads one record a stream."""
    tap = TapHarvest(config=config, catalog=selecting("clients", "roles", "user_cost_rates"))

    tap.run_connection_test()
    tap.account.client.close()

    output = capfdbinary.readouterr().out
    assert b'"RECORD"' in output
    assert b"ACTIVATE_VERSION" not in output


def test_a_token_that_is_shown_less_removes_nothing(
    harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture
):
    """What an administrator's token brought is hidden from it, not gone."""
    streams = ("time_entries", "expenses", "projects", "roles", "users", "user_project_assignments")
    first = sync(*streams)
    harvest.advance(seconds=40 * DAY)
    harvest.requests.clear()
    token = harvest.token_for("member")

    second = sync(*streams, state=first.states[-1], access_token=token)

    assert second.activated == {}
    assert "stays downstream" in caplog.text
    [entries] = [r for r in harvest.requests if r.path == "/v2/time_entries"]
    assert "updated_since" in entries.query
    assert found("time_entries", first, second) == ids(harvest, "time_entries")


@pytest.mark.parametrize("status", [403, 404])
def test_a_list_that_is_not_shown_removes_nothing(harvest: Sandbox, sync: Sync, status: int):
    """It is skipped, and reconciled when it is shown again."""
    first = sync("contacts", "user_cost_rates")
    harvest.advance(seconds=DAY)
    users = ids(harvest, "users")
    for path in ("/v2/contacts", *(f"/v2/users/{user}/cost_rates" for user in users)):
        harvest.fail(path=path, status=status, times=None)

    second = sync("contacts", "user_cost_rates", state=first.states[-1])

    assert second.activated == {}
    assert second.states[-1] == first.states[-1]


def test_a_module_that_is_off_removes_nothing(harvest: Sandbox, sync: Sync):
    """Its rows are there again when it is on again."""
    first = sync("invoices", "invoice_payments")
    harvest.company["invoice_feature"] = False
    harvest.advance(seconds=40 * DAY)

    second = sync("invoices", "invoice_payments", state=first.states[-1])

    assert second.activated == {}


def test_where_no_list_was_to_be_had_nothing_is_removed(harvest: Sandbox, sync: Sync):
    """The only manager is gone when it comes to their teammates: nobody knows who those were."""
    managers = [row for row in harvest.rows("users") if "manager" in row["access_roles"]]
    for row in managers[1:]:
        harvest.change("users", row["id"], access_roles=["member"])
    first = sync("user_teammates")
    harvest.fail(path=f"/v2/users/{managers[0]['id']}/teammates", status=404)

    second = sync("user_teammates", state=first.states[-1])

    assert found("user_teammates", first)
    assert second.activated == {}


def test_a_list_that_stays_short_removes_nothing(harvest: Sandbox, sync: Sync):
    """Rows that moved may be hidden behind those that are gone; the next run makes it good."""
    first = sync("time_entries")
    harvest.advance(seconds=DAY)
    for after in (1, 2, 3):  # Before the second page of each walk.
        harvest.fail(
            path="/v2/time_entries",
            after=after,
            edit=lambda: harvest.delete("time_entries", deletable(harvest)),
        )

    second = sync("time_entries", state=first.states[-1], page_size=200)
    harvest.advance(seconds=1)
    third = sync("time_entries", state=second.states[-1])

    assert second.activated == {}
    assert found("time_entries", first, second) > ids(harvest, "time_entries")
    assert found("time_entries", first, second, third) == ids(harvest, "time_entries")


def test_a_reconcile_that_stops_anywhere_removes_nothing_that_is_there(
    harvest: Sandbox, config: dict[str, Any]
):
    """Whatever request was its last; the next run removes what is gone, and only that."""
    streams = ("clients", "contacts", "roles", "user_roles", "invoices", "invoice_line_items")
    catalog = selecting(*streams)

    def sync(state: dict[str, Any] | None) -> Run:
        tap = TapHarvest(config={**config, "page_size": 5}, catalog=catalog, state=state)
        run = try_tap(tap)
        assert run.error is None or isinstance(run.error, FatalAPIError)
        return run

    def kept(*runs: Run) -> dict[str, set[tuple[Any, ...]]]:
        return {stream: set(rows) for stream, rows in landed(*runs).items()}

    first = sync(None)
    before = kept(first)
    harvest.advance(seconds=DAY)
    harvest.delete("contacts", harvest.rows("contacts")[0]["id"])
    harvest.delete("invoices", harvest.rows("invoices")[0]["id"])
    harvest.requests.clear()
    after = kept(first, sync(first.states[-1]))
    requests = len(harvest.requests)

    assert requests > 10
    assert after != before
    for position in range(requests):
        harvest.faults.clear()
        harvest.fail(status=401, after=position)
        stopped = sync(first.states[-1])
        state = stopped.states[-1] if stopped.states else first.states[-1]
        resumed = sync(state)

        between = kept(first, stopped)
        assert all(between[stream] >= after[stream] for stream in streams), position
        assert kept(first, stopped, resumed) == after, position


# What moves while a list is read whole


def test_rows_that_move_during_the_walk_stay(harvest: Sandbox, sync: Sync):
    """One is deleted from a page that was read, so that another moves into it; one is added."""
    first = sync("time_entries")
    harvest.advance(seconds=DAY)
    gone = deletable(harvest, of=slice(10))

    def edit() -> None:
        harvest.advance(seconds=5)
        harvest.delete("time_entries", gone)
        harvest.add("time_entries", spent_date="2020-01-01")

    harvest.fail(path="/v2/time_entries", after=1, edit=edit)

    second = sync("time_entries", state=first.states[-1], page_size=10)
    third = sync("time_entries", state=second.states[-1], reconcile_days=0)

    assert "time_entries" in second.activated
    assert found("time_entries", first, second) >= ids(harvest, "time_entries")
    assert found("time_entries", first, second, third) == ids(harvest, "time_entries")


def test_an_entry_that_is_made_during_the_walk_stays(harvest: Sandbox, sync: Sync):
    """On the last page, or on one that was read already: the next run brings it."""
    first = sync("time_entries")
    harvest.advance(seconds=DAY)
    for after, day in ((3, "2020-01-01"), (2, harvest.now.date().isoformat())):
        harvest.fail(
            path="/v2/time_entries",
            after=after,
            edit=lambda day=day: harvest.add("time_entries", spent_date=day),
        )

    second = sync("time_entries", state=first.states[-1], page_size=50)
    third = sync("time_entries", state=second.states[-1])

    assert "time_entries" in second.activated
    assert "time_entries" not in third.activated
    assert found("time_entries", first, second, third) == ids(harvest, "time_entries")


def test_a_row_that_is_changed_during_the_walk_stays(harvest: Sandbox, sync: Sync):
    """It comes as it was or as it is; the next run brings what it has become."""
    first = sync("clients")
    harvest.advance(seconds=DAY)
    client = harvest.rows("clients")[0]

    def edit() -> None:
        harvest.advance(seconds=5)
        harvest.change("clients", client["id"], name="Example Works")

    harvest.fail(path="/v2/clients", after=1, edit=edit)

    second = sync("clients", state=first.states[-1], page_size=3)
    third = sync("clients", state=second.states[-1])

    assert found("clients", first, second) == ids(harvest, "clients")
    assert landed(first, second, third)["clients"][(client["id"],)]["name"] == "Example Works"


# Where facts begin


def test_a_later_start_date_removes_nothing(harvest: Sandbox, sync: Sync):
    """What was loaded once stays, and is reconciled from where it began."""
    first = sync("time_entries", "invoices", "invoice_line_items", "invoice_payments")
    harvest.advance(seconds=40 * DAY)
    gone = harvest.rows("invoices")[0]["id"]
    harvest.delete("invoices", gone)

    second = sync(
        "time_entries",
        "invoices",
        "invoice_line_items",
        "invoice_payments",
        state=first.states[-1],
        start_date="2026-06-01",
    )

    for stream in ("time_entries", "invoices", "invoice_payments"):
        assert stream in second.activated
        assert found(stream, first, second) == ids(harvest, stream)
    assert "start_date" not in second.states[-1]["bookmarks"]["invoices"]


def test_facts_are_reconciled_from_their_start(harvest: Sandbox, sync: Sync):
    """And a later start does not move it."""
    first = sync("time_entries", "clients", start_date="2026-01-01")
    harvest.advance(seconds=DAY)
    harvest.requests.clear()

    second = sync("time_entries", "clients", state=first.states[-1], start_date="2026-06-01")

    asked = {
        request.path: request.query.get("updated_since")
        for request in harvest.requests
        if request.path not in {"/v2/users/me", "/v2/company"}
    }
    assert asked == {"/v2/time_entries": "2026-01-01T00:00:00Z", "/v2/clients": None}
    for run in (first, second):
        entries = run.states[-1]["bookmarks"]
        assert entries["time_entries"]["start_date"] == "2026-01-01T00:00:00Z"
        assert "start_date" not in entries["clients"]
    assert found("time_entries", first, second) == found("time_entries", first)


def test_an_earlier_start_date_brings_what_is_older(harvest: Sandbox, sync: Sync):
    """With the next reconcile."""
    first = sync("time_entries", start_date="2026-01-01")
    harvest.advance(seconds=DAY)

    second = sync("time_entries", state=first.states[-1])

    assert found("time_entries", first) < ids(harvest, "time_entries")
    assert found("time_entries", first, second) == ids(harvest, "time_entries")
    assert "start_date" not in second.states[-1]["bookmarks"]["time_entries"]


# What hangs below other records


def test_a_deleted_payment_goes_when_payments_are_reconciled(harvest: Sandbox, sync: Sync):
    """Its invoice's change brings what is in the list, and cannot tell what is not any more."""
    first = sync("invoice_payments")
    harvest.advance(seconds=DAY)
    gone = harvest.rows("invoice_payments")[0]["id"]
    harvest.delete("invoice_payments", gone)

    second = sync("invoice_payments", state=first.states[-1])
    harvest.advance(seconds=29 * DAY)
    third = sync("invoice_payments", state=second.states[-1])

    assert second.activated == {}
    assert gone in found("invoice_payments", first, second)
    assert "invoice_payments" in third.activated
    assert found("invoice_payments", first, second, third) == ids(harvest, "invoice_payments")


def test_an_archived_assignment_goes_when_assignments_are_reconciled(harvest: Sandbox, sync: Sync):
    """Harvest lists active ones only; its tasks go with it."""
    streams = ("user_project_assignments", "user_project_tasks")
    first = sync(*streams)
    row = first.records("user_project_assignments")[0]
    harvest.change("project_user_assignments", row["id"], is_active=False)

    second = sync(*streams, state=first.states[-1], sweep_days=0)

    rows = landed(first, second)
    assert row["id"] in found("user_project_assignments", first)
    assert row["id"] not in found("user_project_assignments", first, second)
    assert rows["user_project_tasks"].keys() < landed(first)["user_project_tasks"].keys()
    assert row["id"] not in {
        record["user_assignment_id"] for record in rows["user_project_tasks"].values()
    }


def test_a_rate_that_was_replaced_goes_at_once(harvest: Sandbox, sync: Sync):
    """The lists of all people are read whole each time."""
    first = sync("user_billable_rates")
    rate = first.records("user_billable_rates")[0]
    harvest.add("user_billable_rates", user_id=rate["user_id"], start_date=None, amount=99)

    second = sync("user_billable_rates", state=first.states[-1])

    assert rate["id"] in found("user_billable_rates", first)
    assert rate["id"] not in found("user_billable_rates", first, second)


# Stream maps


def test_a_version_is_activated_under_the_names_that_records_go_by(sync: Sync):
    """An alias, and both halves of a stream that is split."""
    maps = {
        "clients": {"__alias__": "customers"},
        "tasks": {"__filter__": "is_active"},
        "idle_tasks": {"__source__": "tasks", "__filter__": "not is_active"},
        "roles": None,
    }

    run = sync("clients", "tasks", "roles", stream_maps=maps)

    assert run.activated == {"customers": NOW, "tasks": NOW, "idle_tasks": NOW}
    assert run.versions("customers") == {NOW}


def test_streams_that_share_a_name_remove_nothing(sync: Sync):
    """The version of one would remove the rows of the other."""
    maps = {"invoices": {"__alias__": "bills"}, "estimates": {"__alias__": "bills"}}

    run = sync("invoices", "estimates", "clients", stream_maps=maps)

    assert run.activated == {"clients": NOW}
    assert run.versions("bills") == {None}


def test_a_version_is_activated_once(sync: Sync):
    """The SDK would, if it was set so, before the first record as well."""
    run = sync("roles", emit_activate_version_messages=True)

    kinds = [message["type"] for message in run.messages]
    assert kinds.count("ACTIVATE_VERSION") == 1


# What it costs


def test_a_sync_with_nothing_due_costs_no_more_than_before(harvest: Sandbox, sync: Sync):
    """Two requests and one a list."""
    first = sync(*ACCOUNT_WIDE)
    harvest.advance(seconds=HOUR)
    harvest.requests.clear()

    second = sync(*ACCOUNT_WIDE, state=first.states[-1])

    assert len(harvest.requests) <= 22
    assert set(second.activated) == {"company", "roles", "user_roles", "users_me"}


# Whatever happens


def held(harvest: Sandbox) -> dict[str, set[tuple[int, ...]]]:
    """The keys of what the account holds now, by stream."""
    keys: dict[str, set[tuple[int, ...]]] = {
        stream: {(row["id"],) for row in harvest.rows(stream)}
        for stream in ("clients", "contacts", "time_entries", "invoices", "invoice_payments")
    }
    keys["invoice_line_items"] = {
        (row["id"], line["id"]) for row in harvest.rows("invoices") for line in row["line_items"]
    }
    keys["user_roles"] = {
        (role["id"], user) for role in harvest.rows("roles") for user in role["user_ids"]
    }
    keys["user_project_assignments"] = {
        (row["id"],) for row in harvest.rows("project_user_assignments") if row["is_active"]
    }
    return keys


def happen(harvest: Sandbox, chance: random.Random) -> None:
    """Something that people do in Harvest."""
    entry = chance.choice([row for row in harvest.rows("time_entries") if not row["is_closed"]])
    invoice = chance.choice(harvest.rows("invoices"))
    lines = [{"id": line["id"], "kind": line["kind"]} for line in invoice["line_items"]]
    role = chance.choice(harvest.rows("roles"))
    place = chance.choice(harvest.rows("project_user_assignments"))
    contact = chance.choice(harvest.rows("contacts"))
    payment = chance.choice(harvest.rows("invoice_payments"))
    edits: list[Callable[[], object]] = [
        lambda: harvest.delete("time_entries", entry["id"]),
        lambda: harvest.change("time_entries", entry["id"], spent_date="2025-01-02"),
        lambda: harvest.add("time_entries"),
        lambda: harvest.delete("invoices", invoice["id"]),
        lambda: harvest.change("invoices", invoice["id"], line_items=lines[1:]),
        lambda: harvest.change("roles", role["id"], user_ids=role["user_ids"][1:]),
        lambda: harvest.delete("contacts", contact["id"]),
        lambda: harvest.delete("invoice_payments", payment["id"]),
        lambda: harvest.change(
            "project_user_assignments", place["id"], is_active=not place["is_active"]
        ),
    ]
    chance.choice(edits)()


@pytest.mark.parametrize("seed", range(3))
def test_nothing_that_is_there_is_ever_removed(
    harvest: Sandbox, config: dict[str, Any], capfdbinary: pytest.CaptureFixture[bytes], seed: int
):
    """However syncs with all kinds of settings fail and follow; the last one makes all right."""
    chance = random.Random(seed)
    member = harvest.token_for("member")
    client = harvest.rows("clients")[0]["id"]
    settings: list[dict[str, Any]] = [
        {},
        {},
        {"reconcile_days": 0},
        {"reconcile_days": None},
        {"reconcile_days": 0, "sweep_days": 0},
        {"reconcile_days": 0, "start_date": "2026-03-01"},
        {"reconcile_days": 0, "end_date": "2026-02-01"},
        {"reconcile_days": 0, "sweep_days": 0, "access_token": member},
        {"reconcile_days": 0, "stream_filters": {"invoices": {"client_id": client}}},
    ]
    runs: list[Run] = []
    state: dict[str, Any] | None = None

    def sync(given: dict[str, Any]) -> dict[str, Any] | None:
        tap = TapHarvest(
            config={**config, "page_size": 40, **given},
            catalog=selecting(*held(harvest)),
            state=state,
        )
        with suppress(FatalAPIError):
            tap.sync_all()
        tap.account.client.close()
        runs.append(Run([json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]))
        return runs[-1].states[-1] if runs[-1].states else state

    state = sync({})
    for _ in range(8):
        harvest.faults.clear()
        harvest.fail(status=401, after=chance.randrange(60))
        harvest.fail(path="/v2/time_entries", after=1, edit=lambda: happen(harvest, chance))
        state = sync(chance.choice(settings))
        before, brought, now = landed(*runs[:-1]), landed(runs[-1]), landed(*runs)
        for stream, keys in held(harvest).items():
            sent = before[stream].keys() | brought.get(stream, {}).keys()
            assert keys & sent <= now[stream].keys(), stream
        harvest.advance(seconds=chance.choice([60, HOUR, DAY, 40 * DAY]))
        for _ in range(3):
            happen(harvest, chance)
    harvest.faults.clear()
    sync({"reconcile_days": 0, "sweep_days": 0})

    assert {stream: set(rows) for stream, rows in landed(*runs).items()} == held(harvest)
