"""What tells records apart, and the newer from the older: read without decoding the rest."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.exceptions import MissingKeyPropertiesError

from target_harvest_sql.columns import PLAIN_NAME
from target_harvest_sql.records import MOMENTS, decode_exactly, json_type, value_at

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Sequence

    from target_harvest_sql.columns import Column, Kind

_SCALAR: Any = bool | int | float | str


def key_reader(
    columns: Sequence[Column],
    path_of: Callable[[Column], tuple[str, ...]],
    *,
    kinds_as_text: Collection[Kind],
) -> Callable[[bytes], Hashable]:
    """Compile what reads a record's key without decoding the rest.

    Args:
        columns: The key columns.
        path_of: Where in the record a column's value stands.
        kinds_as_text: Kinds that the database keeps as text, so that two texts are two keys
            though they mean the same.

    Returns:
        A function from raw record to key. It raises `MissingKeyPropertiesError` if a key property
        is missing, null, or not of its column's kind.
    """
    paths = [path_of(column) for column in columns]
    if not all(PLAIN_NAME.fullmatch(name) for path in paths for name in path):
        return _any_key_reader(columns, path_of)
    types: dict[Kind, Any] = {"boolean": bool, "integer": int, "json": _SCALAR}
    types |= {"decimal": Decimal, "number": Decimal}  # Numbers may differ beyond a double.
    types |= {kind: type_ for kind, type_ in MOMENTS.items() if kind not in kinds_as_text}
    root = _key_type([(path_of(column), types.get(column.kind, str)) for column in columns])
    decode = msgspec.json.Decoder(root).decode
    astuple = msgspec.structs.astuple
    is_single = len(columns) == 1 and len(paths[0]) == 1

    def read(record: bytes) -> Hashable:
        try:
            decoded = decode(record)
        except msgspec.DecodeError as error:
            raise _key_error(record, columns, path_of) from error
        key = astuple(decoded)
        return key[0] if is_single else key

    if not {datetime, _SCALAR} & {types.get(column.kind) for column in columns}:
        return read

    def read_comparable(record: bytes) -> Hashable:
        key: Any = read(record)
        return _comparable(key) if is_single else tuple(map(_comparable, key))

    return read_comparable


def _comparable(value: Any) -> Any:
    """Give a moment without an offset that of UTC, as databases do; and tell true from 1."""
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return (value,) if isinstance(value, bool) else value


def _any_key_reader(
    columns: Sequence[Column], path_of: Callable[[Column], tuple[str, ...]]
) -> Callable[[bytes], Hashable]:
    """Read keys whose names msgspec's types cannot spell: the whole record is decoded."""

    def read(record: bytes) -> Hashable:
        decoded = msgspec.json.decode(record)
        key = tuple(value_at(decoded, path_of(column)) for column in columns)
        if any(value is None or isinstance(value, dict | list) for value in key):
            raise _key_error(record, columns, path_of)
        return tuple(map(_comparable, key))

    return read


def _key_type(leaves: Sequence[tuple[tuple[str, ...], Any]]) -> Any:
    """A hashable type with only the properties on the paths, none of which may be missing."""
    heads: dict[str, list[tuple[tuple[str, ...], Any]]] = {}
    for (head, *rest), type_ in leaves:
        heads.setdefault(head, []).append((tuple(rest), type_))
    fields = [
        (
            f"f{index}",
            below[0][1] if not below[0][0] else _key_type(below),
            msgspec.field(name=head),
        )
        for index, (head, below) in enumerate(heads.items())
    ]
    return msgspec.defstruct("Key", fields, frozen=True)


def _key_error(
    record: bytes, columns: Sequence[Column], path_of: Callable[[Column], tuple[str, ...]]
) -> MissingKeyPropertiesError:
    try:
        decoded = msgspec.json.decode(record)
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


def age_reader(path: Sequence[str], kind: Kind) -> Callable[[bytes], Any]:
    """Compile what tells which of two records is newer.

    Args:
        path: Where in a record the value stands that tells.
        kind: What it is: a number, a date or a date-time.

    Returns:
        A function from raw record to a value that compares; `None` if the record has none,
        or one of another kind.
    """

    def read(record: bytes) -> Any:
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
