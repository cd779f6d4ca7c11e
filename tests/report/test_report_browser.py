"""The pages in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from report.conftest import sync
from report.test_report_client import name_of_most

if TYPE_CHECKING:
    from collections.abc import Callable

    from fixtures.browser import Browser
    from fixtures.databases import Database
    from harvest_sandbox import Sandbox
    from report.conftest import Copy, Made

NO_COLOUR: Final = {"rgb(0, 0, 0)", "rgba(0, 0, 0, 0)", "none"}
"""What a rectangle has that no style reached."""


def lightness(colour: str) -> int:
    """How light a colour such as `rgb(1, 2, 3)` is, at most 765."""
    return sum(int(part) for part in colour.removeprefix("rgb(").rstrip(")").split(","))


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_the_page_is_drawn_and_loads_nothing(
    engine: str,
    request: pytest.FixtureRequest,
    harvest: Sandbox,
    page: Callable[..., Made],
    browser: Browser,
) -> None:
    """Charts have size and colour, in light and in dark; it fits a desk and a phone."""
    database: Database = request.getfixturevalue(f"{engine}_database")
    sync(harvest, database.url, request.getfixturevalue("tmp_path"))
    made = page(database.url)

    light = browser.look(made.path, width=1280)
    dark = browser.look(made.path, width=1280, dark=True)
    phone = browser.look(made.path, width=390)

    for seen in (light, dark, phone):
        assert seen.requests == ["/", "/page.html"]
        assert seen.console == []
        colours = {name: fill for name, fill, width, height in seen.drawn if width and height}
        assert {"billable", "other", "missing", "age-more"} <= colours.keys()
        assert NO_COLOUR.isdisjoint(colours.values()) or "limit" in colours
        assert len({colours["billable"], colours["other"], colours["missing"]}) == 3
        tall = [height for name, _, _, height in seen.drawn if name == "billable"]
        assert max(tall) > 80
    assert light.width <= 1280
    assert phone.width <= 390
    assert lightness(light.paper) > 600 > lightness(light.ink)
    assert lightness(dark.paper) < 150 < lightness(dark.ink)


def test_what_a_text_smuggles_in_does_nothing(
    copy: Copy, page: Callable[..., Made], browser: Browser
) -> None:
    """No script of a note runs, and no picture of it is asked for."""
    evil = '<script>console.error(1)</script><img src="/stolen">'
    own = name_of_most(copy)
    copy.run("UPDATE time_entries SET notes = ?, task__name = ?", evil, evil)

    seen = browser.look(page(copy.url, "--client", own, "--notes").path, width=390)

    assert seen.requests == ["/", "/page.html"]
    assert seen.console == []
    assert seen.width <= 390


def test_the_policy_forbids_what_gets_into_the_page(
    copy: Copy, page: Callable[..., Made], browser: Browser
) -> None:
    """So that a fault in escaping would do no harm; the browser complains of it."""
    made = page(copy.url)
    evil = '<script>document.title = "x"</script><img src="/stolen"><p style="color: red">x</p>'
    made.path.write_text(made.html.replace("</main>", f"{evil}</main>"), encoding="utf-8")

    seen = browser.look(made.path, width=1280)

    assert seen.requests == ["/", "/page.html"]
    assert len(seen.console) >= 3
    assert all("Content Security Policy" in line for line in seen.console)


def test_a_long_name_leaves_room_for_the_figures(
    copy: Copy, page: Callable[..., Made], browser: Browser
) -> None:
    """A name without a space is broken into lines, so that a table keeps about its width."""
    copy.run("UPDATE time_entries SET client__name = ?, project__name = ?", "W" * 300, "P" * 300)
    copy.run("UPDATE time_entries SET task__name = ?", "T" * 300)
    copy.run("UPDATE users SET first_name = ?", "F" * 300)

    for arguments in ((), ("--client", "4001", "--from", "2026-01-01")):
        made = page(copy.url, *arguments)
        for width, most in ((1280, 1500), (390, 1000)):
            seen = browser.look(made.path, width=width)
            assert seen.width <= width
            assert max(seen.tables) < most
