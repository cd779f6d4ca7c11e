"""Decides which tables a run with `load_method: overwrite` replaces at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_harvest_sql.database.shadows import Shadows
from target_harvest_sql.writing.proof import Proofs

if TYPE_CHECKING:
    import logging
    from collections.abc import Collection, Mapping

    from target_harvest_sql.database.tables import Tables


class UnprovenError(Exception):
    """Nothing proves that some streams were read whole. Their tables stay as they were."""


class Overwrite:
    """The new tables of a run, and the proofs that their streams were read whole.

    Args:
        tables: Makes and changes tables.
        logger: Gets a warning for each table that stays as it was.
        needs_proof: Whether a table is replaced only if its stream is proven to be whole.
    """

    def __init__(self, tables: Tables, logger: logging.Logger, *, needs_proof: bool) -> None:
        self.shadows = Shadows(tables)
        self.proofs = Proofs()
        self._logger = logger
        self._needs_proof = needs_proof

    def finish(self, sources: Mapping[str, Collection[str]]) -> None:
        """Replace the tables of all streams that were read whole, in one transaction.

        Args:
            sources: By each name that streams are written under, the streams of the tap.

        Raises:
            DatabaseError: If the database refuses it. All tables stay as they were.
            UnprovenError: If some tables stay as they were. The others are replaced.
        """
        gaps = {name: self._find_gap(name, streams) for name, streams in sources.items()}
        kept = {name: gap for name, gap in gaps.items() if gap}
        self.shadows.swap(gaps.keys() - kept.keys())
        self.shadows.drop()
        if not kept:
            return
        for name, gap in kept.items():
            self._logger.warning(
                "Stream %s: its table stays as it was. Nothing proves that the stream was read "
                "whole: %s.",
                name,
                gap,
            )
        message = (
            f"Nothing proves that these streams were read whole, so their tables stay as they "
            f"were, and no state is printed: {', '.join(kept)}. Look for an error or a skipped "
            "stream in the log of the tap, and run it again with `--full-refresh`. If the tap read "
            "everything and sends nothing that proves it, set `overwrite_requires: end_of_input`."
        )
        raise UnprovenError(message)

    def _find_gap(self, name: str, streams: Collection[str]) -> str:
        if not self._needs_proof:
            return ""
        gap = next(filter(None, map(self.proofs.find_gap, streams)), "")
        is_empty = not any(self.proofs.last_ordinals.get(stream) for stream in streams)
        return "" if gap and is_empty and self.shadows.would_lose_nothing(name) else gap

    def abandon(self) -> None:
        """Drop the new tables.

        Raises:
            DatabaseError: If the database refuses it.
        """
        self.shadows.drop()
