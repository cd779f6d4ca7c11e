"""Blocks: consecutive records of one stream, which are judged and written together."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Raw = bytes | msgspec.Raw
    """The JSON of a record. `msgspec.Raw` is a view of the bytes that were read."""


class Moment(msgspec.Struct, frozen=True):
    """When something was received, as the metadata columns want it."""

    text: bytes
    """UTC, as a JSON string."""
    milliseconds: int
    """Since the epoch."""

    @classmethod
    def now(cls) -> Moment:
        """The present moment."""
        seconds = time.time()
        text = datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
        return cls(text=f'"{text}"'.encode(), milliseconds=round(seconds * 1000))


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Where a record came from."""

    ordinal: int
    """Number of the record in the run; of several of a key in a batch, that of the first."""
    line: int
    """The line of the input."""
    number: int = 0
    """Number of the record in the batch file that the line names; 0 if it names none."""
    record: bytes = b""
    """The record as it was sent, where bad ones are kept."""

    def __str__(self) -> str:
        place = f"line {self.line}"
        return f"Record {self.number} of a batch file of {place}" if self.number else place.title()


class Origins(msgspec.Struct, frozen=True):
    """Where the records of a block came from: consecutive lines, or lines of a batch file.

    Indexing gives the `Origin` of one record.
    """

    first: Origin
    """Of the record at offset 0."""
    offsets: Sequence[int]
    """For each record, how many records after the first it came."""
    records: Sequence[bytes] = ()
    """The records as they were sent, where bad ones are kept."""

    def __getitem__(self, index: int) -> Origin:
        offset, first = self.offsets[index], self.first
        return Origin(
            first.ordinal + offset,
            first.line if first.number else first.line + offset,
            first.number + offset if first.number else 0,
            self.records[index] if self.records else b"",
        )

    def only(self, indexes: Sequence[int]) -> Origins:
        """Those of some records."""
        return Origins(
            self.first,
            [self.offsets[index] for index in indexes],
            [self.records[index] for index in indexes] if self.records else (),
        )

    def part(self, start: int, end: int) -> Origins:
        """Those of the records from `start` until before `end`."""
        return Origins(self.first, self.offsets[start:end], self.records[start:end])


class Block(msgspec.Struct, frozen=True):
    """Consecutive records of one stream, of one version, extracted at one time.

    Each record of a block of several is JSON. The only record of a block may be anything.
    """

    records: Sequence[Raw]
    origins: Origins
    version: int | None
    """The version of the table, as the messages say."""
    extracted_at: str | None
    """When the tap read the records, as the messages say."""
    moment: Moment
    """When the records were received."""

    def __len__(self) -> int:
        return len(self.records)

    def part(self, start: int, end: int) -> Block:
        """The records from `start` until before `end`."""
        return msgspec.structs.replace(
            self, records=self.records[start:end], origins=self.origins.part(start, end)
        )

    def halves(self) -> Iterator[Block]:
        """The two halves of a block of several records."""
        half = len(self) // 2
        yield self.part(0, half)
        yield self.part(half, len(self))

    def singles(self) -> Iterator[Block]:
        """A block for each record."""
        for index in range(len(self)):
            yield self.part(index, index + 1)


def join(records: Sequence[Raw]) -> bytes:
    """Write records as one JSON array."""
    return b"[%b]" % b",".join(records)
