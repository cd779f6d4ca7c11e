"""`make demo`: a stand-in Harvest account, synced into harvest.db by Meltano, and its page.

The first run reads the whole account. A later run finds that a working day has passed, and reads
only what was done on it.
"""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
import subprocess
import sys
import time
import unicodedata
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from demo import show
from harvest_sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

DATABASE: Final = Path("harvest.db")
LOG: Final = Path(".meltano/demo.log")
MELTANO: Final = Path(sys.executable).with_name("meltano")
TIME_ENTRIES: Final = 20_000
DAYS: Final = 90
BAR: Final = 22  # Characters of the longest bar.
LAST_LINES: Final = 25  # Of the log, where a sync fails.

HOURS_BY_CLIENT: Final = """
    SELECT client__name, client__currency, sum(hours), sum(hours * billable_rate)
    FROM time_entries
    WHERE spent_date > ? AND _sdc_deleted_at IS NULL
    GROUP BY client__name, client__currency
    ORDER BY sum(hours) DESC
    LIMIT 10
"""

YOUR_ACCOUNT: Final = """
The same with your account, into warehouse.db (make a token of your own at
https://id.getharvest.com/developers):

  export TAP_HARVEST_ACCESS_TOKEN=...  TAP_HARVEST_ACCOUNT_ID=...
  .venv/bin/meltano run tap-harvest target-harvest-sql
  make show
"""


def main() -> int:
    """Run the demo in the current directory, which has meltano.yml. Returns the exit code."""
    resumed = DATABASE.exists() and LOG.exists()
    with Sandbox(time_entries=TIME_ENTRIES, seed=1, budgets=True) as harvest:
        say(f"A stand-in Harvest account of {TIME_ENTRIES:,} invented time entries is at")
        say(f"{harvest.api_url}.")
        if resumed:
            work_a_day(harvest)
            say("Since the last demo a working day has passed there.")
        say("\n$ meltano run tap-harvest target-harvest-sql")
        say(f"(half a minute or less; its log goes to {LOG})")
        started = time.monotonic()
        code = sync(harvest, resumed=resumed)
        seconds = time.monotonic() - started
        if code:
            say("".join(LOG.open(encoding="utf-8").readlines()[-LAST_LINES:]))
            say(f"The sync failed with exit code {code}; the whole log is in {LOG}.")
            return code
        cost = (
            f"{len(harvest.requests)} requests, "
            f"{sum(request.rows for request in harvest.requests):,} rows read, {seconds:.0f} s"
        )
        since = harvest.now.date() - dt.timedelta(days=DAYS)
    say("\n".join(landed(since)))
    say(
        f"Resumed from the bookmarks: {cost}."
        if resumed
        else f"First sync: {cost}.\nRun it again to see it resume."
    )
    say("(Line items, roles and references come inside other rows.)")
    say("\nIts page, for a browser:")
    if code := show.make_page(DATABASE):
        return code
    say(YOUR_ACCOUNT)
    return 0


def work_a_day(harvest: Sandbox) -> None:
    """Change the account as eight hours of work do: new and changed entries, an invoice, a bill."""
    harvest.advance(seconds=8 * 60 * 60)
    for entry in harvest.rows("time_entries")[:5]:
        harvest.change("time_entries", entry["id"], notes="Agreed with the client.")
    for hours in (0.5, 1.25, 2, 3.75):
        harvest.add("time_entries", hours=hours)
    harvest.add("invoices")
    harvest.add("expenses")


def sync(harvest: Sandbox, *, resumed: bool) -> int:
    """Run the pipeline in the environment `demo`, as a user does. Returns the exit code."""
    LOG.parent.mkdir(exist_ok=True)
    account = {
        "MELTANO_ENVIRONMENT": "demo",
        # A database that somebody removed is filled anew, whatever the state says.
        "MELTANO_RUN_FULL_REFRESH": str(not resumed).lower(),
        "TAP_HARVEST_ACCESS_TOKEN": harvest.token,
        "TAP_HARVEST_ACCOUNT_ID": harvest.account_id,
        "TAP_HARVEST_API_URL": harvest.api_url,
        "TAP_HARVEST_IDENTITY_URL": harvest.identity_url,
    }
    with LOG.open("w", encoding="utf-8") as log:
        return subprocess.run(
            [MELTANO, "run", "tap-harvest", "target-harvest-sql"],
            env=os.environ | account,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode


def landed(since: dt.date) -> Iterator[str]:
    """Return the lines that show the database: the rows of each table, and hours by client."""
    with closing(sqlite3.connect(DATABASE)) as database:
        tables = [
            name
            for (name,) in database.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
            )
        ]
        counts = {
            name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
            for name in tables
        }
        clients = database.execute(HOURS_BY_CLIENT, [since.isoformat()]).fetchall()
    yield f"\n{DATABASE!s:<34}{'rows':>8}"
    for name, count in counts.items():
        yield f"  {name:<32}{count:>8,}"
    yield f"\nThe last {DAYS} days by client{'hours':>14}{'amount':>16}"
    most = max((hours for _, _, hours, _ in clients), default=0) or 1
    for client, currency, hours, amount in clients:
        bar = "█" * max(1, round(BAR * hours / most))
        yield f"  {cell(client, 28)}{hours:>10,.1f}{amount or 0:>12,.0f} {currency} {bar}"
    yield ""


def cell(text: str, width: int) -> str:
    """Return the text in a number of terminal columns. Some characters take two."""
    shown, used = "", 0
    for character in text:
        columns = 2 if unicodedata.east_asian_width(character) in {"F", "W"} else 1
        if used + columns > width:
            break
        shown, used = shown + character, used + columns
    return shown + " " * (width - used)


def say(text: str) -> None:
    """Print a line at once, without a buffer."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        code = main()
    except KeyboardInterrupt:
        say("\nStopped. Run it again to go on.")
        code = 130
    sys.exit(code)
