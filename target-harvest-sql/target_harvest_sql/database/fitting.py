"""Changes a table that exists, so that it can hold what its stream sends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from target_harvest_sql.database.errors import DatabaseError
from target_harvest_sql.names import similar_name

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping

    from target_harvest_sql.columns import Column, Kind, Table
    from target_harvest_sql.database.connection import Execute
    from target_harvest_sql.dialects.base import Dialect

LOWER_CASE = "Set `lower_case_names: true` if another program made the table"


class FoundColumn(NamedTuple):
    """A column of a table that exists."""

    name: str
    type_: str
    is_key: bool


def find_columns(table: Table, dialect: Dialect, execute: Execute) -> dict[str, FoundColumn]:
    """The columns of a table, by folded name; empty if the table does not exist."""
    rows = execute(dialect.columns_sql(), {"schema": table.schema, "table": table.name})
    return {dialect.fold(row[0]): FoundColumn(row[0], row[1], bool(row[2])) for row in rows}


class Fitting:
    """Fits one table to its stream: adds columns, and widens columns that are too narrow.

    Args:
        table: The table as the stream wants it.
        stream: Name of the stream, for errors.
        found: The columns of the table by folded name.
        dialect: The dialect of the database.
        execute: Runs a statement, in a transaction.
        logger: Gets warnings about columns that other programs made.
    """

    def __init__(
        self,
        table: Table,
        stream: str,
        found: Mapping[str, FoundColumn],
        *,
        dialect: Dialect,
        execute: Execute,
        logger: logging.Logger,
    ) -> None:
        self._table = table
        self._stream = stream
        self._found = found
        self._dialect = dialect
        self._execute = execute
        self._logger = logger

    def fit(self) -> Table:
        """Change the table, and return it with the kinds that its columns hold.

        Raises:
            DatabaseError: If the table has another key, or a column that cannot be widened.
        """
        self._check_keys()
        columns = [self._fit(column) for column in self._table.columns]
        ready = replace(self._table, columns=tuple(columns))
        if any(self._dialect.fold(column.name) not in self._found for column in columns):
            for statement in self._dialect.comments_sql(ready):
                self._execute(statement)
        return ready

    def _check_keys(self) -> None:
        """Refuse a table whose primary key is not the key of the stream."""
        fold, name = self._dialect.fold, self._table.name
        actual = sorted(column.name for column in self._found.values() if column.is_key)
        wanted = sorted(column.name for column in self._table.keys)
        if set(map(fold, actual)) == set(map(fold, wanted)):
            return
        if not actual:
            raise DatabaseError(
                f'Table "{name}" of stream "{self._stream}" has no primary key on '
                f"({', '.join(wanted)}), so `load_method: upsert` cannot work. Add the key, drop "
                "the table, or set `load_method: append-only`."
            )
        is_case = {key.lower() for key in wanted} == {key.lower() for key in actual}
        raise DatabaseError(
            f'The key of stream "{self._stream}" is ({", ".join(wanted)}), but its table "{name}" '
            f"has the primary key ({', '.join(actual)}). "
            f"{f'{LOWER_CASE}. Or rename' if is_case else 'Rename'} or drop the table, so that it "
            "is made anew, or set `load_method: overwrite`."
        )

    def _fit(self, column: Column) -> Column:
        existing = self._found.get(self._dialect.fold(column.name))
        if existing is None:
            return self._add(column)
        wanted, column = column, replace(column, name=existing.name)
        held = self._dialect.held(existing.type_, column)
        # A text column could hold JSON, but 5 and "5" would look the same.
        if held is not None and (column.kind != "json" or held.kind == "json"):
            return held
        if column.declared_type and existing.type_ not in self._dialect.bare_types:
            raise DatabaseError(
                f'Column "{column.name}" of table "{self._table.name}" is {existing.type_}, but '
                f'stream "{self._stream}" sends {column.kind}, which that type does not hold '
                "exactly. Let `x-sql-datatype` in the stream's schema name another type, or leave "
                "it out; drop or change the column if it is there already."
            )
        return self._widen(wanted, column, existing.type_, held)

    def _add(self, column: Column) -> Column:
        wanted = {self._dialect.fold(c.name) for c in self._table.columns}
        taken = [found.name for folded, found in self._found.items() if folded not in wanted]
        if twin := similar_name(column.name, taken):
            self._logger.warning(
                'Table "%s" has a column "%s", and gets a column "%s" beside it, of stream %s. '
                "%s, or rename the property with `stream_maps`.",
                *(self._table.name, twin, column.name, self._stream, LOWER_CASE),
            )
        self._execute(self._dialect.add_column_sql(self._table, column))
        if column.declared_type:
            self._found = find_columns(self._table, self._dialect, self._execute)
            return self._fit(column)
        return column

    def _widen(self, wanted: Column, column: Column, type_: str, held: Column | None) -> Column:
        """Widen a column.

        Some kinds cannot be compared, such as a date and a boolean. Then the column becomes text,
        if its type is one that this target makes.

        Args:
            wanted: The column as the stream wants it.
            column: The same column, with its name in the table.
            type_: Its type in the table.
            held: The column as it is now; `None` if it cannot hold what the stream sends.
        """
        is_ours = self._dialect.is_ours(type_)
        kinds: list[Kind] = [column.kind]
        if held is None and is_ours:
            kinds.append("string")
        for kind in kinds:
            wide = replace(column, kind=kind)
            columns = tuple(wide if c is wanted else c for c in self._table.columns)
            statements = self._dialect.widen_sql(replace(self._table, columns=columns), wide, type_)
            if not statements:
                continue
            for statement in statements:
                self._execute(statement)
            if not is_ours:
                self._logger.warning(
                    "Changed the type of a column that others made: table=%s column=%s "
                    "type=%s, as stream %s sends %s.",
                    *(self._table.name, column.name, type_, self._stream, column.kind),
                )
            as_text = self._dialect.held(self._dialect.types["string"], column)
            return column if kind == column.kind else as_text or column
        if held is not None:
            return held
        raise DatabaseError(
            f'Column "{column.name}" of table "{self._table.name}" is {type_}, but stream '
            f'"{self._stream}" now sends {column.kind} ({self._dialect.types[column.kind]}). '
            "Change the column's type, rename or drop the table, or set `load_method: overwrite`."
        )
