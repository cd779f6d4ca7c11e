"""What goes wrong while a pipeline runs: faults of the answers, edits meanwhile, kills, silence."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Timer
from typing import TYPE_CHECKING, Any, Final

from chaos.edits import work

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from random import Random

    from harvest_sandbox import Fault, Sandbox

PASSING: Final[Sequence[dict[str, Any]]] = (
    *({"status": status, "body": "html"} for status in range(500, 505)),
    *({"status": 429, "body": body, "retry_after": 0} for body in ("message", "html", "empty")),
    *({"status": status, "retry_after": 1} for status in (429, 503)),
    *({"reset": True}, {"cut": True}, {"hang": True}, {"latency_seconds": 0.5}),
    {"rewrite": lambda _: b"<html><h1>Down for maintenance</h1></html>"},
    {"rewrite": lambda body: body[: len(body) // 2]},
)
"""After these the tap asks again."""
ENDING: Final[Sequence[dict[str, Any]]] = tuple({"status": code} for code in (302, 400, 401, 422))
"""These end the run."""
LYING: Final[Sequence[dict[str, Any]]] = tuple({"status": code} for code in (403, 404))
"""These say that something is not shown or not there, which is not so."""


@dataclass
class Trouble:
    """All that happens to one run.

    Attributes:
        harvest: The account that is read.
        chance: Decides what happens, and when.
        told: Whether Harvest tells of all edits by an `updated_at`, and tells no lies.
        requests: About how many a run makes.
        seconds: About how long a run takes.
        killed: Which of the victims were hit.
    """

    harvest: Sandbox
    chance: Random
    told: bool
    requests: int
    seconds: float
    killed: list[str] = field(default_factory=list)
    _faults: list[tuple[int, Fault]] = field(default_factory=list)
    _kill: Timer | None = None

    def begin(self, victims: Mapping[str, Callable[[], object]]) -> None:
        """Order it.

        Args:
            victims: What kills programs, or takes away what they rely on, by the names of these.
        """
        for _ in range(self.chance.randint(0, 3)):
            self._order(**self.chance.choice(PASSING), times=self.chance.choice((1, 1, 2)))
        if self.chance.random() < 0.2:
            self._order(**self.chance.choice(ENDING if self.told else [*ENDING, *LYING]))
        for _ in range(self.chance.randint(0, 2)):
            self._order(edit=lambda: work(self.harvest, self.chance, told=self.told))
        if self.chance.random() < 0.85:
            name = self.chance.choice(list(victims))
            # Most of the first third is the programs' start.
            moment = self.chance.uniform(0.3, 1.1) * self.seconds
            self._kill = Timer(moment, self._end, [name, victims[name]])
            self._kill.start()

    def _order(self, *, times: int = 1, **fault: Any) -> None:
        after = self.chance.randrange(self.requests)
        ordered = self.harvest.fail(after=after, times=times, **fault)
        if ordered.edit is None:
            self._faults.append((times, ordered))

    def _end(self, name: str, kill: Callable[[], object]) -> None:
        kill()
        self.killed.append(name)

    def over(self) -> int:
        """Let all be calm again; how many answers went wrong."""
        self.harvest.faults.clear()
        if self._kill:
            self._kill.cancel()
            self._kill.join()
        return sum(times - (fault.times or 0) for times, fault in self._faults)
