"""No message, at whichever level, shows a value of a record."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from target_run import command, lines, record, run, schema, state, write

from support import commands
from target_harvest_sql.cli import USER_ERRORS
from target_harvest_sql.database.errors import DatabaseError
from target_harvest_sql.drivers.mssql import UNMAPPED
from target_harvest_sql.drivers.mssql import ServerError as MSSQLError
from target_harvest_sql.drivers.mysql import ServerError as MySQLError
from target_harvest_sql.redaction import TRIGGER, reason, trace, without_values

if TYPE_CHECKING:
    from fixtures.databases import Database

SECRET = "s3cr3t"
PEOPLE = schema("people", id={"type": "integer"}, name="string")
PLANTED = re.compile(r"s3cr3t|98765|54321|9876-54|2024-02-3|0x0bad")
SECONDS = re.compile(r'"value":0[.]\d+')
"""How long a batch took, in a metric: any digits may stand there."""

FORMATS = {"date", "date-time", "time", "singer.decimal"}

# The kind of a property, a value of it, and the type of a column that others made.
VALUES: list[tuple[str, Any, str | None]] = [
    ("integer", 9876543210, "INTEGER"),
    ("integer", 98765, "SMALLINT"),
    ("integer", 98765, "INTEGER CHECK (a < 5)"),
    ("integer", 98765, "INTEGER UNIQUE"),
    ("integer", 98765432109876543210, "BIGINT"),
    ("integer", 98765.4321, None),
    ("integer", SECRET, None),
    ("integer", f"{SECRET}' for column {SECRET}", None),
    ("integer", f"{SECRET}' for column `{SECRET}` at row 1", None),
    ("integer", f"x' for key '{SECRET}", None),
    ("integer", [SECRET, 98765], None),
    ("number", SECRET + "'x\"y", None),
    ("number", 987654.3219, "DECIMAL(4,1)"),
    ("number", 9.8765e300, "REAL"),
    ("number", "1e98765", None),
    ("singer.decimal", f"98765.{SECRET}", None),
    ("boolean", SECRET, None),
    ("boolean", 98765, None),
    ("string", f"{SECRET}-{SECRET}-can't\n'text\" {{", "VARCHAR(5)"),
    ("string", "98765", "VARCHAR(10) CHECK (a < '5')"),
    ("string", "98765", "VARCHAR(10) UNIQUE"),
    ("date", SECRET, None),
    ("date", "9876-54-32", None),
    ("date-time", f"{SECRET} can't", None),
    ("date-time", "2024-02-31T25:61:00Z", None),
    ("time", f'98:76:{SECRET}"', None),
    ("object", SECRET, None),
    ("object", {SECRET: [SECRET]}, "DATE"),
]


@pytest.mark.parametrize("invalid_records", ["fail", "quarantine"])
@pytest.mark.parametrize("database", ["sqlite", "duckdb", "postgres", "mariadb"], indirect=True)
def test_no_message_of_a_database_shows_a_value(
    database: Database, caplog: pytest.LogCaptureFixture, invalid_records: str
) -> None:
    """Whatever it says of values that it cannot read, or that a column or a constraint refuses."""
    caplog.set_level(logging.DEBUG)
    said, refused = [], 0
    for number, (kind, value, made) in enumerate(VALUES):
        table = f"t{'abcdefghijklmnopqrstuvwxyzäö'[number]}"
        of = {"type": ["string", "null"], "format": kind} if kind in FORMATS else kind
        if made:
            database.query(f"CREATE TABLE {table} (id BIGINT PRIMARY KEY, a {made})")
        try:
            write(
                database,
                schema(table, id={"type": "integer"}, a=of),
                *(record(table, id=1234 + n, a=value) for n in range(2)),
                validate_records=False,
                add_record_metadata=False,
                invalid_records=invalid_records,
            )
        except USER_ERRORS as error:
            refused += 1
            said.append(f"{error}\n{trace(error)}")
    if invalid_records == "quarantine":
        said += [row["reason"] for row in database.rows("_sdc_rejected")]

    assert refused + len(said) > (0 if database.engine == "sqlite" else 10)
    logged = SECONDS.sub("", caplog.text)
    assert [text for text in (*said, logged) if PLANTED.search(text)] == []


TRIGGERS = {
    "postgres": [
        (
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'not %', NEW.name; END $$"
        ),
        "CREATE TRIGGER refuse BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION refuse()",
    ],
    "mariadb": [
        (
            "CREATE TRIGGER refuse BEFORE INSERT ON people FOR EACH ROW BEGIN "
            "SET @text = CONCAT('not ', NEW.name); "
            "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = @text; END"
        )
    ],
    "sqlite": [
        (
            "CREATE TRIGGER refuse BEFORE INSERT ON people BEGIN "
            f"SELECT RAISE(ABORT, 'not {SECRET}'); END"
        )
    ],
}


@pytest.mark.parametrize("database", TRIGGERS, indirect=True)
def test_the_words_of_a_trigger_are_not_shown(database: Database) -> None:
    """Its author may have put values into them."""
    write(database, PEOPLE)
    for statement in TRIGGERS[database.engine]:
        database.query(statement)
    with pytest.raises(DatabaseError) as caught:
        write(database, PEOPLE, record("people", id=1, name=SECRET))

    assert TRIGGER in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "is_hidden"),
    [
        (MSSQLError("not s3cr3t", 50_000), True),
        (MSSQLError("not s3cr3t", 51_234), True),
        (MSSQLError("column x does not exist", UNMAPPED), False),
        (MSSQLError("Login failed", 18456), False),
        (MSSQLError("Login failed"), False),
        (MySQLError(1644, "not s3cr3t"), True),
    ],
)
def test_a_trigger_is_known_by_the_number_of_its_error(error: Exception, is_hidden: bool) -> None:
    """In SQL Server from 50000 on, but for Babelfish's; in MariaDB and MySQL that of SIGNAL."""
    assert (reason(error) == TRIGGER) == is_hidden


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Could not convert string '", "' to INT64"),
        ('invalid input syntax for type bigint: "', '"'),
        ("Conversion failed when converting the nvarchar value '", "' to data type int."),
        ("Truncated value: '", "'."),
        ('Malformed JSON at byte 6.  Input: "', '"\n\nLINE 1: select'),
        ('in line 1: Failed to cast value: "', "\"\nTry setting 'auto_detect' to true."),
    ],
)
@given(text=st.text(max_size=9), rest=st.text(max_size=9))
def test_a_quoted_value_is_cut_whatever_its_characters(
    before: str, after: str, text: str, rest: str
) -> None:
    """It may hold quotation marks and line feeds."""
    assert SECRET not in without_values(f"{before}{text}{SECRET}{rest}{after}")


@pytest.mark.parametrize("code", [1292, 1366, 1062, 4025])
@given(text=st.text(max_size=9), rest=st.text("ab'` for column key at row 1", max_size=30))
def test_a_value_that_looks_like_the_name_of_a_column_is_cut(
    code: int, text: str, rest: str
) -> None:
    """MariaDB and MySQL name a column after the value, and only in some messages."""
    for end in ("'", "' for column `d`.`t`.`a` at row 1", "' for key 'PRIMARY'"):
        error = MySQLError(code, f"Incorrect integer value: '{text}{SECRET}{rest}{end}")
        assert SECRET not in reason(error)
        if end.endswith("1"):
            assert str(error).endswith("for column `d`.`t`.`a` at row 1")


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            (
                "Type INT64 with value 5123456789 can't be cast because the value is out of range "
                "for the destination type INT32\n\nLINE 1: select"
            ),
            (
                "Type INT64 with value … cannot be cast because the value is out of range for the "
                "destination type INT32"
            ),
        ),
        ("Type BOOLEAN with value true can't be cast", "Type BOOLEAN with value … cannot be cast"),
        ("Could not cast value -5.20 to DECIMAL(2,1)", "Could not cast value … to DECIMAL(2,1)"),
        (
            "Overflow in multiplication of INT64 (5 * 10)!",
            "Overflow in multiplication of INT64 (… * …)!",
        ),
        (
            "value too long for type character varying(5)",
            "value too long for type character varying(5)",
        ),
        ("duplicate key value is (5, x)", "duplicate key value is …"),
        (
            "overflow error for data type tinyint, value = 300",
            "overflow error for data type tinyint, value = …",
        ),
        ("max key length is 3072 bytes", "max key length is 3072 bytes"),
        ("Data too long for column `a1` at row 1", "Data too long for column `a1` at row 1"),
        ("NOT NULL constraint failed: t34.a", "NOT NULL constraint failed: t34.a"),
    ],
)
def test_what_is_no_value_is_kept(message: str, shown: str) -> None:
    """Types, limits, names and the number of a row."""
    assert reason(Exception(message)) == shown


def test_a_trace_has_places_and_classes_alone() -> None:
    """Of an error and of all those that led to it."""

    def fail() -> None:
        raise KeyError(SECRET)

    try:
        try:
            fail()
        except KeyError as error:
            raise ValueError(SECRET) from error
    except ValueError as error:
        told = trace(error)

    assert told.index("KeyError") < told.index("ValueError")
    assert "in fail" in told
    assert "raise KeyError(SECRET)" in told
    assert SECRET not in told


def test_debug_lines_hold_no_values(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither of records that a stream map filters, nor of the one that ends the run."""
    monkeypatch.setenv("TARGET_HARVEST_SQL_LOGLEVEL", "DEBUG")
    ended = run(
        sqlite_database,
        tmp_path,
        PEOPLE,
        record("people", id=1, name=SECRET),
        record("people", id=2, name=SECRET),
        record("people", id=3, name=f"{SECRET}x"),
        stream_maps={
            "people": {"__filter__": "name", "n": f"int(name) if name != '{SECRET}' else 1"}
        },
    )

    assert ended.exit_code == 1
    assert "Where it happened" in ended.errors
    assert "simpleeval" in ended.errors
    assert SECRET not in ended.errors.replace(f"'{SECRET}'", "")  # As the setting has it.


def test_a_defect_shows_no_value(sqlite_database: Database, tmp_path: Path) -> None:
    """An error that nobody foresaw ends the run with the place where it arose."""
    patch = (
        "import sys; from target_harvest_sql.sink import SQLSink\n"
        f"def add(*_): raise KeyError('{SECRET[:3]}' + '{SECRET[3:]}')\n"
        "SQLSink.add = add\n"
        "from target_harvest_sql.target import TargetHarvestSQL\n"
        "TargetHarvestSQL.cli()"
    )
    arguments = command(sqlite_database, tmp_path)[1:]
    ended = subprocess.run(
        [sys.executable, "-c", patch, *arguments],
        input=lines([PEOPLE, record("people", id=1)]),
        text=True,
        capture_output=True,
        check=False,
    )

    assert ended.returncode == 1
    assert "The target has a defect" in ended.stderr
    assert "KeyError" in ended.stderr
    assert ", in add" in ended.stderr
    assert SECRET not in ended.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux has such a file.")
@pytest.mark.parametrize("bad", [[], ["{broken"]], ids=["state", "after an error"])
def test_a_full_disk_is_one_line(sqlite_database: Database, tmp_path: Path, bad: list[str]) -> None:
    """Where states go: what is committed stays."""
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            command(sqlite_database, tmp_path),
            input=lines([PEOPLE, record("people", id=1), state(at=1), *bad]),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert ended.returncode == 1
    assert "cannot be written to standard output (No space left on device)" in ended.stderr
    assert ended.stderr.count(" ERROR ") == 1
    assert "Traceback" not in ended.stderr
    assert "Exception ignored" not in ended.stderr
    assert len(sqlite_database.rows("people")) == 1


@pytest.mark.parametrize(("closed", "name"), [("<&-", "input"), (">&-", "output")])
def test_a_closed_stream_is_one_line(tmp_path: Path, closed: str, name: str) -> None:
    """A service may have started the command so."""
    ended = subprocess.run(
        ["/bin/sh", "-c", f"exec {commands.TARGET} {closed}"],
        input="",
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert f"Standard {name} is closed" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux has such a file.")
def test_an_input_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    """A disk may fail."""
    with Path("/proc/self/mem").open("rb") as unreadable:
        ended = subprocess.run(
            [commands.TARGET],
            stdin=unreadable,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )

    assert ended.returncode == 1
    assert "The input cannot be read after line 0: Input/output error" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "url",
    [
        "memory://user:s3cr3t@storage/no.jsonl",
        "memory://s3cr3t@storage/no.jsonl",
        "memory://storage/no.jsonl?sig=s3cr3t&se=1",
        "s3cr3t-scheme://storage/no.jsonl",
    ],
)
def test_the_address_of_a_batch_file_shows_no_key(sqlite_database: Database, url: str) -> None:
    """Addresses of storage may have users, passwords and signatures."""
    batch = {
        "type": "BATCH",
        "stream": "people",
        "encoding": {"format": "jsonl"},
        "manifest": [url],
    }
    params = {"account_key": "s3cr3t-scheme"}
    with pytest.raises(USER_ERRORS) as caught:
        write(
            sqlite_database,
            PEOPLE,
            batch,
            batch_config={
                "encoding": {"format": "jsonl"},
                "storage": {"root": "", "params": params},
            },
        )

    assert 'a batch file of stream "people" cannot be read' in str(caught.value)
    assert SECRET not in str(caught.value)
    assert SECRET not in trace(caught.value)
