"""DuckDB manual, "Python API": https://duckdb.org/docs/stable/clients/python/overview."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal
from uuid import uuid4

import duckdb
from fsspec.implementations.memory import (  # type: ignore[import-untyped] # It has none.
    MemoryFileSystem,
)

from target_harvest_sql.drivers import options
from target_harvest_sql.drivers.base import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy.engine import URL

CONFIGURATION: dict[str, Any] = {
    "threads": "1",  # A batch is one file, read by one thread; more only take memory.
    # What the log holds becomes a row group, which has up to 122,880 rows. Smaller ones are joined
    # later: that writes them again, and takes hundreds of megabytes for a moment.
    "checkpoint_threshold": "90MB",
    # Else a path such as md:name or https://… lets DuckDB fetch code from the network.
    "autoinstall_known_extensions": "false",
}
"""How a database is opened, unless the URL says otherwise.

DuckDB manual, "Configuration": https://duckdb.org/docs/stable/configuration/overview
"""


OF_A_VALUE: Final = (
    duckdb.ConversionException,
    duckdb.InvalidInputException,
    duckdb.OutOfRangeException,
    duckdb.TypeMismatchException,
)
"""Errors that may be the fault of a value."""

NO_EXTENSION: Final = (
    'IO Error: Extension "',
    "An error occurred while trying to automatically install the required extension ",
)
"""How the messages begin if an extension is missing. DuckDB has no code for that, and the classes
of these errors have other causes too. Paths of files stand behind the beginning."""

OBJECT_TOO_LARGE: Final = '"maximum_object_size" of '
"""How the message begins if a record is larger than DuckDB reads. DuckDB has no code for that. Its
class, `InvalidInputException`, has other causes too."""


class DuckDBDriver:
    """A connection to a DuckDB file."""

    errors: ClassVar = (duckdb.Error,)

    version: ClassVar = duckdb.__version__
    statement_bytes: ClassVar = 2**31

    def __init__(self, url: URL) -> None:
        asked = options.read(url, dict.fromkeys(url.query, str))  # DuckDB knows their names.
        try:
            self._connection = duckdb.connect(
                url.database or ":memory:", config=CONFIGURATION | asked
            )
        except duckdb.Error as error:
            if not str(error).startswith(NO_EXTENSION):
                raise
            raise options.OptionError(
                "it needs an extension of DuckDB that is not installed. Install it by DuckDB's "
                "INSTALL, or let DuckDB fetch it: `?autoinstall_known_extensions=true`"
            ) from error
        self._file = AnonymousFile() if AnonymousFile.exists else RegisteredFile(self._connection)

    @classmethod
    def fault(cls, error: Exception) -> Fault:
        """Tell an error by its class, as DuckDB has no codes.

        No error is transient: no other process writes to the file.
        """
        text = str(error).partition(": ")[2]  # What stands before it is the class in words.
        if isinstance(error, duckdb.ConstraintException) or text.startswith(OBJECT_TOO_LARGE):
            return Fault(type(error).__name__, "row", text)
        kind: Literal["value", "server"] = "value" if isinstance(error, OF_A_VALUE) else "server"
        return Fault(type(error).__name__, kind, text)

    def execute(self, statement: str, parameters: Mapping[str, Any]) -> list[Any]:
        """Run a statement."""
        [parsed] = self._connection.extract_statements(statement)
        named = {name: parameters[name] for name in parsed.named_parameters}
        return self._connection.execute(parsed, named or None).fetchall()

    @contextmanager
    def carry(self, batch: bytes) -> Iterator[str]:
        """Bind the path of a file in memory."""
        self._file.hold(batch)
        yield self._file.path

    def roll_back(self) -> None:
        """Roll back, unless the database did."""
        with suppress(duckdb.TransactionException):
            self._connection.execute("ROLLBACK")

    def abort(self) -> None:
        """Do nothing: a file is not silent."""

    def close(self) -> None:
        """Close the database."""
        self._connection.close()
        self._file.close()


class AnonymousFile:
    """A file in memory that Linux makes, and that DuckDB reads itself.

    Linux manual, "memfd_create": https://man7.org/linux/man-pages/man2/memfd_create.2.html
    """

    exists: ClassVar = sys.platform == "linux" and Path("/proc/self/fd").is_dir()

    def __init__(self) -> None:
        self._file = os.fdopen(os.memfd_create("batch"), "wb")
        self.path = f"/proc/self/fd/{self._file.fileno()}"

    def hold(self, content: bytes) -> None:
        """Put the content in place of what the file held; pages of memory are used again."""
        self._file.seek(0)
        self._file.write(content)
        self._file.truncate()
        self._file.flush()

    def close(self) -> None:
        """Give the memory back."""
        self._file.close()


class RegisteredFile:
    """A file in memory that DuckDB reads by asking Python: it waits for its turn each time."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._files = MemoryFileSystem()
        # Connections to one file are one instance, which all of them share.
        if not connection.filesystem_is_registered("memory"):
            connection.register_filesystem(self._files)
        self._name = f"/target-harvest-sql-{uuid4().hex}.json"
        self.path = f"memory://{self._name}"

    def hold(self, content: bytes) -> None:
        """Put the content in place of what the file held."""
        self._files.pipe_file(self._name, content)

    def close(self) -> None:
        """Give the memory back."""
        if self._files.exists(self._name):
            self._files.rm_file(self._name)
