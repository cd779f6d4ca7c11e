"""How each database is reached from Python; a driver is imported when its database is named."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

    from target_harvest_sql.drivers.base import Driver

DRIVERS: Final = {
    "duckdb": "duckdb:DuckDBDriver",
    "postgresql": "postgres:PostgresDriver",
    "postgresql+psycopg": "postgres:PostgresDriver",
    "sqlite": "sqlite:SQLiteDriver",
}
"""Module and class by what stands before `://`: a database, or a database and its driver."""


def driver_type(url: URL) -> type[Driver]:
    """Import the driver that a URL asks for.

    Raises:
        ImportError: If it is not installed.
        KeyError: If there is none of that name.
    """
    module, name = DRIVERS[url.drivername].split(":")
    return cast("type[Driver]", getattr(import_module(f"{__name__}.{module}"), name))
