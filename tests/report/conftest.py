"""Pages of the stand-in account, and how they are read."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, Final

import pytest
from click.testing import CliRunner

from fixtures.pipeline import Pipeline
from harvest_report.cli import main
from harvest_sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result

AS_OF: Final = "2026-06-30"
"""The day of the stand-in account's clock."""
STREAMS: Final = ("clients", "company", "invoices", "projects", "time_entries", "users")
VOID: Final = {"link", "meta", "rect", "line"}


class Shown(HTMLParser):
    """What a page says."""

    def __init__(self, html: str) -> None:
        """Read it."""
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        """The rows of each table by its caption, cells with bars left out."""
        self.told: dict[str, str] = {}
        """By section, what it says in place of tables."""
        self.tags: list[str] = []
        self.words: list[str] = []
        """All text, piece by piece."""
        self._open: list[tuple[str, dict[str, str | None]]] = []
        self._section = ""
        self._rows: list[list[str]] = []
        self._caption = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note where the text that follows stands."""
        given = dict(attrs)
        self.tags.append(tag)
        if tag not in VOID:
            self._open.append((tag, given))
        if tag == "section":
            self._section = given["id"] or ""
        elif tag == "table":
            self._rows, self._caption = [], ""
        elif tag == "tr":
            self._rows.append([])
        elif tag in {"th", "td"} and given.get("class") != "bar":
            self._rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        """Keep a table that is whole."""
        if tag in VOID:
            return
        assert self._open.pop()[0] == tag
        if tag == "table":
            self.tables[self._caption] = self._rows

    def handle_data(self, data: str) -> None:
        """Put text where it belongs."""
        path = [tag for tag, _ in self._open]
        if "style" in path:
            return
        self.words.append(data)
        if "caption" in path and "ul" not in path:
            self._caption += data.strip()
        elif path and path[-1] in {"th", "td"}:
            self._rows[-1][-1] += data
        elif self._open and self._open[-1][1].get("class") == "told":
            self.told[self._section] = data

    @property
    def text(self) -> str:
        """All text."""
        return " ".join(self.words)

    def figures(self, caption: str, names: int = 1) -> dict[tuple[str, ...], list[float]]:
        """The figures of a table: those of each row by its first cells, without the head."""
        return {
            tuple(row[:names]): [figure(cell) for cell in row[names:]]
            for row in self.tables[caption][1:]
        }


def figure(cell: str) -> Any:
    """The number that a cell shows; the cell itself if it shows none."""
    try:
        return float(cell.replace(",", "").removesuffix(" %"))
    except ValueError:
        return cell


def run(url: str, *arguments: str) -> Result:
    """Run `harvest-report page` on a database."""
    return CliRunner().invoke(main, ["page", "--database", url, *arguments])


@dataclass
class Made:
    """A page that the command wrote."""

    path: Path
    output: str
    html: str = field(init=False)

    def __post_init__(self) -> None:
        """Read the file."""
        self.html = self.path.read_text(encoding="utf-8")

    @property
    def shown(self) -> Shown:
        """What it says."""
        return Shown(self.html)


@pytest.fixture
def page(tmp_path: Path) -> Callable[..., Made]:
    """Makes pages: takes the URL of a database, and options."""

    def make(url: str, *arguments: str) -> Made:
        path = tmp_path / "page.html"
        done = run(url, "--as-of", AS_OF, "--out", str(path), *arguments)
        assert done.exit_code == 0, done.output
        return Made(path, done.output)

    return make


def sync(harvest: Sandbox, url: str, folder: Path) -> None:
    """Bring the account into a database, as the page needs it."""
    pipeline = Pipeline.between(harvest, url, folder)
    pipeline.streams = STREAMS
    pipeline.tap_config["reconcile_days"] = 0
    pipeline()
    assert pipeline.exit_codes == (0, 0), pipeline.errors


@pytest.fixture(scope="module")
def account() -> Iterator[Sandbox]:
    """An account that no test changes."""
    with Sandbox() as harvest:
        yield harvest


@pytest.fixture(scope="module")
def synced(account: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with that account, which no test changes."""
    folder = tmp_path_factory.mktemp("synced")
    sync(account, f"sqlite:///{folder}/account.db", folder)
    return folder / "account.db"


@dataclass(frozen=True)
class Copy:
    """A copy of that file, which a test may change."""

    path: Path

    @property
    def url(self) -> str:
        """As `--database` takes it."""
        return f"sqlite:///{self.path}"

    def run(self, statement: str, *values: Any) -> list[Any]:
        """Change it, or read it."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            return connection.execute(statement, values).fetchall()


@pytest.fixture
def copy(synced: Path, tmp_path: Path) -> Copy:
    """The account in a file of its own."""
    return Copy(shutil.copy(synced, tmp_path / "copy.db"))
