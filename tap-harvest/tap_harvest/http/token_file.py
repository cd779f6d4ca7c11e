"""Writes a refresh token that Harvest replaced into the settings file, for the next run."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Raw

if TYPE_CHECKING:
    from collections.abc import Iterable

SETTING = "refresh_token"
VARIABLE = "TAP_HARVEST_REFRESH_TOKEN"

logger = logging.getLogger("tap-harvest.sign-in")

_members_of = msgspec.json.Decoder(dict[str, Raw]).decode


def keep_refresh_token(sources: Iterable[str], old: str, new: str) -> None:
    """Replace the refresh token in the settings file that it came from; warn where that fails.

    Args:
        sources: The values of `--config`, in order: paths, and `ENV` for the environment.
        old: The token that Harvest replaced.
        new: The one to use from now on.
    """
    names = set(sources)
    files = [Path(name) for name in sources if name != "ENV"]
    if "ENV" in names and os.getenv(VARIABLE):
        reason = f"{VARIABLE} is set, and the tap cannot change it for the next run"
    elif os.getenv("MELTANO_EXTRACTOR_NAME"):
        reason = "Meltano writes the settings file anew for each run"
    else:
        try:
            file = _replace(files, old, new)
        except (OSError, ValueError) as error:
            reason = str(error)
        else:
            if file is not None:
                logger.info("Harvest replaced the refresh token: it is kept in %s", file)
                return
            reason = "no settings file holds the old one"
    logger.warning(
        "Harvest replaced the refresh token, and the new one could not be kept (%s), so the next "
        "run may not be able to sign in. Sign in to Harvest anew and set `%s`, in a file of your "
        "own that `--config` names and that the tap may write.",
        reason,
        SETTING,
    )


def _replace(files: list[Path], old: str, new: str) -> Path | None:
    """Replace the token in the last file that sets it; the last one counts.

    Returns:
        The file; `None` if no file has the old token, because it was changed meanwhile.

    Raises:
        OSError: The file cannot be read or written.
        ValueError: It is no longer a JSON object.
    """
    for file in reversed(files):
        members = _members_of(file.read_bytes())
        if SETTING in members:
            if msgspec.json.decode(members[SETTING]) != old:
                break
            members[SETTING] = Raw(msgspec.json.encode(new))
            text = msgspec.json.format(msgspec.json.encode(members), indent=2)
            _write_whole(file.resolve(), text + b"\n")
            return file
    return None


def _write_whole(file: Path, content: bytes) -> None:
    """Replace the content of a file in one step; owner and permissions stay."""
    with file.open("r+b"):
        pass  # Raises if the file may not be written. Then it may not be replaced either.
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as beside:
            beside.write(content)
            beside.flush()
            os.fsync(beside.fileno())
        shutil.copymode(file, name)
        if hasattr(os, "chown"):
            owner = file.stat()
            with contextlib.suppress(PermissionError):  # Only root gives files away.
                os.chown(name, owner.st_uid, owner.st_gid)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
