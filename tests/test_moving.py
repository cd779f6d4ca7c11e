"""The page for those who come from another connector leaves none of their streams out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest

from peers import AIRBYTE, SINGER
from tap_harvest.streams import STREAMS
from tap_harvest.tap import TapHarvest

PAGE: Final = (Path(__file__).parents[1] / "docs" / "moving.md").read_text(encoding="utf-8")
OURS: Final = {stream.name: stream for stream in STREAMS}


def table(section: str, *head: str) -> list[list[list[str]]]:
    """The table with this head, in a section: rows of cells, each as the words in backticks."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    body = text.split(f"\n| {' | '.join(head)} |\n")[1].split("\n\n")[0].splitlines()[1:]
    return [[re.findall(r"`([^`]+)`", cell) for cell in row.strip("|").split("|")] for row in body]


STREAM: Final = {
    peer: [(theirs[0], ours[0], key) for theirs, *_, ours, key in table(peer, *head)]
    for peer, head in {
        "From singer-io": ("stream there", "key there", "here", "key here"),
        "From Airbyte": ("stream there", "here", "key here"),
    }.items()
}
"""Each row of both tables of streams: the name there, the name here, the key here."""
COLUMN: Final = {
    peer: [
        (stream, theirs[0], ours[0] if ours else None)
        for streams, theirs, ours in table(peer, "stream there", "column there", "here")
        for stream in streams
    ]
    for peer in STREAM
}
"""Each row of both tables of columns: the stream there, the column there, the path here if any."""


@pytest.mark.parametrize(
    ("peer", "known"), [("From singer-io", list(SINGER)), ("From Airbyte", list(AIRBYTE))]
)
def test_each_of_their_streams_is_mapped_once(peer: str, known: list[str]) -> None:
    """None is left out, and none is invented."""
    assert [theirs for theirs, _, _ in STREAM[peer]] == known


@pytest.mark.parametrize("peer", STREAM)
def test_each_stream_of_ours_that_is_named_exists_with_its_key(peer: str) -> None:
    """The page follows the code."""
    for _, ours, key in STREAM[peer]:
        assert key == list(OURS[ours].primary_keys), ours


def has(stream: str, path: str) -> bool:
    """Whether a stream of ours declares a field, by its path."""
    schema: Any = OURS[stream].schema
    for name in path.split("."):
        if name not in schema["properties"]:
            return False
        schema = schema["properties"][name]
    return True


@pytest.mark.parametrize("peer", COLUMN)
def test_each_column_of_ours_that_is_named_exists(peer: str) -> None:
    """In the stream that takes the place of theirs."""
    names = {theirs: ours for theirs, ours, _ in STREAM[peer]}

    missing = [row for row in COLUMN[peer] if row[2] and not has(names[row[0]], row[2])]
    assert missing == []


def test_each_column_of_singer_io_s_is_found() -> None:
    """Under its old name, or in the table of columns."""
    names = {theirs: ours for theirs, ours, _ in STREAM["From singer-io"]}
    moved = {(stream, column) for stream, column, _ in COLUMN["From singer-io"]}

    lost = {
        (stream, column)
        for stream, columns in SINGER.items()
        for column in columns.split()
        if not has(names[stream], column)
    }
    assert lost == moved


@pytest.mark.parametrize("peer", STREAM)
def test_each_setting_of_ours_that_is_named_exists(peer: str) -> None:
    """Where theirs is called the same, it is ours as well."""
    settings = TapHarvest.config_jsonschema["properties"].keys()

    rows = table(peer, "setting there", "here")
    same = [name for there, here in rows if not here for name in there]
    assert {*same, *(name for _, here in rows for name in here)} <= settings
