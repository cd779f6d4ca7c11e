"""How a column gets a wider type, as a table of data for each dialect."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

from target_harvest_sql.columns import Kind
from target_harvest_sql.dialects.held_kinds import without_size

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from target_harvest_sql.columns import Column, Table
    from target_harvest_sql.dialects.decimals import Decimals

WideKind = Kind | Literal["sized"]
"""What a wider column holds; `sized` is a number whose size the schema tells, where the database
has a decimal type for it."""


ENDING: Final = "__widened"
"""How the name of a column ends that takes the place of another one."""


class Parts(Protocol):
    """What a dialect gives; `Dialect` documents it."""

    @property
    def widenings(self) -> Sequence[Widening]:
        """How columns get wider types."""

    @property
    def decimals(self) -> Decimals:
        """Which columns become decimals."""

    def blanks(self, table: Table, column: Column) -> dict[str, str]:
        """Give the parts of the statements.

        Args:
            table: The table.
            column: The column as it is to be.

        Returns:
            By name: `table`, the name of the table; `column`, that of the column; `type`, its new
            type; `new`, the name of a column that takes the place of the old one.
        """


class Widening(NamedTuple):
    """A row of the table.

    The texts are templates. `Parts.blanks` says what stands for each name in braces.
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


def widen_sql(dialect: Parts, table: Table, column: Column, column_type: str) -> list[str]:
    """Give the statements that change the type of a column; none if no row of the table fits.

    Args:
        dialect: The dialect, with its rows.
        table: The table.
        column: The column as the stream wants it.
        column_type: The type that the column has.
    """
    is_key = column in table.keys
    if size := dialect.decimals.size_of(column_type):
        wide = replace(column, size=size.joined(column.size))
        table = replace(table, columns=tuple(wide if c == column else c for c in table.columns))
        column = wide
    kind: WideKind = "sized" if dialect.decimals.type_sql(column) else column.kind
    row = widening(dialect.widenings, column_type, kind)
    if row is None or (is_key and not row.fits_keys):
        return []
    return row.sql(dialect.blanks(table, column))


def widened_name(column: Column, max_length: int) -> str:
    """Name the column that takes the place of another one."""
    return column.name[: max_length - len(ENDING)] + ENDING
