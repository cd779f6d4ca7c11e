"""A wire to a server that can be cut, or go silent, at a word of the client."""

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
    """Passes bytes on between clients and a server, until it cuts one connection or goes silent.

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
        """How often a connection was cut, or silence began: 0 or 1."""
        self._mutex = threading.Lock()
        """Held while connections are closed, so that none is forgotten that is just made."""
        self._sockets = [socket.create_server(("127.0.0.1", 0))]
        self._threads = [threading.Thread(target=self._accept)]
        port = self._sockets[0].getsockname()[1]
        self.url = self._server.set(port=port).render_as_string(hide_password=False)
        """Where clients connect."""

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
        """Let all connections stay open from now on, also new ones, but let nothing pass."""
        self._is_silent = True

    def speak(self) -> None:
        """Let bytes pass again, on new connections; those that were silent are closed."""
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
        """Pass on what the client says, until its last word."""
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
        """Pass on what the server says."""
        with _ending(client, socket.SHUT_RDWR), suppress(OSError):  # As above.
            while data := server.recv(65536):
                if not self._is_silent:
                    client.sendall(data)


@contextmanager
def _ending(end: socket.socket, how: int) -> Iterator[None]:
    """Shut one end down when the other has gone, also if it was killed and sent a reset.

    Otherwise the server would keep the transaction of a killed client, and its locks.
    """
    try:
        yield
    finally:
        with suppress(OSError):  # It has gone, too.
            end.shutdown(how)
