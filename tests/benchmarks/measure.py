"""Time, processor and memory of commands joined by pipes, as the operating system accounts them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import resource
    from collections.abc import Sequence

# Linux counts the peak in KiB, macOS in bytes.
BYTES_PER_UNIT: Final = 1 if sys.platform == "darwin" else 1024
NOWHERE: Final = Path(os.devnull)


@dataclass(frozen=True)
class Measurement:
    """What one run took."""

    seconds: float
    """From the first start to the last end."""
    peak_bytes: tuple[int, ...]
    """The largest resident set of each command, in their order.

    Linux counts that of the measuring process in, before it hands over: it must stay small.
    """
    cpu_seconds: tuple[float, ...]
    """What each command took of a core, in their order."""


ENVIRONMENT: Final = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
"""Programs keep their modules compiled, as they do for everyone who has installed them."""


def measure(
    *commands: Sequence[str | Path], source: Path = NOWHERE, destination: Path = NOWHERE
) -> Measurement:
    """Run the commands, each reading what the one before writes.

    Args:
        *commands: The first reads `source`, the last writes `destination`.
        source: A file.
        destination: A file; what it held is lost.

    Raises:
        RuntimeError: If a command fails; with the end of what they wrote to standard error.
    """
    with (
        source.open("rb") as first,
        destination.open("wb") as last,
        tempfile.TemporaryFile() as errors,
    ):
        started = time.perf_counter()
        processes: list[subprocess.Popen[bytes]] = []
        for position, command in enumerate(commands, 1):
            process = subprocess.Popen(
                command,
                stdin=processes[-1].stdout if processes else first,
                stdout=last if position == len(commands) else subprocess.PIPE,
                stderr=errors,
                env=ENVIRONMENT,
            )
            if processes and (pipe := processes[-1].stdout):
                pipe.close()  # The reader alone holds it, so that the writer sees the reader's end.
            processes.append(process)
        usages = [_usage(process) for process in processes]
        seconds = time.perf_counter() - started
        if any(process.returncode for process in processes):
            errors.seek(0)
            raise RuntimeError(errors.read().decode()[-2000:])
    return Measurement(
        seconds,
        tuple(usage.ru_maxrss * BYTES_PER_UNIT for usage in usages),
        tuple(usage.ru_utime + usage.ru_stime for usage in usages),
    )


def middle(runs: Sequence[Measurement]) -> Measurement:
    """The run whose time is the median."""
    return sorted(runs, key=lambda run: run.seconds)[(len(runs) - 1) // 2]


def _usage(process: subprocess.Popen[bytes]) -> resource.struct_rusage:
    """Wait for the end of the process, and tell what it used."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage
