"""Logs how far a long list is read."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging import Logger

    from tap_harvest.http.budget import Budget
    from tap_harvest.http.client import Client

PROGRESS_SECONDS = 5
"""The shortest time between two log lines."""


class Progress:
    """Logs, every few seconds, which stream is read, how much of it, and the time to go."""

    _told: ClassVar[float] = time.monotonic()

    def __init__(
        self,
        logger: Logger,
        label: str,
        what: str,
        *,
        client: Client,
        budget: Budget,
        reports_after: Callable[[], int],
    ) -> None:
        """Start to count the time.

        Args:
            logger: Gets the lines.
            label: The stream in logs.
            what: What is counted, such as rows.
            client: Knows how many requests were sent.
            budget: The budget of the stream's requests.
            reports_after: Gives the number of report requests that the run sends after the stream.
        """
        self._logger = logger
        self._label = label
        self._what = what
        self._client = client
        self._budget = budget
        self._reports_after = reports_after
        self._began = time.monotonic()
        self._held = budget.seconds_held
        self._requests = 0

    def tell(self, done: int, of: int) -> None:
        """Log the progress after one more request, unless a line was logged a short time ago.

        Args:
            done: How much is done.
            of: How much of it there is in all.
        """
        self._requests += 1
        now = time.monotonic()
        if now - Progress._told < PROGRESS_SECONDS or not done:
            return
        Progress._told = now
        self._logger.info(
            "Reading: stream=%s %s=%d of=%d requests=%d budget_left=%d seconds_to_go=%d",
            self._label,
            self._what,
            done,
            of,
            self._client.requests_of.total(),
            self._budget.left,
            self._seconds_to_go(now, max(of - done, 0) / done),
        )

    def _seconds_to_go(self, now: float, share: float) -> float:
        """The time for the requests that are left: those of this list and of all later reports.

        How many requests other lists take is not known before they are read.

        Args:
            now: The time.
            share: How much is left, as a multiple of what is done.
        """
        left, later = round(self._requests * share), self._reports_after()
        reports = self._client.budgets.reports
        if self._budget is reports:
            left, later = left + later, 0
        held = self._budget.seconds_held - self._held
        pace = max(now - self._began - held, 0) / self._requests
        seconds = max(self._budget.seconds_until(left), left * pace)
        return seconds + reports.seconds_until(later)
