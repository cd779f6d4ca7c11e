"""The numbers of records: spelled so that each column keeps every digit, or refused."""

from __future__ import annotations

import math
import re
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, InvalidOperation
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec
from singer_sdk.exceptions import InvalidRecord

from target_harvest_sql.columns import KINDS_OF_TEXT, METADATA
from target_harvest_sql.records.inexact import InexactValueError, InexactValues
from target_harvest_sql.records.number_search import is_odd, may_exceed_double
from target_harvest_sql.records.raw import decode_exactly, exact_number, rewrite, tree_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from target_harvest_sql.columns import Column, Kind
    from target_harvest_sql.dialects.base import Dialect
    from target_harvest_sql.records.raw import Respell

EXPONENT: Final = re.compile(rb"\d[eE][-+]?\d")
"""An exponent, within text too."""

NUMBER: Final = re.compile(r"-?\d+\.(\d+)")
"""A number with a fraction, of which the digits are the first group."""

MOST_ZEROS: Final = 1000
"""The most zeros that are written in place of an exponent. More of them might fill the memory."""
INTEGERS: Final = (-(2**63), 2**63)
"""The range of a column of integers, without its end."""
JSON_INTEGERS: Final = (-(2**63), 2**64)
"""The range in which every database keeps an integer inside JSON, without its end."""

_encode: Final = msgspec.json.Encoder(decimal_format="number").encode


class Digits:
    """The numbers of a stream's records, as the columns need them.

    An integer that was sent as `5.0` or `5e0` is written as `5`. Where a column holds text, a
    number becomes the text that was sent. What the database would round is refused or rounded here.

    Args:
        columns: With the kinds that the table holds.
        path_of: Where in the record a column's value stands.
        dialect: What the columns keep of numbers.
        inexact: Whether numbers are rounded.
    """

    def __init__(
        self,
        columns: Iterable[Column],
        path_of: Callable[[Column], tuple[str, ...]],
        dialect: Dialect,
        inexact: InexactValues,
    ) -> None:
        self._dialect = dialect
        self._inexact = inexact
        self._is_lossy = bool(dialect.lossy_kinds)
        respellings = [
            (column, respell)
            for column in columns
            if column.name not in METADATA and (respell := self._respelling(column))
        ]
        self._tree = tree_of({path_of(column): respell for column, respell in respellings})
        self._are_odd_relevant = bool(respellings)
        self._are_odd_relevant_if_typed = any(
            (column.number_type and column.kind in KINDS_OF_TEXT)
            or (column.is_key and column.kind == "json")
            for column, _ in respellings
        )
        self._wants_plain = any(respell is _plainly for _, respell in respellings)
        self._rounds_decimals = inexact.rounds and any(
            dialect.scale_of(column) is not None for column, _ in respellings
        )

    def may_matter(self, joined: bytes, *, is_typed: bool) -> bool:
        """Whether `respell` may have something to do; a quick look at the bytes.

        Args:
            joined: A raw record, or several as one JSON array.
            is_typed: Whether each value is known to be of the type that the schema says, and each
                integer to be written with digits alone.
        """
        if self._rounds_decimals:
            return True
        if (self._is_lossy or not is_typed) and may_exceed_double(joined):
            return True
        if self._wants_plain and EXPONENT.search(joined):
            return True
        relevant = self._are_odd_relevant_if_typed if is_typed else self._are_odd_relevant
        return relevant and is_odd(joined)

    def respell(self, record: bytes) -> bytes:
        """Write the numbers of a record as its columns need them.

        Raises:
            InexactValueError: If the database would round a number, or has no place for it.
            InvalidRecord: If the record cannot be read.
        """
        try:
            return rewrite(record, self._tree)
        except msgspec.DecodeError as error:
            raise InvalidRecord("it is not JSON, or has a number of thousands of digits", {}) from (
                error
            )

    def _respelling(self, column: Column) -> Respell | None:
        """Choose what rewrites the numbers of a column; nothing if it takes them as they are."""
        dialect, kind = self._dialect, column.kind
        is_lossy = kind in dialect.lossy_kinds
        if kind in KINDS_OF_TEXT and dialect.is_text(column):
            return partial(_as_text, column) if column.is_key or is_lossy else None
        if self._inexact.rounds and dialect.scale_of(column) is not None and not column.is_key:
            return partial(self._as_decimal, column)
        if dialect.wants_plain_digits(column):
            return _plainly
        checks: dict[Kind, Callable[[Column, bytes], bytes]] = {"integer": self._as_integer}
        if is_lossy:
            checks |= {"json": self._checked_json, "number": self._checked_number}
        if column.is_key:
            checks["json"] = self._as_json_key
        return partial(checks[kind], column) if kind in checks else None

    def _as_integer(self, column: Column, value: bytes) -> bytes:
        if not _is_number(value):
            return value
        number = exact_number(value.decode())
        if _is_whole(number) and not INTEGERS[0] <= number < INTEGERS[1]:
            raise self._out_of_range(column)
        return b"%d" % int(number) if _is_whole(number) else value

    def _as_json_key(self, column: Column, value: bytes) -> bytes:
        """Write equal numbers in one way, as their texts are compared."""
        if not _is_number(value):
            return value
        number = exact_number(self._checked_json(column, value).decode())
        if (whole := _whole_text(number)) is not None:
            return whole.encode()
        exact = Context(prec=len(value), Emax=MAX_EMAX, Emin=MIN_EMIN)
        return str(number.normalize(exact)).encode() if number.is_finite() else value

    def _checked_json(self, column: Column, value: bytes) -> bytes:
        if "json" not in self._dialect.lossy_kinds:
            return value
        decoded = decode_exactly(value)
        count = sum(map(self._is_rounded, _leaves(decoded)))
        if not count:
            return value
        self._inexact.take(
            column,
            f"a number in the JSON at {column.source} has more digits than {self._dialect.name} "
            "keeps",
            "Let the tap send it as text",
            count=count,
        )
        return _encode(self._rounded(decoded))

    def _is_rounded(self, value: Any) -> bool:
        """Whether the database rounds a value inside JSON."""
        if type(value) is int:
            is_short = JSON_INTEGERS[0] <= value < JSON_INTEGERS[1]
            return not (is_short or self._dialect.keeps_json_integers)
        return isinstance(value, Decimal) and is_rounded(value)

    def _rounded(self, value: Any) -> Any:
        """Round the numbers inside JSON that the database would round."""
        if isinstance(value, dict):
            return {name: self._rounded(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [*map(self._rounded, value)]
        return float(value) if self._is_rounded(value) else value

    def _checked_number(self, column: Column, value: bytes) -> bytes:
        if not _is_number(value):
            return value
        number = exact_number(value.decode())
        if not math.isfinite(float(number)):
            raise self._out_of_range(column)
        if not is_rounded(number):
            return value
        self._inexact.take(
            column,
            f"a number at {column.source} has more digits than {self._dialect.name} keeps as "
            f"{column.kind}",
            "Let the schema say `format: singer.decimal` of it",
        )
        return repr(float(number)).encode()

    def _as_decimal(self, column: Column, value: bytes) -> bytes:
        """Write a number, or a text that is one, with the digits after the point of its column."""
        plain = _plainly(value)
        text = msgspec.json.decode(plain) if plain.startswith(b'"') else plain.decode()
        scale = self._dialect.scale_of(column)
        fraction = NUMBER.fullmatch(text) if isinstance(text, str) else None
        if fraction is None or scale is None or not fraction[1][scale:].strip("0"):
            return plain
        number = Decimal(text)
        exact = Context(prec=len(text), Emax=MAX_EMAX, Emin=MIN_EMIN)
        self._inexact.take(
            column,
            f"a number at {column.source} has more than {scale} digits after the point",
            "Let the schema say `format: singer.decimal` of it, without a scale",
        )
        return f'"{number.quantize(Decimal(1).scaleb(-scale), context=exact):f}"'.encode()

    def _out_of_range(self, column: Column) -> InexactValueError:
        return InexactValueError(
            f"a number at {column.source} is beyond what {self._dialect.name} holds as "
            f"{column.kind}",
            "Let the schema say `format: singer.decimal` of it",
        )


def _leaves(value: Any) -> Iterator[Any]:
    """The values inside JSON that are neither objects nor arrays."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _leaves(inner)
    else:
        yield value


def is_rounded(number: Decimal) -> bool:
    """Whether a double has not every digit of a number; not so beyond the largest double."""
    double = float(number)
    return math.isfinite(double) and Decimal(repr(double)) != number


def _is_number(value: bytes) -> bool:
    return value[:1] in b"-0123456789"


def _is_whole(number: Decimal) -> bool:
    return number.is_finite() and number == number.to_integral_value()


def _whole_text(number: Decimal) -> str | None:
    """Write a whole number with digits alone; nothing if it is none, or very long."""
    if not _is_whole(number) or number.adjusted() > MOST_ZEROS:
        return None
    return f"{number or Decimal(0):.0f}"


def _as_text(column: Column, value: bytes) -> bytes:
    """Write a number as text: as it was sent, or as an integer where the schema allows no other."""
    if not _is_number(value):
        return value
    text = value
    if column.number_type == "integer" and (whole := _whole_text(exact_number(value.decode()))):
        text = whole.encode()
    return b'"%b"' % text


def _plainly(value: bytes) -> bytes:
    """Write a number, or a text that is one, without an exponent."""
    text = msgspec.json.decode(value) if value.startswith(b'"') else value.decode()
    if not isinstance(text, str) or "E" not in text.upper():
        return value
    try:
        number = Decimal(text)
    except InvalidOperation:
        return value
    # No column holds others, but for zero.
    if not number.is_finite() or abs(number.adjusted()) > MOST_ZEROS:
        return value
    return f'"{number:f}"'.encode()
