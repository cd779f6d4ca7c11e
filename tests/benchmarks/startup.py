"""How long a command takes before it does anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.measure import measure, middle
from benchmarks.page import Section, table
from benchmarks.programs import BIN

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

ABOUT: Final = """
How long the commands take to answer about themselves; the aim is 1.5 seconds. Most of it is the
Meltano SDK, which the first line imports and no more. No engine and no SQLAlchemy is loaded until a
database is named.
"""
MOST_SECONDS: Final = 1.5
SDK: Final = (BIN / "python", "-c", "import singer_sdk")


def arguments(parser: ArgumentParser) -> None:
    """Repetition."""
    parser.add_argument("--runs", type=int, default=7, help="so many; the median is shown")


def run(options: Namespace) -> Iterator[str]:
    """Ask each command for its version, its help and its settings."""
    commands = {
        f"`{name} {question}`": (BIN / name, question)
        for name in ("tap-harvest", "target-harvest-sql")
        for question in ("--version", "--help", "--about")
    }
    rows = []
    for shown, command in {"`import singer_sdk`": SDK, **commands}.items():
        taken = middle([measure(command) for _ in range(options.runs)])
        reached = "yes" if taken.seconds <= MOST_SECONDS else "no"
        rows.append((shown, f"{taken.seconds:.2f}", f"{taken.cpu_seconds[0]:.2f}", reached))
    yield f"The median of {options.runs} runs:"
    yield table(("", "seconds", "core-seconds", "reached"), rows)


SECTION: Final = Section(
    name="startup",
    title="From the command to its answer",
    about=ABOUT,
    measure=run,
    arguments=arguments,
    packages=("singer-sdk", "SQLAlchemy"),
)
