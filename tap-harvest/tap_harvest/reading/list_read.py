"""Counts one read of a list, and tells whether all of its rows came."""

from __future__ import annotations

from array import array
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Raw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tap_harvest.http.paging import Page

CLOCK_TOLERANCE = timedelta(minutes=1)
"""How far the clocks of Harvest's servers may differ, and how late a row may become visible."""
_SHARES = 64
"""Into how many parts a set of ids is divided."""


class RowMeta(msgspec.Struct, frozen=True):
    """The id and times of a row, which decide whether and how a row is read."""

    id: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


_UNREADABLE = RowMeta()
_decode_meta = msgspec.json.Decoder(RowMeta).decode


def meta_of(row: Raw) -> RowMeta:
    """The id and times of a row; empty if they are not as documented, so that the row passes."""
    try:
        meta = _decode_meta(row)
    except msgspec.ValidationError:
        return _UNREADABLE
    return RowMeta(meta.id, _aware(meta.created_at), _aware(meta.updated_at))


def content_hash(row: Raw) -> int:
    """The identity of a row without a key."""
    return hash(bytes(row))


def _aware(moment: datetime | None) -> datetime | None:
    """An instant in UTC, which is assumed where the text had no zone; `None` if it cannot be."""
    if moment is None or moment.tzinfo is UTC:
        return moment
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        return None  # Year 1 or 9999 with an offset.


_members_of = msgspec.json.Decoder(dict[str, Raw]).decode


def with_fields(row: Raw, added: dict[str, Any]) -> Raw:
    """A row with fields that the tap adds. The other fields keep the bytes that Harvest sent."""
    return Raw(msgspec.json.encode(added | _members_of(row) | added))


class Ids:
    """A set of ids that takes eight bytes for each id."""

    def __init__(self) -> None:
        """Start empty."""
        # A Python set takes ten times the memory, so only one share at a time becomes a set.
        self._shares = [array("q") for _ in range(_SHARES)]

    def add(self, ids: Iterable[int]) -> None:
        """Add some ids; an id may be added several times."""
        shares = self._shares
        for number in ids:
            shares[number % _SHARES].append(number)

    def known(self, ids: Iterable[int]) -> set[int]:
        """The ids among some that are in the set."""
        wanted: dict[int, set[int]] = {}
        for number in ids:
            wanted.setdefault(number % _SHARES, set()).add(number)
        found = (group.intersection(self._shares[share]) for share, group in wanted.items())
        return set().union(*found)

    def __len__(self) -> int:
        return sum(len(set(share)) for share in self._shares)


class Listing(Enum):
    """Which rows a list holds, which decides how a row can enter and leave it."""

    ALL = auto()
    """All rows. A row enters when it is created and leaves when it is deleted."""
    CHANGED = auto()
    """The rows that changed since an instant. A change can add a row; only deletion removes it."""
    SELECTED = auto()
    """The rows that pass other filters too. A change can add a row and can remove it."""

    def entered(self, meta: RowMeta) -> datetime | None:
        """The latest instant at which a row can have entered the list; `None` if unknown."""
        return meta.created_at if self is Listing.ALL else meta.updated_at


class ListRead:
    """One read of a list, from the first page to the last, that counts whether all rows came.

    The first page says how many rows the list has at that moment. Rows that are deleted, added or
    changed between two pages shift other rows to pages that were read already, and no list is
    protected by its order. So the read counts only rows that were certainly in the list when the
    first page was sent. If as many came as the first page announced, none was missed. These count:

    * the rows of the first page;
    * rows that entered the list more than a minute before, by their timestamps;
    * rows that the read before this one read too, and that were in the list in between.

    Any other row may have entered the list after the first page was sent. Such a row does not
    count, so that it cannot hide a row that was missed. If the first page did announce such a row,
    the count is too low, and the list is read once more.

    Attributes:
        announced: How many rows the first page announced.
        came: How many rows came so far, rows that came twice included.
        highest: The latest `updated_at` among the rows; `None` if they had none.
    """

    def __init__(self, listing: Listing, before: ListRead | None = None) -> None:
        """Begin before the first page.

        Args:
            listing: Which rows the list holds.
            before: The read of the same list that this read repeats; `None` for the first read.
        """
        self.announced = self.came = 0
        self.highest: datetime | None = None
        self._listing = listing
        self._is_begun = False
        self._limit: datetime | None = None
        self._counted = Ids()
        # Rows that may have entered the list a moment ago, each with its version.
        self._recent: dict[int, object] = {}
        # Not the earlier read itself, which refers to the read before it.
        self._counted_before = before._counted if before else Ids()  # noqa: SLF001  # Ours.
        self._recent_before = before._recent if before else {}  # noqa: SLF001  # Ours.

    @property
    def confirmed(self) -> int:
        """How many rows count as announced rows that came; this takes a while to count."""
        late = self._recent.keys() - self._counted.known(self._recent)
        if self._listing is Listing.SELECTED:
            # An equal version in both reads shows that the row was in the list in between.
            repeated = {key for key in late if self._recent_before.get(key) == self._recent[key]}
        else:
            repeated = self._counted_before.known(late) | (late & self._recent_before.keys())
        return len(self._counted) + len(repeated)

    @property
    def missing(self) -> int:
        """How many of the announced rows did not certainly come; this takes a while to count."""
        return max(self.announced - self.confirmed, 0)

    def add(self, page: Page, identify: Callable[[Raw], int]) -> list[tuple[RowMeta, Raw]]:
        """Count a page; return its rows, each with its id and times.

        Args:
            page: The page.
            identify: Gives the identity of a row that has no `id`.
        """
        metas = [meta_of(row) for row in page.rows]
        is_first = not self._is_begun
        if is_first:
            self._is_begun = True
            self.announced = page.total_entries
            self._limit = page.sent_at and page.sent_at - CLOCK_TOLERANCE
        counted = []
        for meta, row in zip(metas, page.rows, strict=True):
            key = identify(row) if meta.id is None else meta.id
            entered = self._listing.entered(meta)
            is_old = entered is not None and self._limit is not None and entered < self._limit
            if is_first or is_old:
                counted.append(key)
            if not is_old:
                self._recent[key] = meta.updated_at or content_hash(row)
        self._counted.add(counted)
        self.came += len(metas)
        moments = [meta.updated_at for meta in metas if meta.updated_at is not None]
        self.highest = max((*moments, self.highest) if self.highest else moments, default=None)
        return list(zip(metas, page.rows, strict=True))

    def stop(self) -> None:
        """End the read before the last page. It then misses no row, and moves no bookmark."""
        self.announced, self.highest = self.confirmed, None
