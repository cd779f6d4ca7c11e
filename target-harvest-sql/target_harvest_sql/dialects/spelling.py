"""How a database spells names, texts and the places of bound values."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_harvest_sql.columns import Column, Table


class Spelling:
    """Spells names and texts as standard SQL does, unless a dialect says otherwise."""

    max_name_length: ClassVar[int]
    """The longest name of a table or column, as `name_length` counts."""

    ignores_case: ClassVar[bool]
    """Whether quoted names that differ only in case are one name."""

    parameter_form: ClassVar[str] = ":{}"
    """The place of a bound value, with `{}` for its name; after `%(` drivers read `%` as theirs."""

    def name_length(self, name: str) -> int:
        """Measure a name as the database does: in characters, unless it says otherwise."""
        return len(name)

    def spell(self, name: str) -> str:
        """Leave out of a name what no name may hold."""
        return name.replace("\0", "")

    def fold(self, name: str) -> str:
        """Write names that are one name in one way."""
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
        """Write the place of a value that is bound."""
        return self.parameter_form.format(name)

    def plain(self, sql: str) -> str:
        """Write a part of a statement that has no bound values, so that the driver finds none."""
        return sql.replace("%", "%%") if self.parameter_form.startswith("%") else sql

    def literal(self, text: str) -> str:
        """Write text as an SQL string, for the places where nothing can be bound."""
        return self.plain("'" + text.replace("'", "''") + "'")
