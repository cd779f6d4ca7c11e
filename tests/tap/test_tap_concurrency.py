"""Several requests at once: what overlaps, and what stays as though nothing did."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import FatalAPIError
from tap_run import run_tap, selecting

from harvest_sandbox import Sandbox
from tap_harvest.http.budget import Budget
from tap_harvest.http.client import Client
from tap_harvest.http.session import CLOSED
from tap_harvest.http.sign_in import PersonalToken
from tap_harvest.http.workers import Workers
from tap_harvest.tap import TapHarvest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tap_run import Run

    from harvest_sandbox.request import Request

    Sync = Callable[..., Run]

Row = dict[str, Any]


def most_at_once(requests: Sequence[Request]) -> int:
    """How many requests the server had to answer at the same time."""
    moments = [(request.at, 1) for request in requests]
    moments += [(request.answered_at or 0, -1) for request in requests]
    under_way = most = 0
    for _, change in sorted(moments):
        under_way += change
        most = max(most, under_way)
    return most


def below(harvest: Sandbox, end: str) -> list[Request]:
    """The requests for a kind of lists below a parent, in the order of arrival."""
    return [request for request in harvest.requests if request.path.endswith(f"/{end}")]


def payments_of(harvest: Sandbox, position: int) -> str:
    """The path of an invoice's payments; the tap reads the first invoice's first."""
    return f"/v2/invoices/{harvest.rows('invoices')[position]['id']}/payments"


@pytest.fixture
def client(harvest: Sandbox) -> Iterator[Client]:
    """A client of the stand-in account."""
    client = Client(
        api_url=harvest.api_url,
        identity_url=harvest.identity_url,
        sign_in=PersonalToken(harvest.token),
        user_agent="test",
        page_size=100,
        retry_factor_seconds=0.1,
    )
    client.use_account(int(harvest.account_id))
    yield client
    client.close()


@pytest.mark.parametrize(
    ("stream", "end"), [("invoice_payments", "payments"), ("time_team_report", "team")]
)
@pytest.mark.parametrize("allowed", [1, 3])
def test_lists_overlap_as_far_as_is_allowed(
    harvest: Sandbox, sync: Sync, stream: str, end: str, allowed: int
):
    """Those of many parents, and the windows of a report."""
    harvest.switches.latency_seconds = 0.05

    sync(stream, max_concurrent_requests=allowed, report_start_date="2025-07-01")

    assert most_at_once(below(harvest, end)) == allowed


def test_the_next_page_is_on_its_way_while_one_is_used(harvest: Sandbox, client: Client):
    """And no further one, so that memory does not fill with pages."""
    pages = client.pages("/time_entries", {}, stream="time_entries")

    next(pages)

    deadline = time.monotonic() + 5
    while len(harvest.requests) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    assert len(harvest.requests) == 2
    assert sum(len(page.rows) for page in pages) == 200


def test_little_is_read_ahead_of_what_is_used(client: Client):
    """However many lists there are."""
    lists = [(number, "/clients", {"x": str(number)}) for number in range(60)]

    used = 0
    for number in client.ahead(lists, stream="clients"):
        for _ in client.pages("/clients", {"x": str(number)}, stream="clients"):
            used += 1
            assert client.requests_of["clients"] <= used + 8

    assert client.requests_of["clients"] == used == 60


STREAMS = (
    *("time_entries", "invoices", "invoice_line_items", "invoice_payments", "users"),
    *("user_billable_rates", "time_team_report", "expense_team_report"),
)


def written(
    config: Row, capfdbinary: pytest.CaptureFixture[bytes], **settings: Any
) -> list[dict[str, Any]]:
    """The messages of a sync, without when their records were read."""
    tap = TapHarvest(config={**config, **settings}, catalog=selecting(*STREAMS))
    tap.sync_all()
    tap.account.client.close()
    messages = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    for message in messages:
        message.pop("time_extracted", None)
    return messages


def test_the_output_is_the_same_however_many_requests_are_under_way(
    config: Row, capfdbinary: pytest.CaptureFixture[bytes]
):
    """In the order of the lists, though answers come in another."""
    with Sandbox(time_entries=100) as harvest:
        config |= {"api_url": harvest.api_url, "page_size": 20}
        for position in range(0, len(harvest.rows("invoices")), 3):
            harvest.fail(path=payments_of(harvest, position), times=None, latency_seconds=0.04)

        one_by_one = written(config, capfdbinary, max_concurrent_requests=1)
        at_once = written(config, capfdbinary, max_concurrent_requests=4)

    assert {message["stream"] for message in one_by_one if message["type"] == "RECORD"} == {
        *STREAMS
    }
    assert at_once == one_by_one


def test_a_trial_asks_for_nothing_ahead(harvest: Sandbox, config: Row):
    """It wants one record of each stream, which the first answer brings."""
    harvest.switches.latency_seconds = 0.01
    tap = TapHarvest(config={**config, "page_size": 5}, catalog=selecting())

    tap.run_connection_test()
    tap.account.client.close()

    assert most_at_once(harvest.requests) == 1
    assert len(harvest.rows("clients")) > 5
    assert len([request for request in harvest.requests if request.path == "/v2/clients"]) == 1


def test_what_is_not_shown_is_asked_for_once(harvest: Sandbox, sync: Sync):
    """The lists of other parents are not asked for before the first one came."""
    harvest.fail(path=payments_of(harvest, 0), times=None, status=403)

    run = sync("invoice_payments")

    assert run.records("invoice_payments") == []
    assert [request.path for request in below(harvest, "payments")] == [payments_of(harvest, 0)]


def test_an_error_comes_when_its_list_is_due(
    harvest: Sandbox, config: Row, sync: Sync, capfdbinary: pytest.CaptureFixture[bytes]
):
    """After all that came before it was written, and before anything of what comes after it."""
    invoices = [row["id"] for row in harvest.rows("invoices")]
    paid = {record["invoice_id"] for record in sync("invoice_payments").records("invoice_payments")}
    harvest.fail(path=payments_of(harvest, 8), status=401, times=None)
    harvest.fail(path=payments_of(harvest, 5), latency_seconds=0.2)
    harvest.fail(path=payments_of(harvest, 10), status=422, times=None)
    tap = TapHarvest(config=config, catalog=selecting("invoice_payments"))

    with pytest.raises(FatalAPIError, match=f"401 on .*/{invoices[8]}/payments"):
        tap.sync_all()
    tap.account.client.close()

    messages = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    found = {m["record"]["invoice_id"] for m in messages if m["type"] == "RECORD"}
    assert found == paid & set(invoices[:8])


def test_a_closed_client_sends_nothing_more(harvest: Sandbox, client: Client):
    """What waits for its turn never leaves, and what comes is dropped."""
    harvest.switches.latency_seconds = 0.1
    lists = [client.pages("/clients", {"x": str(number)}, stream="clients") for number in range(60)]

    next(lists[0])
    client.close()
    sent = client.requests_of.total()
    time.sleep(0.3)

    assert client.requests_of.total() == sent < 60


def test_a_closed_client_does_not_try_again(harvest: Sandbox, client: Client):
    """What waits for its next try gives up."""
    harvest.fail(path="/v2/clients", status=500, times=None)

    client.pages("/clients", {}, stream="clients")
    while not client.requests_of:
        time.sleep(0.001)
    client.close()
    time.sleep(0.4)

    assert len(harvest.requests) == 1


def in_time(call: Callable[[], object], seconds: float = 10) -> list[Exception]:
    """The error that a call ends with, if it does; none of it may take for ever."""
    errors: list[Exception] = []

    def run() -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001  # The test looks at it.
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive()
    return errors


def test_a_closed_client_says_so(client: Client):
    """It does not wait for an answer that will never come."""
    lists = [client.pages("/tasks", {"x": str(number)}, stream="tasks") for number in range(4)]
    for pages in lists:
        list(pages)
    client.close()

    [error] = in_time(lambda: list(client.pages("/clients", {}, stream="clients")))

    assert isinstance(error, FatalAPIError)
    assert "closed" in str(error)


def test_a_list_that_waited_for_its_turn_says_that_the_client_is_closed(
    harvest: Sandbox, client: Client
):
    """Its request was dropped before a thread was free for it."""
    harvest.switches.latency_seconds = 0.2
    lists = [client.pages("/clients", {"x": str(number)}, stream="clients") for number in range(9)]
    client.close()

    errors = [error for pages in lists for error in in_time(partial(list, pages))]

    assert len(errors) >= 5  # At most four had a thread of their own.
    assert {(type(error), str(error)) for error in errors} == {(FatalAPIError, CLOSED)}


class SlowQueue(SimpleQueue[Any]):
    """A queue that is emptied by the workers just after it was seen to hold something."""

    def empty(self) -> bool:
        """Whether it was empty a moment ago."""
        was_empty = super().empty()
        time.sleep(0.05)
        return was_empty


def test_closing_waits_for_no_call(monkeypatch: pytest.MonkeyPatch):
    """Not even where a worker takes the last one at the same moment."""
    monkeypatch.setattr("tap_harvest.http.workers.SimpleQueue", SlowQueue)
    workers = Workers(1)
    for _ in range(3):
        workers.submit(lambda: time.sleep(0.02))

    assert in_time(workers.close) == []


@pytest.mark.parametrize("end", ["error", "signal"])
def test_an_end_waits_for_no_answer(harvest: Sandbox, config: Row, tmp_path: Path, end: str):
    """Neither a request under way nor one that waits for a budget keeps the program alive."""
    for position in (3, 4, 5):
        harvest.fail(path=payments_of(harvest, position), hang=True, times=None)
    if end == "error":
        harvest.fail(path=payments_of(harvest, 2), status=401, times=None, latency_seconds=0.3)
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "catalog.json").write_text(json.dumps(selecting("invoice_payments")))
    command = [sys.executable, "-Werror", "-m", "tap_harvest", "--config", "config.json"]

    with subprocess.Popen(
        [*command, "--catalog", "catalog.json"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as tap:
        if end == "signal":
            while not any(r.path == payments_of(harvest, 5) for r in harvest.requests):
                assert tap.poll() is None
                time.sleep(0.01)
            tap.send_signal(signal.SIGTERM)
        try:
            _, errors = tap.communicate(timeout=30)  # Half of what a request may take.
        finally:
            tap.kill()

    assert tap.returncode == {"error": 1, "signal": 128 + signal.SIGTERM}[end]
    assert b"Traceback" not in errors


def test_a_pause_holds_back_whatever_thread_asks(harvest: Sandbox, sync: Sync):
    """One answer tells of it, and the others obey."""
    harvest.switches.latency_seconds = 0.02
    harvest.fail(path=payments_of(harvest, 9), status=429, retry_after=1)

    sync("invoice_payments")

    [told] = [request for request in harvest.requests if request.status == 429]
    assert told.answered_at is not None
    after = [request.at - told.answered_at for request in harvest.requests]
    # Those that were on their way already may still arrive.
    assert not any(0.5 < seconds < 0.99 for seconds in after)
    assert any(seconds >= 0.99 for seconds in after)


def test_a_pause_is_told_once(harvest: Sandbox, sync: Sync, caplog: pytest.LogCaptureFixture):
    """Also where several requests were refused at once, which are then repeated without a word."""
    harvest.switches.latency_seconds = 0.05
    harvest.fail(status=429, retry_after=2, after=10, times=3)

    sync("invoice_payments")

    assert [request.status for request in harvest.requests].count(429) == 3
    [told] = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert told.startswith("Harvest asks for a pause: seconds=2 until=20")
    assert told.endswith(" stream=invoice_payments")


def test_requests_under_way_count():
    """Harvest may count one at any time before its answer is there."""
    budget = Budget(2, 0.1)
    entered = threading.Event()

    def enter() -> None:
        with budget:
            entered.set()

    third = threading.Thread(target=enter)
    with budget:
        with budget:
            third.start()
            held_back = not entered.wait(0.3)
            answered_at = time.monotonic()
        entered.wait()
        waited = time.monotonic() - answered_at
    third.join()

    assert held_back
    assert waited >= 0.1 - 0.001


def test_a_run_counts_requests_by_stream(harvest: Sandbox, config: Row):
    """Whatever thread sent them."""
    tap = TapHarvest(config={**config, "page_size": 100}, catalog=selecting(*STREAMS))

    run_tap(tap)

    asked = tap.account.client.requests_of
    assert asked["invoice_payments"] == len(below(harvest, "payments"))
    assert asked["time_entries"] == len(below(harvest, "time_entries")) == 3
    assert asked.total() == len(harvest.requests)


def test_the_first_pages_of_several_streams_overlap(harvest: Sandbox, sync: Sync):
    """Each stream asks for one page only, and none is asked for twice."""
    harvest.switches.latency_seconds = 0.15
    lists = ("clients", "contacts", "tasks", "time_entries", "projects", "roles")

    sync(*lists)

    asked = harvest.requests[2:]
    assert sorted(request.path for request in asked) == sorted(f"/v2/{name}" for name in lists)
    assert most_at_once(asked) == 4


def test_the_first_windows_of_several_reports_overlap(harvest: Sandbox, sync: Sync):
    """So that a sync that reads few windows of many reports takes no longer than it must."""
    harvest.switches.latency_seconds = 0.15
    reports = ("expense_team_report", "time_clients_report", "time_tasks_report")

    sync(*reports, report_start_date="2026-06-01")

    assert len(harvest.requests) == 2 + len(reports)
    assert most_at_once(harvest.requests[2:]) == 3


def in_vain(harvest: Sandbox) -> list[tuple[str, str]]:
    """The lists, by account, whose first page was asked for more than once."""
    asked = Counter(
        (request.headers["harvest-account-id"], request.path)
        for request in harvest.requests
        if request.path.count("/") == 2 and not {"cursor", "page"} & request.query.keys()
    )
    return [one for one, times in asked.items() if times > 1]


@pytest.mark.parametrize("resumes", [False, True])
def test_nothing_is_asked_for_in_vain(harvest: Sandbox, sync: Sync, resumes: bool):
    """What was asked for ahead is what is read, be it whole or what changed."""
    state = sync().states[-1] if resumes else None
    harvest.requests.clear()

    sync(state=state)

    assert in_vain(harvest) == []
    asked = [(request.path, tuple(request.query.items())) for request in harvest.requests]
    assert len(asked) == len(set(asked))


def test_nothing_is_asked_for_in_vain_in_several_accounts(
    harvest: Sandbox, config: Row, sync: Sync
):
    """Also where one account is read whole only because another one is."""
    harvest.switches.second_account = True
    del config["account_id"]
    lists = ("clients", "tasks", "projects", "time_entries", "roles")
    state = sync(*lists, account_ids=[900100]).states[-1]
    harvest.requests.clear()

    sync(*lists, state=state, account_ids=[900100, 900101])

    assert in_vain(harvest) == []
    assert not any("updated_since" in request.query for request in harvest.requests)
