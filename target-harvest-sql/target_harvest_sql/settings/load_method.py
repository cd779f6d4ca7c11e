"""The ways to write a stream to its table."""

from __future__ import annotations

from enum import StrEnum


class LoadMethod(StrEnum):
    """What `load_method` may be."""

    UPSERT = "upsert"
    APPEND_ONLY = "append-only"
    OVERWRITE = "overwrite"

    @property
    def has_keys(self) -> bool:
        """Whether rows have keys, so that a record takes the place of an earlier one."""
        return self is not LoadMethod.APPEND_ONLY

    @property
    def replaces_tables(self) -> bool:
        """Whether a run fills new tables, which replace the old ones at its end."""
        return self is LoadMethod.OVERWRITE
