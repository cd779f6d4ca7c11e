"""Decides when batches go to the lanes, and when states are printed."""

from __future__ import annotations

import time
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from target_harvest_sql.watermark import Watermark
    from target_harvest_sql.writing.batches import Batch
    from target_harvest_sql.writing.lanes import Lanes
    from target_harvest_sql.writing.quarantine import Quarantine


class Source(Protocol):
    """The batch of one stream, which fills with records and is handed over again and again."""

    batch: Batch
    """The records that wait to be written."""

    def hand_over(self, lanes: Lanes) -> None:
        """Hand the batch over to the lanes, if it has records, and begin an empty one."""


class Dispatch:
    """Hands batches over to the lanes, and prints the states whose records are committed.

    Args:
        lanes: The lanes, which write the batches.
        quarantine: The invalid records, which are written before a state is printed.
        watermark: Holds back states whose records are not committed.
        limit_bytes: How many bytes all batches together may hold.
        wait_limit_seconds: How old a batch may become.
        print_state: Prints a state.
    """

    def __init__(
        self,
        lanes: Lanes,
        quarantine: Quarantine | None,
        watermark: Watermark,
        *,
        limit_bytes: int,
        wait_limit_seconds: float,
        print_state: Callable[[str], None],
    ) -> None:
        self._lanes = lanes
        self.sources: Collection[Source] = ()
        """The batches of all streams."""
        self.ordinal = 0
        """Number of the record that was read last."""
        self._quarantine = quarantine
        self._watermark = watermark
        self._limit_bytes = limit_bytes
        self._share_bytes = limit_bytes
        """How many bytes one batch may hold before the bytes of all batches are counted."""
        self._wait_limit_seconds = wait_limit_seconds
        self._print_state = print_state
        self._last_state = b""

    def set_sources(self, sources: Collection[Source]) -> None:
        """Note the batches of all streams."""
        self.sources = sources
        self._share_bytes = self._limit_bytes // max(1, len(sources))

    # Batches

    def flush(self, source: Source) -> None:
        """Hand a stream's batch over to the lanes.

        Raises:
            DatabaseError: If the database refused an earlier batch.
        """
        source.hand_over(self._lanes)
        self.emit_states()
        self._lanes.check()

    def settle(self, source: Source) -> None:
        """Hand a stream's batch over, and wait until everything is written.

        Raises:
            DatabaseError: If the database refused a batch.
        """
        source.hand_over(self._lanes)
        self.wait()

    def settle_all(self) -> None:
        """Hand all batches over, and wait until everything is written.

        Raises:
            DatabaseError: If the database refused a batch.
        """
        for source in self.sources:
            source.hand_over(self._lanes)
        self.wait()

    def wait(self) -> None:
        """Wait until all batches that were handed over are written.

        Raises:
            DatabaseError: If the database refused a batch.
        """
        try:
            self._lanes.wait()
        finally:
            self.emit_states()

    def count_fitting(self, source: Source, elements: Sequence[bytes]) -> int:
        """Count how many elements a batch takes: the last one may exceed the limit."""
        size = source.batch.size_bytes
        if size + sum(map(len, elements)) <= self._share_bytes:
            return len(elements)
        free = max(self._share_bytes - size, self._limit_bytes - self._size_bytes - 1)
        return bisect_right([*accumulate(map(len, elements))], free) + 1

    def bound_bytes(self, source: Source) -> None:
        """If this batch and all batches together are too large, flush the largest one."""
        if source.batch.size_bytes > self._share_bytes and self._size_bytes >= self._limit_bytes:
            self.flush(max(self.sources, key=lambda source: source.batch.size_bytes))

    @property
    def _size_bytes(self) -> int:
        """How many bytes all batches hold."""
        return sum(source.batch.size_bytes for source in self.sources)

    def flush_old(self) -> None:
        """Flush the batches that are old enough."""
        self._lanes.check()
        self.emit_states()
        oldest = time.monotonic() - self._wait_limit_seconds
        for source in self.sources:
            if source.batch.first_ordinal is not None and source.batch.began_at <= oldest:
                self.flush(source)

    # States

    def add_state(self, state: bytes) -> None:
        """Take a state. It is printed when all records before it are committed."""
        self._watermark.add(self.ordinal, state, self._firsts)
        self.emit_states()

    def emit_states(self, *, is_final: bool = False) -> None:
        """Print the states whose records are all committed. Of several at once, print the last.

        Args:
            is_final: Whether the run is complete.
        """
        # Read before the flush: all records that were refused until now are flushed then.
        committed = self._lanes.committed
        if self._quarantine is not None:
            self._quarantine.flush()
            if self._quarantine.is_full:
                return
        if self._watermark.keeps_last and not is_final:
            return
        handed_over = min(self._firsts, default=self.ordinal + 1) - 1
        self._watermark.hand_over(handed_over, self._lanes.handed_over)
        for state in self._watermark.commit(committed, self._lanes.first_refused):
            if state != self._last_state:
                self._last_state = state
                self._print_state(state.decode())

    @property
    def _firsts(self) -> list[int]:
        """Numbers of the first records of the batches that are not handed over yet."""
        firsts = (source.batch.first_ordinal for source in self.sources)
        return [ordinal for ordinal in firsts if ordinal is not None]
