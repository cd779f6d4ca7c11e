"""Tables that other programs made: their column types stay where they hold the values."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from singer_sdk.exceptions import MissingKeyPropertiesError
from target_run import record, schema, write

from target_harvest_sql.database.errors import DatabaseError

if TYPE_CHECKING:
    from fixtures.databases import Database

ID = {"type": "integer"}
A_UUID = "123e4567-e89b-12d3-a456-426614174000"
IS_UUID = {"type": ["string", "null"], "format": "uuid"}
TEXTS = {"type": ["array", "null"], "items": {"type": ["string", "null"]}}
INTEGERS = {"type": ["array", "null"], "items": {"type": "integer"}}
ANYTHING = {"type": ["array", "null"]}
BASE16 = {"type": ["string", "null"], "contentEncoding": "base16"}
BASE64 = {"type": ["string", "null"], "contentEncoding": "base64"}


def moment(format_: str) -> dict[str, Any]:
    """A text that may be null, of a format."""
    return {"type": ["string", "null"], "format": format_}


# By engine: the type that others make, what the schema says, what is sent, what is found.
HELD: dict[str, list[tuple[str, Any, Any, Any]]] = {
    "postgres": [
        ("uuid", IS_UUID, A_UUID, UUID(A_UUID)),
        ("text[]", TEXTS, ["a", None, 'x"y,'], ["a", None, 'x"y,']),
        ("text[]", TEXTS, [], []),
        ("character varying[]", TEXTS, ["a"], ["a"]),
        ("bigint[]", INTEGERS, [2**63 - 1, 1], [2**63 - 1, 1]),
        ("jsonb[]", ANYTHING, [{"a": 1}, "x", None], ['{"a": 1}', '"x"', "null"]),
        ("jsonb[]", TEXTS, ["a"], ['"a"']),
        ("bytea", BASE16, "0x00ff", b"\x00\xff"),
        ("bytea", BASE16, "\\x00FF", b"\x00\xff"),
        ("bytea", BASE64, "AP8=", b"\x00\xff"),
    ],
    "duckdb": [
        ("UUID", IS_UUID, A_UUID, UUID(A_UUID)),
        ("VARCHAR[]", TEXTS, ["a", None, 'x"y,'], ["a", None, 'x"y,']),
        ("VARCHAR[]", TEXTS, [], []),
        ("BIGINT[]", INTEGERS, [2**53, 1], [2**53, 1]),
        ("JSON[]", ANYTHING, [{"a": 1}, "x"], ['{"a":1}', '"x"']),
        ("BLOB", BASE16, "0x00ff", b"\x00\xff"),
        ("BLOB", BASE16, "\\x00FF", b"\x00\xff"),
        ("BLOB", BASE64, "AP8=", b"\x00\xff"),
    ],
    "mariadb": [("uuid", IS_UUID, A_UUID, A_UUID)],
    "sqlite": [
        ("DATETIME", moment("date-time"), "2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z"),
        ("TIMESTAMP", moment("date-time"), "2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z"),
        ("DATE", moment("date"), "2024-01-02", "2024-01-02"),
        ("TIME", moment("time"), "03:04:05", "03:04:05"),
    ],
}


@pytest.mark.parametrize(
    ("database", "case"),
    [(engine, case) for engine, cases in HELD.items() for case in cases],
    indirect=["database"],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
@pytest.mark.parametrize("load_method", ["upsert", "append-only"])
def test_a_type_that_holds_the_values_stays(
    database: Database,
    case: tuple[str, Any, Any, Any],
    load_method: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Null too, with a view of the column; a row that is the same is not rewritten."""
    type_, definition, sent, found = case
    key = ", PRIMARY KEY (id)" if load_method == "upsert" else ""
    database.query(f"CREATE TABLE t (id bigint NOT NULL, v {type_}{key})")
    database.query("CREATE VIEW shown AS SELECT v FROM t")
    before = database.types("t")
    messages = [schema("t", id=ID, v=definition), record("t", id=1, v=sent), record("t", id=2)]
    for _ in range(2 if key else 1):
        write(database, *messages, load_method=load_method, add_record_metadata=False)

    assert database.types("t") == before
    assert [row["v"] for row in database.rows("t")] == [found, None]
    assert "Changed" not in caplog.text


@pytest.mark.parametrize("database", ["postgres", "duckdb", "mariadb"], indirect=True)
def test_a_uuid_may_be_a_key(database: Database) -> None:
    """However it is spelled, in one batch and across batches; text that is none is no key."""
    database.query("CREATE TABLE t (k uuid NOT NULL, v bigint, PRIMARY KEY (k))")
    message = schema("t", keys=["k"], k=IS_UUID, v="integer")
    spellings = [A_UUID, A_UUID.upper(), A_UUID.replace("-", "")]
    sent = [record("t", k=text, v=n) for n, text in enumerate(spellings)]
    write(database, message, *sent)
    write(database, message, *sent[:2])

    assert [(str(row["k"]), row["v"]) for row in database.rows("t")] == [(A_UUID, 1)]
    with pytest.raises(MissingKeyPropertiesError, match="not of its type"):
        write(database, message, record("t", k="none", v=1))
    mark = {"_sdc_deleted_at": "2024-01-01T00:00:00Z"}
    write(database, message, record("t", k=A_UUID, **mark), hard_delete=True)
    assert database.rows("t") == []


@pytest.mark.parametrize("database", ["postgres", "duckdb"], indirect=True)
def test_a_type_that_would_not_hold_the_values_is_changed(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """With a warning, and with what the column held."""
    database.query("CREATE TABLE t (id bigint NOT NULL, v uuid, PRIMARY KEY (id))")
    database.query(f"INSERT INTO t VALUES (1, '{A_UUID}')")
    write(database, schema("t", id=ID, v="string"), record("t", id=2, v="x"))

    assert [row["v"] for row in database.rows("t")] == [A_UUID, "x"]
    [warning] = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert "table=t column=v type=uuid" in warning.lower()


NESTED: dict[str, list[tuple[str, str, Any]]] = {
    "postgres": [
        ("numeric[]", "number", 1.5),
        ("numeric(10,2)[]", "number", 1.5),
        ("bigint[]", "number", 1.5),
        ("integer[]", "integer", 1),
        ("date[]", "date-time", "2024-01-02T03:04:05Z"),
        ("timestamp(3) with time zone[]", "date-time", "2024-01-02T03:04:05Z"),
        ("int4range", "integer", 1),
    ],
    "duckdb": [
        ("DECIMAL(10,2)[]", "number", 1.5),
        ("DECIMAL(10,2)[2]", "number", 1.5),
        ("DECIMAL(10,2)[][]", "integer", 1),
        ("BIGINT[]", "number", 1.5),
        ("TIMESTAMP[]", "date-time", "2024-01-02T03:04:05Z"),
        ("TIMESTAMP WITH TIME ZONE[]", "date", "2024-01-02"),
        ("STRUCT(a DECIMAL(10,2))", "number", 1.5),
        ("MAP(VARCHAR, DOUBLE)", "number", 1.5),
        ("ENUM('DECIMAL', 'a')", "number", 1.5),
        ("UNION(a DECIMAL(10,2), b DOUBLE)", "number", 1.5),
    ],
}
"""Types that are made of others, what the schema says, and what is sent."""


@pytest.mark.parametrize(
    ("database", "case"),
    [(engine, case) for engine, cases in NESTED.items() for case in cases],
    indirect=["database"],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_a_list_of_numbers_does_not_hold_a_number(
    database: Database, case: tuple[str, str, Any]
) -> None:
    """Nor does another type that is made of types; the error names the column and its type."""
    type_, kind, sent = case
    database.query(f"CREATE TABLE t (id bigint NOT NULL, v {type_}, PRIMARY KEY (id))")
    before = database.types("t")
    definition = moment(kind) if kind.startswith("date") else {"type": [kind, "null"]}
    message = schema("t", id=ID, v=definition)
    with pytest.raises(DatabaseError, match=rf"{re.escape(before['v'])}, but stream .* {kind} ?"):
        write(database, message, record("t", id=1, v=sent), add_record_metadata=False)

    assert database.types("t") == before


@pytest.mark.parametrize("database", ["postgres", "mariadb"], indirect=True)
def test_a_key_of_numbers_becomes_one_of_text(database: Database) -> None:
    """As long as an index allows; the rows keep their keys."""
    database.query("CREATE TABLE t (k decimal(10,2) NOT NULL, v bigint, PRIMARY KEY (k))")
    database.query("INSERT INTO t VALUES (1.50, 1)")
    message = schema("t", keys=["k"], k="string", v="integer")
    write(database, message, record("t", k="1.50", v=2), record("t", k="x", v=3))

    assert sorted((row["k"], row["v"]) for row in database.rows("t")) == [("1.50", 2), ("x", 3)]


@pytest.mark.parametrize("kind", ["uuid", "texts"])
def test_where_no_other_made_the_column_it_is_text_or_json(database: Database, kind: str) -> None:
    """The schema's form changes nothing of tables that are made here."""
    definition, sent = {"uuid": (IS_UUID, A_UUID), "texts": (TEXTS, ["a"])}[kind]
    like = "string" if kind == "uuid" else "array"
    write(database, schema("t", id=ID, v=definition, like=like), record("t", id=1, v=sent))

    types = database.types("t")
    assert types["v"] == types["like"]
    value = database.rows("t")[0]["v"]
    assert (value if kind == "uuid" else json.loads(value)) == sent


MIXED = schema("Orders", keys=["Id"], Id=ID, createdAt="string", Paid="boolean")
ORDERS = [record("Orders", Id=1, createdAt="x", Paid=True)]


@pytest.mark.parametrize("load_method", ["upsert", "append-only", "overwrite"])
def test_names_may_be_in_lower_case(
    database: Database, load_method: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As most other targets name tables and columns, so that their tables can be taken over."""
    number = "INTEGER" if database.engine == "sqlite" else "bigint"
    database.query(f"CREATE TABLE orders (id {number} NOT NULL, PRIMARY KEY (id))")
    database.query("INSERT INTO orders (id) VALUES (0)")
    if load_method == "append-only":
        database.query("DROP TABLE orders")
    config = {"load_method": load_method, "overwrite_requires": "end_of_input"}
    write(database, MIXED, *ORDERS, lower_case_names=True, **config)

    names = [name for name in database.types("orders") if not name.startswith("_sdc_")]
    assert names == ["id", "createdat", "paid"]
    rows = database.rows("orders")
    assert len(rows) == (2 if load_method == "upsert" else 1)
    assert (rows[-1]["id"], rows[-1]["createdat"], bool(rows[-1]["paid"])) == (1, "x", True)
    assert "beside" not in caplog.text


def test_names_that_differ_only_in_case_stay_two_in_lower_case(database: Database) -> None:
    """The second gets a suffix, as where a database ignores case."""
    message = schema("t", keys=["id"], id=ID, Name="string", name="string", NAME="string")
    sent = record("t", id=1, Name="a", name="b", NAME="c")
    write(database, message, sent, lower_case_names=True)

    [row] = database.rows("t")
    assert all(name == name.lower() for name in row)
    assert sorted(map(str, row.values())) == ["1", "a", "b", "c"]


def test_a_column_beside_one_of_others_draws_a_warning(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Which names both, and what to do; where names ignore case, case makes no second column."""
    text = "nvarchar(9)" if database.engine == "mssql" else "varchar(9)"
    database.query(f"CREATE TABLE t (id bigint NOT NULL, created_at {text}, PRIMARY KEY (id))")
    database.query(f"ALTER TABLE t ADD fullname {text}")
    message = schema("t", id=ID, **{"created-at": "string", "fullName": "string"})
    write(database, message, record("t", id=1))
    write(database, message, record("t", id=2))

    told = [r.getMessage() for r in caplog.records if "beside" in r.getMessage()]
    wanted = [("created_at", "created-at")]
    if database.engine == "postgres":
        wanted.append(("fullname", "fullName"))
    assert len(told) == len(wanted)
    for text, (theirs, ours) in zip(told, wanted, strict=True):
        assert f'"{theirs}"' in text
        assert f'"{ours}"' in text
        assert "`lower_case_names: true`" in text
        assert "`stream_maps`" in text


def test_a_table_beside_one_of_others_draws_a_warning(
    postgres_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Where a database tells names apart by their case; a key in another case is an error."""
    postgres_database.query('CREATE TABLE "orders" (id bigint PRIMARY KEY)')
    write(postgres_database, MIXED, *ORDERS)

    [told] = [r.getMessage() for r in caplog.records if "beside" in r.getMessage()]
    assert 'table "orders"' in told
    assert "`lower_case_names: true`" in told

    postgres_database.query('CREATE TABLE "people" (id bigint PRIMARY KEY)')
    with pytest.raises(DatabaseError, match=r"\(Id\).*\(id\).*`lower_case_names: true`"):
        write(postgres_database, schema("people", keys=["Id"], Id=ID))
