"""A batch: one row per key, bounded, then handed to the database.

A record stays the bytes that the tap wrote. Beside it an element of a batch carries the metadata of
that record, if any is kept.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from singer_sdk.exceptions import InvalidRecord, MissingKeyPropertiesError
from singer_sdk.helpers._flattening import FlatteningOptions, get_flattening_options
from singer_sdk.singerlib.exceptions import InvalidInputLine
from singer_sdk.singerlib.json import serialize_json
from singer_sdk.sinks import Sink
from typing_extensions import override

from target_harvest_sql import columns as cols
from target_harvest_sql import elements
from target_harvest_sql.bad_rows import Origin, Refusal
from target_harvest_sql.lanes import Share
from target_harvest_sql.moments import Moments
from target_harvest_sql.records import (
    Validator,
    age_reader,
    clean,
    decode_exactly,
    find_lost_digits,
    has_long_number,
    is_deletion,
    key_reader,
    needs_cleaning,
    quote_numbers,
    value_at,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from target_harvest_sql.columns import Column, Table
    from target_harvest_sql.connector import Connector
    from target_harvest_sql.lanes import Lanes
    from target_harvest_sql.quarantine import Quarantine


AGES = ("integer", "number", "date", "date-time")
"""The kinds that tell which of two records is newer."""


class Owner(Protocol):
    """What a sink needs of the target."""

    connector: Connector
    lanes: Lanes
    quarantine: Quarantine | None
    """Where invalid records go, if the run goes on without them."""
    batch_size_rows: int

    @property
    def where(self) -> str:
        """The place in the input, for errors."""

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
        self.connector = target.connector
        self._validator: Validator | None
        self._is_versioned = False
        self._is_marked = False
        """Whether deletions came, for which the table has a column in any case."""
        self._version: int | None = None
        self._warned_of_text = False
        self._unnamed: set[str] = set()
        self._followed: tuple[Moment, str | None] | None = None
        self._layout = elements.OBJECT
        self._head = b""
        self._batched_at = b""
        # The batch that is being gathered.
        self._by_key: dict[Hashable, bytes] = {}
        self._keyless: list[bytes] = []
        self._deleted: set[Hashable] = set()
        self._origins: dict[Hashable, Origin] = {}
        """Where the records of the batch came from, by key, or by their number in the batch."""
        self._ages: dict[Hashable, Any] = {}
        """What tells how new the records of the batch are, by key, if something does."""
        self.pending_bytes = 0
        self.first_ordinal: int | None = None
        """Ordinal of the first record of the batch; `None` while the batch is empty."""
        self.began_at = 0.0
        """When the batch began, on the monotonic clock, in seconds."""

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
        shares = self._shares()
        written = sum(len(share.elements) + len(share.deleted) for share in shares if share)
        self.tally_duplicate_merged(self.current_size - written)
        self._total_records_read += self.current_size
        self._batch_records_read = 0
        self._by_key, self._keyless, self._deleted, self._origins = {}, [], set(), {}
        self._ages = {}
        self.pending_bytes = 0
        self.first_ordinal = None
        self.target.lanes.write(shares)

    def _shares(self) -> list[Share | None]:
        """Part the batch by lanes, in the order of its keys: B-trees grow best so."""
        lanes = self.target.lanes
        if not self._is_keyed:  # A batch without keys is one transaction, on each lane in turn.
            turn = lanes.handed_over % len(lanes)
            origins = list(self._origins.values())
            whole = Share(self._table, self.stream_name, self._keyless, (), origins)
            return [whole if lane == turn else None for lane in range(len(lanes))]
        keys: list[list[Any]] = [[] for _ in range(len(lanes))]
        for key in self._by_key:
            keys[hash(key) % len(lanes)].append(key)
        return [self._share(found) if found else None for found in keys]

    def _share(self, keys: list[Any]) -> Share:
        with suppress(TypeError):  # Keys of several kinds have no order, and need none.
            keys.sort()
        by_key, origins, deleted = self._by_key, self._origins, self._deleted
        if deleted:
            keys.sort(key=deleted.__contains__)
        kept = len(keys) - sum(key in deleted for key in keys)
        return Share(
            self._table,
            self.stream_name,
            elements=[by_key[key] for key in keys[:kept]],
            deleted=[by_key[key] for key in keys[kept:]],
            origins=[origins[key] for key in keys],
        )

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
        key, rebuilt = judged
        if self._lacks_mark and is_deletion(record):
            self._begin_marking()
            self.add(record, version, extracted_at, moment, origin)
            return
        if self._is_older(key, record):
            return
        if self._removes_rows:
            (self._deleted.add if is_deletion(record) else self._deleted.discard)(key)
        if self.first_ordinal is None:
            self._begin_batch(record, origin, moment)
        if self._has_metadata:
            rebuilt = self._with_metadata(rebuilt, moment, extracted_at)
        self._keep(key, rebuilt, origin)

    def _begin_batch(self, record: bytes, origin: Origin, moment: Moment) -> None:
        self.first_ordinal = origin.ordinal
        self.began_at = time.monotonic()
        self._batched_at = moment.text
        self._followed = None
        self._tell_unnamed(record)

    def _is_older(self, key: Hashable, record: bytes) -> bool:
        """Whether the batch has a newer record of a key; if not, remember how new this one is."""
        if self._age_of is None:
            return False
        age, newest = self._age_of(record), self._ages.get(key)
        if age is not None and newest is not None and age < newest:
            self._batch_records_read += 1
            return True
        self._ages[key] = age
        return False

    def _keep(self, key: Hashable, element: bytes, origin: Origin) -> None:
        """Put an element into the batch, in the place of an earlier one of its key."""
        self.pending_bytes += len(element)
        if not self._is_keyed:
            self._origins[len(self._keyless)] = origin
            self._keyless.append(element)
        else:
            earlier = self._by_key.get(key)
            if earlier is not None:
                self.pending_bytes -= len(earlier)
                origin = msgspec.structs.replace(origin, ordinal=self._origins[key].ordinal)
            self._by_key[key] = element
            self._origins[key] = origin
        self._batch_records_read += 1

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

    def _judge(self, record: bytes, origin: Origin) -> tuple[Hashable, bytes] | None:
        """Hold a record against the schema and the database; read its key, and rebuild it.

        Returns:
            Key and record; `None` if the record is invalid, and the run goes on without it.
        """
        try:
            checked = key = None
            if self._validator is not None:
                checked = self._validator.check(record)
                if checked is None and self.validate_schema:
                    self._moments.judge(record)
                key = self._checked_key(checked)
            if key is None and self._key_of:
                key = self._key_of(record)
            if (self._loses_digits or checked is None) and has_long_number(record):
                self._check_digits(record)
            if self._moments.may_lose(record):
                self._moments.check(record)
            return key, record if self._rebuild is None else self._rebuild(record)
        except (InvalidRecord, MissingKeyPropertiesError) as error:
            if self.target.quarantine is None:
                raise type(error)(*self._located(error)) from error
            reason = getattr(error, "error_message", None) or str(error)
            self.target.quarantine.put(Refusal(self.stream_name, self._table, origin, reason))
            return None

    @override
    def activate_version(self, new_version: int) -> None:
        """Delete the rows of older versions, or mark them as deleted."""
        if not self._is_versioned:
            self._begin_version(new_version)
        self.connector.activate_version(
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
        return b"%b%b%b" % (self._head, record, self._layout.end)

    def _follow(self, moment: Moment, extracted_at: str | None) -> None:
        """Write what all elements read and received at the same moments begin with."""
        self._followed = (moment, extracted_at)
        self._head = self._layout.head % (
            msgspec.json.encode(extracted_at),
            moment.text,
            self._batched_at,
            b"%d" % moment.milliseconds,
            msgspec.json.encode(self._version),
            b"%d" % self.sync_started_at,
        )

    def _clean(self, record: bytes) -> bytes:
        cleaned = clean(record, keeps_nul=self.connector.dialect.keeps_nul)
        if cleaned != record and not self._warned_of_text:
            self._warned_of_text = True
            self.logger.warning(
                "Stream %s sends text with characters that %s cannot hold; U+FFFD is written in "
                "their place.",
                self.stream_name,
                self.connector.dialect.name,
            )
        return cleaned

    def _check_digits(self, record: bytes) -> None:
        column = find_lost_digits(
            record,
            self._table.columns,
            self._path_in_record,
            lossy_kinds=self.connector.dialect.lossy_kinds,
        )
        if column is not None:
            raise InvalidRecord(
                f"a number at {column.source} that {self.connector.dialect.name} cannot hold in "
                f"every digit as {column.kind}; declare it as text with `format: singer.decimal` "
                "in the stream's schema",
                {},
            )

    def _located(self, error: Exception) -> tuple[Any, ...]:
        """Say of which stream and line an error is, and what to do."""
        line = self.target.where
        what = getattr(error, "error_message", None) or str(error)
        if isinstance(error, InvalidRecord):
            if self.validate_schema:
                otherwise = "`validate_records: false` leaves the judgement to the database"
            else:
                otherwise = "the database would read it as something else"
            text = (
                f'{line} of stream "{self.stream_name}" does not fit its schema: {what}. Correct '
                f"the schema of the tap; {otherwise}."
            )
            return text, {}
        text = (
            f'{line} of stream "{self.stream_name}" has no usable key: {what}. Correct the tap, or '
            "set other key properties with `stream_maps` and `__key_properties__`."
        )
        return (text,)

    # The table

    def prepare(self) -> None:
        """Compile the schema, and create the table or add what it lacks.

        Raises:
            DatabaseError: If the table cannot hold the stream's records.
            MissingKeyPropertiesError: If a key property is not in the schema.
        """
        dialect = self.connector.open()
        load_method = self.config["load_method"]
        flattening: FlatteningOptions = get_flattening_options(self.config)  # type: ignore[arg-type]
        columns = cols.compile_columns(
            self.schema,
            self._key_properties,
            flattening=flattening,
            metadata=self._metadata_names(),
        )
        self._has_metadata = bool(self._metadata_names())
        self._lacks_mark = not (
            self.config["hard_delete"] or "_sdc_deleted_at" in self._metadata_names()
        )
        self._source_paths = {c.source: c.path[self._has_metadata :] for c in columns}
        self._rebuild: Callable[[bytes], bytes] | None = None
        if not cols.have_plain_paths(columns):
            columns = self._plain(columns)
        if dialect.list_length:
            columns = self._as_lists(columns, dialect.list_length)
        conformed = cols.conform(columns, dialect)
        missing = set(self._key_properties) - {column.source for column in conformed}
        if missing:
            raise MissingKeyPropertiesError(
                f'{self.target.where}: the schema of stream "{self.stream_name}" lacks its key '
                f"properties {', '.join(sorted(missing))}. Correct the tap, or set others with "
                "`stream_maps` and `__key_properties__`."
            )
        schema, name = self._table_name()
        table = cols.Table(
            name=cols.conform_name(name, dialect),
            columns=conformed,
            schema=schema,
            is_keyed=load_method != "append-only",
            newest_by=self.config.get("newest_wins"),
        )
        prepare = (
            self.connector.prepare_shadow if load_method == "overwrite" else self.connector.prepare
        )
        self._table: Table = prepare(table, self.stream_name)
        self._is_keyed = bool(self._table.keys)
        self._age_of = self._age_reader()
        self._loses_digits = bool(dialect.lossy_kinds)
        if "decimal" in dialect.lossy_kinds:
            self._rebuild = self._quoting(self._rebuild)
        self._removes_rows = self._is_keyed and self.config["hard_delete"]
        self._moments = Moments(conformed, self._table.columns, self._path_in_record, dialect)
        keys = [column for column in self._table.columns if column.is_key]
        self._key_of = (
            key_reader(keys, self._path_in_record, kinds_as_text=dialect.kinds_as_text)
            if keys
            else None
        )
        if not self.validate_schema and dialect.nulls_misfits:
            self._validator = Validator(cols.shape_of(self._paths_in_record()))
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
        return age_reader(self._path_in_record(newest), newest.kind)

    def _path_in_record(self, column: Column) -> tuple[str, ...]:
        """Where a value stands in the record as it was sent."""
        if column.name in cols.METADATA:
            return (column.name,)
        return self._source_paths[column.source]

    def _paths_in_record(self) -> dict[tuple[str, ...], Column]:
        """The columns whose values come from the record."""
        return {
            self._path_in_record(column): column
            for column in self._table.columns
            if column.name not in cols.METADATA or column.path[0] == cols.RECORD
        }

    def _plain(self, columns: list[Column]) -> list[Column]:
        """Give the columns plain paths, and remember how to rebuild a record to fit them."""
        prefix = (cols.RECORD,) if self._has_metadata else ()
        plain: list[Column] = []
        paths: dict[str, tuple[str, ...]] = {}
        for column, number in zip(columns, count(1), strict=False):
            if column.name in cols.METADATA and column.path[0] != cols.RECORD:
                plain.append(column)
            else:
                paths[f"c{number}"] = self._source_paths[column.source]
                plain.append(replace(column, path=(*prefix, f"c{number}")))

        def rebuild(record: bytes) -> bytes:
            decoded = decode_exactly(record)
            values = {name: value_at(decoded, path) for name, path in paths.items()}
            return serialize_json(values).encode()

        self._rebuild = rebuild
        return plain

    def _as_lists(self, columns: list[Column], length: int) -> list[Column]:
        """Give the columns places in lists, and remember how to rebuild a record to fit them."""
        named = self._rebuild
        laid_out, listed = elements.as_lists(columns, length, has_metadata=self._has_metadata)

        def rebuild(record: bytes) -> bytes:
            try:
                return listed(named(record) if named else record)
            except InvalidRecord as error:
                raise InvalidRecord(*self._located(error)) from error

        self._rebuild = rebuild
        self._layout = elements.LISTS
        return laid_out

    def _quoting(self, rebuild: Callable[[bytes], bytes] | None) -> Callable[[bytes], bytes] | None:
        """Rebuild a record with its decimals as text, so that they keep their digits."""
        decimals = [c for c in self._table.columns if c.kind == "decimal"]
        if not decimals:
            return rebuild
        paths = [self._path_in_record(column) for column in decimals]

        def quote(record: bytes) -> bytes:
            if has_long_number(record):
                record = quote_numbers(record, paths)
            return rebuild(record) if rebuild else record

        return quote

    def _table_name(self) -> tuple[str | None, str]:
        """The schema and the table that the stream's name asks for."""
        default: str | None = self.config.get("default_target_schema")
        if not self.connector.dialect.has_schemas:
            return None, self.stream_name
        *parents, name = self.stream_name.replace(".", "-").split("-")
        if len(parents) in {1, 2} and name and parents[-1]:
            return default or parents[-1], name
        return default, self.stream_name
