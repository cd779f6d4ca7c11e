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
"""How long a locked file is waited for, unless the URL says `?timeout=`."""


OPTIONS: Final = {"timeout": options.seconds}
"""What may follow `?` in a URL."""

OF_A_ROW: Final = frozenset(
    {
        "SQLITE_CONSTRAINT",
        "SQLITE_ERROR",  # JSON that SQLite cannot read, among others.
        "SQLITE_MISMATCH",
        "SQLITE_TOOBIG",
    }
)
"""Codes of errors that may be the fault of a row; all others are of the file or the system.

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
            check_same_thread=False,  # It may be any thread's garbage collection that closes it.
        )
        self._connection.create_function("instant", 1, _instant, deterministic=True)
        self._connection.create_function("every_digit", 1, _every_digit, deterministic=True)

    @classmethod
    def fault(cls, error: Exception) -> Fault:
        """Tell an error by its primary code; none passes, as a locked file was waited for."""
        # SQLITE_CONSTRAINT_NOTNULL and others have their primary code in front.
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
        """Roll back, unless the database did."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def abort(self) -> None:
        """Do nothing: a file is not silent."""

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _every_digit(value: Any) -> Any:
    """Write a double with as many digits as tell it from others; SQLite's own text has 15."""
    return repr(value) if isinstance(value, float) else value


def _instant(text: str | None) -> str | None:
    """Write a date-time in UTC, so that texts are in the order of time; null if it is none."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    known = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return known.astimezone(UTC).isoformat(timespec="microseconds")
