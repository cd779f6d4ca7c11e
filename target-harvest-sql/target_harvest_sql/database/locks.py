"""The locks that keep other runs from the tables of this one.

A connection holds locks of the server. If the server is a node of a cluster, there are leases.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Final

from target_harvest_sql.database.errors import DatabaseError
from target_harvest_sql.database.leases import STALE_SECONDS, Leases

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from target_harvest_sql.columns import Table
    from target_harvest_sql.database.connection import Connection
    from target_harvest_sql.dialects.base import Dialect

LOOK_AGAIN_SECONDS: Final = 0.5
"""How many seconds pass between two attempts to lock a table that another run has."""
KEEP_SECONDS: Final = 15
"""How long the connection may be silent. Firewalls and proxies close connections after longer."""
TAKEN_OVER: Final = (
    f"this run could not renew them for {STALE_SECONDS} seconds, and another has them"
)
"""The reason that an error gives for lost leases."""


class LockLostError(DatabaseError):
    """A lock was lost. Another run may have written to the table since then."""


class TableLocks:
    """Locks on tables. One connection holds them until the end of the run.

    The connection is used for nothing else, so no failed statement can close it. Once it has locks,
    it is never opened again: another run could have had the locks in between.

    Args:
        connection: A connection for the locks alone.
        logger: Gets a line when this run waits for another one.
        wait_limit_seconds: How long to wait for a table that another run writes to.
    """

    def __init__(
        self, connection: Connection, logger: logging.Logger, wait_limit_seconds: float
    ) -> None:
        self.while_waiting: Callable[[], None] = lambda: None
        """Called again and again while this run waits for another one. It may raise an error."""
        self._connection = connection
        self._logger = logger
        self._wait_limit_seconds = wait_limit_seconds
        self._held: dict[str, Table] = {}
        self._leases: Leases | None = None
        self._lost: LockLostError | None = None
        self._verified_at = 0.0
        self._mutex = threading.Lock()
        """Held while the connection is in use; lanes use the connection as well."""

    def take(self, table: Table) -> None:
        """Keep other runs from a table. Wait while another run has it.

        Raises:
            DatabaseError: If another run has the table for too long.
            LockLostError: If the lock of another table was lost.
        """
        if not self._connection.dialect.lock_sql or not self._open().lock_sql:
            return
        name = self._connection.dialect.table_name(table)
        if name in self._held:
            self.verify()
            return
        began = time.monotonic()
        while not self._try(table):
            waited = time.monotonic() - began
            if waited > self._wait_limit_seconds:
                raise DatabaseError(
                    f'Another run has been writing to table "{table.name}" for {waited:.0f} '
                    "seconds. Let it end, or raise `lock_wait_limit_seconds`."
                )
            if waited < LOOK_AGAIN_SECONDS:
                self._logger.info("Waiting for another run: table=%s", table.name)
            self.while_waiting()
            time.sleep(LOOK_AGAIN_SECONDS)
        self._held[name] = table

    def verify(self) -> None:
        """Ask the database whether this run still has the locks. They are lost all at once.

        Raises:
            LockLostError: If the locks are lost, or the database does not answer.
        """
        if self._leases is not None:
            self._verify_leases(self._leases.renew)
            return
        for table in [*self._held.values()][:1]:
            if not self._ask("look after the lock of its tables", "held_sql", table):
                raise self._lose("the database has given it to another connection")

    def fence(self, execute: Callable[..., list[Any]]) -> None:
        """Make sure that a transaction is committed only if this run still has the locks.

        Args:
            execute: Executes a statement of the transaction.

        Raises:
            LockLostError: If the locks are lost.
        """
        if self._leases is None:
            self.verify()
        else:
            leases = self._leases
            self._verify_leases(lambda: leases.renew_in(execute))

    def keep(self) -> None:
        """Verify the locks if the connection has been silent, so that it stays open.

        Raises:
            LockLostError: As `verify` does.
        """
        if self._leases is not None:  # A thread renews the leases.
            if self._leases.is_lost:
                raise self._lose(TAKEN_OVER)
        elif time.monotonic() - self._verified_at > KEEP_SECONDS:
            self.verify()

    def close(self) -> None:
        """Give all locks back."""
        if self._leases is not None:
            self._leases.release()
            self._leases = None
        with self._mutex:
            self._connection.close()
            self._held.clear()

    def _open(self) -> Dialect:
        if self._leases is not None:  # The thread of the leases may use the connection.
            return self._connection.dialect
        with self._mutex:
            dialect = self._connection.open()
        if dialect.leases is not None:
            self._leases = Leases(self._connection, dialect.leases, self._logger)
        return dialect

    def _try(self, table: Table) -> bool:
        if self._leases is not None:
            return self._leases.claim(table)
        return self._ask(f'lock the table "{table.name}"', "lock_sql", table)

    def _verify_leases(self, renew: Callable[[], bool]) -> None:
        if self._lost is not None:
            raise self._lost
        if not renew():
            raise self._lose(TAKEN_OVER)

    def _ask(self, doing: str, question: str, table: Table) -> bool:
        with self._mutex:
            if self._lost is not None:
                raise self._lost
            statement: str = getattr(self._connection.dialect, question)
            parameters = {"schema": table.schema, "table": table.name}
            try:
                answer = self._connection.ask(doing, statement, parameters, retries=not self._held)
            except DatabaseError as error:
                if not self._held:
                    raise
                raise self._lose(error.reason) from error
            self._verified_at = time.monotonic()
            return bool(answer)

    def _lose(self, reason: str) -> LockLostError:
        self._lost = LockLostError(
            f"The locks that keep other runs from the tables of this one were lost: {reason}. "
            "Records that were not committed are not written, as another run may write to the "
            "tables now. Run again: the next run goes on from the last state. If this happens "
            "often, find out what closes idle connections to the database."
        )
        return self._lost
