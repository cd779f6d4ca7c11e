"""Reports: the sums that stay downstream, and what they cost."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import requests
from tap_run import run_tap, selecting, try_tap

from tap_harvest.http.budget import Budget
from tap_harvest.reading.report import Report
from tap_harvest.state.entries import sound_state
from tap_harvest.state.report_state import Reported
from tap_harvest.state.windows import Window, window_of
from tap_harvest.streams import STREAMS
from tap_harvest.tap import TapHarvest

if TYPE_CHECKING:
    from collections.abc import Callable

    from scripted_server import Clock
    from tap_run import Run

    from harvest_sandbox import Sandbox

    Sync = Callable[..., Run]

Row = dict[str, Any]
Sums = dict[tuple[Any, ...], list[Decimal]]

TIME = {
    "time_clients_report": ("client", "client_id"),
    "time_projects_report": ("project", "project_id"),
    "time_tasks_report": ("task", "task_id"),
    "time_team_report": ("user", "user_id"),
}
EXPENSES = {
    "expense_clients_report": ("client", "client_id"),
    "expense_projects_report": ("project", "project_id"),
    "expense_categories_report": ("expense_category", "expense_category_id"),
    "expense_team_report": ("user", "user_id"),
}
STREAM_OF: dict[str, type[Report]] = {
    stream.name: stream for stream in STREAMS if issubclass(stream, Report)
}
DATED = (*EXPENSES, "uninvoiced_report", *TIME)
DAY = 86400


class Table:
    """A table that a target keeps: rows by key, without those that are marked as deleted."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.rows: dict[tuple[Any, ...], Row] = {}
        subject = {**TIME, **EXPENSES}.get(stream, ("project", "project_id"))[1]
        self.keys = (subject, "currency", "from", "to")

    def load(self, run: Run) -> None:
        """Write what a run brought."""
        for record in run.records(self.stream):
            key = tuple(record[name] for name in self.keys)
            if record.get("_sdc_deleted_at"):
                self.rows.pop(key, None)
            else:
                self.rows[key] = record

    def sums(self, *figures: str) -> Sums:
        """The figures by key."""
        return {
            key: [Decimal(str(row[name])) for name in figures] for key, row in self.rows.items()
        }


def worked_out(harvest: Sandbox, stream: str, since: str, size: Any = "month") -> Sums:
    """The same figures, summed up from the account's own entries or expenses."""
    kind, today = {**TIME, **EXPENSES}[stream][0], harvest.now.date()
    currencies = {row["id"]: row["currency"] for row in harvest.rows("clients")}
    last = window_of(today, size).last.isoformat()
    sums: defaultdict[tuple[Any, ...], list[Decimal]]
    sums = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for row in harvest.rows("time_entries" if stream in TIME else "expenses"):
        if since <= row["spent_date"] <= last:
            window = window_of(date.fromisoformat(row["spent_date"]), size)
            days = window.first.isoformat(), window.last.isoformat()
            amount = Decimal(str(row["rounded_hours" if stream in TIME else "total_cost"]))
            found = sums[(row[kind]["id"], currencies[row["client"]["id"]], *days)]
            found[0] += amount
            found[1] += amount if row["billable"] else 0
    return dict(sums)


def figures(stream: str) -> tuple[str, str]:
    """The two figures that are compared."""
    if stream in TIME:
        return "total_hours", "billable_hours"
    return "total_amount", "billable_amount"


def asked(harvest: Sandbox, path: str) -> list[tuple[str, str]]:
    """The windows that a report was asked for, in the calendar's order."""
    return sorted(
        (request.query["from"], request.query["to"])
        for request in harvest.requests
        if request.path == f"/v2/reports/{path}"
    )


@pytest.mark.parametrize("stream", [*TIME, *EXPENSES])
def test_the_sums_are_those_of_the_entries(harvest: Sandbox, sync: Sync, stream: str):
    """By subject, currency and month."""
    table = Table(stream)

    table.load(sync(stream, report_start_date="2026-01-15"))

    expected = worked_out(harvest, stream, "2026-01-01")
    assert expected
    assert table.sums(*figures(stream)) == expected


@pytest.mark.parametrize("size", ["day", "week", "quarter", "year"])
def test_the_sums_are_right_in_each_window(harvest: Sandbox, sync: Sync, size: Any):
    """However the calendar is cut; the first window begins where it begins."""
    start = date(2026, 5, 13) if size == "day" else date(2025, 12, 31)
    if size == "week":
        start = date(2026, 3, 4)
    table = Table("time_team_report")

    table.load(sync("time_team_report", report_start_date=start.isoformat(), report_window=size))

    since = window_of(start, size).first.isoformat()
    assert table.sums("total_hours", "billable_hours") == worked_out(
        harvest, "time_team_report", since, size
    )


def work(harvest: Sandbox) -> None:
    """Change, delete and add entries and expenses of the last weeks."""
    today = harvest.now.date()
    recent = (today - timedelta(days=50)).isoformat()
    entries = [row for row in harvest.rows("time_entries") if row["spent_date"] > recent]
    changed, moved, *_, deleted = [row for row in entries if not row["is_locked"]]
    harvest.change("time_entries", changed["id"], hours=7.25)
    harvest.change("time_entries", moved["id"], spent_date=today.isoformat())
    harvest.delete("time_entries", deleted["id"])
    harvest.add("time_entries", hours=1.5, spent_date=today.isoformat())
    harvest.add("expenses", total_cost=12.34, spent_date=today.isoformat())


@pytest.mark.parametrize(
    ("start", "days"),
    [
        (datetime(2026, 6, 30, 12, tzinfo=UTC), 0),  # Twice on one day.
        (datetime(2026, 6, 30, 12, tzinfo=UTC), 1),  # Across the end of a month.
        (datetime(2026, 6, 28, 12, tzinfo=UTC), 1),  # On the next day.
        (datetime(2028, 2, 28, 12, tzinfo=UTC), 1),  # To 29 February.
        (datetime(2028, 2, 29, 12, tzinfo=UTC), 1),  # From 29 February.
        (datetime(2027, 12, 31, 12, tzinfo=UTC), 1),  # Across the end of a year.
    ],
)
@pytest.mark.parametrize("stream", ["time_clients_report", "expense_projects_report"])
def test_two_syncs_leave_the_right_sums(
    harvest: Sandbox, sync: Sync, stream: str, start: datetime, days: int
):
    """Whatever was edited between them."""
    harvest.now = start
    for number in (*range(8), 38, 40):
        day = (start - timedelta(days=number)).date().isoformat()
        harvest.add("time_entries", hours=2, spent_date=day)
        harvest.add("expenses", total_cost=5.5, spent_date=day)
    begin = f"{start - timedelta(days=45):%Y-%m}-01"
    table = Table(stream)
    first = sync(stream, report_start_date=begin)
    table.load(first)
    harvest.advance(seconds=days * DAY)
    work(harvest)

    table.load(sync(stream, report_start_date=begin, state=first.states[-1]))

    assert table.sums(*figures(stream)) == worked_out(harvest, stream, begin)


@pytest.mark.parametrize("stream", DATED)
@pytest.mark.parametrize("form", ["null", "absent"])
def test_a_row_without_its_subject_has_a_key(harvest: Sandbox, sync: Sync, stream: str, form: str):
    """It is kept and retracted as any other row; its id is 0, which no row of Harvest's has."""
    path, [subject, *_] = STREAM_OF[stream].path, STREAM_OF[stream].primary_keys

    def without_subject(body: bytes) -> bytes:
        answer = json.loads(body)
        row = answer["results"][0]
        row[subject] = None
        if form == "absent":
            del row[subject]
        return json.dumps(answer).encode()

    harvest.fail(path=f"/v2{path}", rewrite=without_subject)

    first = sync(stream, report_start_date="2026-06-01")
    second = sync(stream, report_start_date="2026-06-01", state=first.states[-1])

    [row] = [row for row in first.records(stream) if row[subject] == 0]
    assert (row["from"], row["to"]) == ("2026-06-01", "2026-06-30")
    figures = STREAM_OF[stream].figures
    [gone] = [row for row in second.records(stream) if row[subject] == 0]
    assert gone["_sdc_deleted_at"]
    assert {gone[figure] for figure in figures} == {0}
    assert {name: gone[name] for name in ("currency", "from", "to")} == {
        name: row[name] for name in ("currency", "from", "to")
    }


@pytest.mark.parametrize("form", ["null", "absent"])
def test_a_budget_without_its_project_has_a_key(harvest: Sandbox, sync: Sync, form: str):
    """Its id is 0, which no project has; all others stay as Harvest sent them."""

    def without_project(body: bytes) -> bytes:
        answer = json.loads(body)
        row = answer["results"][0]
        row["project_id"] = None
        if form == "absent":
            del row["project_id"]
        return json.dumps(answer).encode()

    plain = sync("project_budget_report").records("project_budget_report")
    harvest.fail(path="/v2/reports/project_budget", rewrite=without_project)

    first, *others = sync("project_budget_report").records("project_budget_report")

    assert first == {**plain[0], "project_id": 0}
    assert others == plain[1:]


def test_a_subject_that_drops_out_is_retracted(harvest: Sandbox, sync: Sync):
    """It comes once more without figures, and marked; after that never again."""
    client = harvest.add("clients", name="Example Quarry")
    project = harvest.add("projects", client_id=client["id"])
    entry = harvest.add("time_entries", project_id=project["id"], spent_date="2026-06-03", hours=4)
    first = sync("time_clients_report")
    harvest.delete("time_entries", entry["id"])

    second = sync("time_clients_report", state=first.states[-1])
    third = sync("time_clients_report", state=second.states[-1])

    retracted = {
        "client_id": client["id"],
        "currency": client["currency"],
        "from": "2026-06-01",
        "to": "2026-06-30",
        "total_hours": 0,
        "billable_hours": 0,
        "billable_amount": 0,
        "_sdc_deleted_at": harvest.now.isoformat().replace("+00:00", "Z"),
    }
    of_client = [
        [r for r in run.records("time_clients_report") if r["client_id"] == client["id"]]
        for run in (first, second, third)
    ]
    assert [len(rows) for rows in of_client] == [1, 1, 0]
    assert of_client[0][0]["total_hours"] == 4
    assert of_client[1] == [retracted]


@pytest.mark.parametrize(
    ("settings", "days"),
    [
        # The end is older than the lookback.
        ({"report_start_date": "2026-01-01", "end_date": "2026-02-01"}, 1),
        # The gap between two syncs is longer than the lookback.
        ({"report_start_date": "2026-06-20", "report_window": "day"}, 60),
    ],
)
def test_a_subject_is_retracted_from_every_window_that_is_read_again(
    harvest: Sandbox, sync: Sync, settings: Row, days: int
):
    """Whatever the windows are that a run asks for."""
    settings = {"report_lookback_days": 10, **settings}
    harvest.advance(seconds=-9 * DAY // 24)  # Two days are not over: this one and yesterday.
    day = "2026-01-28" if "end_date" in settings else "2026-06-30"
    project = harvest.add("projects", client_id=harvest.add("clients")["id"])
    entry = harvest.add("time_entries", project_id=project["id"], spent_date=day, hours=4)
    table = Table("time_projects_report")
    first = sync("time_projects_report", **settings)
    table.load(first)
    before = [key[0] for key in table.rows]
    harvest.advance(seconds=days * DAY)
    harvest.delete("time_entries", entry["id"])

    second = sync("time_projects_report", state=first.states[-1], **settings)

    table.load(second)
    assert project["id"] in before
    assert project["id"] not in [key[0] for key in table.rows]


def test_a_subject_of_a_window_that_was_not_read_whole_is_retracted(
    harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture
):
    """People go on working during each read. What was sent of the window is downstream."""
    entry, *others = [
        harvest.add(
            "time_entries",
            project_id=harvest.add("projects", name=f"A project {number}")["id"],
            spent_date="2026-06-03",
        )
        for number in range(8)
    ]
    path, settings = "/v2/reports/time/projects", {"report_start_date": "2026-06-01"}
    for number, other in enumerate(others[:3]):  # Before the second page of each walk.
        harvest.fail(
            path=path,
            after=number + 1,
            edit=lambda gone=other["id"]: harvest.delete("time_entries", gone),
        )
    table = Table("time_projects_report")
    size = len(worked_out(harvest, "time_projects_report", "2026-06-01")) - 3
    first = sync("time_projects_report", page_size=size, **settings)
    table.load(first)
    harvest.delete("time_entries", entry["id"])

    state = first.states[-1] if first.states else None
    second = sync("time_projects_report", state=state, **settings)

    assert "changed each time that it was read" in caplog.text
    assert entry["project"]["id"] in {key[0] for key in table.rows}
    table.load(second)
    expected = worked_out(harvest, "time_projects_report", "2026-06-01")
    assert table.sums(*figures("time_projects_report")) == expected


def test_an_earlier_start_brings_the_windows_before(harvest: Sandbox, config: Row, sync: Sync):
    """Once, latest first; a run that stops half way is continued by the next."""
    earlier = {
        "report_start_date": "2026-02-01",
        "report_lookback_days": 0,
        "max_concurrent_requests": 1,
    }
    table = Table("time_team_report")
    first = sync("time_team_report", **{**earlier, "report_start_date": "2026-05-10"})
    harvest.requests.clear()
    harvest.fail(path="/v2/reports/time/team", after=3, status=401)

    stopped = try_tap(
        TapHarvest(
            config={**config, **earlier},
            state=first.states[-1],
            catalog=selecting("time_team_report"),
        )
    )
    windows = [request.query["from"] for request in harvest.requests if "from" in request.query]
    harvest.requests.clear()
    second = sync("time_team_report", state=stopped.states[-1], **earlier)
    months = [window[0] for window in asked(harvest, "time/team")]
    harvest.requests.clear()
    third = sync("time_team_report", state=second.states[-1], **earlier)

    assert windows == ["20260601", "20260401", "20260301", "20260201"]
    assert months == ["20260201", "20260601"]
    assert asked(harvest, "time/team") == [("20260601", "20260630")]
    for run in (first, stopped, second, third):
        table.load(run)
    expected = worked_out(harvest, "time_team_report", "2026-02-01")
    assert table.sums(*figures("time_team_report")) == expected


@pytest.mark.parametrize("stream", ["uninvoiced_report", "time_projects_report"])
@pytest.mark.parametrize("change", [(None, False), (None, True), (True, None)], ids=str)
def test_a_changed_option_changes_all_figures(
    sync: Sync, caplog: pytest.LogCaptureFixture, stream: str, change: tuple[bool | None, ...]
):
    """Two kinds of figures in one table cannot be summed. A run without a change warns of none."""
    before, after = change

    def settings(include: bool | None) -> Row:
        start = {"report_start_date": "2026-01-01", "report_lookback_days": 180}
        return start if include is None else {**start, "include_fixed_fee": include}

    table, fresh = Table(stream), Table(stream)
    first = sync(stream, **settings(before))
    table.load(first)
    same = sync(stream, state=first.states[-1], **settings(before))
    told_before = "changes figures" in caplog.text

    second = sync(stream, state=same.states[-1], **settings(after))

    assert not told_before
    assert "changes figures" in caplog.text
    table.load(second)
    fresh.load(sync(stream, **settings(after)))
    assert table.rows == fresh.rows
    entry = second.states[-1]["bookmarks"][stream]
    assert entry.get("options", {}) == (
        {} if after is None else {"include_fixed_fee": str(after).lower()}
    )


def test_a_changed_option_reads_windows_that_are_beyond_the_lookback(harvest: Sandbox, sync: Sync):
    """From the beginning, and where that is later now, from the former one."""
    first = sync("time_team_report", report_start_date="2026-02-01", report_lookback_days=0)
    harvest.requests.clear()

    sync(
        "time_team_report",
        report_start_date="2026-04-01",
        report_lookback_days=0,
        include_fixed_fee=True,
        state=first.states[-1],
    )

    months = [window[0] for window in asked(harvest, "time/team")]
    assert months == [f"2026{month:02}01" for month in range(2, 7)]


@pytest.mark.parametrize("value", ["0001-01-01", "9999-12-31"])
@pytest.mark.parametrize(
    "begun",
    [
        {},
        {"start_date": "2026-05-01"},
        {"start_date": "2026-05-01", "unread": [{"first": "2026-06-01", "last": "9999-12-31"}]},
    ],
)
def test_a_bookmark_at_the_end_of_the_calendar_reads_from_the_start(
    harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture, begun: Row, value: str
):
    """Some programs write such days for never and for ever."""
    entry = {"replication_key": "to", "replication_key_value": value, "report_window": "month"}
    state = {"bookmarks": {"time_team_report": {**entry, **begun}}}

    run = sync("time_team_report", state=state, report_lookback_days=0)

    assert asked(harvest, "time/team") == [("20260501", "20260531"), ("20260601", "20260630")]
    assert ("ahead of Harvest's clock" in caplog.text) is (value > "2026")
    after = run.states[-1]["bookmarks"]["time_team_report"]
    assert after["replication_key_value"] == "2026-05-31"
    assert value < "2026" or "unread" not in after


@pytest.mark.parametrize("stream", ["project_budget_report", "time_team_report"])
def test_an_empty_entry_of_a_report_is_none(stream: str):
    """Some programs write one for each stream."""
    assert sound_state({"bookmarks": {stream: {}}}, by_window=[stream]) == ({}, {})


def test_a_stream_map_sees_retractions(harvest: Sandbox, sync: Sync):
    """They take the same way as other records."""
    entry = harvest.add("time_entries", spent_date="2026-06-03")
    maps = {"time_team_report": {"__else__": "include", "who": "user_id"}}
    del maps["time_team_report"]["__else__"]
    first = sync("time_team_report", stream_maps=maps)
    for row in harvest.rows("time_entries"):
        if row["spent_date"] >= "2026-06-01" and row["user"]["id"] == entry["user"]["id"]:
            harvest.delete("time_entries", row["id"])

    second = sync("time_team_report", stream_maps=maps, state=first.states[-1])

    [retracted] = [r for r in second.records("time_team_report") if r.get("_sdc_deleted_at")]
    assert retracted["who"] == entry["user"]["id"]


def test_windows_that_nobody_edits_any_more_are_not_read_again(harvest: Sandbox, sync: Sync):
    """Those of the lookback are, and the open one, and the one that was not read yet."""
    first = sync("time_team_report", report_start_date="2026-01-01")
    harvest.now = datetime(2026, 7, 20, tzinfo=UTC)
    harvest.requests.clear()

    second = sync(
        "time_team_report",
        report_start_date="2026-01-01",
        report_lookback_days=30,
        state=first.states[-1],
    )

    assert asked(harvest, "time/team") == [("20260601", "20260630"), ("20260701", "20260731")]
    entry = second.states[-1]["bookmarks"]["time_team_report"]
    assert entry["replication_key_value"] == "2026-06-30"
    assert sorted(entry["sent"]) == ["2026-06-01", "2026-07-01"]


def test_windows_that_were_missed_are_caught_up_with(harvest: Sandbox, sync: Sync):
    """However long ago the last sync was."""
    first = sync("time_team_report")
    harvest.now = datetime(2026, 12, 31, tzinfo=UTC)
    harvest.requests.clear()

    sync("time_team_report", report_lookback_days=0, state=first.states[-1])

    months = [window[0] for window in asked(harvest, "time/team")]
    assert months == [f"2026{month:02}01" for month in range(6, 13)]


def test_a_month_is_not_over_before_it_is_so_in_the_west(harvest: Sandbox, sync: Sync):
    """In Los Angeles people still track time of August when September has begun in UTC."""
    harvest.now = datetime(2026, 9, 1, 3, tzinfo=UTC)
    settings = {"report_start_date": "2026-08-01", "report_lookback_days": 0}
    table = Table("time_projects_report")
    first = sync("time_projects_report", **settings)
    table.load(first)

    harvest.add("time_entries", spent_date="2026-08-31", hours=2.5)
    harvest.advance(seconds=12 * 60 * 60)
    second = sync("time_projects_report", state=first.states[-1], **settings)
    table.load(second)

    sums = worked_out(harvest, "time_projects_report", "2026-08-01")
    assert table.sums("total_hours", "billable_hours") == sums
    assert sums
    assert second.bookmarks["time_projects_report"] == "2026-08-31"


def test_a_leap_year_is_asked_for_in_two_pieces(harvest: Sandbox, sync: Sync):
    """Harvest reports 365 days at once."""
    sync("time_team_report", report_start_date="2023-07-01", report_window="year")

    assert asked(harvest, "time/team") == [
        ("20230101", "20231231"),
        ("20240101", "20240630"),
        ("20240701", "20241231"),
        ("20250101", "20251231"),
        ("20260101", "20261231"),
    ]


@pytest.mark.parametrize(
    ("settings", "first"),
    [
        ({"report_start_date": None}, "20250101"),
        ({"report_start_date": None, "start_date": "2026-02-03"}, "20260201"),
        ({"report_start_date": "2026-04-30", "start_date": "2026-02-03"}, "20260401"),
    ],
)
def test_the_first_window_is_a_setting(harvest: Sandbox, sync: Sync, settings: Row, first: str):
    """Last year's first without one."""
    sync("time_tasks_report", **settings)

    windows = asked(harvest, "time/tasks")
    assert windows[0][0] == first
    assert windows[-1] == ("20260601", "20260630")


def test_no_window_begins_after_the_end_date(harvest: Sandbox, sync: Sync):
    """It is left for a later sync, which begins there."""
    first = sync("time_tasks_report", end_date="2026-06-01")
    second = sync("time_tasks_report", report_lookback_days=0, state=first.states[-1])

    assert first.bookmarks == {"time_tasks_report": "2026-05-31"}
    assert asked(harvest, "time/tasks") == [("20260501", "20260531"), ("20260601", "20260630")]
    assert second.bookmarks == first.bookmarks


def test_a_hidden_currency_is_empty(harvest: Sandbox, sync: Sync):
    """A key is never null."""
    run = sync("time_team_report", access_token=harvest.token_for("member"))

    assert {record["currency"] for record in run.records("time_team_report")} == {""}


@pytest.mark.parametrize("stream", ["time_team_report", "time_tasks_report"])
@pytest.mark.parametrize("page_size", [3, 2000])
def test_rows_of_a_hidden_currency_are_added_up(
    harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture, stream: str, page_size: int
):
    """A subject has one row for each currency, which nothing tells apart where it is hidden."""
    manager = next(row for row in harvest.rows("users") if row["access_roles"] == ["manager"])
    token, caller = harvest.token_for(manager["id"]), harvest.caller(manager["id"])
    month = {"from": "2026-06-01", "to": "2026-06-30"}
    subject, path = STREAM_OF[stream].subject, STREAM_OF[stream].path
    for person in caller.people:
        for project in currencies(harvest):
            harvest.add(
                "time_entries",
                user_id=person,
                project_id=project,
                hours=1.5,
                spent_date="2026-06-03",
            )
    shown = rows_shown_to(harvest, token, path, **month)
    expected: defaultdict[int, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for row in shown:
        for number, name in enumerate(("total_hours", "billable_hours")):
            expected[row[subject]][number] += Decimal(str(row[name]))
    assert len(expected) < len(shown)

    run = sync(stream, access_token=token, report_start_date="2026-05-01", page_size=page_size)

    records = [row for row in run.records(stream) if row["from"] == month["from"]]
    assert len(records) == len(expected)
    assert {
        row[subject]: [Decimal(str(row[name])) for name in ("total_hours", "billable_hours")]
        for row in records
    } == expected
    assert {(row["currency"], row["billable_amount"]) for row in records} == {("", None)}
    assert "The list changed" not in caplog.text
    assert run.bookmarks[stream] == "2026-05-31"


def currencies(harvest: Sandbox) -> list[int]:
    """Two projects, of clients with different currencies."""
    by_currency = {row["client"]["currency"]: row["id"] for row in harvest.rows("projects")}
    return list(by_currency.values())[:2]


def rows_shown_to(harvest: Sandbox, token: str, path: str, **query: str) -> list[Row]:
    """The rows of a report, as Harvest shows them to a token."""
    headers = {
        "Authorization": f"Bearer {token}",
        "Harvest-Account-Id": harvest.account_id,
        "User-Agent": "test",
    }
    url = f"{harvest.api_url}{path}"
    rows: list[Row] = requests.get(url, params=query, headers=headers, timeout=10).json()["results"]
    return rows


@pytest.mark.parametrize("include", [True, False, None])
def test_fixed_fees_are_a_setting(harvest: Sandbox, sync: Sync, include: bool | None):
    """Of the reports that know them; without it Harvest decides."""
    settings = {} if include is None else {"include_fixed_fee": include}

    sync("time_team_report", "uninvoiced_report", "expense_team_report", **settings)

    expected = {True: "true", False: "false", None: None}[include]
    for request in harvest.requests[2:]:
        found = request.query.get("include_fixed_fee")
        assert found == (None if "expenses" in request.path else expected)


@pytest.mark.parametrize("include", [True, False, None])
def test_the_plans_of_forecast_are_a_setting(harvest: Sandbox, sync: Sync, include: bool | None):
    """Of the two reports that know them; without it they are not asked for."""
    settings = {} if include is None else {"include_forecast": include}

    run = sync(*DATED, **settings)

    planned = ("time_projects_report", "time_team_report")
    for stream in DATED:
        path = STREAM_OF[stream].path
        asked = {r.query.get("include_forecast") for r in harvest.requests if path in r.path}
        expected = {True: "true", False: "false", None: None}[include]
        assert asked == ({expected} if stream in planned else {None})
        hours = [record.get("scheduled_hours") for record in run.records(stream)]
        is_there = include is True and stream in planned
        assert {value is None for value in hours} == ({True, False} if is_there else {True})


def test_the_uninvoiced_report_lists_each_billable_project(harvest: Sandbox, sync: Sync):
    """As Harvest sends it, those without any work included."""
    run = sync("uninvoiced_report")

    billable = {row["id"] for row in harvest.rows("projects") if row["is_billable"]}
    for month in ("2026-05-01", "2026-06-01"):
        found = {r["project_id"] for r in run.records("uninvoiced_report") if r["from"] == month}
        assert found == billable


def test_budgets_are_those_of_the_day(harvest: Sandbox, sync: Sync):
    """Harvest's report has no date, so the tap adds it; the state only says when it was read."""
    run = sync("project_budget_report")

    records = run.records("project_budget_report")
    budgeted = {row["id"] for row in harvest.rows("projects") if row["budget_by"] != "none"}
    assert {record["project_id"] for record in records} == budgeted
    assert {record["as_of"] for record in records} == {"2026-06-30"}
    assert run.states[-1]["bookmarks"].keys() == {"project_budget_report"}


def test_the_cost_is_told_beforehand(sync: Sync, caplog: pytest.LogCaptureFixture):
    """Once, for all reports together, before the first list is read."""
    caplog.set_level("INFO")

    sync("clients", "time_team_report", "expense_team_report", "project_budget_report")

    told, *_ = [record.message for record in caplog.records if record.name == "tap-harvest"]
    assert told == (
        "Reports to read, after all lists: streams=3 requests=5 budget_left=100 minutes_to_wait=0"
    )
    assert "later run" not in caplog.text


def run_with(clock: Clock, allowed: int, config: Row, *streams: str) -> None:
    """Sync with a small budget of reports, by a clock that only waiting moves."""
    tap = TapHarvest(
        config={
            **config,
            "report_requests_per_15_minutes": allowed,
            "max_concurrent_requests": 1,  # Two that wait at once would move the clock twice.
        },
        catalog=selecting(*streams),
    )
    budget = Budget(allowed, 15 * 60, clock=clock, wait=clock.wait)
    tap.account.client.budgets.reports = budget

    run_tap(tap)


@pytest.mark.parametrize(("allowed", "minutes"), [(4, 0), (3, 15), (2, 15), (1, 45)])
def test_the_wait_is_told_beforehand(
    config: Row, clock: Clock, caplog: pytest.LogCaptureFixture, allowed: int, minutes: int
):
    """So that nobody takes a full budget for a fault. A line says how to leave the reports out."""
    caplog.set_level("INFO")

    run_with(clock, allowed, config, "time_team_report", "expense_team_report")

    assert f"minutes_to_wait={minutes}" in caplog.text
    assert round(sum(clock.waited) / 60) == minutes
    assert ("add '!*_report.*' to `select`" in caplog.text) is (minutes > 0)
    waits = {found[0] for found in re.finditer(r"wait=\d+ of=\d+", caplog.text)}
    assert waits == {f"wait={number + 1} of={minutes // 15}" for number in range(minutes // 15)}


def test_the_time_to_go_is_that_of_the_whole_run(
    config: Row,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
):
    """The first stream tells how long the budget will keep the last one waiting."""
    monkeypatch.setattr("tap_harvest.reading.progress.PROGRESS_SECONDS", 0)
    caplog.set_level("INFO")

    run_with(clock, 3, config, "clients", "time_team_report", "expense_team_report")

    told = re.findall(r"Reading: stream=(\w+) .* seconds_to_go=(\d+)", caplog.text)
    assert {stream: int(seconds) // 60 for stream, seconds in told} == {
        "clients": 15,
        "expense_team_report": 15,
        "time_team_report": 0,
    }


def months(run: Run, stream: str = "time_team_report") -> list[str]:
    """The months that a run read, in the order of reading."""
    return list(dict.fromkeys(row["from"][:7] for row in run.records(stream)))


def stopped(harvest: Sandbox, config: Row, after: int, state: Any = None, **settings: Any) -> Run:
    """Sync a report until Harvest refuses the token after some requests."""
    fault = harvest.fail(path="/v2/reports/time/team", after=after, status=401)
    one_by_one = {**config, **settings, "max_concurrent_requests": 1}
    run = try_tap(TapHarvest(config=one_by_one, state=state, catalog=selecting("time_team_report")))
    assert run.error
    assert fault.times == 0
    return run.until_last_state()


def test_a_report_is_read_newest_first(harvest: Sandbox, sync: Sync):
    """So that a page made in the middle of a long first run has the latest months."""
    run = sync("time_team_report", report_start_date="2026-01-01", max_concurrent_requests=1)

    expected = [f"2026-{month:02}" for month in (6, 5, 4, 3, 2, 1)]
    assert months(run) == expected
    asked_in_order = [r.query["from"] for r in harvest.requests if "from" in r.query]
    assert asked_in_order == [f"{month.replace('-', '')}01" for month in expected]


def test_a_report_that_is_stopped_goes_on_where_it_was(harvest: Sandbox, config: Row, sync: Sync):
    """Each window is remembered, since one costs much of the small budget."""
    settings = {"report_start_date": "2026-01-01", "report_lookback_days": 0}
    table = Table("time_team_report")
    first = stopped(harvest, config, 4, **settings)

    second = sync("time_team_report", **settings, state=first.states[-1])

    assert first.bookmarks == {"time_team_report": "2026-05-31"}
    assert months(first) == ["2026-06", "2026-05", "2026-04", "2026-03"]
    assert months(second) == ["2026-06", "2026-02", "2026-01"]
    for run in (first, second):
        table.load(run)
    expected = worked_out(harvest, "time_team_report", "2026-01-01")
    assert table.sums(*figures("time_team_report")) == expected


@pytest.mark.parametrize("after", [1, 2])
def test_a_report_that_is_stopped_while_it_catches_up_goes_on_where_it_was(
    harvest: Sandbox, config: Row, sync: Sync, after: int
):
    """However often: the windows between the old ones and the new ones are read once."""
    settings = {"report_start_date": "2026-01-01", "report_lookback_days": 0}
    table = Table("time_team_report")
    today, harvest.now = harvest.now, datetime(2026, 2, 20, tzinfo=UTC)
    runs = [sync("time_team_report", **settings)]
    harvest.now = today

    for _ in range(2):
        runs.append(stopped(harvest, config, after, runs[-1].states[-1], **settings))
    runs.append(sync("time_team_report", **settings, state=runs[-1].states[-1]))

    for run in runs:
        table.load(run)
    expected = worked_out(harvest, "time_team_report", "2026-01-01")
    assert table.sums(*figures("time_team_report")) == expected
    read = [month for run in runs[1:] for month in months(run) if month != "2026-06"]
    assert sorted(read) == ["2026-02", "2026-03", "2026-04", "2026-05"]
    assert runs[-1].states[-1]["bookmarks"]["time_team_report"].keys() == {
        *("replication_key", "replication_key_value", "report_window", "start_date", "sent")
    }


def test_a_report_whose_options_change_is_stopped_and_goes_on(
    harvest: Sandbox, config: Row, sync: Sync
):
    """All windows are read once with the new options."""
    settings = {"report_start_date": "2026-01-01", "report_lookback_days": 0}
    changed = {**settings, "include_fixed_fee": True}
    first = sync("time_team_report", **settings)

    second = stopped(harvest, config, 3, first.states[-1], **changed)
    third = sync("time_team_report", **changed, state=second.states[-1])

    assert months(second) == ["2026-06", "2026-05", "2026-04"]
    assert months(third) == ["2026-06", "2026-03", "2026-02", "2026-01"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-03-31", ["2026-06", "2026-05", "2026-04"]),
        (None, ["2026-06", "2026-05", "2026-04", "2026-03", "2026-02", "2026-01"]),
    ],
)
def test_a_state_of_windows_that_were_read_oldest_first_goes_on(
    sync: Sync, value: str | None, expected: list[str]
):
    """As an older version left it when it was stopped: no window is read twice."""
    entry = {
        "replication_key": "to",
        "replication_key_value": value,
        "report_window": "month",
        "start_date": "2026-01-01",
        "sent": {},
        "starting_replication_value": None,
    }
    settings = {"report_start_date": "2026-01-01", "report_lookback_days": 0}

    run = sync("time_team_report", **settings, state={"bookmarks": {"time_team_report": entry}})

    assert months(run) == expected
    after = run.states[-1]["bookmarks"]["time_team_report"]
    assert (after["start_date"], after["replication_key_value"]) == ("2026-01-01", "2026-05-31")


def test_a_window_that_was_not_read_whole_does_not_hold_up_older_ones(
    harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture
):
    """The open month may change in each run. Only that window is read again."""
    stream, settings = "time_projects_report", {"report_start_date": "2026-05-01"}
    others = [
        harvest.add(
            "time_entries",
            project_id=harvest.add("projects", name=f"A project {number}")["id"],
            spent_date="2026-06-03",
        )
        for number in range(3)
    ]
    for number, other in enumerate(others):  # Before the second page of each walk.
        harvest.fail(
            path="/v2/reports/time/projects",
            after=number + 1,
            edit=lambda gone=other["id"]: harvest.delete("time_entries", gone),
        )
    table = Table(stream)
    size = len(worked_out(harvest, stream, "2026-06-01")) - 3

    run = sync(stream, page_size=size, max_concurrent_requests=1, **settings)

    assert "changed each time that it was read" in caplog.text
    assert months(run, stream) == ["2026-06", "2026-05"]
    entry = run.states[-1]["bookmarks"][stream]
    assert entry["unread"] == [{"first": "2026-06-01", "last": "2026-06-30"}]
    assert "starting_replication_value" in entry  # Targets see that it was not read to its end.
    table.load(run)
    again = sync(stream, state=run.states[-1], report_lookback_days=0, **settings)
    table.load(again)
    assert months(again, stream) == ["2026-06"]
    expected = worked_out(harvest, stream, "2026-05-01")
    assert table.sums(*figures(stream)) == expected


def test_a_changed_window_is_reported(
    harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture
):
    """The old rows stay beside the new ones, which would count twice."""
    first = sync("time_team_report")
    harvest.requests.clear()

    second = sync("time_team_report", report_window="quarter", state=first.states[-1])

    assert "`report_window` was changed" in caplog.text
    assert asked(harvest, "time/team") == [("20260401", "20260630")]
    assert second.states[-1]["bookmarks"]["time_team_report"]["report_window"] == "quarter"


@pytest.mark.parametrize("answer", ["403", "404"])
def test_reports_of_a_module_that_is_off_are_asked_for_once(
    harvest: Sandbox, sync: Sync, answer: Any
):
    """One refusal is enough to skip each of them."""
    harvest.company.update(expense_feature=False, invoice_feature=False)
    harvest.switches.disabled_module = answer

    run = sync(*DATED)

    assert run.streams == list(TIME)
    refused = [request.path for request in harvest.requests if request.status == int(answer)]
    assert len(refused) == len(set(refused)) == len(EXPENSES) + 1


JUNE = Window(date(2026, 6, 1), date(2026, 6, 30))


def test_an_entry_of_a_report_is_read_as_it_was_written():
    """In the one state, beside those of lists."""
    first = date(2026, 7, 1)
    read = Reported(report_window="month").read(
        JUNE, [(2, "EUR"), (1, "")], today=first, last=first, lookback=timedelta(days=60)
    )

    assert read.to_state() == {
        "replication_key": "to",
        "replication_key_value": "2026-06-30",
        "report_window": "month",
        "start_date": "2026-06-01",
        "sent": {"2026-06-01": [[1, ""], [2, "EUR"]]},
    }
    assert Reported.from_state(read.to_state()) == read
    state = {"time_team_report": read.to_state()}
    assert sound_state({"bookmarks": state}, by_window=state) == (state, {})


def test_an_open_window_moves_no_bookmark():
    """Its last day is not over on that day."""
    last = JUNE.last
    read = Reported(report_window="month").read(
        JUNE, [], today=last, last=last, lookback=timedelta(0)
    )

    assert read.replication_key_value is None


@pytest.mark.parametrize(
    "entry",
    [
        {"replication_key": "updated_at", "replication_key_value": "2026-06-30T00:00:00Z"},
        {"replication_key": "to", "replication_key_value": "yesterday", "report_window": "month"},
        {"replication_key": "to", "replication_key_value": None, "report_window": "fortnight"},
    ],
)
def test_an_entry_of_a_report_that_cannot_be_used_is_named(entry: Row):
    """The report is read from its beginning."""
    sound, faults = sound_state(
        {"bookmarks": {"time_team_report": entry}}, by_window=["time_team_report"]
    )

    assert sound == {}
    assert list(faults) == ["time_team_report"]
