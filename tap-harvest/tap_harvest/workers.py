"""Calls that are made side by side."""

from __future__ import annotations

from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


class Workers:
    """Threads that make calls in the order in which they get them.

    Those of `concurrent.futures` are waited for when the program ends, however long their calls
    take: a request until its time-out, one for a report until its budget allows it. These are not.
    """

    def __init__(self, count: int) -> None:
        """Start no thread yet.

        Args:
            count: How many calls may be under way at once.
        """
        self._count = count
        self._threads: list[Thread] = []
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()

    def submit(self, call: Callable[[], _T]) -> Future[_T]:
        """Have a call made as soon as a thread is free.

        Returns:
            What will hold its result, or its error.
        """
        future: Future[_T] = Future()
        self._calls.put(lambda: _settle(future, call))
        if len(self._threads) < self._count:
            thread = Thread(target=self._work, name="tap-harvest-request", daemon=True)
            self._threads.append(thread)
            thread.start()
        return future

    def close(self) -> None:
        """End each thread after the call that it is at, and make no other call."""
        while not self._calls.empty():
            self._calls.get()
        for _ in self._threads:
            self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()


def _settle(future: Future[_T], call: Callable[[], _T]) -> None:
    """Make a call that nobody cancelled, and pass on what comes of it."""
    if future.set_running_or_notify_cancel():
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001  # Whoever reads the result gets it.
            future.set_exception(error)
