"""What is particular to SQL Server: lax paths, collations, limits of keys, decimals."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import InvalidRecord, MissingKeyPropertiesError
from target_run import record, run, schema, write

from target_harvest_sql.database.errors import DatabaseError

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.databases import Database

ID = {"type": "integer"}
CODES = schema("codes", keys=["code"], code={"type": "string"}, v="string")
MONEY = {"type": "number", "format": "singer.decimal", "precision": 5, "scale": 2}
SECRET = "s3cr3t"
A_UUID = "123e4567-e89b-12d3-a456-426614174000"


@pytest.mark.parametrize(
    ("definition", "value"),
    [
        ("integer", {"a": 1}),
        ("integer", ""),
        ("number", ""),
        ("boolean", ""),
        ("string", [SECRET]),
        ({"type": "string", "format": "date-time"}, {}),
        ({"type": "array"}, SECRET),
        ({"type": "object"}, 5),
    ],
)
def test_nothing_is_read_as_null_or_zero(
    mssql_database: Database, definition: Any, value: Any
) -> None:
    """Without validation too, an object is not taken for a value, nor empty text for a number."""
    message = schema("t", id=ID, v=definition)
    with pytest.raises(InvalidRecord, match="at v") as caught:
        write(mssql_database, message, record("t", id=1, v=value), validate_records=False)

    assert SECRET not in str(caught.value)
    assert mssql_database.rows("t") == []


@pytest.mark.parametrize(
    ("definition", "value"),
    [
        ("integer", "nonsense"),
        ("integer", 1.5),
        ("number", "nonsense"),
        ("boolean", "nonsense"),
        ({"type": "string", "format": "date"}, "2024-02-30"),
        ({"type": "string", "format": "date-time"}, "0000-01-01T00:00:00Z"),
        ({"type": "string", "format": "date-time"}, "10000-01-01T00:00:00Z"),
        ({"type": "string", "format": "time"}, "24:00:01"),
        ({"type": "string", "format": "date"}, ""),
        ({"type": "string", "format": "date-time"}, ""),
        ({"type": "string", "format": "time"}, ""),
        *((MONEY, text) for text in ("1.005", "1234.5", "nonsense", "1.5E-2", "1e-999999999")),
    ],
)
def test_a_value_that_is_not_of_its_column_is_refused(
    mssql_database: Database, definition: Any, value: Any
) -> None:
    """Without validation the database judges, and rounds nothing; the error shows no value."""
    message = schema("t", id=ID, v=definition)
    with pytest.raises(DatabaseError, match="of its column's type") as caught:
        write(mssql_database, message, record("t", id=1, v=value), validate_records=False)

    assert not value or str(value) not in str(caught.value)
    assert mssql_database.rows("t") == []


def test_keys_that_differ_in_case_are_two(mssql_database: Database) -> None:
    """And so are those with other accents, or characters of four bytes."""
    codes = ["a", "A", "á", "\U0001f600", "\U0001f601", ""]
    write(mssql_database, CODES, *(record("codes", code=code, v=code) for code in codes))
    write(mssql_database, CODES, *(record("codes", code=code, v=f"{code}!") for code in codes))

    found = {row["code"]: row["v"] for row in mssql_database.rows("codes")}
    assert found == {code: f"{code}!" for code in codes}


@pytest.mark.parametrize("batch_size_rows", [1, 2])
def test_keys_that_differ_in_trailing_spaces_are_refused(
    mssql_database: Database, batch_size_rows: int
) -> None:
    """SQL Server compares them as one key; neither row is lost silently, and no value shown."""
    with pytest.raises(DatabaseError, match="trailing spaces") as caught:
        write(
            mssql_database,
            CODES,
            record("codes", code=SECRET, v="1"),
            record("codes", code=f"{SECRET} ", v="2"),
            batch_size_rows=batch_size_rows,
        )

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("value", ["a", "A ", "A\t", "Á", ""])
def test_a_text_that_changes_a_little_is_written(mssql_database: Database, value: str) -> None:
    """In case, accents or trailing spaces, whatever the collation of the column."""
    write(mssql_database, CODES, record("codes", code="x", v="A"))
    write(mssql_database, CODES, record("codes", code="x", v=value))

    assert mssql_database.rows("codes") == [{"code": "x", "v": value}]


def test_a_key_that_is_too_long_is_refused(mssql_database: Database) -> None:
    """With the limit, and without the value."""
    write(mssql_database, CODES, record("codes", code="x" * 450, v="long"))
    with pytest.raises(DatabaseError, match="at most 450 characters") as caught:
        write(mssql_database, CODES, record("codes", code=SECRET * 100, v="too long"))

    assert SECRET not in str(caught.value)
    assert [row["v"] for row in mssql_database.rows("codes")] == ["long"]


def test_a_decimal_is_as_large_as_the_schema_says(mssql_database: Database) -> None:
    """It becomes larger with the schema, and keeps its digits when it becomes text."""

    def money(precision: int, scale: int) -> Any:
        return {"type": "number", "multipleOf": 10**-scale, "precision": precision}

    id_ = {"type": "integer"}
    write(mssql_database, schema("t", id=id_, v=money(5, 2)), record("t", id=1, v=123.45))
    write(mssql_database, schema("t", id=id_, v=money(5, 3)), record("t", id=2, v=12.345))

    assert mssql_database.rows("t") == [
        {"id": 1, "v": Decimal("123.450")},
        {"id": 2, "v": Decimal("12.345")},
    ]
    write(mssql_database, schema("t", id=id_, v="string"), record("t", id=3, v="x"))
    *texts, last = (row["v"] for row in mssql_database.rows("t"))
    assert [float(text) for text in texts] == [123.45, 12.345]
    assert last == "x"


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ("1.5e1", "15.00000"),
        ("1E-05", "0.00001"),
        ('"1E-5"', "0.00001"),
        ('"-1.20E+3"', "-1200.00000"),
        ('"0E-8"', "0.00000"),
    ],
)
def test_a_decimal_may_have_an_exponent(mssql_database: Database, sent: str, found: str) -> None:
    """Small numbers and zeros often have one."""
    size = {"precision": 10, "scale": 5}
    number = {"type": ["number", "string"], "format": "singer.decimal", **size}
    line = f'{{"type": "RECORD", "stream": "t", "record": {{"id": 1, "v": {sent}}}}}'
    write(mssql_database, schema("t", id=ID, v=number), line)

    assert mssql_database.rows("t") == [{"id": 1, "v": Decimal(found)}]


@pytest.mark.parametrize("names", [("v", "v"), ("v", "v "), ("v ", "v")])
def test_a_value_of_any_kind_may_have_two_names(
    mssql_database: Database, names: tuple[str, str]
) -> None:
    """Of two alike the first is written; those that differ at their ends are two."""
    one, other = names
    line = (
        '{"type": "RECORD", "stream": "t", "record": '
        f'{{"id": 1, "{one}": "{one}1", "{other}": "{other}2"}}}}'
    )
    write(mssql_database, schema("t", id=ID, v={}), line)

    expected = "v2" if one == "v " else "v1"
    assert mssql_database.rows("t") == [{"id": 1, "v": f'"{expected}"'}]


def test_integers_that_a_float_would_round_stay_integers(mssql_database: Database) -> None:
    """The error says what to do, and the column stays as it was."""
    write(mssql_database, schema("t", id=ID, v="integer"), record("t", id=1, v=2**53 + 1))
    with pytest.raises(DatabaseError, match="a float would round"):
        write(mssql_database, schema("t", id=ID, v="number"), record("t", id=2, v=1.5))

    assert mssql_database.rows("t") == [{"id": 1, "v": 2**53 + 1}]


@pytest.mark.parametrize("value", [0.1 + 0.2, 1e300, -1.5, 123456.0, 1e15, 5e-300])
def test_a_number_that_becomes_text_keeps_its_digits(
    mssql_database: Database, value: float
) -> None:
    """In whatever notation."""
    write(mssql_database, schema("t", id=ID, v="number"), record("t", id=1, v=value))
    write(mssql_database, schema("t", id=ID, v="string"))

    assert float(mssql_database.rows("t")[0]["v"]) == value


def test_values_are_never_part_of_a_statement(mssql_database: Database) -> None:
    """Whatever quotes, backslashes and ends of lines stand in them, or in names."""
    text = "'; DROP TABLE t; -- \\\n\\\r\n?:x%(y)s%%@batch"
    name = "a'b[c--d%s?"
    message = schema(name, id={"type": "integer", "description": text}, **{name: "string"})
    write(mssql_database, message, record(name, id=1, **{name: text}))

    assert mssql_database.query(f"SELECT * FROM [{name}]")[0][name] == text


@pytest.mark.parametrize("names", ["aA", "a\uff41", "\U0001f600\U0001f601", "e\u00e9", ["a", "a "]])
def test_names_that_are_alike_are_two_columns(mssql_database: Database, names: Any) -> None:
    """However much or little the collation of the database tells apart."""
    one, other = names
    if not mssql_database.is_of_microsoft() and (one > "\uffff" or other.endswith(" ")):
        pytest.skip("Only Microsoft's server reads such names")
    message = schema("t", id=ID, **{one: "string", other: "string"})
    for number in (1, 2):
        write(mssql_database, message, record("t", id=number, **{one: "one", other: "other"}))

    rows = [tuple(row.values()) for row in mssql_database.rows("t")]
    assert rows == [(1, "one", "other"), (2, "one", "other")]


def test_a_table_of_its_own_types_is_written_to(mssql_database: Database) -> None:
    """Narrower types are kept; what does not fit them is refused."""
    mssql_database.query(
        "CREATE TABLE t (id int PRIMARY KEY, n smallint, d decimal(9,2), s nvarchar(3))"
    )
    message = schema("t", id=ID, n="integer", d="number", s="string")
    write(mssql_database, message, record("t", id=1, n=-5, d=1.25, s="abc"))
    for values in ({"n": 2**40}, {"d": 1.255}, {"s": "abcd"}):
        with pytest.raises(DatabaseError):
            write(mssql_database, message, record("t", id=2, **values))

    assert mssql_database.rows("t") == [{"id": 1, "n": -5, "d": Decimal("1.25"), "s": "abc"}]
    assert set(mssql_database.types("t").values()) >= {"int", "smallint", "decimal", "nvarchar"}


def test_columns_of_others_are_written_to(mssql_database: Database) -> None:
    """Moments become UTC; a row that is the same is not rewritten."""
    mssql_database.query(
        "CREATE TABLE t (id uniqueidentifier PRIMARY KEY, m money, at datetime2(3))"
    )
    key = {"type": "string", "format": "uuid"}
    at = {"type": "string", "format": "date-time"}
    message = schema("t", id=key, m="number", at=at)
    sent = {"id": A_UUID, "m": 1.25, "at": "2024-01-02T03:04:05.678+02:00"}
    for _ in range(2):
        write(mssql_database, message, record("t", **sent))
    for wrong in ({"id": f"{A_UUID}0"}, {"m": 1e15}, {"at": "2024-01-02T03:04:05.6789Z"}):
        with pytest.raises((DatabaseError, InvalidRecord, MissingKeyPropertiesError)):
            write(mssql_database, message, record("t", **{**sent, **wrong}))

    [found] = mssql_database.query(
        "SELECT CAST(id AS nvarchar(36)) AS id, m, CONVERT(nvarchar(30), at, 121) AS at FROM t"
    )
    assert found["id"].lower() == A_UUID
    assert (found["m"], found["at"]) == (Decimal("1.25"), "2024-01-02 01:04:05.678")


@pytest.mark.parametrize("type_", ["varchar(max)", "datetime", "varchar(10)"])
def test_a_column_that_would_lose_something_is_refused(
    mssql_database: Database, type_: str
) -> None:
    """Digits of a second, or characters that a code page lacks."""
    mssql_database.query(f"CREATE TABLE t (id bigint PRIMARY KEY, v {type_})")
    kind = {"type": "string", "format": "date-time"} if "date" in type_ else "string"
    with pytest.raises(DatabaseError, match=r'Column "v".*Change'):
        write(mssql_database, schema("t", id=ID, v=kind))


def test_a_database_without_openjson_is_refused(mssql_database: Database) -> None:
    """The error says how to raise its compatibility level."""
    if not mssql_database.is_of_microsoft():
        pytest.skip("Only Microsoft's server has compatibility levels")
    level = "ALTER DATABASE CURRENT SET COMPATIBILITY_LEVEL = {}"
    mssql_database.query(level.format(120))
    try:
        with pytest.raises(DatabaseError, match="COMPATIBILITY_LEVEL = 130"):
            write(mssql_database, CODES)
    finally:
        mssql_database.query(level.format(150))


@pytest.mark.parametrize("load_method", ["upsert", "append-only"])
def test_lanes_write_side_by_side(mssql_database: Database, load_method: str) -> None:
    """Every key keeps its last record, and every record without one is a row."""
    sent = [(f"k{n % 70}", str(n)) for n in range(300)]
    write(
        mssql_database,
        CODES,
        *(record("codes", code=code, v=v) for code, v in sent),
        lanes=3,
        batch_size_rows=20,
        load_method=load_method,
    )

    found = [(row["code"], row["v"]) for row in mssql_database.rows("codes")]
    expected = dict(sent).items() if load_method == "upsert" else sent
    assert sorted(found) == sorted(expected)


def test_two_runs_on_one_table_take_turns(mssql_database: Database, tmp_path: Path) -> None:
    """Both write all their records, into a table that neither finds."""

    def work(start: int) -> None:
        folder = tmp_path / str(start)
        folder.mkdir()
        records = [
            record("codes", code=str(n % 50), v=str(start)) for n in range(start, start + 60)
        ]
        found.append(run(mssql_database, folder, CODES, *records, batch_size_rows=20).exit_code)

    if not mssql_database.is_of_microsoft():
        pytest.skip("Only Microsoft's server has locks that one can wait for")
    found: list[int] = []
    threads = [threading.Thread(target=work, args=(start,)) for start in (0, 1000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [0, 0]
    rows = mssql_database.rows("codes")
    assert len(rows) == 50
    assert len({row["v"] for row in rows}) == 1
