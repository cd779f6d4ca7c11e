"""Python documentation, "sqlite3": https://docs.python.org/3/library/sqlite3.html."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

from target_harvest_sql.drivers import options
from target_harvest_sql.drivers.base import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy.engine import URL

BUSY_TIMEOUT_SECONDS = 30.0
"""How long a statement waits for a locked file, unless the URL has `?timeout=`."""


OPTIONS: Final = {"timeout": options.seconds}
"""The options of a URL."""

OF_A_ROW: Final = frozenset(
    {
        "SQLITE_CONSTRAINT",
        "SQLITE_ERROR",  # JSON that SQLite cannot read, among others.
        "SQLITE_MISMATCH",
        "SQLITE_TOOBIG",
    }
)
"""Codes of errors that a row may cause. All other errors are of the file or the system.

SQLite manual, "Result and Error Codes": https://www.sqlite.org/rescode.html
"""


class SQLiteDriver:
    """A connection to an SQLite file."""

    errors: ClassVar = (sqlite3.Error, sqlite3.Warning)

    version: ClassVar = sqlite3.sqlite_version
    statement_bytes: ClassVar = 1_000_000_000  # https://www.sqlite.org/limits.html

    def __init__(self, url: URL) -> None:
        self._connection = sqlite3.connect(
            url.database or ":memory:",
            timeout=options.read(url, OPTIONS).get("timeout", BUSY_TIMEOUT_SECONDS),
            isolation_level=None,  # `Connection` begins transactions by statements.
            check_same_thread=False,  # Garbage collection may close it in any thread.
        )
        self._connection.create_function("instant", 1, _instant, deterministic=True)
        self._connection.create_function("every_digit", 1, _every_digit, deterministic=True)

    @classmethod
    def fault(cls, error: Exception) -> Fault:
        """Tell the cause by the primary code. None is transient, since SQLite waits for a lock."""
        # An extended code, such as SQLITE_CONSTRAINT_NOTNULL, begins with the primary code.
        name = str(getattr(error, "sqlite_errorname", ""))
        code = "_".join(name.split("_")[:2])
        return Fault(code, "row" if code in OF_A_ROW else "server", str(error))

    def execute(self, statement: str, parameters: Mapping[str, Any]) -> list[Any]:
        """Run a statement."""
        return self._connection.execute(statement, parameters).fetchall()

    @contextmanager
    def carry(self, batch: bytes) -> Iterator[bytes]:
        """Bind the batch itself."""
        yield batch

    def roll_back(self) -> None:
        """Roll back, unless SQLite has done so."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def abort(self) -> None:
        """Do nothing, since a file answers at once."""

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _every_digit(value: Any) -> Any:
    """Write a double with all its digits. SQLite itself writes 15."""
    return repr(value) if isinstance(value, float) else value


def _instant(text: str | None) -> str | None:
    """Write a date-time in UTC, so that the order of texts is that of time; null for other text."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    known = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return known.astimezone(UTC).isoformat(timespec="microseconds")
