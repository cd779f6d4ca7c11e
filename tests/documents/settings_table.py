"""The table of settings in the README of a plugin, generated from the code."""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from singer_sdk.plugin_base import PluginBase

ROOT: Final = Path(__file__).resolve().parents[2]
SDK_S: Final = re.compile("stream_map|faker|flatten|batch_config")
"""The prefixes of the settings that the SDK adds."""
HEAD: Final = ("setting", "environment variable", "type", "default", "what it does")


def settings(plugin: type[PluginBase]) -> list[list[str]]:
    """Each setting: its name, environment variable, type, default and description.

    The SDK's own settings are described as in meltano.yml.
    """
    schema = deepcopy(plugin.config_jsonschema)
    plugin.append_builtin_config(schema)
    ours = descriptions(plugin.name)
    return [
        [
            f"`{name}`",
            f"`{plugin.name.replace('-', '_').upper()}_{name.upper()}`",
            kind(setting),
            default(setting),
            ours[name] if SDK_S.match(name) else setting["description"],
        ]
        for name, setting in schema["properties"].items()
    ]


def descriptions(plugin: str) -> dict[str, str]:
    """Return the settings of a plugin as meltano.yml describes them."""
    project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    [entry] = [
        entry
        for entries in project["plugins"].values()
        for entry in entries
        if entry["name"] == plugin
    ]
    return {setting["name"]: setting["description"] for setting in entry["settings"]}


def kind(setting: Mapping[str, Any]) -> str:
    """Return the type of a setting, or its allowed values."""
    if "enum" in setting:
        return ", ".join(f"`{value}`" for value in setting["enum"])
    first, *_ = setting["type"]
    return f"array of {setting['items']['type'][0]}s" if first == "array" else str(first)


def default(setting: Mapping[str, Any]) -> str:
    """Return the default as JSON; empty if there is none."""
    value = setting.get("default")
    if value is None:
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
