"""The files that BATCH messages name, read line by line.

Meltano SDK, "Batch Messages": https://sdk.meltano.com/en/latest/batch.html
"""

from __future__ import annotations

import gzip
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit
from urllib.request import url2pathname

import msgspec
from upath import UPath

from target_harvest_sql.reading import lines as line_reading
from target_harvest_sql.reading.lines import (
    CHUNK_BYTES,
    LongLineError,
    decoded_lines,
    whole_lines,
)
from target_harvest_sql.redaction import without_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from target_harvest_sql.records.blocks import Raw

MIN_SECRET = 4
"""How long a text of `storage.params` is at least that no error shows, in characters."""

COMPRESSIONS = (None, "none", "gzip")
"""How a file may be compressed."""

WHAT_TO_DO = (
    "Let the tap's and the target's `batch_config` name one storage, which both can read and for "
    "which the package of fsspec is installed"
)


class BatchFileError(Exception):
    """A file is not read; says why, and what to do."""


def read_records(
    url: str,
    encoding: Mapping[str, Any],
    storage: Mapping[str, Any] | None,
    limit_bytes: int,
) -> Iterator[tuple[int, list[Raw]]]:
    """Read a file of records, one JSON object a line.

    Args:
        url: Where it is, by itself or in the storage that is set.
        encoding: As the message says: `format`, and `compression` if any.
        storage: `root` and `params` of a storage, as in `batch_config`; `None` if none is set.
        limit_bytes: How long a line may be.

    Returns:
        Consecutive records, and the number of the first one. A line that is not JSON stands alone.

    Raises:
        BatchFileError: If such a file is not read, or not to its end.
    """
    number = 1
    for lines in _read_lines(url, encoding, storage, limit_bytes):
        for decoded in decoded_lines(lines, msgspec.json.Decoder(msgspec.Raw).decode_lines):
            records: list[Raw] = [decoded.strip()] if isinstance(decoded, bytes) else [*decoded]
            for start in range(0, len(records), line_reading.BLOCK_RECORDS):
                part = records[start : start + line_reading.BLOCK_RECORDS]
                if part != [b""]:
                    yield number, part
                number += len(part)


def _read_lines(
    url: str,
    encoding: Mapping[str, Any],
    storage: Mapping[str, Any] | None,
    limit_bytes: int,
) -> Iterator[bytes]:
    """Read a file of lines, many at once."""
    format_, compression = encoding.get("format"), encoding.get("compression")
    if format_ != "jsonl" or compression not in COMPRESSIONS:
        raise BatchFileError(
            f"is {format_} ({compression or 'not compressed'}), which is not read. Set the tap's "
            "`batch_config` to jsonl, with gzip or without"
        )
    # With its line feed, a line that fits is no longer than this.
    chunk_bytes = min(CHUNK_BYTES, limit_bytes + 1)
    try:
        with (
            _path(url, storage or {}).open("rb") as file,
            gzip.open(file) if compression == "gzip" else nullcontext(file) as content,
        ):
            yield from whole_lines(iter(partial(content.read, chunk_bytes), b""), limit_bytes)
    except LongLineError:
        raise BatchFileError(
            f"has a line of more than {limit_bytes:,} bytes. Raise `max_message_bytes` if there is "
            "the memory, or select less of the stream"
        ) from None
    except Exception as error:  # Each storage of fsspec, and each archive, has errors of its own.
        reason = without_credentials(str(error)) or type(error).__name__
        for secret in _texts((storage or {}).get("params")):
            reason = reason.replace(secret, "…")
        raise BatchFileError(f"cannot be read: {reason}. {WHAT_TO_DO}") from error


def _texts(params: Any) -> Iterator[str]:
    """All texts of some length in the parameters of a storage, of which any may be a key."""
    if isinstance(params, str) and len(params) >= MIN_SECRET:
        yield params
    for part in params.values() if isinstance(params, dict) else ():
        yield from _texts(part)


def _path(url: str, storage: Mapping[str, Any]) -> UPath:
    params = storage.get("params") or {}
    parts = urlsplit(url)
    # A local address may have %20 for a space, which fsspec would take for a part of the name.
    path: UPath = UPath(_local_path(parts) if parts.scheme == "file" else url, **params)
    if root := storage.get("root"):
        path = UPath(root, **params) / path.name
    return path


def _local_path(parts: SplitResult) -> str:
    """The path of a local address; `file://a/b` is a path from the working directory.

    The Meltano SDK writes addresses so, though by RFC 8089 `a` were a host.
    """
    host = "" if parts.netloc == "localhost" else parts.netloc
    return url2pathname(host + parts.path)
