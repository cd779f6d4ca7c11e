"""The rows that the database refuses, and the search for them in a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from target_harvest_sql.database.errors import DatabaseError, RefusedDataError
from target_harvest_sql.records.raw import decode_exactly, json_type

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_harvest_sql.columns import Table
    from target_harvest_sql.records.blocks import Origin
    from target_harvest_sql.writing.writer import Writer


class Row(NamedTuple):
    """A row to write, or to delete."""

    origin: Origin
    element: bytes
    """A JSON object, as the database reads it."""
    is_deleted: bool
    earlier: Sequence[Row] = ()
    """Rows of the same key that this row replaces, in the order in which they came."""


class Refusal(NamedTuple):
    """A record that is not written, and why."""

    stream: str
    table: Table
    origin: Origin
    reason: str
    """What is wrong with the record, without values."""


class RefusedRowError(DatabaseError):
    """The database refuses a row. The rows before it are written."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(
            f'{refusal.origin} of stream "{refusal.stream}" is refused by the database: '
            f"{refusal.reason}. Correct the tap or its schema, or set `invalid_records: "
            "quarantine` to go on without such records."
        )
        self.origin = refusal.origin


class BadRowSearch:
    """Writes the rows of a batch that was refused, except those that are refused alone.

    The batch is halved until these rows are found. Rows are written in the order in which they
    came. So all rows before a bad one are written when `refuse` is called.

    Args:
        writer: The writer of the batch.
        table: The table, as `Tables.prepare` returned it.
        stream: Name of the stream.
        refuse: Called for each row that is refused alone. It may raise an error to end the work.
    """

    def __init__(
        self, writer: Writer, table: Table, stream: str, refuse: Callable[[Refusal], None]
    ) -> None:
        self._writer = writer
        self._table = table
        self._stream = stream
        self._refuse = refuse

    def write(self, rows: Sequence[Row]) -> None:
        """Write the rows.

        Args:
            rows: No two have the same key.

        Raises:
            DatabaseError: If no row is to blame: the database refuses a batch without rows as well.
        """
        self._writer.write_nothing(self._table, self._stream)
        self._write(sorted(rows, key=lambda row: row.origin.ordinal))

    def _write(self, rows: Sequence[Row]) -> None:
        try:
            self._writer.write(
                self._table,
                [row.element for row in rows if not row.is_deleted],
                [row.element for row in rows if row.is_deleted],
                self._stream,
            )
        except RefusedDataError as error:
            if len(rows) == 1:
                self._refuse_row(rows[0], error)
                return
            half = len(rows) // 2
            self._write(rows[:half])
            self._write(rows[half:])

    def _refuse_row(self, row: Row, error: RefusedDataError) -> None:
        """Refuse a row. The rows that it would have replaced are written in its place."""
        for earlier in row.earlier:
            self._write([earlier])
        misfit = self._misfit(row) if error.is_of_value else ""
        self._refuse(Refusal(self._stream, self._table, row.origin, misfit + error.reason))

    def _misfit(self, row: Row) -> str:
        """Say which value the database cannot read; empty if it can read all values."""
        column = self._writer.find_misfit(self._table, row.element)
        if column is None:
            return ""
        value: Any = decode_exactly(row.element)
        for name in column.path:
            if isinstance(value, dict):
                value = value[name]
            elif isinstance(value, list) and name.isdecimal():
                value = value[int(name)]
            else:
                break  # The value stands where an object that holds the column should be.
        return f"{json_type(value)} at {column.source}, which is no {column.kind}: "
