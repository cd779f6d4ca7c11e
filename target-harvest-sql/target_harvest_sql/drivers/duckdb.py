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
    "threads": "1",  # One thread reads a batch, as it is one file. More threads only take memory.
    # A checkpoint makes row groups of up to 122,880 rows from the log. Small row groups are merged
    # later, which writes them again and takes hundreds of megabytes.
    "checkpoint_threshold": "90MB",
    # Otherwise a path such as md:name or https://… makes DuckDB load code from the network.
    "autoinstall_known_extensions": "false",
}
"""The options of a database, unless the URL has others.

DuckDB manual, "Configuration": https://duckdb.org/docs/stable/configuration/overview
"""


OF_A_VALUE: Final = (
    duckdb.ConversionException,
    duckdb.InvalidInputException,
    duckdb.OutOfRangeException,
    duckdb.TypeMismatchException,
)
"""Classes of errors that a value may cause."""

NO_EXTENSION: Final = (
    'IO Error: Extension "',
    "An error occurred while trying to automatically install the required extension ",
)
"""How the messages begin if an extension is missing. DuckDB gives no code, and other errors have
the same classes. Paths of files stand only behind this beginning."""

OBJECT_TOO_LARGE: Final = '"maximum_object_size" of '
"""How the message begins if a record is larger than DuckDB reads. DuckDB gives no code, and other
errors have the same class, `InvalidInputException`."""


class DuckDBDriver:
    """A connection to a DuckDB file."""

    errors: ClassVar = (duckdb.Error,)

    version: ClassVar = duckdb.__version__
    statement_bytes: ClassVar = 2**31

    def __init__(self, url: URL) -> None:
        asked = options.read(url, dict.fromkeys(url.query, str))  # DuckDB checks the names.
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
        """Tell the cause by the class of the error, as DuckDB gives no codes.

        No error is transient, since no other process writes to the file.
        """
        text = str(error).partition(": ")[2]  # The class in words stands before the colon.
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
        """Roll back, unless DuckDB has done so."""
        with suppress(duckdb.TransactionException):
            self._connection.execute("ROLLBACK")

    def abort(self) -> None:
        """Do nothing, since a file answers at once."""

    def close(self) -> None:
        """Close the database."""
        self._connection.close()
        self._file.close()


class AnonymousFile:
    """A file in memory, made by Linux, that DuckDB reads without Python.

    Linux manual, "memfd_create": https://man7.org/linux/man-pages/man2/memfd_create.2.html
    """

    exists: ClassVar = sys.platform == "linux" and Path("/proc/self/fd").is_dir()

    def __init__(self) -> None:
        self._file = os.fdopen(os.memfd_create("batch"), "wb")
        self.path = f"/proc/self/fd/{self._file.fileno()}"

    def hold(self, content: bytes) -> None:
        """Replace the content of the file. The pages of memory are used again."""
        self._file.seek(0)
        self._file.write(content)
        self._file.truncate()
        self._file.flush()

    def close(self) -> None:
        """Free the memory."""
        self._file.close()


class RegisteredFile:
    """A file in memory that DuckDB reads through Python, so it waits for Python's lock."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._files = MemoryFileSystem()
        # All connections to one file share one instance.
        if not connection.filesystem_is_registered("memory"):
            connection.register_filesystem(self._files)
        self._name = f"/target-harvest-sql-{uuid4().hex}.json"
        self.path = f"memory://{self._name}"

    def hold(self, content: bytes) -> None:
        """Replace the content of the file."""
        self._files.pipe_file(self._name, content)

    def close(self) -> None:
        """Free the memory."""
        if self._files.exists(self._name):
            self._files.rm_file(self._name)
