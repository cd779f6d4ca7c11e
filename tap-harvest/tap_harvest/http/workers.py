"""Threads that make calls at the same time."""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


class Workers:
    """Threads that make calls in the order in which they get them.

    When the program ends, it does not wait for these threads. It would wait for the threads of
    `concurrent.futures`, whose calls can take long: a request until its time-out, or a report until
    its budget allows it.
    """

    def __init__(self, count: int) -> None:
        """Start no thread yet.

        Args:
            count: How many calls may be under way at once.
        """
        self._count = count
        self._threads: list[Thread] = []
        self._calls: SimpleQueue[_Call[Any] | None] = SimpleQueue()
        self._lock = Lock()
        self._is_closed = False

    def submit(self, call: Callable[[], _T]) -> Future[_T]:
        """Make a call as soon as a thread is free.

        Returns:
            The future of its result or its error. It is cancelled if the workers are closed
            before a thread was free.
        """
        future: Future[_T] = Future()
        with self._lock:
            if self._is_closed:
                future.cancel()
                return future
            self._calls.put(_Call(future, call))
            if len(self._threads) < self._count:
                thread = Thread(target=self._work, name="tap-harvest-request", daemon=True)
                self._threads.append(thread)
                thread.start()
        return future

    def close(self) -> None:
        """End each thread after its current call, and cancel the calls that still wait."""
        with self._lock:
            self._is_closed = True
            # A thread may take a call at the same moment, so `empty` would prove nothing.
            with suppress(Empty):
                while (waiting := self._calls.get_nowait()) is not None:
                    waiting.future.cancel()
            for _ in self._threads:
                self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call.make()


class _Call(NamedTuple, Generic[_T]):
    """A call and the future of its result."""

    future: Future[_T]
    call: Callable[[], _T]

    def make(self) -> None:
        """Make the call, unless it was cancelled."""
        if self.future.set_running_or_notify_cancel():
            try:
                self.future.set_result(self.call())
            except BaseException as error:  # noqa: BLE001  # The reader of the result gets it.
                self.future.set_exception(error)
