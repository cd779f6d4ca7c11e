"""Logs how far a long list is read."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from logging import Logger

    from tap_harvest.http.budget import Budget
    from tap_harvest.http.client import Client

PROGRESS_SECONDS = 5
"""The shortest time between two log lines."""


class Progress:
    """Logs, every few seconds, which stream is read, and how much of it."""

    _told: ClassVar[float] = time.monotonic()

    def __init__(
        self, logger: Logger, label: str, what: str, *, client: Client, budget: Budget
    ) -> None:
        """Start to count the time.

        Args:
            logger: Gets the lines.
            label: The stream in logs.
            what: What is counted, such as rows.
            client: Knows how many requests were sent.
            budget: The budget of the stream's requests.
        """
        self._logger = logger
        self._label = label
        self._what = what
        self._client = client
        self._budget = budget
        self._began = time.monotonic()

    def tell(self, done: int, of: int) -> None:
        """Log what is done, unless a line was logged a short time ago."""
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
            (now - self._began) * (of - done) / done,
        )
