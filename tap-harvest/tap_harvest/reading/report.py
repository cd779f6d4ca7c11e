"""Reports that are read by windows of the calendar."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlencode

from singer_sdk.helpers._state import STARTING_MARKER
from typing_extensions import override

from tap_harvest.reading.hidden_currency import is_hidden, merged
from tap_harvest.reading.list_read import Listing, with_fields
from tap_harvest.reading.progress import Progress
from tap_harvest.reading.stream import HarvestStream, decode_record
from tap_harvest.state.bookmark import Bookmark, instant, instant_text
from tap_harvest.state.report_state import Reported

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from msgspec import Raw
    from singer_sdk.helpers.types import Record

    from tap_harvest.http.budget import Budget
    from tap_harvest.http.client import Page
    from tap_harvest.reading.list_read import Walk
    from tap_harvest.state.windows import Window

NO_SUBJECT = 0
"""The id in the place of one that Harvest does not name, such as that of a deleted category."""


class Report(HarvestStream):
    """The sums of one window of the calendar after another, by subject and currency.

    Edits of old entries change old figures. So the windows of the last `report_lookback_days` are
    read again, and a subject that dropped out of one is sent once more, without figures.

    Attributes:
        subject: The field with the id of what is summed up.
        figures: The fields that are sums.
        options: The settings that change the figures, named as the parameters that they set.
    """

    records_key = "results"
    subject: ClassVar[str]
    figures: ClassVar[Sequence[str]]
    options: ClassVar[Sequence[str]] = ()
    replication_key = None
    is_history = True

    @property
    @override
    def budget(self) -> Budget:
        return self.account.client.report_budget

    # What is due

    @property
    @override
    def kept_bookmark(self) -> Bookmark:
        return Bookmark()  # Its entry in the state tells of windows.

    @property
    def reported(self) -> Reported:
        """The windows that were read as the settings have them, by the state."""
        kept, options = self._kept, self.asked_with
        if kept is None or kept.report_window != self.config["report_window"]:
            return Reported(report_window=self.config["report_window"], options=options)
        is_usable = kept.options == options and not kept.is_ahead(self._today)
        return kept if is_usable else kept.restarted(options)

    @property
    def _kept(self) -> Reported | None:
        """The windows that were read, by the state; `None` before the first."""
        return Reported.from_state(self.entry) if self.entry else None

    @property
    def _now(self) -> datetime:
        return self.account.client.started or datetime.now(UTC)

    @property
    def _today(self) -> date:
        return self._now.date()

    @property
    def _day_that_all_began(self) -> date:
        """The day that has begun in each time zone, since Harvest tells nobody the account's."""
        return (self._now - timedelta(hours=12)).date()

    @property
    def _lookback(self) -> timedelta:
        return timedelta(days=self.config["report_lookback_days"])

    def count_windows(self) -> int:
        """How many windows this run asks for; none where the account does not offer the report."""
        return len(self.windows_due()) if self._is_offered else 0

    def windows_due(self) -> list[Window]:
        """The windows that this run reads, in order."""
        start = self.config.get("report_start_date") or self.config.get("start_date")
        first = instant(start).date() if start else date(self._today.year - 1, 1, 1)
        return self.reported.due(first, self._last_day, self._lookback)

    @property
    def _last_day(self) -> date:
        """The last day that this run reports."""
        end = self.config.get("end_date")
        if end is None:
            return self._today
        return min(self._today, (instant(end) - timedelta(microseconds=1)).date())

    # Reading

    @override
    def pages(self, since: datetime | None) -> Iterator[Page]:
        # Only the SDK's own way to the records comes here.
        for window in self.windows_due():
            yield from self._pages_of(window)

    def _pages_of(self, window: Window) -> Iterator[Page]:
        added = {"from": window.first.isoformat(), "to": window.last.isoformat()}
        pages = self.pages_of(self.path, self._query_of(window))
        for page in pages:
            is_merged = any(map(is_hidden, page.rows))
            whole = merged((page, *pages), self.subject, self.figures) if is_merged else page
            yield replace(whole, rows=[self._keyed(row, added) for row in whole.rows])

    def _keyed(self, row: Raw, added: Record) -> Raw:
        """A row with its window, and with a key of which nothing is null."""
        subject, currency = self._key_of(row)
        if subject == NO_SUBJECT:
            added = {**added, self.subject: subject}
        return with_fields(row, {**added, "currency": currency})

    def _query_of(self, window: Window) -> dict[str, str]:
        days = {"from": f"{window.first:%Y%m%d}", "to": f"{window.last:%Y%m%d}"}
        return days | self.asked_with

    @property
    def asked_with(self) -> dict[str, str]:
        """The options as an address has them; one that is not set is left to Harvest."""
        values = {name: self.config.get(name) for name in self.options}
        return {name: str(value).lower() for name, value in values.items() if value is not None}

    def _key_of(self, row: Raw) -> tuple[int, str]:
        """What tells the rows of a window apart: the subject, and the currency."""
        record = decode_record(row)
        return record.get(self.subject) or NO_SUBJECT, record.get("currency") or ""

    @override
    def identity(self, row: Raw) -> int:
        return hash(self._key_of(row))

    @override
    def listing(self, query: Mapping[str, str]) -> Listing:
        # Rows have no time of change, and their figures change while timers run.
        return Listing.CHANGED

    @override
    def plan(self) -> None:
        super().plan()
        if not self.is_trial:
            self._announce()

    @override
    def expect_first(self) -> None:
        for window in self.windows_due()[:1]:
            self.account.client.expect(self.path, self._query_of(window), stream=self.name)

    @override
    def read(self) -> None:
        self.expect_next()
        due = self.windows_due()
        progress = Progress(self, "windows")
        with self.measured([self]):
            lists = ((window, self.path, self._query_of(window)) for window in due)
            for number, window in enumerate(self.ahead(lists), start=1):
                is_last = number == len(due)
                if self.is_trial_over or not self._read_window(window, is_last=is_last):
                    break
                progress.tell(number, len(due))

    def _announce(self) -> None:
        """Tell once, before the first report, what all of them will cost."""
        reports = [
            stream
            for stream in self._tap.streams.values()
            if isinstance(stream, Report) and stream.selected
        ]
        if reports[0] is self:
            windows = [sum(self.accounts.each(report.count_windows)) for report in reports]
            requests = sum(windows)
            waits = max(-(-(requests - self.budget.left) // self.budget.requests), 0)
            self.logger.info(
                "Reports to read: streams=%d requests=%d budget_left=%d minutes_to_wait=%d",
                len(list(filter(None, windows))),
                requests,
                self.budget.left,
                waits * self.budget.seconds // 60,
            )

    @override
    def begin(self) -> None:
        super().begin()
        kept = self._kept
        if kept is None:
            return
        size, options = self.config["report_window"], self.asked_with
        if kept.replication_key_value is not None and kept.is_ahead(self._today):
            self._tell_of_ahead(kept.replication_key_value.isoformat())
        if kept.report_window != size:
            self.logger.warning(
                "`report_window` was changed, so the report is read from the beginning, and the "
                "rows of the old windows stay beside the new ones: stream=%s before=%s now=%s. "
                "Empty the table, or set `report_window` back.",
                self.label,
                kept.report_window,
                size,
            )
        elif kept.options != options:
            self.logger.warning(
                "A setting that changes figures was changed, so all windows of the report are read "
                "again: stream=%s before=%s now=%s. Rows of old windows that Harvest does not "
                "list any more stay in the table; empty it if that is not to be so.",
                self.label,
                urlencode(kept.options) or "none",
                urlencode(options) or "none",
            )

    def _read_window(self, window: Window, *, is_last: bool) -> bool:
        """Read a window, retract who dropped out of it, and move the bookmark.

        Args:
            window: The window.
            is_last: Whether no other window is to be read in this run.

        Returns:
            Whether all that Harvest announced came.
        """
        ever = set(self.reported.sent.get(window.first, ()))
        keys: set[tuple[int, str]] = set()

        def read_once(walk: Walk) -> None:
            keys.clear()
            for page in self._pages_of(window):
                rows = walk.add(page, self.identity)
                self.write_rows(rows, page.received_at)
                keys.update(self._key_of(row) for _, row in rows)
                ever.update(keys)
                self.flush()

        walk = self.walk_whole(read_once, self.listing({}))
        if walk.missing:
            self._keep(self.reported.sent_too(window, ever), is_last=False)
            return False
        if not self.is_full:
            for subject, currency in sorted(ever - keys):
                self._retract(window, subject, currency)
            read = self.reported.read(
                window,
                keys,
                today=self._day_that_all_began,
                last=self._last_day,
                lookback=self._lookback,
            )
            self._keep(read, is_last=is_last)
        return True

    def _keep(self, reported: Reported, *, is_last: bool) -> None:
        """Put into the state which windows were read."""
        # Targets tell by this mark of the SDK that not all of the stream was read yet.
        self.entry = reported.to_state() | ({} if is_last else {STARTING_MARKER: None})
        self._write_state_message()

    def _retract(self, window: Window, subject: int, currency: str) -> None:
        """Send who dropped out of a window once more, so that no old figures stay downstream."""
        record: Record = {
            self.subject: subject,
            "currency": currency,
            "from": window.first.isoformat(),
            "to": window.last.isoformat(),
            **dict.fromkeys(self.figures, 0),
            "_sdc_deleted_at": instant_text(self._now),
        }
        self.write_record(record, datetime.now(UTC))
        self.rows += 1
