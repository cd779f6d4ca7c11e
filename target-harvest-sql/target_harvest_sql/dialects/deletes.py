"""How the rows whose keys are in a batch are deleted: one strategy a class.

* `WhereIn`: the keys are read by a subquery (SQLite, DuckDB, PostgreSQL).
* `Joined`: the keys are joined with the table (MariaDB, MySQL).

SQL Server deletes by the stage of its upsert: `InsertThenUpdate` in `upserts.py`. A dialect names
its strategy in `Facts.deletes`. No strategy deletes a row that is newer than that of the
batch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Protocol

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_harvest_sql.columns import Column, Table


class Parts(Protocol):
    """The parts of statements that a strategy takes from a dialect; `Dialect` documents them."""

    def quote(self, name: str) -> str:
        """Quote a name."""

    def names(self, columns: Iterable[Column], prefix: str = "") -> str:
        """List column names."""

    def table_name(self, table: Table) -> str:
        """Name a table with its schema."""

    def rows_sql(self, columns: Sequence[Column]) -> str:
        """Read a batch as rows of the columns."""

    def newer_keys_sql(self, table: Table, newest: Column) -> str:
        """Read the keys of a batch, but for rows that are older than those of the table, `old`."""

    def key_sql(self, column: Column, value: str) -> str:
        """Write a value as its column holds it."""

    def is_older_sql(self, newest: Column, new: str, old: str) -> str:
        """Say whether a value is older."""


class Deletes(ABC):
    """A strategy."""

    @abstractmethod
    def delete_sql(self, dialect: Parts, table: Table) -> list[str]:
        """Delete the rows whose keys are in a batch, unless they are newer."""


class WhereIn(Deletes):
    """One DELETE, whose condition reads the keys of the batch."""

    @override
    def delete_sql(self, dialect: Parts, table: Table) -> list[str]:
        name = dialect.table_name(table)
        if newest := table.newest:
            name, keys = f"{name} AS old", dialect.newer_keys_sql(table, newest)
        else:
            keys = dialect.rows_sql(table.keys)
        statement = (
            f"DELETE FROM {name}\n"  # noqa: S608 - names are quoted.
            f"WHERE ({dialect.names(table.keys)}) IN (\n{keys}\n)"
        )
        return [statement]


class Joined(Deletes):
    """One DELETE, which joins the batch. With IN, the server would read the whole table."""

    @override
    def delete_sql(self, dialect: Parts, table: Table) -> list[str]:
        condition = " AND ".join(
            f"old.{dialect.quote(c.name)} = {dialect.key_sql(c, f'gone.c{number}')}"
            for number, c in enumerate(table.keys)
        )
        columns = table.keys
        if newest := table.newest:
            kept = f"old.{dialect.quote(newest.name)}"
            is_older = dialect.is_older_sql(newest, f"gone.c{len(columns)}", kept)
            condition = f"{condition}\n  AND ({is_older}) IS NOT TRUE"
            columns = (*columns, newest)
        statement = (
            f"DELETE old FROM {dialect.table_name(table)} AS old\n"
            f"JOIN (\n{dialect.rows_sql(columns)}\n) AS gone ON {condition}"
        )
        return [statement]
