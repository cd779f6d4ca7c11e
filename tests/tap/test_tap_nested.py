"""Lists below the records of another list: whom they ask, what they bring, what they remember."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests
from singer_sdk.exceptions import FatalAPIError
from tap_run import landed, run_tap, selecting

from harvest_sandbox import Sandbox
from tap_harvest.http.errors import InvalidError, UnavailableError
from tap_harvest.state.bookmark import instant, instant_text
from tap_harvest.tap import TapHarvest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_run import Run

    Sync = Callable[..., Run]

Row = dict[str, Any]

NESTED = {
    "invoice_messages": ("invoices", "messages", "invoice_messages", "invoice_id"),
    "invoice_payments": ("invoices", "payments", "invoice_payments", "invoice_id"),
    "estimate_messages": ("estimates", "messages", "estimate_messages", "estimate_id"),
    "user_billable_rates": ("users", "billable_rates", "billable_rates", "user_id"),
    "user_cost_rates": ("users", "cost_rates", "cost_rates", "user_id"),
    "user_project_assignments": (
        "users",
        "project_assignments",
        "project_assignments",
        "user_id",
    ),
    "user_teammates": ("users", "teammates", "teammates", "user_id"),
}
"""Parent, end of the address, name of the rows and name of the parent's id, by stream."""
FOLLOWING = ("invoice_messages", "invoice_payments", "estimate_messages")
"""The streams that ask only parents that changed."""
DAY = 86400


def served(harvest: Sandbox, stream: str) -> list[Row]:
    """What Harvest shows below each parent, with the parent's id."""
    parent, end, key, parent_key = NESTED[stream]
    headers = {
        "Authorization": f"Bearer {harvest.token}",
        "Harvest-Account-Id": harvest.account_id,
        "User-Agent": "test",
    }
    found = []
    for row in harvest.rows(parent):
        if stream != "user_teammates" or "manager" in row["access_roles"]:
            url = f"{harvest.api_url}/{parent}/{row['id']}/{end}"
            answer = requests.get(url, headers=headers, timeout=10).json()
            found += [{parent_key: row["id"], **part} for part in answer[key]]
    return found


def by_key(rows: list[Row]) -> list[Row]:
    """Rows in the order of their keys."""
    return sorted(rows, key=lambda row: (row["id"], row.get("user_id")))


def asked(harvest: Sandbox, end: str) -> list[int]:
    """Below whom was asked for a kind of lists, by their ids."""
    paths = [request.path.split("/") for request in harvest.requests]
    return sorted(int(path[3]) for path in paths if len(path) == 5 and path[4] == end)


@pytest.fixture(scope="module")
def everything() -> Iterator[tuple[Sandbox, Run]]:
    """An account, and one sync of all of it."""
    with Sandbox() as harvest:
        config = {
            "access_token": harvest.token,
            "account_id": harvest.account_id,
            "api_url": harvest.api_url,
            "identity_url": harvest.identity_url,
            "report_start_date": "2026-05-01",
        }
        yield harvest, run_tap(TapHarvest(config=config))


@pytest.mark.parametrize("stream", NESTED)
def test_the_lists_of_all_parents_are_read(everything: tuple[Sandbox, Run], stream: str):
    """Every record as Harvest sends it, with the parent's id."""
    harvest, run = everything

    expected = served(harvest, stream)

    assert expected
    assert by_key(run.records(stream)) == by_key(expected)


@pytest.mark.parametrize("what", ["invoice", "estimate"])
def test_recipients_are_those_of_the_messages(everything: tuple[Sandbox, Run], what: str):
    """One record a recipient, with the message's id."""
    harvest, run = everything

    expected = {
        (message["id"], recipient["email"], recipient["name"], message["updated_at"])
        for message in served(harvest, f"{what}_messages")
        for recipient in message["recipients"]
    }

    records = run.records(f"{what}_message_recipients")
    found = {
        (row[f"{what}_message_id"], row["email"], row["name"], row["updated_at"]) for row in records
    }
    assert found == expected
    assert len(records) == len(expected)


@pytest.mark.parametrize("what", ["invoice", "estimate"])
def test_every_recipient_has_a_key(harvest: Sandbox, sync: Sync, what: str):
    """Also one without an address, and one whose address the message names again."""
    recipients = [
        {"name": "Example Person", "email": "one@example.com"},
        {"name": "Example Person", "email": None},
        {"name": "Example Office", "email": "one@example.com"},
        {"name": "Example Board"},
    ]
    [parent, *_] = harvest.rows(f"{what}s")
    message = harvest.add(f"{what}_messages", **{f"{what}_id": parent["id"]}, recipients=recipients)

    run = sync(f"{what}_messages", f"{what}_message_recipients")

    key = f"{what}_message_id"
    rows = landed(run)[f"{what}_message_recipients"]
    found = [row for row in rows.values() if row[key] == message["id"]]
    assert [(row["name"], row["email"], row["occurrence"]) for row in found] == [
        ("Example Person", "one@example.com", 1),
        ("Example Person", "", 1),
        ("Example Office", "one@example.com", 2),
        ("Example Board", "", 2),
    ]
    assert (
        next(row for row in run.records(f"{what}_messages") if row["id"] == message["id"])[
            "recipients"
        ]
        == recipients
    )


def test_project_tasks_are_those_of_the_project_assignments(everything: tuple[Sandbox, Run]):
    """One record for each task of each of a person's projects."""
    harvest, run = everything

    expected = {
        (row["user_id"], task["id"], row["id"], row["project"]["id"], task["task"]["id"])
        for row in served(harvest, "user_project_assignments")
        for task in row["task_assignments"]
    }

    names = ("user_id", "task_assignment_id", "user_assignment_id", "project_id", "task_id")
    records = run.records("user_project_tasks")
    assert {tuple(record[name] for name in names) for record in records} == expected
    assert len(records) == len(expected)


def test_the_rates_of_archived_people_are_read(harvest: Sandbox, sync: Sync):
    """Their time still has to be priced."""
    [rate, *_] = served(harvest, "user_billable_rates")
    harvest.change("users", rate["user_id"], is_active=False)

    run = sync("user_billable_rates")

    assert rate in run.records("user_billable_rates")


def test_a_nested_stream_is_read_without_its_parent(harvest: Sandbox, sync: Sync):
    """The parent's list is read, but nothing of it is written."""
    run = sync("invoice_message_recipients")

    assert run.streams == ["invoice_message_recipients"]
    assert list(run.bookmarks) == ["invoice_message_recipients"]
    assert asked(harvest, "messages") == sorted(row["id"] for row in harvest.rows("invoices"))


def test_one_read_of_the_parent_serves_all(harvest: Sandbox, sync: Sync):
    """However many streams hang on it."""
    sync("invoices", "invoice_line_items", "invoice_payments", "invoice_messages")

    paths = [request.path for request in harvest.requests]
    assert paths.count("/v2/invoices") == 1
    assert "/v2/users" not in paths


def test_only_parents_that_changed_are_asked_again(harvest: Sandbox, sync: Sync):
    """An invoice that was paid, and none of the others but for the overlap."""
    first = sync("invoice_payments", "invoice_messages")
    harvest.advance(seconds=DAY)
    old = min(harvest.rows("invoices"), key=lambda row: row["updated_at"])
    payment = harvest.add("invoice_payments", invoice_id=old["id"], amount=1.25)
    harvest.requests.clear()

    second = sync("invoice_payments", "invoice_messages", state=first.states[-1])

    since = instant_text(instant(first.bookmarks["invoice_payments"]) - timedelta(seconds=300))
    due = {row["id"] for row in harvest.rows("invoices") if row["updated_at"] >= since}
    assert set(asked(harvest, "payments")) == due
    assert len(due) < len(harvest.rows("invoices")) / 2
    assert {"invoice_id": old["id"], **payment} in second.records("invoice_payments")
    assert second.bookmarks["invoice_payments"] == instant_text(harvest.now)


def test_the_state_has_one_entry_a_stream(harvest: Sandbox, sync: Sync):
    """The invoices' bookmark, when they were reconciled, and the version; none for each invoice."""
    run = sync("invoice_payments", "user_cost_rates")

    latest = max(row["updated_at"] for row in harvest.rows("invoices"))
    swept = {
        "swept_at": instant_text(harvest.now),
        "version": int(harvest.now.timestamp()) * 1000,
    }
    assert run.states[-1] == {
        "bookmarks": {
            "invoice_payments": {
                "replication_key": "updated_at",
                "replication_key_value": latest,
                **swept,
            },
            "user_cost_rates": swept,
        }
    }


def test_a_nested_stream_that_is_selected_late_gets_its_whole_history(harvest: Sandbox, sync: Sync):
    """The streams that are up to date do not write their own again."""
    first = sync("invoices", "invoice_messages")

    second = sync(
        "invoices",
        "invoice_messages",
        "invoice_message_recipients",
        "invoice_payments",
        state=first.states[-1],
    )

    assert by_key(second.records("invoice_payments")) == by_key(served(harvest, "invoice_payments"))
    recipients = [part for row in first.records("invoice_messages") for part in row["recipients"]]
    assert len(second.records("invoice_message_recipients")) == len(recipients)
    assert len(second.records("invoice_messages")) < len(first.records("invoice_messages"))
    assert len(second.records("invoices")) < len(first.records("invoices"))


def remind(harvest: Sandbox) -> Row:
    """Mail a reminder of the oldest invoice, which does not move it."""
    oldest = min(harvest.rows("invoices"), key=lambda row: row["updated_at"])
    message = harvest.add("invoice_messages", invoice_id=oldest["id"], reminder=True)
    assert oldest in harvest.rows("invoices")
    return {"invoice_id": oldest["id"], **message}


def test_a_parent_that_changed_brings_its_whole_list(harvest: Sandbox, sync: Sync):
    """Also a reminder from before the bookmark, which did not move its invoice at that time."""
    first = sync("invoice_messages")
    harvest.advance(seconds=DAY)
    reminder = remind(harvest)
    harvest.advance(seconds=DAY)
    harvest.change("invoices", harvest.rows("invoices")[0]["id"], notes="Paid soon.")
    second = sync("invoice_messages", state=first.states[-1])
    harvest.change("invoices", reminder["invoice_id"], notes="Reminded.")

    third = sync("invoice_messages", state=second.states[-1])

    assert reminder not in second.records("invoice_messages")
    assert reminder in third.records("invoice_messages")


@pytest.mark.parametrize(("days", "is_there"), [(29, False), (30, True)])
def test_a_message_that_does_not_move_its_invoice_comes_when_messages_are_reconciled(
    harvest: Sandbox, sync: Sync, days: int, is_there: bool
):
    """All invoices are asked again after `sweep_days`."""
    first = sync("invoice_messages")
    reminder = remind(harvest)
    harvest.advance(seconds=days * DAY)

    second = sync("invoice_messages", state=first.states[-1])

    assert (reminder in second.records("invoice_messages")) is is_there
    entry = second.states[-1]["bookmarks"]["invoice_messages"]
    reconciled = harvest.now if is_there else harvest.now - timedelta(days=days)
    assert entry["swept_at"] == instant_text(reconciled)


OPEN = {"invoice": "open", "estimate": "sent"}


def message_that_moves_nothing(harvest: Sandbox, what: str, state: str, **content: Any) -> Row:
    """A message of the oldest invoice or estimate in a state, which does not move it."""
    parents = [row for row in harvest.rows(f"{what}s") if row["state"] == state]
    oldest = min(parents, key=lambda row: row["updated_at"])
    recipients = [{"name": "Example Person", "email": "one@example.com"}]
    message = harvest.add(
        f"{what}_messages",
        **{f"{what}_id": oldest["id"], "recipients": recipients, "event_type": None, **content},
    )
    assert oldest in harvest.rows(f"{what}s")
    return {f"{what}_id": oldest["id"], **message}


@pytest.mark.parametrize("what", OPEN)
@pytest.mark.parametrize("content", [{"reminder": True}, {"event_type": "view"}], ids=str)
@pytest.mark.parametrize("selected", [True, False])
def test_a_message_of_an_open_parent_comes_within_a_day(
    harvest: Sandbox, sync: Sync, what: str, content: Row, *, selected: bool
):
    """Also where it does not move its invoice or estimate, be that selected or not."""
    if what == "estimate" and "reminder" in content:
        content = {}
    streams = [f"{what}_messages", f"{what}_message_recipients", *([f"{what}s"] * selected)]
    first = sync(*streams)
    message = message_that_moves_nothing(harvest, what, OPEN[what], **content)
    harvest.advance(seconds=DAY / 2)
    early = sync(*streams, state=first.states[-1])
    harvest.advance(seconds=DAY / 2)

    run = sync(*streams, state=early.states[-1])

    assert message not in early.records(f"{what}_messages")
    assert message in run.records(f"{what}_messages")
    recipients = run.records(f"{what}_message_recipients")
    assert message["id"] in {row[f"{what}_message_id"] for row in recipients}
    entry = run.states[-1]["bookmarks"][f"{what}_messages"]
    assert entry["checked_at"] == instant_text(harvest.now)
    assert entry["swept_at"] == instant_text(harvest.now - timedelta(days=1))
    assert entry["replication_key_value"] == first.bookmarks[f"{what}_messages"]


@pytest.mark.parametrize("what", OPEN)
def test_a_check_of_open_parents_costs_a_request_for_each(harvest: Sandbox, sync: Sync, what: str):
    """Once a day, besides those that changed; in each run, if that is wanted."""
    first = sync(f"{what}_messages")
    harvest.advance(seconds=DAY)
    rows = harvest.rows(f"{what}s")
    since = instant_text(instant(first.bookmarks[f"{what}_messages"]) - timedelta(seconds=300))
    changed = {row["id"] for row in rows if row["updated_at"] >= since}
    are_open = {row["id"] for row in rows if row["state"] == OPEN[what]}
    assert are_open - changed

    found = []
    state = first.states[-1]
    for settings in ({}, {}, {"reconcile_days": 0}, {"reconcile_days": None}):
        harvest.requests.clear()
        harvest.advance(seconds=60)
        run = sync(f"{what}_messages", state=state, **settings)
        state = run.states[-1]
        found.append(set(asked(harvest, "messages")))

    assert found == [changed | are_open, changed, changed | are_open, changed]


def test_open_invoices_from_before_the_start_are_not_asked(harvest: Sandbox, sync: Sync):
    """What is left out of the first sync is left out of the check as well."""
    oldest = message_that_moves_nothing(harvest, "invoice", "open", reminder=True)
    start = harvest.rows("invoices")
    moment = next(row["updated_at"] for row in start if row["id"] == oldest["invoice_id"])
    start_date = instant_text(instant(moment) + timedelta(seconds=1))
    first = sync("invoice_messages", start_date=start_date)
    harvest.advance(seconds=DAY)
    harvest.requests.clear()

    sync("invoice_messages", start_date=start_date, state=first.states[-1])

    assert oldest["invoice_id"] not in asked(harvest, "messages")


@pytest.mark.parametrize(("sweep_days", "is_there"), [(0, True), (None, False)])
def test_sweeps_are_a_setting(harvest: Sandbox, sync: Sync, sweep_days: int | None, is_there: bool):
    """In every run, or never."""
    first = sync("invoice_messages")
    reminder = remind(harvest)
    harvest.advance(seconds=400 * DAY if sweep_days is None else 1)

    second = sync("invoice_messages", state=first.states[-1], sweep_days=sweep_days)

    assert (reminder in second.records("invoice_messages")) is is_there


def test_project_assignments_are_asked_for_changes(harvest: Sandbox, sync: Sync):
    """All people are asked, since an assignment does not move its person."""
    first = sync("user_project_assignments", "user_project_tasks")
    harvest.advance(seconds=DAY)
    row = first.records("user_project_assignments")[-1]
    harvest.change("project_user_assignments", row["id"], is_project_manager=True)
    harvest.requests.clear()

    second = sync("user_project_assignments", "user_project_tasks", state=first.states[-1])

    since = instant(first.bookmarks["user_project_assignments"]) - timedelta(seconds=300)
    queries = [
        request.query["updated_since"]
        for request in harvest.requests
        if request.path.endswith("/project_assignments")
    ]
    assert queries == [instant_text(since)] * len(harvest.rows("users"))
    changed = {record["id"]: record for record in second.records("user_project_assignments")}
    assert changed[row["id"]]["is_project_manager"] is True
    assert len(changed) < len(first.records("user_project_assignments"))
    assert {record["user_assignment_id"] for record in second.records("user_project_tasks")} == (
        changed.keys()
    )
    assert second.bookmarks["user_project_tasks"] == instant_text(harvest.now)


def test_a_parent_that_is_deleted_before_its_list_is_read_is_passed_over(
    harvest: Sandbox, sync: Sync
):
    """Nothing is there to read; the others are, and the bookmark moves."""
    first, second, *others = harvest.rows("invoices")
    harvest.fail(
        path=f"/v2/invoices/{first['id']}/payments",
        edit=lambda: harvest.delete("invoices", second["id"]),
    )

    run = sync("invoice_payments")

    expected = served(harvest, "invoice_payments")
    assert {row["invoice_id"] for row in expected} <= {first["id"], *(row["id"] for row in others)}
    assert by_key(run.records("invoice_payments")) == by_key(expected)
    assert run.bookmarks["invoice_payments"]


def test_lists_that_are_nowhere_are_skipped(
    harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture
):
    """Not all parents can have been deleted meanwhile."""
    for row in harvest.rows("estimates"):
        harvest.fail(path=f"/v2/estimates/{row['id']}/messages", status=404, times=None)

    run = sync("estimate_messages", "estimates")

    assert "Skipped, with its bookmark kept: stream=estimate_messages" in caplog.text
    assert list(run.bookmarks) == ["estimates"]


def test_a_list_that_is_not_shown_skips_the_stream(
    harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture
):
    """Its bookmark stays; the parent and its other lists are read."""
    *_, row = harvest.rows("invoices")
    harvest.fail(path=f"/v2/invoices/{row['id']}/messages", status=403, times=None)

    run = sync("invoices", "invoice_messages", "invoice_payments", "tasks")

    assert "Skipped, with its bookmark kept: stream=invoice_messages" in caplog.text
    assert sorted(run.bookmarks) == ["invoice_payments", "invoices", "tasks"]


def test_a_list_that_is_not_shown_can_end_the_run(harvest: Sandbox, sync: Sync):
    """For those who would rather know."""
    row, *_ = harvest.rows("users")
    harvest.fail(path=f"/v2/users/{row['id']}/cost_rates", status=403, times=None)

    with pytest.raises(UnavailableError, match="user_cost_rates"):
        sync("user_cost_rates", on_forbidden="fail")


@pytest.mark.parametrize("stream", FOLLOWING)
def test_a_bookmark_does_not_move_before_the_last_parent(
    harvest: Sandbox, config: Row, stream: str, capfdbinary: pytest.CaptureFixture[bytes]
):
    """A run that is stopped between two of them starts over."""
    parent, end, *_ = NESTED[stream]
    *_, row = harvest.rows(parent)
    harvest.fail(path=f"/v2/{parent}/{row['id']}/{end}", status=401)
    tap = TapHarvest(config=config, catalog=selecting(stream))

    with pytest.raises(FatalAPIError):
        tap.sync_all()
    tap.account.client.close()

    assert b'"RECORD"' in (output := capfdbinary.readouterr().out)
    assert f'"{stream}":{{"replication_key"'.encode() not in output


def test_a_list_that_stays_short_keeps_the_bookmark(
    harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture
):
    """Rows are deleted in each walk of one parent's list: nobody can say that all were read."""
    row = harvest.rows("users")[0]
    for number in range(5):
        harvest.add(
            "project_user_assignments",
            user_id=row["id"],
            project_id=harvest.rows("projects")[number]["id"],
        )
    path = f"/v2/users/{row['id']}/project_assignments"
    rows = [
        part for part in served(harvest, "user_project_assignments") if part["user_id"] == row["id"]
    ]
    for after in (1, 2, 3):  # Before the second page of each walk.
        part = rows[-after]
        harvest.fail(
            path=path,
            after=after,
            edit=lambda key=part["id"]: harvest.change(
                "project_user_assignments", key, is_active=False
            ),
        )

    run = sync("user_project_assignments", page_size=len(rows) - 3)

    assert "changed each time that it was read" in caplog.text
    assert "user_project_assignments" not in run.bookmarks
    assert run.activated == {}


def test_a_module_that_is_off_is_not_asked(harvest: Sandbox, sync: Sync):
    """Neither the parent's list nor those below."""
    harvest.company["invoice_feature"] = False

    run = sync("invoice_payments", "invoice_messages", "user_cost_rates")

    assert run.streams == ["user_cost_rates"]
    assert asked(harvest, "payments") == []
    assert "/v2/invoices" not in {request.path for request in harvest.requests}


def test_start_date_limits_what_hangs_on_facts(harvest: Sandbox, sync: Sync):
    """Payments of invoices that changed since, but the rates of everybody."""
    run = sync("invoice_payments", "user_billable_rates", start_date="2026-01-01")

    recent = {row["id"] for row in harvest.rows("invoices") if row["updated_at"] >= "2026-01-01"}
    assert set(asked(harvest, "payments")) == recent
    assert len(recent) < len(harvest.rows("invoices"))
    assert by_key(run.records("user_billable_rates")) == by_key(
        served(harvest, "user_billable_rates")
    )


def test_slices_that_meet_lose_nothing(harvest: Sandbox, sync: Sync):
    """History can be read piece by piece."""
    state: Row | None = None
    found: dict[int, Row] = {}
    for end in ("2025-06-01", "2026-01-01T12:00:00Z", None):
        run = sync("invoice_payments", state=state, **({"end_date": end} if end else {}))
        found |= {row["id"]: row for row in run.records("invoice_payments")}
        state = run.states[-1] if run.states else None

    assert by_key(list(found.values())) == by_key(served(harvest, "invoice_payments"))
    assert run.bookmarks["invoice_payments"] == max(
        row["updated_at"] for row in harvest.rows("invoices")
    )


def test_only_managers_are_asked_for_teammates(harvest: Sandbox, sync: Sync):
    """Harvest refuses to tell those of others, which must not end the run."""
    sync("user_teammates")

    managers = [row["id"] for row in harvest.rows("users") if "manager" in row["access_roles"]]
    assert asked(harvest, "teammates") == sorted(managers)


def test_a_person_who_is_no_manager_any_more_is_passed_over(
    harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture
):
    """Harvest refuses to tell the teammates (422), since the list of people was read."""
    caplog.set_level("INFO")
    first, second = (row for row in harvest.rows("users") if "manager" in row["access_roles"])
    harvest.fail(
        path=f"/v2/users/{first['id']}/teammates",
        edit=lambda: harvest.change("users", second["id"], access_roles=["member"]),
    )

    run = sync("user_teammates")

    assert {row["user_id"] for row in run.records("user_teammates")} == {first["id"]}
    assert (
        "Passed over: stream=user_teammates lists=1 of=2 reason=no manager any more" in caplog.text
    )
    assert "ACTIVATE_VERSION" in {message["type"] for message in run.messages}


def test_teammates_of_nobody_are_an_error(harvest: Sandbox, sync: Sync):
    """Something else is wrong with the request."""
    for row in harvest.rows("users"):
        harvest.fail(path=f"/v2/users/{row['id']}/teammates", status=422, times=None)

    with pytest.raises(InvalidError):
        sync("user_teammates")


def test_people_whose_projects_are_not_shown_are_passed_over(
    harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture
):
    """A manager sees those of some. Nothing is taken for deleted, and no bookmark moves."""
    hidden = [row["id"] for row in harvest.rows("users")[1:3]]
    expected = [
        row for row in served(harvest, "user_project_assignments") if row["user_id"] not in hidden
    ]
    for user_id in hidden:
        harvest.fail(path=f"/v2/users/{user_id}/project_assignments", status=403, times=None)

    run = sync("user_project_assignments", "user_project_tasks", "tasks")

    assert by_key(run.records("user_project_assignments")) == by_key(expected)
    assert (
        "Passed over: stream=user_project_assignments lists=2 of=12 reason=Harvest does not show "
        "them to the token"
    ) in caplog.text
    assert list(run.bookmarks) == ["tasks"]
    activated = [m["stream"] for m in run.messages if m["type"] == "ACTIVATE_VERSION"]
    assert activated == ["tasks"]


def test_people_whose_projects_are_not_shown_can_end_the_run(harvest: Sandbox, sync: Sync):
    """For those who would rather know."""
    *_, row = harvest.rows("users")
    harvest.fail(path=f"/v2/users/{row['id']}/project_assignments", status=403, times=None)

    with pytest.raises(UnavailableError, match="user_project_assignments"):
        sync("user_project_assignments", on_forbidden="fail")


def test_a_stream_map_sees_the_parent_s_id(harvest: Sandbox, sync: Sync):
    """It is part of the record like any other field."""
    maps = {"invoice_payments": {"invoice": "str(invoice_id)", "__else__": None, "id": "id"}}

    run = sync("invoice_payments", stream_maps=maps)

    expected = {(row["id"], str(row["invoice_id"])) for row in served(harvest, "invoice_payments")}
    assert {(row["id"], row["invoice"]) for row in run.records("invoice_payments")} == expected


def test_many_lists_tell_how_far_they_are(
    harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    """Lists read and to read."""
    monkeypatch.setattr("tap_harvest.reading.progress.PROGRESS_SECONDS", 0)
    caplog.set_level("INFO")

    sync("user_cost_rates")

    people = len(harvest.rows("users"))
    lines = [record.message for record in caplog.records]
    assert any(f"Reading: stream=user_cost_rates lists=1 of={people} " in line for line in lines)
