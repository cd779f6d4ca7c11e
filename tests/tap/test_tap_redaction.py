"""What must not be in a log is in none, at any level."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

import pytest
from singer_sdk.exceptions import FatalAPIError
from tap_run import program, selecting, settings

from harvest_sandbox.endpoints import oracle
from support.account_tables import account
from tap_harvest.http.client import Client
from tap_harvest.http.sign_in import OAuth, PersonalToken
from tap_harvest.tap import TapHarvest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scripted_server import Script

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
    file, logs = tmp_path / "config.json", tmp_path / "logging.yaml"
    file.write_text(json.dumps(config), encoding="utf-8")
    logs.write_text(json.dumps(DEBUG_EVERYTHING), encoding="utf-8")

    run = subprocess.run(
        [sys.executable, "-m", "tap_harvest", "--config", file],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"SINGER_SDK_LOG_CONFIG": str(logs), "TAP_HARVEST_LOGLEVEL": "DEBUG"},
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


SECRET: Final = "71001.pt.a+secret/of:the-tests"
SPELLINGS: Final = {
    "plain": SECRET,
    "URL": quote(SECRET, safe=""),
    "URL, small": quote(SECRET, safe="").lower(),
    "URL, twice": quote(quote(SECRET, safe=""), safe=""),
    "form": urlencode({"token": SECRET}),
    "JSON": SECRET.replace("/", r"\/"),
    "JSON, escaped": "".join(f"\\u{ord(character):04X}" for character in SECRET),
    "HTML": "".join(f"&#{ord(character)};" for character in SECRET),
    "XML": "".join(f"&#x{ord(character):x};" for character in SECRET),
}
"""How a server may repeat a secret."""


@pytest.mark.parametrize("way", SPELLINGS)
@pytest.mark.parametrize("status", [400, 401, 422])
def test_a_secret_that_harvest_repeats_is_replaced(
    script: Script, caplog: pytest.LogCaptureFixture, *, status: int, way: str
):
    """In the error and in the log, however it is spelt, also where the text is cut."""
    client = Client(
        api_url=f"{script.url}/v2",
        identity_url=script.url,
        sign_in=PersonalToken(SECRET),
        user_agent="test",
    )
    said = f"No such token: {SPELLINGS[way]}. {'x' * 270} {SPELLINGS[way]}"
    script.says({"message": said, "error": SPELLINGS[way]}, status=status)

    with pytest.raises(FatalAPIError) as caught:
        list(client.pages("/clients", {}, stream="clients"))
    client.close()

    text = str(caught.value) + caplog.text
    assert "No such token: ***. xxx" in text.replace("token=", "")
    assert SPELLINGS[way] not in text
    assert not re.search("secret", text.replace("client_secret", ""))


def test_the_secrets_of_oauth2_are_replaced(script: Script):
    """The client's secret, and old and new tokens, in errors and addresses."""
    names = {"client_secret": "secret-of-ours", "refresh_token": "refresh-of-ours"}
    client = Client(
        api_url=f"{script.url}/v2",
        identity_url=script.url,
        sign_in=OAuth(client_id="id", **names),
        user_agent="test",
    )
    granted = {"access_token": "access-of-theirs", "refresh_token": "refresh-of-theirs"}
    secrets = [*names.values(), *granted.values()]
    script.says(granted).says({"message": " ".join(secrets)}, status=400)
    list_of = {
        "clients": [],
        "total_entries": 9,
        "links": {"next": f"{script.url}/refresh-of-ours"},
    }
    script.says(list_of).says(status=422)

    errors = []
    for _ in range(2):
        with pytest.raises(FatalAPIError) as caught:
            list(client.pages("/clients", {}, stream="clients"))
        errors.append(str(caught.value))
    client.close()

    assert ": *** *** *** ***)" in errors[0]
    assert f"422 on {script.url}/***, stream" in errors[1]


def test_an_error_name_of_the_identity_host_holds_no_secret(script: Script):
    """A fault's name could be a token as well."""
    client = Client(
        api_url=f"{script.url}/v2",
        identity_url=script.url,
        sign_in=OAuth(client_id="id", client_secret="our_secret", refresh_token="our_token"),
        user_agent="test",
    )
    script.says({"error": "our_token"}, status=400)

    with pytest.raises(FatalAPIError) as caught:
        list(client.pages("/clients", {}, stream="clients"))
    client.close()

    assert "our_token" not in str(caught.value)


def test_a_secret_in_the_line_of_a_library_is_replaced(
    script: Script,
    config: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
):
    """The connection logs each address with its query at DEBUG."""
    connection = logging.getLogger("urllib3.connectionpool")
    # Another library of the same process may have silenced it.
    monkeypatch.setattr(connection, "disabled", False)
    caplog.set_level("DEBUG")
    caplog.set_level("DEBUG", connection.name)
    tap = TapHarvest(config={**config, "access_token": SECRET, "api_url": f"{script.url}/v2"})
    script.says({"id": 1, "access_roles": ["administrator"]})
    client = tap.account.client
    client.one(f"/users/me?access_token={quote(SECRET, safe='')}", stream="users_me")
    client.close()

    assert "/users/me?access_token=*** HTTP/1.1" in caplog.text
    assert "secret" not in caplog.text


def test_a_traceback_holds_no_message(caplog: pytest.LogCaptureFixture, config: dict[str, Any]):
    """The messages of errors below quote what a record holds; kinds and lines remain."""
    TapHarvest(config=config)
    try:
        try:
            int("Example Harbour")
        except ValueError as error:
            raise KeyError("Example Works") from error
    except KeyError:
        logging.getLogger("tap-harvest").warning("Where it arose", exc_info=True)

    text = logging.Formatter().format(caplog.records[-1])
    assert text.startswith("Where it arose\nTraceback (most recent call last):\n")
    assert "\nValueError\n\nwhich led to:\n\nTraceback" in text
    assert text.endswith("\nKeyError")
    assert not re.search(r"(?<!\(\")Example", text)


# The program's own end.


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("1/0", "ZeroDivisionError"),
        ("int(name)", "ValueError"),
        ("name[999]", "IndexError"),
        ("9**9**9", "NumberTooHigh"),
        ("unknown_word", "NameNotDefined"),
    ],
)
def test_an_expression_that_fails_ends_with_one_line(
    harvest: Sandbox, tmp_path: Path, expression: str, kind: str
):
    """Stream and kind of the error, no value of a record, no traceback."""
    environment = settings(harvest) | {
        "TAP_HARVEST_STREAM_MAPS": json.dumps({"clients": {"computed": expression}})
    }
    catalog = tmp_path / "catalog.json"
    catalog.write_text(json.dumps(selecting("clients")), encoding="utf-8")

    run = program("--config=ENV", f"--catalog={catalog}", **environment)

    assert run.returncode == 1
    errors = [line for line in run.stderr.splitlines() if " ERROR " in line]
    assert len(errors) == 1
    assert "`stream_maps` cannot be used" in errors[0]
    assert expression in errors[0] or (kind in errors[0] and '"clients"' in errors[0])
    assert "Traceback" not in run.stderr
    assert not any(row["name"] in run.stderr for row in harvest.rows("clients"))
    assert "ACTIVATE_VERSION" not in run.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="This system has no /dev/full.")
@pytest.mark.parametrize("arguments", [[], ["--discover"], ["--about"], ["--test"]], ids=" ".join)
def test_a_full_disk_behind_the_output_ends_with_one_line(harvest: Sandbox, arguments: list[str]):
    """What to do is said, and no traceback is, also when Python ends."""
    with Path("/dev/full").open("wb") as full:
        run = subprocess.run(
            [sys.executable, "-m", "tap_harvest", "--config=ENV", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=os.environ | settings(harvest),
        )

    assert run.returncode == 1
    errors = [line for line in run.stderr.splitlines() if " ERROR " in line]
    assert len(errors) == 1
    assert "Standard output cannot be written: No space left on device. Make room" in errors[0]
    assert "Traceback" not in run.stderr
    assert "Exception ignored" not in run.stderr


@pytest.mark.parametrize("option", ["config", "state", "catalog"])
@pytest.mark.parametrize("depth", [3_000, 100_000])
def test_a_file_that_is_nested_too_deeply_is_named(tmp_path: Path, *, option: str, depth: int):
    """The option and the file are named, and no traceback is shown."""
    file = tmp_path / "deep.json"
    file.write_text('{"a":' * depth + "1" + "}" * depth, encoding="utf-8")

    run = program("--config=ENV", f"--{option}={file}", TAP_HARVEST_ACCESS_TOKEN=SECRET)

    assert run.returncode == 1
    assert f"`--{option}` " in run.stderr
    assert f"{file} cannot be read as a JSON object: it is nested too deeply" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("path", "field", "value", "said"),
    [
        ("/v2/invoices", b'"line_items":', b'"Example Harbour","more":', "got `str` - at"),
        ("/v2/users/me", b'"weekly_capacity":', b'1e400,"more":', "Number out of range"),
        ("/v2/company", b'"weekly_capacity":', b'1e400,"more":', "Number out of range"),
    ],
)
def test_an_answer_that_is_not_as_documented_ends_with_one_line(
    harvest: Sandbox, tmp_path: Path, *, path: str, field: bytes, value: bytes, said: str
):
    """The kind of the value and its place are named, and the value is not."""
    harvest.fail(path=path, rewrite=lambda body: body.replace(field, field + value), times=None)
    catalog = tmp_path / "catalog.json"
    catalog.write_text(json.dumps(selecting("invoice_line_items")), encoding="utf-8")

    run = program("--config=ENV", f"--catalog={catalog}", **settings(harvest))

    assert run.returncode == 1
    [error] = [line for line in run.stderr.splitlines() if " ERROR " in line]
    assert "An answer of Harvest's is not as documented: " in error
    assert said in error
    assert "Example Harbour" not in run.stderr
    assert "Traceback" not in run.stderr
    assert "replication_key_value" not in run.stdout


@pytest.mark.parametrize("name", ["access_token", "client_secret", "refresh_token"])
def test_a_secret_in_the_place_of_another_setting_is_not_shown(name: str):
    """What is wrong is said, and the secret is not."""
    secret = SECRET + "x" * 90  # As long as Harvest's tokens: it is cut.
    wrong = {"TAP_HARVEST_ACCOUNT_ID": secret, "TAP_HARVEST_ON_FORBIDDEN": f"skip {secret}"}

    run = program("--config=ENV", **wrong, **{f"TAP_HARVEST_{name.upper()}": secret})

    assert run.returncode == 1
    assert "`account_id` is not the number of an account, such as 900100: '***'." in run.stderr
    assert "skip ***" in run.stderr
    assert "secret/of" not in run.stderr
