"""The signals that ask a run to end."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

ENDING: Final = tuple(
    number
    for number in signal.Signals
    if number.name
    in {
        *("SIGINT", "SIGTERM", "SIGBREAK"),
        *("SIGHUP", "SIGQUIT"),  # A closed terminal, and Ctrl+\.
        *("SIGUSR1", "SIGUSR2", "SIGXCPU", "SIGPWR"),  # Schedulers warn with these.
        *("SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGSTKFLT"),
    }
)
"""The signals of this system that end a process if it does not handle them. Signals for faults of
the process itself are not included. SIGKILL cannot be handled.

Linux manual, "signal(7)": https://man7.org/linux/man-pages/man7/signal.7.html
"""


def handle(handler: Callable[[int, FrameType | None], None]) -> None:
    """Have a function handle all signals that would end the process.

    A signal that the caller had this process ignore, as `nohup` does, stays ignored. Only the main
    thread may handle signals; elsewhere nothing happens.
    """
    if threading.current_thread() is threading.main_thread():
        for number in ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, handler)
