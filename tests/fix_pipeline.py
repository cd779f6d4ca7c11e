"""The two commands joined by a pipe, as any Singer runner does it, state carried on."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fix_databases import Database
from tap_harvest.tap import TapHarvest

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import Popen

    from harvest_sandbox import Sandbox

BIN = Path(sys.executable).parent
TIMEOUT_SECONDS = 120


@dataclass
class Pipeline:
    """`tap-harvest | target-harvest-sql`, or another of the two; call it to sync."""

    folder: Path
    tap_config: dict[str, Any]
    target_config: dict[str, Any]
    tap: Path = BIN / "tap-harvest"
    target: Path = BIN / "target-harvest-sql"
    streams: tuple[str, ...] = ()
    """The streams that are selected; all of them if none is named."""
    catalog: dict[str, Any] | None = None
    """What the tap is to read; everything, if there is none."""
    state: dict[str, Any] | None = None
    """The last state that the target printed, in whichever run; what the next run starts from."""
    exit_codes: tuple[int, int] = (0, 0)
    """Of the tap and of the target in the last run."""
    errors: str = ""
    """What both wrote to standard error in the last run."""
    states: list[dict[str, Any]] = field(default_factory=list)
    """Every state of the last run, in order."""

    @classmethod
    def between(cls, harvest: Sandbox, url: str, folder: Path) -> Pipeline:
        """A pipeline from a stand-in account into a database; its files go into the folder."""
        return cls(
            folder=folder,
            tap_config={
                "access_token": harvest.token,
                "account_id": harvest.account_id,
                "api_url": harvest.api_url,
                "identity_url": harvest.identity_url,
                "report_start_date": "2026-05-01",
            },
            target_config={
                "sqlalchemy_url": url,
                "flattening_enabled": True,
                "flattening_max_depth": 1,
            },
        )

    @property
    def database(self) -> Database:
        """Where the rows go."""
        url = self.target_config["sqlalchemy_url"]
        engine = url.partition(":")[0]
        return Database({"postgresql": "postgres"}.get(engine, engine), url)

    def __call__(
        self, started: Callable[[Popen[bytes], Popen[bytes]], object] | None = None
    ) -> None:
        """Sync once; `started` is given the tap and the target.

        Raises:
            TimeoutExpired: One of the two did not end.
        """
        target_command: list[str | Path] = [
            self.target,
            "--config",
            self._write("target.json", self.target_config),
        ]
        with (self.folder / "errors.log").open("w+b") as errors:
            with (
                subprocess.Popen(self.tap_command(), stdout=subprocess.PIPE, stderr=errors) as tap,
                subprocess.Popen(
                    target_command, stdin=tap.stdout, stdout=subprocess.PIPE, stderr=errors
                ) as target,
            ):
                assert tap.stdout is not None
                # The target alone holds the end of the pipe, so that the tap sees it die.
                tap.stdout.close()
                if started:
                    started(tap, target)
                try:
                    printed, _ = target.communicate(timeout=TIMEOUT_SECONDS)
                    tap.wait(TIMEOUT_SECONDS)
                except subprocess.TimeoutExpired:
                    tap.kill()
                    target.kill()
                    raise
            errors.seek(0)
            self.errors = errors.read().decode()
        self.exit_codes = (tap.returncode, target.returncode)
        # A killed target may leave half a line; a runner ignores it as well.
        lines = printed.decode().split("\n")[:-1]
        self.states = [json.loads(line) for line in lines]
        if self.states:
            self.state = self.states[-1]

    def tap_command(self) -> list[str | Path]:
        """What runs the tap; its files are written."""
        command: list[str | Path] = [
            self.tap,
            "--config",
            self._write("tap.json", self.tap_config),
        ]
        if self.streams:
            command += ["--catalog", self._write("catalog.json", selecting(*self.streams))]
        if self.catalog is not None:
            command += ["--catalog", self._write("catalog.json", self.catalog)]
        if self.state is not None:
            command += ["--state", self._write("state.json", self.state)]
        return command

    def _write(self, name: str, content: dict[str, Any]) -> Path:
        path = self.folder / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return path


def selecting(*streams: str) -> dict[str, Any]:
    """A catalog in which only these streams are selected."""
    catalog = TapHarvest(validate_config=False, config={}).catalog_dict
    for entry in catalog["streams"]:
        for item in entry["metadata"]:
            if not item["breadcrumb"]:
                item["metadata"]["selected"] = entry["tap_stream_id"] in streams
    return catalog


@pytest.fixture
def pipeline(harvest: Sandbox, tmp_path: Path) -> Pipeline:
    """A pipeline from the stand-in account into an SQLite file."""
    return Pipeline.between(harvest, f"sqlite:///{tmp_path / 'harvest.db'}", tmp_path)
