"""Writes messages: encoded by msgspec, in few large blocks.

The SDK's writer flushes after each message, which costs more than the encoding. This writer keeps
messages until they fill a block, until a STATE or SCHEMA message comes, or until `flush`.
"""

from __future__ import annotations

import contextlib
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.json import Encoder
from singer_sdk.contrib.msgspec import enc_hook
from singer_sdk.singerlib.encoding.base import GenericSingerWriter
from singer_sdk.singerlib.encoding.simple import Message, RecordMessage
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK_BYTES = 256 * 1024


class OutputError(Exception):
    """Standard output cannot be written, for instance because the disk is full."""


@contextmanager
def flush_output() -> Iterator[None]:
    """Flush standard output at the end of a `with` block.

    Raises:
        OutputError: The output cannot be written.
        BrokenPipeError: Nobody reads the output any more.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        # At its end, Python would write the rest again, and fail again.
        with contextlib.suppress(OSError, ValueError), Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        message = (
            f"Standard output cannot be written: {error.strerror}. Make room there, or name "
            "another file, and run the sync again with the last state that the target confirmed."
        )
        raise OutputError(message) from error


class BufferedWriter(GenericSingerWriter[bytes, Message]):
    """Writes messages to standard output, in the order in which it gets them."""

    def __init__(self) -> None:
        """Start with nothing to write."""
        # Decimals print with the digits that were read.
        self._encoder = Encoder(enc_hook=enc_hook, decimal_format="number")
        self._block = bytearray()
        self._is_writing = False
        self._exit_code: int | None = None

    @override
    def serialize_message(self, message: Message) -> bytes:
        return self._encoder.encode(message.to_dict())

    @override
    def write_message(self, message: Message) -> None:
        self._block += self.format_message(message) + b"\n"
        if len(self._block) >= BLOCK_BYTES or not isinstance(message, RecordMessage):
            self.flush()

    def flush(self) -> None:
        """Write all messages to standard output."""
        block, self._block = self._block, bytearray()
        if not block:
            return
        self._is_writing = True
        try:
            unwritten = memoryview(block)
            with flush_output():
                # A signal cuts a write short if Python does not buffer its output.
                while unwritten:
                    unwritten = unwritten[sys.stdout.buffer.write(unwritten) :]
        finally:
            self._is_writing = False
        if self._exit_code is not None:
            sys.exit(self._exit_code)

    def exit(self, code: int) -> None:
        """End the program after a signal; a block that is being written is finished first."""
        if self._is_writing:
            self._exit_code = code
        else:
            sys.exit(code)
