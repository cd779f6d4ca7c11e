"""A web server that gives scripted answers, for answers that Harvest gives only when it fails."""

from __future__ import annotations

import json
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    import ssl

TOKEN = "71001.pt.a-token-of-the-tests"


@dataclass(frozen=True)
class Received:
    """A request that the scripted server received."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """An answer of the scripted server.

    Attributes:
        body: Text and bytes are sent as they are, anything else as JSON.
        wire: The bytes of the whole answer, with its status line. If set, nothing else is sent.
        drips: Whether the server sends spaces after `wire`, one every 50 ms, until the test ends.
        cut: How many bytes `Content-Length` announces that are never sent.
        hangs: Whether the server sends nothing.
    """

    body: Any = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = 0
    hangs: bool = False
    wire: bytes = b""
    drips: bool = False


class Script:
    """A server on localhost that gives each answer once, in order."""

    def __init__(self) -> None:
        self.answers: deque[Answer] = deque()
        self.received: list[Received] = []
        self._over = threading.Event()
        script = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                script.handle(self)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                script.handle(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        """Give the next answer."""
        address = urlsplit(request.path)
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append(Received(address.path, dict(parse_qsl(address.query)), headers))
        answer = self.answers.popleft()
        if answer.hangs:
            self._over.wait(5)
            request.close_connection = True
            return
        if answer.wire:
            request.close_connection = True
            request.wfile.write(answer.wire)
            with suppress(OSError):  # The client leaves.
                while answer.drips and not self._over.wait(0.05):
                    request.wfile.write(b" ")
            return
        body = answer.body
        if not isinstance(body, bytes):
            body = (body if isinstance(body, str) else json.dumps(body)).encode()
        request.send_response_only(answer.status)
        for name, value in answer.headers.items():
            request.send_header(name, value)
        request.send_header("Connection", "close")
        request.send_header("Content-Length", str(len(body) + answer.cut))
        request.end_headers()
        with suppress(OSError):  # The client leaves.
            request.wfile.write(body)

    def speak_tls(self, context: ssl.SSLContext) -> None:
        """Answer only `https` from now on."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def says(self, body: Any = "", **rest: Any) -> Script:
        """Add an answer to the script."""
        self.answers.append(Answer(body, **rest))
        return self

    def stop(self) -> None:
        """Close the server and wait for its threads."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Clock:
    """A clock that moves only when something waits."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waited: list[float] = []

    def __call__(self) -> float:
        """Tell the time in seconds."""
        return self.now

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        """Move the clock instead of waiting. Without a limit, wait for the condition."""
        if seconds is None:
            condition.wait()
        else:
            self.waited.append(seconds)
            self.now += seconds
