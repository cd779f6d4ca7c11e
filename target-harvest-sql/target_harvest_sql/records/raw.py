"""Records as they were sent: what they hold, and how to change a part of one.

A record stays raw; only what must be known of it is decoded, by decoders compiled from the schema.
"""

from __future__ import annotations

import math
import re
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import reduce
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from target_harvest_sql.columns import Kind

    Respell = Callable[[bytes], bytes]
    Tree = dict[str, Any]
    """By name of a property: what rewrites its value, or the tree of the properties below it."""


def exact_number(digits: str) -> Decimal:
    """Decode a number with every digit.

    Returns:
        The number; infinity if its exponent has more than 18 digits, which no database can hold.
    """
    try:
        return Decimal(digits)
    except InvalidOperation:
        return Decimal("-Infinity" if digits.startswith("-") else "Infinity")


decode_exactly = msgspec.json.Decoder(float_hook=exact_number).decode
"""Decodes JSON with every digit of its numbers."""


def _schema_number(digits: str) -> float | Decimal:
    double, exact = float(digits), exact_number(digits)
    return double if math.isfinite(double) and bool(double) == bool(exact) else exact


decode_schema = msgspec.json.Decoder(float_hook=_schema_number).decode
"""Decodes a schema, whose numbers are floats if those can hold them, such as not 1e309."""

_decode_level = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

MOMENTS: dict[Kind, Any] = {"date": date, "date-time": datetime, "time": time}
"""What values of these kinds are decoded to."""

_CONSTANTS = re.compile(rb'"(?:[^"\\]|\\.)*"|NaN|Infinity', re.DOTALL)

_SUSPECT = re.compile(rb"\\u(?:[dD][89a-fA-F]|0000)")
_ESCAPES = re.compile(
    rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F].."  # A pair of surrogates is one character.
    rb"|(u[dD][89a-fA-F]..)"
    rb"|(u0000)"
    rb"|.)",
    re.DOTALL,
)


def json_type(value: Any) -> str:
    """Name the type of a decoded value as JSON Schema does."""
    if value is None:
        return "null"
    names: dict[type, str] = {
        bool: "boolean",
        Decimal: "number",
        float: "number",
        int: "integer",
        list: "array",
        str: "string",
    }
    return names.get(type(value), "object")


def value_at(record: Any, path: Iterable[str]) -> Any:
    """Follow a path into a decoded record; `None` where it ends early."""
    return reduce(
        lambda value, name: value.get(name) if isinstance(value, dict) else None, path, record
    )


def may_delete(joined: bytes) -> bool:
    """Whether the tap may say of some records that they were deleted."""
    return b'"_sdc_deleted_at"' in joined


def is_deletion(record: bytes | msgspec.Raw) -> bool:
    """Whether the tap says of a record that it was deleted."""
    return decode_exactly(record).get("_sdc_deleted_at") is not None


def has_constant(record: bytes) -> bool:
    """Whether there is NaN or Infinity, which many encoders write though JSON has neither."""
    return any(match[0][:1] != b'"' for match in _CONSTANTS.finditer(record))


def needs_cleaning(record: bytes) -> bool:
    """Whether text may hold U+0000 or surrogates."""
    return b"\\" in record and _SUSPECT.search(record) is not None


def clean(record: bytes, *, keeps_nul: bool) -> bytes:
    """Put U+FFFD in place of half surrogate pairs, and of U+0000 where text cannot hold it."""

    def replacement(match: re.Match[bytes]) -> bytes:
        is_bad = match[1] or (match[2] and not keeps_nul)
        return rb"\ufffd" if is_bad else match[0]

    return _ESCAPES.sub(replacement, record)


def tree_of(places: Mapping[tuple[str, ...], Respell]) -> Tree:
    """Arrange what `rewrite` needs: by path, a function from a value's JSON to its new JSON."""
    tree: Tree = {}
    for (*parents, name), respell in places.items():
        level = tree
        for parent in parents:
            level = level.setdefault(parent, {})
        level[name] = respell
    return tree


def rewrite(record: bytes, tree: Tree) -> bytes:
    """Rewrite the values at some paths of a record, and leave all other values as they are.

    Args:
        record: A JSON object.
        tree: What `tree_of` made. A function is not called where the record has no value.

    Raises:
        msgspec.DecodeError: If the record is not a JSON object.
    """
    values = _decode_level(record)
    is_changed = False
    for name in tree.keys() & values.keys():
        old, below = bytes(values[name]), tree[name]
        if callable(below):
            new = below(old)
        else:
            new = rewrite(old, below) if old.startswith(b"{") else old
        if new != old:
            values[name] = msgspec.Raw(new)
            is_changed = True
    return msgspec.json.encode(values) if is_changed else record
