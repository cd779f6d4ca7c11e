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

    Which records to ask comes from a read of the parent's list, whether or not that is selected.
    The bookmark moves after the last of them, so that the state has one entry a stream.

    Attributes:
        parent_key: The field that takes the parent's id; `path` names it as well.
        follows_parent: Whether a change in the list moves its parent's `updated_at`. Then only
            parents that changed are asked, for their whole list, and the bookmark is theirs. If
            not, all are asked for what changed in their lists. Where some changes do not move the
            parent, `open_state` names the state in which parents are also asked every
            `reconcile_days`.
        own_path: An address that shows the list of the token's owner to everybody. It is read if
            Harvest does not show the parent's list. Empty if no address does.
        passed_over: The refusals that tell of one parent alone, each with what it means.
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
        # Harvest has no filters here; only parents that pass theirs are asked.
        return stream_of(self._tap, self.parent_stream_type).filtered_by

    @override
    def tells_news(self, known_until: datetime | None) -> bool:
        # The bookmark may be the parents', and rows are due for their parent's change.
        return self.is_incremental and (not self.follows_parent or known_until is None)

    def has_list(self, parent: Raw) -> bool:  # noqa: ARG002  # Others look at the record.
        """Whether there is a list below a record of the parent's list."""
        return True
