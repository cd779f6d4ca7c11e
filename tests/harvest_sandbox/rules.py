"""What an edit does to other rows, what goes with a deleted row, and what forbids deleting it.

Which edits move `updated_at` of another row is a matter of `Switches.moves`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from harvest_sandbox.clock import parsed
from harvest_sandbox.records import due_amount, hours_of_timer
from harvest_sandbox.switches import Move

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from harvest_sandbox.account import Account
    from harvest_sandbox.tables import (
        Client,
        Estimate,
        EstimateMessage,
        Expense,
        ExpenseCategory,
        Invoice,
        InvoiceItemCategory,
        InvoiceMessage,
        InvoicePayment,
        Project,
        Rate,
        Role,
        Row,
        Table,
        Task,
        TaskAssignment,
        TimeEntry,
        User,
        UserAssignment,
    )

Before = dict[str, Any]
"""The values that the changed fields had."""
Extra = dict[str, Any]
"""What was given besides the row's fields."""


def _move(account: Account, rows: Iterable[Row], reason: Move) -> None:
    if reason in account.switches.moves:
        for row in rows:
            row.updated_at = account.stamp


def _take_all(table: Table[Any], rows: Iterable[Row]) -> None:
    for row in list(rows):
        table.take(row.id)


def _tracked(account: Account) -> Iterator[TimeEntry | Expense]:
    yield from account.time_entries.by_id.values()
    yield from account.expenses.by_id.values()


def _bills(account: Account) -> Iterator[Invoice | Estimate]:
    yield from account.invoices.by_id.values()
    yield from account.estimates.by_id.values()


# Invoices, their payments and messages.


def _invoice_added(account: Account, row: Invoice, extra: Extra) -> None:
    _move(account, [account.clients.by_id[row.client_id]], Move.INVOICE_MADE)
    entries = [account.time_entries.by_id[key] for key in extra.get("time_entry_ids", ())]
    expenses = [account.expenses.by_id[key] for key in extra.get("expense_ids", ())]
    for entry in entries:
        entry.invoice_id, entry.locked_reason = row.id, "Item Invoiced"
        line = account.line(
            quantity=entry.hours,
            unit_price=entry.billable_rate or 0.0,
            project_id=entry.project_id,
        )
        row.line_items.append(line)
    for expense in expenses:
        expense.invoice_id, expense.locked_reason = row.id, "Expense is invoiced."
        line = account.line(
            kind="Product", unit_price=expense.total_cost, project_id=expense.project_id
        )
        row.line_items.append(line)
    billed: list[TimeEntry | Expense] = [*entries, *expenses]
    days = [item.spent_date for item in billed]
    if days:
        row.period_start, row.period_end = min(days), max(days)
    _move(account, entries, Move.TIME_INVOICED)
    _move(account, expenses, Move.EXPENSE_INVOICED)


def _invoice_deleted(account: Account, row: Invoice) -> None:
    _take_all(account.invoice_payments, account.invoice_payments.of(invoice_id=row.id))
    _take_all(account.invoice_messages, account.invoice_messages.of(invoice_id=row.id))
    entries = [item for item in account.time_entries.by_id.values() if item.invoice_id == row.id]
    expenses = [item for item in account.expenses.by_id.values() if item.invoice_id == row.id]
    billed: list[TimeEntry | Expense] = [*entries, *expenses]
    for item in billed:
        item.invoice_id = item.locked_reason = None
    _move(account, entries, Move.TIME_INVOICED)
    _move(account, expenses, Move.EXPENSE_INVOICED)


def _settle(account: Account, invoice: Invoice, paid_at: str | None) -> None:
    due = due_amount(account, invoice)
    if due <= 0 and invoice.state == "open" and paid_at:
        invoice.state, invoice.paid_at, invoice.paid_date = "paid", paid_at, paid_at[:10]
    elif due > 0 and invoice.state == "paid":
        invoice.state, invoice.paid_at, invoice.paid_date = "open", None, None


def _payment_recorded(account: Account, row: InvoicePayment, _: Extra | Before) -> None:
    invoice = account.invoices.by_id[row.invoice_id]
    _settle(account, invoice, row.paid_at)
    _move(account, [invoice], Move.PAYMENT_RECORDED)


def _payment_deleted(account: Account, row: InvoicePayment) -> None:
    invoice = account.invoices.by_id[row.invoice_id]
    _settle(account, invoice, None)
    _move(account, [invoice], Move.PAYMENT_DELETED)


STATE_AFTER: Final = {"send": "open", "close": "closed", "draft": "draft", "re-open": "open"}
"""The state of an invoice after a message of this event."""


def _invoice_message_added(account: Account, row: InvoiceMessage, _: Extra) -> None:
    invoice = account.invoices.by_id[row.invoice_id]
    if row.event_type in STATE_AFTER:
        invoice.state = STATE_AFTER[row.event_type]
        invoice.closed_at = row.created_at if row.event_type == "close" else None
        if row.event_type == "send":
            invoice.sent_at = row.created_at
        _move(account, [invoice], Move.INVOICE_SENT)
    elif row.reminder or row.thank_you or row.event_type == "view":
        _move(account, [invoice], Move.INVOICE_PLAIN_MESSAGE)
    elif Move.INVOICE_MAILED_AGAIN in account.switches.moves:
        invoice.sent_at = row.created_at
        _move(account, [invoice], Move.INVOICE_MAILED_AGAIN)


def _invoice_message_deleted(account: Account, row: InvoiceMessage) -> None:
    _move(account, [account.invoices.by_id[row.invoice_id]], Move.MESSAGE_DELETED)


# Estimates and their messages.


def _estimate_added(account: Account, row: Estimate, _: Extra) -> None:
    _move(account, [account.clients.by_id[row.client_id]], Move.ESTIMATE_MADE)


def _estimate_deleted(account: Account, row: Estimate) -> None:
    _take_all(account.estimate_messages, account.estimate_messages.of(estimate_id=row.id))
    for invoice in account.invoices.by_id.values():
        if invoice.estimate_id == row.id:
            invoice.estimate_id = None


def _estimate_message_added(account: Account, row: EstimateMessage, _: Extra) -> None:
    estimate = account.estimates.by_id[row.estimate_id]
    match row.event_type:
        case "send":
            estimate.state, estimate.sent_at = "sent", row.created_at
        case "accept":
            estimate.state, estimate.accepted_at = "accepted", row.created_at
        case "decline":
            estimate.state, estimate.declined_at = "declined", row.created_at
        case "re-open":
            estimate.state, estimate.accepted_at, estimate.declined_at = "sent", None, None
        case _:
            return
    _move(account, [estimate], Move.ESTIMATE_SENT)


def _estimate_message_deleted(account: Account, row: EstimateMessage) -> None:
    _move(account, [account.estimates.by_id[row.estimate_id]], Move.MESSAGE_DELETED)


# Clients, projects, tasks.


def _client_needed(account: Account, row: Client) -> str | None:
    if account.projects.of(client_id=row.id):
        return "it has projects"
    if any(bill.client_id == row.id for bill in _bills(account)):
        return "it has invoices or estimates"
    return None


def _client_deleted(account: Account, row: Client) -> None:
    _take_all(account.contacts, account.contacts.of(client_id=row.id))


def _client_changed(account: Account, row: Client, before: Before) -> None:
    if "name" in before:
        _move(account, account.contacts.of(client_id=row.id), Move.RENAMED)
        _move(account, account.projects.of(client_id=row.id), Move.RENAMED)
        _move(account, (bill for bill in _bills(account) if bill.client_id == row.id), Move.RENAMED)


def _project_changed(account: Account, row: Project, before: Before) -> None:
    if before.keys() & {"name", "code"}:
        tracked = (item for item in _tracked(account) if item.project_id == row.id)
        _move(account, tracked, Move.RENAMED)
        _move(account, account.project_user_assignments.of(project_id=row.id), Move.RENAMED)
        _move(account, account.project_task_assignments.of(project_id=row.id), Move.RENAMED)


def _project_deleted(account: Account, row: Project) -> None:
    tables: tuple[Table[Any], ...] = (
        account.time_entries,
        account.expenses,
        account.project_user_assignments,
        account.project_task_assignments,
    )
    for table in tables:
        _take_all(table, [item for item in table.by_id.values() if item.project_id == row.id])
    for invoice in account.invoices.by_id.values():
        for line in invoice.line_items:
            if line.project_id == row.id:
                line.project_id = None


def _task_needed(account: Account, row: Task) -> str | None:
    tracked = any(entry.task_id == row.id for entry in account.time_entries.by_id.values())
    return "time is tracked to it" if tracked else None


def _task_changed(account: Account, row: Task, before: Before) -> None:
    if "name" in before:
        tracked = (item for item in account.time_entries.by_id.values() if item.task_id == row.id)
        _move(account, tracked, Move.RENAMED)
        _move(account, account.project_task_assignments.of(task_id=row.id), Move.RENAMED)


def _task_deleted(account: Account, row: Task) -> None:
    assignments = account.project_task_assignments
    _take_all(assignments, assignments.of(task_id=row.id))


# Who works on what.


def _user_assignment_needed(account: Account, row: UserAssignment) -> str | None:
    place = (row.project_id, row.user_id)
    tracked = any((item.project_id, item.user_id) == place for item in _tracked(account))
    return "it has time or expenses" if tracked else None


def _user_assignment_changed(account: Account, row: UserAssignment, before: Before) -> None:
    if "budget" in before:
        _move(account, [account.projects.by_id[row.project_id]], Move.ASSIGNMENT_BUDGET)


def _task_assignment_needed(account: Account, row: TaskAssignment) -> str | None:
    place = (row.project_id, row.task_id)
    entries = account.time_entries.by_id.values()
    tracked = any((item.project_id, item.task_id) == place for item in entries)
    return "time is tracked to it" if tracked else None


def _assign_user(account: Account, row: TimeEntry | Expense) -> None:
    place = {"project_id": row.project_id, "user_id": row.user_id}
    if not account.project_user_assignments.of(**place):
        account.add("project_user_assignments", **place)


def _entry_added(account: Account, row: TimeEntry, _: Extra) -> None:
    _assign_user(account, row)
    place = {"project_id": row.project_id, "task_id": row.task_id}
    if not account.project_task_assignments.of(**place):
        account.add("project_task_assignments", **place)


def _entry_changed(account: Account, row: TimeEntry, before: Before) -> None:
    started = before.get("timer_started_at")
    if started and row.timer_started_at is None and "hours" not in before:
        row.hours = hours_of_timer(row.hours, parsed(started), account.now)
    _entry_added(account, row, {})


def _expense_edited(account: Account, row: Expense, _: Extra | Before) -> None:
    _assign_user(account, row)


# Categories.


def _expense_category_needed(account: Account, row: ExpenseCategory) -> str | None:
    expenses = account.expenses.by_id.values()
    return "it has expenses" if any(e.expense_category_id == row.id for e in expenses) else None


def _invoice_item_category_needed(_: Account, row: InvoiceItemCategory) -> str | None:
    return "a use_as flag is set" if row.use_as_service or row.use_as_expense else None


# People, their roles and rates.


def _user_needed(account: Account, row: User) -> str | None:
    if any(item.user_id == row.id for item in _tracked(account)):
        return "they have time or expenses"
    # Not a rule of Harvest: a bill without its creator could not be shown.
    return "they made bills" if any(b.creator_id == row.id for b in _bills(account)) else None


def _user_changed(account: Account, row: User, before: Before) -> None:
    if before.keys() & {"first_name", "last_name"}:
        _move(account, (i for i in _tracked(account) if i.user_id == row.id), Move.RENAMED)
        _move(account, (b for b in _bills(account) if b.creator_id == row.id), Move.RENAMED)
        _move(account, account.project_user_assignments.of(user_id=row.id), Move.RENAMED)


def _user_deleted(account: Account, row: User) -> None:
    _take_all(account.user_billable_rates, account.user_billable_rates.of(user_id=row.id))
    _take_all(account.user_cost_rates, account.user_cost_rates.of(user_id=row.id))
    assignments = account.project_user_assignments
    _take_all(assignments, assignments.of(user_id=row.id))
    for role in account.roles.by_id.values():
        if row.id in role.user_ids:
            role.user_ids.remove(row.id)
            _move(account, [role], Move.ROLE_MEMBERS_ROLE)
    for user in account.users.by_id.values():
        if row.id in user.teammate_ids:
            user.teammate_ids.remove(row.id)


def _role_changed(account: Account, row: Role, before: Before) -> None:
    if "user_ids" not in before:
        return
    if Move.ROLE_MEMBERS_ROLE not in account.switches.moves:
        row.updated_at = before["updated_at"]
    moved = set(row.user_ids) ^ set(before["user_ids"])
    _move(account, (account.users.by_id[key] for key in moved), Move.ROLE_MEMBERS_USER)


def _role_added(account: Account, row: Role, _: Extra) -> None:
    _role_deleted(account, row)


def _role_deleted(account: Account, row: Role) -> None:
    members = (account.users.by_id[key] for key in row.user_ids)
    _move(account, members, Move.ROLE_MEMBERS_USER)


def _billable_rate_added(account: Account, row: Rate, _: Extra) -> None:
    _replace_rates(account, account.user_billable_rates, row)


def _cost_rate_added(account: Account, row: Rate, _: Extra) -> None:
    _replace_rates(account, account.user_cost_rates, row)


def _replace_rates(account: Account, table: Table[Rate], row: Rate) -> None:
    """A new rate replaces those that begin with it or later."""
    begin = row.start_date or ""
    later = [rate for rate in table.of(user_id=row.user_id) if (rate.start_date or "") >= begin]
    _take_all(table, [rate for rate in later if rate is not row])
    _move(account, [account.users.by_id[row.user_id]], Move.RATE_ADDED)


ADDED: Final[dict[str, Callable[[Account, Any, Extra], None]]] = {
    "invoices": _invoice_added,
    "invoice_payments": _payment_recorded,
    "invoice_messages": _invoice_message_added,
    "estimates": _estimate_added,
    "estimate_messages": _estimate_message_added,
    "time_entries": _entry_added,
    "expenses": _expense_edited,
    "roles": _role_added,
    "user_billable_rates": _billable_rate_added,
    "user_cost_rates": _cost_rate_added,
}
"""What happens after a row of a table was added."""

CHANGED: Final[dict[str, Callable[[Account, Any, Before], None]]] = {
    "invoice_payments": _payment_recorded,
    "clients": _client_changed,
    "projects": _project_changed,
    "tasks": _task_changed,
    "project_user_assignments": _user_assignment_changed,
    "time_entries": _entry_changed,
    "expenses": _expense_edited,
    "users": _user_changed,
    "roles": _role_changed,
}
"""What happens after a row of a table was changed."""

DELETED: Final[dict[str, Callable[[Account, Any], None]]] = {
    "invoices": _invoice_deleted,
    "invoice_payments": _payment_deleted,
    "invoice_messages": _invoice_message_deleted,
    "estimates": _estimate_deleted,
    "estimate_messages": _estimate_message_deleted,
    "clients": _client_deleted,
    "projects": _project_deleted,
    "tasks": _task_deleted,
    "users": _user_deleted,
    "roles": _role_deleted,
}
"""What happens after a row of a table was deleted."""

NEEDED: Final[dict[str, Callable[[Account, Any], str | None]]] = {
    "clients": _client_needed,
    "tasks": _task_needed,
    "project_user_assignments": _user_assignment_needed,
    "project_task_assignments": _task_assignment_needed,
    "expense_categories": _expense_category_needed,
    "invoice_item_categories": _invoice_item_category_needed,
    "users": _user_needed,
}
"""Why a row cannot be deleted; None where it can."""
