"""SQL Server and Azure SQL."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from target_harvest_sql.dialects.base import LOCK_TIMEOUT_SECONDS, Dialect
from target_harvest_sql.dialects.decimals import Decimals
from target_harvest_sql.dialects.extended_properties import describe_sql
from target_harvest_sql.dialects.held_kinds import ANY, Held, HeldTable
from target_harvest_sql.dialects.mssql_hints import HINTS
from target_harvest_sql.dialects.openjson import OpenJSON
from target_harvest_sql.dialects.swaps import OneByOne
from target_harvest_sql.dialects.upserts import InsertThenUpdate
from target_harvest_sql.dialects.widening import Widening

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_harvest_sql.columns import Column, Form, Kind, Table

COLLATION = "Latin1_General_100_BIN2"
"""A collation that compares text by its code points."""

UPSERTS = InsertThenUpdate(COLLATION)

DECIMALS = Decimals(
    frozenset({"decimal", "number"}),
    max_precision=38,
    max_scale=38,
    default_precision=38,
    wants_plain_digits=True,
)
"""https://learn.microsoft.com/sql/t-sql/data-types/decimal-and-numeric-transact-sql"""


MONEY: Mapping[str, str] = {"money": "decimal(19,4)", "smallmoney": "decimal(10,4)"}
"""Types that other programs make, and the decimals with as many digits. A value beyond the bounds
of such a type is an error of the server."""

INTEGERS = ("bigint", "int", "smallint", "tinyint")

HELD = HeldTable(
    Held({"nvarchar"}, {"json"}, "json"),
    Held({"nvarchar"}, ANY, "string"),
    Held(INTEGERS, {"integer"}, "integer"),
    Held({"float"}, {"integer", "number"}, "number"),
    Held({"datetimeoffset"}, {"date", "date-time"}, "date-time"),
    Held({"time"}, {"time"}, "time"),
)

ALTER = "ALTER TABLE {table} ALTER COLUMN {column} {type}"

# A float keeps every integer up to 2**53. The constraint refuses others.
CHECK_INTEGERS = (
    (
        "ALTER TABLE {table} ADD CONSTRAINT [__exact_as_float] "
        "CHECK ({column} BETWEEN -9007199254740992 AND 9007199254740992)"
    ),
    "ALTER TABLE {table} DROP CONSTRAINT [__exact_as_float]",
)

REWRITE = (
    "ALTER TABLE {table} ADD {new} nvarchar(max) NULL",
    "UPDATE {table} SET {new} = {value}",
    "ALTER TABLE {table} DROP COLUMN {column}",
    "EXEC sys.sp_rename {new_text}, {column_text}, 'COLUMN'",
)

# With 6 digits if they are all, or with 17.
FLOAT_AS_TEXT = (
    "CASE WHEN ABS({column}) < 1e15 AND FLOOR({column}) = {column} "
    "THEN CONVERT(nvarchar(max), CAST({column} AS bigint)) "
    "WHEN ABS({column}) < 1e15 AND CAST(CONVERT(nvarchar(max), {column}) AS float) = "
    "{column} THEN LTRIM(CONVERT(nvarchar(max), {column})) "
    "ELSE LTRIM(CONVERT(nvarchar(max), {column}, 3)) END"
)
MOMENT_AS_JSON = """N'"' + CONVERT(nvarchar(max), {column}, 121) + N'"'"""
# SQL Server writes spaces before the time and before the offset.
DATETIMEOFFSET_AS_JSON = (
    """N'"' + REPLACE(STUFF(CONVERT(nvarchar(max), {column}, 121), 11, 1, N'T'), N' ', N'') """
    """+ N'"'"""
)
BIT_AS_TEXT = "CASE {column} WHEN 1 THEN N'true' WHEN 0 THEN N'false' END"

WIDENINGS = (
    Widening({"float"}, {"decimal", "json", "string"}, REWRITE, FLOAT_AS_TEXT),
    Widening({"date", "time"}, {"json"}, REWRITE, MOMENT_AS_JSON),
    Widening({"datetimeoffset"}, {"json"}, REWRITE, DATETIMEOFFSET_AS_JSON),
    Widening({"bit"}, {"json", "string"}, REWRITE, BIT_AS_TEXT),
    Widening({"date"}, {"date-time"}, (ALTER,)),
    Widening({"date", "datetimeoffset", "time"}, {"string"}, (ALTER,)),
    Widening(INTEGERS, {"number"}, (*CHECK_INTEGERS, ALTER)),
    Widening({*INTEGERS, "decimal", "numeric"}, {"decimal", "json", "sized", "string"}, (ALTER,)),
)
"""SQL Server cannot change the type of a key. A value becomes text as JSON writes it."""


RESOURCE = (
    "DECLARE @resource nvarchar(255) = LOWER(CONCAT(N'target-harvest-sql ', "
    "LEFT(COALESCE(@schema, SCHEMA_NAME()), 110), N'.', LEFT(@table, 110)));\n"
)
"""Names the lock of a table. The name has 255 characters at most, so two long names may be one."""

COLUMNS_SQL = (
    "SELECT\n"
    "  found.COLUMN_NAME,\n"
    "  CONCAT(found.DATA_TYPE, CASE\n"
    "    WHEN found.CHARACTER_MAXIMUM_LENGTH = -1 THEN '(max)'\n"
    "    WHEN found.CHARACTER_MAXIMUM_LENGTH IS NOT NULL\n"
    "      THEN CONCAT('(', found.CHARACTER_MAXIMUM_LENGTH, ')')\n"
    "    WHEN found.DATA_TYPE IN ('decimal', 'numeric')\n"
    "      THEN CONCAT('(', found.NUMERIC_PRECISION, ',', found.NUMERIC_SCALE, ')')\n"
    "    WHEN found.DATA_TYPE IN ('datetime2', 'datetimeoffset', 'time') "
    "AND found.DATETIME_PRECISION < 7\n"
    "      THEN CONCAT('(', found.DATETIME_PRECISION, ')')\n"
    "  END),\n"
    "  CASE WHEN keys.COLUMN_NAME IS NULL THEN 0 ELSE 1 END\n"
    "FROM INFORMATION_SCHEMA.COLUMNS AS found\n"
    "LEFT JOIN (\n"
    "  SELECT parts.TABLE_SCHEMA, parts.TABLE_NAME, parts.COLUMN_NAME\n"
    "  FROM INFORMATION_SCHEMA.TABLE_CONSTRAINTS AS constraints\n"
    "  INNER JOIN INFORMATION_SCHEMA.KEY_COLUMN_USAGE AS parts\n"
    "    ON parts.CONSTRAINT_SCHEMA = constraints.CONSTRAINT_SCHEMA\n"
    "    AND parts.CONSTRAINT_NAME = constraints.CONSTRAINT_NAME\n"
    "  WHERE constraints.CONSTRAINT_TYPE = 'PRIMARY KEY'\n"
    ") AS keys\n"
    "  ON keys.TABLE_SCHEMA = found.TABLE_SCHEMA\n"
    "  AND keys.TABLE_NAME = found.TABLE_NAME\n"
    "  AND keys.COLUMN_NAME = found.COLUMN_NAME\n"
    "WHERE found.TABLE_SCHEMA = COALESCE(@schema, SCHEMA_NAME())\n"
    "  AND found.TABLE_NAME = @table\n"
    "ORDER BY found.ORDINAL_POSITION"
)


class MSSQL(Dialect):
    """SQL Server 2016 or newer, and Azure SQL.

    Args:
        babelfish: The dialect of a server that is Babelfish.

    Transact-SQL reference: https://learn.microsoft.com/sql/t-sql/language-reference
    """

    name = "mssql"
    extra = "mssql"
    example_url = "mssql://user:password@host/database"
    max_name_length = 128  # https://learn.microsoft.com/sql/sql-server/maximum-capacity-specifications-for-sql-server
    ignores_case = True
    has_schemas = True
    keeps_nul = False  # The manual of OPENJSON does not say that it does.
    lossy_kinds = frozenset({"number"})
    second_digits = 7
    nulls_misfits = True  # Paths are lax: strict paths are an error where a property is missing.
    types: ClassVar[Mapping[Kind, str]] = {
        "boolean": "bit",
        "date": "date",
        "date-time": "datetimeoffset",
        "decimal": "nvarchar(max)",
        "integer": "bigint",
        "json": "nvarchar(max)",
        "number": "float",
        "string": "nvarchar(max)",
        "time": "time",
    }
    held_kinds = HELD
    widenings = WIDENINGS
    decimals = DECIMALS
    foreign_types: ClassVar[Mapping[tuple[str, Form], str]] = {
        # A longer text would be cut.
        ("uniqueidentifier", "uuid"): "CAST(CASE WHEN LEN({0}) > 36 THEN N'too long' ELSE {0} END "
        "AS uniqueidentifier)",
    }
    parameter_form = "@{}"
    hints = HINTS
    open_sql: ClassVar[Sequence[str]] = (
        "SET NOCOUNT ON",
        "SET QUOTED_IDENTIFIER ON",
        "SET XACT_ABORT ON",  # An error ends the whole transaction.
        f"SET LOCK_TIMEOUT {LOCK_TIMEOUT_SECONDS * 1000}",  # In milliseconds.
    )
    begin_sql = "BEGIN TRANSACTION"
    lock_sql = (
        f"{RESOURCE}"
        "DECLARE @taken int;\n"
        "EXEC @taken = sys.sp_getapplock @Resource = @resource, @LockMode = 'Exclusive', "
        "@LockOwner = 'Session', @LockTimeout = 0;\n"
        "SELECT CASE WHEN @taken < 0 THEN 0 ELSE 1 END"
    )
    held_sql = (
        f"{RESOURCE}"
        "SELECT CASE APPLOCK_MODE('public', @resource, 'Session') WHEN 'Exclusive' THEN 1 ELSE 0 "
        "END"
    )
    upserts = UPSERTS
    swaps = OneByOne(rename="EXEC sys.sp_rename {old_text}, {new_text}, 'OBJECT'")

    reader: ClassVar[OpenJSON] = OpenJSON()
    """Reads the batches."""

    def __init__(self, babelfish: Dialect | None = None) -> None:
        self._babelfish = babelfish

    @override
    def of_server(self, version: str) -> Dialect:
        is_babelfish = version.endswith(r"\t")  # Its OPENJSON leaves escapes in texts.
        return self._babelfish if self._babelfish and is_babelfish else self

    # Names

    @override
    def name_length(self, name: str) -> int:
        return len(name.encode("utf-16-le", "surrogatepass")) // 2

    @override
    def spell(self, name: str) -> str:
        return name.replace("\0", "").rstrip()

    @override
    def fold(self, name: str) -> str:
        # The usual collations ignore width, and characters that are newer than the collation.
        told = "".join(
            character
            for character in unicodedata.normalize("NFKC", name)
            if character <= "\uffff" and unicodedata.ucd_3_2_0.category(character)[0] != "C"
        )
        return told.casefold().rstrip()

    @override
    def quote(self, name: str) -> str:
        return "[" + name.replace("]", "]]") + "]"

    @override
    def literal(self, text: str) -> str:
        # A backslash at the end of a line would continue it on the next one.
        text = text.replace("'", "''").replace("\\\r\n", "\\\\\r\n\r\n")
        return "N'" + text.replace("\\\n", "\\\\\n\n") + "'"

    @override
    def type_sql(self, table: Table, column: Column) -> str:
        if column.foreign_type:
            return column.foreign_type
        if column in table.keys and self.is_text(column):
            return f"nvarchar(450) COLLATE {COLLATION}"
        return super().type_sql(table, column)

    @override
    def moment(self, text: str) -> str:
        return f"CAST({text} AS datetimeoffset)"

    # Tables

    @override
    def schema_sql(self) -> str:
        return "SELECT SCHEMA_NAME\nFROM INFORMATION_SCHEMA.SCHEMATA\nWHERE SCHEMA_NAME = @schema"

    @override
    def create_schema_sql(self, schema: str) -> str:
        # It must be the first statement of its batch.
        return f"EXEC sys.sp_executesql {self.literal(f'CREATE SCHEMA {self.quote(schema)}')}"

    @override
    def columns_sql(self) -> str:
        return COLUMNS_SQL

    @override
    def tables_sql(self) -> str:
        return (
            "SELECT TABLE_NAME\n"
            "FROM INFORMATION_SCHEMA.TABLES\n"
            "WHERE TABLE_SCHEMA = COALESCE(@schema, SCHEMA_NAME())"
        )

    @override
    def add_column_sql(self, table: Table, column: Column) -> str:
        definition = f"{self.quote(column.name)} {self.new_type_sql(table, column)}"
        return f"ALTER TABLE {self.table_name(table)} ADD {definition} NULL"

    @override
    def grant_select_sql(self, table: Table, role: str) -> list[str]:
        return [f"GRANT SELECT ON {self.table_name(table)} TO {self.quote(role)}"]

    @override
    def comments_sql(self, table: Table) -> list[str]:
        return [describe_sql(self, table, c) for c in table.columns if c.description]

    @override
    def held(self, column_type: str, column: Column) -> Column | None:
        if column_type.startswith("datetime2"):
            return self._held_without_offset(column_type, column)
        return super().held(MONEY.get(column_type, column_type), column)

    def _held_without_offset(self, column_type: str, column: Column) -> Column | None:
        """Say how a column of moments without an offset holds a value: as UTC."""
        held = super().held(self.types["date-time"], column)
        if held is None or column.kind != "date-time":
            return None
        digits = self.coarse_digits(column_type)
        return replace(held, foreign_type=column_type, second_digits=digits)

    @override
    def blanks(self, table: Table, column: Column) -> dict[str, str]:
        blanks = super().blanks(table, column)
        place = self.literal(f"{blanks['table']}.{blanks['new']}")
        return {**blanks, "new_text": place, "column_text": self.literal(column.name)}

    # Rows

    @override
    def rows_sql(self, columns: Sequence[Column]) -> str:
        return self.reader.rows_sql(self, columns)

    @override
    def delete_sql(self, table: Table) -> list[str]:
        return UPSERTS.delete_sql(self, table)
