"""The accounts to read: their ids, their modules, and what the token may see."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.exceptions import ConfigValidationError

from tap_harvest.http.errors import UnavailableError
from tap_harvest.rights import lacks

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from tap_harvest.http.client import AccountAccess, Client
    from tap_harvest.rights import Wanted

logger = logging.getLogger("tap-harvest.account")


class Account:
    """One Harvest account. Each request is sent when it is first needed, and once."""

    def __init__(self, client: Client, account_id: int | None, *, skip_forbidden: bool) -> None:
        """Send no request yet.

        Args:
            client: Speaks to Harvest.
            account_id: The account to read; `None` takes the only one that the token reaches.
            skip_forbidden: Whether a stream that Harvest does not show is skipped, with a warning.
        """
        self.client = client
        self.skip_forbidden = skip_forbidden
        self.withheld: dict[type[UnavailableError], str] = {}
        """The first stream that Harvest did not show, by kind of error."""
        self._account_id = account_id

    @cached_property
    def id(self) -> int:
        """The account's id.

        Raises:
            ConfigValidationError: No account is set, and the token reaches none or several.
        """
        found = self._account_id
        if found is None:
            found = _only(self.client.accounts()).id
        self.client.use_account(found)
        return found

    @cached_property
    def user(self) -> bytes:
        """The token's owner, as `/users/me` shows them.

        Raises:
            FatalAPIError: Harvest refused the token, or there is no such account.
        """
        _ = self.id
        return self.client.one("/users/me", stream="users_me")

    @cached_property
    def roles(self) -> Collection[str] | None:
        """What the token's owner may do; `None` where Harvest does not say."""
        roles = msgspec.json.decode(self.user).get("access_roles")
        return roles if isinstance(roles, list) else None

    @property
    def shows_all(self) -> bool:
        """Whether Harvest shows every row to the token, so that missing rows were deleted."""
        return self.roles is not None and "administrator" in self.roles

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

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """The account's settings; empty if Harvest does not show them to this token."""
        if isinstance(self._company, UnavailableError):
            return {}
        settings: dict[str, Any] = msgspec.json.decode(self._company)
        return settings

    def offers(self, module: str) -> bool:
        """Whether a module is on. If that is unknown, its lists are asked for.

        Args:
            module: One of the flags of `/company`, such as `expense_feature`.
        """
        return self.settings.get(module) is not False


class Accounts:
    """The accounts to read, in order.

    Attributes:
        are_several: Whether records and bookmarks have the account's id: always with `account_ids`,
            even if it names a single account.
        all: The accounts, in order; at least one.
    """

    def __init__(
        self,
        client: Client,
        account_ids: Sequence[int] | None,
        account_id: int | None,
        *,
        wanted: Callable[[], Sequence[Wanted]],
        **how: bool,
    ) -> None:
        """Send no request yet.

        Args:
            client: Speaks to Harvest.
            account_ids: The accounts to read, in order; `None` to read a single account.
            account_id: The single account; `None` takes the only one that the token reaches.
            wanted: Tells which streams are to be read.
            how: The other arguments of `Account`.
        """
        self.are_several = account_ids is not None
        self._client = client
        self._wanted = wanted
        self.all = (
            [Account(client, account_id, **how)]
            if account_ids is None
            else [Account(client.for_account(found), found, **how) for found in account_ids]
        )
        self._is_open = False

    def open(self) -> None:
        """Read the token's owner and the modules of each account, before any stream is read.

        Log a warning for everything that will be missing downstream.

        Raises:
            ConfigValidationError: The token does not reach one of the accounts.
            FatalAPIError: Harvest refused the token, or there is no such account.
        """
        if self._is_open:
            return
        if self.are_several:
            _check_reach([account.id for account in self.all], self._client.accounts())
        wanted = self._wanted()
        for account in self.all:
            for sentence in lacks(account.id, account.roles, account.settings, wanted):
                logger.warning("%s", sentence)
        self._is_open = True

    @property
    def show_all(self) -> bool:
        """Whether Harvest shows every row of all accounts to the token."""
        return all(account.shows_all for account in self.all)


def _check_reach(wanted: list[int], accesses: list[AccountAccess]) -> None:
    """Check that a token reaches some accounts.

    Raises:
        ConfigValidationError: The token does not reach all of the accounts.
    """
    found = [access.id for access in accesses if access.product == "harvest"]
    if missing := [account_id for account_id in wanted if account_id not in found]:
        message = (
            f"The access token does not reach {_numbers(missing)} of `account_ids`; the Harvest "
            f"accounts that it reaches are: {_numbers(found) or 'none'}. Name only such accounts, "
            "or sign in as someone who is a member of all."
        )
        raise ConfigValidationError(message, errors=[message])


def _numbers(account_ids: list[int]) -> str:
    return ", ".join(map(str, account_ids))


def _only(accesses: list[AccountAccess]) -> AccountAccess:
    """The one Harvest account among those that a token reaches.

    Raises:
        ConfigValidationError: The token reaches no Harvest account, or several.
    """
    accounts = [access for access in accesses if access.product == "harvest"]
    if len(accounts) == 1:
        return accounts[0]
    if accounts:
        choice = _numbers([account.id for account in accounts])
        message = (
            f"The access token reaches {len(accounts)} Harvest accounts: {choice}. "
            "Set `account_id` to one of them, or `account_ids` to several."
        )
    else:
        others = ", ".join(f"{access.id} of {access.product}" for access in accesses)
        message = (
            f"The access token reaches no Harvest account (it reaches: {others or 'nothing'}). "
            "Sign in as someone who is a member of the account."
        )
    raise ConfigValidationError(message, errors=[message])
