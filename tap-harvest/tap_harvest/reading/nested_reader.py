"""Reads the lists below the records of another list."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from tap_harvest.http.errors import UnavailableError
from tap_harvest.reading.list_read import RowMeta, meta_of, with_fields
from tap_harvest.reading.reader import Reader
from tap_harvest.reading.stream import decode_record, query_since
from tap_harvest.state.bookmark import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from msgspec import Raw
    from singer_sdk.exceptions import FatalAPIError

    from tap_harvest.account import Account
    from tap_harvest.http.paging import Page
    from tap_harvest.reading.list_read import ListRead
    from tap_harvest.reading.nested import NestedStream
    from tap_harvest.reading.plan import AccountPlan
    from tap_harvest.reading.plans import Plans


class NestedReader(Reader):
    """Reads the list of each parent that is due, after the parents' own list was read."""

    stream: NestedStream

    def __init__(self, stream: NestedStream, account: Account, plans: Plans) -> None:
        """Send no request yet."""
        super().__init__(stream, account, plans)
        self._changed = Span()
        self._open: Span | None = None
        self._parents: dict[int, datetime | None] = {}
        self._is_cut = False

    # Which parents are due

    def await_parents(self) -> Span:
        """Begin before the parents' list is read.

        Returns:
            The `updated_at` range of the parents to read.
        """
        self._parents = {}
        self._changed, self._open = self._changed_span(), self._open_span()
        return self._open or self._changed

    def parents_due(self) -> Span:
        """The `updated_at` range of the parents to read."""
        return self._open_span() or self._changed_span()

    def _plans_of_family(self) -> list[AccountPlan]:
        return [self.plans.of(member.stream).of(self.account) for member in self.family]

    def _changed_span(self) -> Span:
        """The `updated_at` range of the parents whose lists are read because they changed."""
        if not self.stream.follows_parent:
            return Span()
        return Span.covering(plan.span for plan in self._plans_of_family())

    def _open_span(self) -> Span | None:
        """The `updated_at` range of the open parents to ask; `None` if none is due."""
        plans = self._plans_of_family()
        if not any(plan.is_check_due for plan in plans):
            return None
        return Span.covering(plan.whole_span for plan in plans)

    def note_parents(self, rows: Iterable[tuple[RowMeta, Raw]]) -> None:
        """Remember the records on a page of the parents' list whose own lists are to be read."""
        for meta, row in rows:
            if meta.id is None or not self.stream.has_list(row):
                continue
            if meta.updated_at in self._changed:
                self._parents[meta.id] = meta.updated_at
            elif self._is_asked_as_open(meta, row):
                self._parents[meta.id] = None  # Its rows are due, whenever it changed.

    def _is_asked_as_open(self, meta: RowMeta, row: Raw) -> bool:
        if self._open is None or meta.updated_at not in self._open:
            return False
        return bool(_state_of(row).state == self.stream.open_state)

    # Reading

    def read_below(self, highest: datetime | None) -> None:
        """Read the lists of all parents that are due, and move the bookmarks after the last.

        Args:
            highest: The latest `updated_at` in the parents' list; `None` if it had none.
        """
        with self.unless_forbidden() as is_offered:
            if is_offered:
                self.begin()
                with self.measured():
                    # The reads themselves would keep the ids of all rows in memory.
                    reads = [(read.missing, read.highest) for read in self._reads()]
                is_unseen = bool(self._parents) and not reads  # All parents were gone.
                is_short = self._is_cut or any(missing for missing, _ in reads)
                if is_unseen or is_short or self.is_trial_over:
                    return
                if not self.stream.follows_parent:
                    moments = (moment for _, moment in reads if moment is not None)
                    highest = max(moments, default=None)
                self.move_bookmarks(highest)

    def _reads(self) -> Iterator[ListRead]:
        """Read and write the list of each parent that is due.

        Raises:
            FatalAPIError: Harvest refused the lists of all of several parents. So the reason is
                not that one parent was deleted.
        """
        covered = Span.covering(member.span for member in self.family)
        since = None if self.stream.follows_parent else covered.since
        progress = self.progress("lists")
        refusals: list[FatalAPIError] = []
        lists = ((parent_id, *self._list_below(parent_id, since)) for parent_id in self._parents)
        for number, parent_id in enumerate(self.ahead(lists), start=1):
            if self.is_trial_over:
                break
            try:
                yield self.read_until_whole(
                    partial(self._read_once, parent_id, since),
                    self.stream.listing(query_since(since)),
                )
            except tuple(self.stream.passed_over) as refusal:
                refusals.append(refusal)
                if len(refusals) == len(self._parents) > 1 or self._may_not_skip(refusal):
                    raise
            progress.tell(number, len(self._parents))
            self.stream.flush()
        self._tell_of(refusals)

    def _may_not_skip(self, refusal: FatalAPIError) -> bool:
        return _is_forbidden(refusal) and not self.account.skip_forbidden

    def _tell_of(self, refusals: Sequence[FatalAPIError]) -> None:
        """Log how many lists were skipped, and why."""
        # A forbidden list may have changed, so the stream was not read to its end.
        self._is_cut = any(map(_is_forbidden, refusals))
        if self._is_cut:
            self.note("some lists are not shown to the token")
        for kind, meaning in self.stream.passed_over.items():
            if lists := sum(type(refusal) is kind for refusal in refusals):
                self.logger.log(
                    logging.WARNING if kind is UnavailableError else logging.INFO,
                    "Passed over: stream=%s lists=%d of=%d reason=%s",
                    self.stream.name,
                    lists,
                    len(self._parents),
                    meaning,
                )

    def _read_once(self, parent_id: int, since: datetime | None, read: ListRead) -> None:
        """Read the list of one parent and write it.

        Args:
            parent_id: The parent's id.
            since: Only rows that changed from this instant on; `None` asks for all.
            read: Counts the rows.
        """
        changed_at = self._parents[parent_id]
        path, query = self._list_below(parent_id, since)
        for page in self._pages(path, query, parent_id):
            rows = read.add(page, self.stream.identity)
            if self.stream.follows_parent:
                # All rows of the list are due, because the parent changed.
                rows = [(RowMeta(meta.id, updated_at=changed_at), row) for meta, row in rows]
            for member in self.family:
                member.write_rows(rows, page.received_at)

    def _list_below(self, parent_id: int, since: datetime | None) -> tuple[str, dict[str, str]]:
        """Path and query of the list of one parent."""
        path = self.stream.path.format_map({self.stream.parent_key: parent_id})
        return path, query_since(since)

    def _pages(self, path: str, query: dict[str, str], parent_id: int) -> Iterator[Page]:
        """The pages of a list, with the parent's id in each row."""
        added = {self.stream.parent_key: parent_id}
        for page in self.stream.pages_of(self.account, path, query):
            yield replace(page, rows=[with_fields(row, added) for row in page.rows])

    def read_own(self) -> None:
        """Read the list of the token's owner, which Harvest shows to everybody.

        The bookmark stays, since the lists of other people were not read.
        """
        with self.unless_forbidden():
            owner = decode_record(self.account.user)["id"]
            self.begin()
            with self.measured():
                for page in self._pages(self.stream.own_path, {}, owner):
                    for member in self.family:
                        rows = ((meta_of(row), row) for row in page.rows)
                        member.write_rows(rows, page.received_at)
                    self.stream.flush()
            self.note("only those of the token's owner")
            self.logger.warning(
                "Harvest does not show %s to the token, so only the rows of its owner are read: "
                "stream=%s. Use an administrator's token to read the rows of everybody.",
                self.stream.parent_stream_type.name,  # type: ignore[misc]  # On the class.
                self.label,
            )


class _State(msgspec.Struct, frozen=True):
    state: Any = None


_state_of = msgspec.json.Decoder(_State).decode


def _is_forbidden(refusal: FatalAPIError) -> bool:
    return type(refusal) is UnavailableError
