"""`make bench`: measures one section of docs/benchmarks.md or, without a name, all of them.

What `SHOWN` names is measured by its name only.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from benchmarks import (
    budget,
    citus,
    cost,
    galera,
    growth,
    memory,
    mssql,
    pipeline,
    requests,
    singer,
    speed,
    startup,
    switches,
    target,
)
from benchmarks.page import PAGE, Section, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SECTIONS: Final = (
    requests.SECTION,
    singer.SECTION,
    budget.SECTION,
    speed.SECTION,
    memory.SECTION,
    pipeline.SECTION,
    target.SECTION,
    cost.SECTION,
    galera.SECTION,
    citus.SECTION,
    switches.SECTION,
    growth.SECTION,
    startup.SECTION,
)
"""In the order of the page."""

SHOWN: Final = (mssql.SECTION,)
"""Need a server of the reader's: their figures are shown, and the page stays as it is."""


def main() -> None:
    """Measure, show and write what the command line names."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parsers = parser.add_subparsers(dest="section", title="sections", metavar="SECTION")
    parts = {
        section.name: parsers.add_parser(
            section.name, help=section.title, description=section.about
        )
        for section in (*SECTIONS, *SHOWN)
    }
    for section in (*SECTIONS, *SHOWN):
        section.arguments(parts[section.name])
    options = parser.parse_args()
    for section in SECTIONS:
        if options.section is None:
            # In a process of its own: what a command inherits counts as its memory.
            subprocess.run([sys.executable, "-m", "benchmarks", section.name], check=True)
        elif section.name == options.section:
            run(section, options)
    for section in SHOWN:
        if section.name == options.section:
            say(f"\n## {section.title}\n")
            list(shown(section.measure(options)))


def run(section: Section, options: argparse.Namespace) -> None:
    """Measure a section; show each part of it when it is there, and write all at the end."""
    say(f"\n## {section.title}\n")
    order = [known.name for known in SECTIONS]
    command = f"make bench ARGS={shlex.quote(shlex.join(sys.argv[1:]))}"
    write(section, order, command, list(shown(section.measure(options))))
    say(f"Written to {PAGE.parent.name}/{PAGE.name}.")


def shown(blocks: Iterable[str]) -> Iterator[str]:
    """The blocks, each printed as it comes."""
    for block in blocks:
        say(f"{block}\n")
        yield block


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
