"""What of the SDK's logging a person need not read: the target tells the same in fewer lines.

All of it is there at the level DEBUG.
"""

from __future__ import annotations

import logging
import os
import sys
import textwrap

from singer_sdk.logging import ConsoleFormatter
from typing_extensions import override

LINE = "{asctime} {levelname:<7} {message}"
"""How a line begins; the SDK's own beginning takes 62 of a terminal's 80 columns."""
INDENT = " " * len("2031-04-09 16:20:05 WARNING ")
"""How it goes on where it is longer than the terminal: below its own text."""


class _Calm(logging.Filter):
    """Lets through what the SDK says only from WARNING on, by a logger that it shares with us."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.INFO or "singer_sdk" not in record.pathname


class _Lines(ConsoleFormatter):
    """Breaks a line between words where the terminal would break it within one."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        columns = _columns()
        if not columns or "\n" in text:  # A table or a traceback has lines of its own.
            return text
        return textwrap.fill(
            text,
            columns,
            subsequent_indent=INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )


def _columns() -> int:
    """How many columns the terminal has; 0 where standard error is none, or says nothing."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except (AttributeError, OSError, ValueError):  # It may be closed.
        return 0


_CALM = _Calm()


def calm_down(logger: logging.Logger) -> None:
    """Quiet the SDK, unless the level is DEBUG.

    Metrics stay where a log configuration has a handler for them (`singer_sdk.metrics`).

    Args:
        logger: The target's.
    """
    logging.getLogger("singer_sdk.mapper").setLevel(logging.INFO)  # Its DEBUG lines hold values.
    if logger.isEnabledFor(logging.DEBUG):
        logger.removeFilter(_CALM)
        return
    logger.addFilter(_CALM)
    metrics = logging.getLogger("singer_sdk.metrics")
    if not metrics.handlers:
        metrics.setLevel(logging.WARNING)


def shorten_lines() -> None:
    """Write `LINE` to the terminal, unless a log configuration decides on it, as Meltano's does."""
    if "SINGER_SDK_LOG_CONFIG" in os.environ:
        return
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, ConsoleFormatter):
            handler.setFormatter(_Lines(fmt=LINE, datefmt="%Y-%m-%d %H:%M:%S"))
