"""Shadows: the tables that `load_method: overwrite` fills. They replace the old ones at the end."""

from __future__ import annotations

import re
import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from target_harvest_sql.database.errors import DatabaseError
from target_harvest_sql.dialects.swaps import Swap
from target_harvest_sql.names import conform_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from target_harvest_sql.columns import Table
    from target_harvest_sql.database.connection import Execute
    from target_harvest_sql.database.tables import Tables
    from target_harvest_sql.dialects.base import Dialect

TOKEN_BYTES = 4
SUFFIX_LENGTH = len("__replaced_") + 2 * TOKEN_BYTES
LEFT_OVER = re.compile(rf"__(?:shadow|replaced)_[0-9a-f]{{{2 * TOKEN_BYTES}}}$")


@dataclass(frozen=True)
class Shadow:
    """A table of this run, and the table that it will replace."""

    table: Table
    filled: Table
    """The table that this run fills, as it is in the database."""
    replaced: Table
    """The name of the old table between two statements, if a database cannot drop it earlier."""
    stream: str


class Shadows:
    """Creates the tables of a run, and puts them in place of the old ones.

    Each run has names of its own, so two runs at the same time share no table. If a run was killed,
    the next run drops its tables.

    Args:
        tables: Creates and changes tables.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._shadows: dict[str, Shadow] = {}

    def prepare(self, table: Table, stream: str) -> Table:
        """Create an empty table. `swap` puts it in the place of a table.

        A second call for the same table adds the columns that its shadow lacks.

        Raises:
            DatabaseError: If the database refuses it.
        """
        dialect = self._tables.dialect
        name = dialect.fold(dialect.table_name(table))
        if (known := self._shadows.get(name)) is None:
            self._tables.take(table, stream)
            self._drop_left_overs(table)
            known = self._new(table, stream)
        wanted = replace(table, name=known.filled.name)
        filled = self._tables.prepare(wanted, stream, replaces=table)
        self._shadows[name] = replace(known, table=table, filled=filled)
        return filled

    def _new(self, table: Table, stream: str) -> Shadow:
        token = secrets.token_hex(TOKEN_BYTES)
        filled, replaced = (
            replace(table, name=f"{self._stem(table)}__{what}_{token}")
            for what in ("shadow", "replaced")
        )
        return Shadow(table, filled, replaced, stream)

    def _stem(self, table: Table) -> str:
        return conform_name(table.name, self._tables.dialect, reserved=SUFFIX_LENGTH)

    def _drop_left_overs(self, table: Table) -> None:
        """Drop the tables of runs that were killed, unless such a run may still be at work."""
        dialect = self._tables.dialect
        stem = dialect.fold(self._stem(table))
        rows = self._tables.change(
            f'look for what other runs left of table "{table.name}"',
            lambda execute: execute(dialect.tables_sql(), {"schema": table.schema}),
        )
        left = [
            replace(table, name=name)
            for (name,) in rows
            if (end := LEFT_OVER.search(name)) and dialect.fold(name[: end.start()]) == stem
        ]
        if left and self._tables.is_alone():
            self._drop(left)

    def swap(self, streams: Collection[str]) -> None:
        """Put the tables of some streams in place of the old ones, either all of them or none.

        Raises:
            DatabaseError: If the database refuses it.
        """
        shadows = [shadow for shadow in self._shadows.values() if shadow.stream in streams]
        if not shadows:
            return
        try:
            self._tables.change(
                "put the new tables in place of the old ones",
                lambda execute: self._swap(shadows, execute),
                # After a lost connection, the names of the tables show whether it was committed.
                is_repeatable=not self._tables.dialect.transaction_sql,
            )
        except DatabaseError:
            # An earlier try may have renamed the tables although its answer was lost.
            if not self._are_swapped(shadows):
                raise
        for shadow in shadows:
            self._forget(shadow)

    def _swap(self, shadows: Iterable[Shadow], execute: Execute) -> None:
        dialect = self._tables.dialect
        swaps = [
            Swap(s.table, s.filled, s.replaced if _exists(s.table, execute, dialect) else None)
            for s in shadows
            if _exists(s.filled, execute, dialect)
        ]
        if swaps:
            rights = [right for swap in swaps for right in _find_rights(swap, execute, dialect)]
            statements = [*dialect.swap_sql(swaps), *rights]
        else:  # As above.
            statements = [dialect.drop_table_sql(s.replaced) for s in shadows]
        for statement in statements:
            execute(statement)
        for swap in swaps:
            self._tables.readers.grant_table(swap.table, dialect, execute)

    def _are_swapped(self, shadows: Iterable[Shadow]) -> bool:
        dialect = self._tables.dialect
        with suppress(DatabaseError):
            return self._tables.change(
                "look at the new tables",
                lambda execute: not any(_exists(s.filled, execute, dialect) for s in shadows),
            )
        return False

    def drop(self) -> None:
        """Drop the tables that replace no table.

        Raises:
            DatabaseError: If the database refuses it.
        """
        left = [*self._shadows.values()]
        self._drop([shadow.filled for shadow in left])
        for shadow in left:
            self._forget(shadow)

    def _drop(self, tables: Sequence[Table]) -> None:
        if not tables:
            return
        statements = [self._tables.dialect.drop_table_sql(table) for table in tables]
        names = ", ".join(f'"{table.name}"' for table in tables)
        self._tables.change(
            f"drop {names}", lambda execute: [execute(statement) for statement in statements]
        )

    def _forget(self, shadow: Shadow) -> None:
        dialect = self._tables.dialect
        del self._shadows[dialect.fold(dialect.table_name(shadow.table))]

    def would_lose_nothing(self, stream: str) -> bool:
        """Whether the tables that a stream would replace have no rows, or do not exist.

        Raises:
            DatabaseError: If the database does not answer.
        """
        dialect = self._tables.dialect
        tables = [shadow.table for shadow in self._shadows.values() if shadow.stream == stream]

        def have_rows(execute: Execute) -> bool:
            return any(
                execute(dialect.has_rows_sql(table))[0][0]
                for table in tables
                if _exists(table, execute, dialect)
            )

        return not self._tables.change(f'look at the table of stream "{stream}"', have_rows)


def _exists(table: Table, execute: Execute, dialect: Dialect) -> bool:
    """Whether there is a table or a view of that name."""
    found = execute(dialect.columns_sql(), {"schema": table.schema, "table": table.name})
    return bool(found)


def _find_rights(swap: Swap, execute: Execute, dialect: Dialect) -> list[str]:
    """The statements that give the new table the rights of the old one."""
    if swap.replaced is None or not dialect.rights_sql:
        return []
    names = {"schema": swap.table.schema, "table": swap.table.name, "filled": swap.filled.name}
    return [statement for (statement,) in execute(dialect.rights_sql, names)]
