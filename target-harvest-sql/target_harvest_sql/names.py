"""The names of tables and columns, as a database can spell them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from target_harvest_sql.columns import METADATA

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from target_harvest_sql.columns import Column


class Spelling(Protocol):
    """How a database spells and compares names."""

    @property
    def max_name_length(self) -> int:
        """The length of the longest name."""

    def name_length(self, name: str) -> int:
        """The length of a name, in the unit of `max_name_length`."""

    def spell(self, name: str) -> str:
        """Remove from a name the characters that no name may hold."""

    def fold(self, name: str) -> str:
        """Write a name so that two names are equal if they are one name to the database."""


class LowerCase:
    """Spells names in lower case, and otherwise as a database does."""

    max_name_length: int

    def __init__(self, spelling: Spelling) -> None:
        self._spelling = spelling
        self.max_name_length = spelling.max_name_length
        self.name_length = spelling.name_length
        self.fold = spelling.fold

    def spell(self, name: str) -> str:
        """Write a name in lower case, without the characters that no name may hold."""
        return self._spelling.spell(name.lower())


def conform(columns: Sequence[Column], spelling: Spelling) -> tuple[Column, ...]:
    """Name the columns as the database can spell them.

    Names stay as sent. A name gets a suffix if it is too long, or if another column has the same
    name to the database. The suffix is made from the name alone, so the order of the columns does
    not matter.

    Args:
        columns: Columns named as in the source.
        spelling: How the database spells and compares names.
    """
    taken: set[str] = set()
    names: dict[str, str] = {}
    # Metadata columns come first and keep their names. The other columns are sorted, so the order
    # of the schema does not matter.
    for source in sorted((c.name for c in columns), key=lambda name: (name not in METADATA, name)):
        name = conform_name(source, spelling)
        if spelling.fold(name) in taken:
            name = _suffixed(source, spelling)
        taken.add(spelling.fold(name))
        names[source] = name
    return tuple(replace(column, name=names[column.name]) for column in columns)


def similar_name(name: str, others: Collection[str]) -> str | None:
    """Find a name that differs only in case, or in the characters between its words."""
    told = re.sub(r"[\W_]", "", name).lower()
    return next((n for n in sorted(others) if re.sub(r"[\W_]", "", n).lower() == told), None)


def conform_name(name: str, spelling: Spelling, *, reserved: int = 0) -> str:
    """Name a table or a column as the database can spell it.

    Args:
        name: The name as sent.
        spelling: How the database spells names.
        reserved: How many characters of the longest name must stay free.
    """
    spelled = spelling.spell(name)
    if spelled and spelling.name_length(spelled) <= spelling.max_name_length - reserved:
        return spelled
    return _suffixed(name, spelling, reserved)


def _suffixed(name: str, spelling: Spelling, reserved: int = 0) -> str:
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    max_length = spelling.max_name_length - reserved - 9
    kept = spelling.spell(name)[:max_length]
    while spelling.name_length(kept) > max_length:
        kept = kept[:-1]
    return f"{kept}_{digest}"
