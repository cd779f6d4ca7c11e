"""A server with a small part of SQL Server's protocol: a driver signs in, and then waits.

Protocol: https://learn.microsoft.com/openspecs/windows_protocols/ms-tds.
"""

from __future__ import annotations

import socketserver
import struct
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

SQL_BATCH, ANSWER, LOGIN, PRELOGIN = 0x01, 0x04, 0x10, 0x12
"""The types of packets."""
NO_ENCRYPTION: Final = struct.pack(">BHHBHHB", 0, 11, 6, 1, 17, 1, 0xFF) + b"\x10\0\0\0\0\0\x02"
"""The options of a server that cannot encrypt: its version, and the encryption."""
DONE: Final = struct.pack("<BHHQ", 0xFD, 0, 0, 0)
"""The end of an answer without rows."""
PROGRAM: Final = "stand-in"
LOGIN_DONE: Final = (
    struct.pack("<BHB", 0xAD, 10 + 2 * len(PROGRAM), 1)
    + b"\x73\x0b\x00\x03"  # The version of the protocol, 7.3.
    + struct.pack("B", len(PROGRAM))
    + PROGRAM.encode("utf-16-le")
    + b"\x10\0\0\0"
    + DONE
)
"""The answer to a sign-in."""
SILENCE: Final = "WAITFOR DELAY '24:00'"
"""A statement that is never answered."""


class _Session(socketserver.StreamRequestHandler):
    """Answers one connection."""

    server: _Server

    def handle(self) -> None:
        """Answer until the connection ends, or until the statement that gets no answer."""
        while header := self.rfile.read(8):
            type_, _, length = struct.unpack(">BBH", header[:4])
            text = self.rfile.read(length - 8).decode("utf-16-le", "replace")
            if type_ == SQL_BATCH and self.server.silent_at in text:
                self.rfile.read()
                return
            body = {PRELOGIN: NO_ENCRYPTION, LOGIN: LOGIN_DONE, SQL_BATCH: DONE}[type_]
            self.wfile.write(struct.pack(">BBHHBB", ANSWER, 1, 8 + len(body), 0, 1, 0) + body)


class _Server(socketserver.ThreadingTCPServer):
    """A server whose threads end with the tests."""

    daemon_threads = True
    silent_at: str


@contextmanager
def tds_server(silent_at: str = SILENCE) -> Iterator[str]:
    """Run the server. Yields the URL for pymssql.

    Args:
        silent_at: What stands in the statement that is never answered.
    """
    with _Server(("127.0.0.1", 0), _Session) as server:
        server.silent_at = silent_at
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        port = server.server_address[1]
        yield f"mssql+pymssql://u:p@127.0.0.1:{port}/d?encryption=request&tds_version=7.3"
        server.shutdown()
        thread.join()
