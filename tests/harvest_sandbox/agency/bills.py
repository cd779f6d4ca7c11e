"""Estimates and invoices, their messages and payments; what is invoiced turns locked."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from harvest_sandbox import words
from harvest_sandbox.clock import stamp
from harvest_sandbox.money import cents, exact, totals
from harvest_sandbox.tables import (
    Estimate,
    EstimateMessage,
    Expense,
    Invoice,
    InvoiceMessage,
    InvoicePayment,
    LineItem,
    TimeEntry,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harvest_sandbox.agency.making import Making


def _bill(making: Making, client_id: int, index: int) -> dict[str, Any]:
    """What an invoice and an estimate have in common."""
    return {
        "client_id": client_id,
        "creator_id": next(iter(making.account.users.by_id)),
        "client_key": making.hexadecimal(),
        "currency": making.account.clients.by_id[client_id].currency,
        "purchase_order": ("", None, "PO-7")[index % 3],
        "tax": (None, 21.0, 8.25)[index % 3],
        "tax2": 1.5 if index % 9 == 1 else None,
        "discount": 10.0 if index % 5 == 1 else None,
        "subject": ("", "Work of the month", None)[index % 3],
        "notes": ("", None, "Thank you 🙏")[index % 3],
    }


def _lines(making: Making, index: int) -> list[LineItem]:
    """Lines that do not come from tracked time; every tenth bill has none."""
    return [
        making.account.line(
            kind=("Service", "Product")[turn % 2],
            description=("Concept", None, "", "Déjà vu “extra”")[(index + turn) % 4],
            quantity=(1.0, 2.5, 0.01, 12.0)[(index + turn) % 4],
            unit_price=(1_200.0, 99.95, 3.33, 0.125)[(index + 2 * turn) % 4],
            taxed=turn % 2 == 0,
            taxed2=index % 9 == 1,
        )
        for turn in range(0 if index % 10 == 9 else 1 + index % 3)
    ]


def _message(created: dt.datetime, event: str | None) -> dict[str, Any]:
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


def estimates(making: Making) -> None:
    """Estimates in every state, with the messages that brought them there."""
    account = making.account
    count = max(10, making.size // 200)
    clients = list(account.clients.by_id)
    rows, messages = [], []
    for index in range(count):
        made = _moment(making, index, count)
        state = ("draft", "sent", "accepted", "declined")[index % 4]
        sent = made + dt.timedelta(hours=1)
        answered = made + dt.timedelta(hours=30)
        row = Estimate(
            id=account.estimates.new_id(),
            created_at=stamp(made),
            updated_at=stamp({"draft": made, "sent": sent}.get(state, answered)),
            **_bill(making, clients[index % len(clients)], index),
            number=f"{1_001 + index}",
            line_items=_lines(making, index),
            state=state,
            issue_date=None if index == 0 else made.date().isoformat(),
            sent_at=None if state == "draft" else stamp(sent),
            accepted_at=stamp(answered) if state == "accepted" else None,
            declined_at=stamp(answered) if state == "declined" else None,
        )
        rows.append(row)
        # Who was sent one and has not answered gets a second, ordinary mail.
        events = {"draft": (), "sent": ("send", None), "accepted": ("send", "accept")}
        for event in events.get(state, ("send", "decline")):
            moment = sent if event == "send" else min(answered, making.now)
            content = _message(moment, event)
            if event in {"accept", "decline"}:
                content |= {"recipients": [], "subject": None, "body": None}
            messages.append(
                EstimateMessage(
                    id=account.estimate_messages.new_id(), estimate_id=row.id, **content
                )
            )
    account.estimates.fill(rows)
    account.estimate_messages.fill(messages)


def _moment(making: Making, index: int, count: int) -> dt.datetime:
    """When the bill at this place was made: one after another, the last a week ago."""
    end = making.now - dt.timedelta(days=7)
    return making.origin + (end - making.origin) * index / count


def invoices(making: Making) -> None:
    """Two of three invoices bill a month's work on a project, the others something else."""
    account = making.account
    count = max(12, making.size // 50)
    clients = list(account.clients.by_id)
    work = _months_of_work(making)
    step = max(1, len(work) // max(1, count * 2 // 3))
    months = iter(work[::step])
    rows = []
    for index in range(count):
        made = _moment(making, index, count)
        items = next(months, []) if index % 3 else []
        if items:
            last = dt.date.fromisoformat(max(item.spent_date for item in items))
            evening = dt.datetime.combine(last, dt.time(18), dt.UTC)
            made = max(made, evening + dt.timedelta(days=2))
        rows.append(_invoice(making, index, made, items, clients[index % len(clients)]))
    account.invoices.fill(rows)
    _settle(making, rows)


def _months_of_work(making: Making) -> list[list[TimeEntry | Expense]]:
    """What can be billed, by month and project, the oldest first; the last weeks stay open."""
    account = making.account
    until = (making.today - dt.timedelta(days=75)).isoformat()
    entries = [entry for entry in account.time_entries.by_id.values() if entry.hours > 0]
    tracked: list[TimeEntry | Expense] = [*entries, *account.expenses.by_id.values()]
    work: dict[tuple[str, int], list[TimeEntry | Expense]] = defaultdict(list)
    for item in tracked:
        if item.billable and item.spent_date < until:
            work[item.spent_date[:7], item.project_id].append(item)
    return [work[key] for key in sorted(work)]


def _invoice(
    making: Making,
    index: int,
    made: dt.datetime,
    items: Sequence[TimeEntry | Expense],
    client_id: int,
) -> Invoice:
    """An invoice, of tracked work where there is some; what it bills turns billed and locked."""
    account = making.account
    row_id = account.invoices.new_id()
    lines = _lines(making, index)
    if items:
        client_id = account.projects.by_id[items[0].project_id].client_id
        lines = [_billed(making, item, row_id, made) for item in items]
    state = ("paid", "open", "paid", "draft", "closed")[index % 5]
    sent = made + dt.timedelta(minutes=20)
    closed = made + dt.timedelta(days=5)
    changed = {"draft": made, "open": sent, "closed": closed}.get(state, sent)
    days = [item.spent_date for item in items]
    return Invoice(
        id=row_id,
        created_at=stamp(made),
        updated_at=stamp(changed),
        **_bill(making, client_id, index),
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
        estimate_id=_estimate(making, index),
        retainer_id=88_001 if index % 15 == 7 else None,
        payment_options=["ach", "credit_card"][: index % 3],
    )


def _estimate(making: Making, index: int) -> int | None:
    """The accepted estimate that an invoice was made from, if any."""
    accepted = [
        row.id
        for row in list(making.account.estimates.by_id.values())[:50]
        if row.state == "accepted"
    ]
    return accepted[index % len(accepted)] if index % 6 == 5 else None


def _billed(
    making: Making, item: TimeEntry | Expense, invoice_id: int, made: dt.datetime
) -> LineItem:
    """The line that bills an entry or expense."""
    item.invoice_id = invoice_id
    item.updated_at = max(item.updated_at, stamp(made))
    line: dict[str, Any] = {"project_id": item.project_id, "taxed": True}
    if isinstance(item, TimeEntry):
        item.locked_reason = "Item Invoiced and Locked for this Time Period"
        return making.account.line(
            **{**line, "quantity": item.hours, "unit_price": item.billable_rate}
        )
    item.locked_reason = "Expense is invoiced."
    return making.account.line(**{**line, "kind": "Product", "unit_price": item.total_cost})


def _settle(making: Making, rows: Sequence[Invoice]) -> None:
    """Mail the invoices and pay them: at once, in two parts, or in part."""
    account = making.account
    messages, payments = [], []
    for index, row in enumerate(rows):
        made = dt.datetime.fromisoformat(row.created_at)
        if row.sent_at:
            sent = dt.datetime.fromisoformat(row.sent_at)
            remind = (sent + dt.timedelta(days=30)).date().isoformat() if index % 4 == 1 else None
            messages.append(_mail(making, row, sent, "send", send_reminder_on=remind))
        if row.state == "open" and index % 2:
            reminded = min(made + dt.timedelta(days=3), making.now)
            messages.append(_mail(making, row, reminded, None, reminder=True))
        if row.state == "closed" and row.closed_at:
            messages.append(_mail(making, row, dt.datetime.fromisoformat(row.closed_at), "close"))
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
            # What would be paid after the account's present was paid early, each at its own time.
            wait = dt.timedelta(days=2 + turn + index % 4 * 30)
            paid = made + min(wait, (making.now - made) * 0.9)
            payments.append(_payment(making, row, part, paid, card=index % 4 == 0))
            row.updated_at = max(row.updated_at, stamp(paid))
        if row.state == "paid":
            row.paid_date = payments[-1].paid_date
            row.paid_at = payments[-1].paid_at
            thanks = dt.datetime.fromisoformat(payments[-1].created_at)
            messages.append(_mail(making, row, thanks, None, thank_you=True))
    account.invoice_messages.fill(messages)
    account.invoice_payments.fill(payments)


def _mail(
    making: Making, row: Invoice, moment: dt.datetime, event: str | None, **kind: Any
) -> InvoiceMessage:
    content = _message(moment, event)
    if event == "close":
        content |= {"recipients": [], "subject": None, "body": None}
    return InvoiceMessage(
        id=making.account.invoice_messages.new_id(), invoice_id=row.id, **content, **kind
    )


def _payment(
    making: Making, row: Invoice, amount: float, paid: dt.datetime, *, card: bool
) -> InvoicePayment:
    return InvoicePayment(
        id=making.account.invoice_payments.new_id(),
        created_at=stamp(paid),
        updated_at=stamp(paid),
        invoice_id=row.id,
        amount=amount,
        paid_at=f"{paid.date()}T00:00:00Z",
        paid_date=paid.date().isoformat(),
        recorded_by="Ada Alder",
        recorded_by_email="person.1@example.org",
        notes="" if card else "By bank",
        transaction_id=making.hexadecimal()[:16] if card else None,
        payment_gateway_id=31 if card else None,
        payment_gateway_name="Example Pay" if card else None,
    )
