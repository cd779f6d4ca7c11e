"""Properties that a stream's schema does not name, so that they have no column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_harvest_sql.columns import METADATA

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable

    from target_harvest_sql.records.blocks import Raw


class UnnamedProperties:
    """Warns once of each property that records have and their schema does not name.

    Args:
        stream: Name of the stream.
        named: The properties that the schema names.
        logger: Gets the warnings.
    """

    def __init__(self, stream: str, named: Iterable[str], logger: logging.Logger) -> None:
        self._stream = stream
        self._known = {*named, *METADATA}
        self._logger = logger

    def check(self, record: Raw) -> None:
        """Warn of the properties of a record."""
        names = msgspec.json.decode(record, type=dict[str, msgspec.Raw]).keys()
        if unnamed := names - self._known:
            self._known |= unnamed
            self._logger.warning(
                "Stream %s sends properties that its schema does not name, so they have no column "
                "and are left out: %s. Let the tap name them in its schema.",
                self._stream,
                ", ".join(sorted(unnamed)),
            )
