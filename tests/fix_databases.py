"""One empty database per engine, for every test that asks for a `database`."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ENGINES = ("sqlite", "duckdb")


@dataclass(frozen=True)
class Database:
    """An empty database of one engine."""

    engine: str
    url: str
    """As `sqlalchemy_url` wants it."""

    def query(self, statement: str) -> list[dict[str, Any]]:
        """Run a statement on a connection of its own; the rows as dictionaries."""
        with closing(_CONNECT[self.engine](self.url)) as connection:
            cursor = connection.execute(statement)
            names = [column[0] for column in cursor.description or ()]
            found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
            connection.commit()
            return found

    def rows(self, table: str, *, metadata: bool = False) -> list[dict[str, Any]]:
        """Read a table, ordered by its first column; without `_sdc_` columns unless asked for."""
        found = self.query(f'SELECT * FROM "{table}" ORDER BY 1')
        return [
            {name: v for name, v in row.items() if metadata or not name.startswith("_sdc_")}
            for row in found
        ]

    def types(self, table: str) -> dict[str, str]:
        """The declared type of each column of a table."""
        columns = {
            "sqlite": f"SELECT name, type FROM pragma_table_info('{table}')",
            "duckdb": f"SELECT name, type FROM pragma_table_info('{table}')",
        }[self.engine]
        return {row["name"]: row["type"] for row in self.query(columns)}


def _connect_sqlite(url: str) -> Any:
    return sqlite3.connect(make_url(url).database or ":memory:")


def _connect_duckdb(url: str) -> Any:
    connection = duckdb.connect(make_url(url).database or ":memory:")
    connection.execute("SET TimeZone = 'UTC'")
    return _DuckDBConnection(connection)


class _DuckDBConnection:
    """A DuckDB connection whose `commit` may follow a statement that began nothing."""

    def __init__(self, connection: Any) -> None:
        self.execute = connection.execute
        self.close = connection.close

    def commit(self) -> None:
        """Do nothing: every statement has committed itself."""


_CONNECT: dict[str, Callable[[str], Any]] = {
    "sqlite": _connect_sqlite,
    "duckdb": _connect_duckdb,
}


@pytest.fixture
def sqlite_database(tmp_path: Path) -> Database:
    """An SQLite file that does not exist yet."""
    return Database("sqlite", f"sqlite:///{tmp_path / 'test.db'}")


@pytest.fixture
def duckdb_database(tmp_path: Path) -> Database:
    """A DuckDB file that does not exist yet."""
    return Database("duckdb", f"duckdb:///{tmp_path / 'test.duckdb'}")


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest) -> Database:
    """An empty database, of each engine in turn."""
    found: Database = request.getfixturevalue(f"{request.param}_database")
    return found


def pytest_report_header() -> str:
    """Name the versions that the tests run on."""
    return f"databases: SQLite {sqlite3.sqlite_version}, DuckDB {duckdb.__version__}"
