"""Reads lists page by page, and sends the requests for the next pages and lists early.

Streams ask for the pages of a list, in order, or for one object, and never see a status code.

Harvest API, "Overview": https://help.getharvest.com/api-v2/introduction/overview/general/
"""

from __future__ import annotations

import time
from copy import copy
from threading import Condition
from typing import TYPE_CHECKING, TypeVar

import msgspec

from tap_harvest.http.addresses import Origin
from tap_harvest.http.answers import part
from tap_harvest.http.budget import Budgets
from tap_harvest.http.page_reader import PageReader
from tap_harvest.http.paging import Paging
from tap_harvest.http.prefetch import ListRequest, Prefetch
from tap_harvest.http.session import Session
from tap_harvest.http.transport import Transport
from tap_harvest.http.workers import Workers

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from concurrent.futures import Future
    from datetime import datetime

    from tap_harvest.http.answers import Answer
    from tap_harvest.http.paging import Page
    from tap_harvest.http.sign_in import SignIn

MAX_PAGE_SIZE = 2000

_T = TypeVar("_T")


class AccountAccess(msgspec.Struct, frozen=True):
    """An account that a token reaches; `product` tells Harvest from Forecast."""

    id: int
    product: str = ""


_accesses = msgspec.json.Decoder(list[AccountAccess])


class Client:
    """Reads lists and objects of one Harvest account, with several requests at once.

    Attributes:
        budgets: How many requests Harvest allows, for reports and for everything else.
    """

    def __init__(
        self,
        *,
        api_url: str,
        identity_url: str,
        sign_in: SignIn,
        user_agent: str,
        page_size: int = MAX_PAGE_SIZE,
        timeout_seconds: float = 60,
        max_concurrent_requests: int = 4,
        requests_per_15_seconds: int = 100,
        report_requests_per_15_minutes: int = 100,
        retry_factor_seconds: float = 1,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[Condition, float | None], object] = Condition.wait,
    ) -> None:
        """Open no connection yet.

        Args:
            api_url: Where the API is, with its version, such as `https://api.harvestapp.com/v2`.
            identity_url: Where tokens and accounts are managed.
            sign_in: Gives the token that requests are sent with.
            user_agent: How the client names itself; Harvest refuses requests without it.
            page_size: Rows asked for in one request, at most 2000.
            timeout_seconds: How long to wait for a connection, and between two bytes of an answer.
            max_concurrent_requests: How many requests for lists may be under way at once.
            requests_per_15_seconds: The share of Harvest's budget that may be used.
            report_requests_per_15_minutes: The share of Harvest's budget for reports.
            retry_factor_seconds: The longest wait before the first retry; it doubles each time.
            clock: Tells the time in seconds, for the budgets.
            wait: Waits for a condition, at most so many seconds, for the budgets.
        """
        self.budgets = Budgets(
            requests_per_15_seconds, report_requests_per_15_minutes, clock=clock, wait=wait
        )
        self._api_url = api_url.rstrip("/")
        self._identity_url = identity_url.rstrip("/")
        self._page_size = page_size
        self._workers = Workers(max_concurrent_requests)
        self._prefetch = Prefetch(self._ask_first, 2 * max_concurrent_requests)
        self._session = Session(
            Transport(
                user_agent, timeout_seconds=timeout_seconds, connections=max_concurrent_requests
            ),
            sign_in,
            self.budgets,
            identity_url=self._identity_url,
            retry_factor_seconds=retry_factor_seconds,
        )

    def close(self) -> None:
        """Send nothing more, and close the connections; answers on their way are dropped."""
        self._workers.close()
        self._session.close()

    @property
    def started(self) -> datetime | None:
        """When Harvest sent its first answer, by Harvest's clock; `None` before that."""
        return self._session.started

    @property
    def requests_of(self) -> Counter[str]:
        """Requests sent so far, retries included, by stream."""
        return self._session.requests_of

    @property
    def repeats(self) -> int:
        """How many of the requests were retries."""
        return self._session.repeats

    def use_account(self, account_id: int) -> None:
        """Send all further requests for this account."""
        self._session.use_account(account_id)

    def for_account(self, account_id: int) -> Client:
        """A client for another account, with the connections, sign-in and budgets of this one.

        Its errors name the account, as there are several; closing one closes all.
        """
        other = copy(self)
        other._session = self._session.for_account(account_id)  # noqa: SLF001  # Of this class.
        other._prefetch = self._prefetch.sent_by(other._ask_first)  # noqa: SLF001  # As above.
        return other

    def accounts(self) -> list[AccountAccess]:
        """The accounts that the token reaches; asked before an account is chosen.

        Harvest API, "Authentication":
        https://help.getharvest.com/api-v2/authentication-api/authentication/authentication/
        """
        url = f"{self._identity_url}/api/v2/accounts"
        answer = self._session.get(url, None, "accounts")
        return part(answer, "accounts", _accesses, "accounts")

    def one(self, path: str, *, stream: str) -> bytes:
        """An object that is not in a list, as Harvest sent it, without line breaks.

        Args:
            path: The address below the API's, such as `/company`.
            stream: Who asks, for errors.

        Raises:
            UnavailableError: Harvest does not show it to this token.
            FatalAPIError: Harvest refused the request.
            RetriableAPIError: Harvest gave no whole answer, however often it was asked.
        """
        return self._session.get(self._api_url + path, None, stream).body

    def pages(
        self,
        path: str,
        query: Mapping[str, str],
        *,
        stream: str,
        key: str = "",
        ahead: bool = True,
    ) -> Iterator[Page]:
        """The pages of a list, in order.

        The request for the first page is sent at once. The request for each further page is sent
        while the page before is used.

        Harvest API, "Overview: Pagination":
        https://help.getharvest.com/api-v2/introduction/overview/pagination/

        Args:
            path: The address below the API's, such as `/clients`.
            query: Filters of the list.
            stream: Who asks, for errors and counts.
            key: The name of the rows in an answer; the last part of the path if empty.
            ahead: Whether the next page is requested before this page was used.

        Raises:
            UnavailableError: Harvest does not show the list to this token.
            FatalAPIError: Harvest refused a request, left a part of the answer out, or named a
                next page that must not be followed.
            RetriableAPIError: Harvest gave no whole answer, however often it was asked.
        """
        first = self._prefetch.take(ListRequest.of(path, query), stream)
        reader = PageReader(
            lambda url: self._ask(url, None, stream),
            Paging(Origin.of(self._api_url), self._page_size, stream),
            stream=stream,
            key=key or path.rpartition("/")[2],
        )
        return reader.read(first, ahead=ahead)

    def expect(self, path: str, query: Mapping[str, str], *, stream: str) -> None:
        """Send the request for the first page that `pages` with the same path and query gives."""
        self._prefetch.expect(ListRequest.of(path, query), stream)

    def ahead(
        self, lists: Iterable[tuple[_T, str, Mapping[str, str]]], *, stream: str
    ) -> Iterator[_T]:
        """Yield items in order, and send the requests for the lists of the next items early.

        Args:
            lists: Each item, with the path and the query of its list, as `pages` will get them.
            stream: Who asks, for errors and counts.
        """
        return self._prefetch.ahead(lists, stream)

    def _ask_first(self, asked: ListRequest, stream: str) -> Future[Answer]:
        query = {"per_page": str(self._page_size), **dict(asked.query)}
        return self._ask(self._api_url + asked.path, query, stream)

    def _ask(self, url: str, query: Mapping[str, str] | None, stream: str) -> Future[Answer]:
        """Send a request as soon as a worker is free; the future holds its answer or its error."""
        return self._workers.submit(lambda: self._session.get(url, query, stream))
