"""DuckDB manual, "Python API": https://duckdb.org/docs/stable/clients/python/overview."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

import duckdb
from fsspec.implementations.memory import (  # type: ignore[import-untyped] # It has none.
    MemoryFileSystem,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy.engine import URL


class DuckDBDriver:
    """A connection to a DuckDB file."""

    errors: ClassVar = (duckdb.Error,)

    version: ClassVar = duckdb.__version__
    statement_bytes: ClassVar = 2**31

    def __init__(self, url: URL) -> None:
        self._connection = duckdb.connect(
            url.database or ":memory:", config={name: str(v) for name, v in url.query.items()}
        )
        # A batch is read as a file that never touches a disk.
        self._files = MemoryFileSystem()
        # Connections to one file are one instance, which all of them share.
        if not self._connection.filesystem_is_registered("memory"):
            self._connection.register_filesystem(self._files)
        self._batch_path = f"/target-harvest-sql-{uuid4().hex}.json"

    @classmethod
    def is_transient(cls, error: Exception) -> bool:  # noqa: ARG003 - none is.
        """Say no: nobody else writes to the file."""
        return False

    def execute(self, statement: str, parameters: Mapping[str, Any]) -> list[Any]:
        """Run a statement."""
        return self._connection.execute(statement, dict(parameters) or None).fetchall()

    @contextmanager
    def carry(self, batch: bytes) -> Iterator[str]:
        """Bind the address of a file in memory."""
        self._files.pipe_file(self._batch_path, batch)
        try:
            yield f"memory://{self._batch_path}"
        finally:
            self._files.rm_file(self._batch_path)

    def roll_back(self) -> None:
        """Roll back, unless the database did."""
        with suppress(duckdb.TransactionException):
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
