"""The two request budgets: one for reports, one for everything else."""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Literal

from harvest_sandbox.refusals import Refusal, response

if TYPE_CHECKING:
    from harvest_sandbox.switches import Switches

Group = Literal["general", "reports"]


class Budgets:
    """The times of the requests that still count, by group, in sliding windows."""

    def __init__(self) -> None:
        self._spent: dict[Group, deque[float]] = defaultdict(deque)

    def spend(self, group: Group, switches: Switches) -> None:
        """Count a request.

        Raises:
            Refusal: The budget of its group is used up (429), and when it will not be.
        """
        if not switches.budgets:
            return
        window = {
            "general": switches.general_window_seconds,
            "reports": switches.report_window_seconds,
        }[group]
        now = time.monotonic()
        spent = self._spent[group]
        while spent and spent[0] <= now - window:
            spent.popleft()
        if len(spent) >= switches.budget_requests:
            wait = max(1, math.ceil(spent[0] + window - now))
            raise Refusal(response(429, "html", {"Retry-After": str(wait)}))
        spent.append(now)
