"""One read of a list, from its first page to its last, and what it proves."""

from __future__ import annotations

from array import array
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Raw

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_harvest.client import Page


class Head(msgspec.Struct, frozen=True):
    """What the reading of a list needs to know of a row."""

    id: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None

    def existed_at(self, moment: datetime | None) -> bool:
        """Whether the row was there at a moment, as far as it tells."""
        return moment is None or self.created_at is None or self.created_at <= moment


_UNREADABLE = Head()
_decode_head = msgspec.json.Decoder(Head).decode


def head_of(row: Raw) -> Head:
    """The head of a row; an empty one where it is not as documented, so that the row passes."""
    try:
        head = _decode_head(row)
    except msgspec.ValidationError:
        return _UNREADABLE
    return Head(head.id, _aware(head.created_at), _aware(head.updated_at))


def _aware(moment: datetime | None) -> datetime | None:
    """An instant; UTC where the text had no zone."""
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=UTC)


_members_of = msgspec.json.Decoder(dict[str, Raw]).decode


def with_fields(row: Raw, added: dict[str, Any]) -> Raw:
    """A row with fields that the tap adds; what Harvest sent stays as it is, digit for digit."""
    return Raw(msgspec.json.encode(added | _members_of(row) | added))


class Ids:
    """How many different ids there were among some, at eight bytes for each."""

    def __init__(self) -> None:
        """Start with none."""
        # To tell them apart takes ten times as much, so it is done share by share.
        self._shares = [array("q") for _ in range(64)]

    def add(self, ids: Iterable[int]) -> None:
        """Add some, be they there already or not."""
        shares = self._shares
        for number in ids:
            shares[number % 64].append(number)

    def __len__(self) -> int:
        return sum(len(set(share)) for share in self._shares)


class Walk:
    """Counts the rows of a list while its pages come.

    Attributes:
        announced: How many rows Harvest announced on the first page.
        came: How many rows came, each time that they did.
        highest: The latest `updated_at` among those that came; `None` if they had none.
    """

    def __init__(self) -> None:
        """Begin before the first page."""
        self.announced = self.came = 0
        self.highest: datetime | None = None
        self._is_begun = False
        self._begun_at: datetime | None = None
        self._seen = Ids()
        self._nameless = 0

    @property
    def read(self) -> int:
        """How many of the announced rows came; to count them takes a while."""
        return len(self._seen) + self._nameless

    @property
    def missing(self) -> int:
        """How many of the announced rows did not come."""
        return max(self.announced - self.read, 0)

    def add(self, page: Page) -> list[tuple[Head, Raw]]:
        """Count a page; return its rows, each with its head."""
        heads = [head_of(row) for row in page.rows]
        if not self._is_begun:
            self._is_begun = True
            self.announced = page.total_entries  # Later pages also count rows made meanwhile.
            # Harvest's clock may be behind; what is on the first page was there when it was sent.
            made = (head.created_at for head in heads if head.created_at is not None)
            self._begun_at = page.sent_at and max(page.sent_at, *made, page.sent_at)
        # A row that is moved comes twice, and one made meanwhile was not announced: neither
        # may stand for a row that a deletion hid.
        old = [head.id for head in heads if head.existed_at(self._begun_at)]
        self._seen.add(row_id for row_id in old if row_id is not None)
        self.came += len(old)
        self._nameless += old.count(None)
        moments = [head.updated_at for head in heads if head.updated_at is not None]
        self.highest = max((*moments, self.highest) if self.highest else moments, default=None)
        return list(zip(heads, page.rows, strict=True))

    def stop(self) -> None:
        """End before the last page: nothing is missed, and no bookmark may move."""
        self.announced, self.highest = self.read, None
