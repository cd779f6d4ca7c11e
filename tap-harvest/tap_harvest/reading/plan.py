"""What a run reads of a stream, and the bookmark after the read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tap_harvest.state.bookmark import Bookmark, Span

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime, timedelta

    from tap_harvest.account import Account
    from tap_harvest.state.entries import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the stream's declaration and the settings say about reading the stream.

    Attributes:
        is_incremental: Whether the list is asked for what changed. If not, it is read whole.
        filters: The filters that the list is asked with.
        lookback: How far before its bookmark a list is read again.
        start: Where the first read begins; `None` is the beginning of time.
        end: Where each read ends; `None` is open.
        finds_deletions: Whether a row that is missing in a whole read was deleted in Harvest.
        misses_changes: Whether `updated_since` misses some changes. Then the list is read whole
            even if this cannot find deletions.
        reconcile_every: How often the list is read whole; `None` is never.
        has_open_parents: Whether the lists below open records are also read when those records
            did not change.
        check_every: How often these lists are read; `None` is never.
    """

    is_incremental: bool
    filters: Mapping[str, str]
    lookback: timedelta
    start: datetime | None
    end: datetime | None
    finds_deletions: bool
    misses_changes: bool
    reconcile_every: timedelta | None
    has_open_parents: bool
    check_every: timedelta | None


class AccountPlan:
    """What a run reads of a stream in one account.

    Attributes:
        rules: What the declaration and the settings say.
        version: The version of the records, if the run reconciles the stream; else `None`.
    """

    def __init__(self, rules: Rules, account: Account, entry: Entry) -> None:
        """Read nothing yet.

        Args:
            rules: What the declaration and the settings say.
            account: The account.
            entry: The stream's entry in the state.
        """
        self.rules = rules
        self.version: int | None = None
        self._account = account
        self._entry = entry

    @property
    def now(self) -> datetime | None:
        """Harvest's clock at the start of the run; `None` if nothing was asked yet."""
        return self._account.client.started

    @property
    def kept_bookmark(self) -> Bookmark:
        """The bookmark as it stands in the state."""
        return Bookmark.from_state(self._entry.read())

    @property
    def bookmark(self) -> Bookmark:
        """How far the stream was read.

        A bookmark that lies in the future or belongs to other filters has no value here.
        """
        kept = self.kept_bookmark
        is_valid = not self.is_ahead and kept.filters == self.rules.filters
        return kept if is_valid else replace(kept, value=None)

    @property
    def is_ahead(self) -> bool:
        """Whether the bookmark in the state lies in the future."""
        return self.rules.is_incremental and self.kept_bookmark.is_ahead(
            self.now, lookback=self.rules.lookback
        )

    @property
    def span(self) -> Span:
        """The `updated_at` range to read."""
        if self.is_whole:
            return self.whole_span
        return Span(self.bookmark.since(lookback=self.rules.lookback), self.rules.end)

    @property
    def whole_span(self) -> Span:
        """The `updated_at` range of a whole read."""
        return Span(self.kept_bookmark.beginning(self.rules.start), self.rules.end)

    @property
    def is_whole(self) -> bool:
        """Whether the list is read whole."""
        return self.version is not None or self.is_reconcile_due

    @property
    def is_reconcile_due(self) -> bool:
        """Whether this account's list has to be read whole, by Harvest's clock."""
        rules = self.rules
        if not rules.is_incremental:
            return True
        bookmark = self.bookmark
        if bookmark.value is None or (rules.finds_deletions and bookmark.version is None):
            return True
        is_repeated = rules.misses_changes or rules.finds_deletions
        return is_repeated and bookmark.is_reconcile_due(self.now, rules.reconcile_every)

    @property
    def is_check_due(self) -> bool:
        """Whether the lists below open records are read, also where those did not change."""
        rules = self.rules
        if not rules.has_open_parents or not rules.is_incremental:
            return False
        return self.bookmark.is_check_due(self.now, rules.check_every)

    def move_bookmark(self, highest: datetime | None, read: Span) -> None:
        """Write to the state that the stream was read to its end in this account.

        Args:
            highest: The latest `updated_at` that was read; `None` if there was none.
            read: The `updated_at` range that was read.
        """
        moved = self.bookmark
        if self.rules.has_open_parents and (self.is_whole or self.is_check_due):
            moved = replace(moved, checked=self.now)
        if self.is_whole:
            moved = replace(moved, reconciled=self.now, start=read.since)
        if self.rules.is_incremental:
            moved = moved.moved(highest, self.now, read.until)
            moved = replace(moved, filters=self.rules.filters)
        if self.version is not None:
            moved = replace(moved, version=self.version)
        if entry := moved.to_state():
            self._entry.write(entry)


class Plan:
    """What a run reads of a stream in all accounts, and whether the run reconciles the stream.

    All accounts share one table, so their records have one version. A run reconciles all accounts
    or none. If the state knows an account that this run does not read, no rows are removed.

    Attributes:
        version: The version of the records; `None` if the stream was never reconciled.
        reconciles: Whether the run reconciles the stream.
    """

    def __init__(
        self, accounts: Mapping[int, AccountPlan], offering: Collection[int], before: set[int]
    ) -> None:
        """Decide, before the first account is read.

        Args:
            accounts: The plan of each account, by account id.
            offering: The accounts in which the stream's module is on.
            before: The accounts that have an entry in the state.
        """
        self._accounts = accounts
        self.reconciles = any(
            accounts[account_id].rules.finds_deletions and accounts[account_id].is_reconcile_due
            for account_id in offering
        )
        first = next(iter(accounts.values()))
        bookmarks = [plan.kept_bookmark for plan in accounts.values()]
        latest = max(bookmarks, key=lambda bookmark: bookmark.version or 0)
        self.version = latest.version
        self._unread: set[int] = set()
        if self.reconciles:
            self.version = latest.next_version(first.now)
            self._unread = before | set(offering)
            for plan in accounts.values():
                plan.version = self.version

    def of(self, account: Account) -> AccountPlan:
        """The plan of one account."""
        return self._accounts[account.id]

    def is_last(self, account: Account) -> bool:
        """Note that an account was reconciled; return whether all accounts were."""
        self._unread.discard(account.id)
        return not self._unread
