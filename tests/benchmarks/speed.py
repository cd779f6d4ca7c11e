"""How many records a second pass through the tap."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.measure import measure, middle
from benchmarks.page import Section, table
from benchmarks.programs import served, tap_command

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

ABOUT: Final = """
How fast time entries pass through `tap-harvest`, from HTTP to a file of Singer messages, the start
of Python included. Harvest itself delivers at most 13,333 records a second: pages of 2,000 at 100
requests in 15 seconds. The aim is 13,400 on one core. Seconds include the wait for the stand-in
account, which works on another core; core-seconds are the tap's alone.
"""


def arguments(parser: ArgumentParser) -> None:
    """Size and repetition."""
    parser.add_argument("--time-entries", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3, help="so many; the median is shown")


def run(options: Namespace) -> Iterator[str]:
    """Read all entries as they come, with a field deselected, and from the parent for a child."""
    cases = {
        "time_entries": {"streams": {"time_entries"}},
        "time_entries and time_entry_external_references": {
            "streams": {"time_entries", "time_entry_external_references"}
        },
        "time_entries, with a stream map": {
            "streams": {"time_entries"},
            "stream_maps": {"time_entries": {"notes": "__NULL__"}},
        },
    }
    rows = []
    with (
        tempfile.TemporaryDirectory() as name,
        served(time_entries=options.time_entries) as account,
    ):
        folder = Path(name)
        for title, settings in cases.items():
            command = tap_command(folder, account, **settings)
            found = middle(
                [
                    measure(command, destination=folder / "messages.jsonl")
                    for _ in range(options.runs)
                ]
            )
            [cpu] = found.cpu_seconds
            rows.append(
                (
                    title,
                    f"{options.time_entries / found.seconds:,.0f}",
                    f"{options.time_entries / cpu:,.0f}",
                    f"{found.seconds:.2f}",
                    f"{cpu:.2f}",
                )
            )
    yield f"{options.time_entries:,} time entries, the median of {options.runs} runs:"
    yield table(
        ("", "records/s", "records per core-second", "seconds", "core-seconds"),
        rows,
    )


SECTION: Final = Section(
    name="speed",
    title="Records a second",
    about=ABOUT,
    measure=run,
    arguments=arguments,
    packages=("singer-sdk", "requests", "msgspec"),
)
