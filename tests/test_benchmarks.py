"""The page of benchmarks: a section at a time, and none without figures."""

from __future__ import annotations

from benchmarks.__main__ import SECTIONS
from benchmarks.page import PAGE, SECTION, replaced, table


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
