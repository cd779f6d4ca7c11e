"""What a person sees at a terminal of 80 columns, or of 120."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Final

import pytest

from chaos.__main__ import HEAD, line
from support import commands

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
    done = commands.run(
        [BIN / command, "--config", settings], env=os.environ | variables, text=True
    )
    assert done.returncode == 1
    return done.stderr.splitlines()


def shown_in(command: str, folder: Path, columns: int) -> list[str]:
    """The same lines, as a terminal of so many columns gets them."""
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with os.fdopen(end, "wb") as standard_error:
        subprocess.run(
            [BIN / command, "--config", folder / "settings.json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=standard_error,
            check=False,
        )
        shown = os.read(terminal, 100_000)
    os.close(terminal)
    return shown.decode().splitlines()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_line_begins_with_time_and_level_alone(command: str, tmp_path: Path) -> None:
    """So that most of a terminal's line is left for the sentence."""
    first, *others = logged(command, tmp_path)

    moment = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    assert re.fullmatch(rf"{moment} INFO    {command} v\S+, Meltano SDK v\S+", first)
    assert others
    assert all(re.match(rf"{moment} (ERROR  |WARNING) \S", line) for line in others)


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_sentence_goes_on_below_itself(command: str, columns: int, tmp_path: Path) -> None:
    """At a terminal, which would break it in the middle of a word."""
    whole = logged(command, tmp_path)

    lines = shown_in(command, tmp_path, columns)

    assert len(lines) > len(whole)
    assert max(map(len, lines)) <= columns
    begins = " " * len("2031-04-09 16:20:05 WARNING ")
    joined = re.sub(rf"\n{begins}", " ", "\n".join(lines))
    assert [line[20:] for line in joined.splitlines()] == [line[20:] for line in whole]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_log_configuration_decides_on_the_form_of_lines(command: str, tmp_path: Path) -> None:
    """Also where it uses what the SDK has for terminals."""
    configuration = tmp_path / "logging.yaml"
    configuration.write_text(json.dumps(FORM), encoding="utf-8")

    found = logged(command, tmp_path, SINGER_SDK_LOG_CONFIG=str(configuration))

    assert all(line.startswith("mine: ") for line in found)


def test_a_target_without_a_tap_says_what_it_waits_for(tmp_path: Path) -> None:
    """It reads the terminal, where nobody would guess that."""
    terminal, end = pty.openpty()
    os.write(terminal, b"\x04")  # Ctrl+D.
    with os.fdopen(end, "rb") as standard_input:
        done = subprocess.run(
            [BIN / "target-harvest-sql"],
            cwd=tmp_path,
            stdin=standard_input,
            capture_output=True,
            text=True,
            check=False,
        )
    os.close(terminal)

    assert done.returncode == 0
    assert "read from this terminal, until Ctrl+D" in done.stderr.splitlines()[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_fits(command: str) -> None:
    """No line of it is broken by the terminal."""
    shown = commands.run([BIN / command, "--help"], text=True, check=True).stdout

    assert max(map(len, shown.splitlines())) <= COLUMNS


@pytest.mark.parametrize("recipe", ["benchmarks", "chaos"])
def test_the_help_of_a_recipe_fits(recipe: str) -> None:
    """As the commands' own."""
    shown = subprocess.run(
        [sys.executable, "-m", recipe, "--help"],
        env=os.environ | {"PYTHONPATH": str(ROOT / "tests"), "COLUMNS": str(COLUMNS)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert max(map(len, shown.splitlines())) <= COLUMNS


def test_the_table_of_the_soak_fits() -> None:
    """With its widest name, and figures as wide as their heads."""
    assert len(line(HEAD)) <= COLUMNS
    assert len(line(("postgres", *HEAD[1:]))) == len(line(HEAD))


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


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux has such a file.")
@pytest.mark.parametrize(
    "arguments",
    [
        *([command, "--help"] for command in (*COMMANDS, "harvest-report")),
        *([command, "--version"] for command in (*COMMANDS, "harvest-report")),
        *([command, "--about"] for command in COMMANDS),
        *([command, "--about", "--format=json"] for command in COMMANDS),
        ["harvest-report", "page", "--help"],
        ["harvest-report", "sql"],
    ],
    ids=" ".join,
)
def test_a_full_disk_is_one_line(arguments: list[str]) -> None:
    """The exit code says that the output is not there."""
    with Path("/dev/full").open("w") as full:
        command, *options = arguments
        done = subprocess.run(
            [BIN / command, *options],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 1
    assert "Standard output cannot be written" in done.stderr
    assert "No space left on device" in done.stderr
    assert len(done.stderr.splitlines()) == 1
