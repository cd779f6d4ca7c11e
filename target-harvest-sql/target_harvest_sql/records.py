"""Records as they were sent: what they hold, and what a database could not hold of it.

A record stays raw; only what must be known of it is decoded, by decoders compiled from the schema.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import reduce
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.singerlib.json import serialize_json

from target_harvest_sql.columns import KINDS_OF_TEXT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_harvest_sql.columns import Column, Kind

decode_exactly = msgspec.json.Decoder(float_hook=Decimal).decode
"""Decodes JSON with every digit of its numbers."""

MOMENTS: dict[Kind, Any] = {"date": date, "date-time": datetime, "time": time}
"""What values of these kinds are decoded to."""

# Digits and points become 0, the rest a space.
_DIGITS = bytes(0x30 if chr(byte) in "0123456789." else 0x20 for byte in range(256))
_MANY_DIGITS = b"0" * 16

_EXPONENT = re.compile(rb"\d[eE][-+]?\d")
_MOST_ZEROS = 100

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
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return names.get(type(value), "object")


def value_at(record: Any, path: Iterable[str]) -> Any:
    """Follow a path into a decoded record; `None` where it ends early."""
    return reduce(
        lambda value, name: value.get(name) if isinstance(value, dict) else None, path, record
    )


def is_deletion(record: bytes) -> bool:
    """Whether the tap says of a record that it was deleted."""
    return (
        b'"_sdc_deleted_at"' in record
        and msgspec.json.decode(record).get("_sdc_deleted_at") is not None
    )


def has_long_number(record: bytes) -> bool:
    """Whether there may be a number with more digits than every double keeps."""
    return _MANY_DIGITS in record.translate(_DIGITS)


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


def quote_numbers(record: bytes, paths: Iterable[tuple[str, ...]]) -> bytes:
    """Write the numbers at some paths as text, for a database that reads numbers as doubles."""
    decoded = decode_exactly(record)
    is_changed = False
    for *parents, name in paths:
        holder, value = value_at(decoded, parents), value_at(decoded, (*parents, name))
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            holder[name] = str(value)
            is_changed = True
    return serialize_json(decoded).encode() if is_changed else record


def has_exponent(record: bytes) -> bool:
    """Whether there may be a number with an exponent."""
    return _EXPONENT.search(record) is not None


def write_plainly(record: bytes, paths: Iterable[tuple[str, ...]]) -> bytes:
    """Write the numbers at some paths, and texts that are numbers, as text without an exponent."""
    decoded = decode_exactly(record)
    is_changed = False
    for *parents, name in paths:
        holder, value = value_at(decoded, parents), value_at(decoded, (*parents, name))
        if isinstance(value, str | Decimal) and "E" in str(value).upper():
            with suppress(InvalidOperation):
                number = Decimal(value)
                # No column holds others, but for zero; written out, they might fill the memory.
                if number.is_finite() and abs(number.adjusted()) <= _MOST_ZEROS:
                    holder[name] = f"{number:f}"
                    is_changed = True
    return serialize_json(decoded).encode() if is_changed else record


def find_lost_digits(
    record: bytes,
    columns: Iterable[Column],
    path_of: Callable[[Column], tuple[str, ...]],
    *,
    lossy_kinds: frozenset[Kind],
) -> Column | None:
    """Find a column whose number the database would change: beyond 64 bits, or beyond a double."""
    decoded = decode_exactly(record)
    for column in columns:
        value = value_at(decoded, path_of(column))
        if column.kind == "integer":
            if isinstance(value, int) and not -(2**63) <= value < 2**63:
                return column
        elif column.kind in lossy_kinds - KINDS_OF_TEXT and _loses_digits(value):
            return column
    return None


def _loses_digits(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_loses_digits, value.values()))
    if isinstance(value, list):
        return any(map(_loses_digits, value))
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        exact = Decimal(value)
        return Decimal(repr(float(exact))) != exact
    return False
