"""The error of a value of which the database would keep only a part."""

from __future__ import annotations

from singer_sdk.exceptions import InvalidRecord


class InexactValueError(InvalidRecord):
    """The database would round or cut a value, or has no place for it.

    Args:
        what: What the value is and where it stands, without the value.
        advice: What to do.
    """

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(what, {})
        self.what = what
        self.advice = advice
