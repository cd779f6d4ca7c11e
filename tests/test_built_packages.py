"""What is released: the built packages, in an environment that holds nothing else."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
PYTHON: Final = Path(sys.executable)
PLUGINS: Final = ("tap-harvest", "target-harvest-sql")
PACKAGES: Final = (*PLUGINS, "harvest-report")
"""Each package's command has its folder's name."""
HEAVY: Final = frozenset({"duckdb", "psycopg", "pymssql", "pymysql", "sqlalchemy"})
"""What a command has no need of before it is told a database, and what takes long to import."""


@dataclass(frozen=True)
class Released:
    """The built packages, and an environment of them and what they ask for."""

    dist: Path
    bin: Path

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment under a look at what it imports."""
        return subprocess.run(
            [self.bin / "python", "-X", "importtime", self.bin / command, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Released:
    """The packages as `make dist` builds them, installed by pip as a user does, without extras.

    What they ask for has the versions of the pins, so that a release of somebody else's does not
    decide on the test.
    """
    folder = tmp_path_factory.mktemp("released")
    dist, pins = folder / "dist", folder / "pins.txt"
    for package in PACKAGES:
        build = [PYTHON.with_name("uv"), "build", "--quiet", "--no-build-isolation"]
        build += ["--python", PYTHON, "--out-dir", dist, ROOT / package]
        subprocess.run(build, check=True)
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    pins.write_text(
        "\n".join(re.findall(r"^[^ #].*(?= \\$)", text, re.MULTILINE)), encoding="utf-8"
    )
    subprocess.run([PYTHON, "-m", "venv", folder / "venv"], check=True)
    place = folder / "venv" / "bin"
    install = [place / "pip", "install", "--quiet", "--constraint", pins, *dist.glob("*.whl")]
    subprocess.run(install, check=True)
    return Released(dist, place)


def test_a_wheel_and_a_source_distribution_of_each(released: Released) -> None:
    """The names are those under which the index has them free."""
    names = {re.sub(r"-\d.*?(?=-py3|\.tar)", "", path.name) for path in released.dist.glob("*.*")}

    assert names - {".gitignore"} == {
        *("tap_harvest_api-py3-none-any.whl", "tap_harvest_api.tar.gz"),
        *("target_harvest_sql-py3-none-any.whl", "target_harvest_sql.tar.gz"),
        *("harvest_report-py3-none-any.whl", "harvest_report.tar.gz"),
    }


def test_what_they_ask_for_fits_together(released: Released) -> None:
    """One environment holds them all."""
    done = subprocess.run(
        [released.bin / "pip", "check"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("command", PLUGINS)
@pytest.mark.parametrize(
    ("argument", "shown"), [("--version", "0."), ("--help", "--config"), ("--about", "Settings")]
)
def test_a_command_tells_of_itself_and_imports_no_more_than_it_must(
    released: Released, command: str, argument: str, shown: str
) -> None:
    """A question is answered at once, and no engine is loaded for it."""
    done = released.run(command, argument)

    imported = set(re.findall(r"^import time:.*\| *(\w+)$", done.stderr, re.MULTILINE))
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout
    assert "singer_sdk" in imported  # So that the look is one.
    assert imported & HEAVY == set()


def test_they_write_a_stream_into_a_file(released: Released, tmp_path: Path) -> None:
    """The target without extras has SQLite."""
    lines = (
        '{"type": "SCHEMA", "stream": "words", "key_properties": [], '
        '"schema": {"properties": {"word": {"type": "string"}}}}\n'
        '{"type": "RECORD", "stream": "words", "record": {"word": "calm"}}\n'
    )
    settings = tmp_path / "settings.json"
    settings.write_text(f'{{"sqlalchemy_url": "sqlite:///{tmp_path}/words.db"}}', encoding="utf-8")

    subprocess.run(
        [released.bin / "target-harvest-sql", "--config", settings],
        input=lines,
        text=True,
        check=True,
    )

    with closing(sqlite3.connect(tmp_path / "words.db")) as database:
        assert database.execute("SELECT word FROM words").fetchall() == [("calm",)]


@pytest.mark.parametrize(("argument", "shown"), [("--version", "0."), ("--help", "page")])
def test_the_report_tells_of_itself_and_imports_no_more_than_it_must(
    released: Released, argument: str, shown: str
) -> None:
    """No engine, and nothing that reads or makes a page."""
    done = released.run("harvest-report", argument)

    imported = set(re.findall(r"^import time:.*\| *(\w+)$", done.stderr, re.MULTILINE))
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout
    assert "click" in imported  # So that the look is one.
    assert imported & {*HEAVY, "jinja2", "sqlglot"} == set()


def test_the_report_makes_a_page(released: Released, tmp_path: Path) -> None:
    """The wheel holds its queries and templates; without extras there is SQLite."""
    with closing(sqlite3.connect(tmp_path / "warehouse.db")) as database:
        database.execute("CREATE TABLE time_entries (id INTEGER)")

    command = [released.bin / "harvest-report", "page", "--out", tmp_path / "page.html"]
    subprocess.run(command, cwd=tmp_path, check=True)

    assert "The table time_entries has no column" in (tmp_path / "page.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("url", "extra"),
    [
        ("postgresql://host/database", "postgres"),
        ("mariadb://host/database", "mysql"),
        ("mssql://host/database", "mssql"),
        ("duckdb:///here.duckdb", "duckdb"),
    ],
)
def test_the_report_names_the_extra_that_an_engine_needs(
    released: Released, tmp_path: Path, url: str, extra: str
) -> None:
    """In one line."""
    (tmp_path / "here.duckdb").touch()

    done = subprocess.run(
        [released.bin / "harvest-report", "page", "--database", url],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == (
        f"Error: The driver of this database is not installed. Install harvest-report[{extra}].\n"
    )
