"""Records that are invalid, or that the database refuses: found, told, or put away."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from target_run import activate, record, run, schema, state, write

from target_harvest_sql.database.errors import DatabaseError
from target_harvest_sql.writing.bad_rows import RefusedRowError
from target_harvest_sql.writing.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fixtures.databases import Database

SECRET = "s3cr3t"
DAYS = schema("days", id={"type": "integer"}, day={"type": "string", "format": "date"})
LOG = {**DAYS, "key_properties": []}
SIZES = pytest.mark.parametrize("batch_size_rows", [1, 3, 10_000])


@pytest.fixture
def judge(database: Database) -> dict[str, Any]:
    """Settings under which the database itself refuses a day that is none."""
    if database.engine == "sqlite":  # It takes any text.
        database.query(
            "CREATE TABLE days (id INTEGER NOT NULL PRIMARY KEY, "
            "day TEXT CONSTRAINT a_day CHECK (day IS date(day)))"
        )
    return {"validate_records": False, "add_record_metadata": False}


def day(number: int, text: str = "2024-01-01") -> dict[str, Any]:
    """A record of a day."""
    return record("days", id=number, day=text)


def ids(database: Database) -> list[int]:
    """The days that are written."""
    return [row["id"] for row in database.rows("days")]


def rejected(database: Database) -> list[dict[str, Any]]:
    """The records that were put away, in the order of their lines."""
    return sorted(database.rows("_sdc_rejected"), key=lambda row: int(row["line"]))


@SIZES
@pytest.mark.parametrize("lanes", [1, 2])
def test_a_row_that_the_database_refuses_is_named(
    database: Database, tmp_path: Path, judge: dict[str, Any], batch_size_rows: int, lanes: int
) -> None:
    """By its line, its stream and the reason, not its value; all that came before it is written."""
    ended = run(
        database,
        tmp_path,
        DAYS,
        *(message for n in range(1, 8) for message in (day(n), state(at=n))),
        day(8, f"{SECRET}'\"{SECRET}\n{SECRET}"),
        state(at=8),
        day(9),
        state(at=9),
        batch_size_rows=batch_size_rows,
        lanes=lanes,
        **judge,
    )

    assert ended.exit_code == 1
    assert 'Line 16 of stream "days" is refused by the database' in ended.error
    assert "`invalid_records: quarantine`" in ended.error
    assert "day" in ended.error.split("refused by the database")[1]
    assert SECRET not in ended.errors
    assert [n for n in ids(database) if n < 8] == [1, 2, 3, 4, 5, 6, 7]
    assert ended.states[-1] == '{"at": 7}'


def test_rows_without_a_key_are_written_up_to_the_bad_one(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """And the last state before it is printed, so that no row is appended twice."""
    sqlite_database.query("CREATE TABLE days (id INTEGER, day TEXT CHECK (day IS date(day)))")
    messages = [
        m for n in range(9) for m in (day(n, SECRET if n == 5 else "2024-01-01"), state(at=n))
    ]
    config = {"validate_records": False, "add_record_metadata": False}
    ended = run(sqlite_database, tmp_path, LOG, *messages, **config)

    assert ended.exit_code == 1
    assert ended.states == ['{"at": 4}']
    assert ids(sqlite_database) == [0, 1, 2, 3, 4]


def test_no_state_counts_on_a_key_that_was_not_written(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """A good version of a key that a bad one replaced in the batch is not written either."""
    sqlite_database.query("CREATE TABLE days (id INTEGER PRIMARY KEY, day TEXT CHECK (day <> 'x'))")
    messages = [day(1), state(at=1), day(2), state(at=2), day(3), state(at=3), day(2, "x")]
    config = {"validate_records": False, "add_record_metadata": False}
    ended = run(sqlite_database, tmp_path, DAYS, *messages, **config)

    assert ended.exit_code == 1
    assert ended.states == ['{"at": 1}']
    assert 1 in ids(sqlite_database)


@SIZES
@pytest.mark.parametrize("lanes", [1, 2])
def test_bad_rows_can_be_put_away(
    database: Database, tmp_path: Path, judge: dict[str, Any], batch_size_rows: int, lanes: int
) -> None:
    """All others are written, the state moves on, and somebody is told."""
    bad = f"{SECRET}'\"{SECRET}\n{SECRET}"
    ended = run(
        database,
        tmp_path,
        DAYS,
        *(day(n, bad if n in {0, 3, 4, 9} else "2024-01-01") for n in range(10)),
        state(at=10),
        batch_size_rows=batch_size_rows,
        lanes=lanes,
        invalid_records="quarantine",
        **judge,
    )

    assert ended.exit_code == 0
    assert ended.states[-1] == '{"at": 10}'
    assert ids(database) == [1, 2, 5, 6, 7, 8]
    found = rejected(database)
    assert [row["line"] for row in found] == [2, 5, 6, 11]
    assert [json.loads(row["record"])["id"] for row in found] == [0, 3, 4, 9]
    assert {json.loads(row["record"])["day"] for row in found} == {bad}
    assert {row["stream"] for row in found} == {"days"}
    assert all(row["reason"] and row["rejected_at"] for row in found)
    assert not any(SECRET in row["reason"] for row in found)
    [warning] = [line for line in ended.errors.splitlines() if " WARNING " in line]
    assert "Stream days: 4 records were not written" in warning
    assert SECRET not in ended.errors


@SIZES
def test_records_that_do_not_fit_their_schema_are_put_away(
    database: Database, batch_size_rows: int
) -> None:
    """As those without a key, and those with a number that would be rounded."""
    records: list[Any] = [
        {"id": 1, "day": "2024-01-01"},
        {"id": 2, "day": [SECRET]},
        {"day": "2024-01-01"},
        {"id": None},
        {"id": 2**64},
        {"id": 6, "day": "soon"},
        [1],
        {"id": 7, "day": "2024-01-02"},
    ]
    messages = [{"type": "RECORD", "stream": "days", "record": r} for r in records]
    states = write(
        database,
        DAYS,
        *messages,
        state(at=1),
        invalid_records="quarantine",
        batch_size_rows=batch_size_rows,
    )

    assert states[-1] == '{"at": 1}'
    assert ids(database) == [1, 7]
    found = rejected(database)
    assert [json.loads(row["record"]) for row in found] == records[1:-1]
    assert "array where the schema allows string at day" in found[0]["reason"]


def test_a_record_that_was_put_away_may_come_again(database: Database) -> None:
    """When it is good it is written; what was put away stays."""
    config = {"invalid_records": "quarantine"}
    write(database, DAYS, day(1, "soon"), **config)
    write(database, DAYS, day(1), day(2, "later"), **config)

    assert ids(database) == [1]
    assert len(rejected(database)) == 2


def test_what_is_put_away_may_be_unlike_any_text(database: Database) -> None:
    """Halves of surrogate pairs, U+0000 and long numbers are kept as they were sent."""
    line = (
        r'{"type": "RECORD", "stream": "days", "record": '
        r'{"id": "x", "text": "\u0000 \ud83d\ude00 \\", "n": 1e999}}'
    )
    write(database, DAYS, line, invalid_records="quarantine")

    assert rejected(database)[0]["record"] == line[line.index('{"id"') : -1]


def test_no_row_is_blamed_for_what_the_table_lacks(sqlite_database: Database) -> None:
    """Where not even an empty batch is accepted, nothing is put away."""
    sqlite_database.query("CREATE TABLE others (id INTEGER, day TEXT)")
    sqlite_database.query("CREATE VIEW days AS SELECT id, day FROM others")
    config = {"load_method": "append-only", "invalid_records": "quarantine"}
    with pytest.raises(DatabaseError, match=r'write to table "days".*is a view'):
        write(sqlite_database, DAYS, day(1), day(2), add_record_metadata=False, **config)

    names = sqlite_database.query("SELECT name FROM sqlite_master")
    assert {"name": "_sdc_rejected"} not in names


def test_one_bad_row_of_many_is_found_in_few_steps(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By halves, not one by one."""
    steps: list[int] = []
    write_batch = Writer.write

    def counted(self: Writer, table: Any, elements: Sequence[bytes], *others: Any) -> None:
        steps.append(len(elements))
        write_batch(self, table, elements, *others)

    monkeypatch.setattr(Writer, "write", counted)
    sqlite_database.query("CREATE TABLE days (id INTEGER PRIMARY KEY, day TEXT CHECK (day <> 'x'))")
    config = {"validate_records": False, "add_record_metadata": False}
    messages = [day(n, "x" if n == 1700 else "2024-01-01") for n in range(2000)]
    with pytest.raises(RefusedRowError, match="Line 1702"):
        write(sqlite_database, DAYS, *messages, **config)

    assert len(steps) <= 2 * 12
    assert ids(sqlite_database) == list(range(1700))


def test_deleted_rows_are_found_among_others(sqlite_database: Database) -> None:
    """A row that may not be deleted is as bad as one that may not be written."""
    write(sqlite_database, DAYS, *(day(n) for n in range(4)))
    sqlite_database.query(
        "CREATE TRIGGER keep BEFORE DELETE ON days WHEN old.id = 2\n"
        "BEGIN SELECT RAISE(ABORT, 'kept'); END"
    )
    gone = [
        record("days", id=n, day="2024-01-01", _sdc_deleted_at="2024-01-02T00:00:00Z")
        for n in range(4)
    ]
    write(sqlite_database, DAYS, *gone, day(5), hard_delete=True, invalid_records="quarantine")

    assert ids(sqlite_database) == [2, 5]
    assert [json.loads(row["record"])["id"] for row in rejected(sqlite_database)] == [2]


@pytest.mark.parametrize("database", ["duckdb", "postgres"], indirect=True)
def test_the_value_that_cannot_be_read_is_named(database: Database) -> None:
    """By its column, and what it is; none of it is shown."""
    message = schema("t", id={"type": "integer"}, a="integer", b="boolean", c="number", d="string")
    good = record("t", id=1, a=1, b=True, c=1.5, d="x")
    config = {"validate_records": False}
    with pytest.raises(RefusedRowError, match="array at c, which is no number") as caught:
        write(database, message, good, record("t", id=2, a=1, b=True, c=[SECRET], d="x"), **config)

    assert SECRET not in str(caught.value)


def test_what_came_before_is_written_on_a_slower_lane_too(
    postgres_database: Database, tmp_path: Path
) -> None:
    """A lane that hears of a bad row on another one still writes what came before that row."""
    write(postgres_database, DAYS)
    postgres_database.query(
        "CREATE FUNCTION doze() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN PERFORM pg_sleep(0.5); RETURN new; END';"
        "CREATE TRIGGER slow BEFORE INSERT ON days FOR EACH ROW WHEN (new.id = 1) "
        "EXECUTE FUNCTION doze()"
    )
    ended = run(
        postgres_database,
        tmp_path,
        DAYS,
        day(1),
        day(3),
        state(at=3),
        day(2, SECRET),
        state(at=2),
        batch_size_rows=1,
        lanes=2,
        validate_records=False,
    )

    assert ended.exit_code == 1
    assert ended.states == ['{"at": 3}']
    assert ids(postgres_database) == [1, 3]


def test_put_away_beside_its_table(postgres_database: Database) -> None:
    """In the schema of the table that it was for."""
    write(
        postgres_database,
        {**DAYS, "stream": "work-days"},
        record("work-days", id="x"),
        record("work-days", id=1, day="2024-01-01"),
        invalid_records="quarantine",
    )

    found = postgres_database.query('SELECT stream FROM "work"."_sdc_rejected"')
    assert found == [{"stream": "work-days"}]


@SIZES
@pytest.mark.parametrize("lanes", [1, 2])
def test_a_good_record_stays_where_the_next_of_its_key_is_refused(
    database: Database, judge: dict[str, Any], batch_size_rows: int, lanes: int
) -> None:
    """Also if both are in one batch; each record that is refused is put away."""
    write(
        database,
        DAYS,
        day(1),
        day(2, "2024-01-02"),
        day(1, "2024-01-03"),
        day(1, "never"),
        day(2, "2024-01-04"),
        invalid_records="quarantine",
        batch_size_rows=batch_size_rows,
        lanes=lanes,
        **judge,
    )

    found = {row["id"]: str(row["day"]) for row in database.rows("days")}
    assert found == {1: "2024-01-03", 2: "2024-01-04"}
    assert [int(row["line"]) for row in rejected(database)] == [5]


def test_what_came_before_the_refused_record_of_its_key_is_written(
    database: Database, tmp_path: Path, judge: dict[str, Any]
) -> None:
    """Where the run ends at that record."""
    ended = run(database, tmp_path, DAYS, day(1), day(1, "never"), day(2), **judge)

    assert ended.exit_code == 1
    assert ended.error.startswith('Line 3 of stream "days" is refused')
    assert {row["id"]: str(row["day"]) for row in database.rows("days")} == {1: "2024-01-01"}


@pytest.mark.parametrize("hard_delete", [True, False])
@pytest.mark.parametrize("is_of_database", [True, False])
def test_the_row_of_a_refused_record_is_not_taken_for_deleted(
    database: Database,
    caplog: pytest.LogCaptureFixture,
    judge: dict[str, Any],
    *,
    hard_delete: bool,
    is_of_database: bool,
) -> None:
    """The version is not activated, and the summary says so; the next whole one is."""
    config = {"invalid_records": "quarantine", "hard_delete": hard_delete} | (
        judge if is_of_database else {"add_record_metadata": False}
    )

    def sync(version: int, *days: dict[str, Any]) -> str:
        messages = [{**message, "version": version} for message in days]
        caplog.clear()
        write(database, DAYS, *messages, activate("days", version), **config)
        return caplog.text

    def alive() -> list[int]:
        rows = database.query("SELECT * FROM days ORDER BY id")
        return [row["id"] for row in rows if row.get("_sdc_deleted_at") is None]

    assert "no rows were removed" not in sync(1, day(1), day(2), day(3))
    said = sync(2, day(1, "never"), day(2))
    assert "Stream days: no rows were removed or marked" in said
    assert alive() == [1, 2, 3]
    assert "no rows were removed" not in sync(3, day(1), day(2))
    assert alive() == [1, 2]


def test_an_overwrite_goes_on_too(database: Database) -> None:
    """What is put away is kept, though the table is made anew."""
    for n in (1, 2):
        write(
            database,
            DAYS,
            day(n),
            day(9, "x"),
            load_method="overwrite",
            overwrite_requires="end_of_input",
            invalid_records="quarantine",
        )

    assert ids(database) == [2]
    assert len(rejected(database)) == 2


def test_no_state_counts_on_a_record_that_could_not_be_put_away(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """Where it is in no table, it has to come again."""
    sqlite_database.query("CREATE VIEW _sdc_rejected AS SELECT 1 AS stream")
    messages = [DAYS, day(1), state(at=1), record("days", id="x"), state(at=2)]
    ended = run(sqlite_database, tmp_path, *messages, invalid_records="quarantine")

    assert ended.exit_code == 1
    assert "_sdc_rejected" in ended.error
    assert ended.states == []
    assert "were not written" not in ended.errors


def test_a_text_where_columns_were_made_of_an_object_is_named(duckdb_database: Database) -> None:
    """There is no value to follow the column's path to."""
    place = {"type": "object", "properties": {"floor": {"type": "integer"}}}
    flat = {"validate_records": False, "flattening_enabled": True, "flattening_max_depth": 1}
    for value in ("s3cr3t", ["s3cr3t"]):
        with pytest.raises(RefusedRowError, match="at place__floor, which is no integer") as caught:
            write(
                duckdb_database,
                schema("t", id="integer", place=place),
                record("t", id=1, place=value),
                **flat,
            )

        assert SECRET not in str(caught.value)


@pytest.mark.parametrize("limit", [0, 1, 2])
@pytest.mark.parametrize("batch_size_rows", [1, 10_000])
def test_more_invalid_records_than_the_limit_end_the_run(
    sqlite_database: Database, tmp_path: Path, limit: int, batch_size_rows: int
) -> None:
    """They are in the table, good records are written, and no state goes beyond the limit."""
    messages = [DAYS, day(1), day(2, "never"), day(3), day(4, "never"), day(5), state(at=5)]

    ended = run(
        sqlite_database,
        tmp_path,
        *messages,
        invalid_records="quarantine",
        invalid_records_limit=limit,
        batch_size_rows=batch_size_rows,
    )

    lines = [row["line"] for row in rejected(sqlite_database)]
    assert lines == [3, 5] or len(lines) > limit
    if limit == 2:
        assert ended.exit_code == 0
        assert ended.states == ['{"at": 5}']
        assert ids(sqlite_database) == [1, 3, 5]
    else:
        assert ended.exit_code == 1
        assert f"More than {limit} records are invalid (`invalid_records_limit`)" in ended.error
        assert ended.states == []


def test_a_stream_without_a_key_is_an_error_where_one_is_required(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """It is named, with what to do; a stream with a key is written."""
    ended = run(sqlite_database, tmp_path, DAYS, day(1), LOG, day(2), primary_key_required=True)

    assert ended.exit_code == 1
    assert 'stream "days" has no key properties, and `primary_key_required` is set' in ended.error
    assert ids(sqlite_database) == [1]
