"""Psycopg documentation: https://www.psycopg.org/psycopg3/docs/."""

from __future__ import annotations

import re
import socket
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format, TransactionStatus

from target_harvest_sql.drivers.base import Fault
from target_harvest_sql.drivers.options import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy.engine import URL

CONNECT_TIMEOUT_SECONDS = 30
"""How long to wait for a connection, unless the URL has `?connect_timeout=`."""

KEEPALIVES: Final = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,  # In milliseconds.
}
"""After which time a server that acknowledges nothing counts as lost, unless the URL has others.

PostgreSQL manual, "Database Connection Control Functions":
https://www.postgresql.org/docs/current/libpq-connect.html
"""

TRANSIENT: Final = (
    "08",  # The connection is lost.
    "25P03",  # idle_in_transaction_session_timeout
    "40",  # serialization_failure, deadlock_detected
    "53300",  # too_many_connections
    "55P03",  # lock_not_available
    "57014",  # query_canceled, also by statement_timeout
    "57P01",  # admin_shutdown
    "57P02",  # crash_shutdown
    "57P03",  # cannot_connect_now
    "57P05",  # idle_session_timeout
)
"""How the codes of errors begin that a retry may solve.

PostgreSQL manual, "Error Codes": https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

OF_A_VALUE: Final = ("22",)
"""How the codes of errors begin that a value may cause."""

OF_A_ROW: Final = (
    "21",  # cardinality_violation
    "23",  # A constraint.
    "44",  # with_check_option_violation
    "54",  # Too large for an index, or nested too deeply.
    "P0",  # What a trigger raises.
)
"""How the codes of errors begin that a row may cause."""

LOST: Final = "08006"
"""The code for a connection that was lost. psycopg gives no code then."""

CONNECTING: Final = (
    ('FATAL:  database "', "3D000"),
    ("FATAL:  no pg_hba.conf entry", "28000"),
    ("FATAL:  password authentication failed", "28P01"),
    ("FATAL:  permission denied for database", "42501"),
    ("FATAL:  remaining connection slots", "53300"),
    ('FATAL:  role "', "28000"),
    ("FATAL:  sorry, too many clients", "53300"),
    ("FATAL:  the database system is", "57P03"),
    ("FATAL:  too many connections", "53300"),
    ("fe_sendauth: no password supplied", "no-password"),
    ("no password supplied", "no-password"),
    ("Connection refused", "refused"),
    ("Network is unreachable", "refused"),
    ("No route to host", "refused"),
    ("No such file or directory", "refused"),
    ("received invalid response to SSL negotiation", "refused"),  # It is no PostgreSQL server.
    ("Connection timed out", "timeout"),
    ("connection timeout expired", "timeout"),
    ("could not receive data from server", LOST),
    ("could not send ", LOST),
    ("server closed the connection", LOST),
    ("root certificate file", "root-certificate"),
    ("server certificate for", "host-name"),
    ("SSL error", "tls"),
    ("certificate present, but not private key file", "tls"),
    ("could not create SSL context", "tls"),
    ("could not establish SSL connection", "tls"),
    ("could not get home directory to locate root certificate file", "tls"),
    ("could not get server's host name from server certificate", "tls"),
    ("could not initialize SSL engine", "tls"),
    ("could not load ", "tls"),
    ("could not read certificate file", "tls"),
    ("could not read private SSL key", "tls"),
    ("could not read root certificate file", "tls"),
    ("could not set SSL", "tls"),
    ("could not set maximum SSL", "tls"),
    ("could not set minimum SSL", "tls"),
    ("private key file", "tls"),
    ("server does not support SSL", "tls"),
    ("bad value for", "option"),
    ("could not match ", "option"),
    ("invalid ", "option"),
    ("missing ", "option"),
)
"""How messages begin while a connection is opened, and the code that each has here.

libpq gives no code then, as it keeps that of the server for itself. A name stands only behind these
words.
"""

_PLACE: Final = re.compile(
    r'(connection (failed|is bad): )?(connection to server (at|on socket) "[^"]*"'
    r"( \([^)]*\))?(, port \d+)? failed: )?"
)
"""What psycopg and libpq write before the message, with the address of the server."""

_UNRESOLVED: Final = re.compile(r"failed to resolve host '.*': \[Errno (-?\d+)\]")


class UnreachableError(psycopg.OperationalError):
    """A connection could not be opened.

    Args:
        message: The message of psycopg.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.code = _connection_code(message)
        """A code of `CONNECTING`; empty if the cause is unknown."""


def _connection_code(message: str) -> str:
    """Tell by the beginning of the message why a connection could not be opened."""
    if unresolved := _UNRESOLVED.match(message):
        # EAI_AGAIN alone means that the name server did not answer.
        return LOST if int(unresolved[1]) == socket.EAI_AGAIN else "unknown-host"
    told = message[_PLACE.match(message).end() :]  # type: ignore[union-attr] # It matches nothing too.
    return next((code for words, code in CONNECTING if told.startswith(words)), "")


class PostgresDriver:
    """A connection to a PostgreSQL server."""

    errors: ClassVar = (psycopg.Error,)
    statement_bytes: ClassVar = 2**28 - 1  # The size of the largest array in jsonb.

    def __init__(self, url: URL) -> None:
        options: dict[str, Any] = {
            "application_name": "target-harvest-sql",
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            **KEEPALIVES,
            **url.translate_connect_args(username="user", database="dbname"),
            # Several hosts, as libpq wants them: https://www.postgresql.org/docs/current/libpq-connect.html
            **_asked(url),
            "client_encoding": "utf8",
        }
        try:
            self._connection = psycopg.connect(
                **options,
                autocommit=True,  # `Connection` begins transactions by statements.
                prepare_threshold=None,  # A pooler may use another connection for each transaction.
            )
        except psycopg.Error as error:
            raise UnreachableError(str(error)) from error
        self._connection.adapters.register_dumper(_Batch, _BatchDumper)

    @cached_property
    def version(self) -> str:
        """The version of the server and, if the database has Citus, of Citus."""
        rows = self.execute("SELECT extversion FROM pg_extension WHERE extname = 'citus'", {})
        return ", Citus ".join([str(self._connection.info.server_version), *(v for (v,) in rows)])

    @classmethod
    def fault(cls, error: Exception) -> Fault:
        """Tell the cause by SQLSTATE, which a lost connection has not."""
        text = str(error)
        if isinstance(error, UnreachableError):
            code = error.code
        elif isinstance(error, psycopg.Error) and error.sqlstate:
            code, text = error.sqlstate, error.diag.message_primary or text
        else:
            code = LOST if isinstance(error, psycopg.OperationalError) else ""
        return Fault(code, _kind(code), text)

    def execute(self, statement: str, parameters: Mapping[str, Any]) -> list[Any]:
        """Run a statement."""
        cursor = self._connection.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []

    @contextmanager
    def carry(self, batch: bytes) -> Iterator[_Batch]:
        """Bind the batch as text, without a copy."""
        yield _Batch(batch)

    def roll_back(self) -> None:
        """Roll back, unless the server has done so."""
        if self._connection.info.transaction_status != TransactionStatus.IDLE:
            self._connection.execute("ROLLBACK")

    def abort(self) -> None:
        """Shut the socket down under a call that waits."""
        with suppress(OSError, psycopg.Error):
            number = self._connection.pgconn.socket
            with socket.fromfd(number, socket.AF_INET, socket.SOCK_STREAM) as copy:
                copy.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _asked(url: URL) -> dict[str, str]:
    """Read the options of a URL. libpq takes several hosts as one list."""
    names = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    if unknown := url.query.keys() - names:
        raise OptionError(f"libpq has no option {', '.join(sorted(unknown))}")
    return {name: v if isinstance(v, str) else ",".join(v) for name, v in url.query.items()}


def _kind(code: str) -> Literal["transient", "value", "row", "server"]:
    if code.startswith(TRANSIENT):
        return "transient"
    if code.startswith(OF_A_VALUE):
        return "value"
    return "row" if code.startswith(OF_A_ROW) else "server"


class _Batch:
    """The bytes of a batch."""

    def __init__(self, text: bytes) -> None:
        self.text = text


class _BatchDumper(Dumper):
    """Sends the bytes of a batch unchanged."""

    format = Format.TEXT

    def dump(self, obj: _Batch) -> bytes:
        """Return the bytes."""
        return obj.text
