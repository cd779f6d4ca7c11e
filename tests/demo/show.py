"""`make show`: creates the page of the database in this folder, and prints its address.

That is the database that a variable names, else warehouse.db, else the demo's harvest.db. The
demo's page is of the day on which its account changed last, as its clock is not ours.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

from dotenv import find_dotenv, load_dotenv

WAREHOUSE: Final = Path("warehouse.db")
DEMO: Final = Path("harvest.db")
COMMAND: Final = Path(sys.executable).with_name("harvest-report")
VARIABLES: Final = ("HARVEST_REPORT_SQLALCHEMY_URL", "DATABASE_URL")


def main(arguments: list[str]) -> int:
    """Create the page. Returns the exit code, which is 1 if there is no database."""
    load_dotenv(find_dotenv(usecwd=True))
    if WAREHOUSE.exists() or any(os.environ.get(name) for name in VARIABLES):
        return subprocess.run([COMMAND, "page", *arguments], check=False).returncode
    if DEMO.exists():
        return make_page(DEMO, *arguments)
    sys.stdout.write(
        "There is no warehouse.db and no harvest.db here. `make demo` makes one, and so does\n"
        "`.venv/bin/meltano run tap-harvest target-harvest-sql` of your account.\n"
    )
    return 1


def make_page(demo: Path, *arguments: str) -> int:
    """Create the page of the demo's database. Returns the exit code."""
    with closing(sqlite3.connect(demo)) as database:
        [(last,)] = database.execute("SELECT max(updated_at) FROM time_entries")
    options = ("--database", f"sqlite:///{demo}", "--as-of", last[:10])
    return subprocess.run([COMMAND, "page", *options, *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
