"""The plans of Forecast, Harvest's other product, as far as the time reports show them.

No source tells how the plans of a row are chosen. Here they are those of the row's person or
project, in projects whose client has the row's currency.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harvest_sandbox.account import Account
    from harvest_sandbox.tables import UserAssignment

PLANNED_SHARE: Final = 2
"""Every second project is planned in Forecast, and in it every second person."""
HOURS_A_DAY: Final = Decimal("1.5")
"""The hours that are planned for each weekday."""


def scheduled_hours(
    account: Account, subject: str, subject_id: int, currency: str, window: tuple[str, str]
) -> float | None:
    """The hours that are planned for a row of a time report; `None` where there is no plan.

    Args:
        account: The account.
        subject: What the report sums up: `projects` or `team`.
        subject_id: The project or the person.
        currency: The currency of the row.
        window: The first and the last day of the report, both included.
    """
    column = {"projects": "project_id", "team": "user_id"}[subject]
    plans = [
        row
        for row in _planned(account)
        if getattr(row, column) == subject_id
        and account.clients.by_id[account.projects.by_id[row.project_id].client_id].currency
        == currency
    ]
    return float(len(plans) * _weekdays(*window) * HOURS_A_DAY) if plans else None


def _planned(account: Account) -> Iterator[UserAssignment]:
    if account.switches.forecast:
        for row in account.project_user_assignments.by_id.values():
            if row.project_id % PLANNED_SHARE == row.user_id % PLANNED_SHARE == 0:
                yield row


def _weekdays(first: str, last: str) -> int:
    begin = dt.date.fromisoformat(first)
    days = (dt.date.fromisoformat(last) - begin).days + 1
    return sum((begin + dt.timedelta(days=day)).weekday() < 5 for day in range(days))
