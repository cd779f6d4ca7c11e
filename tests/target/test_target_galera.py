"""A Galera cluster: several MariaDB servers with the same data, each of which takes writes.

MariaDB documentation, "Galera Cluster": https://mariadb.com/docs/galera-cluster
"""

from __future__ import annotations

import json
import logging
import signal
import time
from contextlib import closing, suppress
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

import pymysql
import pytest
from target_run import activate, command, record, run, schema, state, write

from fixtures.databases import Database
from servers.cutting_proxy import CuttingProxy
from target_harvest_sql.columns import Table
from target_harvest_sql.database import leases
from target_harvest_sql.database.connection import Connection
from target_harvest_sql.database.leases import Leases
from target_harvest_sql.database.locks import LockLostError
from target_harvest_sql.settings.address import address

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from target_run import Fed

    from fixtures.galera import Galera

T = schema("t", id="integer", v="integer")
TABLES = "SELECT table_name AS n FROM information_schema.tables WHERE table_schema = database()"


def until(condition: Callable[[], object]) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_one_node_wrote_is_changed_through_another(galera: Galera) -> None:
    """A new column, an update, and a deletion arrive through a second node."""
    first, second = galera.through(0), galera.through(1)
    write(
        first,
        schema("s", id="integer", n="integer"),
        *(record("s", 1, id=i, n=i) for i in (1, 2)),
        state(at=1),
    )
    printed = write(
        second,
        schema("s", id="integer", n="number", added="string"),
        record("s", 2, id=2, n=2.5, added="new"),
        activate("s", 2),
        state(at=2),
        hard_delete=True,
    )

    assert printed == ['{"at": 2}']
    assert [node.rows("s") for node in (first, second, galera.through(2))] == [
        [{"id": 2, "n": 2.5, "added": "new"}]
    ] * 3


# Locks


def has_lease(database: Database) -> bool:
    """Whether a run has the lease of a table."""
    tables = {row["n"] for row in database.query(TABLES)}
    return "_sdc_leases" in tables and bool(database.query("SELECT * FROM _sdc_leases"))


@pytest.mark.parametrize("load_method", ["upsert", "overwrite"])
def test_two_runs_through_two_nodes_follow_one_another(
    galera: Galera, tmp_path: Path, feeding: Callable[[list[str]], Fed], load_method: str
) -> None:
    """The second waits until the first has ended, and no rows of the two mix."""
    config = {"batch_size_rows": 1, "load_method": load_method}
    runs = []
    for number in (0, 1):
        folder = tmp_path / str(number)
        folder.mkdir()
        fed = feeding(command(galera.through(number), folder, **config))
        fed.feed(T)
        until(lambda: has_lease(galera.through(2)))
        runs.append(fed)
    first, second = runs
    first.feed(*(record("t", 1, id=n, v=0) for n in range(5)))
    until(lambda: b"Waiting for another run" in second.said())
    first.feed(*(record("t", 1, id=n, v=0) for n in range(5, 10)), activate("t", 1))
    first_code, _, first_errors = first.end()
    rows_of_first = galera.through(2).rows("t")
    second.feed(*(record("t", 1, id=n + 10, v=1) for n in range(10)), activate("t", 1))
    second_code, _, second_errors = second.end()

    assert (first_code, second_code) == (0, 0), (first_errors, second_errors)
    assert [row["v"] for row in rows_of_first] == [0] * 10
    kept = [] if load_method == "overwrite" else [0] * 10
    assert [row["v"] for row in galera.through(0).rows("t")] == [*kept, *([1] * 10)]
    assert galera.through(2).query("SELECT * FROM _sdc_leases") == []


def test_a_run_that_another_has_replaced_commits_nothing(
    galera: Galera,
    tmp_path: Path,
    feeding: Callable[[list[str]], Fed],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run that was stopped for long, and goes on when another one has its lease."""
    monkeypatch.setattr(leases, "STALE_SECONDS", 1)
    stopped = feeding(command(galera.through(0), tmp_path, batch_size_rows=1))
    stopped.feed(T, record("t", id=1, v=1), state(at=1))
    assert stopped.next_state() == {"at": 1}
    stopped.process.send_signal(signal.SIGSTOP)
    write(galera.through(1), T, record("t", id=2, v=2))
    stopped.process.send_signal(signal.SIGCONT)
    stopped.feed(record("t", id=3, v=3), state(at=3))
    exit_code, states, errors = stopped.end()

    assert exit_code == 1
    assert b"The locks that keep other runs from the tables of this one were lost" in errors
    assert states == b""
    assert galera.through(2).rows("t") == [{"id": 1, "v": 1}, {"id": 2, "v": 2}]


def test_a_lease_taken_over_before_the_commit_refuses_the_transaction(
    galera: Galera, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cluster certifies it: both have changed the row of the lease, through two nodes."""
    monkeypatch.setattr(leases, "STALE_SECONDS", 0)
    monkeypatch.setattr(leases, "RENEW_SECONDS", 600)
    logger = logging.getLogger(__name__)
    writer, *connections = (
        Connection(address({"sqlalchemy_url": galera.through(number).url}), logger)
        for number in (0, 0, 1)
    )
    first, second = (
        Leases(each, each.open().leases or pytest.fail("no leases"), logger) for each in connections
    )
    table = Table("t", ())
    galera.through(0).query("CREATE TABLE t (id integer PRIMARY KEY)")
    assert first.claim(table)
    assert not second.claim(table)
    renewed = []

    def work(execute: Callable[..., list[Any]]) -> None:
        execute("INSERT INTO t VALUES (1)")
        renewed.append(first.renew_in(execute))
        if not renewed[-1]:
            raise LockLostError
        assert second.claim(table)

    with pytest.raises(LockLostError):
        writer.transact("write", work)
    writer.close()
    for each, connection in zip((first, second), connections, strict=True):
        each.release()
        connection.close()

    assert renewed == [True, False]
    assert galera.through(2).rows("t") == []


# A node that is lost


@pytest.mark.parametrize("keys", [["id"], []], ids=["keyed", "keyless"])
def test_a_killed_node_is_survived(
    mortal_galera: Galera, tmp_path: Path, feeding: Callable[[list[str]], Fed], keys: list[str]
) -> None:
    """The run goes on through the next host of its URL, and no row is lost or there twice."""
    table = schema("t", keys=keys, id="integer", v="integer")
    fed = feeding(command(mortal_galera.through(0, 1, 2), tmp_path, batch_size_rows=10))
    fed.feed(table, *(record("t", id=n, v=1) for n in range(20)), state(at=20))
    assert fed.next_state() == {"at": 20}
    mortal_galera.nodes[0].kill()
    fed.feed(*(record("t", id=n, v=1) for n in range(20, 40)), state(at=40))
    exit_code, states, errors = fed.end()

    assert exit_code == 0, errors
    assert states == b'{"at": 40}\n'
    assert [row["id"] for row in mortal_galera.through(2).rows("t")] == [*range(40)]


# Conflicts


def test_a_transaction_that_another_node_refuses_is_done_again(
    galera: Galera, tmp_path: Path, feeding: Callable[[list[str]], Fed]
) -> None:
    """Another program changes the same row through a second node; both succeed in the end."""
    fed = feeding(command(galera.through(0), tmp_path, batch_size_rows=1))
    fed.feed(T, record("t", id=1, v=0), state(at=0))
    assert fed.next_state() == {"at": 0}
    with closing(galera.nodes[1].connect(galera.name)) as connection:
        numbers = count(1)
        cursor = connection.cursor()
        deadline = time.monotonic() + 60
        while b"Trying again" not in fed.said():
            assert time.monotonic() < deadline
            fed.feed(record("t", id=1, v=next(numbers)))
            with suppress(pymysql.err.OperationalError):  # The other of the two is refused.
                cursor.execute("UPDATE t SET v = v + 1000000 WHERE id = 1")
                connection.commit()
    last = next(numbers)
    fed.feed(record("t", id=1, v=last), state(at=last))
    exit_code, states, errors = fed.end()

    assert exit_code == 0, errors
    assert json.loads(states.splitlines()[-1]) == {"at": last}
    assert galera.through(2).rows("t") == [{"id": 1, "v": last}]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_commit_in_doubt_stays_one(
    galera: Galera, tmp_path: Path, when: Literal["before", "after"]
) -> None:
    """Rows without a key are not written again through the next host."""
    log, database = schema("log", keys=[], v="integer"), galera.through(0)
    write(database, log)
    with CuttingProxy(database.url, b"INSERT INTO `log`", b"COMMIT", when=when) as wire:
        several = Database("mariadb", f"{wire.url}?host=127.0.0.1:{galera.nodes[1].port}")
        ended = run(several, tmp_path, log, *(record("log", v=n) for n in range(10)), state(at=1))

    assert wire.cuts == 1
    assert ended.exit_code == 1
    assert "cannot tell whether it was committed" in ended.error
    assert ended.states == []
    written = [row["v"] for row in galera.through(2).rows("log")]
    assert written == (list(range(10)) if when == "after" else [])
