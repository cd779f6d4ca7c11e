"""Reads the body of an answer, up to a limit."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import requests
import urllib3
from singer_sdk.exceptions import FatalAPIError

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_BODY_BYTES = 100_000_000
"""The largest body that is read, unpacked. 2,000 rows of Harvest take about 4 MB."""
_CHUNK_BYTES = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS


def read_body(response: requests.Response, what: str) -> bytes:
    """The body of an answer, unpacked. No more than `MAX_BODY_BYTES` are held.

    Args:
        response: The answer, of which only the headers were read.
        what: The answer's name in errors.

    Raises:
        requests.RequestException: The body did not come whole, or is not packed as its header says.
        FatalAPIError: The body is too large, or packed in a way that was not asked for.
    """
    packing = response.headers.get("Content-Encoding", "identity").strip().lower()
    if packing not in {"", "identity", "gzip", "x-gzip"}:
        message = (
            f"{what} is packed in a way that was not asked for (Content-Encoding). Check the "
            "address that is set, and what stands between this machine and Harvest."
        )
        raise FatalAPIError(message)
    body: list[bytes] = []
    size = 0
    try:
        chunks: Iterable[bytes] = response.raw.stream(_CHUNK_BYTES, decode_content=False)
        for part in _unpacked(chunks) if "gzip" in packing else chunks:
            size += len(part)
            if size > MAX_BODY_BYTES:
                message = (
                    f"{what} is larger than {MAX_BODY_BYTES:,} bytes, the most that is read. "
                    "Lower `page_size`."
                )
                raise FatalAPIError(message)
            body.append(part)
    except urllib3.exceptions.HTTPError as error:
        raise requests.ConnectionError(error) from error
    except zlib.error as error:
        raise requests.exceptions.ContentDecodingError(error) from error
    return b"".join(body)


def _unpacked(chunks: Iterable[bytes]) -> Iterable[bytes]:
    """Unpack gzip in parts of at most `_CHUNK_BYTES`.

    RFC 1952, "GZIP file format specification": https://www.rfc-editor.org/rfc/rfc1952
    """
    packed = zlib.decompressobj(_GZIP)
    is_begun = False
    for chunk in chunks:
        rest = chunk
        while rest:
            if packed.eof:  # Several members may follow one another.
                packed = zlib.decompressobj(_GZIP)
            is_begun = True
            yield packed.decompress(rest, _CHUNK_BYTES)
            rest = packed.unused_data if packed.eof else packed.unconsumed_tail
    while is_begun and not packed.eof:
        part = packed.decompress(b"", _CHUNK_BYTES)
        if not part:
            message = "the packed data ends early"
            raise zlib.error(message)
        yield part
