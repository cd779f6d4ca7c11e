"""A connection by pymssql to a server that falls silent."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.engine import make_url
from target_run import schema, write

from fixtures.databases import Database
from servers.tds import SILENCE, tds_server
from target_harvest_sql.database import retries, waits
from target_harvest_sql.database.errors import DatabaseError
from target_harvest_sql.drivers.mssql import ServerError
from target_harvest_sql.drivers.pymssql import PyMSSQLDriver

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def drivers() -> Iterator[tuple[PyMSSQLDriver, PyMSSQLDriver]]:
    """Two connections to a server."""
    with tds_server() as url:
        one, other = PyMSSQLDriver(make_url(url)), PyMSSQLDriver(make_url(url))
        yield one, other
        one.close()
        other.close()


def test_a_statement_is_aborted(drivers: tuple[PyMSSQLDriver, PyMSSQLDriver]) -> None:
    """From another thread; as after a loss, it is to be tried again on a new connection."""
    one, other = drivers
    timer = threading.Timer(0.5, one.abort)
    timer.start()
    with pytest.raises(ServerError) as caught:
        one.execute(SILENCE, {})
    timer.join()

    assert PyMSSQLDriver.fault(caught.value).kind == "transient"
    assert other.execute("SELECT 1", {}) == []


def test_a_closed_connection_is_not_aborted(
    drivers: tuple[PyMSSQLDriver, PyMSSQLDriver],
) -> None:
    """The number of its socket may be that of another one."""
    one, _ = drivers
    one.close()
    first, second = socket.socketpair()
    with first, second:
        one.abort()
        first.sendall(b"x")

        assert second.recv(1) == b"x"


def test_a_server_that_is_gone_is_noticed(drivers: tuple[PyMSSQLDriver, PyMSSQLDriver]) -> None:
    """By keepalives, which the driver's library sets."""
    one, _ = drivers
    assert one._socket is not None

    with socket.fromfd(one._socket, socket.AF_INET, socket.SOCK_STREAM) as copy:
        assert copy.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        if number := getattr(socket, "TCP_KEEPIDLE", None):  # Systems have different ones.
            assert copy.getsockopt(socket.IPPROTO_TCP, number) <= 60


def test_a_server_that_is_silent_from_the_start_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its version is the first that it is asked for."""
    monkeypatch.setattr(retries, "RETRY_SECONDS", 1)
    monkeypatch.setattr(waits, "OPEN_SECONDS", 1)
    with (
        tds_server(silent_at="@@VERSION") as url,
        pytest.raises(DatabaseError, match="open the mssql database"),
    ):
        write(Database("mssql", url), schema("t", id={"type": "integer"}))
