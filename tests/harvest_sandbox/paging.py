"""The envelope of a list: which rows are on the page, and the links to others."""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import msgspec

from harvest_sandbox.refusals import invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MAX_PER_PAGE: Final = 2000

Key = Any
"""The place of a row in its list: values that JSON can hold, and that compare."""


@dataclass(frozen=True)
class Paging:
    """Which page of a list is asked for."""

    page: int
    per_page: int
    cursor: tuple[str, Key] | None
    """`after` or `before`, and the place that it names."""
    counts_pages: bool
    """Whether every page of the list is numbered."""
    cursor_links: bool
    """Whether `next` carries a cursor, not a page number."""


def paging(
    query: Mapping[str, str], per_page: int, *, counts_pages: bool, cursor_links: bool
) -> Paging:
    """Read the paging parameters of a request; a cursor wins over a page.

    Raises:
        Refusal: One of them cannot be used (422).
    """
    complaints = []
    size = _integer(query.get("per_page"), per_page)
    if size is None or not 1 <= size <= MAX_PER_PAGE:
        complaints.append(f"per_page must be a number from 1 to {MAX_PER_PAGE}")
    page = _integer(query.get("page"), 1)
    if page is None or page < 1:
        complaints.append("page must be a number from 1")
    cursor = _opened(query["cursor"]) if "cursor" in query else None
    if "cursor" in query and cursor is None:
        complaints.append("cursor is not valid")
    if complaints or size is None or page is None:
        raise invalid(", ".join(complaints))
    return Paging(page, size, cursor, counts_pages, cursor_links)


def _integer(text: str | None, default: int) -> int | None:
    try:
        return default if text is None else int(text)
    except ValueError:
        return None


def _sealed(side: str, place: Key) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode({side: place})).decode().rstrip("=")


def _opened(cursor: str) -> tuple[str, Key] | None:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        content = msgspec.json.decode(base64.urlsafe_b64decode(padded), type=dict[str, list[Any]])
    except (binascii.Error, ValueError):
        return None
    (side, place), *others = content.items() or [("", [])]
    return None if others or side not in {"after", "before"} else (side, tuple(place))


@dataclass(frozen=True)
class Ordered:
    """The rows of a list after filters, in its order, and what gives the place of each."""

    rows: Sequence[Any]
    key: Callable[[Any], Key]
    newest_first: bool

    def index(self, place: Key) -> int:
        """How many rows come before a place."""
        if self.newest_first:
            return bisect_left(self.rows, True, key=lambda row: self.key(row) <= place)
        return bisect_left(self.rows, place, key=self.key)

    def span(self, asked: Paging) -> tuple[int, int]:
        """First row of the page, and the one behind its last."""
        if asked.cursor is None:
            start = (asked.page - 1) * asked.per_page
            return start, start + asked.per_page
        side, place = asked.cursor
        index = self.index(place)
        if side == "before":
            return max(index - asked.per_page, 0), index
        # The row that the cursor names may be gone by now.
        gone = index == len(self.rows) or self.key(self.rows[index]) != place
        start = index if gone else index + 1
        return start, start + asked.per_page


def page_of(
    ordered: Ordered, asked: Paging, url: str, filters: Mapping[str, str]
) -> tuple[list[Any], dict[str, Any]]:
    """The rows of a page, and the envelope beside them.

    Args:
        ordered: The whole filtered list.
        asked: The page.
        url: Address of the list, without a query.
        filters: The parameters that every link keeps.
    """
    rows = ordered.rows
    start, stop = ordered.span(asked)
    shown = list(rows[start:stop])
    pages = max(1, -(-len(rows) // asked.per_page))
    beyond = not shown and len(rows) > 0
    is_first = start == 0
    is_last = stop >= len(rows) and not beyond

    def link(ref: str, **parameters: str | int) -> str:
        given = {**filters, "per_page": asked.per_page, **parameters}
        if pages > 1:
            given["ref"] = ref
        return f"{url}?{urlencode(sorted(given.items()))}"

    page = start // asked.per_page + 1 if asked.cursor else asked.page
    number: int | None = page
    before = None if is_first or beyond else min(page - 1, pages)
    after = None if is_last or beyond else page + 1
    next_link = previous_link = None
    if after is not None:
        if asked.cursor_links:
            next_link = link("next_cursor", cursor=_sealed("after", ordered.key(shown[-1])))
        else:
            next_link = link("next", page=after)
    if before is not None:
        if asked.cursor_links and not is_last:
            cursor = _sealed("before", ordered.key(shown[0]))
            previous_link = link("previous_cursor", cursor=cursor)
        else:
            previous_link = link("previous", page=before)
    if not asked.counts_pages:
        # Lists with cursors number their first and last page only.
        if is_last:
            number, before = pages, pages - 1 or None
        elif not is_first:
            number = before = after = None
    return shown, {
        "per_page": asked.per_page,
        "total_pages": pages,
        "total_entries": len(rows),
        "next_page": after,
        "previous_page": before,
        "page": number,
        "links": {
            "first": link("first", page=1),
            "next": next_link,
            "previous": previous_link,
            "last": link("last", page=pages),
        },
    }
