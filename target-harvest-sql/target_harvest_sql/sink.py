"""One stream: its table, the judge of its records, and its batch.

A record stays the bytes that the tap wrote. An element of a batch carries the record and its
metadata, if any is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from singer_sdk.exceptions import InvalidRecord, MissingKeyPropertiesError
from singer_sdk.singerlib.json import serialize_json
from singer_sdk.sinks import Sink
from typing_extensions import override

from target_harvest_sql import columns as cols
from target_harvest_sql.records.inexact import InexactValues
from target_harvest_sql.records.judge import Judge
from target_harvest_sql.records.metadata import Metadata, Moment
from target_harvest_sql.records.raw import clean, is_deletion, needs_cleaning
from target_harvest_sql.records.table import TablePlan
from target_harvest_sql.records.validation import Validator
from target_harvest_sql.records.wording import RecordError, located, reason_of
from target_harvest_sql.writing.bad_rows import Origin, Refusal
from target_harvest_sql.writing.batches import Batch

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Sequence

    from target_harvest_sql.columns import Table
    from target_harvest_sql.database.connection import Connection
    from target_harvest_sql.database.tables import Tables
    from target_harvest_sql.writing.dispatch import Dispatch
    from target_harvest_sql.writing.overwrite import Overwrite
    from target_harvest_sql.writing.quarantine import Quarantine


class Owner(Protocol):
    """What a sink takes of the target."""

    connection: Connection
    tables: Tables
    dispatch: Dispatch
    quarantine: Quarantine | None
    """Where invalid records go, if the run goes on without them."""
    overwrite: Overwrite | None
    """The new tables of this run, if they replace the old ones at its end."""
    batch_size_rows: int
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
        self._connection = owner.connection
        self._tables = owner.tables
        self._dispatch = owner.dispatch
        self._quarantine = owner.quarantine
        self._overwrite = owner.overwrite
        self._limit_rows = owner.batch_size_rows
        self._validator: Validator | None
        self._inexact = InexactValues(
            stream_name, owner.rounded, rounds=self.config["on_inexact"] == "round"
        )
        self._metadata = Metadata(stream_name, self.logger, self.sync_started_at)
        self._is_versioned = False
        self._is_marked = False
        """Whether deletions came, for which the table has a column in any case."""
        self._version: int | None = None
        self._warned_of_text = False
        self._unnamed: set[str] = set()
        self._where: object = ""
        self.batch = Batch(is_keyed=False)
        """What waits to be written."""

    # What the SDK asks for

    @override
    def get_validator(self) -> Validator | None:
        return Validator(self.schema) if self.validate_schema else None

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
        """Take a record that a stream map has made.

        Args:
            record: The record.
            context: The further arguments of `add`.
        """
        self.add(serialize_json(record).encode(), **context)

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
        return self._batch_records_read >= self._limit_rows

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

    def add(
        self,
        record: bytes,
        version: int | None,
        extracted_at: str | None,
        moment: Moment,
        origin: Origin,
    ) -> None:
        """Add a raw record to the batch; a later record of a key takes the place of an earlier.

        Args:
            record: A JSON object.
            version: Version of the table, as the message says.
            extracted_at: When the tap read the record, as the message says.
            moment: When the record was received.
            origin: Where the record came from.

        Raises:
            InvalidRecord: If the record does not fit its schema, or the database.
            MissingKeyPropertiesError: If it lacks a key.
        """
        if version is not None and version != self._version:
            self._begin_version(version)
        if self._quarantine is not None:
            origin = msgspec.structs.replace(origin, record=record)
        if needs_cleaning(record):
            record = self._clean(record)
        try:
            key, record, rebuilt = self._judge.judge(record)
        except (InvalidRecord, MissingKeyPropertiesError) as error:
            self._refuse(error, origin)
            return
        if self._lacks_mark and is_deletion(record):
            self._begin_marking()
            self.add(record, version, extracted_at, moment, origin)
            return
        age = None
        if self._age_of is not None:
            age = self._age_of(record)
            if self.batch.hides(key, age):
                self._dispatch.flush(self)
        self._batch_records_read += 1
        is_deleted = self._removes_rows and is_deletion(record)
        if self.batch.first_ordinal is None:
            self._begin_batch(record, origin, moment)
        if self._has_metadata:
            rebuilt = self._metadata.add_to(rebuilt, moment, extracted_at, origin)
        self.batch.put(key, rebuilt, origin, is_deleted=is_deleted, age=age)

    def _begin_batch(self, record: bytes, origin: Origin, moment: Moment) -> None:
        self.batch.begin(origin.ordinal)
        self._metadata.begin_batch(moment, self._version)
        self._tell_unnamed(record)

    def _tell_unnamed(self, record: bytes) -> None:
        """Warn of properties that have no column; only the first record of a batch is checked."""
        names = msgspec.json.decode(record, type=dict[str, msgspec.Raw]).keys()
        unnamed = names - self.schema["properties"].keys() - cols.METADATA.keys() - self._unnamed
        if unnamed:
            self._unnamed |= unnamed
            self.logger.warning(
                "Stream %s sends properties that its schema does not name, so they have no column "
                "and are left out: %s. Let the tap name them in its schema.",
                self.stream_name,
                ", ".join(sorted(unnamed)),
            )

    def _clean(self, record: bytes) -> bytes:
        cleaned = clean(record, keeps_nul=self._connection.dialect.keeps_nul)
        if cleaned != record and not self._warned_of_text:
            self._warned_of_text = True
            self.logger.warning(
                "Stream %s sends text with characters that %s cannot hold; U+FFFD is written in "
                "their place.",
                self.stream_name,
                self._connection.dialect.name,
            )
        return cleaned

    def _refuse(self, error: RecordError, origin: Origin) -> None:
        """Put an invalid record into the quarantine, or end the run."""
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
        self._judge = Judge(
            self._validator, plan, self._table, dialect=dialect, inexact=self._inexact
        )
        self._age_of: Callable[[bytes], Any] | None = table_plan.age_reader(plan, self._table)
        self._lacks_mark = not (self.config["hard_delete"] or "_sdc_deleted_at" in names)
        self._removes_rows = self._is_keyed and self.config["hard_delete"]
        self._has_metadata = plan.has_metadata
        self._metadata.begin_table(plan.layout)

    def _metadata_names(self) -> tuple[str, ...]:
        """The metadata columns of the table."""
        if self.config["add_record_metadata"]:
            return tuple(cols.METADATA)
        marks = (self._is_versioned or self._is_marked) and not self.config["hard_delete"]
        is_kept = {"_sdc_deleted_at": marks, "_sdc_table_version": self._is_versioned}
        return tuple(name for name in cols.VERSION_METADATA if is_kept[name])
