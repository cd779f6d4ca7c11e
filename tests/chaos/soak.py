"""Syncs of an account that is edited, under faults and `kill -9`, and what they end with."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections import Counter
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

import psycopg
import pymysql

from chaos.edits import work
from chaos.server import Server
from chaos.trouble import Trouble
from fixtures.databases import Database
from fixtures.pipeline import Pipeline
from harvest_sandbox import Move, Sandbox
from servers.cutting_proxy import CuttingProxy
from servers.galera import Node, galera_cluster, galera_data
from servers.mariadb import mariadb_server
from servers.postgres import PostgresServer, private_server
from support.account_tables import LISTS, PARENTS, account, report
from support.destination import differences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from subprocess import Popen

    from support.account_tables import Row

ENGINES: Final = ("sqlite", "postgres", "mariadb", "galera")
NODES: Final = 4
"""Of a cluster. Two of them may be lost, one after the other: the rest is more than half then."""
TIME_ENTRIES: Final = 150
PAGE_SIZE: Final = 40
KILLED: Final = -signal.SIGKILL
DURABLE: Final = {"synchronous_commit": "on", "full_page_writes": "on"}
"""What a server must do so that no commit is lost with it, and no page is half written."""
REPORT: Final = "time_team_report"
WINDOWS: Final = (("2026-05-01", "2026-05-31"), ("2026-06-01", "2026-06-30"))

BILLS: Final = (
    *("invoices", "invoice_line_items", "invoice_payments", "invoice_messages"),
    *("invoice_message_recipients", "estimates", "estimate_line_items", "estimate_messages"),
    "estimate_message_recipients",
)
PEOPLE: Final = (
    *("users", "roles", "user_roles", "user_billable_rates", "user_cost_rates"),
    *("user_project_assignments", "user_project_tasks", "user_teammates"),
)
WORK: Final = (
    *(name for name in LISTS if name not in {*BILLS, *PEOPLE}),
    *("time_entry_external_references", REPORT),
)
CHAPTERS: Final = (WORK, BILLS, PEOPLE)
"""What a round reads; all at once would have to wait for the budget of requests."""


@dataclass(frozen=True)
class Phase:
    """A way to read, and what it can make good."""

    settings: dict[str, Any]
    told: bool
    """Whether Harvest has to tell of all edits by an `updated_at`."""


NO_TABLE: Final = (
    sqlite3.OperationalError,
    psycopg.errors.UndefinedTable,
    pymysql.ProgrammingError,
)
"""What drivers raise for a table that is not there."""
FEW_EDITS: Final = 20
"""More rows than the edits of one run can take out of a table."""

PHASES: Final = (
    Phase({"reconcile_days": 0, "sweep_days": 0}, told=False),
    # Bookmarks alone: what one of them passes over is never read again. The overlap is just enough
    # for stamps that are rounded down to seconds.
    Phase({"reconcile_days": None, "sweep_days": None, "lookback_seconds": 2}, told=True),
)


@dataclass
class Tally:
    """What a soak came to."""

    rounds: int = 0
    runs: int = 0
    killed: Counter[str] = field(default_factory=Counter)
    faults: int = 0
    rows: int = 0
    """How many were compared."""
    differences: list[str] = field(default_factory=list)
    """What of the last round is not as it should be."""


@dataclass
class Life:
    """An account, from the first sync into an empty database on.

    Attributes:
        pipeline: Reads it.
        harvest: The account.
        chance: Decides what happens.
        server: The server of the database, and the way to it, if that is to be in trouble.
        tally: Where everything is counted.
    """

    pipeline: Pipeline
    harvest: Sandbox
    chance: Random
    server: Server | None
    tally: Tally
    mortal: list[Node] = field(default_factory=list)
    """The nodes of a cluster that may still be killed, in this order."""
    requests: int = 20
    seconds: float = 2
    """How many requests the last run in peace made, and how long it took."""
    _rival: tuple[Pipeline, Thread] | None = None
    """Another run that began while the first was at work, and its thread."""

    def round(self, chapter: tuple[str, ...], disturbed: int) -> None:
        """Sync some streams under trouble, then in peace, and compare; so it is in each phase."""
        self.pipeline.streams = chapter
        # From an empty database as well, bookmarks alone must do.
        for phase in self.chance.sample(PHASES, len(PHASES)):
            self.pipeline.tap_config |= phase.settings
            self.harvest.switches.moves = set(Move) if phase.told else self._some_moves()
            for _ in range(disturbed):
                work(self.harvest, self.chance, told=phase.told)
                self._disturbed(phase)
            if self.tally.differences:
                break
            self._undisturbed(chapter)
            if self.tally.differences:
                break
        self.tally.rounds += 1

    def _some_moves(self) -> set[Move]:
        return {move for move in Move if self.chance.random() < 0.5}

    def _disturbed(self, phase: Phase) -> None:
        trouble = Trouble(self.harvest, self.chance, phase.told, self.requests, self.seconds)

        def begin(tap: Popen[bytes], target: Popen[bytes]) -> None:
            victims = {"tap": tap.kill, "target": target.kill}
            trouble.begin(victims | self._nodes() | self._victims_of_server(target))

        self.pipeline.target_config["batch_size_rows"] = self.chance.choice((7, 40, 10_000))
        before = self._counts()
        self._sync(started=begin)
        self.tally.runs += 1
        self.tally.faults += trouble.over()
        self._join_rival()
        self._look_for_parts(before)
        # Who had ended already was not killed.
        ended = dict(zip(("tap", "target"), self.pipeline.exit_codes, strict=True))
        self.tally.killed.update(n for n in trouble.killed if ended.get(n, KILLED) == KILLED)

    def _nodes(self) -> dict[str, Callable[[], object]]:
        """The next node of a cluster that may be killed; none where there is none left."""
        return {"node": lambda: self.mortal.pop(0).kill()} if self.mortal else {}

    def _victims_of_server(self, target: Popen[bytes]) -> dict[str, Callable[[], object]]:
        if self.server is None:
            return {}
        victims: dict[str, Callable[[], object]] = {
            "network": lambda: self._silence(target),
            "locks": self._lose_locks,
        }
        return victims | ({"server": self._restart} if self.server.process else {})

    def _silence(self, target: Popen[bytes]) -> None:
        """Let the server fall silent; then it speaks again, or two signals end the target."""
        assert self.server
        self.server.wire.fall_silent()
        time.sleep(self.chance.choice((0.5, 3)))
        for _ in range(self.chance.choice((0, 2))):
            target.terminate()
            time.sleep(1.5)  # Two signals within a second count as one.
        self.server.wire.speak()

    def _lose_locks(self) -> None:
        """End the connection that holds the locks; another run takes them at once."""
        assert self.server
        folder = self.pipeline.folder / "rival"
        folder.mkdir(exist_ok=True)
        rival = replace(self.pipeline, folder=folder, states=[])
        rival.target_config = {**rival.target_config, "lock_wait_limit_seconds": 20}
        self.server.end_locks(rival.streams)
        self._rival = rival, Thread(target=rival)
        self._rival[1].start()

    def _join_rival(self) -> None:
        """Wait for the other run; a state that it printed is the newest."""
        if self._rival is not None:
            rival, thread = self._rival
            thread.join()
            self._rival = None
            self.tally.runs += 1
            self.pipeline.state = rival.state if rival.states else self.pipeline.state

    @property
    def _overwrites(self) -> bool:
        return self.pipeline.target_config["load_method"] == "overwrite"

    def _sync(self, **options: Any) -> None:
        if self._overwrites:
            self.pipeline.state = None  # Each run brings everything.
        self.pipeline(**options)

    def _counts(self) -> dict[str, int]:
        """How many rows the tables have; none of tables that are not there."""
        counts: dict[str, int] = {}
        for name in self.pipeline.streams if self._overwrites else ():
            with suppress(*NO_TABLE):
                [row] = self.pipeline.database.query(f'SELECT count(*) AS n FROM "{name}"')
                counts[name] = row["n"]
        return counts

    def _look_for_parts(self, before: dict[str, int]) -> None:
        """Whatever became of the run, no table lost more rows than the edits took."""
        after = self._counts()
        self.tally.differences += [
            f"{name}: {rows} rows were replaced by {after.get(name, 0)}"
            for name, rows in before.items()
            if after.get(name, 0) < rows - FEW_EDITS
        ]

    def _restart(self) -> None:
        """Kill the server; whoever looks after it starts it again, soon or at once."""
        assert self.server
        assert self.server.process
        self.server.process.kill()
        time.sleep(self.chance.choice((0, 0.5, 2)))
        self.server.process.start()

    def _undisturbed(self, chapter: tuple[str, ...]) -> None:
        self.harvest.requests.clear()
        began = time.monotonic()
        self._sync()
        self.requests, self.seconds = len(self.harvest.requests), time.monotonic() - began
        self.tally.runs += 1
        if self.pipeline.exit_codes != (0, 0):
            self.tally.differences = ["a run in peace failed", *self.pipeline.errors.splitlines()]
            return
        self._compare(chapter)

    def _compare(self, chapter: tuple[str, ...]) -> None:
        wanted = {name: rows for name, rows in self._account(chapter).items() if name in chapter}
        found = differences(wanted, self.pipeline.database)
        if self.pipeline.target_config["hard_delete"]:
            found += [line for name in chapter for line in self._marked(name)]
        self.tally.differences = found
        self.tally.rows += sum(len(rows) for rows in wanted.values())

    def _account(self, chapter: tuple[str, ...]) -> dict[str, list[Row]]:
        wanted = account(self.harvest, nested=[name for name in PARENTS if name in chapter])
        return wanted | {REPORT: report(self.harvest, "/reports/time/team", WINDOWS)}

    def _marked(self, name: str) -> Iterator[str]:
        statement = f'SELECT count(*) AS n FROM "{name}" WHERE _sdc_deleted_at IS NOT NULL'
        [row] = self.pipeline.database.query(statement)
        if row["n"]:
            yield f"{name}: {row['n']} deleted rows are marked, and not removed"


def soak(
    engine: str, *, seed: int, rounds: int, disturbed: int = 3, seconds: float = float("inf")
) -> Tally:
    """Round after round, until tables differ.

    Args:
        engine: What the rows are written to.
        seed: Decides everything but the moment in which a killed program is.
        rounds: How many there are, at most.
        disturbed: Runs with trouble before each one without.
        seconds: No round begins later than that.
    """
    chance = Random(f"{engine} {seed}")
    tally, end = Tally(), time.monotonic() + seconds
    with ExitStack() as stack:
        server = stack.enter_context(private_server(**DURABLE)) if engine == "postgres" else None
        address = stack.enter_context(mariadb_server()) if engine == "mariadb" else ""
        data = stack.enter_context(galera_data()) if engine == "galera" else None
        while True:
            with _life(engine, chance, server or address or data, tally) as life:
                for chapter in chance.sample(CHAPTERS, len(CHAPTERS)):
                    if tally.differences or tally.rounds == rounds or time.monotonic() > end:
                        return tally
                    life.round(chapter, disturbed)


@contextmanager
def _life(
    engine: str, chance: Random, server: PostgresServer | str | Path | None, tally: Tally
) -> Iterator[Life]:
    with ExitStack() as stack:
        name = stack.enter_context(TemporaryDirectory())
        harvest = stack.enter_context(Sandbox(**_account_of(chance)))
        url, reached = f"{engine}:///{name}/harvest.db", None
        nodes: list[Node] = []
        if isinstance(server, Path):
            nodes = stack.enter_context(galera_cluster(server, NODES))
            url = _of_cluster(nodes)
        elif server:
            direct = _new_database(server, f"life_{tally.rounds}")
            wire = stack.enter_context(CuttingProxy(direct.url, when="before"))
            process = server if isinstance(server, PostgresServer) else None
            url, reached = wire.url, Server(direct, wire, process)
        pipeline = Pipeline.between(harvest, url, Path(name))
        pipeline.tap_config |= {"page_size": PAGE_SIZE, "request_timeout_seconds": 2}
        pipeline.target_config["hard_delete"] = chance.random() < 0.5
        pipeline.target_config["load_method"] = chance.choice(("upsert", "upsert", "overwrite"))
        yield Life(pipeline, harvest, chance, reached, tally, nodes[: NODES // 2])


def _of_cluster(nodes: list[Node]) -> str:
    """An empty database of a cluster, through all its nodes in turn."""
    with closing(nodes[0].connect()) as connection:
        connection.cursor().execute("CREATE DATABASE life")
    hosts = "&".join(f"host=127.0.0.1:{node.port}" for node in nodes[1:])
    return f"{nodes[0].url('life')}?{hosts}"


def _new_database(server: PostgresServer | str, name: str) -> Database:
    if isinstance(server, str):
        Database("mariadb", server).query(f"CREATE DATABASE {name}")
        return Database("mariadb", f"{server}/{name}")
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return Database("postgres", f"{server.url.rpartition('/')[0]}/{name}")


def _account_of(chance: Random) -> dict[str, Any]:
    return {
        "time_entries": TIME_ENTRIES,
        "seed": chance.randrange(1000),
        "updated_since_inclusive": chance.random() < 0.5,
        "cursor_links_in_page_lists": chance.random() < 0.5,
        "whole_numbers": chance.choice(("5.0", "5")),
    }
