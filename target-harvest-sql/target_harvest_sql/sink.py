"""One stream: its table, the judge of its records, and its batch.

A record stays the bytes that the tap wrote. An element of a batch carries the record, and its
metadata if the table has columns for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from singer_sdk.exceptions import InvalidRecord, MissingKeyPropertiesError
from singer_sdk.sinks import Sink
from typing_extensions import override

from target_harvest_sql.database.stream_table import StreamTable
from target_harvest_sql.records.inexact import InexactValues
from target_harvest_sql.records.judge import Judge
from target_harvest_sql.records.metadata import Metadata
from target_harvest_sql.records.table import TablePlan
from target_harvest_sql.records.text import TextCleaner
from target_harvest_sql.records.unnamed import UnnamedProperties
from target_harvest_sql.records.validation import Validator
from target_harvest_sql.records.wording import RecordError, located, reason_of
from target_harvest_sql.writing.bad_rows import Refusal
from target_harvest_sql.writing.filler import BatchFiller

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_harvest_sql.destination import Destination
    from target_harvest_sql.records.blocks import Block, Origin
    from target_harvest_sql.writing.summary import Summary


class Owner(Protocol):
    """What a sink needs of the target."""

    destination: Destination
    summary: Summary


class SQLSink(Sink):
    """Judges the records of a stream, and passes them on to its batch.

    The SDK creates a sink for each stream, and a new one when the schema of the stream changes.
    """

    _validator: Validator

    def __init__(
        self,
        target: Any,
        stream_name: str,
        schema: dict[str, Any],
        key_properties: Sequence[str] | None,
    ) -> None:
        super().__init__(target, stream_name, schema, key_properties)
        owner: Owner = target
        destination = owner.destination
        self._connection = destination.connection
        self._dispatch = destination.dispatch
        self._quarantine = destination.quarantine
        self._inexact = InexactValues(
            stream_name, owner.summary.rounded, rounds=self.config["on_inexact"] == "round"
        )
        self._cleaner = TextCleaner(stream_name, self.logger, self._connection.dialect)
        overwrite = destination.overwrite
        self._table = StreamTable(
            TablePlan(stream_name, self.schema, self._key_properties, config=self.config),
            config=self.config,
            connection=self._connection,
            tables=destination.tables,
            preparer=destination.tables if overwrite is None else overwrite.shadows,
        )
        self.filler = BatchFiller(
            stream_name,
            self._dispatch,
            Metadata(stream_name, self.logger, self.sync_started_at),
            UnnamedProperties(stream_name, self.schema["properties"], self.logger),
            limit_rows=self.config["batch_size_rows"],
            timer=self.batch_processing_timer,
            counter=self.record_counter_metric,
            counts=owner.summary.records,
        )
        """The batch of the stream."""

    # The SDK's own way, of which this sink uses nothing

    @override
    def get_validator(self) -> Validator:
        return Validator(self.schema)

    @override
    def _add_sdc_metadata_to_schema(self) -> None:
        """Do nothing: the table has the metadata columns, and the schema stays the tap's."""

    @override
    def _remove_sdc_metadata_from_schema(self) -> None:
        """Do nothing, for the same reason."""

    @override
    def setup(self) -> None:
        """Do nothing: `prepare` creates the table."""

    @override
    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Do not use: `add` takes blocks of records."""
        raise NotImplementedError

    @override
    def process_batch(self, context: dict[str, Any]) -> None:
        """Do not use: the dispatch hands batches over."""
        raise NotImplementedError

    # The table

    def takes(self, name: str, schema: dict[str, Any], key_properties: Sequence[str]) -> bool:
        """Whether this is the sink of a stream with that name, schema and key."""
        mine = (self.stream_name, self.original_schema, [*self.key_properties])
        return mine == (name, schema, [*key_properties])

    def prepare(self, where: object) -> None:
        """Create the table of the stream, or add what it lacks, as `StreamTable.prepare` does."""
        self._table.prepare(where)
        self._begin_table()

    def _begin_table(self) -> None:
        """Judge records for the table as it is now, and begin a batch for it."""
        table = self._table
        self._judge = Judge(
            self._validator,
            table.plan,
            table.table,
            dialect=self._connection.dialect,
            cleaner=self._cleaner,
            inexact=self._inexact,
            age_of=table.age_of,
            validates=self.validate_schema,
            reads_deletions=table.reads_deletions,
        )
        self.filler.begin_table(table.table, table.plan)

    @override
    def activate_version(self, new_version: int) -> None:
        """Delete the rows of older versions, or mark them as deleted.

        If a record of the stream was refused, all rows stay. The row of that record may be there
        from an earlier run, and would look deleted.
        """
        self._dispatch.settle(self.filler)
        if self._quarantine is not None and self._quarantine.has_any_of(self.stream_name):
            self._quarantine.keep_old_versions(self.stream_name)
            return
        if not self._table.has_versions:
            self._begin_version(new_version)
        self._table.activate_version(new_version)

    def _begin_version(self, version: int) -> None:
        """Write the records of the old version, and add the column of versions if it is missing."""
        self._dispatch.settle(self.filler)
        self.filler.version = version
        if not self._table.has_versions:
            self._table.add_versions()
            self._begin_table()

    def _begin_marking(self) -> None:
        """Write the records that came before, and add the column that marks deleted rows."""
        self._dispatch.settle(self.filler)
        self._table.add_marks()
        self._begin_table()

    # Records

    def add(self, block: Block) -> None:
        """Judge records, and put them into the batch.

        A block that is refused as a whole is added in halves, down to single records. So the
        result is the same as if each record had come alone.

        Raises:
            InvalidRecord: If a record does not fit its schema, or the database.
            MissingKeyPropertiesError: If a record lacks a key.
        """
        if block.version is not None and block.version != self.filler.version:
            self._begin_version(block.version)
        try:
            judged = self._judge.judge(block.records)
        except (InvalidRecord, MissingKeyPropertiesError, RecursionError) as error:
            if len(block) == 1:
                self._refuse(error, block.origins[0])
                return
            for half in block.halves():
                self.add(half)
            return
        if self._table.lacks_mark and any(judged.are_deleted):
            self._begin_marking()
            self.add(block)
            return
        self._inexact.count()
        self.filler.put(judged, block)

    def _refuse(self, error: RecordError | RecursionError, origin: Origin) -> None:
        """Put an invalid record into the quarantine, or end the run."""
        if isinstance(error, RecursionError):
            error = InvalidRecord("it is nested too deeply", {})
        if self._quarantine is None:
            where = f'{origin} of stream "{self.stream_name}"'
            raise located(error, where, validates=self.validate_schema) from error
        refusal = Refusal(self.stream_name, self._table.table, origin, reason_of(error))
        self._quarantine.put(refusal)
