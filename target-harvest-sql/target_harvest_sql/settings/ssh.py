"""The settings of an SSH server through which the database is reached."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from singer_sdk.exceptions import ConfigValidationError

from target_harvest_sql.settings.private_files import KNOWN_HOSTS
from target_harvest_sql.tunnel import Tunnel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy.engine import URL

    from target_harvest_sql.settings.private_files import PrivateFiles

SSH_SETTINGS: Final = ("ssh_host", "ssh_port", "ssh_user", "ssh_private_key", "ssh_known_hosts")

PORTS: Final[Mapping[str, int]] = {
    "mariadb": 3306,
    "mssql": 1433,
    "mysql": 3306,
    "postgresql": 5432,
}
"""The usual ports of servers, by dialect."""


def faults(url: URL, settings: Mapping[str, Any]) -> Iterator[str]:
    """Say what is wrong with the settings of SSH.

    Args:
        url: The URL of the database.
        settings: All settings by name.
    """
    given = [name for name in SSH_SETTINGS if settings.get(name) is not None]
    if not given:
        return
    host = settings.get("ssh_host")
    if host is None:
        yield f"`{given[0]}` is set without `ssh_host`. Set that, or leave both out."
    elif host != host.strip() or host.startswith("-"):
        yield "`ssh_host` begins with a sign or a space that no host has. Take it out."
    if url.get_backend_name() not in PORTS:
        yield f"`ssh_host` is set, and {url.get_backend_name()} has no server. Leave it out."
    elif not url.host or "," in url.host or "host" in url.query:
        yield "`ssh_host` needs one host of the database, as the SSH server sees it. Name one."


def tunnel(url: URL, settings: Mapping[str, Any], files: PrivateFiles) -> Tunnel | None:
    """Make the tunnel to the host of a URL; none if none is set.

    Raises:
        ConfigValidationError: If the settings cannot be right.
    """
    if wrong := list(faults(url, settings)):
        raise ConfigValidationError(wrong[0], errors=wrong)
    if settings.get("ssh_host") is None:
        return None
    arguments = []
    if port := settings.get("ssh_port"):
        arguments += ["-p", str(port)]
    if user := settings.get("ssh_user"):
        arguments += ["-l", user]
    if key := settings.get("ssh_private_key"):
        path = _quoted("ssh_private_key", files.path("ssh_private_key", key))
        arguments += ["-o", f"IdentityFile={path}", "-o", "IdentitiesOnly=yes"]
    if known := settings.get("ssh_known_hosts"):
        path = _quoted("ssh_known_hosts", files.path("ssh_known_hosts", known, KNOWN_HOSTS))
        arguments += ["-o", f"UserKnownHostsFile={path}", "-o", "GlobalKnownHostsFile=none"]
    port = url.port or PORTS[url.get_backend_name()]
    return Tunnel(settings["ssh_host"], arguments, (str(url.host), port))


def _quoted(setting: str, path: str) -> str:
    """Write a path as the value of an option of `ssh`.

    OpenBSD manual, "ssh_config(5)": https://man.openbsd.org/ssh_config.

    Args:
        setting: The setting that gave the path, for the error.
        path: The path.

    Raises:
        ConfigValidationError: If `ssh` would read a variable in it.
    """
    # Not relative: `ssh` reads ~ at the beginning as a home.
    path = str(Path(path).absolute())
    if "${" in path:
        sentence = (
            f"`{setting}` leads to a file whose path has `${{`, which ssh reads as a variable. "
            "Rename the folder or the file. A text is kept in the folder that TMPDIR names."
        )
        raise ConfigValidationError(sentence, errors=[sentence])
    escaped = re.sub(r'(["\\])', r"\\\1", path).replace("%", "%%")
    return f'"{escaped}"'
