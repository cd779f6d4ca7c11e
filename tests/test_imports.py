"""Imports point one way: a room knows only the rooms below it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]

# From top to bottom. A room may import those below it, and none beside it; `|` parts neighbours.
TAP: Final = (
    "__main__",
    "tap",
    "configuration | settings | streams",
    "account",
    "client | bookmarks | fields | filters | logs | rights | summary | writer",
    "reported",
    "budget | sign_in | token_file | windows | workers",
    "http",
)
TARGET: Final = (
    "__main__",
    "target",
    "batch_files | configuration | messages | settings | sinks",
    "batches | plans",
    "endings | lanes | logs | overwrite | quarantine",
    "bad_rows | locks | moments | shadows",
    "connector | digits | elements | keys | validation",
    "multiples | proof",
    "address | exact_schema | records | redaction",
    "dialects | drivers | inexact",
    "columns | envelopes | foreign_settings | number_search | patterns | schemas",
    "terminations | waits | watermark",
)
PACKAGES: Final = {
    "tap_harvest": (ROOT / "tap-harvest" / "tap_harvest", TAP),
    "target_harvest_sql": (ROOT / "target-harvest-sql" / "target_harvest_sql", TARGET),
    "harvest_sandbox": (ROOT / "tests" / "harvest_sandbox", ()),
}


def imported(path: Path) -> set[str]:
    """Every module that a file imports, in whichever block of it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def room(dotted: str) -> str:
    """The room that a module of a package is in: the part of its name after the package."""
    return dotted.split(".")[1]


@pytest.mark.parametrize("package", ["tap_harvest", "target_harvest_sql"])
def test_a_room_imports_only_rooms_below_it(package: str) -> None:
    """The order of the rooms is the one at the top of this file, and every room stands in it."""
    folder, layers = PACKAGES[package]
    depth = {name: position for position, names in enumerate(layers) for name in names.split(" | ")}

    wrong = [
        f"{path.relative_to(folder)} imports {name}"
        for path in folder.rglob("*.py")
        if (here := path.relative_to(folder).with_suffix("").parts[0]) != "__init__"
        for name in imported(path)
        if name.startswith(f"{package}.")
        and room(name) != here
        and room(name) in depth
        and depth[here] >= depth[room(name)]
    ]
    assert wrong == []
    rooms = {path.relative_to(folder).with_suffix("").parts[0] for path in folder.rglob("*.py")}
    assert rooms - {"__init__"} == depth.keys()


@pytest.mark.parametrize("package", PACKAGES)
def test_the_packages_do_not_know_each_other(package: str) -> None:
    """Tap, target and stand-in account share no code, so none repeats another's error."""
    folder, _ = PACKAGES[package]
    others = PACKAGES.keys() - {package}

    found = {name.split(".")[0] for path in folder.rglob("*.py") for name in imported(path)}
    assert found.isdisjoint(others)


def test_dialects_open_no_connection_and_know_nothing_of_singer() -> None:
    """A dialect is text."""
    folder, _ = PACKAGES["target_harvest_sql"]

    found = {
        name.split(".")[0] for path in (folder / "dialects").glob("*.py") for name in imported(path)
    }
    assert found.isdisjoint(
        {"duckdb", "pymysql", "requests", "singer_sdk", "sqlalchemy", "sqlite3"}
    )
