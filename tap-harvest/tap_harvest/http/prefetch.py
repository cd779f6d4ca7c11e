"""Sends the requests for the first pages of lists before the lists are read."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from concurrent.futures import Future

    from tap_harvest.http.answers import Answer

_T = TypeVar("_T")


class ListRequest(NamedTuple):
    """The path and the query of a request for a list."""

    path: str
    query: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, path: str, query: Mapping[str, str]) -> Self:
        """The list at a path, with the filters of a query."""
        return cls(path, tuple(query.items()))


class Prefetch:
    """The requests for first pages that were sent before their lists are read."""

    def __init__(self, send: Callable[[ListRequest, str], Future[Answer]], most: int) -> None:
        """Send nothing yet.

        Args:
            send: Sends the request for the first page of a list, for a stream.
            most: How many lists are asked for ahead of the one that is read.
        """
        self._send = send
        self._most = most
        self._sent: dict[ListRequest, Future[Answer]] = {}

    def sent_by(self, send: Callable[[ListRequest, str], Future[Answer]]) -> Prefetch:
        """The requests of another account, of which none was sent yet.

        Args:
            send: Sends the requests.
        """
        return Prefetch(send, self._most)

    def expect(self, asked: ListRequest, stream: str) -> None:
        """Send the request for the first page of a list, unless it was sent already."""
        if asked not in self._sent:
            self._sent[asked] = self._send(asked, stream)

    def take(self, asked: ListRequest, stream: str) -> Future[Answer]:
        """The answer with the first page of a list. Send the request if none was sent yet."""
        return self._sent.pop(asked, None) or self._send(asked, stream)

    def ahead(
        self, lists: Iterable[tuple[_T, str, Mapping[str, str]]], stream: str
    ) -> Iterator[_T]:
        """Yield items in order, and send the requests for the lists of the next items early.

        The number of early requests grows by one with each list read. If the first list is
        forbidden, only one request is wasted.

        Args:
            lists: Each item, with the path and the query of its list.
            stream: Who asks, for errors and counts.
        """
        upcoming: deque[tuple[_T, ListRequest]] = deque()
        depth = 0
        try:
            for item, path, query in lists:
                asked = ListRequest.of(path, query)
                self.expect(asked, stream)
                upcoming.append((item, asked))
                if len(upcoming) > depth:
                    yield upcoming.popleft()[0]
                    depth = min(depth + 1, self._most)
            while upcoming:
                yield upcoming.popleft()[0]
        finally:
            for _, asked in upcoming:
                self._sent.pop(asked).cancel()
