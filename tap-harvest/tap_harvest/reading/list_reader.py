"""Reads an account-wide list, and then the lists below its records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from tap_harvest.http.errors import UnavailableError
from tap_harvest.reading.nested import NestedStream
from tap_harvest.reading.nested_reader import NestedReader
from tap_harvest.reading.reader import Reader
from tap_harvest.state.bookmark import Span

if TYPE_CHECKING:
    from datetime import datetime

    from tap_harvest.account import Account
    from tap_harvest.reading.list_read import ListRead
    from tap_harvest.reading.plans import Plans
    from tap_harvest.reading.stream import HarvestStream


class ListReader(Reader):
    """Reads one list for a family, and passes its records to the readers of the lists below.

    Attributes:
        below: The readers of the lists below the records of this one, if selected.
    """

    def __init__(self, stream: HarvestStream, account: Account, plans: Plans) -> None:
        """Send no request yet."""
        super().__init__(stream, account, plans)
        self.below = [
            NestedReader(child, account, plans)
            for child in stream.children
            if isinstance(child, NestedStream) and child.family
        ]
        self._read_alone: list[HarvestStream] = []

    @property
    @override
    def skipped_streams(self) -> list[HarvestStream]:
        return [stream for stream in super().skipped_streams if stream not in self._read_alone]

    def expect_first(self) -> None:
        """Send the request for the first page, before the list is read."""
        spans = [self.plans.of(member.stream).of(self.account).span for member in self.family]
        spans += [reader.parents_due() for reader in self.below]
        self.stream.expect(self.account, Span.covering(spans).since)

    def read(self) -> None:
        """Read the list and the lists below its records, and move the bookmarks.

        Raises:
            UnavailableError: Harvest does not show the list to the token.
        """
        try:
            self._read()
        except UnavailableError:
            if self.account.skip_forbidden:
                self._read_own()
            raise

    def _read(self) -> None:
        self.begin()
        with self.measured():
            spans = [member.span for member in self.family]
            spans += [reader.await_parents() for reader in self.below]
            since = Span.covering(spans).since
            read = self.read_until_whole(
                lambda read: self._read_once(read, since),
                self.stream.listing(self.stream.query(since)),
            )
        if read.missing:
            return
        self.move_bookmarks(read.highest)
        for reader in self.below:
            reader.read_below(read.highest)

    def _read_once(self, read: ListRead, since: datetime | None) -> None:
        """Read the list, write it, and note which of its records have lists to read."""
        progress = self.progress("rows")
        for page in self.stream.pages(self.account, since):
            rows = read.add(page, self.stream.identity)
            for member in self.family:
                member.write_rows(rows, page.received_at)
            for reader in self.below:
                reader.note_parents(rows)
            progress.tell(read.came, read.announced)
            self.stream.flush()
            if self.is_trial_over:
                read.stop()
                break

    def _read_own(self) -> None:
        """Read the lists of the token's owner, if Harvest does not show this list to the token."""
        for reader in self.below:
            if reader.stream.own_path:
                self._read_alone += [member.stream for member in reader.family]
                reader.read_own()
