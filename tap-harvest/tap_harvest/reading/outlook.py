"""How many report requests a run still has to send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_harvest.reading.report import Report
from tap_harvest.reading.report_plan import ReportPlan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_harvest.account import Account
    from tap_harvest.http.budget import Budget
    from tap_harvest.reading.stream import HarvestStream


class Outlook:
    """The report requests of a run, by stream and account, counted from state and settings.

    A run reads one stream after the other, and of each stream one account after the other.

    Attributes:
        budget: The budget of the requests, which all accounts share.
        reports: The selected streams that need such requests.
    """

    def __init__(self, streams: Sequence[HarvestStream], accounts: Sequence[Account]) -> None:
        """Count the requests.

        Args:
            streams: The streams of the tap, in order.
            accounts: The accounts, in order; their modules are known.
        """
        self.budget: Budget = accounts[0].client.budgets.reports
        self.reports = [
            stream
            for stream in streams
            if stream.selected and accounts[0].client.budgets.of(stream.path) is self.budget
        ]
        self._streams = list(streams)
        self._accounts = list(accounts)
        self._requests = {
            self._place(stream, account): _requests(stream, account)
            for stream in self.reports
            for account in accounts
            if stream.is_offered(account)
        }

    @property
    def requests(self) -> int:
        """The report requests of the whole run."""
        return sum(self._requests.values())

    def after(self, stream: HarvestStream, account: Account) -> int:
        """The report requests that the run sends after it has read a stream in an account."""
        here = self._place(stream, account)
        return sum(requests for place, requests in self._requests.items() if place > here)

    def _place(self, stream: HarvestStream, account: Account) -> tuple[int, int]:
        return self._streams.index(stream), self._accounts.index(account)


def _requests(stream: HarvestStream, account: Account) -> int:
    return len(ReportPlan(stream, account).due()) if isinstance(stream, Report) else 1
