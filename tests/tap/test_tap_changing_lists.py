"""A list that changes while it is read: no living row is removed, and no change is passed.

The model is random: rows are added, changed and deleted between the pages of a list, in each order
that a list may have. What was deleted may stay downstream until the next reconcile.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from tap_run import Run, landed, run_tap, selecting

from tap_harvest.tap import TapHarvest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harvest_sandbox import Sandbox

ENTRIES = "/v2/time_entries"
CATALOG = selecting("time_entries")
ORDERS = {
    "newest first": ("spent_date", True),
    "oldest first": ("spent_date", False),
    "by id": ("id", False),
    "by creation": ("created_at", True),
    "by change": ("updated_at", False),
    "by change, latest first": ("updated_at", True),
}
HOUR = 3600
DAY = 24 * HOUR
NEVER = 36_500
MIDDLE = "2026-01-01"
"""A day in the middle of the account's time entries."""


@dataclass(frozen=True)
class Read:
    """A way in which a list is read.

    Attributes:
        settings: Settings of all runs.
        second: Further settings of the run during which rows change.
        holds: Whether a row is to be downstream.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    second: Mapping[str, Any] = field(default_factory=dict)
    holds: Callable[[dict[str, Any]], bool] = lambda _: True


READS = {
    "whole": Read(second={"reconcile_days": 0}),
    "whole, from a start date": Read(
        {"start_date": MIDDLE},
        {"reconcile_days": 0},
        lambda row: row["updated_at"] >= MIDDLE,
    ),
    "changes": Read(),
    "changes of selected rows": Read(
        {"stream_filters": {"time_entries": {"from": MIDDLE}}},
        holds=lambda row: row["spent_date"] >= MIDDLE,
    ),
}


def work(harvest: Sandbox, chance: Random) -> None:
    """Add, change or delete a row; what is deleted is mostly at the beginning of the list."""
    rows = harvest.rows("time_entries")
    row_id = chance.choice(rows)["id"]
    day = chance.choice(rows)["spent_date"]
    deletable = [row["id"] for row in rows if not row["is_closed"]]
    if not deletable:
        harvest.add("time_entries", spent_date=day)
        return
    gone = chance.choice(deletable[: chance.choice([5, 15, None])])
    edits: list[Callable[[], object]] = [
        lambda: harvest.add("time_entries", spent_date=day),
        lambda: harvest.change("time_entries", row_id, notes=str(chance.random())),
        lambda: harvest.change("time_entries", row_id, spent_date=day),
        lambda: harvest.delete("time_entries", gone),
    ]
    chance.choice(edits)()


def version(row: dict[str, Any]) -> tuple[str, ...]:
    """What changes of a row; the hours of a timer that runs grow without a change."""
    return row["updated_at"], row["spent_date"], row["notes"]


def read_while_people_work(
    harvest: Sandbox, config: dict[str, Any], read: Read, chance: Random
) -> bool:
    """Read an account that changes between two pages, and see what came of it.

    Returns:
        Whether the list was proven to be read whole.
    """

    def sync(*runs: Run, **settings: Any) -> Run:
        given = {"reconcile_days": NEVER, "lookback_seconds": 0, "page_size": 5} | settings
        state = runs[-1].states[-1] if runs else None
        tap = TapHarvest(config={**config, **read.settings, **given}, state=state, catalog=CATALOG)
        return run_tap(tap)

    def people_work() -> None:
        harvest.advance(seconds=chance.choice([0, 0, 1, 20]))
        for _ in range(chance.choice([0, 0, 0, 0, 1, 2, 4])):
            work(harvest, chance)

    first = sync()
    for _ in range(25):
        harvest.advance(seconds=chance.choice([0, 1, HOUR]))
        work(harvest, chance)
    harvest.advance(seconds=chance.choice([0, 30, DAY]))
    fault = harvest.fail(path=ENTRIES, times=None, edit=people_work)

    second = sync(first, **read.second)
    after = {row["id"]: row for row in harvest.rows("time_entries") if read.holds(row)}
    table = landed(first, second)["time_entries"]
    sent = first.ids("time_entries") | second.ids("time_entries")
    assert {row_id for row_id in after if row_id in sent} <= {key[0] for key in table}

    harvest.faults.pending.remove(fault)
    harvest.advance(seconds=DAY)
    third = sync(first, second)
    found = landed(first, second, third)["time_entries"]
    assert {row_id: version(row) for row_id, row in after.items()}.items() <= {
        row_id: version(row) for (row_id,), row in found.items()
    }.items()
    return first.states[-1] != second.states[-1]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("read", READS)
def test_what_moves_while_a_list_is_read_is_neither_removed_nor_passed(
    harvest_factory: Callable[..., Sandbox],
    read: str,
    order: str,
    seed: int,
):
    """In whichever order the list is, and also where all happens within one second."""
    chance = Random(f"{read} {order} {seed}")
    harvest = harvest_factory(
        time_entries=60,
        cursor_links_in_page_lists=chance.random() < 0.2,
        updated_since_inclusive=chance.random() < 0.5,
    )
    by, newest_first = ORDERS[order]
    harvest.sort("time_entries", by, newest_first=newest_first)

    config = {
        "access_token": harvest.token,
        "account_id": harvest.account_id,
        "api_url": harvest.api_url,
        "identity_url": harvest.identity_url,
    }

    read_while_people_work(harvest, config, READS[read], chance)


@pytest.mark.parametrize("start", [{}, {"start_date": MIDDLE}], ids=["all", "from a start date"])
@pytest.mark.parametrize("seconds", [0, 5])
def test_a_late_row_hides_no_row_that_moved(
    harvest: Sandbox, sync: Callable[..., Run], start: dict[str, Any], seconds: int
):
    """A row that was read is deleted, and a row enters the end of the list in the same moment."""
    old = harvest.add("time_entries", spent_date="2019-01-01", updated_at="2019-01-01T00:00:00Z")
    first = sync("time_entries", **start)
    harvest.advance(seconds=2 * DAY)
    gone = next(row["id"] for row in harvest.rows("time_entries") if not row["is_closed"])

    def edit() -> None:
        harvest.advance(seconds=seconds)
        harvest.delete("time_entries", gone)
        if start:
            harvest.change("time_entries", old["id"], notes="Changed after the list was announced")
        else:
            harvest.add("time_entries", spent_date="2019-01-01")

    harvest.fail(path=ENTRIES, after=1, edit=edit)

    second = sync("time_entries", state=first.states[-1], page_size=20, **start)

    living = {row["id"] for row in harvest.rows("time_entries")}
    assert "time_entries" in second.activated
    sent = first.ids("time_entries") & living
    assert sent <= {key[0] for key in landed(first, second)["time_entries"]}


@pytest.mark.parametrize("seconds", [0, 5])
def test_a_row_that_enters_the_changes_hides_no_change(
    harvest: Sandbox, sync: Callable[..., Run], seconds: int
):
    """Where nothing is read whole again, nothing else would bring that change."""
    settings = {"reconcile_days": NEVER, "lookback_seconds": 0}
    first = sync("time_entries", **settings)
    rows = harvest.rows("time_entries")
    changed = [row["id"] for row in rows[:40] if not row["is_closed"]][:21]
    harvest.advance(seconds=HOUR)
    for row_id in changed:
        harvest.change("time_entries", row_id, notes="Changed between two syncs")
    harvest.advance(seconds=HOUR)

    def edit() -> None:
        harvest.advance(seconds=seconds)
        harvest.delete("time_entries", changed[0])
        harvest.change("time_entries", rows[-1]["id"], notes="Changed during the second sync")

    harvest.fail(path=ENTRIES, after=1, edit=edit)

    second = sync("time_entries", state=first.states[-1], page_size=10, **settings)
    harvest.advance(seconds=DAY)
    third = sync("time_entries", state=second.states[-1], **settings)

    assert second.bookmarks != first.bookmarks
    table = landed(first, second, third)["time_entries"]
    for row_id in changed[1:]:
        assert table[(row_id,)]["notes"] == "Changed between two syncs"


def test_a_list_that_did_not_change_is_read_once(harvest: Sandbox, sync: Callable[..., Run]):
    """As many requests as pages: to read it whole, from a start date, and what changed."""
    rows = harvest.rows("time_entries")
    first = sync("time_entries", start_date=MIDDLE, page_size=50)
    harvest.advance(seconds=HOUR)
    for row in rows[:60]:
        harvest.change("time_entries", row["id"], notes="Changed between two syncs")
    harvest.advance(seconds=HOUR)
    harvest.requests.clear()

    second = sync("time_entries", state=first.states[-1], start_date=MIDDLE, page_size=50)
    harvest.advance(seconds=DAY)
    third = sync("time_entries", state=second.states[-1], start_date=MIDDLE, page_size=50)

    requests = [request for request in harvest.requests if request.path == ENTRIES]
    pages = [-(-len(run.records("time_entries")) // 50) for run in (second, third)]
    assert len(requests) == sum(pages)
    assert min(pages) > 1


def test_a_change_in_the_second_of_the_bookmark_is_not_passed(
    harvest: Sandbox, sync: Callable[..., Run]
):
    """Also where Harvest leaves out what changed in the very second that is asked for."""
    harvest.switches.updated_since_inclusive = False
    settings = {"reconcile_days": NEVER, "lookback_seconds": 0}
    harvest.add("clients")
    first = sync("clients", **settings)
    client = harvest.rows("clients")[-1]["id"]
    harvest.change("clients", client, name="Example Harbour")

    second = sync("clients", state=first.states[-1], **settings)

    assert landed(first, second)["clients"][(client,)]["name"] == "Example Harbour"


def test_a_subject_of_a_report_that_moved_is_not_retracted(
    harvest: Sandbox, sync: Callable[..., Run]
):
    """One before it drops out of the window, and one comes in behind it."""
    client = harvest.rows("clients")[0]["id"]
    projects = [
        harvest.add("projects", name=f"{letter} project", client_id=client)["id"]
        for letter in "ABCDEFZ"
    ]
    *entries, _ = [
        harvest.add("time_entries", project_id=project, spent_date="2020-03-02")
        for project in projects[:-1]
    ]
    settings = {
        "report_start_date": "2020-03-01",
        "end_date": "2020-04-01",
        "report_window": "month",
    }
    first = sync("time_projects_report", **settings)

    def edit() -> None:
        harvest.delete("time_entries", entries[0]["id"])
        harvest.add("time_entries", project_id=projects[-1], spent_date="2020-03-02")

    harvest.fail(path="/v2/reports/time/projects", after=1, edit=edit)

    second = sync("time_projects_report", state=first.states[-1], page_size=2, **settings)

    table = landed(first, second)["time_projects_report"]
    assert {key[0] for key in table} == set(projects[1:])
