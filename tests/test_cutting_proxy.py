"""The proxy between a client and a server: each end learns that the other one is gone."""

from __future__ import annotations

import socket
import struct

import pytest
from sqlalchemy.engine import make_url

from servers.cutting_proxy import CuttingProxy

RESET_AT_CLOSE = struct.pack("ii", 1, 0)
"""For `SO_LINGER`: the other end gets a reset, as from a killed process that left bytes unread."""


@pytest.mark.parametrize("gone", ["client", "server"])
def test_a_reset_at_one_end_closes_the_other_one(gone: str) -> None:
    """A server that does not learn it keeps the locks of the client for ever."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"postgresql://127.0.0.1:{listener.getsockname()[1]}"
        with CuttingProxy(url, when="before") as wire:
            client = socket.create_connection(("127.0.0.1", make_url(wire.url).port), timeout=20)
            client.sendall(b"x")
            server, _ = listener.accept()
            server.settimeout(20)
            assert server.recv(1) == b"x"
            ends = {"client": (client, server), "server": (server, client)}
            reset, other = ends[gone]
            reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            reset.close()

            with other:
                assert other.recv(1) == b""
