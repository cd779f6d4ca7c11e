"""Retries after transient errors."""

from __future__ import annotations

import logging
import math
import random
import time
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from target_harvest_sql.database.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

RETRY_SECONDS = 60
"""How long a call is repeated after transient errors."""
MAX_PAUSE_SECONDS = 10
"""The longest pause between two tries."""


class Retries:
    """Repeats a call after a transient error. The pauses between tries grow.

    Args:
        logger: Gets a warning for each new error, and a debug line for each repeated one.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._told = ""  # The error of the last line.

    def run(self, call: Callable[[], Result]) -> Result:
        """Repeat a call until there is no transient error, for `RETRY_SECONDS` at most.

        The time counts from the first error. So even after a first try that took long, there is a
        second one.

        Raises:
            TransientError: If the last try fails as well.
        """
        deadline = math.inf
        for tries in count():
            try:
                return call()
            except TransientError as error:
                now = time.monotonic()
                deadline = min(deadline, now + RETRY_SECONDS)
                pause = random.uniform(0, min(0.1 * 2**tries, MAX_PAUSE_SECONDS))  # noqa: S311 - no secret.
                if now + pause >= deadline:
                    raise
                self._log(error, pause, is_first=not tries)
                time.sleep(pause)
        raise AssertionError

    def _log(self, error: TransientError, pause: float, *, is_first: bool) -> None:
        is_news = is_first or str(error) != self._told
        self._told = str(error)
        self._logger.log(
            logging.WARNING if is_news else logging.DEBUG,
            "%s Trying again in %.1f seconds, and for %d seconds at most.",
            error,
            pause,
            RETRY_SECONDS,
        )
