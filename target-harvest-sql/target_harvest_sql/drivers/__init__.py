"""How each database is reached from Python; a driver is imported when its database is named."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

    from target_harvest_sql.drivers.base import Driver

DRIVERS: Final = {
    "duckdb": "duckdb:DuckDBDriver",
    "mssql": "mssqlpython:MSSQLPythonDriver or pymssql:PyMSSQLDriver",
    "mssql+mssqlpython": "mssqlpython:MSSQLPythonDriver",
    "mssql+pymssql": "pymssql:PyMSSQLDriver",
    "mariadb": "mysql:MySQLDriver",
    "mariadb+pymysql": "mysql:MySQLDriver",
    "mysql": "mysql:MySQLDriver",
    "mysql+pymysql": "mysql:MySQLDriver",
    "postgresql": "postgres:PostgresDriver",
    "postgresql+psycopg": "postgres:PostgresDriver",
    "sqlite": "sqlite:SQLiteDriver",
}
"""Module and class by what stands before `://`: a database, or a database and its driver. Of
several, the first that is installed."""


def driver_type(url: URL) -> type[Driver]:
    """Import the driver that a URL asks for.

    Raises:
        ImportError: If it is not installed.
        KeyError: If there is none of that name.
    """
    *preferred, last = DRIVERS[url.drivername].split(" or ")
    for candidate in preferred:
        with suppress(ImportError):
            return _imported(candidate)
    return _imported(last)


def _imported(place: str) -> type[Driver]:
    module, name = place.split(":")
    return cast("type[Driver]", getattr(import_module(f"{__name__}.{module}"), name))
