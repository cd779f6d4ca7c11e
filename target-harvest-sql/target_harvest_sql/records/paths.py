"""The places of columns' values in a record."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_harvest_sql.columns import Column

PLAIN_NAME = re.compile(r"[A-Za-z0-9_ .:;,!?$@#%()*|~^-]+")
"""Names that JSON encoders write without escapes, and that each database finds by quoted paths."""

VALUES = ("boolean", "integer", "number", "string")
"""The types of values that are not nested."""


def have_plain_paths(columns: Sequence[Column]) -> bool:
    """Whether each database finds all values by their paths, in a record as it was sent.

    All names must be plain. No two names of one object may differ only in case.
    """
    prefixes = {
        column.path[:depth] for column in columns for depth in range(1, len(column.path) + 1)
    }
    folded = {tuple(name.casefold() for name in path) for path in prefixes}
    return len(folded) == len(prefixes) and all(
        PLAIN_NAME.fullmatch(name) for column in columns for name in column.path
    )


def shape_of(paths: Mapping[tuple[str, ...], Column]) -> dict[str, Any]:
    """The schema of records in which every column finds its value.

    Args:
        paths: The columns, by the paths of their values in a record.
    """
    shape: dict[str, Any] = {"type": "object", "properties": {}}
    for (*parents, name), column in paths.items():
        holder = shape
        for parent in parents:
            holder = holder["properties"].setdefault(
                parent, {"type": ["object", "null"], "properties": {}}
            )
        types = ["array", "object"] if column.is_nested else VALUES
        is_any = column.kind == "json" and not column.is_nested
        definition: dict[str, Any] = {} if is_any else {"type": [*types, "null"]}
        if column.kind in {"boolean", "integer", "number"}:
            definition["minLength"] = 1  # Some databases would read an empty text as 0.
        holder["properties"][name] = definition
    return shape
