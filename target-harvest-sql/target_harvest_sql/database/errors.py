"""The errors of the database.

* `DatabaseError`: the database refuses a statement or a connection.
    * `TransientError`: the same statement may succeed later.
    * `RefusedDataError`: a row of a batch may be the cause.
    * `InDoubtError`: it is unknown whether a transaction was committed.
"""

from __future__ import annotations

from typing import Final


class DatabaseError(Exception):
    """The database refused something. The message holds no values and no passwords."""

    reason = ""
    """What the database said, and what to do about it, if that is known."""


class TransientError(DatabaseError):
    """The same statement may succeed later."""


class RefusedDataError(DatabaseError):
    """The database refused the data of a batch. No other fault can be the cause."""

    is_of_value = False
    """Whether the cause is one value, and not the row as a whole."""


class InDoubtError(DatabaseError):
    """A transaction may have been committed. If it were repeated, its rows could be doubled."""


ERRORS: Final = {
    "transient": TransientError,
    "value": RefusedDataError,
    "row": RefusedDataError,
    "server": DatabaseError,
}
"""The class of error for each `Fault` of a driver."""
