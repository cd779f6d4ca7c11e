"""The time that a statement may take. A slow one is logged. One that is too slow is ended."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator
    from typing import Self

ANSWER_SECONDS = 300
"""How long the database may take for a statement of a batch."""
CHANGE_SECONDS = 6 * 3600
"""How long the database may take to change a table. It may have to rewrite all rows."""
OPEN_SECONDS = 30
"""How long the database may take for the first statements of a connection."""
TELL_SECONDS: Final = 10
"""How long a statement may take before a warning. Each next warning comes after twice the time."""
LOOK_SECONDS: Final = 0.5
"""How many seconds pass between two checks of a statement."""


class Wait:
    """Watches from a thread how long statements wait for the database.

    Args:
        doing: What the database was asked to do.
        logger: Gets the warnings.
        limit_seconds: How long one statement may take.
        abort: Called when a statement takes longer; makes the statement fail.
    """

    def __init__(
        self, doing: str, logger: logging.Logger, limit_seconds: float, abort: Callable[[], None]
    ) -> None:
        self._doing = doing
        self._logger = logger
        self._limit_seconds = limit_seconds
        self._abort = abort
        self._began = time.monotonic()
        self._ended = threading.Event()

    @contextmanager
    def watching(self) -> Iterator[Self]:
        """Watch the statements of a `with` block."""
        threading.Thread(target=self._watch, daemon=True).start()
        try:
            yield self
        finally:
            self._ended.set()

    def begin(self) -> None:
        """Count from zero: the next statement begins."""
        self._began = time.monotonic()

    def _watch(self) -> None:
        told = 0.0
        while not self._ended.wait(LOOK_SECONDS):
            waited = time.monotonic() - self._began
            if waited < told:
                told = 0
            if waited >= self._limit_seconds:
                self._logger.warning(
                    "The database did not answer for %.0f seconds, so the connection is given up. "
                    "The database was asked to %s.",
                    waited,
                    self._doing,
                )
                self._abort()
                return
            if waited >= max(TELL_SECONDS, told * 2):
                told = waited
                self._logger.warning(
                    "Waiting for the database for %.0f seconds, to %s. Another program may hold "
                    "the rows or the table, or the server does not answer.",
                    waited,
                    self._doing,
                )
