"""The records of a stream, judged one by one, on their way to its table.

A record stays the bytes that the tap wrote. Beside it an element of a batch carries the metadata of
that record, if any is kept.
"""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from singer_sdk.exceptions import InvalidRecord, MissingKeyPropertiesError
from singer_sdk.helpers._flattening import get_flattening_options
from singer_sdk.singerlib.exceptions import InvalidInputLine
from singer_sdk.singerlib.json import serialize_json
from singer_sdk.sinks import Sink
from typing_extensions import override

from target_harvest_sql import columns as cols
from target_harvest_sql.records.digits import Digits
from target_harvest_sql.records.inexact import InexactValueError, InexactValues
from target_harvest_sql.records.keys import age_reader, key_reader
from target_harvest_sql.records.moments import Moments, readable
from target_harvest_sql.records.plan import plan
from target_harvest_sql.records.raw import clean, is_deletion, needs_cleaning
from target_harvest_sql.records.validation import Validator, check_object
from target_harvest_sql.writing.bad_rows import Origin, Refusal
from target_harvest_sql.writing.batches import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from target_harvest_sql.columns import Table
    from target_harvest_sql.database.connection import Connection
    from target_harvest_sql.database.tables import Tables
    from target_harvest_sql.writing.lanes import Lanes
    from target_harvest_sql.writing.overwrite import Overwrite
    from target_harvest_sql.writing.quarantine import Quarantine


AGES = ("integer", "number", "date", "date-time")
"""The kinds that tell which of two records is newer."""


class Owner(Protocol):
    """What a sink needs of the target."""

    connection: Connection
    tables: Tables
    lanes: Lanes
    quarantine: Quarantine | None
    """Where invalid records go, if the run goes on without them."""
    overwrite: Overwrite | None
    """The new tables of this run, if they replace the old ones at its end."""
    batch_size_rows: int
    rounded: Counter[str]
    """How many values were rounded, by stream."""

    @property
    def where(self) -> str:
        """The place in the input, for errors."""

    def flush(self, sink: SQLSink) -> None:
        """Hand a sink's batch over to be written."""

    def settle(self, sink: SQLSink) -> None:
        """Write a sink's batch, and wait until everything is written."""


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
        self.target: Owner = target
        self.connection: Connection = target.connection
        self.tables: Tables = target.tables
        self._validator: Validator | None
        self._is_versioned = False
        self._is_marked = False
        """Whether deletions came, for which the table has a column in any case."""
        self._version: int | None = None
        self._warned_of_text = False
        self._warned_of_time = False
        self._unnamed: set[str] = set()
        self._followed: tuple[Moment, str | None] | None = None
        self._head = b""
        self._batched_at = b""
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
        written, lanes = self.batch, self.target.lanes
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
        return self._batch_records_read >= self.target.batch_size_rows

    @property
    def records_read(self) -> int:
        """How many records of the stream this run has taken."""
        return self._total_records_read

    @property
    def version(self) -> int | None:
        """The version that the last record carried, or that was activated last."""
        return self._version

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
        if self.target.quarantine is not None:
            origin = msgspec.structs.replace(origin, record=record)
        if needs_cleaning(record):
            record = self._clean(record)
        judged = self._judge(record, origin)
        if judged is None:
            return
        key, record, rebuilt = judged
        if self._lacks_mark and is_deletion(record):
            self._begin_marking()
            self.add(record, version, extracted_at, moment, origin)
            return
        age = None
        if self._age_of is not None:
            age = self._age_of(record)
            if self.batch.hides(key, age):
                self.target.flush(self)
        self._batch_records_read += 1
        is_deleted = self._removes_rows and is_deletion(record)
        if self.batch.first_ordinal is None:
            self._begin_batch(record, origin, moment)
        if self._plan.has_metadata:
            rebuilt = self._with_metadata(rebuilt, moment, extracted_at)
        self.batch.put(key, rebuilt, origin, is_deleted=is_deleted, age=age)

    def _begin_batch(self, record: bytes, origin: Origin, moment: Moment) -> None:
        self.batch.begin(origin.ordinal)
        self._batched_at = moment.text
        self._followed = None
        self._tell_unnamed(record)

    def _tell_unnamed(self, record: bytes) -> None:
        """Warn of properties that have no column; the first record of each batch is looked at."""
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

    def _judge(self, record: bytes, origin: Origin) -> tuple[Hashable, bytes, bytes] | None:
        """Hold a record against the schema and the database; read its key, and rebuild it.

        Returns:
            Key, record, and what stands for the record in an element; `None` if the record is
            invalid, and the run goes on without it.
        """
        try:
            checked = key = None
            if self._validator is None:
                check_object(record)
            else:
                checked = self._validator.check(record)
                if checked is None and self.validate_schema:
                    self._moments.judge(record)
                key = self._checked_key(checked)
            is_typed = checked is not None and self.validate_schema
            if self._digits.may_matter(record, is_typed=is_typed):
                record = self._digits.respell(record)
            if key is None and self._key_of:
                key = self._key_of(record)
            if self._moments.may_lose(record):
                record = self._moments.fit(record)
            return key, record, record if self._rebuild is None else self._rebuild(record)
        except (InvalidRecord, MissingKeyPropertiesError) as error:
            if self.target.quarantine is None:
                raise self._located(error) from error
            reason = getattr(error, "error_message", None) or str(error)
            self.target.quarantine.put(Refusal(self.stream_name, self._table, origin, reason))
            return None

    @override
    def activate_version(self, new_version: int) -> None:
        """Delete the rows of older versions, or mark them as deleted.

        Nothing is done if a record of the stream was refused: its row would be taken for deleted.
        """
        quarantine = self.target.quarantine
        if quarantine is not None and quarantine.has_any_of(self.stream_name):
            quarantine.keep_old_versions(self.stream_name)
            return
        if not self._is_versioned:
            self._begin_version(new_version)
        self.tables.activate_version(
            self._table,
            new_version,
            hard_delete=self.config["hard_delete"],
            deleted_at=Moment.now().text.decode().strip('"'),
        )

    def _begin_version(self, version: int) -> None:
        """Write what came before, and see to it that the table can tell versions apart."""
        self.target.settle(self)
        self._version = version
        if not self._is_versioned:
            self._is_versioned = True
            self.prepare()

    def _begin_marking(self) -> None:
        """Write what came before, and see to it that the table can tell deleted rows."""
        self.target.settle(self)
        self._is_marked = True
        self.prepare()

    def _with_metadata(self, record: bytes, moment: Moment, extracted_at: str | None) -> bytes:
        if (moment, extracted_at) != self._followed:
            self._follow(moment, extracted_at)
        return b"%b%b%b" % (self._head, record, self._plan.layout.end)

    def _follow(self, moment: Moment, extracted_at: str | None) -> None:
        """Write what all elements read and received at the same moments begin with."""
        self._followed = (moment, extracted_at)
        self._head = self._plan.layout.head % (
            msgspec.json.encode(self._readable(extracted_at)),
            moment.text,
            self._batched_at,
            b"%d" % moment.milliseconds,
            msgspec.json.encode(self._version),
            b"%d" % self.sync_started_at,
        )

    def _readable(self, extracted_at: str | None) -> str | None:
        """Leave out a `time_extracted` that is no date-time; it is no reason to lose a record."""
        told = None if extracted_at is None else readable(extracted_at)
        if told is None and extracted_at is not None and not self._warned_of_time:
            self._warned_of_time = True
            self.logger.warning(
                "Stream %s sends a `time_extracted` that is no date-time (first: %s); "
                "`_sdc_extracted_at` is null there. Correct the tap.",
                self.stream_name,
                self.target.where,
            )
        return told

    def _clean(self, record: bytes) -> bytes:
        cleaned = clean(record, keeps_nul=self.connection.dialect.keeps_nul)
        if cleaned != record and not self._warned_of_text:
            self._warned_of_text = True
            self.logger.warning(
                "Stream %s sends text with characters that %s cannot hold; U+FFFD is written in "
                "their place.",
                self.stream_name,
                self.connection.dialect.name,
            )
        return cleaned

    def _located(self, error: Exception) -> Exception:
        """Say of which stream and line an error is, and what to do."""
        where = f'{self.target.where} of stream "{self.stream_name}"'
        if isinstance(error, InexactValueError):
            return InvalidRecord(f"{where} would not be kept: {error.what}. {error.advice}.", {})
        what = getattr(error, "error_message", None) or str(error)
        if isinstance(error, InvalidRecord):
            if self.validate_schema:
                otherwise = "`validate_records: false` leaves the judgement to the database"
            else:
                otherwise = "the database would read it as something else"
            return InvalidRecord(
                f"{where} does not fit its schema: {what}. Correct the schema of the tap; "
                f"{otherwise}.",
                {},
            )
        return MissingKeyPropertiesError(
            f"{where} has no usable key: {what}. Correct the tap, or set other key properties with "
            "`stream_maps` and `__key_properties__`."
        )

    # The table

    def prepare(self) -> None:
        """Compile the schema, and create the table or add what it lacks.

        Raises:
            DatabaseError: If the table cannot hold the stream's records.
            MissingKeyPropertiesError: If a key property is not in the schema.
        """
        dialect = self.connection.open()
        spelling: cols.Spelling = dialect
        if self.config["lower_case_names"]:
            spelling = cols.LowerCase(dialect)
        load_method = self.config["load_method"]
        metadata = self._metadata_names()
        self._plan = plan(
            self.schema,
            self._key_properties,
            dialect,
            flattening=get_flattening_options(self.config),  # type: ignore[arg-type]
            metadata=metadata,
            spelling=spelling,
        )
        self._lacks_mark = not (self.config["hard_delete"] or "_sdc_deleted_at" in metadata)
        missing = set(self._key_properties) - {column.source for column in self._plan.columns}
        if missing:
            raise MissingKeyPropertiesError(
                f'{self.target.where}: the schema of stream "{self.stream_name}" lacks its key '
                f"properties {', '.join(sorted(missing))}. Correct the tap, or set others with "
                "`stream_maps` and `__key_properties__`."
            )
        sources = Counter(column.source for column in self._plan.columns)
        if doubled := [source for source, count in sources.items() if count > 1]:
            raise InvalidInputLine(
                f'{self.target.where}: in the schema of stream "{self.stream_name}" more than one '
                f"property becomes the column {', '.join(doubled)}. Set another "
                "`flattening_separator`, or leave one out with `stream_maps`."
            )
        schema, name = self._table_name()
        table = cols.Table(
            name=cols.conform_name(name, spelling),
            columns=self._plan.columns,
            schema=schema,
            is_keyed=load_method != "append-only",
            newest_by=self.config.get("newest_wins"),
        )
        overwrite = self.target.overwrite
        prepare = overwrite.shadows.prepare if overwrite is not None else self.tables.prepare
        self._table: Table = prepare(table, self.stream_name)
        self._is_keyed = bool(self._table.keys)
        self.batch = Batch(is_keyed=self._is_keyed)
        self._age_of = self._age_reader()
        self._rebuild = self._plan.rebuild
        self._removes_rows = self._is_keyed and self.config["hard_delete"]
        inexact = InexactValues(
            self.stream_name, self.target.rounded, rounds=self.config["on_inexact"] == "round"
        )
        self._digits = Digits(self._table.columns, self._plan.path, dialect, inexact)
        self._moments = Moments(
            self._plan.columns, self._table.columns, self._plan.path, dialect, inexact
        )
        keys = [column for column in self._table.columns if column.is_key]
        self._key_of = (
            key_reader(keys, self._plan.path, as_text=[*filter(dialect.is_text, keys)])
            if keys
            else None
        )
        if not self.validate_schema and dialect.nulls_misfits:
            self._validator = Validator(self._plan.shape(self._table.columns))
        if self._validator is not None:
            self._checked_key = self._validator.key_getter(keys)
        self._followed = None

    def _metadata_names(self) -> tuple[str, ...]:
        """The metadata columns of the table."""
        if self.config["add_record_metadata"]:
            return tuple(cols.METADATA)
        marks = (self._is_versioned or self._is_marked) and not self.config["hard_delete"]
        is_kept = {"_sdc_deleted_at": marks, "_sdc_table_version": self._is_versioned}
        return tuple(name for name in cols.VERSION_METADATA if is_kept[name])

    def _age_reader(self) -> Callable[[bytes], Any] | None:
        """Compile what tells which of two records of a key is newer, if something does."""
        newest = self._table.newest if self._is_keyed else None
        if newest is None:
            return None
        if newest.kind not in AGES:
            raise InvalidInputLine(
                f"{self.target.where}: `newest_wins` is {newest.source}, but in the table of "
                f'stream "{self.stream_name}" that is {newest.kind}. Name a property that is one '
                f"of {', '.join(AGES)}, or leave the setting out."
            )
        return age_reader(self._plan.path(newest), newest.kind)

    def _table_name(self) -> tuple[str | None, str]:
        """The schema and the table that the stream's name asks for."""
        default: str | None = self.config.get("default_target_schema")
        stream = self.stream_name
        if self.config["lower_case_names"]:
            stream = stream.lower()
        if not self.connection.dialect.has_schemas:
            return None, stream
        *parents, name = stream.replace(".", "-").split("-")
        if len(parents) in {1, 2} and name and parents[-1]:
            return default or parents[-1], name
        return default, stream
