"""Logs long waits for a budget."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LONG_SECONDS = 20
"""The shortest wait that is logged; waits for the general budget are shorter."""
REPEAT_SECONDS = 60
"""How often a wait is logged while it lasts."""

logger = logging.getLogger("tap-harvest.budget")


class WaitLog:
    """Logs the waits for a budget. Requests that wait together are one wait."""

    def __init__(self, requests: int, seconds: float, clock: Callable[[], float]) -> None:
        """Log nothing yet.

        Args:
            requests: Requests allowed in one window of the budget.
            seconds: Length of the window.
            clock: Tells the time in seconds; it never goes backwards.
        """
        self._requests = requests
        self._seconds = seconds
        self._clock = clock
        self._until = self._told_at = clock() - LONG_SECONDS
        self._waits = 0

    def note(self, seconds: float) -> None:
        """Note a wait that the caller logs."""
        self._waits += 1
        self._told_at = self._clock()
        self._until = self._told_at + seconds

    def tell(self, seconds: float, waits_to_come: int) -> None:
        """Log a long wait when it begins, and then every minute.

        Args:
            seconds: How long the wait still lasts.
            waits_to_come: How many waits the run still has, this one included.
        """
        if seconds < LONG_SECONDS:
            return
        now = self._clock()
        if now + seconds > self._until + LONG_SECONDS:
            self.note(seconds)
        elif now < self._told_at + REPEAT_SECONDS:
            return
        self._told_at = now
        logger.info(
            "Waiting for Harvest's budget: requests=%d in_seconds=%g wait=%d of=%d "
            "wait_seconds=%.0f until=%s",
            self._requests,
            self._seconds,
            self._waits,
            self._waits - 1 + waits_to_come,
            seconds,
            (datetime.now().astimezone() + timedelta(seconds=seconds)).isoformat(
                timespec="seconds"
            ),
        )
