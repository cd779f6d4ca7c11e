"""Tables: created, taken for this run, and fitted to what the streams send."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from target_harvest_sql.database.errors import DatabaseError
from target_harvest_sql.database.fitting import LOWER_CASE, Fitting, find_columns
from target_harvest_sql.database.readers import Readers
from target_harvest_sql.declared_types import KEYWORD

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping

    from target_harvest_sql.columns import Table
    from target_harvest_sql.database.connection import Connection, Execute
    from target_harvest_sql.database.distributions import Distributions
    from target_harvest_sql.database.fitting import FoundColumn
    from target_harvest_sql.dialects.base import Dialect

Result = TypeVar("Result")


class Locks(Protocol):
    """Keeps other runs from tables."""

    def take(self, table: Table) -> None:
        """Keep other runs from a table. Wait while another run has it."""


class Tables:
    """Creates and changes tables.

    Args:
        connection: The connection that creates and changes tables.
        logger: Gets warnings about tables.
        locks: Keeps other runs from the tables. `None`: other runs may write to them, too.
        distributions: Distributes new tables over the nodes of a cluster, if there is one.
        readers: Who may read new tables.
    """

    def __init__(
        self,
        connection: Connection,
        logger: logging.Logger,
        locks: Locks | None = None,
        distributions: Distributions | None = None,
        readers: Readers | None = None,
    ) -> None:
        self.readers = readers or Readers()
        """Who may read new tables."""
        self._connection = connection
        self._logger = logger
        self._locks = locks
        self._distributions = distributions
        self._owners: dict[str, str] = {}
        """The stream of each table, by the folded name of the table."""

    @property
    def dialect(self) -> Dialect:
        """The dialect of the database."""
        return self._connection.dialect

    def prepare(
        self, table: Table, stream: str, *, is_shared: bool = False, replaces: Table | None = None
    ) -> Table:
        """Take the table of a stream for this run. Create the table, or add what it lacks.

        Args:
            table: The table as the stream wants it.
            stream: Name of the stream, for errors.
            is_shared: Whether other runs may write to the table at the same time.
            replaces: The table that a new one will replace.

        Returns:
            The table as it is in the database, with the kinds that its columns hold.

        Raises:
            DatabaseError: If the table cannot hold the stream's records.
        """
        self._claim(table, stream)
        if not is_shared:
            self._lock(table)
        doing = f'prepare the table "{table.name}" of stream "{stream}"{_declared(table)}'
        is_new = False

        def work(execute: Execute) -> Table:
            nonlocal is_new
            found = find_columns(table, self.dialect, execute)
            is_new = not found
            if is_new:
                return self._create(table, stream, execute, replaces)
            return self._fitting(table, stream, found, execute).fit()

        try:
            return self._connection.transact(doing, work)
        except DatabaseError:
            if not is_new:
                raise
        # Another run may have created the same schema or table at the same moment.
        return self._connection.transact(doing, work)

    def take(self, table: Table, stream: str) -> None:
        """Keep other streams of this run, and other runs, from a table.

        Raises:
            DatabaseError: If another stream writes to it, or another run does so for too long.
        """
        self._claim(table, stream)
        self._lock(table)

    def change(
        self, doing: str, work: Callable[[Execute], Result], *, is_repeatable: bool = True
    ) -> Result:
        """Verify the locks, then change tables in one transaction.

        Args:
            doing: What it does, for errors.
            work: Gets a function that executes a statement.
            is_repeatable: Whether the work may be repeated after it was committed.

        Raises:
            DatabaseError: If the database refuses it.
        """

        def locked(execute: Execute) -> Result:
            # First, as some databases commit each change of a table at once.
            self._connection.verify_locks()
            return work(execute)

        return self._connection.transact(doing, locked, is_repeatable=is_repeatable)

    def activate_version(
        self, table: Table, version: int, *, hard_delete: bool, deleted_at: str
    ) -> None:
        """Delete the rows of older versions, or mark them as deleted at a time."""
        parameters: dict[str, Any] = {"version": version}
        if not hard_delete:
            parameters["deleted_at"] = deleted_at
        statement = self.dialect.activate_version_sql(table, hard_delete=hard_delete)
        self._connection.transact(
            f'activate a version of table "{table.name}"',
            lambda execute: execute(statement, parameters),
        )

    def is_alone(self) -> bool:
        """Whether no other run can use a table that this run has taken."""
        if not self.dialect.alone_sql:
            return True
        try:
            for statement in self.dialect.alone_sql:
                self._connection.ask("look for other processes", statement, {})
        except DatabaseError:
            return False
        finally:
            self._connection.close()  # A new connection has its usual settings.
        return True

    def _fitting(
        self, table: Table, stream: str, found: Mapping[str, FoundColumn], execute: Execute
    ) -> Fitting:
        return Fitting(
            table, stream, found, dialect=self.dialect, execute=execute, logger=self._logger
        )

    def _create(self, table: Table, stream: str, execute: Execute, replaces: Table | None) -> Table:
        self._create_schema(table, execute)
        lower = replace(table, name=table.name.lower())
        has_twin = self.dialect.fold(lower.name) != self.dialect.fold(table.name)
        if has_twin and find_columns(lower, self.dialect, execute):
            self._logger.warning(
                'There is a table "%s". The table "%s" is made beside it. %s, or set `__alias__` '
                "with `stream_maps`.",
                *(lower.name, table.name, LOWER_CASE),
            )
        self._warn_of_keys(table, stream)
        execute(self.dialect.create_table_sql(table))
        for statement in self.dialect.comments_sql(table):
            execute(statement)
        if self._distributions is not None:
            self._distributions.apply(table, stream, self.dialect, execute, replaces)
        if replaces is None:  # A shadow gets the grants when it replaces the old table.
            self.readers.grant_table(table, self.dialect, execute)
        if warning := self.dialect.creation_warning(table):
            self._logger.warning("%s", warning)
        if any(column.declared_type for column in table.columns):
            found = find_columns(table, self.dialect, execute)
            return self._fitting(table, stream, found, execute).fit()
        return table

    def _warn_of_keys(self, table: Table, stream: str) -> None:
        """Say which declared types are not used."""
        for column in table.keys:
            if column.declared_type and self.dialect.is_text(column):
                self._logger.warning(
                    'A key of text has a type of the target\'s own, so `%s` of property "%s" of '
                    "stream %s is not used.",
                    *(KEYWORD, column.source, stream),
                )

    def _create_schema(self, table: Table, execute: Execute) -> None:
        """Create the schema of a table if it does not exist. Some users may not create schemas."""
        if table.schema and not execute(self.dialect.schema_sql(), {"schema": table.schema}):
            execute(self.dialect.create_schema_sql(table.schema))
            self.readers.grant_schema(table.schema, self.dialect, execute)

    def _claim(self, table: Table, stream: str) -> None:
        """Refuse a table that another stream writes to."""
        owner = self._owners.setdefault(self.dialect.fold(self.dialect.table_name(table)), stream)
        if owner != stream:
            raise DatabaseError(
                f'Streams "{owner}" and "{stream}" would both write to table "{table.name}". Give '
                "one of them another name with `stream_maps` and `__alias__`."
            )

    def _lock(self, table: Table) -> None:
        if self._locks is not None:
            self._locks.take(table)


def _declared(table: Table) -> str:
    """Name the types that the schema of a stream names; empty if it names none."""
    types = [f'{c.declared_type} for "{c.source}"' for c in table.columns if c.declared_type]
    return f" with `{KEYWORD}` {', '.join(types)}" if types else ""
