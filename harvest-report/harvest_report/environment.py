"""Reads environment variables from a file `.env`, as tap-harvest and target-harvest-sql do.

python-dotenv, "Getting Started": https://saurabh-kumar.com/python-dotenv/
"""

from __future__ import annotations

from dotenv import find_dotenv, load_dotenv

from harvest_report.errors import ReportError


def read_dotenv() -> None:
    """Read the file `.env` of the working directory, or of the nearest folder above.

    A variable of the shell overrides one in the file.

    Raises:
        ReportError: The file cannot be read.
    """
    path = find_dotenv(usecwd=True)
    try:
        load_dotenv(path)
    except (OSError, ValueError):
        raise ReportError(
            f"{path} cannot be read: it is no text in UTF-8 that this user may read."
        ) from None
