"""The ways in which a stream is read: list, whole, singleton, exploded from a list.

Lists that hang below the records of another are in `nested.py`.
"""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast
from urllib.parse import urlencode

import msgspec
from msgspec import Raw
from singer_sdk import Stream
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib import RecordMessage
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from typing_extensions import override

from tap_harvest.bookmarks import (
    REPLICATION_KEY,
    Bookmark,
    Span,
    accounts_in,
    entry_of,
    instant,
    instant_text,
    put_entry,
)
from tap_harvest.client import Page, UnavailableError
from tap_harvest.fields import ACCOUNT_ID, with_account, with_account_key
from tap_harvest.filters import query
from tap_harvest.streams.walk import Walk, with_fields
from tap_harvest.summary import Tally
from tap_harvest.writer import BufferedWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context, Record

    from tap_harvest.account import Account, Accounts
    from tap_harvest.budget import Budget
    from tap_harvest.filters import Filters
    from tap_harvest.streams.nested import NestedStream
    from tap_harvest.streams.walk import Head

_T = TypeVar("_T")

PROGRESS_SECONDS = 5
"""How often a long list tells how far it is, at most."""

decode_record = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode
"""Takes a record apart; its numbers keep the digits that Harvest sent."""


class HarvestStream(Stream):
    """A list of Harvest, read account-wide, and only what changed since the last time.

    A stream together with the streams exploded from its records is a family: one read of the list
    serves them all, each from its own bookmark on. It also tells the streams below the list's
    records which of them to ask. Where several accounts are read, that happens for one after the
    other, each with bookmarks of its own.

    Attributes:
        path: The list's address below the API's.
        records_key: The name of the rows in an answer; the last part of `path` if empty.
        module: The flag of `/company` without which the list is not there; empty if it always is.
        is_fact: Whether `start_date` and `end_date` limit the stream; they never limit what
            facts refer to.
        filters: What Harvest can be asked to leave out of the list; see `stream_filters`.
        is_swept: Whether `updated_since` misses some changes, so that the stream is read from its
            beginning again every `sweep_days`. Other lists are every `reconcile_days`, and only
            where that tells what was deleted.
        is_history: Whether rows stay right after Harvest stopped showing them.
    """

    path: ClassVar[str] = ""
    records_key: ClassVar[str] = ""
    module: ClassVar[str] = ""
    is_fact: ClassVar[bool] = False
    filters: ClassVar[Filters] = {}
    is_swept: ClassVar[bool] = False
    is_history: ClassVar[bool] = False

    primary_keys: ClassVar[Sequence[str]] = ("id",)
    replication_key: str | None = REPLICATION_KEY
    # Records are JSON already; and conforming would lose keys that no schema knows yet.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

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
        self.rows = 0
        self.tally = Tally()
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
    def budget(self) -> Budget:
        """What Harvest allows for requests of this kind."""
        return self.account.client.budget

    @property
    def family(self) -> list[HarvestStream]:
        """The selected ones among this stream and those exploded from its records."""
        exploded = [child for child in self._children if not child.path]
        return [member for member in (self, *exploded) if member.selected]

    @property
    def nested(self) -> list[NestedStream]:
        """The streams with a list below each record of this one, of which something is selected."""
        children = [child for child in self._children if child.path and child.family]
        return cast("list[NestedStream]", children)

    @property
    def _children(self) -> list[HarvestStream]:
        return cast("list[HarvestStream]", self.child_streams)

    @property
    def source(self) -> HarvestStream:
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
        start, end = (self._limit(name) for name in ("start_date", "end_date"))
        if self._is_whole:
            return Span(self.kept_bookmark.beginning(start), end)
        return Span(self.bookmark.since(lookback=self._lookback), end)

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

    def records(self, row: Raw) -> Iterable[Raw | Record]:
        """The records that a row of the list makes: itself, as Harvest sent it."""
        return (row,)

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        self.accounts.open()
        for page in self.pages(self.due().since):
            for row in page.rows:
                for record in self.records(row):
                    owned = self._owned(record)
                    yield decode_record(owned) if isinstance(owned, Raw) else owned

    def pages(self, since: datetime | None) -> Iterator[Page]:
        """The pages of the stream's list, in order.

        Args:
            since: Only rows that changed from this instant on; `None` asks for all.
        """
        return self.pages_of(self.path, self._query(since))

    def _query(self, since: datetime | None) -> dict[str, str]:
        return self.filtered_by | query_since(since)

    def pages_of(self, path: str, query: Mapping[str, str]) -> Iterator[Page]:
        """The pages of a list that the stream reads, in order.

        Args:
            path: The list's address below the API's.
            query: Its filters.
        """
        return self.account.client.pages(
            path, query, stream=self.name, key=self.records_key, ahead=not self.is_trial
        )

    def ahead(self, lists: Iterable[tuple[_T, str, Mapping[str, str]]]) -> Iterator[_T]:
        """What some lists stand for, in order, with the next ones on their way; see `Client`.

        Args:
            lists: What each list stands for, its path and its query, as `pages_of` will get them.
        """
        if self.is_trial:
            return (item for item, _, _ in lists)
        return self.account.client.ahead(lists, stream=self.name)

    # Reading

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        # The SDK wants a generator of the records; ours leave page by page, and nobody else asks.
        yield from ()
        descendents = cast("list[HarvestStream]", self.descendent_streams)
        for below in descendents:
            if below.selected:
                below._write_schema_message()  # noqa: SLF001  # The SDK writes only the parent's.
        self.accounts.open()
        for stream in (self, *descendents):
            if stream.selected:
                stream.plan()
        self.accounts.each(self._read_account)

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

    def _read_account(self) -> None:
        with self.unless_withheld() as is_offered:
            if is_offered:
                self.read()

    @contextmanager
    def unless_withheld(self) -> Iterator[bool]:
        """Skip the stream, with a warning, where Harvest does not show it to the token.

        Returns:
            Whether the account offers the module that the stream belongs to.

        Raises:
            UnavailableError: Harvest does not show it, and that is to end the run.
        """
        try:
            is_offered = self._is_offered
            if not is_offered:
                self._note(f"skipped: {self.module} is off")
            yield is_offered
        except UnavailableError as error:
            if not self.account.skip_forbidden:
                raise
            self._note("skipped: Harvest does not show it to the token")
            below = cast("list[HarvestStream]", self.descendent_streams)
            self.logger.warning(
                "Skipped, with its bookmark kept: stream=%s missing=%s reason=%s",
                self.label,
                ",".join(stream.name for stream in (self, *below) if stream.selected),
                error,
            )

    def _note(self, note: str) -> None:
        """Have the summary say something of this stream and all that depends on it."""
        if self._has_account_id:
            note = f"{self.account.id} {note}"
        for stream in (self, *cast("list[HarvestStream]", self.descendent_streams)):
            stream.tally.note = "; ".join(filter(None, (stream.tally.note, note)))

    def read(self) -> None:
        """Read what is due of the list and below it, and move the bookmarks of what was."""
        self.expect_next()
        family, nested = self.family, self.nested
        with self.measured(family):
            spans = [member.span for member in family]
            spans += [child.await_parents() for child in nested]
            since = Span.covering(spans).since
            walk = self.walk_whole(lambda: self._walk(since, family, nested))
        if walk.missing:
            return
        self.move_bookmarks(walk.highest, family)
        for child in nested:
            child.read_below(walk.highest)

    def expect_next(self) -> None:
        """Ask for the first pages of this stream and of some after it, so that they overlap.

        Not beyond a stream with lists below its records, since those take long, nor where a stream
        has a budget of its own to wait for.
        """
        if self.is_trial:
            return
        streams = [
            stream
            for stream in cast("Iterable[HarvestStream]", self._tap.streams.values())
            if not stream.parent_stream_type and (stream.family or stream.nested)
        ]
        at = streams.index(self)
        for stream in streams[at : at + 1 + self.config["max_concurrent_requests"]]:
            if stream.budget is not self.budget:
                break
            if stream._is_offered:  # noqa: SLF001  # It is one of us.
                stream.expect_first()
            if stream.nested:
                break

    def expect_first(self) -> None:
        """Ask for the page that `read` begins with, before its turn."""
        spans = [member.due() for member in self.family]
        spans += [child.parents_due() for child in self.nested]
        since = Span.covering(spans).since
        self.account.client.expect(self.path, self._query(since), stream=self.name)

    @contextmanager
    def measured(self, family: Sequence[HarvestStream]) -> Iterator[None]:
        """Begin to read a family; count its rows and the time that it takes."""
        began = time.monotonic()
        with ExitStack() as meters:
            for member in family:
                member.begin()
                meters.enter_context(member.get_sync_timer())
                meters.callback(member.count_rows)
            try:
                yield
            finally:
                self.tally.seconds += time.monotonic() - began
        for member in family:
            member.tally.is_read = True
            self.logger.debug("Read stream: stream=%s rows=%d", member.label, member.rows)

    def begin(self) -> None:
        """Decide what this run reads."""
        if self._is_ahead:
            self.logger.warning(
                "A bookmark lies ahead of Harvest's clock, so no sync can have got there, and its "
                "stream is read from the beginning: stream=%s bookmark=%s. If this happens again, "
                "look for who else writes the state.",
                self.label,
                instant_text(cast("datetime", self.kept_bookmark.value)),
            )
        if self.is_incremental:
            self._tell_of_filters(self.kept_bookmark)
        self.span, self.rows, self._news = self.due(), 0, 0
        self._known_until = self.bookmark.value

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

    def walk_whole(self, walk_once: Callable[[], Walk]) -> Walk:
        """Walk a list, and once more where it was shorter than Harvest announced.

        Args:
            walk_once: Reads the list and writes it.
        """
        walk = walk_once()
        if walk.missing:
            # Rows that are deleted during the walk move others to pages that were read already.
            self.logger.info(
                "Rows moved, reading again: stream=%s rows=%d", self.label, walk.missing
            )
            walk = walk_once()
        if walk.missing:
            self._note("the list was too short")
            self.logger.warning(
                "The list was shorter than Harvest announced, twice, so its bookmark stays and the "
                "next run reads the same rows again: stream=%s missing=%d. If this happens in "
                "each run, tell Harvest's support.",
                self.label,
                walk.missing,
            )
        return walk

    def _walk(
        self,
        since: datetime | None,
        family: Sequence[HarvestStream],
        nested: Sequence[NestedStream],
    ) -> Walk:
        """Read the list once, write it, and note which of its records have lists to read."""
        walk = Walk()
        progress = Progress(self, "rows")
        for page in self.pages(since):
            rows = walk.add(page)
            for member in family:
                member.write_rows(rows, page.received_at)
            for child in nested:
                child.note_parents(rows)
            progress.tell(walk.came, walk.announced)
            self.flush()
            if self.is_trial_over:
                walk.stop()
                break
        return walk

    @property
    def is_trial(self) -> bool:
        """Whether only a few rows are wanted (`--test`), so that nothing is asked in vain."""
        return self.ABORT_AT_RECORD_COUNT is not None

    @property
    def is_full(self) -> bool:
        """Whether a trial run's limit of rows is reached."""
        return self.ABORT_AT_RECORD_COUNT is not None and self.rows >= self.ABORT_AT_RECORD_COUNT

    @property
    def is_trial_over(self) -> bool:
        """Whether each stream of the family wrote as many rows as a trial run (`--test`) may."""
        return self.is_trial and all(member.is_full for member in self.family)

    # Writing

    def write_rows(self, rows: Iterable[tuple[Head, Raw]], received_at: datetime) -> None:
        """Write the records of all rows that are due."""
        for head, row in rows:
            if self.is_full:
                break
            if head.updated_at in self.span:
                is_news = self._known_until is None or (
                    head.updated_at is not None and head.updated_at > self._known_until
                )
                for record in self.records(row):
                    self.write_record(record, received_at)
                    self.rows += 1
                    self._news += is_news

    def write_record(self, record: Raw | Record, received_at: datetime) -> None:
        """Write one record, be it bytes or taken apart."""
        record = self._owned(record)
        if self._is_verbatim:
            verbatim = cast("Record", record)  # The writer takes bytes as they are.
            message = RecordMessage(self.name, verbatim, self._stream_version, received_at)
            self._tap.write_message(message)
        else:
            self._write_record_message(decode_record(record) if isinstance(record, Raw) else record)

    def _owned(self, record: Raw | Record) -> Raw | Record:
        """A record that says whose it is, where several accounts are read."""
        if not self._has_account_id:
            return record
        owner = {ACCOUNT_ID: self.account.id}
        return with_fields(record, owner) if isinstance(record, Raw) else owner | record

    @cached_property
    def _is_verbatim(self) -> bool:
        """Whether nothing is to be changed in a record: no stream maps, no deselected field."""
        maps = self.stream_maps
        return (
            all(self.mask.values())
            and len(maps) == 1
            and type(maps[0]) is SameRecordTransform
            and maps[0].stream_alias == self.name
            and not maps[0].flattening_enabled
        )

    def count_rows(self) -> None:
        """Tell the summary and the SDK's metrics how many records were written."""
        self.tally.rows += self.rows
        if self.tells_news:
            self.tally.changed = (self.tally.changed or 0) + self._news
        with self.get_record_counter() as counter:
            counter.increment(self.rows)

    def flush(self) -> None:
        """Send what was read on its way while the next page is waited for."""
        if isinstance(self._tap.message_writer, BufferedWriter):
            self._tap.message_writer.flush()

    # State

    def move_bookmarks(self, highest: datetime | None, family: Sequence[HarvestStream]) -> None:
        """Put into the state how far a family was read, after all that was due was.

        Args:
            highest: The latest `updated_at` of what was read; `None` if there was none.
            family: The streams that were read.
        """
        for member in family:
            member.move_bookmark(highest)
        self._write_state_message()

    def move_bookmark(self, highest: datetime | None) -> None:
        """Put into the state how far the stream was read; see `move_bookmarks`.

        Where the read was whole, and that of the other accounts, targets are told that what it did
        not bring was deleted.
        """
        moved, started = self.bookmark, self.account.client.started
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

    @override
    def get_batch_config(self, config: Mapping[str, Any]) -> None:
        # BATCH files are not offered: records leave as the bytes that came.
        return None

    @override
    def log(self, message: str, *args: Any, level: int = logging.INFO, **kwargs: Any) -> None:
        # An error is told by whoever ends the run, and what was read by the summary. The SDK tells
        # each here as well.
        if level < logging.ERROR:
            super().log(message, *args, level=min(level, logging.DEBUG), **kwargs)


def stream_of(tap: Tap, kind: type[HarvestStream]) -> HarvestStream:
    """The tap's stream of a kind."""
    [stream] = (stream for stream in tap.streams.values() if type(stream) is kind)
    return stream


def query_since(since: datetime | None) -> dict[str, str]:
    """The filter that asks a list for what changed from an instant on; none for all."""
    return {} if since is None else {"updated_since": instant_text(since)}


class Progress:
    """Tells, every few seconds, how far a run is: which stream it reads, and how much of it."""

    _told: ClassVar[float] = time.monotonic()

    def __init__(self, stream: HarvestStream, what: str) -> None:
        """Begin to count the time.

        Args:
            stream: The stream that is read.
            what: What is counted, such as rows.
        """
        self._stream = stream
        self._what = what
        self._began = time.monotonic()

    def tell(self, done: int, of: int) -> None:
        """Log what is done, if the last time was long enough ago."""
        now = time.monotonic()
        if now - Progress._told < PROGRESS_SECONDS or not done:
            return
        Progress._told = now
        client = self._stream.account.client
        self._stream.logger.info(
            "Reading: stream=%s %s=%d of=%d requests=%d budget_left=%d seconds_to_go=%d",
            self._stream.label,
            self._what,
            done,
            of,
            client.requests_of.total(),
            self._stream.budget.left,
            (now - self._began) * (of - done) / done,
        )


class WholeStream(HarvestStream):
    """A list that cannot be asked for what changed, so it is read whole each time."""

    replication_key = None


class Singleton(HarvestStream):
    """One object that is not in a list; it was read before any stream, to know the account."""

    replication_key = None

    def answer(self) -> bytes:
        """The object, as Harvest sent it.

        Raises:
            UnavailableError: Harvest does not show it to this token.
        """
        raise NotImplementedError

    @override
    def expect_first(self) -> None:
        pass  # There is no list.

    @override
    def pages(self, since: datetime | None) -> Iterator[Page]:
        yield Page(rows=[Raw(self.answer())], total_entries=1, received_at=datetime.now(UTC))


class ExplodedStream(HarvestStream):
    """Records made from the records of a list, on the same read of it, without a request.

    Attributes:
        member: Where in a record of the list they are: an object, or a list of objects.
        parent_key: The field that takes the id of the record that they were in.
    """

    parent_stream_type: type[HarvestStream]
    member: ClassVar[str]
    parent_key: ClassVar[str]

    @property
    @override
    def source(self) -> HarvestStream:
        return stream_of(self._tap, self.parent_stream_type)

    @override
    def pages(self, since: datetime | None) -> Iterator[Page]:
        return self.source.pages(since)

    @override
    def records(self, row: Raw) -> Iterator[Record]:
        parent = self._decode_parent(row)
        return self.explode(parent.id, parent.updated_at, getattr(parent, self.member))

    def explode(self, parent_id: int, updated_at: str | None, inside: Any) -> Iterator[Record]:
        """The records that one record of the list makes.

        Args:
            parent_id: The id of that record.
            updated_at: When it last changed.
            inside: What its member holds; `None` where there is none.
        """
        for part in inside if isinstance(inside, list) else filter(None, (inside,)):
            yield {**part, self.parent_key: parent_id, REPLICATION_KEY: updated_at}

    @cached_property
    def _decode_parent(self) -> Callable[[Raw], Any]:
        # Only what is needed: to take a whole time entry apart costs ten times as much.
        names = ("id", REPLICATION_KEY, self.member)
        parent = msgspec.defstruct("Parent", [(name, Any, None) for name in names])
        return msgspec.json.Decoder(parent, float_hook=Decimal).decode
