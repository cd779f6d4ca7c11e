"""Values of which the database would keep only a part, and what is done with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk.exceptions import InvalidRecord

if TYPE_CHECKING:
    from collections import Counter

    from target_harvest_sql.columns import Column


class InexactValueError(InvalidRecord):
    """The database would round or cut a value, or has no place for it.

    Args:
        what: What the value is and where it stands, without the value.
        advice: What to do, as a sentence without its point.
    """

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(what, {})
        self.what = what
        self.advice = advice


class InexactValues:
    """What the setting `on_inexact` says of the values of a stream.

    Args:
        stream: Name of the stream.
        counts: Where rounded values are counted, by stream.
        rounds: Whether values are rounded; if not, they are refused.
    """

    def __init__(self, stream: str, counts: Counter[str], *, rounds: bool) -> None:
        self.rounds = rounds
        self._stream = stream
        self._counts = counts
        self._count = 0
        """How many values of the records at work will be rounded."""

    def begin(self) -> None:
        """Begin with new records; what was taken of others that were refused does not count."""
        self._count = 0

    def count(self) -> None:
        """Add what was taken of the records, as they are written."""
        if self._count:
            self._counts[self._stream] += self._count

    def take(self, column: Column, what: str, advice: str, *, count: int = 1) -> None:
        """Take values that will be rounded.

        Args:
            column: Where the values belong.
            what: What they are, for the error.
            advice: What else to do than to round them, for the error.
            count: How many there are.

        Raises:
            InexactValueError: If values are not rounded, or the column is part of a key: two keys
                would become one.
        """
        if column.is_key:
            raise InexactValueError(f"{what}, and keys are not rounded", advice)
        if not self.rounds:
            raise InexactValueError(what, f"{advice}, or set `on_inexact: round`")
        self._count += count
