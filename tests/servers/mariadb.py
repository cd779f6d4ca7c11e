"""A private MariaDB server on localhost, from the system's package."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

import pymysql

from servers import memory
from servers.not_installed import NotInstalledError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PATH: Final = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/bin"
USER: Final = """
CREATE USER tester@'%' IDENTIFIED BY 'p@ss/w%rd';
GRANT ALL ON *.* TO tester@'%' WITH GRANT OPTION;
"""
# The data lives as long as the tests, so that nothing need ever reach a disk.
SETTINGS: Final = {
    "bind-address": "127.0.0.1",
    "innodb-buffer-pool-size": "64M",
    "innodb-doublewrite": "0",
    "innodb-flush-log-at-trx-commit": "0",
    "innodb-log-file-size": "16M",
    "performance-schema": "0",
    "skip-log-bin": "1",
    "skip-name-resolve": "1",
}


@contextmanager
def mariadb_server(more: Mapping[str, str] | None = None) -> Iterator[str]:
    """Start a server. Yields its URL without a database, and stops it in the end.

    Args:
        more: Settings of the server beside those of all tests.

    Raises:
        NotInstalledError: If there is none to start.
    """
    server, _ = programs()
    with memory.folder("mariadb-") as folder:
        data = folder / "data"
        install_data(folder, data)
        (folder / "users.sql").write_text(USER)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings = {**SETTINGS, "init-file": str(folder / "users.sql"), **(more or {})}
        with running(server, folder, data, port, settings) as process:
            wait_until_ready(port, process, folder / "log")
            yield f"mariadb://tester:p%40ss%2Fw%25rd@127.0.0.1:{port}"


def programs() -> tuple[str, str]:
    """Find the program of the server and the one that creates data directories.

    Raises:
        NotInstalledError: If the system has them not.
    """
    server, install = (shutil.which(name, path=PATH) for name in ("mariadbd", "mariadb-install-db"))
    if server is None or install is None:
        raise NotInstalledError
    return server, install


def install_data(folder: Path, data: Path) -> list[str]:
    """Create a data directory. Returns the options that a server needs for it."""
    _, install = programs()
    # A server that starts removes the temporary tables of all others from a folder they share.
    own = [f"--datadir={data}", f"--tmpdir={folder}"]
    common = ["--no-defaults", *own, f"--user={getpass.getuser()}"]
    subprocess.run(
        [install, *common, "--auth-root-authentication-method=normal", "--skip-test-db"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return common


@contextmanager
def running(
    server: str, folder: Path, data: Path, port: int, settings: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server on a port, and kill it in the end. Its data is deleted anyway."""
    with (folder / "log").open("wb") as output:
        process = subprocess.Popen(
            [
                *(server, "--no-defaults", f"--datadir={data}", f"--tmpdir={folder}"),
                *(f"--user={getpass.getuser()}", f"--port={port}", f"--socket={folder / 'socket'}"),
                f"--pid-file={folder / 'pid'}",
                *(f"--{setting}={value}" for setting, value in settings.items()),
            ],
            stderr=output,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def wait_until_ready(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a server answers queries.

    Raises:
        RuntimeError: If it ends, or does not answer within a minute.
    """
    deadline = time.monotonic() + 60
    while True:
        try:
            with closing(
                pymysql.connect(host="127.0.0.1", port=port, user="tester", password=b"p@ss/w%rd")
            ) as connection:
                connection.cursor().execute("SELECT 1 FROM mysql.user")
        except pymysql.Error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text(errors="replace")) from None
            time.sleep(0.02)
        else:
            return
