"""What one run reads of one stream in one account."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tap_harvest.reading.record_writer import RecordWriter
from tap_harvest.state.bookmark import Span, instant_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from msgspec import Raw
    from singer_sdk.helpers.types import Record

    from tap_harvest.account import Account
    from tap_harvest.reading.list_read import RowMeta
    from tap_harvest.reading.plan import Plan
    from tap_harvest.reading.stream import HarvestStream


class Reading:
    """One stream in one account: the `updated_at` range to read, and what was written so far.

    Attributes:
        stream: The stream.
        account: The account.
        span: The `updated_at` range of the rows to write.
        rows: Records written.
    """

    def __init__(self, stream: HarvestStream, account: Account) -> None:
        """Read nothing yet. Without `begin`, all rows are written.

        Args:
            stream: The stream.
            account: The account.
        """
        self.stream = stream
        self.account = account
        self.span = Span()
        self.rows = 0
        self._writer = RecordWriter(stream, account)
        self._news = 0
        self._known_until: datetime | None = None

    @property
    def label(self) -> str:
        """The stream in logs, with the account where there are several."""
        return self.stream.label(self.account)

    @property
    def is_full(self) -> bool:
        """Whether a trial run's limit of rows is reached."""
        limit = self.stream.ABORT_AT_RECORD_COUNT
        return limit is not None and self.rows >= limit

    def begin(self, plan: Plan) -> None:
        """Take the range to read from the plan; warn of a bookmark that cannot be used."""
        due = plan.of(self.account)
        kept = due.kept_bookmark
        if kept.value is not None and due.is_ahead:
            self.warn_ahead(instant_text(kept.value))
        if (
            due.rules.is_incremental
            and kept.value is not None
            and kept.filters != due.rules.filters
        ):
            self.stream.logger.warning(
                "`stream_filters` was changed, so the stream is read from the beginning: stream=%s "
                "before=%s now=%s. Rows that pass only the old filters stay in the table. To "
                "remove them, empty the table before the sync.",
                self.label,
                urlencode(kept.filters) or "none",
                urlencode(due.rules.filters) or "none",
            )
        self.span = due.span
        self.rows = self._news = 0
        self._known_until = due.bookmark.value

    def warn_ahead(self, value: str) -> None:
        """Warn that a bookmark lies in the future.

        Args:
            value: The bookmark, as the state has it.
        """
        self.stream.logger.warning(
            "A bookmark lies ahead of Harvest's clock, so it cannot be right, and its stream is "
            "read from the beginning: stream=%s bookmark=%s. If this happens again, look for "
            "another program that writes the state.",
            self.label,
            value,
        )

    def write_rows(self, rows: Iterable[tuple[RowMeta, Raw]], received_at: datetime) -> None:
        """Write the records of all rows that are in the range to read."""
        span, known_until, write = self.span, self._known_until, self._writer.write
        for meta, row in rows:
            if self.is_full:
                break
            if meta.updated_at in span:
                is_news = known_until is None or (
                    meta.updated_at is not None and meta.updated_at > known_until
                )
                for record in self.stream.records(row):
                    write(record, received_at)
                    self.rows += 1
                    self._news += is_news

    def write(self, record: Record) -> None:
        """Write one record that the tap made itself."""
        self._writer.write(record, datetime.now(UTC))
        self.rows += 1

    def count_rows(self) -> None:
        """Tell the summary and the SDK's metrics how many records were written."""
        tally = self.stream.tally
        tally.rows += self.rows
        if self.stream.tells_news(self._known_until):
            tally.changed = (tally.changed or 0) + self._news
        with self.stream.get_record_counter() as counter:
            counter.increment(self.rows)

    def move_bookmark(self, plan: Plan, highest: datetime | None) -> None:
        """Write to the state that the stream was read to its end.

        If the run reconciles and all accounts were read, tell targets that rows of earlier
        versions were deleted.

        Args:
            plan: The plan that was followed.
            highest: The latest `updated_at` that was read; `None` if there was none.
        """
        if plan.reconciles and plan.version is not None and plan.is_last(self.account):
            self.stream.activate_version(plan.version)
        plan.of(self.account).move_bookmark(highest, self.span)
