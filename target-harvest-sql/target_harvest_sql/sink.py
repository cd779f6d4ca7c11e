"""One stream: its table, the judge of its records, and its batch.

A record stays the bytes that the tap wrote. An element of a batch carries the record and its
metadata, if any is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from singer_sdk.exceptions import InvalidRecord, MissingKeyPropertiesError
from singer_sdk.sinks import Sink
from typing_extensions import override

from target_harvest_sql import columns as cols
from target_harvest_sql.records.blocks import Moment
from target_harvest_sql.records.inexact import InexactValues
from target_harvest_sql.records.judge import Judge
from target_harvest_sql.records.metadata import Metadata
from target_harvest_sql.records.table import TablePlan
from target_harvest_sql.records.text import TextCleaner
from target_harvest_sql.records.unnamed import UnnamedProperties
from target_harvest_sql.records.validation import Validator
from target_harvest_sql.records.wording import RecordError, located, reason_of
from target_harvest_sql.writing.bad_rows import Refusal
from target_harvest_sql.writing.batches import Batch

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from target_harvest_sql.columns import Table
    from target_harvest_sql.destination import Destination
    from target_harvest_sql.records.blocks import Block, Origin
    from target_harvest_sql.records.judge import Judged


class Owner(Protocol):
    """What a sink takes of the target."""

    destination: Destination
    rounded: Counter[str]
    """How many values were rounded, by stream."""


class SQLSink(Sink):
    """The records of a stream on their way to its table."""

    def __init__(
        self,
        target: Any,
        stream_name: str,
        schema: dict[str, Any],
        key_properties: Sequence[str] | None,
    ) -> None:
        super().__init__(target, stream_name, schema, key_properties)
        owner: Owner = target
        self._connection = owner.destination.connection
        self._tables = owner.destination.tables
        self._dispatch = owner.destination.dispatch
        self._quarantine = owner.destination.quarantine
        self._overwrite = owner.destination.overwrite
        self._limit_rows: int = self.config["batch_size_rows"]
        self._validator: Validator
        self._inexact = InexactValues(
            stream_name, owner.rounded, rounds=self.config["on_inexact"] == "round"
        )
        self._metadata = Metadata(stream_name, self.logger, self.sync_started_at)
        self._is_versioned = False
        self._is_marked = False
        """Whether deletions came, for which the table has a column in any case."""
        self._version: int | None = None
        self._cleaner = TextCleaner(stream_name, self.logger, self._connection.dialect)
        self._unnamed = UnnamedProperties(stream_name, self.schema["properties"], self.logger)
        self._where: object = ""
        self.batch = Batch(is_keyed=False)
        """What waits to be written."""

    # What the SDK asks for

    @override
    def get_validator(self) -> Validator:
        return Validator(self.schema)

    @override
    def _add_sdc_metadata_to_schema(self) -> None:
        """Do nothing: the metadata columns are the table's, the schema stays the tap's."""

    @override
    def _remove_sdc_metadata_from_schema(self) -> None:
        """Do nothing, as above."""

    @override
    def setup(self) -> None:
        """Do nothing: the target prepares the table, and words the error if it cannot."""

    @override
    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Do not use: records come in blocks."""
        raise NotImplementedError

    @override
    def process_batch(self, context: dict[str, Any]) -> None:
        """Hand the batch over to the lanes."""
        written, lanes = self.batch, self._dispatch.lanes
        self.tally_duplicate_merged(self.current_size - len(written))
        self._total_records_read += self.current_size
        self._batch_records_read = 0
        self.batch = Batch(is_keyed=self._is_keyed)
        turn = lanes.handed_over % len(lanes)
        lanes.write(written.shares(self._table, self.stream_name, len(lanes), turn))

    @override
    def mark_drained(self) -> None:
        super().mark_drained()
        self._batch_dupe_records_merged = 0

    @property
    @override
    def is_full(self) -> bool:
        return self._free_rows <= 0

    @property
    def _free_rows(self) -> int:
        """How many more records the batch takes."""
        return self._limit_rows - self._batch_records_read

    @property
    def records_read(self) -> int:
        """How many records of the stream this run has taken."""
        return self._total_records_read

    @property
    def version(self) -> int | None:
        """The version that the last record carried, or that was activated last."""
        return self._version

    def drain(self) -> None:
        """Hand the batch over to the lanes, if it has records."""
        if rows := self.current_size:
            with self.batch_processing_timer:
                self.process_batch(self.start_drain())
            self.mark_drained()
            self.record_counter_metric.increment(rows)

    # Records

    def add(self, block: Block) -> None:
        """Add records to the batch; a later record of a key takes the place of an earlier.

        A block that cannot be taken as a whole is taken in halves, down to single records. So each
        record is written, refused or replaced as if it had come alone.

        Raises:
            InvalidRecord: If a record does not fit its schema, or the database.
            MissingKeyPropertiesError: If one lacks a key.
        """
        if block.version is not None and block.version != self._version:
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
        if self._lacks_mark and any(judged.are_deleted):
            self._begin_marking()
            self.add(block)
            return
        self._inexact.count()
        self._put(judged, block)

    def _put(self, judged: Judged, block: Block) -> None:
        """Put records into the batch, at once or in halves; flush it if one of them must wait."""
        if self.batch.can_take(judged.keys, judged.ages):
            self._fill(judged, block)
        elif half := len(block) // 2:
            self._put(judged.part(0, half), block.part(0, half))
            self._put(judged.part(half, len(block)), block.part(half, len(block)))
        else:
            self._dispatch.flush(self)
            self._fill(judged, block)

    def _fill(self, judged: Judged, block: Block) -> None:
        """Put records into the batch, and flush it each time that it is full."""
        start = 0  # The next record to put.
        head: bytes | None = None
        first, elements = 0, list[bytes]()  # The elements with this head, and their first record.
        while start < len(block):
            if self.batch.first_ordinal is None:
                self.batch.begin(block.origins[start].ordinal)
                self._metadata.begin_batch(block.moment, self._version)
                self._unnamed.check(judged.records[start])  # Of one record a batch: it costs.
            if (new_head := self._metadata.head(block)) != head:
                head, first = new_head, start
                elements = self._layout.elements(judged.values[start:], head)
            waiting = elements[start - first : start - first + self._free_rows]
            end = start + self._dispatch.count_fitting(self, waiting)
            self.batch.put(
                waiting[: end - start],
                block.origins.part(start, end),
                judged.keys[start:end],
                are_deleted=judged.are_deleted[start:end] if self._removes_rows else (),
                ages=judged.ages[start:end],
            )
            self._batch_records_read += end - start
            start = end
            if self.is_full:
                self._dispatch.flush(self)
            else:
                self._dispatch.bound_bytes(self)

    def _refuse(self, error: RecordError | RecursionError, origin: Origin) -> None:
        """Put an invalid record into the quarantine, or end the run."""
        if isinstance(error, RecursionError):
            error = InvalidRecord("it is nested too deeply", {})
        if self._quarantine is None:
            where = f'{origin} of stream "{self.stream_name}"'
            raise located(error, where, validates=self.validate_schema) from error
        refusal = Refusal(self.stream_name, self._table, origin, reason_of(error))
        self._quarantine.put(refusal)

    # Versions and the table

    @override
    def activate_version(self, new_version: int) -> None:
        """Delete the rows of older versions, or mark them as deleted.

        Nothing is done if a record of the stream was refused: its row would be taken for deleted.
        """
        if self._quarantine is not None and self._quarantine.has_any_of(self.stream_name):
            self._quarantine.keep_old_versions(self.stream_name)
            return
        if not self._is_versioned:
            self._begin_version(new_version)
        self._tables.activate_version(
            self._table,
            new_version,
            hard_delete=self.config["hard_delete"],
            deleted_at=Moment.now().text.decode().strip('"'),
        )

    def _begin_version(self, version: int) -> None:
        """Write what came before, and add the column of versions if the table has none."""
        self._dispatch.settle(self)
        self._version = version
        if not self._is_versioned:
            self._is_versioned = True
            self.prepare(self._where)

    def _begin_marking(self) -> None:
        """Write what came before, and add the column that marks deleted rows."""
        self._dispatch.settle(self)
        self._is_marked = True
        self.prepare(self._where)

    def prepare(self, where: object) -> None:
        """Compile the schema, and create the table or add what it lacks.

        Args:
            where: The place of the schema in the input, for errors.

        Raises:
            DatabaseError: If the table cannot hold the stream's records.
            InvalidInputLine: If two properties would become one column.
            MissingKeyPropertiesError: If a key property is not in the schema.
        """
        self._where = where
        dialect = self._connection.open()
        names = self._metadata_names()
        table_plan = TablePlan(
            self.stream_name, self.schema, self._key_properties, config=self.config, where=where
        )
        plan, table = table_plan.compile(dialect, names)
        shadows = self._tables if self._overwrite is None else self._overwrite.shadows
        self._table: Table = shadows.prepare(table, self.stream_name)
        self._is_keyed = bool(self._table.keys)
        self.batch = Batch(is_keyed=self._is_keyed)
        self._lacks_mark = not (self.config["hard_delete"] or "_sdc_deleted_at" in names)
        self._removes_rows = self._is_keyed and self.config["hard_delete"]
        self._judge = Judge(
            self._validator,
            plan,
            self._table,
            dialect=dialect,
            cleaner=self._cleaner,
            inexact=self._inexact,
            age_of=table_plan.age_reader(plan, self._table),
            validates=self.validate_schema,
            reads_deletions=self._lacks_mark or self._removes_rows,
        )
        self._layout = plan.layout
        self._metadata.begin_table(plan)

    def _metadata_names(self) -> tuple[str, ...]:
        """The metadata columns of the table."""
        if self.config["add_record_metadata"]:
            return tuple(cols.METADATA)
        marks = (self._is_versioned or self._is_marked) and not self.config["hard_delete"]
        is_kept = {"_sdc_deleted_at": marks, "_sdc_table_version": self._is_versioned}
        return tuple(name for name in cols.VERSION_METADATA if is_kept[name])
