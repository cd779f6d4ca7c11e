"""The databases, by the name that stands at the beginning of `sqlalchemy_url`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_harvest_sql.dialects.babelfish import Babelfish
from target_harvest_sql.dialects.citus import Citus
from target_harvest_sql.dialects.duckdb import DuckDB
from target_harvest_sql.dialects.mariadb import MariaDB
from target_harvest_sql.dialects.mssql import MSSQL
from target_harvest_sql.dialects.mysql import MySQL
from target_harvest_sql.dialects.postgres import PostgreSQL
from target_harvest_sql.dialects.sqlite import SQLite

if TYPE_CHECKING:
    from target_harvest_sql.dialects.base import Dialect

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        SQLite(),
        DuckDB(),
        PostgreSQL({"Citus": Citus()}),
        MariaDB(),
        MySQL(MariaDB()),
        MSSQL(Babelfish()),
    )
}
