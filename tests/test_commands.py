"""Commands that tests start: a forked one does what one of its own does."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from support import commands

if TYPE_CHECKING:
    from pathlib import Path

STARTS = [commands.run, subprocess.run]
LINES = """{"type":"SCHEMA","stream":"t","key_properties":[],"schema":{"properties":{"n":{}}}}
{"type":"RECORD","stream":"t","record":{"n":1}}
{"type":"STATE","value":{"at":1}}
"""
PIPES: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)


@pytest.mark.parametrize("program", [commands.TAP, commands.TARGET, commands.REPORT])
@pytest.mark.parametrize("argument", ["--help", "--version", "--nonsense"])
def test_a_forked_command_says_and_returns_the_same(program: Path, argument: str) -> None:
    """With the same arguments; both streams and the exit code."""
    forked, started = (
        start([program, argument], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for start in STARTS
    )

    assert (forked.stdout, forked.stderr) == (started.stdout, started.stderr)
    assert forked.returncode == started.returncode


def test_a_forked_command_has_the_folder_and_environment_that_are_given(tmp_path: Path) -> None:
    """And none of the variables of the tests."""
    (tmp_path / ".env").write_text("TARGET_HARVEST_SQL_SQLALCHEMY_URL=sqlite:///a.db\n")
    for variables, name in (
        ({}, "a.db"),
        ({"TARGET_HARVEST_SQL_SQLALCHEMY_URL": "sqlite:///b.db"}, "b.db"),
    ):
        arguments = [commands.TARGET, "--config=ENV"]
        ended = commands.run(arguments, input=LINES, text=True, cwd=tmp_path, env=variables)

        assert ended.returncode == 0, ended.stderr
        assert (tmp_path / name).exists()


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_a_forked_command_gets_signals(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """It is a process of its own, which ends alone."""
    variables = {"TARGET_HARVEST_SQL_SQLALCHEMY_URL": "sqlite:///a.db"}
    (tmp_path / "target.json").write_text('{"batch_size_rows": 1}')
    arguments = [commands.TARGET, "--config=ENV", "--config=target.json"]
    with commands.Command(arguments, cwd=tmp_path, env=variables, **PIPES) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(LINES.encode())
        process.stdin.flush()
        process.stdout.readline()  # It handles signals now.
        assert process.poll() is None
        os.kill(process.pid, number)

        assert process.wait(timeout=60) == code
    assert commands.run([commands.TARGET, "--version"]).returncode == 0


def test_a_forked_command_is_killed_when_its_time_is_over(tmp_path: Path) -> None:
    """It waits for a line that does not come."""
    reader, writer = os.pipe()
    variables = {"TARGET_HARVEST_SQL_SQLALCHEMY_URL": "sqlite:///a.db"}
    with os.fdopen(reader), os.fdopen(writer), pytest.raises(subprocess.TimeoutExpired):
        commands.run(
            [commands.TARGET, "--config=ENV"],
            stdin=reader,
            cwd=tmp_path,
            env=variables,
            timeout=0.3,
        )
