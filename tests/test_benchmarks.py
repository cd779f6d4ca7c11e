"""The page of benchmarks: a section at a time, and none without figures."""

from __future__ import annotations

from pathlib import Path

from benchmarks.__main__ import SECTIONS
from benchmarks.measure import Measurement
from benchmarks.page import PAGE, SECTION, replaced, table
from benchmarks.peers import PEERS
from benchmarks.target import Race, compared
from benchmarks.yardsticks import YARDSTICKS


def test_a_section_is_replaced_and_the_others_stay() -> None:
    """What was measured elsewhere, or long ago, is kept; the order is that of the code."""
    order = ["one", "two"]
    page = replaced("", order, "two", "## Two\n\nfirst")
    page = replaced(page, order, "one", "## One")
    page = replaced(page, order, "two", "## Two\n\nsecond")

    assert SECTION.findall(page) == [("one", "## One\n"), ("two", "## Two\n\nsecond\n")]
    assert page == replaced(page, order, "one", "## One")


def test_a_section_that_is_no_more_leaves_the_page() -> None:
    """Nobody can measure it again."""
    page = replaced("", ["one", "two"], "one", "## One")

    assert SECTION.findall(replaced(page, ["two"], "two", "## Two")) == [("two", "## Two\n")]


def test_a_table_is_markdown() -> None:
    """Text on the left, numbers on the right."""
    assert table(("", "MB"), [("all", 65)]) == "|  | MB |\n| --- | ---: |\n| all | 65 |"


def test_each_section_was_measured() -> None:
    """The page has the sections of the code, in its order, each with what made it."""
    found = SECTION.findall(PAGE.read_text(encoding="utf-8"))

    assert [name for name, _ in found] == [section.name for section in SECTIONS]
    for section, (_, content) in zip(SECTIONS, found, strict=True):
        assert content.startswith(f"## {section.title}\n\n{section.about.strip()}\n")
        assert content.splitlines()[-1].startswith("`make bench")
        assert "\n| --- |" in content


def test_an_aim_is_reached_by_the_ratio_of_medians() -> None:
    """A slow run counts no more than a fast one; what was not measured is not told."""
    taken = [Measurement(seconds, (1,), (1.0,)) for seconds in (1.0, 9.0, 2.0)]
    [copy] = [yardstick for yardstick in YARDSTICKS if yardstick.engine == "PostgreSQL"]
    [duckdb] = [peer for peer in PEERS if peer.engine == "DuckDB"]
    race = Race(Path())
    race.ours = {"PostgreSQL": taken, "DuckDB": taken, "SQLite": taken}
    race.peers = {duckdb: [Measurement(16.0, (1,), (1.0,))]}
    race.yardsticks = {copy: [1.0, 0.1, 1.6]}

    assert list(compared(race, 6)) == [
        ("PostgreSQL", copy.title, "3", "6", "0.50", "≥ 0.55", "no"),
        ("DuckDB", duckdb.title, "3", "0", "8.00", "≥ 8", "yes"),
    ]
