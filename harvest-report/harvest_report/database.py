"""Reads the database. Nothing here writes to it.

SQLAlchemy documentation, "Database URLs":
https://docs.sqlalchemy.org/en/20/core/engines.html#database-urls
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from harvest_report.errors import ReportError
from harvest_report.queries import DELETED_AT, DIALECTS, queries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from sqlalchemy.engine import URL, Connection, Engine

    Row = Mapping[str, Any]

DRIVERS: Final = {
    "sqlite": ("sqlite", ""),
    "duckdb": ("duckdb", "duckdb"),
    "postgresql": ("postgresql+psycopg", "postgres"),
    "mariadb": ("mariadb+pymysql", "mysql"),
    "mysql": ("mysql+pymysql", "mysql"),
    "mssql": ("mssql+pymssql", "mssql"),
}
"""What SQLAlchemy calls each database with its driver, and the extra that brings the driver."""

ALIASES: Final = {"postgres": "postgresql"}
"""Other names of databases that hosting providers write before `://`."""

FILES: Final = frozenset({"sqlite", "duckdb"})
"""The databases that are files, and have no server."""

EXAMPLES: Final = (
    "sqlite:///warehouse.db, duckdb:///warehouse.duckdb, postgresql://user:password@host/database, "
    "mariadb://user:password@host/database"
)


class Database:
    """An open database, as the queries need it."""

    def __init__(self, connection: Connection, kind: str, schema: str | None) -> None:
        """Take an open connection.

        Args:
            connection: Of SQLAlchemy.
            kind: A key of `DIALECTS`.
            schema: The SQL schema of the tables; `None` for the connection's default schema.
        """
        self._connection = connection
        self._kind = kind
        self._schema = schema
        self._columns = cache(self._read_columns)

    def columns(self, table: str) -> frozenset[str] | None:
        """Name the columns of a table or view; `None` if no table or view has that name."""
        return self._columns(table)

    def missing(self, name: str, without: Collection[str] = ()) -> str | None:
        """Say what a query needs and the database lacks, and what to do.

        Args:
            name: Of the query's file.
            without: Names of result columns that are not to be read.

        Returns:
            A text for the user; `None` if the query can run.
        """
        for table, needed in queries()[name].needs_without(without).items():
            found = self.columns(table)
            if found is None:
                told = (
                    f"The database has no table {table}. Select the stream {table} in the tap, "
                    "use a token that may read it, and sync again."
                )
                if self._kind not in FILES and self._schema is None:
                    told += (
                        " If the tables are in a schema of their own, name it with --schema or "
                        "HARVEST_REPORT_SCHEMA."
                    )
                return told
            lacking = sorted(needed - found - {DELETED_AT})
            if any("__" in column and column.partition("__")[0] in found for column in lacking):
                return (
                    f"The table {table} has objects in one column each. Set flattening_enabled: "
                    "true and flattening_max_depth: 1 in the target, and sync once with "
                    "--full-refresh."
                )
            if lacking:
                return (
                    f"The table {table} has no column {', '.join(lacking)}. Select these fields "
                    "in the tap, and sync once with --full-refresh."
                )
        return None

    def rows(self, name: str, without: Collection[str] = (), **values: Any) -> list[Row]:
        """Run a query that misses nothing.

        Args:
            name: Of the query's file.
            without: Names of result columns that are not to be read.
            values: The parameters; dates as text such as 2031-04-09.

        Raises:
            ReportError: The database refused it.
        """
        query = queries()[name]
        unmarked = {table for table in query.needs if DELETED_AT not in (self.columns(table) or ())}
        statement = query.written_for(
            self._kind, schema=self._schema, without=without, unmarked=unmarked
        )
        given = {key: value for key, value in values.items() if key in query.parameters}
        result = self._connection.execute(text(statement), given)
        return [dict(row) for row in result.mappings()]

    def _read_columns(self, table: str) -> frozenset[str] | None:
        inspector = inspect(self._connection)
        if not inspector.has_table(table, schema=self._schema):
            return None
        return frozenset(
            column["name"] for column in inspector.get_columns(table, schema=self._schema)
        )


@contextmanager
def open_database(address: str, schema: str | None = None) -> Iterator[Database]:
    """Open a database for the time of the context.

    Args:
        address: A URL such as those in `EXAMPLES`.
        schema: The SQL schema of the tables; `None` for the connection's default schema.

    Raises:
        ReportError: The URL cannot be right, its driver is not installed, or the database
            cannot be opened or read.
    """
    url = _url(address)
    kind = url.get_backend_name()
    engine = _engine(url, kind)
    try:
        with _connected(engine, url) as connection:
            yield Database(connection, kind, schema)
    except SQLAlchemyError as error:
        # The cause is not chained: its text may hold the password or values of rows.
        raise ReportError(_told(error, url)) from None
    finally:
        engine.dispose()


@contextmanager
def _connected(engine: Engine, url: URL) -> Iterator[Connection]:
    """Connect. Drivers refuse options of a URL in several ways.

    Raises:
        ReportError: The driver does not know an option, cannot read a file that one names, or
            cannot encode the user or the password.
    """
    try:
        connection = engine.connect()
    except UnicodeError:  # Its text has a character of the password.
        raise ReportError(
            "The user or the password in the URL of the database has a character that the driver "
            "cannot send. Use another user or password."
        ) from None
    except (OSError, TypeError, ValueError) as error:
        options = ", ".join(sorted(url.query)) or "(none)"
        raise ReportError(
            f"The driver of the database refused the URL with the options {options}: "
            f"{' '.join(str(error).split())}. Correct the URL."
        ) from None
    with connection:
        yield connection


def _url(address: str) -> URL:
    try:
        url = make_url(address.strip())
    except (ArgumentError, ValueError):
        raise ReportError(f"The URL of the database cannot be read. Like {EXAMPLES}.") from None
    url = url.set(drivername=ALIASES.get(url.drivername, url.drivername))
    kind = url.drivername.partition("+")[0]
    if kind not in DIALECTS:
        raise ReportError(f"The URL of the database is of no kind that is known. Like {EXAMPLES}.")
    if kind in FILES and not Path(url.database or "").is_file():
        raise ReportError(
            f"There is no database file {url.database or '(no path)'}. Sync first: "
            "meltano run tap-harvest target-harvest-sql. Or name another file with --database."
        )
    return url.set(drivername=DRIVERS[kind][0]) if "+" not in url.drivername else url


def _engine(url: URL, kind: str) -> Engine:
    options: dict[str, Any] = {}
    if kind == "sqlite":
        address = f"{Path(url.database or '').absolute().as_uri()}?mode=ro"
        options["creator"] = lambda: sqlite3.connect(address, uri=True)
    elif kind == "duckdb":
        options["connect_args"] = {"read_only": True}
    elif kind != "mssql":  # There a database must allow it first.
        options["isolation_level"] = "REPEATABLE READ"
    try:
        return create_engine(url, **options)
    except (ImportError, NoSuchModuleError):
        driver, extra = DRIVERS[kind]
        told = f"Install harvest-report[{extra}]."
        if url.drivername != driver:
            told += f" It brings another driver than the URL names, so write {kind}:// in the URL."
        raise ReportError(f"The driver of this database is not installed. {told}") from None


def _told(error: SQLAlchemyError, url: URL) -> str:
    """One line of what the driver says, without the password."""
    said = " ".join(str(getattr(error, "orig", None) or error).split())
    if url.password:
        said = said.replace(str(url.password), "…")
    said = re.sub(r"\(Background on this error.*", "", said)[:300]
    if url.get_backend_name() in FILES:
        advice = "Check that the file is this kind of database, and that no other program locks it."
    else:
        advice = "Check the URL, and that the server runs."
    return f"The database cannot be read: {said.rstrip('.')}. {advice}"
