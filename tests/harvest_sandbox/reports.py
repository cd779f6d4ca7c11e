"""Reports, worked out from the account's own entries, expenses and projects at each request."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from harvest_sandbox.clock import day
from harvest_sandbox.filters import value
from harvest_sandbox.forecast import scheduled_hours
from harvest_sandbox.money import cents, exact
from harvest_sandbox.records import full_name, hours, project_budget, project_cost_budget, rounded
from harvest_sandbox.refusals import invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from harvest_sandbox.account import Account
    from harvest_sandbox.endpoints import Endpoint
    from harvest_sandbox.rights import Caller
    from harvest_sandbox.tables import Expense, Project, TimeEntry

LONGEST_DAYS: Final = 365

Record = dict[str, Any]
Sums = defaultdict[str, Decimal]


def report(
    account: Account, caller: Caller, endpoint: Endpoint, query: Mapping[str, str]
) -> list[Record]:
    """All rows of a report, in order.

    Raises:
        Refusal: The window or another parameter cannot be used.
    """
    if endpoint.stream == "project_budget_report":
        return _project_budget(account, caller, query)
    first, last = _window(account, query)
    fixed_fee = _truth(query, "include_fixed_fee")
    entries = _within(caller.visible("time_entries", account.time_entries.in_order()), first, last)
    expenses = _within(caller.visible("expenses", account.expenses.in_order()), first, last)
    if endpoint.stream == "uninvoiced_report":
        return _uninvoiced(account, caller, entries, expenses, fixed_fee=fixed_fee is not False)
    _, kind, subject = endpoint.path.strip("/").split("/")
    if kind == "time":
        is_asked = "include_forecast" in endpoint.filters and _truth(query, "include_forecast")
        planned = (first, last) if is_asked else None
        return _time(account, subject, entries, fixed_fee=bool(fixed_fee), planned=planned)
    return _expenses(account, subject, expenses)


def _truth(query: Mapping[str, str], name: str) -> bool | None:
    given = query.get(name)
    return None if given is None else bool(value(name, "boolean", given))


def _window(account: Account, query: Mapping[str, str]) -> tuple[str, str]:
    status = account.switches.report_window_status
    try:
        first, last = day(query["from"]), day(query["to"])
    except (KeyError, ValueError):
        raise invalid("Invalid timeframe: from and to must be dates", status) from None
    span = dt.date.fromisoformat(last) - dt.date.fromisoformat(first)
    if not 0 <= span.days <= LONGEST_DAYS:
        raise invalid(f"Invalid timeframe: it must span 0 to {LONGEST_DAYS} days", status)
    return first, last


def _within(rows: Sequence[Any], first: str, last: str) -> list[Any]:
    return [row for row in rows if first <= row.spent_date <= last]


def _client(account: Account, project_id: int) -> Any:
    return account.clients.by_id[account.projects.by_id[project_id].client_id]


def _project_name(project: Project) -> str:
    return f"[{project.code}] {project.name}" if project.code else project.name


def _by_client(account: Account, row: TimeEntry | Expense) -> Record:
    client = _client(account, row.project_id)
    return {"client_id": client.id, "client_name": client.name}


def _by_project(account: Account, row: TimeEntry | Expense) -> Record:
    project = account.projects.by_id[row.project_id]
    return {
        "project_id": project.id,
        "project_name": _project_name(project),
        **_by_client(account, row),
    }


def _by_task(account: Account, row: TimeEntry) -> Record:
    return {"task_id": row.task_id, "task_name": account.tasks.by_id[row.task_id].name}


def _by_category(account: Account, row: Expense) -> Record:
    category = account.expense_categories.by_id[row.expense_category_id]
    return {"expense_category_id": category.id, "expense_category_name": category.name}


def _by_user(account: Account, row: TimeEntry | Expense) -> Record:
    user = account.users.by_id[row.user_id]
    return {
        "user_id": user.id,
        "user_name": full_name(user),
        "is_contractor": user.is_contractor,
    }


SUBJECTS: Final[dict[str, Callable[[Account, Any], Record]]] = {
    "clients": _by_client,
    "projects": _by_project,
    "tasks": _by_task,
    "categories": _by_category,
    "team": _by_user,
}


def _grouped(
    account: Account, subject: str, rows: Iterable[Any], add: Callable[[Any, Sums], None]
) -> list[tuple[Record, str, Sums]]:
    """Subject, currency and sums, by the subject's name and then the currency."""
    groups: dict[tuple[int, str], tuple[Record, str, Sums]] = {}
    for row in rows:
        shown = SUBJECTS[subject](account, row)
        currency = _client(account, row.project_id).currency
        key = (next(iter(shown.values())), currency)
        if key not in groups:
            groups[key] = (shown, currency, defaultdict(Decimal))
        add(row, groups[key][2])
    return sorted(groups.values(), key=lambda group: (list(group[0].values())[1], group[1]))


def value_of(account: Account, row: TimeEntry, *, fixed_fee: bool) -> Decimal:
    """Money value of an entry: rounded hours at its rate; of fixed-fee work where asked for."""
    if not row.billable or (account.projects.by_id[row.project_id].is_fixed_fee and not fixed_fee):
        return Decimal(0)
    return exact(rounded(hours(account, row))) * exact(row.billable_rate)


def _time(
    account: Account,
    subject: str,
    rows: Sequence[TimeEntry],
    *,
    fixed_fee: bool,
    planned: tuple[str, str] | None,
) -> list[Record]:
    """The rows of a time report.

    Args:
        account: The account.
        subject: What is summed up, as the path names it.
        rows: The entries of the window.
        fixed_fee: Whether hours of fixed-fee projects have a value.
        planned: The first and the last day of the window, where scheduled hours are asked for.
    """

    def add(row: TimeEntry, sums: Sums) -> None:
        worked = exact(rounded(hours(account, row)))
        sums["total_hours"] += worked
        sums["billable_hours"] += worked if row.billable else 0
        sums["billable_amount"] += value_of(account, row, fixed_fee=fixed_fee)

    return [
        {
            **shown,
            "total_hours": cents(sums["total_hours"]),
            "billable_hours": cents(sums["billable_hours"]),
            "currency": currency,
            "billable_amount": cents(sums["billable_amount"]),
            **(
                {
                    "scheduled_hours": scheduled_hours(
                        account, subject, next(iter(shown.values())), currency, planned
                    )
                }
                if planned
                else {}
            ),
            **(_person(account, shown["user_id"]) if subject == "team" else {}),
        }
        for shown, currency, sums in _grouped(account, subject, rows, add)
    ]


def _person(account: Account, user_id: int) -> Record:
    user = account.users.by_id[user_id]
    return {"weekly_capacity": user.weekly_capacity, "avatar_url": user.avatar_url}


def _expenses(account: Account, subject: str, rows: Sequence[Expense]) -> list[Record]:
    def add(row: Expense, sums: Sums) -> None:
        sums["total_amount"] += exact(row.total_cost)
        sums["billable_amount"] += exact(row.total_cost) if row.billable else 0

    reordered = []
    for shown, currency, sums in _grouped(account, subject, rows, add):
        amounts = {name: cents(sums[name]) for name in ("total_amount", "billable_amount")}
        reordered.append({**shown, **amounts, "currency": currency})
    return reordered


def _uninvoiced(
    account: Account,
    caller: Caller,
    entries: Sequence[TimeEntry],
    expenses: Sequence[Expense],
    *,
    fixed_fee: bool,
) -> list[Record]:
    """Every billable project, those without any work as well, which show whole zeros."""
    sums: dict[int, Sums] = defaultdict(lambda: defaultdict(Decimal))
    for entry in entries:
        worked = exact(rounded(hours(account, entry)))
        sums[entry.project_id]["total_hours"] += worked
        if entry.billable and entry.invoice_id is None:
            sums[entry.project_id]["uninvoiced_hours"] += worked
            sums[entry.project_id]["uninvoiced_amount"] += value_of(account, entry, fixed_fee=True)
    for expense in expenses:
        if expense.billable and expense.invoice_id is None:
            sums[expense.project_id]["uninvoiced_expenses"] += exact(expense.total_cost)
            sums[expense.project_id]["uninvoiced_amount"] += exact(expense.total_cost)
    rows = [
        {
            "client_id": client.id,
            "client_name": client.name,
            "project_id": project.id,
            "project_name": project.name,
            "currency": client.currency,
            **{
                name: cents(sums[project.id][name]) if sums[project.id][name] else 0
                for name in (
                    "total_hours",
                    "uninvoiced_hours",
                    "uninvoiced_expenses",
                    "uninvoiced_amount",
                )
            },
        }
        for project in caller.visible("projects", account.projects.in_order())
        if project.is_billable and (fixed_fee or not project.is_fixed_fee)
        for client in [account.clients.by_id[project.client_id]]
    ]
    return sorted(rows, key=lambda row: (row["client_name"], row["project_name"]))


def _project_budget(account: Account, caller: Caller, query: Mapping[str, str]) -> list[Record]:
    """What is left of each project's budget now; of a monthly one, in this month."""
    wanted = query.get("is_active")
    is_active = None if wanted is None else value("is_active", "boolean", wanted)
    projects = [
        project
        for project in account.projects.in_order()
        if project.budget_by != "none"
        and is_active in (None, project.is_active)
        and (
            caller.is_administrator
            or project.id in caller.managed_projects
            or (project.show_budget_to_all and project.id in caller.assigned_projects)
        )
    ]
    spent = _spent(account, {project.id for project in projects})
    rows = []
    for project in projects:
        client = account.clients.by_id[project.client_id]
        used = cents(spent[project.id])
        in_money = project.budget_by in {"project_cost", "task_fees"}
        budget = (project_cost_budget if in_money else project_budget)(account, project)
        hidden = in_money and "cost_budget" in caller.hidden_fields("project_budget_report")
        rows.append(
            {
                "project_id": project.id,
                "project_name": project.name,
                "client_id": client.id,
                "client_name": client.name,
                "budget_is_monthly": project.budget_is_monthly,
                "budget_by": project.budget_by,
                "is_active": project.is_active,
                "budget": None if hidden else budget,
                "budget_spent": None if hidden else used,
                "budget_remaining": None if hidden else cents(exact(budget) - exact(used)),
            }
        )
    return sorted(rows, key=lambda row: (row["client_name"], row["project_name"]))


def _spent(account: Account, project_ids: set[int]) -> dict[int, Decimal]:
    """Hours or money used of each budget, in the budget's unit."""
    spent: dict[int, Decimal] = defaultdict(Decimal)
    month = f"{account.now:%Y-%m}"
    projects = account.projects.by_id

    def counts(row: TimeEntry | Expense) -> bool:
        return row.project_id in project_ids and (
            not projects[row.project_id].budget_is_monthly or row.spent_date.startswith(month)
        )

    for entry in account.time_entries.by_id.values():
        if entry.budgeted and counts(entry):
            if projects[entry.project_id].budget_by in {"project_cost", "task_fees"}:
                spent[entry.project_id] += value_of(account, entry, fixed_fee=True)
            else:
                spent[entry.project_id] += exact(rounded(hours(account, entry)))
    for expense in account.expenses.by_id.values():
        if counts(expense) and projects[expense.project_id].cost_budget_include_expenses:
            spent[expense.project_id] += exact(expense.total_cost)
    return spent
