"""The endpoints as data: what `endpoints.yaml` says of each, and where its rows are stored."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

ORACLE: Final = Path(__file__).with_name("endpoints.yaml")

STORED_IN: Final = MappingProxyType(
    {
        "project_user_assignments_by_project": "project_user_assignments",
        "project_task_assignments_by_project": "project_task_assignments",
        "user_project_assignments": "project_user_assignments",
        "users_me_project_assignments": "project_user_assignments",
        "user_teammates": "users",
    }
)
"""The table of each stream whose table has another name than the stream."""


@dataclass(frozen=True)
class Endpoint:
    """One entry of the oracle, as far as serving it needs."""

    stream: str
    path: str
    kind: str
    records_key: str | None
    parent: str | None
    """Stream of the parent in the path."""
    parent_parameter: str | None
    filters: Mapping[str, str]
    """Name and type of each query parameter that selects rows, `updated_since` apart."""
    updated_since: bool
    counts_pages: bool
    """Whether `links` of this list carry page numbers; else cursors."""
    per_page: int
    """Rows on a page where the request does not say."""
    feature: str | None
    """The flag of the company that must be true."""
    is_feature_inferred: bool
    """Whether no source states that the flag must be true."""
    single_item_path: str | None
    shown_as: str
    """The stream whose record form it has."""

    @property
    def table(self) -> str:
        """The table that its rows come from."""
        return STORED_IN.get(self.stream, self.stream)

    @property
    def is_report(self) -> bool:
        """Whether it draws on the smaller of the two request budgets."""
        return self.kind == "report"


@cache
def oracle() -> dict[str, dict[str, Any]]:
    """The entries of `endpoints.yaml`, by stream."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    content = yaml.load(ORACLE.read_bytes(), loader)  # noqa: S506 - a safe loader, the fast one where there is one
    return {entry["stream"]: entry for entry in content["endpoints"]}


@cache
def endpoints() -> dict[str, Endpoint]:
    """All endpoints of the API host, by stream."""
    return {
        stream: _endpoint(entry)
        for stream, entry in oracle().items()
        if entry["path"].startswith("/")
    }


def _endpoint(entry: dict[str, Any]) -> Endpoint:
    parent = entry["parent"] or {}
    paging = entry["pagination"]
    return Endpoint(
        stream=entry["stream"],
        path=entry["path"],
        kind=entry["kind"],
        records_key=entry["records_key"],
        parent=parent.get("stream"),
        parent_parameter=parent.get("path_parameter"),
        filters=MappingProxyType(
            {
                name: "date" if about.get("format") == "date" else about["type"]
                for name, about in entry["filters"].items()
            }
        ),
        updated_since=entry["updated_since"],
        counts_pages=paging["style"] == "page",
        per_page=paging.get("per_page_default", 0),
        # Some flags are marked as inferred behind their name.
        feature=(entry.get("requires_feature") or "").split(" ")[0] or None,
        is_feature_inferred="(inferred)" in (entry.get("requires_feature") or ""),
        single_item_path=entry.get("single_item_path"),
        shown_as=entry.get("same_records_as", entry["stream"]),
    )
