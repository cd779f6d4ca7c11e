"""Messages that are almost right: what stands around a record is read apart from the record.

A strict decoder refuses a line as a whole. Here a line is split at its top level, so that a record
that is not JSON can be refused by itself, and small faults of other members can be mended.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKENS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[][{}:,]', re.DOTALL)
"""Texts, and the signs that give JSON its structure."""

OPENING: Final = frozenset({b"[", b"{"})
CLOSING: Final = frozenset({b"]", b"}"})

MAX_ADJUSTED: Final = 18
"""The power of ten of the largest 64-bit integer."""


def split_record(line: bytes) -> tuple[bytes, bytes]:
    """Split a line into a message without its record, and the record.

    A version such as `1.0` becomes `1`. A `time_extracted` that is not text becomes text.

    Args:
        line: A JSON object, of which the members may not be JSON.

    Returns:
        The message as a JSON object, if its members are JSON; the record as it was sent, empty if
        there is none.

    Raises:
        ValueError: If the line is not an object, or has no clear end.
    """
    members = dict(_members(line.strip()))
    record = members.pop(b'"record"', b"")
    if b'"version"' in members:
        members[b'"version"'] = _whole(members[b'"version"'])
    extracted_at = members.get(b'"time_extracted"', b"null")
    if extracted_at != b"null" and not extracted_at.startswith(b'"'):
        members[b'"time_extracted"'] = msgspec.json.encode(extracted_at.decode(errors="replace"))
    return b"{%b}" % b",".join(b"%b:%b" % member for member in members.items()), record


def _members(line: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Split an object at its top level: names with their quotes, values as they were sent."""
    name: bytes | None = None
    start = 1
    depth = 0
    for token in TOKENS.finditer(line):
        sign = token[0]
        if sign in OPENING:
            depth += 1
        elif sign in CLOSING:
            depth -= 1
        is_end = depth == 0
        if depth == 1 and sign == b":" and name is None:
            name, start = line[start : token.start()].strip(), token.end()
        elif is_end or (depth == 1 and sign == b","):
            if name is not None:
                yield name, line[start : token.start()].strip()
            name, start = None, token.end()
        if is_end:
            if not line.startswith(b"{") or token.end() != len(line):
                raise ValueError
            return
    raise ValueError


def _whole(number: bytes) -> bytes:
    """Write an integer without a fraction or an exponent; what is none stays."""
    try:
        exact = Decimal(number.decode())
    except (InvalidOperation, UnicodeDecodeError):
        return number
    is_whole = exact.is_finite() and exact.adjusted() <= MAX_ADJUSTED and exact == int(exact)
    return str(int(exact)).encode() if is_whole else number
