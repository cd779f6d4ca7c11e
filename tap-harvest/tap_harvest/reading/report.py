"""Declares reports that are read by windows of the calendar."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from tap_harvest.reading.list_read import Listing
from tap_harvest.reading.stream import HarvestStream, decode_record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from msgspec import Raw

NO_SUBJECT = 0
"""The id of a row for which Harvest names no subject, such as a deleted category."""


class Report(HarvestStream):
    """Sums by subject and currency, for one window of the calendar after the other.

    Edits of old entries change old figures. So the windows of the last `report_lookback_days` are
    read again. A subject that dropped out of a window is written once more, with zero figures.

    Attributes:
        subject: The field with the id of what is summed up.
        figures: The fields that are sums.
        options: The settings that change the figures. Query parameters have the same names.
    """

    records_key = "results"
    subject: ClassVar[str]
    figures: ClassVar[Sequence[str]]
    options: ClassVar[Sequence[str]] = ()
    replication_key = None
    is_history = True

    def key_of(self, row: Raw) -> tuple[int, str]:
        """The identity of a row in its window: the subject and the currency."""
        record = decode_record(row)
        return record.get(self.subject) or NO_SUBJECT, record.get("currency") or ""

    @override
    def identity(self, row: Raw) -> int:
        return hash(self.key_of(row))

    @override
    def listing(self, query: Mapping[str, str]) -> Listing:
        # Rows have no time of change, and their figures change while timers run.
        return Listing.CHANGED
