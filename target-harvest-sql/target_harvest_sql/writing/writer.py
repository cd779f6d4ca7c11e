"""Writes batches over one connection, each in one transaction."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from target_harvest_sql.database import waits
from target_harvest_sql.database.errors import RefusedDataError

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator, Sequence

    from target_harvest_sql.columns import Column, Table
    from target_harvest_sql.database.connection import Connection, Execute
    from target_harvest_sql.dialects.base import Dialect


class Writer:
    """Writes batches.

    Args:
        connection: The connection that writes.
        logger: Gets a line at debug level for each batch.
    """

    def __init__(self, connection: Connection, logger: logging.Logger) -> None:
        self._connection = connection
        self._logger = logger

    def write(
        self, table: Table, elements: Sequence[bytes], deleted: Sequence[bytes], stream: str
    ) -> None:
        """Write a batch in one transaction: upsert if the table has a key, append if not.

        Args:
            table: As `Tables.prepare` returned it.
            elements: JSON objects, no two with the same key.
            deleted: JSON objects with other keys, whose rows are deleted.
            stream: Name of the stream, for errors.

        Raises:
            RefusedDataError: If a row of the batch is to blame. No row is written.
            DatabaseError: If the database refuses the batch for another reason.
        """

        def work(execute: Execute) -> None:
            self._execute_batch(execute, self._write_sql(table), elements)
            if deleted:
                self._execute_batch(execute, self._connection.dialect.delete_sql(table), deleted)

        records = len(elements) + len(deleted)
        started = time.perf_counter()
        self._connection.transact(
            f'write {records} records of stream "{stream}" to table "{table.name}"',
            work,
            is_repeatable=bool(table.keys),
            limit_seconds=waits.ANSWER_SECONDS,
        )
        seconds = time.perf_counter() - started
        self._logger.debug(
            "Wrote batch: stream=%s records=%d seconds=%.2f", stream, records, seconds
        )

    def write_nothing(self, table: Table, stream: str) -> None:
        """Write a batch without rows.

        Raises:
            DatabaseError: If the database refuses the empty batch.
        """
        self._connection.transact(
            f'write to table "{table.name}" of stream "{stream}"',
            lambda execute: self._execute_part(execute, self._write_sql(table), ()),
            limit_seconds=waits.ANSWER_SECONDS,
        )

    def find_misfit(self, table: Table, element: bytes) -> Column | None:
        """Find the column whose value the database cannot read; `None` if it can read all."""
        columns = list(table.columns)
        if self._can_read(columns, element):
            return None
        while len(columns) > 1:
            half = columns[: len(columns) // 2]
            columns = columns[len(half) :] if self._can_read(half, element) else half
        return columns[0]

    def _can_read(self, columns: Sequence[Column], element: bytes) -> bool:
        statements = [self._connection.dialect.rows_sql(columns)]
        try:
            self._connection.transact(
                "read a record",
                lambda execute: self._execute_part(execute, statements, [element]),
                limit_seconds=waits.ANSWER_SECONDS,
            )
        except RefusedDataError:
            return False
        return True

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _write_sql(self, table: Table) -> list[str]:
        dialect = self._connection.dialect
        return dialect.upsert_sql(table) if table.keys else dialect.append_sql(table)

    def _execute_batch(
        self, execute: Execute, statements: Sequence[str], elements: Sequence[bytes]
    ) -> None:
        for part in self._parts(elements):
            self._execute_part(execute, statements, part)

    def _execute_part(
        self, execute: Execute, statements: Sequence[str], part: Sequence[bytes]
    ) -> None:
        with self._connection.carry(_joined(part, self._connection.dialect)) as carried:
            for statement in statements:
                execute(statement, {"batch": carried})

    def _parts(self, elements: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
        """Split a batch into parts of the size that one statement takes."""
        start = size = 0
        limit_bytes = self._connection.statement_bytes
        limit_rows = self._connection.dialect.statement_rows
        for end, element in enumerate(elements):
            size += len(element) + 1
            if end > start and (size > limit_bytes or end - start == limit_rows):
                yield elements[start:end]
                start, size = end, len(element) + 1
        if elements:
            yield elements[start:]


def _joined(elements: Sequence[bytes], dialect: Dialect) -> bytes:
    """The JSON of a batch. Its bytes are copied only once."""
    if not elements:
        return dialect.batch_start + dialect.batch_end
    framed = [*elements]
    framed[0] = dialect.batch_start + framed[0]
    framed[-1] += dialect.batch_end
    return dialect.batch_separator.join(framed)
