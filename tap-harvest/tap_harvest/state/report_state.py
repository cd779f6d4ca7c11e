"""The state of a report: which windows were read.

See `Reported` for the parts of an entry.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Literal, Self

import msgspec

from tap_harvest.state.windows import Size, Window, window_of, windows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_DAY = timedelta(days=1)
_OPTIONAL = ("start_date", "options")
"""The parts of an entry that are left out where they are empty."""


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """The windows of a report that were read: its entry in the state.

    Attributes:
        replication_key: The field that ends a window.
        replication_key_value: The last day of the latest window that was over when it was read;
            `None` before there is one.
        report_window: The size of the windows.
        start_date: The day from which on all windows up to the latest were read; `None` if that is
            not known.
        options: The options that the report was asked with, as an address has them.
        sent: The windows that may be read again, by their first day: each subject that was sent,
            with its currency.
    """

    replication_key: Literal["to"] = "to"
    replication_key_value: date | None = None
    report_window: Size
    start_date: date | None = None
    options: dict[str, str] = {}
    sent: dict[date, list[tuple[int, str]]] = {}

    @classmethod
    def from_state(cls, entry: Mapping[str, Any]) -> Self:
        """Read a report's entry in the state.

        Raises:
            ValueError: The entry is none of a report.
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
        return msgspec.structs.replace(self, replication_key_value=None, options=dict(options))

    def is_ahead(self, today: date) -> bool:
        """Whether the bookmark lies after the present, so that no read can have got there."""
        return self.replication_key_value is not None and self.replication_key_value > today

    def due(self, start: date, last: date, lookback: timedelta) -> list[Window]:
        """The windows that are to be read, in order.

        First come the windows up to the last day, then those before the earliest that was read,
        latest first: so the windows that were read are one stretch at any moment.

        Args:
            start: The day from which on the report is wanted.
            last: The last day to report.
            lookback: For how long before that day edits may still change the figures.
        """
        size, begun = self.report_window, self.start_date
        if self.replication_key_value is None:
            return list(windows(min(start, begun or start), last, size))
        # A bookmark from before the start tells nothing of the windows in between.
        unread = max(self._next_day, min(start, begun or start))
        first = min(max(start, last - lookback), unread)
        due = list(windows(first, last, size))
        if begun is not None:
            end = min(begun, last + _DAY, window_of(first, size).first) - _DAY
            due += reversed(list(windows(start, end, size)))
        return due

    @property
    def _next_day(self) -> date:
        """The day after the bookmark."""
        value = self.replication_key_value
        return date.min if value is None else value + min(_DAY, date.max - value)

    def sent_too(self, window: Window, keys: Iterable[tuple[int, str]]) -> Self:
        """The entry after a window was not read whole, so that its bookmark does not move.

        Args:
            window: The window.
            keys: The subjects that were sent of it, now or before, each with its currency.
        """
        return msgspec.structs.replace(self, sent={**self.sent, window.first: sorted(keys)})

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
        value, begun = self.replication_key_value, self.start_date
        if value is None or (begun is not None and window.last + _DAY >= begun):
            begun = min(window.first, begun or window.first)
        if window.last < today:
            value = window.last if value is None else max(value, window.last)
        sent = {**self.sent, window.first: sorted(keys)}
        after = msgspec.structs.replace(self, replication_key_value=value, start_date=begun)
        if value is not None:
            # The next run reads from here on: not only its lookback, but what was not read yet.
            again = min(last - lookback, after._next_day)  # noqa: SLF001  # It is one of us.
            oldest = window_of(again, self.report_window).first
            sent = {first: keys for first, keys in sent.items() if first >= oldest}
        return msgspec.structs.replace(after, sent=sent)
