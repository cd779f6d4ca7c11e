"""Microsoft's documentation, "mssql-python": https://learn.microsoft.com/sql/connect/python/mssql-python/."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import mssql_python  # type: ignore[import-not-found,unused-ignore] # It is no extra of ours.
from typing_extensions import override

from target_harvest_sql.drivers.mssql import CONNECT_TIMEOUT_SECONDS, MSSQLDriver, ServerError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL


class MSSQLPythonDriver(MSSQLDriver):
    """A connection by Microsoft's driver, which can also sign in by Microsoft Entra ID."""

    def __init__(self, url: URL) -> None:
        # A pooled connection keeps its session after it is closed, and with it the locks.
        mssql_python.pooling(enabled=False)
        options = dict(url.query)
        timeout_seconds = options.pop("login_timeout", CONNECT_TIMEOUT_SECONDS)
        self._cursor: Any = None
        sign_in = {"uid": url.username, "pwd": url.password, "database": url.database}
        try:
            # The driver checks only the names of options in the string.
            self._connection = mssql_python.connect(
                ";".join(f"{name}={_braced(str(value))}" for name, value in options.items()),
                autocommit=True,  # `Connection` begins transactions by statements.
                # Before version 1.14, the argument `timeout` limited each statement.
                attrs_before={mssql_python.SQL_ATTR_LOGIN_TIMEOUT: int(str(timeout_seconds))},
                server=f"{url.host},{url.port}" if url.port else url.host,
                **{name: value for name, value in sign_in.items() if value is not None},
            )
        except (mssql_python.ConnectionStringParseError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise ServerError(f"an option is wrong: {reason}") from error
        except mssql_python.Error as error:
            raise _server_error(error) from error

    @override
    def _place(self, value: Any) -> str:
        return "?"

    @override
    def _run(self, statement: str, values: list[Any]) -> list[Any]:
        try:
            with self._connection.cursor() as cursor:
                self._cursor = cursor
                cursor.execute(statement, *values)
                rows = cursor.fetchall() if cursor.description else []
                while cursor.nextset():  # An error of a later statement arrives with its result.
                    rows = cursor.fetchall() if cursor.description else rows
        except mssql_python.Error as error:
            raise _server_error(error) from error
        finally:
            self._cursor = None
        return list(rows)

    def abort(self) -> None:
        """Cancel the statement. The driver itself notices a lost server.

        The driver has no public method for that.

        ODBC documentation, "SQLCancel":
        https://learn.microsoft.com/sql/odbc/reference/syntax/sqlcancel-function
        """
        with suppress(AttributeError, RuntimeError, mssql_python.Error):
            self._cursor.hstmt._cancel()  # noqa: SLF001 - it is safe in another thread.

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _braced(value: str) -> str:
    """Write a value of the connection string, whatever its characters."""
    return "{" + value.replace("}", "}}") + "}"


def _server_error(error: mssql_python.Error) -> ServerError:
    """Join the message of the driver and that of the server or the system.

    The driver tells no number and no SQLSTATE. So the class of the error and the beginning of its
    message tell the cause.
    """
    told = str(error.ddbc_error).removeprefix("[Microsoft]").removeprefix("[SQL Server]")
    text = ": ".join(dict.fromkeys(filter(None, (error.driver_error, told))))
    is_of_a_row = isinstance(error, mssql_python.DataError | mssql_python.IntegrityError)
    return ServerError(text, told=told, kind="row" if is_of_a_row else "server")
