"""What a user sets, and what is said when it cannot be right."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from singer_sdk.exceptions import ConfigValidationError

from tap_harvest.tap import TapHarvest

GOOD = {"access_token": "71001.pt.secret", "account_id": 900100}


def complaints(**settings: Any) -> str:
    """What the tap says about its settings before it asks Harvest for anything."""
    with pytest.raises(ConfigValidationError) as caught:
        TapHarvest(config={**GOOD, **settings})
    return "\n".join(caught.value.errors)


@pytest.mark.parametrize("account_id", [900100, "900100"])
def test_an_account_id_is_a_number_or_its_text(account_id: int | str):
    """Settings files hold numbers, environment variables hold texts."""
    assert TapHarvest(config={**GOOD, "account_id": account_id}).account.id == 900100


@pytest.mark.parametrize("name", ["start_date", "end_date"])
@pytest.mark.parametrize("value", ["yesterday", "2031-13-01", "31/12/2031"])
def test_a_malformed_date_is_named(name: str, value: str):
    """The setting, the value, and how to write it."""
    text = complaints(**{name: value})

    assert f"`{name}` is neither a date nor a date-time" in text
    assert value in text


@pytest.mark.parametrize("end", ["2031-01-01", "2031-05-01", "2031-05-01T02:00:00+02:00"])
def test_an_end_that_is_not_after_the_start_is_named(end: str):
    """Nothing lies between, which nobody can have meant."""
    assert "`end_date` is not after" in complaints(start_date="2031-05-01", end_date=end)


@pytest.mark.parametrize(
    "value", ["", "two words", "71001.pt.secret\n", "tökén", 12345], ids=["", *"abcd"]
)
def test_a_token_that_cannot_be_one_is_not_repeated(value: Any):
    """The complaint names the setting and keeps the secret."""
    text = complaints(access_token=value)

    assert "`access_token` is not a token" in text
    assert not str(value).strip() or str(value).strip() not in text


def test_a_missing_token_is_named():
    """The one setting without which nothing works."""
    with pytest.raises(ConfigValidationError) as caught:
        TapHarvest(config={})

    assert "'access_token' is a required property" in caught.value.errors


@pytest.mark.parametrize("name", ["api_url", "identity_url"])
@pytest.mark.parametrize(
    "value",
    [
        "api.harvestapp.com/v2",
        "ftp://example.com",
        "https://me:secret@example.com/v2",
        "https://[example.com",
        "https://example.com:port",
    ],
)
def test_an_address_that_is_none_is_named_and_not_repeated(name: str, value: str):
    """It may hold a password."""
    text = complaints(**{name: value})

    assert f"`{name}` is not the address of a web server" in text
    assert "secret" not in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("account_id", "mine"),
        ("page_size", 0),
        ("page_size", 2001),
        ("lookback_seconds", -1),
        ("requests_per_15_seconds", 101),
        ("request_timeout_seconds", 0),
        ("user_agent", "two\nlines"),
        ("user_agent", " "),
        ("on_forbidden", "ignore"),
    ],
)
def test_a_value_out_of_bounds_is_named(name: str, value: Any):
    """Before the first request."""
    assert f"config['{name}']" in complaints(**{name: value})


def test_a_state_that_is_none_is_an_error():
    """A state of another shape is not taken for an empty one."""
    with pytest.raises(ConfigValidationError, match="The state cannot be used"):
        TapHarvest(config=GOOD, state={"bookmarks": ["clients"]})


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the tap as a program, with nothing else in its environment."""
    return subprocess.run(
        [sys.executable, "-m", "tap_harvest", *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )


def test_discovery_needs_no_settings():
    """No credentials, and nobody to ask."""
    catalog = json.loads(command("--discover").stdout)

    assert len(catalog["streams"]) == 21


def test_about_tells_the_settings_and_which_are_secret():
    """Meltano and people read it; it needs no settings either."""
    about = json.loads(command("--about", "--format=json").stdout)
    settings = about["settings"]["properties"]

    assert settings["access_token"]["secret"] is True
    assert all(setting["description"] for setting in settings.values())
    assert "access_token" in command("--about", "--format=markdown").stdout
