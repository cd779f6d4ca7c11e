"""The errors that end a request, and the sentences that they say.

All errors end the run, but for those that a stream can handle:

    RetriableAPIError           (singer_sdk) retried for a while, then given up
    FatalAPIError               (singer_sdk) not retried
    ├── InvalidError            Harvest cannot do what is asked
    └── UnavailableError        Harvest does not show this address to the token
        └── NotFoundError       there is nothing at this address, or not for the token
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec
import requests
from singer_sdk.exceptions import FatalAPIError, RetriableAPIError

from tap_harvest.http.addresses import shown
from tap_harvest.http.answers import UNREADABLE
from tap_harvest.http.secrets import redacted
from tap_harvest.http.sign_in import Fault
from tap_harvest.http.sign_in import refusal as exchange_refusal

if TYPE_CHECKING:
    from tap_harvest.http.sign_in import SignIn

REDIRECTS = {301, 302, 303, 307, 308}
"""The statuses that name another address; the others from 300 on do not."""

_fault = msgspec.json.Decoder(Fault)


class UnavailableError(FatalAPIError):
    """Harvest does not show an address to this token: 403, or 404."""


class InvalidError(FatalAPIError):
    """Harvest cannot do what is asked, such as tell the teammates of somebody without: 422."""


class NotFoundError(UnavailableError):
    """There is nothing at an address, or nothing that this token may know of: 404."""


def no_answer(error: OSError, url: str, stream: str) -> Exception:
    """The error for an answer that did not come whole, by whether a retry may help."""
    what = f'No whole answer to stream "{stream}" from {shown(url)} ({_kind(error)}).'
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        message = (
            f"{what} Its certificate is not one that this machine trusts, so no token was sent. "
            "Check the address that is set; where a proxy is in between, name the file with its "
            "certificate in the variable REQUESTS_CA_BUNDLE."
        )
        return FatalAPIError(message)
    if isinstance(error, ValueError):
        return FatalAPIError(f"{what} Check the address that is set, and the proxy's.")
    if not isinstance(error, requests.RequestException):
        # Before anything was sent: there is no such file of certificates.
        return FatalAPIError(f"{what} {error}")
    return RetriableAPIError(
        f"{what} Check the network and the address that is set, or raise `request_timeout_seconds`."
    )


def refusal(response: requests.Response, what: str, sign_in: SignIn) -> Exception:
    """The error for a refused request, by what the caller can do about it.

    Args:
        response: Harvest's answer.
        what: Status, address and stream, for the message.
        sign_in: Knows what to do about a refused token.
    """
    status = response.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        message = (
            f"Harvest's request budget is used up ({what}), also after waiting. "
            "Something else reads the same account: lower `requests_per_15_seconds` or "
            "`report_requests_per_15_minutes`, or run at another time."
        )
        return RetriableAPIError(message, response)
    is_empty = HTTPStatus.OK < status < HTTPStatus.MULTIPLE_CHOICES
    if is_empty or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        fault = "sent no data" if is_empty else "failed"
        message = f"Harvest {fault} ({what}). Run the sync again later."
        return RetriableAPIError(message, response)
    if status == HTTPStatus.UNAUTHORIZED:
        message = (
            f"Harvest refused the access token ({what}). {sign_in.advice}; check that it reaches "
            "`account_id`."
        )
        return FatalAPIError(message)
    if status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}:
        advice = (
            "Use an administrator's token, check that the module is on in Harvest"
            if status == HTTPStatus.FORBIDDEN
            else "Check `account_id`, the address that is set, and that the module is on in Harvest"
        )
        kind = UnavailableError if status == HTTPStatus.FORBIDDEN else NotFoundError
        return kind(
            f"Harvest does not show this to the token ({what}). {advice}, or deselect the stream."
        )
    if status in REDIRECTS:
        message = (
            f"Harvest is elsewhere: it redirects ({what}), and a token is not sent on. "
            "Set `api_url` or `identity_url` to the new address."
        )
        return FatalAPIError(message)
    message = f"Harvest refused the request ({what}). Check the settings that the answer names."
    is_invalid = status == HTTPStatus.UNPROCESSABLE_ENTITY
    return (InvalidError if is_invalid else FatalAPIError)(message)


def token_refusal(response: requests.Response, sign_in: SignIn) -> Exception:
    """The error for an exchange of tokens that Harvest refused."""
    status = response.status_code
    what = f"{status} on {shown(response.url)}"
    is_request_wrong = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    if not is_request_wrong or status == HTTPStatus.TOO_MANY_REQUESTS:
        return refusal(response, what, sign_in)
    try:
        error = redacted(_fault.decode(response.content).error)
    except UNREADABLE:
        error = ""
    # Only the fault's name is repeated: a description could quote what was sent.
    return FatalAPIError(exchange_refusal(f"{what}: {error}" if error else what, error))


def reason(error: Exception) -> str:
    """A transient error in one word: the status, or the kind of broken answer."""
    response = error.response if isinstance(error, RetriableAPIError) else None
    if response is not None and response.status_code != HTTPStatus.OK:
        return str(response.status_code)
    return _kind(error.__cause__)


def _kind(error: BaseException | None) -> str:
    """The kind of a fault, by the innermost cause, such as NameResolutionError."""
    inner = next((part for part in getattr(error, "args", ()) if isinstance(part, Exception)), None)
    inner = getattr(inner, "reason", inner)
    return type(error if inner is None else inner).__name__
