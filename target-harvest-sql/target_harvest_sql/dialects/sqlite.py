"""SQLite: a file, and nothing to install."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from target_harvest_sql.dialects.base import Dialect
from target_harvest_sql.dialects.sqlite_hints import HINTS
from target_harvest_sql.dialects.upserts import OnConflict
from target_harvest_sql.dialects.widening import Widening

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_harvest_sql.columns import Column, Kind, Table


AS_TEXT: Mapping[Kind, Kind] = {"boolean": "json", "integer": "decimal", "number": "decimal"}
"""The kinds that a column of text reads other kinds as, to keep them as JSON writes them. The
operator ->> would make 1 of true, and SQLite's own text of a number has 15 digits."""

# A declared type cannot be changed: https://www.sqlite.org/lang_altertable.html
REWRITE = (
    "ALTER TABLE {table} ADD COLUMN {new} {type}",
    "UPDATE {table} SET {new} = {value}",
    "ALTER TABLE {table} DROP COLUMN {column}",
    "ALTER TABLE {table} RENAME COLUMN {new} TO {column}",
)

WIDENINGS = (
    Widening(
        {"BOOLEAN"},
        {"json", "string"},
        REWRITE,
        "CASE {column} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE {column} END",
    ),
    Widening({"INTEGER", "REAL"}, {"decimal", "json", "string"}, REWRITE, "every_digit({column})"),
)
"""SQLite cannot drop a column of the key. A value becomes text as JSON writes it."""

TYPES: Mapping[Kind, str] = {
    "boolean": "BOOLEAN",
    "date": "TEXT",
    "date-time": "TEXT",
    "decimal": "TEXT",
    "integer": "INTEGER",
    "json": "TEXT",
    "number": "REAL",
    "string": "TEXT",
    "time": "TEXT",
}


class Affinity:
    """Says what columns hold by the affinity of their declared types.

    SQLite manual, "Datatypes In SQLite": https://www.sqlite.org/datatype3.html
    """

    def read_as(self, column_type: str, kind: Kind) -> Kind | None:
        """Say as what kind a column of a type holds values of a kind; `None` if it does not."""
        declared = column_type.upper()
        if TYPES[kind] == declared:
            return kind
        if kind in {"date", "date-time", "time"} and ("DATE" in declared or "TIME" in declared):
            return kind  # Such a column keeps text, unless it is a number.
        if "CHAR" in declared or "CLOB" in declared or "TEXT" in declared:
            return AS_TEXT.get(kind, "string")
        if "boolean" in {kind, declared.lower()} and declared in TYPES.values():
            return (
                None  # A truth value and a number are both 1 here; text could not tell them apart.
            )
        if kind == "integer" and any(part in declared for part in ("REAL", "FLOA", "DOUB")):
            return "number"
        return kind if kind in {"boolean", "integer", "number"} else None


class SQLite(Dialect):
    """SQLite 3.38 or newer.

    Measured on entries of 30 columns, in microseconds of this process a record: lists 17, without
    the lock of Python; objects 20, though they save 2 where records are read. `executemany` of
    parsed tuples takes 15, but waits for the lock of Python at each row: beside a busy thread it
    takes half as long again as lists.

    SQLite manual, "JSON Functions And Operators": https://www.sqlite.org/json1.html
    """

    name = "sqlite"
    example_url = "sqlite:///harvest.db"
    max_name_length = 255  # SQLite has no limit; this one is ours.
    ignores_case = True
    has_lanes = False  # One connection writes at a time.
    has_schemas = False
    keeps_nul = False  # The operator ->> ends text at U+0000 before 3.51.
    list_length = 1
    lossy_kinds = frozenset({"number", "string"})
    types: ClassVar[Mapping[Kind, str]] = TYPES
    held_kinds = Affinity()
    widenings = WIDENINGS
    hints = HINTS
    open_sql = (
        "PRAGMA journal_mode = WAL",
        # NORMAL may lose commits in WAL mode when the power fails, after their states were printed.
        # https://www.sqlite.org/pragma.html#pragma_synchronous
        "PRAGMA synchronous = FULL",
        "PRAGMA legacy_alter_table = ON",  # A view of a table must not stop its swap.
    )
    begin_sql = "BEGIN IMMEDIATE"
    # WAL mode can end only if no other connection is open. The first statement turns waiting off.
    # https://www.sqlite.org/wal.html#persistence_of_wal_mode
    alone_sql = ("PRAGMA busy_timeout = 0", "PRAGMA journal_mode = DELETE")
    upserts = OnConflict(
        differs="IS NOT",
        before_conflict="WHERE true\n",  # Without it, SQLite reads ON as a join condition.
    )
    statement_rows = 1000  # More take memory, and are no faster.

    each: ClassVar[str] = "json_each"
    """The table function that reads the elements of a batch."""

    @override
    def of_server(self, version: str) -> Dialect:
        return SQLiteJSONB() if tuple(map(int, version.split("."))) >= (3, 51) else self

    @override
    def columns_sql(self) -> str:
        return "SELECT name, type, pk > 0\nFROM pragma_table_info(:table)\nWHERE :schema IS NULL"

    @override
    def tables_sql(self) -> str:
        return "SELECT name FROM sqlite_master WHERE type = 'table' AND :schema IS NULL"

    @override
    def comments_sql(self, table: Table) -> list[str]:
        return []

    @override
    def rows_sql(self, columns: Sequence[Column]) -> str:
        # Materialized, since json_each would write an element again for each use.
        return (
            "WITH batch AS MATERIALIZED (\n"  # noqa: S608 - names are quoted.
            f"  SELECT value FROM {self.each}(CAST(:batch AS TEXT))\n"
            ")\n"
            f"SELECT {', '.join(self._value_sql(column) for column in columns)}\n"
            "FROM batch"
        )

    def _value_sql(self, column: Column) -> str:
        [path] = column.path
        if column.kind == "json":
            return f"NULLIF(value -> {path}, 'null')"
        if column.kind == "decimal":
            # The operator ->> has no more digits of a number than a double, -> leaves escapes.
            is_text = f"json_type(value, '$[{path}]') = 'text'"
            return f"iif({is_text}, value ->> {path}, NULLIF(value -> {path}, 'null'))"
        return f"value ->> {path}"

    @override
    def is_older_sql(self, newest: Column, new: str, old: str) -> str:
        if newest.kind == "date-time":  # Stored as the text that was sent.
            new, old = f"instant({new})", f"instant({old})"
        return f"{new} < {old}"

    @override
    def newer_keys_sql(self, table: Table, newest: Column) -> str:
        old = f"old.{self.quote(newest.name)}"
        is_older = self.is_older_sql(newest, self._value_sql(newest), old)
        return f"{self.rows_sql(table.keys)}\nWHERE ({is_older}) IS NOT TRUE"


class SQLiteJSONB(SQLite):
    """SQLite 3.51 or newer, whose jsonb_each parses each element once.

    SQLite manual, "The jsonb_each() and jsonb_tree() functions": https://www.sqlite.org/json1.html
    """

    each = "jsonb_each"
