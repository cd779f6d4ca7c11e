"""Our tap with targets of others, and our target with taps of others: docs/composing.md.

The others come from the package index, so that `make compose` runs these tests and `make test`
does not.
"""

from __future__ import annotations

import json
import struct
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest
from sqlalchemy.engine import make_url

from fixtures.pipeline import Pipeline
from support.account_tables import account
from support.destination import differences
from support.other_programs import installed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sqlalchemy.engine import URL

    from fixtures.databases import Database
    from harvest_sandbox import Sandbox
    from support.account_tables import Row

    New = Callable[[str], Database]

STREAMS: Final = ("clients", "time_entries", "invoices", "invoice_line_items", "roles")
ENGINES: Final = ("sqlite", "duckdb", "postgres")


# Our tap, and targets of others.


@dataclass(frozen=True)
class Target:
    """A target of others.

    Attributes:
        program: Its command.
        requirements: What to install.
        engine: The database that it writes to.
        settings: Its settings, for the database.
        deletes: Whether it knows ACTIVATE_VERSION.
        empty: What it makes of an empty text.
    """

    program: str
    requirements: tuple[str, ...]
    engine: str
    settings: Callable[[URL], dict[str, Any]]
    deletes: bool
    empty: str | None

    def wanted(self, harvest: Sandbox) -> dict[str, list[Row]]:
        """What it is to have of the account."""
        return {
            name: [{column: self._written(value) for column, value in row.items()} for row in rows]
            for name, rows in wanted(harvest).items()
        }

    def _written(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._written(part) for name, part in value.items()}
        return self.empty if value == "" else value


def _postgres(url: URL) -> dict[str, Any]:
    driver = url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    return {"sqlalchemy_url": driver, "default_target_schema": "public"}


def _duckdb(url: URL) -> dict[str, Any]:
    return {"path": url.database, "default_target_schema": "main", "add_metadata_columns": True}


POSTGRES: Final = Target(
    "target-postgres",
    ("meltanolabs-target-postgres==0.8.1",),
    "postgres",
    _postgres,
    deletes=True,
    empty="",
)
DUCKDB: Final = Target(
    "target-duckdb",
    # With newer releases of DuckDB it takes the first row of each batch for names.
    ("target-duckdb==0.8.0", "duckdb==1.0.0"),
    "duckdb",
    _duckdb,
    deletes=False,
    empty=None,
)


@pytest.mark.parametrize("hard_delete", [False, True])
@pytest.mark.parametrize("other", [POSTGRES, DUCKDB], ids=lambda other: other.program)
def test_our_tap_feeds_a_target_of_others(
    harvest: Sandbox, new_database: New, tmp_path: Path, other: Target, *, hard_delete: bool
) -> None:
    """Rows arrive, a second run reads changes, and deletions are told, if the target listens."""
    database = new_database(other.engine)
    pipeline = Pipeline.between(harvest, database.url, tmp_path)
    pipeline.streams = STREAMS
    pipeline.tap_config |= {"flattening_enabled": True, "flattening_max_depth": 1}
    pipeline.target = installed(other.program, *other.requirements)
    pipeline.target_config = other.settings(make_url(database.url)) | {"hard_delete": hard_delete}
    pipeline()

    assert pipeline.exit_codes == (0, 0), pipeline.errors
    assert differences(other.wanted(harvest), database) == []

    harvest.advance(seconds=3600)
    changed, gone = (row["id"] for row in harvest.rows("time_entries")[-2:])
    harvest.change("time_entries", changed, notes="Moved to the afternoon ✅")
    harvest.requests.clear()
    pipeline()

    assert pipeline.exit_codes == (0, 0), pipeline.errors
    assert differences(other.wanted(harvest), database) == []
    [asked] = [request for request in harvest.requests if request.path == "/v2/time_entries"]
    assert "updated_since" in asked.query

    harvest.delete("time_entries", gone)
    pipeline.tap_config["reconcile_days"] = 0
    pipeline()

    assert pipeline.exit_codes == (0, 0), pipeline.errors
    left = [] if other.deletes else [f"time_entries ({gone},): is too much"]
    assert differences(other.wanted(harvest), database) == left
    rows = database.query("SELECT id FROM time_entries")
    assert ({"id": gone} in rows) is not (other.deletes and hard_delete)


def wanted(harvest: Sandbox) -> dict[str, list[Row]]:
    """What is to land."""
    tables = account(harvest, nested=())
    return {name: tables[name] for name in STREAMS}


# Taps of others, and our target.


@dataclass(frozen=True)
class Tap:
    """A tap of others, which reads a file that is here."""

    program: str
    requirements: tuple[str, ...]

    def into(self, database: Database, folder: Path, config: dict[str, Any]) -> Pipeline:
        """A pipeline from it to our target."""
        return Pipeline(
            folder=folder,
            tap_config=config,
            target_config={"sqlalchemy_url": database.url},
            tap=installed(self.program, *self.requirements),
        )


JSONL: Final = Tap("tap-jsonl", ("tap-jsonl==0.3.1",))
DBF: Final = Tap("tap-dbf", ("tap-dbf==0.1.25",))
SINGER_JSONL: Final = Tap("tap-singer-jsonl", ("tap-singer-jsonl==0.1.0", "setuptools==80.9.0"))


@pytest.mark.parametrize("engine", ENGINES)
def test_lines_of_json_are_upserted(new_database: New, tmp_path: Path, engine: str) -> None:
    """Their keys count; a field that a line does not have is null."""
    database = new_database(engine)
    path = tmp_path / "things.jsonl"
    config = {"path": str(path), "stream_name": "things", "primary_keys": ["id"]}
    pipeline = JSONL.into(database, tmp_path, config)
    things = [
        {"id": 1, "name": "Example Mill", "made": "2026-01-02T03:04:05Z", "score": 1.5},
        {"id": 2, "name": 'It\'s "quoted" ✅', "made": None},
        {"id": 3, "name": "", "parts": [{"id": 1, "name": None}]},
    ]
    for rows in (things, [{**things[0], "name": "Example Orchard"}, *things[1:], {"id": 4}]):
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        pipeline.state = None  # A file that was written anew is read anew.
        pipeline()

        assert pipeline.exit_codes == (0, 0), pipeline.errors
        expected = [{"made": None, "score": None, "parts": None, "name": None} | r for r in rows]
        assert differences({"things": expected}, database) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_a_table_of_dbase_is_replaced(new_database: New, tmp_path: Path, engine: str) -> None:
    """It has no key, so that `load_method: overwrite` keeps one copy of it."""
    database = new_database(engine)
    path = tmp_path / "stock.dbf"
    pipeline = DBF.into(database, tmp_path, {"path": str(path)})
    pipeline.target_config |= {"load_method": "overwrite", "overwrite_requires": "end_of_input"}
    lamp, chair = ("Lamp", "12", "20260102", "T"), ("Chair", "", "", "F")
    for rows in ([chair, lamp], [lamp]):
        path.write_bytes(dbf(rows))
        pipeline()

        assert pipeline.exit_codes == (0, 0), pipeline.errors
        found = database.rows("stock")
        assert [row["NAME"] for row in found] == [name for name, *_ in rows]
    assert (found[0]["COUNT"], bool(found[0]["SOLD"])) == (12, True)
    assert str(found[0]["MADE"]).startswith("2026-01-02")


def dbf(rows: Sequence[tuple[str, ...]]) -> bytes:
    """A table of dBase III.

    Library of Congress, "dBASE Table File Format (DBF)":
    https://www.loc.gov/preservation/digital/formats/fdd/fdd000325.shtml
    """
    fields = (("NAME", "C", 12), ("COUNT", "N", 6), ("MADE", "D", 8), ("SOLD", "L", 1))
    length = 1 + sum(width for *_, width in fields)
    head = struct.pack("<4BI2H20x", 3, 126, 1, 1, len(rows), 33 + 32 * len(fields), length)
    for name, kind, width in fields:
        head += struct.pack("<11sc4xB15x", name.encode(), kind.encode(), width)
    lines = (
        " " + "".join(v.ljust(width) for v, (*_, width) in zip(row, fields, strict=True))
        for row in rows
    )
    return head + b"\r" + "".join(lines).encode() + b"\x1a"


@pytest.mark.parametrize("engine", ENGINES)
def test_recorded_messages_are_played(
    harvest: Sandbox, new_database: New, tmp_path: Path, engine: str
) -> None:
    """What our tap wrote to files arrives as though it had just written it, deletions too."""
    database = new_database(engine)
    tapes = tmp_path / "tapes"
    tapes.mkdir()
    config = {"local": {"folders": [str(tapes)]}, "add_record_metadata": False}
    player = SINGER_JSONL.into(database, tmp_path, config)
    player.target_config |= {"flattening_enabled": True, "flattening_max_depth": 1}
    recorder = Pipeline.between(harvest, database.url, tmp_path)
    recorder.streams = STREAMS
    recorder.tap_config["reconcile_days"] = 0
    for _ in range(2):
        with (tapes / "harvest.singer").open("wb") as file:
            subprocess.run(recorder.tap_command(), stdout=file, check=True)
        player()

        assert player.exit_codes == (0, 0), player.errors
        assert differences(wanted(harvest), database) == []
        harvest.advance(seconds=3600)
        harvest.delete("time_entries", harvest.rows("time_entries")[-1]["id"])
