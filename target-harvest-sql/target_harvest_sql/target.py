"""The target as the SDK runs it: settings, command line, and the handlers of messages."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, ClassVar

from singer_sdk import Target
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities
from singer_sdk.mapper import PluginMapper
from typing_extensions import override

from target_harvest_sql import cli
from target_harvest_sql.destination import Destination
from target_harvest_sql.intake import Intake
from target_harvest_sql.logs import calm_down, shorten_lines
from target_harvest_sql.process import terminations
from target_harvest_sql.process.endings import output_told
from target_harvest_sql.process.stop_request import StopRequest
from target_harvest_sql.reading import parts
from target_harvest_sql.reading.messages import Message, MessageReader
from target_harvest_sql.records.blocks import Origin
from target_harvest_sql.routes import Routes
from target_harvest_sql.settings import checks
from target_harvest_sql.settings.foreign import FOREIGN
from target_harvest_sql.settings.schema import SETTINGS
from target_harvest_sql.sink import SQLSink
from target_harvest_sql.streams import Streams
from target_harvest_sql.writing.summary import Summary

if TYPE_CHECKING:
    from types import FrameType

    import click
    from singer_sdk.plugin_base import _ConfigInput


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
        self._stop_request = StopRequest()
        if isinstance(config := kwargs.get("config"), dict):
            kwargs["config"] = checks.given(config)
        calm_down(self.logger)
        super().__init__(**kwargs)
        calm_down(self.logger)  # Again: the SDK has set the level of its metrics.
        self.max_parallelism = 1
        self.summary = Summary(self.logger)
        self.destination = Destination(self.config, self.logger, self._stop_request.obey)
        self.message_reader.between_reads = self._between_reads
        self.message_reader.limit_bytes = self.config["max_message_bytes"]
        self.message_reader.passes_broken_records = self.destination.quarantine is not None
        self._routes = Routes()
        self._intake = Intake(self._routes, self.destination, self.config, self._between_reads)
        self._streams = Streams(
            self._routes,
            self.destination,
            self.mapper,
            self.add_sink,
            self.logger,
        )

    @override
    def setup_mapper(self) -> None:
        """Set up stream maps. They do not flatten: the paths of the columns do."""
        config = {k: v for k, v in self.config.items() if not k.startswith("flattening_")}
        config["stream_maps"] = dict(config.get("stream_maps") or {})
        self._mapper = PluginMapper(plugin_config=config, logger=self.logger)

    # Messages, in their order

    @property
    def _where(self) -> Origin:
        """The place in the input."""
        return Origin(self.destination.dispatch.ordinal, self.message_reader.line_number)

    @override
    def _process_schema_message(self, message: Message) -> None:  # type: ignore[override]
        self._streams.begin(message, self._where)

    @override
    def _process_record_message(self, messages: list[Message]) -> None:  # type: ignore[override]
        self._intake.take(messages, self._where)

    @override
    def _process_batch_message(self, message: Message) -> None:  # type: ignore[override]
        self._intake.take_files(message, self._where)

    @override
    def _process_activate_version_message(self, message: Message) -> None:  # type: ignore[override]
        self._streams.activate(message, self._where)

    @override
    def _process_state_message(self, message: Message) -> None:  # type: ignore[override]
        self.destination.add_state(parts.state_of(message, self._where))

    # Between messages, and at the end

    def _between_reads(self) -> None:
        """Obey a signal, write batches that are old enough, and note the time."""
        self._stop_request.obey()
        self.destination.keep_up()
        self._intake.look_at_the_clock()

    @override
    def _setup_signal_handlers(self) -> None:
        super()._setup_signal_handlers()  # Of SIGINT and SIGTERM, also if they were ignored.
        terminations.handle(self._handle_termination)

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Remember the signal. The run ends between two reads."""
        self._stop_request.take(signum)

    @override
    def process_endofpipe(self) -> None:
        """Write the last batches, and put new tables in the place of old ones."""
        self.finish(is_complete=True)

    def finish(self, *, is_complete: bool) -> None:
        """Write what was read, and close the connections.

        Args:
            is_complete: Whether the input was read to its end.

        Raises:
            DatabaseError: If the database refuses something.
            UnprovenError: If tables are not replaced, as nothing proves that their streams were
                read whole.
        """
        try:
            self.destination.finish(self._routes.sources, is_complete=is_complete)
        finally:
            self.close()
        for sink in self._routes.sinks:
            sink.clean_up()
        self.summary.log_records(is_complete=is_complete)

    def close(self) -> None:
        """Close all connections."""
        self.destination.close()
        self.summary.warn_of_rounded()

    # Settings and command line

    @property
    @override
    def _env_var_config(self) -> dict[str, Any]:
        # The SDK's version ends in a traceback if a number is not a number.
        self.append_builtin_config(self.config_jsonschema)
        return checks.from_environment(self.config_jsonschema, self._env_var_prefix)

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        # The messages of the SDK are those of a JSON Schema, and they repeat secrets.
        self.append_builtin_config(self.config_jsonschema)
        errors = list(checks.faults(self._config, self.config_jsonschema))
        known = self.config_jsonschema["properties"].keys() | FOREIGN.keys()  # `FOREIGN` ones fail.
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
        command = super().get_singer_command()
        # `--help` and `--version` write before `invoke`.
        command.main = output_told(cls.logger)(command.main)  # type: ignore[method-assign]
        return command

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
        """Run the target as this process. `cli.run` says how it ends."""
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
