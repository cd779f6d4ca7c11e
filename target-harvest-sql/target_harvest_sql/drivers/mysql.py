"""PyMySQL documentation: https://pymysql.readthedocs.io."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pymysql

from target_harvest_sql.drivers import options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sqlalchemy.engine import URL

CONNECT_TIMEOUT_SECONDS = 30
"""How long a server is waited for, unless the URL says `?connect_timeout=`."""

STATEMENT_BYTES: Final = 2**17
"""What is left for a statement beside its batch."""

REFUSED_HERE: Final = -1
"""The code of what no server has seen."""

TOO_LONG: Final = 1153
"""The code of the server for a statement beyond max_allowed_packet."""


OPTIONS: Final[Mapping[str, Callable[[str], Any]]] = {
    "bind_address": str,
    "connect_timeout": options.whole_seconds(least=1),
    "read_default_file": str,
    "read_default_group": str,
    "read_timeout": options.whole_seconds(least=1),
    "ssl_ca": str,
    "ssl_cert": str,
    "ssl_disabled": options.truth,
    "ssl_key": str,
    "ssl_key_password": str,
    "ssl_verify_cert": options.truth,
    "ssl_verify_identity": options.truth,
    "unix_socket": str,
    "write_timeout": options.whole_seconds(least=1),
}
"""What may follow `?` in a URL: arguments of PyMySQL's connection."""

TRANSIENT: Final = frozenset(
    {
        0,  # PyMySQL: the connection is closed.
        1040,  # Too many connections.
        1053,  # The server shuts down.
        1152,  # The connection was aborted.
        1158,  # So it was by the network, this and the next three.
        1159,
        1160,
        1161,
        1203,  # Too many connections of the user.
        1205,  # A lock was waited for too long.
        1213,  # A deadlock.
        1927,  # The connection was killed.
        2006,  # PyMySQL: the server has gone away.
        2013,  # PyMySQL: the connection was lost.
        2014,  # PyMySQL: a packet came out of its order.
        4031,  # MySQL: the connection was idle for too long.
    }
)
"""Codes of errors that may be gone when the same is tried again. A server that was never reached is
not among them: its address or certificate is wrong.

MariaDB documentation, "MariaDB Error Code Reference":
https://mariadb.com/docs/server/reference/error-codes/mariadb-error-code-reference
"""

HARMLESS: Final = frozenset(
    {
        1007,  # The schema exists already.
        1050,  # The table exists already.
        1051,  # The table to drop is not there.
    }
)
"""Codes of warnings that statements with IF EXISTS give; every other one is an error."""

NAMES_ONLY: Final = frozenset(
    {REFUSED_HERE, 1044, 1045, 1049, 1054, 1142, 1146, 1264, 1265, 1406, 2003, 3819}
)
"""Codes of errors that quote names, but no value of a record."""


_PLACE: Final = r"""(?: for column [`'][^"]*[`'] at row \d+| for key ['][^']*['])"""
"""The end of a message that names a column or a key; a value cannot be at the very end."""


class ServerError(Exception):
    """What the server refused, or why it cannot be reached; without values of records.

    Args:
        code: The server's, or the driver's.
        message: As it came.
    """

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        told = message if code in NAMES_ONLY else _without_values(message)
        super().__init__(told.replace("'", "`"))


def _without_values(message: str) -> str:
    """Cut what is quoted, which may hold quotes of its own; but keep the name of a column."""
    found = re.fullmatch(f"(.*)({_PLACE})", message, re.DOTALL)
    told, where = found.groups() if found else (message, "")
    return re.sub(r"""['"].*""", "…", told, flags=re.DOTALL) + where


class MySQLDriver:
    """A connection to a MySQL or MariaDB server."""

    errors: ClassVar = (ServerError,)

    version: str
    statement_bytes: int

    def __init__(self, url: URL) -> None:
        with _server_errors():
            self._connection = pymysql.connect(
                **{
                    "connect_timeout": CONNECT_TIMEOUT_SECONDS,
                    **url.translate_connect_args(username="user"),
                    **options.read(url, OPTIONS),
                    # As bytes, since text would have to be Latin-1.
                    "password": (url.password or "").encode(),
                },
                autocommit=True,  # Transactions are begun by the connector.
                charset="utf8mb4",
                program_name="target-harvest-sql",
            )
        [(self.version, packet_bytes)] = self.execute("SELECT version(), @@max_allowed_packet", {})
        self._room_bytes = packet_bytes - STATEMENT_BYTES
        self.statement_bytes = self._room_bytes // 2  # Each quotation mark is written twice.

    @classmethod
    def is_transient(cls, error: Exception) -> bool:
        """Whether the same may succeed when it is tried again."""
        return isinstance(error, ServerError) and error.code in TRANSIENT

    def execute(self, statement: str, parameters: Mapping[str, Any]) -> list[Any]:
        """Run a statement; what is only a warning to the server is an error here."""
        with _server_errors(), self._connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            rows = list(cursor.fetchall())
            if cursor.warning_count:
                cursor.execute("SHOW WARNINGS")
                for _, code, message in cursor.fetchall():
                    if code not in HARMLESS:
                        raise ServerError(code, message)
            return rows

    @contextmanager
    def carry(self, batch: bytes) -> Iterator[str]:
        """Bind the batch as text.

        Raises:
            ServerError: If it is too long; the server would end the connection.
        """
        if len(batch) + batch.count(b"'") > self._room_bytes:
            raise ServerError(TOO_LONG, "A record is longer than max_allowed_packet of the server")
        yield batch.decode()

    def roll_back(self) -> None:
        """Roll back."""
        with _server_errors():
            self._connection.rollback()

    def close(self) -> None:
        """Close the connection."""
        if self._connection.open:
            self._connection.close()


@contextmanager
def _server_errors() -> Iterator[None]:
    try:
        yield
    except pymysql.Error as error:
        code, message = error.args if len(error.args) == 2 else (0, str(error))  # noqa: PLR2004
        raise ServerError(code, message) from error
    except (OSError, RuntimeError, ValueError) as error:
        # A certificate that cannot be read, or a sign-in that needs another package.
        raise ServerError(REFUSED_HERE, str(error)) from error
