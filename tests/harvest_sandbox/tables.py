"""The rows of an account: what is stored, each fact once.

What follows from other rows (names inside references, totals of an invoice, a budget per person)
is not stored but worked out in `records`. Times are texts as the API writes them, which sort as
they read; hours, rates and money are floats of at most two decimals.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Row(msgspec.Struct, kw_only=True, gc=False):
    """What every row has; times are UTC, `2031-04-09T16:20:05Z`."""

    id: int
    created_at: str
    updated_at: str


class Client(Row, kw_only=True):
    """A company or person that work is done for."""

    name: str
    statement_key: str
    currency: str = "EUR"
    is_active: bool = True
    address: str | None = None


class Contact(Row, kw_only=True):
    """A person at a client."""

    client_id: int
    first_name: str
    last_name: str | None = None
    title: str | None = None
    email: str | None = None
    phone_office: str = ""
    phone_mobile: str = ""
    fax: str = ""
    invoice_recipient_status: str = "none"


class LineItem(msgspec.Struct, kw_only=True, gc=False):
    """A line of an invoice or estimate; its amount is quantity times unit price."""

    id: int
    kind: str
    description: str | None = None
    quantity: float = 1.0
    unit_price: float = 0.0
    taxed: bool = False
    taxed2: bool = False
    project_id: int | None = None


class Bill(Row, kw_only=True):
    """What invoices and estimates share: lines, and percentages that apply to them."""

    client_id: int
    creator_id: int
    client_key: str
    number: str
    currency: str
    line_items: list[LineItem]
    purchase_order: str | None = ""
    tax: float | None = None
    tax2: float | None = None
    discount: float | None = None
    subject: str | None = ""
    notes: str | None = ""
    state: str = "draft"
    sent_at: str | None = None


class Invoice(Bill, kw_only=True):
    """A bill to a client."""

    issue_date: str
    due_date: str
    payment_term: str = "net 30"
    period_start: str | None = None
    period_end: str | None = None
    paid_at: str | None = None
    paid_date: str | None = None
    closed_at: str | None = None
    recurring_invoice_id: int | None = None
    estimate_id: int | None = None
    retainer_id: int | None = None
    payment_options: list[str]


class Estimate(Bill, kw_only=True):
    """An offer to a client."""

    issue_date: str | None = None
    accepted_at: str | None = None
    declined_at: str | None = None


class Message(Row, kw_only=True):
    """A mail about an invoice or estimate, or a change of its state."""

    sent_by: str | None = None
    sent_by_email: str | None = None
    sent_from: str | None = None
    sent_from_email: str | None = None
    send_me_a_copy: bool = False
    event_type: str | None = None
    recipients: list[dict[str, str | None]]
    subject: str | None = None
    body: str | None = None


class InvoiceMessage(Message, kw_only=True):
    """A mail about an invoice, or a change of its state."""

    invoice_id: int
    include_link_to_client_invoice: bool = False
    thank_you: bool = False
    reminder: bool = False
    send_reminder_on: str | None = None
    attach_pdf: bool = True


class EstimateMessage(Message, kw_only=True):
    """A mail about an estimate, or a change of its state."""

    estimate_id: int


class InvoicePayment(Row, kw_only=True):
    """Money received for an invoice."""

    invoice_id: int
    amount: float
    paid_at: str
    paid_date: str
    recorded_by: str | None = None
    recorded_by_email: str | None = None
    notes: str | None = ""
    transaction_id: str | None = None
    payment_gateway_id: int | None = None
    payment_gateway_name: str | None = None


class InvoiceItemCategory(Row, kw_only=True):
    """A kind of line on invoices."""

    name: str
    use_as_service: bool = False
    use_as_expense: bool = False


class EstimateItemCategory(Row, kw_only=True):
    """A kind of line on estimates."""

    name: str


class ExpenseCategory(Row, kw_only=True):
    """A kind of expense, with a price where it is counted in units."""

    name: str
    unit_name: str | None = None
    unit_price: float | None = None
    is_active: bool = True


class Task(Row, kw_only=True):
    """A kind of work."""

    name: str
    billable_by_default: bool = True
    default_hourly_rate: float | None = None
    is_default: bool = False
    is_active: bool = True


class Project(Row, kw_only=True):
    """Work for a client."""

    client_id: int
    name: str
    code: str | None = None
    is_active: bool = True
    is_billable: bool = True
    is_fixed_fee: bool = False
    bill_by: str = "People"
    budget: float | None = None
    budget_by: str = "none"
    budget_is_monthly: bool = False
    notify_when_over_budget: bool = False
    over_budget_notification_percentage: float = 80.0
    over_budget_notification_date: str | None = None
    show_budget_to_all: bool = False
    starts_on: str | None = None
    ends_on: str | None = None
    notes: str | None = ""
    cost_budget: float | None = None
    cost_budget_include_expenses: bool = False
    hourly_rate: float | None = None
    fee: float | None = None


class UserAssignment(Row, kw_only=True):
    """A person on a project."""

    project_id: int
    user_id: int
    is_project_manager: bool = False
    is_active: bool = True
    use_default_rates: bool = True
    hourly_rate: float | None = None
    budget: float | None = None


class TaskAssignment(Row, kw_only=True):
    """A task on a project."""

    project_id: int
    task_id: int
    billable: bool = True
    is_active: bool = True
    hourly_rate: float | None = None
    budget: float | None = None


class Role(Row, kw_only=True):
    """A label for people."""

    name: str
    user_ids: list[int]


class User(Row, kw_only=True):
    """A person who works in the account."""

    first_name: str
    last_name: str | None
    email: str
    access_roles: list[str]
    teammate_ids: list[int]
    employee_id: str | None = None
    telephone: str | None = ""
    timezone: str = "Amsterdam"
    weekly_capacity: int = 126_000
    has_access_to_all_future_projects: bool = False
    is_contractor: bool = False
    is_active: bool = True
    saml_exempt: bool | None = False
    calendar_integration_enabled: bool = False
    calendar_integration_source: str | None = None
    can_create_projects: bool = False
    avatar_url: str | None = None


class Rate(Row, kw_only=True):
    """What an hour of a person is billed at, or costs, from a day on."""

    user_id: int
    amount: float
    start_date: str | None = None


class TimeEntry(Row, kw_only=True):
    """Hours of one person on one task of one project on one day.

    `hours` are those banked; a running timer adds the time since `timer_started_at`.
    """

    user_id: int
    project_id: int
    task_id: int
    spent_date: str
    hours: float = 1.0
    notes: str | None = None
    locked_reason: str | None = None
    is_explicitly_locked: bool = False
    approval_status: str = "unsubmitted"
    timer_started_at: str | None = None
    started_minute: int | None = None
    ended_minute: int | None = None
    billable: bool = True
    budgeted: bool = True
    billable_rate: float | None = None
    cost_rate: float | None = None
    invoice_id: int | None = None
    external_reference: dict[str, str | None] | None = None


class Expense(Row, kw_only=True):
    """Money that one person spent for one project on one day."""

    user_id: int
    project_id: int
    expense_category_id: int
    spent_date: str
    total_cost: float = 0.0
    units: float = 1.0
    notes: str | None = ""
    billable: bool = True
    receipt: dict[str, str | int] | None = None
    locked_reason: str | None = None
    is_explicitly_locked: bool = False
    approval_status: str = "unsubmitted"
    reimbursement: bool = False
    invoice_id: int | None = None


R = TypeVar("R", bound=Row)


class Table(Generic[R]):
    """The rows of one kind, in the order of their list, found by id and by indexed fields."""

    def __init__(
        self,
        kind: type[R],
        first_id: int,
        *,
        by: str = "created_at",
        newest_first: bool = True,
        indexes: Iterable[tuple[str, ...]] = (),
    ) -> None:
        """Make an empty table.

        Args:
            kind: The class of its rows.
            first_id: Id of its first row; ids count up from there and are never used again.
            by: The field that its list is ordered by; the id decides between equals.
            newest_first: Whether the list shows the greatest value first.
            indexes: The combinations of fields that `of` may be asked for.
        """
        self.kind = kind
        self.by = by
        self.dated = by
        """The field that `from` and `to` look at."""
        self.newest_first = newest_first
        self.by_id: dict[int, R] = {}
        self._next_id = first_id
        self._ascending: list[R] = []
        self._indexes: dict[tuple[str, ...], dict[Any, list[R]]] = {names: {} for names in indexes}
        self._readers: dict[tuple[str, ...], Callable[[R], Any]] = {
            names: attrgetter(*names) for names in self._indexes
        }

    def __len__(self) -> int:
        return len(self.by_id)

    def new_id(self) -> int:
        """An id that no row of this table ever had."""
        self._next_id += 1
        return self._next_id - 1

    def key(self, row: R) -> tuple[str, int]:
        """The place of a row in the order; a row without the date comes before those with one."""
        return (getattr(row, self.by) or "", row.id)

    def in_order(self) -> list[R]:
        """All rows as the list shows them."""
        return self._ascending[::-1] if self.newest_first else self._ascending[:]

    def sort(self, by: str, *, newest_first: bool) -> None:
        """Show the list in another order; see `__init__`."""
        self.by, self.newest_first = by, newest_first
        self._ascending.sort(key=self.key)

    def of(self, **where: int) -> list[R]:
        """The rows with these values, oldest id first; the names are one of `indexes`."""
        values = tuple(where.values())
        return self._indexes[tuple(where)].get(values if len(values) > 1 else values[0], [])

    def fill(self, rows: Iterable[R]) -> None:
        """Put many new rows into an empty table."""
        for row in rows:
            self.by_id[row.id] = row
            self._index(row)
        self._ascending = sorted(self.by_id.values(), key=self.key)
        self._next_id = max(self.by_id, default=self._next_id - 1) + 1

    def put(self, row: R) -> None:
        """Put a row in, in its place, or in place of the row with its id."""
        if row.id in self.by_id:
            self.take(row.id)
        self.by_id[row.id] = row
        self._index(row)
        insort(self._ascending, row, key=self.key)

    def take(self, row_id: int) -> R:
        """Take a row out."""
        row = self.by_id.pop(row_id)
        del self._ascending[bisect_left(self._ascending, self.key(row), key=self.key)]
        for names, index in self._indexes.items():
            index[self._readers[names](row)].remove(row)
        return row

    def _index(self, row: R) -> None:
        for names, index in self._indexes.items():
            index.setdefault(self._readers[names](row), []).append(row)


PROJECT_PERSON: Final = (("project_id",), ("user_id",), ("project_id", "user_id"))
PROJECT_TASK: Final = (("project_id",), ("task_id",), ("project_id", "task_id"))


class Tables:
    """All tables of an account; the attributes carry the names of the streams."""

    def __init__(self) -> None:
        self.clients = Table(Client, 4_001)
        self.contacts = Table(Contact, 20_001, indexes=[("client_id",)])
        self.invoices = Table(Invoice, 13_000_001, by="issue_date")
        self.invoice_messages = Table(InvoiceMessage, 27_000_001, indexes=[("invoice_id",)])
        self.invoice_payments = Table(InvoicePayment, 10_000_001, indexes=[("invoice_id",)])
        self.invoice_item_categories = Table(InvoiceItemCategory, 1_400_001)
        self.estimates = Table(Estimate, 1_000_001, by="issue_date")
        self.estimate_messages = Table(EstimateMessage, 2_600_001, indexes=[("estimate_id",)])
        self.estimate_item_categories = Table(EstimateItemCategory, 1_300_001)
        self.expenses = Table(Expense, 15_000_001, by="spent_date")
        self.expense_categories = Table(ExpenseCategory, 4_100_001)
        self.tasks = Table(Task, 8_000_001)
        # Beyond 32 bits: the ids of entries are the first to outgrow them.
        self.time_entries = Table(TimeEntry, 5_000_000_001, by="spent_date")
        self.projects = Table(Project, 14_300_001, indexes=[("client_id",)])
        self.project_user_assignments = Table(UserAssignment, 125_000_001, indexes=PROJECT_PERSON)
        self.project_task_assignments = Table(TaskAssignment, 155_000_001, indexes=PROJECT_TASK)
        self.roles = Table(Role, 618_001)
        self.users = Table(User, 71_001)
        self.user_billable_rates = Table(
            Rate, 1_830_001, by="start_date", newest_first=False, indexes=[("user_id",)]
        )
        self.user_cost_rates = Table(
            Rate, 825_001, by="start_date", newest_first=False, indexes=[("user_id",)]
        )

    def named(self, name: str) -> Table[Any]:
        """The table of a stream.

        Raises:
            KeyError: No table has this name; the message lists those there are.
        """
        tables = {key: value for key, value in vars(self).items() if isinstance(value, Table)}
        if name not in tables:
            raise KeyError(f"{name} is not a table of the account; there are {', '.join(tables)}.")
        return tables[name]
