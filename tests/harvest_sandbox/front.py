"""Logs requests and makes the ordered faults happen, before the API answers."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.datastructures import Headers, QueryParams
from starlette.exceptions import HTTPException

from harvest_sandbox.api import PREFIXES
from harvest_sandbox.identity import account_named
from harvest_sandbox.refusals import Refusal, response
from harvest_sandbox.request import Request
from harvest_sandbox.server import reset

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request as HttpRequest
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from harvest_sandbox.api import Api
    from harvest_sandbox.faults import Fault, Faults


async def _refused(_: HttpRequest, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)
    return refusal.response


async def _no_path(_: HttpRequest, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return response(error.status_code, "html")


class Front:
    """Logs each request and makes the ordered faults happen, before the API answers."""

    def __init__(
        self, api_of: Callable[[str | None], Api], faults: Faults, log: list[Request]
    ) -> None:
        """Answer nothing yet.

        Args:
            api_of: Gives the API of the account that a request names.
            faults: What goes wrong.
            log: Gets every request.
        """
        self._api_of = api_of
        self._account = api_of(None).account
        self._faults = faults
        self._log = log
        self._apps: dict[Api, Starlette] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = _request(scope)
        self._log.append(request)
        scope = {**scope, "harvest_sandbox.request": request}
        named = account_named(request.headers, request.query)
        fault = self._faults.meet(scope["path"], named)
        latency = self._account.switches.latency_seconds + (fault.latency_seconds if fault else 0)
        if latency:
            await asyncio.sleep(latency)
        if fault and fault.edit:
            fault.edit()
        if fault and fault.hang:
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        if fault and fault.reset:
            reset(scope)
            return
        answer = _Answer(request, send, self._date(), fault)
        app: ASGIApp = self._app(self._api_of(named))
        if fault and fault.status is not None:
            app = _failed(fault, fault.status)
        await app(scope, receive, answer.send)

    def _app(self, api: Api) -> Starlette:
        if api not in self._apps:
            self._apps[api] = Starlette(
                routes=api.routes(),
                exception_handlers={Refusal: _refused, HTTPException: _no_path},
            )
        return self._apps[api]

    def _date(self) -> str:
        skew = timedelta(seconds=self._account.switches.date_skew_seconds)
        return format_datetime((self._account.now + skew).replace(microsecond=0), usegmt=True)


def _failed(fault: Fault, status: int) -> ASGIApp:
    wait = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return response(status, fault.body, wait)


def _request(scope: Scope) -> Request:
    path: str = scope["path"]
    reports = any(path.startswith(f"{prefix}/reports/") for prefix in PREFIXES)
    identity = path in {"/api/v2/accounts", "/api/v2/oauth2/token"}
    return Request(
        method=scope["method"],
        path=path,
        query=dict(QueryParams(scope["query_string"])),
        headers=dict(Headers(scope=scope)),
        at=time.monotonic(),
        group="identity" if identity else "reports" if reports else "general",
    )


class _Answer:
    """Passes an answer on to the connection, as a fault has it, and notes it in the log."""

    def __init__(self, request: Request, send: Send, date: str, fault: Fault | None) -> None:
        self._request = request
        self._send = send
        self._date = date
        self._cut = bool(fault and fault.cut)
        self._rewrite = fault.rewrite if fault else None
        self._start: Message = {}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        body = message["body"]
        if self._rewrite:
            body = self._rewrite(body)
        self._request.status = None if self._cut else self._start["status"]
        headers = dict(self._start["headers"])
        headers |= {b"date": self._date.encode(), b"content-length": str(len(body)).encode()}
        await self._send({**self._start, "headers": list(headers.items())})
        if self._cut:
            # The server closes a connection whose answer is shorter than announced.
            message = {**message, "more_body": True}
            body = body[: len(body) // 2]
        self._request.bytes += len(body)
        self._request.answered_at = time.monotonic()
        await self._send({**message, "body": body})
