"""The rows that the database refuses: finds them in a batch, with the reasons."""

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
    """Rows of the same key that this one replaces, in the order in which they came."""


class Refusal(NamedTuple):
    """A record that is not written, and why."""

    stream: str
    table: Table
    origin: Origin
    reason: str
    """What is wrong with it, without values."""


class RefusedRowError(DatabaseError):
    """The database refuses a row; those before it are written."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(
            f'{refusal.origin} of stream "{refusal.stream}" is refused by the database: '
            f"{refusal.reason}. Correct the tap or its schema, or set `invalid_records: "
            "quarantine` to go on without such records."
        )
        self.origin = refusal.origin


def write(
    writer: Writer,
    table: Table,
    stream: str,
    rows: Sequence[Row],
    refuse: Callable[[Refusal], None],
) -> None:
    """Write the rows of a batch that was refused, but for those that are refused alone.

    The batch is halved until they are found. Rows are written in the order in which they came, so
    that all those before a bad one are written when `refuse` is called.

    Args:
        writer: The writer of the batch.
        table: As `prepare` returned it.
        stream: Name of the stream.
        rows: No two with the same key.
        refuse: Called for each row that is refused alone; may raise to end the work.

    Raises:
        DatabaseError: If no row is to blame, as not even a batch without rows is accepted.
    """
    writer.write_nothing(table, stream)
    _write_apart(writer, table, stream, sorted(rows, key=lambda row: row.origin.ordinal), refuse)


def _write_apart(
    writer: Writer,
    table: Table,
    stream: str,
    rows: Sequence[Row],
    refuse: Callable[[Refusal], None],
) -> None:
    try:
        writer.write(
            table,
            [row.element for row in rows if not row.is_deleted],
            [row.element for row in rows if row.is_deleted],
            stream,
        )
    except RefusedDataError as error:
        if len(rows) == 1:
            for earlier in rows[0].earlier:
                _write_apart(writer, table, stream, [earlier], refuse)
            misfit = _misfit(writer, table, rows[0]) if error.is_of_value else ""
            reason = misfit + error.reason
            refuse(Refusal(stream, table, rows[0].origin, reason))
            return
        half = len(rows) // 2
        _write_apart(writer, table, stream, rows[:half], refuse)
        _write_apart(writer, table, stream, rows[half:], refuse)


def _misfit(writer: Writer, table: Table, row: Row) -> str:
    """Say which value the database cannot read, if that is what is wrong."""
    column = writer.find_misfit(table, row.element)
    if column is None:
        return ""
    value: Any = decode_exactly(row.element)
    for name in column.path:
        if isinstance(value, dict):
            value = value[name]
        elif isinstance(value, list) and name.isdecimal():
            value = value[int(name)]
        else:
            break  # It stands where an object with the column's value should.
    return f"{json_type(value)} at {column.source}, which is no {column.kind}: "
