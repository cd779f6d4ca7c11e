"""Messages that are almost right: one record is refused, or a small fault is mended."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import InvalidRecord
from singer_sdk.singerlib.exceptions import InvalidInputLine
from target_run import activate, record, run, schema, state, write

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.databases import Database

PEOPLE = schema("people", id={"type": "integer"}, name="string", size="number", any={})


def line(values: str, **envelope: Any) -> str:
    """A RECORD message with a record as it stands."""
    rest = "".join(f", {json.dumps(name)}: {json.dumps(v)}" for name, v in envelope.items())
    return f'{{"type": "RECORD", "stream": "people", "record": {values}{rest}}}'


DEEP = f'{{"id": 2, "any": {"[" * 3000}{"]" * 3000}}}'


@pytest.mark.parametrize("validate_records", [True, False])
@pytest.mark.parametrize("maps", [{}, {"people": {"told": "str(id)"}}])
@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ('{"id": 2, "name": "NaN \\" {", "size": NaN}', "not JSON: it has NaN or Infinity"),
        ('{"id": 2, "any": [{"a": -Infinity}], "name": "}"}', "not JSON: it has NaN or Infinity"),
        ('{"id": 2, "size": 1.}', "not JSON"),
        (DEEP, "nested too deeply"),
    ],
    ids=["NaN", "Infinity", "number", "deep"],
)
def test_a_record_that_is_not_json_is_put_away(
    database: Database, values: str, reason: str, maps: Any, *, validate_records: bool
) -> None:
    """By itself, as it was sent; the run goes on."""
    states = write(
        database,
        PEOPLE,
        record("people", id=1),
        line(values),
        record("people", id=3),
        state(at=1),
        invalid_records="quarantine",
        validate_records=validate_records,
        stream_maps=maps,
    )

    assert [row["id"] for row in database.rows("people")] == [1, 3]
    [rejected] = database.rows("_sdc_rejected")
    assert (rejected["stream"], rejected["line"]) == ("people", 3)
    assert rejected["record"] == values
    assert reason in rejected["reason"]
    assert states == ['{"at": 1}']


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (line('{"id": 2, "size": NaN}'), "not JSON: it has NaN or Infinity"),
        (line('{"id": 2, "name": "NaN"'), "not JSON"),
        (line(DEEP), "nested too deeply"),
        (f'{{"type": "STATE", "value": {"[" * 3000}{"]" * 3000}}}', "nested too deeply"),
    ],
    ids=["NaN", "cut", "deep", "deep state"],
)
def test_a_line_that_is_not_json_is_named(
    sqlite_database: Database, tmp_path: Path, broken: str, reason: str
) -> None:
    """In one line, where no record is put away."""
    ended = run(sqlite_database, tmp_path, PEOPLE, record("people", id=1), broken)

    assert ended.exit_code == 1
    assert "Line 3" in ended.error
    assert reason in ended.error
    assert "Traceback" not in ended.errors
    assert [row["id"] for row in sqlite_database.rows("people")] == [1]


@pytest.mark.parametrize(
    "broken",
    [
        "{broken",
        '{"type": "RECORD", "stream": "people", "record": {"id": 2',
        '{"type": "RECORD", "stream": "people", "record": {"id": 2}} {"type": "STATE"}',
        '{"type": "RECORD", "stream": 5, "record": {"id": NaN}}',
        '{"type": "STATE", "value": {"a": NaN}}',
        '["type", "RECORD", NaN]',
        "}{",
    ],
)
def test_a_line_without_a_clear_message_ends_the_run(
    sqlite_database: Database, broken: str
) -> None:
    """Also where records are put away: nobody can tell what it was."""
    with pytest.raises(InvalidInputLine, match="Line 2 is not a Singer message"):
        write(sqlite_database, PEOPLE, broken, invalid_records="quarantine")


@pytest.mark.parametrize("number", ["1.0", "1e0", "10e-1", "1"])
def test_a_version_may_be_written_with_a_fraction(database: Database, number: str) -> None:
    """JSON has one kind of number."""
    told = line('{"id": 2, "name": "new"}', version=1).replace(
        '"version": 1', f'"version": {number}'
    )
    activation = json.dumps(activate("people", 1)).replace(": 1}", f": {number}}}")
    write(database, PEOPLE, record("people", 0, id=1), told, activation, hard_delete=True)

    [row] = database.rows("people", metadata=True)
    assert (row["id"], row["_sdc_table_version"]) == (2, 1)


@pytest.mark.parametrize("number", ["1.5", "1e99", '"1"', "true"])
def test_a_version_that_is_no_integer_is_named(sqlite_database: Database, number: str) -> None:
    """It would not tell which rows are older."""
    told = line('{"id": 2}', version=1).replace('"version": 1', f'"version": {number}')
    with pytest.raises(InvalidInputLine, match=r"Line 2.*version"):
        write(sqlite_database, PEOPLE, told)


@pytest.mark.parametrize("config", [{}, {"invalid_records": "quarantine"}])
def test_a_byte_order_mark_is_no_part_of_a_message(
    sqlite_database: Database, config: dict[str, Any]
) -> None:
    """Some shells of Windows begin a pipe with one."""
    message = "\ufeff" + json.dumps(PEOPLE)
    write(sqlite_database, message, record("people", id=1), **config)

    assert len(sqlite_database.rows("people")) == 1


def test_a_version_may_be_activated_before_the_schema(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """It waits for the schema; rows of older versions are then marked."""
    write(database, PEOPLE, record("people", 1, id=1), record("people", 2, id=2))
    caplog.clear()
    write(database, activate("people", 2), activate("others", 5), PEOPLE, state(at=1))

    marks = [row["_sdc_deleted_at"] for row in database.rows("people", metadata=True)]
    assert [mark is not None for mark in marks] == [True, False]
    told = [r.getMessage() for r in caplog.records if "before its schema" in r.getMessage()]
    assert len(told) == 2
    assert "people" in told[0]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("soon", None),
        ("2024-13-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        (1718000000, None),
        ("", None),
        ("2024-01-02T03:04:05.1234567Z", "2024-01-02T03:04:05.123456"),
        ("20240102T030405Z", "2024-01-02T03:04:05"),
        ("2024-01-02T03:04:05+01:00", "2024-01-02T02:04:05"),
    ],
)
def test_a_time_extracted_that_is_none_is_left_out(
    database: Database, sent: Any, kept: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """With one warning; no record is lost for it. Every other one is kept as a moment."""
    told = line('{"id": 1}', time_extracted=sent)
    write(database, PEOPLE, told, line('{"id": 2}', time_extracted=sent))

    warnings = [r.getMessage() for r in caplog.records if "time_extracted" in r.getMessage()]
    found = [row["_sdc_extracted_at"] for row in database.rows("people", metadata=True)]
    if kept is None:
        assert found == [None, None]
        assert len(warnings) == 1
        assert "people" in warnings[0]
        assert "ine 2" in warnings[0]
    else:
        assert warnings == []
        for value in found:
            text = str(value).replace(" ", "T").removesuffix("Z").removesuffix("+00:00")
            assert text.removesuffix(".000000").replace("03:04:05+01:00", "02:04:05") == kept


def test_what_refers_to_itself_may_be_deep(sqlite_database: Database) -> None:
    """Deeper than the validator can follow it is refused by itself."""
    message = schema("t", id={"type": "integer"}, node={"$ref": "#/definitions/node"})
    node = {"type": "object", "properties": {"next": {"$ref": "#/definitions/node"}}}
    message["schema"]["definitions"] = {"node": node}
    deep: dict[str, Any] = {}
    for _ in range(400):
        deep = {"next": deep}
    with pytest.raises(InvalidRecord, match=r"Line 2 .* nested too deeply"):
        write(sqlite_database, message, record("t", id=1, node=deep))


@pytest.mark.parametrize("config", [{}, {"invalid_records": "quarantine"}])
def test_a_line_that_is_too_long_is_named(
    sqlite_database: Database, tmp_path: Path, config: dict[str, Any]
) -> None:
    """With the setting that would let it pass; what came before it is written."""
    long = record("people", id=2, name="x" * 3_000_000)
    ended = run(
        sqlite_database,
        tmp_path,
        PEOPLE,
        record("people", id=1),
        state(at=1),
        long,
        max_message_bytes=2_000_000,
        **config,
    )

    assert ended.exit_code == 1
    assert "Line 4 has more than 2,000,000 bytes. Raise `max_message_bytes`" in ended.error
    assert ended.states == ['{"at": 1}']
    assert [row["id"] for row in sqlite_database.rows("people")] == [1]


def test_a_long_line_is_read_where_it_is_allowed(database: Database) -> None:
    """Its last byte counts; so do many lines that are short."""
    name = "x" * 1_500_000
    long = json.dumps(record("people", id=2, name=name))
    others = [record("people", id=n, name="y" * 1000) for n in range(3, 3000)]
    write(database, PEOPLE, long, *others, max_message_bytes=len(long))

    assert database.rows("people")[0]["name"] == name
    assert len(database.rows("people")) == 2998
    with pytest.raises(InvalidInputLine, match=r"Line 2 has more than"):
        write(database, PEOPLE, long, max_message_bytes=len(long) - 1)
