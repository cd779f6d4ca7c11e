"""What every part of an account is made with: the random choices and the days it spans."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from harvest_sandbox.clock import stamp

if TYPE_CHECKING:
    from random import Random

    from harvest_sandbox.account import Account

YEARS: Final = 3


class Making:
    """An account in the making.

    Attributes:
        account: Where the rows go.
        random: Decides every choice.
        size: How many time entries there will be; the other lists grow with it.
        now: The account's present moment, at which its data end.
        today: The day of that moment.
        first_day: The day on which the data begin.
        origin: The first moment of that day's work.
    """

    def __init__(self, account: Account, random: Random, size: int) -> None:
        self.account = account
        self.random = random
        self.size = size
        self.now = account.now.replace(microsecond=0)
        self.today = self.now.date()
        self.first_day = self.today - dt.timedelta(days=365 * YEARS)
        self.origin = dt.datetime.combine(self.first_day, dt.time(8), dt.UTC)

    def stamps(self, created: dt.datetime) -> dict[str, Any]:
        """When a row came into being and, sometimes later, changed last; never in the future."""
        created = min(created, self.now)
        later = (0, 0, 5_000, 20_000_000)[int(self.random.random() * 4)]
        changed = created + dt.timedelta(seconds=later)
        return {
            "created_at": stamp(created),
            "updated_at": stamp(changed if changed < self.now else created),
        }

    def spread(self, count: int) -> list[dict[str, Any]]:
        """Stamps of rows that came one after another over the first year."""
        step = dt.timedelta(days=365) / max(count, 1)
        return [self.stamps(self.origin + step * index) for index in range(count)]

    def hexadecimal(self) -> str:
        """An opaque key."""
        return f"{self.random.getrandbits(128):032x}"

    def archived(self, index: int) -> bool:
        """Whether the row at this place is archived: one of seven, and never the first."""
        return index % 7 == 6
