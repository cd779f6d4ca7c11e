"""Imports point one way: a module imports only modules below it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]

# From top to bottom. A module or folder may import those below it, and none beside it; `|` parts
# neighbours.
TAP: Final = (
    "__main__",
    "tap",
    "catalog | checks | cli | connection | environment | settings",
    "streams",
    "reading",
    "account",
    "fields | filters | logs | rights | signals | summary | writer",
    "http | state",
)
TARGET: Final = (
    "__main__",
    "target",
    "cli | intake | streams",
    "routes",
    "sink",
    "destination",
    "process | reading | writing",
    "database",
    "records",
    "settings",
    "redaction",
    "dialects | drivers | names | tunnel",
    "columns | logs | watermark",
    "declared_types",
)
REPORT: Final = (
    "__main__",
    "cli",
    "page",
    "account_page | client_page",
    "account_hours | account_money",
    "clients | tables",
    "database",
    "environment | name_filter | parts | periods | queries",
    "errors",
)
# The order inside the folders.
FOLDERS: Final = {
    "tap_harvest": TAP,
    "tap_harvest.http": (
        "client",
        "page_reader",
        "paging | prefetch | session | workers",
        "budget | errors | transport",
        "answers | body | sign_in | time_limit",
        "addresses | characters | headers | token_file | wait_log",
        "secrets",
    ),
    "tap_harvest.reading": (
        "sync",
        "list_reader | report_reader",
        "nested_reader",
        "reader",
        "plans | reading",
        "outlook | record_writer",
        "hidden_currency | kinds | nested | report_plan",
        "report",
        "stream",
        "list_read | plan | progress | singer_stream",
    ),
    "tap_harvest.state": ("loading", "entries", "bookmark | report_state", "windows"),
    "tap_harvest.streams": (
        "clients | company | estimates | expenses | invoices",
        "reports | roles | tasks | time_entries | users",
        "bills | projects",
    ),
    "target_harvest_sql": TARGET,
    "harvest_report": REPORT,
    "target_harvest_sql.database": (
        "locks | shadows | stream_table",
        "leases | tables",
        "distributions | fitting | readers",
        "connection",
        "retries | session",
        "errors | waits",
    ),
    "target_harvest_sql.dialects": (
        "babelfish | citus | duckdb | mariadb | sqlite",
        "mssql | mysql | postgres",
        "extended_properties | json_table | openjson",
        "base | duckdb_hints | mssql_hints | mysql_hints | postgres_hints | sqlite_hints",
        "facts | hints | postgres_rights | spelling | versions",
        "deletes | distribution | leases | swaps | upserts | widening",
        "decimals | declared | held_kinds",
    ),
    "target_harvest_sql.drivers": (
        "mssqlpython | pymssql",
        "duckdb | mssql | mysql | postgres | sqlite",
        "hosts",
        "base | options",
    ),
    "target_harvest_sql.process": ("endings | stop_request | terminations",),
    "target_harvest_sql.reading": (
        "parts",
        "batch_files | messages",
        "envelopes | lines | schemas",
    ),
    "target_harvest_sql.records": (
        "judge | metadata | table",
        "plan | validation | wording",
        "digits | keys | layout | moments | multiples | unnamed",
        "blocks | exact_schema | inexact | number_search | paths | schema_columns | text",
        "patterns | raw",
    ),
    "target_harvest_sql.settings": (
        "checks | schema | ssh",
        "address | load_method | private_files",
        "foreign",
    ),
    "target_harvest_sql.writing": (
        "filler",
        "dispatch",
        "batches | overwrite | quarantine",
        "lanes | proof | summary",
        "bad_rows | origins",
        "writer",
    ),
}
PACKAGES: Final = {
    "tap_harvest": (ROOT / "tap-harvest" / "tap_harvest", TAP),
    "target_harvest_sql": (ROOT / "target-harvest-sql" / "target_harvest_sql", TARGET),
    "harvest_report": (ROOT / "harvest-report" / "harvest_report", REPORT),
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


def place(dotted: str, package: str) -> str:
    """The module or folder of a package that a name is in: the part of the name after it."""
    return dotted.removeprefix(f"{package}.").split(".")[0]


def folder_of(package: str) -> Path:
    """Where the files of a package, or of a folder in it, are."""
    top, *inner = package.split(".")
    return PACKAGES[top][0].joinpath(*inner)


@pytest.mark.parametrize("package", FOLDERS)
def test_a_module_imports_only_modules_below_it(package: str) -> None:
    """The order of the modules is the one at the top of this file, and each stands in it."""
    folder, layers = folder_of(package), FOLDERS[package]
    depth = {name: position for position, names in enumerate(layers) for name in names.split(" | ")}

    wrong = [
        f"{path.relative_to(folder)} imports {name}"
        for path in folder.rglob("*.py")
        if (here := path.relative_to(folder).with_suffix("").parts[0]) != "__init__"
        for name in imported(path)
        if name.startswith(f"{package}.")
        and place(name, package) != here
        and place(name, package) in depth
        and depth[here] >= depth[place(name, package)]
    ]
    assert wrong == []
    places = {path.relative_to(folder).with_suffix("").parts[0] for path in folder.rglob("*.py")}
    assert places - {"__init__"} == depth.keys()


@pytest.mark.parametrize("package", ["tap_harvest", "target_harvest_sql"])
def test_each_folder_has_an_order(package: str) -> None:
    """No folder is left out at the top of this file."""
    folder = folder_of(package)

    found = {f"{package}.{path.parent.name}" for path in folder.glob("*/__init__.py")}
    assert found <= FOLDERS.keys()


@pytest.mark.parametrize("package", PACKAGES)
def test_the_packages_do_not_know_each_other(package: str) -> None:
    """Tap, target, report and stand-in account share no code, so none repeats another's error."""
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
