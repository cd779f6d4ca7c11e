"""Other targets, each in an environment of its own, with the settings that it cannot do without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.engine import URL, make_url

from benchmarks.programs import write
from support.other_programs import installed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.programs import Command


@dataclass(frozen=True)
class Peer:
    """A target of others, and what ours is to reach beside it."""

    package: str
    version: str
    program: str
    engine: str
    """The database of ours that it is compared with."""
    aim: float
    """How many times as fast ours is to be, at least."""
    settings: Callable[[URL, Path], dict[str, Any]]
    """Its settings, for a database and a folder for files."""

    @property
    def title(self) -> str:
        """How the tables call it."""
        return f"{self.package} {self.version}"

    def install(self, folder: Path) -> None:
        """Install it, unless the folder has it from an earlier run.

        Raises:
            CalledProcessError: It could not be had; with what uv said.
        """
        self._installed(folder)

    def command(self, folder: Path, url: str, files: Path) -> Command:
        """What runs it.

        Args:
            folder: Where it is installed.
            url: An empty database, of the engine that it is compared on.
            files: Where its files go.
        """
        settings = self.settings(make_url(url), files)
        config = write(files / f"{self.package}.json", settings)
        return [self._installed(folder), "--config", config]

    def _installed(self, folder: Path) -> Path:
        return installed(self.program, f"{self.package}=={self.version}", folder=folder)


def _meltanolabs(url: URL, files: Path) -> dict[str, Any]:
    del files
    driver = url.set(drivername="postgresql+psycopg")
    return {"sqlalchemy_url": driver.render_as_string(hide_password=False)}


def _pipelinewise(url: URL, files: Path) -> dict[str, Any]:
    del files
    return {
        "host": url.host,
        "port": url.port,
        "user": url.username,
        "password": url.password,
        "dbname": url.database,
        "default_target_schema": "public",
    }


def _duckdb(url: URL, files: Path) -> dict[str, Any]:
    del files
    return {"path": url.database, "default_target_schema": "main"}


def _jsonl(url: URL, files: Path) -> dict[str, Any]:
    del url
    for old in files.glob("time_entries*.jsonl"):
        old.unlink()
    return {"destination_path": str(files)}


PEERS: Final = (
    Peer("meltanolabs-target-postgres", "0.8.1", "target-postgres", "PostgreSQL", 20, _meltanolabs),
    Peer(
        "pipelinewise-target-postgres", "2.1.2", "target-postgres", "PostgreSQL", 8, _pipelinewise
    ),
    Peer("target-duckdb", "0.8.0", "target-duckdb", "DuckDB", 8, _duckdb),
    Peer("target-jsonl", "0.1.4", "target-jsonl", "SQLite", 11, _jsonl),
)
