"""Serves this checkout as a forge does: by git, and file by file.

git documentation, "git-http-backend": https://git-scm.com/docs/git-http-backend
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[2]
INSTALLED: Final = ("pyproject.toml", "plugins", "tap-harvest", "target-harvest-sql", "transform")
"""What an installation of the packages and their definitions needs, and `harvest-report`."""
ISOLATED: Final = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Example",
    "GIT_AUTHOR_EMAIL": "git@example.com",
    "GIT_COMMITTER_NAME": "Example",
    "GIT_COMMITTER_EMAIL": "git@example.com",
}
"""Variables under which git reads no settings of the machine."""


@contextmanager
def git_server(folder: Path) -> Iterator[str]:
    """Serve the packages of this checkout on localhost, as they are now.

    Args:
        folder: An empty folder for the repository.

    Yields:
        The URL of the repository. The files of its branch `main` are below `/raw/main/`.
    """
    commit(folder)
    handler = type("Handler", (_Handler,), {"repository": folder})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/harvest-to-sql"
        finally:
            server.shutdown()


def commit(folder: Path) -> None:
    """Make a repository of the files that git knows or would add."""
    listed = _git(
        ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard", *INSTALLED,
        "harvest-report",
    )  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():  # Another file was deleted, and git was not told yet.
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    _git(folder, "init", "--quiet", "--initial-branch=main")
    _git(folder, "add", "--all", "--force")
    _git(folder, "commit", "--quiet", "--message=As it is")


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=os.environ | ISOLATED,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


class _Handler(BaseHTTPRequestHandler):
    """Answers what git and `meltano add` ask."""

    repository: Path

    def do_GET(self) -> None:
        """Send a file, or let git answer."""
        path = urlsplit(self.path).path
        _, is_raw, name = path.partition("/raw/main/")
        if not is_raw:
            self._ask_git()
        elif (self.repository / name).is_file():
            self.send_response(HTTPStatus.OK)
            self.end_headers()
            self.wfile.write((self.repository / name).read_bytes())
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        """Let git answer."""
        self._ask_git()

    def _ask_git(self) -> None:
        asked = urlsplit(self.path)
        length = self.headers.get("Content-Length", "0")
        answer = subprocess.run(
            ["git", "http-backend"],
            input=self.rfile.read(int(length)),
            env=os.environ
            | ISOLATED
            | {
                "GIT_PROJECT_ROOT": str(self.repository),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REQUEST_METHOD": self.command,
                "PATH_INFO": asked.path.removeprefix("/harvest-to-sql"),
                "QUERY_STRING": asked.query,
                "CONTENT_LENGTH": length,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            },
            capture_output=True,
            check=True,
        ).stdout
        head, _, body = answer.partition(b"\r\n\r\n")
        lines = [line.partition(": ") for line in head.decode().split("\r\n")]
        headers = {name: value for name, _, value in lines}
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Keep the output of the tests clean."""
