"""Decides which states may be printed: all records before them must be committed."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HELD_BYTES = 4 << 20
"""How many bytes of states wait before some of them are dropped."""
STATE_BYTES = 200
"""How many bytes of memory a state takes beside its text."""

State = tuple[int, bytes]
"""The number of the last record before a state, and the state."""


class Watermark:
    """Holds states back until their records are committed.

    If many states wait for the same records, only the newest is kept. So memory is bounded, and
    nothing is lost, as the newest state includes the older ones.

    Args:
        keeps_last: Whether only the last state of the run is ever printed.
    """

    def __init__(self, *, keeps_last: bool) -> None:
        self.keeps_last = keeps_last
        self._waiting: deque[State] = deque()
        """States that wait for records to be handed over."""
        self._handed_over: deque[tuple[int, list[State]]] = deque()
        """States that wait for batches to be committed: number of the last batch, and states."""
        self._size_bytes = 0
        self._limit_bytes = HELD_BYTES

    def add(self, ordinal: int, state: bytes, firsts: Iterable[int]) -> None:
        """Take a state.

        Args:
            ordinal: Number of the last record before it.
            state: Its text.
            firsts: Numbers of the first records of the batches that are not handed over.
        """
        if self._waiting and (self.keeps_last or self._waiting[-1][0] == ordinal):
            self._size_bytes -= _size(self._waiting.pop())
        self._waiting.append((ordinal, state))
        self._size_bytes += _size(self._waiting[-1])
        if self._size_bytes > self._limit_bytes:
            self._thin(sorted(firsts))

    def hand_over(self, ordinal: int, number: int) -> None:
        """Note that all records up to a number are handed over.

        Args:
            ordinal: Number of the last of these records.
            number: Number of the batch that was handed over last.
        """
        ready = []
        while self._waiting and self._waiting[0][0] <= ordinal:
            ready.append(self._waiting.popleft())
        if ready:
            self._handed_over.append((number, ready))

    def commit(self, number: int, first_refused: float) -> list[bytes]:
        """Take out the states that may be printed. Of several that wait for one batch, the last.

        Args:
            number: Number of the last batch that is committed with all before it.
            first_refused: Number of the first record that was refused.
        """
        printed = []
        while self._handed_over and self._handed_over[0][0] <= number:
            states = self._handed_over.popleft()[1]
            self._size_bytes -= sum(map(_size, states))
            printed += [state for ordinal, state in states if ordinal < first_refused][-1:]
        return printed

    def _thin(self, firsts: Sequence[int]) -> None:
        """Keep the newest of the states that wait for the same batches."""
        borders, newest = deque(firsts), deque[State]()
        for state in self._waiting:
            is_beyond = False
            while borders and borders[0] <= state[0]:
                borders.popleft()
                is_beyond = True
            if newest and not is_beyond:
                newest.pop()
            newest.append(state)
        self._waiting = newest
        by_batch = {number: states[-1:] for number, states in self._handed_over}
        self._handed_over = deque(by_batch.items())
        while len(self._handed_over) > 1 and self._measure() > HELD_BYTES:
            kept = [*self._handed_over]
            self._handed_over = deque(kept[1 - len(kept) % 2 :: 2])  # Always keep the last one.
        self._size_bytes = self._measure()
        self._limit_bytes = max(HELD_BYTES, 2 * self._size_bytes)

    def _measure(self) -> int:
        handed_over = (state for _, states in self._handed_over for state in states)
        return sum(map(_size, self._waiting)) + sum(map(_size, handed_over))


def _size(state: State) -> int:
    return len(state[1]) + STATE_BYTES
