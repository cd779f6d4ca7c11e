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
    """What an error of a driver is about, told from its code and never from names or values."""

    code: str
    """The code of the error: SQLSTATE, number or name, as the hints of the dialect spell it."""

    kind: Literal["transient", "value", "row", "server"]
    """What to do about it:

    * `transient`: the same may succeed later, if need be on a new connection.
    * `value`: a value of a row cannot be read, or its column cannot hold it.
    * `row`: a row as a whole is refused, by a constraint or by its size.
    * `server`: anything else. No row is to blame.
    """

    text: str
    """What the database said."""


class Driver(Protocol):
    """A connection in autocommit mode: `Connection` begins and ends transactions by statements."""

    errors: ClassVar[tuple[type[Exception], ...]]
    """What the driver raises where the database refuses something, or cannot be reached."""

    version: str
    """What the database calls its version."""

    statement_bytes: int
    """How many bytes of JSON one statement may carry."""

    def __init__(self, url: URL) -> None:
        """Open the connection."""

    @classmethod
    def fault(cls, error: Exception) -> Fault:
        """Tell what an error, one of `errors`, is about."""

    def execute(self, statement: str, parameters: Mapping[str, Any]) -> list[Any]:
        """Run a statement; return its rows, none for one that has no rows.

        Args:
            statement: As the dialect writes it.
            parameters: The values to bind, by name; more than the statement names are allowed.
        """

    def carry(self, batch: bytes) -> AbstractContextManager[Any]:
        """Hold a batch, and tell what is to be bound as `batch`."""

    def roll_back(self) -> None:
        """End a transaction without a trace, where there is one.

        Raises:
            Exception: One of `errors`, if the connection is lost.
        """

    def abort(self) -> None:
        """Make a call fail that waits for the server in another thread; does nothing for a file."""

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
