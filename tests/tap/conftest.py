"""Fixtures of the tap's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from scripted_server import TOKEN, Clock, Script
from tap_run import Run, run_tap, selecting

from tap_harvest.http.client import Client
from tap_harvest.http.sign_in import PersonalToken
from tap_harvest.tap import TapHarvest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harvest_sandbox import Sandbox


@pytest.fixture(autouse=True)
def forget_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the secrets of earlier tests, so that logs of this test show the same texts."""
    monkeypatch.setattr("tap_harvest.http.secrets._patterns", {})


@pytest.fixture
def script() -> Iterator[Script]:
    """A scripted server."""
    server = Script()
    yield server
    server.stop()


@pytest.fixture
def elsewhere() -> Iterator[Script]:
    """A second scripted server, to which no token may go."""
    server = Script()
    yield server
    server.stop()


@pytest.fixture
def clock() -> Clock:
    """A clock that moves only when something waits."""
    return Clock()


@pytest.fixture
def client(script: Script, clock: Clock) -> Iterator[Client]:
    """A client of the scripted server that retries without a pause."""
    client = Client(
        api_url=f"{script.url}/v2",
        identity_url=script.url,
        sign_in=PersonalToken(TOKEN),
        user_agent="Example Works (data@example.com)",
        timeout_seconds=2,
        retry_factor_seconds=0,
        clock=clock,
        wait=clock.wait,
    )
    client.use_account(900100)
    yield client
    client.close()


@pytest.fixture
def config(harvest: Sandbox) -> dict[str, Any]:
    """Settings with which the tap reads the stand-in account."""
    return {
        "access_token": harvest.token,
        "account_id": harvest.account_id,
        "api_url": harvest.api_url,
        "identity_url": harvest.identity_url,
        "report_start_date": "2026-05-01",  # All of history is more than the budget allows.
    }


@pytest.fixture
def sync(config: dict[str, Any]) -> Callable[..., Run]:
    """Syncs the stand-in account: `sync("clients", "tasks", state=…, page_size=…)`.

    Without names all streams are read. Further arguments are settings.
    """

    def run(*streams: str, state: dict[str, Any] | None = None, **settings: Any) -> Run:
        tap = TapHarvest(config={**config, **settings}, state=state, catalog=selecting(*streams))
        return run_tap(tap)

    return run
