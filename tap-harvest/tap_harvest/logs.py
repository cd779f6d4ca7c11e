"""The tap's logs: fewer lines of the SDK, no secrets, and no values of records.

The level DEBUG shows all lines of the SDK.
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
"""The format of a line. The SDK's format uses 62 of a terminal's 80 columns before the text."""
INDENT = " " * len("2031-04-09 16:20:05 WARNING ")
"""Begins the second and further lines of a text that is longer than the terminal."""


class _Calm(logging.Filter):
    """Filters the SDK's lines below WARNING in the logger that the SDK and the tap share."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.INFO or "singer_sdk" not in record.pathname


class _Lines(ConsoleFormatter):
    """Wraps lines between words."""

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
    """The columns of the terminal; 0 if standard error is no terminal, or its size is unknown."""
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
