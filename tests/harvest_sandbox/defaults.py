"""Believable values for the fields that a new row was not given."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from harvest_sandbox.records import rate_on

if TYPE_CHECKING:
    from harvest_sandbox.account import Account
    from harvest_sandbox.tables import Project

Values = dict[str, Any]


def entry_rate(
    account: Account, project: Project, user_id: int, task_id: int, day: str
) -> float | None:
    """What an hour is billed at: the rate of the project, the task or the person, as it bills."""
    if not project.is_billable or project.bill_by == "none":
        return None
    if project.bill_by == "Project":
        return project.hourly_rate
    if project.bill_by == "Tasks":
        tasks = account.project_task_assignments.of(project_id=project.id, task_id=task_id)
        return tasks[0].hourly_rate if tasks else account.tasks.by_id[task_id].default_hourly_rate
    people = account.project_user_assignments.of(project_id=project.id, user_id=user_id)
    if people and not people[0].use_default_rates:
        return people[0].hourly_rate
    return rate_on(account.user_billable_rates.of(user_id=user_id), day)


def defaults(account: Account, name: str, given: Values) -> Values:
    """The values that a new row of a table needs and that `given` lacks."""
    values = _DEFAULTS.get(name, _name)(account, given)
    return {field: value for field, value in values.items() if field not in given}


def _first(rows: Any) -> int:
    return int(min(row.id for row in rows))


def _active(rows: Any) -> int:
    return _first([row for row in rows if row.is_active] or rows)


def _key(account: Account) -> str:
    return f"{account.version:032x}"


def _name(account: Account, _: Values) -> Values:
    return {"name": f"New {account.version}"}


def _client(account: Account, given: Values) -> Values:
    return {**_name(account, given), "statement_key": _key(account)}


def _contact(account: Account, _: Values) -> Values:
    return {"client_id": _active(account.clients.by_id.values()), "first_name": "Robin"}


def _bill(account: Account, given: Values) -> Values:
    client = given.get("client_id", _active(account.clients.by_id.values()))
    return {
        "client_id": client,
        "creator_id": _active(account.users.by_id.values()),
        "client_key": _key(account),
        "number": f"N-{account.version}",
        "currency": account.clients.by_id[client].currency,
        "issue_date": account.now.date().isoformat(),
        "line_items": [],
    }


def _invoice(account: Account, given: Values) -> Values:
    issued = given.get("issue_date", account.now.date().isoformat())
    due = dt.date.fromisoformat(issued) + dt.timedelta(days=30)
    return {**_bill(account, given), "due_date": due.isoformat(), "payment_options": []}


def _message(parent: str, account: Account, given: Values) -> Values:
    bills = account.named(f"{parent}s")
    return {
        f"{parent}_id": _first(bills.by_id.values()),
        "recipients": []
        if given.get("event_type")
        else [{"name": "Robin", "email": "robin@example.org"}],
        "sent_by_email": "office@example.org",
    }


def _payment(account: Account, _: Values) -> Values:
    return {
        "invoice_id": _first(account.invoices.by_id.values()),
        "amount": 1.0,
        "paid_at": f"{account.now.date()}T00:00:00Z",
        "paid_date": account.now.date().isoformat(),
    }


def _user(account: Account, _: Values) -> Values:
    return {
        "first_name": "Robin",
        "last_name": f"New {account.version}",
        "email": f"robin.{account.version}@example.org",
        "access_roles": ["member"],
        "teammate_ids": [],
    }


def _rate(account: Account, _: Values) -> Values:
    return {
        "user_id": _active(account.users.by_id.values()),
        "amount": 100.0,
        "start_date": account.now.date().isoformat(),
    }


def _role(account: Account, given: Values) -> Values:
    return {**_name(account, given), "user_ids": []}


def _project(account: Account, given: Values) -> Values:
    return {**_name(account, given), "client_id": _active(account.clients.by_id.values())}


def _user_assignment(account: Account, given: Values) -> Values:
    project = given.get("project_id", _active(account.projects.by_id.values()))
    taken = {row.user_id for row in account.project_user_assignments.of(project_id=project)}
    free = [user for user in account.users.by_id.values() if user.id not in taken]
    return {"project_id": project, "user_id": _active(free or account.users.by_id.values())}


def _task_assignment(account: Account, given: Values) -> Values:
    project = given.get("project_id", _active(account.projects.by_id.values()))
    taken = {row.task_id for row in account.project_task_assignments.of(project_id=project)}
    free = [task for task in account.tasks.by_id.values() if task.id not in taken]
    return {"project_id": project, "task_id": _active(free or account.tasks.by_id.values())}


def _work(account: Account, given: Values) -> Values:
    """A person on a project that they are assigned to, as far as neither is given."""
    assignments = [
        row
        for row in account.project_user_assignments.by_id.values()
        if row.project_id == given.get("project_id", row.project_id)
        and row.user_id == given.get("user_id", row.user_id)
        and row.is_active
    ]
    chosen = min(assignments, key=lambda row: row.id) if assignments else None
    return {
        "project_id": chosen.project_id if chosen else _active(account.projects.by_id.values()),
        "user_id": chosen.user_id if chosen else _active(account.users.by_id.values()),
        "spent_date": account.now.date().isoformat(),
    }


def _time_entry(account: Account, given: Values) -> Values:
    work = {**_work(account, given), **given}
    tasks = account.project_task_assignments.of(project_id=work["project_id"])
    task = given.get(
        "task_id",
        min(row.task_id for row in tasks) if tasks else _active(account.tasks.by_id.values()),
    )
    project = account.projects.by_id[work["project_id"]]
    rate = entry_rate(account, project, work["user_id"], task, work["spent_date"])
    return {
        **work,
        "task_id": task,
        "billable": rate is not None,
        "billable_rate": rate,
        "cost_rate": rate_on(
            account.user_cost_rates.of(user_id=work["user_id"]), work["spent_date"]
        ),
    }


def _expense(account: Account, given: Values) -> Values:
    category = _active(account.expense_categories.by_id.values())
    return {**_work(account, given), "expense_category_id": category, "total_cost": 12.5}


_DEFAULTS = {
    "clients": _client,
    "contacts": _contact,
    "estimates": _bill,
    "invoices": _invoice,
    "invoice_messages": lambda account, given: _message("invoice", account, given),
    "estimate_messages": lambda account, given: _message("estimate", account, given),
    "invoice_payments": _payment,
    "users": _user,
    "user_billable_rates": _rate,
    "user_cost_rates": _rate,
    "roles": _role,
    "projects": _project,
    "project_user_assignments": _user_assignment,
    "project_task_assignments": _task_assignment,
    "time_entries": _time_entry,
    "expenses": _expense,
}
