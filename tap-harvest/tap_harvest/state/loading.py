"""Checks the state before a run resumes from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import ConfigValidationError

from tap_harvest.state.entries import account_changes, sound_state

if TYPE_CHECKING:
    import logging
    from collections.abc import Collection, Mapping, Sequence


def usable(
    state: Mapping[str, Any],
    account_ids: Sequence[int | str],
    *,
    by_window: Collection[str],
    logger: logging.Logger,
) -> dict[str, Any]:
    """Keep the bookmarks of a state that can be used.

    Args:
        state: The state as it was passed to the tap.
        account_ids: The setting `account_ids`; empty if just one account is read.
        by_window: The streams that are read by windows of the calendar.
        logger: Gets a warning for each bookmark that cannot be used.

    Raises:
        ConfigValidationError: The state is not a Singer state.
    """
    try:
        bookmarks, faults = sound_state(state, by_window=by_window)
    except ValueError as fault:
        message = (
            f"The state cannot be used: {fault}. Pass the value of the last STATE message, or "
            "none, to read everything again."
        )
        raise ConfigValidationError(message, errors=[message]) from fault
    for stream, reason in faults.items():
        logger.warning(
            "A bookmark cannot be used, so its stream is read from the beginning: "
            "stream=%s reason=%s",
            stream,
            reason,
        )
    kept = {"bookmarks": bookmarks}
    for warning in account_changes(kept, account_ids):
        logger.warning("%s", warning)
    return kept
