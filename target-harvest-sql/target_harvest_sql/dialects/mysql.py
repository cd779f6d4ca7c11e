"""MySQL."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from target_harvest_sql.dialects.base import LOCK_TIMEOUT_SECONDS, Dialect
from target_harvest_sql.dialects.decimals import Decimals
from target_harvest_sql.dialects.declared import Declared
from target_harvest_sql.dialects.deletes import Joined
from target_harvest_sql.dialects.held_kinds import ANY, Held, HeldTable
from target_harvest_sql.dialects.json_table import JsonTable
from target_harvest_sql.dialects.mysql_hints import EXACT, HINTS
from target_harvest_sql.dialects.swaps import AllAtOnce
from target_harvest_sql.dialects.upserts import JoinThenOnDuplicateKey
from target_harvest_sql.dialects.widening import Widening

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_harvest_sql.columns import Column, Form, Kind, Table
    from target_harvest_sql.dialects.json_table import NestedJsonTable
    from target_harvest_sql.dialects.upserts import Upserts


TEXT_TYPES = ("char", "longtext", "mediumtext", "text", "tinytext", "varchar")
HELD = HeldTable(
    Held({"json"}, ANY, "json"),
    Held({"varchar"}, {"json"}, "json"),  # As a key of any kind is made.
    Held({"longtext"}, {"decimal"}, "decimal"),
    Held(TEXT_TYPES, {"integer", "number"}, "decimal"),  # Every digit.
    Held(TEXT_TYPES, ANY, "string"),
    Held({"bigint", "int", "mediumint", "smallint"}, {"integer"}, "integer"),
    Held({"double"}, {"integer", "number"}, "number"),
    Held({"datetime", "timestamp"}, {"date", "date-time"}, "date-time"),
    Held({"time"}, {"time"}, "time"),
)
"""What columns hold. If a column would cut or round a value, the statement fails."""

DECLARED = (
    Declared(
        r"enum(\(.*\))",
        {"string"},
        # Else the text of a number would be the position of a value, and case would be ignored.
        "CASE WHEN CONVERT({value} USING utf8mb4) COLLATE utf8mb4_bin IN {type} THEN {value} "
        "WHEN {value} IS NOT NULL THEN 'not a value of the type' END",
    ),
)
"""MySQL manual, "The ENUM Type": https://dev.mysql.com/doc/refman/8.4/en/enum.html"""

SQL_MODE = (
    "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_BACKSLASH_ESCAPES"
)
OPEN_SQL: Sequence[str] = (
    # A date-time without an offset is UTC.
    "SET time_zone = '+00:00'",
    # A backslash is no escape, and a value that does not fit is an error, not a warning.
    f"SET sql_mode = '{SQL_MODE}'",
    # Transactions that write other rows need not wait.
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    # The connection that holds locks may be idle for long.
    "SET SESSION wait_timeout = 2147483",
    # Without a limit, a statement would wait for ever for the lock of another program.
    f"SET SESSION lock_wait_timeout = LEAST(@@lock_wait_timeout, {LOCK_TIMEOUT_SECONDS})",
    (
        "SET SESSION innodb_lock_wait_timeout = "
        f"LEAST(@@innodb_lock_wait_timeout, {LOCK_TIMEOUT_SECONDS})"
    ),
)

INDEX_BYTES = 3072
"""MySQL manual, "InnoDB Limits": https://dev.mysql.com/doc/refman/8.4/en/innodb-limits.html"""

CHARACTER_BYTES = 4
"""How many bytes an index reserves for a character."""

MAX_SURE_TEXTS = 190
"""How many columns of text a row holds in every case. A row has 8,126 bytes in its page. A text of
up to 40 bytes takes its length there, and a longer text about 22 bytes.

MariaDB documentation, "Troubleshooting Row Size Too Large Errors with InnoDB":
https://mariadb.com/docs/server/server-usage/storage-engines/innodb/innodb-row-formats/troubleshooting-row-size-too-large-errors-with-innodb
"""

DECIMALS = Decimals(frozenset({"decimal"}), max_precision=65, max_scale=30)
"""MySQL manual, "Precision Math": https://dev.mysql.com/doc/refman/8.4/en/precision-math.html"""

INTEGERS = tuple(
    f"{name}{sign}"
    for name in ("tinyint", "smallint", "mediumint", "int", "bigint")
    for sign in ("", " unsigned", " unsigned zerofill")
)

BOOLEAN = "tinyint(1)"
"""The name that the server tells for boolean. MySQL warns of this width in a statement."""

MODIFY = "ALTER TABLE {table} MODIFY COLUMN {definition}"

# A double keeps every integer up to 2**53.
CHECK_INTEGERS = (
    f"ALTER TABLE {{table}} ADD CONSTRAINT {EXACT} "
    "CHECK ({column} BETWEEN -9007199254740992 AND 9007199254740992)"
)

# A change of a table commits by itself, so the old column stays until the last step. The new column
# takes its place.
REWRITE = (
    "ALTER TABLE {table} ADD COLUMN {new} {type} AFTER {column}",
    "UPDATE {table} SET {new} = {value}",
    "ALTER TABLE {table} DROP COLUMN {column}, CHANGE COLUMN {new} {definition}",
)

WIDENINGS = (
    Widening(
        {BOOLEAN},
        {"json", "string"},
        REWRITE,
        "CASE {column} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE {column} END",
    ),
    Widening({BOOLEAN}, {"decimal", "integer", "number", "sized"}, ()),
    Widening(
        None,
        {"json"},
        REWRITE,
        "IF({column} IS NULL, NULL, JSON_EXTRACT(JSON_ARRAY({column}), '$[0]'))",
    ),
    Widening(None, {"decimal", "sized", "string"}, (MODIFY,), fits_keys=True),
    Widening(INTEGERS, {"integer"}, (MODIFY,), fits_keys=True),
    Widening(
        INTEGERS,
        {"number"},
        (
            CHECK_INTEGERS,
            f"ALTER TABLE {{table}} DROP CONSTRAINT {EXACT}, MODIFY COLUMN {{definition}}",
        ),
        fits_keys=True,
    ),
    Widening({"date"}, {"date-time"}, (MODIFY,), fits_keys=True),
)

LOCK = (
    "CONCAT('target-harvest-sql ', LEFT(SHA2(CONCAT("
    "COALESCE(%(schema)s, DATABASE(), ''), '.', LOWER(%(table)s)), 256), 40))"
)
"""The name of the lock of a table. It has 64 characters at most, so the table is hashed."""


class MySQL(Dialect):
    """MySQL 8.0.19 or newer.

    Args:
        mariadb: The dialect of a server that is MariaDB.

    MySQL manual: https://dev.mysql.com/doc/refman/8.4/en/
    """

    name = "mysql"
    extra = "mysql"
    example_url = "mysql://user:password@host/database"
    max_name_length = 64  # https://dev.mysql.com/doc/refman/8.4/en/identifier-length.html
    ignores_case = True  # Of columns always, of tables on some systems.
    has_schemas = True
    keeps_nul = True
    lossy_kinds = frozenset({"decimal", "json", "number", "string"})
    keeps_json_integers = False
    types: ClassVar[Mapping[Kind, str]] = {
        "boolean": BOOLEAN,
        "date": "date",
        "date-time": "datetime(6)",
        "decimal": "longtext",
        "integer": "bigint",
        "json": "json",
        "number": "double",
        "string": "longtext",
        "time": "time(6)",
    }
    held_kinds = HELD
    widenings = WIDENINGS
    decimals = DECIMALS
    type_second_digits: ClassVar[Mapping[str, int]] = {"datetime": 0, "time": 0, "timestamp": 0}
    foreign_types: ClassVar[Mapping[tuple[str, Form], str]] = {("uuid", "uuid"): "{}"}
    declared_types = DECLARED
    parameter_form = "%({})s"
    hints = HINTS
    open_sql: ClassVar[Sequence[str]] = (
        *OPEN_SQL,
        # Zeros beyond microseconds are cut. MariaDB does so without this setting.
        "SET sql_mode = concat(@@sql_mode, ',TIME_TRUNCATE_FRACTIONAL')",
    )
    lock_sql = f"SELECT GET_LOCK({LOCK}, 0)"
    held_sql = f"SELECT IS_USED_LOCK({LOCK}) = CONNECTION_ID()"
    list_length = 1
    upserts: ClassVar[Upserts] = JoinThenOnDuplicateKey()
    deletes = Joined()
    swaps = AllAtOnce()
    statement_rows = 250  # More rows take memory, which the driver copies, and are no faster.

    collation: ClassVar[str] = "utf8mb4_0900_bin"
    """A collation by which texts differ if their case or their spaces at the end differ."""

    reader: ClassVar[JsonTable | NestedJsonTable] = JsonTable()
    """Reads the batches."""

    def __init__(self, mariadb: Dialect | None = None) -> None:
        self._mariadb = mariadb

    @override
    def of_server(self, version: str) -> Dialect:
        if self._mariadb is not None and "MariaDB" in version:
            return self._mariadb.of_server(version)
        return self

    @override
    def spell(self, name: str) -> str:
        # https://dev.mysql.com/doc/refman/8.4/en/identifiers.html
        return re.sub("[\0\U00010000-\U0010ffff]", "", name).rstrip()

    @override
    def fold(self, name: str) -> str:
        # Names of columns are compared without accents as well.
        parts = unicodedata.normalize("NFKD", name.casefold())
        return "".join(part for part in parts if not unicodedata.combining(part))

    @override
    def quote(self, name: str) -> str:
        return self.plain("`" + name.replace("`", "``") + "`")

    @override
    def type_sql(self, table: Table, column: Column) -> str:
        if column in table.keys and self.is_text(column):
            others = [c for c in table.keys if not self.is_text(c)]
            room = INDEX_BYTES - sum(32 if c.kind == "decimal" else 8 for c in others)
            return f"varchar({room // CHARACTER_BYTES // (len(table.keys) - len(others))})"
        if column.kind == "boolean":
            return "boolean"
        return super().type_sql(table, column)

    def _definition(self, table: Table, column: Column) -> str:
        """A new column's name, type and description."""
        return self._defined(table, column, self.new_type_sql(table, column))

    def _defined(self, table: Table, column: Column, type_: str) -> str:
        null = " NOT NULL" if column in table.keys else ""
        comment = column.description[:1024]  # The longest that is allowed.
        described = f" COMMENT {self.literal(comment)}" if comment else ""
        return f"{self.quote(column.name)} {type_}{null}{described}"

    @override
    def create_table_sql(self, table: Table) -> str:
        lines = [self._definition(table, column) for column in table.columns]
        if table.keys:
            lines.append(f"PRIMARY KEY ({self.names(table.keys)})")
        return (
            f"CREATE TABLE {self.table_name(table)} (\n  " + ",\n  ".join(lines) + "\n)"
            f" CHARACTER SET utf8mb4 COLLATE {self.collation}"
        )

    @override
    def grant_select_sql(self, table: Table, role: str) -> list[str]:
        return [f"GRANT SELECT ON {self.table_name(table)} TO {self.quote(role)}"]

    @override
    def creation_warning(self, table: Table) -> str:
        texts = sum(self.is_text(column) for column in table.columns)
        if texts <= MAX_SURE_TEXTS:
            return ""
        return (
            f"Table {table.name} has {texts} columns of text. A record whose texts do not fit into "
            "one row of the database is refused; then select fewer properties."
        )

    @override
    def columns_sql(self) -> str:
        return (
            "SELECT column_name, column_type, column_key = 'PRI'\n"
            "FROM information_schema.columns\n"
            "WHERE table_schema = coalesce(%(schema)s, database()) AND table_name = %(table)s\n"
            "ORDER BY ordinal_position"
        )

    @override
    def tables_sql(self) -> str:
        return (
            "SELECT table_name\n"
            "FROM information_schema.tables\n"
            "WHERE table_schema = coalesce(%(schema)s, database())"
        )

    @override
    def add_column_sql(self, table: Table, column: Column) -> str:
        return f"ALTER TABLE {self.table_name(table)} ADD COLUMN {self._definition(table, column)}"

    @override
    def comments_sql(self, table: Table) -> list[str]:
        return []  # They are part of the columns' definitions.

    @override
    def blanks(self, table: Table, column: Column) -> dict[str, str]:
        definition = self._defined(table, column, self.type_sql(table, column))
        return {**super().blanks(table, column), "definition": definition}

    @override
    def rows_sql(self, columns: Sequence[Column]) -> str:
        return self.reader.rows_sql(self, columns)

    @override
    def moment(self, text: str) -> str:
        # MySQL reads an offset, but not the letter Z. Before 1970 it needs the CAST.
        return f"CAST(REGEXP_REPLACE({text}, 'Z$', '+00:00') AS datetime(6))"

    @override
    def is_older_sql(self, newest: Column, new: str, old: str) -> str:
        return f"{self.key_sql(newest, new)} < {old}"

    @override
    def key_sql(self, column: Column, value: str) -> str:
        if self.is_text(column):
            return f"CAST({value} AS char) COLLATE {self.collation}"
        if column.foreign_type:
            return f"CAST({value} AS {column.foreign_type})"
        exact = f"decimal({DECIMALS.max_precision},{DECIMALS.max_scale})"
        types = {"boolean": "signed", "decimal": exact, "integer": "signed"}
        return f"CAST({value} AS {types.get(column.kind, self.types[column.kind])})"
