"""Replaces halves of characters, which JSON allows and no target accepts."""

from __future__ import annotations

import re

# The last alternative skips any other escape. So the text after an escaped backslash, as in
# `\\ud83d`, is not taken for an escape.
_ESCAPE = re.compile(
    rb"(?P<whole>\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2})"
    rb"|(?P<half>\\u[dD][89a-fA-F][\da-fA-F]{2})"
    rb"|\\."
)


def whole_characters(text: bytes) -> bytes:
    r"""JSON in which U+FFFD stands for each lone half of a surrogate pair, such as `\ud83d`.

    Some programs cut texts in the middle of an emoji.

    RFC 8259, "Strings": https://www.rfc-editor.org/rfc/rfc8259#section-8.2
    """
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found["half"] else found[0], text)
