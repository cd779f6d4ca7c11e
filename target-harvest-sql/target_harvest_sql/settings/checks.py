"""Whether settings can be right, before anything is opened, and what is said if not.

Each complaint is one sentence that names the setting and says what is right. The value of a secret
is in none of them.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec
from dotenv import find_dotenv, load_dotenv
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.plugin_base import JSONSchemaValidator

from target_harvest_sql.settings import address

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TRUTHS = {"true": True, "1": True, "yes": True, "on": True}
TRUTHS |= {"false": False, "0": False, "no": False, "off": False}

MAX_SHOWN = 60
"""How much of a wrong value a complaint repeats, in characters."""

NO_TEXT = re.compile("[\0\ud800-\udfff]")
"""Characters that no name and no password has."""

BOUNDS = {
    "minimum": "of at least",
    "exclusiveMinimum": "above",
    "maximum": "and at most",
}


NOT_SETTINGS: Final = frozenset({"loglevel"})
"""What variables of our prefix name beside settings."""


def from_environment(schema: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The settings that variables such as `TARGET_HARVEST_SQL_LOAD_METHOD` hold.

    A variable of the shell goes before one in a file `.env`. A variable that is empty or null is
    not set, as schedulers pass on what nobody filled in. A text that is not of the setting's kind
    stays one, for the schema to complain of. A setting that does not exist is returned as well,
    so that it is told.

    Raises:
        ConfigValidationError: If the file `.env` cannot be read.
    """
    _read_dotenv()
    texts = {
        name.removeprefix(prefix).lower(): text
        for name, text in os.environ.items()
        # Two underscores begin what Meltano passes on for itself.
        if name.startswith(prefix) and not name.startswith(f"{prefix}_")
    }
    values = {
        name: _decoded(text, schema["properties"].get(name, {}).get("type", ("string",)))
        for name, text in texts.items()
        if text and name not in NOT_SETTINGS
    }
    return given(values)


def _read_dotenv() -> None:
    """Read the file `.env` of the working directory, or of one above."""
    path = find_dotenv(usecwd=True)
    try:
        load_dotenv(path)  # It leaves alone what the shell has set.
    except (OSError, ValueError) as error:
        sentence = f"{path} cannot be read: it is no text in UTF-8 that this user may read."
        raise ConfigValidationError(sentence, errors=[sentence]) from error


def given(config: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is null, which the SDK lets pass; write 2.0 as 2, as JSON Schema reads it."""
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in config.items()
        if value is not None
    }


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
    for error in JSONSchemaValidator(_repaired(schema)).iter_errors(settings):
        name, *inner = (str(part) for part in error.absolute_path)
        faulty.add(name)
        kind = error.schema if inner else schema["properties"][name]
        is_shown = name not in address.PARTS and not schema["properties"][name].get("secret")
        shown = f": {_shown(error.instance)}" if is_shown else ""
        yield f"`{'.'.join((name, *inner))}` is not {_right(kind)}{shown}."
    for name, value in settings.items():
        if isinstance(value, str) and NO_TEXT.search(value):
            faulty.add(name)
            yield f"`{name}` holds U+0000 or half of a character. Take that out."
    if not faulty & {"sqlalchemy_url", *address.PARTS}:
        yield from address.faults(settings)
    if settings["flattening_enabled"] is True and settings.get("flattening_max_depth") is None:
        yield (
            "`flattening_enabled` needs `flattening_max_depth`: set how many levels of objects "
            "become columns, such as 1."
        )


def _repaired(schema: Any) -> Any:
    """Leave out of `anyOf` what is no schema: the SDK writes `"null"` there for `__else__`."""
    if isinstance(schema, list):
        return [_repaired(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {name: _repaired(part) for name, part in schema.items()}
    if isinstance(kinds := parts.get("anyOf"), list):
        parts["anyOf"] = [kind for kind in kinds if isinstance(kind, dict)]
    return parts


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
        return "a non-empty text" if schema.get("minLength") else "a text"
    return "an object" if "object" in types else "as the Meltano SDK defines it"


def _bounds(schema: Mapping[str, Any]) -> str:
    if "minimum" in schema and "maximum" in schema:
        return f" from {schema['minimum']} to {schema['maximum']}"
    return "".join(f" {words} {schema[name]}" for name, words in BOUNDS.items() if name in schema)
