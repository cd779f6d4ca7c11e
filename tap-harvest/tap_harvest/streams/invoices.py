"""Invoices, their lines, and the categories of lines."""

from __future__ import annotations

from typing import ClassVar

from tap_harvest.fields import (
    boolean,
    date,
    decimal,
    fields,
    integer,
    key,
    record,
    records,
    reference,
    string,
    strings,
    timestamp,
)
from tap_harvest.reading.kinds import ExplodedStream
from tap_harvest.reading.nested import NestedStream
from tap_harvest.reading.stream import HarvestStream
from tap_harvest.streams import bills
from tap_harvest.streams.projects import CODE

LINE_PROJECT = reference("project", "The project that the line is for.", CODE)


class Invoices(HarvestStream):
    """What clients are asked to pay.

    Harvest API, "Invoices": https://help.getharvest.com/api-v2/invoices-api/invoices/invoices/
    """

    name = "invoices"
    path = "/invoices"
    module = "invoice_feature"
    is_fact = True
    filters: ClassVar = {
        "client_id": "integer",
        "project_id": "integer",
        "from": "date",
        "to": "date",
        "state": "string",
    }
    schema = fields(
        key("id", "Id of the invoice."),
        string("client_key", "Secret part of the invoice's public page."),
        string("number", "Number of the invoice, a text."),
        string("purchase_order", "Number of the client's order."),
        decimal("amount", "Total with taxes and discount."),
        decimal("due_amount", "What is still to be paid."),
        *bills.TAXES,
        string("subject", "Subject of the invoice."),
        string("notes", "Notes on the invoice."),
        string("state", "Whether it is draft, open, paid or closed."),
        date("period_start", "First day of the work billed."),
        date("period_end", "Last day of the work billed."),
        date("issue_date", "Day of issue."),
        date("due_date", "Day by which it is to be paid."),
        string("payment_term", "How long the client has to pay."),
        timestamp("sent_at", "When it was sent."),
        timestamp("paid_at", "When it was paid."),
        timestamp("closed_at", "When it was written off."),
        integer("recurring_invoice_id", "Id of the recurring invoice that made it."),
        timestamp("created_at", "When the invoice was made."),
        timestamp("updated_at", "When the invoice last changed."),
        date("paid_date", "Day on which it was paid."),
        string("currency", "ISO 4217 code of the amounts."),
        strings("payment_options", "How it can be paid online."),
        reference("client", "Who is to pay."),
        record("estimate", "The estimate behind it.", integer("id", "Id of the estimate.")),
        record("retainer", "The retainer it fills.", integer("id", "Id of the retainer.")),
        reference("creator", "Who made it."),
        records(
            "line_items",
            "The lines of the invoice.",
            integer("id", "Id of the line."),
            *bills.LINE,
            LINE_PROJECT,
        ),
    )


class InvoiceLineItems(ExplodedStream):
    """The lines of invoices, one record each."""

    name = "invoice_line_items"
    parent_stream_type = Invoices
    member = "line_items"
    parent_key = "invoice_id"
    primary_keys: ClassVar = ("invoice_id", "id")
    schema = fields(
        key("invoice_id", "Id of the invoice."),
        key("id", "Id of the line."),
        *bills.LINE,
        LINE_PROJECT,
        timestamp("updated_at", "When the invoice last changed."),
    )


class InvoiceMessages(NestedStream):
    """Mails about an invoice, reminders and thanks, and changes of its state.

    A message without a change of the state, such as a reminder or the note that the client viewed
    the invoice, may not move its invoice. While that is open, such a message comes within
    `reconcile_days`, and after that within `sweep_days`.

    Harvest API, "Invoice Messages":
    https://help.getharvest.com/api-v2/invoices-api/invoices/invoice-messages/
    """

    name = "invoice_messages"
    path = "/invoices/{invoice_id}/messages"
    records_key = "invoice_messages"
    parent_stream_type = Invoices
    parent_key = "invoice_id"
    follows_parent = True
    open_state = "open"
    module = "invoice_feature"
    is_fact = True
    schema = fields(
        integer("invoice_id", "Id of the invoice, added by the tap."),
        *bills.MESSAGE,
        boolean("include_link_to_client_invoice", "Whether online payment is offered."),
        bills.COPY,
        boolean("thank_you", "Whether it thanks for a payment."),
        boolean("reminder", "Whether it reminds of the payment."),
        date("send_reminder_on", "Day on which a reminder is to be mailed."),
        *bills.MESSAGE_TIMES,
        boolean("attach_pdf", "Whether the invoice was attached."),
        string("event_type", "What it did to the invoice; null for a mail."),
        bills.RECIPIENTS,
        *bills.TEXT,
    )


class InvoiceMessageRecipients(bills.MessageRecipients):
    """Who got a message about an invoice: one record for each recipient."""

    name = "invoice_message_recipients"
    parent_stream_type = InvoiceMessages
    parent_key = "invoice_message_id"
    primary_keys: ClassVar = ("invoice_message_id", "email", "occurrence")
    schema = fields(key("invoice_message_id", "Id of the message."), *bills.RECIPIENT)


class InvoicePayments(NestedStream):
    """Money that was received for an invoice.

    Harvest API, "Invoice Payments":
    https://help.getharvest.com/api-v2/invoices-api/invoices/invoice-payments/
    """

    name = "invoice_payments"
    path = "/invoices/{invoice_id}/payments"
    records_key = "invoice_payments"
    parent_stream_type = Invoices
    parent_key = "invoice_id"
    follows_parent = True
    module = "invoice_feature"
    is_fact = True
    schema = fields(
        integer("invoice_id", "Id of the invoice, added by the tap."),
        key("id", "Id of the payment."),
        decimal("amount", "Money received."),
        timestamp("paid_at", "When it was paid."),
        string("recorded_by", "Name of the person who recorded it."),
        string("recorded_by_email", "E-mail address of the person who recorded it."),
        string("notes", "Notes on the payment."),
        string("transaction_id", "Number that the payment service gave."),
        timestamp("created_at", "When the payment was recorded."),
        timestamp("updated_at", "When the payment last changed."),
        date("paid_date", "Day on which it was paid."),
        record(
            "payment_gateway",
            "The payment service; its members are null without one.",
            integer("id", "Id of the service."),
            string("name", "Name of the service."),
        ),
    )


class InvoiceItemCategories(HarvestStream):
    """The kinds of lines that invoices have.

    Harvest API, "Invoice Item Categories":
    https://help.getharvest.com/api-v2/invoices-api/invoices/invoice-item-categories/
    """

    name = "invoice_item_categories"
    path = "/invoice_item_categories"
    schema = fields(
        key("id", "Id of the category."),
        string("name", "Name of the category; a line's kind is this name."),
        boolean("use_as_service", "Whether billed hours get this category."),
        boolean("use_as_expense", "Whether billed expenses get this category."),
        timestamp("created_at", "When the category was made."),
        timestamp("updated_at", "When the category last changed."),
    )
