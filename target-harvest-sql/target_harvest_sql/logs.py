"""Filters SDK log lines that users do not need, and shortens the lines of a terminal.

At level DEBUG, nothing is filtered.
"""

from __future__ import annotations

import logging
import os
import sys
import textwrap

from singer_sdk.logging import ConsoleFormatter
from typing_extensions import override

LINE = "{asctime} {levelname:<7} {message}"
"""The format of a line. The prefix of the SDK takes 62 of the 80 columns of a terminal."""
INDENT = " " * len("2031-04-09 16:20:05 WARNING ")
"""The indent of a continued line: below the text of the first one."""


class _Calm(logging.Filter):
    """Drops lines of the SDK below WARNING. The SDK uses the logger of the target as well."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.INFO or "singer_sdk" not in record.pathname


class _Lines(ConsoleFormatter):
    """Breaks long lines between words. A terminal would break them within a word."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        columns = _columns()
        if not columns or "\n" in text:  # Tables and tracebacks stay as they are.
            return text
        return textwrap.fill(
            text,
            columns,
            subsequent_indent=INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )


def _columns() -> int:
    """The number of columns of the terminal; 0 if standard error is not a terminal."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except (AttributeError, OSError, ValueError):  # Standard error may be closed.
        return 0


_CALM = _Calm()


def calm_down(logger: logging.Logger) -> None:
    """Filter the lines of the SDK, unless the level is DEBUG.

    Metrics are logged if a log configuration has a handler for them (`singer_sdk.metrics`).

    Args:
        logger: The logger of the target.
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
    """Use the format `LINE`, unless there is a log configuration, as under Meltano."""
    if "SINGER_SDK_LOG_CONFIG" in os.environ:
        return
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, ConsoleFormatter):
            handler.setFormatter(_Lines(fmt=LINE, datefmt="%Y-%m-%d %H:%M:%S"))
