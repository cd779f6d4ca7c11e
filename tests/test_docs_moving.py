"""The page for those who come from another connector leaves none of their streams out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from support.peers import AIRBYTE, FIVETRAN, MICROSOFT, MICROSOFT_FIELDS, SINGER
from tap_harvest.streams import STREAMS
from tap_harvest.tap import TapHarvest
from target_harvest_sql.target import TargetHarvestSQL

if TYPE_CHECKING:
    from collections.abc import Callable

    from fixtures.databases import Database

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
        "From Fivetran": ("table there", "here", "key here"),
    }.items()
}
"""Each row of the tables of streams: the name there, the name here, the key here."""
COLUMN: Final = {
    peer: [
        (stream, theirs[0], ours[0] if ours else None)
        for streams, theirs, ours in table(peer, "stream there", "column there", "here")
        for stream in streams
    ]
    for peer in ("From singer-io", "From Airbyte")
}
"""Each row of both tables of columns: the stream there, the column there, the path here if any."""


@pytest.mark.parametrize(
    ("peer", "known"),
    [
        ("From singer-io", list(SINGER)),
        ("From Airbyte", list(AIRBYTE)),
        ("From Fivetran", list(FIVETRAN)),
    ],
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
        if name not in schema.get("properties", ()):
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


@pytest.mark.parametrize("peer", COLUMN)
def test_each_setting_of_ours_that_is_named_exists(peer: str) -> None:
    """Where theirs is called the same, it is ours as well."""
    settings = TapHarvest.config_jsonschema["properties"].keys()

    rows = table(peer, "setting there", "here")
    same = [name for there, here in rows if not here for name in there]
    assert {*same, *(name for _, here in rows for name in here)} <= settings


def test_each_action_of_microsoft_s_connector_is_found_once() -> None:
    """With a stream of ours that has the same, or as one that writes."""
    rows = table("From Power Automate", "action or trigger there", "here")

    assert sorted(name for theirs, _ in rows for name in theirs) == sorted(MICROSOFT)
    assert {name for _, ours in rows for name in ours} == MICROSOFT_FIELDS.keys() <= OURS.keys()


def test_each_field_of_microsoft_s_connector_is_found() -> None:
    """Under its old name, or in the table of fields; texts there are objects in some places."""
    rows = table("From Power Automate", "of", "field there", "here")
    moved = {(streams[0], name) for streams, theirs, _ in rows for name in theirs}
    here = [(streams[0], ours[0]) for streams, _, ours in rows if ours]

    lost = {
        (stream, name)
        for stream, names in MICROSOFT_FIELDS.items()
        for name in names.split()
        if not has(stream, name) or has(stream, f"{name}.id")
    }
    assert lost == moved
    assert [row for row in here if not has(*row)] == []


def test_the_statements_for_a_move_run(new_database: Callable[[str], Database]) -> None:
    """On a table with columns of ours, named as the default pipeline names them."""
    database = new_database("postgres")
    references = sorted(set(re.findall(r"\b(\w+__id)\b", PAGE.split("\n## From ")[0])))
    assert [name for name in references if not has("time_entries", name.replace("__", "."))] == []
    columns = ("id bigint", "spent_date date", "hours numeric", "_sdc_deleted_at timestamptz")
    database.query("CREATE SCHEMA harvest_new")
    database.query(
        "CREATE TABLE harvest_new.time_entries "
        f"({', '.join((*columns, *(f'{name} bigint' for name in references)))})"
    )
    database.query(
        "INSERT INTO harvest_new.time_entries "
        "VALUES (1, '2026-05-04', 2, NULL), (2, '2026-05-31', 3.5, NULL), "
        "(3, '2026-05-05', 9, '2026-06-01')"
    )

    compare, *views = re.findall(r"^   ((?:SELECT|CREATE)[^;]+);", PAGE, re.MULTILINE)
    [month] = database.query(compare)
    for statement in views:
        database.query(statement)

    assert (month["entries"], float(month["hours"])) == (2, 5.5)
    assert len(database.query("SELECT client_id FROM harvest_views.time_entry")) == 2


def test_the_newest_versions_of_fivetran_s_rows_are_counted(
    new_database: Callable[[str], Database],
) -> None:
    """Its tables have a row for each version of a record."""
    database = new_database("postgres")
    database.query("CREATE SCHEMA harvest")
    database.query("CREATE TABLE harvest.time_entry (id bigint, updated_at timestamptz)")
    database.query(
        "INSERT INTO harvest.time_entry VALUES "
        "(1, '2026-05-04'), (1, '2026-05-05'), (2, '2026-05-04')"
    )

    [statement] = re.findall(r"^  (SELECT count[^;]+);", PAGE, re.MULTILINE)

    assert database.query(statement)[0]["count"] == 2


def test_the_variables_for_a_move_are_settings() -> None:
    """Of the tap, or of the target."""
    named = set(re.findall(r"\b(TAP_HARVEST|TARGET_HARVEST_SQL)_([A-Z0-9_]+)\b", PAGE))

    settings = {
        (plugin.name.replace("-", "_").upper(), name.upper())
        for plugin in (TapHarvest, TargetHarvestSQL)
        for name in plugin.config_jsonschema["properties"]
    }
    assert named
    assert named <= settings
