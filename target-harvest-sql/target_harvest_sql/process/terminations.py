"""Signals: the first ends the run in good order, a second one ends it at once."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING, Final

from target_harvest_sql.settings.private_files import PrivateFiles

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable
    from types import FrameType, TracebackType
    from typing import Self

ENDING: Final = tuple(
    number
    for number in signal.Signals
    if number.name
    in {
        *("SIGINT", "SIGTERM", "SIGBREAK"),
        *("SIGHUP", "SIGQUIT"),  # The terminal was closed, or has sent Ctrl+\.
        *("SIGUSR1", "SIGUSR2", "SIGXCPU", "SIGPWR"),  # As schedulers warn of the end of a job.
        *("SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGSTKFLT"),
    }
)
"""The signals that end a process which does not handle them, of this system. Signals that tell of
a fault of the process itself are not among them; SIGKILL cannot be handled.

Linux manual, "signal(7)": https://man7.org/linux/man-pages/man7/signal.7.html
"""

GRACE_SECONDS: Final = 20
"""How long a run may take to end after a signal."""
SAME_SECONDS: Final = 1
"""How long a further signal counts as the same one. Some programs send each signal twice: to the
process, and to its group."""
LINE_SECONDS: Final = 1
"""How long the last line may take, if nobody reads standard error."""


def handle(handler: Callable[[int, FrameType | None], None]) -> None:
    """Have a function handle all signals that would end the process.

    A signal that the caller had this process ignore, as `nohup` does, stays ignored. Only the main
    thread may handle signals; elsewhere nothing happens.
    """
    if threading.current_thread() is threading.main_thread():
        for number in ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, handler)


class Terminations:
    """Ends the process after a signal where it does not end by itself, as the database is silent.

    Python calls the handler of a signal in the main thread only, between two of its steps. That
    thread may be waiting for the database. So signals are read by another thread as well.

    Python documentation, "signal", `set_wakeup_fd`: https://docs.python.org/3/library/signal.html
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def __enter__(self) -> Self:
        """Begin to listen for signals."""
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._before = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Listen no more."""
        signal.set_wakeup_fd(self._before)
        self._writer.close()
        self._thread.join()
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
            "%s: ended at once. What no state was printed of may not be committed; run again.",
            reason,
        )
        PrivateFiles.remove_all()
        # Whatever waits is left as it is; the server ends the transactions of lost connections.
        os._exit(128 + number)

    def _next(self, seconds: float | None) -> int | None:
        """Wait for a signal.

        Returns:
            Its number; 0 if nobody listens any more, `None` if none came in time.
        """
        self._reader.settimeout(seconds)
        try:
            told = self._reader.recv(1)
        except TimeoutError:
            return None
        return told[0] if told else 0

    def _log(self, line: str, *values: object) -> None:
        """Log a line, but do not wait for one who reads none."""
        arguments = (line, *values)
        thread = threading.Thread(target=self._logger.warning, args=arguments, daemon=True)
        thread.start()
        thread.join(LINE_SECONDS)
