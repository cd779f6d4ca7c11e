"""PostgreSQL."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from target_harvest_sql.columns import ARRAYS
from target_harvest_sql.dialects.base import LOCK_TIMEOUT_SECONDS, Dialect
from target_harvest_sql.dialects.declared import Declared
from target_harvest_sql.dialects.held_kinds import ANY, Held, HeldTable
from target_harvest_sql.dialects.postgres_hints import HINTS
from target_harvest_sql.dialects.postgres_rights import RIGHTS_SQL
from target_harvest_sql.dialects.widening import Widening

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_harvest_sql.columns import Column, Form, Kind, Table


HELD = HeldTable(
    Held({"jsonb"}, ANY, "json"),
    Held({"text", "character varying"}, ANY, "string"),
    Held({"integer", "smallint"}, {"integer"}, "integer"),
    Held({"numeric"}, {"integer"}, "number"),
    # A timestamp without time zone holds UTC.
    Held(
        {"timestamp with time zone", "timestamp without time zone"},
        {"date", "date-time"},
        "date-time",
    ),
)

ALTER = ("ALTER TABLE {table} ALTER COLUMN {column} TYPE {type} USING {value}",)
INTEGERS = ("smallint", "integer", "bigint")
FLOATS = ("real", "double precision")

WIDENINGS = (
    Widening(None, {"json"}, ALTER, "to_jsonb({column})", fits_keys=True),
    # The text of a float has every digit.
    Widening(
        FLOATS, {"decimal", "number", "string"}, ALTER, "{column}::text::{type}", fits_keys=True
    ),
    Widening(None, {"string"}, ALTER, "{column}::{type}", fits_keys=True),
    Widening(
        {*INTEGERS, "numeric"}, {"decimal", "number"}, ALTER, "{column}::{type}", fits_keys=True
    ),
    Widening({"date"}, {"date-time"}, ALTER, "{column}::{type}", fits_keys=True),
)


def _array(elements: str) -> str:
    """Convert a JSON array, of which an expression gives the elements."""
    return f"CASE WHEN {{0}} IS NOT NULL THEN ARRAY(SELECT {elements}) END"


TEXTS = _array("jsonb_array_elements_text({0})")

ENUM = "enum "
"""What `columns_sql` writes before the name of an enumeration."""

DOMAIN = "domain "
"""What it writes before the type of a domain, in place of the domain's name."""

DECLARED = (
    Declared(
        rf"(?:{ENUM})?((?<={ENUM}).+|(?:.+\.)?(?:cidr|citext|inet|ltree|macaddr8?|uuid))",
        {"string"},
        "({value})::{type}",
    ),
    Declared(
        r"((?:smallint|integer|bigint)\[\])",
        {"integers", "nested integers"},
        "translate(({value})::text, '[]', '{{}}')::{type}",
    ),
    Declared(
        r"((?:text|character varying)\[\])",
        {"nested texts"},
        "CASE WHEN {value} IS NOT NULL THEN ARRAY(SELECT ARRAY(SELECT "
        "jsonb_array_elements_text(part)) FROM jsonb_array_elements({value}) AS part) END",
    ),
)

SYSTEM_COLUMNS = frozenset({"cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"})
"""Columns that each table has:
https://www.postgresql.org/docs/current/ddl-system-columns.html"""


LOCK = (
    "hashtextextended('target-harvest-sql ' || coalesce(%(schema)s, current_schema()) || '.' || "
    "%(table)s, 0)"
)
"""The number of a table's lock."""


class PostgreSQL(Dialect):
    """PostgreSQL 12 or newer.

    Args:
        variants: The dialects of servers with an extension, by the name in their version.

    Elements are lists, since jsonb sorts the names of each object that it reads. Measured on
    entries of 30 columns, in microseconds of the server and of this process a record, with INSERT:

    * lists: 13.5 and 3.9
    * objects: 23.5 and 2.4
    * one list for each column: 29.5 and 4.4
    * json_to_recordset of objects with short names: 26.0 and 4.2
    * JSON_TABLE of such objects: 18.2 and 3.9
    * COPY of ready rows: 9.8 of the server

    PostgreSQL manual, "JSON Functions and Operators":
    https://www.postgresql.org/docs/current/functions-json.html
    """

    name = "postgresql"
    extra = "postgres"
    example_url = "postgresql://user:password@host/database"
    max_name_length = 63  # https://www.postgresql.org/docs/current/limits.html
    ignores_case = False
    has_schemas = True
    keeps_nul = False
    lossy_kinds = frozenset()
    types: ClassVar[Mapping[Kind, str]] = {
        "boolean": "boolean",
        "date": "date",
        "date-time": "timestamp with time zone",
        "decimal": "numeric",
        "integer": "bigint",
        "json": "jsonb",
        "number": "numeric",
        "string": "text",
        "time": "time without time zone",
    }
    held_kinds = HELD
    widenings = WIDENINGS
    foreign_types: ClassVar[Mapping[tuple[str, Form], str]] = {
        ("uuid", "uuid"): "({})::uuid",
        ("bytea", "base16"): "decode(regexp_replace({}, '^.x', ''), 'hex')",
        ("bytea", "base64"): "decode({}, 'base64')",
        ("text[]", "texts"): TEXTS,
        ("character varying[]", "texts"): TEXTS,
        ("bigint[]", "integers"): _array("jsonb_array_elements_text({0})::bigint"),
        **{("jsonb[]", form): _array("jsonb_array_elements({0})") for form in ARRAYS},
    }
    declared_types = DECLARED
    parameter_form = "%({})s"
    hints: ClassVar[Mapping[str, str]] = HINTS
    list_length = 1
    open_sql: ClassVar[Sequence[str]] = (
        "SET TIME ZONE 'UTC'",  # A date-time without an offset is UTC.
        # The server must not end an idle connection. Before PostgreSQL 14 there is no such limit.
        "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'",
        # Without a limit, a statement would wait for ever for the lock of another program.
        (
            f"SELECT set_config('lock_timeout', '{LOCK_TIMEOUT_SECONDS}s', false)\n"
            "WHERE current_setting('lock_timeout') = '0'"
        ),
    )
    statement_rows = 1000  # More take longer for each row, fewer are planned too often.
    lock_sql = f"SELECT pg_try_advisory_lock({LOCK})"
    held_sql = (
        "SELECT count(*) > 0\n"
        "FROM pg_locks\n"
        "WHERE locktype = 'advisory' AND objsubid = 1 AND granted AND pid = pg_backend_pid()\n"
        f"  AND (classid::bigint << 32 | objid::bigint) = {LOCK}"
    )
    transaction_sql = "SELECT txid_current()"
    rights_sql = RIGHTS_SQL
    outcome_sql = "SELECT txid_status(%(number)s)"

    def __init__(self, variants: Mapping[str, Dialect] = MappingProxyType({})) -> None:
        self._variants = variants

    @override
    def of_server(self, version: str) -> Dialect:
        return next((d for name, d in self._variants.items() if name in version), self)

    @override
    def name_length(self, name: str) -> int:
        return len(name.encode())

    @override
    def spell(self, name: str) -> str:
        return f"{name}_" if name in SYSTEM_COLUMNS else super().spell(name)

    @override
    def columns_sql(self) -> str:
        return (
            "SELECT attname, CASE typtype\n"
            f"  WHEN 'd' THEN '{DOMAIN}' || format_type(typbasetype, typtypmod)\n"
            f"  WHEN 'e' THEN '{ENUM}' || format_type(atttypid, atttypmod)\n"
            "  ELSE format_type(atttypid, atttypmod)\n"
            "END, coalesce(attnum = ANY (conkey), false)\n"
            "FROM pg_attribute\n"
            "JOIN pg_type ON pg_type.oid = atttypid\n"
            "JOIN pg_class ON pg_class.oid = attrelid\n"
            "JOIN pg_namespace ON pg_namespace.oid = relnamespace\n"
            "LEFT JOIN pg_constraint ON conrelid = attrelid AND contype = 'p'\n"
            "WHERE nspname = coalesce(%(schema)s, current_schema()) AND relname = %(table)s\n"
            "  AND relkind IN ('r', 'p', 'f', 'v', 'm') AND attnum > 0 AND NOT attisdropped\n"
            "ORDER BY attnum"
        )

    @override
    def grant_select_sql(self, table: Table, role: str) -> list[str]:
        return [f"GRANT SELECT ON {self.table_name(table)} TO {self.quote(role)}"]

    @override
    def grant_schema_sql(self, schema: str, role: str) -> list[str]:
        return [f"GRANT USAGE ON SCHEMA {self.quote(schema)} TO {self.quote(role)}"]

    @override
    def held(self, column_type: str, column: Column) -> Column | None:
        if column.declared_type:  # A value is converted to the type of the domain, and checked.
            column_type = column_type.removeprefix(DOMAIN)
        return super().held(column_type, column)

    @override
    def exact_sql(self, column: Column, value: str) -> str:
        return f"{value}::text" if column.foreign_type.endswith("citext") else value

    @override
    def is_text(self, column: Column) -> bool:
        # The type jsonb compares what it holds.
        return column.kind == "string" and not column.foreign_type

    @override
    def rows_sql(self, columns: Sequence[Column]) -> str:
        values = ", ".join(self._value_sql(column) for column in columns)
        return (
            f"SELECT {values}\n"
            "FROM (SELECT jsonb_array_elements(%(batch)s::jsonb) AS value) AS batch"
        )

    def _value_sql(self, column: Column) -> str:
        [position] = column.path
        if column.kind == "json":
            return self.converted(f"NULLIF(value -> {position}, 'null')", column)
        text = f"value ->> {position}"
        if column.foreign_type:
            return self.converted(text, column)
        return text if column.kind == "string" else f"({text})::{self.types[column.kind]}"

    @override
    def newer_keys_sql(self, table: Table, newest: Column) -> str:
        old = f"old.{self.quote(newest.name)}"
        is_older = self.is_older_sql(newest, self._value_sql(newest), old)
        return f"{self.rows_sql(table.keys)}\nWHERE ({is_older}) IS NOT TRUE"
