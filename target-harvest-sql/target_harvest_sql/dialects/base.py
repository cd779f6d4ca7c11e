"""What a database must say about itself. A dialect is text: it opens no connection."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from target_harvest_sql.dialects.decimals import Decimals
from target_harvest_sql.dialects.declared import declared_row
from target_harvest_sql.dialects.held_kinds import held_kind, without_size
from target_harvest_sql.dialects.hints import hint
from target_harvest_sql.dialects.upserts import OnConflict
from target_harvest_sql.dialects.widening import widening

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_harvest_sql.columns import Column, Form, Kind, Table
    from target_harvest_sql.dialects.declared import Declared
    from target_harvest_sql.dialects.distribution import DistributionStatements
    from target_harvest_sql.dialects.held_kinds import Held
    from target_harvest_sql.dialects.upserts import Upserts
    from target_harvest_sql.dialects.widening import Widening


class Swap(NamedTuple):
    """A table that takes the place of another."""

    table: Table
    """The table to replace, if it exists."""
    filled: Table
    """The table that takes its place."""
    replaced: Table | None
    """A name that the old table may have for a moment; `None` if there is no old table."""


class LeaseStatements(NamedTuple):
    """Locks that are rows of a table; `{}` stands for the name of that table.

    Bound are `name`, the table that is locked, and `owner`, the run that locks it.
    """

    make: str
    """Creates the table, unless it exists."""
    claim: str
    """Inserts the row of a table, unless there is one."""
    look: str
    """Gives the owner of a row, and how often it was renewed."""
    take_over: str
    """Makes another run the owner, if the row is as `old_owner` and `old_renewals` say."""
    renew: str
    """Changes all rows of an owner."""
    changed: str
    """Gives how many rows the last statement has changed."""
    release: str
    """Deletes all rows of an owner."""


LOCK_TIMEOUT_SECONDS: Final = 60
"""How long a row or a table is waited for that another program holds, unless the server or its user
have a limit of their own."""


class Dialect(ABC):
    """A database's types, limits and statements.

    Methods that end in `_sql` return statements; names in them are quoted, values bound by name.
    """

    name: ClassVar[str]
    """As at the beginning of `sqlalchemy_url`."""

    extra: ClassVar[str] = ""
    """The extra of this package that installs the driver; none where Python brings it."""

    example_url: ClassVar[str]
    """An `sqlalchemy_url` as most users have it."""

    max_name_length: ClassVar[int]
    """The longest name of a table or column, as `name_length` counts."""

    ignores_case: ClassVar[bool]
    """Whether quoted names that differ only in case are one name."""

    has_schemas: ClassVar[bool]
    """Whether tables live in SQL namespaces."""

    keeps_nul: ClassVar[bool]
    """Whether text may hold the character U+0000; where not, U+FFFD takes its place."""

    lossy_kinds: ClassVar[frozenset[Kind]]
    """Kinds whose JSON numbers lose the digits that a double does not keep. Such a number is
    refused, but for those of `KINDS_OF_TEXT`, which are sent as text. If `json` is one of them,
    numbers with a fraction or an exponent inside JSON lose such digits."""

    keeps_json_integers: ClassVar[bool] = True
    """Whether JSON keeps integers beyond 64 bits."""

    second_digits: ClassVar[int] = 6
    """How many digits of a second columns of date-times and times keep, where they are no text.
    A value with more is refused."""

    nulls_misfits: ClassVar[bool] = False
    """Whether an object where a column takes a value, or the reverse, is read as null. If so,
    records are held against the shape of the table, even where they are not validated."""

    types: ClassVar[Mapping[Kind, str]]
    """The column type of each kind, as the database reports it back."""

    held_kinds: ClassVar[Sequence[Held]] = ()
    """What columns of other types than those of `types` hold. The first row that fits is taken,
    even if `types` has its type too."""

    widenings: ClassVar[Sequence[Widening]] = ()
    """How columns get wider types. The first row that fits is taken."""

    decimals: ClassVar[Decimals] = Decimals()
    """Which columns become decimals of limited size, whatever `types` says."""

    foreign_types: ClassVar[Mapping[tuple[str, Form], str]] = {}
    """Column types that other programs make and this one does not, with the form of values that
    each holds: how a value is converted, with `{}` for the value."""

    declared_types: ClassVar[Sequence[Declared]] = ()
    """Further column types, which hold values only where a schema has named the type."""

    parameter_form: ClassVar[str] = ":{}"
    """The place of a bound value, with `{}` for its name; after `%(` drivers read `%` as theirs."""

    hints: ClassVar[Mapping[str, str]] = {}
    """What to do about errors, as `by_error` makes it."""

    open_sql: ClassVar[Sequence[str]] = ()
    """Run once on a new connection."""

    begin_sql: ClassVar[str] = "BEGIN"
    """Begins a transaction that will write."""

    transaction_settings_sql: ClassVar[Sequence[str]] = ()
    """Settings of each transaction; run after `begin_sql`."""

    has_lanes: ClassVar[bool] = True
    """Whether several connections may write to a table at once."""

    lock_sql: ClassVar[str] = ""
    """Takes a table for a connection until that is closed; gives true, or false if another one has
    it. Bound are `schema` (null for the default one) and `table`. Empty where there is no lock."""

    alone_sql: ClassVar[Sequence[str]] = ()
    """Fail while another process has the database open. Empty where a table's lock, or the database
    itself, keeps other runs away."""

    held_sql: ClassVar[str] = ""
    """Gives true if the connection that asks has the lock of `lock_sql`. Bound are the same."""

    leases: ClassVar[LeaseStatements | None] = None
    """Takes the place of `lock_sql` where the database has several nodes that take writes."""

    distribution: ClassVar[DistributionStatements | None] = None
    """Distributes tables over the nodes of a cluster, where the database is one."""

    transaction_sql: ClassVar[str] = ""
    """Asks for the number of the current transaction; empty where nothing tells of its outcome."""

    rights_sql: ClassVar[str] = ""
    """Asks for the statements that give a table the rights of the one that it replaces, a row each.
    Bound are `schema`, `table` (the old table) and `filled` (the new one); the statements are run
    when the new table has the old one's name. Empty where nothing is lost, or nothing can be kept.
    """

    outcome_sql: ClassVar[str] = ""
    """Asks what became of the transaction bound as `number`: `committed`, `aborted` or `in
    progress`; null if that is not known."""

    batch_start: ClassVar[bytes] = b"["
    batch_separator: ClassVar[bytes] = b","
    batch_end: ClassVar[bytes] = b"]"
    """What stands before, between and after the elements of a batch."""

    upserts: ClassVar[Upserts] = OnConflict()
    """How a batch updates the rows of its keys."""

    statement_rows: ClassVar[int] = 1_000_000
    """How many elements of a batch one statement takes best; a batch is one transaction still."""

    list_length: ClassVar[int] = 0
    """How many values a list within an element holds, where elements are lists and paths are
    positions; 1 where each value stands in the element itself."""

    def of_server(self, version: str) -> Dialect:  # noqa: ARG002 - most need not know.
        """The dialect of a server that calls its version so."""
        return self

    def hint(self, code: str, text: str) -> str:
        """Say what to do about an error; empty if nothing is known."""
        return hint(self.hints, code, text)

    def is_text(self, column: Column) -> bool:
        """Whether two texts are two values in a column, whatever they mean; so with JSON's text."""
        if column.foreign_type or self.decimals.type_sql(column):
            return False
        return column.kind == "json" or self.types[column.kind] == self.types["string"]

    def wants_plain_digits(self, column: Column) -> bool:
        """Whether a number is read from its digits alone, so that it may have no exponent."""
        return self.decimals.wants_plain_digits and self.decimals.type_sql(column) is not None

    def scale_of(self, column: Column) -> int | None:
        """How many digits after the point a column keeps; `None` if any, or as a double."""
        return column.size.scale if self.decimals.type_sql(column) else None

    @property
    def bare_types(self) -> frozenset[str]:
        """The types of columns that are made here, without their sizes."""
        return frozenset(map(without_size, self.types.values()))

    def is_ours(self, column_type: str) -> bool:
        """Whether columns that are made here have this type, whatever its size."""
        return without_size(column_type) in self.bare_types

    # Names

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

    def type_sql(self, table: Table, column: Column) -> str:  # noqa: ARG002 - keys may differ.
        """Name the type that a column of a table is made with."""
        return self.decimals.type_sql(column) or self.types[column.kind]

    def new_type_sql(self, table: Table, column: Column) -> str:
        """Name the type of a new column: the one that the schema names, or ours."""
        is_text_key = column in table.keys and self.is_text(column)  # Its collation matters.
        declared = "" if is_text_key else column.declared_type
        return self.plain(declared) or self.type_sql(table, column)

    def moment(self, text: str) -> str:
        """Read text as a value for a column of date-times."""
        return text

    # Tables

    def schema_sql(self) -> str:
        """Ask for the schema bound as `schema`; no row means that there is none."""
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
        """What a user should know of a table that is made; empty if there is nothing to say."""
        return ""

    def drop_table_sql(self, table: Table) -> str:
        """Drop a table if it exists."""
        return f"DROP TABLE IF EXISTS {self.table_name(table)}"

    @abstractmethod
    def columns_sql(self) -> str:
        """Ask for a table's columns: name, type, and whether it is part of the primary key.

        Bound are `schema` (null for the default one) and `table`. No row means no table.
        """

    def tables_sql(self) -> str:
        """Ask for the names of the tables in the schema bound as `schema`, or the default one."""
        return (
            "SELECT table_name\n"
            "FROM information_schema.tables\n"
            f"WHERE table_schema = coalesce({self.parameter('schema')}, current_schema())"
        )

    def has_rows_sql(self, table: Table) -> str:
        """Ask whether a table has rows: 1, or 0."""
        name = self.table_name(table)
        return f"SELECT CASE WHEN EXISTS (SELECT 1 FROM {name}) THEN 1 ELSE 0 END"  # noqa: S608 - names are quoted.

    def add_column_sql(self, table: Table, column: Column) -> str:
        """Add a column; rows that exist get null."""
        definition = f"{self.quote(column.name)} {self.new_type_sql(table, column)}"
        return f"ALTER TABLE {self.table_name(table)} ADD COLUMN {definition}"

    def grant_select_sql(self, table: Table, role: str) -> list[str]:  # noqa: ARG002 - most differ.
        """Let a role read a table; nothing where the database has no users."""
        return []

    def grant_schema_sql(self, schema: str, role: str) -> list[str]:  # noqa: ARG002 - as above.
        """Let a role use a schema; nothing where reading its tables needs no more than SELECT."""
        return []

    def comments_sql(self, table: Table) -> list[str]:
        """Describe the columns in the database; nothing where it cannot hold descriptions."""
        return [
            f"COMMENT ON COLUMN {self.table_name(table)}.{self.quote(column.name)} "
            f"IS {self.literal(column.description)}"
            for column in table.columns
            if column.description
        ]

    def held(self, column_type: str, column: Column) -> Column | None:
        """Say as what a column of a type that exists holds the values of a column.

        Returns:
            The column as its values are to be read; `None` if they cannot be held.
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
        digits = self.second_digits_of(column_type)
        is_coarse = kind in {"date-time", "time"} and digits < self.second_digits
        return replace(column, kind=kind, second_digits=digits if is_coarse else None)

    def converted(self, value: str, column: Column) -> str:
        """Convert a value for a column of a type that is not ours."""
        if not column.foreign_type:
            return value
        if found := declared_row(self.declared_types, column.foreign_type, column):
            row, type_ = found
            return row.conversion.format(value=value, type=self.plain(type_))
        return self.foreign_types[column.foreign_type, column.form].format(value)

    def second_digits_of(self, column_type: str) -> int:
        """How many digits of a second a type keeps."""
        told = re.search(r"\((\d)\)", column_type)
        return int(told[1]) if told else self.second_digits

    def held_kind(self, column_type: str, kind: Kind) -> Kind | None:
        """Say as what kind a column of a type that exists holds values of a kind.

        Returns:
            The kind to read values as; `None` if the column cannot hold them.
        """
        found = held_kind(self.held_kinds, column_type, kind)
        return found or (kind if self.types[kind] == column_type else None)

    def widen_sql(self, table: Table, column: Column, column_type: str) -> list[str]:
        """Change the type of a column that exists to one that holds old and new values.

        Returns:
            The statements; none if `widenings` has none for the type and the kind.
        """
        is_key = column in table.keys
        if size := self.decimals.size_of(column_type):
            column = replace(column, size=size.joined(column.size))
        kind = "sized" if self.decimals.type_sql(column) else column.kind
        row = widening(self.widenings, column_type, kind)
        if row is None or (is_key and not row.fits_keys):
            return []
        return row.sql(self.blanks(table, column))

    def blanks(self, table: Table, column: Column) -> dict[str, str]:
        """Give the parts of the statements that widen a column.

        Args:
            table: The table.
            column: The column as it is to be.

        Returns:
            By name: `table`, the name of the table; `column`, that of the column; `type`, its new
            type; `new`, the name of a column that takes the place of the old one.
        """
        return {
            "table": self.table_name(table),
            "column": self.quote(column.name),
            "type": self.type_sql(table, column),
            "new": self.quote(self.widened_name(column)),
        }

    def widened_name(self, column: Column) -> str:
        """Name the column that takes the place of another one."""
        ending = "__widened"
        return column.name[: self.max_name_length - len(ending)] + ending

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
        """Insert a batch, or update by key; a row that has not changed is not rewritten."""
        return self.upserts.upsert_sql(self, table)

    def delete_sql(self, table: Table) -> list[str]:
        """Delete the rows whose keys are in a batch, unless they are newer."""
        name = self.table_name(table) + (" AS old" if table.newest else "")
        rows = self.newer_keys_sql(table, table.newest) if table.newest else None
        statement = (
            f"DELETE FROM {name}\n"  # noqa: S608 - names are quoted.
            f"WHERE ({self.names(table.keys)}) IN (\n{rows or self.rows_sql(table.keys)}\n)"
        )
        return [statement]

    def newer_keys_sql(self, table: Table, newest: Column) -> str:
        """Read the keys of a batch, but for rows that are older than those of the table, `old`."""
        raise NotImplementedError

    def key_sql(self, column: Column, value: str) -> str:  # noqa: ARG002 - most need no cast.
        """Write a value as its column holds it, so that an index finds it."""
        return value

    def is_older_sql(self, newest: Column, new: str, old: str) -> str:  # noqa: ARG002 - texts may.
        """Say whether a value of the column that tells is older; null if either has none."""
        return f"{new} < {old}"

    # Versions

    def activate_version_sql(self, table: Table, *, hard_delete: bool) -> str:
        """Delete, or mark as deleted, the rows of versions before the one bound as `version`.

        Rows without a version came before versions were sent, and are older than all. A row that
        is marked already keeps its mark. `deleted_at` is bound as well, unless `hard_delete`.
        """
        name, version = self.table_name(table), self.quote("_sdc_table_version")
        older = f"({version} IS NULL OR {version} < {self.parameter('version')})"
        if hard_delete:
            return f"DELETE FROM {name}\nWHERE {older}"  # noqa: S608 - names are quoted.
        mark = self.quote("_sdc_deleted_at")
        deleted_at = self.moment(self.parameter("deleted_at"))
        return f"UPDATE {name}\nSET {mark} = {deleted_at}\nWHERE {older} AND {mark} IS NULL"

    def swap_sql(self, swaps: Sequence[Swap]) -> list[str]:
        """Put new tables in place of old ones: all of them, or none. A transaction is open."""
        return [statement for swap in swaps for statement in self._swap_sql(swap)]

    def _swap_sql(self, swap: Swap) -> list[str]:
        name = self.quote(swap.table.name)
        return [
            self.drop_table_sql(swap.table),
            f"ALTER TABLE {self.table_name(swap.filled)} RENAME TO {name}",
        ]
