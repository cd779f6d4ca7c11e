"""How many requests Harvest allows, and when the next one may leave.

Harvest API, "Overview: Rate Limiting":
https://help.getharvest.com/api-v2/introduction/overview/general/#rate-limiting
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable


class Budget:
    """So many requests in any stretch of so many seconds.

    It is entered for each request, waits before that until one more is allowed, and counts the
    request from the moment its answer is there: Harvest counted it before then, so that a slow
    answer cannot make the next window too full.

    Attributes:
        requests: Requests allowed in one window.
        seconds: Length of the window.
    """

    def __init__(
        self,
        requests: int,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Start with the whole budget.

        Args:
            requests: Requests allowed in one window.
            seconds: Length of the window.
            clock: Tells the time in seconds; it never goes backwards.
            sleep: Waits so many seconds.
        """
        self.requests = requests
        self.seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._used: deque[float] = deque(maxlen=requests)
        self._paused_until = clock()

    @property
    def left(self) -> int:
        """Requests that may leave at once."""
        begin = self._clock() - self.seconds
        return self.requests - sum(moment > begin for moment in self._used)

    def pause(self, seconds: float) -> None:
        """Let no request leave for so many seconds."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    def _due(self) -> float:
        """The moment from which on one more request may leave."""
        if len(self._used) < self.requests:
            return self._paused_until
        return max(self._paused_until, self._used[0] + self.seconds)

    def __enter__(self) -> Self:
        while (wait := self._due() - self._clock()) > 0:
            self._sleep(wait)
        return self

    def __exit__(self, *_: object) -> None:
        self._used.append(self._clock())
