"""Limits how long a call may take."""

from __future__ import annotations

from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


def within(seconds: float, call: Callable[[], _T]) -> _T:
    """Make a call on a thread of its own, and wait for its result at most so many seconds.

    A socket's time-out starts anew with each byte. A server that sends a byte now and then could
    hold a request for days.

    Raises:
        TimeoutError: The call takes longer. The call goes on, and its result is dropped.
    """
    future: Future[_T] = Future()

    def settle() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001  # The caller gets it.
            future.set_exception(error)

    Thread(target=settle, name="tap-harvest-exchange", daemon=True).start()
    return future.result(seconds)
