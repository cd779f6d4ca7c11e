"""What a user sets, and what is said when it cannot be right."""

from __future__ import annotations

import io
import json
import re
from contextlib import closing, redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import ConfigValidationError, MappingError
from target_run import lines, record, run, schema, state, write

from documents.settings_table import settings
from fixtures.databases import Database
from support import commands
from target_harvest_sql.cli import USER_ERRORS
from target_harvest_sql.settings.address import PARTS
from target_harvest_sql.target import TargetHarvestSQL

if TYPE_CHECKING:
    from pathlib import Path

PEOPLE = schema("people", id={"type": "integer"}, name="string")


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("sqlalchemy_url", ["s3cr3t"], "a non-empty text"),
        ("load_method", "merge", "one of upsert, append-only, overwrite"),
        ("batch_size_rows", 0, "a whole number from 1 to 1000000000"),
        ("batch_size_rows", "many", "a whole number from 1 to 1000000000"),
        ("batch_wait_limit_seconds", 0, "a number above 0 and at most 31536000"),
        ("lock_wait_limit_seconds", -1, "a number from 0 to 31536000"),
        ("lanes", 1000, "a whole number from 1 to 64"),
        ("newest_wins", "", "a non-empty text"),
        ("stream_maps.__else__", "x", "as the Meltano SDK defines it"),
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
    ended = commands.run([commands.TARGET, "--config", path], text=True)

    assert ended.returncode == 1
    assert "--config" in ended.stderr
    assert "settings.json" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_files_and_the_environment_may_be_mixed(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment goes before files, and a later file before an earlier one."""
    monkeypatch.setenv("TARGET_HARVEST_SQL_SQLALCHEMY_URL", sqlite_database.url)
    arguments: list[Any] = [commands.TARGET, "--config", "ENV"]
    for number, method in enumerate(["upsert", "append-only"]):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps({"load_method": method, "sqlalchemy_url": "sqlite:////no/db"}))
        arguments += ["--config", path]
    messages = [PEOPLE, record("people", id=1), record("people", id=1)]
    commands.run(arguments, input=lines(messages).encode(), check=True)

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


ABSURD: list[Any] = [
    *("", " ", "s3cr3t", "a\0b", "\ud800", "x" * 5000, "9" * 400, "{", "nan", "1e999"),
    *(-1, 0, 2.0, 2.5, 10**30, 1e300, True, [], [[1]], {}),
    *({"people": "x"}, {"people": {"n": "record["}}, {"__else__": "x"}, {"storage": {"root": 5}}),
]
"""Values that make sense for no setting, or for few of them."""

NAMES = [row[0].strip("`") for row in settings(TargetHarvestSQL)]


@pytest.mark.parametrize("name", NAMES)
def test_whatever_a_setting_is_there_is_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """From a file and from the environment: it is used, or one sentence says what is right."""
    monkeypatch.chdir(tmp_path)
    messages = lines([PEOPLE, record("people", id=1, name="a"), state(at=1)])
    base: dict[str, Any] = {"flattening_enabled": True, "flattening_max_depth": 1}
    if name not in {"sqlalchemy_url", *PARTS}:
        base |= {"sqlalchemy_url": "sqlite:///absurd.db"}
    told = []
    for value in ABSURD:
        text = value if isinstance(value, str) else json.dumps(value)
        for by_variable in (False, True):
            if by_variable and re.search("[\0\ud800-\udfff]", text):
                continue  # No variable can hold it.
            monkeypatch.delenv(f"TARGET_HARVEST_SQL_{name.upper()}", raising=False)
            if by_variable:
                monkeypatch.setenv(f"TARGET_HARVEST_SQL_{name.upper()}", text)
            config = dict(base) if by_variable else base | {name: value}
            (tmp_path / "absurd.db").unlink(missing_ok=True)
            try:
                target = TargetHarvestSQL(config=config, parse_env_config=by_variable)
                with redirect_stdout(io.StringIO()), closing(target):
                    target.listen(io.StringIO(messages))
            except ConfigValidationError as error:
                told += error.errors
            except USER_ERRORS as error:
                told.append(str(error))

    assert told
    assert [text for text in told if "\n" in text or not text.endswith(".")] == []


def test_a_whole_number_may_be_written_as_a_fraction(postgres_database: Database) -> None:
    """JSON Schema takes 2.0 for an integer, as some programs write all numbers."""
    write(postgres_database, PEOPLE, record("people", id=1), lanes=2.0, batch_size_rows=5.0)

    assert len(postgres_database.rows("people")) == 1


def test_the_shell_goes_before_a_dotenv_file(tmp_path: Path) -> None:
    """A file that lies around must not send a run into another database."""
    (tmp_path / ".env").write_text(
        "TARGET_HARVEST_SQL_SQLALCHEMY_URL=sqlite:///of_the_file.db\n"
        "TARGET_HARVEST_SQL_LOAD_METHOD=append-only\n"
    )
    (tmp_path / "below").mkdir()
    variables = {"TARGET_HARVEST_SQL_SQLALCHEMY_URL": "sqlite:///of_the_shell.db"}
    ended = commands.run(
        [commands.TARGET, "--config=ENV"],
        input=lines([PEOPLE, record("people", id=1), record("people", id=1)]).encode(),
        cwd=tmp_path / "below",
        env=variables,
    )

    assert ended.returncode == 0, ended.stderr
    assert [path.name for path in (tmp_path / "below").iterdir()] == ["of_the_shell.db"]
    found = Database("sqlite", f"sqlite:///{tmp_path}/below/of_the_shell.db")
    assert len(found.rows("people")) == 2


def test_a_dotenv_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """With its path, and no traceback."""
    (tmp_path / ".env").write_bytes(b"\xff\xfe")
    ended = commands.run(
        [commands.TARGET, "--config=ENV"],
        input=b"",
        cwd=tmp_path,
        env={},
    )

    assert ended.returncode == 1
    assert b".env cannot be read" in ended.stderr
    assert b"Traceback" not in ended.stderr


def test_a_variable_of_no_setting_is_told(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As a setting in a file is; what Meltano and the SDK set for themselves is not."""
    from_environment(
        monkeypatch,
        sqlalchemy_url=sqlite_database.url,
        load_metod="overwrite",
        empty="",
        loglevel="INFO",
        _load_schema="x",
    )

    [text] = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert text.endswith(": load_metod")


def test_a_variable_of_another_target_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a file."""
    with pytest.raises(ConfigValidationError) as caught:
        from_environment(monkeypatch, dbname="warehouse")

    assert "`dbname` is a setting of other targets" in caught.value.errors[0]
