"""How fast entries reach a database, through the target alone and joined to the tap by a pipe."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.measure import Measurement, measure, middle
from benchmarks.page import Section, table
from benchmarks.programs import served, tap_command, target_command

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterator

ABOUT: Final = """
How fast time entries reach an empty database: from a file of Singer messages, and from
`tap-harvest` by a pipe.
"""
DATABASES: Final = {"SQLite": "sqlite:///{}/bench.db", "DuckDB": "duckdb:///{}/bench.duckdb"}


def arguments(parser: ArgumentParser) -> None:
    """Size and repetition."""
    parser.add_argument("--time-entries", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3, help="so many; the median is shown")


def run(options: Namespace) -> Iterator[str]:
    """Write into each database."""
    rows = []

    def add(title: str, once: Callable[[], Measurement]) -> None:
        found = middle([once() for _ in range(options.runs)])
        rows.append(
            (
                title,
                f"{options.time_entries / found.seconds:,.0f}",
                f"{found.seconds:.2f}",
                f"{found.cpu_seconds[-1]:.2f}",
                f"{found.peak_bytes[-1] / 1e6:.0f}",
            )
        )

    with (
        tempfile.TemporaryDirectory() as name,
        served(time_entries=options.time_entries) as account,
    ):
        folder = Path(name)
        messages = folder / "messages.jsonl"
        tap = tap_command(folder, account, {"time_entries"})
        measure(tap, destination=messages)
        for engine, url in DATABASES.items():
            add(
                f"file > target-harvest-sql, {engine}",
                lambda url=url: measure(target_command(folder, url), source=messages),
            )
            add(
                f"tap-harvest \\| target-harvest-sql, {engine}",
                lambda url=url: measure(tap, target_command(folder, url)),
            )
    yield f"{options.time_entries:,} time entries, the median of {options.runs} runs:"
    yield table(("", "records/s", "seconds", "target's core-seconds", "target's MB"), rows)


SECTION: Final = Section(
    name="target",
    title="Into a database",
    about=ABOUT,
    measure=run,
    arguments=arguments,
    packages=("singer-sdk", "SQLAlchemy", "duckdb"),
)
