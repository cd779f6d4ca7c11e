"""A way to the database through an SSH server, by the `ssh` of the system.

Each connection to the database has an `ssh -W` of its own, whose input and output are the
connection. So there is no port to choose for another program, a connection that is lost is opened
again like any other, and no `ssh` stays behind when the target ends in whatever way.

OpenBSD manual, "ssh(1)": https://man.openbsd.org/ssh.
"""

from __future__ import annotations

import socket
import subprocess
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

SECONDS: Final = 20
"""How long `ssh` may take to connect: less than drivers wait for a connection."""

CONSEQUENCE: Final = "stdio forwarding failed"
"""What `ssh` says after the reason."""

END_SECONDS: Final = 5
"""How long an `ssh` may take to end after its connection has failed."""

LOCALHOST: Final = "127.0.0.1"


class TunnelError(Exception):
    """`ssh` is missing, or cannot reach the SSH server or the database; says what `ssh` said."""


class Tunnel:
    """A way to the database, of which each session takes a port of its own.

    Args:
        host: Name or address of the SSH server, or a name of the user's SSH configuration.
        arguments: Further arguments of `ssh`.
        database: Host and port of the database, as the SSH server sees them.
    """

    def __init__(self, host: str, arguments: Sequence[str], database: tuple[str, int]) -> None:
        self._host = host
        name, port = database
        place = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
        self._command = [
            "ssh",
            *("-o", "BatchMode=yes", "-o", f"ConnectTimeout={SECONDS}", "-o", "LogLevel=INFO"),
            *("-o", "ServerAliveInterval=15", "-o", "StrictHostKeyChecking=yes", "-T"),
            *(*arguments, "-W", place, "--", host),
        ]
        self._forwards: list[PortForward] = []

    def forward(self) -> PortForward:
        """Make the port of one session; it is closed with the tunnel."""
        self._forwards.append(PortForward(self._host, self._command))
        return self._forwards[-1]

    def close(self) -> None:
        """End all connections."""
        for forward in self._forwards:
            forward.close()


class PortForward:
    """A port of this machine whose connections are passed on, each by an `ssh` of its own.

    It belongs to one session, so that no other session's failure is taken for its own.

    Args:
        host: The SSH server, for errors.
        command: What is run for each connection.
    """

    def __init__(self, host: str, command: Sequence[str]) -> None:
        self.host = host
        self._command = command
        self._listener: socket.socket | None = None
        self._running: list[subprocess.Popen[bytes]] = []
        self._followers: list[threading.Thread] = []
        self._said = ""

    def open(self) -> int:
        """Accept connections; gives the port."""
        if self._listener is None:
            self._listener = socket.create_server((LOCALHOST, 0))
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        self._said = ""
        port: int = self._listener.getsockname()[1]
        return port

    def check(self) -> None:
        """Look for the reason after the session's connection to the database has failed.

        Raises:
            TunnelError: If `ssh` failed.
        """
        # The last one: a driver may try more than one connection.
        for follower in self._followers[-1:]:
            follower.join(END_SECONDS)
        if self._said:
            raise TunnelError(self._said)

    def close(self) -> None:
        """End all connections."""
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for process in [*self._running]:
            process.terminate()
        for follower in [*self._followers]:
            follower.join(END_SECONDS)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # It was closed.
                return
            with connection:
                try:
                    process = subprocess.Popen(  # noqa: S603 - no shell, and the user's settings.
                        self._command,
                        stdin=connection.fileno(),
                        stdout=connection.fileno(),
                        stderr=subprocess.PIPE,
                        # Ctrl+C goes to all of the group: the target still writes what it has read.
                        start_new_session=True,
                    )
                except OSError as error:
                    self._said = f"the program `ssh` cannot be started: {error.strerror}"
                    continue
                # Before it is closed here: the driver must not see its end before `check` can.
                self._running.append(process)
                follower = threading.Thread(target=self._follow, args=(process,), daemon=True)
                self._followers.append(follower)
                follower.start()

    def _follow(self, process: subprocess.Popen[bytes]) -> None:
        """Keep what a process says when it fails, until it ends."""
        _, said = process.communicate()
        if process.returncode > 0:
            lines = [line.strip() for line in said.decode(errors="replace").splitlines()]
            # The server's banner comes before the reason.
            reasons = [line for line in lines if line and line != CONSEQUENCE]
            self._said = reasons[-1].rstrip(".") if reasons else "`ssh` ended without a word"
        self._running.remove(process)
        self._followers.remove(threading.current_thread())
