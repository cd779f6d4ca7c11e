"""How many requests a sync takes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.measure import measure
from benchmarks.page import Section, table
from benchmarks.programs import last_state, settings_of, tap_command
from harvest_sandbox import Sandbox
from tap_harvest.reading.kinds import ExplodedStream
from tap_harvest.reading.nested import NestedStream
from tap_harvest.streams import STREAMS

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from tap_harvest.reading.stream import HarvestStream

ABOUT: Final = """
How many requests `tap-harvest` sends for an account of 10,000 time entries, 200 invoices, 50
estimates, 30 people and 500 expenses. The stand-in account enforces both of Harvest's budgets, so a
request too many in a window would be a 429. *Below a parent* are payments, messages, rates, project
assignments and teammates, of which Harvest shows one invoice's, estimate's or person's at a time.
Once in `reconcile_days` the messages of this account's 40 open invoices and 13 sent estimates cost
53 requests more.
Airbyte's figures are quoted from an earlier comparison on an account of the same size.
"""
TIME_ENTRIES: Final = 10_000
AIMS: Final = {False: (27, 22), True: (27 + 450 + 90, 22 + 90)}
"""The most requests of a first sync and of one with nothing new, by whether parents are asked."""
PEERS: Final = (("Airbyte source-harvest", 806, 576, "37"),)


def is_below(stream: type[HarvestStream]) -> bool:
    """Whether a stream is read parent by parent, or made from one that is."""
    above = stream.parent_stream_type if issubclass(stream, ExplodedStream) else stream
    return issubclass(above, NestedStream)


def selection(*, below: bool) -> set[str]:
    """The streams but for reports, with or without those below a parent."""
    return {
        stream.name
        for stream in STREAMS
        if not stream.path.startswith("/reports/") and (below or not is_below(stream))
    }


def count(options: Namespace) -> Iterator[str]:
    """Sync first, and again with nothing new, with and without what is below a parent."""
    del options
    head = ("", "first sync", "aim", "seconds", "nothing new", "aim", "seconds", "429s")
    rows = [(title(below=below), *synced(below=below)) for below in (False, True)]
    yield table(
        head,
        [
            *rows,
            *((name, first, "", "", again, "", "", seen) for name, first, again, seen in PEERS),
        ],
    )


def title(*, below: bool) -> str:
    """How the table calls a selection."""
    return "everything but reports" if below else "without reports and what is below a parent"


def synced(*, below: bool) -> list[object]:
    """The cells of a selection: requests, aim and seconds of both syncs, then 429s."""
    cells: list[object] = []
    state = None
    throttled = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for aim in AIMS[below]:
            # The same account each time, with the whole budget: as though a window had passed.
            with Sandbox(time_entries=TIME_ENTRIES, seed=1, budgets=True) as harvest:
                command = tap_command(
                    folder, settings_of(harvest), selection(below=below), state=state
                )
                run = measure(command, destination=folder / "messages.jsonl")
                state = last_state(folder / "messages.jsonl")
                cells += [len(harvest.requests), f"≤ {aim}", f"{run.seconds:.1f}"]
                throttled += sum(request.status == 429 for request in harvest.requests)
    return [*cells, throttled]


SECTION: Final = Section(
    name="requests",
    title="Requests",
    about=ABOUT,
    measure=count,
    packages=("singer-sdk", "requests"),
)
