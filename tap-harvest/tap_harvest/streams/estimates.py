"""Estimates, their lines, and the categories of lines."""

from __future__ import annotations

from typing import ClassVar

from tap_harvest.fields import (
    date,
    decimal,
    fields,
    integer,
    key,
    records,
    reference,
    string,
    timestamp,
)
from tap_harvest.reading.kinds import ExplodedStream
from tap_harvest.reading.nested import NestedStream
from tap_harvest.reading.stream import HarvestStream
from tap_harvest.streams import bills


class Estimates(HarvestStream):
    """What clients are offered.

    Harvest API, "Estimates": https://help.getharvest.com/api-v2/estimates-api/estimates/estimates/
    """

    name = "estimates"
    path = "/estimates"
    module = "estimate_feature"
    is_fact = True
    filters: ClassVar = {
        "client_id": "integer",
        "from": "date",
        "to": "date",
        "state": "string",
    }
    schema = fields(
        key("id", "Id of the estimate."),
        string("client_key", "Secret part of the estimate's public page."),
        string("number", "Number of the estimate, a text."),
        string("purchase_order", "Number of the client's order."),
        decimal("amount", "Total with taxes and discount."),
        *bills.TAXES,
        string("subject", "Subject of the estimate."),
        string("notes", "Notes on the estimate."),
        string("state", "Whether it is draft, sent, accepted or declined."),
        date("issue_date", "Day of issue."),
        timestamp("sent_at", "When it was sent."),
        timestamp("created_at", "When the estimate was made."),
        timestamp("updated_at", "When the estimate last changed."),
        timestamp("accepted_at", "When the client accepted it."),
        timestamp("declined_at", "When the client declined it."),
        string("currency", "ISO 4217 code of the amounts."),
        reference("client", "Who gets it."),
        reference("creator", "Who made it."),
        records(
            "line_items",
            "The lines of the estimate.",
            integer("id", "Id of the line."),
            *bills.LINE,
        ),
    )


class EstimateLineItems(ExplodedStream):
    """The lines of estimates, one record each."""

    name = "estimate_line_items"
    parent_stream_type = Estimates
    member = "line_items"
    parent_key = "estimate_id"
    primary_keys: ClassVar = ("estimate_id", "id")
    schema = fields(
        key("estimate_id", "Id of the estimate."),
        key("id", "Id of the line."),
        *bills.LINE,
        timestamp("updated_at", "When the estimate last changed."),
    )


class EstimateMessages(NestedStream):
    """Mails about an estimate, and changes of its state.

    A message without a change of the state may not move its estimate. While that waits for an
    answer, such a message comes within `reconcile_days`, and after that within `sweep_days`.

    Harvest API, "Estimate Messages":
    https://help.getharvest.com/api-v2/estimates-api/estimates/estimate-messages/
    """

    name = "estimate_messages"
    path = "/estimates/{estimate_id}/messages"
    records_key = "estimate_messages"
    parent_stream_type = Estimates
    parent_key = "estimate_id"
    follows_parent = True
    open_state = "sent"
    module = "estimate_feature"
    is_fact = True
    schema = fields(
        integer("estimate_id", "Id of the estimate, added by the tap."),
        *bills.MESSAGE,
        bills.COPY,
        *bills.MESSAGE_TIMES,
        bills.RECIPIENTS,
        string("event_type", "What it did to the estimate; null for a mail."),
        *bills.TEXT,
    )


class EstimateMessageRecipients(bills.MessageRecipients):
    """Who got a message about an estimate: one record for each recipient."""

    name = "estimate_message_recipients"
    parent_stream_type = EstimateMessages
    parent_key = "estimate_message_id"
    primary_keys: ClassVar = ("estimate_message_id", "email", "occurrence")
    schema = fields(key("estimate_message_id", "Id of the message."), *bills.RECIPIENT)


class EstimateItemCategories(HarvestStream):
    """The kinds of lines that estimates have.

    Harvest API, "Estimate Item Categories":
    https://help.getharvest.com/api-v2/estimates-api/estimates/estimate-item-categories/
    """

    name = "estimate_item_categories"
    path = "/estimate_item_categories"
    schema = fields(
        key("id", "Id of the category."),
        string("name", "Name of the category; a line's kind is this name."),
        timestamp("created_at", "When the category was made."),
        timestamp("updated_at", "When the category last changed."),
    )
