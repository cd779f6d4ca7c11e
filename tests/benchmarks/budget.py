"""How much of Harvest's budget a sync uses that needs a request for each invoice."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.measure import measure
from benchmarks.page import Section, table
from benchmarks.programs import settings_of, tap_command
from harvest_sandbox import Sandbox

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator, Sequence

    from harvest_sandbox.request import Request

ABOUT: Final = """
How much of Harvest's budget of 100 requests in 15 seconds `tap-harvest` uses while it reads the
payments and messages of each invoice, two requests for each. Every answer takes 300 ms, and the
stand-in account enforces the budget, so a request too many in a window would be a 429. The aim is
95 % from the second window on: the first has the whole budget from its beginning.
"""
LATENCY_SECONDS: Final = 0.3
WINDOW_SECONDS: Final = 15
BUDGET: Final = 100
ENTRIES_PER_INVOICE: Final = 50
"""How many time entries the stand-in account has for each invoice."""


def arguments(parser: ArgumentParser) -> None:
    """Size, and how many requests are under way at once."""
    parser.add_argument("--invoices", type=int, default=600)
    parser.add_argument(
        "--at-once",
        type=int,
        nargs="+",
        default=[1, 4],
        help="values of `max_concurrent_requests`; each takes minutes",
    )


def run(options: Namespace) -> Iterator[str]:
    """Read the account with each number of requests at once."""
    head = (
        "`max_concurrent_requests`",
        *("requests", "seconds", "full windows", "least used in one", "used from the second on"),
        "429s",
    )
    yield f"{options.invoices:,} invoices:"
    yield table(
        head, [(f"{at_once}", *synced(options.invoices, at_once)) for at_once in options.at_once]
    )


def synced(invoices: int, at_once: int) -> list[object]:
    """The cells of a sync: requests, seconds, windows, what of their budget was used, 429s."""
    with (
        tempfile.TemporaryDirectory() as name,
        Sandbox(
            time_entries=invoices * ENTRIES_PER_INVOICE,
            budgets=True,
            latency_seconds=LATENCY_SECONDS,
        ) as harvest,
    ):
        command = tap_command(
            Path(name),
            settings_of(harvest),
            {"invoice_payments", "invoice_messages"},
            max_concurrent_requests=at_once,
        )
        found = measure(command)
        used = by_window(harvest.requests)[1:]
        return [
            f"{len(harvest.requests):,}",
            f"{found.seconds:.0f}",
            len(used) + 1,
            f"{min(used) / BUDGET:.0%}",
            f"{sum(used) / len(used) / BUDGET:.1%}",
            sum(request.status == 429 for request in harvest.requests),
        ]


def by_window(requests: Sequence[Request]) -> list[int]:
    """How many requests arrived in each window that was over before the last of them."""
    begun, ended = requests[0].at, requests[-1].at
    counts = [0] * int((ended - begun) // WINDOW_SECONDS)
    for request in requests:
        window = int((request.at - begun) // WINDOW_SECONDS)
        if window < len(counts):
            counts[window] += 1
    return counts


SECTION: Final = Section(
    name="budget",
    title="Budget",
    about=ABOUT,
    measure=run,
    arguments=arguments,
    packages=("singer-sdk", "requests"),
)
