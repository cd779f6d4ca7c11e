"""Years of time entries and expenses."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from harvest_sandbox import words
from harvest_sandbox.clock import stamp
from harvest_sandbox.defaults import entry_rate
from harvest_sandbox.money import cents, exact
from harvest_sandbox.records import rate_on
from harvest_sandbox.tables import (
    Expense,
    Project,
    TaskAssignment,
    TimeEntry,
    UserAssignment,
)

if TYPE_CHECKING:
    from harvest_sandbox.agency.making import Making

RUNNING: Final = 3
"""Timers that run."""


def time_entries(making: Making) -> None:
    """Days of work over the years, the last of them today, with timers that run."""
    account = making.account
    chance = making.random.random
    places = [
        (project, person, job)
        for project in account.projects.by_id.values()
        for person in account.project_user_assignments.of(project_id=project.id)
        for job in account.project_task_assignments.of(project_id=project.id)
    ]
    days = (making.today - making.first_day).days
    rates: dict[tuple[int, int, int], tuple[float | None, float | None]] = {}
    rows = []
    for index in range(making.size):
        offset = (index + 1) * days // making.size
        day = making.first_day + dt.timedelta(days=offset)
        # Some clients are busier than others.
        project, person, job = places[int(chance() ** 2 * len(places))]
        key = (person.id, job.id, offset // 30)
        if key not in rates:
            rates[key] = _price(making, project, person, job, day.isoformat())
        billable_rate, cost_rate = rates[key]
        hours = _hours(index, chance())
        begun = 480 + 15 * int(chance() * 20)
        clocked = index % 2 == 0 and hours > 0
        approved = offset < days - 60
        created = making.origin + dt.timedelta(days=offset, seconds=int(chance() * 28_800))
        rows.append(
            TimeEntry(
                id=account.time_entries.new_id(),
                **making.stamps(created),
                user_id=person.user_id,
                project_id=project.id,
                task_id=job.task_id,
                spent_date=day.isoformat(),
                hours=hours,
                notes=words.NOTES[int(chance() * len(words.NOTES))],
                approval_status="approved" if approved else ("unsubmitted", "submitted")[index % 2],
                locked_reason="Item Approved and Locked for this Time Period" if approved else None,
                started_minute=begun if clocked else None,
                ended_minute=begun + int(hours * 60) if clocked else None,
                billable=billable_rate is not None and job.billable,
                budgeted=project.budget_by != "none",
                billable_rate=billable_rate if job.billable else None,
                cost_rate=cost_rate,
                external_reference=_reference(index) if index % 5 == 0 else None,
            )
        )
    for index, row in enumerate(rows[-RUNNING:]):
        _start(making, row, minutes=37 + 61 * index)
    for row in rows[:1]:
        row.locked_reason = "Item Locked for this Time Period"
        row.is_explicitly_locked = True
    account.time_entries.fill(rows)


def _hours(index: int, draw: float) -> float:
    """Most often whole quarters of an hour; now and then a correction, or nothing."""
    if index % 97 == 50:
        return -1.25
    if index % 89 == 40:
        return 0.0
    return round(draw * 8, 2) if index % 3 == 1 else (1 + int(draw * 24)) / 4


def _price(
    making: Making, project: Project, person: UserAssignment, job: TaskAssignment, spent: str
) -> tuple[float | None, float | None]:
    """Billable rate and cost rate of an hour."""
    costs = making.account.user_cost_rates.of(user_id=person.user_id)
    return (
        entry_rate(making.account, project, person.user_id, job.task_id, spent),
        rate_on(costs, spent),
    )


def _start(making: Making, row: TimeEntry, minutes: int) -> None:
    """Let the timer of an entry run since so many minutes ago."""
    started = making.now - dt.timedelta(minutes=minutes)
    row.spent_date = making.today.isoformat()
    row.hours = max(row.hours, 0.0)
    row.timer_started_at = row.created_at = row.updated_at = stamp(started)
    row.started_minute, row.ended_minute = started.hour * 60 + started.minute, None
    row.approval_status, row.locked_reason = "unsubmitted", None


def _reference(index: int) -> dict[str, str | None]:
    """A link to an item of another tool; the last kind is nearly empty."""
    service, address = words.SERVICES[index // 5 % len(words.SERVICES)]
    return {
        "id": str(9_000 + index),
        "group_id": str(index % 40) if address else None,
        "account_id": "77" if address else None,
        "permalink": f"{address}{9_000 + index}" if address else None,
        "service": service,
        "service_icon_url": f"https://example.com/{service}.png" if address else None,
    }


def expenses(making: Making) -> None:
    """Expenses with and without receipts, in units and in money."""
    account, random = making.account, making.random
    projects = list(account.projects.by_id.values())
    count = max(40, making.size // 20)
    categories = list(account.expense_categories.by_id.values())
    days = (making.today - making.first_day).days
    rows = []
    for index in range(count):
        day = making.first_day + dt.timedelta(days=(index + 1) * days // count)
        project = random.choice(projects)
        category = random.choice(categories)
        units = float(random.randint(1, 400)) if category.unit_price else 1.0
        price = category.unit_price or round(random.uniform(3, 400), 2)
        approved = day < making.today - dt.timedelta(days=60)
        rows.append(
            Expense(
                id=account.expenses.new_id(),
                **making.stamps(dt.datetime.combine(day, dt.time(10), dt.UTC)),
                user_id=random.choice(
                    account.project_user_assignments.of(project_id=project.id)
                ).user_id,
                project_id=project.id,
                expense_category_id=category.id,
                spent_date=day.isoformat(),
                total_cost=cents(exact(units) * exact(price)),
                units=units,
                notes=random.choice(words.NOTES),
                billable=project.is_billable and index % 4 > 0,
                receipt=_receipt(account.company["base_uri"], index) if index % 3 == 0 else None,
                approval_status="approved" if approved else "unsubmitted",
                locked_reason="The project is locked for this time period." if approved else None,
                reimbursement=index % 6 == 0,
            )
        )
    account.expenses.fill(rows)


def _receipt(address: str, index: int) -> dict[str, str | int]:
    return {
        "url": f"{address}/expenses/{index}/receipt",
        "file_name": f"receipt é {index}.pdf",
        "file_size": 1_000 + index,
        "content_type": "application/pdf",
    }
