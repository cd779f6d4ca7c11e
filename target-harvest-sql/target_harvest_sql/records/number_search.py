"""Searches of a record's bytes for numbers that are written in some way, without decoding it.

Bytes are translated first: digits to 0, and so on. Few expressions remain then, and they begin with
bytes that are found fast. A text may hold what looks like such a number; that costs time alone.
"""

from __future__ import annotations

import re
from typing import Final


def _table(**marks: str) -> bytes:
    """Digits become 0, the letter of an exponent e, the rest what is given or a space."""
    table = {**dict.fromkeys("0123456789", "0"), **dict.fromkeys("eE", "e")}
    table |= dict.fromkeys("+-", marks["sign"]) | dict.fromkeys(",]} \t\r\n", marks["end"])
    return bytes(ord((table | {".": marks["point"]}).get(chr(byte), " ")) for byte in range(256))


RUNS: Final = _table(sign="0", point="0", end=" ")
"""The digits of a number become one run of zeros, with its point and its sign."""
SHAPES: Final = _table(sign="-", point=".", end=",")

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
    return MANY_DIGITS in runs or (
        b"0e000" in runs and LARGE_EXPONENT.search(record.translate(SHAPES)) is not None
    )


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
