"""Lanes: threads that write in parallel, each with its own connection.

A key always goes to the same lane, so its records are written in order. While the lanes write, the
target goes on reading, until the waiting batches reach a limit.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from target_harvest_sql.database.errors import RefusedDataError, TransientError
from target_harvest_sql.writing.bad_rows import BadRowSearch, RefusedRowError, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_harvest_sql.columns import Table
    from target_harvest_sql.records.blocks import Origin
    from target_harvest_sql.writing.bad_rows import Refusal
    from target_harvest_sql.writing.origins import BatchOrigins
    from target_harvest_sql.writing.writer import Writer


class Replaced(NamedTuple):
    """A record that a later record of its key replaced in the batch."""

    position: int
    """Its position in the batch."""
    element: bytes
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a batch that one lane writes, in one transaction."""

    table: Table
    stream: str
    elements: Sequence[bytes]
    """JSON objects, no two with the same key."""
    deleted: Sequence[bytes]
    """JSON objects whose rows are deleted. None has the key of an element."""
    positions: Sequence[int]
    """The positions in the batch: first of the elements, then of the deleted rows."""
    origins: BatchOrigins
    replaced: Mapping[int, Sequence[Replaced]] = field(default_factory=dict)
    """The records that were replaced, by the position of the record that replaced them."""

    @property
    def rows(self) -> list[Row]:
        """The rows to write, each with its origin."""
        objects = [*self.elements, *self.deleted]
        return [
            self._row(position, element, is_deleted=number >= len(self.elements))
            for number, (position, element) in enumerate(zip(self.positions, objects, strict=True))
        ]

    def _row(self, position: int, element: bytes, *, is_deleted: bool) -> Row:
        replaced = self.replaced.get(position, ())
        first = min([position, *(other.position for other in replaced)])
        ordinal = self.origins[first].ordinal

        def origin(position: int) -> Origin:
            return msgspec.structs.replace(self.origins[position], ordinal=ordinal)

        earlier = [Row(origin(r.position), r.element, r.is_deleted) for r in replaced]
        return Row(origin(position), element, is_deleted, earlier)


class Lanes:
    """Threads that write batches.

    Batches are numbered from 1, in the order in which they are handed over. If the database refuses
    a batch, `check` and `wait` raise its error, and later batches of the same table are not
    written. If the database cannot be reached, no later batch is written.

    Args:
        writers: The writers, one for each lane.
        limit_bytes: How many bytes of batches may wait to be written before `write` waits.
        refuse: Called in a lane for each row that the database refuses. If it raises an error, the
            batch ends. If not, the batch goes on without the row.
    """

    def __init__(
        self,
        writers: Sequence[Writer],
        limit_bytes: int,
        refuse: Callable[[Refusal], None],
    ) -> None:
        self.handed_over = 0
        """Number of the batch that was handed over last."""
        self._writers = writers
        self._limit_bytes = limit_bytes
        self._refuse = refuse
        self._queues: list[deque[_Work]] = [deque() for _ in writers]
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()
        """Guards all attributes below. The target and the lanes wait on it and notify it."""
        self._is_closed = False
        self._error: Exception | None = None
        self._refused: dict[tuple[str | None, str], Exception] = {}
        """The first error of each table."""
        self._bytes = 0
        self._open_shares: dict[int, int] = {}
        self.first_refused: float = math.inf
        """Ordinal of the first record that was refused. Earlier records count as committed when
        their batch does. This record and later ones never do."""

    def __len__(self) -> int:
        """How many lanes there are."""
        return len(self._writers)

    @property
    def committed(self) -> int:
        """Number of the last batch that is committed with all before it."""
        with self._changed:
            return min(self._open_shares, default=self.handed_over + 1) - 1

    def write(self, shares: Sequence[Share | None]) -> None:
        """Hand over a batch, and wait while too many bytes are to be written.

        Args:
            shares: The share of each lane; `None` if a lane has nothing to write.
        """
        self._start()
        self.handed_over += 1
        with self._changed:
            self._open_shares[self.handed_over] = sum(share is not None for share in shares)
        for queue, share in zip(self._queues, shares, strict=True):
            if share is not None:
                self._put(queue, share)

    def _put(self, queue: deque[_Work], share: Share) -> None:
        size = sum(map(len, share.elements)) + sum(map(len, share.deleted))
        with self._changed:
            self._changed.wait_for(
                lambda: not self._bytes or self._bytes + size <= self._limit_bytes
            )
            self._bytes += size
            queue.append(_Work(self.handed_over, share, size))
            self._changed.notify_all()

    def check(self) -> None:
        """Raise the first error of a lane, if there was one.

        Raises:
            DatabaseError: If the database refused a batch.
        """
        if self._error is not None:
            raise self._error

    def wait(self) -> None:
        """Wait until every batch is written.

        Raises:
            DatabaseError: If the database refused a batch.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._bytes)
        self.check()

    def close(self) -> None:
        """End the threads once all batches are written, and close their connections."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    # What the threads run

    def _start(self) -> None:
        if not self._threads:
            self._is_closed = False
            self._threads = [
                threading.Thread(target=self._run, args=lane, daemon=True)
                for lane in zip(self._writers, self._queues, strict=True)
            ]
            for thread in self._threads:
                thread.start()

    def _run(self, writer: Writer, queue: deque[_Work]) -> None:
        """Write the shares of the queue, until the lanes are closed."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: queue or self._is_closed)
                if not queue:
                    break
                work = queue.popleft()
            error = self._write(writer, work.share)
            with self._changed:
                self._settle(work, error)
                self._changed.notify_all()
        writer.close()

    def _write(self, writer: Writer, share: Share) -> Exception | None:
        """Write a share, unless an earlier one was refused. Return the error, or `None`."""
        name = (share.table.schema, share.table.name)
        if isinstance(self._error, TransientError):
            return self._error
        refused = self._refused.get(name)
        if refused is not None and not _precedes(share, refused):
            return refused
        try:
            try:
                writer.write(share.table, share.elements, share.deleted, share.stream)
            except RefusedDataError:
                BadRowSearch(writer, share.table, share.stream, self._refuse).write(share.rows)
        except Exception as error:  # noqa: BLE001 - the target must learn of any error.
            self._refused.setdefault(name, error)
            return error
        return None

    def _settle(self, work: _Work, error: Exception | None) -> None:
        self._bytes -= work.size_bytes
        if error is not None:
            self._error = self._error or error
            if not isinstance(error, RefusedRowError):
                return  # The batch stays open, so no later batch counts as committed.
            self.first_refused = min(self.first_refused, error.origin.ordinal)
        self._open_shares[work.number] -= 1
        if not self._open_shares[work.number]:
            del self._open_shares[work.number]


def _precedes(share: Share, refused: Exception) -> bool:
    """Whether records of a share came before the row that was refused."""
    return isinstance(refused, RefusedRowError) and (
        min(row.origin.ordinal for row in share.rows) < refused.origin.ordinal
    )


@dataclass(frozen=True, slots=True)
class _Work:
    """A share that waits to be written."""

    number: int
    share: Share
    size_bytes: int
