"""Reads reports by windows of the calendar."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tap_harvest.reading.hidden_currency import is_hidden, merged
from tap_harvest.reading.list_read import with_fields
from tap_harvest.reading.reader import Reader
from tap_harvest.reading.report import NO_SUBJECT, Report
from tap_harvest.reading.report_plan import ReportPlan
from tap_harvest.state.bookmark import instant_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from msgspec import Raw
    from singer_sdk.helpers.types import Record

    from tap_harvest.account import Account
    from tap_harvest.http.paging import Page
    from tap_harvest.reading.list_read import ListRead
    from tap_harvest.reading.plans import Plans
    from tap_harvest.state.windows import Window


class ReportReader(Reader):
    """Reads the windows of a report that are due, and notes each of them in the state."""

    stream: Report

    def __init__(self, stream: Report, account: Account, plans: Plans) -> None:
        """Send no request yet."""
        super().__init__(stream, account, plans)
        self.plan = ReportPlan(stream, account)
        [self._reading] = self.family

    def expect_first(self) -> None:
        """Send the request for the first window, before the report is read."""
        for window in self.plan.due()[:1]:
            query = self.plan.query(window)
            self.account.client.expect(self.stream.path, query, stream=self.stream.name)

    def read(self) -> None:
        """Read the windows that are due, newest first."""
        self._warn_of_changes()
        due = self.plan.begin()
        self.budget.expect(len(due) + self.reports_after())
        progress = self.progress("windows")
        with self.measured():
            path = self.stream.path
            lists = ((window, path, self.plan.query(window)) for window in due)
            for number, window in enumerate(self.ahead(lists), start=1):
                if self.is_trial_over:
                    break
                self._read_window(window, is_last=number == len(due))
                progress.tell(number, len(due))

    def _warn_of_changes(self) -> None:
        """Warn if the state does not fit the settings, so that windows are read again."""
        kept = self.plan.kept
        if kept is None:
            return
        size, options = self.stream.config["report_window"], self.plan.options
        if kept.replication_key_value is not None and kept.is_ahead(self.plan.today):
            self._reading.warn_ahead(kept.replication_key_value.isoformat())
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
                "again: stream=%s before=%s now=%s. Rows of old windows that Harvest no longer "
                "lists stay in the table. To remove them, empty the table before the sync.",
                self.label,
                urlencode(kept.options) or "none",
                urlencode(options) or "none",
            )

    def _read_window(self, window: Window, *, is_last: bool) -> None:
        """Read a window, retract the subjects that dropped out of it, and write the state.

        Args:
            window: The window.
            is_last: Whether no other window is to be read in this run.
        """
        ever = set(self.plan.reported.sent.get(window.first, ()))
        keys: set[tuple[int, str]] = set()

        def read_once(read: ListRead) -> None:
            keys.clear()
            for page in self._pages_of(window):
                rows = read.add(page, self.stream.identity)
                self._reading.write_rows(rows, page.received_at)
                keys.update(self.stream.key_of(row) for _, row in rows)
                ever.update(keys)
                self.stream.flush()

        read = self.read_until_whole(read_once, self.stream.listing({}))
        if read.missing:
            self.plan.note_sent(window, ever)
            self.stream.write_state()
        elif not self._reading.is_full:
            for subject, currency in sorted(ever - keys):
                self._retract(window, subject, currency)
            self.plan.note_read(window, keys, is_last=is_last)
            self.stream.write_state()

    def _pages_of(self, window: Window) -> Iterator[Page]:
        added = {"from": window.first.isoformat(), "to": window.last.isoformat()}
        pages = self.stream.pages_of(self.account, self.stream.path, self.plan.query(window))
        for page in pages:
            is_merged = any(map(is_hidden, page.rows))
            subject, figures = self.stream.subject, self.stream.figures
            whole = merged((page, *pages), subject, figures) if is_merged else page
            yield replace(whole, rows=[self._keyed(row, added) for row in whole.rows])

    def _keyed(self, row: Raw, added: Record) -> Raw:
        """A row with its window added, and without null in its key."""
        subject, currency = self.stream.key_of(row)
        if subject == NO_SUBJECT:
            added = {**added, self.stream.subject: subject}
        return with_fields(row, {**added, "currency": currency})

    def _retract(self, window: Window, subject: int, currency: str) -> None:
        """Write a subject that dropped out of a window once more, with zero figures, as deleted."""
        record: Record = {
            self.stream.subject: subject,
            "currency": currency,
            "from": window.first.isoformat(),
            "to": window.last.isoformat(),
            **dict.fromkeys(self.stream.figures, 0),
            "_sdc_deleted_at": instant_text(self.plan.now),
        }
        self._reading.write(record)
