"""What the drivers of SQL Server share: bound values, errors, transactions."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from target_harvest_sql.drivers.base import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CONNECT_TIMEOUT_SECONDS: Final = 60
"""How long to wait for a connection, unless the URL has `?login_timeout=`. A serverless database of
Azure takes about as long to wake up."""

TRANSIENT: Final[Mapping[int, str]] = {
    # The network, and the same errors of DB-Library.
    **dict.fromkeys((64, 233, 10053, 10054, 10060, 20003, 20004, 20006, 20017, 20047), ""),
    # Other transactions.
    1205: r"Transaction \(Process ID \d+\) was deadlocked",
    1222: "Lock request time out",
    3960: "Snapshot isolation transaction aborted",
    # The server starts, stops, or ends the session.
    596: "Cannot continue the execution because the session is in the kill state",
    6005: "SHUTDOWN is in progress",
    18401: r"Login failed for user '[^']*'\. Reason: Server is in script upgrade mode",
    # An availability group fails over.
    976: "The target database, '[^']*', is participating in an availability group",
    983: "Unable to access availability database",
    # Azure moves the database, or wakes it up.
    615: r"Could not find database ID \d+, name",
    926: r"Database '[^']*' cannot be opened\. It has been marked SUSPECT by recovery",
    4060: 'Cannot open database "[^"]*"',
    4221: "Login to read-secondary failed due to long wait on",
    **dict.fromkeys((40197, 40540), "The service has encountered an error processing your request"),
    40613: "Database '[^']*' on server '[^']*' is not currently available",
    42108: "Can not connect to the SQL pool since it is paused",
    42109: "The SQL pool is warming up",
    # Azure is busy, or ends the session because other sessions need what it uses.
    10928: r"Resource ID *: *\d+\. The [\w ]+ limit for the database is",
    10929: r"Resource ID *: *\d+\. The [\w ]+ minimum guarantee is",
    40501: "The service is currently busy",
    40549: "Session is terminated because you have a long-running transaction",
    40550: "The session has been terminated because it has acquired too many locks",
    40551: "The session has been terminated because of excessive TEMPDB usage",
    40552: "The session has been terminated because of excessive transaction log space usage",
    40553: "The session has been terminated because of excessive memory usage",
    49918: r"Cannot process request\. Not enough resources",
    49919: r"Cannot process create or update request\. Too many ",
    49920: r"Cannot process request\. Too many ",
}
"""Errors that a retry may solve, and how their messages begin.

* Azure SQL documentation, "Troubleshoot transient connection errors":
  https://learn.microsoft.com/azure/azure-sql/database/troubleshoot-common-errors-issues
* SQL Server documentation, "Database Engine events and errors":
  https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors
"""

OF_THE_DRIVER: Final = (
    "Communication link failure",
    "Login timeout expired",
    "Not connected to any",
    "TCP Provider",
    "The connection is broken and recovery is not possible",
    "Unexpected EOF",
)
"""How the messages of a driver begin for such errors, which have no number of the server.

Documentation of Microsoft's driver, "Connection resiliency":
https://learn.microsoft.com/sql/connect/odbc/connection-resiliency
"""

TRANSIENT_MESSAGES: Final = re.compile(
    "|".join(filter(None, (*TRANSIENT.values(), *OF_THE_DRIVER)))
)
"""How the messages of such errors begin, for a driver that tells no number."""

OF_A_VALUE: Final = frozenset(
    {220, 232, 241, 242, 244, 245, 248, 295, 8114, 8115, 8134, 8152, 8169, 13608, 13609, 2628}
)
"""Numbers of errors that a value may cause."""

OF_A_ROW: Final = frozenset({511, 515, 530, 547, 1946, 2601, 2627, 3609})
"""Numbers of errors that a row may cause. Errors of triggers, from `FIRST_OF_USERS` on, are such
errors too.

SQL Server documentation, "Database Engine events and errors":
https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors
"""

FIRST_OF_USERS: Final = 50_000
"""The lowest number that a trigger can give to an error."""

UNMAPPED: Final = 33_557_097
"""Number that Babelfish gives to every error of PostgreSQL that SQL Server does not have."""

OF_A_VALUE_MESSAGES: Final = re.compile(
    r"invalid input syntax for|numeric field overflow|value (?:out of range|too long|\")|"
    r"(?:bigint|date(?:/time field value)?|integer|interval|smallint|time(?:stamp)?) out of range"
)
"""How the messages of such errors begin that a value may cause. The number does not tell it, as
Babelfish gives the same number to all of them."""

# Messages that hold a value of a record. The value may hold quotes and line breaks.
_VALUE = re.compile(r"\bvalue(?: is|:| =)? (?:'.*'|\(.*\)|[-+.\d]\S*\d)", re.DOTALL)


class ServerError(Exception):
    """The server or the driver refused something. The message has no values of records."""

    def __init__(
        self,
        text: str,
        number: int | None = None,
        told: str = "",
        kind: Literal["row", "server"] = "server",
    ) -> None:
        super().__init__(_VALUE.sub("value", text))
        self.number = number
        """The number in `sys.messages`; `None` if the driver does not tell it."""
        self.told = told or text
        """The message of the server, without the words of the driver."""
        self.kind = kind
        """The cause, if the driver tells it by the class of the error."""


class MSSQLDriver(ABC):
    """A connection to SQL Server, in autocommit mode.

    Values are declared as variables, so that statements name them `@name`, as in T-SQL.
    """

    errors: ClassVar = (ServerError,)
    statement_bytes: ClassVar = 2**30 - 1  # nvarchar(max) holds 2 GB, of two bytes a character.

    @property
    def version(self) -> str:
        """The version of the server, and how the server reads an escaped tab of JSON."""
        [(text,)] = self._run(
            r"""SELECT CONCAT(@@VERSION, ' ', [value]) FROM OPENJSON(N'["\t"]')""", []
        )
        return str(text)

    @classmethod
    def fault(cls, error: Exception) -> Fault:
        """Tell the cause by the number or, without a number, by the beginning of the message."""
        number: int | None = getattr(error, "number", None)
        told = str(getattr(error, "told", error))
        kind: Literal["transient", "value", "row", "server"] = getattr(error, "kind", "server")
        if number is None:
            # The message of the server may stand behind words of the driver.
            if any(TRANSIENT_MESSAGES.match(text) for text in (told, str(error))):
                kind = "transient"
        elif number in TRANSIENT:
            kind = "transient"
        elif number in OF_A_VALUE or (number == UNMAPPED and OF_A_VALUE_MESSAGES.match(told)):
            kind = "value"
        elif number in OF_A_ROW or FIRST_OF_USERS <= number != UNMAPPED:
            kind = "row"
        return Fault("-" if number is None else str(number), kind, told)

    def execute(self, statement: str, parameters: Mapping[str, Any]) -> list[Any]:
        """Run a statement."""
        named = set(re.findall(r"@(\w+)", statement)) & parameters.keys()
        bound = {name: parameters[name] for name in sorted(named)}
        declarations = "".join(
            f"DECLARE @{name} {'bigint' if isinstance(value, int) else 'nvarchar(max)'} = "
            f"{'NULL' if value is None else self._place(value)};\n"
            for name, value in bound.items()
        )
        # A driver would ask the server for the type of a null.
        values = [value for value in bound.values() if value is not None]
        return self._run(declarations + statement, values)

    @abstractmethod
    def _place(self, value: Any) -> str:
        """Write a value into a statement, or the mark of a bound value."""

    @abstractmethod
    def _run(self, statement: str, values: list[Any]) -> list[Any]:
        """Run a statement with values in the order of their marks. Returns its rows.

        Raises:
            ServerError: If the server refuses the statement.
        """

    @contextmanager
    def carry(self, batch: bytes) -> Iterator[str]:
        """Bind the batch as text."""
        yield batch.decode()

    def roll_back(self) -> None:
        """Roll back, unless the server has done so."""
        self._run("IF @@TRANCOUNT > 0 ROLLBACK", [])
