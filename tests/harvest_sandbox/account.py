"""The account and the rules that bind its rows: what an edit moves, and what goes with a deleted row."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
from typing import TYPE_CHECKING, Any

from harvest_sandbox.clock import parsed, stamp
from harvest_sandbox.defaults import defaults
from harvest_sandbox.records import due_amount
from harvest_sandbox.switches import Move, Switches
from harvest_sandbox.tables import LineItem, Row, Tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from harvest_sandbox.tables import (
        Estimate,
        EstimateMessage,
        Expense,
        Invoice,
        InvoiceMessage,
        InvoicePayment,
        Rate,
        Role,
        TimeEntry,
    )

NAMED = {"clients": {"name"}, "projects": {"name", "code"}, "tasks": {"name"}}
"""The fields that other rows show of a row."""


class Account(Tables):
    """All rows, the company's settings and the account's clock.

    Whoever reads or edits holds `lock`, as the server runs in a thread of its own.
    """

    def __init__(self, company: dict[str, Any], clock: Callable[[], dt.datetime]) -> None:
        """Make an empty account.

        Args:
            company: What `/company` answers.
            clock: Gives the present moment of the account, aware.
        """
        super().__init__()
        self.company = company
        self.clock = clock
        self.switches = Switches()
        self.lock = threading.RLock()
        self.version = 0
        self._line_ids = itertools.count(53_000_001)

    @property
    def now(self) -> dt.datetime:
        """The present moment of the account."""
        return self.clock()

    @property
    def stamp(self) -> str:
        """The present moment as rows carry it."""
        return stamp(self.now)

    def line(self, given: dict[str, Any]) -> LineItem:
        """A line of an invoice or estimate, with an id of its own where none is given."""
        return LineItem(**{"id": next(self._line_ids), "kind": "Service", **given})

    def add(self, name: str, **given: Any) -> Row:
        """Add a row; fields that are not given get believable values.

        Invoices take `time_entry_ids` and `expense_ids` besides their fields: what they bill.

        Raises:
            TypeError: The row has no such field.
        """
        with self.lock:
            self.version += 1
            table = self.named(name)
            time_entry_ids = given.pop("time_entry_ids", ())
            expense_ids = given.pop("expense_ids", ())
            self._check(table.kind, given)
            values = {
                "created_at": self.stamp,
                "updated_at": self.stamp,
                **defaults(self, name, given),
            }
            values = {**values, **self._converted(given)}
            row: Row = table.kind(**{"id": table.new_id(), **values})
            table.put(row)
            if consequence := getattr(self, f"_added_{name}", None):
                consequence(row)
            if time_entry_ids or expense_ids:
                self._bill(row, time_entry_ids, expense_ids)  # type: ignore[arg-type]  # Only an invoice has them.
            return row

    def change(self, name: str, row_id: int, **given: Any) -> Row:
        """Change fields of a row; `updated_at` moves unless it is given.

        Raises:
            KeyError: There is no such row.
            TypeError: The row has no such field.
        """
        with self.lock:
            self.version += 1
            table = self.named(name)
            row = table.by_id[row_id]
            self._check(table.kind, given)
            before = {field: getattr(row, field) for field in given}
            table.take(row_id)
            for field, value in {"updated_at": self.stamp, **self._converted(given)}.items():
                setattr(row, field, value)
            table.put(row)
            if consequence := getattr(self, f"_changed_{name}", None):
                consequence(row, before)
            if before.keys() & NAMED.get(name, set()):
                self._renamed(f"{name.removesuffix('s')}_id", row_id)
            return row

    def delete(self, name: str, row_id: int) -> None:
        """Delete a row and what goes with it.

        Raises:
            KeyError: There is no such row.
            ValueError: Harvest does not allow it, as other rows need this one.
        """
        with self.lock:
            self.version += 1
            table = self.named(name)
            row = table.by_id[row_id]
            if check := getattr(self, f"_check_{name}", None):
                check(row)
            table.take(row_id)
            if consequence := getattr(self, f"_deleted_{name}", None):
                consequence(row)

    def _check(self, kind: type[Row], given: dict[str, Any]) -> None:
        if unknown := given.keys() - set(kind.__struct_fields__):
            raise TypeError(
                f"{kind.__name__} has no {', '.join(sorted(unknown))}; "
                f"its fields are {', '.join(kind.__struct_fields__)}."
            )

    def _converted(self, given: dict[str, Any]) -> dict[str, Any]:
        lines = given.get("line_items")
        if lines is None:
            return given
        return {
            **given,
            "line_items": [
                line if isinstance(line, LineItem) else self.line(line) for line in lines
            ],
        }

    def _touch(self, rows: Iterable[Row], reason: Move) -> None:
        if reason in self.switches.moves:
            for row in rows:
                row.updated_at = self.stamp

    def _renamed(self, field: str, row_id: int) -> None:
        tables = (value for value in vars(self).values() if hasattr(value, "by_id"))
        self._touch(
            (
                row
                for table in tables
                if field in table.kind.__struct_fields__
                for row in table.by_id.values()
                if getattr(row, field) == row_id
            ),
            Move.RENAMED,
        )

    # Invoices, their payments and messages.

    def _added_invoices(self, row: Invoice) -> None:
        self._touch([self.clients.by_id[row.client_id]], Move.INVOICE_MADE)

    def _bill(
        self, invoice: Invoice, time_entry_ids: Iterable[int], expense_ids: Iterable[int]
    ) -> None:
        entries = [self.time_entries.by_id[row_id] for row_id in time_entry_ids]
        expenses = [self.expenses.by_id[row_id] for row_id in expense_ids]
        billed: list[TimeEntry | Expense] = [*entries, *expenses]
        for row in billed:
            row.invoice_id = invoice.id
        for entry in entries:
            entry.locked_reason = "Item Invoiced"
            line = {"quantity": entry.hours, "unit_price": entry.billable_rate or 0.0}
            invoice.line_items.append(self.line({**line, "project_id": entry.project_id}))
        for expense in expenses:
            expense.locked_reason = "Expense is invoiced."
            line = {"unit_price": expense.total_cost, "kind": "Product"}
            invoice.line_items.append(self.line({**line, "project_id": expense.project_id}))
        days = [row.spent_date for row in billed]
        invoice.period_start, invoice.period_end = min(days), max(days)
        self._touch(entries, Move.TIME_INVOICED)
        self._touch(expenses, Move.EXPENSE_INVOICED)

    def _deleted_invoices(self, row: Invoice) -> None:
        for payment in list(self.invoice_payments.of(invoice_id=row.id)):
            self.invoice_payments.take(payment.id)
        for message in list(self.invoice_messages.of(invoice_id=row.id)):
            self.invoice_messages.take(message.id)
        entries = [
            entry for entry in self.time_entries.by_id.values() if entry.invoice_id == row.id
        ]
        expenses = [
            expense for expense in self.expenses.by_id.values() if expense.invoice_id == row.id
        ]
        billed: list[TimeEntry | Expense] = [*entries, *expenses]
        for item in billed:
            item.invoice_id = None
            item.locked_reason = None
        self._touch(entries, Move.TIME_INVOICED)
        self._touch(expenses, Move.EXPENSE_INVOICED)

    def _settle(self, invoice: Invoice, paid: str | None) -> None:
        if due_amount(self, invoice) <= 0 and invoice.state == "open" and paid:
            invoice.state, invoice.paid_at, invoice.paid_date = "paid", paid, paid[:10]
        elif due_amount(self, invoice) > 0 and invoice.state == "paid":
            invoice.state, invoice.paid_at, invoice.paid_date = "open", None, None

    def _added_invoice_payments(self, row: InvoicePayment) -> None:
        invoice = self.invoices.by_id[row.invoice_id]
        self._settle(invoice, row.paid_at)
        self._touch([invoice], Move.PAYMENT_RECORDED)

    def _changed_invoice_payments(self, row: InvoicePayment, _: dict[str, Any]) -> None:
        self._added_invoice_payments(row)

    def _deleted_invoice_payments(self, row: InvoicePayment) -> None:
        invoice = self.invoices.by_id[row.invoice_id]
        self._settle(invoice, None)
        self._touch([invoice], Move.PAYMENT_DELETED)

    def _added_invoice_messages(self, row: InvoiceMessage) -> None:
        invoice = self.invoices.by_id[row.invoice_id]
        state = {"send": "open", "close": "closed", "draft": "draft", "re-open": "open"}.get(
            row.event_type or ""
        )
        if state:
            invoice.state = state
            invoice.sent_at = row.created_at if row.event_type == "send" else invoice.sent_at
            invoice.closed_at = row.created_at if state == "closed" else None
            self._touch([invoice], Move.INVOICE_SENT)
        elif row.reminder or row.thank_you:
            self._touch([invoice], Move.INVOICE_PLAIN_MESSAGE)
        elif Move.INVOICE_MAILED_AGAIN in self.switches.moves:
            invoice.sent_at = row.created_at
            self._touch([invoice], Move.INVOICE_MAILED_AGAIN)

    def _deleted_invoice_messages(self, row: InvoiceMessage) -> None:
        self._touch([self.invoices.by_id[row.invoice_id]], Move.MESSAGE_DELETED)

    # Estimates and their messages.

    def _added_estimates(self, row: Estimate) -> None:
        self._touch([self.clients.by_id[row.client_id]], Move.ESTIMATE_MADE)

    def _deleted_estimates(self, row: Estimate) -> None:
        for message in list(self.estimate_messages.of(estimate_id=row.id)):
            self.estimate_messages.take(message.id)
        for invoice in self.invoices.by_id.values():
            if invoice.estimate_id == row.id:
                invoice.estimate_id = None

    def _added_estimate_messages(self, row: EstimateMessage) -> None:
        estimate = self.estimates.by_id[row.estimate_id]
        if row.event_type == "send":
            estimate.state, estimate.sent_at = "sent", row.created_at
        elif row.event_type == "accept":
            estimate.state, estimate.accepted_at = "accepted", row.created_at
        elif row.event_type == "decline":
            estimate.state, estimate.declined_at = "declined", row.created_at
        elif row.event_type == "re-open":
            estimate.state, estimate.accepted_at, estimate.declined_at = "sent", None, None
        if row.event_type:
            self._touch([estimate], Move.ESTIMATE_SENT)

    def _deleted_estimate_messages(self, row: EstimateMessage) -> None:
        self._touch([self.estimates.by_id[row.estimate_id]], Move.MESSAGE_DELETED)

    # Clients, projects, tasks and who works on what.

    def _check_clients(self, row: Row) -> None:
        bills = itertools.chain(self.invoices.by_id.values(), self.estimates.by_id.values())
        if self.projects.of(client_id=row.id) or any(bill.client_id == row.id for bill in bills):
            raise ValueError(
                f"Client {row.id} has projects, invoices or estimates; delete those first."
            )

    def _deleted_clients(self, row: Row) -> None:
        for contact in list(self.contacts.of(client_id=row.id)):
            self.contacts.take(contact.id)

    def _deleted_projects(self, row: Row) -> None:
        for table in (
            self.time_entries,
            self.expenses,
            self.project_user_assignments,
            self.project_task_assignments,
        ):
            gone = [item.id for item in table.by_id.values() if item.project_id == row.id]  # type: ignore[attr-defined]  # Each of the four has it.
            for row_id in gone:
                table.take(row_id)
        for invoice in self.invoices.by_id.values():
            for line in invoice.line_items:
                if line.project_id == row.id:
                    line.project_id = None

    def _check_tasks(self, row: Row) -> None:
        if any(entry.task_id == row.id for entry in self.time_entries.by_id.values()):
            raise ValueError(f"Task {row.id} has tracked time; archive it instead.")

    def _deleted_tasks(self, row: Row) -> None:
        for assignment in list(self.project_task_assignments.of(task_id=row.id)):
            self.project_task_assignments.take(assignment.id)

    def _check_project_user_assignments(self, row: Any) -> None:
        rows = itertools.chain(self.time_entries.by_id.values(), self.expenses.by_id.values())
        if any((item.project_id, item.user_id) == (row.project_id, row.user_id) for item in rows):
            raise ValueError(f"Assignment {row.id} has time or expenses; archive it instead.")

    def _changed_project_user_assignments(self, row: Any, before: dict[str, Any]) -> None:
        if "budget" in before:
            self._touch([self.projects.by_id[row.project_id]], Move.ASSIGNMENT_BUDGET)

    def _check_project_task_assignments(self, row: Any) -> None:
        rows = self.time_entries.by_id.values()
        if any((item.project_id, item.task_id) == (row.project_id, row.task_id) for item in rows):
            raise ValueError(f"Assignment {row.id} has tracked time; archive it instead.")

    def assign(self, row: TimeEntry | Expense) -> None:
        """See that the person, and the task if there is one, are assigned to the row's project."""
        where = {"project_id": row.project_id, "user_id": row.user_id}
        if not self.project_user_assignments.of(**where):
            self.add("project_user_assignments", **where)
        where = {"project_id": row.project_id, "task_id": getattr(row, "task_id", 0)}
        if where["task_id"] and not self.project_task_assignments.of(**where):
            self.add("project_task_assignments", **where)

    def _added_time_entries(self, row: TimeEntry) -> None:
        self.assign(row)

    def _changed_time_entries(self, row: TimeEntry, before: dict[str, Any]) -> None:
        if (
            before.get("timer_started_at")
            and row.timer_started_at is None
            and "hours" not in before
        ):
            ran = self.now - parsed(before["timer_started_at"])
            row.hours = round(row.hours + ran.total_seconds() / 3600, 2)
        self.assign(row)

    def _added_expenses(self, row: Expense) -> None:
        self.assign(row)

    def _changed_expenses(self, row: Expense, _: dict[str, Any]) -> None:
        self.assign(row)

    # Categories.

    def _check_expense_categories(self, row: Row) -> None:
        if any(item.expense_category_id == row.id for item in self.expenses.by_id.values()):
            raise ValueError(f"Expense category {row.id} has expenses; archive it instead.")

    def _check_invoice_item_categories(self, row: Any) -> None:
        if row.use_as_service or row.use_as_expense:
            raise ValueError(
                f"Invoice item category {row.id} is in use; clear its use_as flags first."
            )

    # People.

    def _check_users(self, row: Row) -> None:
        rows = itertools.chain(self.time_entries.by_id.values(), self.expenses.by_id.values())
        bills = itertools.chain(self.invoices.by_id.values(), self.estimates.by_id.values())
        if any(item.user_id == row.id for item in rows) or any(
            bill.creator_id == row.id for bill in bills
        ):
            raise ValueError(f"User {row.id} has time, expenses or bills; archive them instead.")

    def _deleted_users(self, row: Row) -> None:
        for table in (self.user_billable_rates, self.user_cost_rates):
            for rate in list(table.of(user_id=row.id)):
                table.take(rate.id)
        for assignment in list(self.project_user_assignments.of(user_id=row.id)):
            self.project_user_assignments.take(assignment.id)
        for role in self.roles.by_id.values():
            if row.id in role.user_ids:
                role.user_ids.remove(row.id)
                self._touch([role], Move.ROLE_MEMBERS_ROLE)
        for user in self.users.by_id.values():
            if row.id in user.teammate_ids:
                user.teammate_ids.remove(row.id)

    def _changed_users(self, row: Row, before: dict[str, Any]) -> None:
        if before.keys() & {"first_name", "last_name"}:
            self._renamed("user_id", row.id)

    def _added_roles(self, row: Role) -> None:
        self._touch((self.users.by_id[user] for user in row.user_ids), Move.ROLE_MEMBERS_USER)

    def _changed_roles(self, row: Role, before: dict[str, Any]) -> None:
        if "user_ids" in before:
            moved = set(row.user_ids) ^ set(before["user_ids"])
            self._touch((self.users.by_id[user] for user in moved), Move.ROLE_MEMBERS_USER)

    def _deleted_roles(self, row: Role) -> None:
        self._added_roles(row)

    def _added_user_billable_rates(self, row: Rate) -> None:
        self._replace_rates("user_billable_rates", row)

    def _added_user_cost_rates(self, row: Rate) -> None:
        self._replace_rates("user_cost_rates", row)

    def _replace_rates(self, name: str, row: Rate) -> None:
        table = self.named(name)
        for rate in list(table.of(user_id=row.user_id)):
            if rate.id != row.id and (rate.start_date or "") >= (row.start_date or ""):
                table.take(rate.id)
        self._touch([self.users.by_id[row.user_id]], Move.RATE_ADDED)
