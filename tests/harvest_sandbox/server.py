"""A real HTTP server in a thread of this process."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

EXTENSION: Final = "harvest_sandbox.transport"
START_SECONDS: Final = 10


class Protocol(H11Protocol):
    """HTTP over a connection that the application may break: its transport is an ASGI extension."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # As the class above declares it.
        """Lend the transport to the requests of this connection."""
        super().connection_made(transport)
        app = self.app

        async def lend(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "extensions": {EXTENSION: transport}}, receive, send)

        self.app = lend


def reset(scope: dict[str, Any]) -> None:
    """Break the connection of a request, so that the caller sees a reset."""
    transport: asyncio.Transport = scope["extensions"][EXTENSION]
    # Without lingering, closing sends RST: what was not delivered is thrown away.
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()


class _Uvicorn(uvicorn.Server):
    """Uvicorn without its tenths of a second between the wish to stop and the end."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopping: Future[None] = Future()

    def stop(self) -> None:
        """Have the server stop; any thread may call this."""
        self._stopping.set_result(None)

    async def main_loop(self) -> None:
        await asyncio.wrap_future(self._stopping)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        del sockets  # Closed with the servers that listen on them.
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()


class Server:
    """Serves an ASGI application on a loopback port, from `start` to `stop`."""

    def __init__(self, app: ASGIApp, port: int = 0) -> None:
        """Take the port.

        Args:
            app: The application.
            port: The port; 0 takes a free one.
        """
        # Named as TCP, so that asyncio turns Nagle's delay off: it would cost 40 ms an answer.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        self._server = _Uvicorn(
            uvicorn.Config(
                app,
                http=Protocol,
                lifespan="off",
                ws="none",
                log_level="critical",
                access_log=False,
                # The application sends the account's own time.
                date_header=False,
                server_header=False,
                timeout_keep_alive=60,
                backlog=256,
            )
        )
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    def start(self) -> None:
        """Return as soon as requests are answered.

        Raises:
            TimeoutError: The server did not come up.
        """
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if time.monotonic() > deadline:
                raise TimeoutError(f"The stand-in account did not start in {START_SECONDS} s.")
            time.sleep(0.001)

    def stop(self) -> None:
        """Break what is under way and free the port."""
        self._server.stop()
        self._thread.join()
        self._socket.close()
