"""The server that a pipeline writes to, the way to it, and what may happen to both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pymysql
from pymysql.constants import ER

from target_harvest_sql.dialects.mysql import LOCK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fixtures.databases import Database
    from servers.cutting_proxy import CuttingProxy
    from servers.postgres import PostgresServer

POSTGRES_LOCKS: Final = (
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
"""Ends the connections that hold locks of tables."""


class Server:
    """A server with a database of a pipeline.

    Args:
        database: Where it is.
        wire: The way of the target to it.
        process: What can be killed and started again; `None` if that is not tried.
    """

    def __init__(
        self, database: Database, wire: CuttingProxy, process: PostgresServer | None
    ) -> None:
        self.wire = wire
        self.process = process
        self._database = database

    def end_locks(self, tables: Iterable[str]) -> None:
        """End the connections that hold the locks of tables, and no others."""
        if self._database.engine == "postgres":
            self._database.query(POSTGRES_LOCKS)
        for number in self._holders(tables) if self._database.engine == "mariadb" else ():
            try:
                self._database.query(f"KILL {number}")
            except pymysql.err.OperationalError as error:
                if error.args[0] != ER.NO_SUCH_THREAD:  # It has just ended.
                    raise

    def _holders(self, tables: Iterable[str]) -> set[int]:
        return {number for table in tables for number in self._holder(table)}

    def _holder(self, table: str) -> Iterator[int]:
        name = LOCK % {"schema": "NULL", "table": f"'{table}'"}
        [row] = self._database.query(f"SELECT IS_USED_LOCK({name}) AS id")
        if row["id"] is not None:
            yield row["id"]
