"""STATE is a watermark: printed as soon as every record before it is committed, never earlier."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import time
import tracemalloc
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest
from target_run import command, lines, record, run, schema, state, write

from target_harvest_sql.database.connection import Connection
from target_harvest_sql.process.terminations import ENDING
from target_harvest_sql.settings.address import address
from target_harvest_sql.target import TargetHarvestSQL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from target_run import Fed

    from fixtures.databases import Database

ONE = schema("one", id={"type": "integer"}, v="integer")
TWO = schema("two", id={"type": "integer"}, v="integer")


def test_a_state_waits_for_every_stream(sqlite_database: Database) -> None:
    """It comes out when the last record before it is committed, in whichever stream."""
    states = write(
        sqlite_database,
        ONE,
        TWO,
        record("two", id=1),
        state(at=1),
        record("one", id=1),
        record("one", id=2),
        state(at=2),
        record("two", id=2),
        state(at=3),
        batch_size_rows=2,
    )

    assert states == ['{"at": 2}', '{"at": 3}']


def test_a_state_comes_out_after_a_full_batch(sqlite_database: Database) -> None:
    """Not only at the end; of several that became true at once, the last."""
    states = write(
        sqlite_database,
        ONE,
        record("one", id=1),
        state(at=1),
        record("one", id=2),
        record("one", id=3),
        state(at=2),
        state(at=3),
        record("one", id=4),
        record("one", id=5),
        state(at=5),
        batch_size_rows=2,
    )

    assert states == ['{"at": 1}', '{"at": 3}', '{"at": 5}']


def test_bytes_bound_all_streams_together(sqlite_database: Database) -> None:
    """Many streams that each hold little are written in turn, so that states come out early."""
    schemas = [schema(f"s{n}", id={"type": "integer"}, text="string") for n in range(8)]
    messages: list[dict[str, Any]] = []
    for row in range(10):
        messages += [record(f"s{n}", id=row, text="x" * 100) for n in range(8)]
        messages.append(state(at=row))
    limit = 8 * 4 * 100
    states = write(sqlite_database, *schemas, *messages, batch_size_bytes=limit)

    assert len(states) > 2
    assert states[-1] == '{"at": 9}'


def test_a_state_with_nothing_before_it_comes_out_at_once(sqlite_database: Database) -> None:
    """A tap that has nothing new still moves its state on."""
    assert write(sqlite_database, state(at=1), state(at=2)) == ['{"at": 1}', '{"at": 2}']


def test_the_same_state_is_printed_once(sqlite_database: Database) -> None:
    """A repetition tells the runner nothing."""
    assert write(sqlite_database, state(at=1), state(at=1)) == ['{"at": 1}']


@pytest.mark.parametrize(
    "text",
    [
        '{"at": 1.10, "big": 12345678901234567890.1234567890}',
        "{}",
        '{"bookmarks": {"é": null}}',
        '{"bookmarks":{"a":"2024-01-01T00:00:00Z"}}',
    ],
)
def test_a_state_leaves_as_it_came(sqlite_database: Database, text: str) -> None:
    """Digit for digit, empty or not."""
    assert write(sqlite_database, f'{{"type": "STATE", "value": {text}}}') == [text]


def test_no_state_goes_beyond_an_error(database: Database, tmp_path: Path) -> None:
    """What was committed before it stays, and a new run goes on from the last state."""
    ended = run(
        database,
        tmp_path,
        ONE,
        record("one", id=1, v=1),
        state(at=1),
        record("one", id=2, v=2),
        state(at=2),
        "{broken",
        record("one", id=3, v=3),
        state(at=3),
        batch_size_rows=1,
    )

    assert ended.exit_code == 1
    assert ended.states == ['{"at": 1}', '{"at": 2}']
    assert [row["id"] for row in database.rows("one")] == [1, 2]


def test_no_state_comes_out_of_an_overwrite_that_failed(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """What it has written is in no table that anyone reads."""
    ended = run(
        sqlite_database,
        tmp_path,
        ONE,
        record("one", id=1, v=1),
        state(at=1),
        "{broken",
        load_method="overwrite",
        batch_size_rows=1,
    )

    assert ended.exit_code == 1
    assert ended.states == []


def test_a_silent_tap_does_not_hold_a_batch_back(
    sqlite_database: Database, tmp_path: Path, feeding: Callable[[list[str]], Fed]
) -> None:
    """A batch is written when it is old enough, though nothing more is read."""
    fed = feeding(command(sqlite_database, tmp_path, batch_wait_limit_seconds=0.1))
    fed.feed(ONE, record("one", id=1, v=1), state(at=1))

    assert fed.next_state() == {"at": 1}
    assert len(sqlite_database.rows("one")) == 1
    assert fed.end()[0] == 0


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_a_signal_is_obeyed_after_what_was_read_is_written(
    sqlite_database: Database,
    tmp_path: Path,
    number: signal.Signals,
    feeding: Callable[[list[str]], Fed],
) -> None:
    """While the tap is silent too; the exit code tells of the signal."""
    fed = feeding(command(sqlite_database, tmp_path, batch_size_rows=2))
    fed.feed(ONE, record("one", id=1), state(at=1), record("one", id=2))
    assert fed.next_state() == {"at": 1}
    fed.feed(record("one", id=3), state(at=3))
    exit_code, printed, errors = fed.end(number)

    assert exit_code == 128 + number
    assert json.loads(printed) == {"at": 3}
    assert [row["id"] for row in sqlite_database.rows("one")] == [1, 2, 3]
    assert b"Traceback" not in errors


def test_a_signal_that_is_ignored_stays_so(
    sqlite_database: Database, tmp_path: Path, feeding: Callable[[list[str]], Fed]
) -> None:
    """As `nohup` has it, which lets a run outlive its terminal."""
    fed = feeding(["nohup", *command(sqlite_database, tmp_path, batch_size_rows=1)])
    fed.feed(ONE, record("one", id=1), state(at=1))
    assert fed.next_state() == {"at": 1}
    fed.process.send_signal(signal.SIGHUP)
    fed.feed(record("one", id=2), state(at=2))

    assert fed.next_state() == {"at": 2}
    assert fed.end()[0] == 0


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_signal_does_not_cut_a_state_in_two(
    sqlite_database: Database,
    tmp_path: Path,
    feeding: Callable[[list[str]], Fed],
    monkeypatch: pytest.MonkeyPatch,
    unbuffered: str,
) -> None:
    """Although nobody has read the first half of it yet."""
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    fed = feeding(command(sqlite_database, tmp_path, batch_wait_limit_seconds=0.1))
    fed.feed(state(at="x" * 300_000))
    fed.wait_until_it_cannot_write()
    fed.process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    exit_code, printed, _ = fed.end()

    assert exit_code == 143
    assert json.loads(printed) == {"at": "x" * 300_000}


def shadow_has_rows(database: Database, table: str) -> bool:
    """Whether the table that is to replace another one has rows."""
    found = database.query(f"SELECT name FROM sqlite_master WHERE name LIKE '{table}__shadow%'")
    return any(database.rows(row["name"]) for row in found)


def test_a_signal_does_not_swap_an_incomplete_table(
    sqlite_database: Database, tmp_path: Path, feeding: Callable[[list[str]], Fed]
) -> None:
    """An overwrite that is ended by a signal leaves the old table, and prints no state."""
    write(sqlite_database, ONE, record("one", id=9))
    fed = feeding(command(sqlite_database, tmp_path, load_method="overwrite", batch_size_rows=1))
    fed.feed(ONE, record("one", id=1), state(at=1))
    deadline = time.monotonic() + 20
    while not shadow_has_rows(sqlite_database, "one") and time.monotonic() < deadline:
        time.sleep(0.05)
    exit_code, printed, _ = fed.end(signal.SIGTERM)

    assert exit_code == 143
    assert printed == b""
    assert [row["id"] for row in sqlite_database.rows("one")] == [9]


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_of_states_that_goes_away_ends_the_target(
    sqlite_database: Database,
    tmp_path: Path,
    feeding: Callable[[list[str]], Fed],
    monkeypatch: pytest.MonkeyPatch,
    unbuffered: str,
) -> None:
    """With one line and an exit code, not a traceback."""
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    fed = feeding(command(sqlite_database, tmp_path))
    fed.stdout.close()
    fed.process.stdout = None
    fed.feed(state(at=1))
    exit_code, _, errors = fed.end()

    assert exit_code == 1
    assert b"Nobody reads the states" in errors
    assert b"Traceback" not in errors


def test_the_same_schema_again_does_not_end_a_batch(
    sqlite_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Taps repeat it; a batch is as large as it would be otherwise."""
    caplog.set_level("DEBUG")
    messages = [m for n in range(6) for m in (ONE, record("one", id=n, v=n))]
    write(sqlite_database, *messages)

    written = [r.getMessage() for r in caplog.records if "Wrote batch" in r.getMessage()]
    assert len(written) == 1
    assert "records=6" in written[0]


@pytest.mark.parametrize(
    ("load_method", "lone"), [("overwrite", False), ("upsert", True), ("upsert", False)]
)
def test_states_that_wait_take_no_more_memory(
    sqlite_database: Database, load_method: str, *, lone: bool
) -> None:
    """For the end of an overwrite, for a lone record of another stream, or for a large batch."""
    text = "x" * 20_000
    messages: list[dict[str, Any]] = [ONE, TWO, *([record("two", id=1)] if lone else [])]
    rows = [m for n in range(3000) for m in (record("one", id=n), state(at=n, text=text))]
    target = TargetHarvestSQL(
        config={
            "sqlalchemy_url": sqlite_database.url,
            "load_method": load_method,
            "overwrite_requires": "end_of_input",
            "batch_size_rows": 1000 if lone else 10_000,
        }
    )
    fed = (line for line in lines([*messages, *rows]).splitlines(keepends=True))
    with redirect_stdout(io.StringIO()) as printed:
        tracemalloc.start()
        target.listen(Lines(fed))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert peak < 30 << 20  # All of them are 60 MB.
    assert json.loads(printed.getvalue().splitlines()[-1])["at"] == 2999


class Lines(io.StringIO):
    """An input that is not in memory as a whole."""

    def __init__(self, fed: Iterator[str]) -> None:
        super().__init__()
        self._fed = fed

    def read(self, _: int | None = -1) -> str:
        """The next line; nothing after the last."""
        return next(self._fed, "")


def test_sqlite_flushes_each_commit_to_the_disk(sqlite_database: Database) -> None:
    """In WAL mode only `synchronous = FULL` (2) keeps a commit through a power cut."""
    where = address({"sqlalchemy_url": sqlite_database.url})
    connection = Connection(where, logging.getLogger(__name__))
    connection.open()

    assert connection.transact("ask", lambda ask: ask("PRAGMA journal_mode")) == [("wal",)]
    assert connection.transact("ask", lambda ask: ask("PRAGMA synchronous")) == [(2,)]
    connection.close()


@pytest.mark.parametrize("kill_after", [1, 5, 9])
def test_a_killed_run_goes_on_from_the_last_state_printed(
    database: Database, tmp_path: Path, kill_after: int, feeding: Callable[[list[str]], Fed]
) -> None:
    """After `kill -9` and a run from the last state printed, the table is what was sent."""
    messages: list[dict[str, Any]] = []
    truth: dict[int, int] = {}
    for n in range(200):
        messages += [record("one", id=n % 37, v=n), state(next=n + 1)]
        truth[n % 37] = n

    fed = feeding(command(database, tmp_path, batch_size_rows=7))
    fed.feed(ONE, *messages[: 2 * 7 * 12])
    seen = [fed.next_state()["next"] for _ in range(kill_after)]
    os.kill(fed.process.pid, signal.SIGKILL)
    _, printed, _ = fed.end()
    # The last line may be cut; a runner ignores it.
    seen += [json.loads(line)["next"] for line in printed.split(b"\n")[:-1]]
    for later in (messages[2 * seen[-1] :], []):
        write(database, ONE, *later, batch_size_rows=7)

    assert seen == sorted(seen)
    assert {row["id"]: row["v"] for row in database.rows("one")} == truth
