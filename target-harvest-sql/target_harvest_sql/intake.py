"""Passes the records of RECORD messages and batch files on, as blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.exceptions import RecordsWithoutSchemaException
from singer_sdk.singerlib.exceptions import InvalidInputLine

from target_harvest_sql.reading import parts
from target_harvest_sql.reading.batch_files import BatchFileError, read_records
from target_harvest_sql.reading.messages import Message
from target_harvest_sql.records.blocks import Block, Moment, Origins

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_harvest_sql.destination import Destination
    from target_harvest_sql.records.blocks import Origin, Raw
    from target_harvest_sql.routes import Routes


class Intake:
    """Numbers the records of the input, and sends them to the sinks of their stream.

    Args:
        routes: The sinks of all streams.
        destination: What the run writes to.
        config: The settings.
        between_reads: Called after each piece of a batch file.
    """

    def __init__(
        self,
        routes: Routes,
        destination: Destination,
        config: Mapping[str, Any],
        between_reads: Callable[[], None],
    ) -> None:
        self._routes = routes
        self._dispatch = destination.dispatch
        self._proofs = destination.proofs
        self._keeps_records = destination.quarantine is not None
        self._limit_bytes: int = config["max_message_bytes"]
        self._storage = (config.get("batch_config") or {}).get("storage")
        self._between_reads = between_reads
        self._moment = Moment.now()

    def look_at_the_clock(self) -> None:
        """Note the time, which is when the next records are received."""
        self._moment = Moment.now()

    def take(self, messages: Sequence[Message], where: Origin) -> None:
        """Take consecutive RECORD messages of one stream.

        Args:
            messages: The messages.
            where: The place of the first one in the input.

        Raises:
            InvalidInputLine: If a message holds no record, or names no stream.
            InvalidRecord: If a record does not fit its schema, or the database.
            MappingError: If a stream map fails.
            MissingKeyPropertiesError: If a record lacks a key.
            RecordsWithoutSchemaException: If the schema of the stream has not come.
        """
        first = messages[0]
        if len(messages) == 1:
            parts.check_record(first, where)
        self._send(first, [message.record for message in messages], where)

    def take_files(self, message: Message, where: Origin) -> None:
        """Take the records of the files that a BATCH message names.

        Args:
            message: The message.
            where: Its place in the input.

        Raises:
            InvalidInputLine: If the message lacks a part, or a file cannot be read.
            InvalidRecord: As of `take`; so are the other errors of records.
        """
        stream = parts.stream_of(message, where)
        files, encoding = parts.files_of(message, where)
        of_records = Message(type="RECORD", stream=stream)
        for url in files:
            number = 0
            try:
                pieces = read_records(url, encoding, self._storage, self._limit_bytes)
                for number, records in pieces:
                    self._send(of_records, records, where, number)
                    self._between_reads()
            except BatchFileError as error:
                record = msgspec.structs.replace(where, number=number)
                raise InvalidInputLine(
                    f'{record}: a batch file of stream "{stream}" {error}.'
                ) from error

    def _send(
        self, message: Message, records: Sequence[Raw], where: Origin, number: int = 0
    ) -> None:
        """Send records to the sinks of their stream.

        Args:
            message: The message of the first record, or one for all records of a file.
            records: Consecutive records of the input or of the file.
            where: The place of the message in the input.
            number: Number of the first record in a batch file; 0 if they come from none.
        """
        first = msgspec.structs.replace(where, ordinal=self._dispatch.ordinal + 1, number=number)
        stream = parts.stream_of(message, first)
        if stream not in self._routes:
            raise RecordsWithoutSchemaException(
                f'{first}: a record of stream "{stream}" came before its schema. Correct '
                "the tap: it must write a SCHEMA message first."
            )
        self._dispatch.ordinal += len(records)
        if self._proofs is not None:
            self._proofs.last_ordinals[stream] = self._dispatch.ordinal
        kept = [*map(bytes, records)] if self._keeps_records else ()
        block = Block(
            records,
            Origins(first, range(len(records)), kept),
            message.version,
            message.time_extracted,
            self._moment,
        )
        self._routes.send(stream, block)
