"""Writes the records of a stream as messages."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, cast

from msgspec import Raw
from singer_sdk.exceptions import MapExpressionError
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib import RecordMessage

from tap_harvest.fields import ACCOUNT_ID
from tap_harvest.reading.list_read import with_fields
from tap_harvest.reading.stream import decode_record

if TYPE_CHECKING:
    from datetime import datetime

    from singer_sdk.helpers.types import Record

    from tap_harvest.account import Account
    from tap_harvest.reading.stream import HarvestStream


class RecordWriter:
    """Writes the records of a stream in one account, if possible as the bytes that came."""

    def __init__(self, stream: HarvestStream, account: Account) -> None:
        """Write nothing yet.

        Args:
            stream: The stream.
            account: The account, which each record names where several are read.
        """
        self._stream = stream
        self._owner = {ACCOUNT_ID: account.id} if stream.has_account_id else {}

    def write(self, record: Raw | Record, received_at: datetime) -> None:
        """Write one record, as bytes or decoded.

        Raises:
            MapExpressionError: An expression of `stream_maps` fails for the record.
        """
        stream, owner = self._stream, self._owner
        if owner:
            record = with_fields(record, owner) if isinstance(record, Raw) else owner | record
        if self._is_verbatim:
            verbatim = cast("Record", record)  # The message writer takes bytes as they are.
            stream.write_message(RecordMessage(stream.name, verbatim, stream.version, received_at))
            return
        decoded = decode_record(record) if isinstance(record, Raw) else record
        try:
            stream.write_mapped(decoded)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # The SDK does not catch these errors of an expression. Their texts quote the record.
            sentence = (
                f'an expression for stream "{stream.name}" fails for a record '
                f"({type(error).__name__}). Correct the expression."
            )
            raise MapExpressionError(sentence) from error

    @cached_property
    def _is_verbatim(self) -> bool:
        """Whether records are written unchanged: no stream maps, no deselected field."""
        maps = self._stream.stream_maps
        return (
            all(self._stream.mask.values())
            and len(maps) == 1
            and type(maps[0]) is SameRecordTransform
            and maps[0].stream_alias == self._stream.name
            and not maps[0].flattening_enabled
        )
