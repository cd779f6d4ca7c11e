"""Reads the pages of one list, from the first to the last.

Harvest API, "Overview: Pagination":
https://help.getharvest.com/api-v2/introduction/overview/pagination/
"""

from __future__ import annotations

from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Annotated

import msgspec
from singer_sdk.exceptions import FatalAPIError

from tap_harvest.http.answers import part, rows
from tap_harvest.http.errors import UnavailableError
from tap_harvest.http.paging import Page
from tap_harvest.http.session import CLOSED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from tap_harvest.http.answers import Answer
    from tap_harvest.http.paging import Paging


class _Links(msgspec.Struct, frozen=True):
    next: str | None


_links = msgspec.json.Decoder(_Links)
_count = msgspec.json.Decoder(Annotated[int, msgspec.Meta(ge=0)])


class PageReader:
    """Reads the pages of one list: follows `links.next` until it is null."""

    def __init__(
        self,
        send: Callable[[str], Future[Answer]],
        paging: Paging,
        *,
        stream: str,
        key: str,
    ) -> None:
        """Send no request yet.

        Args:
            send: Sends the request for the page at an address.
            paging: Checks each next page.
            stream: The stream that is read, for errors.
            key: The name of the rows in an answer.
        """
        self._send = send
        self._paging = paging
        self._stream = stream
        self._key = key

    def read(self, first: Future[Answer], *, ahead: bool) -> Iterator[Page]:
        """The pages, in order.

        Args:
            first: The answer with the first page; its request was sent already.
            ahead: Whether the next page is requested before this page was used.

        Raises:
            UnavailableError: Harvest does not show the list to this token.
            FatalAPIError: Harvest refused a request, left a part of the answer out, or named a
                next page that must not be followed; or the client was closed.
            RetriableAPIError: Harvest gave no whole answer, however often it was asked.
        """
        coming = first
        while True:
            answer = self._received(coming)
            page = Page(
                rows=rows(answer, self._key, self._stream),
                total_entries=part(answer, "total_entries", _count, self._stream),
                received_at=answer.received_at,
                sent_at=answer.sent_at,
            )
            url = part(answer, "links", _links, self._stream).next
            if url is None:
                yield page
                return
            self._paging.add(answer.url, page, _pages_in(answer))
            self._paging.check_next(url)
            if ahead:
                coming = self._send(url)
                yield page
            else:
                yield page
                coming = self._send(url)

    def _received(self, coming: Future[Answer]) -> Answer:
        try:
            return coming.result()
        except CancelledError as error:
            raise FatalAPIError(CLOSED) from error
        except UnavailableError as error:
            if not self._paging.is_begun:
                raise
            # Harvest showed the list before, so only a part of it was read.
            raise FatalAPIError(*error.args) from error


def _pages_in(answer: Answer) -> int:
    """How many pages the list has, as the answer says; 0 if the answer does not say."""
    try:
        pages: int = _count.decode(answer.members["total_pages"])
    except (KeyError, msgspec.DecodeError):
        return 0
    return pages
