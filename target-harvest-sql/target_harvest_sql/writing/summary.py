"""The counts of a run, for the log."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging


class Summary:
    """Counts what a run writes, and logs it at the end.

    Args:
        logger: Gets the counts.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self.records: Counter[str] = Counter()
        """How many records were handed over to be written, by stream."""
        self.rounded: Counter[str] = Counter()
        """How many values were rounded, by stream."""
        self._logger = logger
        self._began = time.monotonic()

    def log_records(self, *, is_complete: bool) -> None:
        """Log how many records were written.

        Args:
            is_complete: Whether the input was read to its end.
        """
        for stream, count in self.records.items():
            self._logger.debug("Wrote stream: stream=%s records=%d", stream, count)
        total = self.records.total()
        if is_complete or total:
            self._logger.info(
                "Wrote %s: streams=%d records=%d seconds=%.1f",
                "all" if is_complete else "what was read until then",
                *(len(self.records), total, time.monotonic() - self._began),
            )

    def warn_of_rounded(self) -> None:
        """Log once how many values were rounded."""
        for stream, count in self.rounded.items():
            self._logger.warning(
                "Stream %s: %d values were rounded or cut, as `on_inexact: round` asks.",
                stream,
                count,
            )
        self.rounded.clear()
