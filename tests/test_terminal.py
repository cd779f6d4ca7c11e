"""What a person sees at a terminal of 80 columns."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
BIN: Final = Path(sys.executable).parent
COLUMNS: Final = 80
COMMANDS: Final = ("tap-harvest", "target-harvest-sql")
FORM: Final = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"mine": {"()": "singer_sdk.logging.ConsoleFormatter", "fmt": "mine: {message}"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "mine"}},
    "root": {"level": "INFO", "handlers": ["stderr"]},
}
"""A log configuration of somebody's own."""


def logged(command: str, folder: Path, **variables: str) -> list[str]:
    """The lines that a command logs which cannot do what it is set to."""
    settings = folder / "settings.json"
    settings.write_text('{"access_token": 5, "sqlalchemy_url": "nowhere"}', encoding="utf-8")
    done = subprocess.run(
        [BIN / command, "--config", settings],
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    return done.stderr.splitlines()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_line_begins_with_time_and_level_alone(command: str, tmp_path: Path) -> None:
    """So that most of a terminal's line is left for the sentence."""
    first, *others = logged(command, tmp_path)

    moment = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    assert re.fullmatch(rf"{moment} INFO    {command} v\S+, Meltano SDK v\S+", first)
    assert others
    assert all(re.match(rf"{moment} (ERROR  |WARNING) \S", line) for line in others)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_log_configuration_decides_on_the_form_of_lines(command: str, tmp_path: Path) -> None:
    """Also where it uses what the SDK has for terminals."""
    configuration = tmp_path / "logging.yaml"
    configuration.write_text(json.dumps(FORM), encoding="utf-8")

    found = logged(command, tmp_path, SINGER_SDK_LOG_CONFIG=str(configuration))

    assert all(line.startswith("mine: ") for line in found)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_fits(command: str) -> None:
    """No line of it is broken by the terminal."""
    shown = subprocess.run(
        [BIN / command, "--help"], capture_output=True, text=True, check=True
    ).stdout

    assert max(map(len, shown.splitlines())) <= COLUMNS


def test_the_list_of_recipes_fits() -> None:
    """`make help` has a line for each."""
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert shown.startswith("make help")
    assert max(map(len, shown.splitlines())) <= COLUMNS
