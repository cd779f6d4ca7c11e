"""Clients and contacts, categories, tasks, projects, and who works on which."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from harvest_sandbox import words
from harvest_sandbox.tables import (
    Client,
    Contact,
    EstimateItemCategory,
    ExpenseCategory,
    InvoiceItemCategory,
    Project,
    Task,
    TaskAssignment,
    UserAssignment,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harvest_sandbox.agency.making import Making


def clients_and_projects(making: Making) -> None:
    """Clients with contacts, the categories, tasks and projects."""
    account, random = making.account, making.random
    count = min(10 + making.size // 500, 400)
    account.clients.fill(
        Client(
            id=account.clients.new_id(),
            **stamps,
            name=words.FIRMS[index % len(words.FIRMS)]
            + (f" {index // len(words.FIRMS) + 1}" if index >= len(words.FIRMS) else ""),
            statement_key=making.hexadecimal(),
            currency=words.CURRENCIES[index % len(words.CURRENCIES)],
            is_active=not making.archived(index),
            address=(None, "1 Example Street\nSampletown", "")[index % 3],
        )
        for index, stamps in enumerate(making.spread(count))
    )
    clients = list(account.clients.by_id.values())
    account.contacts.fill(
        Contact(
            id=account.contacts.new_id(),
            **stamps,
            client_id=clients[index % count].id,
            first_name=random.choice(words.FIRST_NAMES),
            last_name=random.choice((*words.LAST_NAMES, None)),
            title=random.choice((None, "Head of Everything", "Dr.")),
            email=f"contact.{index + 1}@example.com" if index % 5 else None,
            phone_office=random.choice(("", "+44 20 5550 0199")),
            invoice_recipient_status=random.choice(("none", "recipient", "cc", "bcc")),
        )
        for index, stamps in enumerate(making.spread(count * 3 // 2))
    )
    account.tasks.fill(
        Task(
            id=account.tasks.new_id(),
            **stamps,
            name=name,
            billable_by_default=name not in {"Meetings", "Training"},
            default_hourly_rate=(95.0, None, 110.5)[index % 3],
            is_default=index < 3,
            is_active=not making.archived(index),
        )
        for index, (name, stamps) in enumerate(
            zip(words.TASKS, making.spread(len(words.TASKS)), strict=True)
        )
    )
    account.expense_categories.fill(
        ExpenseCategory(
            id=account.expense_categories.new_id(),
            **stamps,
            name=name,
            unit_name=unit,
            unit_price=price,
            is_active=name != "Old stock",
        )
        for (name, unit, price), stamps in zip(
            words.EXPENSE_CATEGORIES, making.spread(len(words.EXPENSE_CATEGORIES)), strict=True
        )
    )
    account.invoice_item_categories.fill(
        InvoiceItemCategory(
            id=account.invoice_item_categories.new_id(),
            **stamps,
            name=name,
            use_as_service=name == "Service",
            use_as_expense=name == "Product",
        )
        for name, stamps in zip(("Service", "Product", "Licence"), making.spread(3), strict=True)
    )
    account.estimate_item_categories.fill(
        EstimateItemCategory(id=account.estimate_item_categories.new_id(), **stamps, name=name)
        for name, stamps in zip(("Service", "Product"), making.spread(2), strict=True)
    )
    account.projects.fill(
        _project(making, index, clients, stamps)
        for index, stamps in enumerate(making.spread(count * 2))
    )


def _project(
    making: Making, index: int, clients: Sequence[Client], stamps: dict[str, Any]
) -> Project:
    """One of every way to bill and to budget, in turn."""
    bill_by = ("People", "Tasks", "Project", "none")[index % 4]
    budget_by = ("project", "project_cost", "task", "task_fees", "person", "none")[index % 6]
    fixed = index % 8 == 2
    return Project(
        id=making.account.projects.new_id(),
        **stamps,
        client_id=clients[index % len(clients)].id,
        name=words.PROJECTS[index % len(words.PROJECTS)],
        code=f"EX-{index + 1:03}" if index % 3 else None,
        is_active=not making.archived(index),
        is_billable=bill_by != "none",
        is_fixed_fee=fixed,
        bill_by=bill_by,
        budget=float(200 + index) if budget_by == "project" else None,
        budget_by=budget_by,
        budget_is_monthly=index % 12 == 6,
        notify_when_over_budget=index % 2 == 0,
        over_budget_notification_date=making.today.isoformat() if index % 12 == 0 else None,
        show_budget_to_all=index % 5 == 0,
        starts_on=making.first_day.isoformat() if index % 3 == 0 else None,
        ends_on=(making.today + dt.timedelta(days=90)).isoformat() if index % 3 == 1 else None,
        notes=(None, "", "Handle with care ⚠️")[index % 3],
        cost_budget=20_000.5 if budget_by == "project_cost" else None,
        cost_budget_include_expenses=budget_by == "project_cost",
        hourly_rate=125.0 if bill_by == "Project" else None,
        fee=9_999.99 if fixed else None,
    )


def assignments(making: Making) -> None:
    """Four people and five tasks on every project, some of them no longer."""
    account, random = making.account, making.random
    users = list(account.users.by_id.values())
    tasks = list(account.tasks.by_id.values())
    people, jobs = [], []
    stamps = making.spread(len(account.projects))
    for place, project in enumerate(account.projects.by_id.values()):
        for index, user in enumerate(random.sample(users, 4)):
            people.append(
                UserAssignment(
                    id=account.project_user_assignments.new_id(),
                    **stamps[place],
                    project_id=project.id,
                    user_id=user.id,
                    is_project_manager=index == 0 or user.id == users[1].id,
                    is_active=index < 3 or place % 2 == 0,
                    use_default_rates=index != 1,
                    hourly_rate=88.0 if index == 1 else None,
                    budget=40.5 if project.budget_by == "person" else None,
                )
            )
        for index, task in enumerate(random.sample(tasks, 5)):
            jobs.append(
                TaskAssignment(
                    id=account.project_task_assignments.new_id(),
                    **stamps[place],
                    project_id=project.id,
                    task_id=task.id,
                    billable=project.is_billable and task.billable_by_default,
                    is_active=index < 4 or place % 2 == 0,
                    hourly_rate=105.25 if project.bill_by == "Tasks" else None,
                    budget=60.0 if project.budget_by in {"task", "task_fees"} else None,
                )
            )
    account.project_user_assignments.fill(people)
    account.project_task_assignments.fill(jobs)
