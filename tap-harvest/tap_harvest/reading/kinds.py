"""Declares other kinds of streams: lists read whole, single objects, parts of records."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from typing_extensions import override

from tap_harvest.http.paging import Page
from tap_harvest.reading.stream import HarvestStream, stream_of
from tap_harvest.state.bookmark import REPLICATION_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from msgspec import Raw
    from singer_sdk.helpers.types import Record

    from tap_harvest.account import Account


class WholeStream(HarvestStream):
    """A list without `updated_since`, so it is read whole each time."""

    replication_key = None


class Singleton(HarvestStream):
    """One object that is not in a list. The tap reads it before any stream."""

    replication_key = None

    def answer(self, account: Account) -> Raw:
        """The object, as Harvest sent it.

        Raises:
            UnavailableError: Harvest does not show it to this token.
        """
        raise NotImplementedError

    @override
    def expect(self, account: Account, since: datetime | None) -> None:
        pass  # There is no list.

    @override
    def pages(self, account: Account, since: datetime | None) -> Iterator[Page]:
        yield Page(rows=[self.answer(account)], total_entries=1, received_at=datetime.now(UTC))


class ExplodedStream(HarvestStream):
    """Records made from the records of another stream, on the same read, without a request.

    Attributes:
        member: The field of a parent's record that holds them: an object, or a list of objects.
        member_type: The documented type of the member. Any other type ends the run.
        parent_key: The field that takes the id of the parent's record.
    """

    parent_stream_type: type[HarvestStream]
    member: ClassVar[str]
    member_type: ClassVar[Any] = list[dict[str, Any]] | dict[str, Any] | None
    parent_key: ClassVar[str]

    @property
    @override
    def source(self) -> HarvestStream:
        return stream_of(self._tap, self.parent_stream_type)

    @override
    def records(self, row: Raw) -> Iterator[Record]:
        parent = self._decode_parent(row)
        return self.explode(parent.id, parent.updated_at, getattr(parent, self.member))

    def explode(self, parent_id: int, updated_at: str | None, inside: Any) -> Iterator[Record]:
        """The records made from one record of the parent's list.

        Args:
            parent_id: The id of the parent's record.
            updated_at: When the parent's record last changed.
            inside: The value of its member; `None` without one.
        """
        for part in inside if isinstance(inside, list) else filter(None, (inside,)):
            yield {**part, self.parent_key: parent_id, REPLICATION_KEY: updated_at}

    @cached_property
    def _decode_parent(self) -> Callable[[Raw], Any]:
        # Only these members are decoded. Decoding a whole time entry takes ten times as long.
        known = {"id": Any, REPLICATION_KEY: Any, self.member: self.member_type}
        parent = msgspec.defstruct("Parent", [(name, kind, None) for name, kind in known.items()])
        return msgspec.json.Decoder(parent, float_hook=Decimal).decode
