"""Answers that are not data, in the forms that callers of the API met."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

HTML = "<!DOCTYPE html>\n<title>{title}</title>\n<h1>{title}</h1>\n"
TITLES = {
    403: "Forbidden",
    404: "Not Found",
    429: "Too Many Requests",
    500: "Internal Server Error",
}


class Refusal(Exception):  # noqa: N818 - an answer, not a fault of the program
    """A request that gets an answer other than 200."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def json_response(
    status: int, content: object, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer with a JSON body."""
    return Response(
        msgspec.json.encode(content), status, headers, "application/json; charset=utf-8"
    )


def response(status: int, body: str, headers: Mapping[str, str] | None = None) -> Response:
    """An answer whose body has one of the forms that are known of errors.

    Args:
        status: The HTTP status.
        body: `message`, `error` (`status` and `error`), `oauth`, `html` or `empty`.
        headers: Further headers.
    """
    title = TITLES.get(status, "Error")
    if body == "html":
        return Response(HTML.format(title=f"{title} ({status})"), status, headers, "text/html")
    if body == "empty":
        return Response(b"", status, headers)
    contents: dict[str, object] = {
        "message": {"message": title},
        "error": {"status": status, "error": title},
        "oauth": {"error": "invalid_token", "error_description": "The access token is not valid."},
    }
    return json_response(status, contents[body], headers)


def no_user_agent() -> Refusal:
    """Every request names its application."""
    return Refusal(json_response(400, {"message": "A User-Agent header is needed."}))


def unauthorized(status: int = 401) -> Refusal:
    """The token is missing, wrong or expired, or is not valid for the account."""
    return Refusal(response(status, "oauth"))


def forbidden(body: str) -> Refusal:
    """The caller may not see this."""
    return Refusal(response(403, body))


def not_found() -> Refusal:
    """There is no such object."""
    return Refusal(response(404, "error"))


def invalid(complaint: str, status: int = 422) -> Refusal:
    """A parameter cannot be used."""
    return Refusal(json_response(status, {"message": complaint}))
