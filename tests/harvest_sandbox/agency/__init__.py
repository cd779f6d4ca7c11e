"""A believable agency, made from a seed: the same seed, size and day give the same account."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, Final

from harvest_sandbox.account import Account
from harvest_sandbox.agency import bills, people, projects, tracked
from harvest_sandbox.agency.making import Making

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

COMPANY: Final[dict[str, Any]] = {
    "base_uri": "https://exampleworks.harvestapp.com",
    "full_domain": "exampleworks.harvestapp.com",
    "name": "Example Works",
    "is_active": True,
    "week_start_day": "Monday",
    "wants_timestamp_timers": True,
    "time_format": "hours_minutes",
    "date_format": "%Y-%m-%d",
    "plan_type": "simple-v4",
    "expense_feature": True,
    "invoice_feature": True,
    "estimate_feature": True,
    "team_feature": True,
    "approval_feature": True,
    "weekly_capacity": 126_000,
    "clock": "12h",
    "currency": "EUR",
    "currency_code_display": "iso_code_none",
    "currency_symbol_display": "symbol_before",
    "decimal_symbol": ".",
    "thousands_separator": ",",
    "color_scheme": "orange",
    "saml_sign_in_required": False,
    "day_entry_notes_required": False,
}


def build(*, time_entries: int, seed: int, clock: Callable[[], dt.datetime]) -> Account:
    """Make an account.

    Args:
        time_entries: How many time entries it has; the other lists grow with them.
        seed: Decides every choice.
        clock: Gives the account's present moment; the data end there.
    """
    making = Making(Account(dict(COMPANY), clock), Random(seed), time_entries)
    for make in (
        people.people,
        projects.clients_and_projects,
        projects.assignments,
        tracked.time_entries,
        tracked.expenses,
        bills.estimates,
        bills.invoices,
    ):
        make(making)
    return making.account
