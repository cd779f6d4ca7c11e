"""Rows as the API shows them: one function per object, keys in the order of the API docs."""

from __future__ import annotations

import datetime as dt
import math
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import msgspec

from harvest_sandbox.clock import parsed
from harvest_sandbox.money import Totals, cents, exact, line_amount, total, totals

if TYPE_CHECKING:
    from collections.abc import Callable

    from harvest_sandbox.account import Account
    from harvest_sandbox.tables import (
        Bill,
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
        Message,
        Project,
        Rate,
        Role,
        Row,
        Task,
        TaskAssignment,
        TimeEntry,
        User,
        UserAssignment,
    )

Record = dict[str, Any]


def _stamps(row: Row) -> Record:
    return {"created_at": row.created_at, "updated_at": row.updated_at}


def full_name(user: User) -> str:
    """First and last name, as references show it."""
    return f"{user.first_name} {user.last_name}" if user.last_name else user.first_name


def _client_reference(account: Account, client_id: int) -> Record:
    client = account.clients.by_id[client_id]
    return {"id": client.id, "name": client.name}


def _priced_client(account: Account, client_id: int) -> Record:
    client = account.clients.by_id[client_id]
    return {"id": client.id, "name": client.name, "currency": client.currency}


def _project_reference(account: Account, project_id: int) -> Record:
    project = account.projects.by_id[project_id]
    return {"id": project.id, "name": project.name, "code": project.code}


def _task_reference(account: Account, task_id: int) -> Record:
    task = account.tasks.by_id[task_id]
    return {"id": task.id, "name": task.name}


def _user_reference(account: Account, user_id: int) -> Record:
    user = account.users.by_id[user_id]
    return {"id": user.id, "name": full_name(user)}


def _invoice_reference(account: Account, invoice_id: int | None) -> Record | None:
    if invoice_id is None:
        return None
    return {"id": invoice_id, "number": account.invoices.by_id[invoice_id].number}


def _client(_: Account, row: Client) -> Record:
    return {
        "id": row.id,
        "name": row.name,
        "is_active": row.is_active,
        "address": row.address,
        "statement_key": row.statement_key,
        **_stamps(row),
        "currency": row.currency,
    }


def _contact(account: Account, row: Contact) -> Record:
    return {
        "id": row.id,
        "title": row.title,
        "first_name": row.first_name,
        "last_name": row.last_name,
        "email": row.email,
        "phone_office": row.phone_office,
        "phone_mobile": row.phone_mobile,
        "fax": row.fax,
        "invoice_recipient_status": row.invoice_recipient_status,
        **_stamps(row),
        "client": _client_reference(account, row.client_id),
    }


def _line(line: LineItem) -> Record:
    return {
        "id": line.id,
        "kind": line.kind,
        "description": line.description,
        "quantity": line.quantity,
        "unit_price": line.unit_price,
        "amount": line_amount(line),
        "taxed": line.taxed,
        "taxed2": line.taxed2,
    }


def _amounts(row: Bill, sums: Totals) -> Record:
    return {
        "tax": row.tax,
        "tax_amount": sums.tax_amount,
        "tax2": row.tax2,
        "tax2_amount": sums.tax2_amount,
        "discount": row.discount,
        "discount_amount": sums.discount_amount,
    }


def due_amount(account: Account, row: Invoice) -> float:
    """What payments leave of the total, in the invoice's currency."""
    return _due(account, row, totals(row))


def _due(account: Account, row: Invoice, sums: Totals) -> float:
    paid = exact(
        total(payment.amount for payment in account.invoice_payments.of(invoice_id=row.id))
    )
    return cents(exact(sums.amount) - paid)


def _invoice(account: Account, row: Invoice) -> Record:
    sums = totals(row)
    return {
        "id": row.id,
        "client_key": row.client_key,
        "number": row.number,
        "purchase_order": row.purchase_order,
        "amount": sums.amount,
        "due_amount": _due(account, row, sums),
        **_amounts(row, sums),
        "subject": row.subject,
        "notes": row.notes,
        "state": row.state,
        "period_start": row.period_start,
        "period_end": row.period_end,
        "issue_date": row.issue_date,
        "due_date": row.due_date,
        "payment_term": row.payment_term,
        "sent_at": row.sent_at,
        "paid_at": row.paid_at,
        "closed_at": row.closed_at,
        "recurring_invoice_id": row.recurring_invoice_id,
        **_stamps(row),
        "paid_date": row.paid_date,
        "currency": row.currency,
        "payment_options": row.payment_options,
        "client": _client_reference(account, row.client_id),
        "estimate": row.estimate_id and {"id": row.estimate_id},
        "retainer": row.retainer_id and {"id": row.retainer_id},
        "creator": _user_reference(account, row.creator_id),
        "line_items": [
            {
                **_line(line),
                "project": line.project_id and _project_reference(account, line.project_id),
            }
            for line in row.line_items
        ],
    }


def _sender(row: Message) -> Record:
    return {
        "id": row.id,
        "sent_by": row.sent_by,
        "sent_by_email": row.sent_by_email,
        "sent_from": row.sent_from,
        "sent_from_email": row.sent_from_email,
    }


def _invoice_message(_: Account, row: InvoiceMessage) -> Record:
    return {
        **_sender(row),
        "include_link_to_client_invoice": row.include_link_to_client_invoice,
        "send_me_a_copy": row.send_me_a_copy,
        "thank_you": row.thank_you,
        "reminder": row.reminder,
        "send_reminder_on": row.send_reminder_on,
        **_stamps(row),
        "attach_pdf": row.attach_pdf,
        "event_type": row.event_type,
        "recipients": row.recipients,
        "subject": row.subject,
        "body": row.body,
    }


def _invoice_payment(_: Account, row: InvoicePayment) -> Record:
    return {
        "id": row.id,
        "amount": row.amount,
        "paid_at": row.paid_at,
        "recorded_by": row.recorded_by,
        "recorded_by_email": row.recorded_by_email,
        "notes": row.notes,
        "transaction_id": row.transaction_id,
        **_stamps(row),
        "paid_date": row.paid_date,
        "payment_gateway": {"id": row.payment_gateway_id, "name": row.payment_gateway_name},
    }


def _invoice_item_category(_: Account, row: InvoiceItemCategory) -> Record:
    return {
        "id": row.id,
        "name": row.name,
        "use_as_service": row.use_as_service,
        "use_as_expense": row.use_as_expense,
        **_stamps(row),
    }


def _estimate(account: Account, row: Estimate) -> Record:
    sums = totals(row)
    return {
        "id": row.id,
        "client_key": row.client_key,
        "number": row.number,
        "purchase_order": row.purchase_order,
        "amount": sums.amount,
        **_amounts(row, sums),
        "subject": row.subject,
        "notes": row.notes,
        "state": row.state,
        "issue_date": row.issue_date,
        "sent_at": row.sent_at,
        **_stamps(row),
        "accepted_at": row.accepted_at,
        "declined_at": row.declined_at,
        "currency": row.currency,
        "client": _client_reference(account, row.client_id),
        "creator": _user_reference(account, row.creator_id),
        "line_items": [_line(line) for line in row.line_items],
    }


def _estimate_message(_: Account, row: EstimateMessage) -> Record:
    return {
        **_sender(row),
        "send_me_a_copy": row.send_me_a_copy,
        **_stamps(row),
        "recipients": row.recipients,
        "event_type": row.event_type,
        "subject": row.subject,
        "body": row.body,
    }


def _estimate_item_category(_: Account, row: EstimateItemCategory) -> Record:
    return {"id": row.id, "name": row.name, **_stamps(row)}


def _expense(account: Account, row: Expense) -> Record:
    category = account.expense_categories.by_id[row.expense_category_id]
    return {
        "id": row.id,
        "spent_date": row.spent_date,
        "notes": row.notes,
        "total_cost": row.total_cost,
        "units": row.units,
        "billable": row.billable,
        "receipt": row.receipt,
        "approval_status": row.approval_status,
        "is_closed": row.approval_status == "approved",
        "is_locked": row.locked_reason is not None,
        "is_explicitly_locked": row.is_explicitly_locked,
        "is_billed": row.invoice_id is not None,
        "locked_reason": row.locked_reason,
        "reimbursement": row.reimbursement,
        **_stamps(row),
        "user": _user_reference(account, row.user_id),
        "client": _priced_client(account, account.projects.by_id[row.project_id].client_id),
        "project": _project_reference(account, row.project_id),
        "expense_category": {
            "id": category.id,
            "name": category.name,
            "unit_price": category.unit_price,
            "unit_name": category.unit_name,
        },
        "user_assignment": _assigned_user(
            account.project_user_assignments.of(project_id=row.project_id, user_id=row.user_id)[0]
        ),
        "invoice": _invoice_reference(account, row.invoice_id),
    }


def _expense_category(_: Account, row: ExpenseCategory) -> Record:
    return {
        "id": row.id,
        "name": row.name,
        "unit_name": row.unit_name,
        "unit_price": row.unit_price,
        "is_active": row.is_active,
        **_stamps(row),
    }


def _task(_: Account, row: Task) -> Record:
    return {
        "id": row.id,
        "name": row.name,
        "billable_by_default": row.billable_by_default,
        "default_hourly_rate": row.default_hourly_rate,
        "is_default": row.is_default,
        "is_active": row.is_active,
        **_stamps(row),
    }


def hours_of_timer(banked: float, started: dt.datetime, now: dt.datetime) -> float:
    """Decimal hours banked and run since the start of a timer."""
    return round(banked + max((now - started).total_seconds(), 0) / 3600, 2)


def hours(account: Account, row: TimeEntry) -> float:
    """Decimal hours of an entry at the account's present moment, with those of a running timer."""
    if row.timer_started_at is None:
        return row.hours
    return hours_of_timer(row.hours, parsed(row.timer_started_at), account.now)


def rounded(value: float) -> float:
    """Hours after the account's rounding rule: up to the next quarter of an hour."""
    return math.ceil(value * 4) / 4


@cache
def _time_of_day(minute: int | None, clock: str) -> str | None:
    if minute is None:
        return None
    hour, minute = divmod(minute, 60)
    if clock == "24h":
        return f"{hour:02}:{minute:02}"
    return f"{(hour - 1) % 12 + 1}:{minute:02}{'am' if hour < 12 else 'pm'}"


def _work(account: Account, row: TimeEntry) -> dict[str, msgspec.Raw]:
    """What entries of one person on one task of one project share: encoded, kept between edits."""
    key = (row.user_id, row.project_id, row.task_id)
    if key not in account.kept_work:
        place = {"project_id": row.project_id}
        people = account.project_user_assignments.of(**place, user_id=row.user_id)
        jobs = account.project_task_assignments.of(**place, task_id=row.task_id)
        shared = {
            "user": _user_reference(account, row.user_id),
            "client": _priced_client(account, account.projects.by_id[row.project_id].client_id),
            "project": _project_reference(account, row.project_id),
            "task": _task_reference(account, row.task_id),
            "user_assignment": _assigned_user(people[0]),
            "task_assignment": _assigned_task(jobs[0]),
        }
        account.kept_work[key] = {
            name: msgspec.Raw(msgspec.json.encode(value)) for name, value in shared.items()
        }
    return account.kept_work[key]


def _time_entry(account: Account, row: TimeEntry) -> Record:
    worked = hours(account, row)
    clock = account.company["clock"]
    return {
        "id": row.id,
        "spent_date": row.spent_date,
        "hours": worked,
        "hours_without_timer": row.hours,
        "rounded_hours": rounded(worked),
        "notes": row.notes,
        "is_locked": row.locked_reason is not None,
        "is_explicitly_locked": row.is_explicitly_locked,
        "locked_reason": row.locked_reason,
        "approval_status": row.approval_status,
        "is_closed": row.approval_status == "approved",
        "is_billed": row.invoice_id is not None,
        "timer_started_at": row.timer_started_at,
        "started_time": _time_of_day(row.started_minute, clock),
        "ended_time": _time_of_day(row.ended_minute, clock),
        "is_running": row.timer_started_at is not None,
        "billable": row.billable,
        "budgeted": row.budgeted,
        "billable_rate": row.billable_rate,
        "cost_rate": row.cost_rate,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        **_work(account, row),
        "invoice": _invoice_reference(account, row.invoice_id),
        "external_reference": row.external_reference,
    }


def project_budget(account: Account, row: Project) -> float | None:
    """Budget in hours; of a project that is budgeted per person or task, the sum of theirs."""
    if row.budget_by == "person":
        return total(
            assignment.budget
            for assignment in account.project_user_assignments.of(project_id=row.id)
        )
    if row.budget_by == "task":
        return total(
            assignment.budget
            for assignment in account.project_task_assignments.of(project_id=row.id)
        )
    return row.budget


def project_cost_budget(account: Account, row: Project) -> float | None:
    """Budget in money; of a project whose tasks have fees, the sum of theirs."""
    if row.budget_by == "task_fees":
        return total(
            assignment.budget
            for assignment in account.project_task_assignments.of(project_id=row.id)
        )
    return row.cost_budget


def _project(account: Account, row: Project) -> Record:
    return {
        "id": row.id,
        "name": row.name,
        "code": row.code,
        "is_active": row.is_active,
        "is_billable": row.is_billable,
        "is_fixed_fee": row.is_fixed_fee,
        "bill_by": row.bill_by,
        "budget": project_budget(account, row),
        "budget_by": row.budget_by,
        "budget_is_monthly": row.budget_is_monthly,
        "notify_when_over_budget": row.notify_when_over_budget,
        "over_budget_notification_percentage": row.over_budget_notification_percentage,
        "show_budget_to_all": row.show_budget_to_all,
        **_stamps(row),
        "starts_on": row.starts_on,
        "ends_on": row.ends_on,
        "over_budget_notification_date": row.over_budget_notification_date,
        "currency": account.clients.by_id[row.client_id].currency,
        "notes": row.notes,
        "cost_budget": project_cost_budget(account, row),
        "cost_budget_include_expenses": row.cost_budget_include_expenses,
        "hourly_rate": row.hourly_rate,
        "fee": row.fee,
        "client": _priced_client(account, row.client_id),
    }


def _assigned_user(row: UserAssignment) -> Record:
    return {
        "id": row.id,
        "is_project_manager": row.is_project_manager,
        "is_active": row.is_active,
        "use_default_rates": row.use_default_rates,
        "budget": row.budget,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "hourly_rate": row.hourly_rate,
    }


def _user_assignment(account: Account, row: UserAssignment) -> Record:
    return {
        **_assigned_user(row),
        "project": _project_reference(account, row.project_id),
        "user": _user_reference(account, row.user_id),
    }


def _assigned_task(row: TaskAssignment) -> Record:
    return {
        "id": row.id,
        "billable": row.billable,
        "is_active": row.is_active,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "hourly_rate": row.hourly_rate,
        "budget": row.budget,
    }


def _task_assignment(account: Account, row: TaskAssignment) -> Record:
    return {
        **_assigned_task(row),
        "project": _project_reference(account, row.project_id),
        "task": _task_reference(account, row.task_id),
    }


def _project_assignment(account: Account, row: UserAssignment) -> Record:
    project = account.projects.by_id[row.project_id]
    return {
        **_assigned_user(row),
        "project": {**_project_reference(account, project.id), "is_billable": project.is_billable},
        "client": _priced_client(account, project.client_id),
        "task_assignments": [
            {**_assigned_task(assignment), "task": _task_reference(account, assignment.task_id)}
            for assignment in account.project_task_assignments.of(project_id=project.id)
        ],
    }


def _role(_: Account, row: Role) -> Record:
    return {"id": row.id, "name": row.name, **_stamps(row), "user_ids": row.user_ids}


CLAIMS: Final = {
    "administrator": (
        "timers:read:all",
        "timers:write:all",
        "invoices:read:all",
        "users:write:all",
    ),
    "manager": ("timers:read:managed", "timers:write:managed", "users:read:managed"),
    "member": ("timers:read:own", "timers:write:own", "expenses:write:own"),
}


def rate_on(rates: list[Rate], day: str) -> float | None:
    """The amount that holds on a day (`YYYY-MM-DD`); None before the first rate."""
    begun = [rate for rate in rates if (rate.start_date or "") <= day]
    return max(begun, key=lambda rate: rate.start_date or "").amount if begun else None


def _user(account: Account, row: User) -> Record:
    today = account.now.date().isoformat()
    return {
        "id": row.id,
        "first_name": row.first_name,
        "last_name": row.last_name,
        "employee_id": row.employee_id,
        "email": row.email,
        "telephone": row.telephone,
        "timezone": row.timezone,
        "weekly_capacity": row.weekly_capacity,
        "has_access_to_all_future_projects": row.has_access_to_all_future_projects,
        "is_contractor": row.is_contractor,
        "is_active": row.is_active,
        "saml_exempt": row.saml_exempt,
        "calendar_integration_enabled": row.calendar_integration_enabled,
        "calendar_integration_source": row.calendar_integration_source,
        **_stamps(row),
        "can_create_projects": row.can_create_projects,
        "default_hourly_rate": rate_on(account.user_billable_rates.of(user_id=row.id), today),
        "cost_rate": rate_on(account.user_cost_rates.of(user_id=row.id), today),
        "roles": [role.name for role in account.roles.in_order() if row.id in role.user_ids],
        "access_roles": row.access_roles,
        "permissions_claims": CLAIMS[row.access_roles[0]],
        "avatar_url": row.avatar_url,
    }


def _rate(row: Rate, rates: list[Rate]) -> Record:
    begun = row.start_date or ""
    later = [rate.start_date for rate in rates if rate.start_date and rate.start_date > begun]
    last_day = dt.date.fromisoformat(min(later)) - dt.timedelta(days=1) if later else None
    return {
        "id": row.id,
        "amount": row.amount,
        "start_date": row.start_date,
        "end_date": last_day and last_day.isoformat(),
        **_stamps(row),
    }


def _billable_rate(account: Account, row: Rate) -> Record:
    return _rate(row, account.user_billable_rates.of(user_id=row.user_id))


def _cost_rate(account: Account, row: Rate) -> Record:
    return _rate(row, account.user_cost_rates.of(user_id=row.user_id))


def _teammate(_: Account, row: User) -> Record:
    return {
        "id": row.id,
        "first_name": row.first_name,
        "last_name": row.last_name,
        "email": row.email,
    }


RECORDS: Final[dict[str, Callable[[Account, Any], Record]]] = {
    "clients": _client,
    "contacts": _contact,
    "invoices": _invoice,
    "invoice_messages": _invoice_message,
    "invoice_payments": _invoice_payment,
    "invoice_item_categories": _invoice_item_category,
    "estimates": _estimate,
    "estimate_messages": _estimate_message,
    "estimate_item_categories": _estimate_item_category,
    "expenses": _expense,
    "expense_categories": _expense_category,
    "tasks": _task,
    "time_entries": _time_entry,
    "projects": _project,
    "project_user_assignments": _user_assignment,
    "project_task_assignments": _task_assignment,
    "roles": _role,
    "users": _user,
    "user_billable_rates": _billable_rate,
    "user_cost_rates": _cost_rate,
    "user_project_assignments": _project_assignment,
    "user_teammates": _teammate,
}
"""How the rows of each stream are shown."""
