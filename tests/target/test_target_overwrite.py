"""`load_method: overwrite` replaces a table by a whole one, or not at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import pytest
from target_run import activate, command, record, run, schema, state, write

from servers.cutting_proxy import CuttingProxy
from support import commands
from target_harvest_sql.writing.overwrite import UnprovenError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from target_run import Fed

    from fixtures.databases import Database

Message = dict[str, Any]

T = schema("t", id={"type": "integer"}, v="integer")
U = schema("u", id={"type": "integer"}, v="integer")
OVERWRITE = {"load_method": "overwrite"}
TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
    "duckdb": "SELECT table_name AS name FROM duckdb_tables()",
    "postgres": "SELECT relname AS name FROM pg_class WHERE relkind = 'r' "
    "AND relnamespace = 'public'::regnamespace",
    "mariadb": "SELECT table_name AS name FROM information_schema.tables "
    "WHERE table_schema = database()",
    "mssql": "SELECT TABLE_NAME AS name FROM INFORMATION_SCHEMA.TABLES",
}
TABLES["mysql"] = TABLES["mariadb"]


def rows(database: Database, table: str = "t") -> dict[int, int]:
    """What a table holds, by id."""
    return {row["id"]: row["v"] for row in database.rows(table)}


def tables(database: Database) -> list[str]:
    """The names of all tables."""
    return sorted(row["name"] for row in database.query(TABLES[database.engine]))


def bookmark(stream: str = "t", **entry: Any) -> Message:
    """A state with a bookmark."""
    return state(bookmarks={stream: entry})


DONE = {"replication_key": "id", "replication_key_value": 2}
MARKED = {**DONE, "starting_replication_value": None}
UNSORTED = {"progress_markers": {"replication_key": "id", "replication_key_value": 2}}
ONE, TWO = record("t", id=1, v=2), record("t", id=2, v=2)
OF_VERSION = record("t", 7, id=1, v=2)


@pytest.mark.parametrize(
    "messages",
    [
        [OF_VERSION, activate("t", 7)],
        [activate("t", 7), OF_VERSION, state(at=1), activate("t", 7)],
        [ONE, bookmark(**DONE)],
        [ONE, bookmark(**MARKED), TWO, bookmark(**DONE)],
        [ONE, bookmark(**UNSORTED), TWO, bookmark(**DONE), U, record("u", id=1)],
        [state(currently_syncing="t"), ONE, state(currently_syncing=None)],
        [state(currently_syncing="t"), ONE, state(currently_syncing="u"), U, record("u", id=1)],
        [state(currently_syncing="t"), state(bookmarks={})],
        [activate("t", 7), bookmark(version=7)],
        [bookmark(**DONE)],
    ],
)
def test_a_stream_that_is_proven_whole_replaces_its_table(
    sqlite_database: Database, messages: list[Message]
) -> None:
    """By ACTIVATE_VERSION, by its bookmark, or by `currently_syncing`; the tap may then die."""
    write(sqlite_database, T, record("t", id=9, v=1))
    with suppress(UnprovenError):  # Of the other stream.
        write(sqlite_database, T, *messages, **OVERWRITE)

    sent = {m["record"]["id"]: 2 for m in messages if m["type"] == "RECORD" and m["stream"] == "t"}
    assert rows(sqlite_database) == sent


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [ONE],
        [ONE, state(at=1)],
        [activate("t", 7)],
        [activate("t", 7), OF_VERSION],
        [activate("t", 7), OF_VERSION, state(at=1)],
        [OF_VERSION, activate("t", 6)],
        [ONE, activate("t", 7)],
        [OF_VERSION, activate("t", 7), OF_VERSION],
        [bookmark(), ONE, bookmark()],
        [ONE, bookmark(**DONE), TWO],
        [ONE, bookmark(**MARKED)],
        [ONE, bookmark(**UNSORTED)],
        [ONE, bookmark("u", **DONE)],
        [state(currently_syncing="t"), ONE],
        [ONE, state(currently_syncing="t", bookmarks={"t": DONE})],
        [ONE, state(bookmarks=[])],
        [ONE, state(bookmarks={"t": 1})],
    ],
)
def test_a_stream_that_is_not_proven_whole_keeps_its_table(
    sqlite_database: Database, messages: list[Message]
) -> None:
    """The sentence names the stream, and what to do."""
    write(sqlite_database, T, record("t", id=9, v=1))
    with pytest.raises(UnprovenError, match=r"stay as they were.*: t\. .*`--full-refresh`"):
        write(sqlite_database, T, *messages, **OVERWRITE)

    assert rows(sqlite_database) == {9: 1}
    assert tables(sqlite_database) == ["t"]


def test_what_was_read_from_a_bookmark_on_is_not_whole(sqlite_database: Database) -> None:
    """A tap that goes on from its state does not bring every row."""
    write(sqlite_database, T, record("t", id=9, v=1))
    later = bookmark(**{**DONE, "replication_key_value": 3})
    with pytest.raises(UnprovenError):
        write(sqlite_database, bookmark(**DONE), T, ONE, later, **OVERWRITE)

    assert rows(sqlite_database) == {9: 1}


def test_only_tables_of_whole_streams_are_replaced(database: Database, tmp_path: Path) -> None:
    """The run says which are not and why, prints no state, and does not end with 0."""
    write(database, T, record("t", id=9, v=1), U, record("u", id=9, v=1))
    ended = run(
        database,
        tmp_path,
        T,
        U,
        record("t", 7, id=1, v=2),
        record("u", id=1, v=2),
        activate("t", 7),
        state(at=1),
        **OVERWRITE,
    )

    assert ended.exit_code == 1
    assert ended.states == []
    assert "whole, so their tables stay as they were, and no state is printed: u. " in ended.error
    assert "Stream u: its table stays as it was" in ended.errors
    assert (rows(database), rows(database, "u")) == ({1: 2}, {9: 1})
    assert tables(database) == ["t", "u"]


def test_an_empty_stream_needs_no_proof_where_nothing_is_lost(database: Database) -> None:
    """Its table is made, and stays empty; one with rows keeps them."""
    for _ in range(2):
        write(database, T, **OVERWRITE)
        assert rows(database) == {}
    write(database, T, ONE)
    with pytest.raises(UnprovenError):
        write(database, T, **OVERWRITE)

    assert rows(database) == {1: 2}


def test_the_end_of_the_input_may_be_made_to_count(database: Database) -> None:
    """For taps that send nothing that proves that they read everything."""
    write(database, T, record("t", id=9, v=1), U, record("u", id=9, v=1))
    states = write(database, T, U, ONE, state(at=1), overwrite_requires="end_of_input", **OVERWRITE)

    assert states == ['{"at": 1}']
    assert (rows(database), rows(database, "u")) == ({1: 2}, {})


TAP = """
import json, os, signal
print('{"type":"SCHEMA","stream":"t","key_properties":["id"],'
      '"schema":{"properties":{"id":{"type":"integer"},"v":{"type":"integer"}}}}')
for n in range(300):
    print(json.dumps({"type": "RECORD", "stream": "t", "record": {"id": n, "v": 2}}))
    if n % 100 == 0:
        print('{"type":"STATE","value":{"bookmarks":{"t":{}}}}', flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_tap_that_is_killed_leaves_the_table(database: Database, tmp_path: Path) -> None:
    """Though a pipe ends then as it does after the last record."""
    write(database, T, *(record("t", id=n, v=1) for n in range(1000)))
    with subprocess.Popen([sys.executable, "-c", TAP], stdout=subprocess.PIPE) as tap:
        ended = commands.run(
            command(database, tmp_path, batch_size_rows=50, **OVERWRITE),
            stdin=tap.stdout,
            timeout=60,
        )

    assert tap.returncode == -signal.SIGKILL
    assert ended.returncode == 1, ended.stderr
    assert ended.stdout == b""
    assert rows(database) == dict.fromkeys(range(1000), 1)


# Tables of other runs


def test_runs_that_overlap_do_not_mix_their_rows(
    sqlite_database: Database, tmp_path: Path, feeding: Callable[[list[str]], Fed]
) -> None:
    """SQLite has no lock of a table: the table is that of the run that ends last."""
    fed = []
    for v in (1, 2):
        folder = tmp_path / str(v)
        folder.mkdir()
        fed.append(feeding(command(sqlite_database, folder, batch_size_rows=1, **OVERWRITE)))
    for v, each in enumerate(fed, 1):
        each.feed(T, *(record("t", v, id=n + 100 * v, v=v) for n in range(25)))
    for v, each in enumerate(fed, 1):
        each.feed(*(record("t", v, id=n + 100 * v, v=v) for n in range(25, 50)), activate("t", v))
    for v, each in enumerate(fed, 1):
        assert each.end()[0] == 0
        assert rows(sqlite_database) == {n + 100 * v: v for n in range(50)}
    assert tables(sqlite_database) == ["t"]


def until_it_has_begun(database: Database) -> None:
    """Wait until there is a table that is to replace another, at most 20 seconds."""
    deadline = time.monotonic() + 20
    while not any("__shadow" in name for name in tables(database)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("name", ["t", "t" * 60, "T%'\"ä"])
def test_what_a_killed_run_left_is_dropped(
    database: Database, tmp_path: Path, feeding: Callable[[list[str]], Fed], name: str
) -> None:
    """By the next run; names that only look alike are left alone."""
    message = {**T, "stream": name}
    values = {"id": 1, "v": 1}
    write(database, message, record(name, **values))
    for like in (
        f"{name[:30]}__shadow",
        f"{name[:30]}__shadow_of",
        f"x{name[:30]}__shadow_0a1b2c3d",
    ):
        write(database, {**T, "stream": like})
    before = tables(database)
    if database.engine != "duckdb":  # While a process has the file, nobody else can look into it.
        fed = feeding(command(database, tmp_path, batch_size_rows=1, **OVERWRITE))
        fed.feed(message, record(name, 1, **values))
        until_it_has_begun(database)
        while tables(database) == before:
            time.sleep(0.05)
        os.kill(fed.process.pid, signal.SIGKILL)
        fed.end()
        assert tables(database) != before
    else:
        write(database, {**T, "stream": f"{name}__shadow_0a1b2c3d"})

    write(database, message, record(name, 2, **values), activate(name, 2), **OVERWRITE)

    assert tables(database) == before


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_connection_that_is_lost_in_the_swap(
    mariadb_database: Database, tmp_path: Path, when: Literal["before", "after"]
) -> None:
    """MariaDB commits each change of a table by itself: all tables are renamed in one."""
    names = [f"m{n}" for n in range(3)]
    for name in names[1:]:
        write(mariadb_database, {**T, "stream": name}, record(name, id=1, v=1))
    messages = [
        message
        for name in names
        for message in ({**T, "stream": name}, record(name, 2, id=2, v=2), activate(name, 2))
    ]
    with CuttingProxy(mariadb_database.url, b"RENAME TABLE", when=when) as wire:
        ended = run(
            replace(mariadb_database, url=wire.url), tmp_path, *messages, state(at=1), **OVERWRITE
        )

    assert wire.cuts == 1
    assert ended.exit_code == 0, ended.errors
    assert [json.loads(line) for line in ended.states] == [{"at": 1}]
    assert [rows(mariadb_database, name) for name in names] == [{2: 2}] * 3
    assert tables(mariadb_database) == names
