"""How fast the target writes into a distributed table of Citus, beside plain PostgreSQL."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from benchmarks.measure import measure
from benchmarks.page import Section, table
from benchmarks.programs import target_command, time_entries_file
from benchmarks.stores import DATABASE, postgres_store
from servers.citus import citus_servers
from servers.postgres import private_server

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterator, Mapping

ABOUT: Final = """
A file of time entries, with thirty fields, is written into an empty database: of plain PostgreSQL,
and of a Citus cluster of a coordinator and two workers, with `distribute_by: key` and 32 shards.
All servers run on this machine, so the three nodes share its cores. They are the same build of
PostgreSQL, which must have Citus. The programs take turns. *Times* is the median of the ratios to
plain PostgreSQL in the same turn; the aim is 2 at most. The last line shows why the target has
Citus keep its connections to the workers: there, it keeps one of them, as is its default.
"""
ONE_KEPT: Final = "citus.max_cached_conns_per_worker=1"
LARGE: Final = {"batch_size_rows": 20_000, "batch_size_bytes": 32 * 1024 * 1024}


def arguments(parser: ArgumentParser) -> None:
    """Size, repetition, and the programs."""
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=3, help="so many; the median is shown")
    parser.add_argument(
        "--programs",
        type=Path,
        default=Path("/usr/lib/postgresql/15/bin"),
        help="the folder with the programs of a PostgreSQL that has Citus",
    )


def run(options: Namespace) -> Iterator[str]:
    """Write the file into each in turn."""
    with time_entries_file(options.records) as messages, ExitStack() as stack:
        plain = postgres_store(stack.enter_context(private_server(options.programs)).url)
        cluster = stack.enter_context(citus_servers(options.programs)).cluster

        def distributed() -> str:
            cluster.drop_database(DATABASE)
            return cluster.new_database(DATABASE)

        by_key, encoded = {"distribute_by": "key"}, ONE_KEPT.replace("=", "%3D")
        ways: Mapping[str, tuple[Callable[[], str], dict[str, Any]]] = {
            "PostgreSQL": (plain, {}),
            "Citus": (distributed, by_key),
            "Citus, `batch_size_rows: 20000`, `batch_size_bytes: 33554432`": (
                distributed,
                by_key | LARGE,
            ),
            f"Citus, `{ONE_KEPT}`": (lambda: f"{distributed()}?options=-c%20{encoded}", by_key),
        }
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(options.runs):
            for name, (empty, config) in ways.items():
                command = target_command(messages.parent, empty(), **config)
                taken[name].append(measure(command, source=messages).seconds)
    yield f"{options.records:,} time entries, the median of {options.runs} runs:"
    first = taken["PostgreSQL"]
    rows = [
        (
            name,
            f"{(seconds := median(found)):.1f}",
            f"{options.records / seconds:,.0f}",
            f"{median(a / b for a, b in zip(found, first, strict=True)):.1f}",
        )
        for name, found in taken.items()
    ]
    yield table(("", "seconds", "records/s", "times"), rows)


SECTION: Final = Section(
    name="citus",
    title="A Citus cluster",
    about=ABOUT,
    measure=run,
    arguments=arguments,
    packages=("psycopg",),
)
