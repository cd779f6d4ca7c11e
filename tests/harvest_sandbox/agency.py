"""A believable agency, made from a seed: the same seed, size and day give the same account, bit for bit."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from random import Random
from typing import TYPE_CHECKING, Any, Final

from harvest_sandbox import words
from harvest_sandbox.account import Account
from harvest_sandbox.clock import stamp
from harvest_sandbox.defaults import entry_rate
from harvest_sandbox.money import cents, exact, totals
from harvest_sandbox.records import rate_on
from harvest_sandbox.tables import (
    Client,
    Contact,
    Estimate,
    EstimateItemCategory,
    EstimateMessage,
    Expense,
    ExpenseCategory,
    Invoice,
    InvoiceItemCategory,
    InvoiceMessage,
    InvoicePayment,
    LineItem,
    Project,
    Rate,
    Role,
    Task,
    TaskAssignment,
    TimeEntry,
    User,
    UserAssignment,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

YEARS: Final = 3
RUNNING: Final = 3

COMPANY: Final[dict[str, Any]] = {
    "base_uri": "https://exampleworks.harvestapp.com",
    "full_domain": "exampleworks.harvestapp.com",
    "name": "Example Works",
    "is_active": True,
    "week_start_day": "Monday",
    "wants_timestamp_timers": True,
    "time_format": "hours_minutes",
    "date_format": "%Y-%m-%d",
    "plan_type": "simple-v4",
    "expense_feature": True,
    "invoice_feature": True,
    "estimate_feature": True,
    "team_feature": True,
    "approval_feature": True,
    "weekly_capacity": 126_000,
    "clock": "12h",
    "currency": "EUR",
    "currency_code_display": "iso_code_none",
    "currency_symbol_display": "symbol_before",
    "decimal_symbol": ".",
    "thousands_separator": ",",
    "color_scheme": "orange",
    "saml_sign_in_required": False,
    "day_entry_notes_required": False,
}


def build(*, time_entries: int, seed: int, clock: Callable[[], dt.datetime]) -> Account:
    """Make an account.

    Args:
        time_entries: How many time entries it has; the other lists grow with them.
        seed: Decides every choice.
        clock: Gives the account's present moment; the data end there.
    """
    builder = _Builder(Account(dict(COMPANY), clock), Random(seed), time_entries)
    builder.people()
    builder.work()
    builder.assignments()
    builder.time_entries()
    builder.expenses()
    builder.estimates()
    builder.invoices()
    return builder.account


class _Builder:
    def __init__(self, account: Account, random: Random, size: int) -> None:
        self.account = account
        self.random = random
        self.size = size
        self.now = account.now.replace(microsecond=0)
        self.today = self.now.date()
        self.first_day = self.today - dt.timedelta(days=365 * YEARS)
        self.origin = dt.datetime.combine(self.first_day, dt.time(8), dt.UTC)
        self.projects: list[Project] = []
        self.team: dict[int, list[UserAssignment]] = {}
        self.jobs: dict[int, list[TaskAssignment]] = {}

    def stamps(self, created: dt.datetime) -> dict[str, str]:
        """When a row came into being and, sometimes later, changed last; never in the future."""
        changed = created + dt.timedelta(seconds=self.random.choice((0, 0, 5_000, 900_000)))
        return {
            "created_at": stamp(min(created, self.now)),
            "updated_at": stamp(min(changed, self.now)),
        }

    def spread(self, count: int) -> list[dict[str, str]]:
        """Stamps of rows that came one after another over the first year."""
        step = dt.timedelta(days=365) / max(count, 1)
        return [self.stamps(self.origin + step * index) for index in range(count)]

    def hexadecimal(self) -> str:
        return f"{self.random.getrandbits(128):032x}"

    def archived(self, index: int) -> bool:
        """Whether the row at this place is archived: one of seven, and never the first."""
        return index % 7 == 6

    def people(self) -> None:
        account, random = self.account, self.random
        count = min(10 + self.size // 500, 300)
        access = [["administrator"], ["manager", "billable_rates_manager"], ["manager"], ["member"]]
        users = []
        for index, stamps in enumerate(self.spread(max(count, 12))):
            first = words.FIRST_NAMES[index % len(words.FIRST_NAMES)]
            last = words.LAST_NAMES[(index * 7 + index // 22) % len(words.LAST_NAMES)]
            users.append(
                User(
                    id=account.users.new_id(),
                    **stamps,
                    first_name=first,
                    last_name=None if index == 5 else last,
                    email=f"person.{index + 1}@example.org",
                    access_roles=list(access[min(index, 3)]),
                    teammate_ids=[],
                    employee_id=f"E{index + 1:04}" if index % 2 else None,
                    telephone=("", "+31 20 555 0100", None)[index % 3],
                    timezone=words.ZONES[index % len(words.ZONES)],
                    weekly_capacity=random.choice((126_000, 144_000, 72_000)),
                    is_contractor=index % 4 == 3,
                    is_active=not self.archived(index),
                    calendar_integration_enabled=index == 0,
                    calendar_integration_source="google" if index == 0 else None,
                    can_create_projects=index < 2,
                    avatar_url=f"https://example.com/avatars/{index + 1}.png"
                    if index % 3
                    else None,
                )
            )
        users[1].teammate_ids = [user.id for user in users[3:7]]
        users[2].teammate_ids = [user.id for user in users[5:9]]
        account.users.fill(users)
        account.roles.fill(
            Role(
                id=account.roles.new_id(),
                **stamps,
                name=name,
                user_ids=[user.id for user in users[index :: len(words.ROLES) - 1]]
                if index < 4
                else [],
            )
            for index, (name, stamps) in enumerate(
                zip(words.ROLES, self.spread(len(words.ROLES)), strict=True)
            )
        )
        self.rates(users)

    def rates(self, users: Sequence[User]) -> None:
        """Histories of rates: none, one without a beginning, or several that follow one another."""
        for table, base in (
            (self.account.user_billable_rates, 90),
            (self.account.user_cost_rates, 40),
        ):
            rows = []
            for index, user in enumerate(users):
                if index == 4:
                    continue
                for turn in range(1 + index % 3):
                    start = self.first_day + dt.timedelta(days=300 * turn)
                    rows.append(
                        Rate(
                            id=table.new_id(),
                            **self.stamps(self.origin + dt.timedelta(days=300 * turn)),
                            user_id=user.id,
                            amount=float(base + 5 * (index % 6) + 7.5 * turn),
                            start_date=start.isoformat() if turn else None,
                        )
                    )
            table.fill(rows)

    def work(self) -> None:
        """Clients with contacts, the categories, tasks and projects."""
        account, random = self.account, self.random
        count = min(10 + self.size // 500, 400)
        account.clients.fill(
            Client(
                id=account.clients.new_id(),
                **stamps,
                name=words.FIRMS[index % len(words.FIRMS)]
                + (f" {index // len(words.FIRMS) + 1}" if index >= len(words.FIRMS) else ""),
                statement_key=self.hexadecimal(),
                currency=words.CURRENCIES[index % len(words.CURRENCIES)],
                is_active=not self.archived(index),
                address=(None, "1 Example Street\nSampletown", "")[index % 3],
            )
            for index, stamps in enumerate(self.spread(count))
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
            for index, stamps in enumerate(self.spread(count * 3 // 2))
        )
        account.tasks.fill(
            Task(
                id=account.tasks.new_id(),
                **stamps,
                name=name,
                billable_by_default=name not in {"Meetings", "Training"},
                default_hourly_rate=(95.0, None, 110.5)[index % 3],
                is_default=index < 3,
                is_active=not self.archived(index),
            )
            for index, (name, stamps) in enumerate(
                zip(words.TASKS, self.spread(len(words.TASKS)), strict=True)
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
                words.EXPENSE_CATEGORIES, self.spread(len(words.EXPENSE_CATEGORIES)), strict=True
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
            for name, stamps in zip(("Service", "Product", "Licence"), self.spread(3), strict=True)
        )
        account.estimate_item_categories.fill(
            EstimateItemCategory(id=account.estimate_item_categories.new_id(), **stamps, name=name)
            for name, stamps in zip(("Service", "Product"), self.spread(2), strict=True)
        )
        account.projects.fill(
            self.project(index, clients, stamps)
            for index, stamps in enumerate(self.spread(count * 2))
        )
        self.projects = list(account.projects.by_id.values())

    def project(self, index: int, clients: Sequence[Client], stamps: dict[str, str]) -> Project:
        """One of every way to bill and to budget, in turn."""
        bill_by = ("People", "Tasks", "Project", "none")[index % 4]
        budget_by = ("project", "project_cost", "task", "task_fees", "person", "none")[index % 6]
        fixed = index % 8 == 2
        return Project(
            id=self.account.projects.new_id(),
            **stamps,
            client_id=clients[index % len(clients)].id,
            name=words.PROJECTS[index % len(words.PROJECTS)],
            code=f"EX-{index + 1:03}" if index % 3 else None,
            is_active=not self.archived(index),
            is_billable=bill_by != "none",
            is_fixed_fee=fixed,
            bill_by=bill_by,
            budget=float(200 + index) if budget_by == "project" else None,
            budget_by=budget_by,
            budget_is_monthly=index % 12 == 6,
            notify_when_over_budget=index % 2 == 0,
            over_budget_notification_date=self.today.isoformat() if index % 12 == 0 else None,
            show_budget_to_all=index % 5 == 0,
            starts_on=self.first_day.isoformat() if index % 3 == 0 else None,
            ends_on=(self.today + dt.timedelta(days=90)).isoformat() if index % 3 == 1 else None,
            notes=(None, "", "Handle with care ⚠️")[index % 3],
            cost_budget=20_000.5 if budget_by == "project_cost" else None,
            cost_budget_include_expenses=budget_by == "project_cost",
            hourly_rate=125.0 if bill_by == "Project" else None,
            fee=9_999.99 if fixed else None,
        )

    def assignments(self) -> None:
        account, random = self.account, self.random
        users = list(account.users.by_id.values())
        tasks = list(account.tasks.by_id.values())
        people, jobs = [], []
        stamps = self.spread(len(self.projects))
        for place, project in enumerate(self.projects):
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
        self.team = {
            project.id: account.project_user_assignments.of(project_id=project.id)
            for project in self.projects
        }
        self.jobs = {
            project.id: account.project_task_assignments.of(project_id=project.id)
            for project in self.projects
        }

    def time_entries(self) -> None:
        """Days of work over the years, the last of them today, with timers that run."""
        account, random = self.account, self.random
        choice, chance = random.choice, random.random
        days = (self.today - self.first_day).days
        rates: dict[tuple[int, int, int, int], tuple[float | None, float | None]] = {}
        rows = []
        for index in range(self.size):
            offset = (index + 1) * days // self.size
            day = self.first_day + dt.timedelta(days=offset)
            spent = day.isoformat()
            project = choice(self.projects)
            person = choice(self.team[project.id])
            job = choice(self.jobs[project.id])
            key = (project.id, person.user_id, job.task_id, offset // 30)
            if key not in rates:
                rates[key] = self.price(project, person, job, spent)
            billable_rate, cost_rate = rates[key]
            quarters = choice((1, 2, 3, 4, 6, 8, 10, 12, 16, 30))
            hours = quarters / 4 if chance() < 0.7 else round(chance() * 8, 2)
            if index % 97 == 50:
                hours = -1.25
            elif index % 89 == 40:
                hours = 0.0
            begun = 480 + 15 * int(chance() * 20)
            clocked = index % 2 == 0 and hours > 0
            created = dt.datetime.combine(day, dt.time(9), dt.UTC) + dt.timedelta(
                seconds=int(chance() * 28_800)
            )
            rows.append(
                TimeEntry(
                    id=account.time_entries.new_id(),
                    **self.stamps(created),
                    user_id=person.user_id,
                    project_id=project.id,
                    task_id=job.task_id,
                    spent_date=spent,
                    hours=hours,
                    notes=words.NOTES[int(chance() * len(words.NOTES))],
                    approval_status="approved"
                    if offset < days - 60
                    else choice(("unsubmitted", "submitted")),
                    started_minute=begun if clocked else None,
                    ended_minute=begun + int(hours * 60) if clocked else None,
                    billable=billable_rate is not None and job.billable,
                    budgeted=project.budget_by != "none",
                    billable_rate=billable_rate if job.billable else None,
                    cost_rate=cost_rate,
                    external_reference=self.reference(index) if index % 5 == 0 else None,
                )
            )
            if rows[-1].approval_status == "approved":
                rows[-1].locked_reason = "Item Approved and Locked for this Time Period"
        for index, row in enumerate(rows[-RUNNING:] if len(rows) > RUNNING else []):
            self.start(row, minutes=37 + 61 * index)
        if rows:
            rows[0].locked_reason, rows[0].is_explicitly_locked = (
                "Item Locked for this Time Period",
                True,
            )
        account.time_entries.fill(rows)

    def price(
        self, project: Project, person: UserAssignment, job: TaskAssignment, spent: str
    ) -> tuple[float | None, float | None]:
        """Billable rate and cost rate of an hour."""
        costs = self.account.user_cost_rates.of(user_id=person.user_id)
        return (
            entry_rate(self.account, project, person.user_id, job.task_id, spent),
            rate_on(costs, spent),
        )

    def start(self, row: TimeEntry, minutes: int) -> None:
        """Let the timer of an entry run since so many minutes ago."""
        started = self.now - dt.timedelta(minutes=minutes)
        row.spent_date = self.today.isoformat()
        row.hours = row.hours if row.hours > 0 else 0.0
        row.timer_started_at = row.created_at = row.updated_at = stamp(started)
        row.started_minute, row.ended_minute = started.hour * 60 + started.minute, None
        row.approval_status, row.locked_reason = "unsubmitted", None

    def reference(self, index: int) -> dict[str, str | None]:
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

    def expenses(self) -> None:
        account, random = self.account, self.random
        count = max(40, self.size // 20)
        categories = list(account.expense_categories.by_id.values())
        days = (self.today - self.first_day).days
        rows = []
        for index in range(count):
            day = self.first_day + dt.timedelta(days=(index + 1) * days // count)
            project = random.choice(self.projects)
            category = random.choice(categories)
            units = float(random.randint(1, 400)) if category.unit_price else 1.0
            price = category.unit_price or round(random.uniform(3, 400), 2)
            approved = day < self.today - dt.timedelta(days=60)
            rows.append(
                Expense(
                    id=account.expenses.new_id(),
                    **self.stamps(dt.datetime.combine(day, dt.time(10), dt.UTC)),
                    user_id=random.choice(self.team[project.id]).user_id,
                    project_id=project.id,
                    expense_category_id=category.id,
                    spent_date=day.isoformat(),
                    total_cost=cents(exact(units) * exact(price)),
                    units=units,
                    notes=random.choice(words.NOTES),
                    billable=project.is_billable and index % 4 > 0,
                    receipt=self.receipt(index) if index % 3 == 0 else None,
                    approval_status="approved" if approved else "unsubmitted",
                    locked_reason="The project is locked for this time period."
                    if approved
                    else None,
                    reimbursement=index % 6 == 0,
                )
            )
        account.expenses.fill(rows)

    def receipt(self, index: int) -> dict[str, str | int]:
        return {
            "url": f"{COMPANY['base_uri']}/expenses/{index}/receipt",
            "file_name": f"receipt é {index}.pdf",
            "file_size": 1_000 + index,
            "content_type": "application/pdf",
        }

    def bill(self, client_id: int, index: int) -> dict[str, Any]:
        """What an invoice and an estimate have in common."""
        return {
            "client_id": client_id,
            "creator_id": next(iter(self.account.users.by_id)),
            "client_key": self.hexadecimal(),
            "currency": self.account.clients.by_id[client_id].currency,
            "purchase_order": ("", None, "PO-7")[index % 3],
            "tax": (None, 21.0, 8.25)[index % 3],
            "tax2": 1.5 if index % 9 == 1 else None,
            "discount": 10.0 if index % 5 == 1 else None,
            "subject": ("", "Work of the month", None)[index % 3],
            "notes": ("", None, "Thank you 🙏")[index % 3],
        }

    def lines(self, index: int) -> list[LineItem]:
        """Lines that do not come from tracked time; every tenth bill has none."""
        return [
            self.account.line(
                {
                    "kind": ("Service", "Product")[turn % 2],
                    "description": ("Concept", None, "", "Déjà vu “extra”")[(index + turn) % 4],
                    "quantity": (1.0, 2.5, 0.01, 12.0)[(index + turn) % 4],
                    "unit_price": (1_200.0, 99.95, 3.33, 0.125)[(index + 2 * turn) % 4],
                    "taxed": turn % 2 == 0,
                    "taxed2": index % 9 == 1,
                }
            )
            for turn in range(0 if index % 10 == 9 else 1 + index % 3)
        ]

    def message(self, created: dt.datetime, event: str | None) -> dict[str, Any]:
        """What a mail, or a change of state, has on invoices and estimates alike."""
        return {
            "created_at": stamp(created),
            "updated_at": stamp(created),
            "sent_by": "Ada Alder",
            "sent_by_email": "person.1@example.org",
            "sent_from": "Example Works",
            "sent_from_email": "office@example.org",
            "event_type": event,
            "recipients": [
                {"name": "Robin Reader", "email": "robin@example.com"},
                {"name": None, "email": "copy@example.com"},
            ],
            "subject": "From Example Works",
            "body": words.LINE_BREAKS,
        }

    def estimates(self) -> None:
        account = self.account
        count = max(10, self.size // 200)
        clients = list(account.clients.by_id)
        rows, messages = [], []
        for index in range(count):
            made = self.moment(index, count)
            state = ("draft", "sent", "accepted", "declined")[index % 4]
            sent = made + dt.timedelta(hours=1)
            answered = made + dt.timedelta(hours=30)
            row = Estimate(
                id=account.estimates.new_id(),
                created_at=stamp(made),
                updated_at=stamp({"draft": made, "sent": sent}.get(state, answered)),
                **self.bill(clients[index % len(clients)], index),
                number=f"{1_001 + index}",
                line_items=self.lines(index),
                state=state,
                issue_date=None if index == 0 else made.date().isoformat(),
                sent_at=None if state == "draft" else stamp(sent),
                accepted_at=stamp(answered) if state == "accepted" else None,
                declined_at=stamp(answered) if state == "declined" else None,
            )
            rows.append(row)
            events = {"draft": (), "sent": ("send",), "accepted": ("send", "accept")}
            for event in events.get(state, ("send", "decline")):
                moment = sent if event == "send" else answered
                content = self.message(moment, event)
                if event != "send":
                    content |= {"recipients": [], "subject": None, "body": None}
                messages.append(
                    EstimateMessage(
                        id=account.estimate_messages.new_id(), estimate_id=row.id, **content
                    )
                )
        account.estimates.fill(rows)
        account.estimate_messages.fill(messages)

    def moment(self, index: int, count: int) -> dt.datetime:
        """When the bill at this place was made: one after another, the last a week ago."""
        end = self.now - dt.timedelta(days=7)
        return self.origin + (end - self.origin) * index / count

    def invoices(self) -> None:
        """Invoices from tracked time, month by month and project by project, and some of other kinds."""
        account = self.account
        count = max(20, self.size // 50)
        clients = list(account.clients.by_id)
        work: dict[tuple[str, int], list[TimeEntry | Expense]] = defaultdict(list)
        until = (self.today - dt.timedelta(days=75)).isoformat()
        tracked: list[TimeEntry | Expense] = [
            *account.time_entries.by_id.values(),
            *account.expenses.by_id.values(),
        ]
        for item in tracked:
            if item.billable and item.spent_date < until and getattr(item, "hours", 1) > 0:
                work[item.spent_date[:7], item.project_id].append(item)
        months = sorted(work)[:: max(1, len(work) // max(1, count * 2 // 3))]
        rows = []
        for index in range(count):
            made = self.moment(index, count)
            month = (
                months[index // 3 * 2 + index % 3]
                if index % 3 < 2 and index // 3 * 2 + index % 3 < len(months)
                else None
            )
            items = work[month] if month else []
            if items:
                last = max(item.spent_date for item in items)
                made = max(
                    made, dt.datetime.fromisoformat(f"{last}T18:00:00+00:00") + dt.timedelta(days=2)
                )
            rows.append(self.invoice(index, made, items, clients[index % len(clients)]))
        account.invoices.fill(rows)
        self.settle(rows)

    def invoice(
        self, index: int, made: dt.datetime, items: Sequence[TimeEntry | Expense], client_id: int
    ) -> Invoice:
        """An invoice, of tracked work where there is some; what it bills turns billed and locked."""
        account = self.account
        row_id = account.invoices.new_id()
        lines = self.lines(index)
        if items:
            client_id = account.projects.by_id[items[0].project_id].client_id
            lines = [self.billed(item, row_id, made) for item in items]
        state = ("paid", "open", "paid", "draft", "closed")[index % 5]
        sent = made + dt.timedelta(minutes=20)
        closed = made + dt.timedelta(days=5)
        changed = {"draft": made, "open": sent, "closed": closed}.get(state, sent)
        days = [item.spent_date for item in items]
        return Invoice(
            id=row_id,
            created_at=stamp(made),
            updated_at=stamp(changed),
            **self.bill(client_id, index),
            number=f"{2_001 + index}",
            line_items=lines,
            state=state,
            issue_date=made.date().isoformat(),
            due_date=(made + dt.timedelta(days=30)).date().isoformat(),
            payment_term=("net 30", "upon receipt", "custom")[index % 3],
            period_start=min(days, default=None),
            period_end=max(days, default=None),
            sent_at=None if state == "draft" else stamp(sent),
            closed_at=stamp(closed) if state == "closed" else None,
            recurring_invoice_id=77_001 if index % 8 == 3 else None,
            estimate_id=self.estimate(index),
            retainer_id=88_001 if index % 15 == 7 else None,
            payment_options=["ach", "credit_card"][: index % 3],
        )

    def estimate(self, index: int) -> int | None:
        """The accepted estimate that an invoice was made from, if any."""
        accepted = [
            row.id
            for row in list(self.account.estimates.by_id.values())[:50]
            if row.state == "accepted"
        ]
        return accepted[index % len(accepted)] if index % 6 == 5 else None

    def billed(self, item: TimeEntry | Expense, invoice_id: int, made: dt.datetime) -> LineItem:
        """The line that bills an entry or expense."""
        item.invoice_id = invoice_id
        item.updated_at = max(item.updated_at, stamp(made))
        line: dict[str, Any] = {"project_id": item.project_id, "taxed": True}
        if isinstance(item, TimeEntry):
            item.locked_reason = "Item Invoiced and Locked for this Time Period"
            return self.account.line(
                {**line, "quantity": item.hours, "unit_price": item.billable_rate}
            )
        item.locked_reason = "Expense is invoiced."
        return self.account.line({**line, "kind": "Product", "unit_price": item.total_cost})

    def settle(self, rows: Sequence[Invoice]) -> None:
        """Mail the invoices and pay them: at once, in two parts, or in part."""
        account = self.account
        messages, payments = [], []
        for index, row in enumerate(rows):
            made = dt.datetime.fromisoformat(row.created_at)
            if row.sent_at:
                sent = dt.datetime.fromisoformat(row.sent_at)
                messages.append(self.mail(row, sent, "send"))
            if row.state == "open" and index % 2:
                reminded = min(made + dt.timedelta(days=3), self.now)
                messages.append(self.mail(row, reminded, None, reminder=True))
            if row.state == "closed" and row.closed_at:
                messages.append(self.mail(row, dt.datetime.fromisoformat(row.closed_at), "close"))
            amount = totals(row).amount
            if amount <= 0:
                continue
            parts = {
                "paid": [amount] if index % 2 else [cents(exact(amount) / 3), 0.0],
                "open": [cents(exact(amount) / 2)] if index % 3 == 0 else [],
                "draft": [cents(exact(amount) / 4)] if index % 2 else [],
            }.get(row.state, [])
            if len(parts) == 2:
                parts[1] = cents(exact(amount) - exact(parts[0]))
            for turn, part in enumerate(parts):
                paid = min(made + dt.timedelta(days=2 + turn), self.now)
                payments.append(self.payment(row, part, paid, card=index % 4 == 0))
                row.updated_at = max(row.updated_at, stamp(paid))
            if row.state == "paid":
                row.paid_date = payments[-1].paid_date
                row.paid_at = payments[-1].paid_at
                thanks = dt.datetime.fromisoformat(payments[-1].created_at)
                messages.append(self.mail(row, thanks, None, thank_you=True))
        account.invoice_messages.fill(messages)
        account.invoice_payments.fill(payments)

    def mail(
        self, row: Invoice, moment: dt.datetime, event: str | None, **kind: bool
    ) -> InvoiceMessage:
        content = self.message(moment, event)
        if event == "close":
            content |= {"recipients": [], "subject": None, "body": None}
        return InvoiceMessage(
            id=self.account.invoice_messages.new_id(), invoice_id=row.id, **content, **kind
        )

    def payment(
        self, row: Invoice, amount: float, paid: dt.datetime, *, card: bool
    ) -> InvoicePayment:
        return InvoicePayment(
            id=self.account.invoice_payments.new_id(),
            created_at=stamp(paid),
            updated_at=stamp(paid),
            invoice_id=row.id,
            amount=amount,
            paid_at=f"{paid.date()}T00:00:00Z",
            paid_date=paid.date().isoformat(),
            recorded_by="Ada Alder",
            recorded_by_email="person.1@example.org",
            notes="" if card else "By bank",
            transaction_id=self.hexadecimal()[:16] if card else None,
            payment_gateway_id=31 if card else None,
            payment_gateway_name="Example Pay" if card else None,
        )
