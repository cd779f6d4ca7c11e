"""From the stand-in account to SQLite: whole, resumed, and killed in the middle."""

from __future__ import annotations

import signal
import sqlite3
from collections import defaultdict
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from support.account_tables import LISTS, PARENTS, account
from support.destination import differences

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import Popen

    from fixtures.pipeline import Pipeline
    from harvest_sandbox import Sandbox

# Invoices, estimates and users are read whole here, as all that hangs below them is.
UPDATED_SINCE = {
    "/v2/clients",
    "/v2/contacts",
    "/v2/projects",
    "/v2/tasks",
    "/v2/user_assignments",
    "/v2/task_assignments",
    "/v2/expense_categories",
    "/v2/invoice_item_categories",
    "/v2/estimate_item_categories",
    "/v2/time_entries",
    "/v2/expenses",
}

DAY = 86400  # In seconds.


def assert_equal(harvest: Sandbox, pipeline: Pipeline) -> None:
    """Every table holds the account's rows, each once, and each row every value of the account."""
    wanted = account(harvest)
    assert [name for name, rows in wanted.items() if not rows] == []  # Else nothing is compared.
    assert differences(wanted, pipeline.database) == []


def test_the_first_run_brings_the_whole_account(harvest: Sandbox, pipeline: Pipeline) -> None:
    """Every list and every table inside it arrives, value by value."""
    pipeline()

    assert pipeline.exit_codes == (0, 0), pipeline.errors
    assert_equal(harvest, pipeline)


def test_the_second_run_asks_for_changes_only(harvest: Sandbox, pipeline: Pipeline) -> None:
    """After edits the second run reads little, and the tables equal the account again."""
    pipeline.tap_config["sweep_days"] = 0  # A task that is added moves no project assignment.
    pipeline()
    harvest.advance(seconds=3600)
    edits(harvest)
    harvest.requests.clear()
    pipeline()

    assert pipeline.exit_codes == (0, 0), pipeline.errors
    assert_equal(harvest, pipeline)
    asked = {request.path: request.query for request in harvest.requests}
    assert {path for path, query in asked.items() if "updated_since" in query} == UPDATED_SINCE
    entries = asked["/v2/time_entries"]
    assert entries["updated_since"] > "2000-01-01"
    read = sum(request.rows for request in harvest.requests if request.path == "/v2/time_entries")
    assert read < len(harvest.rows("time_entries")) / 2


def test_a_run_without_edits_rewrites_nothing(pipeline: Pipeline) -> None:
    """Rows that are read again within the overlap stay as they were written.

    Roles are read whole each time, and carry the version of that read.
    """
    pipeline()
    before = written_at(pipeline.folder / "harvest.db")
    pipeline()

    assert pipeline.exit_codes == (0, 0), pipeline.errors
    assert written_at(pipeline.folder / "harvest.db") == before


@pytest.mark.parametrize("victim", ["tap", "target"])
@pytest.mark.parametrize("page", [1, 2, 4])
def test_a_run_killed_in_the_middle_is_made_good_by_the_next(
    harvest: Sandbox, pipeline: Pipeline, victim: str, page: int
) -> None:
    """After `kill -9` while entries are read, a run from the last state printed completes it."""
    pipeline.tap_config["page_size"] = 75
    pipeline.tap_config["sweep_days"] = 0
    pipeline.target_config["batch_size_rows"] = 40
    programs: list[Popen[bytes]] = []
    harvest.before_page("/v2/time_entries", page, lambda _: programs[victim == "target"].kill())
    pipeline(started=lambda *started: programs.extend(started))
    assert pipeline.exit_codes[victim == "target"] == -signal.SIGKILL, pipeline.errors
    assert 0 not in pipeline.exit_codes[:1]
    harvest.advance(seconds=60)
    edits(harvest)
    pipeline()

    assert pipeline.exit_codes == (0, 0), pipeline.errors
    assert_equal(harvest, pipeline)


@pytest.mark.parametrize("hard_delete", [True, False])
def test_what_is_deleted_in_harvest_is_gone_a_day_later(
    harvest: Sandbox, pipeline: Pipeline, *, hard_delete: bool
) -> None:
    """Removed, or marked with its values; a row that comes back counts again."""
    pipeline.tap_config["sweep_days"] = 0
    pipeline.target_config["hard_delete"] = hard_delete
    client = harvest.add("clients")
    role = next(row for row in harvest.rows("roles") if row["user_ids"])
    pipeline()
    before = {name: counted(pipeline, name) for name in account(harvest)}
    harvest.advance(seconds=DAY)
    harvest.delete("clients", client["id"])
    deletions(harvest)
    harvest.change("roles", role["id"], user_ids=role["user_ids"][1:])
    pipeline()

    assert pipeline.exit_codes == (0, 0), pipeline.errors
    assert_equal(harvest, pipeline)
    after = {name: len(rows) for name, rows in account(harvest).items()}
    for name in ("clients", "projects", "time_entries", "invoice_line_items", "user_roles"):
        assert after[name] < before[name], name
    for name, rows in after.items():
        assert counted(pipeline, name) == (rows if hard_delete else before[name]), name

    harvest.advance(seconds=DAY)
    harvest.change("roles", role["id"], user_ids=role["user_ids"])
    pipeline()

    assert pipeline.exit_codes == (0, 0), pipeline.errors
    assert_equal(harvest, pipeline)


@pytest.mark.parametrize(
    ("victim", "how", "exit_code"),
    [
        ("tap", signal.SIGKILL, -signal.SIGKILL),
        ("tap", signal.SIGTERM, 128 + signal.SIGTERM),
        ("target", signal.SIGKILL, -signal.SIGKILL),
    ],
)
def test_a_reconcile_that_is_ended_in_the_middle_deletes_nothing(
    harvest: Sandbox, pipeline: Pipeline, victim: str, how: signal.Signals, exit_code: int
) -> None:
    """What it did not come to is still there, and the next run deletes what is gone."""
    pipeline.tap_config["page_size"] = 50
    pipeline.tap_config["sweep_days"] = 0
    pipeline.target_config |= {"batch_size_rows": 40, "hard_delete": True}
    pipeline()
    before = counted(pipeline, "time_entries")
    programs: list[Popen[bytes]] = []
    harvest.advance(seconds=DAY)
    deletions(harvest)
    harvest.before_page(
        "/v2/time_entries", 3, lambda _: programs[victim == "target"].send_signal(how)
    )
    pipeline(started=lambda *started: programs.extend(started))
    assert pipeline.exit_codes[victim == "target"] == exit_code, pipeline.errors
    assert counted(pipeline, "time_entries") == before
    harvest.advance(seconds=60)
    pipeline()

    assert pipeline.exit_codes == (0, 0), pipeline.errors
    assert_equal(harvest, pipeline)


def counted(pipeline: Pipeline, table: str) -> int:
    """How many rows a table has, marked ones included."""
    with closing(sqlite3.connect(pipeline.folder / "harvest.db")) as database:
        [(rows,)] = database.execute(f'SELECT count(*) FROM "{table}"')
    return int(rows)


def deletions(harvest: Sandbox) -> None:
    """Delete a project with its time, a payment, a line of an invoice, and archive a place."""
    entry = next(row for row in harvest.rows("time_entries") if not row["is_closed"])
    harvest.delete("projects", entry["project"]["id"])
    harvest.delete("invoice_payments", harvest.rows("invoice_payments")[0]["id"])
    invoice = next(row for row in harvest.rows("invoices") if len(row["line_items"]) > 1)
    lines = [{"id": line["id"], "kind": line["kind"]} for line in invoice["line_items"]]
    harvest.change("invoices", invoice["id"], line_items=lines[1:])
    place = next(row for row in harvest.rows("project_user_assignments") if row["is_active"])
    harvest.change("project_user_assignments", place["id"], is_active=False)


@pytest.mark.parametrize("end", ["401", "envelope", "SIGTERM"])
def test_a_run_that_breaks_off_is_made_good_by_the_next(
    harvest: Sandbox, pipeline: Pipeline, end: str
) -> None:
    """The tap ends early, the target keeps what it got, and a run from the last state completes."""
    pipeline.tap_config |= {"page_size": 75, "sweep_days": 0}
    programs: list[Popen[bytes]] = []
    ends: dict[str, dict[str, Any]] = {
        "401": {"status": 401, "body": "oauth"},
        "envelope": {"rewrite": lambda body: body.replace(b'"total_entries"', b'"entries"')},
        "SIGTERM": {"edit": lambda: programs[0].send_signal(signal.SIGTERM)},
    }
    harvest.fail(path="/v2/time_entries", after=2, **ends[end])
    pipeline(started=lambda *started: programs.extend(started))
    assert pipeline.exit_codes == (128 + signal.SIGTERM if end == "SIGTERM" else 1, 0)
    harvest.advance(seconds=60)
    edits(harvest)
    pipeline()

    assert pipeline.exit_codes == (0, 0), pipeline.errors
    assert_equal(harvest, pipeline)


def test_a_report_in_the_database_adds_up(harvest: Sandbox, pipeline: Pipeline) -> None:
    """Hours by client and month are the entries', also after a client dropped out of a month."""
    project = harvest.add("projects", client_id=harvest.add("clients")["id"])
    entry = harvest.add("time_entries", project_id=project["id"], spent_date="2026-06-03", hours=4)
    pipeline()
    first = hours_by_client(pipeline.folder / "harvest.db")
    harvest.delete("time_entries", entry["id"])
    harvest.add("time_entries", spent_date="2026-06-04", hours=2.5)
    pipeline()

    assert pipeline.exit_codes == (0, 0), pipeline.errors
    hours: dict[int, float] = defaultdict(float)
    for row in harvest.rows("time_entries"):
        if row["spent_date"] >= "2026-05-01":
            hours[row["client"]["id"]] += row["rounded_hours"]
    assert first[project["client"]["id"]] == 4
    assert hours_by_client(pipeline.folder / "harvest.db") == pytest.approx(hours)


def hours_by_client(path: Path) -> dict[int, float]:
    """The hours of each client in the rows of the report that count."""
    with closing(sqlite3.connect(path)) as database:
        return dict(
            database.execute(
                "SELECT client_id, sum(total_hours) FROM time_clients_report "
                "WHERE _sdc_deleted_at IS NULL GROUP BY client_id"
            )
        )


def edits(harvest: Sandbox) -> None:
    """An hour's work in the account: rows added and changed in every chapter of it."""
    entry, other, *_ = harvest.rows("time_entries")
    harvest.change("time_entries", entry["id"], hours=7.25, notes="Moved to the afternoon ✅")
    harvest.change("time_entries", other["id"], notes=None)
    harvest.add("time_entries", hours=1.5, notes="")
    harvest.add("clients", name="Example Harbour")
    for name in ("invoice_payments", "invoice_messages", "estimate_messages"):
        parent, parent_key = PARENTS[name]
        harvest.add(name, **{parent_key: harvest.rows(parent)[-1]["id"]})
    for name in LISTS:
        if name.endswith("_assignments"):
            # Entries embed their assignments, and a changed one does not move them.
            harvest.add(name)
        elif name not in {"time_entries", "roles"}:
            harvest.change(name, harvest.rows(name)[0]["id"])
    harvest.change("roles", harvest.rows("roles")[0]["id"], name="Reviewers")


def written_at(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """When each row of each list was last written, by the target's own metadata."""
    with closing(sqlite3.connect(path)) as database:
        return {
            name: database.execute(
                f'SELECT id, _sdc_batched_at FROM "{name}" ORDER BY id'
            ).fetchall()
            for name in LISTS
            if name != "roles"
        }
