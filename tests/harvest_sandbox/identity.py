"""Tokens and accounts: the identity host's side, and who a request to the API comes from."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import msgspec

from harvest_sandbox.refusals import Refusal, json_response, unauthorized
from harvest_sandbox.rights import Caller

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harvest_sandbox.account import Account

ACCOUNT_ID: Final = 900_100
SECOND_ACCOUNT_ID: Final = 900_101
FORECAST_ID: Final = 900_200


def account_named(headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
    """The account that a request is for; `None` if it names none."""
    return headers.get("harvest-account-id", query.get("account_id"))


class Identity:
    """Who holds which token.

    Attributes:
        client_id: The OAuth client of the account's administrator.
        client_secret: That client's secret.
        refresh_token: What may be exchanged for an access token now.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._tokens: dict[str, tuple[int, dt.datetime | None]] = {}
        self._refreshed: str | None = None
        self._issued = 0
        self.client_id = "client-1"
        self.client_secret = "client-secret-1"
        self.refresh_token = "900100.rt.a.refresh-1"

    def token_for(self, who: str | int) -> str:
        """A personal access token.

        Args:
            who: The id of a user, or an access role: the first user whose main role it is.
        """
        users = self._account.users.by_id
        user_id = (
            who
            if isinstance(who, int)
            else min(user.id for user in users.values() if user.access_roles[0] == who)
        )
        token = f"{user_id}.pt.personal"
        self._tokens[token] = (user_id, None)
        return token

    def revoke(self, token: str) -> None:
        """Make a token invalid from now on."""
        self._tokens.pop(token, None)

    def caller(
        self,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        account: Account | None = None,
    ) -> Caller:
        """The person behind a token.

        Args:
            headers: Those of the request.
            query: That of the request.
            account: The account that is read; the first one where it is `None`.

        Raises:
            Refusal: The token is missing, unknown or expired (401).
        """
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            token = query.get("access_token", "")
        user_id, expires = self._tokens.get(token, (0, None))
        account = account or self._account
        user = account.users.by_id.get(user_id)
        if user is None or (expires and expires <= account.now):
            raise unauthorized()
        return Caller(account, user)

    def check_account(self, headers: Mapping[str, str], query: Mapping[str, str]) -> None:
        """See that the request names an account that the token reaches.

        Raises:
            Refusal: It names none (401 or 404), or another (401).
        """
        named = account_named(headers, query)
        if not named:
            raise unauthorized(self._account.switches.no_account_status)
        if named not in {str(entry["id"]) for entry in self._harvest_accounts()}:
            raise unauthorized()

    def _harvest_accounts(self) -> list[dict[str, Any]]:
        name = self._account.company["name"]
        entries = [{"id": ACCOUNT_ID, "name": name, "product": "harvest"}]
        if self._account.switches.second_account:
            entries.append(
                {"id": SECOND_ACCOUNT_ID, "name": f"{name} abroad", "product": "harvest"}
            )
        return entries

    def accounts(self, caller: Caller) -> dict[str, Any]:
        """What the accounts list answers: a Forecast account comes first."""
        user = caller.user
        forecast = {
            "id": FORECAST_ID,
            "name": self._account.company["name"],
            "product": "forecast",
        }
        return {
            "user": {
                "id": user.id,
                "first_name": user.first_name,
                "last_name": user.last_name,
                "email": user.email,
            },
            "accounts": [forecast, *self._harvest_accounts()],
        }

    def refresh(self, content_type: str, body: bytes) -> dict[str, Any]:
        """Exchange a refresh token for an access token.

        Raises:
            Refusal: The client or the refresh token is wrong (400 or 401).
        """
        given = self._form(content_type, body)
        switches = self._account.switches
        if (given.get("client_id"), given.get("client_secret")) != (
            self.client_id,
            self.client_secret,
        ):
            raise self._refused("invalid_client", "Client authentication failed.")
        if given.get("grant_type") != "refresh_token":
            raise self._refused("unsupported_grant_type", "Only refresh_token is supported.")
        if given.get("refresh_token") != self.refresh_token:
            raise self._refused("invalid_grant", "The refresh token is not valid.")
        self._issued += 1
        if self._refreshed and not switches.access_token_survives_refresh:
            self.revoke(self._refreshed)
        if switches.refresh_token_replaced:
            self.refresh_token = f"900100.rt.a.refresh-{self._issued + 1}"
        self._refreshed = f"900100.at.access-{self._issued}"
        administrator = min(self._account.users.by_id)
        lifetime = switches.oauth_lifetime_seconds
        expires = self._account.now + dt.timedelta(seconds=lifetime)
        self._tokens[self._refreshed] = (administrator, expires)
        return {
            "access_token": self._refreshed,
            "refresh_token": self.refresh_token,
            "token_type": "bearer",
            "expires_in": lifetime,
        }

    def _form(self, content_type: str, body: bytes) -> dict[str, Any]:
        if content_type.startswith("application/json"):
            try:
                return msgspec.json.decode(body, type=dict[str, Any])
            except msgspec.DecodeError:
                return {}
        return dict(parse_qsl(body.decode()))

    def _refused(self, error: str, description: str) -> Refusal:
        content = {"error": error, "error_description": description}
        return Refusal(json_response(self._account.switches.token_error_status, content))
