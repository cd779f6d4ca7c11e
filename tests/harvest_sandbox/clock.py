"""Moments and days as the API writes them."""

from __future__ import annotations

import datetime as dt


def stamp(moment: dt.datetime) -> str:
    """An aware moment as UTC text of whole seconds: `2031-04-09T16:20:05Z`."""
    return f"{moment.astimezone(dt.UTC).isoformat()[:19]}Z"


def parsed(text: str) -> dt.datetime:
    """An ISO 8601 text as an aware moment; without a zone, and for a date alone, it is UTC.

    Raises:
        ValueError: The text is not ISO 8601.
    """
    moment = dt.datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def day(text: str) -> str:
    """A day written `20310409` or `2031-04-09`, as the latter.

    Raises:
        ValueError: The text is neither.
    """
    return dt.date.fromisoformat(text).isoformat()
