"""What must not be in a log is in none, at any level."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest

from account_tables import account
from harvest_sandbox.endpoints import oracle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harvest_sandbox import Sandbox

DEBUG_EVERYTHING: Final = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"all": {"format": "%(name)s %(levelname)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "all"}},
    "root": {"level": "DEBUG", "handlers": ["stderr"]},
}
QUERY: Final = {"page"}
"""Texts of the account that are words of Harvest's queries as well."""
LONG: Final = 4
"""From so many characters on a text can be told from others."""
MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d(T.*)?")


def texts(value: Any) -> Iterator[str]:
    """Every text inside a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def private(harvest: Sandbox) -> set[str]:
    """The texts of the account that nobody but its people may read.

    Not numbers, days and moments, nor the words that Harvest has for states and kinds.
    """
    found = {*texts(harvest.company), *texts(account(harvest))}
    known = {word for entry in oracle().values() for word in texts(values(entry["fields"]))}
    return {
        text
        for text in found - known - QUERY
        if len(text) >= LONG and not MOMENT.fullmatch(text) and not text.isdecimal()
    }


def values(fields: Any) -> list[Any]:
    """The values that are known of fields, and of fields inside them."""
    if not isinstance(fields, dict):
        return []
    inner = [part for about in fields.values() for part in values(about)]
    return [*inner, fields.get("values", [])]


@pytest.mark.parametrize("way", ["personal", "OAuth2"])
def test_neither_a_secret_nor_a_text_of_the_account_is_logged(
    harvest: Sandbox, config: dict[str, Any], tmp_path: Path, way: str
):
    """At no level, by no library, whatever goes wrong on the way."""
    identity = harvest.identity
    secrets = {harvest.token}
    if way == "OAuth2":
        secrets = {identity.client_secret, identity.refresh_token, "900100.at.access"}
        del config["access_token"]
        config |= {
            "client_id": identity.client_id,
            "client_secret": identity.client_secret,
            "refresh_token": identity.refresh_token,
        }
    wanted = private(harvest) | secrets
    harvest.fail(path="/v2/clients", status=500)
    harvest.fail(path="/v2/users", cut=True)
    harvest.fail(path="/v2/contacts", status=403)
    harvest.fail(path="/v2/invoices", status=429, retry_after=0)
    harvest.fail(path="/v2/time_entries", rewrite=lambda body: body[:-9])
    harvest.fail(path="/v2/reports/project_budget", status=401, body="oauth", times=None)
    file, logging = tmp_path / "config.json", tmp_path / "logging.yaml"
    file.write_text(json.dumps(config), encoding="utf-8")
    logging.write_text(json.dumps(DEBUG_EVERYTHING), encoding="utf-8")

    run = subprocess.run(
        [sys.executable, "-m", "tap_harvest", "--config", file],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"SINGER_SDK_LOG_CONFIG": str(logging), "TAP_HARVEST_LOGLEVEL": "DEBUG"},
    )

    assert run.returncode == 1
    assert "urllib3.connectionpool DEBUG" in run.stderr
    assert "Where it arose\nTraceback" in run.stderr
    assert run.stderr.count("Asking again") >= 4
    assert len(wanted) > 300
    found = {text for text in wanted if text in run.stderr}
    assert {
        text for text in found if re.search(rf"(?<!\w){re.escape(text)}(?!\w)", run.stderr)
    } == set()
