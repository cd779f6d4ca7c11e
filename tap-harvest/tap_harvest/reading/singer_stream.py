"""The bridge to the SDK: what it calls on a stream, and how a stream writes its messages.

The SDK calls methods of the stream, so only a subclass of its class can say what they do.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from singer_sdk import Stream
from singer_sdk.helpers.conform import TypeConformanceLevel
from typing_extensions import override

from tap_harvest.writer import BufferedWriter

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.singerlib import RecordMessage


class SingerStream(Stream):
    """A stream that reads itself page by page, and writes its own messages.

    The SDK would take one record at a time, and decide itself when a bookmark moves.
    """

    # Records are JSON already, and conforming would remove keys that the schema does not know yet.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    @abstractmethod
    def read(self) -> None:
        """Read the stream and all that hangs on it, and write the records and the state."""

    @property
    def is_trial(self) -> bool:
        """Whether only a few rows are wanted (`--test`), so that no request is sent early."""
        return self.ABORT_AT_RECORD_COUNT is not None

    # Messages

    @property
    def version(self) -> int | None:
        """The version that further records get; `None` for none."""
        return self._stream_version

    @version.setter
    def version(self, version: int | None) -> None:
        self._stream_version = version

    def write_message(self, message: RecordMessage) -> None:
        """Write a message as it is."""
        self._tap.write_message(message)

    def write_mapped(self, record: Record) -> None:
        """Write a record as `stream_maps` and the catalog change it."""
        self._write_record_message(record)

    def flush(self) -> None:
        """Send what was written while the next page is waited for."""
        if isinstance(self._tap.message_writer, BufferedWriter):
            self._tap.message_writer.flush()

    def activate_version(self, version: int) -> None:
        """Tell targets that rows of earlier versions were deleted."""
        self._write_activate_version_message(version)

    def write_state(self) -> None:
        """Write the state of the whole tap."""
        # The SDK also writes empty entries, for streams without a bookmark.
        if self.tap_state:
            self._tap.state_writer.write_state(self.tap_state)

    # What the SDK calls

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        # The SDK wants a generator of records. Ours are written page by page instead.
        yield from ()
        for below in self.descendent_streams:
            if below.selected:
                below._write_schema_message()  # noqa: SLF001  # The SDK writes only the parent's.
        self.read()

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        message = "`read` writes the records page by page."
        raise NotImplementedError(message)

    @override
    def _write_state_message(self) -> None:
        self.write_state()

    # What the SDK would do, and these streams do in their own way

    @property
    @override
    def emit_activate_version_messages(self) -> bool:
        # The SDK activates a version before its first record.
        return False

    @override
    def finalize_state_progress_markers(self, state: dict[str, Any] | None = None) -> None:
        # There are no progress markers: a bookmark is put into the state when it is final.
        pass

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        # Harvest's clock limits the bookmark, not the clock of this machine.
        return None

    @override
    def get_batch_config(self, config: Mapping[str, Any]) -> None:
        # BATCH files are not offered: records leave as the bytes that came.
        return None

    @override
    def log(self, message: str, *args: Any, level: int = logging.INFO, **kwargs: Any) -> None:
        # The command line logs errors, and the summary says what was read. The SDK would repeat
        # both here.
        if level < logging.ERROR:
            super().log(message, *args, level=min(level, logging.DEBUG), **kwargs)
