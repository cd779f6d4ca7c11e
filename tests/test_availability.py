"""Tests of a server that nobody named are left out; those of one that was named are not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
NAMED: Final = "mysql://root@127.0.0.1:1"
"""A URL at which nothing answers."""


@pytest.mark.parametrize(
    ("url", "code", "told"),
    [
        ("", pytest.ExitCode.NO_TESTS_COLLECTED, "MySQL (set TARGET_TEST_MYSQL_URL)"),
        (NAMED, pytest.ExitCode.TESTS_FAILED, "OperationalError"),
    ],
    ids=["not named", "named"],
)
def test_only_a_server_that_nobody_named_is_left_out(
    url: str, code: pytest.ExitCode, told: str
) -> None:
    """The first lines say how to name it; a server that cannot be reached is an error."""
    tests = "tests/target/test_target_batch_files.py"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", tests, "-k", "mysql"],
        cwd=ROOT,
        env=os.environ | {"TARGET_TEST_MYSQL_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == code, done.stdout
    assert told in done.stdout
    assert "skipped" not in done.stdout
