"""What of the SDK's logging a person need not read: the target tells the same in fewer lines.

All of it is there at the level DEBUG.
"""

from __future__ import annotations

import logging

from typing_extensions import override


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
        logger: The target's.
    """
    if logger.isEnabledFor(logging.DEBUG):
        logger.removeFilter(_CALM)
        return
    logger.addFilter(_CALM)
    metrics = logging.getLogger("singer_sdk.metrics")
    if not metrics.handlers:
        metrics.setLevel(logging.WARNING)
