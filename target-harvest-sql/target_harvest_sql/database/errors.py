"""The errors of the database.

* `DatabaseError`: the database refuses something.
    * `TransientError`: the same may succeed later.
    * `RefusedDataError`: a row of a batch may be the reason.
    * `InDoubtError`: nothing tells whether a transaction was committed.
"""

from __future__ import annotations

from typing import Final


class DatabaseError(Exception):
    """The database refused something; the message holds no values and no passwords."""

    reason = ""
    """What the database said, and what to do about it if that is known."""


class TransientError(DatabaseError):
    """The same may succeed later."""


class RefusedDataError(DatabaseError):
    """The database refused the data of a batch; no other fault can be the reason."""

    is_of_value = False
    """Whether a value is the reason, and not the row as a whole."""


class InDoubtError(DatabaseError):
    """A transaction may have been committed; to repeat it could double its rows."""


ERRORS: Final = {
    "transient": TransientError,
    "value": RefusedDataError,
    "row": RefusedDataError,
    "server": DatabaseError,
}
"""The class of error for each kind of a driver's `Fault`."""
