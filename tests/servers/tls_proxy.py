"""A proxy that adds TLS to PostgreSQL, because the server of the wheel has none."""

from __future__ import annotations

import asyncio
import ssl
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    import trustme

REQUEST_BYTES: Final = 8
"""A client's request for TLS: https://www.postgresql.org/docs/current/protocol-flow.html, "SSL"."""


class TLSProxy:
    """Decrypts what clients send, and forwards it to a server.

    Args:
        url: Where the server is.
        certificate: What clients are shown.
        clients: Who signs the certificates of clients; without it, they need none.
    """

    def __init__(
        self, url: str, certificate: trustme.LeafCert, clients: trustme.CA | None = None
    ) -> None:
        self._server = make_url(url)
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.configure_cert(self._context)
        if clients is not None:
            clients.configure_trust(self._context)
            self._context.verify_mode = ssl.CERT_REQUIRED
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._transports: list[asyncio.WriteTransport] = []
        """The transports of the connections of clients, below TLS."""
        self._tasks: list[asyncio.Task[None]] = []
        """The tasks of the connections. The event loop keeps no reference to them."""
        self.encrypted = 0
        """How many connections were encrypted."""
        self.port = 0
        """The port on localhost that clients connect to."""

    def __enter__(self) -> Self:
        """Accept connections."""
        self._thread.start()
        starting = asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._listener = asyncio.run_coroutine_threadsafe(starting, self._loop).result()
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close all connections."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._listener.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for transport in self._transports:  # Closing would wait for the other end.
            transport.abort()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._transports.append(writer.transport)
        self._tasks.append(self._loop.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, EOFError):  # A client goes away when it trusts no certificate.
            await reader.readexactly(REQUEST_BYTES)
            writer.write(b"S")
            await writer.start_tls(self._context)
            self.encrypted += 1
            server = await asyncio.open_connection(self._server.host, self._server.port)
            await asyncio.gather(_pass_on(reader, server[1]), _pass_on(server[0], writer))
        writer.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
