"""A proxy that closes or blocks connections when the client sends a certain text."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Literal

from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self


class CuttingProxy:
    """Forwards bytes between clients and a server, until it closes one connection or blocks all.

    Args:
        url: Where the server is.
        words: What a client says one after the other; the connection is cut at the last of them.
            Without words it is not.
        when: Whether the server still hears the last word; its answer is lost either way. If
            `silent`, all connections stay open from then on, also new ones, but nothing passes. It
            is so from the beginning if there are no words.
    """

    def __init__(self, url: str, *words: bytes, when: Literal["before", "after", "silent"]) -> None:
        self._server = make_url(url)
        self._words = words
        self._is_heard = when == "after"
        self._falls_silent = when == "silent"
        self._is_silent = self._falls_silent and not words
        self.cuts = 0
        """How often the proxy closed a connection or began to block: 0 or 1."""
        self._mutex = threading.Lock()
        """Held while connections are closed, so that a new one is closed as well."""
        self._sockets = [socket.create_server(("127.0.0.1", 0))]
        self._threads = [threading.Thread(target=self._accept)]
        port = self._sockets[0].getsockname()[1]
        self.url = self._server.set(port=port).render_as_string(hide_password=False)
        """The URL that clients connect to."""

    def __enter__(self) -> Self:
        """Accept connections."""
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close all connections."""
        for each in self._sockets:
            with suppress(OSError):  # It is closed at the other end.
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for each in self._sockets:
            each.close()

    def fall_silent(self) -> None:
        """Forward nothing from now on. All connections stay open, and new ones are accepted."""
        self._is_silent = True

    def speak(self) -> None:
        """Forward bytes of new connections again. Connections that were blocked are closed."""
        with self._mutex:
            if self._is_silent:
                for each in self._sockets[1:]:
                    with suppress(OSError):  # It is closed at the other end.
                        each.shutdown(socket.SHUT_RDWR)
                self._is_silent = False

    def _accept(self) -> None:
        with suppress(OSError):  # Shut down.
            while True:
                client, _ = self._sockets[0].accept()
                with self._mutex:
                    if self._is_silent:
                        self._sockets.append(client)
                        continue
                try:
                    server = socket.create_connection((self._server.host, self._server.port))
                except OSError:  # The server is down.
                    client.close()
                    continue
                self._sockets += [client, server]
                for target, ends in (
                    (self._speak, (client, server)),
                    (self._answer, (server, client)),
                ):
                    self._threads.append(threading.Thread(target=target, args=ends))
                    self._threads[-1].start()

    def _speak(self, client: socket.socket, server: socket.socket) -> None:
        """Forward what the client sends, until it sends the last of the texts."""
        words = list(self._words)
        with _ending(server, socket.SHUT_WR), suppress(OSError):  # Either end may close it.
            while said := client.recv(65536):
                if words and words[0] in said:
                    words.pop(0)
                    if not words and not self.cuts:
                        self.cuts += 1
                        if self._falls_silent:
                            self._is_silent = True
                            continue
                        client.shutdown(socket.SHUT_RDWR)
                        if self._is_heard:
                            server.sendall(said)
                        break
                if not self._is_silent:
                    server.sendall(said)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        """Forward what the server sends."""
        with _ending(client, socket.SHUT_RDWR), suppress(OSError):  # As above.
            while data := server.recv(65536):
                if not self._is_silent:
                    client.sendall(data)


@contextmanager
def _ending(end: socket.socket, how: int) -> Iterator[None]:
    """Shut down one end when the other end is closed, or when it was killed and sent a reset.

    Otherwise the server would keep the transaction of a killed client, and its locks.
    """
    try:
        yield
    finally:
        with suppress(OSError):  # It has gone, too.
            end.shutdown(how)
