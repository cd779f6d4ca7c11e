"""Connections that write side by side: order, states, errors, and what is on its way."""

from __future__ import annotations

import json
import os
import random
import re
import select
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from target_run import command, lines, record, run, schema, state, write

from target_harvest_sql.writing.batches import lanes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from target_run import Fed

    from fixtures.databases import Database

T = schema("t", id={"type": "integer"}, v="integer")
LANES = pytest.mark.parametrize("lanes", [1, 2, 3])


@contextmanager
def held(database: Database, row_id: int) -> Iterator[None]:
    """Another program holds a row, so that the lane that writes it has to wait."""
    with psycopg.connect(database.url) as other:
        assert other.execute("SELECT 1 FROM t WHERE id = %s FOR UPDATE", [row_id]).fetchall()
        yield


def waits_for_a_lock(database: Database) -> bool:
    """Whether a program waits for a lock that another one holds."""
    return bool(
        database.query(
            "SELECT pid FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
    )


@LANES
@pytest.mark.parametrize("batch_size_rows", [1, 7, 10_000])
def test_the_last_record_of_a_key_wins_on_any_number_of_lanes(
    postgres_database: Database, lanes: int, batch_size_rows: int
) -> None:
    """A key stays on its lane, whatever its type."""
    shuffled = random.Random(1)
    sent = [(shuffled.choice([0, 1, 2, -1, 5]), shuffled.choice("ab"), n) for n in range(200)]
    message = schema("t", keys=["a", "b"], a={"type": "integer"}, b={"type": "string"}, v="integer")
    write(
        postgres_database,
        message,
        *(record("t", a=a, b=b, v=v) for a, b, v in sent),
        lanes=lanes,
        batch_size_rows=batch_size_rows,
    )

    found = {(row["a"], row["b"]): row["v"] for row in postgres_database.rows("t")}
    assert found == {(a, b): v for a, b, v in sent}


@pytest.mark.parametrize("step", [2, 3, 1000])
def test_lanes_share_a_batch_whatever_its_ids_have_in_common(
    postgres_database: Database, caplog: pytest.LogCaptureFixture, step: int
) -> None:
    """Even ids, such as those of two servers that take turns, are not all written by one lane."""
    caplog.set_level("DEBUG")
    write(postgres_database, T, *(record("t", id=step * n, v=n) for n in range(1000)), lanes=2)

    told = [r.getMessage() for r in caplog.records if "Wrote batch" in r.getMessage()]
    rows = [int(re.findall(r"records=(\d+)", line)[0]) for line in told]
    assert len(rows) == 2
    assert min(rows) > 250


@LANES
def test_rows_without_a_key_are_appended_once(postgres_database: Database, lanes: int) -> None:
    """Whichever lane writes them."""
    message = schema("t", keys=[], v="integer")
    write(
        postgres_database,
        message,
        *(record("t", v=n) for n in range(100)),
        lanes=lanes,
        batch_size_rows=7,
    )

    assert [row["v"] for row in postgres_database.rows("t")] == list(range(100))


def test_a_state_waits_for_all_lanes(
    postgres_database: Database, tmp_path: Path, feeding: Callable[[list[str]], Fed]
) -> None:
    """While one lane is held up the others go on, and so does the reader; states wait in order."""
    write(postgres_database, T, record("t", id=0, v=0))
    lanes = lanes_of(range(50), 2)
    one, two, three = [n for n in range(1, 50) if lanes[n] != lanes[0]][:3]
    fed = feeding(command(postgres_database, tmp_path, batch_size_rows=2, lanes=2))
    with held(postgres_database, 0):
        fed.feed(T, record("t", id=0, v=1), record("t", id=one, v=1), state(at=1))
        fed.feed(record("t", id=two, v=1), record("t", id=three, v=1), state(at=2))
        deadline = time.monotonic() + 20
        while len(postgres_database.rows("t")) < 4 and time.monotonic() < deadline:
            time.sleep(0.02)
        rows = {row["id"]: row["v"] for row in postgres_database.rows("t")}
        printed = select.select([fed.stdout], [], [], 0.3)[0]

    assert printed == []
    assert rows == {0: 0, one: 1, two: 1, three: 1}
    assert [fed.next_state(), fed.next_state()] == [{"at": 1}, {"at": 2}]
    assert fed.end()[:2] == (0, b"")


def test_a_batch_full_of_bytes_is_written_by_all_lanes_at_once(
    postgres_database: Database, tmp_path: Path, feeding: Callable[[list[str]], Fed]
) -> None:
    """One that is held up keeps no other from its part, although the limit is reached."""
    write(postgres_database, T, record("t", id=0, v=0))
    fed = feeding(command(postgres_database, tmp_path, batch_size_bytes=1000, lanes=2))
    with held(postgres_database, 0):
        fed.feed(T, *(record("t", id=n, v=1) for n in range(20)))
        deadline = time.monotonic() + 20
        while len(postgres_database.rows("t")) == 1 and time.monotonic() < deadline:
            time.sleep(0.02)
        written = {row["id"] for row in postgres_database.rows("t")}

    lanes = lanes_of(range(10), 2)
    others = [n for n in range(10) if lanes[n] != lanes[0]]
    assert written > {0, *others[:2]}
    assert fed.end()[0] == 0


def test_the_reader_waits_when_much_is_on_its_way(
    postgres_database: Database, tmp_path: Path, feeding: Callable[[list[str]], Fed]
) -> None:
    """So that memory stays flat however slow the database is; nothing is lost."""
    write(postgres_database, T, record("t", id=0, v=0))
    config = {"batch_size_bytes": 20_000, "add_record_metadata": False}
    fed = feeding(command(postgres_database, tmp_path, lanes=1, **config))
    taken = 0

    def pour() -> None:
        nonlocal taken
        for n in range(40_000):
            taken = n
            fed.stdin.write(lines([record("t", id=n, v=1)]).encode())

    fed.feed(T)
    pouring = threading.Thread(target=pour, daemon=True)
    with held(postgres_database, 0):
        pouring.start()
        before = -1
        while taken != before or not fed.is_full() or not waits_for_a_lock(postgres_database):
            assert pouring.is_alive()
            before = taken
            time.sleep(0.3)

    assert before < 20_000
    pouring.join()
    assert fed.end()[0] == 0
    assert postgres_database.rows("t") == [{"id": n, "v": 1} for n in range(40_000)]


@LANES
def test_what_follows_a_refused_batch_is_not_written(
    postgres_database: Database, tmp_path: Path, lanes: int
) -> None:
    """Nor its key's later records; what came before is, with its states. The error is told once."""
    days = schema("days", id={"type": "integer"}, day={"type": "string", "format": "date"})
    ended = run(
        postgres_database,
        tmp_path,
        days,
        record("days", id=1, day="2024-01-01"),
        state(at=1),
        record("days", id=2, day="never"),
        state(at=2),
        record("days", id=2, day="2024-01-02"),
        record("days", id=4, day="2024-01-02"),
        state(at=3),
        batch_size_rows=1,
        validate_records=False,
        lanes=lanes,
    )

    assert ended.exit_code == 1
    assert 'Line 4 of stream "days" is refused by the database' in ended.error
    assert ended.states == ['{"at": 1}']
    # Row 4 may be written: it came later, but perhaps on another lane.
    assert {row["id"] for row in postgres_database.rows("days")} - {4} == {1}


@pytest.mark.parametrize("lanes", [1, 2])
def test_a_run_that_is_killed_anywhere_goes_on_from_its_last_state(
    postgres_database: Database,
    tmp_path: Path,
    lanes: int,
    feeding: Callable[[list[str]], Fed],
) -> None:
    """After `kill -9` at any record, several times over, the table is what was sent."""
    chance = random.Random(lanes)
    sent = [(chance.randrange(40), n) for n in range(400)]
    messages = [m for n, (id_, v) in enumerate(sent) for m in (
        record("t", id=id_, v=v), state(next=n + 1)
    )]  # fmt: skip
    start = 0
    for _ in range(3):
        fed = feeding(command(postgres_database, tmp_path, batch_size_rows=5, lanes=lanes))
        fed.feed(T, *messages[2 * start : 2 * start + 2 * chance.randrange(20, 120)])
        start = fed.next_state()["next"]
        time.sleep(chance.random() / 20)
        os.kill(fed.process.pid, signal.SIGKILL)
        # The last line may be cut; a runner ignores it.
        printed = fed.end()[1].split(b"\n")[:-1]
        start = max([start, *(json.loads(line)["next"] for line in printed)])
        truth = dict(sent[:start])
        found = {row["id"]: row["v"] for row in postgres_database.rows("t")}
        assert {id_: found[id_] for id_ in truth if found[id_] < start} == {
            id_: v for id_, v in truth.items() if found[id_] < start
        }
    write(postgres_database, T, *messages[2 * start :], batch_size_rows=5, lanes=lanes)

    assert {row["id"]: row["v"] for row in postgres_database.rows("t")} == dict(sent)


def test_a_signal_lets_all_lanes_end(
    postgres_database: Database, tmp_path: Path, feeding: Callable[[list[str]], Fed]
) -> None:
    """What was read is written by all of them, and the state says so."""
    fed = feeding(command(postgres_database, tmp_path, batch_size_rows=100, lanes=3))
    fed.feed(T, *(record("t", id=n, v=n) for n in range(1050)), state(at=1050))
    exit_code, printed, errors = fed.end(signal.SIGTERM)

    assert exit_code == 143, errors
    assert json.loads(printed) == {"at": 1050}
    assert len(postgres_database.rows("t")) == 1050
