"""Psycopg documentation: https://www.psycopg.org/psycopg3/docs/."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format, TransactionStatus

from target_harvest_sql.drivers.options import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy.engine import URL

CONNECT_TIMEOUT_SECONDS = 30
"""How long a server is waited for, unless the URL says `?connect_timeout=`."""

TRANSIENT = (
    "08",  # The connection is lost.
    "40001",  # serialization_failure
    "40P01",  # deadlock_detected
    "53300",  # too_many_connections
    "55P03",  # lock_not_available
    "57P01",  # admin_shutdown
    "57P02",  # crash_shutdown
    "57P03",  # cannot_connect_now
)
"""How the codes of errors begin that may be gone when the same is tried again.

PostgreSQL manual, "Error Codes": https://www.postgresql.org/docs/current/errcodes-appendix.html
"""


TRANSIENT_REFUSALS = ("too many clients", "connection slots", "the database system is")
"""What a server says that will accept a connection later."""


class PostgresDriver:
    """A connection to a PostgreSQL server."""

    errors: ClassVar = (psycopg.Error,)
    statement_bytes: ClassVar = 2**28 - 1  # The longest array in jsonb.

    def __init__(self, url: URL) -> None:
        options: dict[str, Any] = {
            "application_name": "target-harvest-sql",
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            **url.translate_connect_args(username="user", database="dbname"),
            # Several hosts, as libpq wants them: https://www.postgresql.org/docs/current/libpq-connect.html
            **_asked(url),
            "client_encoding": "utf8",
        }
        self._connection = psycopg.connect(
            **options,
            autocommit=True,  # Transactions are begun by the connector.
            prepare_threshold=None,  # A pooler may give each transaction another connection.
        )
        self.version = str(self._connection.info.server_version)
        self._connection.adapters.register_dumper(_Batch, _BatchDumper)

    @classmethod
    def is_transient(cls, error: Exception) -> bool:
        """Whether the same may succeed when it is tried again."""
        code: str | None = getattr(error, "sqlstate", None)
        if code is not None:
            return code.startswith(TRANSIENT)
        # Without a code, a connection was lost, or could not be opened.
        message = str(error)
        return isinstance(error, psycopg.OperationalError) and (
            not message.startswith("connection failed")
            or any(part in message for part in TRANSIENT_REFUSALS)
        )

    def execute(self, statement: str, parameters: Mapping[str, Any]) -> list[Any]:
        """Run a statement."""
        cursor = self._connection.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []

    @contextmanager
    def carry(self, batch: bytes) -> Iterator[_Batch]:
        """Bind the batch as text, without a copy."""
        yield _Batch(batch)

    def roll_back(self) -> None:
        """Roll back, unless the server did."""
        if self._connection.info.transaction_status != TransactionStatus.IDLE:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _asked(url: URL) -> dict[str, str]:
    """Read what follows `?`; libpq takes several hosts as one list."""
    names = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    if unknown := url.query.keys() - names:
        raise OptionError(f"libpq has no option {', '.join(sorted(unknown))}")
    return {name: v if isinstance(v, str) else ",".join(v) for name, v in url.query.items()}


class _Batch:
    """The bytes of a batch."""

    def __init__(self, text: bytes) -> None:
        self.text = text


class _BatchDumper(Dumper):
    """Sends a batch as it is."""

    format = Format.TEXT

    def dump(self, obj: _Batch) -> bytes:
        """Hand over the bytes."""
        return obj.text
