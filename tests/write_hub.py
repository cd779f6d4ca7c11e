"""Writes plugins/: the plugins in the form in which MeltanoHub lists them.

Run by `make docs`. Settings come from meltano.yml, the rest from each package's metadata.

MeltanoHub, "Contributing": https://github.com/meltano/hub/blob/main/CONTRIBUTING.md
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[1]
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
"""What neither meltano.yml nor their packages say of them."""


def definitions() -> dict[str, str]:
    """The text of each file."""
    project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    texts = {}
    for path, more in PLUGINS.items():
        kind, name = Path(path).parent.name, Path(path).stem
        [plugin] = [entry for entry in project["plugins"][kind] if entry["name"] == name]
        # `select` and `config` are this project's own choice.
        plugin = {key: value for key, value in plugin.items() if key not in {"select", "config"}}
        plugin |= {**SHARED, **more, **published(name)}
        texts[path] = yaml.safe_dump(plugin, width=100, allow_unicode=True)
    return texts


def published(name: str) -> dict[str, Any]:
    """What a package's metadata say: where it is from, on which Python, how pip installs it."""
    package = tomllib.loads((ROOT / name / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    repository = package["urls"]["Repository"]
    extras = ",".join(package.get("optional-dependencies", {}))  # The drivers of all databases.
    first, end = map(int, re.findall(r"3\.(\d+)", package["requires-python"]))
    return {
        "repo": repository,
        "variant": repository.split("/")[-2].lower(),
        "pip_url": f"{package['name']}[{extras}]" if extras else package["name"],
        "supported_python_versions": [f"3.{minor}" for minor in range(first, end)],
    }


if __name__ == "__main__":
    for path, text in definitions().items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8")
