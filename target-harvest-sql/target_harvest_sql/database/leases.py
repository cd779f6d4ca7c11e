"""Leases: locks on tables that work across the nodes of a cluster.

A lease is a row of a table. A lock of the server, such as `GET_LOCK`, belongs to one node, but a
row belongs to all nodes. The cluster certifies each transaction: if two transactions change the
same row through two nodes, the second one is refused. So a run that has a lease changes the row of
the lease in each transaction that writes. When another run takes the lease over, it changes the row
as well. After that, the first run can commit nothing more.

MariaDB documentation, "Certification-Based Replication":
https://mariadb.com/docs/galera-cluster/galera-architecture/certification-based-replication
"""

from __future__ import annotations

import secrets
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from target_harvest_sql.columns import Table
from target_harvest_sql.database.errors import DatabaseError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from target_harvest_sql.database.connection import Connection
    from target_harvest_sql.dialects.leases import LeaseStatements

    Execute = Callable[..., list[Any]]

NAME: Final = "_sdc_leases"
"""The table with the leases of all tables of its schema."""
OWNER_BYTES: Final = 16
RENEW_SECONDS: Final = 5
"""How many seconds pass between two renewals while the run writes nothing."""
STALE_SECONDS: Final = 60
"""How long a lease must stay unchanged before another run takes it over. The waiting run measures
this time, so the clocks of the servers do not matter."""


@dataclass(frozen=True)
class _Sighting:
    """A lease of another run, as it was when it last changed."""

    owner: str
    renewals: int
    seen_at: float
    """On the monotonic clock, in seconds."""


class Leases:
    """The leases of a run, renewed in a thread until they are released.

    Args:
        connection: A connection for the leases alone. It may be opened again, also through another
            node.
        statements: The statements of the dialect.
        logger: Gets a line when a lease is taken over.
    """

    def __init__(
        self, connection: Connection, statements: LeaseStatements, logger: logging.Logger
    ) -> None:
        self._connection = connection
        self._statements = statements
        self._logger = logger
        self._owner = secrets.token_hex(OWNER_BYTES)
        self._held: dict[str, set[str]] = {}
        """The tables of this run, by the table that holds their leases."""
        self._sightings: dict[tuple[str, str], _Sighting] = {}
        self.is_lost = False
        """Whether another run has taken a lease over."""
        self._mutex = threading.Lock()
        """Held while the connection is in use."""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew_again_and_again, daemon=True)

    def claim(self, table: Table) -> bool:
        """Take a table for this run. Return whether that worked: another run may have the table.

        Raises:
            DatabaseError: If the database refuses it.
        """
        leases, name = self._place(table), table.name.lower()
        with self._mutex:
            if leases not in self._held:
                self._connection.transact(
                    f'make the table "{NAME}"', lambda execute: self._make(execute, table)
                )
            owner = self._connection.transact(
                f'take a lease of table "{table.name}"',
                lambda execute: self._take(execute, leases, name),
            )
        if owner != self._owner:
            return False
        self._held.setdefault(leases, set()).add(name)
        if not self._thread.is_alive():
            self._thread.start()
        return True

    def renew(self) -> bool:
        """Renew all leases in a transaction of their own. Return whether this run has them.

        Raises:
            DatabaseError: If the database does not answer.
        """
        with self._mutex:
            return self._connection.transact("renew the leases of its tables", self.renew_in)

    def renew_in(self, execute: Execute) -> bool:
        """Renew all leases as part of a transaction. Return whether this run has them."""
        if self.is_lost:
            return False
        for leases, names in [*self._held.items()]:  # Another thread may add to them.
            execute(self._statements.renew.format(leases), {"owner": self._owner})
            [(count,)] = execute(self._statements.changed, {})
            if count < len(names):
                self.is_lost = True
        return not self.is_lost

    def release(self) -> None:
        """Give all leases back. A lease that cannot be given back expires."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        with self._mutex, suppress(DatabaseError):
            for leases in self._held:
                statement = self._statements.release.format(leases)
                self._connection.transact(
                    "give its leases back",
                    lambda execute, s=statement: execute(s, {"owner": self._owner}),  # type: ignore[misc] # It infers no type from the default.
                )
        self._held.clear()

    def _place(self, table: Table) -> str:
        return self._connection.dialect.table_name(Table(NAME, (), table.schema))

    def _make(self, execute: Execute, table: Table) -> None:
        """Create the table of leases, and its schema, if they do not exist. All nodes get both."""
        dialect, of = self._connection.dialect, {"schema": table.schema}
        if table.schema and not execute(dialect.schema_sql(), of):
            execute(dialect.create_schema_sql(table.schema))
        if not execute(dialect.columns_sql(), {**of, "table": NAME}):
            execute(self._statements.make.format(self._place(table)))

    def _take(self, execute: Execute, leases: str, name: str) -> str:
        """Take a lease if it is free or stale. Return its owner."""
        values = {"name": name, "owner": self._owner}
        look = self._statements.look.format(leases)
        found = execute(look, values)
        if not found:
            execute(self._statements.claim.format(leases), values)
        elif self._is_stale(leases, name, *found[0]):
            owner, renewals = found[0]
            self._logger.warning(
                "Taking table %s over from a run that has not renewed its lease for %d seconds.",
                *(name, STALE_SECONDS),
            )
            old = {"old_owner": owner, "old_renewals": renewals}
            execute(self._statements.take_over.format(leases), values | old)
        else:
            return str(found[0][0])
        [(owner, _)] = execute(look, values)
        return str(owner)

    def _is_stale(self, leases: str, name: str, owner: str, renewals: int) -> bool:
        """Whether a lease of another run has not changed for too long."""
        seen = self._sightings.get((leases, name))
        if seen is None or (seen.owner, seen.renewals) != (owner, renewals):
            self._sightings[leases, name] = _Sighting(owner, renewals, time.monotonic())
            return False
        return owner != self._owner and time.monotonic() - seen.seen_at >= STALE_SECONDS

    def _renew_again_and_again(self) -> None:
        while not self._ended.wait(RENEW_SECONDS):
            with suppress(DatabaseError):  # The next transaction that writes meets the same error.
                self.renew()
