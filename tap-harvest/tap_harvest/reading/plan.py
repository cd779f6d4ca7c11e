"""What is due of a stream, and how far it was read: bookmarks, reconciling, several accounts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, cast
from urllib.parse import urlencode

from singer_sdk import Stream
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from typing_extensions import override

from tap_harvest.fields import with_account, with_account_key
from tap_harvest.filters import query
from tap_harvest.state.bookmark import REPLICATION_KEY, Bookmark, Span, instant, instant_text
from tap_harvest.state.entries import accounts_in, entry_of, put_entry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context

    from tap_harvest.account import Account, Accounts
    from tap_harvest.filters import Filters


class DueStream(Stream):
    """Knows what is to be read in a run, and keeps in the state how far it was read.

    Where several accounts are read, each has bookmarks of its own, and all have one version.

    Attributes:
        module: The flag of `/company` that Harvest documents for the list; while it is off, the
            list is not asked for. Empty where Harvest documents none.
        is_fact: Whether `start_date` and `end_date` limit the stream; they never limit what
            facts refer to.
        filters: What Harvest can be asked to leave out of the list; see `stream_filters`.
        is_swept: Whether `updated_since` misses some changes, so that the stream is read from its
            beginning again every `sweep_days`. Other lists are every `reconcile_days`, and only
            where that tells what was deleted.
        open_state: The state of a record below which rows can be added without a change of it; see
            `NestedStream`. Empty where a row always changes the record.
        is_history: Whether rows stay right after Harvest stopped showing them.
        span: The instants that the account whose turn it is is read for.
    """

    module: ClassVar[str] = ""
    is_fact: ClassVar[bool] = False
    filters: ClassVar[Filters] = {}
    is_swept: ClassVar[bool] = False
    open_state: ClassVar[str] = ""
    is_history: ClassVar[bool] = False

    primary_keys: ClassVar[Sequence[str]] = ("id",)
    replication_key: str | None = REPLICATION_KEY

    def __init__(self, tap: Tap, accounts: Callable[[], Accounts]) -> None:
        """Ask nothing yet.

        Args:
            tap: The tap that the stream belongs to.
            accounts: Gives the Harvest accounts to read; discovery has none.
        """
        super().__init__(tap)
        self._accounts = accounts
        self._has_account_id = bool(self.config.get("account_ids"))
        if self._has_account_id:
            # On this instance: the class is the same for any settings.
            vars(self).update(
                schema=with_account(self.schema),
                primary_keys=with_account_key(self.primary_keys),
            )
        self.span = Span()
        self._reconciles = False
        self._awaited: set[int] = set()

    @property
    def accounts(self) -> Accounts:
        """The Harvest accounts to read."""
        return self._accounts()

    @property
    def account(self) -> Account:
        """The one of them whose turn it is."""
        return self.accounts.current

    @property
    def label(self) -> str:
        """The stream in logs, with the account where there are several."""
        return f"{self.name} account={self.account.id}" if self._has_account_id else self.name

    @property
    def source(self) -> DueStream:
        """The stream whose list is read: this one, or the one that it is exploded from."""
        return self

    @property
    def filtered_by(self) -> dict[str, str]:
        """The filters that the stream's list is asked with, as an address has them."""
        if self.source is not self:
            return self.source.filtered_by
        return query(self.config.get("stream_filters", {}).get(self.name) or {}, self.filters)

    @property
    def is_incremental(self) -> bool:
        """Whether the list is asked for what changed, rather than whole."""
        return self.replication_method == REPLICATION_INCREMENTAL

    @property
    def tells_news(self) -> bool:
        """Whether a row's `updated_at` tells if it changed since the bookmark."""
        return self.is_incremental

    @property
    def bookmark(self) -> Bookmark:
        """How far the stream was read, by the state.

        A value that lies ahead tells nothing, and neither does one of other filters.
        """
        kept = self.kept_bookmark
        tells = not self._is_ahead and kept.filters == self.filtered_by
        return kept if tells else replace(kept, value=None)

    @property
    def kept_bookmark(self) -> Bookmark:
        """The bookmark as it stands in the state."""
        return Bookmark.from_state(self.entry)

    @property
    def entry(self) -> dict[str, Any]:
        """What the state tells of the stream in the account whose turn it is."""
        return entry_of(self.tap_state, self.name, self._account_in_state)

    @entry.setter
    def entry(self, entry: dict[str, Any]) -> None:
        state = cast("dict[str, Any]", self.tap_state)
        put_entry(state, self.name, self._account_in_state, entry)

    @property
    def _account_in_state(self) -> int | None:
        return self.account.id if self._has_account_id else None

    @property
    def _is_ahead(self) -> bool:
        started = self.account.client.started
        return self.is_incremental and self.kept_bookmark.is_ahead(started, lookback=self._lookback)

    @property
    def _lookback(self) -> timedelta:
        return timedelta(seconds=self.config["lookback_seconds"])

    def due(self) -> Span:
        """What is to be read in this run."""
        if self._is_whole:
            return self.whole_span
        return Span(self.bookmark.since(lookback=self._lookback), self._limit("end_date"))

    @property
    def whole_span(self) -> Span:
        """All that the stream is about, from its beginning to its end."""
        start = self.kept_bookmark.beginning(self._limit("start_date"))
        return Span(start, self._limit("end_date"))

    def _limit(self, setting: str) -> datetime | None:
        text = self.config.get(setting) if self.source.is_fact else None
        return instant(text) if text else None

    @property
    def _is_sweep_due(self) -> bool:
        """Whether the account is to be read from its beginning, by Harvest's clock."""
        if not self.is_incremental:
            return True
        bookmark, is_swept = self.bookmark, self.source.is_swept
        if bookmark.value is None or (self.may_reconcile and bookmark.version is None):
            return True
        days = self.config["sweep_days" if is_swept else "reconcile_days"]
        return (is_swept or self.may_reconcile) and bookmark.is_sweep_due(
            self.account.client.started, None if days is None else timedelta(days=days)
        )

    @property
    def is_check_due(self) -> bool:
        """Whether the lists below open records are to be read, though those did not change."""
        if not self.source.open_state or not self.is_incremental:
            return False
        days = self.config["reconcile_days"]
        every = None if days is None else timedelta(days=days)
        return self.bookmark.is_check_due(self.account.client.started, every)

    @property
    def _is_whole(self) -> bool:
        """Whether this run reads the account from its beginning."""
        return self._reconciles or self._is_reconcile_due or self._is_sweep_due

    @property
    def _is_reconcile_due(self) -> bool:
        """Whether all accounts are to be read from their beginnings, since one of them is."""
        return self.may_reconcile and any(
            self.accounts.each(lambda: self._is_offered and self._is_sweep_due)
        )

    @property
    def may_reconcile(self) -> bool:
        """Whether rows that a read from the beginning does not bring were deleted in Harvest.

        Where something is left out of the read, nobody can tell those from what was deleted.
        """
        return (
            self.config["reconcile_days"] is not None
            and not self.is_history
            and self.ABORT_AT_RECORD_COUNT is None
            and self._limit("end_date") is None
            and not self.filtered_by
            and self.accounts.show_all
            and self._is_sole_source
        )

    @cached_property
    def _is_sole_source(self) -> bool:
        """Whether no other stream's records go by the same name, as stream maps may have it."""
        names = {stream_map.stream_alias for stream_map in self.stream_maps}
        return all(
            names.isdisjoint(stream_map.stream_alias for stream_map in other.stream_maps)
            for other in self._tap.streams.values()
            if other is not self and other.selected
        )

    def plan(self) -> None:
        """Decide, before the first account is read, whether this run tells what was deleted.

        It does so for all accounts or for none, as their records have one version: that of the
        table. Rows of an account that was read before wait for it to be read whole again.
        """
        self._reconciles = self._is_reconcile_due
        bookmarks = self.accounts.each(lambda: self.kept_bookmark)
        latest = max(bookmarks, key=lambda bookmark: bookmark.version or 0)
        self._stream_version = latest.version
        if self._reconciles:
            self._stream_version = latest.next_version(self.account.client.started)
            offered = self.accounts.each(lambda: self.account.id if self._is_offered else None)
            self._awaited = accounts_in(self.tap_state, self.name) | set(filter(None, offered))

    @property
    def _is_offered(self) -> bool:
        """Whether the account offers the module that the stream's list belongs to."""
        return not self.source.module or self.account.offers(self.source.module)

    def begin(self) -> None:
        """Decide what this run reads of the account whose turn it is."""
        if self._is_ahead:
            self._tell_of_ahead(instant_text(cast("datetime", self.kept_bookmark.value)))
        if self.is_incremental:
            self._tell_of_filters(self.kept_bookmark)
        self.span = self.due()

    def _tell_of_ahead(self, value: str) -> None:
        self.logger.warning(
            "A bookmark lies ahead of Harvest's clock, so no sync can have got there, and its "
            "stream is read from the beginning: stream=%s bookmark=%s. If this happens again, "
            "look for who else writes the state.",
            self.label,
            value,
        )

    def _tell_of_filters(self, kept: Bookmark) -> None:
        if kept.value is not None and kept.filters != self.filtered_by:
            self.logger.warning(
                "`stream_filters` was changed, so the stream is read from the beginning: stream=%s "
                "before=%s now=%s. What only the filters of before let through stays in the table; "
                "empty it if that is not to be there.",
                self.label,
                urlencode(kept.filters) or "none",
                urlencode(self.filtered_by) or "none",
            )

    @property
    def is_trial(self) -> bool:
        """Whether only a few rows are wanted (`--test`), so that nothing is asked in vain."""
        return self.ABORT_AT_RECORD_COUNT is not None

    def move_bookmark(self, highest: datetime | None) -> None:
        """Put into the state how far the stream was read; see `move_bookmarks`.

        Where the read was whole, and that of the other accounts, targets are told that what it did
        not bring was deleted.
        """
        moved, started = self.bookmark, self.account.client.started
        if self.source.open_state and (self._is_whole or self.is_check_due):
            moved = replace(moved, checked=started)
        if self._is_whole:
            moved = replace(moved, swept=started, start=self.span.since)
        if self.is_incremental:
            moved = moved.moved(highest, started, self.span.until)
            moved = replace(moved, filters=self.filtered_by)
        if self._reconciles:
            version = cast("int", self._stream_version)
            moved = replace(moved, version=version)
            self._awaited.discard(self.account.id)
            if not self._awaited:
                self._write_activate_version_message(version)
        if entry := moved.to_state():
            self.entry = entry

    @property
    @override
    def emit_activate_version_messages(self) -> bool:
        # The SDK's way activates a version before its first record.
        return False

    @override
    def _write_state_message(self) -> None:
        # The SDK's also makes empty entries, for streams that have no bookmark.
        if self.tap_state:
            self._tap.state_writer.write_state(self.tap_state)

    @override
    def finalize_state_progress_markers(self, state: dict[str, Any] | None = None) -> None:
        # There are none: a bookmark is put into the state when it holds.
        pass

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        # The bookmark is capped by Harvest's clock instead of this machine's.
        return None
