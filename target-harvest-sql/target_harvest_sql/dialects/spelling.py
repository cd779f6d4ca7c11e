"""How a database spells names, texts and the places of bound values."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_harvest_sql.columns import Column, Table


class Spelling:
    """Spells names and texts as standard SQL does, unless a dialect says otherwise."""

    max_name_length: ClassVar[int]
    """The length of the longest name of a table or column, in the unit of `name_length`."""

    ignores_case: ClassVar[bool]
    """Whether two quoted names are one name if they differ only in case."""

    parameter_form: ClassVar[str] = ":{}"
    """The mark of a bound value, with `{}` for its name. If the mark begins with `%`, the driver
    takes every other `%` for a mark too, so it is doubled."""

    def name_length(self, name: str) -> int:
        """Measure a name in the unit of the database, which is characters in most."""
        return len(name)

    def spell(self, name: str) -> str:
        """Remove from a name the characters that no name may hold."""
        return name.replace("\0", "")

    def fold(self, name: str) -> str:
        """Write a name so that names are equal if the database takes them for one."""
        return name.casefold() if self.ignores_case else name

    def quote(self, name: str) -> str:
        """Quote a name."""
        return self.plain('"' + name.replace('"', '""') + '"')

    def names(self, columns: Iterable[Column], prefix: str = "") -> str:
        """List column names, each after `prefix`."""
        return ", ".join(prefix + self.quote(column.name) for column in columns)

    def table_name(self, table: Table) -> str:
        """Name a table with its schema."""
        return ".".join(self.quote(name) for name in (table.schema, table.name) if name)

    def parameter(self, name: str) -> str:
        """Write the mark of a bound value."""
        return self.parameter_form.format(name)

    def plain(self, sql: str) -> str:
        """Write a part of a statement so that the driver finds no mark of a bound value in it."""
        return sql.replace("%", "%%") if self.parameter_form.startswith("%") else sql

    def literal(self, text: str) -> str:
        """Write text as an SQL string, where a value cannot be bound."""
        return self.plain("'" + text.replace("'", "''") + "'")
