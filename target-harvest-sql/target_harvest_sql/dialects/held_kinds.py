"""Which values a column of an existing type holds, as a table of data for each dialect."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, get_args

from target_harvest_sql.columns import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

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


def held_kind(rows: Iterable[Held], column_type: str, kind: Kind) -> Kind | None:
    """Find the first row for a type and a kind; `None` if no row has both."""
    bare = without_size(column_type)
    return next((row.read_as for row in rows if bare in row.types and kind in row.kinds), None)
