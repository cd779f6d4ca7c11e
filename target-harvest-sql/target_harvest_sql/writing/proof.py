"""Proofs that a stream was read whole, from the messages of the tap.

The end of the input proves nothing: the input also ends if the tap was killed, and a tap may skip a
stream. One of these messages is a proof, if no record of the stream follows it:

* ACTIVATE_VERSION with the version that the records of the stream carry. Without a record it
  proves nothing, since many taps also send it before the first record.
* A STATE that no longer names the stream in `currently_syncing`, after one that did. Taps that are
  built on singer-python send both.
* A STATE with the bookmark of a stream that was read from its beginning: a `replication_key_value`,
  and none of the marks that the Meltano SDK sets while it reads the stream.
* A STATE with the version that ACTIVATE_VERSION named, if the stream has no record.
* A STATE with a new `swept_at` in the bookmark: tap-harvest writes it when a list was read whole.

Singer, "Sync mode": https://github.com/singer-io/getting-started/blob/master/docs/SYNC_MODE.md
Meltano SDK, "Stream State": https://sdk.meltano.com/en/latest/implementation/state.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from target_harvest_sql.records.raw import decode_exactly

IN_PROGRESS = ("progress_markers", "replication_key_signpost", "starting_replication_value")
"""The marks that the Meltano SDK removes from a bookmark when the stream has been read."""


class Activation(msgspec.Struct, frozen=True):
    """An ACTIVATE_VERSION message."""

    version: int
    is_carried: bool
    """Whether the records of the stream carried that version."""
    ordinal: int
    """Number of the last record of the stream before it; 0 if there was none."""


class _Place(msgspec.Struct, frozen=True):
    """The part of a state that says which stream the tap is reading."""

    currently_syncing: Any = None


class Proofs:
    """Collects the messages of a run that prove that streams were read whole."""

    def __init__(self) -> None:
        self.last_ordinals: dict[str, int] = {}
        """Number of the last record of each stream. The caller keeps it up to date."""
        self._activations: dict[str, Activation] = {}
        self._beginnings: dict[str, tuple[int, Any]] = {}
        """How many states had come when a stream began, and its bookmark in the last one."""
        self._states = 0
        self._state = b""
        self._ordinal_of_state = 0
        self._syncing: Any = None
        """The stream that the last state names in `currently_syncing`."""
        self._synced: set[str] = set()
        """All streams that a state has named in `currently_syncing`."""

    def begin(self, stream: str) -> None:
        """Note that a stream begins. A second call for the stream does nothing."""
        if stream not in self._beginnings:
            self._beginnings[stream] = (self._states, self._bookmark(stream))

    def activate(self, stream: str, version: int, carried: int | None) -> None:
        """Note ACTIVATE_VERSION.

        Args:
            stream: Name of the stream.
            version: The version that the message names.
            carried: The version that the records of the stream carried; `None` if there was none.
        """
        ordinal = self.last_ordinals.get(stream, 0)
        self._activations[stream] = Activation(version, carried == version, ordinal)

    def note_state(self, value: bytes, ordinal: int) -> None:
        """Note a state, and the number of the last record before it."""
        self._states += 1
        self._state, self._ordinal_of_state = value, ordinal
        if b'"currently_syncing"' in value:
            self._syncing = msgspec.json.decode(value, type=_Place).currently_syncing
            if isinstance(self._syncing, str):
                self._synced.add(self._syncing)
        else:
            self._syncing = None

    def find_gap(self, stream: str) -> str:
        """Say why there is no proof that a stream was read whole; empty if there is a proof."""
        last = self.last_ordinals.get(stream, 0)
        activation = self._activations.get(stream)
        if last and activation and activation.is_carried and activation.ordinal == last:
            return ""
        states_before, bookmark_before = self._beginnings.get(stream, (0, None))
        if self._states == states_before or self._ordinal_of_state < last:
            return "no state came after its last record"
        before = _entries(bookmark_before)
        if before.get("replication_key_value") is not None:
            return "it was read from a bookmark on, and not from its beginning"
        bookmark = _entries(self._bookmark(stream))
        if self._syncing == stream or any(mark in bookmark for mark in IN_PROGRESS):
            return "the last state says that it is still being read"
        is_whole = (
            stream in self._synced
            or "replication_key_value" in bookmark
            or (not last and activation and bookmark.get("version") == activation.version)
            or bookmark.get("swept_at") != before.get("swept_at")
        )
        return "" if is_whole else "the last state does not say that all of it was read"

    def _bookmark(self, stream: str) -> Any:
        """The bookmark of a stream in the last state; `None` if it has none."""
        try:
            state = decode_exactly(self._state) if self._state else {}
        except msgspec.DecodeError:
            return None  # The state has an integer of thousands of digits.
        bookmarks = state.get("bookmarks")
        return bookmarks.get(stream) if isinstance(bookmarks, dict) else None


def _entries(bookmark: Any) -> dict[str, Any]:
    """The entries of a bookmark; empty if it is not an object."""
    return bookmark if isinstance(bookmark, dict) else {}
