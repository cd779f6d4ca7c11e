"""People with their roles, rates and teammates."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from harvest_sandbox import words
from harvest_sandbox.tables import (
    Rate,
    Role,
    User,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harvest_sandbox.agency.making import Making


def people(making: Making) -> None:
    """An administrator, two managers with teammates, and members."""
    account, random = making.account, making.random
    count = min(10 + making.size // 500, 300)
    access = [["administrator"], ["manager", "billable_rates_manager"], ["manager"], ["member"]]
    users = []
    for index, stamps in enumerate(making.spread(max(count, 12))):
        first = words.FIRST_NAMES[index % len(words.FIRST_NAMES)]
        last = words.LAST_NAMES[(index * 7 + index // 22) % len(words.LAST_NAMES)]
        users.append(
            User(
                id=account.users.new_id(),
                **stamps,
                first_name=first,
                last_name=None if index == 5 else last,
                email=f"person.{index + 1}@example.org",
                access_roles=list(access[min(index, 3)]),
                teammate_ids=[],
                employee_id=f"E{index + 1:04}" if index % 2 else None,
                telephone=("", "+31 20 555 0100", None)[index % 3],
                timezone=words.ZONES[index % len(words.ZONES)],
                weekly_capacity=random.choice((126_000, 144_000, 72_000)),
                is_contractor=index % 4 == 3,
                is_active=not making.archived(index),
                calendar_integration_enabled=index == 0,
                calendar_integration_source="google" if index == 0 else None,
                can_create_projects=index < 2,
                avatar_url=f"https://example.com/avatars/{index + 1}.png" if index % 3 else None,
            )
        )
    users[1].teammate_ids = [user.id for user in users[3:7]]
    users[2].teammate_ids = [user.id for user in users[5:9]]
    account.users.fill(users)
    account.roles.fill(
        Role(
            id=account.roles.new_id(),
            **stamps,
            name=name,
            user_ids=[user.id for user in users[index :: len(words.ROLES) - 1]]
            if index < 4
            else [],
        )
        for index, (name, stamps) in enumerate(
            zip(words.ROLES, making.spread(len(words.ROLES)), strict=True)
        )
    )
    _rates(making, users)


def _rates(making: Making, users: Sequence[User]) -> None:
    """Histories of rates: none, one without a beginning, or several that follow one another."""
    for table, base in (
        (making.account.user_billable_rates, 90),
        (making.account.user_cost_rates, 40),
    ):
        rows = []
        for index, user in enumerate(users):
            if index == 4:
                continue
            for turn in range(1 + index % 3):
                start = making.first_day + dt.timedelta(days=300 * turn)
                rows.append(
                    Rate(
                        id=table.new_id(),
                        **making.stamps(making.origin + dt.timedelta(days=300 * turn)),
                        user_id=user.id,
                        amount=float(base + 5 * (index % 6) + 7.5 * turn),
                        start_date=start.isoformat() if turn else None,
                    )
                )
        table.fill(rows)
