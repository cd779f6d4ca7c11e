"""A user's error is one clear line: what happened, where, what to do."""

from __future__ import annotations

import sqlite3
import subprocess
import threading
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from sqlalchemy.engine import make_url
from target_run import activate, command, lines, record, run, schema, state, write

from fixtures.databases import Database
from servers.tls_proxy import TLSProxy
from target_harvest_sql.cli import USER_ERRORS
from target_harvest_sql.database.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from target_run import Fed

PEOPLE = schema("people", id={"type": "integer"}, name="string")
SECRET = "s3cr3t-value"


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        pytest.param([PEOPLE, "{broken"], ["Line 2", "not JSON"], id="broken line"),
        pytest.param([PEOPLE, '{"type": "REC'], ["Line 2", "not JSON"], id="cut line"),
        pytest.param(["[1]"], ["Line 1", "not a Singer message"], id="not an object"),
        pytest.param(['{"stream": "x"}'], ["Line 1", "`type`"], id="no type"),
        pytest.param(['{"type": "HELLO"}'], ["Line 1", "unknown message type"], id="unknown type"),
        pytest.param(
            [PEOPLE, '{"type": "RECORD", "stream": 5, "record": {}}'],
            ["Line 2", "stream"],
            id="wrong envelope",
        ),
        pytest.param(
            [PEOPLE, '{"type": "RECORD", "stream": "people"}'],
            ["Line 2", '"people"', "no record"],
            id="no record",
        ),
        pytest.param(['{"type": "RECORD", "record": {}}'], ["Line 1", "no stream"], id="no stream"),
        pytest.param([record("people", id=1)], ["Line 1", '"people"', "schema"], id="no schema"),
        pytest.param(
            [PEOPLE, "", record("people", name=SECRET)],
            ["Line 3", '"people"', "id is missing or null"],
            id="missing key",
        ),
        pytest.param(
            [schema("people", id="integer"), record("people", id=None)],
            ["Line 2", '"people"', "id is missing or null"],
            id="null key",
        ),
        pytest.param(
            [{**PEOPLE, "key_properties": ["no"]}],
            ["Line 1", '"people"', "key properties no"],
            id="key not in schema",
        ),
        pytest.param(
            [{**PEOPLE, "schema": {"type": "object"}}],
            ["Line 1", '"people"', "no properties"],
            id="schema without properties",
        ),
        pytest.param(
            [{**PEOPLE, "schema": {"properties": {}}}],
            ["Line 1", '"people"', "empty list of properties"],
            id="empty properties",
        ),
        pytest.param(
            [schema("people", id={"type": "nonsense"})],
            ["Line 1", '"people"', "not valid JSON Schema"],
            id="invalid schema",
        ),
        pytest.param(
            [schema("people", id="integer", a={"$ref": "#/nope"}), record("people", id=1, a=1)],
            ["Line 2", '"people"', "refers to /nope"],
            id="reference to nothing",
        ),
        pytest.param(
            [PEOPLE, record("people", id=1, name=[SECRET])],
            ["Line 2", '"people"', "array where the schema allows string or null at name"],
            id="wrong type",
        ),
        pytest.param(
            [PEOPLE, {"type": "RECORD", "stream": "people", "record": [1]}],
            ["Line 2", '"people"', "not an object"],
            id="record not an object",
        ),
        pytest.param(['{"type": "STATE", "value": [1]}'], ["Line 1", "state"], id="bad state"),
        pytest.param(
            [PEOPLE, '{"type": "ACTIVATE_VERSION", "stream": "people"}'],
            ["Line 2", '"people"', "version"],
            id="no version",
        ),
        pytest.param(
            [PEOPLE, activate("people", 2**63)],
            ["Line 2", "version", "9223372036854775807"],
            id="version beyond 64 bits",
        ),
        pytest.param(
            [PEOPLE, record("people", id=2**63)],
            ["Line 2", '"people"', "at id", "is beyond what sqlite holds"],
            id="integer beyond 64 bits",
        ),
    ],
)
def test_a_bad_line_is_named(
    sqlite_database: Database, messages: list[Any], expected: list[str]
) -> None:
    """With its number, its stream and what is wrong, never with a record's value."""
    with pytest.raises(USER_ERRORS) as caught:
        write(sqlite_database, *messages)

    text = str(caught.value)
    assert [part for part in expected if part not in text] == []
    assert SECRET not in text


@pytest.mark.parametrize(
    "bad",
    [
        "{broken",
        record("people", id=3, name=[SECRET]),
        record("people", name="no key"),
        schema("people", id="string"),
    ],
    ids=["line", "value", "key", "table"],
)
def test_what_came_before_an_error_is_written(
    sqlite_database: Database, tmp_path: Path, bad: dict[str, Any] | str
) -> None:
    """With its states, though no batch was full; nothing that came after."""
    ended = run(
        sqlite_database,
        tmp_path,
        PEOPLE,
        record("people", id=1, name="a"),
        state(at=1),
        record("people", id=2, name="b"),
        state(at=2),
        bad,
        record("people", id=4, name="d"),
        state(at=4),
    )

    assert ended.exit_code == 1
    assert ended.error
    assert ended.states == ['{"at": 2}']
    assert sqlite_database.rows("people") == [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]


def test_a_refused_batch_holds_later_states_back(duckdb_database: Database, tmp_path: Path) -> None:
    """Other streams' records are written all the same."""
    days = schema("days", id={"type": "integer"}, day={"type": "string", "format": "date"})
    ended = run(
        duckdb_database,
        tmp_path,
        PEOPLE,
        days,
        state(at=0),
        record("people", id=1, name="a"),
        record("days", id=1, day=SECRET),
        state(at=1),
        record("days", id=2, day=SECRET),
        batch_size_rows=2,
        validate_records=False,
    )

    assert ended.exit_code == 1
    assert ended.states == ['{"at": 0}']
    assert duckdb_database.rows("days") == []
    assert duckdb_database.rows("people") == [{"id": 1, "name": "a"}]


@pytest.mark.parametrize("log_level", ["INFO", "DEBUG"])
def test_an_error_is_one_line(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log_level: str
) -> None:
    """Where it happened is for those who ask for it; values are shown to nobody."""
    monkeypatch.setenv("TARGET_HARVEST_SQL_LOGLEVEL", log_level)
    ended = run(sqlite_database, tmp_path, PEOPLE, record("people", id=1, name=[SECRET]))

    assert ended.exit_code == 1
    assert ended.error.startswith('Line 2 of stream "people" does not fit its schema')
    assert ("Where it happened" in ended.errors) == (log_level == "DEBUG")
    assert "Traceback" not in ended.errors
    assert SECRET not in ended.errors


def test_a_line_that_is_not_utf8_is_named(sqlite_database: Database, tmp_path: Path) -> None:
    """Rather than stored as something that nobody can read."""
    path = tmp_path / "input"
    path.write_bytes(b'{"type": "STATE", "value": {"a": "\xff"}}\n')
    with path.open("rb") as source:
        ended = subprocess.run(
            command(sqlite_database, tmp_path), stdin=source, capture_output=True, check=False
        )

    assert ended.returncode == 1
    assert b"Line 1 is not a Singer message (not UTF-8)" in ended.stderr


def test_the_last_line_needs_no_line_feed(sqlite_database: Database) -> None:
    """A whole message without one is processed."""
    assert write(sqlite_database, '{"type": "STATE", "value": {"a": 1}}\n ') == ['{"a": 1}']


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:////no/such/folder/x.db", "Create the folder"),
        ("duckdb:////no/such/folder/x.db", "Create the folder"),
        ("oracle://user:s3cr3t-value@example.com/x", "not supported: oracle"),
        ("s3cr3t-value", "is not a URL"),
    ],
)
def test_a_database_that_cannot_be_reached_is_named(
    tmp_path: Path, sqlite_database: Database, url: str, expected: str
) -> None:
    """By the setting to change, without the URL, which may hold a password."""
    ended = run(sqlite_database, tmp_path, PEOPLE, sqlalchemy_url=url)

    assert ended.exit_code == 1
    assert expected in ended.errors
    assert "sqlalchemy_url" in ended.errors
    assert SECRET not in ended.errors
    assert "Traceback" not in ended.errors


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"password": SECRET}, "password authentication failed.*Correct the user"),
        ({"database": "nowhere"}, "does not exist.*Create it"),
        ({"port": 1}, "refused.*Correct host and port"),
        ({"query": {"sslmode": "require"}}, "does not support SSL.*Change `sslmode`"),
        ({"query": {"no_such_option": "1"}}, "Correct what follows"),
    ],
)
def test_a_server_that_cannot_be_reached_is_named(
    postgres_database: Database, change: dict[str, Any], expected: str
) -> None:
    """With the reason and what to do, and without the password."""
    url = make_url(postgres_database.url).set(**change)
    with pytest.raises(DatabaseError, match=f"(?s)open the postgresql.*{expected}") as caught:
        write(replace(postgres_database, url=url.render_as_string(hide_password=False)), PEOPLE)

    assert url.password
    assert url.password not in str(caught.value)


def test_the_certificate_of_a_server_is_checked(
    postgres_database: Database, tmp_path: Path
) -> None:
    """If the URL asks for it: who signed it, and whose name it bears."""
    ours, theirs = trustme.CA(), trustme.CA()
    ours.cert_pem.write_to_path(tmp_path / "ours.pem")
    theirs.cert_pem.write_to_path(tmp_path / "theirs.pem")
    with TLSProxy(postgres_database.url, ours.issue_cert("localhost")) as proxy:

        def database(host: str, signed_by: str) -> Database:
            query = {"sslmode": "verify-full", "sslrootcert": str(tmp_path / signed_by)}
            at = make_url(postgres_database.url).set(host=host, port=proxy.port, query=query)
            return replace(postgres_database, url=at.render_as_string(hide_password=False))

        write(database("localhost", "ours.pem"), PEOPLE, record("people", id=1, name="a"), lanes=2)
        assert proxy.encrypted > 0
        for host, signed_by, expected in (
            ("localhost", "theirs.pem", "certificate verify failed.*Change `sslmode` and the cert"),
            ("127.0.0.1", "ours.pem", "does not match host name.*name the host"),
            ("localhost", "none.pem", "root certificate file.*does not exist.*be the correct path"),
        ):
            with pytest.raises(DatabaseError, match=f"(?s)open the postgresql.*{expected}"):
                write(database(host, signed_by), PEOPLE)

    assert postgres_database.rows("people") == [{"id": 1, "name": "a"}]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("login_timeout=1", "Correct host and port"),
        ("login_timeout=soon", "login_timeout is not a whole number.*Correct what follows"),
        ("encryption=perhaps", r"encryption.*Correct what follows"),
        ("TrustServerCertificate=yes", r"no option TrustServer.*mssql\+mssqlpython.*Correct what"),
    ],
)
def test_an_sql_server_that_cannot_be_reached_is_named(query: str, expected: str) -> None:
    """With the reason and what to do, and without the password."""
    # Port 1 is for a service that no machine has.
    database = Database("mssql", f"mssql+pymssql://user:{SECRET}@127.0.0.1:1/db?{query}")
    with pytest.raises(DatabaseError, match=f"(?s)open the mssql.*{expected}") as caught:
        write(database, PEOPLE)

    assert SECRET not in str(caught.value)


def test_a_locked_file_is_waited_for_and_then_named(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """`?timeout=` says how long."""
    write(sqlite_database, PEOPLE)
    path = sqlite_database.url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        ended = run(
            sqlite_database,
            tmp_path,
            PEOPLE,
            record("people", id=1),
            sqlalchemy_url=sqlite_database.url + "?timeout=0.1",
        )

    assert ended.exit_code == 1
    assert "database is locked. Another process holds the file" in ended.error


def test_two_runs_on_one_file_wait_for_each_other(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """Both write all their records."""

    def work(start: int) -> None:
        folder = tmp_path / str(start)
        folder.mkdir()
        found.append(
            run(
                sqlite_database,
                folder,
                PEOPLE,
                *(record("people", id=n) for n in range(start, start + 50)),
                batch_size_rows=1,
            ).exit_code
        )

    found: list[int] = []
    threads = [threading.Thread(target=work, args=(start,)) for start in (0, 1000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [0, 0]
    assert len(sqlite_database.rows("people")) == 100


def test_a_table_without_a_key_is_named(sqlite_database: Database, tmp_path: Path) -> None:
    """Upsert needs a primary key; the error says what to do."""
    sqlite_database.query('CREATE TABLE people ("id" INTEGER, "name" TEXT)')
    ended = run(sqlite_database, tmp_path, PEOPLE)

    assert ended.exit_code == 1
    assert "no primary key on (id)" in ended.error
    assert "append-only" in ended.error


def test_properties_without_a_column_are_told_once(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """They are left out, and the warning names them and the stream, not their values."""
    ended = run(
        sqlite_database,
        tmp_path,
        PEOPLE,
        *(record("people", id=n, secret_sauce="mustard") for n in range(4)),
        batch_size_rows=1,
    )

    warnings = [line for line in ended.errors.splitlines() if " WARNING " in line]
    assert ended.exit_code == 0
    assert len(warnings) == 1
    assert "people" in warnings[0]
    assert "secret_sauce" in warnings[0]
    assert "mustard" not in ended.errors


@pytest.mark.parametrize(
    ("first", "url"),
    [
        pytest.param("{broken", "sqlite:///{}/people.db", id="line"),
        pytest.param("", "nowhere", id="setting"),
    ],
)
def test_lines_on_their_way_are_taken_before_an_early_end(
    feeding: Callable[[list[str]], Fed], tmp_path: Path, first: str, url: str
) -> None:
    """Meltano, which writes them, would tell of a broken pipe, and bury the error under that."""
    fed = feeding(command(Database("sqlite", url.format(tmp_path)), tmp_path))

    rest = (record("people", id=n, name="x" * 999) for n in range(1000))
    data = lines([first, *rest]).encode()
    written = fed.stdin.write(data)  # Fewer bytes where the reader goes before it has all.
    code, _, said = fed.end()

    assert written == len(data)
    assert code == 1
    assert b" ERROR " in said
    assert b"Traceback" not in said
