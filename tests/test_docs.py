"""What the documents promise is there: files they link to, recipes they name."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import click
import meltano
import pytest
import yaml
from meltano.cli import cli

from documents import draw_tables, write_hub, write_queries, write_streams, write_transform
from pipeline import compose
from tap_harvest.tap import TapHarvest
from target_harvest_sql.target import TargetHarvestSQL

ROOT: Final = Path(__file__).resolve().parents[1]
PLUGINS: Final = (TapHarvest, TargetHarvestSQL)
DOCUMENTS: Final = [
    *ROOT.glob("*.md"),
    *ROOT.glob(".github/*.md"),
    *ROOT.glob("docs/**/*.md"),
    *ROOT.glob("*/README.md"),
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_into_the_repository_leads_somewhere(document: Path) -> None:
    """A relative link names a file or folder beside the document."""
    links = re.findall(r"\]\(([^)#]+)", document.read_text(encoding="utf-8"))

    inner = [link for link in links if "://" not in link]
    assert [link for link in inner if not (document.parent / link).exists()] == []


def test_every_recipe_that_the_readme_names_is_one() -> None:
    """`make …` in the README is a recipe of the Makefile."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    named = set(re.findall(r"^make ([a-z]+)|`make ([a-z]+)`", readme, re.MULTILINE))
    recipes = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert {one or other for one, other in named} - recipes == set()
    assert {"demo", "test"} <= {one or other for one, other in named}


def test_the_taps_and_targets_of_others_are_those_that_are_tried() -> None:
    """docs/composing.md names what `make compose` installs, with its versions."""
    page = (ROOT / "docs" / "composing.md").read_text(encoding="utf-8")

    others = (compose.POSTGRES, compose.DUCKDB, compose.JSONL, compose.DBF, compose.SINGER_JSONL)
    for requirement in (each for other in others for each in other.requirements):
        assert requirement.replace("==", " ") in page


def test_what_decides_about_an_engine_is_a_piece_of_our_statements() -> None:
    """docs/databases/README.md quotes the dialects, and each row says how it was seen."""
    page = (ROOT / "docs" / "databases" / "README.md").read_text(encoding="utf-8")
    target = ROOT / "target-harvest-sql" / "target_harvest_sql"
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("dialects", "database")
        for path in target.glob(f"{folder}/*.py")
    )
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]

    assert len(rows) > 20
    for engine, _, _, seen, decides in rows[1:]:
        known = ("tests", "hosted CI", "by hand", "documentation", "not tried")
        assert seen.startswith(known), engine
        assert [piece for piece in re.findall("`(.+?)`", decides) if piece not in code] == []


def test_the_packages_have_one_version_and_one_licence() -> None:
    """They are released together."""
    packages = ("tap-harvest", "target-harvest-sql", "harvest-report")

    written = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    names = [*(plugin.package_name or plugin.name for plugin in PLUGINS), "harvest-report"]
    versions = {metadata.version(name) for name in names}
    versions.add(dbt_project()["version"])
    folders = (*packages, "transform")
    licences = {(ROOT / name / "LICENSE").read_text(encoding="utf-8") for name in folders}
    assert versions == {written["tool"]["release"]["version"]}
    assert licences == {(ROOT / "LICENSE").read_text(encoding="utf-8")}


def dbt_project() -> dict[str, Any]:
    """What the dbt package says about itself."""
    text = (ROOT / "transform" / "dbt_project.yml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@pytest.mark.parametrize(
    "path", ["requirements.txt", "requirements-runtime.txt", "transform/requirements.txt"]
)
def test_requirements_are_pinned_with_hashes_and_without_addresses(path: str) -> None:
    """No line of the pins says where to download from."""
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()

    pins = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert all("==" in pin and pin.endswith("\\") for pin in pins)
    assert not [line for line in lines if "://" in line or line.startswith("-")]


def test_the_diagrams_of_the_tables_are_current() -> None:
    """After a change of the catalog, `make docs` writes them anew."""
    assert (ROOT / "docs" / "tables.md").read_text(encoding="utf-8") == draw_tables.page()


def test_each_table_is_in_one_diagram() -> None:
    """With its key; a table that another area refers to is there a box without columns."""
    boxes = re.findall(r"^    (\w+) \{$", draw_tables.page(), re.MULTILINE)

    assert sorted(boxes) == sorted(draw_tables.tables())


def test_the_page_of_streams_is_current() -> None:
    """After a change of a stream, `make docs` writes it anew."""
    assert (ROOT / "docs" / "streams.md").read_text(encoding="utf-8") == write_streams.page()


def test_the_page_of_queries_is_current() -> None:
    """After a change of a query, `make docs` writes it anew."""
    assert (ROOT / "docs" / "queries.md").read_text(encoding="utf-8") == write_queries.page()


def test_the_dbt_package_is_current() -> None:
    """After a change of the catalog, `make docs` writes its sources and staging models anew."""
    wanted = write_transform.files()

    staging = {path.relative_to(ROOT) for path in (ROOT / write_transform.STAGING).glob("*")}
    assert staging | {Path("transform/README.md")} == wanted.keys()
    for path, text in wanted.items():
        assert (ROOT / path).read_text(encoding="utf-8") == text


def test_the_variables_of_the_dbt_package_are_those_of_its_readme() -> None:
    """Each has a line in the table, and no other has."""
    paths = (path for path in (ROOT / "transform").rglob("*") if path.suffix in {".sql", ".yml"})
    code = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    page = (ROOT / "transform" / "README.md").read_text(encoding="utf-8")

    used = set(re.findall(r"var\('+(harvest_\w+)'+", code))
    assert used == set(re.findall(r"^\| `(harvest_[a-z]\w+)` \| .+ \|.+\|$", page, re.MULTILINE))
    assert len(used) > 5


def test_the_dbt_package_sends_no_statistics() -> None:
    """While it is worked on; a project that installs it decides by itself."""
    assert dbt_project()["flags"] == {"send_anonymous_usage_stats": False}


def test_the_definitions_for_meltanohub_are_current() -> None:
    """After a change of meltano.yml, `make docs` writes them anew."""
    for path, text in write_hub.definitions().items():
        assert (ROOT / path).read_text(encoding="utf-8") == text


def test_every_command_of_meltano_that_a_page_names_is_one() -> None:
    """With its options; those of `meltano invoke` are the plugin's."""
    text = "\n".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)
    commands = re.findall(r"meltano((?: --\S+)*) (run|schedule run|state \w+)\b([^`\n|]*)", text)

    assert len(commands) > 10
    for before, name, after in commands:
        command: click.Command = cli
        for part in name.split():
            assert isinstance(command, click.Group)
            assert part in command.commands, name
            command = command.commands[part]
        for options, known in ((before, cli), (after, command)):
            named = set(re.findall(r"(--[a-z-]+)", options))
            assert named <= {option for each in known.params for option in each.opts}, name


def test_every_message_that_troubleshooting_quotes_is_one() -> None:
    """A part of each stands in the code, ours or Meltano's, as it is written there."""
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    quoted = re.findall(r"^\| (`+) ?(.+?) ?\1 \|", page, re.MULTILINE)
    theirs = Path(meltano.__path__[0], "core")
    ours = (*ROOT.glob("ta*/*_harvest*/**/*.py"), *ROOT.glob("harvest-report/**/*.py"))
    sources = (*ours, *theirs.glob("**/*.py"))
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    # A sentence is broken into lines; what stands between their quotes is no part of it.
    joined = re.sub(r'"\s*\n\s*f?"', "", code)

    assert len(quoted) > 30
    assert [text for _, text in quoted if text not in joined] == []
