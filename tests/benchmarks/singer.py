"""singer-io's tap beside ours, on the same account."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
import time
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.page import Section, table
from benchmarks.programs import is_a, last_state, settings_of, tap_command, write
from harvest_sandbox import Sandbox
from support.peers import SINGER

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Collection, Iterator

    from benchmarks.programs import Command

    Make = Callable[[Path, Sandbox, Path | None], Command]

PACKAGE: Final = "tap-harvest==3.1.1"
ABOUT: Final = f"""
singer-io's {PACKAGE}, in an environment of its own, beside ours: what each needs for the account of
the first section, and how it ends, with singer-io's 25 streams selected in both. It knows no host
but Harvest's, and takes the first account that its token reaches, which here is one of another
product; a few lines outside of it name the stand-in's address and account. Its schema declares the
name of a payment's gateway as a number, so that it ends at the first payment that was made through
one; it is therefore measured without payments as well, which spares it 200 requests.
"""
TIME_ENTRIES: Final = 10_000
PAYMENTS: Final = "invoice_payments"
RENAMED: Final = {
    "external_reference": "time_entry_external_references",
    "project_tasks": "project_task_assignments",
    "project_users": "project_user_assignments",
    "time_entry_external_reference": "time_entry_external_references",
    "user_projects": "user_project_assignments",
}
LAUNCH: Final = """
import json
import sys
from tap_harvest import client, main

with open(sys.argv[sys.argv.index("--config") + 1]) as file:
    config = json.load(file)
client.REFRESH_URL = config["identity_url"] + "/api/v2"
start = client.Client.__init__

def started(self, config):
    start(self, config)
    self.base_url = config["api_url"]

def chosen(self):
    self._account_id = config["account_id"]

client.Client.__init__ = started
client.Client.check_active_account = chosen
main()
"""


@dataclass(frozen=True)
class Peer:
    """singer-io's tap, installed."""

    folder: Path

    @classmethod
    def installed(cls, folder: Path) -> Peer:
        """Install it into a folder.

        Raises:
            CalledProcessError: It could not be had; with what pip said.
        """
        venv.create(folder / "venv", with_pip=True)
        peer = cls(folder)
        subprocess.run(
            [peer.python, "-m", "pip", "install", "--quiet", PACKAGE],
            check=True,
            capture_output=True,
            text=True,
        )
        (folder / "launch.py").write_text(LAUNCH, encoding="utf-8")
        return peer

    @property
    def python(self) -> Path:
        """The interpreter of its environment."""
        return self.folder / "venv" / "bin" / "python"

    def command(self, streams: Collection[str]) -> Make:
        """What runs it with some streams selected."""

        def make(folder: Path, harvest: Sandbox, state: Path | None) -> Command:
            identity = harvest.identity
            config = write(
                folder / "singer.json",
                {
                    "client_id": identity.client_id,
                    "client_secret": identity.client_secret,
                    "refresh_token": identity.refresh_token,
                    "user_agent": "benchmark (data@example.com)",
                    "start_date": "2000-01-01T00:00:00Z",
                    "account_id": harvest.account_id,
                    "api_url": harvest.api_url,
                    "identity_url": harvest.identity_url,
                },
            )
            launch: Command = [self.python, self.folder / "launch.py", "--config", config]
            found = subprocess.run([*launch, "--discover"], check=True, capture_output=True)
            catalog = json.loads(found.stdout)
            for stream in catalog["streams"]:
                for entry in stream["metadata"]:
                    if entry["breadcrumb"] == []:
                        entry["metadata"]["selected"] = stream["tap_stream_id"] in streams
            harvest.requests.clear()
            command = [*launch, "--catalog", write(folder / "singer-catalog.json", catalog)]
            return command if state is None else [*command, "--state", state]

        return make


def ours(folder: Path, harvest: Sandbox, state: Path | None) -> Command:
    """What runs our tap with the same streams."""
    streams = {RENAMED.get(name, name) for name in SINGER}
    command = tap_command(folder, settings_of(harvest), streams)
    return command if state is None else [*command, "--state", state]


def compare(options: Namespace) -> Iterator[str]:
    """Sync first, and again with nothing new where the first sync went well."""
    del options
    head = ("", "ends", "requests", "429s", "records", "seconds")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            peer = Peer.installed(folder)
        except subprocess.CalledProcessError as error:
            yield f"It could not be installed: {error.stderr.strip().splitlines()[-1]}"
            return
        rest = SINGER.keys() - {PAYMENTS}
        cases: tuple[tuple[str, Make, bool], ...] = (
            ("singer-io", peer.command(SINGER.keys()), True),
            ("singer-io, without payments", peer.command(rest), True),
            ("singer-io, without payments, no budgets enforced", peer.command(rest), False),
            ("ours", ours, True),
        )
        yield table(
            head,
            [
                row
                for title, make, budgets in cases
                for row in synced(folder, title, make, budgets=budgets)
            ],
        )


def synced(folder: Path, title: str, make: Make, *, budgets: bool) -> Iterator[list[object]]:
    """The row of a first sync and, if that went well, the one of another with nothing new."""
    state: Path | None = None
    for turn in ("first sync", "nothing new"):
        messages, errors = folder / "messages.jsonl", folder / "errors.log"
        # The same account each time, with the whole budget: as though a window had passed.
        with Sandbox(time_entries=TIME_ENTRIES, seed=1, budgets=budgets) as harvest:
            command = make(folder, harvest, state)
            with messages.open("wb") as output, errors.open("wb") as log:
                began = time.perf_counter()
                code = subprocess.run(command, stdout=output, stderr=log, check=False).returncode
                seconds = time.perf_counter() - began
            statuses = [request.status for request in harvest.requests]
        lines = messages.read_text(encoding="utf-8").splitlines()
        yield [
            f"{title}, {turn}",
            f"with {fault(errors)}" if code else "well",
            len(statuses),
            statuses.count(429),
            f"{sum(is_a('RECORD', line) for line in lines):,}",
            f"{seconds:.1f}",
        ]
        if code:
            return
        state = write(folder / "singer-state.json", last_state(messages))


def fault(log: Path) -> str:
    """The kind of the last error in a log."""
    kinds = re.findall(r"\b(\w+(?:Error|Mismatch))\b", log.read_text(encoding="utf-8"))
    return kinds[-1] if kinds else "an error"


SECTION: Final = Section(
    name="singer",
    title="Beside singer-io's tap",
    about=ABOUT,
    measure=compare,
    packages=("singer-sdk", "requests"),
)
