"""A caller of the stand-in account, and one account that tests only read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import requests

from harvest_sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TIMEOUT_SECONDS = 10


@dataclass
class Api:
    """Calls a stand-in account as some user."""

    harvest: Sandbox
    token: str
    session: requests.Session = field(default_factory=requests.Session)
    account_id: str | None = None
    """The account to read; the first one where it is None."""

    def get(self, path: str, **query: Any) -> requests.Response:
        """The answer to one request; a path is below the API's address, or a whole address."""
        url = path if path.startswith("http") else f"{self.harvest.api_url}{path}"
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Harvest-Account-Id": self.account_id or self.harvest.account_id,
            "User-Agent": "tests (tests@example.org)",
        }
        return self.session.get(url, params=query, headers=headers, timeout=TIMEOUT_SECONDS)

    def walk(self, path: str, key: str, **query: Any) -> list[dict[str, Any]]:
        """All rows of a list, by following `links.next`."""
        rows: list[dict[str, Any]] = []
        page = self.get(path, **query).json()
        while True:
            rows += page[key]
            if page["links"]["next"] is None:
                return rows
            page = self.get(page["links"]["next"]).json()


@pytest.fixture
def caller() -> Iterator[Callable[..., Api]]:
    """Makes callers of an account, as its administrator or as someone else."""
    made: list[Api] = []

    def make(harvest: Sandbox, who: str | int = "administrator") -> Api:
        made.append(Api(harvest, harvest.token_for(who)))
        return made[-1]

    yield make
    for api in made:
        api.session.close()


@pytest.fixture
def api(harvest: Sandbox, caller: Callable[..., Api]) -> Api:
    """The administrator of the test's own account."""
    return caller(harvest)


@pytest.fixture(scope="session")
def reading() -> Iterator[Api]:
    """The administrator of an account that many tests share and none edits."""
    with Sandbox(time_entries=600) as harvest, requests.Session() as session:
        yield Api(harvest, harvest.token, session)
