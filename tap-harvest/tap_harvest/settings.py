"""Whether settings can be right, before anything is asked of Harvest, and what is said if not.

Each complaint is one sentence that names the setting and says what is right. The value of a secret
is in none of them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.helpers._typing import is_boolean_type
from singer_sdk.plugin_base import JSONSchemaValidator

from tap_harvest import filters, sign_in
from tap_harvest.bookmarks import instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from tap_harvest.filters import Filters

TRUTHS = {"true": True, "1": True, "yes": True, "on": True}
TRUTHS |= {"false": False, "0": False, "no": False, "off": False}

MAX_SHOWN = 60
"""How much of a wrong value a complaint repeats, in characters."""

ADDRESSES = ("api_url", "identity_url")
MOMENTS = ("start_date", "end_date", "report_start_date")

RIGHT = {
    "account_id": "the number of an account, such as 900100",
    "account_ids": "a list of the numbers of accounts, such as `[900100, 900101]`",
    "user_agent": "a line of plain characters, such as `Example Works (data@example.com)`",
    **dict.fromkeys(MOMENTS, "a date or date-time, such as `2031-04-09` or `2031-04-09T16:20:00Z`"),
}
"""What settings are, of which a JSON Schema does not say it in words."""


def from_environment(schema: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The settings that variables such as `TAP_HARVEST_PAGE_SIZE` hold.

    An empty variable is not set, as schedulers pass on what nobody filled in. A text that is not of
    the setting's kind stays one, for the schema to complain of.
    """
    settings: dict[str, Any] = {}
    for name, kind in schema["properties"].items():
        try:
            found = parse_environment_config({"properties": {name: kind}}, prefix)
        except ValueError:
            found = {name: os.environ[f"{prefix}{name.upper()}"]}
        if name in found and is_boolean_type(kind):
            # The SDK takes whatever it does not know for false.
            text = os.environ[f"{prefix}{name.upper()}"]
            found = {name: TRUTHS.get(text.lower(), text)}
        settings |= {name: value for name, value in found.items() if value != ""}
    return settings


def faults(
    settings: dict[str, Any], schema: dict[str, Any], offered: Mapping[str, Filters]
) -> Iterator[str]:
    """What is wrong with the settings; those that are not set get their defaults.

    Args:
        settings: Their values by name.
        schema: What the tap knows of settings, as JSON Schema.
        offered: The filters of each stream's list.
    """
    yield from sign_in.setting_errors(settings)
    told = set(sign_in.SETTINGS) | set(ADDRESSES)
    for error in JSONSchemaValidator(schema).iter_errors(settings):
        name = str(next(iter(error.path), ""))
        if name not in told:
            told.add(name)
            yield _fault(name, settings[name], schema["properties"][name])
    for name in ADDRESSES:
        if not _is_web_server(settings[name]):
            right = schema["properties"][name]["default"]
            yield f"`{name}` is not the address of a web server. Write it like `{right}`."
    account_ids = None if "account_ids" in told else settings.get("account_ids")
    yield from _faults_of_accounts(account_ids, settings.get("account_id"))
    moments: dict[str, datetime] = {}
    for name in MOMENTS:
        if name not in told and settings.get(name):
            try:
                moments[name] = instant(settings[name])
            except ValueError:
                yield _fault(name, settings[name], {})
    if moments.keys() >= {"start_date", "end_date"} and (
        moments["end_date"] <= moments["start_date"]
    ):
        yield "`end_date` is not after `start_date`, so nothing lies between. Set a later one."
    if "stream_filters" not in told:
        yield from filters.faults(settings.get("stream_filters") or {}, offered)


def _fault(name: str, value: object, schema: Mapping[str, Any]) -> str:
    shown = repr(value)
    if len(shown) > MAX_SHOWN:
        shown = f"{shown[:MAX_SHOWN]}…"
    return f"`{name}` is not {RIGHT.get(name) or _right(schema)}: {shown}."


def _right(schema: Mapping[str, Any]) -> str:
    """What a setting is, in words."""
    kinds = schema.get("type", ())
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    if "boolean" in kinds:
        return "true or false"
    if "integer" in kinds:
        bounds = [schema.get(name) for name in ("minimum", "maximum")]
        return "a whole number" + ("" if None in bounds else " from {} to {}".format(*bounds))
    return "an object" if "object" in kinds else "a text"


def _faults_of_accounts(account_ids: list[int | str] | None, account_id: object) -> Iterator[str]:
    if account_ids is None:
        return
    if account_id is not None:
        yield "Both `account_id` and `account_ids` are set. Keep one of them."
    if not account_ids:
        yield "`account_ids` is empty, so nothing would be read. Name an account, or unset it."
    numbers = [int(number) for number in account_ids]
    if twice := sorted({number for number in numbers if numbers.count(number) > 1}):
        named = ", ".join(map(str, twice))
        yield f"`account_ids` names {named} more than once. Name each account once."


def _is_web_server(url: object) -> bool:
    """Whether an address can be one of Harvest's: of the web, and without a password."""
    try:
        parts = urlsplit(str(url))
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in {"https", "http"} and bool(parts.hostname) and "@" not in parts.netloc
