"""DuckDB: a file for analytics."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from target_harvest_sql.columns import ARRAYS
from target_harvest_sql.dialects.base import Dialect
from target_harvest_sql.dialects.declared import Declared
from target_harvest_sql.dialects.duckdb_hints import HINTS, INEXACT
from target_harvest_sql.dialects.held_kinds import ANY, Held, HeldTable
from target_harvest_sql.dialects.upserts import UpdateThenInsert
from target_harvest_sql.dialects.widening import Widening

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_harvest_sql.columns import Column, Form, Kind, Table


HELD = HeldTable(
    Held({"JSON"}, ANY, "json"),
    Held({"VARCHAR"}, {"decimal", "integer", "number"}, "decimal"),  # Every digit.
    Held({"VARCHAR"}, ANY, "string"),
    Held({"HUGEINT", "INTEGER", "SMALLINT"}, {"integer"}, "integer"),
    Held({"DECIMAL", "DOUBLE", "FLOAT"}, {"integer", "number"}, "number"),
    Held(
        {
            "TIMESTAMP",
            "TIMESTAMPTZ_NS",
            "TIMESTAMP WITH TIME ZONE",
            "TIMESTAMP_MS",
            "TIMESTAMP_NS",
            "TIMESTAMP_S",
        },
        {"date", "date-time"},
        "date-time",
    ),
)

ALTER = "ALTER TABLE {table} ALTER COLUMN {column} SET DATA TYPE {type}"

# A double keeps every integer up to 2**53.
AS_DOUBLE = f"if(abs({{column}}::HUGEINT) > 9007199254740992, error('{INEXACT}'), {{column}})"

WIDENINGS = (
    Widening(None, {"json"}, (f"{ALTER} USING to_json({{column}})",)),
    Widening(None, {"string"}, (ALTER,)),
    Widening({"BIGINT", "DOUBLE"}, {"decimal"}, (ALTER,)),
    Widening({"BIGINT"}, {"number"}, (f"{ALTER} USING {{value}}",), AS_DOUBLE),
    Widening({"DATE"}, {"date-time"}, (ALTER,)),
)
"""DuckDB cannot change the type of a key."""

WHOLE = "(?:SMALLINT|INTEGER|BIGINT|HUGEINT)"

DECLARED = (
    Declared(r"(ENUM\(.*\))", {"string"}, "{value}"),
    Declared(rf"({WHOLE}\[\])", {"integers"}, "{value}::{type}"),
    Declared(rf"({WHOLE}(?:\[\]){{2,}})", {"nested integers"}, "{value}::{type}"),
    Declared(r"(VARCHAR\[\]\[\])", {"nested texts"}, "{value}::{type}"),
)


class DuckDB(Dialect):
    """DuckDB 1.2 or newer.

    DuckDB manual, "JSON Loading": https://duckdb.org/docs/stable/data/json/loading_json
    """

    name = "duckdb"
    extra = "duckdb"
    example_url = "duckdb:///harvest.duckdb"
    max_name_length = 255  # DuckDB has no limit; this one is ours.
    ignores_case = True
    has_lanes = False  # One connection writes at a time.
    has_schemas = True
    keeps_nul = True
    lossy_kinds = frozenset({"decimal", "json", "number", "string"})
    types: ClassVar[Mapping[Kind, str]] = {
        "boolean": "BOOLEAN",
        "date": "DATE",
        "date-time": "TIMESTAMP WITH TIME ZONE",
        "decimal": "VARCHAR",
        "integer": "BIGINT",
        "json": "JSON",
        "number": "DOUBLE",
        "string": "VARCHAR",
        "time": "TIME",
    }
    held_kinds = HELD
    widenings = WIDENINGS
    type_second_digits: ClassVar[Mapping[str, int]] = {"TIMESTAMP_S": 0, "TIMESTAMP_MS": 3}
    foreign_types: ClassVar[Mapping[tuple[str, Form], str]] = {
        ("uuid", "uuid"): "{}::UUID",
        ("blob", "base16"): "from_hex(regexp_replace({}, '^.x', ''))",
        ("blob", "base64"): "from_base64({})",
        ("varchar[]", "texts"): "{}::VARCHAR[]",
        ("bigint[]", "integers"): "{}::BIGINT[]",
        **{("json[]", form): "{}::JSON[]" for form in ARRAYS},
    }
    declared_types = DECLARED
    parameter_form = "${}"
    hints = HINTS
    open_sql = ("SET TimeZone = 'UTC'",)
    batch_start = b""
    batch_separator = b"\n"
    batch_end = b"\n"
    upserts = UpdateThenInsert()

    @override
    def columns_sql(self) -> str:
        return (
            "SELECT column_name, data_type, list_contains(coalesce(key, []), column_name)\n"
            "FROM duckdb_columns() AS found\n"
            "LEFT JOIN (\n"
            "  SELECT table_oid, constraint_column_names AS key FROM duckdb_constraints()\n"
            "  WHERE constraint_type = 'PRIMARY KEY'\n"
            ") AS keys USING (table_oid)\n"
            "WHERE found.database_name = current_database()\n"
            "  AND lower(found.schema_name) = lower(coalesce($schema, current_schema()))\n"
            "  AND lower(found.table_name) = lower($table)"
        )

    @override
    def tables_sql(self) -> str:
        return (
            "SELECT table_name\n"
            "FROM duckdb_tables()\n"
            "WHERE database_name = current_database()\n"
            "  AND lower(schema_name) = lower(coalesce($schema, current_schema()))"
        )

    @override
    def rows_sql(self, columns: Sequence[Column]) -> str:
        return self._rows_sql(columns, columns)

    def _rows_sql(self, selected: Sequence[Column], columns: Sequence[Column]) -> str:
        values = ", ".join(map(self._value_sql, selected))
        fields = ", ".join(
            f"{self.literal(name)}: {self.literal(type_)}"
            for name, type_ in self._fields([(column.path, column.kind) for column in columns])
        )
        return (
            f"SELECT {values}\n"
            "FROM read_json($batch, format = 'newline_delimited', "
            f"columns = {{{fields}}})"
        )

    def _value_sql(self, column: Column) -> str:
        return self.converted(".".join(map(self.quote, column.path)), column)

    @override
    def newer_keys_sql(self, table: Table, newest: Column) -> str:
        is_older = self.is_older_sql(
            newest, self._value_sql(newest), f"old.{self.quote(newest.name)}"
        )
        rows = self._rows_sql(table.keys, [*table.keys, newest])
        return f"{rows}\nWHERE ({is_older}) IS NOT TRUE"

    def _fields(self, leaves: Sequence[tuple[tuple[str, ...], Kind]]) -> list[tuple[str, str]]:
        """The names and types at the head of the paths; longer paths become a STRUCT."""
        heads: dict[str, list[tuple[tuple[str, ...], Kind]]] = {}
        for (head, *rest), kind in leaves:
            heads.setdefault(head, []).append((tuple(rest), kind))
        return [
            (head, self.types[below[0][1]] if below == [((), below[0][1])] else self._struct(below))
            for head, below in heads.items()
        ]

    def _struct(self, leaves: Sequence[tuple[tuple[str, ...], Kind]]) -> str:
        fields = ", ".join(f"{self.quote(name)} {type_}" for name, type_ in self._fields(leaves))
        return f"STRUCT({fields})"
