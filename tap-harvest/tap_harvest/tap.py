"""The tap: from settings and state to accounts, streams, a run and its summary."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from io import StringIO
from typing import TYPE_CHECKING, Any, ClassVar, cast

import click
import msgspec
from singer_sdk import Tap
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from typing_extensions import override

from tap_harvest import checks, signals
from tap_harvest.catalog import fit_account_keys
from tap_harvest.cli import plain_errors, readable
from tap_harvest.connection import account_ids_of, accounts_of
from tap_harvest.environment import settings_from_environment
from tap_harvest.logs import calm_down, shorten_lines
from tap_harvest.reading.report import Report
from tap_harvest.reading.sync import Sync
from tap_harvest.rights import Wanted
from tap_harvest.settings import SETTINGS, without_nulls
from tap_harvest.state.loading import usable
from tap_harvest.streams import STREAMS
from tap_harvest.summary import summed_up
from tap_harvest.writer import BufferedWriter, flush_output

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import FrameType

    from singer_sdk import Stream
    from singer_sdk.plugin_base import _ConfigInput

    from tap_harvest.account import Account, Accounts
    from tap_harvest.reading.stream import HarvestStream


# The SDK has names on instances; ours are on classes.
BY_WINDOW = frozenset(
    stream.name  # type: ignore[misc]
    for stream in STREAMS
    if issubclass(stream, Report)
)
"""The streams whose entry in the state tells which windows were read."""
SOURCES = "tap_harvest.sources"
"""Where the command line's context keeps what `--config` names."""


class TapHarvest(Tap):
    """Singer tap for the Harvest API v2."""

    name = "tap-harvest"
    package_name = "tap-harvest-api"
    message_writer_class = BufferedWriter
    # Not BATCH: records leave as the bytes that came.
    capabilities: ClassVar = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        PluginCapabilities.ACTIVATE_VERSION,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]
    config_jsonschema: ClassVar = SETTINGS

    def __init__(self, **arguments: Any) -> None:
        """Read settings, state and catalog; ask Harvest for nothing yet.

        Args:
            arguments: As the SDK's `Tap` takes them.
        """
        calm_down(self.logger)
        config = arguments.get("config")
        if isinstance(config, dict):
            arguments["config"] = without_nulls(config)
        super().__init__(**arguments)
        context = click.get_current_context(silent=True)
        self._sources: tuple[str, ...] = context.meta.get(SOURCES, ()) if context else ()
        calm_down(self.logger)  # Again: the SDK has set the level of its metrics.

    @property
    def account(self) -> Account:
        """The first Harvest account that is read; all accounts share its client's connections."""
        return self.accounts.all[0]

    @cached_property
    def accounts(self) -> Accounts:
        """The Harvest accounts to read."""
        return accounts_of(
            self.config,
            user_agent=f"{self.name}/{self.plugin_version}",
            sources=self._sources,
            wanted=self._wanted,
        )

    @property
    def _selected(self) -> list[HarvestStream]:
        streams = cast("Iterable[HarvestStream]", self.streams.values())
        return [stream for stream in streams if stream.selected]

    def _wanted(self) -> list[Wanted]:
        """What the token's rights may leave out."""
        return [
            Wanted(
                stream.name,
                stream.source.module,
                stream.schema["properties"],
                stream.source.hides_rows,
            )
            for stream in self._selected
        ]

    @override
    def discover_streams(self) -> list[HarvestStream]:
        return [stream(self, lambda: self.accounts, self._sync.read) for stream in STREAMS]

    @cached_property
    def _sync(self) -> Sync:
        return Sync()

    @override
    @property
    def streams(self) -> dict[str, Stream]:
        # In the order of STREAMS, not of the alphabet: reports wait for a budget of their own, and
        # nothing else should wait behind them.
        found = super().streams.values()
        return {s.name: s for s in sorted(found, key=lambda s: STREAMS.index(type(s)))}

    @override
    def setup_mapper(self) -> None:
        # The catalog may come from a discovery with `account_ids` set, or without.
        if self.input_catalog is not None:
            fit_account_keys(self.input_catalog, has_account_id=bool(account_ids_of(self.config)))
        super().setup_mapper()

    @override  # type: ignore[misc]  # It is final, and there is no other end of a run.
    def sync_all(self) -> None:
        with self._run("Read to the end:"):
            if any(s.selected or s.has_selected_descendents for s in self.streams.values()):
                # Fails before anything is written if the token does not reach an account.
                self.accounts.open()
                streams = cast("Iterable[HarvestStream]", self.streams.values())
                self._sync.announce(list(streams), self.accounts)
            super().sync_all()

    @override  # type: ignore[misc]  # As above.
    def run_sync_dry_run(self, *args: Any, **kwargs: Any) -> bool:
        with self._run("Tried, the first rows of each stream:"):
            return super().run_sync_dry_run(*args, **kwargs)

    @contextmanager
    def _run(self, heading: str) -> Iterator[None]:
        """Log a summary at the end, and close the client, also after an error or a signal."""
        tallies = {stream.name: stream.tally for stream in self._selected}
        try:
            with summed_up(heading, tallies, lambda: self.account.client, self.logger):
                yield
        finally:
            if "accounts" in self.__dict__:  # Else no client was made.
                self.account.client.close()

    @override
    def load_state(self, state: Mapping[str, Any]) -> None:
        accounts = self.config.get("account_ids") or ()
        super().load_state(usable(state, accounts, by_window=BY_WINDOW, logger=self.logger))

    @override
    @property
    def _env_var_config(self) -> dict[str, Any]:
        # The SDK ends with a traceback if a number is not valid.
        self.append_builtin_config(self.config_jsonschema)
        return settings_from_environment(self.config_jsonschema, self._env_var_prefix)

    @override
    @classmethod
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> _ConfigInput:
        ctx.meta[SOURCES] = value
        with readable("--config", ", ".join(value)):
            return super().cb_config(ctx, param, value)

    @override
    @classmethod
    def get_singer_command(cls) -> click.Command:
        shorten_lines()
        command = super().get_singer_command()
        # `--help` and `--version` write before `invoke`.
        command.main = plain_errors(cls.logger)(flush_output()(command.main))  # type: ignore[method-assign]
        return command

    @override
    @classmethod
    def invoke(cls, **arguments: Any) -> None:
        for option in ("state", "catalog"):
            if file := arguments.get(option):
                with readable(f"--{option}", file.name):
                    text = file.read()
                    msgspec.json.decode(text, type=dict)
                arguments[option] = StringIO(text)
        with plain_errors(cls.logger), flush_output():
            super().invoke(**arguments)

    @override
    @classmethod
    def cb_discover(
        cls: type[TapHarvest], ctx: click.Context, param: click.Option, value: bool
    ) -> None:
        with plain_errors(cls.logger), flush_output():
            super().cb_discover(ctx, param, value)

    @override
    @classmethod
    def cb_test(cls: type[TapHarvest], ctx: click.Context, param: click.Option, value: str) -> None:
        with plain_errors(cls.logger):
            super().cb_test(ctx, param, value)

    @override
    def _setup_signal_handlers(self) -> None:
        super()._setup_signal_handlers()  # Of SIGINT and SIGTERM, also if they were ignored.
        signals.handle(self._handle_termination)

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        # Each bookmark was written when it moved. The SDK would write the state once more, which
        # may be in the middle of a record, and report half of a sync as a success.
        cast("BufferedWriter", self.message_writer).exit(128 + signum)

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        # The SDK's messages are those of a JSON Schema, and repeat secrets.
        self.append_builtin_config(self.config_jsonschema)
        checks.keep_secrets(self._config, self.config_jsonschema)
        # The SDK has names on instances; ours are on classes.
        offered = {stream.name: stream.filters for stream in STREAMS}  # type: ignore[misc]
        errors = list(checks.faults(self._config, self.config_jsonschema, offered))
        if raise_errors and (warning := checks.unknown(self._config, self.config_jsonschema)):
            self.logger.warning("%s", warning)
        if errors and raise_errors:
            summary = "Config validation failed"
            raise ConfigValidationError(summary, errors=errors, schema=self.config_jsonschema)
        return errors
