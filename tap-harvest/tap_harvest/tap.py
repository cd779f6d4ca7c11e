"""What a user sets, and the list of streams."""

from __future__ import annotations

import sys
import time
import weakref
from contextlib import contextmanager
from functools import cached_property, partial
from io import StringIO
from typing import TYPE_CHECKING, Any, ClassVar, cast

import click
import msgspec
from singer_sdk import Tap
from singer_sdk import typing as th
from singer_sdk.exceptions import (
    ConfigValidationError,
    FatalAPIError,
    MappingError,
    RetriableAPIError,
)
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from singer_sdk.singerlib import Schema
from typing_extensions import override

from tap_harvest import settings
from tap_harvest.account import Accounts
from tap_harvest.bookmarks import accounts_in, sound_state
from tap_harvest.client import MAX_PAGE_SIZE, Client
from tap_harvest.fields import with_account, with_account_key
from tap_harvest.logs import calm_down, shorten_lines
from tap_harvest.rights import Wanted
from tap_harvest.sign_in import sign_in_of
from tap_harvest.streams import STREAMS
from tap_harvest.summary import summary
from tap_harvest.token_file import keep_refresh_token
from tap_harvest.windows import SIZES
from tap_harvest.writer import BufferedWriter

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Iterator, Mapping
    from types import FrameType

    from singer_sdk import Stream
    from singer_sdk.plugin_base import _ConfigInput

    from tap_harvest.account import Account
    from tap_harvest.streams.base import HarvestStream


ACCOUNT_ID = {"type": ["integer", "string"], "minimum": 1, "pattern": "^[0-9]+$"}
"""What numbers an account: a number, or its text, as environment variables have it."""
SOURCES = "tap_harvest.sources"
"""Where the command line's context keeps what `--config` names."""
MAX_DAYS = 36_500
"""A century: as good as for ever, and still a length of time."""
NULL_IS_NEVER = frozenset({"reconcile_days", "sweep_days"})
"""The settings for which null is a value; for all others it stands for their default."""


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
        TapCapabilities.ACTIVATE_VERSION,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]
    config_jsonschema: ClassVar = th.PropertiesList(
        th.Property(
            "access_token",
            th.StringType,
            secret=True,
            title="Access token",
            description="Personal access token, made under Developers in your Harvest ID. "
            "Use an administrator's: for others Harvest leaves out what they may not see.",
        ),
        th.Property(
            "client_id",
            th.StringType,
            title="OAuth2 client id",
            description="Id of the OAuth2 client to sign in with, in the place of `access_token`.",
        ),
        th.Property(
            "client_secret",
            th.StringType,
            secret=True,
            title="OAuth2 client secret",
            description="Secret of the OAuth2 client.",
        ),
        th.Property(
            "refresh_token",
            th.StringType,
            secret=True,
            title="OAuth2 refresh token",
            description="What Harvest gave the OAuth2 client when an administrator signed in.",
        ),
        th.Property(
            "account_id",
            th.CustomType(ACCOUNT_ID),
            title="Account id",
            description="Number of the Harvest account, shown beside the token. "
            "Needed only if the token reaches more than one.",
        ),
        th.Property(
            "account_ids",
            th.ArrayType(th.CustomType(ACCOUNT_ID)),
            title="Account ids",
            description="Numbers of several Harvest accounts to read, in the place of "
            "`account_id`. Each record and each key then begins with `account_id`.",
        ),
        th.Property(
            "start_date",
            th.StringType,
            title="Start date",
            description="Date or date-time. Time entries, expenses, invoices and estimates that "
            "did not change since are left out of the first sync. Default: everything.",
        ),
        th.Property(
            "end_date",
            th.StringType,
            title="End date",
            description="Date or date-time. Time entries, expenses, invoices and estimates that "
            "changed then or later are left for a later sync.",
        ),
        th.Property(
            "lookback_seconds",
            th.IntegerType(minimum=0, maximum=MAX_DAYS * 24 * 60 * 60),
            default=300,
            title="Lookback",
            description="How far before its bookmark a stream is read again, for rows that "
            "Harvest showed late.",
        ),
        th.Property(
            "reconcile_days",
            th.IntegerType(minimum=0, maximum=MAX_DAYS),
            default=1,
            title="Reconcile",
            description="After how many days a list is read whole again, so that rows that were "
            "deleted in Harvest are found and removed downstream; 0: in every run; null: never, "
            "and nothing is removed.",
        ),
        th.Property(
            "sweep_days",
            th.IntegerType(minimum=0, maximum=MAX_DAYS),
            default=30,
            title="Sweep",
            description="The same for payments, messages and project assignments, which take a "
            "request for each invoice, estimate or person; null: never. It also brings changes "
            "that do not show at those.",
        ),
        th.Property(
            "stream_filters",
            th.ObjectType(additional_properties=True),
            title="Stream filters",
            description="What to read of a list, by stream: an object such as "
            '`{"time_entries": {"project_id": 71001, "from": "2031-04-01"}}`. '
            "Default: everything.",
        ),
        th.Property(
            "report_start_date",
            th.StringType,
            title="Report start date",
            description="Date from which on reports are read. Default: `start_date`, else the "
            "first of January of last year.",
        ),
        th.Property(
            "report_window",
            th.StringType,
            default="month",
            allowed_values=list(SIZES),
            title="Report window",
            description="Which pieces of the calendar a report has a row of: day, week, month, "
            "quarter or year. Each piece costs a request.",
        ),
        th.Property(
            "report_lookback_days",
            th.IntegerType(minimum=0, maximum=MAX_DAYS),
            default=60,
            title="Report lookback",
            description="For how many days after a piece of the calendar its figures are read "
            "again, since edits of old time and expenses change them.",
        ),
        th.Property(
            "include_fixed_fee",
            th.BooleanType,
            title="Include fixed fees",
            description="Whether time reports value the hours of fixed-fee projects, and the "
            "uninvoiced report has those projects. Default: as Harvest does, no and yes.",
        ),
        th.Property(
            "on_forbidden",
            th.StringType,
            default="skip",
            allowed_values=["skip", "fail"],
            title="On forbidden",
            description="What to do with a stream that Harvest does not show to the token: skip "
            "it with a warning, or fail.",
        ),
        th.Property(
            "page_size",
            th.IntegerType(minimum=1, maximum=MAX_PAGE_SIZE),
            default=MAX_PAGE_SIZE,
            title="Page size",
            description="Rows to ask for in one request, at most 2000.",
        ),
        th.Property(
            "max_concurrent_requests",
            th.IntegerType(minimum=1, maximum=100),
            default=4,
            title="Concurrent requests",
            description="How many requests may be under way at once, as far as the budgets allow.",
        ),
        th.Property(
            "requests_per_15_seconds",
            th.IntegerType(minimum=1, maximum=100),
            default=100,
            title="Request budget",
            description="How much of Harvest's budget of 100 requests in 15 seconds to use. "
            "Lower it where other programs read the same account.",
        ),
        th.Property(
            "report_requests_per_15_minutes",
            th.IntegerType(minimum=1, maximum=100),
            default=100,
            title="Report budget",
            description="How much of Harvest's budget of 100 report requests in 15 minutes to use.",
        ),
        th.Property(
            "request_timeout_seconds",
            th.IntegerType(minimum=1, maximum=60 * 60),
            default=60,
            title="Request time-out",
            description="How long to wait for Harvest to say something before asking again.",
        ),
        th.Property(
            "user_agent",
            th.StringType(pattern=r"^[!-~]([ -~]*[!-~])?$"),
            title="User agent",
            description="How to name yourself to Harvest, such as "
            "`sync of example.com (data@example.com)`. Default: the tap's name and version.",
        ),
        th.Property(
            "api_url",
            th.StringType,
            default="https://api.harvestapp.com/v2",
            title="API address",
            description="Where the Harvest API is, with its version.",
        ),
        th.Property(
            "identity_url",
            th.StringType,
            default="https://id.getharvest.com",
            title="Identity address",
            description="Where Harvest keeps tokens and accounts.",
        ),
    ).to_dict()

    def __init__(self, **arguments: Any) -> None:
        """Read settings, state and catalog; ask Harvest for nothing yet.

        Args:
            arguments: As the SDK's `Tap` takes them.
        """
        calm_down(self.logger)
        config = arguments.get("config")
        if isinstance(config, dict):
            # As with an empty variable: null, which the SDK lets pass, is no page size.
            config = {
                name: value
                for name, value in config.items()
                if value is not None or name in NULL_IS_NEVER
            }
        super().__init__(**{**arguments, "config": config})
        context = click.get_current_context(silent=True)
        self._sources: tuple[str, ...] = context.meta.get(SOURCES, ()) if context else ()
        calm_down(self.logger)  # Again: the SDK has set the level of its metrics.

    @property
    def account(self) -> Account:
        """The Harvest account whose turn it is to be read."""
        return self.accounts.current

    @cached_property
    def accounts(self) -> Accounts:
        """The Harvest accounts to read."""
        config = self.config
        client = Client(
            api_url=config["api_url"],
            identity_url=config["identity_url"],
            sign_in=sign_in_of(config, partial(keep_refresh_token, self._sources)),
            user_agent=config.get("user_agent") or f"{self.name}/{self.plugin_version}",
            page_size=config["page_size"],
            timeout_seconds=config["request_timeout_seconds"],
            max_concurrent_requests=config["max_concurrent_requests"],
            requests_per_15_seconds=config["requests_per_15_seconds"],
            report_requests_per_15_minutes=config["report_requests_per_15_minutes"],
        )
        weakref.finalize(self, client.close)  # A trial has no end that we are told of.
        account_id = config.get("account_id")
        return Accounts(
            client,
            self._account_ids or None,
            None if account_id is None else int(account_id),
            wanted=self._wanted,
            skip_forbidden=config["on_forbidden"] == "skip",
        )

    @property
    def _selected(self) -> list[HarvestStream]:
        streams = cast("Iterable[HarvestStream]", self.streams.values())
        return [stream for stream in streams if stream.selected]

    def _wanted(self) -> list[Wanted]:
        return [
            Wanted(stream.name, stream.source.module, stream.schema["properties"])
            for stream in self._selected
        ]

    @override
    def discover_streams(self) -> list[HarvestStream]:
        return [stream(self, lambda: self.accounts) for stream in STREAMS]

    @override
    @property
    def streams(self) -> dict[str, Stream]:
        # In the order of STREAMS, not of the alphabet: reports wait for a budget of their own, and
        # nothing else should wait behind them.
        found = super().streams.values()
        return {s.name: s for s in sorted(found, key=lambda s: STREAMS.index(type(s)))}

    @property
    def _account_ids(self) -> list[int]:
        """What `account_ids` names, if it is set."""
        return [int(account_id) for account_id in self.config.get("account_ids", ())]

    @override
    def setup_mapper(self) -> None:
        if self._account_ids and self.input_catalog is not None:
            # It may be of a time before `account_ids`, when rows of two accounts would clash.
            for entry in self.input_catalog.streams:
                entry.key_properties = with_account_key(entry.key_properties or ())
                entry.schema = Schema.from_dict(with_account(entry.schema.to_dict()))
        super().setup_mapper()

    @override  # type: ignore[misc]  # It is final, and there is no other end of a run.
    def sync_all(self) -> None:
        began = time.monotonic()
        is_complete = False
        try:
            if any(s.selected or s.has_selected_descendents for s in self.streams.values()):
                # Before anything is written, the token is known to reach all accounts.
                self.accounts.open()
            super().sync_all()
            is_complete = True
        finally:
            # Also where an error or a signal ends the run.
            if is_complete or any(stream.tally.is_begun for stream in self._selected):
                self._sum_up(time.monotonic() - began, is_complete=is_complete)

    def _sum_up(self, seconds: float, *, is_complete: bool) -> None:
        client = self.account.client
        self.logger.info(
            "%s",
            summary(
                {stream.name: stream.tally for stream in self._selected},
                client.requests_of,
                seconds=seconds,
                seconds_held=client.budget.seconds_held + client.report_budget.seconds_held,
                repeats=client.repeats,
                is_complete=is_complete,
            ),
        )

    @override
    def load_state(self, state: Mapping[str, Any]) -> None:
        try:
            bookmarks, faults = sound_state(state)
        except ValueError as fault:
            message = (
                f"The state cannot be used: {fault}. Pass the value of the last STATE message, or "
                "none, to read everything again."
            )
            raise ConfigValidationError(message, errors=[message]) from fault
        for stream, reason in faults.items():
            self.logger.warning(
                "A bookmark cannot be used, so its stream is read from the beginning: "
                "stream=%s reason=%s",
                stream,
                reason,
            )
        super().load_state({"bookmarks": bookmarks})
        before = {found for stream in bookmarks for found in accounts_in(self.state, stream)}
        if self._account_ids and (others := before.difference(self._account_ids)):
            self.logger.warning(
                "Accounts were read before that are not in `account_ids`: %s. Their rows stay "
                "downstream, and until they are read again nothing is removed there that was "
                "deleted in any account. Add them; or drop the bookmarks (`--full-refresh`), and "
                "their rows are removed.",
                ", ".join(map(str, sorted(others))),
            )

    @override
    @property
    def _env_var_config(self) -> dict[str, Any]:
        # The SDK's ends in a traceback where a number is none.
        self.append_builtin_config(self.config_jsonschema)
        return settings.from_environment(self.config_jsonschema, self._env_var_prefix)

    @override
    @classmethod
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> _ConfigInput:
        ctx.meta[SOURCES] = value
        with _readable("--config", ", ".join(value)):
            return super().cb_config(ctx, param, value)

    @override
    @classmethod
    def get_singer_command(cls) -> click.Command:
        shorten_lines()
        return super().get_singer_command()

    @override
    @classmethod
    def invoke(cls, **arguments: Any) -> None:
        for option in ("state", "catalog"):
            if file := arguments.get(option):
                with _readable(f"--{option}", file.name):
                    text = file.read()
                    msgspec.json.decode(text, type=dict)
                arguments[option] = StringIO(text)
        with _plain_errors(cls.logger):
            super().invoke(**arguments)

    @override
    @classmethod
    def cb_test(cls: type[TapHarvest], ctx: click.Context, param: click.Option, value: str) -> None:
        with _plain_errors(cls.logger):
            super().cb_test(ctx, param, value)

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        # Each bookmark was written when it moved. The SDK would write the state once more, which
        # may be in the middle of a record, and call the half of a sync a success.
        sys.exit(128 + signum)

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        # The SDK's sentences are those of a JSON Schema, and repeat secrets.
        self.append_builtin_config(self.config_jsonschema)
        # The SDK has names on instances; ours are on classes.
        offered = {stream.name: stream.filters for stream in STREAMS}  # type: ignore[misc]
        errors = list(settings.faults(self._config, self.config_jsonschema, offered))
        if raise_errors and (unknown := self._config.keys() - self.config_jsonschema["properties"]):
            self.logger.warning(
                "There is no such setting, so it changes nothing; check its spelling: %s",
                ", ".join(sorted(unknown)),
            )
        if errors and raise_errors:
            summary = "Config validation failed"
            raise ConfigValidationError(summary, errors=errors, schema=self.config_jsonschema)
        return errors


@contextmanager
def _readable(option: str, path: str) -> Iterator[None]:
    """End the program with a sentence where a file of the command line cannot be used."""
    try:
        yield
    except (OSError, TypeError, ValueError) as error:
        message = f"`{option}` {path} cannot be read as a JSON object: {error}"
        raise click.ClickException(message) from error


@contextmanager
def _plain_errors(logger: logging.Logger) -> Iterator[None]:
    """End the program with what an error says, without where in the code it arose."""
    try:
        yield
    except (FatalAPIError, RetriableAPIError, MappingError) as error:
        what = "`stream_maps` cannot be used: " if isinstance(error, MappingError) else ""
        logger.debug("Where it arose", exc_info=True)
        logger.error("%s%s", what, error)  # noqa: TRY400  # A user can do nothing with a traceback.
        sys.exit(1)
