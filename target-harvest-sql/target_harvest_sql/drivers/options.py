"""The options of a URL, which follow `?`, as values of the types that a driver takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy.engine import URL

MAX_SECONDS: Final = 86_400
"""The longest time that an option may say: a day, which all drivers take."""

TRUTHS: Final = {
    **dict.fromkeys(("1", "on", "true", "yes"), True),
    **dict.fromkeys(("0", "off", "false", "no"), False),
}


class OptionError(Exception):
    """An option is unknown or has a wrong value. The message names the option, and no value."""


def read(url: URL, known: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
    """Read all options of a URL.

    Args:
        url: The URL.
        known: For each option of the driver, a function that reads its text. The function raises
            `ValueError` with the text that would be right.

    Raises:
        OptionError: If an option is unknown, is there twice, or cannot be read.
    """
    options = {}
    for name, text in url.query.items():
        if name not in known:
            raise OptionError(f"there is no option {name}, only {', '.join(known)}")
        if not isinstance(text, str):
            raise OptionError(f"the option {name} is given more than once")
        try:
            options[name] = known[name](text)
        except ValueError as error:
            raise OptionError(f"the option {name} is not {error}") from None
    return options


def truth(text: str) -> bool:
    """Read a truth value."""
    try:
        return TRUTHS[text.lower()]
    except KeyError:
        raise ValueError("true or false") from None


def seconds(text: str) -> float:
    """Read a number of seconds."""
    try:
        number = float(text)
    except ValueError:
        number = -1
    if 0 <= number <= MAX_SECONDS:
        return number
    raise ValueError(f"a number of seconds from 0 to {MAX_SECONDS}")


def whole_seconds(least: int) -> Callable[[str], int]:
    """Make a function that reads a whole number of seconds."""

    def read_text(text: str) -> int:
        if text.isascii() and text.isdecimal() and least <= int(text[:9]) <= MAX_SECONDS:
            return int(text)
        raise ValueError(f"a whole number of seconds from {least} to {MAX_SECONDS}")

    return read_text


def one_of(*texts: str) -> Callable[[str], str]:
    """Make a function that reads one of several texts."""

    def read_text(text: str) -> str:
        if text in texts:
            return text
        raise ValueError(f"one of {', '.join(texts)}")

    return read_text
