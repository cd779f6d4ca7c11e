"""The two ways to sign in to Harvest: a personal access token, and OAuth2.

With OAuth2, a refresh token is exchanged for an access token that is valid for two weeks. The
session sends the exchange.

Harvest API, "Authentication":
https://help.getharvest.com/api-v2/authentication-api/authentication/authentication/
"""

from __future__ import annotations

import re
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, TypeAlias

import msgspec
from typing_extensions import override

from tap_harvest.http.secrets import keep_secret

MARGIN_SECONDS = 60
"""How long before its end an access token is replaced."""

PRINTABLE = r"[!-~]+\Z"
"""The characters of tokens, and of a client's id and secret."""
OAUTH_SETTINGS = ("client_id", "client_secret", "refresh_token")
SETTINGS = ("access_token", *OAUTH_SETTINGS)

Secret: TypeAlias = Annotated[str, msgspec.Meta(pattern=f"^{PRINTABLE}")]


class Grant(msgspec.Struct, frozen=True):
    """The tokens that Harvest gives for a refresh token.

    Attributes:
        access_token: The token to send with requests.
        expires_in: How long it is valid, in seconds; `None` where Harvest does not say.
        refresh_token: The next refresh token; `None` if the old one stays valid.
    """

    access_token: Secret
    expires_in: Annotated[float, msgspec.Meta(gt=0)] | None = None
    refresh_token: Secret | None = None


class Fault(msgspec.Struct, frozen=True):
    """Why Harvest refused an exchange, such as `invalid_grant`; empty where it does not say."""

    error: Annotated[str, msgspec.Meta(pattern=r"^[a-z_]{1,40}\Z")] = ""


Exchange: TypeAlias = Callable[[Mapping[str, str]], Grant]
"""Sends a form to Harvest's identity host and returns the answer."""


class SignIn(ABC):
    """Gives the token to send with requests. Any thread may use it.

    Attributes:
        advice: What a person does when Harvest refuses the token.
    """

    advice: ClassVar[str]

    @abstractmethod
    def token(self, exchange: Exchange) -> str:
        """The token to send."""

    @abstractmethod
    def replaced(self, refused: str, exchange: Exchange) -> str | None:
        """A new token after Harvest refused one; `None` if there is no other."""


class PersonalToken(SignIn):
    """Signs in with a personal access token."""

    advice = "Create a new one under Developers in your Harvest ID and set `access_token`"

    def __init__(self, access_token: str) -> None:
        """Keep the token."""
        keep_secret(access_token)
        self._token = access_token

    @override
    def token(self, exchange: Exchange) -> str:
        return self._token

    @override
    def replaced(self, refused: str, exchange: Exchange) -> None:
        return None


class OAuth(SignIn):
    """Signs in with OAuth2: gets an access token when one is needed, and before one expires."""

    advice = "Sign in to Harvest anew with your OAuth2 client and set `refresh_token`"

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str,
        refresh_token: str,
        keep: Callable[[str, str], None] = lambda *_: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask for nothing yet.

        Args:
            client_id: The OAuth2 client, as Harvest registered it.
            client_secret: That client's secret.
            refresh_token: The token that Harvest gave when a person signed in with that client.
            keep: Called with the old and the new refresh token when Harvest replaces one.
            clock: Tells the time in seconds; it never goes backwards.
        """
        keep_secret(client_secret)
        keep_secret(refresh_token)
        self._client = {"client_id": client_id, "client_secret": client_secret}
        self._refresh_token = refresh_token
        self._keep = keep
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._until = float("-inf")
        self._failure: Exception | None = None

    @override
    def token(self, exchange: Exchange) -> str:
        with self._lock:
            if self._clock() >= self._until:
                self._token = self._refreshed(exchange)
            return self._token

    @override
    def replaced(self, refused: str, exchange: Exchange) -> str:
        with self._lock:
            # If several requests were refused, only the first one gets a new token.
            if self._token == refused:
                self._token = self._refreshed(exchange)
            return self._token

    def _refreshed(self, exchange: Exchange) -> str:
        if self._failure is not None:
            # Requests that waited for this exchange must not send the refused token again.
            raise self._failure
        asked_at = self._clock()
        form = {"grant_type": "refresh_token", "refresh_token": self._refresh_token}
        try:
            grant = exchange(form | self._client)
        except Exception as error:
            self._failure = error
            raise
        keep_secret(grant.access_token)
        keep_secret(grant.refresh_token or "")
        lifetime = float("inf") if grant.expires_in is None else grant.expires_in
        self._until = asked_at + lifetime - min(MARGIN_SECONDS, lifetime / 2)
        if grant.refresh_token is not None and grant.refresh_token != self._refresh_token:
            old, self._refresh_token = self._refresh_token, grant.refresh_token
            self._keep(old, grant.refresh_token)
        return grant.access_token


def refusal(what: str, error: str) -> str:
    """The message for a refused exchange.

    Args:
        what: Status and address of the answer.
        error: What Harvest calls the fault, such as `invalid_grant`; empty if it does not say.
    """
    if error == "invalid_client":
        return (
            f"Harvest does not know the OAuth2 client ({what}). Copy `client_id` and "
            "`client_secret` again from Developers in your Harvest ID."
        )
    if error == "invalid_grant":
        return f"Harvest refused the refresh token ({what}). {OAuth.advice}."
    return (
        f"Harvest gave no access token for the refresh token ({what}). Check `client_id`, "
        "`client_secret`, `refresh_token` and `identity_url`."
    )


def setting_errors(config: Mapping[str, Any]) -> Iterator[str]:
    """The errors in the settings of both ways to sign in; no message repeats a value."""
    found = [name for name in OAUTH_SETTINGS if name in config]
    missing = [name for name in OAUTH_SETTINGS if name not in config]
    if "access_token" in config and found:
        yield (
            f"Both ways to sign in are set: `access_token`, and {_names(found)} of OAuth2. Keep "
            "one of them."
        )
    elif found and missing:
        yield (
            f"OAuth2 needs {_names(OAUTH_SETTINGS)}, and {_names(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not set. Set all three, or `access_token` "
            "alone."
        )
    elif "access_token" not in config and not found:
        yield (
            "`access_token` is not set. Create a token under Developers in your Harvest ID "
            "(https://id.getharvest.com/developers), and set it in a file that `--config` "
            "names, or as TAP_HARVEST_ACCESS_TOKEN with `--config=ENV`. Or set "
            f"{_names(OAUTH_SETTINGS)} to sign in by OAuth2."
        )
    for name in SETTINGS:
        value = config.get(name, "x")
        if not (isinstance(value, str) and re.match(PRINTABLE, value)):
            kind = "token" if name.endswith("_token") else "client's id or secret"
            yield (
                f"`{name}` is not a {kind}: it is not text, is empty, or has blanks or line "
                "breaks. Copy it again from Developers in your Harvest ID."
            )


def _names(settings: Sequence[str]) -> str:
    quoted = [f"`{name}`" for name in settings]
    return " and ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]]))


def sign_in_of(config: Mapping[str, Any], keep: Callable[[str, str], None]) -> SignIn:
    """The way to sign in that the settings, which have no errors, name.

    Args:
        config: The settings.
        keep: Called with the old and the new refresh token when Harvest replaces one.
    """
    if "access_token" in config:
        return PersonalToken(config["access_token"])
    return OAuth(**{name: config[name] for name in OAUTH_SETTINGS}, keep=keep)
