"""Dates, times and date-times: whether a text is one, and whether its column keeps all of it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec
from singer_sdk.exceptions import InvalidRecord

from target_harvest_sql.columns import METADATA
from target_harvest_sql.records.raw import decode_exactly, rewrite, tree_of, value_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from target_harvest_sql.columns import Column, Kind
    from target_harvest_sql.dialects.base import Dialect
    from target_harvest_sql.records.blocks import Raw
    from target_harvest_sql.records.inexact import InexactValues

PARSERS: Final[dict[Kind, Callable[[str], Any]]] = {
    "date": date.fromisoformat,
    "date-time": datetime.fromisoformat,
    "time": time.fromisoformat,
}

KEY_DIGITS: Final = 6
"""How many digits of a second are compared to tell the keys of a batch apart."""

OFFSET: Final = re.compile(r"[+-](?!00(?::?00)?$)\d\d")
"""The offset of a time of day, where it is another than UTC's."""

BARE: Final = re.compile(r"T?\d\d(?!:)|.*,")
"""A time of day that is not hours, colon, minutes, or has a comma: `0304` is to MariaDB three
minutes and four seconds, to SQL Server a year; and DuckDB cuts what follows a comma."""

FRACTION: Final = re.compile(r"\d\d[.,](\d+)")
LONG_FRACTION: Final = re.compile(rb"\d\d[.,]\d{7,}[^\d,\]}]")
"""With what follows it in a text, but not after a number."""

INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)?")
"""A date-time in the form that all databases read."""

# To be quick: digits become 0, what a fraction begins with a point, the rest a space.
LOOKS: Final = bytes(
    0x30 if chr(byte) in "0123456789" else 0x2E if chr(byte) in ".," else 0x20
    for byte in range(256)
)
LOOKS_LONG: Final = b".0000000"

POINT_AND_DIGITS: Final = re.compile(rb"\.\d{7}")
"""What a long fraction begins with, where a comma is no decimal point."""


class Moments:
    """The values of a stream's records that are dates, times and date-times.

    Args:
        wanted: The columns with the kinds that the schema says.
        held: The columns with the kinds that the table holds.
        path_of: Where in the record a column's value stands.
        dialect: What the columns keep of them.
        inexact: Whether they are cut.
    """

    def __init__(
        self,
        wanted: Iterable[Column],
        held: Iterable[Column],
        path_of: Callable[[Column], tuple[str, ...]],
        dialect: Dialect,
        inexact: InexactValues,
    ) -> None:
        self._dialect = dialect
        self._inexact = inexact
        self._judged = _moments(wanted, path_of)
        kept = (column for column in held if not dialect.is_text(column))
        self._cut = _moments(kept, path_of)
        self._tree = tree_of({path: partial(self._fit, column) for column, path in self._cut})
        self._are_all_judged = {path for _, path in self._cut} <= {path for _, path in self._judged}
        self._may_always_lose = any(
            column.kind == "time" or column.second_digits is not None for column, _ in self._cut
        )

    def judge(self, record: Raw) -> None:
        """Refuse a text that is none of what the schema says.

        Raises:
            InvalidRecord: Says which; not the value.
        """
        for column, text in _texts(record, self._judged):
            try:
                PARSERS[column.kind](text)
            except ValueError:
                raise InvalidRecord(
                    f"a text that is no {column.kind} at {column.source}", {}
                ) from None

    def may_lose(self, joined: bytes, *, is_typed: bool) -> bool:
        """Whether the database may cut or round a value, so that it is worth a check.

        Args:
            joined: A raw record, or several as one JSON array.
            is_typed: Whether each value is known to be of the type that the schema says.
        """
        if not self._cut:
            return False
        if self._may_always_lose:
            return True
        if is_typed and self._are_all_judged:
            return POINT_AND_DIGITS.search(joined) is not None
        return LOOKS_LONG in joined.translate(LOOKS) and LONG_FRACTION.search(joined) is not None

    def fit(self, record: bytes) -> bytes:
        """Cut what the database would cut or round: digits of a second, but for zeros; offsets.

        Raises:
            InexactValueError: If values are not cut; says which, not the value.
        """
        return rewrite(record, self._tree)

    def _fit(self, column: Column, value: bytes) -> bytes:
        """Write a text as its column keeps it."""
        if not value.startswith(b'"'):
            return value
        text: str = msgspec.json.decode(value)
        digits = column.second_digits
        if digits is None:
            digits = KEY_DIGITS if column.is_key else self._dialect.second_digits
        fraction = FRACTION.search(text)
        has_excess = fraction is not None and bool(fraction[1][digits:].strip("0"))
        if has_excess:
            wrong = f"with more than {digits} digits of a second"
        elif column.kind == "time" and OFFSET.search(text):
            wrong = "with an offset"
        elif column.kind == "time" and BARE.match(text):
            wrong = "that is not written as hh:mm:ss"
        else:
            return value
        self._inexact.take(
            column,
            f"a {column.kind} at {column.source} {wrong}, which {self._dialect.name} would lose",
            "Let the schema say that it is text, without a `format`",
        )
        if fraction is not None and has_excess:
            end = fraction.start(1) + digits if digits else fraction.start(1) - 1
            text = text[:end] + text[fraction.end(1) :]
        return msgspec.json.encode(_in_utc(text) if column.kind == "time" else text)


def _in_utc(text: str) -> str:
    """Write a time of day as that of UTC; what is none stays, for the database to refuse."""
    try:
        clock = time.fromisoformat(text)
    except ValueError:
        return text
    if clock.tzinfo is None:
        return clock.isoformat()
    moment = datetime.combine(date(2000, 1, 2), clock)  # Any day, with others beside it.
    return moment.astimezone(UTC).time().isoformat()


def readable(text: str) -> str | None:
    """Write a date-time in the form that all databases read; none if it is no date-time."""
    try:
        moment = datetime.fromisoformat(text)
        in_utc = moment.astimezone(UTC) if moment.tzinfo else moment
        return text if INSTANT.fullmatch(text) else in_utc.isoformat()
    except (OverflowError, ValueError):
        return None


def _moments(
    columns: Iterable[Column], path_of: Callable[[Column], tuple[str, ...]]
) -> list[tuple[Column, tuple[str, ...]]]:
    return [(c, path_of(c)) for c in columns if c.kind in PARSERS and c.name not in METADATA]


def _texts(
    record: Raw, places: Iterable[tuple[Column, tuple[str, ...]]]
) -> Iterator[tuple[Column, str]]:
    decoded = decode_exactly(record)
    for column, path in places:
        value = value_at(decoded, path)
        if isinstance(value, str):
            yield column, value
