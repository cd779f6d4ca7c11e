"""What a new version of a table does to the rows of older versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from target_harvest_sql.columns import Table


class Parts(Protocol):
    """The parts of the statement that a dialect gives; `Dialect` documents them."""

    def quote(self, name: str) -> str:
        """Quote a name."""

    def table_name(self, table: Table) -> str:
        """Name a table with its schema."""

    def parameter(self, name: str) -> str:
        """Write the place of a value that is bound."""

    def moment(self, text: str) -> str:
        """Read text as a date-time."""


def activate_version_sql(dialect: Parts, table: Table, *, hard_delete: bool) -> str:
    """Delete, or mark as deleted, the rows of older versions.

    A row without a version is older than all versions. A row that has a mark keeps its mark.
    """
    name, version = dialect.table_name(table), dialect.quote("_sdc_table_version")
    older = f"({version} IS NULL OR {version} < {dialect.parameter('version')})"
    if hard_delete:
        return f"DELETE FROM {name}\nWHERE {older}"  # noqa: S608 - names are quoted.
    mark = dialect.quote("_sdc_deleted_at")
    deleted_at = dialect.moment(dialect.parameter("deleted_at"))
    return f"UPDATE {name}\nSET {mark} = {deleted_at}\nWHERE {older} AND {mark} IS NULL"
