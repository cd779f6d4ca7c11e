"""Checks settings before the first request.

Each error is one sentence that names the setting and says what would be right. No error repeats the
value of a secret.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from singer_sdk.plugin_base import JSONSchemaValidator

from tap_harvest import filters
from tap_harvest.http import sign_in
from tap_harvest.http.addresses import Origin
from tap_harvest.http.secrets import keep_secret, redacted
from tap_harvest.state.bookmark import instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from tap_harvest.filters import Filters

MAX_SHOWN = 60
"""The length up to which an error repeats a wrong value, in characters."""

YEARS = range(1901, 2101)
ADDRESSES = ("api_url", "identity_url")
MOMENTS = ("start_date", "end_date", "report_start_date")

RIGHT = {
    "account_id": "the number of an account, such as 900100",
    "account_ids": "a list of the numbers of accounts, such as `[900100, 900101]`",
    "user_agent": "a line of plain characters, such as `Example Works (data@example.com)`",
    **dict.fromkeys(
        MOMENTS,
        "a date or date-time of this or the last century, such as `2031-04-09` or "
        "`2031-04-09T16:20:00Z`",
    ),
}
"""What to say about settings that their JSON Schema does not describe in words."""


def faults(
    settings: dict[str, Any], schema: dict[str, Any], offered: Mapping[str, Filters]
) -> Iterator[str]:
    """The errors in the settings; settings that are not set get their defaults.

    Args:
        settings: Their values by name.
        schema: The JSON Schema of the settings.
        offered: The filters of each stream's list.
    """
    yield from sign_in.setting_errors(settings)
    by_name = dict(_faults_of_schema(settings, schema))
    own = {*sign_in.SETTINGS, *ADDRESSES}  # Errors of these repeat no value.
    yield from (fault for name, fault in by_name.items() if name not in own)
    sound = {name: value for name, value in settings.items() if name not in by_name}
    for name in ADDRESSES:
        if not _is_web_server(settings[name]):
            right = schema["properties"][name]["default"]
            yield f"`{name}` is not the address of a web server. Write it like `{right}`."
    yield from _faults_of_accounts(sound.get("account_ids"), settings.get("account_id"))
    yield from _faults_of_moments({name: sound[name] for name in MOMENTS if sound.get(name)})
    yield from filters.faults(sound.get("stream_filters") or {}, offered)


def keep_secrets(settings: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Keep secrets out of logs, also if another setting holds one by mistake."""
    for name, kind in schema["properties"].items():
        if kind.get("secret") and isinstance(settings.get(name), str):
            keep_secret(settings[name])


def unknown(settings: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """The warning for settings that the tap does not have; empty if there are none."""
    names = settings.keys() - schema["properties"]
    if not names:
        return ""
    return (
        "There is no such setting, so it changes nothing; check its spelling: "
        f"{', '.join(sorted(names))}"
    )


def _faults_of_schema(
    settings: dict[str, Any], schema: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    """The settings that the schema refuses, each with its error."""
    for error in JSONSchemaValidator(_repaired(schema)).iter_errors(settings):
        name, *inside = map(str, error.path)
        if inside and name not in RIGHT:
            path, shown = ".".join([name, *inside]), _shown(error.instance)
            yield name, f"`{path}` is not what the Meltano SDK allows there: {shown}."
        else:
            yield name, _fault(name, settings[name], schema["properties"][name])


def _repaired(schema: Any) -> Any:
    """Remove from `anyOf` what is not a schema: the SDK writes `"null"` there for `__else__`."""
    if isinstance(schema, list):
        return [_repaired(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {name: _repaired(part) for name, part in schema.items()}
    if isinstance(kinds := parts.get("anyOf"), list):
        parts["anyOf"] = [kind for kind in kinds if isinstance(kind, dict)]
    return parts


def _faults_of_moments(texts: Mapping[str, str]) -> Iterator[str]:
    moments: dict[str, datetime] = {}
    for name, text in texts.items():
        try:
            moment = instant(text)
        except (ValueError, OverflowError):
            moment = None
        if moment is None or moment.year not in YEARS:
            yield _fault(name, text, {})
        else:
            moments[name] = moment
    # `report_start_date` may be after `end_date`: then no report is read.
    start, end = moments.get("start_date"), moments.get("end_date")
    if start and end and end <= start:
        yield "`end_date` is not after `start_date`, so no row can pass. Set a later `end_date`."


def _fault(name: str, value: object, schema: Mapping[str, Any]) -> str:
    return f"`{name}` is not {RIGHT.get(name) or _right(schema)}: {_shown(value)}."


def _shown(value: object) -> str:
    text = redacted(repr(value))  # Before it is cut: half a secret would not be found.
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


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
    """Whether an address is that of a web server, without a password and a query."""
    return isinstance(url, str) and Origin.of(url) is not None and not re.search(r"[@?]", url)
