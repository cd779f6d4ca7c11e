"""One read of a list, from its first page to its last, and what it proves."""

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


class Head(msgspec.Struct, frozen=True):
    """What the reading of a list needs to know of a row."""

    id: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


_UNREADABLE = Head()
_decode_head = msgspec.json.Decoder(Head).decode


def head_of(row: Raw) -> Head:
    """The head of a row; an empty one where it is not as documented, so that the row passes."""
    try:
        head = _decode_head(row)
    except msgspec.ValidationError:
        return _UNREADABLE
    return Head(head.id, _aware(head.created_at), _aware(head.updated_at))


def content_hash(row: Raw) -> int:
    """The identity of a row that has no other."""
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
    """A row with fields that the tap adds; what Harvest sent stays as it is, digit for digit."""
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

    def entered(self, head: Head) -> datetime | None:
        """The latest instant at which a row can have entered the list; `None` if unknown."""
        return head.created_at if self is Listing.ALL else head.updated_at


class Walk:
    """Reads a list once, and counts whether all of its rows came.

    The first page says how many rows the list has at that moment. Rows that are deleted, added or
    changed between two pages shift other rows to pages that were read already, and no list is
    protected by its order. So the walk counts only rows that were certainly in the list when the
    first page was sent. If as many came as the first page announced, none was missed. These count:

    * the rows of the first page;
    * rows that entered the list more than a minute before, by their timestamps;
    * rows that the walk before this one read too, and that were in the list in between.

    Any other row may have entered the list after the first page was sent. It does not count, so it
    cannot hide a row that was missed. Where such a row was announced after all, the walk misses it
    in its count, and one more walk settles that.

    Attributes:
        announced: How many rows the first page announced.
        came: How many rows came so far, rows that came twice included.
        highest: The latest `updated_at` among the rows; `None` if they had none.
    """

    def __init__(self, listing: Listing, before: Walk | None = None) -> None:
        """Begin before the first page.

        Args:
            listing: Which rows the list holds.
            before: The walk of the same list that this walk repeats; `None` for the first walk.
        """
        self.announced = self.came = 0
        self.highest: datetime | None = None
        self._listing = listing
        self._is_begun = False
        self._limit: datetime | None = None
        self._counted = Ids()
        # Rows that may have entered the list a moment ago, each with its version.
        self._recent: dict[int, object] = {}
        # Only what the walk before found, not the walk: that one knows of one more.
        self._counted_before = before._counted if before else Ids()  # noqa: SLF001  # A walk too.
        self._recent_before = before._recent if before else {}  # noqa: SLF001  # A walk too.

    @property
    def read(self) -> int:
        """How many of the announced rows came; this takes a while to count."""
        late = self._recent.keys() - self._counted.known(self._recent)
        if self._listing is Listing.SELECTED:
            # An equal version in both walks shows that the row was in the list in between.
            repeated = {key for key in late if self._recent_before.get(key) == self._recent[key]}
        else:
            repeated = self._counted_before.known(late) | (late & self._recent_before.keys())
        return len(self._counted) + len(repeated)

    @property
    def missing(self) -> int:
        """How many of the announced rows did not certainly come; this takes a while to count."""
        return max(self.announced - self.read, 0)

    def add(self, page: Page, identify: Callable[[Raw], int]) -> list[tuple[Head, Raw]]:
        """Count a page; return its rows, each with its head.

        Args:
            page: The page.
            identify: Gives the identity of a row that has no `id`.
        """
        heads = [head_of(row) for row in page.rows]
        is_first = not self._is_begun
        if is_first:
            self._is_begun = True
            self.announced = page.total_entries
            self._limit = page.sent_at and page.sent_at - CLOCK_TOLERANCE
        counted = []
        for head, row in zip(heads, page.rows, strict=True):
            key = identify(row) if head.id is None else head.id
            entered = self._listing.entered(head)
            is_old = entered is not None and self._limit is not None and entered < self._limit
            if is_first or is_old:
                counted.append(key)
            if not is_old:
                self._recent[key] = head.updated_at or content_hash(row)
        self._counted.add(counted)
        self.came += len(heads)
        moments = [head.updated_at for head in heads if head.updated_at is not None]
        self.highest = max((*moments, self.highest) if self.highest else moments, default=None)
        return list(zip(heads, page.rows, strict=True))

    def stop(self) -> None:
        """End before the last page: nothing is missed, and no bookmark may move."""
        self.announced, self.highest = self.read, None
