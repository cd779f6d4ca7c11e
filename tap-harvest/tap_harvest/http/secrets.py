"""Keeps tokens and other secrets out of messages and logs.

The secrets are those of the process, not of one client: all clients share one log.
"""

from __future__ import annotations

import re

PLACEHOLDER = "***"
MIN_LENGTH = 4
"""A shorter text is not replaced: it would be found in ordinary words."""

_patterns: dict[str, re.Pattern[str]] = {}


def keep_secret(secret: str) -> None:
    """Replace a secret in all messages and logs from now on."""
    if len(secret) >= MIN_LENGTH:
        _patterns[secret] = re.compile("".join(map(_spellings, secret)))


def redacted(text: str) -> str:
    """A text with `PLACEHOLDER` in the place of each secret."""
    for pattern in tuple(_patterns.values()):
        text = pattern.sub(PLACEHOLDER, text)
    return text


def _spellings(character: str) -> str:
    r"""A pattern for a character: itself, `%2E`, `%252E`, `\u002e`, `&#46;` or `&#x2e;`."""
    code = ord(character)
    encoded = rf"%(?:25)*{code:02x}|\\+u{code:04x}|&#0*{code};|&#x0*{code:x};"
    return rf"(?:\\*{re.escape(character)}|(?i:{encoded}))"
