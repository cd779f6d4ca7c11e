"""The account that the token reads: which one it is, what it offers, what the token may see."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
from singer_sdk.exceptions import ConfigValidationError

from tap_harvest.client import UnavailableError

if TYPE_CHECKING:
    from tap_harvest.client import Client, Reach

logger = logging.getLogger("tap-harvest.account")


class Account:
    """One Harvest account. Nothing is asked before it is needed, and nothing twice."""

    def __init__(self, client: Client, account_id: int | None, *, skip_forbidden: bool) -> None:
        """Ask nothing yet.

        Args:
            client: Speaks to Harvest.
            account_id: The account to read; `None` takes the only one that the token reaches.
            skip_forbidden: Whether a stream that Harvest does not show is skipped, with a warning.
        """
        self.client = client
        self.skip_forbidden = skip_forbidden
        self._account_id = account_id
        self._missed: set[str] = set()

    @cached_property
    def id(self) -> int:
        """The account's id.

        Raises:
            ConfigValidationError: None is set, and the token does not reach exactly one.
        """
        found = self._account_id
        if found is None:
            found = _only(self.client.accounts()).id
        self.client.use_account(found)
        return found

    @cached_property
    def user(self) -> bytes:
        """The person whose token it is, as `/users/me` shows them.

        Raises:
            FatalAPIError: Harvest refused the token, or there is no such account.
        """
        _ = self.id
        return self.client.one("/users/me", stream="users_me")

    @cached_property
    def shows_all(self) -> bool:
        """Whether Harvest shows every row to the token, so that what it does not show is deleted.

        A warning says once that it does not.
        """
        roles = msgspec.json.decode(self.user).get("access_roles")
        if isinstance(roles, list) and "administrator" not in roles:
            logger.warning(
                "The access token is not an administrator's, so Harvest leaves out the time, "
                "expenses and rates that its owner may not see, without saying so. What is deleted "
                "in Harvest stays downstream, since nobody can tell it from what is left out. Set "
                "`access_token` to an administrator's to read everything."
            )
        return isinstance(roles, list) and "administrator" in roles

    @cached_property
    def _company(self) -> bytes | UnavailableError:
        try:
            return self.client.one("/company", stream="company")
        except UnavailableError as error:
            return error

    @property
    def company(self) -> bytes:
        """The account's settings, as `/company` shows them.

        Raises:
            UnavailableError: Harvest does not show them to this token.
        """
        if isinstance(self._company, UnavailableError):
            raise self._company
        return self._company

    def open(self) -> None:
        """Ask what all streams depend on: who reads, and what the account offers.

        Raises:
            FatalAPIError: Harvest refused the token, or there is no such account.
        """
        _ = self.shows_all, self._company

    def offers(self, module: str) -> bool:
        """Whether a module is on; a warning says once which one is not.

        Args:
            module: One of the flags of `/company`, such as `expense_feature`.
        """
        if isinstance(self._company, UnavailableError):
            return True  # Unknown: the module's own lists will tell.
        offered = msgspec.json.decode(self._company).get(module) is not False
        if not offered and module not in self._missed:
            self._missed.add(module)
            logger.warning(
                "Harvest's %s module is off in this account (%s is false): its streams are "
                "skipped. Switch it on in Harvest, or deselect them.",
                module.removesuffix("_feature"),
                module,
            )
        return offered


def _only(reaches: list[Reach]) -> Reach:
    """The one Harvest account among those that a token reaches.

    Raises:
        ConfigValidationError: There is none, or there are several.
    """
    accounts = [reach for reach in reaches if reach.product == "harvest"]
    if len(accounts) == 1:
        return accounts[0]
    if accounts:
        choice = ", ".join(str(account.id) for account in accounts)
        message = (
            f"The access token reaches {len(accounts)} Harvest accounts: {choice}. "
            "Set `account_id` to one of them."
        )
    else:
        others = ", ".join(f"{reach.id} of {reach.product}" for reach in reaches)
        message = (
            f"The access token reaches no Harvest account (it reaches: {others or 'nothing'}). "
            "Set `access_token` to the token of someone who is a member of the account."
        )
    raise ConfigValidationError(message, errors=[message])
