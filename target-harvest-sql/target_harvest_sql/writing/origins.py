"""Where the records of a batch came from."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target_harvest_sql.records.blocks import Origin, Origins


class BatchOrigins:
    """Tells where the record at a position of a batch came from."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        """The positions of the first records of the blocks."""
        self._blocks: list[Origins] = []

    def add(self, start: int, block: Origins) -> None:
        """Note where the records of a block came from, of which the first has the next position."""
        self._starts.append(start)
        self._blocks.append(block)

    def __getitem__(self, position: int) -> Origin:
        block = bisect_right(self._starts, position) - 1
        return self._blocks[block][position - self._starts[block]]
