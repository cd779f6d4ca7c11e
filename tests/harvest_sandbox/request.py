"""The log of requests that tests read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass
class Request:
    """One request, in the order of arrival."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    at: float
    """When it arrived, on `time.monotonic()`, in seconds."""
    group: Literal["general", "reports", "identity"]
    """The request budget that it draws on; the identity host has none."""
    status: int | None = None
    """Status of the answer; None before there is one, and where the connection was broken."""
    rows: int = 0
    """Rows of the list that the answer holds."""
    bytes: int = 0
    """Size of the answer's body as it was sent."""
    answered_at: float | None = None
    """When the answer was sent, on `time.monotonic()`, in seconds."""
