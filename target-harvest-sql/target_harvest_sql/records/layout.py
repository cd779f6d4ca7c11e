"""How a record lies in an element of a batch: as the object that it is, or as lists of its values.

An object is faster to make, and some databases find values by their names at no cost. Others sort
the names of each object that they read, and are faster with lists; or they walk through a text from
its beginning for each value, and are faster with short lists.
"""

from __future__ import annotations

from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
from msgspec.structs import astuple
from singer_sdk.exceptions import InvalidRecord

from target_harvest_sql.columns import CARRIED, RECORD

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_harvest_sql.columns import Column
    from target_harvest_sql.records.blocks import Raw

    Values = tuple[Any, ...]

NULL: Final = msgspec.Raw(b"null")


class Layout(Protocol):
    """Makes the elements of a batch in two steps, as the metadata may change between them."""

    head: bytes
    """The JSON of the metadata in an element, with a place for each value in the order of
    `CARRIED`."""

    def values(self, records: Sequence[Raw], joined: bytes) -> Sequence[Any]:
        """Take out of each record what an element holds of it.

        Args:
            records: JSON objects.
            joined: The same as one JSON array.

        Raises:
            InvalidRecord: If a record is not as its schema says.
        """

    def elements(self, values: Sequence[Any], head: bytes) -> list[bytes]:
        """Write the elements.

        Args:
            values: What `values` made of each record, or a part of it.
            head: The metadata, written as the attribute `head` says; empty if there are none.
        """


class ObjectLayout:
    """An element is the record, or an object with the metadata and the record."""

    head = b"{%b," % b",".join(b'"%b":%%b' % name.encode() for name in CARRIED)

    def values(self, records: Sequence[Raw], joined: bytes) -> Sequence[Raw]:  # noqa: ARG002
        """Take the records as they are."""
        return records

    def elements(self, values: Sequence[Raw], head: bytes) -> list[bytes]:
        """Write the elements."""
        if not head:
            return [*map(bytes, values)]
        start = head + b'"%b":' % RECORD.encode()
        return [b"%b%b}" % (start, record) for record in values]


class ListLayout:
    """An element is a list of the metadata, of values, and of lists of values.

    Args:
        paths: Where in a record the values stand, in the order of the element.
        alone: How many values stand alone; they are the first.
        length: How many of the other values a list holds.
    """

    head = b",".join([b"%b"] * len(CARRIED))

    def __init__(self, paths: Sequence[tuple[str, ...]], alone: int, length: int) -> None:
        type_, shape, order = _object(paths)
        self._decode: Callable[[bytes], list[Any]] = msgspec.json.Decoder(list[type_]).decode  # type: ignore[valid-type]
        self._flat: Callable[[Any], Values] = astuple
        if any(below for below, _ in shape):
            pick = _getter([order.index(path) for path in paths])
            self._flat = lambda decoded: pick(_values(decoded, shape))
        starts = range(alone, len(paths), length)
        places = [*range(alone), *(slice(start, start + length) for start in starts)]
        self._nest = _getter(places) if starts else None
        self._encode = msgspec.json.Encoder().encode

    def values(self, records: Sequence[Raw], joined: bytes) -> list[Values]:  # noqa: ARG002
        """Take the values out of the records, as JSON."""
        try:
            rows = map(self._flat, self._decode(joined))
        except msgspec.DecodeError as error:
            raise InvalidRecord(f"it is not as its schema says: {error}", {}) from error
        return [*(rows if self._nest is None else map(self._nest, rows))]

    def elements(self, values: Sequence[Values], head: bytes) -> list[bytes]:
        """Write the elements."""
        # A raw value may well be several, with their commas.
        rows = map((msgspec.Raw(head),).__add__, values) if head else values
        return [*map(self._encode, rows)]


def as_lists(
    columns: Sequence[Column], length: int, *, has_metadata: bool
) -> tuple[list[Column], ListLayout]:
    """Lay records out as lists.

    What a statement names more than once, or takes as it is, stands alone; other values stand
    together in lists of a length, or alone as well. The bytes of a value are not touched.

    Args:
        columns: Columns with paths of names.
        length: How many values a list within the element has, at most; 1 for no such lists.
        has_metadata: Whether records are carried with metadata.

    Returns:
        The columns with paths of positions, and their layout.
    """
    of_record = [c for c in columns if not has_metadata or c.path[0] == RECORD]
    paths = [column.path[has_metadata:] for column in of_record]
    alone = [n for n, c in enumerate(of_record) if length == 1 or c.kind in {"date-time", "json"}]
    others = [n for n in range(len(of_record)) if n not in alone]
    lists = [others[start : start + length] for start in range(0, len(others), length)]
    first = len(CARRIED) if has_metadata else 0
    places: dict[int, tuple[str, ...]] = {n: (str(first + i),) for i, n in enumerate(alone)}
    for i, members in enumerate(lists, first + len(alone)):
        places |= {n: (str(i), str(j)) for j, n in enumerate(members)}
    placed = {column.name: places[n] for n, column in enumerate(of_record)}
    carried: dict[tuple[str, ...], tuple[str, ...]] = {
        (name,): (str(i),) for i, name in enumerate(CARRIED)
    }
    laid_out = [
        replace(c, path=placed[c.name] if c.name in placed else carried[c.path]) for c in columns
    ]
    return laid_out, ListLayout([paths[n] for n in [*alone, *others]], len(alone), length)


Shape = list["tuple[int, Shape]"]
"""Of each property: how many values lie below it, and their shape; none below a value."""


def _getter(places: Sequence[int | slice]) -> Callable[[Sequence[Any]], Values]:
    """Make what takes the values at some places, as a tuple of any length."""
    if len(places) != 1:
        return itemgetter(*places)
    [place] = places
    return lambda values: (values[place],)


def _object(paths: Sequence[tuple[str, ...]]) -> tuple[Any, Shape, list[tuple[str, ...]]]:
    """The type of an object with values at some paths, its shape, and the paths in its order."""
    heads: dict[str, list[tuple[str, ...]]] = {}
    for head, *rest in paths:
        heads.setdefault(head, []).append(tuple(rest))
    fields: list[tuple[str, Any, Any]] = []
    shape: Shape = []
    order: list[tuple[str, ...]] = []
    for head, below in heads.items():
        field = f"f{len(fields)}"
        if below == [()]:
            fields.append((field, msgspec.Raw, msgspec.field(name=head, default=NULL)))
            shape.append((0, []))
            order.append((head,))
        else:
            inner, inner_shape, inner_order = _object(below)
            fields.append((field, inner | None, msgspec.field(name=head, default=None)))
            shape.append((len(below), inner_shape))
            order += [(head, *path) for path in inner_order]
    return msgspec.defstruct("Object", fields, gc=False), shape, order


def _values(decoded: Any, shape: Shape) -> list[msgspec.Raw]:
    values: list[msgspec.Raw] = []
    for value, (below, inner) in zip(astuple(decoded), shape, strict=True):
        if not below:
            values.append(value)
        elif value is None:
            values += [NULL] * below
        else:
            values += _values(value, inner)
    return values
