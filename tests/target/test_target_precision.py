"""What a column would keep only in part: refused with advice that works, or rounded if asked."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import InvalidRecord
from target_run import record, schema, write

from target_harvest_sql.columns import Column, Size
from target_harvest_sql.dialects import DIALECTS
from target_harvest_sql.records.digits import Digits
from target_harvest_sql.records.inexact import InexactValueError, InexactValues
from target_harvest_sql.records.moments import Moments

if TYPE_CHECKING:
    from fixtures.databases import Database

ID = {"type": "integer"}
TEXT = {"type": ["string", "null"]}
MOMENT = {"type": ["string", "null"], "format": "date-time"}
TIME = {"type": ["string", "null"], "format": "time"}
DECIMAL = {"type": ["number", "null"], "format": "singer.decimal"}
THIRD = "0.33333333333333333333"


def spelled(value: str, **values: Any) -> str:
    """A record of table t whose property `v` is written so."""
    return json.dumps(record("t", v="?", **values)).replace('"?"', value)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was said of rounded values."""
    found = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    return [text for text in found if "rounded or cut" in text]


@pytest.mark.parametrize(
    "case",
    [
        ("number", THIRD, DECIMAL, 1 / 3, {"postgres"}),
        ("number", "9007199254740993", DECIMAL, 2.0**53, {"postgres"}),
        ("number", "1e-400", DECIMAL, 0.0, {"postgres"}),
        (
            MOMENT,
            '"2024-01-02T03:04:05.1234567+02:00"',
            TEXT,
            "2024-01-02 01:04:05.123456",
            {"sqlite", "mssql"},
        ),
        (TIME, '"03:04:05.1234567Z"', TEXT, "03:04:05.123456", {"sqlite", "mssql"}),
        (TIME, '"03:04:05+02:00"', TEXT, "01:04:05", {"sqlite"}),
        (TIME, '"23:04:05.25-01:30"', TEXT, "00:34:05.25", {"sqlite"}),
        (TIME, '"0304"', TEXT, "03:04:00", {"sqlite"}),
    ],
)
@pytest.mark.parametrize("validate_records", [True, False])
def test_an_inexact_value_is_refused_or_rounded(
    database: Database,
    caplog: pytest.LogCaptureFixture,
    case: tuple[Any, str, Any, Any, set[str]],
    *,
    validate_records: bool,
) -> None:
    """The error names both ways out, and both work; what is rounded is counted."""
    definition, value, keeping, rounded, exact = case
    config = {"validate_records": validate_records}
    messages = (schema("t", id=ID, v=definition), record("t", id=1), spelled(value, id=2))
    if database.engine in exact:
        write(database, *messages, **config)
        write(database, *messages, on_inexact="round", **config)
        assert warnings(caplog) == []
        return
    with pytest.raises(InvalidRecord, match=r"Line 3 .* at v .*on_inexact: round") as refused:
        write(database, *messages, **config)
    assert "validate_records" not in str(refused.value)

    write(database, *messages, spelled(value, id=3), on_inexact="round", **config)
    assert warnings(caplog) == [
        "Stream t: 2 values were rounded or cut, as `on_inexact: round` asks."
    ]
    found = database.rows("t")[1]["v"]
    if isinstance(rounded, float):
        assert found == rounded
    else:
        text = str(found)
        assert (f"0{text}" if text[1] == ":" else text).startswith(rounded)

    database.query('DROP TABLE "t"')
    write(database, schema("t", id=ID, v=keeping), *messages[1:], **config)
    kept = str(database.rows("t")[1]["v"])
    assert Decimal(kept) == Decimal(value) if keeping is DECIMAL else kept == json.loads(value)


def test_numbers_inside_json_are_rounded(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the database rounds them; all else in the JSON stays."""
    messages = (
        schema("t", id=ID, v="object"),
        spelled(f'{{"a": [{THIRD}, 1.5, 1234567890123456789, "{THIRD}"], "b": {THIRD}}}', id=1),
    )
    write(database, *messages, on_inexact="round")

    [row] = database.rows("t")
    third = Decimal(THIRD) if database.engine not in {"duckdb", "mysql"} else Decimal(repr(1 / 3))
    assert json.loads(row["v"], parse_float=Decimal) == {
        "a": [third, Decimal("1.5"), 1234567890123456789, THIRD],
        "b": third,
    }
    rounds = database.engine in {"duckdb", "mysql"}
    assert [text.split()[2] for text in warnings(caplog)] == (["2"] if rounds else [])


@pytest.mark.parametrize(
    ("definition", "value"),
    [
        ({"type": "number"}, THIRD),
        ({"type": "string", "format": "date-time"}, '"2024-01-02T03:04:05.12345678Z"'),
    ],
)
def test_a_key_is_never_rounded(database: Database, definition: Any, value: str) -> None:
    """Two keys might become one."""
    messages = (schema("t", keys=["v"], v=definition), spelled(value))
    kept = {"sqlite": "date-time", "postgres": "number"}.get(database.engine)
    if kept == definition.get("format", definition["type"]):
        write(database, *messages, on_inexact="round")
    else:
        with pytest.raises(InvalidRecord, match=r"at v .*keys are not rounded") as refused:
            write(database, *messages, on_inexact="round")
        assert "on_inexact" not in str(refused.value)


@pytest.mark.parametrize("number", ["1e400", "9223372036854775808"])
def test_what_has_no_place_is_not_rounded(database: Database, number: str) -> None:
    """A number beyond the largest that a column holds."""
    type_ = "number" if "e" in number else "integer"
    if (database.engine, type_) != ("postgres", "number"):
        with pytest.raises(InvalidRecord, match="is beyond what"):
            write(database, schema("t", id=ID, v=type_), spelled(number, id=1), on_inexact="round")


@pytest.mark.parametrize("sent", ["1.239", '"1.239"', "-1.245e0", "1.2300", "5", '"x"'])
@pytest.mark.parametrize("engine", ["mariadb", "mysql", "mssql"])
def test_decimals_get_the_scale_of_their_column(engine: str, sent: str) -> None:
    """To the nearest; what is none stays, for the database to refuse."""
    counts: Counter[str] = Counter()
    column = Column("v", ("v",), "decimal", "v", size=Size(10, 2))
    policy = InexactValues("t", counts, rounds=True)
    digits = Digits([column], lambda c: c.path, DIALECTS[engine], policy)
    found = digits.respell(f'{{"v":{sent}}}'.encode()).decode()
    policy.count()

    wanted = {"1.239": "1.24", '"1.239"': "1.24", "-1.245e0": "-1.24"}
    assert found == (f'{{"v":"{wanted[sent]}"}}' if sent in wanted else f'{{"v":{sent}}}')
    assert counts.total() == (sent in wanted)


def test_mariadb_keeps_a_rounded_decimal(
    mariadb_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """In a column that was made for it."""
    definition = {"type": "number", "format": "singer.decimal", "precision": 10, "scale": 2}
    message = schema("t", id=ID, v=definition)
    write(mariadb_database, message, spelled("1.239", id=1), on_inexact="round")

    assert mariadb_database.rows("t") == [{"id": 1, "v": Decimal("1.24")}]
    assert len(warnings(caplog)) == 1


@pytest.mark.parametrize(
    ("engine", "sent", "kept"),
    [
        ("mysql", "2024-01-02T03:04:05.1234567Z", "2024-01-02T03:04:05.123456Z"),
        ("mssql", "2024-01-02T03:04:05.1234567Z", "2024-01-02T03:04:05.1234567Z"),
        ("mssql", "2024-01-02T03:04:05.12345678+02", "2024-01-02T03:04:05.1234567+02"),
    ],
)
def test_moments_get_the_digits_of_their_column(engine: str, sent: str, kept: str) -> None:
    """As many as the database keeps."""
    column = Column("v", ("v",), "date-time", "v")
    policy = InexactValues("t", Counter(), rounds=True)
    moments = Moments([column], [column], lambda c: c.path, DIALECTS[engine], policy)

    assert moments.fit(f'{{"v":"{sent}"}}'.encode()) == f'{{"v":"{kept}"}}'.encode()


def test_moments_of_coarse_columns_lose_the_point_too() -> None:
    """A column of others may keep whole seconds alone."""
    column = Column("v", ("v",), "date-time", "v", second_digits=0)
    columns = [column]
    dialect = DIALECTS["mariadb"]
    policy = InexactValues("t", Counter(), rounds=True)
    moments = Moments(columns, columns, lambda c: c.path, dialect, policy)
    assert moments.fit(b'{"v":"2024-01-02T03:04:05.5Z"}') == b'{"v":"2024-01-02T03:04:05Z"}'

    strict = Moments(
        columns, columns, lambda c: c.path, dialect, InexactValues("t", Counter(), rounds=False)
    )
    with pytest.raises(InexactValueError):
        strict.fit(b'{"v":"2024-01-02T03:04:05.5Z"}')


@pytest.mark.parametrize("database", ["mariadb"], indirect=True)
def test_a_text_column_keeps_every_digit_of_a_decimal(database: Database) -> None:
    """Whatever size a later schema tells, which is that of a new column."""
    write(database, schema("t", id=ID, v=DECIMAL), spelled("1.239", id=1))
    sized = schema("t", id=ID, v={**DECIMAL, "precision": 10, "scale": 2})
    write(database, sized, spelled("1.239", id=2), on_inexact="round")

    assert [row["v"] for row in database.rows("t")] == ["1.239", "1.239"]
