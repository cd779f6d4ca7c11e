"""The databases that are written into, each empty as often as it is asked for."""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager, suppress
from typing import TYPE_CHECKING

import psycopg
import pymysql
from sqlalchemy.engine import make_url

from servers.mariadb import mariadb_server
from servers.not_installed import NotInstalledError
from servers.postgres import postgres_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

DATABASE = "bench"


@contextmanager
def stores(folder: Path) -> Iterator[Mapping[str, Callable[[], str]]]:
    """Start the servers of the tests, which need not keep what they are given.

    Args:
        folder: Where the files of SQLite and DuckDB go.

    Returns:
        By the name of an engine: what throws away what was written, and tells the URL of an empty
        database. An engine that is not installed is left out.
    """
    with ExitStack() as stack:
        found = {"PostgreSQL": postgres_store(stack.enter_context(postgres_server()))}
        found["DuckDB"] = file_store(folder, "duckdb")
        found["SQLite"] = file_store(folder, "sqlite")
        with suppress(NotInstalledError):
            found["MariaDB"] = mariadb_store(stack.enter_context(mariadb_server()))
        yield found


def file_store(folder: Path, engine: str) -> Callable[[], str]:
    """What throws a file of a folder away, and tells its URL."""

    def empty() -> str:
        for old in folder.glob(f"{DATABASE}.{engine}*"):
            old.unlink()
        return f"{engine}:///{folder}/{DATABASE}.{engine}"

    return empty


def postgres_store(server: str) -> Callable[[], str]:
    """What throws a database of a server away, and tells the URL of an empty one."""

    def empty() -> str:
        with closing(psycopg.connect(server, autocommit=True)) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {DATABASE}")
            # What the last run left to be written is not the next one's work.
            connection.execute("CHECKPOINT")
        return make_url(server).set(database=DATABASE).render_as_string(hide_password=False)

    return empty


def mariadb_store(server: str) -> Callable[[], str]:
    """What throws a database of a server away, and tells the URL of an empty one."""

    def empty() -> str:
        with closing(mariadb_connection(server)) as connection:
            connection.cursor().execute(f"DROP DATABASE IF EXISTS {DATABASE}")
            connection.cursor().execute(f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4")
        return f"{server}/{DATABASE}"

    return empty


def mariadb_connection(url: str) -> pymysql.Connection[pymysql.cursors.Cursor]:
    """Connect as the target does."""
    parts = make_url(url)
    assert parts.password is not None
    return pymysql.connect(
        host=parts.host,
        port=parts.port or 0,
        user=parts.username,
        password=parts.password.encode(),
        database=parts.database,
        charset="utf8mb4",
    )
