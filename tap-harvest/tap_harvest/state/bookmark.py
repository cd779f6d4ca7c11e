"""Bookmarks: how far a stream was read.

A bookmark is the instant up to which a stream was read. No list of Harvest is ordered by
`updated_at`, so a bookmark moves only after the whole list was read. All comparisons are between
instants, never between texts.

The state is Singer's, with one entry a stream:
`{"bookmarks": {stream: {"replication_key": "updated_at", "replication_key_value": "2031-…"}}}`.
An entry also has: when the stream was last reconciled (`swept_at`), where that read began
(`start_date`), when the lists below open records were last read (`checked_at`), the `version` of
the records, and the `filters` that were used. The entries of reports are in `report_state.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

REPLICATION_KEY = "updated_at"
RECONCILE_SLACK = timedelta(minutes=90)
"""How much earlier than its period a reconciling read may come.

Daily runs never begin exactly 24 hours apart, and once a year a day of local time has 23 hours.
"""
EPOCH = datetime.fromtimestamp(0, UTC)
"""Before Harvest's first row. A request from here on asks for all rows."""


def instant(text: str) -> datetime:
    """Read a date or date-time in ISO 8601; a date is its first second, and UTC is assumed.

    Raises:
        ValueError: The text is not a date or date-time, or is outside of the years 1 to 9999.
    """
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        message = "in UTC, the date-time lies outside of the years 1 to 9999"
        raise ValueError(message) from error


def instant_text(moment: datetime) -> str:
    """Write an instant as Harvest does, `2031-04-09T16:20:05Z`."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Span:
    """A range of instants, from `since` on and before `until`; `None` is open."""

    since: datetime | None = None
    until: datetime | None = None

    @classmethod
    def covering(cls, spans: Iterable[Span]) -> Span:
        """The shortest span that includes some other spans."""
        sinces, untils = zip(*((span.since, span.until) for span in spans), strict=True)
        return cls(
            None if None in sinces else min(filter(None, sinces)),
            None if None in untils else max(filter(None, untils)),
        )

    def __contains__(self, moment: datetime | None) -> bool:
        """Whether an instant is in the span; `None`, for a row without `updated_at`, always is."""
        return moment is None or (
            (self.since is None or moment >= self.since)
            and (self.until is None or moment < self.until)
        )


@dataclass(frozen=True, slots=True)
class Bookmark:
    """How far a stream was read.

    Attributes:
        value: The instant up to which it was read; `None` before its first complete read.
        reconciled: When the stream was last read whole; `None` if unknown.
        start: Where that whole read began; `None` for the beginning of time.
        checked: When the lists below all open records were last read; `None` if unknown.
        version: The version of the records; `None` before the first reconcile. It is the start of
            the last reconcile in milliseconds since 1970, or the version before plus one if that
            is more.
        filters: The filters that the list was asked with.
    """

    value: datetime | None = None
    reconciled: datetime | None = None
    start: datetime | None = None
    checked: datetime | None = None
    version: int | None = None
    filters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_state(cls, entry: Mapping[str, Any]) -> Bookmark:
        """Read a stream's entry in the state.

        Raises:
            ValueError: The entry is of another replication key, or its value is no date-time.
        """
        value = entry.get("replication_key_value")
        name = entry.get("replication_key", REPLICATION_KEY)
        if value is not None and name != REPLICATION_KEY:
            message = f"its replication key is {name!r}, not {REPLICATION_KEY!r}"
            raise ValueError(message)
        if not isinstance(value, str | None):
            message = f"its value is of type {type(value).__name__}, not a date-time"
            raise ValueError(message)  # noqa: TRY004  # The caller handles one kind of fault.
        version, filters = entry.get("version"), entry.get("filters")
        return cls(
            None if value is None else instant(value),
            _instant_in(entry, "swept_at"),
            _instant_in(entry, "start_date"),
            _instant_in(entry, "checked_at"),
            version if isinstance(version, int) else None,
            filters if isinstance(filters, Mapping) else {},
        )

    def to_state(self) -> dict[str, Any]:
        """Write the stream's entry for the state; empty if nothing was read of it."""
        if not self._was_read and self.reconciled is None:
            return {}
        entry: dict[str, Any] = {}
        if self.value is not None:
            entry["replication_key"] = REPLICATION_KEY
            entry["replication_key_value"] = instant_text(self.value)
        moments = {
            "swept_at": self.reconciled,
            "start_date": self.start,
            "checked_at": self.checked,
        }
        for name, moment in moments.items():
            if moment is not None:
                entry[name] = instant_text(moment)
        if self.version is not None:
            entry["version"] = self.version
        if self.filters:
            entry["filters"] = dict(self.filters)
        return entry

    @property
    def _was_read(self) -> bool:
        return self.value is not None or self.version is not None

    def beginning(self, start: datetime | None) -> datetime | None:
        """Where a whole read begins; `None` is the beginning of time.

        It never begins later than before. Otherwise rows that are downstream would be missing in
        the read, and be removed as deleted.

        Args:
            start: Where the read of a new stream begins.
        """
        if not self._was_read:
            return start
        return None if start is None or self.start is None else min(start, self.start)

    def since(self, *, lookback: timedelta) -> datetime | None:
        """From which instant on to ask for what changed; `None` asks for all.

        Args:
            lookback: The overlap with the last read, for rows that Harvest showed late. The
                overlap is at least one second. A row can change again in the second of the
                bookmark, and Harvest does not say whether `updated_since` includes that second.
        """
        overlap = max(lookback, timedelta(seconds=1))
        if self.value is None or self.value - EPOCH <= overlap:
            return None
        return self.value - overlap

    def is_ahead(self, present: datetime | None, *, lookback: timedelta) -> bool:
        """Whether the bookmark lies after the present, so that a read would miss changes.

        Args:
            present: Harvest's clock; `None` where it is not known yet.
            lookback: The overlap. Clocks may differ by this much without loss.
        """
        if self.value is None or present is None:
            return False
        return self.value - present > lookback

    def moved(self, highest: datetime | None, *caps: datetime | None) -> Bookmark:
        """The bookmark after a complete read: never past a cap, never backwards.

        Args:
            highest: The latest `updated_at` in the list; `None` if it had none.
            caps: Instants after which rows may have been missed, such as the run's start.
        """
        if highest is None:
            return self
        reached = min(highest, *(cap for cap in caps if cap is not None), highest)
        return replace(self, value=reached if self.value is None else max(self.value, reached))

    def is_reconcile_due(self, now: datetime | None, every: timedelta | None) -> bool:
        """Whether the stream is to be read whole.

        A run that is a little early counts as in time, see `RECONCILE_SLACK`.

        Args:
            now: The present by Harvest's clock; `None` if nothing was asked yet.
            every: How often the stream is reconciled; `None` is never.
        """
        if self.value is None:
            return True
        if now is None or every is None:
            return False
        return (
            self.reconciled is None
            or not timedelta(0) <= now - self.reconciled < every - RECONCILE_SLACK
        )

    def is_check_due(self, now: datetime | None, every: timedelta | None) -> bool:
        """Whether the lists below open records are to be read, also where those did not change.

        Args:
            now: The present by Harvest's clock; `None` if nothing was asked yet.
            every: How often these lists are read; `None` is never.
        """
        return replace(self, reconciled=self.checked).is_reconcile_due(now, every)

    def next_version(self, now: datetime | None) -> int:
        """A version for a reconcile that begins now; it is higher than the version before."""
        milliseconds = ((now or EPOCH) - EPOCH) // timedelta(milliseconds=1)
        return milliseconds if self.version is None else max(milliseconds, self.version + 1)


def _instant_in(entry: Mapping[str, Any], name: str) -> datetime | None:
    """A moment of an entry in the state; `None` if the entry has none."""
    text = entry.get(name)
    return instant(text) if isinstance(text, str) else None
