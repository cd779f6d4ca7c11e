"""Warns of rows and columns that an account or the token's rights leave out.

Harvest API, "Overview: Roles and permissions":
https://help.getharvest.com/api-v2/introduction/overview/general/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

COSTS = ("cost_rate",)
RATES = ("billable_rate", "hourly_rate", "default_hourly_rate")
AMOUNTS = ("billable_amount", "cost_budget", "fee")


class Wanted(NamedTuple):
    """A stream that is to be read.

    Attributes:
        name: Its name.
        module: The flag of `/company` that switches its list on; empty without such a flag.
        columns: The names of its fields.
        hides_rows: Whether Harvest leaves out the rows that the token's owner may not see.
    """

    name: str
    module: str
    columns: Collection[str]
    hides_rows: bool = False


def lacks(
    account_id: int,
    roles: Collection[str] | None,
    company: Mapping[str, Any],
    wanted: Sequence[Wanted],
) -> Iterator[str]:
    """What will be missing in the streams to read, one sentence for each reason.

    Args:
        account_id: The account.
        roles: What the token's owner may do in it; `None` where Harvest does not say.
        company: The account's settings, empty where Harvest does not show them.
        wanted: The streams.
    """
    if company.get("is_active") is False:
        yield (
            f"Account {account_id} is closed (is_active of /company is false): nothing changes "
            "there any more. Streams that Harvest does not show are missing downstream."
        )
    for module in sorted(
        {stream.module for stream in wanted if company.get(stream.module) is False}
    ):
        streams = [stream.name for stream in wanted if stream.module == module]
        yield (
            f"Harvest's {module.removesuffix('_feature')} module is off in account {account_id} "
            f"({module} is false), so nothing comes of {', '.join(streams)}. Switch it on in "
            "Harvest, or deselect them."
        )
    if roles is None:
        yield (
            "Harvest does not say what the access token's owner may do in account "
            f"{account_id} (access_roles of /users/me), so nothing is taken for deleted downstream."
        )
    elif "administrator" not in roles:
        yield from _lacks_without_rights(account_id, roles, wanted)


def _lacks_without_rights(
    account_id: int, roles: Collection[str], wanted: Sequence[Wanted]
) -> Iterator[str]:
    cut = [stream.name for stream in wanted if stream.hides_rows]
    yield (
        f"The access token is not an administrator's of account {account_id}: without an error, "
        f"Harvest leaves out what its owner may not see of {', '.join(cut) or 'any list'}. What "
        "is deleted in Harvest stays downstream, since the tap cannot tell it from rows that are "
        "left out. Sign in as an administrator to read everything."
    )
    hidden = COSTS if "billable_rates_manager" in roles else COSTS + RATES + AMOUNTS
    columns = {
        column: [stream.name for stream in wanted if column in stream.columns] for column in hidden
    }
    if told := [f"{column} ({', '.join(names)})" for column, names in columns.items() if names]:
        yield (
            f"Harvest withholds rates and money of account {account_id} from the access token, so "
            f"these columns can be empty downstream: {', '.join(told)}."
        )
