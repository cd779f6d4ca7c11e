"""The README's tables say what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest
from sqlalchemy.engine import make_url
from target_run import activate, record, run, schema

from documents.settings_table import settings
from fixtures.databases import Database
from target_harvest_sql.columns import Kind
from target_harvest_sql.dialects import DIALECTS
from target_harvest_sql.target import TargetHarvestSQL

if TYPE_CHECKING:
    from collections.abc import Callable

README = Path(__file__).parents[2] / "target-harvest-sql" / "README.md"
DATABASES = Path(__file__).parents[2] / "docs" / "databases"


def rows_under(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    section = README.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def test_every_setting_is_described() -> None:
    """With its variable, type, default and description, in the order of the code."""
    assert rows_under("Settings") == settings(TargetHarvestSQL)


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


def test_the_example_without_a_tap_makes_a_table(tmp_path: Path) -> None:
    """The lines that the README pipes into the target, in an empty folder."""
    [lines] = re.findall(
        r"^echo '([^']+)' \| target-harvest-sql$", README.read_text("utf-8"), re.MULTILINE
    )

    ended = subprocess.run(
        [sys.executable, "-m", "target_harvest_sql"],
        input=lines,
        text=True,
        capture_output=True,
        check=False,
        cwd=tmp_path,
    )

    assert ended.returncode == 0, ended.stderr
    [row] = Database("sqlite", f"sqlite:///{tmp_path / 'harvest.db'}").rows("people")
    assert row == {"id": 1, "name": "Alex"}


@pytest.mark.parametrize("name", DIALECTS)
def test_every_database_has_a_page(name: str) -> None:
    """With the type of each kind."""
    page = {"mssql": "sql-server", "mysql": "mariadb"}.get(name, name)
    text = (DATABASES / f"{page}.md").read_text(encoding="utf-8")

    section = text.split("\n## Types\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{kind}` | `{DIALECTS[name].types[kind]}` |" for kind in get_args(Kind)]
    assert f"{name}://" in text


def test_each_message_on_the_page_of_azure_has_a_hint() -> None:
    """Whoever sees it is told on the spot as well."""
    text = (DATABASES / "azure-sql.md").read_text(encoding="utf-8")
    section = text.split("\n## When it does not work\n")[1]

    numbers = re.findall(r"^\| `.+?` \((\d+)\) \|", section, re.MULTILINE)
    assert len(numbers) == section.count("\n| `")
    assert set(numbers) <= {key.partition(" ")[0] for key in DIALECTS["mssql"].hints}


@pytest.mark.parametrize(("engine", "page"), [("postgres", "postgresql"), ("mariadb", "mariadb")])
def test_the_grants_that_the_page_names_are_enough(
    new_database: Callable[[str], Database], tmp_path: Path, engine: str, page: str
) -> None:
    """A user with the rights of the page can do all that the target does."""
    database = new_database(engine)
    url = make_url(database.url)
    text = (DATABASES / f"{page}.md").read_text(encoding="utf-8")
    user = f"user_of_{url.database}"
    own = {"postgres": "harvest", "mariadb": user}[engine]  # A schema is a database there.
    for statement in re.findall(r"^(?:CREATE|GRANT) .+?;", text, re.MULTILINE):
        database.query(
            re.sub(r"\bharvest\b(?! AUTH)", user, statement)
            .replace("…", "secret")
            .replace("warehouse", str(url.database))
        )
    limited = url.set(username=user, password="secret", database=url.database)
    if engine == "mariadb":
        limited = limited.set(database=own)

    try:
        for hard_delete in (False, True):
            for load_method in ("upsert", "overwrite"):
                ended = run(
                    Database(engine, limited.render_as_string(hide_password=False)),
                    tmp_path,
                    schema("people", id="integer", name={"type": "string", "description": "Who."}),
                    record("people", 1, id=1, name="a"),
                    schema("people", id="integer", name="string", age="number"),
                    record("people", 2, id=2, age=4),
                    activate("people", 2),
                    hard_delete=hard_delete,
                    load_method=load_method,
                    **({"default_target_schema": own} if engine == "postgres" else {}),
                )
                assert ended.exit_code == 0, ended.errors
    finally:
        if engine == "postgres":
            database.query(f'DROP OWNED BY "{user}"')
            database.query(f'DROP ROLE "{user}"')
        else:
            database.query(f"DROP USER `{user}`")
            database.query(f"DROP DATABASE `{own}`")
