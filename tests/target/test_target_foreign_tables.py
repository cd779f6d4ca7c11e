"""Tables that other programs made: their column types stay where they hold the values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from singer_sdk.exceptions import MissingKeyPropertiesError
from target_run import record, schema, write

if TYPE_CHECKING:
    from fix_databases import Database

ID = {"type": "integer"}
A_UUID = "123e4567-e89b-12d3-a456-426614174000"
IS_UUID = {"type": ["string", "null"], "format": "uuid"}
TEXTS = {"type": ["array", "null"], "items": {"type": ["string", "null"]}}
INTEGERS = {"type": ["array", "null"], "items": {"type": "integer"}}
ANYTHING = {"type": ["array", "null"]}
BASE16 = {"type": ["string", "null"], "contentEncoding": "base16"}
BASE64 = {"type": ["string", "null"], "contentEncoding": "base64"}

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


@pytest.mark.parametrize("database", list(HELD), indirect=True)
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
