"""Lets a role read the tables that the target creates."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target_harvest_sql.columns import Table
    from target_harvest_sql.database.connection import Execute
    from target_harvest_sql.dialects.base import Dialect


class Readers:
    """A role that gets SELECT on new tables.

    Args:
        role: Name of the role; `None` grants nothing.
    """

    def __init__(self, role: str | None = None) -> None:
        self._role = role

    def grant_table(self, table: Table, dialect: Dialect, execute: Execute) -> None:
        """Let the role read a new table."""
        if self._role is not None:
            for statement in dialect.grant_select_sql(table, self._role):
                execute(statement)

    def grant_schema(self, schema: str, dialect: Dialect, execute: Execute) -> None:
        """Let the role use a new schema."""
        if self._role is not None:
            for statement in dialect.grant_schema_sql(schema, self._role):
                execute(statement)
