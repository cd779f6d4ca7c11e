"""What tells records apart, and the newer from the older: read without decoding the rest."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from singer_sdk.exceptions import MissingKeyPropertiesError
from singer_sdk.singerlib.json import serialize_json

from target_harvest_sql.records.paths import PLAIN_NAME
from target_harvest_sql.records.raw import MOMENTS, decode_exactly, json_type, value_at

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Sequence
    from datetime import time

    from target_harvest_sql.columns import Column, Kind
    from target_harvest_sql.records.blocks import Raw

    Comparable = Callable[[Any], Hashable]

_TEXT: Any = str | int
_TYPES: dict[Kind, Any] = {
    **MOMENTS,
    "boolean": bool,
    "decimal": Decimal,
    "integer": int,
    "number": Decimal,  # Numbers may differ beyond a double.
}
"""What values of a key are decoded to; those of other kinds are scalars of any type."""


def key_reader(
    columns: Sequence[Column],
    path_of: Callable[[Column], tuple[str, ...]],
    *,
    as_text: Collection[Column],
) -> Callable[[Sequence[Raw], bytes], list[Hashable]]:
    """Compile what reads the keys of records without decoding the rest.

    Two keys are equal if they are to the database, so that a batch holds one of them.

    Args:
        columns: The key columns.
        path_of: Where in the record a column's value stands.
        as_text: Those that the database keeps as text, so that two texts are two keys though they
            mean the same.

    Returns:
        A function from raw records, and the same as one JSON array, to their keys. A key is a tuple
        if there are several columns. The function raises `MissingKeyPropertiesError` if a key
        property is missing, null, or not of its column's kind.
    """
    paths = [path_of(column) for column in columns]
    types = [_TEXT if c in as_text and c.kind != "json" else _TYPES.get(c.kind) for c in columns]
    alike = [_comparable(column, is_text=column in as_text) for column in columns]
    is_single = len(columns) == 1

    def read_any(record: Raw) -> Hashable:
        """Decode the whole record."""
        try:
            decoded = decode_exactly(record)
            key = [
                make(_scalar(value_at(decoded, path), type_))
                for path, type_, make in zip(paths, types, alike, strict=True)
            ]
        except (AttributeError, msgspec.DecodeError, TypeError, ValueError) as error:
            raise _key_error(record, columns, path_of) from error
        return key[0] if is_single else tuple(key)

    is_plain = all(PLAIN_NAME.fullmatch(name) for path in paths for name in path)
    if None in types or not is_plain:
        return lambda records, _: [*map(read_any, records)]
    root = _key_type(list(zip(paths, types, strict=True)))
    decode: Callable[[bytes], list[Any]] = msgspec.json.Decoder(list[root]).decode  # type: ignore[valid-type]
    get = attrgetter(*(".".join(map(_attribute, path)) for path in paths))

    def read(records: Sequence[Raw], joined: bytes) -> list[Hashable]:
        try:
            found = [*map(get, decode(joined))]
            if is_single:
                return [*map(alike[0], found)]
            parts = zip(*found, strict=True)
            made = [[*map(make, part)] for make, part in zip(alike, parts, strict=True)]
            return [*zip(*made, strict=True)]
        except (msgspec.DecodeError, ValueError):
            return [*map(read_any, records)]

    return read


def _scalar(value: Any, type_: Any) -> Any:
    """Make a decoded value what the typed decode makes of it.

    Raises:
        ValueError, TypeError, msgspec.ValidationError: If it is none of that type.
    """
    if value is None or isinstance(value, dict | list):
        raise ValueError
    if type_ in MOMENTS.values():
        return type_.fromisoformat(value)
    return value if type_ in {_TEXT, None} else msgspec.convert(value, type_)


def _comparable(column: Column, *, is_text: bool) -> Comparable:
    """Choose what makes of equal values of a column one value, and of others two."""
    if column.foreign_type in {"uniqueidentifier", "uuid"}:
        return UUID
    if is_text:
        return serialize_json if column.kind == "json" else _text
    makers: dict[Kind, Comparable] = {
        "date-time": _instant,
        "decimal": _finite,
        "json": _told,
        "time": _clock,
    }
    return makers.get(column.kind, _itself)


def _itself(value: Any) -> Hashable:
    return value  # type: ignore[no-any-return]


def _text(value: Any) -> str:
    """Write a number or a truth value as databases do where a column holds text."""
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else serialize_json(value)


def _finite(value: Decimal) -> Decimal:
    """Refuse what is not even equal to itself."""
    if not value.is_finite():
        raise ValueError
    return value


def _told(value: Any) -> Hashable:
    """Tell true from 1."""
    return (value,) if isinstance(value, bool) else value


def _instant(value: datetime) -> datetime:
    """Give a moment without an offset that of UTC, as databases do."""
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _clock(value: time) -> time:
    """Leave out the mark of UTC; other offsets are refused."""
    return value.replace(tzinfo=None)


def _attribute(name: str) -> str:
    """Name the attribute that holds a property."""
    return f"p{name.encode().hex()}"


def _key_type(leaves: Sequence[tuple[tuple[str, ...], Any]]) -> Any:
    """A type with only the properties on the paths, none of which may be missing."""
    heads: dict[str, list[tuple[tuple[str, ...], Any]]] = {}
    for (head, *rest), type_ in leaves:
        heads.setdefault(head, []).append((tuple(rest), type_))
    fields = [
        (
            _attribute(head),
            below[0][1] if not below[0][0] else _key_type(below),
            msgspec.field(name=head),
        )
        for head, below in heads.items()
    ]
    return msgspec.defstruct("Key", fields, gc=False)


def _key_error(
    record: Raw, columns: Sequence[Column], path_of: Callable[[Column], tuple[str, ...]]
) -> MissingKeyPropertiesError:
    try:
        decoded = decode_exactly(record)
    except msgspec.DecodeError:
        return MissingKeyPropertiesError("it is not JSON")
    for column in columns:
        value = value_at(decoded, path_of(column))
        if value is None:
            return MissingKeyPropertiesError(f"its key property {column.source} is missing or null")
        if isinstance(value, dict | list):
            return MissingKeyPropertiesError(
                f"its key property {column.source} is an {json_type(value)}, which is no key"
            )
    wanted = ", ".join(f"{column.source} ({column.kind})" for column in columns)
    return MissingKeyPropertiesError(f"a key property is not of its type: {wanted}")


def age_reader(path: Sequence[str], kind: Kind) -> Callable[[Raw], Any]:
    """Compile what tells which of two records is newer.

    Args:
        path: Where in a record the value stands that tells.
        kind: What it is: a number, a date or a date-time.

    Returns:
        A function from raw record to a value that compares; `None` if the record has none,
        or one of another kind.
    """

    def read(record: Raw) -> Any:
        value = value_at(decode_exactly(record), path)
        if kind in {"integer", "number"}:
            return value if type(value) in {int, Decimal} else None
        if kind == "date" or not isinstance(value, str):
            return value if isinstance(value, str) else None
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    return read
