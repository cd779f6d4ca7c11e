"""Errors that pass are waited out, and no row is written twice; runs on one table follow."""

from __future__ import annotations

import logging
import signal
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import psycopg
import pytest
from target_run import activate, command, lines, record, run, schema, state, write

from fixtures.databases import Database
from servers.cutting_proxy import CuttingProxy
from servers.postgres import private_server
from support import commands
from target_harvest_sql.database.errors import DatabaseError, TransientError
from target_harvest_sql.database.retries import Retries

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from target_run import Fed

T = schema("t", id={"type": "integer"}, v="integer")
LOG = schema("log", keys=[], v="integer", id="integer")
OURS = "FROM pg_stat_activity WHERE application_name = 'target-harvest-sql'"


def until(condition: Callable[[], object]) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def end_connections(database: Database, of: Literal["lanes", "locks"]) -> None:
    """End the connections that write, or the one that holds the locks of tables."""
    holders = {
        "postgres": "SELECT pid FROM pg_locks WHERE locktype = 'advisory'",
        "mariadb": "SELECT IS_USED_LOCK(CONCAT('target-harvest-sql ', LEFT(SHA2(CONCAT("
        "DATABASE(), '.log'), 256), 40)))",
    }
    wanted = f"{'NOT ' if of == 'lanes' else ''}IN ({holders[database.engine]})"
    if database.engine == "postgres":
        statement = (
            f"SELECT pg_terminate_backend(pid) {OURS} AND datname = current_database() "
            f"AND pid {wanted}"
        )
        until(lambda: database.query(statement))
        return
    statement = (
        "SELECT id FROM information_schema.processlist WHERE db = database() "
        f"AND id <> connection_id() AND id {wanted}"
    )
    until(lambda: [database.query(f"KILL {row['id']}") for row in database.query(statement)])


@pytest.mark.parametrize("lanes", [1, 2])
def test_connections_that_the_server_ends_are_opened_again(
    postgres_database: Database,
    tmp_path: Path,
    lanes: int,
    feeding: Callable[[list[str]], Fed],
) -> None:
    """All that write; rows without a key are there once, and the run goes on."""
    fed = feeding(command(postgres_database, tmp_path, batch_size_rows=5, lanes=lanes))
    messages = [LOG, *(record("log", v=n) for n in range(10)), state(at=1)]
    fed.feed(*messages)
    assert fed.next_state() == {"at": 1}
    end_connections(postgres_database, of="lanes")
    fed.feed(*(record("log", v=n) for n in range(10, 20)), state(at=2), T, record("t", id=1))
    assert fed.next_state() == {"at": 2}
    exit_code, _, errors = fed.end()

    assert exit_code == 0, errors
    assert b"Trying again" in errors
    assert [row["v"] for row in postgres_database.rows("log")] == list(range(20))
    assert len(postgres_database.rows("t")) == 1


def test_a_server_that_restarts_ends_the_run(
    tmp_path: Path, feeding: Callable[[list[str]], Fed]
) -> None:
    """The locks are gone with the server. What was committed has its state; the rest is missing."""
    with private_server() as server:
        database = Database("postgres", server.url)
        fed = feeding(command(database, tmp_path, batch_size_rows=1, lanes=1))
        fed.feed(T, record("t", id=1), state(at=1))
        assert fed.next_state() == {"at": 1}
        server.stop()
        fed.feed(record("t", id=2), state(at=2))
        time.sleep(3)
        server.start()
        exit_code, states, errors = fed.end()
        rows = database.rows("t")

    assert exit_code == 1, errors
    assert b"The locks that keep other runs from" in errors
    assert states == b""
    assert [row["id"] for row in rows] == [1]


def test_an_error_that_stays_is_told_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often the call is tried again; an error that is new is told too."""
    monkeypatch.setattr("target_harvest_sql.database.retries.MAX_PAUSE_SECONDS", 0)
    failures = [TransientError("The server is away.")] * 3 + [TransientError("It is starting.")]

    def call() -> str:
        if failures:
            raise failures.pop(0)
        return "done"

    assert Retries(logging.getLogger("retries")).run(call) == "done"
    told = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert [text.split(" Trying again")[0] for text in told] == [
        "The server is away.",
        "It is starting.",
    ]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("message", "load_method"), [(LOG, "append-only"), (LOG, "upsert"), (T, "overwrite")]
)
def test_a_connection_lost_at_commit_doubles_no_row(
    postgres_database: Database,
    message: dict[str, Any],
    load_method: str,
    when: Literal["before", "after"],
) -> None:
    """Whether the server heard of it or not: it is asked what became of the transaction."""
    table = message["stream"]
    write(postgres_database, message, load_method=load_method)
    with CuttingProxy(postgres_database.url, b"txid_current", b"COMMIT", when=when) as wire:
        states = write(
            replace(postgres_database, url=wire.url),
            message,
            *(record(table, id=n, v=n) for n in range(10)),
            state(at=1),
            load_method=load_method,
            overwrite_requires="end_of_input",
        )

    assert wire.cuts == 1
    assert states == ['{"at": 1}']
    assert [row["v"] for row in postgres_database.rows(table)] == list(range(10))


@pytest.mark.parametrize("database", ["mariadb", "mysql"], indirect=True)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("message", "config"),
    [
        pytest.param(LOG, {}, id="keyless"),
        pytest.param(T, {"load_method": "append-only"}, id="append-only"),
        pytest.param(LOG, {"invalid_records": "quarantine"}, id="quarantine"),
    ],
)
def test_a_commit_in_doubt_ends_the_run(
    database: Database,
    tmp_path: Path,
    message: dict[str, Any],
    config: dict[str, Any],
    when: Literal["before", "after"],
) -> None:
    """Where the server cannot tell whether it committed, no row is written twice."""
    table = message["stream"]
    write(database, message, **config)
    with CuttingProxy(database.url, b"INSERT", b"COMMIT", when=when) as wire:
        ended = run(
            replace(database, url=wire.url),
            tmp_path,
            message,
            state(at=0),
            *(record(table, id=n, v=n) for n in range(10)),
            state(at=1),
            **config,
        )

    assert wire.cuts == 1
    assert ended.exit_code == 1
    assert "cannot tell whether it was committed" in ended.error
    assert ended.states == ['{"at": 0}']
    written = [row["v"] for row in database.rows(table)]
    assert written == (list(range(10)) if when == "after" else [])


@pytest.mark.parametrize("database", ["mariadb", "mysql"], indirect=True)
def test_a_commit_in_doubt_of_rejected_records_ends_the_run(
    database: Database, tmp_path: Path
) -> None:
    """Rejected records have no key either: they are put away once."""
    config = {"invalid_records": "quarantine"}
    write(database, T, record("t", id="first"), **config)
    with CuttingProxy(database.url, b"INSERT", b"COMMIT", when="after") as wire:
        ended = run(
            replace(database, url=wire.url),
            tmp_path,
            T,
            record("t", id="second"),
            state(at=1),
            **config,
        )

    assert wire.cuts == 1
    assert ended.exit_code == 1
    assert "cannot tell whether it was committed" in ended.error
    assert ended.states == []
    assert len(database.rows("_sdc_rejected")) == 2


def test_a_deadlock_is_tried_again(
    postgres_database: Database, tmp_path: Path, feeding: Callable[[list[str]], Fed]
) -> None:
    """Another program holds one row and wants the other."""
    write(postgres_database, T, record("t", id=1, v=0), record("t", id=2, v=0))
    fed = feeding(command(postgres_database, tmp_path, lanes=1, batch_size_rows=2))
    with psycopg.connect(postgres_database.url) as other:
        other.execute("SET deadlock_timeout = '60s'")  # It is the target that has to give way.
        other.execute("UPDATE t SET v = 7 WHERE id = 2")
        fed.feed(T, record("t", id=1, v=1), record("t", id=2, v=1), state(at=1))
        until(lambda: postgres_database.query(f"SELECT 1 {OURS} AND wait_event_type = 'Lock'"))
        other.execute("UPDATE t SET v = 7 WHERE id = 1")
    assert fed.next_state() == {"at": 1}
    exit_code, _, errors = fed.end()

    assert exit_code == 0
    assert b"deadlock detected" in errors
    assert [row["v"] for row in postgres_database.rows("t")] == [1, 1]


def test_two_runs_on_one_table_follow_one_another(
    postgres_database: Database, tmp_path: Path
) -> None:
    """Both succeed, also in making the table, and all rows are of the run that came last."""
    ended: list[subprocess.CompletedProcess[bytes]] = []

    def work(number: int) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        records = [record("t", id=n % 50, v=number) for n in range(500)]
        ended.append(
            commands.run(
                command(postgres_database, folder, batch_size_rows=7),
                input=lines([T, *records, state(at=number)]).encode(),
            )
        )

    threads = [threading.Thread(target=work, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [each.returncode for each in ended] == [0, 0], [each.stderr for each in ended]
    assert len({row["v"] for row in postgres_database.rows("t")}) == 1
    assert len(postgres_database.rows("t")) == 50


@pytest.mark.parametrize(
    "made", ["CREATE TABLE s._sdc_rejected (LIKE model)", "CREATE SCHEMA fresh"]
)
def test_two_runs_may_make_the_same_at_once(
    postgres_database: Database,
    tmp_path: Path,
    feeding: Callable[[list[str]], Fed],
    made: str,
) -> None:
    """A schema, or the table that all share: the second goes on with what the first has made."""
    config = {"invalid_records": "quarantine", "batch_size_rows": 1}
    bad = record("t", id="none", v=1)
    write(postgres_database, T, bad, default_target_schema="s", **config)
    postgres_database.query("ALTER TABLE s._sdc_rejected RENAME TO model")
    postgres_database.query("ALTER TABLE s.model SET SCHEMA public")
    schema_name = "fresh" if "fresh" in made else "s"
    with psycopg.connect(postgres_database.url) as other:
        other.execute(made)
        arguments = command(
            postgres_database, tmp_path, default_target_schema=schema_name, **config
        )
        fed = feeding(arguments)
        fed.feed(T, bad, state(at=1))
        until(lambda: postgres_database.query(f"SELECT 1 {OURS} AND wait_event_type = 'Lock'"))
    assert fed.next_state() == {"at": 1}

    assert fed.end()[0] == 0
    assert len(postgres_database.query(f"SELECT * FROM {schema_name}._sdc_rejected")) == 1


def test_a_run_that_overwrites_waits_for_one_that_updates(
    postgres_database: Database, tmp_path: Path, feeding: Callable[[list[str]], Fed]
) -> None:
    """What the first has written is then replaced."""
    first = feeding(command(postgres_database, tmp_path, batch_size_rows=1))
    first.feed(T, record("t", id=1, v=1), state(at=1))
    assert first.next_state() == {"at": 1}
    second = feeding(command(postgres_database, tmp_path, load_method="overwrite"))
    second.feed(T, record("t", 1, id=2, v=2), activate("t", 1))
    second.stdin.close()
    second.process.stdin = None
    until(lambda: b"Waiting for another run" in second.said())
    first.feed(record("t", id=3, v=1), state(at=3))
    assert first.next_state() == {"at": 3}
    assert first.end()[0] == 0

    assert second.end()[0] == 0
    assert postgres_database.rows("t") == [{"id": 2, "v": 2}]


LOCKING = pytest.mark.parametrize("database", ["postgres", "mariadb"], indirect=True)


@LOCKING
@pytest.mark.parametrize("load_method", ["upsert", "append-only", "overwrite"])
def test_a_lock_that_is_lost_ends_the_run(
    database: Database,
    tmp_path: Path,
    feeding: Callable[[list[str]], Fed],
    load_method: str,
) -> None:
    """Another run can enter then, and what it wrote stays as it is."""
    config = {"load_method": load_method, "overwrite_requires": "end_of_input"}
    write(database, LOG, record("log", v=0), **config)
    fed = feeding(command(database, tmp_path, batch_size_rows=2, **config))
    fed.feed(LOG, record("log", v=1), record("log", v=2), state(at=2))
    if load_method != "overwrite":
        assert fed.next_state() == {"at": 2}
    end_connections(database, of="locks")
    write(database, LOG, record("log", v=10), lock_wait_limit_seconds=0, **config)
    before = [row["v"] for row in database.rows("log")]
    fed.feed(record("log", v=3), record("log", v=4), state(at=4))
    exit_code, states, errors = fed.end()

    assert exit_code == 1
    assert b"The locks that keep other runs from the tables of this one were lost" in errors
    assert b"Run again" in errors
    assert states == b""
    assert before == ([10] if load_method == "overwrite" else [0, 1, 2, 10])
    assert [row["v"] for row in database.rows("log")] == before


def test_a_lock_outlives_the_idle_limit_of_the_server(
    mariadb_database: Database, tmp_path: Path, feeding: Callable[[list[str]], Fed]
) -> None:
    """MariaDB ends connections that are silent for `wait_timeout` seconds."""
    mariadb_database.query("SET GLOBAL wait_timeout = 1")
    try:
        fed = feeding(command(mariadb_database, tmp_path, batch_size_rows=1))
        fed.feed(LOG, record("log", v=1), state(at=1))
        assert fed.next_state() == {"at": 1}
    finally:
        mariadb_database.query("SET GLOBAL wait_timeout = DEFAULT")
    time.sleep(3)
    with pytest.raises(DatabaseError, match="Another run"):
        write(mariadb_database, LOG, lock_wait_limit_seconds=0)
    fed.feed(record("log", v=2), state(at=2))

    assert fed.next_state() == {"at": 2}
    assert fed.end()[0] == 0


def test_waiting_for_another_run_has_an_end(
    postgres_database: Database, tmp_path: Path, feeding: Callable[[list[str]], Fed]
) -> None:
    """By a limit, or by a signal."""
    first = feeding(command(postgres_database, tmp_path, batch_size_rows=1))
    first.feed(T, record("t", id=1, v=1), state(at=1))
    assert first.next_state() == {"at": 1}
    with pytest.raises(DatabaseError, match=r'Another run .* table "t".*lock_wait_limit_seconds'):
        write(postgres_database, T, lock_wait_limit_seconds=0)
    second = feeding(command(postgres_database, tmp_path))
    second.feed(T)
    until(lambda: b"Waiting for another run" in second.said())

    assert second.end(signal.SIGTERM)[0] == 143
    assert first.end()[0] == 0
