"""What a user sets, and what is said when it cannot be right."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import ConfigValidationError, MappingError
from target_run import COMMAND, lines, record, run, schema, state, write

from target_harvest_sql.target import TargetHarvestSQL

if TYPE_CHECKING:
    from pathlib import Path

    from fix_databases import Database

PEOPLE = schema("people", id={"type": "integer"}, name="string")


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("sqlalchemy_url", ["s3cr3t"], "a text"),
        ("load_method", "merge", "one of upsert, append-only, overwrite"),
        ("batch_size_rows", 0, "a whole number of at least 1"),
        ("batch_size_rows", "many", "a whole number of at least 1"),
        ("batch_wait_limit_seconds", 0, "a number above 0"),
        ("hard_delete", "perhaps", "true or false"),
        ("flattening_max_depth", 1.5, "a whole number of at least 0"),
        ("batch_config", 5, "an object"),
        ("batch_config.encoding.format", "csv", "one of jsonl, parquet"),
        ("stream_maps.people", 5, "as the Meltano SDK defines it"),
    ],
)
def test_a_setting_that_cannot_be_right_is_named(name: str, value: Any, right: str) -> None:
    """With what would be right; a value that may be a secret is not repeated."""
    outer, *inner = name.split(".")
    for part in reversed(inner):
        value = {part: value}
    with pytest.raises(ConfigValidationError) as caught:
        TargetHarvestSQL(config={outer: value})

    [text] = caught.value.errors
    assert text.startswith(f"`{name}` is not {right}")
    assert "s3cr3t" not in text


@pytest.mark.parametrize("depth", [{}, {"flattening_max_depth": None}])
def test_flattening_needs_a_depth(depth: dict[str, Any]) -> None:
    """Flattening without a depth is a misconfiguration, as in the SDK."""
    with pytest.raises(ConfigValidationError) as caught:
        TargetHarvestSQL(config={"flattening_enabled": True, **depth})

    assert "needs `flattening_max_depth`" in caught.value.errors[0]


def test_null_stands_for_the_default(sqlite_database: Database) -> None:
    """Of every setting: schedulers pass on what nobody filled in."""
    names = TargetHarvestSQL.config_jsonschema["properties"].keys() - {"sqlalchemy_url"}
    nothing = dict.fromkeys(names)

    assert write(sqlite_database, PEOPLE, record("people", id=1), state(at=1), **nothing)


def test_a_setting_that_does_not_exist_is_told(
    sqlite_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """It changes nothing, which is why somebody has to hear of it."""
    write(sqlite_database, PEOPLE, load_metod="overwrite")

    [text] = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert "load_metod" in text
    assert "spelling" in text


def from_environment(monkeypatch: pytest.MonkeyPatch, **variables: str) -> TargetHarvestSQL:
    """The target as variables set it."""
    for name, text in variables.items():
        monkeypatch.setenv(f"TARGET_HARVEST_SQL_{name.upper()}", text)
    return TargetHarvestSQL(config={}, parse_env_config=True)


def test_a_variable_that_is_null_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a file of settings."""
    names = ("batch_size_rows", "batch_size_bytes", "batch_wait_limit_seconds", "lanes")
    target = from_environment(monkeypatch, **dict.fromkeys(names, "null"))

    assert {name: target.config[name] for name in names} == {
        name: target.config_jsonschema["properties"][name]["default"] for name in names
    }


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every kind; an empty variable is not set."""
    target = from_environment(
        monkeypatch,
        load_method="append-only",
        batch_size_rows="5",
        batch_wait_limit_seconds="0.5",
        batch_size_bytes="",
        hard_delete="Yes",
        add_record_metadata="0",
        stream_maps='{"people": {"name": null}}',
    )

    assert target.config["load_method"] == "append-only"
    assert target.config["batch_size_rows"] == 5
    assert target.config["batch_wait_limit_seconds"] == 0.5
    assert target.config["batch_size_bytes"] == 8388608
    assert target.config["hard_delete"] is True
    assert target.config["add_record_metadata"] is False
    assert target.config["stream_maps"] == {"people": {"name": None}}


@pytest.mark.parametrize(
    ("name", "text"),
    [("batch_size_rows", "many"), ("hard_delete", "maybe"), ("stream_maps", "{broken")],
)
def test_a_variable_that_cannot_be_right_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    """As in a file; it is neither a traceback nor taken for false."""
    with pytest.raises(ConfigValidationError) as caught:
        from_environment(monkeypatch, **{name: text})

    assert caught.value.errors[0].startswith(f"`{name}` is not ")


@pytest.mark.parametrize("content", [None, "{broken", "[]", "null", "5"])
def test_a_config_file_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, content: str | None
) -> None:
    """It names the option and the file; no traceback."""
    path = tmp_path / "settings.json"
    if content is not None:
        path.write_text(content)
    ended = subprocess.run(
        [COMMAND, "--config", path], capture_output=True, text=True, input="", check=False
    )

    assert ended.returncode == 1
    assert "--config" in ended.stderr
    assert "settings.json" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_files_and_the_environment_may_be_mixed(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment goes before files, and a later file before an earlier one."""
    monkeypatch.setenv("TARGET_HARVEST_SQL_SQLALCHEMY_URL", sqlite_database.url)
    arguments: list[Any] = [COMMAND, "--config", "ENV"]
    for number, method in enumerate(["upsert", "append-only"]):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps({"load_method": method, "sqlalchemy_url": "sqlite:////no/db"}))
        arguments += ["--config", path]
    messages = [PEOPLE, record("people", id=1), record("people", id=1)]
    subprocess.run(arguments, input=lines(messages).encode(), check=True, capture_output=True)

    assert len(sqlite_database.rows("people")) == 2


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("id +", "do not fit the schema.*id +"),
        ("unknown + 1", "Line 2.*cannot be mapped.*unknown"),
        ("1 / id", "Line 2.*cannot be mapped.*ZeroDivisionError"),
        ("int(name)", "Line 2.*cannot be mapped.*ValueError"),
    ],
)
def test_a_stream_map_that_fails_is_named(
    sqlite_database: Database, expression: str, expected: str
) -> None:
    """With the line and the stream, not with values of the record."""
    with pytest.raises(MappingError, match=expected) as caught:
        write(
            sqlite_database,
            PEOPLE,
            record("people", id=0, name="s3cr3t"),
            stream_maps={"people": {"new": expression}},
        )

    assert '"people"' in str(caught.value)
    assert "`stream_maps`" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_settings_are_told_before_anything_is_read(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """In one line each, and without a traceback."""
    ended = run(sqlite_database, tmp_path, "{broken", batch_size_rows="many", load_method="merge")

    assert ended.exit_code == 1
    assert "`batch_size_rows` is not" in ended.errors
    assert "`load_method` is not" in ended.errors
    assert "Line 1" not in ended.errors
    assert "Traceback" not in ended.errors
