"""A private Citus cluster on localhost: a coordinator and two workers.

Citus documentation, "Multi-Node Citus":
https://docs.citusdata.com/en/stable/installation/multi_node.html
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psycopg
from sqlalchemy.engine import make_url

from servers.postgres import PostgresServer, private_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

WORKERS: Final = 2
SETTINGS: Final = {
    "shared_preload_libraries": "citus",
    "max_connections": "200",
    "citus.node_conninfo": "sslmode=disable",  # Its default looks for certificates.
}


@dataclass(frozen=True)
class Cluster:
    """The URLs of the nodes, each with the name of the first database."""

    coordinator: str
    workers: Sequence[str]

    @classmethod
    def of(cls, coordinator: str) -> Cluster:
        """Find the workers of a coordinator. They have the same users."""
        with psycopg.connect(coordinator) as connection:
            nodes = connection.execute(
                "SELECT nodename, nodeport FROM pg_dist_node WHERE groupid > 0 ORDER BY 2"
            ).fetchall()
        url = make_url(coordinator)
        workers = (url.set(host=host, port=port) for host, port in nodes)
        return cls(coordinator, [w.render_as_string(hide_password=False) for w in workers])

    def new_database(self, name: str) -> str:
        """Create a database on all nodes, and connect them. Returns the URL on the coordinator."""
        nodes = [self.coordinator, *self.workers]
        for node in nodes:
            _run(node, f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy")
        urls = [database_url(node, name) for node in nodes]
        for url in urls:
            password = make_url(url).password
            _run(url, "CREATE EXTENSION citus")
            if password:
                _run(
                    url,
                    "INSERT INTO pg_dist_authinfo (nodeid, rolename, authinfo)\n"
                    f"VALUES (0, current_user, 'password={password}')",
                )
        for url in urls[1:]:
            # What depends on the time zone must not be left to that of a worker.
            _run(
                url,
                "SET citus.enable_ddl_propagation = off",
                f"ALTER DATABASE {name} SET timezone = 'America/New_York'",
            )
        first, *workers = (make_url(url) for url in urls)
        _run(urls[0], f"SELECT citus_set_coordinator_host('{first.host}', {first.port})")
        for worker in workers:
            _run(urls[0], f"SELECT citus_add_node('{worker.host}', {worker.port})")
        return urls[0]

    def drop_database(self, name: str) -> None:
        """Drop a database on all nodes."""
        for node in [self.coordinator, *self.workers]:
            _run(node, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@dataclass(frozen=True)
class Servers:
    """The processes of a private cluster."""

    coordinator: PostgresServer
    workers: Sequence[PostgresServer]

    @property
    def cluster(self) -> Cluster:
        """The URLs of the nodes."""
        return Cluster(self.coordinator.url, [worker.url for worker in self.workers])


@contextmanager
def citus_servers(programs: Path) -> Iterator[Servers]:
    """Start the nodes. At the end of the context they stop, and their data is deleted.

    Args:
        programs: The folder of PostgreSQL's programs. Citus is installed there.
    """
    with ExitStack() as stack:
        coordinator, *workers = (
            # The coordinator signs in to the workers as users whose passwords it does not have.
            stack.enter_context(private_server(programs, "trust", **SETTINGS))
            for _ in range(1 + WORKERS)
        )
        yield Servers(coordinator, workers)


def database_url(server: str, name: str) -> str:
    """Return the URL of another database of the same server."""
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def _run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)
