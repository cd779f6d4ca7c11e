"""How much memory the tap takes, however long a list is."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.measure import measure
from benchmarks.page import Section, table
from benchmarks.programs import served, tap_command

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

ABOUT: Final = """
The largest resident set of `tap-harvest` while it reads a list of time entries. The aim is less
than 150 MB, whatever the length. From 200,000 entries on, Harvest's budget of requests decides how
long it takes.
"""
SIZES: Final = (10_000, 100_000)
LARGE: Final = 1_000_000


def arguments(parser: ArgumentParser) -> None:
    """Size."""
    parser.add_argument(
        "--large",
        action="store_true",
        help=f"also {LARGE:,} entries: the stand-in account takes a minute and a gigabyte for them",
    )


def run(options: Namespace) -> Iterator[str]:
    """Read lists of several lengths."""
    rows = []
    for entries in (*SIZES, LARGE) if options.large else SIZES:
        with (
            tempfile.TemporaryDirectory() as name,
            served(time_entries=entries, budgets=True) as account,
        ):
            found = measure(tap_command(Path(name), account, {"time_entries"}))
            [peak] = found.peak_bytes
            rows.append((f"{entries:,}", f"{peak / 1e6:.0f}", f"{found.seconds:.1f}"))
    yield table(("time entries", "MB", "seconds"), rows)


SECTION: Final = Section(
    name="memory",
    title="Memory",
    about=ABOUT,
    measure=run,
    arguments=arguments,
    packages=("singer-sdk", "requests", "msgspec"),
)
