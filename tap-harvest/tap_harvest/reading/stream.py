"""A stream as its declaration says: what it is, and what Harvest is asked for.

What a run reads of a stream is in `plan.py`. How its list is read is in the readers.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, cast

import msgspec
from msgspec import Raw
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from typing_extensions import override

from tap_harvest.fields import with_account, with_account_key
from tap_harvest.filters import query
from tap_harvest.reading.list_read import Listing, content_hash
from tap_harvest.reading.singer_stream import SingerStream
from tap_harvest.state.bookmark import REPLICATION_KEY, instant_text
from tap_harvest.state.entries import Entry
from tap_harvest.summary import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Record

    from tap_harvest.account import Account, Accounts
    from tap_harvest.filters import Filters
    from tap_harvest.http.paging import Page

decode_record = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode
"""Decodes a record; its numbers keep the digits that Harvest sent."""


class HarvestStream(SingerStream):
    """A list of Harvest, read account-wide, and only what changed since the last run.

    A stream and the streams exploded from its records are a family: one read of the list serves
    them all, each from its own bookmark on.

    Attributes:
        path: The list's address below the API's.
        records_key: The name of the rows in an answer; the last part of `path` if empty.
        module: The flag of `/company` that Harvest documents for the list. While it is off, the
            list is not asked for. Empty where Harvest documents none.
        filters: What Harvest can be asked to leave out of the list; see `stream_filters`.
        is_selection: Whether Harvest itself leaves rows out of the list, so that a change of a row
            can add it or remove it.
        is_fact: Whether `start_date` and `end_date` limit the stream. They never limit what facts
            refer to.
        hides_rows: Whether Harvest leaves out, without an error, the rows that the token's owner
            may not see.
        is_history: Whether rows stay right after Harvest stopped showing them.
        misses_changes: Whether `updated_since` misses some changes. Then the list is reconciled
            every `sweep_days`, and other lists every `reconcile_days`.
        open_state: The state of a record below which rows can be added without a change of the
            record; see `NestedStream`. Empty where a row always changes the record.
        tally: The stream's line of the summary.
    """

    path: ClassVar[str] = ""
    records_key: ClassVar[str] = ""
    module: ClassVar[str] = ""
    filters: ClassVar[Filters] = {}
    is_selection: ClassVar[bool] = False
    is_fact: ClassVar[bool] = False
    hides_rows: ClassVar[bool] = False
    is_history: ClassVar[bool] = False
    misses_changes: ClassVar[bool] = False
    open_state: ClassVar[str] = ""

    primary_keys: ClassVar[Sequence[str]] = ("id",)
    replication_key: str | None = REPLICATION_KEY

    def __init__(
        self,
        tap: Tap,
        accounts: Callable[[], Accounts],
        read: Callable[[HarvestStream], None],
    ) -> None:
        """Send no request yet.

        Args:
            tap: The tap that the stream belongs to.
            accounts: Gives the Harvest accounts to read; discovery has none.
            read: Reads a stream, and writes its records and the state.
        """
        super().__init__(tap)
        self._accounts = accounts
        self._read = read
        self.has_account_id = bool(self.config.get("account_ids"))
        if self.has_account_id:
            # On this instance: the class is the same for any settings.
            vars(self).update(
                schema=with_account(self.schema),
                primary_keys=with_account_key(self.primary_keys),
            )
        self.tally = Tally()

    @property
    def accounts(self) -> Accounts:
        """The Harvest accounts to read."""
        return self._accounts()

    def label(self, account: Account) -> str:
        """The stream in logs, with the account where there are several."""
        return f"{self.name} account={account.id}" if self.has_account_id else self.name

    # Related streams

    @property
    def source(self) -> HarvestStream:
        """The stream whose list is read: this one, or the one that it is exploded from."""
        return self

    @property
    def children(self) -> list[HarvestStream]:
        """The streams made from this one's records, and those with a list below each record."""
        return cast("list[HarvestStream]", self.child_streams)

    @property
    def descendents(self) -> list[HarvestStream]:
        """The children, their children, and so on."""
        return cast("list[HarvestStream]", self.descendent_streams)

    @property
    def family(self) -> list[HarvestStream]:
        """The selected ones among this stream and those exploded from its records."""
        exploded = [child for child in self.children if not child.path]
        return [member for member in (self, *exploded) if member.selected]

    # What a declaration may change

    def records(self, row: Raw) -> Iterable[Raw | Record]:
        """The records that a row of the list makes: the row itself, as Harvest sent it."""
        return (row,)

    def identity(self, row: Raw) -> int:
        """What tells a row without an `id` from the others of its list."""
        return content_hash(row)

    def listing(self, query: Mapping[str, str]) -> Listing:
        """Which rows Harvest lists for a query."""
        if self.is_selection or query.keys() - {"updated_since"}:
            return Listing.SELECTED
        return Listing.CHANGED if query else Listing.ALL

    def pages(self, account: Account, since: datetime | None) -> Iterator[Page]:
        """The pages of the stream's list, in order.

        Args:
            account: The account to read.
            since: Only rows that changed from this instant on; `None` asks for all.
        """
        return self.pages_of(account, self.path, self.query(since))

    def expect(self, account: Account, since: datetime | None) -> None:
        """Send the request for the first page that `pages` will give."""
        account.client.expect(self.path, self.query(since), stream=self.name)

    def tells_news(self, known_until: datetime | None) -> bool:  # noqa: ARG002  # Others do.
        """Whether a row's `updated_at` tells if the row changed since the bookmark.

        Args:
            known_until: The bookmark's value.
        """
        return self.is_incremental

    # What is asked of Harvest

    @property
    def filtered_by(self) -> dict[str, str]:
        """The filters that the stream's list is asked with, as an address has them."""
        if self.source is not self:
            return self.source.filtered_by
        return query(self.config.get("stream_filters", {}).get(self.name) or {}, self.filters)

    def query(self, since: datetime | None) -> dict[str, str]:
        """What the list is asked for; see `pages`."""
        return self.filtered_by | query_since(since)

    def pages_of(self, account: Account, path: str, query: Mapping[str, str]) -> Iterator[Page]:
        """The pages of any list that the stream reads, in order.

        Args:
            account: The account to read.
            path: The list's address below the API's.
            query: Its filters.
        """
        return account.client.pages(
            path, query, stream=self.name, key=self.records_key, ahead=not self.is_trial
        )

    def is_offered(self, account: Account) -> bool:
        """Whether the account has the module switched on that the stream's list belongs to."""
        return not self.source.module or account.offers(self.source.module)

    @property
    def is_incremental(self) -> bool:
        """Whether the list is asked for what changed. If not, it is read whole."""
        return self.replication_method == REPLICATION_INCREMENTAL

    def entry(self, account: Account) -> Entry:
        """The stream's entry in the state."""
        state = cast("dict[str, Any]", self.tap_state)
        return Entry(state, self.name, account.id if self.has_account_id else None)

    @property
    def all_streams(self) -> list[HarvestStream]:
        """The streams of the tap, in order."""
        return cast("list[HarvestStream]", list(self._tap.streams.values()))

    @override
    def read(self) -> None:
        self.accounts.open()
        self._read(self)


def stream_of(tap: Tap, kind: type[HarvestStream]) -> HarvestStream:
    """The tap's stream of a kind."""
    [stream] = (stream for stream in tap.streams.values() if type(stream) is kind)
    return stream


def query_since(since: datetime | None) -> dict[str, str]:
    """The filter that asks a list for what changed from an instant on; none for all."""
    return {} if since is None else {"updated_since": instant_text(since)}
