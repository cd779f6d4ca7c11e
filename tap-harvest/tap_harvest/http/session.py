"""Sends requests with the token, within Harvest's budgets, and retries transient errors."""

from __future__ import annotations

import logging
from collections import Counter
from copy import copy
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

import backoff
import msgspec
from requests.auth import AuthBase
from singer_sdk.exceptions import FatalAPIError, RetriableAPIError
from typing_extensions import override

from tap_harvest.http.addresses import shown
from tap_harvest.http.answers import UNREADABLE, complaint, opened
from tap_harvest.http.errors import no_answer, reason, refusal, token_refusal
from tap_harvest.http.headers import pause_seconds, server_time
from tap_harvest.http.sign_in import Grant

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests
    from backoff.types import Details

    from tap_harvest.http.answers import Answer
    from tap_harvest.http.budget import Budgets
    from tap_harvest.http.sign_in import SignIn
    from tap_harvest.http.transport import Transport

MAX_TRIES = 8
MAX_RETRY_SECONDS = 30 * 60
"""For how long one request is tried: two pauses of the reports' budget fit in."""
CLOSED = "The client is closed. Make a new one."
_SIGN_IN = "sign-in"
"""Who asks for access tokens, in logs and errors: no stream does."""

_grant = msgspec.json.Decoder(Grant)

logger = logging.getLogger("tap-harvest.client")


class _Bearer(AuthBase):
    """Sends the token. It is passed as `auth`, since `requests` would else use a `.netrc` file."""

    def __init__(self, token: str) -> None:
        self._token = token

    @override
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _NoAuth(AuthBase):
    """Sends no credentials, also not those in a `.netrc` file."""

    @override
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class Session:
    """Sends the requests for one account. Any thread may use it.

    Attributes:
        started: When Harvest sent its first answer, by Harvest's clock; `None` before that.
    """

    def __init__(
        self,
        transport: Transport,
        sign_in: SignIn,
        budgets: Budgets,
        *,
        identity_url: str,
        retry_factor_seconds: float,
    ) -> None:
        """Open no connection yet.

        Args:
            transport: Sends one request.
            sign_in: Gives the token that requests are sent with.
            budgets: Decide when a request may be sent.
            identity_url: Where tokens are exchanged.
            retry_factor_seconds: The longest wait before the first retry; it doubles each time.
        """
        self.started: datetime | None = None
        self._transport = transport
        self._sign_in = sign_in
        self._budgets = budgets
        self._identity_url = identity_url
        self._account_header: dict[str, str] = {}
        self._account_name = ""
        self._requests_of: Counter[str] = Counter()
        self._repeats: Counter[str] = Counter()
        self._lock = Lock()
        self._closed = Event()
        self._retry_transient = backoff.on_exception(
            backoff.expo,
            RetriableAPIError,
            factor=retry_factor_seconds,
            max_tries=MAX_TRIES,
            max_time=MAX_RETRY_SECONDS,
            jitter=backoff.full_jitter,
            on_backoff=self._tell_retry,
            logger=None,
        )

    def use_account(self, account_id: int) -> None:
        """Send all further requests for this account."""
        self._account_header = {"Harvest-Account-Id": str(account_id)}

    def for_account(self, account_id: int) -> Session:
        """A session for another account, with the connections, sign-in and budgets of this one.

        Its errors name the account, as there are several; closing one closes all.
        """
        other = copy(self)
        other.started = None
        other.use_account(account_id)
        other._account_name = f", account {account_id}"  # noqa: SLF001  # Of this class.
        return other

    def close(self) -> None:
        """Send nothing more, and close the connections."""
        self._closed.set()
        self._transport.close()

    @property
    def requests_of(self) -> Counter[str]:
        """Requests sent so far, retries included, by stream."""
        with self._lock:
            return self._requests_of.copy()

    @property
    def repeats(self) -> int:
        """How many of the requests were retries."""
        with self._lock:
            return self._repeats.total()

    def get(self, url: str, parameters: Mapping[str, str] | None, stream: str) -> Answer:
        """Send a GET request; retry it where an error is transient.

        Args:
            url: The address.
            parameters: What is added to it as a query.
            stream: Who asks, for errors and counts.

        Raises:
            UnavailableError: Harvest does not show the address to this token.
            FatalAPIError: Harvest refused the request.
            RetriableAPIError: Harvest gave no whole answer, however often it was asked.
        """
        return self._retry_transient(self._get_once)(url, parameters, stream)

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
            what = f'{response.status_code} on {shown(url)}, stream "{stream}"{self._account_name}'
            raise refusal(response, what + complaint(response), self._sign_in)
        return opened(response, stream)

    def _post_once(self, url: str, form: Mapping[str, str], stream: str) -> Answer:
        response = self._send("POST", url, stream, data=form, auth=_NoAuth())
        if response.status_code != HTTPStatus.OK:
            raise token_refusal(response, self._sign_in)
        return opened(response, stream)

    def _exchange(self, form: Mapping[str, str]) -> Grant:
        """Get an access token for a refresh token.

        Raises:
            FatalAPIError: Harvest refused, or gave no whole answer, however often it was asked.
        """
        url = f"{self._identity_url}/api/v2/oauth2/token"
        try:
            answer = self._retry_transient(self._post_once)(url, form, _SIGN_IN)
        except RetriableAPIError as error:
            # A retriable error would make the request that waits for the token retry as well.
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
        window = self._budgets.of(url).seconds
        is_told = response is not None and pause_seconds(response, window) > 0  # As a pause.
        logger.log(
            logging.DEBUG if is_told else logging.WARNING,
            "Asking again: stream=%s address=%s reason=%s try=%d wait_seconds=%.1f",
            stream,
            shown(url),
            reason(details["exception"]),
            details["tries"] + 1,
            details["wait"],
        )

    def _send(self, method: str, url: str, stream: str, **content: Any) -> requests.Response:
        """Send a request within its budget; the answer may be a refusal.

        Raises:
            RetriableAPIError: No whole answer came.
            FatalAPIError: The client is closed, or the error is permanent.
        """
        budget = self._budgets.of(url)
        with budget:
            if self._closed.is_set():
                raise FatalAPIError(CLOSED)
            with self._lock:
                self._requests_of[stream] += 1
            try:
                response = self._transport.send(method, url, stream, **content)
            except OSError as error:
                raise no_answer(error, url, stream) from error
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
