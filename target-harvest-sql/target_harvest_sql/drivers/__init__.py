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

PACKAGES: Final = {"mssql_python": "mssql-python"}
"""The package of each module that no extra of ours brings."""


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


def reason_not_imported(error: ImportError, extra: str) -> str:
    """Say why a driver was not imported, and what to install.

    Args:
        error: What `driver_type` raised.
        extra: The extra of this package that brings the usual driver of the database.
    """
    if not isinstance(error, ModuleNotFoundError):
        return (
            f"whose driver cannot be loaded: {' '.join(str(error).split())}. Install what it lacks"
        )
    if package := PACKAGES.get(str(error.name)):
        return f"whose driver is not installed. Install the package {package}"
    return (
        f"whose driver is not installed. Install target-harvest-sql[{extra}], or the package "
        f"{error.name}"
    )


def _imported(place: str) -> type[Driver]:
    module, name = place.split(":")
    return cast("type[Driver]", getattr(import_module(f"{__name__}.{module}"), name))
