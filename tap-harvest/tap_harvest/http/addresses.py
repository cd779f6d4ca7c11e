r"""Addresses that may be called, and how messages show them.

The token goes with each request, so an address must mean the same to every parser. Parsers disagree
on odd ones: in `http://a.example\@b.example/` some read the host `a.example`, others `b.example`.
Only plain addresses are called: `http` or `https`, a host, a port, a path and a query, in printable
ASCII, without user name, backslash and fragment.

RFC 3986, "Uniform Resource Identifier: Generic Syntax": https://www.rfc-editor.org/rfc/rfc3986
"""

from __future__ import annotations

import re
from typing import NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit

from tap_harvest.http.secrets import redacted

_PLAIN = re.compile(r"https?://[A-Za-z0-9._:\[\]-]+(?:[/?][!-~]*)?", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """Scheme, host and port of an address. The token must not leave this origin.

    RFC 6454, "The Web Origin Concept": https://www.rfc-editor.org/rfc/rfc6454
    """

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Self | None:
        """The origin of an address; `None` if the address is not plain."""
        if not _PLAIN.fullmatch(url) or "\\" in url or "#" in url:
            return None
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return None
        if not parts.hostname:
            return None
        return cls(parts.scheme, parts.hostname, port or _PORTS[parts.scheme])


def shown(url: str) -> str:
    """An address as messages show it: without its query and without secrets.

    For an address that must not be called, the text is "no plain address".
    """
    if Origin.of(url) is None:
        return "no plain address"
    parts = urlsplit(url)
    return redacted(f"{parts.scheme}://{parts.netloc}{parts.path}")


def page_of(url: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Path and query of an address, equal for addresses that differ only in spelling."""
    parts = urlsplit(url)
    return parts.path, tuple(sorted(parse_qsl(parts.query, keep_blank_values=True)))
