"""`make chaos`: sync after sync under faults, edits and `kill -9`; is the destination the account?

It ends with 1 when a table does not equal the account, and tells which rows differ.
"""

from __future__ import annotations

import argparse
import sys
from random import randrange
from typing import TYPE_CHECKING, Final

from chaos.soak import ENGINES, soak
from servers.not_installed import NotInstalledError

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAD: Final = (
    *("", "rounds", "syncs", "tap", "target", "server", "node"),
    *("silent", "locks", "faults", "records", "wrong"),
)
VICTIMS: Final = ("tap", "target", "server", "node", "network", "locks")


def main() -> int:
    """Go through the engines in turn; return the exit code."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=-1, help="of each engine, at most")
    parser.add_argument("--seconds", type=float, default=150, help="for each engine; default: 150")
    parser.add_argument("--seed", type=int, default=randrange(10**6), help="default: a new one")
    parser.add_argument("--engine", choices=ENGINES, help="default: one after the other")
    options = parser.parse_args()
    say(f"Seed {options.seed}: about {options.seconds:.0f} s an engine.")
    say("After each round all records are compared with the account;")
    say("`wrong` counts those that differ.")
    say("`tap` to `node` count what was killed, `silent` and `locks` what was cut off.\n")
    say(line(HEAD))
    found: list[str] = []
    for engine in [options.engine] if options.engine else ENGINES:
        try:
            tally = soak(engine, seed=options.seed, rounds=options.rounds, seconds=options.seconds)
        except NotInstalledError:
            say(f"{engine}: not installed")
            continue
        kills = [tally.killed[name] for name in VICTIMS]
        counts = (tally.rounds, tally.runs, *kills, tally.faults, tally.rows)
        say(line((engine, *counts, len(tally.differences))))
        found += [f"{engine}: {difference}" for difference in tally.differences]
    if found:
        say("\n" + "\n".join(found))
        say(f"\nOnce more: make chaos ARGS=--seed={options.seed}")
    return bool(found)


def line(cells: Sequence[object]) -> str:
    """A line of the table: the first cell to the left, numbers to the right."""
    first, *rest = cells
    widths = (len(str(name)) + 1 for name in HEAD[1:])
    return f"{first!s:<8}" + "".join(
        f"{cell!s:>{width}}" for cell, width in zip(rest, widths, strict=True)
    )


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
