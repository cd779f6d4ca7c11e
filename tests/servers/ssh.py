"""A private SSH server on localhost with one user, who has a key."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from servers.not_installed import NotInstalledError

if TYPE_CHECKING:
    from collections.abc import Iterator

START_SECONDS: Final = 30
PATHS: Final = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"


@dataclass(frozen=True)
class SSHServer:
    """A running server."""

    port: int
    key: str
    """The private key of the user, as text."""
    known_hosts: str
    """The server's own key, as `ssh-keyscan` prints it."""
    log: Path

    @property
    def settings(self) -> dict[str, str | int]:
        """The settings of the target."""
        return {
            "ssh_host": "127.0.0.1",
            "ssh_port": self.port,
            "ssh_user": getpass.getuser(),
            "ssh_private_key": self.key,
            "ssh_known_hosts": self.known_hosts,
        }


def sshd() -> str:
    """Find the server.

    Raises:
        NotInstalledError: There is no `sshd` or no `ssh`.
    """
    program = shutil.which("sshd", path=PATHS)
    if program is None or shutil.which("ssh") is None:
        raise NotInstalledError
    return program


@contextmanager
def ssh_server() -> Iterator[SSHServer]:
    """Start a server. It stops at the end of the context.

    Raises:
        NotInstalledError: There is no `sshd` or no `ssh`.
    """
    program = sshd()
    with tempfile.TemporaryDirectory(prefix="ssh-") as name:
        folder = Path(name)
        for key in ("host", "user"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key]
            subprocess.run(command, check=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # The server wants it to be there.
        options = {
            "AuthorizedKeysFile": folder / "user.pub",
            "HostKey": folder / "host",
            "ListenAddress": "127.0.0.1",
            "PasswordAuthentication": "no",
            "PermitRootLogin": "prohibit-password",
            "PidFile": "none",
            "Port": port,
            "StrictModes": "no",
            "UsePAM": "no",
        }
        config = folder / "config"
        config.write_text("".join(f"{name} {value}\n" for name, value in options.items()))
        public = (folder / "host.pub").read_text().split()
        log = folder / "log"
        with log.open("wb") as said:
            server = subprocess.Popen([program, "-D", "-e", "-f", config], stderr=said)
        try:
            _wait(port, server, log)
            known = f"[127.0.0.1]:{port} {public[0]} {public[1]}"
            yield SSHServer(port, (folder / "user").read_text(), known, log)
        finally:
            server.terminate()
            server.wait()


def _wait(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(log.read_text(errors="replace"))
