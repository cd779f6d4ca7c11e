"""The queries of docs/queries.md, on the stand-in account's tables, against sums made here.

They are the queries that harvest-report runs.
"""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import requests
import sqlglot
from sqlalchemy import text

from harvest_report.database import open_database
from harvest_report.queries import DELETED_AT, DIALECTS, queries
from support import tsql_grammar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from fixtures.databases import Database
    from fixtures.pipeline import Pipeline
    from harvest_sandbox import Sandbox

WEEK: Final = ("2026-06-22", "2026-06-28")
VALUES: Final = {
    "from_date": "2025-11-17",
    "to_date": "2026-06-30",
    "as_of": "2026-06-30",
    "days_30_before": "2026-05-31",
    "days_60_before": "2026-05-01",
    "days_90_before": "2026-04-01",
    "weeks": 1.0,
    "most_rows": 100_000,
}
"""The parameters, but for a client's id. The queries of a week are given that."""
OF_A_WEEK: Final = {"utilisation_by_person", "late_timesheets"}

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


def in_period(harvest: Sandbox, stream: str) -> list[dict[str, Any]]:
    """The entries or expenses of the period."""
    rows = harvest.rows(stream)
    return [row for row in rows if VALUES["from_date"] <= row["spent_date"] <= VALUES["to_date"]]


def _hours_by_client_and_month(harvest: Sandbox) -> Rows:
    return totals(
        (
            (entry["spent_date"][:7], entry["client"]["id"], entry["client"]["name"]),
            (entry["hours"], entry["hours"] * entry["billable"]),
        )
        for entry in in_period(harvest, "time_entries")
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
        for entry in in_period(harvest, "time_entries")
    )
    return {names: (value, cost, value - cost) for names, (value, cost) in sums.items()}


def _utilisation(harvest: Sandbox) -> Rows:
    hours = tracked(harvest)
    return {
        (user["id"], user["first_name"], user["last_name"]): (
            user["weekly_capacity"] / 3600,
            *hours[user["id"]],
            hours[user["id"]][1] * 360_000 / user["weekly_capacity"],
        )
        for user in harvest.rows("users")
        if user["is_active"] and user["weekly_capacity"]
    }


def _late_timesheets(harvest: Sandbox) -> Rows:
    hours = tracked(harvest)
    figures = {
        (user["first_name"], user["last_name"], user["email"]): (
            capacity := user["weekly_capacity"] / 3600,
            hours[user["id"]][0],
            capacity - hours[user["id"]][0],
        )
        for user in harvest.rows("users")
        if user["is_active"]
    }
    return {names: each for names, each in figures.items() if each[2] > 0}


def by_age(day: str, value: float, *, not_due: bool = False) -> list[float]:
    """An amount in the place of its age; of what is not due yet there may be a place more."""
    ends = [VALUES[f"days_{days}_before"] for days in (30, 60, 90)]
    if not_due:  # An amount is late from the day after that on which it is due.
        places = [day >= VALUES["as_of"], *(day >= end for end in ends), True]
    else:
        places = [*(day >= end for end in ends), True]
    place = places.index(True)
    return [value * (each == place) for each in range(len(places))]


def _uninvoiced_work(harvest: Sandbox) -> Rows:
    entries = [e for e in harvest.rows("time_entries") if e["billable"] and not e["is_billed"]]
    sums = totals(
        (of(entry), (entry["hours"], *by_age(entry["spent_date"], amount), amount))
        for entry in entries
        for amount in [entry["hours"] * (entry["billable_rate"] or 0)]
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
            (*by_age(invoice["due_date"], due, not_due=True), due),
        )
        for invoice in harvest.rows("invoices")
        if invoice["state"] == "open"
        for due in [invoice["due_amount"]]
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
        for expense in in_period(harvest, "expenses")
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


def the_client(harvest: Sandbox) -> int:
    """The client whose own queries are run: the one with most entries."""
    ids = [entry["client"]["id"] for entry in in_period(harvest, "time_entries")]
    return max(sorted(set(ids)), key=ids.count)


def of_client(harvest: Sandbox) -> list[dict[str, Any]]:
    """The entries of that client in the period."""
    entries, client = in_period(harvest, "time_entries"), the_client(harvest)
    return [entry for entry in entries if entry["client"]["id"] == client]


def hours_of_client(*names: Callable[[Mapping[str, Any]], Any]) -> Callable[[Sandbox], Rows]:
    """Sum the client's hours by what each function takes from an entry."""

    def summed(harvest: Sandbox) -> Rows:
        return totals(
            (
                tuple(name(entry) for name in names),
                (entry["hours"], entry["hours"] * entry["billable"]),
            )
            for entry in of_client(harvest)
        )

    return summed


def _client_budgets(harvest: Sandbox) -> Rows:
    projects = {
        project["name"]
        for project in harvest.rows("projects")
        if project["client"]["id"] == the_client(harvest)
    }
    names = {
        project["client"]["id"]: project["client"]["name"] for project in harvest.rows("projects")
    }
    return {
        (project,): figures
        for (client, project), figures in _budget_burn(harvest).items()
        if client == names[the_client(harvest)] and project in projects
    }


def _client_entries(harvest: Sandbox) -> Rows:
    return totals(
        (
            (
                entry["spent_date"],
                entry["project"]["name"],
                entry["task"]["name"],
                entry["user"]["name"],
                entry["hours"],
                entry["billable"],
                entry["notes"],
            ),
            (),
        )
        for entry in of_client(harvest)
    )


def _time_held(harvest: Sandbox) -> Rows:
    entries = harvest.rows("time_entries")
    days = [entry["spent_date"] for entry in entries]
    return {(len(entries), min(days), max(days), max(e["updated_at"] for e in entries)): ()}


def _clients_held(harvest: Sandbox) -> Rows:
    return totals(
        ((entry["client"]["id"], entry["client"]["name"]), (entry["hours"],))
        for entry in harvest.rows("time_entries")
    )


def _client_names(harvest: Sandbox) -> Rows:
    return {(client["id"], client["name"]): () for client in harvest.rows("clients")}


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
    "hours_by_client_and_month": (3, _hours_by_client_and_month),
    "value_and_cost_by_project": (3, _value_and_cost),
    "utilisation_by_person": (3, _utilisation),
    "late_timesheets": (3, _late_timesheets),
    "uninvoiced_work": (3, _uninvoiced_work),
    "uninvoiced_expenses": (3, _uninvoiced_expenses),
    "budget_burn": (2, _budget_burn),
    "receivables": (2, _receivables),
    "invoiced_and_paid_by_month": (2, _invoiced_and_paid),
    "invoiced_by_kind": (2, _invoiced_by_kind),
    "estimates_by_state": (2, _estimates),
    "expenses_by_category_and_month": (3, _expenses_by_category),
    "running_timers": (3, _running),
    "time_held": (4, _time_held),
    "clients_held": (2, _clients_held),
    "client_names": (2, _client_names),
    "client_hours_by_month_and_task": (
        2,
        hours_of_client(lambda e: e["spent_date"][:7], lambda e: e["task"]["name"]),
    ),
    "client_hours_by_project": (
        2,
        hours_of_client(lambda e: e["project"]["id"], lambda e: e["project"]["name"]),
    ),
    "client_hours_by_person": (1, hours_of_client(lambda e: e["user"]["name"])),
    "client_budgets": (1, _client_budgets),
    "client_entries": (7, _client_entries),
}
"""By name: how many columns say what the figures are of, and what the account holds."""

OTHERS: Final = {"deleted_time", "last_read", "company"}
"""Queries whose answer is no figure of the account; the tests below are for these."""

STREAMS: Final = (
    *("clients", "company", "estimates", "expenses", "invoices", "invoice_line_items"),
    *("invoice_payments", "projects", "time_entries", "users"),
)


@pytest.fixture(params=["sqlite", "duckdb", "postgres", "mariadb"])
def loaded(
    request: pytest.FixtureRequest, new_database: Callable[[str], Database], pipeline: Pipeline
) -> Database:
    """The account in a database of each engine that runs here."""
    database = new_database(request.param)
    pipeline.streams = STREAMS
    pipeline.tap_config["reconcile_days"] = 0
    pipeline.target_config["sqlalchemy_url"] = database.url
    pipeline()
    assert pipeline.exit_codes == (0, 0), pipeline.errors
    return database


def values(name: str, harvest: Sandbox) -> dict[str, Any]:
    """The parameters of a query."""
    week = {"from_date": WEEK[0], "to_date": WEEK[1]} if name in OF_A_WEEK else {}
    return VALUES | {"client_id": the_client(harvest)} | week


def test_the_queries_answer_what_the_account_holds(harvest: Sandbox, loaded: Database) -> None:
    """Each figure is the sum of the account's own rows."""
    for name, (names, expected) in EXPECTED.items():
        with open_database(loaded.url) as database:
            rows = database.rows(name, **values(name, harvest))
        found = [tuple(map(plain, row.values())) for row in rows]

        wanted = expected(harvest)
        assert wanted, name
        assert {row[:names] for row in found} == wanted.keys(), name
        assert len(found) == len(wanted) or name == "client_entries", name
        for row in found:
            assert [figure or 0 for figure in row[names:]] == [
                pytest.approx(figure) if isinstance(figure, float) else figure
                for figure in wanted[row[:names]]
            ], name


@pytest.mark.parametrize("loaded", ["sqlite", "postgres"], indirect=True)
def test_what_the_page_shows_runs_as_it_is(harvest: Sandbox, loaded: Database) -> None:
    """Without any translation, in these two."""
    with open_database(loaded.url) as database:
        for name, query in queries().items():
            given = values(name, harvest)
            result = database._connection.execute(
                text(query.text), {each: given[each] for each in query.parameters}
            )
            rows = [tuple(row) for row in result]
            others = [tuple(row.values()) for row in database.rows(name, **given)]
            # Where rows without a name stand differs.
            assert sorted(map(repr, rows)) == sorted(map(repr, others)), name


T_SQL: Final = {str: "date", int: "bigint", float: "float"}
"""The type of a parameter."""


@pytest.mark.parametrize("loaded", ["sqlite"], indirect=True)
def test_sql_server_answers_what_sqlite_answers(
    harvest: Sandbox, loaded: Database, mssql_database: Database, pipeline: Pipeline
) -> None:
    """Each query as it is printed, after declarations of its parameters."""
    pipeline.state = None
    pipeline.target_config["sqlalchemy_url"] = mssql_database.url
    pipeline()
    assert pipeline.exit_codes == (0, 0), pipeline.errors

    for name, query in queries().items():
        given = {each: values(name, harvest)[each] for each in query.parameters}
        with open_database(loaded.url) as database:
            expected = [tuple(map(plain, row.values())) for row in database.rows(name, **given)]
        declared = "".join(
            f"DECLARE @{each} {T_SQL[type(value)]} = '{value}';\n" for each, value in given.items()
        )
        rows = mssql_database.query(declared + query.written_for("mssql", sign="@"))
        found = [tuple(map(plain, row.values())) for row in rows]
        assert len(found) == len(expected), name
        if name != "last_read":  # That is not the same moment.
            for row, other in zip(
                sorted(found, key=_names), sorted(expected, key=_names), strict=True
            ):
                assert _rounded(row) == _rounded(other), name


def _names(row: tuple[Any, ...]) -> str:
    """What the figures of a row are of."""
    return repr([each for each in row if not isinstance(each, float)])


def _rounded(row: tuple[Any, ...]) -> list[Any]:
    """With figures as `pytest.approx`."""
    return [pytest.approx(float(each)) if isinstance(each, int | float) else each for each in row]


@pytest.mark.parametrize("server", tsql_grammar.GRAMMARS)
def test_sql_server_understands_the_queries(server: str) -> None:
    """Where no server is named, Microsoft's own grammars read each query."""
    texts = [query.written_for("mssql", schema="dbo", sign="@") for query in queries().values()]

    assert tsql_grammar.refused(texts, tsql_grammar.GRAMMARS[server]) == []


def test_sql_server_is_given_its_own_text() -> None:
    """With the parameters that the query has, and nothing that only others know."""
    for query in queries().values():
        written = query.written_for("mssql", schema="dbo", sign="@")
        tree = sqlglot.parse_one(written, read="tsql")
        assert {each.name for each in tree.find_all(sqlglot.exp.Parameter)} == query.parameters
        assert "LIMIT" not in written
        assert "AS TEXT" not in written
        assert "substr(" not in written.lower()
    assert queries()["running_timers"].written_for("mssql", schema="dbo") == (
        "SELECT\n  user__name AS person,\n  project__name AS project,\n  task__name AS task,\n"
        "  timer_started_at,\n  hours\nFROM [dbo].time_entries\nWHERE\n"
        "  is_running <> 0 AND _sdc_deleted_at IS NULL\nORDER BY\n  timer_started_at"
    )


def test_no_query_has_a_day_of_its_own() -> None:
    """Days are parameters."""
    assert DIALECTS.keys() >= {"sqlite", "duckdb", "postgresql", "mariadb", "mysql", "mssql"}
    for query in queries().values():
        assert not any(
            each.is_string and each.name[:2] == "20"
            for each in query.tree.find_all(sqlglot.exp.Literal)
        )
    assert queries().keys() == EXPECTED.keys() | OTHERS


def test_what_a_query_needs_is_read_from_it() -> None:
    """By table, also where tables are joined or lie in a subquery."""
    needs = queries()["invoiced_and_paid_by_month"].needs

    assert needs == {
        "invoices": {"amount", "currency", "id", "issue_date", "state", DELETED_AT},
        "invoice_payments": {"amount", "invoice_id", "paid_date", DELETED_AT},
    }


def plain(value: Any) -> Any:
    """A value as SQLite gives it back, whatever the engine."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.isoformat().removesuffix("+00:00") + "Z"
    return value.isoformat() if isinstance(value, date) else value


def test_queries_that_need_no_setting_run_without_any(pipeline: Pipeline) -> None:
    """docs/queries.md says which do. The others say what they miss."""
    page = Path(__file__).resolve().parents[2] / "docs" / "queries.md"
    settings = dict(
        re.findall(
            r"^`(\w+)`\. Streams: .* Settings: (.*)\.$", page.read_text("utf-8"), re.MULTILINE
        )
    )
    pipeline.streams = STREAMS
    pipeline.target_config |= {"flattening_enabled": False, "add_record_metadata": False}
    pipeline()

    assert pipeline.exit_codes == (0, 0), pipeline.errors
    assert settings.keys() == queries().keys()
    with open_database(pipeline.target_config["sqlalchemy_url"]) as database:
        for name, needed in settings.items():
            told = database.missing(name)
            assert (told is None) == (needed == "none"), name
            assert told is None or "flattening" not in needed or "flattening_enabled" in told
            if told is None:
                assert database.rows(name, **VALUES), name


def test_what_was_deleted_is_found(harvest: Sandbox, loaded: Database, pipeline: Pipeline) -> None:
    """Only the entries that are gone from the account are listed, and no other query has them."""
    gone = harvest.rows("time_entries")[0]
    harvest.delete("time_entries", gone["id"])
    pipeline()

    with open_database(loaded.url) as database:
        [row] = database.rows("deleted_time")
        [read] = database.rows("last_read")
        [company] = database.rows("company")
    assert plain(row["hours"]) == gone["hours"]
    assert read["read_at"]
    assert company["week_start_day"] == "Monday"
    test_the_queries_answer_what_the_account_holds(harvest, loaded)
