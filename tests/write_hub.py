"""Writes plugins/: both plugins in the form in which MeltanoHub lists them, from meltano.yml.

Run by `make docs`. `OWNER` stands for whoever publishes the repository on GitHub.

MeltanoHub, "Contributing": https://github.com/meltano/hub/blob/main/CONTRIBUTING.md
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[1]
SHARED: Final = {
    "variant": "OWNER",
    "repo": "https://github.com/OWNER/harvest-to-sql",
    "maintenance_status": "active",
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
        "settings_group_validation": [["sqlalchemy_url"]],
    },
}
"""What meltano.yml does not say of them."""


def definitions() -> dict[str, str]:
    """The text of each file."""
    project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    texts = {}
    for path, more in PLUGINS.items():
        kind, name = Path(path).parent.name, Path(path).stem
        [plugin] = [entry for entry in project["plugins"][kind] if entry["name"] == name]
        # `select` and `config` are this project's own choice.
        plugin = {key: value for key, value in plugin.items() if key not in {"select", "config"}}
        plugin |= {**SHARED, **more, "pip_url": distribution(name)}
        texts[path] = yaml.safe_dump(plugin, width=100, allow_unicode=True)
    return texts


def distribution(name: str) -> str:
    """What pip installs a plugin by, with the drivers of all databases."""
    package = tomllib.loads((ROOT / name / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = ",".join(package.get("optional-dependencies", {}))
    return f"{package['name']}[{extras}]" if extras else str(package["name"])


if __name__ == "__main__":
    for path, text in definitions().items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8")
