"""The proxy that adds TLS leaves no connection open."""

from __future__ import annotations

import gc
import socket
from typing import TYPE_CHECKING

import trustme

from servers.tls_proxy import TLSProxy

if TYPE_CHECKING:
    import pytest


def test_the_proxy_ends_in_the_middle_of_a_handshake(caplog: pytest.LogCaptureFixture) -> None:
    """A connection that stays open would be a warning."""
    certificate = trustme.CA().issue_cert("127.0.0.1")
    with TLSProxy("postgresql://127.0.0.1:1", certificate) as wire:
        client = socket.create_connection(("127.0.0.1", wire.port), timeout=20)
        client.sendall(b"12345678")
        assert client.recv(1) == b"S"
    client.close()
    gc.collect()

    assert caplog.text == ""
