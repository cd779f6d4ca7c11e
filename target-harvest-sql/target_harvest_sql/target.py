"""The messages, each brought to the sinks of its stream, in their order."""

from __future__ import annotations

import time
from collections import Counter
from typing import IO, TYPE_CHECKING, Any, ClassVar

from singer_sdk import Target
from singer_sdk.exceptions import (
    ConfigValidationError,
    MappingError,
    RecordsWithoutSchemaException,
)
from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities
from singer_sdk.mapper import PluginMapper, SameRecordTransform
from singer_sdk.singerlib.exceptions import InvalidInputLine
from typing_extensions import override

from target_harvest_sql import cli
from target_harvest_sql.cli import TerminatedError
from target_harvest_sql.destination import Destination
from target_harvest_sql.logs import calm_down, shorten_lines
from target_harvest_sql.process import terminations
from target_harvest_sql.reading import parts
from target_harvest_sql.reading.batch_files import BatchFileError, read_records
from target_harvest_sql.reading.messages import Message, MessageReader
from target_harvest_sql.records.blocks import Block, Moment, Origin, Origins
from target_harvest_sql.routes import Route, Routes
from target_harvest_sql.settings import checks
from target_harvest_sql.settings.foreign import FOREIGN
from target_harvest_sql.settings.schema import SETTINGS
from target_harvest_sql.sink import SQLSink

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    import click
    from singer_sdk.plugin_base import _ConfigInput

    from target_harvest_sql.records.blocks import Raw


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
        self.rounded: Counter[str] = Counter()
        """How many values were rounded, by stream."""
        self.destination = Destination(self.config, self.logger, self._obey)
        self._dispatch = self.destination.dispatch
        self._overwrite = self.destination.overwrite
        self.message_reader.between_reads = self._between_reads
        self.message_reader.limit_bytes = self.config["max_message_bytes"]
        self.message_reader.passes_broken_records = self.destination.quarantine is not None
        self._began = time.monotonic()
        self._moment = Moment.now()
        self._routes = Routes()
        self._schemas: dict[str, tuple[bytes, Sequence[str]]] = {}
        self._early_versions: dict[str, Message] = {}
        """The last ACTIVATE_VERSION of each stream whose schema has not come yet."""
        self._records_before: Counter[str] = Counter()
        """How many records streams had before their schema changed."""

    @override
    def setup_mapper(self) -> None:
        """Set up stream maps, without the SDK's flattening: columns are paths, and flatten."""
        config = {k: v for k, v in self.config.items() if not k.startswith("flattening_")}
        config["stream_maps"] = dict(config.get("stream_maps") or {})
        self._mapper = PluginMapper(plugin_config=config, logger=self.logger)

    @property
    def _origin(self) -> Origin:
        """The place in the input."""
        return Origin(self._dispatch.ordinal, self.message_reader.line_number)

    # Messages, in their order

    @override
    def _process_schema_message(self, message: Message) -> None:  # type: ignore[override]
        where = self._origin
        stream = parts.stream_of(message, where)
        if not self.destination.connection.dialect.keeps_nul:
            parts.clean_names(message)
        schema = parts.schema_of(message, where)
        if self._overwrite is not None:
            self._overwrite.proofs.begin(stream)
        given = (bytes(message.schema), message.key_properties or [])
        if self._schemas.get(stream) == given:
            return
        sinks_before = self._sinks
        for route in self._routes.of(stream):
            self._dispatch.flush(
                route.sink.filler
            )  # What was read under the old schema is written first.
        self._dispatch.wait()
        try:
            # The SDK compares with the schema before, and makes new sinks only if it differs.
            super()._process_schema_message(
                {"stream": stream, "schema": schema, "key_properties": message.key_properties or []}
            )
        except MappingError as error:
            raise MappingError(
                f'{where}: `stream_maps` do not fit the schema of stream "{stream}": {error} '
                "Correct them."
            ) from error
        self._clear_old_sinks()
        self._schemas[stream] = given
        for sink in self._sinks:
            if sink not in sinks_before:
                sink.prepare(where)
        self._dispatch.set_sources([sink.filler for sink in self._sinks])
        routes = [
            Route(
                sink=self.get_sink(stream_map.stream_alias),  # type: ignore[arg-type]
                transform=None if type(stream_map) is SameRecordTransform else stream_map.transform,
            )
            for stream_map in self.mapper.stream_maps[stream]
            if self.sink_exists(stream_map.stream_alias)
        ]
        self._routes.set(stream, routes)
        if early := self._early_versions.pop(stream, None):
            self._process_activate_version_message(early)

    def _clear_old_sinks(self) -> None:
        """Count the records of sinks whose schema was replaced; all of them are written."""
        for sink in self._sinks_to_clear:
            self._records_before[sink.stream_name] += sink.filler.records_handed_over  # type: ignore[attr-defined]
        self._sinks_to_clear.clear()

    @override
    def _process_record_message(self, messages: list[Message]) -> None:  # type: ignore[override]
        first = messages[0]
        if len(messages) == 1:
            parts.check_record(first, self._origin)
        self._add(first, [message.record for message in messages])

    def _add(self, message: Message, records: Sequence[Raw], number: int = 0) -> None:
        """Send records to the sinks of their stream.

        Args:
            message: The message of the first record, or the one that names their file.
            records: Consecutive records of the input or of the file.
            number: Number of the first record in a batch file; 0 if they come from none.
        """
        first = Origin(self._dispatch.ordinal + 1, self.message_reader.line_number, number)
        stream = parts.stream_of(message, first)
        if stream not in self._routes:
            raise RecordsWithoutSchemaException(
                f'{first}: a record of stream "{stream}" came before its schema. Correct '
                "the tap: it must write a SCHEMA message first."
            )
        self._dispatch.ordinal += len(records)
        if self._overwrite is not None:
            self._overwrite.proofs.last_ordinals[stream] = self._dispatch.ordinal
        kept = [*map(bytes, records)] if self.destination.quarantine is not None else ()
        block = Block(
            records,
            Origins(first, range(len(records)), kept),
            message.version,
            message.time_extracted,
            self._moment,
        )
        self._routes.send(stream, block)

    @override
    def _process_state_message(self, message: Message) -> None:  # type: ignore[override]
        state = parts.state_of(message, self._origin)
        if self._overwrite is not None:
            self._overwrite.proofs.note_state(state, self._dispatch.ordinal)
        self._dispatch.add_state(state)

    @override
    def _process_activate_version_message(self, message: Message) -> None:  # type: ignore[override]
        stream = parts.stream_of(message, self._origin)
        version = parts.version_of(message, self._origin)
        if stream not in self._routes:
            self._early_versions[stream] = message
            self.logger.warning(
                "%s: ACTIVATE_VERSION of stream %s came before its schema, and waits for it. "
                "Correct the tap.",
                self._origin,
                stream,
            )
        routes = self._routes.of(stream)
        if self._overwrite is not None:
            carried = next((route.sink.filler.version for route in routes), None)
            self._overwrite.proofs.activate(stream, version, carried)
        for route in routes:
            if route.sink.process_activate_version_messages:
                route.sink.activate_version(version)

    @override
    def _process_batch_message(self, message: Message) -> None:  # type: ignore[override]
        stream = parts.stream_of(message, self._origin)
        files, encoding = parts.files_of(message, self._origin)
        storage = (self.config.get("batch_config") or {}).get("storage")
        limit = self.config["max_message_bytes"]
        of_records = Message(type="RECORD", stream=stream)
        for url in files:
            number = 0
            try:
                for number, records in read_records(url, encoding, storage, limit):
                    self._add(of_records, records, number)
                    self._between_reads()
            except BatchFileError as error:
                where = Origin(self._dispatch.ordinal, self.message_reader.line_number, number)
                raise InvalidInputLine(
                    f'{where}: a batch file of stream "{stream}" {error}.'
                ) from error

    @property
    def _sinks(self) -> list[SQLSink]:
        return list(self._sinks_active.values())  # type: ignore[arg-type]

    # Between messages, and at the end

    def _between_reads(self) -> None:
        """Obey a signal, write batches that are old enough, and look at the clock."""
        self._obey()
        self.destination.locks.keep()
        self._dispatch.flush_old()
        self._moment = Moment.now()

    def _obey(self) -> None:
        if self._termination is not None:
            raise TerminatedError(self._termination)

    @override
    def _setup_signal_handlers(self) -> None:
        super()._setup_signal_handlers()  # Of SIGINT and SIGTERM, also if they were ignored.
        terminations.handle(self._handle_termination)

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Remember the signal; the batch at work ends first."""
        self._termination = signum

    @override
    def process_endofpipe(self) -> None:
        """Write what is left, and put new tables in place of old ones."""
        self.finish(is_complete=True)

    def finish(self, *, is_complete: bool) -> None:
        """Write what was read, and close the connections.

        Args:
            is_complete: Whether the input was read to its end.

        Raises:
            DatabaseError: If the database refuses something.
            UnprovenError: If tables are not replaced, since nothing proves that their streams were
                read whole.
        """
        try:
            self._dispatch.settle_all()
            if is_complete:
                if self._overwrite is not None:
                    self._overwrite.finish(self._routes.sources)
                self._dispatch.emit_states(is_final=True)
            elif self._overwrite is not None:
                self._overwrite.abandon()
        finally:
            self.close()
        self._log_counts(is_complete=is_complete)

    def _log_counts(self, *, is_complete: bool) -> None:
        counts = self._records_before.copy()
        for sink in self._sinks:
            counts[sink.stream_name] += sink.filler.records_handed_over
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
        self.destination.close()
        for stream, count in self.rounded.items():
            self.logger.warning(
                "Stream %s: %d values were rounded or cut, as `on_inexact: round` asks.",
                stream,
                count,
            )
        self.rounded.clear()

    # Settings and command line

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

    @classmethod
    @override
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> _ConfigInput:
        cli.check_config_files(value)
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
        """Run the target as this process; how it ends, `cli.run` says."""
        if about:
            cls.print_about(about_format)
            return
        cls.print_version(print_fn=cls.logger.info)
        cli.run(
            lambda: cls(
                config=dict(config.config) if config else None,
                parse_env_config=bool(config and config.parse_env),
            ),
            cls.logger,
            file_input,
        )
