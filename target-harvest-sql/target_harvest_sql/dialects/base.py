"""The statements of a database. A dialect is text: it opens no connection."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from target_harvest_sql.columns import Size
from target_harvest_sql.dialects.declared import declared_row
from target_harvest_sql.dialects.facts import Facts
from target_harvest_sql.dialects.held_kinds import second_digits, without_size
from target_harvest_sql.dialects.hints import hint
from target_harvest_sql.dialects.spelling import Spelling
from target_harvest_sql.dialects.versions import activate_version_sql
from target_harvest_sql.dialects.widening import widen_sql, widened_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_harvest_sql.columns import Column, Kind, Table
    from target_harvest_sql.dialects.swaps import Swap


LOCK_TIMEOUT_SECONDS: Final = 60
"""How long a statement waits for a row or a table that another program holds, unless the server or
the user has a limit."""


class Dialect(Facts, Spelling, ABC):
    """A database: what it declares, and its statements.

    A method that ends in `_sql` returns statements. Names in them are quoted, and values are bound
    by name.
    """

    def of_server(self, version: str) -> Dialect:  # noqa: ARG002 - most need not know.
        """The dialect of a server with this version."""
        return self

    def hint(self, code: str, text: str) -> str:
        """Say what to do about an error; empty if nothing is known."""
        return hint(self.hints, code, text)

    def is_text(self, column: Column) -> bool:
        """Whether a column holds text, so that two spellings of a value are two values."""
        if column.foreign_type or self.decimals.type_sql(column):
            return False
        return column.kind == "json" or self.types[column.kind] == self.types["string"]

    def wants_plain_digits(self, column: Column) -> bool:
        """Whether a number must be sent without an exponent."""
        return self.decimals.wants_plain_digits and self.decimals.type_sql(column) is not None

    def scale_of(self, column: Column) -> int | None:
        """How many digits after the point a column keeps; `None` if the type has no limit."""
        return column.size.scale if self.decimals.type_sql(column) else None

    @property
    def bare_types(self) -> frozenset[str]:
        """The types of columns that are made here, without their sizes."""
        return frozenset(map(without_size, self.types.values()))

    def is_ours(self, column_type: str) -> bool:
        """Whether columns that are made here have this type, whatever its size."""
        return without_size(column_type) in self.bare_types

    def type_sql(self, table: Table, column: Column) -> str:  # noqa: ARG002 - keys may differ.
        """Name the type of a column, as the target chooses it."""
        return self.decimals.type_sql(column) or self.types[column.kind]

    def new_type_sql(self, table: Table, column: Column) -> str:
        """Name the type of a new column: the type that the schema names, or the target's."""
        is_text_key = column in table.keys and self.is_text(column)  # Its collation matters.
        declared = "" if is_text_key else column.declared_type
        return self.plain(declared) or self.type_sql(table, column)

    def moment(self, text: str) -> str:
        """Convert text to a date-time."""
        return text

    # Tables

    def schema_sql(self) -> str:
        """Ask for the schema whose name is bound as `schema`; no row if it does not exist."""
        return (
            "SELECT schema_name\n"
            "FROM information_schema.schemata\n"
            f"WHERE schema_name = {self.parameter('schema')}"
        )

    def create_schema_sql(self, schema: str) -> str:
        """Create a schema unless it exists."""
        return f"CREATE SCHEMA IF NOT EXISTS {self.quote(schema)}"

    def create_table_sql(self, table: Table) -> str:
        """Create a table with its primary key."""
        lines = [
            f"{self.quote(column.name)} {self.new_type_sql(table, column)}"
            + (" NOT NULL" if column in table.keys else "")
            for column in table.columns
        ]
        if table.keys:
            lines.append(f"PRIMARY KEY ({self.names(table.keys)})")
        return f"CREATE TABLE {self.table_name(table)} (\n  " + ",\n  ".join(lines) + "\n)"

    def creation_warning(self, table: Table) -> str:  # noqa: ARG002 - most have none.
        """A warning to log when a table is created; empty if nothing is wrong."""
        return ""

    def drop_table_sql(self, table: Table) -> str:
        """Drop a table if it exists."""
        return f"DROP TABLE IF EXISTS {self.table_name(table)}"

    @abstractmethod
    def columns_sql(self) -> str:
        """Ask for the columns of a table: name, type, and whether the primary key has the column.

        Bound are `schema` (null for the default schema) and `table`. No row if the table does not
        exist.
        """

    def tables_sql(self) -> str:
        """Ask for the tables of a schema. Bound is `schema`, null for the default schema."""
        return (
            "SELECT table_name\n"
            "FROM information_schema.tables\n"
            f"WHERE table_schema = coalesce({self.parameter('schema')}, current_schema())"
        )

    def has_rows_sql(self, table: Table) -> str:
        """Ask whether a table has rows. The result is 1 or 0."""
        name = self.table_name(table)
        return f"SELECT CASE WHEN EXISTS (SELECT 1 FROM {name}) THEN 1 ELSE 0 END"  # noqa: S608 - names are quoted.

    def add_column_sql(self, table: Table, column: Column) -> str:
        """Add a column. Existing rows get null."""
        definition = f"{self.quote(column.name)} {self.new_type_sql(table, column)}"
        return f"ALTER TABLE {self.table_name(table)} ADD COLUMN {definition}"

    def grant_select_sql(self, table: Table, role: str) -> list[str]:  # noqa: ARG002 - most differ.
        """Let a role read a table. Empty if the database has no users."""
        return []

    def grant_schema_sql(self, schema: str, role: str) -> list[str]:  # noqa: ARG002 - as above.
        """Let a role use a schema. Empty if the right to SELECT from its tables is enough."""
        return []

    def comments_sql(self, table: Table) -> list[str]:
        """Describe the columns. Empty if the database holds no descriptions."""
        return [
            f"COMMENT ON COLUMN {self.table_name(table)}.{self.quote(column.name)} "
            f"IS {self.literal(column.description)}"
            for column in table.columns
            if column.description
        ]

    def held(self, column_type: str, column: Column) -> Column | None:
        """Say how an existing column of a type holds the values of a column.

        Returns:
            The column with the kind that its values are to be read as; `None` if the type does not
            hold all values.
        """
        if (column_type.lower(), column.form) in self.foreign_types:
            return replace(column, foreign_type=column_type.lower())
        if size := self.decimals.size_of(column_type):
            return self.decimals.held(size, column)
        kind = self.held_kind(column_type, column.kind)
        if kind is None:
            is_named = column.declared_type and not column.is_key
            found = is_named and declared_row(self.declared_types, column_type, column)
            return replace(column, foreign_type=column_type) if found else None
        digits = self.coarse_digits(column_type) if kind in {"date-time", "time"} else None
        # The size is that of a new column, and says nothing of one that exists.
        return replace(column, kind=kind, second_digits=digits, size=Size())

    def held_kind(self, column_type: str, kind: Kind) -> Kind | None:
        """Say as what kind a type holds values of a kind; `None` if it does not hold them."""
        found = self.held_kinds.read_as(column_type, kind)
        return found or (kind if self.types[kind] == column_type else None)

    def coarse_digits(self, column_type: str) -> int | None:
        """How many digits of a second a type keeps; `None` if it keeps `second_digits` or more."""
        digits = second_digits(column_type, self.type_second_digits)
        return None if digits is None or digits >= self.second_digits else digits

    def converted(self, value: str, column: Column) -> str:
        """Convert a value for a column whose type the target does not choose."""
        if not column.foreign_type:
            return value
        if found := declared_row(self.declared_types, column.foreign_type, column):
            row, type_ = found
            return row.conversion.format(value=value, type=self.plain(type_))
        return self.foreign_types[column.foreign_type, column.form].format(value)

    def widen_sql(self, table: Table, column: Column, column_type: str) -> list[str]:
        """Change the type of an existing column to one that holds old and new values.

        Returns:
            The statements; none if `widenings` has none for the type and the kind.
        """
        return widen_sql(self, table, column, column_type)

    def blanks(self, table: Table, column: Column) -> dict[str, str]:
        """Give the parts of the statements that widen a column, by their names in `widenings`."""
        return {
            "table": self.table_name(table),
            "column": self.quote(column.name),
            "type": self.type_sql(table, column),
            "new": self.quote(widened_name(column, self.max_name_length)),
        }

    # Rows

    def exact_sql(self, column: Column, value: str) -> str:  # noqa: ARG002 - few types need it.
        """Write a value of a column so that it equals no other value."""
        return value

    @abstractmethod
    def rows_sql(self, columns: Sequence[Column]) -> str:
        """Read a batch, bound as `batch`, as rows of the columns."""

    def append_sql(self, table: Table) -> list[str]:
        """Insert a batch."""
        statement = (
            f"INSERT INTO {self.table_name(table)} ({self.names(table.columns)})\n"
            f"{self.rows_sql(table.columns)}"
        )
        return [statement]

    def upsert_sql(self, table: Table) -> list[str]:
        """Insert a batch, or update by key. An unchanged row is not written again."""
        return self.upserts.upsert_sql(self, table)

    def delete_sql(self, table: Table) -> list[str]:
        """Delete the rows whose keys are in a batch, unless they are newer."""
        return self.deletes.delete_sql(self, table)

    def newer_keys_sql(self, table: Table, newest: Column) -> str:
        """Read the keys of a batch, but for rows that are older than those of the table, `old`."""
        raise NotImplementedError

    def key_sql(self, column: Column, value: str) -> str:  # noqa: ARG002 - most need no cast.
        """Convert a value to the type of its column, so that the database can use an index."""
        return value

    def is_older_sql(self, newest: Column, new: str, old: str) -> str:  # noqa: ARG002 - texts may.
        """Compare two values of the column `newest`; null if one of them is null."""
        return f"{new} < {old}"

    # Versions

    def activate_version_sql(self, table: Table, *, hard_delete: bool) -> str:
        """Delete, or mark as deleted, the rows of versions before the one bound as `version`.

        `deleted_at` is bound as well, unless `hard_delete`.
        """
        return activate_version_sql(self, table, hard_delete=hard_delete)

    def swap_sql(self, swaps: Sequence[Swap]) -> list[str]:
        """Put new tables in place of old ones, all or none. A transaction is open."""
        return self.swaps.swap_sql(self, swaps)
