"""The databases, by the name that stands at the beginning of `sqlalchemy_url`.

The dialect of a database is `<name>.py`. It declares the data that `facts.py` lists, and
overrides methods of `base.py` and `spelling.py` where the database differs. Its parts:

* `<name>_hints.py`: what to do about an error of the database.
* `held_kinds.py`, `widening.py`, `decimals.py`: what columns hold, and how they get wider types.
* `upserts.py`, `deletes.py`, `swaps.py`: strategies, of which a dialect names one each.
* `openjson.py`, `json_table.py`: how SQL Server and MySQL read a batch.
* `leases.py`, `distribution.py`: statements that only clusters have.
"""

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
