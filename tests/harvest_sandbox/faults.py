"""Faults that a test orders, and edits that happen while a list is read."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Fault:
    """What happens to some requests; one that names no ending lets them be answered as ever."""

    path: str | None = None
    """The path concerned, such as `/v2/clients`, without a query; all paths where it is None."""
    account_id: str | None = None
    """The account concerned; whichever a request names where it is None."""
    after: int = 0
    """How many requests for the path go well first."""
    times: int | None = 1
    """How many requests are then concerned; all that follow where it is None."""
    status: int | None = None
    """Answer with this status."""
    body: Literal["message", "error", "oauth", "html", "empty"] = "message"
    """The form of that answer's body."""
    retry_after: int | None = None
    """The `Retry-After` header of that answer, in seconds."""
    latency_seconds: float = 0
    """Wait so long before anything else."""
    hang: bool = False
    """Never answer."""
    cut: bool = False
    """Announce the whole body, send half of it and close the connection."""
    reset: bool = False
    """Reset the connection before an answer."""
    rewrite: Callable[[bytes], bytes] | None = None
    """Send what this makes of the answer's body."""
    edit: Callable[[], object] | None = None
    """Call this before the request is answered."""


@dataclass
class Faults:
    """The faults that are due; a request meets the first, in the order of ordering, that fits."""

    pending: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def order(self, fault: Fault) -> Fault:
        """Have a fault happen from now on."""
        with self._lock:
            self.pending.append(fault)
        return fault

    def clear(self) -> None:
        """Call off all faults."""
        with self._lock:
            self.pending.clear()

    def meet(self, path: str, account_id: str | None) -> Fault | None:
        """The fault that a request for an account meets, if any; this uses it up."""
        with self._lock:
            for fault in self.pending:
                if fault.path not in (None, path):
                    continue
                if fault.account_id not in (None, account_id):
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times == 0:
                        self.pending.remove(fault)
                return fault
        return None
