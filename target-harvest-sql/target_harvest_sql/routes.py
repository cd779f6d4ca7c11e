"""Where the records of a stream go: to the sinks that stream maps name, or to its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.exceptions import MappingError

from target_harvest_sql.records.raw import decode_exactly

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_harvest_sql.reading.messages import Message
    from target_harvest_sql.records.metadata import Moment
    from target_harvest_sql.sink import SQLSink
    from target_harvest_sql.writing.bad_rows import Origin


class Route(msgspec.Struct, frozen=True):
    """The way of a stream's records to one sink."""

    sink: SQLSink
    transform: Callable[[dict[str, Any]], dict[str, Any] | None] | None
    """A stream map, if there is one."""

    def send_mapped(self, record: bytes, message: Message, moment: Moment, origin: Origin) -> None:
        """Apply the stream map to a record, and add what it makes to the sink.

        Raises:
            InvalidRecord: If the record does not fit its schema.
            MappingError: If the map fails.
            MissingKeyPropertiesError: If the record lacks a key.
        """
        try:
            decoded = decode_exactly(record)
        except (msgspec.DecodeError, RecursionError):
            decoded = None
        if decoded is None:  # The sink says what is wrong with it.
            self.sink.add(record, message.version, message.time_extracted, moment, origin)
            return
        transformed = self._transformed(decoded, origin)
        if transformed is not None:
            context = {
                "version": message.version,
                "extracted_at": message.time_extracted,
                "moment": moment,
                "origin": origin,
            }
            self.sink.process_record(transformed, context)

    def _transformed(self, decoded: Any, origin: Origin) -> dict[str, Any] | None:
        """Apply the stream map; none if it leaves the record out."""
        try:
            return self.transform(decoded) if self.transform else decoded
        except Exception as error:  # An expression of a map may raise whatever it likes.
            # Only the message of a `MappingError` is sure to hold no value.
            told = str(error).rstrip(".") if isinstance(error, MappingError) else ""
            reason = told or type(error).__name__
            raise MappingError(
                f'{origin} of stream "{self.sink.stream_name}" cannot be mapped: {reason}. '
                "Correct `stream_maps` or the tap."
            ) from error
