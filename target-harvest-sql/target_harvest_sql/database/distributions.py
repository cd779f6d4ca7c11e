"""Distributes new tables over the nodes of a cluster, if the database is a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from target_harvest_sql.database.errors import DatabaseError

if TYPE_CHECKING:
    import logging

    from target_harvest_sql.columns import Column, Table
    from target_harvest_sql.database.connection import Execute
    from target_harvest_sql.dialects.base import Dialect
    from target_harvest_sql.dialects.distribution import DistributionStatements

KEY: Final = "key"
"""The value of `distribute_by` for the first property of the key."""
REFERENCE: Final = "reference"
"""The value of `distribute_by` for tables of which each node has a full copy."""


class Distributions:
    """Distributes new tables as the setting says, or as the tables that they replace.

    Args:
        wanted: The setting `distribute_by`; `None` leaves new tables on the coordinator.
        logger: Gets a warning if a table cannot be distributed as the setting says.
    """

    def __init__(self, wanted: str | None, logger: logging.Logger) -> None:
        self._wanted = wanted
        self._logger = logger
        self._has_warned = False

    def apply(
        self, table: Table, stream: str, dialect: Dialect, execute: Execute, old: Table | None
    ) -> None:
        """Distribute a table that was just made.

        Args:
            table: The new table, without rows.
            stream: Name of the stream, for errors and warnings.
            dialect: The dialect of the server.
            execute: Runs a statement in the transaction that made the table.
            old: The table that the new one replaces later, if it exists.

        Raises:
            DatabaseError: If the new table cannot be distributed as the old one is.
        """
        if dialect.distribution is None:
            self._warn_of_no_cluster(dialect)
            return
        new = _NewTable(table, stream, dialect, dialect.distribution, execute)
        if new.find(table) is not None:
            return  # The whole schema is distributed, so each of its tables is, too.
        if old is not None and (distribution := new.find(old)) is not None:
            new.distribute_like(old, distribution)
        elif self._wanted == REFERENCE:
            new.run("as_reference")
        elif self._wanted is not None:
            self._distribute_by(self._wanted, new)

    def _distribute_by(self, wanted: str, new: _NewTable) -> None:
        for column in new.candidates:
            if column.is_key if wanted == KEY else column.source == wanted:
                new.run("by_column", column=column.name)
                return
        self._logger.warning(
            "The table %s of stream %s is not distributed: %s. The table stays on the coordinator. "
            "To distribute it, change `distribute_by`, or run create_distributed_table() or "
            "create_reference_table() on it.",
            *(new.table.name, new.stream),
            "the stream has no key" if wanted == KEY else f"its key has no property {wanted}",
        )

    def _warn_of_no_cluster(self, dialect: Dialect) -> None:
        if self._wanted is not None and not self._has_warned:
            self._has_warned = True
            self._logger.warning(
                "`distribute_by` is not used: the %s database has no Citus. Leave the setting out.",
                dialect.name,
            )


class _Distribution(NamedTuple):
    """How a table is distributed, as `DistributionStatements.find` gives it."""

    method: str
    column: str
    column_type: str
    shards: int


@dataclass(frozen=True)
class _NewTable:
    """A new table, and the statements that distribute it."""

    table: Table
    stream: str
    dialect: Dialect
    statements: DistributionStatements
    execute: Execute

    @property
    def candidates(self) -> tuple[Column, ...]:
        """The columns that may distribute the table. The primary key must contain the column."""
        return self.table.keys or self.table.columns

    def find(self, table: Table) -> _Distribution | None:
        """How a table is distributed; `None` if the table is local or does not exist."""
        place = {"schema": table.schema, "table": table.name}
        rows = self.execute(self.statements.find, place)
        return next((_Distribution(*row) for row in rows if row[0]), None)

    def run(self, statement: str, **values: Any) -> None:
        """Run one of the statements on the new table."""
        place = {"schema": self.table.schema, "table": self.table.name}
        self.execute(self.statements.prepare)
        self.execute(getattr(self.statements, statement), {**place, **values})

    def distribute_like(self, old: Table, distribution: _Distribution) -> None:
        """Distribute the new table in the same way as the old one.

        Raises:
            DatabaseError: If the old one is distributed by a column that the new key lacks.
        """
        if distribution.method == "reference":
            self.run("as_reference")
            return
        if distribution.method == "single":
            self.run("as_single_shard", like=old.name)
            return
        column = next((c for c in self.candidates if c.name == distribution.column), None)
        if column is None:
            raise DatabaseError(
                f'Table "{old.name}" of stream "{self.stream}" is distributed by '
                f'"{distribution.column}", which is not in the key of the stream. Drop the table, '
                "so that it is made anew, or run undistribute_table() on it."
            )
        if self.dialect.type_sql(self.table, column) == distribution.column_type:
            self.run("by_column_like", column=column.name, like=old.name)
        else:  # Tables that share a group of shards must have the same type of column.
            self.run("by_column_in", column=column.name, shards=distribution.shards)
