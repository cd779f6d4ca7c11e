"""The tap's README says what the code does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tap_harvest.streams import STREAMS
from tap_harvest.streams.kinds import ExplodedStream, Singleton, WholeStream
from tap_harvest.streams.nested import NestedStream
from tap_harvest.streams.reports import Report
from tap_harvest.tap import TapHarvest

if TYPE_CHECKING:
    from tap_harvest.streams.base import HarvestStream

README = (Path(__file__).parents[2] / "tap-harvest" / "README.md").read_text(encoding="utf-8")

SDK_S = "stream_map|faker|flatten"
"""How the SDK's own settings begin."""


def rows(heading: str) -> list[list[str]]:
    """The table under a heading, row by row, without its head."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def settings() -> list[list[str]]:
    """The table of settings as the code would write it; the SDK's own ones are left out."""
    schema = TapHarvest.config_jsonschema
    own = [name for name in schema["properties"] if not re.match(SDK_S, name)]
    table = []
    for name in own:
        setting = schema["properties"][name]
        default = f"`{setting['default']}`" if "default" in setting else ""
        table.append([f"`{name}`", default, setting["description"]])
    return table


def test_the_table_of_settings_is_the_code_s():
    """Names, defaults and descriptions, in the order of the code."""
    assert rows("Settings") == settings()


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_the_table_of_streams_is_the_code_s(stream: type[ExplodedStream]):
    """Key and way of reading of each stream."""
    if issubclass(stream, ExplodedStream):
        way = f"from `{stream.parent_stream_type.name}`"
    elif issubclass(stream, Report):
        way = "by window"
    elif issubclass(stream, NestedStream):
        way = f"below `{stream.parent_stream_type.name}`, "
        way += "what changed" if stream.replication_key else "whole"
    elif issubclass(stream, Singleton):
        way = "whole, one object"
    elif issubclass(stream, WholeStream):
        way = "whole"
    else:
        way = "what changed"
    source = stream.parent_stream_type or stream
    if source.is_fact:
        way += ", by date"
    keys = ", ".join(f"`{name}`" for name in stream.primary_keys)

    [row] = [row for row in rows("Streams") if row[0] == f"`{stream.name}`"]

    assert row[1:4] == [keys, way, requests(stream)]


def requests(stream: type[HarvestStream]) -> str:
    """What a read of a stream costs."""
    if issubclass(stream, ExplodedStream):
        return "none"
    if issubclass(stream, Report):
        return "1 a window"
    if issubclass(stream, Singleton):
        return "1"
    if not issubclass(stream, NestedStream):
        return "1 for 2,000 rows"
    parents = f"1 for each of `{stream.parent_stream_type.name}`"
    if stream.follows_parent:
        return f"{parents} that changed"
    return parents if stream.has_list is NestedStream.has_list else f"{parents} that has one"


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_a_stream_is_described_as_in_the_code(stream: type[HarvestStream]):
    """The table has the first line of the code's own description, or more."""
    [row] = [row for row in rows("Streams") if row[0] == f"`{stream.name}`"]
    first, *_ = (stream.__doc__ or "").splitlines()

    assert len(first) > len("Rows.")
    assert row[4].startswith(first.removesuffix("."))


def test_about_tells_the_settings_of_the_table():
    """`tap-harvest --about` says the same."""
    run = subprocess.run(
        [sys.executable, "-m", "tap_harvest", "--about", "--format=json"],
        capture_output=True,
        check=True,
    )

    told = json.loads(run.stdout)["settings"]["properties"]
    table = [
        [
            f"`{name}`",
            f"`{setting['default']}`" if "default" in setting else "",
            setting["description"],
        ]
        for name, setting in told.items()
        if not re.match(SDK_S, name)
    ]
    assert table == rows("Settings")


def test_the_table_of_streams_has_the_code_s_order():
    """That of the chapters of Harvest's API docs."""
    assert [row[0] for row in rows("Streams")] == [f"`{stream.name}`" for stream in STREAMS]


def test_the_table_of_filters_is_the_code_s():
    """Those that the setting `stream_filters` knows."""
    assert rows("Filters") == [
        [f"`{stream.name}`", ", ".join(f"`{name}`" for name in stream.filters)]
        for stream in STREAMS
        if stream.filters
    ]
