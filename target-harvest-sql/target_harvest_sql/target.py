"""The order of messages, and the STATE watermark."""

from __future__ import annotations

import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from io import BufferedWriter, RawIOBase, TextIOWrapper
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar

import click
import msgspec
from singer_sdk import Target
from singer_sdk.exceptions import (
    ConfigValidationError,
    DataError,
    InvalidRecord,
    MappingError,
    MissingKeyPropertiesError,
    RecordsWithoutSchemaException,
)
from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities
from singer_sdk.mapper import PluginMapper, SameRecordTransform
from singer_sdk.singerlib.exceptions import InvalidInputLine
from typing_extensions import override

from target_harvest_sql.database.connection import Connection
from target_harvest_sql.database.errors import DatabaseError
from target_harvest_sql.database.locks import TableLocks
from target_harvest_sql.database.tables import Tables
from target_harvest_sql.logs import calm_down, shorten_lines
from target_harvest_sql.process.endings import (
    OutputError,
    check_streams,
    defects_told,
    drop_output,
    write_out,
)
from target_harvest_sql.process.terminations import Terminations
from target_harvest_sql.reading.batch_files import BatchFileError, read_lines
from target_harvest_sql.reading.messages import Message, MessageReader, take_leave
from target_harvest_sql.reading.schemas import InvalidSchemaError, read_schema
from target_harvest_sql.records.raw import clean, decode_exactly, decode_schema
from target_harvest_sql.redaction import trace
from target_harvest_sql.settings import checks
from target_harvest_sql.settings.address import address
from target_harvest_sql.settings.foreign import FOREIGN
from target_harvest_sql.settings.schema import SETTINGS
from target_harvest_sql.sink import Moment, SQLSink
from target_harvest_sql.watermark import Watermark
from target_harvest_sql.writing.bad_rows import Origin, Refusal, RefusedRowError
from target_harvest_sql.writing.lanes import Lanes
from target_harvest_sql.writing.overwrite import Overwrite, UnprovenError
from target_harvest_sql.writing.quarantine import Quarantine
from target_harvest_sql.writing.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from singer_sdk.plugin_base import _ConfigInput

USER_ERRORS = (
    DatabaseError,
    DataError,
    InvalidInputLine,
    InvalidRecord,
    MappingError,
    MissingKeyPropertiesError,
    RecordsWithoutSchemaException,
    UnprovenError,
)
"""Errors whose message says what happened, where, and what to do; no traceback helps."""

TURN_SECONDS = 0.0005
"""How long a lane that has work to do in Python waits for its turn; the reader always has some.
At Python's 5 ms, 100,000 time entries take SQLite and DuckDB a tenth longer, MariaDB more."""


class TerminatedError(Exception):
    """A signal asked the target to end."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


class TargetHarvestSQL(Target):
    """Writes any Singer stream into SQL by JSON bulk insert."""

    name = "target-harvest-sql"
    default_sink_class = SQLSink
    message_reader_class = MessageReader
    message_reader: MessageReader
    capabilities: ClassVar[list[Any]] = [
        *Target.capabilities,
        PluginCapabilities.ACTIVATE_VERSION,
        PluginCapabilities.BATCH,
        TargetCapabilities.HARD_DELETE,
        TargetCapabilities.TARGET_SCHEMA,
    ]
    config_jsonschema: ClassVar[dict[str, Any]] = SETTINGS

    def __init__(self, **kwargs: Any) -> None:
        self._termination: int | None = None
        if isinstance(config := kwargs.get("config"), dict):
            kwargs["config"] = checks.given(config)
        calm_down(self.logger)
        super().__init__(**kwargs)
        calm_down(self.logger)  # Again: the SDK has set the level of its metrics.
        self.max_parallelism = 1
        self.batch_size_rows: int = self.config["batch_size_rows"]
        self._limit_bytes: int = self.config["batch_size_bytes"]
        self._share_bytes: float = self._limit_bytes
        """What one stream may hold before all streams together are looked at."""
        self._wait_limit_seconds = float(self.config["batch_wait_limit_seconds"])
        self._address = address(self.config)
        self.locks = TableLocks(
            Connection(self._address, self.logger),
            self.logger,
            self.config["lock_wait_limit_seconds"],
        )
        self.locks.while_waiting = self._obey
        self.connection = Connection(self._address, self.logger, self.locks)
        """The connection that makes and changes tables."""
        self.tables = Tables(self.connection, self.logger, self.locks)
        self.overwrite: Overwrite | None = None
        if self.config["load_method"] == "overwrite":
            needs_proof = self.config["overwrite_requires"] == "proof"
            self.overwrite = Overwrite(self.tables, self.logger, needs_proof=needs_proof)
        self.quarantine: Quarantine | None = None
        if self.config["invalid_records"] == "quarantine":
            connection = Connection(self._address, self.logger)
            self.quarantine = Quarantine(connection, self.logger)
        # A batch may be a little above its limit, and has to be on its way in all its parts.
        self.lanes = Lanes(self._writers(), self._limit_bytes * 5 // 4, self._refuse)
        self.message_reader.between_reads = self._between_reads
        self.message_reader.limit_bytes = self.config["max_message_bytes"]
        self.message_reader.passes_broken_records = self.quarantine is not None
        self.rounded: Counter[str] = Counter()
        """How many values were rounded, by stream."""
        self._began = time.monotonic()
        self._moment = Moment.now()
        self._ordinal = 0
        self._routes: dict[str, list[_Route]] = {}
        self._schemas: dict[str, tuple[bytes, Sequence[str]]] = {}
        self._early_versions: dict[str, Message] = {}
        """The last ACTIVATE_VERSION of each stream whose schema has not come yet."""
        self._watermark = Watermark(keeps_last=self.overwrite is not None)
        self._last_state = b""
        self._records_before: Counter[str] = Counter()
        """How many records streams had before their schema changed."""
        self._number_in_file = 0
        """Number of the record in the batch file that is read; 0 while none is."""
        if self.config.get("default_target_schema") and not self.connection.dialect.has_schemas:
            self.logger.warning(
                "%s has no schemas, so `default_target_schema` is not used; leave it out.",
                self.connection.dialect.name,
            )

    def _writers(self) -> list[Writer]:
        connections = [self.connection]
        if self.connection.dialect.has_lanes:
            lanes = range(self.config["lanes"])
            connections = [Connection(self._address, self.logger, self.locks) for _ in lanes]
        return [Writer(connection, self.logger) for connection in connections]

    @override
    def setup_mapper(self) -> None:
        """Set up stream maps, without the SDK's flattening: columns are paths, and flatten."""
        config = {k: v for k, v in self.config.items() if not k.startswith("flattening_")}
        config["stream_maps"] = dict(config.get("stream_maps") or {})
        self._mapper = PluginMapper(plugin_config=config, logger=self.logger)

    @property
    def where(self) -> str:
        """The place in the input, for errors."""
        return str(self._origin())

    def _origin(self) -> Origin:
        return Origin(self._ordinal, self.message_reader.line_number, self._number_in_file)

    def _refuse(self, refusal: Refusal) -> None:
        """Put a row away that the database refuses, or end the run."""
        if self.quarantine is None:
            raise RefusedRowError(refusal)
        self.quarantine.put(refusal)

    # Messages, in their order

    @override
    def _process_schema_message(self, message: Message) -> None:  # type: ignore[override]
        stream = self._stream_of(message)
        if not self.connection.dialect.keeps_nul:
            _clean_names(message)
        schema = self._read_schema(message, stream)
        if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
            raise InvalidInputLine(
                f'{self.where}: the schema of stream "{stream}" has no properties, so that its '
                "table would have no columns. Select fields of the stream, or correct the tap."
            )
        if not schema["properties"]:
            raise InvalidInputLine(
                f'{self.where}: the schema of stream "{stream}" has an empty list of properties. '
                "Select fields of the stream, or leave the stream out."
            )
        self._note_beginning(stream)
        given = (bytes(message.schema), message.key_properties or [])
        if self._schemas.get(stream) == given:
            return
        sinks_before = self._sinks
        for route in self._routes.get(stream, ()):
            self.flush(route.sink)  # What was read under the old schema is written first.
        self._wait()
        try:
            # The SDK compares with the schema before, and makes new sinks only if it differs.
            super()._process_schema_message(
                {"stream": stream, "schema": schema, "key_properties": message.key_properties or []}
            )
        except MappingError as error:
            raise MappingError(
                f'{self.where}: `stream_maps` do not fit the schema of stream "{stream}": {error} '
                "Correct them."
            ) from error
        self._clear_old_sinks()
        self._schemas[stream] = given
        for sink in self._sinks:
            if sink not in sinks_before:
                sink.prepare()
        self._share_bytes = self._limit_bytes / max(1, len(self._sinks))
        self._routes[stream] = [
            _Route(
                sink=self.get_sink(stream_map.stream_alias),  # type: ignore[arg-type]
                transform=None if type(stream_map) is SameRecordTransform else stream_map.transform,
            )
            for stream_map in self.mapper.stream_maps[stream]
            if self.sink_exists(stream_map.stream_alias)
        ]
        if early := self._early_versions.pop(stream, None):
            self._process_activate_version_message(early)

    def _read_schema(self, message: Message, stream: str) -> Any:
        """The schema of a SCHEMA message; something else than an object if there is none."""
        try:
            schema = decode_schema(message.schema) if bytes(message.schema) else None
        except msgspec.DecodeError as error:
            raise InvalidInputLine(
                f'{self.where}: the schema of stream "{stream}" has an integer of thousands of '
                "digits. Correct the tap."
            ) from error
        try:
            return read_schema(schema) if isinstance(schema, dict) else None
        except InvalidSchemaError as error:
            raise InvalidInputLine(
                f'{self.where}: the schema of stream "{stream}" is not valid JSON Schema at '
                f"`{error.part}`. Correct the tap. Under Meltano, `select` can leave the property "
                "out, and `schema` can replace its part of the schema."
            ) from error

    def _clear_old_sinks(self) -> None:
        """Count the records of sinks whose schema was replaced; all of them are written."""
        for sink in self._sinks_to_clear:
            self._records_before[sink.stream_name] += sink.records_read  # type: ignore[attr-defined]
        self._sinks_to_clear.clear()

    def _note_beginning(self, stream: str) -> None:
        if self.overwrite is not None:
            self.overwrite.proofs.begin(stream)

    @override
    def _process_record_message(self, message: Message) -> None:  # type: ignore[override]
        routes = self._routes.get(message.stream)  # type: ignore[arg-type]
        if routes is None:
            stream = self._stream_of(message)
            raise RecordsWithoutSchemaException(
                f'{self.where}: a record of stream "{stream}" came before its schema. Correct the '
                "tap: it must write a SCHEMA message first."
            )
        record = bytes(message.record)
        if not record:
            raise InvalidInputLine(
                f'{self.where}: the message of stream "{message.stream}" holds no record. Correct '
                "the tap."
            )
        self._ordinal += 1
        if self.overwrite is not None:
            self.overwrite.proofs.last_ordinals[message.stream] = self._ordinal  # type: ignore[index]
        origin = self._origin()
        for route in routes:
            sink = route.sink
            decoded = None if route.transform is None else _decoded(record)
            if decoded is None:  # What cannot be read is refused by the sink.
                sink.add(record, message.version, message.time_extracted, self._moment, origin)
            else:
                transformed = self._transformed(route, decoded)
                if transformed is None:
                    continue
                context = {
                    "version": message.version,
                    "extracted_at": message.time_extracted,
                    "moment": self._moment,
                    "origin": origin,
                }
                sink.process_record(transformed, context)
            if sink.is_full:
                self.flush(sink)
            elif sink.batch.size_bytes > self._share_bytes:
                self._bound_bytes()

    def _transformed(self, route: _Route, decoded: Any) -> dict[str, Any] | None:
        """Apply a stream map; none if it leaves the record out."""
        try:
            return route.transform(decoded) if route.transform else decoded
        except Exception as error:  # An expression of a map may raise whatever it likes.
            # Only what the SDK says is sure to hold no value.
            told = str(error).rstrip(".") if isinstance(error, MappingError) else ""
            reason = told or type(error).__name__
            raise MappingError(
                f'{self.where} of stream "{route.sink.stream_name}" cannot be mapped: {reason}. '
                "Correct `stream_maps` or the tap."
            ) from error

    @override
    def _process_state_message(self, message: Message) -> None:  # type: ignore[override]
        value = bytes(message.value)
        if not value.startswith(b"{"):
            raise InvalidInputLine(f"{self.where}: the state is not an object. Correct the tap.")
        if self.overwrite is not None:
            self.overwrite.proofs.note_state(value, self._ordinal)
        self._watermark.add(self._ordinal, value, self._firsts)
        self._emit_states()

    @override
    def _process_activate_version_message(self, message: Message) -> None:  # type: ignore[override]
        stream = self._stream_of(message)
        if message.version is None:
            raise InvalidInputLine(
                f'{self.where}: ACTIVATE_VERSION of stream "{stream}" needs a version. Correct the '
                "tap."
            )
        if stream not in self._routes:
            self._early_versions[stream] = message
            self.logger.warning(
                "%s: ACTIVATE_VERSION of stream %s came before its schema, and waits for it. "
                "Correct the tap.",
                self.where,
                stream,
            )
        routes = self._routes.get(stream, [])
        if self.overwrite is not None:
            carried = next((route.sink.version for route in routes), None)
            self.overwrite.proofs.activate(stream, message.version, carried)
        for route in routes:
            if route.sink.process_activate_version_messages:
                self.settle(route.sink)
                route.sink.activate_version(message.version)

    @override
    def _process_batch_message(self, message: Message) -> None:  # type: ignore[override]
        stream = self._stream_of(message)
        if message.manifest is None or message.encoding is None:
            raise InvalidInputLine(
                f'{self.where}: BATCH of stream "{stream}" needs a manifest and an encoding. '
                "Correct the tap."
            )
        storage = (self.config.get("batch_config") or {}).get("storage")
        limit = self.config["max_message_bytes"]
        for url in message.manifest:
            try:
                for number, line in enumerate(read_lines(url, message.encoding, storage, limit), 1):
                    self._number_in_file = number
                    if not line.isspace():
                        record = Message(
                            type="RECORD", stream=stream, record=msgspec.Raw(line.strip())
                        )
                        self._process_record_message(record)
                    if number % 1000 == 0:
                        self._between_reads()
            except BatchFileError as error:
                raise InvalidInputLine(
                    f'{self.where}: a batch file of stream "{stream}" {error}.'
                ) from error
            finally:
                self._number_in_file = 0

    def _stream_of(self, message: Message) -> str:
        if not message.stream:
            raise InvalidInputLine(f"{self.where} names no stream. Correct the tap.")
        return message.stream

    # Batches

    def flush(self, sink: SQLSink) -> None:
        """Hand a sink's batch over to the lanes."""
        self._hand_over(sink)
        self._emit_states()
        self.lanes.check()

    def settle(self, sink: SQLSink) -> None:
        """Write a sink's batch, and wait until everything is written."""
        self._hand_over(sink)
        self._wait()

    def _hand_over(self, sink: SQLSink) -> None:
        if rows := sink.current_size:
            self.drain_one(sink)
            sink.record_counter_metric.increment(rows)

    def _wait(self) -> None:
        try:
            self.lanes.wait()
        finally:
            self._emit_states()

    @property
    def _sinks(self) -> list[SQLSink]:
        return list(self._sinks_active.values())  # type: ignore[arg-type]

    @property
    def _sources(self) -> dict[str, list[str]]:
        """The streams of the tap, by the names that they are written under."""
        sources: dict[str, list[str]] = {}
        for stream, routes in self._routes.items():
            for route in routes:
                sources.setdefault(route.sink.stream_name, []).append(stream)
        return sources

    def _bound_bytes(self) -> None:
        if sum(sink.batch.size_bytes for sink in self._sinks) >= self._limit_bytes:
            self.flush(max(self._sinks, key=lambda sink: sink.batch.size_bytes))

    def _between_reads(self) -> None:
        """Obey a signal, write batches that are old enough, and look at the clock."""
        self._obey()
        self.locks.keep()
        self.lanes.check()
        self._emit_states()
        self._moment = Moment.now()
        oldest = time.monotonic() - self._wait_limit_seconds
        for sink in self._sinks:
            if sink.batch.first_ordinal is not None and sink.batch.began_at <= oldest:
                self.flush(sink)

    def _obey(self) -> None:
        if self._termination is not None:
            raise TerminatedError(self._termination)

    @override
    def process_endofpipe(self) -> None:
        """Write what is left, and put new tables in place of old ones."""
        self._finish(is_complete=True)

    def _finish(self, *, is_complete: bool) -> None:
        try:
            for sink in self._sinks:
                self._hand_over(sink)
            self._wait()
            if is_complete:
                if self.overwrite is not None:
                    self.overwrite.finish(self._sources)
                self._emit_states(is_final=True)
            elif self.overwrite is not None:
                self.overwrite.abandon()
        finally:
            self.close()
        counts = self._records_before.copy()
        for sink in self._sinks:
            counts[sink.stream_name] += sink.records_read
            self.logger.debug(
                "Wrote stream: stream=%s records=%d", sink.stream_name, counts[sink.stream_name]
            )
            sink.clean_up()
        records = counts.total()
        if is_complete or records:
            self.logger.info(
                "Wrote %s: streams=%d records=%d seconds=%.1f",
                "all" if is_complete else "what was read until then",
                *(len(self._sinks), records, time.monotonic() - self._began),
            )

    def close(self) -> None:
        """Close all connections."""
        self.lanes.close()
        self.connection.close()
        if self.quarantine is not None:
            self.quarantine.close()
        self.locks.close()
        for stream, count in self.rounded.items():
            self.logger.warning(
                "Stream %s: %d values were rounded or cut, as `on_inexact: round` asks.",
                stream,
                count,
            )
        self.rounded.clear()

    # State

    def _emit_states(self, *, is_final: bool = False) -> None:
        """Print the states of which every record is committed; of several at once, the last."""
        committed = self.lanes.committed
        if self.quarantine is not None:
            self.quarantine.flush()
        if self.overwrite is not None and not is_final:
            return
        handed_over = min(self._firsts, default=self._ordinal + 1) - 1
        self._watermark.hand_over(handed_over, self.lanes.handed_over)
        for state in self._watermark.commit(committed, self.lanes.first_refused):
            self._print_state(state)

    @property
    def _firsts(self) -> list[int]:
        """Numbers of the first records of the batches that are not handed over."""
        firsts = (sink.batch.first_ordinal for sink in self._sinks)
        return [ordinal for ordinal in firsts if ordinal is not None]

    def _print_state(self, state: bytes) -> None:
        if state != self._last_state:
            self._last_state = state
            write_out(state.decode())

    # Settings

    @property
    @override
    def _env_var_config(self) -> dict[str, Any]:
        # The SDK's ends in a traceback where a number is none.
        self.append_builtin_config(self.config_jsonschema)
        return checks.from_environment(self.config_jsonschema, self._env_var_prefix)

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        # The SDK's sentences are those of a JSON Schema, and repeat secrets.
        self.append_builtin_config(self.config_jsonschema)
        errors = list(checks.faults(self._config, self.config_jsonschema))
        known = self.config_jsonschema["properties"].keys() | FOREIGN.keys()  # Those are errors.
        if unknown := self._config.keys() - known:
            self.logger.warning(
                "There is no such setting, so it changes nothing; check its spelling: %s",
                ", ".join(sorted(unknown)),
            )
        if errors and raise_errors:
            summary = "Config validation failed"
            raise ConfigValidationError(summary, errors=errors, schema=self.config_jsonschema)
        return errors

    # The process

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Remember the signal; the batch at work ends first."""
        self._termination = signum

    def _listen_or_obey(self, file_input: IO[str] | None) -> None:
        try:
            self.listen(file_input)
        except TerminatedError as termination:
            name = signal.Signals(termination.signal_number).name
            self.logger.warning("Received %s: writing what was read, then ending.", name)
            self._finish(is_complete=False)
            sys.exit(128 + termination.signal_number)

    @classmethod
    @override
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> _ConfigInput:
        for path in value:
            if path != "ENV":
                try:
                    msgspec.json.decode(Path(path).read_bytes(), type=dict)
                except (OSError, ValueError) as error:
                    raise click.ClickException(
                        f"`--config` {path} cannot be read as a JSON object: {error}"
                    ) from error
        return super().cb_config(ctx, param, value)

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        shorten_lines()
        return super().get_singer_command()

    @classmethod
    @override
    def invoke(  # type: ignore[override]
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        file_input: IO[str] | None = None,
    ) -> None:
        """Run the target.

        A user's error is one line on standard error and exit code 1; a signal is obeyed with exit
        code 128 and its number. What was read before either is written, with its states.
        """
        if about:
            cls.print_about(about_format)
            return
        cls.print_version(print_fn=cls.logger.info)
        sys.setswitchinterval(TURN_SECONDS)
        with defects_told(cls.logger):
            cls._run(config, file_input)

    @classmethod
    def _run(cls, config: _ConfigInput | None, file_input: IO[str] | None) -> None:
        check_streams(file_input)
        if isinstance(sys.stdout.buffer, RawIOBase):
            # Python is told not to buffer (PYTHONUNBUFFERED): a signal would cut a state in two.
            sys.stdout = TextIOWrapper(BufferedWriter(sys.stdout.buffer), encoding="utf-8")
        try:
            target = cls(
                config=dict(config.config) if config else None,
                parse_env_config=bool(config and config.parse_env),
            )
        except ConfigValidationError:
            take_leave(file_input or sys.stdin)
            raise
        if (file_input or sys.stdin).isatty():
            cls.logger.info(
                "Singer messages are read from this terminal, until Ctrl+D. Usually a tap sends "
                "them: `tap-harvest --config=ENV | target-harvest-sql --config=ENV`."
            )
        try:
            with Terminations(cls.logger):
                target._read_to_the_end(file_input)
        except OutputError as error:
            cls.logger.error("%s", error)  # noqa: TRY400 - a traceback would say no more.
            drop_output()
            sys.exit(1)

    def _read_to_the_end(self, file_input: IO[str] | None) -> None:
        """Read the input to its end, to an error or to a signal."""
        try:
            self._listen_or_obey(file_input)
        except USER_ERRORS as error:
            self._end_early(error)
            take_leave(file_input or sys.stdin)
            sys.exit(1)

    def _end_early(self, error: Exception) -> None:
        """Write what was read before an error, and tell the error."""
        with suppress(DatabaseError):  # The first error is the one to tell.
            self._finish(is_complete=False)
        self.logger.error("%s", getattr(error, "error_message", None) or error.args[0])
        self.logger.debug("Where it happened:\n%s", trace(error))


def _decoded(record: bytes) -> Any:
    """Decode a record for a stream map; none if it cannot be read."""
    try:
        return decode_exactly(record)
    except (msgspec.DecodeError, RecursionError):
        return None


def _clean_names(message: Message) -> None:
    """Name properties as the records do once U+0000 is taken out of them."""
    message.schema = msgspec.Raw(clean(bytes(message.schema), keeps_nul=False))
    keys = message.key_properties or []
    message.key_properties = [key.replace("\0", "\ufffd") for key in keys]


class _Route(msgspec.Struct, frozen=True):
    """Where the records of a stream go."""

    sink: SQLSink
    transform: Callable[[dict[str, Any]], dict[str, Any] | None] | None
    """A stream map, if there is one."""
