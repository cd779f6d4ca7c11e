"""How a batch is inserted, or updates the rows of its keys: one strategy a class.

* `OnConflict`: one INSERT, whose ON CONFLICT clause updates (SQLite, PostgreSQL).
* `UpdateThenInsert`: a stage, an UPDATE, and an INSERT of the other rows (DuckDB).
* `OnDuplicateKey`: one INSERT, whose ON DUPLICATE KEY clause updates (MariaDB).
* `JoinThenOnDuplicateKey`: the same, for the rows that a join finds new or changed (MySQL).
* `InsertThenUpdate`: a stage, an INSERT of new rows, and an UPDATE (SQL Server).

A dialect names one of them in `Dialect.upserts`. No strategy rewrites a row that has not changed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import chain, repeat
from typing import TYPE_CHECKING, Protocol

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_harvest_sql.columns import Column, Table


class Parts(Protocol):
    """The parts of statements that a strategy takes from a dialect; `Dialect` documents them."""

    def quote(self, name: str) -> str:
        """Quote a name."""

    def names(self, columns: Iterable[Column], prefix: str = "") -> str:
        """List column names."""

    def table_name(self, table: Table) -> str:
        """Name a table with its schema."""

    def type_sql(self, table: Table, column: Column) -> str:
        """Name the type of a column."""

    def is_text(self, column: Column) -> bool:
        """Whether a column holds text."""

    def rows_sql(self, columns: Sequence[Column]) -> str:
        """Read a batch as rows of the columns."""

    def key_sql(self, column: Column, value: str) -> str:
        """Write a value as its column holds it."""

    def exact_sql(self, column: Column, value: str) -> str:
        """Write a value so that it equals no other value."""

    def is_older_sql(self, newest: Column, new: str, old: str) -> str:
        """Say whether a value is older."""


class Upserts(ABC):
    """A strategy."""

    @abstractmethod
    def upsert_sql(self, dialect: Parts, table: Table) -> list[str]:
        """Insert a batch, or update by key."""


def compared(table: Table) -> list[Column]:
    """The columns that tell whether a row has changed."""
    return [c for c in table.columns if c not in table.keys and not c.is_volatile]


@dataclass(frozen=True)
class Excluded(Upserts):
    """What strategies share that call the new row `excluded` and the existing row `old`."""

    differs: str = "IS DISTINCT FROM"
    """Compares two lists of values, of which each may be null."""

    def _changed_sql(self, dialect: Parts, table: Table) -> str:
        """Say whether the existing row is to be changed: the new one differs, and is not older."""
        columns = compared(table)
        old, new = (
            ", ".join(dialect.exact_sql(c, f"{row}.{dialect.quote(c.name)}") for c in columns)
            for row in ("old", "excluded")
        )
        changed = f"({old}) {self.differs} ({new})" if columns else "false"
        if table.newest is None:
            return changed
        condition = f"({self._is_older_sql(dialect, table.newest)}) IS NOT TRUE"
        if table.version:
            name = dialect.quote(table.version.name)
            condition = f"({condition} OR (old.{name}) {self.differs} (excluded.{name}))"
        return f"{changed}\n  AND {condition}"

    def _is_older_sql(self, dialect: Parts, newest: Column) -> str:
        """Say whether the new row is older than the existing one."""
        name = dialect.quote(newest.name)
        return dialect.is_older_sql(newest, f"excluded.{name}", f"old.{name}")

    def _updates_sql(self, dialect: Parts, table: Table) -> str:
        """Set the columns of the existing row; empty if the table has only keys."""
        return ", ".join(
            f"{dialect.quote(column.name)} = {self._value_sql(dialect, table, column)}"
            for column in table.columns
            if column not in table.keys
        )

    def _value_sql(self, dialect: Parts, table: Table, column: Column) -> str:
        """Write the new value of a column.

        A new row that is older than the existing row changes the version of that row, and nothing
        else.
        """
        name = dialect.quote(column.name)
        if table.newest is None or table.version is None or column == table.version:
            return f"excluded.{name}"
        is_older = self._is_older_sql(dialect, table.newest)
        return f"CASE WHEN {is_older} THEN old.{name} ELSE excluded.{name} END"


@dataclass(frozen=True)
class OnConflict(Excluded):
    """One INSERT, whose ON CONFLICT clause updates."""

    before_conflict: str = ""
    """What must stand between a SELECT and ON CONFLICT."""

    @override
    def upsert_sql(self, dialect: Parts, table: Table) -> list[str]:
        updates = self._updates_sql(dialect, table)
        condition = self._changed_sql(dialect, table)
        action = f"UPDATE SET {updates}\nWHERE {condition}" if updates else "NOTHING"
        statement = (
            f"INSERT INTO {dialect.table_name(table)} AS old ({dialect.names(table.columns)})\n"
            f"{dialect.rows_sql(table.columns)}\n"
            f"{self.before_conflict}ON CONFLICT ({dialect.names(table.keys)}) DO {action}"
        )
        return [statement]


@dataclass(frozen=True)
class UpdateThenInsert(Excluded):
    """A stage, an UPDATE from it, and an INSERT of the rows that the table lacks.

    In DuckDB, ON CONFLICT takes twice as long, also where no row is in conflict. As the stage has
    the types of the table, a value that the table rounds does not differ from a row's each time.
    """

    @override
    def upsert_sql(self, dialect: Parts, table: Table) -> list[str]:
        # The stage is dropped before the next statement: a table of its name would be hidden.
        name, names = dialect.table_name(table), dialect.names(table.columns)
        stage = f"temp.main.{dialect.quote(f'{table.name}__stage')}"
        return [
            f"CREATE TEMP TABLE {stage} AS\nSELECT {names} FROM {name} LIMIT 0",
            f"INSERT INTO {stage}\n{dialect.rows_sql(table.columns)}",
            *self._update_sql(dialect, table, stage),
            (
                f"INSERT INTO {name} ({names})\nSELECT {names} FROM {stage}\n"
                f"ANTI JOIN {name} USING ({dialect.names(table.keys)})"
            ),
            f"DROP TABLE {stage}",
        ]

    def _update_sql(self, dialect: Parts, table: Table, stage: str) -> list[str]:
        """Update the rows whose keys are in the stage; nothing if the table has only keys."""
        updates = self._updates_sql(dialect, table)
        keys = [dialect.quote(key.name) for key in table.keys]
        statement = (
            f"UPDATE {dialect.table_name(table)} AS old SET {updates}\n"  # noqa: S608 - names are quoted.
            f"FROM {stage} AS excluded\n"
            f"WHERE {' AND '.join(f'old.{key} = excluded.{key}' for key in keys)}\n"
            f"  AND {self._changed_sql(dialect, table)}"
        )
        return [statement] if updates else []


@dataclass(frozen=True)
class OnDuplicateKey(Upserts):
    """One INSERT, whose ON DUPLICATE KEY clause keeps the values of a row that has not changed."""

    @override
    def upsert_sql(self, dialect: Parts, table: Table) -> list[str]:
        quote, old = dialect.quote, dialect.quote(table.name)
        # MySQL warns of VALUES, which is deprecated there.
        new = {c: f"VALUES({quote(c.name)})" for c in table.columns}
        told = compared(table)
        same = " AND ".join(f"{old}.{quote(c.name)} <=> {new[c]}" for c in told)
        is_older = ""
        if newest := table.newest:
            kept = f"{old}.{quote(newest.name)}"
            is_older = f"({dialect.is_older_sql(newest, new[newest], kept)}) IS TRUE"
            same = f"{is_older} OR {same}"
            told.sort(key=lambda column: column == newest)
        # Assigned from left to right: the old values are compared, once, before they change.
        conditions = chain([f"@is_same := ({same or 'true'})"], repeat("@is_same"))
        volatile = [c for c in table.columns if c.is_volatile]
        updates = [
            f"{old}.{(name := quote(c.name))} = IF({is_same}, {old}.{name}, {new[c]})"
            for c, is_same in zip(volatile, conditions, strict=False)
        ]
        updates += [
            f"{old}.{(name := quote(c.name))} = "
            + (
                f"IF({is_older}, {old}.{name}, {new[c]})"
                if is_older and c != table.version
                else new[c]
            )
            for c in told or table.keys
        ]
        statement = (
            f"INSERT INTO {dialect.table_name(table)} ({dialect.names(table.columns)})\n"
            f"{dialect.rows_sql(table.columns)}\n"
            f"ON DUPLICATE KEY UPDATE {', '.join(updates)}"
        )
        return [statement]


@dataclass(frozen=True)
class JoinThenOnDuplicateKey(Upserts):
    """One INSERT of the rows that a join with the table finds new or changed.

    ON DUPLICATE KEY could compare the rows too, but would do so for each metadata column again.
    """

    @override
    def upsert_sql(self, dialect: Parts, table: Table) -> list[str]:
        quote, name = dialect.quote, dialect.table_name(table)
        new = {column: f"new_rows.c{number}" for number, column in enumerate(table.columns)}
        same = " AND ".join(f"old.{quote(c.name)} <=> {new[c]}" for c in compared(table)) or "true"
        values: Mapping[Column, str] = new
        columns = [c for c in table.columns if c not in table.keys] or list(table.keys)
        if newest := table.newest:
            is_older = dialect.is_older_sql(newest, new[newest], f"old.{quote(newest.name)}")
            is_kept = f"({is_older}) IS TRUE"
            if version := table.version:
                # The version of a row changes even if the new row is too old to be written.
                is_kept += f" AND old.{quote(version.name)} <=> {new[version]}"
                values = {
                    c: value if c == version else self._unless_older_sql(dialect, table, new, c)
                    for c, value in new.items()
                }
                columns.sort(key=lambda column: column == newest)  # It is compared until then.
            same = f"{is_kept} OR {same}"
        keys = " AND ".join(
            f"old.{quote(c.name)} = {dialect.key_sql(c, new[c])}" for c in table.keys
        )
        updates = ", ".join(f"{quote(table.name)}.{quote(c.name)} = {values[c]}" for c in columns)
        statement = (
            f"INSERT INTO {name} ({dialect.names(table.columns)})\n"
            f"SELECT new_rows.* FROM (\n{dialect.rows_sql(table.columns)}\n) AS new_rows\n"
            f"LEFT JOIN {name} AS old ON {keys}\n"
            f"WHERE old.{quote(table.keys[0].name)} IS NULL OR NOT ({same})\n"
            f"ON DUPLICATE KEY UPDATE {updates}"
        )
        return [statement]

    def _unless_older_sql(
        self, dialect: Parts, table: Table, new: Mapping[Column, str], column: Column
    ) -> str:
        """Write the new value of a column, or its old value if the new row is older."""
        newest, old = table.newest, dialect.quote(table.name)
        if newest is None:
            return new[column]
        kept = f"{old}.{dialect.quote(newest.name)}"
        is_older = dialect.is_older_sql(newest, new[newest], kept)
        return f"IF({is_older}, {old}.{dialect.quote(column.name)}, {new[column]})"


@dataclass(frozen=True)
class InsertThenUpdate(Upserts):
    """A stage, an INSERT of the rows that the table lacks, and an UPDATE of those that differ."""

    collation: str
    """A collation that compares texts by their code points."""

    @override
    def upsert_sql(self, dialect: Parts, table: Table) -> list[str]:
        name, keys = dialect.table_name(table), self._keys_sql(dialect, table)
        insert = (
            f"INSERT INTO {name} ({dialect.names(table.columns)})\n"  # noqa: S608 - names are quoted.
            f"SELECT {dialect.names(table.columns, 'new.')}\n"
            "FROM #stage AS new\n"
            "WHERE NOT EXISTS (\n"
            f"  SELECT 1 FROM {name} AS old WITH (UPDLOCK)\n"
            f"  WHERE {keys}\n"
            ")"
        )
        # The order and the locks belong together. A row that INSERT finds is locked until COMMIT,
        # so UPDATE finds it as well. A key that INSERT does not find is not locked: another program
        # that inserts it now makes INSERT fail, and the batch is written again. With HOLDLOCK, the
        # gaps between keys would be locked, and lanes with new keys would wait for each other.
        # https://learn.microsoft.com/sql/relational-databases/sql-server-transaction-locking-and-row-versioning-guide#key-range-locking
        return self._staged_sql(
            dialect, table, table.columns, insert, *self._update_sql(dialect, table)
        )

    def _update_sql(self, dialect: Parts, table: Table) -> list[str]:
        """Update the rows that differ; there is nothing to do where there are only keys."""
        columns = compared(table)
        if not columns:
            return []
        updates = ", ".join(
            f"{dialect.quote(column.name)} = {self._update_value_sql(dialect, table, column)}"
            for column in table.columns
            if column not in table.keys
        )
        newer = self._newer_sql(dialect, table)
        if table.version:
            name = dialect.quote(table.version.name)
            other = f"EXISTS (SELECT new.{name} EXCEPT SELECT old.{name})"
            newer = f"\n  AND ({newer.strip().removeprefix('AND ')} OR {other})"
        statement = (
            f"UPDATE old SET {updates}\n"  # noqa: S608 - names are quoted.
            f"FROM {dialect.table_name(table)} AS old\n"
            f"INNER JOIN #stage AS new ON {self._keys_sql(dialect, table)}{newer}\n"
            "WHERE EXISTS (\n"
            f"  SELECT {self._exact_sql(dialect, columns, 'new.')}\n"
            "  EXCEPT\n"
            f"  SELECT {self._exact_sql(dialect, columns, 'old.')}\n"
            ")"
        )
        return [statement]

    def delete_sql(self, dialect: Parts, table: Table) -> list[str]:
        """Delete the rows whose keys are in a batch, unless they are newer."""
        statement = (
            "DELETE old\n"
            f"FROM {dialect.table_name(table)} AS old\n"
            f"INNER JOIN #stage AS new ON {self._keys_sql(dialect, table)}"
            f"{self._newer_sql(dialect, table)}"
        )
        columns = (*table.keys, table.newest) if table.newest else table.keys
        return self._staged_sql(dialect, table, columns, statement)

    def _update_value_sql(self, dialect: Parts, table: Table, column: Column) -> str:
        """Write the new value of a column: of an older row, only the version."""
        name = dialect.quote(column.name)
        if table.newest is None or table.version is None or column == table.version:
            return f"new.{name}"
        newest = dialect.quote(table.newest.name)
        return f"CASE WHEN new.{newest} < old.{newest} THEN old.{name} ELSE new.{name} END"

    def _newer_sql(self, dialect: Parts, table: Table) -> str:
        """Leave out rows that are older than those of the table."""
        if table.newest is None:
            return ""
        name = dialect.quote(table.newest.name)
        return f"\n  AND CASE WHEN new.{name} < old.{name} THEN 0 ELSE 1 END = 1"

    def _staged_sql(
        self, dialect: Parts, table: Table, columns: Sequence[Column], *statements: str
    ) -> list[str]:
        """Take a batch apart once, for the statements that need it."""
        lines = [
            f"{dialect.quote(column.name)} {dialect.type_sql(table, column)} "
            f"{'NOT NULL' if column in table.keys else 'NULL'}"
            for column in columns
        ]
        lines.append(f"PRIMARY KEY ({dialect.names(table.keys)})")
        return [
            "CREATE TABLE #stage (\n  " + ",\n  ".join(lines) + "\n)",
            f"INSERT INTO #stage ({dialect.names(columns)})\n{dialect.rows_sql(columns)}",
            *statements,
            "DROP TABLE #stage",
        ]

    def _keys_sql(self, dialect: Parts, table: Table) -> str:
        """Find the row of a key. Equal texts may differ in trailing spaces: these are two keys."""
        keys = [dialect.quote(key.name) for key in table.keys]
        texts = [dialect.quote(key.name) for key in table.keys if dialect.is_text(key)]
        conditions = [f"old.{key} = new.{key}" for key in keys]
        conditions += [f"DATALENGTH(old.{key}) = DATALENGTH(new.{key})" for key in texts]
        return " AND ".join(conditions)

    def _exact_sql(self, dialect: Parts, columns: Iterable[Column], prefix: str) -> str:
        """List columns so that no two texts are equal, whatever the collation and their ends."""
        return ", ".join(
            f"({prefix}{dialect.quote(column.name)} + N'.') COLLATE {self.collation}"
            if dialect.is_text(column)
            else prefix + dialect.quote(column.name)
            for column in columns
        )
