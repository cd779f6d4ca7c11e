"""Which values a column of an existing type holds, as a table of data for each dialect."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, Protocol, get_args

from target_harvest_sql.columns import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

ANY: frozenset[Kind] = frozenset(get_args(Kind))
"""Every kind."""


class Held(NamedTuple):
    """A row of the table."""

    types: Collection[str]
    """Types of columns, without their lengths."""
    kinds: Collection[Kind]
    """The kinds that columns of these types hold."""
    read_as: Kind
    """The kind that values of these kinds are read as."""


def without_size(column_type: str) -> str:
    """Take the size out of a type: `numeric(10,2)[]` becomes `numeric[]`."""
    return re.sub(r"\(.*?\)", "", column_type)


class HeldKinds(Protocol):
    """Says what columns hold."""

    def read_as(self, column_type: str, kind: Kind) -> Kind | None:
        """Say as what kind a column of a type holds values of a kind; `None` if it does not."""


class HeldTable:
    """Says what columns hold by a table. The first row that fits is taken."""

    def __init__(self, *rows: Held) -> None:
        self.rows = rows

    def read_as(self, column_type: str, kind: Kind) -> Kind | None:
        """Find the first row for a type and a kind; `None` if no row has both."""
        bare = without_size(column_type)
        found = (row.read_as for row in self.rows if bare in row.types and kind in row.kinds)
        return next(found, None)


def second_digits(column_type: str, known: Mapping[str, int]) -> int | None:
    """Say how many digits of a second a type keeps; `None` for as many as the database can.

    Args:
        column_type: The type, perhaps with its digits in brackets.
        known: The digits of types without brackets.
    """
    told = re.search(r"\((\d)\)", column_type)
    return int(told[1]) if told else known.get(column_type)
