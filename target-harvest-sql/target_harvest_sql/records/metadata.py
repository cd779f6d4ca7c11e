"""The metadata that an element of a batch carries beside its record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_harvest_sql.records.moments import readable

if TYPE_CHECKING:
    import logging

    from target_harvest_sql.records.blocks import Block, Moment
    from target_harvest_sql.records.plan import Plan


class Metadata:
    """Writes the metadata of the records of one stream.

    Args:
        stream: Name of the stream, for warnings.
        logger: Gets a warning for the first `time_extracted` that is no date-time.
        started_at: When the run began, in milliseconds since the epoch.
    """

    def __init__(self, stream: str, logger: logging.Logger, started_at: int) -> None:
        self._stream = stream
        self._logger = logger
        self._started_at = started_at
        self._form = b""
        self._version: int | None = None
        self._batched_at = b"null"
        self._last: tuple[Moment, str | None] | None = None
        """What the head was last written for."""
        self._head = b""
        self._warned = False

    def begin_table(self, plan: Plan) -> None:
        """Note what the elements of a table hold of the metadata."""
        self._form = plan.layout.head if plan.has_metadata else b""
        self._head = b""
        self._last = None

    def begin_batch(self, moment: Moment, version: int | None) -> None:
        """Note when the first record of a batch was received, and the version of the batch."""
        self._batched_at = moment.text
        self._version = version
        self._last = None

    def head(self, block: Block) -> bytes:
        """Write the metadata of the records of a block, as their elements hold them.

        `_sdc_extracted_at` is null if the `time_extracted` of the messages is no date-time.
        """
        if self._form and (block.moment, block.extracted_at) != self._last:
            self._last = (block.moment, block.extracted_at)
            self._head = self._form % (
                msgspec.json.encode(self._readable(block)),
                block.moment.text,
                self._batched_at,
                b"%d" % block.moment.milliseconds,
                msgspec.json.encode(self._version),
                b"%d" % self._started_at,
            )
        return self._head

    def _readable(self, block: Block) -> str | None:
        """Leave out a `time_extracted` that is no date-time; it is no reason to lose a record."""
        sent = block.extracted_at
        written = None if sent is None else readable(sent)
        if written is None and sent is not None and not self._warned:
            self._warned = True
            self._logger.warning(
                "Stream %s sends a `time_extracted` that is no date-time (first: %s); "
                "`_sdc_extracted_at` is null there. Correct the tap.",
                self._stream,
                block.origins[0],
            )
        return written
