"""Which windows of a report a run reads."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from singer_sdk.helpers._state import STARTING_MARKER

from tap_harvest.state.bookmark import instant
from tap_harvest.state.report_state import Reported

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_harvest.account import Account
    from tap_harvest.reading.report import Report
    from tap_harvest.state.windows import Window


class ReportPlan:
    """The windows of a report that are due in one account, and those that were read."""

    def __init__(self, report: Report, account: Account) -> None:
        """Decide nothing yet.

        Args:
            report: The report.
            account: The account.
        """
        self._config = report.config
        self._options = report.options
        self._account = account
        self._entry = report.entry(account)
        self._current: Reported | None = None

    @property
    def kept(self) -> Reported | None:
        """The windows that were read, as the state has them; `None` before the first."""
        entry = self._entry.read()
        return Reported.from_state(entry) if entry else None

    @property
    def reported(self) -> Reported:
        """The windows that were read with the settings of this run."""
        if self._current is not None:
            return self._current
        kept, options, size = self.kept, self.options, self._config["report_window"]
        if kept is None or kept.report_window != size:
            return Reported(report_window=size, options=options)
        is_usable = kept.options == options and not kept.is_ahead(self.today)
        return kept if is_usable else kept.restarted(options)

    @property
    def options(self) -> dict[str, str]:
        """The options as query parameters. An option that is not set is left out."""
        values = {name: self._config.get(name) for name in self._options}
        return {name: str(value).lower() for name, value in values.items() if value is not None}

    @property
    def now(self) -> datetime:
        """Harvest's clock at the start of the run."""
        return self._account.client.started or datetime.now(UTC)

    @property
    def today(self) -> date:
        """The day in UTC."""
        return self.now.date()

    def due(self) -> list[Window]:
        """The windows that this run reads, newest first."""
        start = self._config.get("report_start_date") or self._config.get("start_date")
        first = instant(start).date() if start else date(self.today.year - 1, 1, 1)
        return self.reported.due(first, self._last_day, self._lookback)

    def begin(self) -> list[Window]:
        """Begin a run.

        Returns:
            The windows that it reads, newest first.
        """
        due = self.due()
        self._current = self.reported.begun(due)
        return due

    @property
    def _lookback(self) -> timedelta:
        return timedelta(days=self._config["report_lookback_days"])

    @property
    def _last_day(self) -> date:
        """The last day that this run reports."""
        end = self._config.get("end_date")
        if end is None:
            return self.today
        return min(self.today, (instant(end) - timedelta(microseconds=1)).date())

    def query(self, window: Window) -> dict[str, str]:
        """What the report is asked for to get a window."""
        days = {"from": f"{window.first:%Y%m%d}", "to": f"{window.last:%Y%m%d}"}
        return days | self.options

    def note_read(self, window: Window, keys: Iterable[tuple[int, str]], *, is_last: bool) -> None:
        """Put into the state that a window was read.

        Args:
            window: The window.
            keys: The subjects that it named, each with its currency.
            is_last: Whether no other window is to be read in this run.
        """
        # The day that has begun in each time zone, since Harvest does not tell the account's.
        today = (self.now - timedelta(hours=12)).date()
        read = self.reported.read(
            window, keys, today=today, last=self._last_day, lookback=self._lookback
        )
        self._keep(read, is_last=is_last)

    def note_sent(self, window: Window, keys: Iterable[tuple[int, str]]) -> None:
        """Put into the state what was sent of a window that was not read whole.

        Args:
            window: The window.
            keys: The subjects that were sent of it, now or before, each with its currency.
        """
        self._keep(self.reported.sent_too(window, keys), is_last=False)

    def _keep(self, reported: Reported, *, is_last: bool) -> None:
        self._current = reported
        is_whole = is_last and not reported.unread
        # This mark of the SDK tells targets that the stream was not read to its end yet.
        self._entry.write(reported.to_state() | ({} if is_whole else {STARTING_MARKER: None}))
