"""`x-sql-datatype` in a schema: the type that a new column is made with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from singer_sdk.singerlib.exceptions import InvalidInputLine
from target_run import record, run, schema, write

from target_harvest_sql.database.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fixtures.databases import Database

TYPES: Final = {
    "duckdb": ("SMALLINT", "VARCHAR", "DATE"),
    "mariadb": ("smallint(6)", "varchar(20)", "date"),
    "mssql": ("smallint", "nvarchar", "date"),
    "mysql": ("smallint", "varchar(20)", "date"),
    "postgres": ("smallint", "character varying(20)", "date"),
    "sqlite": ("INTEGER", "TEXT", "DATE"),
}
"""By engine: types for an integer, a text and a date, as the database reports them."""


def declared(engine: str) -> dict[str, Any]:
    """Properties that name these types."""
    number, text, day = TYPES[engine]
    if engine == "mssql":
        text = "nvarchar(20)"  # The length is reported apart.
    return {
        "n": {"type": ["integer", "null"], "x-sql-datatype": number},
        "s": {"type": ["string", "null"], "x-sql-datatype": text},
        "d": {"type": ["string", "null"], "format": "date", "x-sql-datatype": day},
    }


VALUES: Final = {"n": 7, "s": "a text", "d": "2024-02-29"}


def test_a_new_table_has_the_types_of_the_schema(database: Database) -> None:
    """And takes values, in this run and in the next."""
    message = schema("t", id="integer", **declared(database.engine))
    for row_id in (1, 2):
        write(database, message, record("t", id=row_id, **VALUES))

    types = database.types("t")
    assert tuple(types[name] for name in "nsd") == TYPES[database.engine]
    assert [(row["n"], row["s"], str(row["d"])) for row in database.rows("t")] == [
        (7, "a text", "2024-02-29")
    ] * 2


@pytest.mark.parametrize("load_method", ["upsert", "overwrite"])
def test_a_new_column_has_the_type_of_the_schema(database: Database, load_method: str) -> None:
    """In the middle of a run, of a table that was there."""
    write(database, schema("t", id="integer"), record("t", id=1))
    write(
        database,
        schema("t", id="integer"),
        record("t", id=1),
        schema("t", id="integer", **declared(database.engine)),
        record("t", id=2, **VALUES),
        load_method=load_method,
        overwrite_requires="end_of_input",
    )

    types = database.types("t")
    assert tuple(types[name] for name in "nsd") == TYPES[database.engine]
    assert [row["n"] for row in database.rows("t")] == [None, 7]


TEXT: Final = {"type": ["string", "null"]}
WHOLE: Final = {"type": ["integer", "null"]}


def array(items: dict[str, Any]) -> dict[str, Any]:
    """The schema of an array."""
    return {"type": ["array", "null"], "items": items}


SPECIAL: Final = [
    # Engine, what is made before, type, as it is reported, schema, values, what is refused.
    (
        "postgres",
        "CREATE EXTENSION citext SCHEMA public",
        *("public.citext", "citext", TEXT, ["a", "A", "b"], None),
    ),
    (
        "postgres",
        """CREATE SCHEMA "my types"; CREATE TYPE "my types"."50%" AS ENUM ('a', 'b ''%')""",
        *('"my types"."50%"', '"my types"."50%"', TEXT, ["a", "b '%"], "A"),
    ),
    (
        "postgres",
        "CREATE DOMAIN public.code AS varchar(3) CHECK (VALUE <> 'bad')",
        *("public.code", "code", TEXT, ["a", "A"], "bad"),
    ),
    ("postgres", "", "inet", "inet", TEXT, ["10.0.0.1", "::1"], "10.0.0.256"),
    ("postgres", "", "integer[]", "integer[]", array(WHOLE), [[1, None], []], [2**40]),
    (
        "postgres",
        "",
        *(
            "integer[][]",
            "integer[]",
            array(array(WHOLE)),
            [[[1, 2], [3, None]], []],
            [[1], [2, 3]],
        ),
    ),
    (
        "postgres",
        "",
        *("text[][]", "text[]", array(array(TEXT)), [[["a,}", None], ['"', "\\n[]"]]], [["a"], []]),
    ),
    ("duckdb", "", "enum('a', 'b ''%')", "ENUM('a', 'b ''%')", TEXT, ["a", "b '%"], "A"),
    ("duckdb", "", "integer[]", "INTEGER[]", array(WHOLE), [[1, None], []], [2**40]),
    (
        "duckdb",
        "",
        *("integer[][]", "INTEGER[][]", array(array(WHOLE)), [[[1, 2], [3, None], []]], [[2**40]]),
    ),
    (
        "duckdb",
        "",
        *("varchar[][]", "VARCHAR[][]", array(array(TEXT)), [[["a,}", None], ['"']]], None),
    ),
    ("mariadb", "", "enum('a','b ''%')", "enum('a','b ''%')", TEXT, ["a", "b '%"], "A"),
    ("mariadb", "", "ENUM('a','b')", "enum('a','b')", TEXT, ["b"], "1"),
    ("mariadb", "", "varchar(3)", "varchar(3)", TEXT, ["a", "A"], "long"),
    ("sqlite", "", "varying character(3)", "varying character(3)", TEXT, ["a", "A"], None),
]
"""Types that only one engine has. Each value takes the place of the one before it."""


@pytest.mark.parametrize(
    ("engine", "before", "given", "reported", "definition", "values", "bad"),
    SPECIAL,
    ids=[f"{row[0]}-{row[2]}" for row in SPECIAL],
)
def test_a_type_of_one_engine_is_taken(
    new_database: Callable[[str], Database],
    tmp_path: Path,
    *,
    engine: str,
    before: str,
    given: str,
    reported: str,
    definition: dict[str, Any],
    values: list[Any],
    bad: Any,
) -> None:
    """It holds values, in each run; a value that it has not is an error of its record."""
    database = new_database(engine)
    if before:
        database.query(before)
    message = schema("t", id="integer", v={**definition, "x-sql-datatype": given})

    for value in (None, *values):
        write(database, message, record("t", id=1, v=value), record("t", id=2, v=value))
        found = [row["v"] for row in database.rows("t")]
        assert [str(v) if isinstance(value, str) else v for v in found] == [value, value]
    assert database.types("t")["v"] == reported
    if bad is not None:
        ended = run(
            database, tmp_path, message, record("t", id=3, v=values[0]), record("t", id=4, v=bad)
        )
        assert 'Line 3 of stream "t"' in ended.error
        assert [row["id"] for row in database.rows("t")] == [1, 2, 3]


def test_a_value_that_the_type_does_not_hold_is_an_error(
    postgres_database: Database, tmp_path: Path
) -> None:
    """It is not cut; the record is named."""
    message = schema("t", id="integer", **declared("postgres"))

    ended = run(postgres_database, tmp_path, message, record("t", id=1, n=40_000))

    assert ended.exit_code == 1
    assert 'Line 2 of stream "t"' in ended.error


def test_a_type_that_holds_less_than_the_schema_is_an_error(postgres_database: Database) -> None:
    """It would round; no table is made."""
    price = {"type": "number", "x-sql-datatype": "numeric(5,2)"}

    with pytest.raises(DatabaseError, match=r'"price".*numeric\(5,2\).*x-sql-datatype'):
        write(postgres_database, schema("t", id="integer", price=price), record("t", id=1))
    assert postgres_database.types("t") == {}


def test_a_type_that_the_database_does_not_know_is_an_error(database: Database) -> None:
    """As the database says it, with the property; no table is made."""
    name = {"type": "string", "x-sql-datatype": "no_schema.no_type"}

    with pytest.raises(DatabaseError) as raised:
        write(database, schema("t", id="integer", name=name), record("t", id=1))

    told = 'prepare the table "t" of stream "t" with `x-sql-datatype` no_schema.no_type for "name"'
    assert told in str(raised.value)
    database.query("CREATE TABLE t (x int)")


@pytest.mark.parametrize(
    "given",
    [
        *("integer primary key", "text default 'x'", "int not null", "int identity(1, 1)"),
        *("text check (true)", "int references u", "int first", "int comment 'x'"),
        *("text); DROP TABLE u; --", "text, x text", "text -- x", "a'b'", "enum('a\\', 'b')"),
        *("public.", "integer[", "[]", 5, True, ["text"]),
    ],
    ids=str,
)
def test_what_is_not_a_type_alone_is_an_error(
    sqlite_database: Database, tmp_path: Path, given: object
) -> None:
    """It never becomes a part of a statement; stream, property and text are told."""
    write(sqlite_database, schema("u", id="integer"))
    name = {"type": "string", "x-sql-datatype": given}

    ended = run(sqlite_database, tmp_path, schema("t", id="integer", name=name))

    assert ended.exit_code == 1
    told = 'Line 1: in the schema of stream "t", `x-sql-datatype` of property "name" is not a type'
    assert ended.error.startswith(f"{told} alone: {given!r}. ")
    assert sqlite_database.types("t") == {}
    assert sqlite_database.types("u")


@pytest.mark.parametrize("given", ["serial", "BIGSERIAL", "serial4"])
def test_an_integer_with_a_default_is_an_error(sqlite_database: Database, given: str) -> None:
    """PostgreSQL and MySQL write it as if it was a type."""
    number = {"type": "integer", "x-sql-datatype": given}

    with pytest.raises(InvalidInputLine, match=rf'"number" is {given}, .* such as bigint\.$'):
        write(sqlite_database, schema("t", id="integer", number=number))
    assert sqlite_database.types("t") == {}


@pytest.mark.parametrize("given", ["", None])
def test_an_empty_text_names_no_type(sqlite_database: Database, given: str | None) -> None:
    """As a schema override of Meltano may leave it."""
    name = {"type": "string", "x-sql-datatype": given}

    write(sqlite_database, schema("t", id="integer", name=name))

    assert sqlite_database.types("t")["name"] == "TEXT"


def test_a_key_of_text_keeps_our_type(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """As its collation matters. A warning says so, when the table is made."""
    name = {"type": "string", "x-sql-datatype": "varchar(7)"}
    for _ in range(2):
        write(database, schema("t", ["name"], name=name), record("t", name="a longer text"))

    assert [row["name"] for row in database.rows("t")] == ["a longer text"]
    told = [line for line in caplog.messages if '`x-sql-datatype` of property "name"' in line]
    assert len(told) == 1
