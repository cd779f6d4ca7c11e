"""What the headers of an answer say."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import requests

MAX_PAUSE_SECONDS = 15 * 60
"""The longest pause: the window of the budget for reports."""
YEARS = range(2006, 2101)
"""The years that a date of Harvest's clock may have; Harvest began in 2006."""


def server_time(response: requests.Response) -> datetime | None:
    """Harvest's clock, from the `Date` header; `None` if there is no such header.

    A date that cannot be right, such as one in the year 9999, counts as no header.
    """
    return _date(response.headers.get("Date", ""))


def pause_seconds(response: requests.Response, window_seconds: float) -> float:
    """How long a 429 or 503 asks to wait, at most `MAX_PAUSE_SECONDS`; 0 for other answers.

    `Retry-After` is a number of seconds or a date. Harvest documents the header, but real answers
    came without it. Then a 429 asks for the whole window of its budget.

    RFC 9110, "Retry-After": https://www.rfc-editor.org/rfc/rfc9110#field.retry-after

    Args:
        response: The answer.
        window_seconds: Length of the window of the budget that the request belongs to.
    """
    if response.status_code not in {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.SERVICE_UNAVAILABLE,
    }:
        return 0
    seconds = _retry_after(response)
    if seconds is None:
        is_budget = response.status_code == HTTPStatus.TOO_MANY_REQUESTS
        seconds = window_seconds if is_budget else 0
    return min(max(seconds, 0), MAX_PAUSE_SECONDS)


def _retry_after(response: requests.Response) -> float | None:
    """The seconds that `Retry-After` names; `None` if it is missing or unreadable."""
    asked = response.headers.get("Retry-After", "")
    if asked.isdecimal():
        return float(asked)
    until = _date(asked)
    if until is None:
        return None
    return (until - (server_time(response) or datetime.now(UTC))).total_seconds()


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if found.year in YEARS else None
