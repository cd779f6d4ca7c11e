"""Every statement for SQL Server is T-SQL by Microsoft's own grammars, of each version."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import count, product
from typing import TYPE_CHECKING, Any, Final, get_args

import pytest
from typing_extensions import override

from support.tsql_grammar import GRAMMARS, refused
from target_harvest_sql.columns import METADATA, Column, Kind, Size, Table
from target_harvest_sql.dialects.babelfish import Babelfish
from target_harvest_sql.dialects.mssql import MSSQL
from target_harvest_sql.dialects.swaps import Swap
from target_harvest_sql.drivers.mssql import MSSQLDriver
from target_harvest_sql.drivers.pymssql import PyMSSQLDriver
from target_harvest_sql.writing.quarantine import COLUMNS, TABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from target_harvest_sql.dialects.base import Dialect

ODD: Final = 'it\'s a "[name]" -- /* ?%s \u00e9\U0001f600'
TEXT: Final = "It's \\\n a text\n -- of /* \u00e9\U0001f600 [lines]"
PLAIN: Final = "a.b:c -- %s?!"
"""A name as it may stand in a path; records that have others are written anew."""
SIZES: Final = (Size(), Size(precision=10, scale=2), Size(precision=39, scale=0))
TYPES: Final = (
    *("bigint", "bit", "date", "datetimeoffset", "datetimeoffset(3)", "decimal(9,4)", "float"),
    *("int", "nvarchar(450)", "nvarchar(max)", "smallint", "time", "time(0)", "tinyint"),
)
"""The types of columns that a table may have."""
VALUES: Final = {"batch": f'[{{"{TEXT}": 1}}]', "deleted_at": "2024-01-01", "version": 2**40}
"""What is bound, beside the names of tables."""


class Direct(PyMSSQLDriver):
    """Writes values into its statements as pymssql's driver does, and keeps the statements."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    @override
    def _run(self, statement: str, values: list[Any]) -> list[Any]:
        self.texts.append(statement)
        return [("",)]


class Bound(MSSQLDriver):
    """Binds values as Microsoft's driver does, and keeps the statements as ODBC sends them."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._numbers = count(1)

    @override
    def _place(self, value: Any) -> str:
        return f"@P{next(self._numbers)}"

    @override
    def _run(self, statement: str, values: list[Any]) -> list[Any]:
        self.texts.append(statement)
        return [("",)]


FOREIGN: Final = (
    Column("uuid", ("uuid",), "string", "uuid", foreign_type="uniqueidentifier", form="uuid"),
    Column("moment", ("moment",), "date-time", "moment", foreign_type="datetime2(3)"),
)
"""Columns that others made."""


def columns() -> Iterator[Column]:
    """A column of each kind and size, whose value may be nested."""
    for kind, size, is_nested in product(get_args(Kind), SIZES, (False, True)):
        if (size == Size() or kind in {"decimal", "number"}) and (kind == "json" or not is_nested):
            name = f"{kind} {size.precision} {is_nested}"
            yield Column(
                name,
                ("r", PLAIN, name),
                kind,
                name,
                description=TEXT,
                size=size,
                is_nested=is_nested,
            )


ALL: Final = (*columns(), *FOREIGN)
ROW: Final = tuple(
    Column(name, path, kind, name, description=text, is_volatile=True)
    for name, (path, kind, text) in METADATA.items()
)
"""The metadata."""
[VERSION] = (column for column in ROW if column.name == "_sdc_table_version")


def tables() -> Iterator[Table]:
    """Tables of every shape: keys, metadata, schemas, what tells the newer row."""
    integer, text = (next(c for c in ALL if c.kind == kind) for kind in ("integer", "string"))
    keys = [replace(column, is_key=True) for column in ALL if column.kind != "json"]
    composite = (replace(integer, is_key=True), replace(text, is_key=True))
    yield Table(ODD, (*ALL, *ROW), is_keyed=False)
    for key in (*((key,) for key in keys), composite):
        yield Table("t", key)
        yield Table(ODD, (*key, Column("other", ("other",), "json")), ODD)
    for column in ALL:
        yield Table("t", (column,), is_keyed=False)
        named = replace(column, name="new", source="new")
        yield Table("t", (*composite, named, VERSION), newest_by="new")
    yield Table("t", (*composite, text, *ROW), newest_by=ROW[0].source)
    rejected = (Column(n, (n,), kind, n, description=d) for n, (kind, d) in COLUMNS.items())
    yield Table(TABLE, tuple(rejected), is_keyed=False)


def of_table(dialect: Dialect, table: Table) -> Iterator[tuple[str, Sequence[str]]]:
    """What a table can need, by the name of the dialect's method."""
    filled = replace(table, name=f"{table.name}__new")
    yield "create_table_sql", [dialect.create_table_sql(table)]
    yield "grant_select_sql", dialect.grant_select_sql(table, ODD)
    yield "comments_sql", dialect.comments_sql(table)
    yield "drop_table_sql", [dialect.drop_table_sql(table)]
    yield "has_rows_sql", [dialect.has_rows_sql(table)]
    yield "add_column_sql", [dialect.add_column_sql(table, c) for c in table.columns]
    yield "append_sql", dialect.append_sql(table)
    yield "rows_sql", [dialect.rows_sql(table.columns[:2])]
    yield "swap_sql", dialect.swap_sql([Swap(table, filled, None), Swap(table, filled, filled)])
    for is_hard in (False, True):
        yield "activate_version_sql", [dialect.activate_version_sql(table, hard_delete=is_hard)]
    if table.keys:
        yield "upsert_sql", dialect.upsert_sql(table)
        yield "delete_sql", dialect.delete_sql(table)


def widened(dialect: Dialect) -> Iterator[tuple[str, Sequence[str]]]:
    """Every change of a column's type."""
    for schema, column, type_ in product((None, ODD), ALL, TYPES):
        named = replace(column, name=ODD, foreign_type="")
        yield "widen_sql", dialect.widen_sql(Table(ODD, (named,), schema), named, type_)


def of_server(dialect: Dialect) -> Iterator[tuple[str, Sequence[str]]]:
    """What is asked of a server whatever the tables."""
    locks = [dialect.lock_sql, dialect.held_sql]
    yield "", [*dialect.open_sql, dialect.begin_sql, "COMMIT", *filter(None, locks)]
    yield "schema_sql", [dialect.schema_sql()]
    yield "create_schema_sql", [dialect.create_schema_sql(ODD)]
    yield "columns_sql", [dialect.columns_sql()]
    yield "tables_sql", [dialect.tables_sql()]


def dynamic(text: str) -> Iterator[str]:
    """What stands inside `sp_executesql`: the statements, and the parameters' declarations."""
    string = r"N?'((?:[^']|'')*)'"
    for statement in re.findall(rf"sp_executesql {string}", text):
        yield _unquoted(statement)
    built = re.search(
        rf"@describe nvarchar\(max\) = CONCAT\({string}, CASE .* THEN {string} ELSE {string} END, "
        rf"{string}\);",
        text,
        re.DOTALL,
    )
    if built:
        start, one, other, end = map(_unquoted, built.groups())
        yield from (start + one + end, start + other + end)
        [declared] = re.findall(rf"sp_executesql @describe, {string}", text)
        yield f"DECLARE {declared}"


def _unquoted(literal: str) -> str:
    return re.sub(r"\\\r?\n", "", literal.replace("''", "'"))


def statements(dialect: Dialect) -> Iterator[tuple[str, Sequence[str]]]:
    """Everything that the dialect can say."""
    yield from of_server(dialect)
    yield from widened(dialect)
    for table in tables():
        yield from of_table(dialect, table)


def sent(found: Iterable[str]) -> list[str]:
    """The texts that either driver sends for some statements, and those inside of them."""
    direct, bound = Direct(), Bound()
    for driver in (direct, bound):
        _ = driver.version
        driver.roll_back()
        for statement, schema in product(found, (None, ODD)):
            driver.execute(statement, {**VALUES, "schema": schema, "table": ODD})
    texts = dict.fromkeys([*direct.texts, *bound.texts])
    return list(dict.fromkeys([*texts, *(inner for text in texts for inner in dynamic(text))]))


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """All that can be sent to a server."""
    found = {
        statement: None
        for dialect in (MSSQL(), Babelfish())
        for _, several in statements(dialect)
        for statement in several
    }
    return sent(found)


@pytest.mark.parametrize("server", GRAMMARS)
def test_a_server_understands_every_statement(texts: list[str], server: str) -> None:
    """Statements with their values, in the form of either driver."""
    assert refused(texts, GRAMMARS[server]) == []


@pytest.mark.parametrize("server", GRAMMARS)
def test_a_statement_that_is_broken_is_found(texts: list[str], server: str) -> None:
    """Among others that are not."""
    batch = next(text for text in texts if text.startswith("DECLARE @batch"))
    broken = [batch.replace("DECLARE @batch", "DECLARE batch", 1), "SELECT 1 FROM"]
    some = [*texts[:5], broken[0], *texts[5:9], broken[1]]

    assert refused(some, GRAMMARS[server]) == broken


def test_a_newer_word_is_found() -> None:
    """An older grammar refuses what only a newer server understands."""
    text = "SELECT 1 WHERE 1 IS DISTINCT FROM 2"

    assert refused([text], GRAMMARS["SQL Server 2019"]) == [text]
    assert refused([text], GRAMMARS["SQL Server 2022"]) == []


def test_no_method_is_forgotten() -> None:
    """Each method of a dialect that writes statements is asked; and dynamic ones are found."""
    methods = {
        name for name in dir(MSSQL) if name.endswith("_sql") and callable(getattr(MSSQL, name))
    }
    private = {name for name in methods if name.startswith("_")}
    parts = {
        "exact_sql",
        "grant_schema_sql",
        "is_older_sql",
        "key_sql",
        "new_type_sql",
        "newer_keys_sql",
        "type_sql",
    }

    asked = {name for name, several in statements(MSSQL()) if name and several}
    assert asked == methods - private - parts
    inner = {text for _, several in statements(MSSQL()) for t in several for text in dynamic(t)}
    assert {text.split("extended")[0] for text in inner if text.startswith("EXEC")} == {
        "EXEC sys.sp_add",
        "EXEC sys.sp_update",
    }
    assert any(text.startswith("CREATE SCHEMA") for text in inner)
