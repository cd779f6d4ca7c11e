"""The origins of the records of a batch."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target_harvest_sql.records.blocks import Origin, Origins


class BatchOrigins:
    """The origin of each record of a batch, by its position."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        """The positions of the first records of the blocks."""
        self._blocks: list[Origins] = []

    def add(self, start: int, block: Origins) -> None:
        """Add the origins of a block, whose first record has the position `start`."""
        self._starts.append(start)
        self._blocks.append(block)

    def __getitem__(self, position: int) -> Origin:
        block = bisect_right(self._starts, position) - 1
        return self._blocks[block][position - self._starts[block]]
