"""Changes records before they are sent: hides money, and applies the switches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from harvest_sandbox.switches import Switches

EXTRA_KEY = "undocumented_key"


def presented(
    records: list[dict[str, Any]], hidden: frozenset[str], switches: Switches
) -> list[Any]:
    """The records as this caller gets them under these switches.

    Args:
        records: As the administrator of an account sees them.
        hidden: Names of fields whose values are withheld, at any depth.
        switches: How withheld values, whole numbers, unknown and missing keys look.
    """
    shown: list[Any] = records
    if hidden or switches.whole_numbers == "5":
        # Parts that were kept encoded are touched as well.
        shown = msgspec.json.decode(msgspec.json.encode(records))
    if hidden:
        shown = [
            _withheld(record, hidden, absent=switches.withheld == "absent") for record in shown
        ]
    if switches.whole_numbers == "5":
        shown = [_whole(record) for record in shown]
    if switches.missing_keys:
        shown = [
            {key: value for key, value in record.items() if key not in switches.missing_keys}
            for record in shown
        ]
    if switches.extra_keys:
        shown = [{**record, EXTRA_KEY: {"since": 2031, "why": ["new"]}} for record in shown]
    return shown


def _withheld(value: Any, hidden: frozenset[str], *, absent: bool) -> Any:
    if isinstance(value, list):
        return [_withheld(item, hidden, absent=absent) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: None if key in hidden else _withheld(item, hidden, absent=absent)
        for key, item in value.items()
        if not (absent and key in hidden)
    }


def _whole(value: Any) -> Any:
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value
