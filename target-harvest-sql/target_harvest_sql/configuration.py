"""Whether settings can be right, before anything is opened, and what is said if not.

Each complaint is one sentence that names the setting and says what is right. The value of a secret
is in none of them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.plugin_base import JSONSchemaValidator

from target_harvest_sql import address

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TRUTHS = {"true": True, "1": True, "yes": True, "on": True}
TRUTHS |= {"false": False, "0": False, "no": False, "off": False}

MAX_SHOWN = 60
"""How much of a wrong value a complaint repeats, in characters."""

BOUNDS = {
    "minimum": "of at least",
    "exclusiveMinimum": "above",
}


def from_environment(schema: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The settings that variables such as `TARGET_HARVEST_SQL_LOAD_METHOD` hold.

    A variable that is empty or null is not set, as schedulers pass on what nobody filled in. A text
    that is not of the setting's kind stays one, for the schema to complain of.
    """
    # For what the SDK does beside: it reads the file `.env`.
    parse_environment_config({"properties": {}}, prefix)
    texts = {name: os.environ.get(prefix + name.upper(), "") for name in schema["properties"]}
    values = {
        name: _decoded(text, schema["properties"][name].get("type", ()))
        for name, text in texts.items()
        if text
    }
    return {name: value for name, value in values.items() if value is not None}


def _decoded(text: str, types: tuple[str, ...]) -> Any:
    if "string" in types:
        return text
    if "boolean" in types:
        return TRUTHS.get(text.lower(), text)
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def faults(settings: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the settings; those that are not set get their defaults.

    Args:
        settings: Their values by name.
        schema: What the target knows of settings, as JSON Schema.
    """
    faulty = set()
    for error in JSONSchemaValidator(schema).iter_errors(settings):
        name, *inner = (str(part) for part in error.absolute_path)
        faulty.add(name)
        kind = error.schema if inner else schema["properties"][name]
        shown = "" if schema["properties"][name].get("secret") else f": {_shown(error.instance)}"
        yield f"`{'.'.join((name, *inner))}` is not {_right(kind)}{shown}."
    if not faulty & {"sqlalchemy_url", *address.PARTS}:
        yield from address.faults(settings)
    if settings["flattening_enabled"] is True and settings.get("flattening_max_depth") is None:
        yield (
            "`flattening_enabled` needs `flattening_max_depth`: set how many levels of objects "
            "become columns, such as 1."
        )


def _shown(value: object) -> str:
    text = repr(value)
    return f"{text[:MAX_SHOWN]}…" if len(text) > MAX_SHOWN else text


def _right(schema: Mapping[str, Any]) -> str:
    """What a setting is, in words."""
    types = schema.get("type", ())
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    if "boolean" in types:
        return "true or false"
    bounds = _bounds(schema)
    if "integer" in types:
        return f"a whole number{bounds}"
    if "number" in types:
        return f"a number{bounds}"
    if "string" in types:
        return "a text that is not empty" if schema.get("minLength") else "a text"
    return "an object" if "object" in types else "as the Meltano SDK defines it"


def _bounds(schema: Mapping[str, Any]) -> str:
    if "maximum" in schema:
        return f" from {schema['minimum']} to {schema['maximum']}"
    return "".join(f" {words} {schema[name]}" for name, words in BOUNDS.items() if name in schema)
