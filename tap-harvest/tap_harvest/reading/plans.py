"""Makes the plans of a run from the streams' declarations, the settings and the state."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tap_harvest.reading.outlook import Outlook
from tap_harvest.reading.plan import AccountPlan, Plan, Rules
from tap_harvest.state.bookmark import instant
from tap_harvest.state.entries import accounts_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tap_harvest.account import Account
    from tap_harvest.reading.stream import HarvestStream


class Plans:
    """The plans of one run. A plan is made at its first use, after the accounts are known."""

    def __init__(self) -> None:
        """Make no plan yet."""
        self._plans: dict[str, Plan] = {}
        self._outlook: Outlook | None = None

    def of(self, stream: HarvestStream) -> Plan:
        """The plan of a stream."""
        if stream.name not in self._plans:
            self._plans[stream.name] = _plan_of(stream)
        return self._plans[stream.name]

    def outlook(self, streams: Sequence[HarvestStream], accounts: Sequence[Account]) -> Outlook:
        """How many report requests the run has to send, counted at the first call.

        Args:
            streams: The streams of the tap, in order.
            accounts: The accounts, in order.
        """
        if self._outlook is None:
            self._outlook = Outlook(streams, accounts)
        return self._outlook


def _plan_of(stream: HarvestStream) -> Plan:
    rules, accounts = _rules_of(stream), stream.accounts.all
    return Plan(
        {account.id: AccountPlan(rules, account, stream.entry(account)) for account in accounts},
        [account.id for account in accounts if stream.is_offered(account)],
        accounts_in(stream.tap_state, stream.name),
    )


def _rules_of(stream: HarvestStream) -> Rules:
    misses_changes = stream.source.misses_changes
    return Rules(
        is_incremental=stream.is_incremental,
        filters=stream.filtered_by,
        lookback=timedelta(seconds=stream.config["lookback_seconds"]),
        start=_limit(stream, "start_date"),
        end=_limit(stream, "end_date"),
        finds_deletions=_finds_deletions(stream),
        misses_changes=misses_changes,
        reconcile_every=_days(stream, "sweep_days" if misses_changes else "reconcile_days"),
        has_open_parents=bool(stream.source.open_state),
        check_every=_days(stream, "reconcile_days"),
    )


def _limit(stream: HarvestStream, setting: str) -> datetime | None:
    text = stream.config.get(setting) if stream.source.is_fact else None
    return instant(text) if text else None


def _days(stream: HarvestStream, setting: str) -> timedelta | None:
    days = stream.config[setting]
    return None if days is None else timedelta(days=days)


def _finds_deletions(stream: HarvestStream) -> bool:
    """Whether a row that is missing in a whole read was deleted in Harvest.

    If a read leaves rows out for another reason, the tap cannot tell them from deleted rows.
    """
    return (
        stream.config["reconcile_days"] is not None
        and not stream.is_history
        and not stream.is_trial
        and _limit(stream, "end_date") is None
        and not stream.filtered_by
        and stream.accounts.show_all
        and _is_sole_source(stream)
    )


def _is_sole_source(stream: HarvestStream) -> bool:
    """Whether no other stream's records get the same name from stream maps."""
    names = {stream_map.stream_alias for stream_map in stream.stream_maps}
    return all(
        names.isdisjoint(stream_map.stream_alias for stream_map in other.stream_maps)
        for other in stream.all_streams
        if other is not stream and other.selected
    )
