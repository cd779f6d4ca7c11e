"""Installs taps and targets of other authors, each in its own virtual environment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

FOLDER: Final = Path(sys.prefix) / "peers"
"""The default folder of these environments. It is a part of our own environment."""
UV: Final = Path(sys.executable).with_name("uv")


def installed(program: str, *requirements: str, folder: Path = FOLDER) -> Path:
    """Return the path of a program. It is installed if it is not in the folder yet.

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
