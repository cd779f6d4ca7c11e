"""Starts our commands as processes, but without the half second that each needs for its imports.

On Linux, a command is forked from a process that has imported it. It has its own standard streams,
folder, environment, signals and exit code, as any process has. Elsewhere it is started as usual.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from support import command_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

BIN: Final = Path(sys.executable).parent
TAP: Final = BIN / "tap-harvest"
TARGET: Final = BIN / "target-harvest-sql"
REPORT: Final = BIN / "harvest-report"
MELTANO: Final = BIN / "meltano"
FORKED: Final = {
    program for path in (TAP, TARGET, REPORT, MELTANO) for program in (path, str(path))
}


class Command(subprocess.Popen[bytes]):
    """A process of a command, started by `Popen` or forked.

    It overrides `Popen._execute_child`, which is not documented. No other way leaves pipes,
    `communicate` and signals to `Popen`.
    """

    _answers: socket.socket | None = None
    """Where the exit code of a forked process arrives; `None` if the process is not forked."""

    def _execute_child(self, args: Sequence[str | Path], *given: Any) -> None:
        if sys.platform != "linux" or args[0] not in FORKED:
            super()._execute_child(args, *given)  # type: ignore[misc] # It is not documented.
            return
        folder, variables, pipes = given[4], given[5], given[9:15]
        environment = dict(os.environ if variables is None else variables)
        request = {
            "arguments": [str(argument) for argument in args],
            "folder": os.path.abspath(folder or "."),  # noqa: PTH100 - of any kind of path.
            "environment": environment,
        }
        streams = pipes[0], pipes[3], pipes[5]
        server = _server(Path(args[0]).name, *_read_at_start(environment))
        self._answers, answers = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with answers:
            numbers = [own if own >= 0 else number for number, own in enumerate(streams)]
            sent = [*numbers, answers.fileno()]
            socket.send_fds(server, [json.dumps(request).encode()], sent)
        self.pid = int(self._answers.recv(16))
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined] # As above.

    def poll(self) -> int | None:
        """Return the exit code, or `None` if the process has not ended."""
        if self._answers and self.returncode is None:
            return self._ended(0)
        return super().poll()

    def wait(self, timeout: float | None = None) -> int:
        """Wait until the process has ended.

        Raises:
            TimeoutExpired: If it does not end within the seconds that are given.
        """
        if not self._answers or self.returncode is not None:
            return super().wait(timeout)
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def _ended(self, seconds: float | None) -> int | None:
        assert self._answers
        if not select.select([self._answers], [], [], seconds)[0]:
            return None
        self.returncode = int(self._answers.recv(16))
        self._answers.close()
        return self.returncode


def run(
    arguments: Sequence[str | Path],
    *,
    input: str | bytes | None = None,  # noqa: A002 - as `subprocess.run` calls it.
    timeout: float | None = None,
    check: bool = False,
    **options: Any,
) -> subprocess.CompletedProcess[Any]:
    """Run a command to its end, as `subprocess.run` does. Input, output and errors are pipes.

    Args:
        arguments: The command and its arguments.
        input: What is written to standard input.
        timeout: After how many seconds the process is killed.
        check: Whether an exit code other than 0 is an error.
        options: Options of `Popen`.

    Raises:
        CalledProcessError: If `check` is set, and the exit code is not 0.
        TimeoutExpired: If the process was killed after `timeout`.
    """
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with Command(arguments, **(pipes | options)) as process:
        try:
            # `communicate` is declared for bytes, and takes text if the options say so.
            output, errors = process.communicate(input, timeout)  # type: ignore[arg-type]
        except BaseException:
            process.kill()
            raise
    ended = subprocess.CompletedProcess(arguments, process.returncode, output, errors)
    if check:
        ended.check_returncode()
    return ended


def _read_at_start(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The variables that Python reads when it starts, and logging when it is imported."""
    for name, value in sorted(environment.items()):
        if name.startswith(("PYTHON", "LANG", "LC_", "SINGER_SDK_LOG")) or "LOGLEVEL" in name:
            yield name, value


@cache
def _server(name: str, *variables: tuple[str, str]) -> socket.socket:
    """Start the process that imports a command; returns the socket that takes requests."""
    others = dict(os.environ.items() - dict(_read_at_start(os.environ)).items())
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", command_server.__file__, name, str(theirs.fileno())],
            stdin=subprocess.PIPE,  # Python remembers whether a stream can be rewound.
            stdout=subprocess.PIPE,
            env=others | dict(variables),
            pass_fds=[theirs.fileno()],
        )
    atexit.register(process.communicate)
    atexit.register(ours.close)
    return ours
