"""A batch: the rows of a stream, one for each key, until they are handed over to the lanes."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_harvest_sql.writing.bad_rows import Row
from target_harvest_sql.writing.lanes import Share

if TYPE_CHECKING:
    from collections.abc import Hashable

    from target_harvest_sql.columns import Table
    from target_harvest_sql.writing.bad_rows import Origin


def lane_of(key: Hashable, lanes: int) -> int:
    """Choose the lane of a key: always the same one, and each lane about as often as another.

    Python mixes the hash of a tuple, but not that of an integer: all even ids would share a lane.
    """
    return hash((key,)) % lanes


class Batch:
    """The records of a stream that wait to be handed over.

    Args:
        is_keyed: Whether a later record of a key takes the place of an earlier.
    """

    def __init__(self, *, is_keyed: bool) -> None:
        self.size_bytes = 0
        self.first_ordinal: int | None = None
        """Ordinal of the first record; `None` while there is none."""
        self.began_at = 0.0
        """When the first record came, on the monotonic clock, in seconds."""
        self._is_keyed: Final = is_keyed
        self._by_key: dict[Hashable, bytes] = {}
        self._keyless: list[bytes] = []
        self._deleted: set[Hashable] = set()
        self._origins: dict[Hashable, Origin] = {}
        """Where the records came from, by key, or by their number in the batch."""
        self._earlier: dict[Hashable, list[Row]] = {}
        """Rows that others of their key replaced, in the order in which they came. They are written
        if the database refuses the last one."""
        self._ages: dict[Hashable, Any] = {}
        """The age of the records by key, where `newest_wins` names a property."""

    def __len__(self) -> int:
        """The number of rows."""
        return len(self._by_key) + len(self._keyless)

    def begin(self, ordinal: int) -> None:
        """Note the ordinal of the first record, and the time."""
        self.first_ordinal = ordinal
        self.began_at = time.monotonic()

    def hides(self, key: Hashable, age: Any) -> bool:
        """Whether a record of a key cannot stand for the one that it has, so that it must wait.

        A record without an age replaces any row, and so does a deletion. The row that comes after
        one of them is compared with nothing; but if it took their place in the batch, it would be
        compared with the row of the table.
        """
        if key not in self._by_key:
            return False
        newest = self._ages.get(key)
        if age is None:
            return False
        return newest is None or (key in self._deleted and age < newest)

    def put(
        self,
        key: Hashable,
        element: bytes,
        origin: Origin,
        *,
        is_deleted: bool = False,
        age: Any = None,
    ) -> None:
        """Take an element; of several with one key, the last is written, or the newest.

        Args:
            key: What identifies the row.
            element: A JSON object.
            origin: Where the record came from.
            is_deleted: Whether the row of the key is to be deleted.
            age: The value that says how new the record is; `None` if it has none.
        """
        self.size_bytes += len(element)
        if not self._is_keyed:
            self._origins[len(self._keyless)] = origin
            self._keyless.append(element)
            return
        earlier = self._by_key.get(key)
        if earlier is not None:
            origin = msgspec.structs.replace(origin, ordinal=self._origins[key].ordinal)
            rows = self._earlier.setdefault(key, [])
            newest = self._ages.get(key)
            if age is not None and newest is not None and age < newest:
                rows.append(Row(origin, element, is_deleted))
                return
            rows.append(Row(self._origins[key], earlier, key in self._deleted))
        if age is not None or self._ages:
            self._ages[key] = age
        (self._deleted.add if is_deleted else self._deleted.discard)(key)
        self._by_key[key] = element
        self._origins[key] = origin

    def shares(self, table: Table, stream: str, lanes: int, turn: int) -> list[Share | None]:
        """Split the batch by lanes, sorted by keys: a B-tree grows fastest in order.

        Args:
            table: The table of the rows.
            stream: Name of the stream.
            lanes: The number of lanes.
            turn: The lane that writes the whole batch if the table has no keys.
        """
        if not self._is_keyed:
            whole = Share(table, stream, self._keyless, (), list(self._origins.values()))
            return [whole if lane == turn else None for lane in range(lanes)]
        keys: list[list[Any]] = [[] for _ in range(lanes)]
        for key in self._by_key:
            keys[lane_of(key, lanes)].append(key)
        return [self._share(table, stream, found) if found else None for found in keys]

    def _share(self, table: Table, stream: str, keys: list[Any]) -> Share:
        # Keys of several kinds, or that are no numbers, have no order, and need none.
        with suppress(ArithmeticError, TypeError):
            keys.sort()
        if self._deleted:
            keys.sort(key=self._deleted.__contains__)
        kept = len(keys) - sum(key in self._deleted for key in keys)
        return Share(
            table,
            stream,
            elements=[self._by_key[key] for key in keys[:kept]],
            deleted=[self._by_key[key] for key in keys[kept:]],
            origins=[self._origins[key] for key in keys],
            earlier=[self._earlier.get(key, ()) for key in keys] if self._earlier else (),
        )
