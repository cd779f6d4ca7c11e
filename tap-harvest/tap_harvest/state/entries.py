"""The entries of a state: one a stream, or one for each account of a stream."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tap_harvest.state.bookmark import Bookmark
from tap_harvest.state.report_state import Reported

ACCOUNTS = "accounts"
"""The part of an entry in the state that has an entry for each account, where several are read."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The entry of a stream in a state.

    Attributes:
        state: The state.
        stream: The stream's name.
        account_id: The account that the entry belongs to; `None` if only one account is read.
    """

    state: dict[str, Any]
    stream: str
    account_id: int | None = None

    def read(self) -> dict[str, Any]:
        """What the entry holds; empty if the state has none."""
        entry: dict[str, Any] = self.state.get("bookmarks", {}).get(self.stream, {})
        accounts: dict[str, dict[str, Any]] = entry.get(ACCOUNTS, {})
        if self.account_id is not None:
            return accounts.get(str(self.account_id), {})
        # Entries by account belong to tables with other keys.
        return {} if ACCOUNTS in entry else entry

    def write(self, entry: dict[str, Any]) -> None:
        """Replace what the entry holds."""
        bookmarks = self.state.setdefault("bookmarks", {})
        if self.account_id is not None:
            others = bookmarks.get(self.stream, {}).get(ACCOUNTS, {})
            entry = {ACCOUNTS: {**others, str(self.account_id): entry}}
        bookmarks[self.stream] = entry


def accounts_in(state: Mapping[str, Any], stream: str) -> set[int]:
    """The accounts that have an entry in a state, where several are read."""
    return set(map(int, state.get("bookmarks", {}).get(stream, {}).get(ACCOUNTS, {})))


def account_changes(state: Mapping[str, Any], account_ids: Sequence[int | str]) -> Iterator[str]:
    """Warnings for a state that was made for other accounts than the settings name.

    Args:
        state: The state.
        account_ids: The setting `account_ids`; empty if just one account is read.
    """
    bookmarks = state.get("bookmarks", {})
    are_several = bool(account_ids)
    unused = [stream for stream, entry in bookmarks.items() if (ACCOUNTS in entry) != are_several]
    if unused:
        before, now = "`account_id`", "`account_ids`"
        if not are_several:
            before, now = now, before
        yield (
            f"The state was made with {before}, and now the settings have {now}. Records then have "
            "another key, so these streams are read from the beginning: "
            f"{', '.join(sorted(unused))}. Begin with new tables and without a state."
        )
    known = {account_id for stream in bookmarks for account_id in accounts_in(state, stream)}
    # Without a state, as in a discovery, settings may not have been checked.
    if known and are_several and (others := known.difference(map(int, account_ids))):
        yield (
            f"Accounts were read before that are not in `account_ids`: "
            f"{', '.join(map(str, sorted(others)))}. Their rows stay downstream, and until they "
            "are read again nothing is removed there that was deleted in any account. Add them; "
            "or drop the bookmarks (`--full-refresh`), and their rows are removed."
        )


def _sound_entry(entry: Any, kind: type[Bookmark | Reported]) -> dict[str, Any]:
    """A stream's entry in a state without unknown members; empty if nothing is left.

    Args:
        entry: The entry.
        kind: What it is an entry of.

    Raises:
        ValueError: The entry is not as the tap writes it.
    """
    if not isinstance(entry, Mapping):
        message = f"its entry is of type {type(entry).__name__}, not an object"
        raise ValueError(message)  # noqa: TRY004  # The caller handles one kind of fault.
    if ACCOUNTS in entry:
        if not isinstance(entry[ACCOUNTS], Mapping) or not all(map(str.isdecimal, entry[ACCOUNTS])):
            message = f"its `{ACCOUNTS}` are no entries by account id"
            raise ValueError(message)
        parts = {key: _sound_entry(part, kind) for key, part in entry[ACCOUNTS].items()}
        return {ACCOUNTS: parts}
    if not entry:
        return {}
    return kind.from_state(entry).to_state()


def sound_state(
    state: Mapping[str, Any], *, by_window: Collection[str] = ()
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Divide the bookmarks of a state into those that can be used and those that cannot.

    Marks that an interrupted run of another program left beside a bookmark are dropped.

    Args:
        state: The state.
        by_window: The streams that are read by windows of the calendar.

    Returns:
        The usable entries by stream, and for each other stream the reason.

    Raises:
        ValueError: The state is not empty and has no `bookmarks` object.
    """
    if state and "bookmarks" not in state:
        message = "it has no `bookmarks`"
        raise ValueError(message)
    bookmarks = state.get("bookmarks", {})
    if not isinstance(bookmarks, Mapping):
        message = f"`bookmarks` is of type {type(bookmarks).__name__}, not an object"
        raise ValueError(message)  # noqa: TRY004  # The caller handles one kind of fault.
    sound: dict[str, dict[str, Any]] = {}
    faults: dict[str, str] = {}
    for stream, entry in bookmarks.items():
        try:
            written = _sound_entry(entry, Reported if stream in by_window else Bookmark)
        except ValueError as fault:
            faults[stream] = str(fault)
        else:
            if written:
                sound[stream] = written
    return sound, faults
