"""Hides the names of other clients in texts that people wrote."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN: Final = "[…]"
"""What stands in place of another client's name."""


class NameFilter:
    """Replaces the names of other clients.

    Case, and the kind and number of spaces in a name, make no difference. A name that is only
    a part of the client's own name stays, as in "Example" within "Example Works".
    """

    def __init__(self, own: Iterable[str], others: Iterable[str]) -> None:
        """Prepare the search.

        Args:
            own: The client's own names, which may be shown.
            others: The names to replace.
        """
        self._own = _search(own)
        self._others = _search(others)
        self.count = 0
        """How many names were replaced."""

    def __call__(self, text: str | None) -> str:
        """Replace them in a text; none for null."""
        if not text:
            return ""
        own = [found.span(1) for found in self._own.finditer(text)]
        pieces, end = [], 0
        for found in self._others.finditer(text):
            first, last = found.span(1)
            if any(begin <= first and last <= stop for begin, stop in own):
                continue
            if first >= end:
                pieces += [text[end:first], HIDDEN]
                self.count += 1
            end = max(end, last)  # Names may overlap.
        return "".join(pieces) + text[end:]


def _search(names: Iterable[str]) -> re.Pattern[str]:
    """Find at each place of a text the longest name that begins there, as group 1.

    Names are grouped by their first letter, so that thousands of them are searched quickly.
    """
    spaced = {" ".join(name.split()) for name in names} - {""}
    rests: dict[str, list[str]] = defaultdict(list)
    for name in sorted(spaced, key=lambda name: (-len(name), name)):
        rest = r"\s+".join(map(re.escape, name[1:].split(" ")))
        rests[name[0].lower()].append(rest)
    found = [f"{re.escape(first)}(?:{'|'.join(rest)})(?!\\w)" for first, rest in rests.items()]
    return re.compile(rf"(?<!\w)(?=({'|'.join(found) or '(?!)'}))", re.IGNORECASE)
