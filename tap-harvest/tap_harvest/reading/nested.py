"""Declares lists that hang below the records of another list, such as payments of an invoice."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from tap_harvest.http.errors import NotFoundError
from tap_harvest.reading.stream import HarvestStream, stream_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from msgspec import Raw
    from singer_sdk.exceptions import FatalAPIError


class NestedStream(HarvestStream):
    """A list below each record of another list. Harvest shows it for one record at a time.

    The tap first reads the parents' list, also if that stream is not selected. Then it reads the
    list below each parent that is due. The bookmark moves after the last of these lists, so the
    state has one entry for the stream.

    Attributes:
        parent_key: The field that takes the parent's id; `path` names it as well.
        follows_parent: Whether a change in the list moves its parent's `updated_at`. If so, the
            tap reads the whole lists of the parents that changed, and the bookmark is that of the
            parents. If not, it asks for the changes in the lists of all parents. If some changes
            do not move the parent, `open_state` names a state. The lists of parents in this state
            are also read every `reconcile_days`.
        own_path: An address at which each token sees the list of its owner. It is read if Harvest
            does not show the parents' list. Empty if there is no such address.
        passed_over: The refusals that concern one parent only, each with its meaning. The tap
            skips the list of that parent.
    """

    parent_stream_type: type[HarvestStream]
    parent_key: ClassVar[str]
    follows_parent: ClassVar[bool] = False
    own_path: ClassVar[str] = ""
    passed_over: ClassVar[Mapping[type[FatalAPIError], str]] = {NotFoundError: "deleted meanwhile"}
    misses_changes = True

    @property
    @override
    def filtered_by(self) -> dict[str, str]:
        # Harvest has no filters here. The filters of the parents decide which lists are read.
        return stream_of(self._tap, self.parent_stream_type).filtered_by

    @override
    def tells_news(self, known_until: datetime | None) -> bool:
        # The bookmark may be that of the parents, and rows are read because a parent changed.
        return self.is_incremental and (not self.follows_parent or known_until is None)

    def has_list(self, parent: Raw) -> bool:  # noqa: ARG002  # Others look at the record.
        """Whether there is a list below a record of the parent's list."""
        return True
