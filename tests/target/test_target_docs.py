"""The README's tables say what the code does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import get_args

from target_harvest_sql.columns import Kind
from target_harvest_sql.dialects import DIALECTS
from target_harvest_sql.target import TargetHarvestSQL

README = Path(__file__).parents[2] / "target-harvest-sql" / "README.md"
BUILT_IN = {"stream_maps", "stream_map_config", "faker_config", "batch_config"}


def rows_under(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    section = README.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def test_every_setting_is_described() -> None:
    """With its default and its description, in the order of the code."""
    TargetHarvestSQL.append_builtin_config(TargetHarvestSQL.config_jsonschema)
    expected = [
        [
            f"`{name}`",
            f"`{str(setting['default']).lower()}`" if "default" in setting else "",
            setting["description"].split(" [", 1)[0],
        ]
        for name, setting in TargetHarvestSQL.config_jsonschema["properties"].items()
        if name not in BUILT_IN
    ]

    assert rows_under("Settings") == expected


def test_every_type_is_listed() -> None:
    """The type of each kind in each database."""
    expected = [
        [f"`{kind}`", *(f"`{dialect.types[kind]}`" for dialect in DIALECTS.values())]
        for kind in get_args(Kind)
    ]

    assert rows_under("Types") == expected


def test_every_database_is_listed() -> None:
    """By the name that stands in its URL."""
    rows = rows_under("Databases")

    assert [row[0] for row in rows] == [f"`{name}`" for name in DIALECTS]
    assert [row[4].split(":")[0] for row in rows] == [
        "yes" if dialect.has_schemas else "no" for dialect in DIALECTS.values()
    ]


def test_the_module_is_the_command() -> None:
    """`python -m target_harvest_sql --about` shows every setting of the issue."""
    shown = subprocess.run(
        [sys.executable, "-m", "target_harvest_sql", "--about", "--format=json"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout

    names = [row[0].strip("`") for row in rows_under("Settings")]
    assert [name for name in names if f'"{name}"' not in shown] == []
