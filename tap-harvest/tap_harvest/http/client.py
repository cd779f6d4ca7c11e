"""How Harvest is spoken to: addresses, headers, pages, budgets, retries, several requests at once.

No other room speaks HTTP. Streams ask for the pages of a list, in order, or for one object, and
never see a status code. All errors end the run, but for those that a stream can handle:

    RetriableAPIError           (singer_sdk) asked again for a while, then given up
    FatalAPIError               (singer_sdk) not asked again
    ├── InvalidError            Harvest cannot do what is asked
    └── UnavailableError        Harvest does not show this address to the token
        └── NotFoundError       there is nothing at this address, or not for the token

Harvest API, "Overview": https://help.getharvest.com/api-v2/introduction/overview/general/
"""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from concurrent.futures import CancelledError
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from threading import Condition, Event, Lock
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Self, TypeVar
from urllib.parse import urlsplit

import backoff
import msgspec
import requests
from requests.auth import AuthBase
from singer_sdk.exceptions import FatalAPIError, RetriableAPIError
from typing_extensions import override

from tap_harvest.http.addresses import Origin, shown
from tap_harvest.http.answers import UNREADABLE, complaint, opened, part, rows
from tap_harvest.http.budget import REPORT_WINDOW_SECONDS, WINDOW_SECONDS, Budget
from tap_harvest.http.headers import pause_seconds, server_time
from tap_harvest.http.paging import Paging
from tap_harvest.http.secrets import redacted
from tap_harvest.http.sign_in import Fault, Grant, refusal
from tap_harvest.http.transport import Transport
from tap_harvest.http.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from concurrent.futures import Future

    from backoff.types import Details
    from msgspec import Raw

    from tap_harvest.http.answers import Answer
    from tap_harvest.http.sign_in import SignIn

MAX_PAGE_SIZE = 2000
MAX_TRIES = 8
MAX_RETRY_SECONDS = 30 * 60
"""For how long one request is tried: two pauses of the reports' budget fit in."""
REDIRECTS = {301, 302, 303, 307, 308}
"""The statuses that name another address; the others from 300 on do not."""
CLOSED = "The client is closed. Make a new one."

_T = TypeVar("_T")

logger = logging.getLogger("tap-harvest.client")


class UnavailableError(FatalAPIError):
    """Harvest does not show an address to this token: 403, or 404."""


class InvalidError(FatalAPIError):
    """Harvest cannot do what is asked, such as tell the teammates of somebody without: 422."""


class NotFoundError(UnavailableError):
    """There is nothing at an address, or nothing that this token may know of: 404."""


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


class Reach(msgspec.Struct, frozen=True):
    """An account that a token reaches; `product` tells Harvest from Forecast."""

    id: int
    product: str = ""


class _List(NamedTuple):
    """A list, by what is asked of it."""

    path: str
    query: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, path: str, query: Mapping[str, str]) -> Self:
        return cls(path, tuple(query.items()))


class _Links(msgspec.Struct, frozen=True):
    next: str | None


class _Bearer(AuthBase):
    """Sends the token; as `auth`, so that no .netrc of the machine can take its place."""

    def __init__(self, token: str) -> None:
        self._token = token

    @override
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Nobody(AuthBase):
    """Sends no credentials, neither ours nor those in a .netrc of the machine."""

    @override
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


_links = msgspec.json.Decoder(_Links)
_count = msgspec.json.Decoder(Annotated[int, msgspec.Meta(ge=0)])
_reaches = msgspec.json.Decoder(list[Reach])
_grant = msgspec.json.Decoder(Grant)
_fault = msgspec.json.Decoder(Fault)
_SIGN_IN = "sign-in"
"""Who asks for access tokens, in logs and errors: no stream does."""


class Client:
    """Speaks to one Harvest account, by several requests at once, within Harvest's budgets.

    Attributes:
        budget: What Harvest allows for everything but reports.
        report_budget: What Harvest allows for all reports together.
        started: When Harvest sent its first answer, by Harvest's clock; `None` before that.
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
            retry_factor_seconds: The longest wait before a first repetition; it doubles each time.
            clock: Tells the time in seconds, for the budgets.
            wait: Waits for a condition, at most so many seconds, for the budgets.
        """
        self._requests_of: Counter[str] = Counter()
        self._repeats: Counter[str] = Counter()
        self.budget = Budget(requests_per_15_seconds, WINDOW_SECONDS, clock=clock, wait=wait)
        self.report_budget = Budget(
            report_requests_per_15_minutes, REPORT_WINDOW_SECONDS, clock=clock, wait=wait
        )
        self.started: datetime | None = None
        self._workers = Workers(max_concurrent_requests)
        self._most_ahead = 2 * max_concurrent_requests
        self._expected: dict[_List, Future[Answer]] = {}
        self._lock = Lock()
        self._closed = Event()
        self._api_url = api_url.rstrip("/")
        self._identity_url = identity_url.rstrip("/")
        self._sign_in = sign_in
        self._page_size = page_size
        self._account_header: dict[str, str] = {}
        self._whose = ""
        self._transport = Transport(
            user_agent, timeout_seconds=timeout_seconds, connections=max_concurrent_requests
        )
        self._patiently = backoff.on_exception(
            backoff.expo,
            RetriableAPIError,
            factor=retry_factor_seconds,
            max_tries=MAX_TRIES,
            max_time=MAX_RETRY_SECONDS,
            jitter=backoff.full_jitter,
            on_backoff=self._tell_retry,
            logger=None,
        )

    def close(self) -> None:
        """Send nothing more, and close the connections; answers on their way are dropped."""
        self._closed.set()
        self._workers.close()
        self._transport.close()

    @property
    def requests_of(self) -> Counter[str]:
        """Requests sent so far, repeated ones included, by stream."""
        with self._lock:
            return self._requests_of.copy()

    @property
    def repeats(self) -> int:
        """How many of the requests repeated one that got no whole answer."""
        with self._lock:
            return self._repeats.total()

    def use_account(self, account_id: int) -> None:
        """Send all further requests for this account."""
        self._account_header = {"Harvest-Account-Id": str(account_id)}

    def for_account(self, account_id: int) -> Client:
        """A client for another account, with the connections, sign-in and budgets of this one.

        Its errors name the account, as there are several; closing one closes all.
        """
        other = copy(self)
        other._expected = {}  # noqa: SLF001  # It is one of us.
        other.started = None
        other.use_account(account_id)
        other._whose = f", account {account_id}"  # noqa: SLF001  # As above.
        return other

    def accounts(self) -> list[Reach]:
        """The accounts that the token reaches; asked before an account is chosen.

        Harvest API, "Authentication":
        https://help.getharvest.com/api-v2/authentication-api/authentication/authentication/
        """
        url = f"{self._identity_url}/api/v2/accounts"
        answer = self._get(url, None, "accounts")
        return part(answer, "accounts", _reaches, "accounts")

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
        return self._get(self._api_url + path, None, stream).body

    def pages(
        self,
        path: str,
        query: Mapping[str, str],
        *,
        stream: str,
        key: str = "",
        ahead: bool = True,
    ) -> Iterator[Page]:
        """The pages of a list, in order: `links.next` is followed until it is null.

        The first page is asked for at once, and each further one while the one before is used.

        Harvest API, "Overview: Pagination":
        https://help.getharvest.com/api-v2/introduction/overview/pagination/

        Args:
            path: The address below the API's, such as `/clients`.
            query: Filters of the list.
            stream: Who asks, for errors and counts.
            key: The name of the rows in an answer; the last part of the path if empty.
            ahead: Whether a page may be asked for before the one before was used.

        Raises:
            UnavailableError: Harvest does not show the list to this token.
            FatalAPIError: Harvest refused a request, left a part of the answer out, or named a
                next page that must not be followed.
            RetriableAPIError: Harvest gave no whole answer, however often it was asked.
        """
        asked = _List.of(path, query)
        first = self._expected.pop(asked, None) or self._ask_first(asked, stream)
        return self._follow(first, stream, key or path.rpartition("/")[2], ahead=ahead)

    def expect(self, path: str, query: Mapping[str, str], *, stream: str) -> None:
        """Ask for the first page of a list that `pages` will be called for, with the same query."""
        asked = _List.of(path, query)
        if asked not in self._expected:
            self._expected[asked] = self._ask_first(asked, stream)

    def ahead(
        self, lists: Iterable[tuple[_T, str, Mapping[str, str]]], *, stream: str
    ) -> Iterator[_T]:
        """What some lists stand for, in order, while the lists after it are asked for already.

        How many are grows with each list that was read, so that little is asked in vain where the
        first one already tells that the rest is not shown.

        Args:
            lists: What each list stands for, its path and its query, as `pages` will get them.
            stream: Who asks, for errors and counts.
        """
        upcoming: deque[tuple[_T, _List]] = deque()
        depth = 0
        try:
            for item, path, query in lists:
                self.expect(path, query, stream=stream)
                upcoming.append((item, _List.of(path, query)))
                if len(upcoming) > depth:
                    yield upcoming.popleft()[0]
                    depth = min(depth + 1, self._most_ahead)
            while upcoming:
                yield upcoming.popleft()[0]
        finally:
            for _, asked in upcoming:
                self._expected.pop(asked).cancel()

    def _ask_first(self, asked: _List, stream: str) -> Future[Answer]:
        query = {"per_page": str(self._page_size), **dict(asked.query)}
        return self._ask(self._api_url + asked.path, query, stream)

    def _ask(self, url: str, query: Mapping[str, str] | None, stream: str) -> Future[Answer]:
        """Send a request when its turn comes; its answer or its error waits to be asked for."""
        return self._workers.submit(lambda: self._get(url, query, stream))

    def _follow(
        self, first: Future[Answer], stream: str, key: str, *, ahead: bool
    ) -> Iterator[Page]:
        """The pages of a list whose first page is on its way; see `pages`."""
        coming = first
        paging = Paging(Origin.of(self._api_url), self._page_size, stream)
        while True:
            try:
                answer = coming.result()
            except CancelledError as error:
                raise FatalAPIError(CLOSED) from error
            except UnavailableError as error:
                if not paging.is_begun:
                    raise
                # The list was shown a moment ago: what was read of it is not the whole.
                raise FatalAPIError(*error.args) from error
            page = Page(
                rows=rows(answer, key, stream),
                total_entries=part(answer, "total_entries", _count, stream),
                received_at=answer.received_at,
                sent_at=answer.sent_at,
            )
            url = part(answer, "links", _links, stream).next
            if url is None:
                yield page
                return
            paging.add(answer.url, len(page.rows), page.total_entries)
            paging.check_next(url)
            if ahead:
                coming = self._ask(url, None, stream)
                yield page
            else:
                yield page
                coming = self._ask(url, None, stream)

    def _get(self, url: str, parameters: Mapping[str, str] | None, stream: str) -> Answer:
        return self._patiently(self._get_once)(url, parameters, stream)

    def _get_once(self, url: str, parameters: Mapping[str, str] | None, stream: str) -> Answer:
        token = self._sign_in.token(self._exchange)
        content: dict[str, Any] = {"params": parameters, "headers": self._account_header}
        response = self._send("GET", url, stream, **content, auth=_Bearer(token))
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            other = self._sign_in.replaced(token, self._exchange)
            if other is not None:
                logger.debug("Asking again with a new access token: stream=%s", stream)
                response = self._send("GET", url, stream, **content, auth=_Bearer(other))
        if response.status_code != HTTPStatus.OK:
            what = f'{response.status_code} on {shown(url)}, stream "{stream}"{self._whose}'
            raise _refusal(response, what + complaint(response), self._sign_in)
        return opened(response, stream)

    def _post_once(self, url: str, form: Mapping[str, str], stream: str) -> Answer:
        response = self._send("POST", url, stream, data=form, auth=_Nobody())
        if response.status_code != HTTPStatus.OK:
            raise _token_refusal(response, self._sign_in)
        return opened(response, stream)

    def _exchange(self, form: Mapping[str, str]) -> Grant:
        """Get an access token for a refresh token.

        Raises:
            FatalAPIError: Harvest refused, or gave no whole answer, however often it was asked.
        """
        url = f"{self._identity_url}/api/v2/oauth2/token"
        try:
            answer = self._patiently(self._post_once)(url, form, _SIGN_IN)
        except RetriableAPIError as error:
            # The request that waits for the token would begin to try it all again.
            raise FatalAPIError(*error.args) from error
        try:
            return _grant.decode(answer.body)
        except UNREADABLE as error:
            message = (
                f"The answer from {shown(url)} holds no access token as documented ({error}). "
                "Check `identity_url`; if it is right, Harvest has changed."
            )
            raise FatalAPIError(message) from error

    def _tell_retry(self, details: Details) -> None:
        url, _, stream = details["args"]
        with self._lock:
            self._repeats[stream] += 1
        response = getattr(details["exception"], "response", None)
        window = self.budget_for(url).seconds
        is_told = response is not None and pause_seconds(response, window) > 0  # As a pause.
        logger.log(
            logging.DEBUG if is_told else logging.WARNING,
            "Asking again: stream=%s address=%s reason=%s try=%d wait_seconds=%.1f",
            stream,
            shown(url),
            _reason(details["exception"]),
            details["tries"] + 1,
            details["wait"],
        )

    def _send(self, method: str, url: str, stream: str, **content: Any) -> requests.Response:
        """Send a request within its budget; the answer may be a refusal.

        Raises:
            RetriableAPIError: No whole answer came.
            FatalAPIError: None can come.
        """
        budget = self.budget_for(url)
        with budget:
            if self._closed.is_set():
                raise FatalAPIError(CLOSED)
            with self._lock:
                self._requests_of[stream] += 1
            try:
                response = self._transport.send(method, url, stream, **content)
            except OSError as error:
                raise _no_answer(error, url, stream) from error
        with self._lock:
            self.started = self.started or server_time(response) or datetime.now(UTC)
        pause = pause_seconds(response, budget.seconds)
        if pause and budget.pause(pause):
            until = datetime.now().astimezone() + timedelta(seconds=pause)
            logger.warning(
                "Harvest asks for a pause: seconds=%g until=%s stream=%s",
                pause,
                until.isoformat(timespec="seconds"),
                stream,
            )
        return response

    def budget_for(self, url: str) -> Budget:
        """The budget that a request for an address, or for a path, counts for."""
        return self.report_budget if "/reports/" in urlsplit(url).path else self.budget


def _no_answer(error: OSError, url: str, stream: str) -> Exception:
    """The error for an answer that did not come, or not whole, by whether another try may help."""
    what = f'No whole answer to stream "{stream}" from {shown(url)} ({_kind(error)}).'
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        message = (
            f"{what} Its certificate is not one that this machine trusts, so no token was sent. "
            "Check the address that is set; where a proxy is in between, name the file with its "
            "certificate in the variable REQUESTS_CA_BUNDLE."
        )
        return FatalAPIError(message)
    if isinstance(error, ValueError):
        return FatalAPIError(f"{what} Check the address that is set, and the proxy's.")
    if not isinstance(error, requests.RequestException):
        # Before anything was sent: there is no such file of certificates.
        return FatalAPIError(f"{what} {error}")
    return RetriableAPIError(
        f"{what} Check the network and the address that is set, or raise `request_timeout_seconds`."
    )


def _refusal(response: requests.Response, what: str, sign_in: SignIn) -> Exception:
    """The error for an answer that is none, by what the caller can do about it."""
    status = response.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        message = (
            f"Harvest's request budget is used up ({what}), also after waiting. "
            "Something else reads the same account: lower `requests_per_15_seconds` or "
            "`report_requests_per_15_minutes`, or run at another time."
        )
        return RetriableAPIError(message, response)
    is_empty = HTTPStatus.OK < status < HTTPStatus.MULTIPLE_CHOICES
    if is_empty or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        fault = "sent no data" if is_empty else "failed"
        message = f"Harvest {fault} ({what}). Run the sync again later."
        return RetriableAPIError(message, response)
    if status == HTTPStatus.UNAUTHORIZED:
        message = (
            f"Harvest refused the access token ({what}). {sign_in.advice}; check that it reaches "
            "`account_id`."
        )
        return FatalAPIError(message)
    if status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}:
        advice = (
            "Use an administrator's token, check that the module is on in Harvest"
            if status == HTTPStatus.FORBIDDEN
            else "Check `account_id`, the address that is set, and that the module is on in Harvest"
        )
        kind = UnavailableError if status == HTTPStatus.FORBIDDEN else NotFoundError
        return kind(
            f"Harvest does not show this to the token ({what}). {advice}, or deselect the stream."
        )
    if status in REDIRECTS:
        message = (
            f"Harvest is elsewhere: it redirects ({what}), and a token is not sent on. "
            "Set `api_url` or `identity_url` to the new address."
        )
        return FatalAPIError(message)
    message = f"Harvest refused the request ({what}). Check the settings that the answer names."
    is_invalid = status == HTTPStatus.UNPROCESSABLE_ENTITY
    return (InvalidError if is_invalid else FatalAPIError)(message)


def _token_refusal(response: requests.Response, sign_in: SignIn) -> Exception:
    """The error for an exchange of tokens that Harvest refused."""
    status = response.status_code
    what = f"{status} on {shown(response.url)}"
    is_ours = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    if not is_ours or status == HTTPStatus.TOO_MANY_REQUESTS:
        return _refusal(response, what, sign_in)
    try:
        error = redacted(_fault.decode(response.content).error)
    except UNREADABLE:
        error = ""
    # Only the fault's name is repeated: a description could quote what was sent.
    return FatalAPIError(refusal(f"{what}: {error}" if error else what, error))


def _reason(error: Exception) -> str:
    """A fault that may pass, in one word: the status, or the kind of broken answer."""
    response = error.response if isinstance(error, RetriableAPIError) else None
    if response is not None and response.status_code != HTTPStatus.OK:
        return str(response.status_code)
    return _kind(error.__cause__)


def _kind(error: BaseException | None) -> str:
    """The kind of a fault, by the innermost cause, such as NameResolutionError."""
    inner = next((part for part in getattr(error, "args", ()) if isinstance(part, Exception)), None)
    inner = getattr(inner, "reason", inner)
    return type(error if inner is None else inner).__name__
