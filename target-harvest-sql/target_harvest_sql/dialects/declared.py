"""Column types that the target makes only where a schema names them, as data for each dialect."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from target_harvest_sql.columns import Column, Form, Kind


class Declared(NamedTuple):
    """Types, and how the values of some columns are written into them."""

    types: str
    """A regular expression of the types, as the database reports them; its group is `{type}`."""
    holds: Collection[Kind | Form]
    """The kinds or the forms of columns whose values they hold exactly."""
    conversion: str
    """Converts `{value}`."""


def declared_row(
    rows: Iterable[Declared], column_type: str, column: Column
) -> tuple[Declared, str] | None:
    """Find the row for a column, and its `{type}`; `None` if the type does not hold the column."""
    for row in rows:
        found = re.fullmatch(row.types, column_type, re.IGNORECASE)
        if found and not {column.kind, column.form}.isdisjoint(row.holds):
            return row, found[1]
    return None
