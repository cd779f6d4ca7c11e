"""The database of a run, and all that makes its tables and writes to them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from target_harvest_sql.database.connection import Connection
from target_harvest_sql.database.distributions import Distributions
from target_harvest_sql.database.locks import TableLocks
from target_harvest_sql.database.readers import Readers
from target_harvest_sql.database.tables import Tables
from target_harvest_sql.process.endings import write_out
from target_harvest_sql.settings import ssh
from target_harvest_sql.settings.address import FILES, address
from target_harvest_sql.settings.load_method import LoadMethod
from target_harvest_sql.settings.private_files import PrivateFiles, with_certificates
from target_harvest_sql.watermark import Watermark
from target_harvest_sql.writing.bad_rows import Refusal, RefusedRowError
from target_harvest_sql.writing.dispatch import Dispatch
from target_harvest_sql.writing.lanes import Lanes
from target_harvest_sql.writing.overwrite import Overwrite
from target_harvest_sql.writing.quarantine import Quarantine
from target_harvest_sql.writing.writer import Writer

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Mapping

    from target_harvest_sql.writing.proof import Proofs


class Destination:
    """The database, as one run writes to it. Connections are opened when they are first needed.

    Args:
        config: The settings, already checked.
        logger: Gets messages for the user.
        while_waiting: Called again and again while the run waits for the lock of a table.

    Raises:
        ConfigValidationError: If a certificate or a key cannot be used.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        logger: logging.Logger,
        while_waiting: Callable[[], None],
    ) -> None:
        self._config = config
        self._logger = logger
        self._files = PrivateFiles()
        where = address(config)
        url = with_certificates(where.url, config, self._files)
        self._tunnel = ssh.tunnel(url, config, self._files)
        self._where = replace(where, url=url, tunnel=self._tunnel)
        self.locks = TableLocks(self._new_connection(), logger, config["lock_wait_limit_seconds"])
        self.locks.while_waiting = while_waiting
        self.connection = self._new_connection(self.locks)
        """The connection that creates and changes tables."""
        self.tables = Tables(
            self.connection,
            logger,
            self.locks,
            Distributions(config.get("distribute_by"), logger),
            Readers(config.get("grant_select_to")),
        )
        self.overwrite = self._new_overwrite()
        """The new tables of this run, if they replace the old ones at the end."""
        self.quarantine = self._new_quarantine()
        """Takes invalid records, if the run goes on without them."""
        # A batch may exceed its limit a little. All its shares must be able to wait at once.
        limit_bytes = config["batch_size_bytes"]
        self._lanes = Lanes(self._new_writers(), limit_bytes * 5 // 4, self._refuse)
        self.dispatch = Dispatch(
            self._lanes,
            self.quarantine,
            Watermark(keeps_last=self.overwrite is not None),
            limit_bytes=limit_bytes,
            wait_limit_seconds=float(config["batch_wait_limit_seconds"]),
            print_state=write_out,
        )
        self._warn_of_unused_settings()

    def _warn_of_unused_settings(self) -> None:
        """Say which settings the database cannot obey."""
        dialect = self.connection.dialect
        if self._config.get("default_target_schema") and not dialect.has_schemas:
            self._logger.warning(
                "%s has no schemas, so `default_target_schema` is not used. Leave it out.",
                dialect.name,
            )
        if self._config.get("grant_select_to") and dialect.name in FILES:
            self._logger.warning(
                "%s has no users, so `grant_select_to` is not used; leave it out. Whoever may read "
                "the file reads all tables.",
                dialect.name,
            )

    def _new_connection(self, locks: TableLocks | None = None) -> Connection:
        return Connection(self._where, self._logger, locks)

    def _new_overwrite(self) -> Overwrite | None:
        if not LoadMethod(self._config["load_method"]).replaces_tables:
            return None
        needs_proof = self._config["overwrite_requires"] == "proof"
        return Overwrite(self.tables, self._logger, needs_proof=needs_proof)

    def _new_quarantine(self) -> Quarantine | None:
        if self._config["invalid_records"] != "quarantine":
            return None
        limit = self._config.get("invalid_records_limit")
        return Quarantine(self._new_connection(), self._logger, limit)

    def _new_writers(self) -> list[Writer]:
        connections = [self.connection]
        if self.connection.dialect.has_lanes:
            lanes = range(self._config["lanes"])
            connections = [self._new_connection(self.locks) for _ in lanes]
        return [Writer(connection, self._logger) for connection in connections]

    def _refuse(self, refusal: Refusal) -> None:
        """Put a row that the database refuses into the quarantine, or end the run."""
        if self.quarantine is None:
            raise RefusedRowError(refusal)
        self.quarantine.put(refusal)

    @property
    def proofs(self) -> Proofs | None:
        """What proves that streams were read whole; `None` if this run replaces no tables."""
        return self.overwrite.proofs if self.overwrite is not None else None

    def add_state(self, state: bytes) -> None:
        """Take a state. It is printed when all records before it are committed."""
        if self.proofs is not None:
            self.proofs.note_state(state, self.dispatch.ordinal)
        self.dispatch.add_state(state)

    def keep_up(self) -> None:
        """Keep the locks, and write the batches that are old enough.

        Raises:
            DatabaseError: If the database refused a batch, or a lock was lost.
        """
        self.locks.keep()
        self.dispatch.flush_old()

    def finish(self, sources: Mapping[str, Collection[str]], *, is_complete: bool) -> None:
        """Write all batches. At the end of the input, replace tables and print the last state.

        Args:
            sources: By each name that streams are written under, the streams of the tap.
            is_complete: Whether the input was read to its end.

        Raises:
            DatabaseError: If the database refuses something.
            UnprovenError: If tables are not replaced, as nothing proves that their streams were
                read whole.
        """
        self.dispatch.settle_all()
        if is_complete:
            if self.overwrite is not None:
                self.overwrite.finish(sources)
            self.dispatch.emit_states(is_final=True)
        elif self.overwrite is not None:
            self.overwrite.abandon()

    def close(self) -> None:
        """Close all connections."""
        self._lanes.close()
        self.connection.close()
        if self.quarantine is not None:
            self.quarantine.close()
        self.locks.close()
        if self._tunnel is not None:
            self._tunnel.close()
