"""Opens answers: each is one JSON object in UTF-8."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec
from msgspec import Raw
from singer_sdk.exceptions import FatalAPIError, RetriableAPIError

from tap_harvest.http.addresses import shown
from tap_harvest.http.characters import whole_characters
from tap_harvest.http.headers import server_time
from tap_harvest.http.secrets import redacted

if TYPE_CHECKING:
    import requests

MAX_COMPLAINT_LENGTH = 300
"""How much of Harvest's complaint an error repeats, in characters."""

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""The errors of decoding an unchecked answer."""

_T = TypeVar("_T")

logger = logging.getLogger("tap-harvest.client")

_object = msgspec.json.Decoder(dict[str, Raw])
_rows = msgspec.json.Decoder(list[Raw])


class Answer(NamedTuple):
    """A JSON object that Harvest sent.

    Attributes:
        url: The address that was called.
        body: The object as Harvest sent it, without line breaks.
        members: The values of the object, not decoded yet.
        received_at: When the answer was received, by this machine's clock.
        sent_at: When it was sent, by Harvest's clock; `None` where Harvest did not say.
    """

    url: str
    body: bytes
    members: dict[str, Raw]
    received_at: datetime
    sent_at: datetime | None


def opened(response: requests.Response, stream: str) -> Answer:
    """Decode an answer into its JSON object.

    Raises:
        RetriableAPIError: The answer is not a JSON object in UTF-8.
        FatalAPIError: The object is nested too deeply to be decoded.
    """
    body = response.content
    try:
        if not body.isascii():
            body.decode()
        try:
            return _taken_apart(response, body)
        except msgspec.DecodeError:
            answer = _taken_apart(response, whole_characters(body))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        is_text = not isinstance(error, UnicodeDecodeError)
        fault = "is not a JSON object" if is_text else "is not text in UTF-8"
        message = (
            f'The answer to stream "{stream}" from {shown(response.url)} {fault}. '
            "Check the address that is set, and what stands between this machine and Harvest."
        )
        raise RetriableAPIError(message, response) from error
    except RecursionError as error:
        raise _too_deep(response.url, stream) from error
    logger.warning(
        "A text holds half a character, which no target takes, so U+FFFD stands for it: stream=%s",
        stream,
    )
    return answer


def _taken_apart(response: requests.Response, body: bytes) -> Answer:
    if b"\n" in body or b"\r" in body:
        # A record is passed on as one line; inside texts, JSON escapes line breaks.
        body = msgspec.json.format(body, indent=-1)
    members = _object.decode(body)
    return Answer(response.url, body, members, datetime.now(UTC), server_time(response))


def part(answer: Answer, name: str, decoder: msgspec.json.Decoder[_T], stream: str) -> _T:
    """One member of an answer, decoded.

    Raises:
        FatalAPIError: The answer has no such member, or one of another kind.
    """
    try:
        return decoder.decode(answer.members[name])
    except KeyError as error:
        raise _unexpected(answer, "has no", name, stream) from error
    except msgspec.DecodeError as error:
        raise _unexpected(answer, "has an unexpected", name, stream) from error
    except RecursionError as error:
        raise _too_deep(answer.url, stream) from error


def rows(answer: Answer, name: str, stream: str) -> list[Raw]:
    """The rows of a list, each a JSON object.

    Raises:
        FatalAPIError: The answer has no such list, or a row is not an object.
    """
    found = part(answer, name, _rows, stream)
    if not all(bytes(row).startswith(b"{") for row in found):
        raise _unexpected(answer, "has an unexpected row in", name, stream)
    return found


def _unexpected(answer: Answer, fault: str, name: str, stream: str) -> FatalAPIError:
    return FatalAPIError(
        f'The answer to stream "{stream}" from {shown(answer.url)} {fault} "{name}", so '
        "the tap cannot tell whether the list is whole. Check `api_url`; if it is right, "
        "Harvest has changed."
    )


def _too_deep(url: str, stream: str) -> FatalAPIError:
    return FatalAPIError(
        f'The answer to stream "{stream}" from {shown(url)} is nested too deeply to be read. '
        "Harvest nests a few levels: check `api_url`, and what stands between this machine and "
        "Harvest."
    )


def complaint(response: requests.Response) -> str:
    """What Harvest said about a refused request, without secrets; nothing for HTML or no text."""
    try:
        said = msgspec.json.decode(response.content, type=dict[str, object])
    except UNREADABLE:
        return ""
    words = [said[name] for name in ("message", "error_description", "error") if name in said]
    text = "; ".join(" ".join(word.split()) for word in words if isinstance(word, str))
    # Redacted before it is cut: half a secret would not be found.
    return f": {redacted(text)[:MAX_COMPLAINT_LENGTH]}" if text else ""
