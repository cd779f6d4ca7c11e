"""What to do about the errors of a database, as a table of data for each dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def by_error(*rows: tuple[str, ...]) -> dict[str, str]:
    """Make a table of advice by error from rows.

    Args:
        rows: Each row is the advice, and then the errors that it is for. An error is a code, as the
            driver tells it. Where one code has several causes, the beginning of the message stands
            behind the code. A name or a value never stands at the beginning of a message, so it
            cannot choose the advice.
    """
    return {error: advice for advice, *errors in rows for error in errors}


def hint(hints: Mapping[str, str], code: str, text: str) -> str:
    """Find the advice for an error: the first that fits; empty if none fits.

    Args:
        hints: Advice by error, as `by_error` makes it.
        code: The code of the error, as the driver tells it.
        text: What the database said.
    """
    for error, advice in hints.items():
        wanted, _, beginning = error.partition(" ")
        if wanted == code and text.startswith(beginning):
            return advice
    return ""
