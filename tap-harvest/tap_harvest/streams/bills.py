"""The fields that invoices and estimates share: taxes, lines, messages and recipients."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_harvest.fields import boolean, decimal, key, records, string, text_key, timestamp
from tap_harvest.reading.kinds import ExplodedStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Record

TAXES = (
    decimal("tax", "First tax in percent."),
    decimal("tax_amount", "First tax in money."),
    decimal("tax2", "Second tax in percent."),
    decimal("tax2_amount", "Second tax in money."),
    decimal("discount", "Discount in percent."),
    decimal("discount_amount", "Discount in money."),
)
LINE = (
    string("kind", "Name of the line's category."),
    string("description", "Text of the line."),
    decimal("quantity", "How many units."),
    decimal("unit_price", "Price of one unit."),
    decimal("amount", "Price of the line."),
    boolean("taxed", "Whether the first tax is added."),
    boolean("taxed2", "Whether the second tax is added."),
)
MESSAGE = (
    key("id", "Id of the message."),
    string("sent_by", "Name of the person who made it."),
    string("sent_by_email", "E-mail address of the person who made it."),
    string("sent_from", "Name of the sender on the mail."),
    string("sent_from_email", "E-mail address of the sender on the mail."),
)
COPY = boolean("send_me_a_copy", "Whether who made it gets a copy.")
MESSAGE_TIMES = (
    timestamp("created_at", "When the message was made."),
    timestamp("updated_at", "When the message last changed."),
)
RECIPIENTS = records(
    "recipients",
    "Who got it.",
    string("name", "Name of the recipient."),
    string("email", "E-mail address of the recipient."),
)
TEXT = (string("subject", "Subject of the mail."), string("body", "Text of the mail."))
RECIPIENT = (
    string("name", "Name of the recipient."),
    text_key("email", "E-mail address; empty where Harvest has none."),
    key("occurrence", "Counts an address within the message, from 1."),
    timestamp("updated_at", "When the message last changed."),
)


class MessageRecipients(ExplodedStream):
    """One record for each recipient of each message.

    A message can name a recipient without an address, and an address more than once. So the key
    has the address, empty where there is none, and counts how often the message named it so far.
    """

    member = "recipients"

    @override
    def explode(self, parent_id: int, updated_at: str | None, inside: Any) -> Iterator[Record]:
        named: Counter[str] = Counter()
        for recipient in super().explode(parent_id, updated_at, inside):
            email = recipient.get("email") or ""
            named[email] += 1
            yield {**recipient, "email": email, "occurrence": named[email]}
