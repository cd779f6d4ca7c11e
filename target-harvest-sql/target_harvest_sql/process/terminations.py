"""Signals. The first one ends the run in good order. A second one ends it at once."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from target_harvest_sql.settings.private_files import PrivateFiles

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator
    from types import FrameType

ENDING: Final = tuple(
    number
    for number in signal.Signals
    if number.name
    in {
        *("SIGINT", "SIGTERM", "SIGBREAK"),
        *("SIGHUP", "SIGQUIT"),  # The terminal was closed, or Ctrl+\ was pressed.
        *("SIGUSR1", "SIGUSR2", "SIGXCPU", "SIGPWR"),  # Schedulers warn so before they end a job.
        *("SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGSTKFLT"),
    }
)
"""The signals of this system that end a process which does not handle them. Signals about a fault
of the process itself are left out. SIGKILL cannot be handled.

Linux manual, "signal(7)": https://man7.org/linux/man-pages/man7/signal.7.html
"""

GRACE_SECONDS: Final = 20
"""How long a run may take to end after a signal."""
SAME_SECONDS: Final = 1
"""How long another signal counts as the same one. Some programs send each signal twice: to the
process, and to its process group."""
LINE_SECONDS: Final = 1
"""How long the last log line may take, if nobody reads standard error."""


def handle(handler: Callable[[int, FrameType | None], None]) -> None:
    """Let a function handle all signals that would end the process.

    A signal that this process was started to ignore, as by `nohup`, stays ignored. Only the main
    thread may handle signals. In another thread, this function does nothing.
    """
    if threading.current_thread() is threading.main_thread():
        for number in ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, handler)


class Terminations:
    """Ends the process after a signal if the database does not answer in time.

    Python calls the handler of a signal only in the main thread. That thread may wait for the
    database. So another thread reads the signals as well.

    Python documentation, "signal", `set_wakeup_fd`: https://docs.python.org/3/library/signal.html
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen for signals in a `with` block."""
        self._reader, writer = socket.socketpair()
        writer.setblocking(False)
        before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        thread = threading.Thread(target=self._listen, daemon=True)
        thread.start()
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            writer.close()
            thread.join()
            self._reader.close()

    def _listen(self) -> None:
        number = self._next(None)
        if not number:
            return
        name = signal.Signals(number).name
        same_until = time.monotonic() + SAME_SECONDS
        while (left := same_until - time.monotonic()) > 0:
            if self._next(left) == 0:
                return
        self._log(
            "Received %s: the run ends as soon as the database answers, after %d seconds at most. "
            "A second signal ends it at once.",
            name,
            GRACE_SECONDS,
        )
        another = self._next(GRACE_SECONDS - SAME_SECONDS)
        if another == 0:
            return
        reason = "The database did not answer" if another is None else "Received a second signal"
        self._log(
            "%s: ended at once. Records after the last printed state may not be committed. Run "
            "again.",
            reason,
        )
        PrivateFiles.remove_all()
        # Waiting threads are not ended. The server rolls back the transactions of lost connections.
        os._exit(128 + number)

    def _next(self, seconds: float | None) -> int | None:
        """Wait for a signal.

        Returns:
            Its number; 0 if the `with` block has ended; `None` if no signal came in time.
        """
        self._reader.settimeout(seconds)
        try:
            told = self._reader.recv(1)
        except TimeoutError:
            return None
        return told[0] if told else 0

    def _log(self, line: str, *values: object) -> None:
        """Log a line. Do not wait longer than `LINE_SECONDS` if nobody reads standard error."""
        arguments = (line, *values)
        thread = threading.Thread(target=self._logger.warning, args=arguments, daemon=True)
        thread.start()
        thread.join(LINE_SECONDS)
