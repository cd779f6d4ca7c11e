"""How a list is read and written: its pages, its families, the lists below its records.

What is due of it is in `plan.py`; other ways of reading are in `kinds.py` and `nested.py`.
"""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

import msgspec
from msgspec import Raw
from singer_sdk.exceptions import MapExpressionError
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib import RecordMessage
from typing_extensions import override

from tap_harvest.fields import ACCOUNT_ID
from tap_harvest.http.client import Page, UnavailableError
from tap_harvest.reading.list_read import Listing, Walk, content_hash, with_fields
from tap_harvest.reading.plan import DueStream
from tap_harvest.reading.progress import Progress
from tap_harvest.state.bookmark import Span, instant_text
from tap_harvest.summary import Tally
from tap_harvest.writer import BufferedWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context, Record

    from tap_harvest.account import Accounts
    from tap_harvest.http.budget import Budget
    from tap_harvest.reading.list_read import Head
    from tap_harvest.reading.nested import NestedStream

_T = TypeVar("_T")

MAX_WALKS = 3
"""How often a list is read in a run until a read proves that no row was missed."""

decode_record = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode
"""Takes a record apart; its numbers keep the digits that Harvest sent."""


class HarvestStream(DueStream):
    """A list of Harvest, read account-wide, and only what changed since the last time.

    A stream together with the streams exploded from its records is a family: one read of the list
    serves them all, each from its own bookmark on. It also tells the streams below the list's
    records which of them to ask. Where several accounts are read, that happens for one after the
    other.

    Attributes:
        path: The list's address below the API's.
        records_key: The name of the rows in an answer; the last part of `path` if empty.
        is_selection: Whether Harvest itself leaves rows out of the list, so that a change of a row
            can add it or remove it.
        rows: Records written of the account whose turn it is.
        tally: What the summary tells of the stream.
    """

    path: ClassVar[str] = ""
    records_key: ClassVar[str] = ""
    is_selection: ClassVar[bool] = False

    # Records are JSON already; and conforming would lose keys that no schema knows yet.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def __init__(self, tap: Tap, accounts: Callable[[], Accounts]) -> None:
        """Ask nothing yet; see `DueStream`."""
        super().__init__(tap, accounts)
        self.rows = 0
        self.tally = Tally()

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

    def records(self, row: Raw) -> Iterable[Raw | Record]:
        """The records that a row of the list makes: itself, as Harvest sent it."""
        return (row,)

    def identity(self, row: Raw) -> int:
        """What tells a row without an `id` from the others of its list."""
        return content_hash(row)

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
            missing = [stream.name for stream in (self, *self.skipped_with) if stream.selected]
            if not missing:
                return
            # A token that lacks rights lacks them for many lists: what to do is said once.
            first = self.account.withheld.setdefault(type(error), self.label)
            self.logger.warning(
                "Skipped, with its bookmark kept: stream=%s missing=%s reason=%s",
                self.label,
                ", ".join(missing),
                error if first == self.label else f"as of {first}",
            )

    @property
    def skipped_with(self) -> list[HarvestStream]:
        """The streams that cannot be read where Harvest does not show this one."""
        return cast("list[HarvestStream]", self.descendent_streams)

    def _note(self, note: str) -> None:
        """Have the summary say something of this stream and all that depends on it."""
        if self._has_account_id:
            note = f"{self.account.id} {note}"
        for stream in (self, *self.skipped_with):
            stream.tally.note = "; ".join(filter(None, (stream.tally.note, note)))

    def read(self) -> None:
        """Read what is due of the list and below it, and move the bookmarks of what was."""
        self.expect_next()
        family, nested = self.family, self.nested
        with self.measured(family):
            spans = [member.span for member in family]
            spans += [child.await_parents() for child in nested]
            since = Span.covering(spans).since
            walk = self.walk_whole(
                lambda walk: self._read_once(walk, since, family, nested),
                self.listing(self._query(since)),
            )
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

    @override
    def begin(self) -> None:
        super().begin()
        self.rows = self._news = 0
        self._known_until = self.bookmark.value

    def listing(self, query: Mapping[str, str]) -> Listing:
        """Which rows Harvest lists for a query."""
        if self.is_selection or query.keys() - {"updated_since"}:
            return Listing.SELECTED
        return Listing.CHANGED if query else Listing.ALL

    def walk_whole(self, read_once: Callable[[Walk], object], listing: Listing) -> Walk:
        """Read a list until a walk proves that no row was missed, at most `MAX_WALKS` times.

        Args:
            read_once: Reads the list, writes it, and adds its pages to a walk.
            listing: Which rows the list holds.
        """
        walk = Walk(listing)
        read_once(walk)
        for _ in range(1, MAX_WALKS):
            if not (missing := walk.missing):
                return walk
            self.logger.info(
                "The list changed while it was read, reading it again: stream=%s rows=%d",
                self.label,
                missing,
            )
            walk = Walk(listing, before=walk)
            read_once(walk)
        if missing := walk.missing:
            self._note("the list changed while it was read")
            self.logger.warning(
                "The list changed each time that it was read, so rows may be missing. Its bookmark "
                "stays, nothing is removed downstream, and the next run reads the same rows again: "
                "stream=%s reads=%d missing=%d. If this happens in each run, sync at a quieter "
                "time, or tell Harvest's support.",
                self.label,
                MAX_WALKS,
                missing,
            )
        return walk

    def _read_once(
        self,
        walk: Walk,
        since: datetime | None,
        family: Sequence[HarvestStream],
        nested: Sequence[NestedStream],
    ) -> None:
        """Read the list, write it, and note which of its records have lists to read."""
        progress = Progress(self, "rows")
        for page in self.pages(since):
            rows = walk.add(page, self.identity)
            for member in family:
                member.write_rows(rows, page.received_at)
            for child in nested:
                child.note_parents(rows)
            progress.tell(walk.came, walk.announced)
            self.flush()
            if self.is_trial_over:
                walk.stop()
                break

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
            return
        taken_apart = decode_record(record) if isinstance(record, Raw) else record
        try:
            self._write_record_message(taken_apart)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # The SDK lets these errors of an expression pass, and their texts quote the record.
            sentence = (
                f'an expression for stream "{self.name}" fails for a record '
                f"({type(error).__name__}). Correct the expression."
            )
            raise MapExpressionError(sentence) from error

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
