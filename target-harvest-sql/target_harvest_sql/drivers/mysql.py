"""PyMySQL documentation: https://pymysql.readthedocs.io."""

from __future__ import annotations

import re
import socket
import ssl
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import pymysql

from target_harvest_sql.drivers import options
from target_harvest_sql.drivers.base import Fault
from target_harvest_sql.drivers.hosts import hosts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sqlalchemy.engine import URL

CONNECT_TIMEOUT_SECONDS = 30
"""How long to wait for a connection, unless the URL has `?connect_timeout=`."""

KEEPALIVES: Final = {
    "TCP_KEEPIDLE": 30,
    "TCP_KEEPINTVL": 10,
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": 60_000,  # In milliseconds.
}
"""After which time a server that acknowledges nothing counts as lost: options of the socket."""

STATEMENT_BYTES: Final = 2**17
"""How many bytes of a packet are kept for the statement around the batch."""

REFUSED_HERE: Final = -1
"""The code of a wrong option, which never reaches a server."""

NO_FILE: Final = -2
"""The code of a file of an option that cannot be read."""

NO_PACKAGE: Final = -3
"""The code of a sign-in that needs another Python package."""

TLS: Final = 2026
"""The code of PyMySQL for TLS that fails."""

NOT_READY: Final = 1047
"""The code of a Galera node that takes no statements, as it is not part of its cluster."""

ELSEWHERE: Final = frozenset({1040, NOT_READY, 1053, 1927, 2003, 2006, 2013})
"""Codes of errors after which the next host of a URL is tried: this host is down, or full."""

WSREP_SQL: Final = "SHOW STATUS WHERE Variable_name IN ('wsrep_cluster_size', 'wsrep_ready')"
"""Asks for the size of the cluster, which is 0 without one. A node that takes no other statements
answers this one.

MariaDB documentation, "Galera Cluster Status Variables":
https://mariadb.com/docs/galera-cluster/reference/galera-cluster-status-variables
"""

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
"""The options of a URL: arguments of PyMySQL's connection."""

TRANSIENT: Final = frozenset(
    {
        0,  # PyMySQL: the connection is closed.
        1020,  # MariaDB: another transaction changed the row.
        1040,  # Too many connections.
        NOT_READY,  # The node has lost its cluster.
        1053,  # The server shuts down.
        1152,  # The connection was aborted.
        1158,  # So it was by the network, this and the next three.
        1159,
        1160,
        1161,
        1203,  # Too many connections of the user.
        1205,  # A lock was waited for too long.
        1213,  # A deadlock.
        1317,  # The statement was killed.
        1684,  # A warning: the catalog was read without a table that another connection makes.
        1927,  # The connection was killed.
        1969,  # MariaDB: max_statement_time is exceeded.
        2006,  # PyMySQL: the server has gone away.
        2013,  # PyMySQL: the connection was lost.
        2014,  # PyMySQL: a packet came out of its order.
        3024,  # MySQL: max_execution_time is exceeded.
        4031,  # MySQL: the connection was idle for too long.
    }
)
"""Codes of errors that a retry may solve. A server that was never reached is not among them, since
its address or certificate is wrong.

MariaDB documentation, "MariaDB Error Code Reference":
https://mariadb.com/docs/server/reference/error-codes/mariadb-error-code-reference
"""

OF_A_ROW: Final = frozenset(
    {
        *(1048, 1364),  # Null where none may be.
        *(1062, 1557, 1569),  # A key that exists.
        *(1216, 1217, 1451, 1452, 1761, 1762),  # A foreign key.
        *(1264, 1265, 1292, 1366, 1367, 1406, 1411, 1416, 1441, 1690),  # A value of a column.
        *(1118, 1153, 1301),  # Longer than a page, or than max_allowed_packet.
        *(1369, 3819, 4025),  # A condition of a view or a constraint.
        1644,  # What a trigger raises.
        *(3140, 3141, 3143, 3156, 3157, 3158, 3665, 3666, 3667, 3903, 3904),  # JSON in MySQL.
        *(4036, 4037, 4038, 4039, 4040, 4042, 4043, 4044, 4178, 4179),  # JSON in MariaDB.
    }
)
"""Codes of errors that a row may cause. If a column is the cause, the message names it.

MySQL manual, "Server Error Message Reference":
https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
"""

WITH_INNER: Final = frozenset({3, 1005, 1025, 1026, 1030})
"""Codes of errors that hold a second code, of the storage engine or the operating system."""

_INNER: Final = re.compile(r"\((?:errno|Errcode): (\d+)\D*\)\Z|\AGot error (\d+)")
"""The second code. The server tells it only in the message: at the end, behind all names, or at the
beginning, before all names."""

HARMLESS: Final = frozenset(
    {
        139,  # The longest rows of a table would not fit.
        1007,  # The schema exists already.
        1050,  # The table exists already.
        1051,  # The table to drop is not there.
    }
)
"""Codes of warnings about tables and schemas. Every other warning is an error."""

NAMES_ONLY: Final = frozenset(
    {
        *(REFUSED_HERE, NO_FILE, NO_PACKAGE, TLS),
        *(1005, 1044, 1045, 1049, 1054, 1142, 1146, 1264, 1265, 1406, 2003, 3819, 4040, 4178),
    }
)
"""Codes of errors whose messages quote names, and no value of a record."""


_PLACE: Final = r"""(?: for column [`'][^"]*[`'] at row \d+| for key ['][^']*['])"""
"""The end of a message that names a column or a key. No message ends with a value."""


class ServerError(Exception):
    """The server refused something, or cannot be reached. The message has no values of records.

    Args:
        code: The code of the server or of the driver.
        message: The message of the server or of the driver.
    """

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        told = message.replace('"', "`") if code in NAMES_ONLY else _without_values(message)
        super().__init__(told.replace("'", "`"))


def _without_values(message: str) -> str:
    """Cut quoted text, which may hold quotes itself. The name of a column is kept."""
    found = re.fullmatch(f"(.*)({_PLACE})", message, re.DOTALL)
    told, where = found.groups() if found else (message, "")
    return re.sub(r"""['"].*""", "…", told, flags=re.DOTALL) + where


class MySQLDriver:
    """A connection to a MySQL or MariaDB server."""

    errors: ClassVar = (ServerError,)

    version: str
    statement_bytes: int

    def __init__(self, url: URL) -> None:
        known = url.difference_update_query(["host"])
        asked = {"connect_timeout": CONNECT_TIMEOUT_SECONDS, **options.read(known, OPTIONS)}
        read_timeout: int | None = asked.pop("read_timeout", None)
        arguments = {
            **url.translate_connect_args(username="user"),
            **asked,
            # PyMySQL encodes text as Latin-1.
            "password": (url.password or "").encode(),
            # A server may accept a connection and then never answer.
            "read_timeout": read_timeout or asked["connect_timeout"],
        }
        places = hosts(url)
        for number, (host, port) in enumerate(places, start=1):
            place = {"host": host, "port": port}
            try:
                self._connect(arguments | {k: v for k, v in place.items() if v is not None})
                break
            except ServerError as error:
                if number == len(places) or error.code not in ELSEWHERE:
                    raise
        vars(self._connection)["_read_timeout"] = read_timeout  # It was for connecting.
        _keep_alive(self._connection)

    def _connect(self, arguments: Mapping[str, Any]) -> None:
        """Connect to one server.

        Raises:
            ServerError: If it cannot be reached, or is not ready.
        """
        with _server_errors():
            self._connection = pymysql.connect(
                **arguments,
                autocommit=True,  # `Connection` begins transactions by statements.
                charset="utf8mb4",
                program_name="target-harvest-sql",
            )
        try:
            self._look_at_server()
        except BaseException:
            self.close()
            raise

    def _look_at_server(self) -> None:
        [(self.version, packet_bytes)] = self.execute("SELECT version(), @@max_allowed_packet", {})
        status = dict(self.execute(WSREP_SQL, {}))
        if int(status.get("wsrep_cluster_size", 0)):
            if status.get("wsrep_ready") != "ON":
                raise ServerError(NOT_READY, "The node is not part of its cluster at the moment")
            self.version += ", Galera"
        self._room_bytes = packet_bytes - STATEMENT_BYTES
        self.statement_bytes = self._room_bytes // 2  # Each quotation mark is written twice.

    @classmethod
    def fault(cls, error: Exception) -> Fault:
        """Tell the cause by the number of the error."""
        code = error.code if isinstance(error, ServerError) else REFUSED_HERE
        kind: Literal["transient", "row", "server"] = "server"
        if code in TRANSIENT:
            kind = "transient"
        elif code in OF_A_ROW:
            kind = "row"
        inner = _INNER.search(str(error)) if code in WITH_INNER else None
        return Fault(f"{code}/{inner[1] or inner[2]}" if inner else str(code), kind, str(error))

    def execute(self, statement: str, parameters: Mapping[str, Any]) -> list[Any]:
        """Run a statement. A warning of the server is an error."""
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
            ServerError: If the batch is too long. The server would close the connection.
        """
        if len(batch) + batch.count(b"'") > self._room_bytes:
            raise ServerError(TOO_LONG, "A record is longer than max_allowed_packet of the server")
        yield batch.decode()

    def roll_back(self) -> None:
        """Roll back."""
        with _server_errors():
            self._connection.rollback()

    def abort(self) -> None:
        """Shut the socket down under a call that waits."""
        with suppress(OSError):
            if connected := _socket(self._connection):
                connected.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        if self._connection.open:
            self._connection.close()


def _socket(connection: pymysql.Connection[Any]) -> socket.socket | None:
    """Get the socket, for which PyMySQL has no public name."""
    return getattr(connection, "_sock", None)


def _keep_alive(connection: pymysql.Connection[Any]) -> None:
    """Make the system notice a lost server, and keep the connection open in firewalls."""
    connected = _socket(connection)
    if connected is not None and connected.family in {socket.AF_INET, socket.AF_INET6}:
        for name, value in KEEPALIVES.items():
            if number := getattr(socket, name, None):  # Not every system has each option.
                connected.setsockopt(socket.IPPROTO_TCP, number, value)


@contextmanager
def _server_errors() -> Iterator[None]:
    try:
        yield
    except pymysql.Error as error:
        code, message = error.args if len(error.args) == 2 else (0, str(error))  # noqa: PLR2004
        if isinstance(getattr(error, "original_exception", None), ssl.SSLError):
            code = TLS
        raise ServerError(code, message) from error
    except OSError as error:
        code = TLS if isinstance(error, ssl.SSLError) else NO_FILE
        raise ServerError(code, str(error)) from error
    except RuntimeError as error:
        raise ServerError(NO_PACKAGE, str(error)) from error
    except ValueError as error:
        raise ServerError(REFUSED_HERE, str(error)) from error
