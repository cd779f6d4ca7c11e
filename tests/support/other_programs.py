"""Taps and targets of others, from the package index, each in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

FOLDER: Final = Path(sys.prefix) / "peers"
"""Where they are installed unless told otherwise; gone with our own environment."""
UV: Final = Path(sys.executable).with_name("uv")


def installed(program: str, *requirements: str, folder: Path = FOLDER) -> Path:
    """Where a program is; it is installed unless the folder has it from an earlier run.

    Args:
        program: Its name.
        requirements: Its package and what it needs besides, such as `target-jsonl==0.1.4`.
        folder: Where the environments are.

    Raises:
        CalledProcessError: It could not be had; with what uv said.
    """
    environment = folder.absolute() / "-".join(requirements).replace("==", "-")
    found = environment / "bin" / program
    if not found.exists():
        for arguments in (
            ("venv", "--clear", "--python", sys.executable, environment),
            ("pip", "install", "--python", environment / "bin" / "python", *requirements),
        ):
            subprocess.run(
                [UV, *arguments], check=True, capture_output=True, text=True, cwd=UV.parent
            )
    return found
