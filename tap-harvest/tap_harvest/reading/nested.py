"""Lists that hang below the records of another list, such as the payments of an invoice."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from typing_extensions import override

from tap_harvest.http.client import NotFoundError, UnavailableError
from tap_harvest.reading.list_read import Head, head_of, with_fields
from tap_harvest.reading.progress import Progress
from tap_harvest.reading.stream import HarvestStream, query_since, stream_of
from tap_harvest.state.bookmark import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from msgspec import Raw
    from singer_sdk.exceptions import FatalAPIError

    from tap_harvest.http.client import Page
    from tap_harvest.reading.list_read import Walk


class NestedStream(HarvestStream):
    """A list below each record of another list; Harvest shows it for one of those at a time.

    Which records to ask comes from a read of the parent's list, whether or not that is selected.
    The bookmark moves after the last of them, so that the state has one entry a stream.

    Attributes:
        parent_key: The field that takes the parent's id; `path` names it as well.
        follows_parent: Whether a change in the list moves its parent's `updated_at`. Then only
            parents that changed are asked, for their whole list, and the bookmark is theirs. If
            not, all are asked for what changed in their lists. Where some changes do not move the
            parent, `open_state` names the state in which parents are also asked every
            `reconcile_days`.
        passed_over: The refusals that tell of one parent alone, each with what it means.
    """

    parent_stream_type: type[HarvestStream]
    parent_key: ClassVar[str]
    follows_parent: ClassVar[bool] = False
    passed_over: ClassVar[Mapping[type[FatalAPIError], str]] = {NotFoundError: "deleted meanwhile"}
    is_swept = True

    _parent_span = Span()
    _open_span: Span | None = None
    _is_cut = False
    _parents: dict[int, datetime | None]

    @property
    @override
    def filtered_by(self) -> dict[str, str]:
        # Harvest has no filters here; only parents that pass theirs are asked.
        return stream_of(self._tap, self.parent_stream_type).filtered_by

    @property
    @override
    def tells_news(self) -> bool:
        # The bookmark may be the parents', and rows are due for their parent's change.
        return super().tells_news and (not self.follows_parent or self.bookmark.value is None)

    def has_list(self, parent: Raw) -> bool:  # noqa: ARG002  # Others look at the record.
        """Whether there is a list below a record of the parent's list."""
        return True

    def await_parents(self) -> Span:
        """Begin before the parent's list is read.

        Returns:
            Which of its records are to be asked, by their `updated_at`.
        """
        self._parents = {}
        self._parent_span, self._open_span = self._changed_span, self._open_parents_span
        return self.parents_due()

    def parents_due(self) -> Span:
        """Which records of the parent's list are to be read, by their `updated_at`."""
        return self._open_parents_span or self._changed_span

    @property
    def _changed_span(self) -> Span:
        """Which records are to be asked since they changed."""
        return Span.covering(m.due() for m in self.family) if self.follows_parent else Span()

    @property
    def _open_parents_span(self) -> Span | None:
        """Which records are to be asked if they are open; `None` if that is not due."""
        if not any(member.is_check_due for member in self.family):
            return None
        return Span.covering(member.whole_span for member in self.family)

    def note_parents(self, rows: Iterable[tuple[Head, Raw]]) -> None:
        """Remember which records of a page of the parent's list are to be asked."""
        for head, row in rows:
            if head.id is None or not self.has_list(row):
                continue
            if head.updated_at in self._parent_span:
                self._parents[head.id] = head.updated_at
            elif self._is_asked_as_open(head, row):
                self._parents[head.id] = None  # Its rows are due, whenever it changed.

    def _is_asked_as_open(self, head: Head, row: Raw) -> bool:
        if self._open_span is None or head.updated_at not in self._open_span:
            return False
        return bool(_state_of(row).state == self.open_state)

    def read_below(self, highest: datetime | None) -> None:
        """Read the lists of all parents that are due, and move the bookmarks after the last.

        Args:
            highest: The latest `updated_at` in the parent's list; `None` if it had none.
        """
        with self.unless_withheld() as is_offered:
            if is_offered:
                family = self.family
                with self.measured(family):
                    # Not the walks themselves: they know each row, and there may be very many.
                    walks = [(walk.missing, walk.highest) for walk in self._walks(family)]
                is_unseen = bool(self._parents) and not walks  # All parents were gone.
                is_short = self._is_cut or any(missing for missing, _ in walks)
                if is_unseen or is_short or self.is_trial_over:
                    return
                if not self.follows_parent:
                    moments = (moment for _, moment in walks if moment is not None)
                    highest = max(moments, default=None)
                self.move_bookmarks(highest, family)

    def _walks(self, family: Sequence[HarvestStream]) -> Iterator[Walk]:
        """Read and write the list of each parent that is due.

        Raises:
            FatalAPIError: None of several parents has such a list, so it cannot be that all of
                them were deleted since their list was read.
        """
        since = None if self.follows_parent else Span.covering(m.span for m in family).since
        progress = Progress(self, "lists")
        refusals: list[FatalAPIError] = []
        lists = ((parent_id, *self._list_below(parent_id, since)) for parent_id in self._parents)
        for number, parent_id in enumerate(self.ahead(lists), start=1):
            if self.is_trial_over:
                break
            try:
                yield self.walk_whole(
                    partial(self._read_below_once, parent_id, since, family),
                    self.listing(query_since(since)),
                )
            except tuple(self.passed_over) as refusal:
                refusals.append(refusal)
                if len(refusals) == len(self._parents) > 1 or self._may_not_skip(refusal):
                    raise
            progress.tell(number, len(self._parents))
            self.flush()
        self._tell_of(refusals)

    def _may_not_skip(self, refusal: FatalAPIError) -> bool:
        return _is_withheld(refusal) and not self.account.skip_forbidden

    def _tell_of(self, refusals: Sequence[FatalAPIError]) -> None:
        """Log how many lists were passed over, and why."""
        # Those that are withheld may have changed: nobody can say that all was read.
        self._is_cut = any(map(_is_withheld, refusals))
        if self._is_cut:
            self._note("some lists are not shown to the token")
        for kind, meaning in self.passed_over.items():
            if lists := sum(type(refusal) is kind for refusal in refusals):
                self.logger.log(
                    logging.WARNING if kind is UnavailableError else logging.INFO,
                    "Passed over: stream=%s lists=%d of=%d reason=%s",
                    self.name,
                    lists,
                    len(self._parents),
                    meaning,
                )

    def _read_below_once(
        self,
        parent_id: int,
        since: datetime | None,
        family: Sequence[HarvestStream],
        walk: Walk,
    ) -> None:
        """Read the list of one parent and write it.

        Args:
            parent_id: The parent's id.
            since: Only rows that changed from this instant on; `None` asks for all.
            family: The streams that get the rows.
            walk: Counts the rows.
        """
        changed_at = self._parents[parent_id]
        for page in self._pages_below(parent_id, since):
            rows = walk.add(page, self.identity)
            if self.follows_parent:
                # What is due of the list is so because of its parent's change.
                rows = [(Head(head.id, updated_at=changed_at), row) for head, row in rows]
            for member in family:
                member.write_rows(rows, page.received_at)

    def _list_below(self, parent_id: int, since: datetime | None) -> tuple[str, dict[str, str]]:
        """Path and query of the list of one parent."""
        return self.path.format_map({self.parent_key: parent_id}), query_since(since)

    def _pages_below(self, parent_id: int, since: datetime | None) -> Iterator[Page]:
        for page in self.pages_of(*self._list_below(parent_id, since)):
            yield replace(
                page, rows=[with_fields(row, {self.parent_key: parent_id}) for row in page.rows]
            )

    @override
    def pages(self, since: datetime | None) -> Iterator[Page]:
        # Only the SDK's own way to the records comes here; a sync rides on the parent's read.
        parent = stream_of(self._tap, self.parent_stream_type)
        parents = parent.pages(since if self.follows_parent else None)
        below = None if self.follows_parent else since
        for page in parents:
            for row in page.rows:
                if self.has_list(row) and (parent_id := head_of(row).id) is not None:
                    yield from self._pages_below(parent_id, below)


class _State(msgspec.Struct, frozen=True):
    state: Any = None


_state_of = msgspec.json.Decoder(_State).decode


def _is_withheld(refusal: FatalAPIError) -> bool:
    return type(refusal) is UnavailableError
