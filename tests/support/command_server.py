"""Imports a command once, and runs it in forked processes when `support.commands` asks for it.

Usage: `python -P command_server.py COMMAND DESCRIPTOR`, where the descriptor is that of a socket.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import socket
import sys
import tempfile
import time
from importlib.metadata import entry_points
from typing import Any, Final, NoReturn

MAX_REQUEST_BYTES: Final = 1 << 20
ALSO_IMPORTED: Final = {
    # Not DuckDB: it would complain at the end of each process, as its objects are frozen here.
    "target-harvest-sql": [
        f"target_harvest_sql.drivers.{name}" for name in ("mysql", "postgres", "sqlite")
    ],
}
"""What a command imports only when it runs."""


def serve(requests: socket.socket) -> None:
    """Fork a process for each request. Returns in each of these processes, and nowhere else.

    A request is a JSON object with the items `arguments`, `folder` and `environment`. With it come
    the descriptors of standard input, output and error, and of a socket. To this socket the number
    of the process is written, and its exit code when it has ended, as `Popen.returncode` has it.
    """
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, MAX_REQUEST_BYTES, 4)
        if not message:
            os._exit(0)  # The tests have ended.
        *streams, answers = descriptors
        if not os.fork():
            requests.close()
            _start(json.loads(message), streams, answers)
            return
        for descriptor in descriptors:
            os.close(descriptor)
        _reap()


def _start(request: dict[str, Any], streams: list[int], answers: int) -> None:
    """Fork the process of the command, in which this returns; wait for it in the other one."""
    number = os.fork()
    if number:
        _wait(number, streams, answers)
    os.close(answers)
    for descriptor, stream in enumerate(streams):
        os.dup2(stream, descriptor)
        os.close(stream)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    tempfile.tempdir = None  # The environment names it.
    sys.argv = request["arguments"]


def _wait(number: int, streams: list[int], answers: int) -> NoReturn:
    for stream in streams:
        os.close(stream)
    with socket.socket(fileno=answers) as answer:
        answer.send(str(number).encode())
        _, status = os.waitpid(number, 0)
        answer.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _reap() -> None:
    """Forget the processes that waited for commands which have ended."""
    while os.waitpid(-1, os.WNOHANG)[0]:
        pass


def main() -> None:
    """Import the command, serve, and run it in each forked process."""
    name, descriptor = sys.argv[1:]
    [entry_point] = entry_points(group="console_scripts", name=name)
    command = entry_point.load()
    for module in ALSO_IMPORTED.get(name, ()):
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # Otherwise each process copies all of it when it ends, which takes longer.
    serve(socket.socket(fileno=int(descriptor)))
    sys.exit(command())


if __name__ == "__main__":
    main()
