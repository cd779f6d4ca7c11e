"""The client's rules, over real HTTP."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from scripted_server import TOKEN
from singer_sdk.exceptions import FatalAPIError, RetriableAPIError

from tap_harvest.http.client import Client
from tap_harvest.http.errors import UnavailableError
from tap_harvest.http.session import MAX_TRIES
from tap_harvest.http.sign_in import OAuth, PersonalToken

if TYPE_CHECKING:
    from pathlib import Path

    from scripted_server import Clock, Script


def page(*rows: Any, total: int | None = None, following: str | None = None) -> dict[str, Any]:
    """A page of clients."""
    return {
        "clients": list(rows),
        "total_entries": len(rows) if total is None else total,
        "links": {"next": following},
    }


def read(client: Client, path: str = "/clients") -> list[bytes]:
    """All rows of a list, as bytes."""
    pages = client.pages(path, {}, stream="clients")
    return [bytes(row) for page in pages for row in page.rows]


def test_a_request_carries_token_account_and_user_agent(client: Client, script: Script):
    """Harvest needs all three on each request, and the page size is always said."""
    script.says(page())

    read(client)

    [request] = script.received
    assert request.path == "/v2/clients"
    assert request.query == {"per_page": "2000"}
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["harvest-account-id"] == "900100"
    assert request.headers["user-agent"] == "Example Works (data@example.com)"


def test_a_netrc_of_the_machine_does_not_replace_the_token(
    client: Client, script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The token that is set is the token that is sent."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password something\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    script.says(page())

    read(client)

    assert script.received[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_pages_follow_the_next_link_until_it_is_null(client: Client, script: Script):
    """The next address is taken as it is, and no page number is needed."""
    script.says(page({"id": 3}, total=2, following=f"{script.url}/v2/clients?cursor=x&per_page=1"))
    script.says(page({"id": 2}, total=2))

    rows = read(client)

    assert rows == [b'{"id": 3}', b'{"id": 2}']
    assert script.received[1].query == {"cursor": "x", "per_page": "1"}


def test_an_empty_list_has_one_empty_page(client: Client, script: Script):
    """No rows are no fault."""
    script.says(page())

    rows = read(client)

    assert rows == []


def test_a_next_link_to_another_host_gets_no_token(
    client: Client, script: Script, elsewhere: Script
):
    """The token stays on the host that was set, down to the port."""
    elsewhere.says(page())
    script.says(page({"id": 1}, following=f"{elsewhere.url}/v2/clients?page=2"))

    with pytest.raises(FatalAPIError, match="another host"):
        read(client)

    assert elsewhere.received == []


@pytest.mark.parametrize(
    "following",
    [
        "",
        "/v2/clients?page=2",
        "//127.0.0.1/v2/clients",
        "http://[::1",
        "http://127.0.0.1:port/v2/clients",
        "http://127.0.0.1:99999/v2/clients",
        "ftp://127.0.0.1/v2/clients",
        # Parsers disagree on which host these name.
        "http://{other}\\@{ours}/v2/clients?page=2",
        "http://{ours}\\@{other}/v2/clients?page=2",
        "http://{other}\\.{ours}/v2/clients?page=2",
        "http://{other}@{ours}/v2/clients?page=2",
        "http://{ours}@{other}/v2/clients?page=2",
        "http://{other}#@{ours}/v2/clients?page=2",
        "http://{ours}/v2/clients?page=2#more",
        "http://{ours}/v2/clients?page=2\t",
        " http://{ours}/v2/clients?page=2",
        "http://{ours}/v2/clients?page=2\r\nX-Header: 1",
        "http://{ours}/v2/clients?page=2\u0000",
        "http://{ours}/v2/\uff0f{other}",
    ],
)
def test_a_next_link_that_is_no_plain_address_is_not_followed(
    client: Client, script: Script, elsewhere: Script, following: str
):
    """No byte goes to another host, and half a list is an error."""
    elsewhere.says(page())
    ours, other = (server.url.removeprefix("http://") for server in (script, elsewhere))
    script.says(page({"id": 1}, following=following.format(ours=ours, other=other)))

    with pytest.raises(FatalAPIError, match='stream "clients" is not a plain web address'):
        read(client)

    assert len(script.received) == 1
    assert elsewhere.received == []


@pytest.mark.parametrize("changed", ["https://{ours}", "http://localhost:{port}", "http://[::1]:1"])
def test_a_next_link_to_another_origin_is_not_followed(
    client: Client, script: Script, changed: str
):
    """Scheme, host and port are those that were called."""
    ours = script.url.removeprefix("http://")
    address = changed.format(ours=ours, port=ours.partition(":")[2])
    script.says(page({"id": 1}, following=f"{address}/v2/clients?page=2"))

    with pytest.raises(FatalAPIError, match="another host"):
        read(client)

    assert len(script.received) == 1


@pytest.mark.parametrize("name", ["api_url", "identity_url"])
def test_an_address_that_parsers_disagree_on_gets_no_token(
    script: Script, elsewhere: Script, name: str
):
    """Also where it is a setting, for lists as for the sign-in."""
    ours, other = (server.url.removeprefix("http://") for server in (script, elsewhere))
    urls = {"api_url": script.url, "identity_url": script.url}
    client = Client(
        **{**urls, name: f"http://{other}\\@{ours}"},
        sign_in=OAuth(client_id="a", client_secret="b-secret", refresh_token="c-token"),
        user_agent="test",
        retry_factor_seconds=0,
    )
    script.says({"access_token": TOKEN}).says(page())
    elsewhere.says({"access_token": TOKEN}).says(page())

    with pytest.raises(FatalAPIError, match="is not a plain web address"):
        read(client)
    client.close()

    assert elsewhere.received == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["{url}/v2/clients", "http://[::1", "\xff\xfe"])
def test_a_redirect_gets_no_token(
    client: Client, script: Script, elsewhere: Script, *, status: int, location: str
):
    """An answer that points elsewhere is an error that names the setting."""
    elsewhere.says(page())
    headers = {"Location": location.format(url=elsewhere.url)}
    script.says(status=status, headers=headers)

    with pytest.raises(FatalAPIError, match="`api_url`"):
        read(client)

    assert elsewhere.received == []


@pytest.mark.parametrize(
    "following",
    [
        "?per_page=2000&is_active=true",
        "?is_active=tru%65&per_page=2000",
        "?is_active=true&per_page=2000&",
    ],
)
def test_a_page_is_known_again_in_another_spelling(client: Client, script: Script, following: str):
    """The order and the spelling of a query change nothing."""
    script.says(page({"id": 1}, following=f"{script.url}/v2/clients{following}"))

    with pytest.raises(FatalAPIError, match="twice"):
        list(client.pages("/clients", {"is_active": "true"}, stream="clients"))

    assert len(script.received) == 1


@pytest.mark.parametrize("rows", [0, 1])
@pytest.mark.parametrize("total", [0, 1, 30])
def test_a_list_that_names_ever_new_pages_ends(
    client: Client, script: Script, *, rows: int, total: int
):
    """Far more pages than were announced are an error, with rows on them or none."""
    for number in range(200):
        following = f"{script.url}/v2/clients?cursor={number}"
        script.says(page(*[{"id": number}] * rows, total=total, following=following))

    with pytest.raises(FatalAPIError, match="many more pages than Harvest announced"):
        read(client)

    assert len(script.received) <= 10 + 2 * total


@pytest.mark.parametrize(
    ("total", "pages", "rows", "told"),
    [
        (10**12, None, 1, "Harvest announced 1000000000000 rows of stream"),
        (10**9, 3, 1, r"many more pages than Harvest announced \(16 were read of 3\)"),
        (10**9, None, 0, "Harvest sent the same rows of stream"),
    ],
)
def test_an_absurd_count_does_not_keep_a_list_going(
    client: Client, script: Script, *, total: int, pages: int | None, rows: int, told: str
):
    """Each answer names a new page. The count alone is not believed."""
    for number in range(60):
        following = f"{script.url}/v2/clients?cursor={number}"
        answer = page(*[{"id": number}] * rows, total=total, following=following)
        script.says(answer if pages is None else {**answer, "total_pages": pages})

    with pytest.raises(FatalAPIError, match=told) as caught:
        read(client)

    assert "would never end" in str(caught.value)
    assert len(script.received) < 30


def test_the_same_rows_on_ever_new_pages_end(client: Client, script: Script):
    """Whatever was announced."""
    for number in range(60):
        following = f"{script.url}/v2/clients?cursor={number}"
        script.says(page({"id": 1}, {"id": 2}, total=10**6, following=following))

    with pytest.raises(FatalAPIError, match="Harvest sent the same rows"):
        read(client)

    assert len(script.received) < 30


def test_a_list_does_not_grow_for_ever(
    client: Client, script: Script, monkeypatch: pytest.MonkeyPatch
):
    """Each answer names a new page and a larger count."""
    monkeypatch.setattr("tap_harvest.http.paging.GROWTH_PAGES", 30)
    for number in range(60):
        following = f"{script.url}/v2/clients?cursor={number}"
        script.says(page({"id": number}, total=2 + number, following=following))

    with pytest.raises(FatalAPIError, match="many more pages than Harvest announced"):
        read(client)

    assert len(script.received) < 40


def test_a_list_may_grow_while_it_is_read(client: Client, script: Script):
    """What the last page announces counts as well."""
    for number in range(30):
        following = f"{script.url}/v2/clients?cursor={number}"
        script.says(page({"id": number}, total=2 + number, following=following))
    script.says(page({"id": 30}, total=32))

    assert len(read(client)) == 31


@pytest.mark.parametrize("total", [None, -1, "1", 1.5, True, []])
def test_a_count_that_is_none_is_an_error(client: Client, script: Script, total: Any):
    """Nobody could tell whether the list is whole."""
    envelope = page({"id": 1})
    envelope["total_entries"] = total
    script.says(envelope)

    with pytest.raises(FatalAPIError, match='has an unexpected "total_entries"'):
        read(client)


def test_a_page_is_never_read_twice(client: Client, script: Script):
    """A list whose pages form a ring ends with an error, not never."""
    ring = f"{script.url}/v2/clients?cursor=x"
    script.says(page({"id": 1}, following=ring)).says(page({"id": 2}, following=ring))

    with pytest.raises(FatalAPIError, match="twice"):
        read(client)

    assert len(script.received) == 2


def test_a_first_page_that_follows_itself_is_not_read_again(client: Client, script: Script):
    """The first address is one that was read, filters and all."""
    script.says(page({"id": 1}, following=f"{script.url}/v2/clients?per_page=2000"))

    with pytest.raises(FatalAPIError, match="twice"):
        read(client)

    assert len(script.received) == 1


@pytest.mark.parametrize("name", ["clients", "total_entries", "links"])
def test_a_part_of_the_envelope_that_is_missing_is_named(client: Client, script: Script, name: str):
    """Without rows, count or links, it is unknown whether the list is whole."""
    envelope = page({"id": 1})
    del envelope[name]
    script.says(envelope)

    with pytest.raises(FatalAPIError, match=f'has no "{name}"'):
        read(client)


def test_a_refused_token_ends_the_run_at_once(client: Client, script: Script):
    """One request, a way out, and no token in the error."""
    script.says({"error": "invalid_token", "error_description": "It expired."}, status=401)

    with pytest.raises(FatalAPIError, match="Create a new one") as caught:
        read(client)

    assert "It expired.; invalid_token" in str(caught.value)
    assert TOKEN not in str(caught.value)
    assert len(script.received) == 1


@pytest.mark.parametrize("status", [403, 404])
def test_a_list_that_is_not_shown_is_unavailable(client: Client, script: Script, status: int):
    """The caller can tell it from other errors, and nothing is tried again."""
    script.says(status=status)

    with pytest.raises(UnavailableError, match=f"{status} on .*/v2/clients"):
        read(client)

    assert len(script.received) == 1


def test_a_list_that_vanishes_on_its_way_is_not_unavailable(client: Client, script: Script):
    """Half a list must not pass for a list that the token may not see."""
    script.says(page({"id": 1}, following=f"{script.url}/v2/clients?cursor=x")).says(status=404)

    with pytest.raises(FatalAPIError) as caught:
        read(client)

    assert not isinstance(caught.value, UnavailableError)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"message": "per_page is too large"}, "per_page is too large"),
        ({"error": "bad", "error_description": "No such window"}, "No such window; bad"),
        ({"status": 422, "error": "Unprocessable"}, "Unprocessable"),
    ],
)
def test_a_refused_request_repeats_what_harvest_said(
    client: Client, script: Script, body: dict[str, Any], said: str
):
    """Stream, address without query, and Harvest's own words; no second try."""
    script.says(body, status=422)

    with pytest.raises(FatalAPIError) as caught:
        read(client)

    text = str(caught.value)
    assert f'422 on {script.url}/v2/clients, stream "clients": {said})' in text
    assert len(script.received) == 1


@pytest.mark.parametrize("body", ["<html><h1>Bad</h1></html>", "", "[1]"])
def test_a_refusal_without_words_is_reported_without_words(
    client: Client, script: Script, body: str
):
    """HTML and silence are no explanations."""
    script.says(body, status=400)

    with pytest.raises(FatalAPIError, match=r'stream "clients"\)'):
        read(client)


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 502, "body": "<html>"},
        {"status": 503},
        {"status": 429, "body": "<html>"},
        {"body": '{"clients": [', "cut": 100},
        {"body": '{"clients": ['},
        {"body": "<html>"},
        {"body": "[]"},
    ],
    ids=["500", "502", "503", "429", "cut", "half", "html", "array"],
)
def test_a_fault_that_may_pass_is_tried_again(
    client: Client, script: Script, fault: dict[str, Any]
):
    """The list is read as though nothing had been."""
    script.says(**fault).says(**fault).says(page({"id": 1}))

    rows = read(client)

    assert rows == [b'{"id": 1}']


def test_an_answer_that_never_comes_is_tried_again(script: Script):
    """A time-out ends a try, not the run."""
    client = Client(
        api_url=f"{script.url}/v2",
        identity_url=script.url,
        sign_in=PersonalToken(TOKEN),
        user_agent="test",
        timeout_seconds=0.1,
        retry_factor_seconds=0,
    )
    script.says(hangs=True).says(page({"id": 1}))

    rows = read(client)
    client.close()

    assert rows == [b'{"id": 1}']


def test_tries_are_bounded(client: Client, script: Script):
    """What does not pass ends the run with its reason."""
    for _ in range(MAX_TRIES + 1):
        script.says(status=500)

    with pytest.raises(RetriableAPIError, match="500 on"):
        read(client)

    assert len(script.received) == MAX_TRIES


def test_a_port_where_nobody_listens_names_the_address(clock: Clock):
    """The error says where nobody answered, and what to do."""
    client = Client(
        api_url="http://127.0.0.1:9/v2",
        identity_url="http://127.0.0.1:9",
        sign_in=PersonalToken(TOKEN),
        user_agent="test",
        retry_factor_seconds=0,
        clock=clock,
    )

    with pytest.raises(
        RetriableAPIError, match=r"127\.0\.0\.1:9/v2/clients \(NewConnectionError\)"
    ):
        read(client)
    client.close()


def client_of(url: str) -> Client:
    """A client of any address, which loses no time between repetitions."""
    return Client(
        api_url=url,
        identity_url=url,
        sign_in=PersonalToken(TOKEN),
        user_agent="test",
        retry_factor_seconds=0,
    )


def test_a_certificate_that_is_not_trusted_ends_the_run_at_once(script: Script):
    """Another try cannot help, and the token does not go there."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    script.speak_tls(context)
    client = client_of(f"{script.url.replace('http:', 'https:')}/v2")

    with pytest.raises(FatalAPIError, match="certificate is not one that this machine trusts"):
        read(client)
    client.close()

    assert client.requests_of == {"clients": 1}
    assert script.received == []


def test_certificates_that_are_not_there_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The variable of the machine leads nowhere; no traceback."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    client = client_of("https://127.0.0.1:9/v2")

    with pytest.raises(FatalAPIError, match=r"none\.pem"):
        read(client)
    client.close()


def test_an_address_that_cannot_be_one_is_not_tried_again():
    """Settings are checked for what an address looks like; the rest is found here."""
    client = client_of("http://.example.com/v2")

    with pytest.raises(FatalAPIError, match="Check the address that is set"):
        read(client)
    client.close()

    assert client.requests_of == {"clients": 1}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (r"cut \ud83d", r"cut \ufffd"),
        (r"\uDE80 cut", r"\ufffd cut"),
        (r"\ud83d\ud83d\ude80", r"\ufffd\ud83d\ude80"),
        (r"\ud83d\u0041", r"\ufffd\u0041"),
        (r"\\ud83d \ud83d", r"\\ud83d \ufffd"),
        (r"\\\ud83d \n", r"\\\ufffd \n"),
    ],
)
def test_half_a_character_does_not_stop_a_list(
    client: Client, script: Script, caplog: pytest.LogCaptureFixture, sent: str, kept: str
):
    """U+FFFD stands for it; the rest of the text stays as it is."""
    row = '{"id": 1, "notes": "%s", "name": "\\ud83d\\ude80"}'
    envelope = '{"clients": [%s], "total_entries": 1, "links": {"next": null}}'
    script.says(envelope % (row % sent))

    assert read(client) == [(row % kept).encode()]
    assert len(script.received) == 1
    assert "half a character" in caplog.text


@pytest.mark.parametrize(
    ("status", "asked", "seconds"),
    [
        (429, "7", 7),
        (503, "7", 7),
        (429, "86400", 900),
        (429, "Fri, 04 Apr 2031 16:00:09 GMT", 9),
        (429, "0", 0),
        (429, "soon", 15),
        (429, "Fri, 31 Dec 9999 23:59:59 -1400", 15),
        (503, "soon", 0),
        (500, "7", 0),
    ],
    ids=str,
)
def test_a_pause_is_as_long_as_harvest_asks_within_bounds(
    client: Client, script: Script, clock: Clock, *, status: int, asked: str, seconds: int
):
    """A 429 or 503 holds all requests back, by seconds or by a date of Harvest's own clock."""
    date = "Fri, 04 Apr 2031 16:00:00 GMT"
    script.says("<html>", status=status, headers={"Retry-After": asked, "Date": date})
    script.says(page({"id": 1}))

    rows = read(client)

    assert rows == [b'{"id": 1}']
    assert sum(clock.waited) == seconds


@pytest.mark.parametrize("date", ["Mon, 01 Jan 0001 00:00:00 +1400", "31 Dec 9999 23:59:59 -1400"])
def test_a_date_that_cannot_be_right_counts_as_none(client: Client, script: Script, date: str):
    """Neither `Date` nor `Retry-After` ends the run, and this machine's clock is used instead."""
    script.says(status=429, headers={"Retry-After": date, "Date": date})
    script.says(page({"id": 1}), headers={"Date": date})

    [found] = client.pages("/clients", {}, stream="clients")

    assert found.sent_at is None
    assert client.started is not None
    assert client.started.year < 2101


@pytest.mark.parametrize(
    ("path", "seconds"), [("/clients", 15), ("/reports/time/team", 900)], ids=["list", "report"]
)
def test_a_429_without_retry_after_waits_for_a_whole_window(
    client: Client,
    script: Script,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    *,
    path: str,
    seconds: int,
):
    """As Harvest sent it in 2020: HTML, an empty body, and no `Retry-After`. The log says it."""
    script.says(status=429, headers={"Content-Type": "text/html"})
    script.says({"results": [], "total_entries": 0, "links": {"next": None}})

    pages = list(client.pages(path, {}, stream="a_stream", key="results"))

    assert len(pages) == 1
    assert sum(clock.waited) == seconds
    [line] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert line.startswith(f"Harvest asks for a pause: seconds={seconds} until=20")
    assert line.endswith(" stream=a_stream")


def test_reports_have_a_budget_of_their_own(client: Client, script: Script, clock: Clock):
    """A pause of the reports does not hold the lists back, and neither counts for the other."""
    script.says(status=429, headers={"Retry-After": "800"})
    script.says({"results": [], "total_entries": 0, "links": {"next": None}})
    script.says(page())

    list(client.pages("/reports/time/team", {}, stream="time_team_report", key="results"))
    waited_for_reports = sum(clock.waited)
    read(client, "/clients")

    assert sum(clock.waited) == waited_for_reports == 800
    assert (client.budgets.reports.left, client.budgets.general.left) == (98, 99)


def test_a_record_keeps_its_digits_and_is_one_line(client: Client, script: Script):
    """Numbers are not rounded, and line breaks between them go."""
    body = '{\n "clients": [\r\n {"id": 1,\n "rate": 0.10, "note": "a\\nb"}],'
    script.says(body + '"total_entries": 1, "links": {"next": null}}')

    rows = read(client)

    assert rows == [b'{"id":1,"rate":0.10,"note":"a\\nb"}']


def test_the_first_answer_tells_when_the_run_began(client: Client, script: Script):
    """Harvest's clock counts, not this machine's."""
    for minute in (1, 2):
        date = f"Fri, 04 Apr 2031 16:0{minute}:00 GMT"
        script.says(page(), headers={"Date": date})

    read(client)
    read(client)

    assert client.started is not None
    assert client.started.isoformat() == "2031-04-04T16:01:00+00:00"
