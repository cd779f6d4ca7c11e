"""Reads a stream and all that hangs on it, one account after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_harvest.reading.list_reader import ListReader
from tap_harvest.reading.plans import Plans
from tap_harvest.reading.report import Report
from tap_harvest.reading.report_reader import ReportReader, announce

if TYPE_CHECKING:
    from tap_harvest.account import Account
    from tap_harvest.reading.stream import HarvestStream


class Sync:
    """Reads the streams of a run, and sends requests of the next streams while one is read."""

    def __init__(self) -> None:
        """Read nothing yet."""
        self._plans = Plans()

    def read(self, stream: HarvestStream) -> None:
        """Read a stream and all that hangs on it, and write records and state.

        Args:
            stream: A stream without a parent.
        """
        for member in (stream, *stream.descendents):
            if member.selected and not isinstance(member, Report):
                member.version = self._plans.of(member).version
        if isinstance(stream, Report) and not stream.is_trial:
            announce(stream)
        for account in stream.accounts.all:
            reader = self._reader(stream, account)
            with reader.unless_forbidden() as is_offered:
                if is_offered:
                    if not stream.is_trial:
                        self._expect_next(stream, reader)
                    reader.read()

    def _reader(self, stream: HarvestStream, account: Account) -> ListReader | ReportReader:
        if isinstance(stream, Report):
            return ReportReader(stream, account, self._plans)
        return ListReader(stream, account, self._plans)

    def _expect_next(self, stream: HarvestStream, reader: ListReader | ReportReader) -> None:
        """Send requests for the first pages of this stream and of some after it.

        Requests overlap so. Streams after one with lists below its records wait, since those take
        long, and so do streams with another budget.
        """
        account = reader.account
        streams = [
            other
            for other in stream.all_streams
            if not other.parent_stream_type and (other.selected or other.has_selected_descendents)
        ]
        at = streams.index(stream)
        for other in streams[at : at + 1 + stream.config["max_concurrent_requests"]]:
            next_reader = self._reader(other, account)
            if next_reader.budget is not reader.budget:
                break
            if other.is_offered(account):
                next_reader.expect_first()
            if isinstance(next_reader, ListReader) and next_reader.below:
                break
