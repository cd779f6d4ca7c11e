"""Statements for locks that are rows of a table."""

from __future__ import annotations

from typing import NamedTuple


class LeaseStatements(NamedTuple):
    """Locks that are rows of a table; `{}` stands for the name of that table.

    Bound are `name`, the table that is locked, and `owner`, the run that locks it.
    """

    make: str
    """Creates the table, unless it exists."""
    claim: str
    """Inserts the row of a table, unless there is one."""
    look: str
    """Gives the owner of a row, and how often it was renewed."""
    take_over: str
    """Makes another run the owner, if the row is as `old_owner` and `old_renewals` say."""
    renew: str
    """Changes all rows of an owner."""
    changed: str
    """Gives how many rows the last statement has changed."""
    release: str
    """Deletes all rows of an owner."""
