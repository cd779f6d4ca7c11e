"""The metadata that an element of a batch carries beside its record."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from target_harvest_sql.records.moments import readable

if TYPE_CHECKING:
    import logging

    from target_harvest_sql.records.layout import Layout


class Moment(msgspec.Struct, frozen=True):
    """When something was received, as the metadata columns want it."""

    text: bytes
    """UTC, as a JSON string."""
    milliseconds: int
    """Since the epoch."""

    @classmethod
    def now(cls) -> Moment:
        """The present moment."""
        seconds = time.time()
        text = datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
        return cls(text=f'"{text}"'.encode(), milliseconds=round(seconds * 1000))


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
        self._layout: Layout
        self._version: int | None = None
        self._batched_at = b"null"
        self._last: tuple[Moment, str | None] | None = None
        """What the head was last written for."""
        self._head = b""
        self._warned = False

    def begin_table(self, layout: Layout) -> None:
        """Note what stands around a record in the elements of the table."""
        self._layout = layout
        self._last = None

    def begin_batch(self, moment: Moment, version: int | None) -> None:
        """Note when the first record of a batch was received, and the version of the batch."""
        self._batched_at = moment.text
        self._version = version
        self._last = None

    def add_to(
        self, record: bytes, moment: Moment, extracted_at: str | None, origin: object
    ) -> bytes:
        """Make an element of a record and its metadata.

        Args:
            record: What stands for the record in the element.
            moment: When the record was received.
            extracted_at: When the tap read the record; null if it is no date-time.
            origin: Where the record came from, for a warning.
        """
        if (moment, extracted_at) != self._last:
            self._last = (moment, extracted_at)
            self._head = self._layout.head % (
                msgspec.json.encode(self._readable(extracted_at, origin)),
                moment.text,
                self._batched_at,
                b"%d" % moment.milliseconds,
                msgspec.json.encode(self._version),
                b"%d" % self._started_at,
            )
        return b"%b%b%b" % (self._head, record, self._layout.end)

    def _readable(self, extracted_at: str | None, origin: object) -> str | None:
        """Leave out a `time_extracted` that is no date-time; it is no reason to lose a record."""
        told = None if extracted_at is None else readable(extracted_at)
        if told is None and extracted_at is not None and not self._warned:
            self._warned = True
            self._logger.warning(
                "Stream %s sends a `time_extracted` that is no date-time (first: %s); "
                "`_sdc_extracted_at` is null there. Correct the tap.",
                self._stream,
                origin,
            )
        return told
