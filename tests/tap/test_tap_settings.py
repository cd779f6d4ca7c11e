"""What a user sets, and what is said when it cannot be right."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from singer_sdk.exceptions import ConfigValidationError

from support import commands
from tap_harvest.tap import TapHarvest

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

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


@pytest.mark.parametrize("name", ["start_date", "end_date", "report_start_date"])
@pytest.mark.parametrize(
    "value",
    [
        *("yesterday", "2031-13-01", "31/12/2031", "2031-04-09T16:20+99:00", 2031, ["2031-01-01"]),
        *("0001-01-01", "1900-12-31", "2101-01-01", "9999-12-31T23:59:59-10:00"),
    ],
)
def test_a_malformed_date_is_named(name: str, value: Any):
    """The setting, the value, and how to write it."""
    text = complaints(**{name: value})

    assert text == (
        f"`{name}` is not a date or date-time of this or the last century, such as `2031-04-09` or "
        f"`2031-04-09T16:20:00Z`: {value!r}."
    )


@pytest.mark.parametrize("end", ["2021-01-01", "2021-05-01", "2021-05-01T02:00:00+02:00"])
def test_an_end_that_is_not_after_the_start_is_named(end: str):
    """Nothing lies between, which nobody can have meant."""
    assert "`end_date` is not after" in complaints(start_date="2021-05-01", end_date=end)


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

    [text] = caught.value.errors
    assert "`access_token` is not set" in text
    assert "TAP_HARVEST_ACCESS_TOKEN" in text


OAUTH = {"client_id": "client-1", "client_secret": "secret-1", "refresh_token": "900100.rt.a.1"}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"access_token": "71001.pt.a", **OAUTH}, "Both ways to sign in are set"),
        (
            {"access_token": "71001.pt.a", "client_id": "client-1"},
            "`access_token`, and",
        ),
        ({"client_id": "client-1"}, "`client_secret` and `refresh_token` are not set"),
        ({**OAUTH, "client_secret": None}, "and `client_secret` is not set"),
        ({**OAUTH, "refresh_token": "two words"}, "`refresh_token` is not a token"),
        ({**OAUTH, "client_secret": 1234567}, "`client_secret` is not a client's id or secret"),
    ],
    ids=["both", "one and a half", "a third", "two thirds", "blank", "number"],
)
def test_one_way_to_sign_in_is_set_as_a_whole(settings: dict[str, Any], sentence: str):
    """One sentence that names the settings and keeps the secrets, before the first request."""
    with pytest.raises(ConfigValidationError) as caught:
        TapHarvest(config=settings)

    [text] = caught.value.errors
    assert sentence in text
    assert not any(str(value) in text for name, value in settings.items() if name != "client_id")


def test_both_ways_to_sign_in_are_enough():
    """Either of them, and nothing else."""
    for way in ({"access_token": "71001.pt.a"}, OAUTH):
        TapHarvest(config=way)


def test_a_setting_that_there_is_not_is_named(caplog: pytest.LogCaptureFixture):
    """A misspelt one would change nothing, and nobody would know; its value is not repeated."""
    TapHarvest(config={**GOOD, "acount_id": 900200})

    assert "no such setting" in caplog.text
    assert "acount_id" in caplog.text
    assert "900200" not in caplog.text


def test_settings_of_the_sdk_are_known(caplog: pytest.LogCaptureFixture):
    """They are none of ours, and as good."""
    TapHarvest(config={**GOOD, "stream_maps": {}, "flattening_enabled": False})

    assert "no such setting" not in caplog.text


@pytest.mark.parametrize(
    ("variable", "value", "right"),
    [
        ("PAGE_SIZE", "many", "a whole number from 1 to 2000: 'many'."),
        ("LOOKBACK_SECONDS", "1.5", "a whole number from 0 to 3153600000: '1.5'."),
        ("ACCOUNT_ID", "mine", "the number of an account, such as 900100: 'mine'."),
        ("INCLUDE_FIXED_FEE", "maybe", "true or false: 'maybe'."),
        ("STREAM_FILTERS", "{", "an object: '{'."),
        ("STREAM_MAPS", "[]", "an object: []."),
        ("FLATTENING_ENABLED", "maybe", "true or false: 'maybe'."),
    ],
)
def test_a_variable_of_the_wrong_kind_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, right: str
):
    """As in a file: all variables are texts, not all texts are numbers."""
    monkeypatch.setenv(f"TAP_HARVEST_{variable}", value)

    with pytest.raises(ConfigValidationError) as caught:
        TapHarvest(config={"access_token": "71001.pt.secret"}, parse_env_config=True)

    assert caught.value.errors == [f"`{variable.lower()}` is not {right}"]


@pytest.mark.parametrize(
    ("text", "value"), [("TRUE", True), ("1", True), ("no", False), ("off", False)]
)
def test_a_variable_is_true_or_false(monkeypatch: pytest.MonkeyPatch, text: str, value: bool):
    """In the words that the SDK knows, and their opposites."""
    monkeypatch.setenv("TAP_HARVEST_INCLUDE_FIXED_FEE", text)

    assert TapHarvest(config=GOOD, parse_env_config=True).config["include_fixed_fee"] is value


def test_the_shell_goes_before_a_dotenv_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A file that lies around must not send a run to another account."""
    (tmp_path / ".env").write_text("TAP_HARVEST_PAGE_SIZE=200\nTAP_HARVEST_LOOKBACK_SECONDS=9\n")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    monkeypatch.setenv("TAP_HARVEST_PAGE_SIZE", "100")
    monkeypatch.setenv("TAP_HARVEST_LOOKBACK_SECONDS", "of the file")
    monkeypatch.delenv("TAP_HARVEST_LOOKBACK_SECONDS")  # It is gone again after the test.

    tap = TapHarvest(config={**GOOD}, parse_env_config=True)

    assert tap.config["page_size"] == 100
    assert tap.config["lookback_seconds"] == 9


def test_a_dotenv_file_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """With its path, and no traceback."""
    (tmp_path / ".env").write_bytes(b"\xff\xfe")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigValidationError) as caught:
        TapHarvest(config={**GOOD}, parse_env_config=True)

    assert ".env cannot be read" in caught.value.errors[0]


def test_a_variable_of_no_setting_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """As a setting in a file is; what Meltano and the SDK set for themselves is not."""
    for name in ("ACOUNT_ID", "LOGLEVEL", "_SELECT"):
        monkeypatch.setenv(f"TAP_HARVEST_{name}", "INFO")
    TapHarvest(config={**GOOD}, parse_env_config=True)

    [text] = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert text.endswith(": acount_id")


def test_an_option_of_a_stream_map_that_cannot_be_right_is_named():
    """Though the SDK's own schema of it is broken."""
    text = complaints(stream_maps={"__else__": "x"})

    assert text == "`stream_maps.__else__` is not what the Meltano SDK allows there: 'x'."


def test_a_setting_that_is_null_is_not_set():
    """Files made from templates hold null where nobody filled in; two settings know it as never."""
    names = [name for name in TapHarvest.config_jsonschema["properties"] if name not in GOOD]

    tap = TapHarvest(config={**GOOD, **dict.fromkeys(names)})

    never = {"reconcile_days": None, "sweep_days": None}
    assert tap.config == {**TapHarvest(config={**GOOD}).config, **never}


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch):
    """Schedulers pass on what nobody filled in."""
    for variable in ("ACCOUNT_ID", "START_DATE", "PAGE_SIZE", "API_URL", "USER_AGENT"):
        monkeypatch.setenv(f"TAP_HARVEST_{variable}", "")
    monkeypatch.setenv("TAP_HARVEST_LOOKBACK_SECONDS", "7")

    tap = TapHarvest(config={"access_token": "71001.pt.secret"}, parse_env_config=True)

    assert "account_id" not in tap.config
    assert tap.config["page_size"] == 2000
    assert tap.config["lookback_seconds"] == 7


@pytest.mark.parametrize("variable", ["ACCOUNT_IDS", "STREAM_FILTERS"])
def test_a_variable_that_is_null_is_not_set(monkeypatch: pytest.MonkeyPatch, variable: str):
    """Where it is JSON, null is a way to write that there is none."""
    monkeypatch.setenv(f"TAP_HARVEST_{variable}", "null")

    tap = TapHarvest(config=GOOD, parse_env_config=True)

    assert tap.config == TapHarvest(config=GOOD).config


@pytest.mark.parametrize("name", ["api_url", "identity_url"])
@pytest.mark.parametrize(
    "value",
    [
        "api.harvestapp.com/v2",
        "ftp://example.com",
        "https://me:secret@example.com/v2",
        "https://[example.com",
        "https://example.com:port",
        "https://example.com/v2 ",
        "https://example.com/v2?x=1",
    ],
)
def test_an_address_that_is_none_is_named_and_not_repeated(name: str, value: str):
    """It may hold a password."""
    text = complaints(**{name: value})

    assert f"`{name}` is not the address of a web server" in text
    assert "secret" not in text


@pytest.mark.parametrize(
    ("name", "values", "right"),
    [
        ("account_id", ["mine", "", 0, -1, 7.5, True, [7]], "the number of an account, such as"),
        ("lookback_seconds", [-1, "300", 1.5, True, 10**30], "a whole number from 0 to 3153600000"),
        ("reconcile_days", [-1, 10**12], "a whole number from 0 to 36500"),
        ("sweep_days", [-1, "30", 10**12], "a whole number from 0 to 36500"),
        ("stream_filters", [[], "tasks", 7], "an object"),
        ("report_window", ["fortnight", "Month", 7], "one of day, week, month, quarter, year"),
        ("report_lookback_days", [-1, 10**9], "a whole number from 0 to 36500"),
        ("include_fixed_fee", ["yes", 1], "true or false"),
        ("on_forbidden", ["ignore", False], "one of skip, fail"),
        ("page_size", [0, 2001, "2000", 2000.5, True], "a whole number from 1 to 2000"),
        ("max_concurrent_requests", [0, 101], "a whole number from 1 to 100"),
        ("requests_per_15_seconds", [0, 101], "a whole number from 1 to 100"),
        ("report_requests_per_15_minutes", [0, 101], "a whole number from 1 to 100"),
        ("request_timeout_seconds", [0, 10**30], "a whole number from 1 to 3600"),
        ("user_agent", ["", " ", "two\nlines", "tökén", 7], "a line of plain characters, such as"),
        ("stream_maps", [[], "tasks"], "an object"),
        ("flattening_enabled", ["yes"], "true or false"),
        ("flattening_max_depth", ["all"], "a whole number"),
    ],
)
def test_a_value_that_cannot_be_right_is_named(name: str, values: list[Any], right: str):
    """In one sentence, with what is right."""
    for value in values:
        text = complaints(**{name: value})

        assert text.startswith(f"`{name}` is not {right}")
        assert text.endswith(f": {value!r}.")
        assert "\n" not in text


def test_a_fault_inside_a_setting_is_named():
    """Where it is, in a setting of the SDK."""
    text = complaints(stream_maps={"tasks": 7}, faker_config={"locale": 7})

    assert text.splitlines() == [
        "`stream_maps.tasks` is not what the Meltano SDK allows there: 7.",
        "`faker_config.locale` is not what the Meltano SDK allows there: 7.",
    ]


def test_a_long_value_is_not_repeated_whole():
    """It may be a file that somebody took for a name."""
    assert len(complaints(report_window="x" * 1000)) < 200


def test_all_that_is_wrong_is_named():
    """So that nobody has to try as often as there are faults."""
    text = complaints(page_size=0, report_window="fortnight", start_date="yesterday")

    assert len(text.splitlines()) == 3


@pytest.mark.parametrize(
    "state", [{"bookmarks": ["clients"]}, {"type": "STATE", "value": {"bookmarks": {}}}]
)
def test_a_state_that_is_none_is_an_error(state: dict[str, Any]):
    """A state of another shape is not taken for an empty one."""
    with pytest.raises(ConfigValidationError, match="The state cannot be used"):
        TapHarvest(config=GOOD, state=state)


def command(
    *arguments: str, check: bool = True, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the tap as a program, with nothing else in its environment."""
    return commands.run([commands.TAP, *arguments], check=check, text=True, env=environment)


@pytest.mark.parametrize("option", ["--config", "--state", "--catalog"])
@pytest.mark.parametrize("text", ["", '{"access_token": "71001.pt.secret",', "[1]"])
def test_a_file_that_holds_no_object_is_named(tmp_path: Path, option: str, text: str):
    """One sentence with option and path, no traceback, and nothing of what is in it."""
    file = tmp_path / "file.json"
    file.write_text(text)

    run = command(
        f"{option}={file}", "--config=ENV", check=False, TAP_HARVEST_ACCESS_TOKEN="71001.pt.token"
    )

    assert run.returncode == 1
    assert f"`{option}` {file}" in run.stderr.replace(", ENV", "")
    assert "Traceback" not in run.stderr
    assert "secret" not in run.stderr


def test_a_settings_file_that_is_not_there_is_named():
    """As well as one that cannot be read."""
    run = command("--config=none.json", check=False)

    assert run.returncode == 1
    assert "none.json" in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr


def test_discovery_needs_no_settings():
    """No credentials, and nobody to ask."""
    catalog = json.loads(command("--discover").stdout)

    assert len(catalog["streams"]) == 41


def test_discovery_does_not_judge_settings(tmp_path: Path):
    """The catalog is that of several accounts, whichever they are."""
    settings = tmp_path / "settings.json"
    settings.write_text('{"account_ids": ["nine"]}', encoding="utf-8")

    found = CliRunner().invoke(TapHarvest.cli, ["--config", str(settings), "--discover"])

    assert found.exit_code == 0, found.exception
    [clients, *_] = json.loads(found.stdout)["streams"]
    assert clients["key_properties"] == ["account_id", "id"]


def test_about_tells_the_settings_and_which_are_secret():
    """Meltano and people read it; it needs no settings either."""
    about = json.loads(command("--about", "--format=json").stdout)
    settings = about["settings"]["properties"]

    assert settings["access_token"]["secret"] is True
    assert all(setting["description"] for setting in settings.values())
    assert "access_token" in command("--about", "--format=markdown").stdout


@pytest.mark.parametrize(
    ("maps", "said"),
    [
        ({"tasks": {"name": "lower("}}, "Failed to parse expression lower(."),
        ({"tasks": {"__key_properties__": ["number"]}}, "Invalid key properties for 'tasks'"),
    ],
)
def test_stream_maps_that_cannot_be_used_are_named(maps: dict[str, Any], said: str):
    """By the SDK's words, without a traceback."""
    run = command(
        "--config=ENV",
        check=False,
        TAP_HARVEST_ACCESS_TOKEN="71001.pt.token",
        TAP_HARVEST_STREAM_MAPS=json.dumps(maps),
    )

    assert run.returncode == 1
    assert f"`stream_maps` cannot be used: {said}" in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr


def test_what_a_filter_of_a_stream_map_gives_is_not_logged(caplog: pytest.LogCaptureFixture):
    """The SDK would log it at debug level, and it may be a value of a record."""
    caplog.set_level("DEBUG")
    tap = TapHarvest(config={**GOOD, "stream_maps": {"clients": {"__filter__": "name"}}})
    schema = tap.streams["clients"].schema
    tap.mapper.register_raw_stream_schema("clients", schema, ["id"])
    [mapped] = tap.mapper.stream_maps["clients"]

    assert mapped.get_filter_result({"id": 1, "name": "Planted Works"})
    assert "Planted Works" not in caplog.text
