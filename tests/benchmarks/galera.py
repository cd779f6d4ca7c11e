"""How fast the target writes into a Galera cluster, beside a single MariaDB server."""

from __future__ import annotations

from contextlib import ExitStack
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.measure import measure
from benchmarks.page import Section, table
from benchmarks.programs import target_command, time_entries_file
from benchmarks.stores import mariadb_store
from servers.galera import galera_cluster, galera_data
from servers.mariadb import mariadb_server

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

ABOUT: Final = """
A file of time entries, with thirty fields, is written into an empty database: of a single MariaDB
server, and of a Galera cluster of three nodes through one of them. All servers run on this machine,
so the three nodes share its cores. The programs take turns.
"""


def arguments(parser: ArgumentParser) -> None:
    """Size and repetition."""
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=3, help="so many; the median is shown")


def run(options: Namespace) -> Iterator[str]:
    """Write the file into both in turn."""
    with time_entries_file(options.records) as messages, ExitStack() as stack:
        data = stack.enter_context(galera_data())
        nodes = stack.enter_context(galera_cluster(data))
        servers = {
            "a single server": mariadb_store(stack.enter_context(mariadb_server())),
            "Galera, three nodes": mariadb_store(nodes[0].url("").rstrip("/")),
        }
        taken: dict[str, list[float]] = {name: [] for name in servers}
        for _ in range(options.runs):
            for name, empty in servers.items():
                command = target_command(messages.parent, empty())
                taken[name].append(measure(command, source=messages).seconds)
    yield f"{options.records:,} time entries, the median of {options.runs} runs:"
    rows = [
        (name, f"{(seconds := median(found)):.1f}", f"{options.records / seconds:,.0f}")
        for name, found in taken.items()
    ]
    yield table(("", "seconds", "records/s"), rows)


SECTION: Final = Section(
    name="galera",
    title="A Galera cluster",
    about=ABOUT,
    measure=run,
    arguments=arguments,
    packages=("PyMySQL",),
)
