"""How far a run is, for the people who watch it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from tap_harvest.reading.stream import HarvestStream

PROGRESS_SECONDS = 5
"""How often a long list tells how far it is, at most."""


class Progress:
    """Tells, every few seconds, how far a run is: which stream it reads, and how much of it."""

    _told: ClassVar[float] = time.monotonic()

    def __init__(self, stream: HarvestStream, what: str) -> None:
        """Begin to count the time.

        Args:
            stream: The stream that is read.
            what: What is counted, such as rows.
        """
        self._stream = stream
        self._what = what
        self._began = time.monotonic()

    def tell(self, done: int, of: int) -> None:
        """Log what is done, if the last time was long enough ago."""
        now = time.monotonic()
        if now - Progress._told < PROGRESS_SECONDS or not done:
            return
        Progress._told = now
        client = self._stream.account.client
        self._stream.logger.info(
            "Reading: stream=%s %s=%d of=%d requests=%d budget_left=%d seconds_to_go=%d",
            self._stream.label,
            self._what,
            done,
            of,
            client.requests_of.total(),
            self._stream.budget.left,
            (now - self._began) * (of - done) / done,
        )
