"""Reads a stream and the streams below it, one account after the other."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tap_harvest.reading.list_reader import ListReader
from tap_harvest.reading.plans import Plans
from tap_harvest.reading.report import Report
from tap_harvest.reading.report_reader import ReportReader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_harvest.account import Account, Accounts
    from tap_harvest.reading.stream import HarvestStream

logger = logging.getLogger("tap-harvest")


class Sync:
    """Reads the streams of a run, and sends requests of the next streams while one is read."""

    def __init__(self) -> None:
        """Read nothing yet."""
        self._plans = Plans()

    def read(self, stream: HarvestStream) -> None:
        """Read a stream and the streams below it, and write records and state.

        Args:
            stream: A stream without a parent.
        """
        for member in (stream, *stream.descendents):
            if member.selected and not isinstance(member, Report):
                member.version = self._plans.of(member).version
        for account in stream.accounts.all:
            reader = self._reader(stream, account)
            with reader.unless_forbidden() as is_offered:
                if is_offered:
                    if not stream.is_trial:
                        self._expect_next(stream, reader)
                    reader.read()

    def announce(self, streams: Sequence[HarvestStream], accounts: Accounts) -> None:
        """Log at the start of a run how long the budget for reports will hold it up.

        Args:
            streams: The streams of the tap, in order.
            accounts: The accounts to read; their modules are known.
        """
        outlook = self._plans.outlook(streams, accounts.all)
        if not outlook.reports:
            return
        outlook.budget.expect(outlook.requests)
        minutes = outlook.budget.seconds_until(outlook.requests) // 60
        logger.info(
            "Reports to read, after all lists: streams=%d requests=%d budget_left=%d "
            "minutes_to_wait=%d",
            len(outlook.reports),
            outlook.requests,
            outlook.budget.left,
            minutes,
        )
        if minutes:
            logger.info(
                "Harvest allows %d report requests in %g minutes. To leave the reports for a later "
                "run, add '!*_report.*' to `select` in meltano.yml, or deselect them in the "
                "catalog.",
                outlook.budget.requests,
                outlook.budget.seconds / 60,
            )

    def _reader(self, stream: HarvestStream, account: Account) -> ListReader | ReportReader:
        if isinstance(stream, Report):
            return ReportReader(stream, account, self._plans)
        return ListReader(stream, account, self._plans)

    def _expect_next(self, stream: HarvestStream, reader: ListReader | ReportReader) -> None:
        """Send requests for the first pages of this stream and of some after it.

        So requests overlap. No request is sent early for a stream after one with lists below its
        records, since those take long, and for a stream with another budget.
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
