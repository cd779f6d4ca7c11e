"""Characters in text that a database cannot hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_harvest_sql.records.raw import clean

if TYPE_CHECKING:
    import logging

    from target_harvest_sql.dialects.base import Dialect


class TextCleaner:
    """Puts U+FFFD in place of the characters that a database cannot hold, and says so once.

    Args:
        stream: Name of the stream, for the warning.
        logger: Gets the warning.
        dialect: The dialect of the database.
    """

    def __init__(self, stream: str, logger: logging.Logger, dialect: Dialect) -> None:
        self._stream = stream
        self._logger = logger
        self._dialect = dialect
        self._warned = False

    def clean(self, record: bytes) -> bytes:
        """Clean a record."""
        cleaned = clean(record, keeps_nul=self._dialect.keeps_nul)
        if cleaned != record and not self._warned:
            self._warned = True
            self._logger.warning(
                "Stream %s sends text with characters that %s cannot hold; U+FFFD is written in "
                "their place.",
                self._stream,
                self._dialect.name,
            )
        return cleaned
