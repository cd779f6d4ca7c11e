"""What of the SDK's logging a person need not read: the tap tells the same in fewer lines.

All of it is there at the level DEBUG.
"""

from __future__ import annotations

import logging
import os

from singer_sdk.logging import ConsoleFormatter
from typing_extensions import override

LINE = "{asctime} {levelname:<7} {message}"
"""How a line begins; the SDK's own beginning takes 62 of a terminal's 80 columns."""


class _Calm(logging.Filter):
    """Lets through what the SDK says only from WARNING on, by a logger that it shares with us."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.INFO or "singer_sdk" not in record.pathname


_CALM = _Calm()


def calm_down(logger: logging.Logger) -> None:
    """Quiet the SDK, unless the level is DEBUG.

    Metrics stay where a log configuration has a handler for them (`singer_sdk.metrics`).

    Args:
        logger: The tap's.
    """
    if logger.isEnabledFor(logging.DEBUG):
        logger.removeFilter(_CALM)
        return
    logger.addFilter(_CALM)
    logging.getLogger("singer_sdk").setLevel(logging.WARNING)
    metrics = logging.getLogger("singer_sdk.metrics")
    if not metrics.handlers:
        metrics.setLevel(logging.WARNING)


def shorten_lines() -> None:
    """Write `LINE` to the terminal, unless a log configuration decides on it, as Meltano's does."""
    if "SINGER_SDK_LOG_CONFIG" in os.environ:
        return
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, ConsoleFormatter):
            handler.setFormatter(ConsoleFormatter(fmt=LINE, datefmt="%Y-%m-%d %H:%M:%S"))
