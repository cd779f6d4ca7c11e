"""A batch: the rows of a stream that wait to be written, one for each key."""

from __future__ import annotations

import time
from contextlib import suppress
from itertools import compress
from typing import TYPE_CHECKING, Any, Final

from target_harvest_sql.writing.lanes import Replaced, Share
from target_harvest_sql.writing.origins import BatchOrigins

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from target_harvest_sql.columns import Table
    from target_harvest_sql.records.blocks import Origins


def lanes_of(keys: Iterable[Hashable], lanes: int) -> list[int]:
    """Choose the lane of each key. A key always gets the same lane, and lanes get equal shares.

    The hash of an integer is the integer, so all even ids would share a lane. The hash of a tuple
    is well mixed.
    """
    return [*map(lanes.__rmod__, map(hash, zip(keys, strict=False)))]


class Batch:
    """The records of a stream that wait to be handed over.

    A record is named by its position in the batch. Positions count from 0, in the order of arrival.

    Args:
        is_keyed: Whether a later record of a key replaces an earlier one.
    """

    def __init__(self, *, is_keyed: bool) -> None:
        self.size_bytes = 0
        self.first_ordinal: int | None = None
        """Ordinal of the first record; `None` if there is no record."""
        self.began_at = 0.0
        """When the first record came, on the monotonic clock, in seconds."""
        self._is_keyed: Final = is_keyed
        self._elements: list[bytes] = []
        """The elements of all records, by position."""
        self._deleted: set[int] = set()
        """The positions of the records whose rows are to be deleted."""
        self._positions: dict[Hashable, int] = {}
        """The positions of the records that are written, by key."""
        self._replaced: dict[Hashable, list[int]] = {}
        """The positions of the replaced records, by key. They are written if the database refuses
        the record that replaced them."""
        self._ages: dict[Hashable, Any] = {}
        """The ages of the records, by key, if `newest_wins` is set."""
        self._origins = BatchOrigins()

    def __len__(self) -> int:
        """The number of rows."""
        return len(self._positions) if self._is_keyed else len(self._elements)

    def begin(self, ordinal: int) -> None:
        """Note the ordinal of the first record, and the time."""
        self.first_ordinal = ordinal
        self.began_at = time.monotonic()

    def can_take(self, keys: Sequence[Hashable], ages: Sequence[Any]) -> bool:
        """Whether the batch can take records at once: all keys differ, and no record must wait.

        A record without an age replaces any row, and so does a deletion. A later record of the same
        key must replace them in turn, however old it is. If both were in one batch, only the later
        one would be written, and it would be compared with the row of the table. So the later one
        waits until the batch is handed over.

        Args:
            keys: The keys of the records; empty if the table has none.
            ages: The ages of the records; empty if ages decide nothing.
        """
        if len(set(keys)) < len(keys):
            return False
        return not any(map(self._hides, keys, ages))

    def _hides(self, key: Hashable, age: Any) -> bool:
        position = self._positions.get(key)
        if position is None or age is None:
            return False
        newest = self._ages.get(key)
        return newest is None or (position in self._deleted and age < newest)

    def put(
        self,
        elements: Sequence[bytes],
        origins: Origins,
        keys: Sequence[Hashable] = (),
        *,
        are_deleted: Sequence[bool] = (),
        ages: Sequence[Any] = (),
    ) -> None:
        """Take records. Of several records of a key, the last one or the newest one is written.

        Args:
            elements: JSON objects.
            origins: Where the records came from.
            keys: The keys of the rows, all different; empty if the table has no keys.
            are_deleted: Whether each row is to be deleted; empty if none is.
            ages: How new each record is, `None` for a record without an age; empty if ages
                decide nothing.
        """
        start = len(self._elements)
        self._elements += elements
        self._origins.add(start, origins)
        self.size_bytes += sum(map(len, elements))
        self._deleted.update(compress(range(start, len(self._elements)), are_deleted))
        positions = dict(zip(keys, range(start, len(self._elements)), strict=False))
        newest = dict(zip(keys, ages, strict=False))
        for key in self._positions.keys() & positions.keys():
            replaced = self._replaced.setdefault(key, [])
            age, other = newest.get(key), self._ages.get(key)
            if age is not None and other is not None and age < other:
                replaced.append(positions.pop(key))
                del newest[key]
            else:
                replaced.append(self._positions[key])
        self._positions.update(positions)
        self._ages.update(newest)

    def shares(self, table: Table, stream: str, lanes: int, turn: int) -> list[Share | None]:
        """Split the batch by lanes. Sort by keys, as a B-tree grows fastest in that order.

        Args:
            table: The table of the rows.
            stream: Name of the stream.
            lanes: The number of lanes.
            turn: The lane that writes the whole batch if the table has no keys.
        """
        if not self._is_keyed:
            everything = range(len(self._elements))
            whole = Share(table, stream, self._elements, (), everything, self._origins)
            return [whole if lane == turn else None for lane in range(lanes)]
        chosen = lanes_of(self._positions, lanes)
        keys = [[*compress(self._positions, map(lane.__eq__, chosen))] for lane in range(lanes)]
        return [self._share(table, stream, found) if found else None for found in keys]

    def _share(self, table: Table, stream: str, keys: list[Any]) -> Share:
        # Keys of several kinds, and NaN, have no order. They are written unsorted.
        with suppress(ArithmeticError, TypeError):
            keys.sort()
        positions = [*map(self._positions.__getitem__, keys)]
        if self._deleted:
            positions.sort(key=self._deleted.__contains__)
        kept = len(positions) - sum(map(self._deleted.__contains__, positions))
        elements = [*map(self._elements.__getitem__, positions)]
        return Share(
            table,
            stream,
            elements=elements[:kept],
            deleted=elements[kept:],
            positions=positions,
            origins=self._origins,
            replaced=self._replaced_of(keys) if self._replaced else {},
        )

    def _replaced_of(self, keys: Sequence[Hashable]) -> dict[int, list[Replaced]]:
        """The replaced records of some keys, by the position of the record that is written."""
        return {
            self._positions[key]: [
                Replaced(position, self._elements[position], position in self._deleted)
                for position in self._replaced[key]
            ]
            for key in keys
            if key in self._replaced
        }
