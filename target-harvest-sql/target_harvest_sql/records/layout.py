"""How a record lies in an element of a batch: as the object that it is, or as lists of its values.

An object is faster to make, and some databases find values by their names at no cost. Others sort
the names of each object that they read, and are faster with lists; or they walk through a text from
its beginning for each value, and are faster with short lists.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec.structs import astuple
from singer_sdk.exceptions import InvalidRecord

from target_harvest_sql.columns import CARRIED, RECORD

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_harvest_sql.columns import Column

NULL: Final = msgspec.Raw(b"null")


@dataclass(frozen=True, slots=True)
class Layout:
    """What stands around a record that is carried with metadata."""

    head: bytes
    """With a place for each metadata value, in the order of `CARRIED`."""
    end: bytes


OBJECT: Final = Layout(
    head=b"{%b," % b",".join(b'"%b":%%b' % name.encode() for name in CARRIED)
    + b'"%b":' % RECORD.encode(),
    end=b"}",
)
LISTS: Final = Layout(head=b"[" + b"%b," * len(CARRIED), end=b"]")


def as_lists(
    columns: Sequence[Column], length: int, *, has_metadata: bool
) -> tuple[list[Column], Callable[[bytes], bytes]]:
    """Lay records out as lists.

    What a statement names more than once, or takes as it is, stands alone; other values stand
    together in lists of a length, or alone as well. The bytes of a value are not touched.

    Args:
        columns: Columns with paths of names.
        length: How many values a list within the element has, at most; 1 for no such lists.
        has_metadata: Whether records are carried with metadata.

    Returns:
        The columns with paths of positions, and what makes a record's values from the record.
        Without metadata it makes a whole element.
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

    form = b",".join([b"%b"] * len(alone) + [b"[%b]" % b",".join([b"%b"] * len(m)) for m in lists])
    write = form.__mod__ if lists else b",".join  # The latter is faster by half.
    read = _reader([paths[n] for n in [*alone, *others]])

    def rebuild(record: bytes) -> bytes:
        try:
            values = write(read(record))
            return values if has_metadata else b"[%b]" % values
        except msgspec.DecodeError as error:
            raise InvalidRecord(f"it is not as its schema says: {error}", {}) from error

    return laid_out, rebuild


Shape = list["tuple[int, Shape]"]
"""Of each property: how many values lie below it, and their shape; none below a value."""


def _reader(paths: Sequence[tuple[str, ...]]) -> Callable[[bytes], tuple[msgspec.Raw, ...]]:
    """Compile what takes the values at some paths out of a record, in their order."""
    type_, shape, order = _object(paths)
    decode = msgspec.json.Decoder(type_).decode
    if not any(below for below, _ in shape):
        return lambda record: astuple(decode(record))
    pick = itemgetter(*map(order.index, paths), 0)  # With one place more, it is always a tuple.
    return lambda record: pick(_values(decode(record), shape))[:-1]


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
