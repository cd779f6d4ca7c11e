"""Plays a job of a GitHub workflow as a runner does: checkout, cache, conditions, shell steps.

GitHub documentation, "Evaluate expressions in workflows and actions":
https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from pathlib import Path

Context = Mapping[str, Any]

TOKEN: Final = re.compile(r"\s*('[^']*'|&&|\|\||==|!=|[()]|[\w.-]+(?:\(\))?)")


class Expression:
    """An expression of a workflow, such as `vars.A || 'main'`."""

    def __init__(self, text: str, context: Context) -> None:
        """Take it apart.

        Args:
            text: Without `${{` and `}}`.
            context: The values of names such as `vars.A`, as nested dictionaries.
        """
        self._tokens = TOKEN.findall(text)
        assert "".join(self._tokens) == re.sub(r"\s", "", text), text
        self._context = context

    def value(self) -> Any:
        """Evaluate it. A name without a value is empty."""
        return self._either()

    def _either(self) -> Any:
        left = self._both()
        while self._take("||"):
            right = self._both()
            left = left or right
        return left

    def _both(self) -> Any:
        left = self._compared()
        while self._take("&&"):
            right = self._compared()
            left = left and right
        return left

    def _compared(self) -> Any:
        left = self._single()
        if self._take("=="):
            return left == self._single()
        if self._take("!="):
            return left != self._single()
        return left

    def _single(self) -> Any:
        if self._take("("):
            value = self._either()
            assert self._take(")")
            return value
        token = self._tokens.pop(0)
        if token.startswith("'"):
            return token.strip("'")
        if token in {"always()", "success()"}:
            return True
        found: Any = self._context
        for name in token.split("."):
            found = found.get(name, "") if isinstance(found, Mapping) else ""
        return found

    def _take(self, token: str) -> bool:
        is_next = self._tokens[:1] == [token]
        if is_next:
            self._tokens.pop(0)
        return is_next


def filled(text: str, context: Context) -> str:
    """Put values in the place of expressions."""
    return re.sub(r"\$\{\{(.*?)\}\}", lambda found: _text(found[1], context), text)


def _text(expression: str, context: Context) -> str:
    return str(Expression(expression, context).value())


@dataclass
class Runner:
    """What GitHub has: repositories, and a cache that lasts from run to run."""

    folder: Path
    """Workspaces are made below it, and removed when a job ends."""
    repositories: Mapping[str, Path]
    """The files of each repository, by its name."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """What the machine has set for all steps, besides this process's own variables."""
    cache: dict[str, Path] = field(default_factory=dict)

    def run(self, workflow: Path, context: Context) -> Job:
        """Run the only job of a workflow.

        Args:
            workflow: Its file.
            context: `vars`, `secrets`, and of `job` the repository and commit of the workflow.
        """
        [job] = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values()
        workspace = self.folder / "workspace"
        workspace.mkdir()
        done = Job(workspace, {**context, "runner": {"os": "Linux"}, "steps": {}})
        if Expression(job.get("if", "success()"), done.context).value():
            done.play(job["steps"], self)
        shutil.rmtree(workspace)
        return done


class Job:
    """A job that was run, or is."""

    def __init__(self, workspace: Path, context: Mapping[str, Any]) -> None:
        """Begin with nothing in the workspace."""
        self.workspace = workspace
        self.context = context
        self.is_failed = False
        self.output = ""
        """What the steps printed."""
        self.summary = ""
        """The page of the job."""
        self.ran: list[str] = []
        """The names of the shell steps that were run."""
        self._key = ""
        """Where in the cache the job looks, and leaves what it has."""
        self._cached: list[str] = []

    def play(self, steps: list[dict[str, Any]], runner: Runner) -> None:
        """Run steps; after one that fails only those that are always run."""
        for step in steps:
            condition = str(step.get("if", "success()"))
            if self.is_failed and "always()" not in condition:
                continue
            if Expression(condition, self.context).value():
                self._act(step, runner) if "uses" in step else self._run(step, runner)
        if self._key and not self.is_failed and self._key not in runner.cache:
            runner.cache[self._key] = runner.folder / f"cache-{len(runner.cache)}"
            for name in self._cached:
                copy_of(self.workspace / name, runner.cache[self._key] / name)

    def _act(self, step: dict[str, Any], runner: Runner) -> None:
        """Do what an action does."""
        given = {name: filled(value, self.context) for name, value in _texts(step["with"])}
        action = step["uses"].partition("@")[0]
        if action == "actions/checkout":
            for path in runner.repositories[given["repository"]].iterdir():
                (self.workspace / path.name).symlink_to(path)
            self._outputs(step, commit=f"commit of {given['ref']}")
        elif action == "actions/setup-python":
            self._outputs(step, **{"python-version": given["python-version"]})
        else:
            assert action == "actions/cache"
            self._key, self._cached = given["key"], given["path"].split()
            if found := runner.cache.get(self._key):
                shutil.copytree(found, self.workspace, symlinks=True, dirs_exist_ok=True)
            self._outputs(step, **{"cache-hit": "true" if found else ""})

    def _outputs(self, step: dict[str, Any], **outputs: str) -> None:
        if "id" in step:
            self.context["steps"][step["id"]] = {"outputs": outputs}

    def _run(self, step: dict[str, Any], runner: Runner) -> None:
        page = runner.folder / "summary.md"
        done = subprocess.run(
            ["bash", "-e", "-c", step["run"]],
            cwd=self.workspace,
            env=os.environ
            | runner.variables
            | {name: filled(value, self.context) for name, value in _texts(step.get("env"))}
            | {"GITHUB_STEP_SUMMARY": str(page)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.ran.append(step["name"])
        self.output += done.stdout
        self.is_failed |= done.returncode != 0
        if page.exists():
            self.summary = page.read_text(encoding="utf-8")
            page.unlink()


def copy_of(source: Path, goal: Path) -> None:
    """Copy a file or a folder, links as links."""
    goal.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, goal, symlinks=True)
    else:
        shutil.copy2(source, goal)


def _texts(values: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    return [
        (name, str(value).lower() if isinstance(value, bool) else str(value))
        for name, value in (values or {}).items()
    ]
