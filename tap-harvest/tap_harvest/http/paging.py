"""The pages of a list, and the link from one to the next.

Harvest API, "Overview: Pagination":
https://help.getharvest.com/api-v2/introduction/overview/pagination/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from singer_sdk.exceptions import FatalAPIError

from tap_harvest.http.addresses import Origin, page_of, shown

if TYPE_CHECKING:
    from datetime import datetime

    from msgspec import Raw

SLACK_PAGES = 10
"""How many pages more than expected a list may have, since it may change while it is read."""
GROWTH_PAGES = 1000
"""How many pages a list may grow by while it is read."""
MAX_ROWS = 10**9
"""More rows than any list has: to read them would take a day of requests."""
MAX_REPEATED_PAGES = 20
"""How many pages of a list may have the same rows as an earlier page."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list.

    Attributes:
        rows: The page's records, each as the bytes that Harvest sent, without line breaks.
        total_entries: How many records the whole list has, as this page says.
        received_at: When the page was received, by this machine's clock.
        sent_at: When it was sent, by Harvest's clock; `None` where Harvest did not say.
    """

    rows: list[Raw]
    total_entries: int
    received_at: datetime
    sent_at: datetime | None = None


class Paging:
    """Checks that each next page is on Harvest's host, is a new page, and that the list ends."""

    def __init__(self, origin: Origin | None, page_size: int, stream: str) -> None:
        """Begin before the first page.

        Args:
            origin: Where the API is.
            page_size: The number of rows asked for in one request.
            stream: The stream that is read, for errors.
        """
        self._origin = origin
        self._page_size = page_size
        self._stream = stream
        self._read: set[object] = set()
        self._contents: set[int] = set()
        self._repeated_pages = 0
        self._pages = self._longest_page = 0
        self._rows = self._first_rows = 0  # As announced: at most, and by the first page.
        self._stated_pages = 0

    @property
    def is_begun(self) -> bool:
        """Whether a page was read."""
        return self._pages > 0

    def add(self, url: str, page: Page, total_pages: int) -> None:
        """Note a page that was read.

        Args:
            url: The address as it was called.
            page: The page.
            total_pages: How many pages the whole list has, as this page says; 0 if it does not.
        """
        self._read.add(page_of(url))
        self._pages += 1
        self._longest_page = max(self._longest_page, len(page.rows))
        self._rows = max(self._rows, page.total_entries)
        self._first_rows = self._first_rows or page.total_entries
        self._stated_pages = max(self._stated_pages, total_pages)
        content = hash((len(page.rows), *(bytes(row) for row in (*page.rows[:1], *page.rows[-1:]))))
        self._repeated_pages += content in self._contents
        self._contents.add(content)

    def check_next(self, url: str) -> None:
        """Check the address of the next page.

        Raises:
            FatalAPIError: The address is not plain, is on another host or was read already; or the
                list would be far longer than Harvest announced, or than any list is.
        """
        origin = Origin.of(url)
        if origin is None:
            raise FatalAPIError(
                f'The link to the next page of stream "{self._stream}" is not a plain web address, '
                "so the token is not sent there. Check `api_url`, and what stands between this "
                "machine and Harvest."
            )
        if origin != self._origin:
            raise FatalAPIError(
                f'The next page of stream "{self._stream}" is on another host ({shown(url)}), '
                "where the token must not go. Set `api_url` to the host that Harvest names, if it "
                "is Harvest's."
            )
        if page_of(url) in self._read:
            raise FatalAPIError(
                f'Harvest named a page of stream "{self._stream}" ({shown(url)}) twice, so the '
                "list would never end. Run the sync again; if it happens again, tell Harvest's "
                "support."
            )
        self._check_end()

    def _check_end(self) -> None:
        if self._rows > MAX_ROWS:
            raise FatalAPIError(
                f'Harvest announced {self._rows} rows of stream "{self._stream}", more than any '
                "list has, so the list would never end. Run the sync again; if it happens again, "
                "tell Harvest's support."
            )
        announced = self._announced_pages(self._rows)
        limit = min(
            2 * announced + SLACK_PAGES,
            2 * self._announced_pages(self._first_rows) + GROWTH_PAGES,
        )
        if self._pages >= limit:
            raise FatalAPIError(
                f'Stream "{self._stream}" has many more pages than Harvest announced '
                f"({self._pages} were read of {announced}), and the last one names "
                "another, so the list would never end. Run the sync again; if it happens again, "
                "tell Harvest's support."
            )
        if self._repeated_pages >= MAX_REPEATED_PAGES:
            raise FatalAPIError(
                f'Harvest sent the same rows of stream "{self._stream}" on more than '
                f"{MAX_REPEATED_PAGES} pages, and the last one names another, so the list would "
                "never end. Run the sync again; if it happens again, tell Harvest's support."
            )

    def _announced_pages(self, rows: int) -> int:
        """How many pages the list has: as Harvest says, or fewer by the longest page so far."""
        pages = -(-rows // (self._longest_page or self._page_size))
        return min(pages, self._stated_pages or pages)
