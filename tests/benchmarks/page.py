"""docs/benchmarks.md: a section a benchmark, which its next run replaces."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterable, Iterator, Sequence

PAGE: Final = Path(__file__).parents[2] / "docs" / "benchmarks.md"
HEAD: Final = """# Benchmarks

`make bench` measures all of this anew and writes this page; `make bench ARGS=speed` measures one
section, and `make bench ARGS="speed --help"` tells what can be chosen. Harvest is the stand-in
account of the tests, on the same machine.
"""
SECTION: Final = re.compile(r"<!-- begin (\S+) -->\n(.*?)<!-- end \1 -->\n", re.DOTALL)


def _none(_: ArgumentParser) -> None:
    """A benchmark without options."""


@dataclass(frozen=True)
class Section:
    """A benchmark, and its part of the page."""

    name: str
    """What it is called on the command line."""
    title: str
    about: str
    """What is measured, and what it shows: Markdown."""
    measure: Callable[[Namespace], Iterator[str]]
    """Measures; yields paragraphs and tables of Markdown, each as soon as it is known."""
    arguments: Callable[[ArgumentParser], None] = field(default=_none)
    """Adds the options of the command line that `measure` gets."""
    packages: Sequence[str] = ()
    """The distributions whose versions matter to the figures."""


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; the first column is text, the others are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def machine(packages: Sequence[str]) -> str:
    """What the figures depend on, without saying whose machine it is."""
    parts = [
        f"{os.cpu_count()} cores ({platform.machine()}, {platform.system()})",
        f"Python {platform.python_version()}",
        *(f"{name} {version(name)}" for name in packages),
    ]
    return ", ".join(parts)


def write(section: Section, order: Sequence[str], command: str, blocks: Iterable[str]) -> None:
    """Put a section into the page, in place of what its last run wrote."""
    content = "\n\n".join(
        (
            f"## {section.title}",
            section.about.strip(),
            *blocks,
            f"`{command}` on {machine(section.packages)}.",
        )
    )
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(replaced(page, order, section.name, content), encoding="utf-8")


def replaced(page: str, order: Sequence[str], name: str, content: str) -> str:
    """The page with one section written anew, the others as they were.

    Args:
        page: The page before.
        order: The names of all sections; one that is not among them is dropped.
        name: Whose section is new.
        content: Its Markdown.
    """
    sections = dict(SECTION.findall(page)) | {name: f"{content}\n"}
    return "\n".join(
        (
            HEAD,
            *(
                f"<!-- begin {known} -->\n{sections[known]}<!-- end {known} -->\n"
                for known in order
                if known in sections
            ),
        )
    )
