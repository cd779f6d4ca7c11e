"""Numbers, however they are written: what is one key, what is kept, and what is refused."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import InvalidRecord
from singer_sdk.singerlib.exceptions import InvalidInputLine
from target_run import record, schema, write

from target_harvest_sql.database.errors import DatabaseError

if TYPE_CHECKING:
    from fixtures.databases import Database

ID = {"type": "integer"}
DECIMAL = {"type": "number", "format": "singer.decimal"}
WHOLE = ("1", "1.0", "1e0", "10e-1", "1.00", "2", "20E-1", "0", "-0", "-0.0", "1000", "1e3")
SPELLINGS = (*WHOLE, "1.5", "1.50", "15e-1", "0.5", "5E-1", "-1.5", "1e2", "100")
KEYS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "integer": ({"type": "integer"}, WHOLE),
    "integer with a pattern": ({"type": "integer", "not": {"type": "string"}}, WHOLE),
    "number": ({"type": "number"}, SPELLINGS),
    "number or text": ({"type": ["string", "number"]}, (*SPELLINGS, '"1"', '"1.5"', '"1e0"')),
    "integer or text": ({"type": ["string", "integer"]}, (*WHOLE, '"1"', '"1.0"')),
    "decimal": (DECIMAL, SPELLINGS),
    "long integer": ({"type": "integer", "maximum": 2**64, "minimum": 0}, WHOLE[:7]),
    "decimal as text": (
        {"type": "string", "format": "singer.decimal"},
        ('"1"', '"1.0"', r'"1\u002e0"', '"1e0"', r'"\u0031"'),
    ),
    "json": ({"type": ["boolean", "number", "string"]}, (*SPELLINGS, '"1"', "true")),
}


CHANCE = random.Random(7)
ORDERS = (
    [0, 2, 0, 1, 3, 1],
    [12, 13, 12, 14],
    *([CHANCE.randint(0, 30) for _ in range(length)] for length in (4, 8)),
)
"""Which of its spellings the records of a table have, in order."""


def spelled(number: str, stream: str = "t", **values: Any) -> str:
    """A record of a table whose property `k` is written so."""
    return json.dumps(record(stream, k="?", **values)).replace('"?"', number)


@pytest.mark.parametrize("kind", KEYS)
def test_the_size_of_a_batch_does_not_change_which_keys_are_one(
    database: Database, kind: str
) -> None:
    """However the numbers of keys are written."""
    definition, spellings = KEYS[kind]
    sizes = (1, 2, 7, 100)
    for size in sizes:
        messages: list[Any] = []
        for order, numbers in enumerate(ORDERS):
            table = f"t{order}_{size}"
            messages.append(schema(table, keys=["k"], k=definition, v="integer"))
            messages += [
                spelled(spellings[number % len(spellings)], table, v=n)
                for n, number in enumerate(numbers)
            ]
        write(database, *messages, batch_size_rows=size)

    for order, numbers in enumerate(ORDERS):
        tables = [database.rows(f"t{order}_{size}") for size in sizes]
        found = [{row["k"]: row["v"] for row in rows} for rows in tables]
        assert found == [found[0]] * 4
        assert [len(rows) for rows in tables] == [len(found[0])] * 4
        if kind == "integer":
            last = {int(Decimal(WHOLE[n % len(WHOLE)])): v for v, n in enumerate(numbers)}
            assert {int(k): v for k, v in found[0].items()} == last


def test_a_number_as_a_key_of_text_is_the_text_that_was_sent(database: Database) -> None:
    """So 1.5 and 1.50 are two keys, and the last record of each stays."""
    message = schema("t", keys=["k"], k={"type": ["string", "number"]}, v="integer")
    sent = ("1.5", "1.50", "1.5", "1", "1e0", "100", "1E2")
    write(database, message, *(spelled(number, v=v) for v, number in enumerate(sent, 1)))

    found = {row["k"]: row["v"] for row in database.rows("t")}
    assert found == {"1.5": 3, "1.50": 2, "1": 4, "1e0": 5, "100": 6, "1E2": 7}


@pytest.mark.parametrize(
    ("number", "integer"),
    [
        ("5.0", 5),
        ("1e3", 1000),
        ("1.5e1", 15),
        ("-0.0", 0),
        ("1234567890123456789.0", 1234567890123456789),
        ("9223372036854775807.00", 2**63 - 1),
        ("922337203685477580.7e1", 2**63 - 1),
        ("-9223372036854775808e0", -(2**63)),
    ],
)
@pytest.mark.parametrize("validate_records", [True, False])
def test_an_integer_may_have_a_point_or_an_exponent(
    database: Database, number: str, integer: int, *, validate_records: bool
) -> None:
    """JSON Schema makes no difference; in a key, beside one, and in a flattened object."""
    inner = {"type": ["object", "null"], "properties": {"n": {"type": ["integer", "null"]}}}
    line = spelled(number, v="?", o="!")
    line = line.replace('"?"', number).replace('"!"', f'{{"n": {number}}}')
    write(
        database,
        schema("t", keys=["k"], k=ID, v="integer", o=inner),
        record("t", k=integer, v=None, o=None),
        line,
        flattening_enabled=True,
        flattening_max_depth=1,
        validate_records=validate_records,
    )

    assert database.rows("t") == [{"k": integer, "v": integer, "o__n": integer}]


@pytest.mark.parametrize("number", ["9223372036854775808.0", "1e19", "1e400", "1e999999999999"])
@pytest.mark.parametrize("validate_records", [True, False])
def test_an_integer_beyond_64_bits_is_refused_in_any_spelling(
    database: Database, number: str, *, validate_records: bool
) -> None:
    """And the advice works: as a decimal it is kept."""
    with pytest.raises(InvalidRecord, match=r"Line 2 .* at k is beyond .*singer\.decimal"):
        write(
            database,
            schema("t", keys=[], k=ID),
            spelled(number),
            validate_records=validate_records,
        )
    if number != "1e999999999999":
        database.query('DROP TABLE "t"')
        write(
            database,
            schema("t", keys=[], k=ID | {"format": "singer.decimal"}),
            spelled(number),
            validate_records=validate_records,
        )
        [row] = database.rows("t")
        assert Decimal(row["k"]) == Decimal(number)


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1e-400", "1.5e-330"])
@pytest.mark.parametrize("validate_records", [True, False])
def test_a_number_beyond_a_double_is_kept_or_refused(
    database: Database, number: str, *, validate_records: bool
) -> None:
    """It is neither zero nor "not JSON"."""
    messages = (schema("t", keys=[], k="number"), spelled(number))
    if database.engine == "postgres":
        write(database, *messages, validate_records=validate_records)
        assert database.rows("t") == [{"k": Decimal(number)}]
    else:
        with pytest.raises(InvalidRecord, match=r"Line 2 .*number at k .*singer\.decimal"):
            write(database, *messages, validate_records=validate_records)

    database.query('DROP TABLE "t"')
    write(
        database,
        schema("t", keys=[], k=DECIMAL),
        spelled(number),
        validate_records=validate_records,
    )
    [row] = database.rows("t")
    assert Decimal(row["k"]) == Decimal(number)


@pytest.mark.parametrize("number", ["1e99999999999999999999", "-1e-99999999999999999999"])
@pytest.mark.parametrize("config", [{}, {"validate_records": False}])
def test_an_exponent_that_nothing_holds_is_refused(
    database: Database, number: str, config: dict[str, Any]
) -> None:
    """By the database where it has numbers of any size."""
    write(
        database,
        schema("t", k="number", id=ID),
        spelled(number, id=1),
        record("t", id=2, k=1),
        invalid_records="quarantine",
        **config,
    )

    assert [row["id"] for row in database.rows("t")] == [2]


@pytest.mark.parametrize(
    "number",
    ["1234567890123456789", "-9223372036854775808", "18446744073709551615", "9007199254740993"],
)
def test_integers_of_64_bits_are_kept_inside_json(database: Database, number: str) -> None:
    """As objects carry the ids of many services."""
    for definition, value in (("object", '{"k": [?]}'), ("array", "[?]"), ({}, "?")):
        line = spelled(value.replace("?", number))
        database.query('DROP TABLE IF EXISTS "t"')
        write(database, schema("t", keys=[], k=definition), line)

        [row] = database.rows("t")
        assert json.loads(row["k"]) == json.loads(value.replace("?", number))


def test_duckdb_keeps_longer_integers_inside_json(duckdb_database: Database) -> None:
    """Of any length."""
    write(duckdb_database, schema("t", keys=[], k="array"), spelled(f"[{10**30 + 1}, 1e400]"))

    [row] = duckdb_database.rows("t")
    assert row["k"] == f"[{10**30 + 1},1e400]"


def test_the_digits_of_a_decimal_may_be_escaped(database: Database) -> None:
    """They are what the escapes stand for."""
    definition = {"type": "string", "format": "singer.decimal"}
    write(database, schema("t", keys=[], k=definition), spelled(r'"12\u0033.50"'))

    [row] = database.rows("t")
    assert str(row["k"]) == "123.50"


@pytest.mark.parametrize(
    "bound", ["1e309", "1e999999999", "1e99999999999999999999", "1" + "0" * 400]
)
@pytest.mark.parametrize("type_", ["integer", "number"])
def test_a_bound_of_the_schema_may_be_beyond_a_double(
    database: Database, bound: str, type_: str
) -> None:
    """A value below it is kept."""
    message = schema("t", keys=[], k={"type": type_, "minimum": -1, "maximum": "?"})
    write(database, json.dumps(message).replace('"?"', bound), record("t", k=5))

    [row] = database.rows("t")
    assert Decimal(row["k"]) == 5


def test_a_bound_of_thousands_of_digits_is_named(sqlite_database: Database) -> None:
    """Python reads no such integers."""
    message = schema("t", keys=[], k={"type": "integer", "maximum": "?"})
    with pytest.raises(InvalidInputLine, match=r'Line 1: .* "t" has an integer of thousands'):
        write(sqlite_database, json.dumps(message).replace('"?"', "9" * 5000))


@pytest.mark.parametrize("config", [{}, {"validate_records": False}])
def test_an_integer_of_thousands_of_digits_is_refused(
    database: Database, config: dict[str, Any]
) -> None:
    """With its line."""
    with pytest.raises((InvalidRecord, DatabaseError), match=r"ine 2|refused"):
        write(database, schema("t", keys=[], k=ID), spelled("9" * 5000), **config)


def test_a_state_may_hold_a_number_beyond_a_double(sqlite_database: Database) -> None:
    """It proves that a stream was read whole, as others do."""
    bookmark = '{"replication_key_value": "x", "n": 1e400}'
    state = f'{{"type": "STATE", "value": {{"bookmarks": {{"t": {bookmark}}}}}}}'
    message, sent = schema("t", keys=[], k=ID), record("t", k=1)
    [printed] = write(sqlite_database, message, sent, state, load_method="overwrite")

    assert "1e400" in printed
    assert sqlite_database.rows("t") == [{"k": 1}]
