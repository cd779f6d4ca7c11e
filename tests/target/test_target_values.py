"""Values come back as they were sent, or are refused."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from singer_sdk.exceptions import InvalidRecord
from target_run import record, schema, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from fixtures.databases import Database

DATE_TIME = {"type": ["string", "null"], "format": "date-time"}
DATE = {"type": ["string", "null"], "format": "date"}
ID = {"type": "integer"}


def read_back(database: Database, definition: Any, value: Any, **config: Any) -> Any:
    """Write one value, and read it."""
    write(database, schema("t", id=ID, v=definition), record("t", id=1, v=value), **config)
    return database.rows("t")[0]["v"]


@pytest.mark.parametrize(
    ("definition", "value"),
    [
        ("string", ""),
        ("string", "null"),
        ("string", "\U0001f600 ünï\n\t\"'\\"),
        ("string", "x" * 1_000_000),
        ("integer", 2**63 - 1),
        ("integer", -(2**63)),
        ("number", 0.1 + 0.2),
        ("number", 1e300),
        ("boolean", True),
        ("boolean", False),
        ({"type": "string", "format": "singer.decimal"}, "12345678901234567890.1234567890"),
        ({"type": ["string", "integer", "null"]}, "007"),
        ({"enum": ["a", "b"]}, "a"),
        ({"anyOf": [DATE_TIME, {"type": ["string", "null"]}]}, "not a date"),
    ],
)
def test_a_value_comes_back_as_it_was_sent(database: Database, definition: Any, value: Any) -> None:
    """Empty text stays empty, text that looks like something else stays text."""
    found = read_back(database, definition, value)

    # An engine with exact numbers gives a decimal, which as text or double is what was sent.
    assert (type(value)(found) if isinstance(found, Decimal) else found) == value


@pytest.mark.parametrize(
    ("definition", "value"),
    [
        ("object", {"a": [1, 1.5, "x", None, {"b": True}]}),
        ("object", {}),
        ("array", []),
        ({}, "text"),
        ({}, 5),
        ({"type": ["boolean", "string"]}, True),
        ({"type": ["boolean", "string"]}, "true"),
        ({"anyOf": [{"type": "object"}, {"type": "string"}]}, "null"),
    ],
)
def test_json_comes_back_as_json(database: Database, definition: Any, value: Any) -> None:
    """Objects, arrays, and what may be more than one kind."""
    assert json.loads(read_back(database, definition, value)) == value


@pytest.mark.parametrize("definition", ["object", "string", "integer", "boolean", {}, DATE_TIME])
def test_null_is_null(database: Database, definition: Any) -> None:
    """In JSON columns too."""
    assert read_back(database, definition, None) is None


def test_sqlite_keeps_the_digits_inside_json(sqlite_database: Database) -> None:
    """JSON values are stored as text."""
    message = schema("t", id=ID, v="object")
    text = '{"a":12345678901234567890.1234567890}'
    write(
        sqlite_database,
        message,
        f'{{"type": "RECORD", "stream": "t", "record": {{"id": 1, "v": {text}}}}}',
    )

    assert sqlite_database.rows("t")[0]["v"] == text


@pytest.mark.parametrize(
    ("definition", "text"),
    [
        ("integer", "9223372036854775808"),
        ("number", "12345678901234567890.1234567890"),
        ("number", "0.12345678901234567"),
    ],
)
@pytest.mark.parametrize("validate_records", [True, False])
def test_a_number_keeps_every_digit_or_is_refused(
    database: Database, definition: str, text: str, *, validate_records: bool
) -> None:
    """Nothing is rounded silently, with validation or without."""
    messages = (
        schema("t", id=ID, v=definition),
        f'{{"type": "RECORD", "stream": "t", "record": {{"id": 1, "v": {text}}}}}',
    )
    if definition == "number" and database.engine == "postgres":
        write(database, *messages, validate_records=validate_records)
        assert database.rows("t") == [{"id": 1, "v": Decimal(text)}]
    else:
        with pytest.raises(InvalidRecord, match=r"at v .*singer\.decimal"):
            write(database, *messages, validate_records=validate_records)


@pytest.mark.parametrize(
    ("definition", "text"),
    [
        ({"type": "integer", "minimum": 0, "maximum": 2**64 - 1}, "18446744073709551615"),
        ({"type": "number", "format": "singer.decimal"}, "-12345678901234567890.1234567890"),
        ({"type": "number", "format": "singer.decimal"}, "0.5"),
    ],
)
def test_a_decimal_may_be_sent_as_a_number(database: Database, definition: Any, text: str) -> None:
    """Every digit of it arrives; an integer that may be beyond 64 bits is a decimal."""
    line = f'{{"type": "RECORD", "stream": "t", "record": {{"id": 1, "v": {text}}}}}'
    write(database, schema("t", id=ID, v=definition), line)

    assert str(database.rows("t")[0]["v"]) == text


@pytest.mark.parametrize("name", ["v", "an odd `name`"])
def test_a_number_where_a_column_holds_text_has_every_digit(database: Database, name: str) -> None:
    """Also where the engine would read it as a double."""
    text = "12345678901234567890.1234567890"
    line = json.dumps(record("t", id=1, **{name: "?"})).replace('"?"', text)
    write(database, schema("t", id=ID, **{name: {"type": ["string", "number"]}}), line)

    assert database.rows("t")[0][name] == text


def test_duckdb_refuses_to_lose_digits_inside_json(duckdb_database: Database) -> None:
    """Its JSON reader would round them."""
    line = '{"type": "RECORD", "stream": "t", "record": {"id": 1, "v": [1234567890.12345678901]}}'
    with pytest.raises(InvalidRecord, match="at v "):
        write(duckdb_database, schema("t", id=ID, v="array"), line)


def test_mariadb_refuses_a_text_where_columns_were_made_of_an_object(
    mariadb_database: Database,
) -> None:
    """None of the columns could hold it, though nothing else judges records."""
    nested = {"type": "object", "properties": {"a": {"type": "integer"}}}
    with pytest.raises(InvalidRecord, match=r'Line 3 of stream "t".*got `str`.*v'):
        write(
            mariadb_database,
            schema("t", id=ID, v=nested),
            record("t", id=1, v={"a": 1}),
            record("t", id=2, v="text"),
            flattening_enabled=True,
            flattening_max_depth=1,
            validate_records=False,
        )


def test_long_digits_in_text_are_no_numbers(database: Database) -> None:
    """Only numbers can lose digits."""
    assert read_back(database, "string", "12345678901234567890123") == "12345678901234567890123"


def test_characters_that_text_cannot_hold_are_replaced(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Half a surrogate pair everywhere, U+0000 where the engine ends text at it; with a warning."""
    line = (
        '{"type": "RECORD", "stream": "t", "record": '
        r'{"id": 1, "v": "a\u0000b\ud800c\\u0000\ud83d\ude00\\\ud800"}}'
    )
    write(database, schema("t", id=ID, v="string"), line, line)

    keeps_nul = database.engine in {"duckdb", "mariadb", "mysql"}
    nul = "\0" if keeps_nul else "\ufffd"
    expected = f"a{nul}b\ufffdc\\u0000\U0001f600\\\ufffd"
    assert database.rows("t")[0]["v"] == expected
    warnings = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert sum("surrogate" in text for text in warnings) == 1
    assert sum("cannot hold" in text for text in warnings) == (not keeps_nul)


@pytest.mark.parametrize(
    ("definition", "value"),
    [(DATE, "2024-02-30"), (DATE_TIME, "soon"), (DATE_TIME, "2024-13-01T00:00:00Z")],
)
def test_a_date_that_is_none_is_refused(database: Database, definition: Any, value: str) -> None:
    """As in the SDK, though formats are not part of its validation."""
    with pytest.raises(InvalidRecord, match="at v"):
        read_back(database, definition, value)


@pytest.mark.parametrize("format_", ["date", "date-time", "time"])
@pytest.mark.parametrize("value", ["now", "today", "infinity", "epoch", "allballs", ""])
def test_a_word_is_no_date_whatever_the_schema(
    database: Database, format_: str, value: str
) -> None:
    """PostgreSQL would read the present moment; also where the schema is more than a type."""
    moment = {"type": "string", "format": format_}
    nested = {"type": "object", "properties": {"at": {**moment, "pattern": "^"}}}
    for definition, sent in (
        (moment, value),
        ({"anyOf": [moment, {"type": "null"}]}, value),
        ({**moment, "minLength": 0}, value),
        (nested, {"at": value}),
    ):
        with pytest.raises(InvalidRecord, match=f"a text that is no {format_} at v"):
            read_back(database, definition, sent, flattening_enabled=True, flattening_max_depth=1)
        database.query('DROP TABLE "t"')


@pytest.mark.parametrize("format_", ["date-time", "time"])
@pytest.mark.parametrize("validate_records", [True, False])
def test_digits_of_a_second_are_kept_or_refused(
    database: Database, format_: str, *, validate_records: bool
) -> None:
    """Microseconds, and of SQL Server a digit more; zeros beyond may go, SQLite keeps the text."""
    moment = {"type": ["string", "null"], "format": format_}
    day = "2024-01-02T" if format_ == "date-time" else ""
    digits = {"sqlite": 30, "mssql": 7}.get(database.engine, 6)
    if database.engine == "mssql" and not database.is_of_microsoft():
        digits = 6

    for fraction in ("000001", "1234560", "123456000", "1234567", "12345678"):
        sent = f"{day}03:04:05.{fraction}Z"
        rows = (schema("t", id=ID, v=moment), record("t", id=1, v=sent))
        if len(fraction.rstrip("0")) > digits:
            with pytest.raises(InvalidRecord, match=f"{format_} at v with more than {digits} dig"):
                write(database, *rows, validate_records=validate_records)
        else:
            write(database, *rows, validate_records=validate_records)
            # Drivers give microseconds; SQLite gives the text.
            found = str(database.rows("t")[0]["v"])
            assert fraction[:6] in found


@pytest.mark.parametrize(
    ("engine", "type_", "digits"),
    [
        ("postgres", "timestamp(0) with time zone", 0),
        ("postgres", "timestamp(3) without time zone", 3),
        ("mariadb", "datetime", 0),
        ("mariadb", "timestamp(2) NULL", 2),
        ("duckdb", "TIMESTAMP_S", 0),
        ("duckdb", "TIMESTAMP_MS", 3),
        ("mssql", "datetimeoffset(0)", 0),
        ("mssql", "datetimeoffset(3)", 3),
    ],
)
def test_a_table_of_others_may_keep_fewer_digits_of_a_second(
    new_database: Callable[[str], Database], engine: str, type_: str, digits: int
) -> None:
    """One more is refused there too, but for a zero."""
    database = new_database(engine)
    database.query(f"CREATE TABLE t (id bigint PRIMARY KEY, v {type_})")
    message = schema("t", id=ID, v=DATE_TIME)
    fraction = "123456"[:digits]
    kept = record("t", id=1, v=f"2024-01-02T03:04:05.{fraction}0Z")
    write(database, message, kept, add_record_metadata=False)
    lost = record("t", id=2, v=f"2024-01-02T03:04:05.{fraction}1Z")
    with pytest.raises(InvalidRecord, match=f"with more than {digits} digits of a second"):
        write(database, message, lost, add_record_metadata=False)

    [row] = database.rows("t")
    assert str(row["v"]).startswith(f"2024-01-02 03:04:05{f'.{fraction}' if digits else ''}")


def test_a_key_is_told_from_others_by_its_microseconds(database: Database) -> None:
    """One more digit would make one key of two; where keys are text, they are two."""
    message = schema("t", ("at",), at={"type": "string", "format": "date-time"})
    sent = [record("t", at=f"2024-01-02T03:04:05.123456{digit}Z") for digit in (1, 2)]
    if database.engine == "sqlite":
        write(database, message, *sent)

        assert len(database.rows("t")) == 2
    else:
        with pytest.raises(InvalidRecord, match="at at with more than 6 digits"):
            write(database, message, *sent)


def test_numbers_as_keys_are_told_apart_by_every_digit(postgres_database: Database) -> None:
    """A double would make one of two."""
    ids = [2**60, 2**60 + 1]
    write(postgres_database, schema("t", id={"type": "number"}), *(record("t", id=n) for n in ids))

    assert sorted(int(row["id"]) for row in postgres_database.rows("t")) == ids


def test_what_tells_the_newer_record_may_be_of_another_kind(sqlite_database: Database) -> None:
    """Where records are not validated; then the later one wins."""
    sent = [record("t", id=1, n=5), record("t", id=1, n="x"), record("t", id=1, n={})]
    message = schema("t", id=ID, n={"type": "integer"})
    write(sqlite_database, message, *sent, validate_records=False, newest_wins="n")

    [row] = sqlite_database.rows("t")
    assert row["n"] == "{}"


@pytest.mark.parametrize(
    "value", ["2024-01-02T03:04:05+02:00", "2024-01-02T03:04:05.123456Z", "2024-01-02 03:04:05Z"]
)
def test_a_date_time_keeps_its_instant(database: Database, value: str) -> None:
    """SQLite keeps the text, DuckDB the instant."""
    found = read_back(database, DATE_TIME, value)

    instant = datetime.fromisoformat(found) if isinstance(found, str) else found
    assert instant == datetime.fromisoformat(value)


@pytest.mark.parametrize(
    ("definition", "good", "bad"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 3}, 2, 4),
        ({"type": "integer", "exclusiveMinimum": 1}, 2, 1),
        ({"type": "string", "maxLength": 2}, "é2", "abc"),
        ({"type": "string", "pattern": "^a"}, "ab", "b"),
        ({"enum": ["a", None]}, None, "b"),
        ({"oneOf": [{"type": "integer"}, {"type": "string"}]}, 1, True),
        ({"anyOf": [{"type": "integer"}, {"type": "boolean"}]}, True, "x"),
        ({"type": "number", "multipleOf": 0.5}, 1.5, 1.3),
        ({"type": "array", "items": {"type": "integer"}}, [1], ["x"]),
        ({"type": "array", "uniqueItems": True}, [1, 2], [1, 1]),
        ({"type": "object", "required": ["a"], "properties": {"a": {}}}, {"a": 1}, {}),
        ({"type": "object", "additionalProperties": False}, {}, {"a": 1}),
        ({"type": "boolean"}, True, 1),
        ({"type": "integer"}, 1.0, 1.5),
        ({"type": "number"}, 1, "1"),
        ({"type": ["integer", "string"], "minLength": 2}, 1, "a"),
        ({"const": 5}, 5, 6),
        ({"not": {"type": "string"}}, 5, "x"),
    ],
)
def test_a_record_is_held_against_its_schema(
    sqlite_database: Database, definition: Any, good: Any, bad: Any
) -> None:
    """The typed decode accepts nothing that JSON Schema does not, and the reverse."""
    message = schema("t", keys=[], v=definition)
    write(sqlite_database, message, record("t", v=good))
    with pytest.raises(InvalidRecord):
        write(sqlite_database, message, record("t", v=bad))

    write(sqlite_database, message, record("t", v=bad), validate_records=False)
    assert len(sqlite_database.rows("t")) == 2


NAMES = st.text(max_size=8).filter(lambda name: not name.startswith("_sdc_"))
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
NUMBERS = st.integers(-(2**53), 2**53) | st.integers(-(2**20), 2**20).map(lambda n: n / 8)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
KINDS: dict[str, tuple[Any, Any]] = {
    "integer": ("integer", st.integers(-(2**63), 2**63 - 1)),
    "number": ("number", st.floats(allow_nan=False, allow_infinity=False)),
    "integer or number": ({"type": ["integer", "number", "null"]}, NUMBERS),
    "decimal": (
        {"type": ["string", "null"], "format": "singer.decimal"},
        st.decimals(-(10**20), 10**20, places=9).map(lambda n: f"{n:f}"),
    ),
    "boolean": ("boolean", st.booleans()),
    "string": ("string", TEXT),
    "integer or string": ({"anyOf": [{"type": ["integer", "null"]}, {"type": "string"}]}, TEXT),
    "date": (DATE, st.dates(min_value=date(1000, 1, 1)).map(str)),
    "date-time": (
        DATE_TIME,
        st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30), timezones=ZONES).map(  # noqa: DTZ001 - it wants none.
            datetime.isoformat
        ),
    ),
    "json array": ("array", st.lists(JSON, max_size=3)),
    "json object": ("object", st.dictionaries(TEXT, JSON, max_size=3)),
    "json": ({}, JSON),
    "json union": ({"type": ["boolean", "string", "null"]}, st.booleans() | TEXT),
}


@st.composite
def streams(draw: Callable[..., Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Kinds by name, and records of them."""
    names = draw(
        st.lists(
            NAMES.filter(lambda name: name != "id"),
            unique=True,
            min_size=1,
            max_size=4,
        )
    )
    kinds = {name: draw(st.sampled_from(sorted(KINDS))) for name in names}
    rows = draw(
        st.lists(
            st.fixed_dictionaries(
                {"id": st.integers(0, 5)},
                optional={name: st.none() | KINDS[kind][1] for name, kind in kinds.items()},
            ),
            max_size=6,
        )
    )
    return kinds, rows


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(stream=streams(), batch_size_rows=st.sampled_from([1, 3, 100]))
def test_whatever_is_written_is_read_back(
    database: Database,
    stream: tuple[dict[str, Any], list[dict[str, Any]]],
    batch_size_rows: int,
) -> None:
    """The last record of each key, value by value, whatever the names."""
    kinds, sent = stream
    definitions = {name: KINDS[kind][0] for name, kind in kinds.items()}
    message = schema("t", **{"id": ID, **definitions})
    records = [{"type": "RECORD", "stream": "t", "record": row} for row in sent]
    database.query('DROP TABLE IF EXISTS "t"')
    write(database, message, *records, batch_size_rows=batch_size_rows)
    found = [list(row.values()) for row in database.rows("t")]

    last = {row["id"]: row for row in sent}
    expected = [[key, *(last[key].get(name) for name in kinds)] for key in sorted(last)]
    assert len(found) == len(expected)
    for found_row, expected_row in zip(found, expected, strict=True):
        for value, wanted, kind in zip(
            found_row, expected_row, ["integer", *kinds.values()], strict=True
        ):
            assert same(value, wanted, kind)


def same(value: Any, wanted: Any, kind: str) -> bool:
    """Whether a value read is the one that was sent."""
    if value is None or wanted is None:
        return value is wanted
    if kind.startswith("json"):
        return bool(json.loads(value) == wanted)
    if kind.endswith("number"):
        return float(value) == wanted
    if kind == "decimal":
        return Decimal(value) == Decimal(wanted)
    if kind == "date-time":
        return instant(value) == instant(wanted)
    return bool(str(value) == wanted if kind == "date" else value == wanted)


def instant(value: str | datetime) -> datetime:
    """A date-time that was sent or read; without an offset it is UTC."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


CLOCKS = ("03", "03:04", "0304", "030405", "030405.25", "030405.1234567", "03:04:05,5")


def test_what_iso_8601_allows_is_kept_or_refused(database: Database) -> None:
    """Without colons, or short of minutes; no database may make another instant of it."""
    parts = product(("2024-01-12", "20240112"), " T", CLOCKS, ("", "Z", "+02", "+0230", "-05:30"))
    sent = ["".join(part) for part in parts]
    write(
        database,
        schema("t", id=ID, v=DATE_TIME),
        *(record("t", id=n, v=v) for n, v in enumerate(sent)),
        invalid_records="quarantine",
    )

    kept = [(row["v"], sent[row["id"]]) for row in database.rows("t")]
    assert [pair for pair in kept if instant(pair[0]) != instant(pair[1])] == []
    assert database.engine in {"sqlite", "mssql"} or not any("1234567" in v for _, v in kept)


def test_a_time_of_day_is_the_one_that_was_sent_or_refused(database: Database) -> None:
    """MariaDB takes four digits for minutes and seconds, SQL Server for a year."""
    times = {"type": ["string", "null"], "format": "time"}
    sent = [f"{clock}{zone}" for clock in CLOCKS for zone in ("", "Z", "+00:00:30")]
    write(
        database,
        schema("t", id=ID, v=times),
        *(record("t", id=n, v=v) for n, v in enumerate(sent)),
        invalid_records="quarantine",
    )

    kept = [(row["v"], sent[row["id"]]) for row in database.rows("t")]
    assert ("03:04" in {v for _, v in kept}) or database.engine == "mssql"
    for found, wanted in kept:
        hours = (datetime.min + found).time() if isinstance(found, timedelta) else found  # noqa: DTZ901 - no instant.
        if isinstance(hours, str) and database.engine == "sqlite":
            assert hours == wanted
        else:
            assert str(hours) == str(time.fromisoformat(wanted).replace(tzinfo=None))


@pytest.mark.parametrize(
    "value", ["03:04:05", "03:04:05Z", "03:04:05+00:00", "03:04:05-00", "03:04:05.25"]
)
def test_a_time_of_day_is_kept(database: Database, value: str) -> None:
    """With or without the mark of UTC."""
    times = {"type": ["string", "null"], "format": "time"}

    write(database, schema("hours", id="integer", at=times), record("hours", id=1, at=value))

    [row] = database.rows("hours")
    assert str(row["at"]).startswith(("03:04:05", "3:04:05"))


def test_a_time_of_day_does_not_lose_its_offset(database: Database) -> None:
    """Where a column has no place for it, it is an error that says so; as text it is kept."""
    times = {"type": ["string", "null"], "format": "time"}
    messages = (
        schema("hours", id="integer", at=times),
        record("hours", id=1, at="03:04:05+02:00"),
    )

    if database.engine == "sqlite":
        write(database, *messages)

        assert database.rows("hours") == [{"id": 1, "at": "03:04:05+02:00"}]
    else:
        with pytest.raises(InvalidRecord, match="a time at at with an offset"):
            write(database, *messages)


@pytest.mark.parametrize(("batch_size_rows", "add_record_metadata"), [(3, True), (10_000, False)])
def test_large_values_come_back_as_they_were_sent(
    database: Database, batch_size_rows: int, *, add_record_metadata: bool
) -> None:
    """A text of 10 MB and an object of 2 MB, among small ones; a new version of each as well."""
    text = "Größe, 'quoted' \\ 🙂\n" * 410_000
    nested = {"lines": [{"n": n, "v": [None, {"text": "x" * 900}]} for n in range(2200)]}
    assert len(text.encode()) > 10_000_000
    assert len(json.dumps(nested)) > 2_000_000
    large = [("a", None), (text, None), ("b", {}), ("c", nested), (text[::-1], nested), ("", {})]

    rows = [*({"id": n, "v": v, "o": o} for n, (v, o) in enumerate(large))]
    rows.append({"id": 1, "v": f"{text}!", "o": {}})

    write(
        database,
        schema("t", id=ID, v="string", o="object"),
        # As most taps write it; six bytes for an é would be more than an engine takes at once.
        *(json.dumps(record("t", **row), ensure_ascii=False) for row in rows),
        batch_size_rows=batch_size_rows,
        add_record_metadata=add_record_metadata,
    )

    large[1] = (f"{text}!", {})
    found = [(row["v"], row["o"] and json.loads(row["o"])) for row in database.rows("t")]
    is_equal = [row == wanted for row, wanted in zip(found, large, strict=True)]
    assert is_equal == [True] * len(large)  # Which says less of 10 MB than pytest would.
