"""The recipients of messages, which invoices and estimates have alike."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_harvest.fields import key, string, text_key, timestamp
from tap_harvest.reading.kinds import ExplodedStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Record

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
