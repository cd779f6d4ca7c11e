"""The table of invalid records, with the reasons."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from singer_sdk.singerlib.json import serialize_json

from target_harvest_sql import columns as cols
from target_harvest_sql.database.tables import Tables
from target_harvest_sql.records.blocks import join
from target_harvest_sql.records.layout import ObjectLayout, as_lists
from target_harvest_sql.records.raw import clean
from target_harvest_sql.writing.writer import Writer

if TYPE_CHECKING:
    import logging

    from target_harvest_sql.database.connection import Connection
    from target_harvest_sql.records.layout import Layout
    from target_harvest_sql.writing.bad_rows import Refusal

TABLE = "_sdc_rejected"

COLUMNS: dict[str, tuple[cols.Kind, str]] = {
    "stream": ("string", "Name of the stream."),
    "line": ("integer", "Line of the target's input."),
    "reason": ("string", "Why the record was not written."),
    "record": ("string", "The record as the tap sent it, as JSON."),
    "rejected_at": ("date-time", "When the record was not written."),
}
"""Kinds and descriptions. A record is text, as JSON columns do not hold every JSON text."""


class QuarantineFullError(Exception):
    """More records are invalid than the settings allow."""


class Quarantine:
    """Writes invalid records to a table, in the schema of the table that they were sent for.

    Args:
        connection: A connection for the quarantine alone. The first invalid record opens it.
        logger: Gets a warning for each stream at the end.
        limit: How many records of this run the quarantine takes; `None` for any number.
    """

    def __init__(
        self, connection: Connection, logger: logging.Logger, limit: int | None = None
    ) -> None:
        self._limit = limit
        self.is_full = False
        """Whether more records came than the limit allows. Then no further state is printed."""
        self._connection = connection
        self._tables = Tables(connection, logger)
        self._writer = Writer(connection, logger)
        self._logger = logger
        self._waiting: deque[tuple[Refusal, datetime]] = deque()
        self._taken: defaultdict[str | None, list[tuple[str, bytes]]] = defaultdict(list)
        """Streams and records that are not written yet, by schema."""
        self._counts: Counter[str] = Counter()
        self._streams: set[str] = set()
        """The streams that have a record in the quarantine."""
        self._streams_kept: set[str] = set()
        """The streams whose rows of older versions stay."""
        self._prepared: dict[str | None, tuple[cols.Table, Layout]] = {}

    def has_any_of(self, stream: str) -> bool:
        """Whether this run has put a record of the stream into the quarantine."""
        return stream in self._streams

    def keep_old_versions(self, stream: str) -> None:
        """Note for the warning at the end that rows of older versions of a stream stay."""
        self._streams_kept.add(stream)

    def put(self, refusal: Refusal) -> None:
        """Take a record. Any thread may call this; `flush` writes the record."""
        self._streams.add(refusal.stream)
        self._waiting.append((refusal, datetime.now(UTC)))

    def flush(self) -> None:
        """Write the records that were taken.

        Raises:
            DatabaseError: If the database refuses the records. The next call tries again.
            QuarantineFullError: If there are more records than the limit. It is raised only once.
        """
        while self._waiting:
            refusal, at = self._waiting.popleft()
            self._taken[refusal.table.schema].append((refusal.stream, _record(refusal, at)))
        for schema, taken in [*self._taken.items()]:
            table, layout = self._prepare(schema)
            records = [record for _, record in taken]
            elements = layout.elements(layout.values(records, join(records)), b"")
            self._writer.write(table, elements, (), TABLE)
            self._counts.update(stream for stream, _ in taken)
            del self._taken[schema]
        if self._limit is not None and self._counts.total() > self._limit and not self.is_full:
            self.is_full = True
            streams = ", ".join(f"{name} ({count})" for name, count in self._counts.items())
            message = (
                f"More than {self._limit} records are invalid (`invalid_records_limit`), of "
                f"{streams}. They are in the table {TABLE}, with the reasons. Correct the tap or "
                "its schema, or raise the limit, and run again."
            )
            raise QuarantineFullError(message)

    def _prepare(self, schema: str | None) -> tuple[cols.Table, Layout]:
        """The table in a schema, and the layout of its rows. The first call creates the table."""
        if schema not in self._prepared:
            columns = [
                cols.Column(name, (name,), kind, name, description=description)
                for name, (kind, description) in COLUMNS.items()
            ]
            layout: Layout = ObjectLayout()
            if length := self._connection.open().list_length:
                columns, layout = as_lists(columns, length, has_metadata=False)
            table = cols.Table(TABLE, tuple(columns), schema, is_keyed=False)
            table = self._tables.prepare(table, TABLE, is_shared=True)
            self._prepared[schema] = table, layout
        return self._prepared[schema]

    def close(self) -> None:
        """Close the connection, and warn how many records of each stream were not written."""
        self._connection.close()
        for stream, count in self._counts.items():
            self._logger.warning(
                "Stream %s: %d records were not written. They are in the table %s, with the "
                "reasons. Correct the tap or its schema, and send them again.",
                stream,
                count,
                TABLE,
            )
        for stream in sorted(self._streams_kept):
            self._logger.warning(
                "Stream %s: no rows were removed or marked as deleted, as the rows of invalid "
                "records may be among them. The next run without invalid records does it.",
                stream,
            )
        self._counts.clear()
        self._streams_kept.clear()


def _record(refusal: Refusal, at: datetime) -> bytes:
    values = {
        "stream": refusal.stream,
        "line": refusal.origin.line,
        "reason": refusal.reason,
        "record": refusal.origin.record.decode(errors="replace"),
        "rejected_at": at.isoformat(),
    }
    return clean(serialize_json(values).encode(), keeps_nul=False)
