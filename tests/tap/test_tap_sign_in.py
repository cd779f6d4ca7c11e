"""Signing in by OAuth2, over real HTTP against the identity host."""

from __future__ import annotations

import json
import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import FatalAPIError
from tap_run import run_tap, selecting

from support import commands
from tap_harvest.http.client import Client
from tap_harvest.http.session import MAX_TRIES
from tap_harvest.http.sign_in import OAuth
from tap_harvest.tap import TapHarvest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from scripted_server import Clock, Script

    from harvest_sandbox import Sandbox

TOKEN_PATH = "/api/v2/oauth2/token"
SECRETS = ("client-secret-1", "rt.a.refresh", "at.access")
"""What tokens and secrets of the stand-in account have in them."""


@pytest.fixture
def oauth(harvest: Sandbox, config: dict[str, Any]) -> dict[str, Any]:
    """Settings by which a tap signs in with the account's OAuth2 client."""
    del config["access_token"]
    return {
        **config,
        "client_id": harvest.identity.client_id,
        "client_secret": harvest.identity.client_secret,
        "refresh_token": harvest.identity.refresh_token,
    }


@pytest.fixture
def connect(clock: Clock) -> Iterator[Callable[..., Client]]:
    """Makes clients that sign in by OAuth2 at an address and lose no time between repetitions."""
    clients: list[Client] = []

    def connect(address: str, **given: Any) -> Client:
        given = {"client_id": "client-1", "client_secret": "client-secret-1", **given}
        given = {"refresh_token": "900100.rt.a.refresh-1", **given}
        client = Client(
            api_url=f"{address}/v2",
            identity_url=address,
            sign_in=OAuth(clock=clock, **given),
            user_agent="tests (tests@example.com)",
            timeout_seconds=2,
            retry_factor_seconds=0,
            clock=clock,
            wait=clock.wait,
        )
        client.use_account(900100)
        clients.append(client)
        return client

    yield connect
    for client in clients:
        client.close()


def exchanges(harvest: Sandbox) -> int:
    """How often the account was asked for an access token."""
    return sum(request.path == TOKEN_PATH for request in harvest.requests)


def statuses(harvest: Sandbox) -> list[int | None]:
    """What the account answered, in order."""
    return [request.status for request in harvest.requests]


def read(client: Client) -> int:
    """The number of clients that a client reads."""
    return sum(len(page.rows) for page in client.pages("/clients", {}, stream="clients"))


def test_a_sync_signs_in_once(harvest: Sandbox, oauth: dict[str, Any]):
    """One exchange before the first request; what the token cannot reach it does not carry."""
    run = run_tap(TapHarvest(config=oauth, catalog=selecting("clients", "tasks")))

    assert len(run.records("clients")) == len(harvest.rows("clients"))
    first, *others = harvest.requests
    assert (first.method, first.path, first.query) == ("POST", TOKEN_PATH, {})
    assert first.headers["user-agent"].startswith("tap-harvest/")
    assert {"authorization", "harvest-account-id"}.isdisjoint(first.headers)
    assert {request.headers["authorization"] for request in others} == {"Bearer 900100.at.access-1"}
    assert exchanges(harvest) == 1


def test_a_token_is_replaced_before_it_expires(
    harvest: Sandbox, connect: Callable[..., Client], clock: Clock
):
    """Harvest never sees a token that is too old."""
    harvest.switches.oauth_lifetime_seconds = 1000
    client = connect(harvest.identity_url)

    for seconds in (0, 930, 15):
        clock.now += seconds
        harvest.advance(seconds=seconds)
        read(client)

    assert exchanges(harvest) == 2
    assert set(statuses(harvest)) == {200}


def test_a_token_that_lives_for_seconds_serves_more_than_one_request(
    harvest: Sandbox, connect: Callable[..., Client]
):
    """However short its life, it is used for half of it."""
    harvest.switches.oauth_lifetime_seconds = 30
    client = connect(harvest.identity_url)

    read(client)
    read(client)

    assert exchanges(harvest) == 1


def test_a_refused_token_is_replaced_and_the_request_repeated(
    harvest: Sandbox, connect: Callable[..., Client]
):
    """A token that ended early costs a 401 and an exchange, and no rows."""
    client = connect(harvest.identity_url)
    read(client)
    harvest.identity.revoke("900100.at.access-1")

    rows = read(client)

    assert rows == len(harvest.rows("clients"))
    assert statuses(harvest) == [200, 200, 401, 200, 200]


def test_a_second_refusal_ends_the_run(harvest: Sandbox, connect: Callable[..., Client]):
    """A new token that is refused as well is not replaced again."""
    harvest.fail(path="/v2/clients", status=401, body="oauth", times=None)
    client = connect(harvest.identity_url)

    with pytest.raises(FatalAPIError, match="set `refresh_token`") as caught:
        read(client)

    assert statuses(harvest) == [200, 401, 200, 401]
    assert not any(secret in str(caught.value) for secret in SECRETS)


def test_requests_that_are_refused_together_share_one_new_token(
    harvest: Sandbox, connect: Callable[..., Client]
):
    """The first asks for it; the others wait and take it."""
    client = connect(harvest.identity_url)
    read(client)
    harvest.identity.revoke("900100.at.access-1")
    # All are refused before any of them can ask for a token.
    refused = threading.Barrier(4)
    replaced = client._session._sign_in.replaced

    def together(*given: Any) -> str | None:
        refused.wait(10)
        return replaced(*given)

    client._session._sign_in.replaced = together  # type: ignore[method-assign]  # To hold them up.
    with ThreadPoolExecutor(4) as pool:
        rows = set(pool.map(lambda _: read(client), range(4)))

    assert rows == {len(harvest.rows("clients"))}
    assert statuses(harvest).count(401) == 4
    assert exchanges(harvest) == 2


@pytest.mark.parametrize("is_first", [True, False])
def test_a_refused_refresh_token_is_sent_once(
    harvest: Sandbox, connect: Callable[..., Client], *, is_first: bool
):
    """Requests that wait for it end with the same error, and do not ask for themselves."""
    client = connect(
        harvest.identity_url,
        **({"refresh_token": "900100.rt.a.refresh-wrong"} if is_first else {}),
    )
    if not is_first:
        read(client)
        harvest.identity.revoke("900100.at.access-1")
        harvest.identity.refresh_token = "900100.rt.a.refresh-other"
    before = exchanges(harvest)

    with ThreadPoolExecutor(8) as pool:
        errors = [pool.submit(read, client).exception() for _ in range(8)]

    assert all(isinstance(error, FatalAPIError) for error in errors)
    assert len(set(map(str, errors))) == 1
    assert "refused the refresh token" in str(errors[0])
    assert exchanges(harvest) - before == 1


def test_a_token_that_ends_in_the_middle_of_a_sync_costs_one_exchange(
    harvest: Sandbox, oauth: dict[str, Any]
):
    """However many requests were under way with it."""
    harvest.switches.latency_seconds = 0.01
    users = [row["id"] for row in harvest.rows("users")]
    harvest.before_page(
        f"/v2/users/{users[3]}/billable_rates",
        1,
        lambda _: harvest.identity.revoke("900100.at.access-1"),
    )

    run = run_tap(TapHarvest(config=oauth, catalog=selecting("user_billable_rates")))

    assert len(run.records("user_billable_rates")) == len(harvest.rows("user_billable_rates"))
    assert 401 in statuses(harvest)
    assert exchanges(harvest) == 2


@pytest.mark.parametrize("survives", [True, False])
def test_a_replaced_refresh_token_is_the_next_to_be_exchanged(
    harvest: Sandbox, connect: Callable[..., Client], clock: Clock, *, survives: bool
):
    """Harvest may end the old one, and the old access token with it."""
    harvest.switches.refresh_token_replaced = True
    harvest.switches.access_token_survives_refresh = survives
    kept: list[tuple[str, str]] = []
    client = connect(harvest.identity_url, keep=lambda *tokens: kept.append(tokens))

    for _ in range(3):
        read(client)
        clock.now += 1_209_600
        harvest.advance(seconds=1_209_600)

    tokens = [f"900100.rt.a.refresh-{number}" for number in (1, 2, 3, 4)]
    assert kept == list(pairwise(tokens))
    assert set(statuses(harvest)) == {200}


@pytest.mark.parametrize("status", [400, 401])
@pytest.mark.parametrize(
    ("wrong", "settings"),
    [
        ("client_id", ("`client_id`", "`client_secret`")),
        ("client_secret", ("`client_id`", "`client_secret`")),
        ("refresh_token", ("`refresh_token`",)),
    ],
)
def test_a_refused_sign_in_names_the_setting(
    harvest: Sandbox,
    connect: Callable[..., Client],
    status: Any,
    wrong: str,
    settings: tuple[str, ...],
):
    """One request, and a way out; nothing of what was sent."""
    harvest.switches.token_error_status = status
    client = connect(harvest.identity_url, **{wrong: "another-one"})

    with pytest.raises(FatalAPIError, match=f"{status} on .*{TOKEN_PATH}") as caught:
        read(client)

    text = str(caught.value)
    assert all(setting in text for setting in settings)
    assert not any(secret in text for secret in (*SECRETS, "another-one"))
    assert statuses(harvest) == [status]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"status": 404, "body": "<html>"}, ["404", "`identity_url`"]),
        ({"status": 403, "body": {"message": "client-secret-1"}}, ["403", "`client_id`"]),
        ({"status": 400, "body": b'{"error": "\xeb"}'}, ["400", "`client_id`"]),
        ({"status": 302, "headers": {"Location": "/elsewhere"}}, ["302", "`identity_url`"]),
        ({"body": {"token_type": "bearer"}}, ["`access_token`", "`identity_url`"]),
        ({"body": {"access_token": "two\nlines"}}, ["`$.access_token`", "`identity_url`"]),
        ({"body": '{"access_token": "a", "expires_in": -1}'}, ["`$.expires_in`", "`identity_url`"]),
        ({"body": '{"access_token": "a", "expires_in": 1e400}'}, ["range", "`identity_url`"]),
    ],
    ids=[
        "404",
        "403",
        "Latin-1",
        "redirect",
        "no token",
        "broken token",
        "no time",
        "endless time",
    ],
)
def test_an_identity_host_that_gives_no_token_ends_the_run(
    script: Script, connect: Callable[..., Client], answer: dict[str, Any], words: list[str]
):
    """It is asked once, and no redirect is followed."""
    script.says(**answer)
    client = connect(script.url)

    with pytest.raises(FatalAPIError) as caught:
        read(client)

    assert all(word in str(caught.value) for word in words)
    assert not any(secret in str(caught.value) for secret in SECRETS)
    assert len(script.received) == 1


@pytest.mark.parametrize(
    "fault",
    [{"status": 503, "retry_after": 7}, {"status": 429}, {"reset": True}, {"cut": True}],
    ids=["503", "429", "reset", "cut"],
)
def test_an_identity_host_that_fails_for_a_while_is_asked_again(
    harvest: Sandbox, connect: Callable[..., Client], clock: Clock, fault: dict[str, Any]
):
    """As any other address of Harvest's, pauses included."""
    harvest.fail(path=TOKEN_PATH, times=2, **fault)
    client = connect(harvest.identity_url)

    rows = read(client)

    assert rows == len(harvest.rows("clients"))
    assert exchanges(harvest) == 3
    window = 15 if fault.get("status") == 429 else 0
    assert sum(clock.waited) == 2 * fault.get("retry_after", window)


def test_an_identity_host_that_goes_on_failing_ends_the_run(
    harvest: Sandbox, connect: Callable[..., Client]
):
    """The request that waits for the token does not begin to try anew."""
    harvest.fail(path=TOKEN_PATH, status=500, times=None)
    client = connect(harvest.identity_url)

    with pytest.raises(FatalAPIError, match="500 on"):
        read(client)

    assert statuses(harvest) == [500] * MAX_TRIES


def test_a_netrc_of_the_machine_is_not_sent_to_the_identity_host(
    script: Script,
    connect: Callable[..., Client],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """The form alone says who asks."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password something\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    script.says(status=400)
    client = connect(script.url)

    with pytest.raises(FatalAPIError):
        read(client)

    assert "authorization" not in script.received[0].headers


# The tap as a program, since it writes to its settings file.


def sync(
    *arguments: str | Path, catalog: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Read what a catalog selects, with DEBUG logs and nothing else in the environment."""
    return commands.run(
        [commands.TAP, *arguments, "--catalog", catalog],
        text=True,
        env={"TAP_HARVEST_LOGLEVEL": "DEBUG", "LOGLEVEL": "DEBUG", **environment},
    )


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """A file that selects one small stream."""
    file = tmp_path / "catalog.json"
    file.write_text(json.dumps(selecting("roles")))
    return file


@pytest.fixture
def settings_file(tmp_path: Path, oauth: dict[str, Any]) -> Path:
    """A settings file that its owner and group may read."""
    file = tmp_path / "settings" / "config.json"
    file.parent.mkdir()
    file.write_text(json.dumps({**oauth, "note": "1.50 €", "page_size": 100}, indent=4))
    file.chmod(0o640)
    return file


def test_a_replaced_refresh_token_is_kept_in_the_settings_file(
    harvest: Sandbox, settings_file: Path, catalog: Path
):
    """The next run signs in with it; all else stays, and no log has seen a secret."""
    harvest.switches.refresh_token_replaced = True
    before = json.loads(settings_file.read_text())

    runs = [sync("--config", settings_file, catalog=catalog) for _ in range(2)]

    assert [run.returncode for run in runs] == [0, 0]
    after = json.loads(settings_file.read_text())
    assert after == {**before, "refresh_token": harvest.identity.refresh_token}
    assert list(after) == list(before)
    assert after["refresh_token"] == "900100.rt.a.refresh-3"
    assert stat.S_IMODE(settings_file.stat().st_mode) == 0o640
    assert list(settings_file.parent.iterdir()) == [settings_file]
    logs = "".join(run.stderr for run in runs)
    assert "DEBUG" in logs
    assert f"kept in {settings_file}" in logs
    assert not any(secret in logs for secret in SECRETS)


def test_the_file_that_counts_is_the_one_that_is_written(
    harvest: Sandbox, settings_file: Path, catalog: Path, tmp_path: Path
):
    """The last file that sets the token, behind a link to it as well."""
    harvest.switches.refresh_token_replaced = True
    ours = tmp_path / "secrets.json"
    link = tmp_path / "link.json"
    ours.write_text(json.dumps({"refresh_token": harvest.identity.refresh_token}))
    link.symlink_to(ours)
    settings_file.write_text(settings_file.read_text().replace("refresh-1", "refresh-0"))

    run = sync("--config", settings_file, "--config", link, catalog=catalog)

    assert run.returncode == 0
    assert json.loads(ours.read_text()) == {"refresh_token": "900100.rt.a.refresh-2"}
    assert link.is_symlink()
    assert "refresh-0" in settings_file.read_text()


def test_a_settings_file_is_left_alone_while_the_token_stays(
    harvest: Sandbox, settings_file: Path, catalog: Path
):
    """Harvest documents that it does."""
    before = settings_file.stat().st_mtime_ns

    run = sync("--config", settings_file, catalog=catalog)

    assert run.returncode == 0
    assert exchanges(harvest) == 1
    assert settings_file.stat().st_mtime_ns == before
    assert "replaced the refresh token" not in run.stderr


def test_a_token_from_the_environment_cannot_be_kept(
    harvest: Sandbox, settings_file: Path, catalog: Path
):
    """It hides the file's; a warning says what to do, and the sync is whole."""
    harvest.switches.refresh_token_replaced = True
    before = settings_file.read_text()

    run = sync(
        *("--config", settings_file, "--config=ENV"),
        catalog=catalog,
        TAP_HARVEST_REFRESH_TOKEN=harvest.identity.refresh_token,
    )

    assert run.returncode == 0
    assert settings_file.read_text() == before
    assert "TAP_HARVEST_REFRESH_TOKEN is set" in run.stderr
    assert "Sign in to Harvest anew" in run.stderr
    assert not any(secret in run.stderr for secret in SECRETS)


def test_a_file_that_meltano_made_is_not_written(
    harvest: Sandbox, settings_file: Path, catalog: Path
):
    """It is gone after the run, and with it the token: better to say so."""
    harvest.switches.refresh_token_replaced = True
    before = settings_file.read_text()

    run = sync("--config", settings_file, catalog=catalog, MELTANO_EXTRACTOR_NAME="tap-harvest")

    assert run.returncode == 0
    assert settings_file.read_text() == before
    assert "Meltano writes the settings file anew" in run.stderr


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="Root may write any file."
)
def test_a_file_that_must_not_be_written_is_not_replaced(
    harvest: Sandbox, settings_file: Path, catalog: Path
):
    """Though its folder would allow it."""
    harvest.switches.refresh_token_replaced = True
    settings_file.chmod(0o400)
    before = settings_file.read_text()

    run = sync("--config", settings_file, catalog=catalog)

    assert run.returncode == 0
    assert settings_file.read_text() == before
    assert "Permission denied" in run.stderr


def test_a_file_that_is_gone_is_not_made_anew(harvest: Sandbox, settings_file: Path, catalog: Path):
    """Whoever took it away gets a warning, and the sync is whole."""
    harvest.switches.refresh_token_replaced = True
    harvest.before_page(TOKEN_PATH, 1, lambda _: settings_file.unlink())

    run = sync("--config", settings_file, catalog=catalog)

    assert run.returncode == 0
    assert list(settings_file.parent.iterdir()) == []
    assert "No such file" in run.stderr


def test_a_file_that_somebody_changed_meanwhile_is_left_to_them(
    harvest: Sandbox, settings_file: Path, catalog: Path
):
    """A token that was set by hand during the run is newer than ours."""
    harvest.switches.refresh_token_replaced = True
    other = settings_file.read_text().replace("refresh-1", "by-hand")
    harvest.before_page(TOKEN_PATH, 1, lambda _: settings_file.write_text(other))

    run = sync("--config", settings_file, catalog=catalog)

    assert run.returncode == 0
    assert settings_file.read_text() == other
    assert "no settings file holds the old one" in run.stderr
