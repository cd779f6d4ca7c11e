"""Decimal types with a limited number of digits."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from target_harvest_sql.columns import Size

if TYPE_CHECKING:
    from target_harvest_sql.columns import Column, Kind

_DECIMAL: Final = re.compile(r"(?:decimal|numeric)\((\d+),(\d+)\)")


@dataclass(frozen=True)
class Decimals:
    """Which numbers a database stores as decimals: those whose size the schema tells."""

    kinds: frozenset[Kind] = frozenset()
    """The kinds that become decimals; none where the database stores them in another way."""
    max_precision: int = 0
    """The most digits that a decimal has."""
    max_scale: int = 0
    """The most digits after the point."""
    default_precision: int | None = None
    """The number of digits where the schema tells only those after the point."""
    wants_plain_digits: bool = False
    """Whether the database reads decimals from digits alone, and not with an exponent."""

    def type_sql(self, column: Column) -> str | None:
        """Name the type that holds a column exactly; `None` if the column becomes no decimal."""
        precision, scale = column.size.precision or self.default_precision, column.size.scale
        if column.kind not in self.kinds or precision is None or scale is None:
            return None
        fits = scale <= precision <= self.max_precision and scale <= self.max_scale
        return f"decimal({precision},{scale})" if fits else None

    def size_of(self, column_type: str) -> Size | None:
        """Read the size of a decimal type; `None` for other types."""
        found = _DECIMAL.fullmatch(column_type) if self.kinds else None
        return Size(precision=int(found[1]), scale=int(found[2])) if found else None

    def held(self, size: Size, column: Column) -> Column | None:
        """Say as what a decimal of a size holds a column; `None` if it would round the values."""
        fits = column.kind == "integer" or (
            column.kind in {"decimal", "number"} and size.joined(column.size) == size
        )
        return replace(column, kind="decimal", size=size) if fits else None
