"""Sends one request and receives its answer."""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import HTTPAdapter
from singer_sdk.exceptions import FatalAPIError
from typing_extensions import override

from tap_harvest.http.addresses import Origin, shown
from tap_harvest.http.body import read_body
from tap_harvest.http.time_limit import within

TIMEOUTS_PER_ANSWER = 10
"""How many time-outs a whole answer may take."""


class _Session(requests.Session):
    """Follows no redirect, since a redirect could carry the token to another host."""

    @override
    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


class Transport:
    """Sends requests to the addresses that are set, and nowhere else. Any thread may use it."""

    def __init__(self, user_agent: str, *, timeout_seconds: float, connections: int) -> None:
        """Open no connection yet.

        Args:
            user_agent: How the client names itself.
            timeout_seconds: How long to wait for a connection, and between two bytes of an answer.
                A whole answer may take `TIMEOUTS_PER_ANSWER` times as long.
            connections: How many connections to keep open.
        """
        self._timeout_seconds = timeout_seconds
        self._session = _Session()
        self._session.headers["User-Agent"] = user_agent
        self._session.headers["Accept"] = "application/json"
        self._session.headers["Accept-Encoding"] = "gzip"
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=connections))

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def send(self, method: str, url: str, stream: str, **content: Any) -> requests.Response:
        """Send a request, and read the whole answer.

        Args:
            method: Such as `GET`.
            url: The address to call.
            stream: Who asks, for errors.
            content: The rest of the request, as `requests.Request` takes it.

        Raises:
            OSError: No whole answer came.
            FatalAPIError: The address is not plain, or the answer is too large.
        """
        request = self._session.prepare_request(requests.Request(method, url, **content))
        called = Origin.of(request.url or "")
        if called is None or called != Origin.of(url):
            message = (
                f"The address {shown(url)} is not a plain web address, so no token was sent "
                "there. Check `api_url` and `identity_url`."
            )
            raise FatalAPIError(message)
        settings = self._session.merge_environment_settings(request.url, {}, None, None, None)
        settings["stream"] = True  # The body is read here, up to a limit.

        def exchange() -> requests.Response:
            response = self._session.send(request, timeout=self._timeout_seconds, **settings)
            with response:
                what = f'The answer to stream "{stream}" from {shown(url)}'
                response._content = read_body(response, what)  # noqa: SLF001  # As `requests` does.
            return response

        try:
            return within(TIMEOUTS_PER_ANSWER * self._timeout_seconds, exchange)
        except TimeoutError as error:
            raise requests.Timeout(error) from error
