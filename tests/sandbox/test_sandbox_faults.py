"""Faults that a test orders really happen, on the connection and in the answer."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from harvest_sandbox import Sandbox

if TYPE_CHECKING:
    from conftest import Api


def test_a_status_can_be_ordered(harvest: Sandbox, api: Api):
    """So many requests for the path get the status, body and `Retry-After`; others do not."""
    harvest.fail(status=503, times=2, path="/v2/clients", retry_after=1, body="html")

    other = api.get("/tasks")
    answers = [api.get("/clients") for _ in range(3)]

    assert other.status_code == 200
    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].headers["retry-after"] == "1"
    assert answers[0].headers["content-type"].startswith("text/html")
    assert [request.status for request in harvest.requests] == [200, 503, 503, 200]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("message", {"message": "Internal Server Error"}),
        ("error", {"status": 500, "error": "Internal Server Error"}),
        ("empty", None),
    ],
)
def test_a_failure_has_any_known_body(harvest: Sandbox, api: Api, body: Any, expected: object):
    """The body of a fault takes each form that callers met."""
    harvest.fail(status=500, body=body)

    answer = api.get("/clients")

    assert answer.status_code == 500
    assert (answer.json() if answer.content else None) == expected


def test_a_token_can_end_in_mid_run(harvest: Sandbox, api: Api):
    """From the third request on every answer is 401, until the fault is called off."""
    harvest.fail(status=401, body="oauth", after=2, times=None)

    statuses = [api.get("/clients").status_code for _ in range(5)]
    harvest.faults.clear()

    assert statuses == [200, 200, 401, 401, 401]
    assert api.get("/clients").status_code == 200


def test_a_body_can_be_cut(harvest: Sandbox, api: Api):
    """The connection closes after half of the announced body."""
    harvest.fail(cut=True)

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        api.get("/clients")

    assert harvest.requests[0].status is None
    assert harvest.requests[0].bytes > 0
    assert api.get("/clients").status_code == 200


def test_a_connection_can_be_reset(harvest: Sandbox, api: Api):
    """The connection is reset before an answer."""
    harvest.fail(reset=True)

    with pytest.raises(requests.exceptions.ConnectionError, match="reset by peer"):
        api.get("/clients")

    assert api.get("/clients").status_code == 200


def test_an_answer_can_stay_away(harvest: Sandbox, api: Api):
    """The server takes the request and never answers."""
    harvest.fail(hang=True)

    with pytest.raises(requests.exceptions.ReadTimeout):
        api.session.get(f"{harvest.api_url}/clients", timeout=0.2)

    assert harvest.requests[0].status is None
    assert api.get("/clients").status_code == 200


def test_an_unanswered_request_does_not_keep_the_server_up():
    """The account can be shut while a request hangs."""
    with socket.socket() as line, Sandbox() as harvest:
        harvest.fail(hang=True)
        line.connect(("127.0.0.1", int(harvest.identity_url.split(":")[-1])))
        line.sendall(b"GET /v2/clients HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        while not harvest.requests:
            time.sleep(0.01)
        started = time.monotonic()

    assert time.monotonic() - started < 1


def test_answers_can_be_slow(harvest: Sandbox, api: Api):
    """One answer, or all of them, take the time that was ordered."""
    harvest.fail(latency_seconds=0.2)
    slow = api.get("/roles").elapsed.total_seconds()
    harvest.switches.latency_seconds = 0.1
    all_slow = api.get("/roles").elapsed.total_seconds()

    assert slow >= 0.2
    assert all_slow >= 0.1


def test_an_answer_can_be_rewritten(harvest: Sandbox, api: Api):
    """Once, with a length that fits."""
    harvest.fail(path="/v2/roles", rewrite=lambda body: body.replace(b'"roles"', b'"parts"'))

    first, second = (api.get("/roles").json() for _ in range(2))

    assert first.pop("parts") == second.pop("roles")
    assert first == second


def test_the_date_can_be_another_than_the_account_s(harvest: Sandbox, api: Api):
    """The server that answers has a clock of its own."""
    harvest.switches.date_skew_seconds = -3600

    assert api.get("/roles").headers["date"] == "Tue, 30 Jun 2026 11:00:00 GMT"


@pytest.mark.parametrize("edit", ["add", "change", "delete"])
def test_an_edit_can_happen_before_a_page(harvest: Sandbox, api: Api, edit: str):
    """A row is added, changed or deleted between two pages of a walk."""
    last = harvest.rows("contacts")[-1]["id"]
    edits = {
        "add": lambda h: h.add("contacts"),
        "change": lambda h: h.change("contacts", last, first_name="Changed"),
        "delete": lambda h: h.delete("contacts", last),
    }
    harvest.before_page("/v2/contacts", 2, edits[edit])

    first = api.get("/contacts", per_page=5).json()
    second = api.get(first["links"]["next"]).json()

    difference = second["total_entries"] - first["total_entries"]
    assert difference == {"add": 1, "change": 0, "delete": -1}[edit]


def test_faults_wait_for_each_other(harvest: Sandbox, api: Api):
    """A request meets one fault; the next fault waits for the next request."""
    harvest.fail(status=429, retry_after=0, body="html")
    harvest.fail(status=502)

    assert [api.get("/roles").status_code for _ in range(3)] == [429, 502, 200]
