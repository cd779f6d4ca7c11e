"""How a column gets a wider type, as a table of data for each dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from target_harvest_sql.columns import Kind
from target_harvest_sql.dialects.held_kinds import without_size

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

WideKind = Kind | Literal["sized"]
"""What a wider column holds; `sized` is a number whose size the schema tells, where the database
has a decimal type for it."""


class Widening(NamedTuple):
    """A row of the table.

    The texts are templates. `Dialect.blanks` says what stands for each name in braces.
    """

    types: Collection[str] | None
    """The types that a column may have before, without their sizes; `None` for every type. A type
    with its size, such as `tinyint(1)`, fits as well."""
    kinds: Collection[WideKind]
    """What the column is to hold afterwards."""
    statements: Sequence[str]
    """Change the column. None, if these kinds cannot be held without a loss."""
    value: str = "{column}"
    """Writes the old value for the new type."""
    fits_keys: bool = False
    """Whether a column of the primary key can be changed so as well."""

    def fits(self, column_type: str, kind: WideKind) -> bool:
        """Whether the row is for a type and a kind."""
        if kind not in self.kinds:
            return False
        types = self.types
        return types is None or column_type in types or without_size(column_type) in types

    def sql(self, blanks: Mapping[str, str]) -> list[str]:
        """Fill the statements in."""
        value = self.value.format(**blanks)
        return [statement.format(value=value, **blanks) for statement in self.statements]


def widening(rows: Iterable[Widening], column_type: str, kind: WideKind) -> Widening | None:
    """Find the first row for a type and a kind; `None` if no row has both."""
    return next((row for row in rows if row.fits(column_type, kind)), None)
