"""Galera clusters of three MariaDB nodes, for the tests that ask for one."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import pytest

from fix_databases import Database
from galera_cluster import Node, galera_cluster, galera_data
from mariadb_server import NotInstalledError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NUMBERS = count(1)
_OTHERWISE_ON_A_CLUSTER: Final = (
    # There is one table more, `_sdc_leases`.
    "test_a_stream_goes_to_the_schema_in_its_name",
    "test_any_name_can_be_a_table",
    # The first INSERT is one of a lease. tests/target/test_target_galera.py looks at the second.
    "test_a_commit_in_doubt_ends_the_run",
    "test_a_commit_in_doubt_of_rejected_records_ends_the_run",
    # No connection has a lock.
    "test_a_lock_outlives_the_idle_limit_of_the_server",
    "test_a_lock_that_is_lost_ends_the_run",
)
"""Tests of MariaDB that are left out where `TARGET_TEST_MARIADB_URL` is `galera`."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what a cluster does in another way."""
    if os.environ.get("TARGET_TEST_MARIADB_URL") == "galera":
        for item in items:
            if item.name.startswith(_OTHERWISE_ON_A_CLUSTER):
                item.add_marker(pytest.mark.skip(reason="A cluster does this in another way."))


@dataclass(frozen=True)
class OnNode(Database):
    """A database of a cluster, read as it is on all nodes."""

    def query(self, statement: str) -> list[dict[str, Any]]:
        """Run a statement when the node has what others have committed before."""
        return super().query(f"SET STATEMENT wsrep_sync_wait = 15 FOR {statement}")


@dataclass(frozen=True)
class Galera:
    """An empty database of a cluster."""

    name: str
    nodes: list[Node]

    def through(self, *numbers: int) -> Database:
        """The database through one node, or through several that are tried in turn."""
        first, *others = (self.nodes[number] for number in numbers)
        query = "&".join(f"host=127.0.0.1:{node.port}" for node in others)
        return OnNode("mariadb", f"{first.url(self.name)}?{query}".rstrip("?"))


@pytest.fixture(scope="session")
def galera_start() -> Iterator[Path]:
    """The data directory that the nodes of each cluster start with."""
    try:
        with galera_data() as data:
            yield data
    except NotInstalledError:
        pytest.skip("Galera is not installed (Debian: packages mariadb-server and galera-4).")


@pytest.fixture(scope="session")
def galera_nodes(galera_start: Path) -> Iterator[list[Node]]:
    """A cluster that runs while the tests do."""
    with galera_cluster(galera_start) as nodes:
        yield nodes


@pytest.fixture
def galera(galera_nodes: list[Node]) -> Iterator[Galera]:
    """An empty database of the cluster that all tests share; no test may end its nodes."""
    yield from _new_database(galera_nodes)


@pytest.fixture
def mortal_galera(galera_start: Path) -> Iterator[Galera]:
    """An empty database of a cluster that is of the test alone, which may end its nodes."""
    with galera_cluster(galera_start) as nodes:
        yield from _new_database(nodes)


def _new_database(nodes: list[Node]) -> Iterator[Galera]:
    name = f"test_{next(_NUMBERS)}_{os.getpid()}"
    for statement in (f"CREATE DATABASE {name} CHARACTER SET latin1", f"DROP DATABASE {name}"):
        alive = next(node for node in nodes if node.process.poll() is None)
        with closing(alive.connect()) as connection:
            connection.cursor().execute(statement)
        if statement.startswith("CREATE"):
            yield Galera(name, nodes)
