"""Reads settings from environment variables and from a file `.env`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from dotenv import find_dotenv, load_dotenv
from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers._typing import is_boolean_type

if TYPE_CHECKING:
    from collections.abc import Mapping

TRUTHS: Final = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
"""The words for a boolean."""
NOT_SETTINGS: Final = frozenset({"loglevel"})
"""Variables with our prefix that are not settings."""


def settings_from_environment(schema: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The settings that variables such as `TAP_HARVEST_PAGE_SIZE` hold.

    A variable of the shell overrides one in a file `.env`. An empty variable counts as not set,
    since schedulers pass on empty values; so does the JSON text `null`. A text that is not of the
    setting's kind is returned as it is, and the schema then refuses it. Unknown settings are
    returned too, so that the caller can warn of them.

    Raises:
        ConfigValidationError: If the file `.env` cannot be read.
    """
    _read_dotenv()
    settings = _unknown_variables(schema, prefix)
    for name, kind in schema["properties"].items():
        try:
            found = parse_environment_config(
                {"properties": {name: kind}},
                prefix,
                os.devnull,  # With a file `.env`, the SDK would override the shell.
            )
        except ValueError:
            found = {name: os.environ[f"{prefix}{name.upper()}"]}
        if name in found and is_boolean_type(kind):
            # The SDK reads any unknown word as false.
            text = os.environ[f"{prefix}{name.upper()}"]
            found = {name: TRUTHS.get(text.lower(), text)}
        settings |= {name: value for name, value in found.items() if value not in ("", None)}
    return settings


def _read_dotenv() -> None:
    """Read the file `.env` of the working directory, or of one above."""
    path = find_dotenv(usecwd=True)
    try:
        load_dotenv(path)  # It leaves alone what the shell has set.
    except (OSError, ValueError) as error:
        sentence = f"{path} cannot be read: it is not UTF-8, or this user may not read it."
        raise ConfigValidationError(sentence, errors=[sentence]) from error


def _unknown_variables(schema: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The variables with our prefix that name no setting, and are not empty."""
    names = {
        variable: variable.removeprefix(prefix).lower()
        for variable, text in os.environ.items()
        # Meltano's own variables have two underscores after the prefix.
        if text and variable.startswith(prefix) and not variable.startswith(f"{prefix}_")
    }
    known = schema["properties"].keys() | NOT_SETTINGS
    return {name: os.environ[variable] for variable, name in names.items() if name not in known}
