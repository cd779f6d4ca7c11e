"""Runs the target in this process, or as the command that users run."""

from __future__ import annotations

import fcntl
import io
import json
import mmap
import os
import select
import struct
import subprocess
import tempfile
import termios
import time
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

from support import commands
from target_harvest_sql.target import TargetHarvestSQL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from fixtures.databases import Database

HANG_SECONDS: Final = 120
"""After this time a command counts as hanging. A busy machine may need a large part of it."""


def schema(stream: str, keys: Iterable[str] = ("id",), **properties: Any) -> dict[str, Any]:
    """Return a SCHEMA message. A property given as text is a nullable one of that type."""
    return {
        "type": "SCHEMA",
        "stream": stream,
        "key_properties": list(keys),
        "schema": {
            "type": "object",
            "properties": {
                name: {"type": [of, "null"]} if isinstance(of, str) else of
                for name, of in properties.items()
            },
        },
    }


def record(stream: str, version: int | None = None, /, **values: Any) -> dict[str, Any]:
    """Return a RECORD message."""
    message: dict[str, Any] = {"type": "RECORD", "stream": stream, "record": values}
    return message if version is None else {**message, "version": version}


def state(**value: Any) -> dict[str, Any]:
    """Return a STATE message."""
    return {"type": "STATE", "value": value}


def activate(stream: str, version: int) -> dict[str, Any]:
    """Return an ACTIVATE_VERSION message."""
    return {"type": "ACTIVATE_VERSION", "stream": stream, "version": version}


def lines(messages: Iterable[Mapping[str, Any] | str]) -> str:
    """Return messages as lines of JSON. Text is not changed."""
    return "".join(f"{m if isinstance(m, str) else json.dumps(m)}\n" for m in messages)


def write(database: Database, /, *messages: Mapping[str, Any] | str, **config: Any) -> list[str]:
    """Run the target in this process. Returns the states that it printed."""
    target = TargetHarvestSQL(
        config={"sqlalchemy_url": database.url, **database.settings, **config}
    )
    with redirect_stdout(io.StringIO()) as printed:
        try:
            target.listen(io.StringIO(lines(messages)))
        finally:
            target.close()
    return printed.getvalue().splitlines()


@dataclass(frozen=True)
class Ended:
    """The exit code, states and errors of a command."""

    exit_code: int
    states: list[str]
    errors: str

    @property
    def error(self) -> str:
        """The only line of level ERROR."""
        found = [line for line in self.errors.splitlines() if " ERROR " in line]
        assert len(found) == 1, self.errors
        return found[0].split(" ERROR ", 1)[1].strip()


def command(database: Database, folder: Path, /, **config: Any) -> list[str]:
    """Write a configuration file. Returns the command that a user types."""
    path = folder / "target.json"
    settings = {"sqlalchemy_url": database.url, **database.settings, **config}
    path.write_text(json.dumps(settings), encoding="utf-8")
    return [str(commands.TARGET), "--config", str(path)]


def run(
    database: Database, folder: Path, /, *messages: Mapping[str, Any] | str, **config: Any
) -> Ended:
    """Run the command with messages on its standard input."""
    ended = commands.run(
        command(database, folder, **config), input=lines(messages).encode(), timeout=HANG_SECONDS
    )
    return Ended(ended.returncode, ended.stdout.decode().splitlines(), ended.stderr.decode())


class Fed:
    """The command with its standard input held open."""

    def __init__(self, arguments: list[str]) -> None:
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the fixture.
        self.process = commands.Command(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,  # A file, which is never full.
            bufsize=0,  # What is waiting can be seen in the pipe, not in a buffer of ours.
        )
        assert self.process.stdin
        assert self.process.stdout
        self.stdin: IO[bytes] = self.process.stdin
        self.stdout: IO[bytes] = self.process.stdout

    def feed(self, *messages: dict[str, Any]) -> None:
        """Write messages, and wait until the command has read them."""
        self.stdin.write(lines(messages).encode())
        deadline = time.monotonic() + HANG_SECONDS
        while self._unread() and time.monotonic() < deadline:
            time.sleep(0.01)

    def _unread(self) -> int:
        return _bytes_in(self.stdin)

    def is_full(self) -> bool:
        """Whether the pipe to the command takes no further page."""
        return self._unread() > fcntl.fcntl(self.stdin, fcntl.F_GETPIPE_SZ) - mmap.PAGESIZE

    def next_state(self) -> Any:
        """Wait for the next state. Returns it."""
        assert select.select([self.stdout], [], [], HANG_SECONDS)[0], "no state came out"
        return json.loads(self.stdout.readline())

    def wait_until_it_cannot_write(self) -> None:
        """Wait until the output is full of states that nobody reads."""
        size = fcntl.fcntl(self.stdout, fcntl.F_GETPIPE_SZ)
        deadline = time.monotonic() + HANG_SECONDS
        while _bytes_in(self.stdout) < size:
            assert time.monotonic() < deadline, "the pipe did not fill"
            time.sleep(0.01)

    def said(self) -> bytes:
        """Return the standard error until now."""
        return os.pread(self.errors.fileno(), 1 << 20, 0)

    def end(self, signal_number: int = 0) -> tuple[int, bytes, bytes]:
        """Send a signal, if any, and wait. Returns the exit code, output and errors."""
        if signal_number:
            self.process.send_signal(signal_number)
            self.process.wait(timeout=HANG_SECONDS)
        printed, _ = self.process.communicate(timeout=HANG_SECONDS)
        return self.process.returncode, printed, self.said()


def _bytes_in(pipe: IO[bytes]) -> int:
    """Return how many bytes are in a pipe."""
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0]  # type: ignore[no-any-return]
