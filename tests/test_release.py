"""A release as the steps of its workflow make it, in a copy of the repository; nothing is sent."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml
from packaging.requirements import Requirement

if TYPE_CHECKING:
    from email.message import Message

ROOT: Final = Path(__file__).resolve().parents[1]
JOBS: Final = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8"))[
    "jobs"
]
RAN_BY_HAND: Final = {"make test-dist"}
"""Runs all the tests, this one among them."""
VERSION: Final = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["release"][
    "version"
]
READABLE: Final = {"2.1", "2.2", "2.3", "2.4"}
"""The metadata that twine 6 takes, by which the workflow's action publishes: others it refuses."""
REPOSITORY: Final = "somebody/harvest-fork"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the repository that says what is new in its version, with an environment."""
    skipped = shutil.ignore_patterns(
        ".git", ".venv*", ".meltano", "dist", "__pycache__", ".*_cache"
    )
    folder = shutil.copytree(ROOT, tmp_path / "checkout", ignore=skipped)
    changes = folder / "CHANGELOG.md"
    text = changes.read_text("utf-8").replace("## Unreleased", f"## {VERSION}")
    changes.write_text(text, encoding="utf-8")
    environment = folder / ".venv"  # This one's: setting one up would take a minute.
    environment.mkdir()
    for part in Path(sys.executable).parents[1].iterdir():
        (environment / part.name).symlink_to(part)
    ready = environment / ".ready"
    ready.unlink(missing_ok=True)
    ready.touch()
    later = ready.stat().st_mtime + 3600  # The release changes what it would be made anew for.
    os.utime(ready, (later, later))
    return folder


def run(folder: Path, tag: str) -> subprocess.CompletedProcess[str]:
    """Run the job's shell steps one after the other, as a runner does, until one fails."""
    done = None
    for step in JOBS["build"]["steps"]:
        script = step.get("run")
        if script is None or script in RAN_BY_HAND:
            continue
        done = subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=folder,
            env=os.environ | {"GITHUB_REF_NAME": tag, "GITHUB_REPOSITORY": REPOSITORY},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            break
    assert done is not None
    return done


def metadata(built: Path) -> Message:
    """What the index will show of a package: of its wheel, or of its source."""
    if built.suffix == ".whl":
        with zipfile.ZipFile(built) as wheel:
            [name] = [n for n in wheel.namelist() if n.endswith(".dist-info/METADATA")]
            text = wheel.read(name)
    else:
        with tarfile.open(built) as source:
            [member] = [m for m in source.getmembers() if m.name.endswith("/PKG-INFO")]
            file = source.extractfile(member)
            assert file is not None
            text = file.read()
    return Parser().parsestr(text.decode())


def test_a_tag_becomes_packages_that_know_where_they_are_from(checkout: Path) -> None:
    """Their version is the tag's, and their page leads to the repository that released them."""
    done = run(checkout, f"v{VERSION}")

    assert done.returncode == 0, done.stdout
    built = [path for path in (checkout / "dist").iterdir() if path.suffix in {".whl", ".gz"}]
    assert len(built) == 6
    for found in map(metadata, built):
        links = re.findall(r"\]\(([^)]+)\)", str(found.get_payload()))
        assert found["Version"] == VERSION
        assert found["Metadata-Version"] in READABLE
        assert found["Project-URL"] == f"Repository, https://github.com/{REPOSITORY}"
        assert links
        assert [link for link in links if not link.startswith("https://")] == []
        assert f"https://github.com/{REPOSITORY}/blob/v{VERSION}/docs/" in "".join(links)


def test_a_tag_brings_definitions_for_the_hub(checkout: Path) -> None:
    """They name the repository and its owner, who is the variant, and install from the index."""
    run(checkout, f"v{VERSION}")

    for path in (checkout / "plugins").rglob("*.yml"):
        plugin: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
        assert plugin["repo"] == f"https://github.com/{REPOSITORY}"
        assert plugin["variant"] == "somebody"
        assert "HARVEST_TO_SQL" not in path.read_text("utf-8")
        assert not Requirement(plugin["pip_url"]).url


@pytest.mark.parametrize("tag", ["v9.9.9", f"v{VERSION}1", f"v{VERSION.replace('.', 'x')}"])
def test_a_tag_of_another_version_is_refused(checkout: Path, tag: str) -> None:
    """Nothing is built, and the page of the job says why."""
    done = run(checkout, tag)

    assert done.returncode == 1
    assert f"::error file=pyproject.toml::The tag is {tag}" in done.stdout
    assert not (checkout / "dist").exists()


@pytest.mark.parametrize("heading", ["Unreleased", f"{VERSION}1", f"1{VERSION}"])
def test_a_version_that_the_changelog_does_not_tell_of_is_refused(
    checkout: Path, heading: str
) -> None:
    """Whoever upgrades can read what changed."""
    changes = checkout / "CHANGELOG.md"
    text = changes.read_text("utf-8").replace(f"## {VERSION}", f"## {heading}")
    changes.write_text(text, encoding="utf-8")

    done = run(checkout, f"v{VERSION}")

    assert done.returncode == 1
    assert f"::error file=CHANGELOG.md::No part is headed ## {VERSION}" in done.stdout
    assert not (checkout / "dist").exists()


def test_nothing_is_published_that_was_not_built_and_tested() -> None:
    """The job that may publish runs no code of the repository, and waits for the one that tests."""
    build, publish = JOBS["build"], JOBS["publish"]

    assert publish["needs"] == "build"
    assert [step["run"] for step in publish["steps"] if "run" in step] == []
    assert {step.get("run") for step in build["steps"]} >= {"make dist", *RAN_BY_HAND}
    assert "id-token" not in build["permissions"]
