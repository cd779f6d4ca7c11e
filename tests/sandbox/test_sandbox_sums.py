"""Money adds up: invoices over their lines and payments, reports over entries and expenses."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from conftest import Api
    from harvest_sandbox import Sandbox

WINDOW = {"from": "20260101", "to": "2026-06-30"}


def money(value: float | None) -> Decimal:
    """A number as it was printed."""
    return Decimal(0) if value is None else Decimal(str(value))


def within(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of the window, whose ends are both included."""
    return [row for row in rows if "2026-01-01" <= row["spent_date"] <= "2026-06-30"]


@pytest.mark.parametrize("stream", ["invoices", "estimates"])
def test_bills_are_the_sum_of_their_lines(reading: Api, stream: str):
    """Lines, less the discount, plus both taxes on taxed lines, make the amount, to the cent."""
    bills = reading.harvest.rows(stream)

    for row in bills:
        lines = [money(line["amount"]) for line in row["line_items"]]
        for line in row["line_items"]:
            exact = money(line["quantity"]) * money(line["unit_price"])
            assert abs(money(line["amount"]) - exact) <= Decimal("0.005")
        made_up = (
            sum(lines, Decimal(0))
            - money(row["discount_amount"])
            + money(row["tax_amount"])
            + money(row["tax2_amount"])
        )
        assert money(row["amount"]) == made_up
        kept = 1 - money(row["discount"]) / 100
        taxes = {"discount_amount": sum(lines, Decimal(0)) * (1 - kept)}
        for tax, taxed in (("tax", "taxed"), ("tax2", "taxed2")):
            base = sum(
                (money(line["amount"]) for line in row["line_items"] if line[taxed]), Decimal(0)
            )
            taxes[f"{tax}_amount"] = base * kept * money(row[tax]) / 100
        for name, value in taxes.items():
            assert abs(money(row[name]) - value) <= Decimal("0.005")
    assert {len(row["line_items"]) > 0 for row in bills} == {True, False}
    assert {row["discount"] is None for row in bills} == {True, False}
    assert {row["tax2"] is None for row in bills} == {True, False}


def test_what_is_due_is_the_amount_less_payments(reading: Api):
    """Payments of an invoice and what is due make its amount; paid invoices owe nothing."""
    part_paid = 0
    for row in reading.harvest.rows("invoices"):
        path = f"/invoices/{row['id']}/payments"
        paid = [money(p["amount"]) for p in reading.walk(path, "invoice_payments")]
        assert money(row["due_amount"]) == money(row["amount"]) - sum(paid, Decimal(0))
        if row["state"] == "paid":
            assert row["due_amount"] == 0
        part_paid += bool(paid and row["due_amount"])

    assert part_paid > 0


def test_invoices_hold_what_they_bill(reading: Api):
    """The lines of an invoice made from tracked work are the entries and expenses that name it."""
    billed: dict[int, Decimal] = defaultdict(Decimal)
    for row in reading.harvest.rows("time_entries"):
        if row["invoice"]:
            value = money(row["hours"]) * money(row["billable_rate"])
            billed[row["invoice"]["id"]] += round(value + Decimal("1e-9"), 2)
    for row in reading.harvest.rows("expenses"):
        if row["invoice"]:
            billed[row["invoice"]["id"]] += money(row["total_cost"])

    assert len(billed) > 3
    for invoice in reading.harvest.rows("invoices"):
        if invoice["id"] in billed:
            lines = sum((money(line["amount"]) for line in invoice["line_items"]), Decimal(0))
            assert lines == billed[invoice["id"]]
            assert invoice["period_start"] <= invoice["period_end"]


def test_budgets_per_person_and_task_are_sums(reading: Api):
    """The budget of a project is the sum of those of its people, or of its tasks."""
    for kind, by, name in (
        ("user", "person", "budget"),
        ("task", "task", "budget"),
        ("task", "task_fees", "cost_budget"),
    ):
        assignments = reading.harvest.rows(f"project_{kind}_assignments")
        for project in reading.harvest.rows("projects"):
            if project["budget_by"] == by:
                shares = [a["budget"] for a in assignments if a["project"]["id"] == project["id"]]
                assert project[name] == sum(shares) > 0


SUBJECTS = {
    "clients": ("client_id", lambda row: row["client"]["id"]),
    "projects": ("project_id", lambda row: row["project"]["id"]),
    "tasks": ("task_id", lambda row: row["task"]["id"]),
    "categories": ("expense_category_id", lambda row: row["expense_category"]["id"]),
    "team": ("user_id", lambda row: row["user"]["id"]),
}


def grouped(
    rows: Iterable[dict[str, Any]], subject: Callable[[dict[str, Any]], int]
) -> dict[tuple[int, str], list[dict[str, Any]]]:
    """Rows by subject and currency."""
    groups = defaultdict(list)
    for row in rows:
        groups[subject(row), row["client"]["currency"]].append(row)
    return groups


@pytest.mark.parametrize("subject", ["clients", "projects", "tasks", "team"])
@pytest.mark.parametrize("fixed_fee", [True, False])
def test_time_reports_equal_the_entries(reading: Api, subject: str, fixed_fee: bool):
    """One row per subject and currency, with the rounded hours and money of the window."""
    query = {**WINDOW, "include_fixed_fee": "true"} if fixed_fee else WINDOW
    fixed = {row["id"] for row in reading.harvest.rows("projects") if row["is_fixed_fee"]}
    name, of = SUBJECTS[subject]
    groups = grouped(within(reading.harvest.rows("time_entries")), of)

    rows = reading.walk(f"/reports/time/{subject}", "results", per_page=7, **query)

    assert {(row[name], row["currency"]) for row in rows} == groups.keys()
    assert len(rows) == len(groups)
    for row in rows:
        entries = groups[row[name], row["currency"]]
        billable = [entry for entry in entries if entry["billable"]]
        valued = [e for e in billable if fixed_fee or e["project"]["id"] not in fixed]
        value = sum(
            (money(e["rounded_hours"]) * money(e["billable_rate"]) for e in valued), Decimal(0)
        )
        assert row["total_hours"] == pytest.approx(sum(e["rounded_hours"] for e in entries))
        assert row["billable_hours"] == pytest.approx(sum(e["rounded_hours"] for e in billable))
        assert abs(money(row["billable_amount"]) - value) <= Decimal("0.005")


@pytest.mark.parametrize("subject", ["clients", "projects", "tasks", "team"])
def test_hours_planned_in_forecast_are_told_where_they_are_asked_for(
    harvest: Sandbox, api: Api, subject: str
):
    """By project and by person alone, and null where there is no plan."""
    path = f"/reports/time/{subject}"

    plain = api.walk(path, "results", **WINDOW)
    refused = api.walk(path, "results", **WINDOW, include_forecast="false")
    asked = api.walk(path, "results", **WINDOW, include_forecast="true")
    harvest.switches.forecast = False
    without = api.walk(path, "results", **WINDOW, include_forecast="true")

    assert plain == refused
    assert not any("scheduled_hours" in row for row in plain)
    if subject in {"projects", "team"}:
        hours = [row.pop("scheduled_hours") for row in asked]
        assert {value is None for value in hours} == {True, False}
        assert {row.pop("scheduled_hours") for row in without} == {None}
    assert asked == without == plain


@pytest.mark.parametrize("subject", ["clients", "projects", "categories", "team"])
def test_expense_reports_equal_the_expenses(reading: Api, subject: str):
    """One row per subject and currency, with all and with billable expenses of the window."""
    name, of = SUBJECTS[subject]
    groups = grouped(within(reading.harvest.rows("expenses")), of)

    rows = reading.walk(f"/reports/expenses/{subject}", "results", **WINDOW)

    assert {(row[name], row["currency"]) for row in rows} == groups.keys()
    for row in rows:
        costs = [
            (money(e["total_cost"]), e["billable"]) for e in groups[row[name], row["currency"]]
        ]
        assert money(row["total_amount"]) == sum(cost for cost, _ in costs)
        assert money(row["billable_amount"]) == sum(cost for cost, billable in costs if billable)


def test_people_have_a_row_for_each_currency(reading: Api):
    """Someone who worked for clients of several currencies has several rows."""
    rows = reading.walk("/reports/time/team", "results", **WINDOW)

    users = [row["user_id"] for row in rows]
    assert len(users) > len(set(users))


@pytest.mark.parametrize("fixed_fee", [None, "true", "false"])
def test_the_uninvoiced_report_lists_every_billable_project(reading: Api, fixed_fee: str | None):
    """Billable projects without work show whole zeros; fixed-fee ones can be left out."""
    query = {**WINDOW, "include_fixed_fee": fixed_fee} if fixed_fee else WINDOW
    projects = {
        row["id"]
        for row in reading.harvest.rows("projects")
        if row["is_billable"] and (fixed_fee != "false" or not row["is_fixed_fee"])
    }
    hours: dict[int, Decimal] = defaultdict(Decimal)
    for row in within(reading.harvest.rows("time_entries")):
        if row["billable"] and not row["is_billed"]:
            hours[row["project"]["id"]] += money(row["rounded_hours"])

    rows = reading.walk("/reports/uninvoiced", "results", **query)

    assert {row["project_id"] for row in rows} == projects
    for row in rows:
        assert money(row["uninvoiced_hours"]) == hours[row["project_id"]]
    assert [(r["client_name"], r["project_name"]) for r in rows] == sorted(
        (r["client_name"], r["project_name"]) for r in rows
    )


def test_an_empty_window_shows_zeros_in_the_uninvoiced_report_only(reading: Api):
    """Before the account began, the time report is empty and the uninvoiced one is all zeros."""
    past = {"from": "20010101", "to": "20010131"}

    rows = reading.walk("/reports/uninvoiced", "results", **past)

    assert reading.walk("/reports/time/clients", "results", **past) == []
    assert {row["total_hours"] for row in rows} == {0}
    assert {type(row["total_hours"]) for row in rows} == {int}


def test_the_budget_report_is_a_snapshot(harvest: Sandbox, api: Api):
    """Budgeted projects only, with what is left; monthly budgets count this month alone."""
    projects = {row["id"]: row for row in harvest.rows("projects")}
    rows = api.walk("/reports/project_budget", "results")

    budgeted = {key for key, row in projects.items() if row["budget_by"] != "none"}
    assert {row["project_id"] for row in rows} == budgeted
    hours: dict[int, Decimal] = defaultdict(Decimal)
    for entry in harvest.rows("time_entries"):
        monthly = projects[entry["project"]["id"]]["budget_is_monthly"]
        if not monthly or entry["spent_date"].startswith("2026-06"):
            hours[entry["project"]["id"]] += money(entry["rounded_hours"])
    for row in rows:
        left = money(row["budget"]) - money(row["budget_spent"])
        assert money(row["budget_remaining"]) == left
        if row["budget_by"] in {"project", "task", "person"}:
            assert money(row["budget_spent"]) == hours[row["project_id"]]
    assert any(row["budget_is_monthly"] for row in rows)
    harvest.change("time_entries", harvest.rows("time_entries")[0]["id"], hours=10_000.0)
    overrun = api.walk("/reports/project_budget", "results")
    assert min(row["budget_remaining"] for row in overrun) < 0


def test_the_budget_report_knows_archived_projects(reading: Api):
    """`is_active` selects projects of the budget report."""
    counts = [
        len(reading.walk("/reports/project_budget", "results", **query))
        for query in ({}, {"is_active": "true"}, {"is_active": "false"})
    ]

    assert counts[0] == counts[1] + counts[2]
    assert counts[2] > 0


@pytest.mark.parametrize(
    ("first", "days", "status"),
    [("2021-01-01", 365, 200), ("2020-01-01", 366, 400), ("2021-01-02", -1, 400)],
)
def test_windows_have_a_longest_length(reading: Api, first: str, days: int, status: int):
    """The ends of a window may be 365 days apart, no more and not upside down."""
    last = dt.date.fromisoformat(first) + dt.timedelta(days=days)

    answer = reading.get("/reports/time/team", **{"from": first, "to": f"{last:%Y%m%d}"})

    assert answer.status_code == status
    if status == 400:
        assert answer.json()["message"].startswith("Invalid timeframe:")


@pytest.mark.parametrize("query", [{}, {"from": "20260101"}, {"from": "20260101", "to": "soon"}])
def test_windows_need_both_ends(harvest: Sandbox, api: Api, query: dict[str, str]):
    """A missing or unreadable end is refused, with the status of the switch."""
    before = api.get("/reports/uninvoiced", **query).status_code
    harvest.switches.report_window_status = 422

    assert before == 400
    assert api.get("/reports/uninvoiced", **query).status_code == 422


def test_reports_see_edits(harvest: Sandbox, api: Api):
    """Figures of past windows change when an entry is edited."""
    row = next(row for row in harvest.rows("time_entries") if row["spent_date"] >= "2026-01-01")

    before = sum(r["total_hours"] for r in api.walk("/reports/time/team", "results", **WINDOW))
    harvest.delete("time_entries", row["id"])
    after = sum(r["total_hours"] for r in api.walk("/reports/time/team", "results", **WINDOW))

    assert before - after == pytest.approx(row["rounded_hours"])
