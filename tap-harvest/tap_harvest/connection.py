"""Makes the accounts that the settings name, and the client that reads them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tap_harvest.account import Accounts
from tap_harvest.http.client import Client
from tap_harvest.http.sign_in import sign_in_of
from tap_harvest.http.token_file import keep_refresh_token

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tap_harvest.rights import Wanted


def accounts_of(
    config: Mapping[str, Any],
    *,
    user_agent: str,
    sources: Sequence[str],
    wanted: Callable[[], Sequence[Wanted]],
) -> Accounts:
    """The accounts to read; no request is sent yet.

    Args:
        config: The settings, which have no errors.
        user_agent: How the tap names itself where the settings do not say it.
        sources: What `--config` names, where a replaced refresh token is kept.
        wanted: Tells which streams are to be read.
    """
    client = Client(
        api_url=config["api_url"],
        identity_url=config["identity_url"],
        sign_in=sign_in_of(config, partial(keep_refresh_token, sources)),
        user_agent=config.get("user_agent") or user_agent,
        page_size=config["page_size"],
        timeout_seconds=config["request_timeout_seconds"],
        max_concurrent_requests=config["max_concurrent_requests"],
        requests_per_15_seconds=config["requests_per_15_seconds"],
        report_requests_per_15_minutes=config["report_requests_per_15_minutes"],
    )
    account_id = config.get("account_id")
    return Accounts(
        client,
        account_ids_of(config) or None,
        None if account_id is None else int(account_id),
        wanted=wanted,
        skip_forbidden=config["on_forbidden"] == "skip",
    )


def account_ids_of(config: Mapping[str, Any]) -> list[int]:
    """What `account_ids` names; empty if it is not set."""
    return [int(account_id) for account_id in config.get("account_ids", ())]
