"""A run that is kept waiting says so, and ends: by a limit, or by a signal."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

import psycopg
import pymysql
import pytest
from sqlalchemy.engine import make_url
from target_run import HANG_SECONDS, command, record, schema, state, write

from servers.cutting_proxy import CuttingProxy
from target_harvest_sql.database import retries, waits
from target_harvest_sql.database.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from target_run import Fed

    from fixtures.databases import Database

T = schema("t", id={"type": "integer"}, v="integer")
SERVERS = pytest.mark.parametrize("database", ["postgres", "mariadb", "mysql"], indirect=True)
HURRIED = """
from target_harvest_sql.process import terminations
from target_harvest_sql.target import TargetHarvestSQL
terminations.GRACE_SECONDS = 5
TargetHarvestSQL.cli()
"""
"""The command, which a signal ends after 5 seconds."""
BLOCKED = pytest.mark.parametrize("database", ["sqlite", "postgres", "mariadb"], indirect=True)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits of seconds in place of minutes."""
    monkeypatch.setattr(retries, "RETRY_SECONDS", 1)
    monkeypatch.setattr(waits, "ANSWER_SECONDS", 3)
    monkeypatch.setattr(waits, "OPEN_SECONDS", 3)
    monkeypatch.setattr(waits, "TELL_SECONDS", 1)
    monkeypatch.setattr(waits, "LOOK_SECONDS", 0.1)


def over(wire: CuttingProxy, database: Database) -> Database:
    """The database, over a wire."""
    url = make_url(wire.url).update_query_dict({"connect_timeout": "2"})
    return replace(database, url=url.render_as_string(hide_password=False))


@SERVERS
@pytest.mark.usefixtures("impatient")
def test_a_server_that_says_nothing_is_not_connected_to_for_ever(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Though it accepts connections; it is told before."""
    with (
        CuttingProxy(database.url, when="silent") as wire,
        pytest.raises(DatabaseError, match="open the"),
    ):
        write(over(wire, database), T, record("t", id=1))

    assert "Waiting for the database for 1 seconds, to open the" in caplog.text


@SERVERS
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("word", [b"INSERT", b"COMMIT", b"application_name"])
def test_a_server_that_falls_silent_is_given_up(
    database: Database, caplog: pytest.LogCaptureFixture, word: bytes
) -> None:
    """In a batch, at its end, or while a connection is opened; it is told before."""
    if word == b"application_name" and database.engine != "postgres":
        word = b"time_zone"
    words = (b"INSERT", word) if word == b"COMMIT" else (word,)
    write(database, T)
    with CuttingProxy(database.url, *words, when="silent") as wire, pytest.raises(DatabaseError):
        write(over(wire, database), T, record("t", id=1), state(at=1))

    assert wire.cuts == 1
    if word != b"application_name":
        assert "Waiting for the database for 1 seconds, to" in caplog.text
        assert "so the connection is given up" in caplog.text
    assert database.rows("t") == []


@pytest.mark.usefixtures("impatient")
def test_a_server_that_is_silent_from_the_start_is_given_up(
    postgres_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Its version, and that of Citus, is the first that it is asked for."""
    with (
        CuttingProxy(postgres_database.url, b"extversion", when="silent") as wire,
        pytest.raises(DatabaseError),
    ):
        write(over(wire, postgres_database), T)

    assert wire.cuts == 1
    assert "so the connection is given up" in caplog.text


@contextmanager
def held(database: Database, what: Literal["row", "table"]) -> Iterator[None]:
    """Another program holds row 1, or the table."""
    connection: Any
    if database.engine == "sqlite":
        path = make_url(database.url).database
        connection, statement = sqlite3.connect(str(path)), "BEGIN IMMEDIATE"
    elif database.engine == "postgres":
        connection = psycopg.connect(database.url)
        statement = "LOCK TABLE t"
    else:
        at = make_url(database.url).translate_connect_args(username="user")
        connection = pymysql.connect(**at)
        statement = "LOCK TABLES t WRITE"
    if what == "row" and database.engine != "sqlite":
        statement = "SELECT id FROM t WHERE id = 1 FOR UPDATE"
    with closing(connection):
        connection.cursor().execute(statement)
        yield
        connection.rollback()


WAITING: Final = {
    "postgres": "SELECT pid FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'",
    "mariadb": "SELECT id FROM information_schema.processlist "
    "WHERE db = database() AND state LIKE 'Waiting for table%' "
    "UNION ALL SELECT trx_id FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'",
}
"""Statements that find the connections which wait for a lock. SQLite tells of none."""


def blocked(fed: Fed, database: Database, what: str) -> Fed:
    """A run that has read all that it was sent, and waits for the database."""
    more = schema("t", id={"type": "integer"}, v="integer", more="string")
    fed.feed(more if what == "table" else T, record("t", id=1, v=2), state(at=1))
    if statement := WAITING.get(database.engine):
        deadline = time.monotonic() + HANG_SECONDS
        while not database.query(statement):
            assert time.monotonic() < deadline, fed.said()
            time.sleep(0.2)  # MariaDB renews `innodb_trx` only if nobody has read it for 0.1 s.
    else:
        time.sleep(3)
    return fed


@BLOCKED
@pytest.mark.parametrize("what", ["row", "table"])
def test_a_second_signal_ends_a_blocked_run_at_once(
    database: Database,
    tmp_path: Path,
    feeding: Callable[[list[str]], Fed],
    what: Literal["row", "table"],
) -> None:
    """Nothing is claimed that is not committed."""
    write(database, T, record("t", id=1, v=1))
    with held(database, what):
        fed = blocked(feeding(command(database, tmp_path, batch_size_rows=1)), database, what)
        fed.process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            fed.process.wait(2)
        fed.process.send_signal(signal.SIGTERM)
        fed.process.wait(5)
        exit_code, states, errors = fed.end()

    assert exit_code == 143
    assert states == b""
    assert b"after 20 seconds at most. A second signal ends it at once" in errors
    assert b"Received a second signal: ended at once" in errors
    assert [row["v"] for row in database.rows("t")] == [1]


@BLOCKED
def test_one_signal_ends_a_blocked_run_after_a_while(
    database: Database, tmp_path: Path, feeding: Callable[[list[str]], Fed]
) -> None:
    """Sent twice at once, it is one signal. The run has 5 seconds in place of 20."""
    write(database, T, record("t", id=1, v=1))
    _, *arguments = command(database, tmp_path, batch_size_rows=1)
    with held(database, "row"):
        fed = blocked(feeding([sys.executable, "-c", HURRIED, *arguments]), database, "row")
        fed.process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        fed.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        fed.process.wait(60)
        exit_code, states, errors = fed.end()

    assert time.monotonic() - began > 3
    assert exit_code == 143
    assert states == b""
    assert b"The database did not answer: ended at once" in errors


def test_locks_of_others_are_waited_for_with_a_limit(postgres_database: Database) -> None:
    """Unless the user sets another one."""
    postgres_database.query("CREATE TABLE seen (setting text)")
    postgres_database.query(
        "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN INSERT INTO seen VALUES (current_setting(''lock_timeout'')); RETURN new; END'"
    )
    write(postgres_database, T)
    postgres_database.query(
        "CREATE TRIGGER seeing BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION see()"
    )
    url = make_url(postgres_database.url).update_query_dict({"options": "-c lock_timeout=7s"})
    write(postgres_database, T, record("t", id=1))
    own = replace(postgres_database, url=url.render_as_string(hide_password=False))
    write(own, T, record("t", id=2))

    assert [row["setting"] for row in postgres_database.rows("seen")] == ["1min", "7s"]
