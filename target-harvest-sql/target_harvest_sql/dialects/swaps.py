"""How new tables take the places of old ones: one strategy a class.

* `OneByOne`: the old table is dropped and the new one renamed, in the open transaction.
* `AllAtOnce`: one statement renames all tables, where each statement commits by itself (MySQL).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_harvest_sql.columns import Table


class Swap(NamedTuple):
    """A table that takes the place of another."""

    table: Table
    """The table to replace, if it exists."""
    filled: Table
    """The table that takes its place."""
    replaced: Table | None
    """A name that the old table may have for a moment; `None` if there is no old table."""


class Parts(Protocol):
    """The parts of statements that a strategy takes from a dialect; `Dialect` documents them."""

    def quote(self, name: str) -> str:
        """Quote a name."""

    def literal(self, text: str) -> str:
        """Write text as an SQL string."""

    def table_name(self, table: Table) -> str:
        """Name a table with its schema."""

    def drop_table_sql(self, table: Table) -> str:
        """Drop a table if it exists."""


class Swaps(ABC):
    """A strategy."""

    @abstractmethod
    def swap_sql(self, dialect: Parts, swaps: Sequence[Swap]) -> list[str]:
        """Put new tables in place of old ones: all of them, or none."""


@dataclass(frozen=True)
class OneByOne(Swaps):
    """Two statements for each table."""

    rename: str = "ALTER TABLE {old} RENAME TO {new}"
    """Renames a table. `{old}` and `{new}` are names, `{old_text}` and `{new_text}` the same names
    as strings."""

    @override
    def swap_sql(self, dialect: Parts, swaps: Sequence[Swap]) -> list[str]:
        return [statement for swap in swaps for statement in self._swap_sql(dialect, swap)]

    def _swap_sql(self, dialect: Parts, swap: Swap) -> list[str]:
        old, new = dialect.table_name(swap.filled), swap.table.name
        rename = self.rename.format(
            old=old,
            new=dialect.quote(new),
            old_text=dialect.literal(old),
            new_text=dialect.literal(new),
        )
        return [dialect.drop_table_sql(swap.table), rename]


class AllAtOnce(Swaps):
    """One RENAME, which is all or nothing. The old tables are dropped after it."""

    @override
    def swap_sql(self, dialect: Parts, swaps: Sequence[Swap]) -> list[str]:
        renames: list[str] = []
        for table, filled, replaced in swaps:
            name = dialect.table_name(table)
            if replaced is not None:
                renames.append(f"{name} TO {dialect.table_name(replaced)}")
            renames.append(f"{dialect.table_name(filled)} TO {name}")
        return [
            "RENAME TABLE\n  " + ",\n  ".join(renames),
            *(dialect.drop_table_sql(replaced) for _, _, replaced in swaps if replaced is not None),
        ]
