"""What the drivers of SQL Server share: bound values, errors, transactions."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CONNECT_TIMEOUT_SECONDS: Final = 60
"""How long a server is waited for, unless the URL says `?login_timeout=`; a serverless database
of Azure takes about as long to wake up."""

TRANSIENT_NUMBERS: Final = frozenset(
    {
        *(64, 233, 10053, 10054, 10060),  # The network.
        *(20003, 20004, 20006, 20017, 20047),  # The same, in the words of DB-Library.
        *(1205, 1222, 3960),  # Deadlock, lock timeout, snapshot conflict.
        *(615, 926, 4060, 4221, 40197, 40501, 40540, 40613),  # Azure moves the database.
        *(42108, 42109),  # It wakes it up.
        *(10928, 10929, 40544, 40549, 40550, 49918, 49919, 49920),  # Azure is busy.
    }
)
"""Errors that may be gone when the same is tried again.

Azure SQL documentation, "Troubleshoot transient connection errors":
https://learn.microsoft.com/azure/azure-sql/database/troubleshoot-common-errors-issues
"""

TRANSIENT_WORDS: Final = (
    "deadlock victim",
    "Lock request time out",
    "Snapshot isolation transaction aborted",
    "is not currently available",
    "error processing your request",
    "service is currently busy",
    "limit for the database is",
    "Not enough resources to process",
    "too many operations in progress",
    "Communication link failure",
    "TCP Provider",
    "Not connected to any",
    "Unexpected EOF",
)
"""The same errors, where a driver tells no number."""

# Messages that hold a value of a record. It may itself hold quotes and ends of lines.
_VALUE = re.compile(r"\bvalue(?: is|:| =)? (?:'.*'|\(.*\)|[-+.\d]\S*\d)", re.DOTALL)


class ServerError(Exception):
    """What the server or the driver refused, without values of records."""

    def __init__(self, text: str, number: int | None = None) -> None:
        super().__init__(_VALUE.sub("value", text))
        self.number = number
        """As in `sys.messages`; `None` where the driver does not tell."""


class MSSQLDriver(ABC):
    """A connection to SQL Server, in autocommit mode.

    Values are declared as variables, so that statements name them as T-SQL does: `@name`.
    """

    errors: ClassVar = (ServerError,)
    statement_bytes: ClassVar = 2**30 - 1  # nvarchar(max) holds 2 GB, of two bytes a character.

    @property
    def version(self) -> str:
        """What the server calls its version, and after it what it reads an escaped tab as."""
        [(text,)] = self._run(
            r"""SELECT CONCAT(@@VERSION, ' ', [value]) FROM OPENJSON(N'["\t"]')""", []
        )
        return str(text)

    @classmethod
    def is_transient(cls, error: Exception) -> bool:
        """Whether the same may succeed when it is tried again."""
        number = getattr(error, "number", None)
        return number in TRANSIENT_NUMBERS or any(part in str(error) for part in TRANSIENT_WORDS)

    def execute(self, statement: str, parameters: Mapping[str, Any]) -> list[Any]:
        """Run a statement."""
        named = set(re.findall(r"@(\w+)", statement)) & parameters.keys()
        bound = {name: parameters[name] for name in sorted(named)}
        declarations = "".join(
            f"DECLARE @{name} {'bigint' if isinstance(value, int) else 'nvarchar(max)'} = "
            f"{'NULL' if value is None else self._place(value)};\n"
            for name, value in bound.items()
        )
        # For the type of a null, a driver would ask the server.
        values = [value for value in bound.values() if value is not None]
        return self._run(declarations + statement, values)

    @abstractmethod
    def _place(self, value: Any) -> str:
        """Write a value into a statement, or the mark where the driver binds it."""

    @abstractmethod
    def _run(self, statement: str, values: list[Any]) -> list[Any]:
        """Run a statement with values in the order of their marks; return its rows.

        Raises:
            ServerError: If the server refuses it.
        """

    @contextmanager
    def carry(self, batch: bytes) -> Iterator[str]:
        """Bind the batch as text."""
        yield batch.decode()

    def roll_back(self) -> None:
        """Roll back, unless the server did."""
        self._run("IF @@TRANCOUNT > 0 ROLLBACK", [])
