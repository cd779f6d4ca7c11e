"""The table at the end of a run: one line for each stream."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tap_harvest.http.client import Client

NOTHING = "-"
"""Stands for a missing figure."""


@dataclass
class Tally:
    """What a run did for one stream: the figures of its line.

    Attributes:
        rows: Records sent.
        changed: How many of them are new or changed since the bookmark; `None` if unknown.
        seconds: How long its list was read; 0 if it comes from another stream's list.
        is_read: Whether it was read to its end.
        note: What else a person should know, such as why the stream was skipped.
    """

    rows: int = 0
    changed: int | None = None
    seconds: float = 0
    is_read: bool = False
    note: str = ""

    @property
    def is_begun(self) -> bool:
        """Whether the run began to read it."""
        return self.is_read or bool(self.note or self.rows or self.seconds)

    @property
    def outcome(self) -> str:
        """What a person should know beside the figures; empty if the stream was read."""
        if self.note or self.is_read:
            return self.note
        return "unfinished" if self.is_begun else "not read"


@contextmanager
def summed_up(
    heading: str,
    tallies: Mapping[str, Tally],
    client_of: Callable[[], Client],
    logger: logging.Logger,
) -> Iterator[None]:
    """Log the table at the end of a run, also after an error or a signal.

    Args:
        heading: The first line of the table if the run is complete.
        tallies: The streams that are to be read, in order.
        client_of: Gives the client that sent the requests.
        logger: Gets the table. It gets none if the run ended before it began to read a stream.
    """
    began = time.monotonic()
    is_complete = False
    try:
        yield
        is_complete = True
    finally:
        if is_complete or any(tally.is_begun for tally in tallies.values()):
            client = client_of()
            logger.info(
                "%s",
                summary(
                    heading if is_complete else "Ended early; until then:",
                    tallies,
                    client.requests_of,
                    seconds=time.monotonic() - began,
                    seconds_held=client.budgets.seconds_held,
                    repeats=client.repeats,
                ),
            )


def summary(
    heading: str,
    tallies: Mapping[str, Tally],
    requests_of: Mapping[str, int],
    *,
    seconds: float,
    seconds_held: float,
    repeats: int,
) -> str:
    """The table at the end of a run. Without notes, its lines fit into 80 columns.

    Args:
        heading: Its first line.
        tallies: The streams that were to be read, in order.
        requests_of: Requests sent, by stream; it can have other names too.
        seconds: How long the run took.
        seconds_held: How long requests waited for the budgets.
        repeats: How many of the requests were retries.
    """
    others = {name: sent for name, sent in requests_of.items() if name not in tallies}
    told = [tally.changed for tally in tallies.values() if tally.changed is not None]
    total = (
        sum(tally.rows for tally in tallies.values()),
        sum(told) if told else None,
        sum(requests_of.values()),
        seconds,
    )
    lines = [
        heading,
        _line("stream", ("rows", "changed", "requests", "seconds")),
        *(_stream(name, tally, requests_of.get(name)) for name, tally in tallies.items()),
    ]
    if others:
        lines.append(_line("(what they need)", _figures(None, None, sum(others.values()), None)))
    read = sum(tally.is_read for tally in tallies.values())
    lines.append(_line(f"total of {read} streams", _figures(*total)))
    lines.append(f"Waited {seconds_held:,.1f} s for the budgets; requests repeated: {repeats:,}")
    return "\n".join(lines)


def _stream(name: str, tally: Tally, requests: int | None) -> str:
    if tally.outcome and not tally.rows:
        return f"{name:<32}{tally.outcome}"
    *figures, seconds = _figures(
        tally.rows, tally.changed, requests, tally.seconds if requests else None
    )
    if tally.is_read or tally.note:
        return _line(name, (*figures, seconds), tally.note)
    return _line(name, (*figures, tally.outcome))  # In the place of the seconds, where it fits.


def _figures(
    rows: int | None, changed: int | None, requests: int | None, seconds: float | None
) -> Iterator[str]:
    for count in (rows, changed, requests):
        yield NOTHING if count is None else f"{count:,}"
    yield NOTHING if seconds is None else f"{seconds:,.1f}"


def _line(name: str, figures: Iterable[str], note: str = "") -> str:
    columns = "".join(f"{figure:>11}" for figure in figures)
    return f"{name:<32}{columns}  {note}".rstrip()
