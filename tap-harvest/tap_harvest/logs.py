"""How the tap logs: fewer lines of the SDK's, no secrets, and no values of records.

All lines of the SDK's are there at the level DEBUG.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import textwrap
import traceback
from typing import Any

from singer_sdk.logging import ConsoleFormatter
from typing_extensions import override

from tap_harvest.http.secrets import redacted

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
    except (OSError, ValueError):
        return 0


class _RedactedRecord(logging.LogRecord):
    """A log record without secrets, whichever library logs it and whichever handler writes it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        with contextlib.suppress(TypeError, ValueError, KeyError):  # Logging reports these itself.
            text = self.getMessage()
            if (safe := redacted(text)) != text:
                self.msg, self.args = safe, ()
        if self.exc_info and self.exc_info[1] is not None:
            # The messages of the exceptions may quote secrets and values of records.
            self.exc_text, self.exc_info = frames_of(self.exc_info[1]), None


def frames_of(error: BaseException) -> str:
    """Where in the code an error and its causes arose: their kinds and frames, no messages."""
    found: list[str] = []
    link: BaseException | None = error
    while link is not None:
        frames = "".join(traceback.format_tb(link.__traceback__))
        found.append(f"Traceback (most recent call last):\n{frames}{type(link).__qualname__}")
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return "\n\nwhich led to:\n\n".join(reversed(found))


_CALM = _Calm()


def calm_down(logger: logging.Logger) -> None:
    """Quiet the SDK, unless the level is DEBUG; keep secrets out of all logs of the process.

    Metrics stay where a log configuration has a handler for them (`singer_sdk.metrics`).

    Args:
        logger: The tap's.
    """
    logging.setLogRecordFactory(_RedactedRecord)
    logging.getLogger("singer_sdk.mapper").setLevel(logging.INFO)  # Its DEBUG lines hold values.
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
            handler.setFormatter(_Lines(fmt=LINE, datefmt="%Y-%m-%d %H:%M:%S"))
