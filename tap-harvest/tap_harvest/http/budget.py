"""How many requests Harvest allows, and when the next one may be sent.

Harvest API, "Overview: Rate Limiting":
https://help.getharvest.com/api-v2/introduction/overview/general/#rate-limiting
"""

from __future__ import annotations

import math
import time
from collections import deque
from threading import Condition
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from tap_harvest.http.wait_log import LONG_SECONDS, REPEAT_SECONDS, WaitLog

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW_SECONDS = 15
"""Length of the window of all requests but those for reports."""
REPORT_WINDOW_SECONDS = 15 * 60
"""Length of the window of the requests for reports."""


class Budget:
    """Limits the requests in any window of some seconds. Any thread may use it.

    Each request is sent inside `with budget:`, which waits until one more request is allowed. A
    request counts until a whole window has passed since its answer came. Harvest counts a request
    at some time before its answer, so the limit also holds if an answer is slow.

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
        wait: Callable[[Condition, float | None], object] = Condition.wait,
    ) -> None:
        """Start with the whole budget.

        Args:
            requests: Requests allowed in one window.
            seconds: Length of the window.
            clock: Tells the time in seconds; it never goes backwards.
            wait: Waits for a condition, at most so many seconds; `None` is for ever.
        """
        self.requests = requests
        self.seconds = seconds
        self._clock = clock
        self._wait = wait
        self._changed = Condition()
        self._under_way = 0
        self._answered: deque[float] = deque()
        self._paused_until = clock()
        self._held = 0
        self._held_since = 0.0
        self._seconds_held = 0.0
        self._to_send: float = math.inf
        self._log = WaitLog(requests, seconds, clock)

    @property
    def left(self) -> int:
        """Requests that may be sent now."""
        with self._changed:
            return self._left()

    @property
    def seconds_held(self) -> float:
        """How long requests had to wait so far; requests that wait together count once."""
        with self._changed:
            return self._seconds_held + (self._clock() - self._held_since if self._held else 0)

    def pause(self, seconds: float) -> bool:
        """Send no request for some seconds. Requests that wait already wait longer.

        Returns:
            Whether a new pause begins, or one becomes much longer. Requests that are refused
            together ask for one pause.
        """
        with self._changed:
            now = self._clock()
            until = now + seconds
            is_news = self._paused_until <= now or until >= self._paused_until + LONG_SECONDS
            self._paused_until = max(self._paused_until, until)
            if is_news:  # The caller logs the pause.
                self._log.note(seconds)
        return is_news

    def expect(self, requests: int) -> None:
        """Note how many requests the run still sends at most, for the log of long waits."""
        with self._changed:
            self._to_send = min(self._to_send, requests)

    def seconds_until(self, requests: int) -> float:
        """The shortest time in which so many more requests can be sent, in seconds."""
        with self._changed:
            if requests <= 0:
                return 0
            windows, request = divmod(requests - 1, self.requests)
            now, left = self._clock(), self._left()
            seconds = max(self._paused_until - now, 0)
            if request >= left:
                at = request - left
                # A request without an answer yet counts as answered now.
                answered = self._answered[at] if at < len(self._answered) else now
                seconds = max(seconds, answered + self.seconds - now)
            return windows * self.seconds + seconds

    def _left(self) -> int:
        now = self._clock()
        while self._answered and self._answered[0] + self.seconds <= now:
            self._answered.popleft()
        return self.requests - self._under_way - len(self._answered)

    def _seconds_to_wait(self) -> float | None:
        """How long no request may be sent; `None` if an answer decides it."""
        due = self._paused_until
        if self._left() <= 0:
            if not self._answered:
                return None
            due = max(due, self._answered[0] + self.seconds)
        return due - self._clock()

    def _waits_to_come(self) -> int:
        """How many waits the requests that are left take, at least one."""
        to_send = self._to_send if self._to_send < math.inf else 0
        return max(math.ceil(to_send / self.requests), 1)

    def __enter__(self) -> Self:
        with self._changed:
            if not self._held:
                self._held_since = self._clock()
            self._held += 1
            while (seconds := self._seconds_to_wait()) is None or seconds > 0:
                self._log.tell(seconds or 0, self._waits_to_come())
                self._wait(self._changed, seconds and min(seconds, REPEAT_SECONDS))
            self._held -= 1
            self._to_send = max(self._to_send - 1, 0)
            if not self._held:
                self._seconds_held += self._clock() - self._held_since
            self._under_way += 1
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._under_way -= 1
            self._answered.append(self._clock())
            self._changed.notify_all()


class Budgets:
    """The two budgets of an account's token: one for reports, one for everything else.

    Attributes:
        general: For everything but reports.
        reports: For all reports together.
    """

    def __init__(
        self,
        requests_per_15_seconds: int,
        report_requests_per_15_minutes: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[Condition, float | None], object] = Condition.wait,
    ) -> None:
        """Start with both budgets whole.

        Args:
            requests_per_15_seconds: The share of Harvest's general budget that may be used.
            report_requests_per_15_minutes: The share of Harvest's budget for reports.
            clock: As `Budget` takes it.
            wait: As `Budget` takes it.
        """
        self.general = Budget(requests_per_15_seconds, WINDOW_SECONDS, clock=clock, wait=wait)
        self.reports = Budget(
            report_requests_per_15_minutes, REPORT_WINDOW_SECONDS, clock=clock, wait=wait
        )

    def of(self, url: str) -> Budget:
        """The budget that a request for an address, or for a path, counts for."""
        return self.reports if "/reports/" in urlsplit(url).path else self.general

    @property
    def seconds_held(self) -> float:
        """For how long requests had to wait so far."""
        return self.general.seconds_held + self.reports.seconds_held
