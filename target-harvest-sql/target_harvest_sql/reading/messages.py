"""Bytes in, messages out: Singer's lines, of which only the envelope is decoded.

Singer specification: https://github.com/singer-io/getting-started/blob/master/docs/SPEC.md
"""

from __future__ import annotations

import logging
import os
import select
import stat
import sys
import time
from collections import Counter
from contextlib import suppress
from itertools import groupby
from operator import attrgetter
from typing import IO, TYPE_CHECKING, Annotated, Any, Final

import msgspec
from singer_sdk.io_base import GenericSingerReader
from singer_sdk.singerlib.exceptions import InvalidInputLine
from typing_extensions import override

from target_harvest_sql.reading import lines as line_reading
from target_harvest_sql.reading.envelopes import split_record
from target_harvest_sql.reading.lines import (
    CHUNK_BYTES,
    LongLineError,
    decoded_lines,
    whole_lines,
)
from target_harvest_sql.records.raw import clean, has_constant, needs_cleaning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WAIT_SECONDS = 0.1
"""How long a silent tap is waited for before the target looks after its batches and signals."""
LEAVE_SECONDS = 2
"""How long what is under way is still taken when the target ends early."""
PAUSE_SECONDS = 0.5
"""A silence after which nothing is under way any more."""


class Message(msgspec.Struct, gc=False):
    """A Singer message of any type; what a record, a schema and a state hold stays raw JSON."""

    type: str
    stream: str | None = None
    record: msgspec.Raw = msgspec.Raw()
    version: Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    time_extracted: str | None = None
    schema: msgspec.Raw = msgspec.Raw()
    key_properties: list[str] | None = None
    value: msgspec.Raw = msgspec.Raw()
    encoding: dict[str, Any] | None = None
    manifest: list[str] | None = None


NO_RECORD: Final = Message(type="RECORD").record
"""What a message holds that has no record."""

head_of = attrgetter("type", "stream", "version", "time_extracted")
"""What the messages of a block have in common."""


class MessageReader(GenericSingerReader[bytes]):
    """Reads messages from bytes or text, and hands them to the callbacks of their types.

    Consecutive records of a stream, of one version and extracted at one time, go to their callback
    together: as many as one read of the input brings. All other messages go alone.
    """

    line_number = 0
    """The line of the message at work, or of the first one, from 1; errors name it."""
    logger = logging.getLogger(__name__)

    def __init__(self) -> None:
        super().__init__()
        self.between_reads: Callable[[], None] = lambda: None
        """Called before every read, and at least every `WAIT_SECONDS` while the input is silent."""
        self.limit_bytes = sys.maxsize
        """How long a line may be."""
        self.passes_broken_records = False
        """Whether a record that is not JSON reaches its callback, which is to refuse it."""
        self._decode = msgspec.json.Decoder(Message).decode
        self._decode_lines = msgspec.json.Decoder(Message).decode_lines
        self._warned_of_text = False

    @property
    @override
    def default_input(self) -> IO[bytes]:
        return sys.stdin.buffer

    @override
    def process_lines(
        self,
        file_input: IO[Any] | None,
        callbacks: dict[str, Callable[[Any], None]],
    ) -> Counter[str]:
        """Read messages until the input ends.

        Args:
            file_input: A file of bytes or text; standard input if `None`.
            callbacks: What is called with each message, by message type; that of records is called
                with a list of messages.

        Returns:
            How many messages of each type were read.

        Raises:
            InvalidInputLine: If a line is not a Singer message; names the line.
        """
        counts: Counter[str] = Counter()
        chunks = self._chunks(file_input or self.default_input)
        try:
            for lines in whole_lines(chunks, self.limit_bytes):
                for messages in self._runs(lines):
                    type_ = messages[0].type
                    callback = callbacks.get(type_)
                    if callback is None:
                        raise InvalidInputLine(
                            f"Line {self.line_number} is of an unknown message type. Known are "
                            f"{', '.join(str(name.value) for name in callbacks)}: check the tap."  # type: ignore[attr-defined]
                        )
                    callback(messages if type_ == "RECORD" else messages[0])
                    counts[type_] += len(messages)
        except LongLineError:
            raise InvalidInputLine(
                f"Line {self.line_number + 1} has more than {self.limit_bytes:,} bytes. Raise "
                "`max_message_bytes` if there is the memory, or select less of the stream."
            ) from None
        except RecursionError as error:
            raise InvalidInputLine(
                f"Line {self.line_number} is nested too deeply. Correct the tap, or leave out "
                "what is nested."
            ) from error
        return counts

    def _runs(self, lines: bytes) -> Iterator[list[Message]]:
        """Decode lines, and keep `line_number`: records come together, other messages alone."""
        for decoded in decoded_lines(lines, self._decode_lines):
            if isinstance(decoded, bytes):
                self.line_number += 1
                if decoded and not decoded.isspace():
                    yield [self.deserialize_json(decoded)]
                continue
            for run in _runs_of(decoded):
                self.line_number += 1
                yield run
                self.line_number += len(run) - 1

    @override
    def deserialize_json(self, line: bytes) -> Message:  # type: ignore[override]
        try:
            if not line.isascii():
                line.decode()
            return self._decode(line)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            message = self._mended(line)
            if message is not None:
                return message
            if isinstance(error, RecursionError):
                raise
            raise InvalidInputLine(
                f"Line {self.line_number} is not a Singer message ({_reason(error, line)}). The "
                "tap must write one JSON object a line, and nothing else to its standard output."
            ) from error

    def _mended(self, line: bytes) -> Message | None:
        """Read a line that is almost a message; none if it is too far from one."""
        with suppress(msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            if needs_cleaning(line):
                # Half a surrogate pair is no text, but many encoders let it pass.
                message = self._decode(clean(line, keeps_nul=True))
                self._warn_of_text(message)
                return message
        with suppress(msgspec.DecodeError, RecursionError, ValueError):
            envelope, record = split_record(line)
            message = self._decode(envelope)
            envelope.decode()  # The decoder lets pass what is not UTF-8.
            if record and not self.passes_broken_records:
                self._decode(b'{"type":"RECORD","record":%b}' % record)
                record.decode()
            message.record = msgspec.Raw(record)
            return message
        return None

    def _warn_of_text(self, message: Message) -> None:
        """Say once that characters are replaced."""
        if not self._warned_of_text:
            self._warned_of_text = True
            self.logger.warning(
                "Stream %s sends half surrogate pairs (first on line %d), which are no text; "
                "U+FFFD is written in their place. Correct the text where it comes from.",
                message.stream,
                self.line_number,
            )

    def _chunks(self, file: IO[Any]) -> Iterator[bytes]:
        """Read large pieces, and call `between_reads` before each."""
        file = getattr(file, "buffer", file)
        read = getattr(file, "read1", file.read)  # What is there, without waiting for a full piece.
        while True:
            self.between_reads()
            while not _is_ready(file):
                self.between_reads()
            try:
                chunk = read(CHUNK_BYTES)
            except OSError as error:
                raise InvalidInputLine(
                    f"The input cannot be read after line {self.line_number}: {error.strerror}."
                ) from error
            if not chunk:
                self.between_reads()
                return
            yield chunk.encode() if isinstance(chunk, str) else chunk


def _runs_of(messages: list[Message]) -> Iterator[list[Message]]:
    """Part messages into the records of blocks, and other messages alone."""
    for (type_, *_), group in groupby(messages, head_of):
        alike = [*group]
        is_block = type_ == "RECORD" and NO_RECORD not in [message.record for message in alike]
        size = line_reading.BLOCK_RECORDS if is_block else 1
        for start in range(0, len(alike), size):
            yield alike[start : start + size]


def _is_ready(file: IO[Any], seconds: float = WAIT_SECONDS) -> bool:
    """Wait for input, at most so many seconds; files in memory and on Windows are always ready."""
    if sys.platform == "win32":  # Windows selects sockets only.
        return True
    try:
        descriptor = file.fileno()
    except OSError:
        return True
    return bool(select.select([descriptor], [], [], seconds)[0])


def take_leave(file: IO[Any]) -> None:
    """Read what is under way in a pipe until it pauses, and drop it, before the target ends early.

    Meltano ends with a traceback of its own where a target goes while lines are on their way to it,
    and the error that the target told stands far above that.

    Args:
        file: The input; only a pipe is read, and for `LEAVE_SECONDS` at most.
    """
    with suppress(OSError):
        descriptor = file.fileno()
        if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            return
        deadline = time.monotonic() + LEAVE_SECONDS
        while time.monotonic() < deadline and _is_ready(file, PAUSE_SECONDS):
            if not os.read(descriptor, CHUNK_BYTES):
                return


def _reason(error: Exception, line: bytes) -> str:
    """Say what is wrong with a line without showing it."""
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    if has_constant(line):
        return "not JSON: it has NaN or Infinity"
    return str(error) if isinstance(error, msgspec.ValidationError) else "not JSON"
