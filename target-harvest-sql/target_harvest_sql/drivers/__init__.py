"""The driver of each database. A driver is imported when a URL names its database."""

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
"""Module and class, by what stands before `://` in a URL: a database, or a database and its driver.
Of several drivers, the first that is installed is used."""

PACKAGES: Final = {"mssql_python": "mssql-python"}
"""The package of each module that no extra of this package installs."""


def driver_type(url: URL) -> type[Driver]:
    """Import the driver for a URL.

    Raises:
        ImportError: If the driver is not installed.
        KeyError: If no driver has the name in the URL.
    """
    *preferred, last = DRIVERS[url.drivername].split(" or ")
    for candidate in preferred:
        with suppress(ImportError):
            return _imported(candidate)
    return _imported(last)


def reason_not_imported(error: ImportError, extra: str) -> str:
    """Say why a driver cannot be imported, and what to install.

    Args:
        error: The error of `driver_type`.
        extra: The extra of this package that installs the usual driver of the database.
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
