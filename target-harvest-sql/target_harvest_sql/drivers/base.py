"""The interface of a driver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from sqlalchemy.engine import URL


@dataclass(frozen=True, slots=True)
class Fault:
    """The cause of an error. The code of the error tells it, and never a name or a value."""

    code: str
    """The code of the error: SQLSTATE, number or class, as the hints of the dialect write it."""

    kind: Literal["transient", "value", "row", "server"]
    """What the error is about:

    * `transient`: a retry may succeed, perhaps on a new connection.
    * `value`: the database cannot read a value of a row, or its column cannot hold the value.
    * `row`: the database refuses a row as a whole, for a constraint or its size.
    * `server`: anything else. No row is the cause.
    """

    text: str
    """What the database said."""


class Driver(Protocol):
    """A connection in autocommit mode. `Connection` begins and ends transactions by statements."""

    errors: ClassVar[tuple[type[Exception], ...]]
    """The errors of the driver if the database refuses something, or cannot be reached."""

    version: str
    """The version that the database tells."""

    statement_bytes: int
    """How many bytes of JSON one statement can have."""

    def __init__(self, url: URL) -> None:
        """Open the connection."""

    @classmethod
    def fault(cls, error: Exception) -> Fault:
        """Tell the cause of an error, which is one of `errors`."""

    def execute(self, statement: str, parameters: Mapping[str, Any]) -> list[Any]:
        """Run a statement. Returns its rows; an empty list if it has no result.

        Args:
            statement: As the dialect writes it.
            parameters: The values to bind, by name. Names that the statement lacks are ignored.
        """

    def carry(self, batch: bytes) -> AbstractContextManager[Any]:
        """Keep a batch for a statement. Gives the value to bind as `batch`."""

    def roll_back(self) -> None:
        """Roll back the transaction, if one is open.

        Raises:
            Exception: One of `errors`, if the connection is lost.
        """

    def abort(self) -> None:
        """Make a call fail that waits for the server in another thread; for a file, do nothing."""

    def close(self) -> None:
        """Close the connection. A second call does nothing."""
