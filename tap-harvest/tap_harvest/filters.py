"""The filters of lists: `stream_filters`.

A stream declares the filters of its list and the kinds of their values. The filters for pages and
changes (`page`, `per_page`, `cursor`, `updated_since`) are the tap's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = Literal["integer", "boolean", "date", "string"]
Filters: TypeAlias = Mapping[str, Kind]
"""The filters of a list by name."""

_RIGHT: Mapping[Kind, str] = {
    "integer": "a whole number, such as 71001",
    "boolean": "true or false",
    "date": "a date, such as `2031-04-09`",
    "string": "a text",
}


def query(values: Mapping[str, Any], filters: Filters) -> dict[str, str]:
    """The query parameters for some filters. A filter whose value is null is left out.

    All values may be texts, as in environment variables.

    Raises:
        ValueError: A value is of the wrong kind.
    """
    return {
        name: _text(value, filters[name]) for name, value in values.items() if value is not None
    }


def _text(value: object, kind: Kind) -> str:
    text = str(value).strip() if isinstance(value, str | int | date) else ""
    match kind:
        case "integer":
            is_right = re.fullmatch(r"[1-9][0-9]{0,18}", text) is not None
        case "boolean":
            text = text.lower()
            is_right = text in {"true", "false"}
        case "date":
            is_right = date.fromisoformat(text).isoformat() == text
        case "string":
            is_right = bool(text) and not isinstance(value, bool)
    if not is_right:
        raise ValueError(text)
    return text


def faults(settings: Mapping[str, Any], offered: Mapping[str, Filters]) -> Iterator[str]:
    """The errors in the setting `stream_filters`, one sentence each.

    Args:
        settings: Its value: filters and their values, by stream.
        offered: The filters of each stream's list; empty where Harvest offers none.
    """
    for stream, values in settings.items():
        filters = offered.get(stream)
        if filters is None:
            yield (
                f"`stream_filters` names an unknown stream: {stream}. The streams with filters "
                f"are {_names(name for name, some in offered.items() if some)}."
            )
        elif not isinstance(values, Mapping | None):
            yield (
                f"`stream_filters` of {stream} is not an object. Name its filters and their values."
            )
        elif values and not filters:
            yield (
                f"`stream_filters` cannot limit {stream}: Harvest has no filters for it. Filter "
                "the stream that it is taken from, or remove the entry."
            )
        else:
            yield from _faults_of(stream, values or {}, filters)


def _faults_of(stream: str, values: Mapping[str, Any], filters: Filters) -> Iterator[str]:
    sound: dict[str, str] = {}
    for name, value in values.items():
        if name not in filters:
            yield (
                f"`stream_filters` of {stream} has no filter {name}. Harvest knows "
                f"{_names(filters)}."
            )
            continue
        try:
            sound |= query({name: value}, filters)
        except ValueError:
            yield (
                f"`stream_filters` of {stream}: {name} is not {_RIGHT[filters[name]]}: {value!r}."
            )
    if "from" in sound and "to" in sound and sound["from"] > sound["to"]:
        yield (
            f"`stream_filters` of {stream}: `from` ({sound['from']}) is after `to` "
            f"({sound['to']}), so no row can pass. Set a later `to`."
        )


def _names(names: Iterator[str] | Filters) -> str:
    return ", ".join(names)
