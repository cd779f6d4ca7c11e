"""The queries of docs/queries.md, on the stand-in account's tables, against sums made here."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from fix_databases import Database
    from fix_pipeline import Pipeline
    from harvest_sandbox import Sandbox

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "queries.md"
QUERIES: Final = dict(
    re.findall(
        r"^## (.+?)\n.*?```sql\n(.*?)```",
        PAGE.read_text(encoding="utf-8"),
        re.DOTALL | re.MULTILINE,
    )
)
WEEK: Final = ("2026-06-22", "2026-06-28")

Rows = dict[tuple[Any, ...], tuple[Any, ...]]
"""What a query answers: the figures by what they are of."""


def totals(parts: Iterable[tuple[tuple[Any, ...], Iterable[Any]]]) -> Rows:
    """Add up figures by what they are of."""
    sums: dict[tuple[Any, ...], list[float]] = {}
    for names, figures in parts:
        before = sums.setdefault(names, [0] * len(figures := list(figures)))
        sums[names] = [a + (b or 0) for a, b in zip(before, figures, strict=True)]
    return {names: tuple(figures) for names, figures in sums.items()}


def of(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Client, project and currency of an entry or an expense."""
    return row["client"]["name"], row["project"]["name"], row["client"]["currency"]


def tracked(harvest: Sandbox) -> dict[int, tuple[float, float]]:
    """Hours and billable hours by person, in the week of the page."""
    sums: dict[int, tuple[float, float]] = defaultdict(lambda: (0, 0))
    for entry in harvest.rows("time_entries"):
        if WEEK[0] <= entry["spent_date"] <= WEEK[1]:
            hours, billable = sums[entry["user"]["id"]]
            more = entry["hours"]
            sums[entry["user"]["id"]] = (hours + more, billable + more * entry["billable"])
    return sums


def _hours_by_client_and_month(harvest: Sandbox) -> Rows:
    return totals(
        (
            (entry["spent_date"][:7], entry["client"]["name"]),
            (entry["hours"], entry["hours"] * entry["billable"]),
        )
        for entry in harvest.rows("time_entries")
    )


def _value_and_cost(harvest: Sandbox) -> Rows:
    sums = totals(
        (
            of(entry),
            (
                entry["hours"] * (entry["billable_rate"] or 0) * entry["billable"],
                entry["hours"] * (entry["cost_rate"] or 0),
            ),
        )
        for entry in harvest.rows("time_entries")
    )
    return {names: (value, cost, value - cost) for names, (value, cost) in sums.items()}


def _utilisation(harvest: Sandbox) -> Rows:
    hours = tracked(harvest)
    return {
        (user["first_name"], user["last_name"]): (
            user["weekly_capacity"] / 3600,
            hours[user["id"]][0],
            hours[user["id"]][1] * 360_000 / user["weekly_capacity"],
        )
        for user in harvest.rows("users")
        if user["is_active"] and user["weekly_capacity"]
    }


def _late_timesheets(harvest: Sandbox) -> Rows:
    hours = tracked(harvest)
    missing = {
        (user["first_name"], user["last_name"], user["email"]): user["weekly_capacity"] / 3600
        - hours[user["id"]][0]
        for user in harvest.rows("users")
        if user["is_active"]
    }
    return {names: (figure,) for names, figure in missing.items() if figure > 0}


def _uninvoiced_work(harvest: Sandbox) -> Rows:
    entries = [e for e in harvest.rows("time_entries") if e["billable"] and not e["is_billed"]]
    sums = totals(
        (of(entry), (entry["hours"], entry["hours"] * (entry["billable_rate"] or 0)))
        for entry in entries
    )
    return {
        names: (*figures, min(e["spent_date"] for e in entries if of(e) == names))
        for names, figures in sums.items()
    }


def _uninvoiced_expenses(harvest: Sandbox) -> Rows:
    return totals(
        (of(expense), (1, expense["total_cost"]))
        for expense in harvest.rows("expenses")
        if expense["billable"] and not expense["is_billed"]
    )


def _budget_burn(harvest: Sandbox) -> Rows:
    hours = totals(((e["project"]["id"],), (e["hours"],)) for e in harvest.rows("time_entries"))
    return {
        (project["client"]["name"], project["name"]): (
            project["budget"],
            spent := hours.get((project["id"],), (0,))[0],
            spent * 100 / project["budget"],
        )
        for project in harvest.rows("projects")
        if project["budget"] and project["is_active"] and not project["budget_is_monthly"]
        if project["budget_by"] == "project"
    }


def _receivables(harvest: Sandbox) -> Rows:
    return totals(
        (
            (invoice["client"]["name"], invoice["currency"]),
            (
                due * (day >= "2026-06-30"),
                due * ("2026-05-31" <= day < "2026-06-30"),
                due * (day < "2026-05-31"),
                due,
            ),
        )
        for invoice in harvest.rows("invoices")
        if invoice["state"] == "open"
        for due, day in [(invoice["due_amount"], invoice["due_date"])]
    )


def _invoiced_by_kind(harvest: Sandbox) -> Rows:
    return totals(
        ((line["kind"], invoice["currency"]), (1, line["amount"]))
        for invoice in harvest.rows("invoices")
        for line in invoice["line_items"]
    )


def _estimates(harvest: Sandbox) -> Rows:
    return totals(
        ((estimate["state"], estimate["currency"]), (1, estimate["amount"]))
        for estimate in harvest.rows("estimates")
    )


def _expenses_by_category(harvest: Sandbox) -> Rows:
    return totals(
        (
            (
                expense["spent_date"][:7],
                expense["expense_category"]["name"],
                expense["client"]["currency"],
            ),
            (expense["total_cost"],),
        )
        for expense in harvest.rows("expenses")
    )


def _running(harvest: Sandbox) -> Rows:
    return {
        (entry["user"]["name"], entry["project"]["name"], entry["task"]["name"]): (
            entry["timer_started_at"],
            entry["hours"],
        )
        for entry in harvest.rows("time_entries")
        if entry["is_running"]
    }


def payments(harvest: Sandbox) -> Iterable[tuple[str, str, float]]:
    """Day, currency and amount of each payment."""
    for invoice in harvest.rows("invoices"):
        answer = requests.get(
            f"{harvest.api_url}/invoices/{invoice['id']}/payments",
            headers={
                "Authorization": f"Bearer {harvest.token}",
                "Harvest-Account-Id": harvest.account_id,
                "User-Agent": "test",
            },
            timeout=10,
        )
        for payment in answer.json()["invoice_payments"]:
            yield payment["paid_date"], invoice["currency"], payment["amount"]


def _invoiced_and_paid(harvest: Sandbox) -> Rows:
    invoices = [i for i in harvest.rows("invoices") if i["state"] != "draft"]
    return totals(
        [
            *(((i["issue_date"][:7], i["currency"]), (i["amount"], 0)) for i in invoices),
            *(((day[:7], currency), (0, amount)) for day, currency, amount in payments(harvest)),
        ]
    )


EXPECTED: Final[Mapping[str, tuple[int, Callable[[Sandbox], Rows]]]] = {
    "Hours by client and month": (2, _hours_by_client_and_month),
    "Value and cost of the work, by project": (3, _value_and_cost),
    "Utilisation by person, in a week": (2, _utilisation),
    "Late timesheets: who tracked less than their capacity": (3, _late_timesheets),
    "Uninvoiced work": (3, _uninvoiced_work),
    "Uninvoiced expenses": (3, _uninvoiced_expenses),
    "Budget burn": (2, _budget_burn),
    "Receivables, by how late they are": (2, _receivables),
    "Invoiced and paid, by month": (2, _invoiced_and_paid),
    "What was invoiced, by kind": (2, _invoiced_by_kind),
    "Estimates: what became of them": (2, _estimates),
    "Expenses by category and month": (3, _expenses_by_category),
    "Timers that run": (3, _running),
}
"""By heading: how many columns say what the figures are of, and what the account holds."""

STREAMS: Final = (
    *("estimates", "expenses", "invoices", "invoice_line_items", "invoice_payments"),
    *("projects", "time_entries", "users"),
)


@pytest.fixture(params=["sqlite", "duckdb", "postgres"])
def loaded(request: pytest.FixtureRequest, pipeline: Pipeline) -> Database:
    """The account in a database of each engine that the page speaks of."""
    database: Database = request.getfixturevalue(f"{request.param}_database")
    pipeline.streams = STREAMS
    pipeline.tap_config["reconcile_days"] = 0
    pipeline.target_config["sqlalchemy_url"] = database.url
    pipeline()
    assert pipeline.exit_codes == (0, 0), pipeline.errors
    return database


def test_the_queries_answer_what_the_account_holds(harvest: Sandbox, loaded: Database) -> None:
    """Each figure is the sum of the account's own rows."""
    for heading, (names, expected) in EXPECTED.items():
        found = [tuple(map(plain, row.values())) for row in loaded.query(QUERIES[heading])]

        wanted = expected(harvest)
        assert wanted, heading
        assert {row[:names] for row in found} == wanted.keys(), heading
        assert len(found) == len(wanted), heading
        for row in found:
            assert [figure or 0 for figure in row[names:]] == [
                pytest.approx(figure) if isinstance(figure, float) else figure
                for figure in wanted[row[:names]]
            ], heading


def plain(value: Any) -> Any:
    """A value as SQLite gives it back, whatever the engine."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


def test_what_was_deleted_is_found(harvest: Sandbox, loaded: Database, pipeline: Pipeline) -> None:
    """Only the entries that are gone from the account are listed, and no other query has them."""
    gone = harvest.rows("time_entries")[0]
    harvest.delete("time_entries", gone["id"])
    pipeline()

    heading = "Time that was deleted, and was in the database before"
    [row] = loaded.query(QUERIES[heading])
    assert plain(row["hours"]) == gone["hours"]
    assert QUERIES.keys() == {heading, *EXPECTED}
    test_the_queries_answer_what_the_account_holds(harvest, loaded)
