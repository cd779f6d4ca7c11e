"""A real browser, for the tests of pages: Chromium of the system."""

from __future__ import annotations

import functools
import html
import json
import re
import shutil
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHROMIUM: Final = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
QUIET: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--no-first-run", "--enable-logging=stderr"),
)
LOOK: Final = """<!DOCTYPE html><link rel="icon" href="data:,"><iframe id="page" src="page.html"
style="border: 0; width: {width}px; height: 4000px"></iframe><script>
document.getElementById("page").onload = (event) => {{
  const page = event.target.contentDocument;
  const drawn = [...page.querySelectorAll("rect")].map((rect) => {{
    const box = rect.getBoundingClientRect();
    return [rect.getAttribute("class"), getComputedStyle(rect).fill, box.width, box.height];
  }});
  const found = {{
    width: page.documentElement.scrollWidth,
    paper: page.defaultView.getComputedStyle(page.body).backgroundColor,
    ink: page.defaultView.getComputedStyle(page.body).color,
    drawn: drawn,
  }};
  document.body.insertAdjacentHTML("beforeend", "<pre></pre>");
  document.querySelector("pre").textContent = JSON.stringify(found);
}};
</script>"""
"""A page beside the one that is looked at, which tells what the browser made of it."""


@dataclass
class Seen:
    """What a browser made of a page."""

    width: int
    """How wide the page became, in CSS pixels."""
    paper: str
    ink: str
    drawn: list[tuple[str, str, float, float]]
    """Class, colour, width and height of each rectangle of a chart."""
    requests: list[str] = field(default_factory=list)
    """The paths that were asked for."""
    console: list[str] = field(default_factory=list)
    """What the browser complained of."""


@dataclass(frozen=True)
class Browser:
    """Chromium, with a profile of its own."""

    folder: Path

    def look(self, page: Path, *, width: int, dark: bool = False) -> Seen:
        """Open a page, served over HTTP, in a frame of a width in CSS pixels."""
        pages = {"/page.html": page.read_bytes(), "/": LOOK.format(width=width).encode()}
        with served(pages) as (address, requests):
            done = self._run(
                *(f"--blink-settings=preferredColorScheme={0 if dark else 1}", "--dump-dom"),
                *(f"--window-size={max(width, 500)},4000", "--virtual-time-budget=10000", address),
            )
        found = re.search(r"<pre>(\{.*?)</pre>", done.stdout, re.DOTALL)
        assert found, done.stderr
        told: dict[str, Any] = json.loads(html.unescape(found[1]))
        console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        return Seen(**told, requests=requests, console=console)

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        assert CHROMIUM
        return subprocess.run(
            [CHROMIUM, *QUIET, f"--user-data-dir={self.folder}", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )


@contextmanager
def served(pages: dict[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """Serve pages on localhost; gives the address, and the paths that are asked for."""
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, pages, asked))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, pages: dict[str, bytes], asked: list[str], *arguments: Any) -> None:
        self._pages = pages
        self._asked = asked
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Answer with a page, or that there is none."""
        self._asked.append(self.path)
        body = self._pages.get(self.path)
        self.send_response(200 if body is not None else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: Any) -> None:
        """Write nothing."""


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    """Chromium; without it the test is left out."""
    if not CHROMIUM:
        pytest.skip("Chromium is not installed (Debian: package chromium).")
    return Browser(tmp_path / "browser")


def pytest_report_header() -> str:
    """Say whether pages are tested in a browser."""
    if not CHROMIUM:
        return "browser: none, so the tests of pages in Chromium are left out"
    version = subprocess.run([CHROMIUM, "--version"], capture_output=True, text=True, check=False)
    return f"browser: {version.stdout.strip()}"
