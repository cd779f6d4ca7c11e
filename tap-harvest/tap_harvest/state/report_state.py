"""The state of a report: which windows were read.

See `Reported` for the parts of an entry.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Literal, Self

import msgspec

from tap_harvest.state.windows import Size, Window, joined, window_of, windows, without

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_DAY = timedelta(days=1)
_OPTIONAL = ("start_date", "unread", "options")
"""The parts of an entry that are left out if they are empty."""


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """The windows of a report that were read: its entry in the state.

    Windows are read newest first. If the first run is stopped, `start_date` is the earliest day
    that it read, and the next run reads the windows before that day. If a later run is stopped,
    the windows that it did not reach are in `unread`.

    Attributes:
        replication_key: The field that ends a window.
        replication_key_value: The last day of the latest window that was over when it was read;
            `None` before there is one.
        report_window: The size of the windows.
        start_date: The day from which on all windows up to the latest were read, except `unread`;
            `None` if that is not known.
        unread: The days after `start_date` whose windows are still to be read, in order.
        options: The options that the report was asked with, as an address has them.
        sent: The windows that may be read again, by their first day: each subject that was sent,
            with its currency.
    """

    replication_key: Literal["to"] = "to"
    replication_key_value: date | None = None
    report_window: Size
    start_date: date | None = None
    unread: list[Window] = []
    options: dict[str, str] = {}
    sent: dict[date, list[tuple[int, str]]] = {}

    @classmethod
    def from_state(cls, entry: Mapping[str, Any]) -> Self:
        """Read a report's entry in the state.

        Raises:
            ValueError: The entry is not that of a report.
        """
        try:
            return msgspec.convert(entry, cls)
        except msgspec.ValidationError as fault:
            raise ValueError(str(fault)) from fault

    def to_state(self) -> dict[str, Any]:
        """Write the report's entry for the state."""
        entry: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return {name: value for name, value in entry.items() if value or name not in _OPTIONAL}

    def restarted(self, options: Mapping[str, str]) -> Self:
        """The entry where all windows are to be read again, with other options.

        The subjects that were sent stay known, since the new figures may leave some out.
        """
        return msgspec.structs.replace(
            self, replication_key_value=None, unread=[], options=dict(options)
        )

    def is_ahead(self, today: date) -> bool:
        """Whether the bookmark lies after the present, so that it cannot be right."""
        return self.replication_key_value is not None and self.replication_key_value > today

    def due(self, start: date, last: date, lookback: timedelta) -> list[Window]:
        """The windows that are to be read, newest first.

        Args:
            start: The day from which on the report is wanted.
            last: The last day to report.
            lookback: For how long before that day edits may still change the figures.
        """
        size, begun = self.report_window, self.start_date
        earliest = min(start, begun or start)
        if self.replication_key_value is None:
            return sorted(windows(earliest, last, size), reverse=True)
        # If the bookmark is before the start, the windows in between were not read.
        again = min(max(start, last - lookback), max(self._next_day, earliest))
        due = set(windows(again, last, size))
        if begun is not None and start < begun:
            due.update(windows(start, min(begun - _DAY, last), size))
        for days in self.unread:
            due.update(windows(days.first, min(days.last, last), size))
        return sorted(due, reverse=True)

    def begun(self, due: Iterable[Window]) -> Self:
        """The entry at the start of a run, before it reads the windows that are due.

        A first run needs no note: the windows before `start_date` are those that it did not reach.

        Args:
            due: The windows.
        """
        begun = self.start_date
        if begun is None and self.replication_key_value is None:
            return self
        later = (window for window in due if begun is None or window.first >= begun)
        return msgspec.structs.replace(self, unread=joined([*self.unread, *later]))

    @property
    def _next_day(self) -> date:
        """The day after the bookmark."""
        value = self.replication_key_value
        return date.min if value is None else value + min(_DAY, date.max - value)

    def sent_too(self, window: Window, keys: Iterable[tuple[int, str]]) -> Self:
        """The entry after a window was not read whole, so that it is to be read again.

        Args:
            window: The window.
            keys: The subjects that were sent of it, now or before, each with its currency.
        """
        return msgspec.structs.replace(
            self,
            start_date=self._reached(window),
            unread=joined([*self.unread, window]),
            sent={**self.sent, window.first: sorted(keys)},
        )

    def read(
        self,
        window: Window,
        keys: Iterable[tuple[int, str]],
        *,
        today: date,
        last: date,
        lookback: timedelta,
    ) -> Self:
        """The entry after a window was read.

        Args:
            window: The window.
            keys: The subjects that it named, each with its currency.
            today: The day on which it was read.
            last: The last day that the run reports.
            lookback: For how long before that day edits may still change the figures.
        """
        value = self.replication_key_value
        if window.last < today:
            value = max(value or window.last, window.last)
        after = msgspec.structs.replace(
            self,
            replication_key_value=value,
            start_date=self._reached(window),
            unread=without(window, self.unread),
            sent={**self.sent, window.first: sorted(keys)},
        )
        if value is None:
            return after
        # The next run reads from here on: its lookback, and the windows that were not read yet.
        again = min(last - lookback, after._next_day)  # noqa: SLF001  # Of this class.
        oldest = window_of(again, self.report_window).first
        sent = {
            first: keys
            for first, keys in after.sent.items()
            if first >= oldest or not after._is_read(first)  # noqa: SLF001  # As above.
        }
        return msgspec.structs.replace(after, sent=sent)

    def _reached(self, window: Window) -> date | None:
        """The `start_date` after a window was read."""
        begun = self.start_date
        if self.replication_key_value is None or (begun and window.last + _DAY >= begun):
            return min(window.first, begun or window.first)
        return begun

    def _is_read(self, first: date) -> bool:
        """Whether the window that begins on a day was read, and need not be read again."""
        is_reached = self.start_date is None or self.start_date <= first
        return is_reached and not any(days.first <= first <= days.last for days in self.unread)
