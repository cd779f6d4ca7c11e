"""The table of one stream, and the columns that the run adds to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from target_harvest_sql.columns import METADATA, VERSION_METADATA
from target_harvest_sql.records.blocks import Moment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_harvest_sql.columns import Table
    from target_harvest_sql.database.connection import Connection
    from target_harvest_sql.database.tables import Tables
    from target_harvest_sql.records.blocks import Raw
    from target_harvest_sql.records.plan import Plan
    from target_harvest_sql.records.table import TablePlan


class Preparer(Protocol):
    """Creates tables, under their own names or as shadows."""

    def prepare(self, table: Table, stream: str) -> Table:
        """Create a table, or add what it lacks."""


class StreamTable:
    """The table of one stream.

    Args:
        wanted: The table as the schema and the settings ask for it.
        config: The settings.
        connection: The connection that creates and changes tables.
        tables: Removes the rows of older versions.
        preparer: Creates the table.
    """

    table: Table
    """The table as it is in the database."""
    plan: Plan
    """How records become rows."""
    age_of: Callable[[Raw], Any] | None
    """Reads how new a record is; `None` if that decides nothing."""
    lacks_mark: bool
    """Whether deleted rows are marked, and the table has no column for the mark yet."""

    def __init__(
        self,
        wanted: TablePlan,
        *,
        config: Mapping[str, Any],
        connection: Connection,
        tables: Tables,
        preparer: Preparer,
    ) -> None:
        self.has_versions = False
        """Whether the table has a column of versions."""
        self.has_marks = False
        """Whether the table has a column that marks deleted rows, even without versions."""
        self._wanted = wanted
        self._config = config
        self._hard_delete: bool = config["hard_delete"]
        self._connection = connection
        self._tables = tables
        self._preparer = preparer

    @property
    def reads_deletions(self) -> bool:
        """Whether records must be checked for deletions."""
        return self.lacks_mark or (self._hard_delete and bool(self.table.keys))

    def prepare(self, where: object) -> None:
        """Compile the schema, and create the table or add what it lacks.

        Args:
            where: The place of the schema in the input, for errors.

        Raises:
            DatabaseError: If the table cannot hold the stream's records.
            InvalidInputLine: If two properties would become one column.
            MissingKeyPropertiesError: If a key property is not in the schema.
        """
        self._wanted.where = where
        self._compile()

    def _compile(self) -> None:
        dialect = self._connection.open()
        metadata = self._metadata_names()
        self.plan, table = self._wanted.compile(dialect, metadata)
        self.table = self._preparer.prepare(table, self._wanted.stream)
        self.age_of = self._wanted.age_reader(self.plan, self.table)
        self.lacks_mark = not (self._hard_delete or "_sdc_deleted_at" in metadata)

    def add_versions(self) -> None:
        """Add the column of versions, and the column that marks deleted rows.

        Raises:
            DatabaseError: If the database refuses it.
        """
        self.has_versions = True
        self._compile()

    def add_marks(self) -> None:
        """Add the column that marks deleted rows.

        Raises:
            DatabaseError: If the database refuses it.
        """
        self.has_marks = True
        self._compile()

    def activate_version(self, version: int) -> None:
        """Delete the rows of older versions, or mark them as deleted.

        Raises:
            DatabaseError: If the database refuses it.
        """
        self._tables.activate_version(
            self.table,
            version,
            hard_delete=self._hard_delete,
            deleted_at=Moment.now().text.decode().strip('"'),
        )

    def _metadata_names(self) -> tuple[str, ...]:
        """The metadata columns of the table."""
        if self._config["add_record_metadata"]:
            return tuple(METADATA)
        marks = (self.has_versions or self.has_marks) and not self._hard_delete
        is_kept = {"_sdc_deleted_at": marks, "_sdc_table_version": self.has_versions}
        return tuple(name for name in VERSION_METADATA if is_kept[name])
