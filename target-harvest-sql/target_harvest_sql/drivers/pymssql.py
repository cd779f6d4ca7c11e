"""Documentation of pymssql, "pymssql module reference": https://pymssql.readthedocs.io/en/latest/ref/pymssql.html."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pymssql
from typing_extensions import override

from target_harvest_sql.drivers import options
from target_harvest_sql.drivers.mssql import CONNECT_TIMEOUT_SECONDS, MSSQLDriver, ServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy.engine import URL


OPTIONS: Final[Mapping[str, Callable[[str], Any]]] = {
    "appname": str,
    "encryption": options.one_of("default", "off", "request", "require"),
    "login_timeout": options.whole_seconds(least=1),
    "tds_version": options.one_of("7.0", "7.1", "7.2", "7.3", "7.4"),
    "timeout": options.whole_seconds(least=0),
}
"""The options of a URL."""


NEWS: Final = (5701, 5703)
"""Numbers of messages, and not errors, that a server sends while a connection is opened."""


class _Waiting(threading.local):
    """The socket on which the connection of this thread waited last."""

    number: int | None = None

    def note(self, number: int) -> None:
        """Note the socket of a statement. pymssql calls this before it waits for an answer."""
        self.number = number


_WAITING: Final = _Waiting()
pymssql.set_wait_callback(_WAITING.note)  # It is set for all connections of the process.


class PyMSSQLDriver(MSSQLDriver):
    """A connection by pymssql, which needs no other package."""

    # A batch is part of the statement. A statement has at most 65,536 packets of 4096 bytes, and
    # two bytes a character: https://learn.microsoft.com/sql/sql-server/maximum-capacity-specifications-for-sql-server
    statement_bytes: ClassVar = 100_000_000

    def __init__(self, url: URL) -> None:
        if unknown := url.query.keys() - OPTIONS.keys():
            raise options.OptionError(
                f"pymssql has no option {', '.join(sorted(unknown))}, only {', '.join(OPTIONS)}; "
                "mssql+mssqlpython:// has those of Microsoft's driver"
            )
        arguments: dict[str, Any] = {
            "appname": "target-harvest-sql",
            "encryption": "require",
            "login_timeout": CONNECT_TIMEOUT_SECONDS,
            **url.translate_connect_args(host="server", username="user"),
            **options.read(url, OPTIONS),
        }
        try:
            self._connection = pymssql.connect(**arguments, autocommit=True)
        except ValueError as error:
            raise options.OptionError(str(error)) from error
        except pymssql.Error as error:
            raise _server_error(error) from error
        # pymssql ran statements to open the connection. It tells the socket in no other way.
        self._socket = _WAITING.number

    @override
    def _place(self, value: Any) -> str:
        if isinstance(value, int):
            return str(value)
        # T-SQL removes a backslash at the end of a line, together with the line break.
        text = re.sub(r"\\(\r?\n)", r"\\\\\1\1", value.replace("'", "''"))
        return f"N'{text}'"

    @override
    def _run(self, statement: str, values: list[Any]) -> list[Any]:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(statement)
                rows = cursor.fetchall() if cursor.description else []
                while cursor.nextset():  # An error of a later statement arrives with its result.
                    rows = cursor.fetchall() if cursor.description else rows
        except pymssql.Error as error:
            raise _server_error(error) from error
        return rows

    def abort(self) -> None:
        """Shut the socket down under a call that waits."""
        if self._socket is not None:
            with (
                suppress(OSError),
                socket.fromfd(self._socket, socket.AF_INET, socket.SOCK_STREAM) as copy,
            ):
                copy.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self._socket = None  # Another connection may get the same number.
        self._connection.close()


def _server_error(error: Exception) -> ServerError:
    """Read number and text. The arguments may be nested, and the text may be bytes."""
    found: list[Any] = list(error.args)
    while found and isinstance(found[0], tuple):
        found = list(found[0])
    number = next((part for part in found if isinstance(part, int)), None)
    text = next((part for part in found if isinstance(part, bytes | str)), str(error))
    text = text.decode(errors="replace") if isinstance(text, bytes) else text
    # DB-Library adds its words to those of the server. Without words of the server, they tell
    # the reason.
    told, _, added = text.partition("DB-Lib error message")
    if number in NEWS:
        told, number = "", None
    return ServerError(told.strip() or added.partition("\n")[2].strip(), number)
