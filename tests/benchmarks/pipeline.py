"""How fast entries reach a database from Harvest, through tap and target joined by a pipe."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.measure import measure, middle
from benchmarks.page import Section, table
from benchmarks.programs import served, tap_command, target_command
from benchmarks.stores import file_store

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

ABOUT: Final = """
How fast time entries reach an empty database from `tap-harvest` by a pipe, with objects flattened
into columns.
"""
ENGINES: Final = ("SQLite", "DuckDB")
FLATTENED: Final = {"flattening_enabled": True, "flattening_max_depth": 1}


def arguments(parser: ArgumentParser) -> None:
    """Size and repetition."""
    parser.add_argument("--time-entries", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3, help="so many; the median is shown")


def run(options: Namespace) -> Iterator[str]:
    """Write into each database."""
    rows = []
    with (
        tempfile.TemporaryDirectory() as name,
        served(time_entries=options.time_entries) as account,
    ):
        folder = Path(name)
        tap = tap_command(folder, account, {"time_entries"})
        for engine in ENGINES:
            empty = file_store(folder, engine.lower())
            found = middle(
                [
                    measure(tap, target_command(folder, empty(), **FLATTENED))
                    for _ in range(options.runs)
                ]
            )
            rows.append(
                (
                    engine,
                    f"{options.time_entries / found.seconds:,.0f}",
                    f"{found.seconds:.2f}",
                    f"{found.cpu_seconds[-1]:.2f}",
                    f"{found.peak_bytes[-1] / 1e6:.0f}",
                )
            )
    yield f"{options.time_entries:,} time entries, the median of {options.runs} runs:"
    yield table(("", "records/s", "seconds", "target's core-seconds", "target's MB"), rows)


SECTION: Final = Section(
    name="pipeline",
    title="From Harvest into a database",
    about=ABOUT,
    measure=run,
    arguments=arguments,
    packages=("singer-sdk", "SQLAlchemy", "duckdb"),
)
