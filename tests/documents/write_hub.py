"""Writes plugins/: the definitions for `meltano add --from-ref` and MeltanoHub.

Run by `make docs`. Settings come from meltano.yml, the rest from each package's metadata. In a
clone the packages do not say which repository they are from, so the definitions install them from
the git repository that the variable `HARVEST_TO_SQL` names. A release adds the repository to the
metadata; then they install the packages from the package index.

MeltanoHub, "Contributing": https://github.com/meltano/hub/blob/main/CONTRIBUTING.md
Meltano, "Plugin Definition Syntax": https://docs.meltano.com/reference/plugin-definition-syntax
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[2]
GIT_URL: Final = "${HARVEST_TO_SQL}"
"""The git repository of the packages, as Meltano expands it when it installs a plugin."""
SHARED: Final = {
    "maintenance_status": "active",
    "quality": "unknown",  # The hub rates it.
    "keywords": ["meltano_sdk"],
}
PLUGINS: Final[dict[str, dict[str, Any]]] = {
    "plugins/extractors/tap-harvest.yml": {
        "domain_url": "https://www.getharvest.com",
        "settings_group_validation": [
            ["access_token"],
            ["client_id", "client_secret", "refresh_token"],
        ],
    },
    "plugins/loaders/target-harvest-sql.yml": {
        "domain_url": "https://en.wikipedia.org/wiki/SQL",
        "settings_group_validation": [
            ["sqlalchemy_url"],
            ["dialect", "host", "user", "password", "database"],
        ],
    },
    "plugins/utilities/harvest-report.yml": {
        "domain_url": "https://www.getharvest.com",
        "keywords": [],
        "settings_group_validation": [["sqlalchemy_url"]],
    },
}
"""The facts that are neither in meltano.yml nor in the metadata of the packages."""


def definitions() -> dict[str, str]:
    """Return the text of each file."""
    project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    texts = {}
    for path, more in PLUGINS.items():
        kind, name = Path(path).parent.name, Path(path).stem
        [plugin] = [entry for entry in project["plugins"][kind] if entry["name"] == name]
        plugin["settings"] = list(_settings(plugin))
        # Meltano ignores both in a definition. `select` selects all, which is Meltano's default.
        plugin = {key: value for key, value in plugin.items() if key not in {"select", "config"}}
        plugin |= {**SHARED, **more, **published(name)}
        texts[path] = yaml.safe_dump(plugin, width=100, allow_unicode=True)
    return texts


def _settings(plugin: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Return the settings. Values that meltano.yml sets for all environments become defaults."""
    configured = plugin.get("config", {})
    for setting in plugin["settings"]:
        name = setting["name"]
        yield setting | ({"value": configured[name]} if name in configured else {})


def published(name: str) -> dict[str, Any]:
    """Return the facts of a package's metadata: repository, Python versions, pip's URL."""
    package = tomllib.loads((ROOT / name / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = ",".join(package.get("optional-dependencies", {}))  # The drivers of all databases.
    requirement = f"{package['name']}[{extras}]" if extras else package["name"]
    first, end = map(int, re.findall(r"3\.(\d+)", package["requires-python"]))
    versions = {"supported_python_versions": [f"3.{minor}" for minor in range(first, end)]}
    if repository := package.get("urls", {}).get("Repository"):
        variant = repository.split("/")[-2].lower()
        return {"repo": repository, "variant": variant, "pip_url": requirement, **versions}
    # Meltano splits this as a shell does, so a requirement with spaces needs quotes of its own.
    return {"pip_url": f"'{requirement} @ git+{GIT_URL}#subdirectory={name}'", **versions}


if __name__ == "__main__":
    for path, text in definitions().items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8")
