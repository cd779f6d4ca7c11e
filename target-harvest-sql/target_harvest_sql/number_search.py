"""Searches of a record's bytes for numbers that are written in some way, without decoding it.

Bytes are translated first: digits to 0, and so on. Few expressions remain then, and they begin with
bytes that are found fast. A text may hold what looks like such a number; that costs time alone.
"""

from __future__ import annotations

import re
from typing import Final


def _table(*, point: int) -> bytes:
    """Digits become 0, signs -, the letter of an exponent e, and what may end a number a comma."""
    marks = {**dict.fromkeys(b"0123456789", 0x30), **dict.fromkeys(b"eE", 0x65)}
    marks |= {**dict.fromkeys(b"+-", 0x2D), **dict.fromkeys(b",]} \t\r\n", 0x2C), 0x2E: point}
    return bytes(marks.get(byte, 0x20) for byte in range(256))


RUNS: Final = _table(point=0x30)
"""A point becomes 0 as well, so that the digits of a number are one run of zeros."""
SHAPES: Final = _table(point=0x2E)

MANY_DIGITS: Final = b"0" * 16
LARGE_EXPONENT: Final = re.compile(rb"0e-?000+,")
EXPONENT: Final = re.compile(rb"0e-?0+,")
NEGATIVE_ZERO: Final = re.compile(rb"-0[ \t\r\n]*[,\]}]")


def may_exceed_double(record: bytes) -> bool:
    """Whether a number may have more digits, or a larger exponent, than every double keeps.

    A number of 15 digits is the same as text and as a double, one of 16 may not be. The exponents
    of doubles reach from -324 to 308.
    """
    runs = record.translate(RUNS)
    return MANY_DIGITS in runs or (b"0e" in runs and LARGE_EXPONENT.search(runs) is not None)


class NumberSearch:
    """Finds numbers that have an exponent, or more than so many digits after the point."""

    def __init__(self, digits: int) -> None:
        self._fraction = b"." + b"0" * (digits + 1)
        self._whole_fraction = re.compile(rb"\.0{%d,}," % (digits + 1))

    def finds(self, record: bytes) -> bool:
        """Whether a raw record may have one."""
        shapes = record.translate(SHAPES)
        return (self._fraction in shapes and self._whole_fraction.search(shapes) is not None) or (
            b"0e" in shapes and EXPONENT.search(shapes) is not None
        )


_WHOLE_NUMBERS = NumberSearch(0)


def is_odd(record: bytes) -> bool:
    """Whether a number may have a fraction, an exponent, or the sign of a negative zero."""
    return _WHOLE_NUMBERS.finds(record) or (
        b"-0" in record and NEGATIVE_ZERO.search(record) is not None
    )
