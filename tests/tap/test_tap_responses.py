"""What an answer may be: its form, its size and its time, over real HTTP."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from scripted_server import TOKEN
from singer_sdk.exceptions import FatalAPIError, RetriableAPIError

from tap_harvest.http.client import Client
from tap_harvest.http.session import MAX_TRIES
from tap_harvest.http.sign_in import PersonalToken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scripted_server import Clock, Script

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
GZIP = {"Content-Encoding": "gzip"}


def page(*rows: Any) -> bytes:
    """The only page of clients."""
    envelope = {"clients": rows, "total_entries": len(rows), "links": {"next": None}}
    return json.dumps(envelope).encode()


def sized(body: bytes, length: int | None = None) -> bytes:
    """An answer on the wire, with any `Content-Length`."""
    return OK + b"Content-Length: %d\r\n\r\n" % (len(body) if length is None else length) + body


def chunked(*chunks: bytes) -> bytes:
    """An answer on the wire in chunks, without an end."""
    return CHUNKED + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)


def read(client: Client) -> list[bytes]:
    """All clients, as bytes."""
    pages = client.pages("/clients", {}, stream="clients")
    return [bytes(row) for page in pages for row in page.rows]


@pytest.fixture
def quick(script: Script) -> Iterator[Client]:
    """A client that waits a fifth of a second for a byte, and two seconds for an answer."""
    client = Client(
        api_url=f"{script.url}/v2",
        identity_url=script.url,
        sign_in=PersonalToken(TOKEN),
        user_agent="test",
        timeout_seconds=0.2,
        retry_factor_seconds=0,
    )
    yield client
    client.close()


ROWS = [{"id": number} for number in range(50)]


@pytest.mark.parametrize(
    "answer",
    [
        {"body": gzip.compress(page(*ROWS)), "headers": GZIP},
        {"body": gzip.compress(page(*ROWS)), "headers": {"Content-Encoding": " X-GZIP"}},
        {
            "body": gzip.compress(page(*ROWS)[:40]) + gzip.compress(page(*ROWS)[40:]),
            "headers": GZIP,
        },
        {"body": page(*ROWS), "headers": {"Content-Encoding": "identity"}},
        {"wire": chunked(page(*ROWS)[:99], page(*ROWS)[99:]) + b"0\r\n\r\n"},
        {"wire": OK + b"\r\n" + page(*ROWS)},
    ],
    ids=["gzip", "x-gzip", "two members", "identity", "chunks", "until the end"],
)
def test_an_answer_is_read_in_each_form_that_http_allows(
    client: Client, script: Script, answer: dict[str, Any]
):
    """Packed or not, with its length, in chunks, or until the connection ends."""
    script.says(**answer)

    rows = read(client)

    assert [json.loads(row) for row in rows] == ROWS
    assert script.received[0].headers["accept-encoding"] == "gzip"


BROKEN = {
    "nothing": {"wire": sized(b"")},
    "nothing, packed": {"headers": GZIP},
    "204": {"status": 204},
    "206": {"body": page(), "status": 206},
    "HTML": {"body": "<html>Sign in</html>", "headers": {"Content-Type": "text/html"}},
    "a shorter body than announced": {"wire": sized(page(), 999)},
    "a longer body than announced": {"wire": sized(page(), 20)},
    "no last chunk": {"wire": chunked(page())},
    "half a chunk": {"wire": CHUNKED + b"ff\r\n" + page()},
    "a chunk of no size": {"wire": CHUNKED + b"zz\r\n" + page()},
    "half of gzip": {"body": gzip.compress(page(*ROWS))[:-12], "headers": GZIP},
    "gzip without its sum": {"body": gzip.compress(page(*ROWS))[:-1], "headers": GZIP},
    "gzip that is none": {"body": page(), "headers": GZIP},
    "gzip and more": {"body": gzip.compress(page()) + b"more", "headers": GZIP},
    "a header of 100 KB": {"wire": OK + b"X-Long: %b\r\n\r\n" % (b"x" * 100_000)},
    "200 headers": {"wire": OK + b"X-Header: 1\r\n" * 200 + b"\r\n" + page()},
    "no HTTP": {"wire": b"SSH-2.0-OpenSSH_9.9\r\n"},
    "Latin-1": {"body": page({"id": 1, "name": "Zoë"}).replace(rb"\u00eb", b"\xeb")},
    "UTF-16": {"body": page().decode().encode("utf-16")},
    "half of a character": {"body": page({"id": 1, "name": "x"}).replace(b'"x"', b'"\xe2\x82"')},
    "a surrogate": {"body": page({"id": 1, "name": "x"}).replace(b'"x"', b'"\xed\xa0\x80"')},
    "a byte order mark": {"body": b"\xef\xbb\xbf" + page()},
    "NaN": {"body": page({"id": 1, "rate": 0.5}).replace(b"0.5", b"NaN")},
}
"""Answers that are not whole, or not JSON in UTF-8."""


@pytest.mark.parametrize("name", BROKEN)
def test_an_answer_that_is_not_whole_is_asked_for_again(client: Client, script: Script, name: str):
    """For a while; then the error names stream and address."""
    script.says(**BROKEN[name]).says(page({"id": 1}))

    assert read(client) == [b'{"id": 1}']

    for _ in range(MAX_TRIES):
        script.says(**BROKEN[name])
    with pytest.raises(RetriableAPIError) as caught:
        read(client)

    text = str(caught.value)
    assert f"{script.url}/v2/clients" in text
    assert 'stream "clients"' in text
    assert "\n" not in text


@pytest.mark.parametrize("packing", ["br", "zstd", "deflate", "gzip, gzip", "identity, gzip"])
def test_an_answer_that_is_packed_in_another_way_is_an_error(
    client: Client, script: Script, packing: str
):
    """Nobody asked for it, and no limit would hold for what it unpacks to."""
    body = gzip.compress(gzip.compress(page()))
    script.says(body, headers={"Content-Encoding": packing})

    with pytest.raises(FatalAPIError, match=r"/v2/clients is packed in a way"):
        read(client)

    assert len(script.received) == 1


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("is_packed", [True, False])
def test_an_answer_that_is_too_large_takes_little_memory(
    client: Client,
    script: Script,
    monkeypatch: pytest.MonkeyPatch,
    *,
    status: int,
    is_packed: bool,
):
    """It is read up to the limit, however small it was packed, and not asked for again."""
    monkeypatch.setattr("tap_harvest.http.body.MAX_BODY_BYTES", 2_000_000)
    body = b" " * 50_000_000
    answer = {"body": gzip.compress(body, 1), "headers": GZIP} if is_packed else {"body": body}
    script.says(**answer, status=status)

    tracemalloc.start()
    with pytest.raises(FatalAPIError, match=r"larger than 2,000,000 bytes.*`page_size`"):
        read(client)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 10_000_000
    assert len(script.received) == 1


@pytest.mark.parametrize(
    "wire",
    [OK + b"Content-Length: 1000000\r\n\r\n", CHUNKED, OK, OK + b"X-Slow: ", b"HTTP/1.1 200 "],
    ids=["body", "chunk", "headers", "header", "status"],
)
def test_an_answer_that_drips_is_given_up(quick: Client, script: Script, wire: bytes):
    """Each byte comes in time, but the whole would take for ever; another try may do better."""
    script.says(wire=wire, drips=True).says(page({"id": 1}))

    assert read(quick) == [b'{"id": 1}']
    assert len(script.received) == 2


@pytest.mark.parametrize(
    "form", ["{deep}", '{{"clients": [{deep}], "total_entries": 1, "links": {{"next": null}}}}']
)
def test_an_answer_that_is_nested_too_deeply_is_an_error(client: Client, script: Script, form: str):
    """The error names stream and address, and nothing is tried again."""
    script.says(form.format(deep='{"a":' * 200_000 + "1" + "}" * 200_000))

    with pytest.raises(FatalAPIError, match=r'stream "clients" from .*/v2/clients is nested'):
        read(client)

    assert len(script.received) == 1


@pytest.mark.parametrize(
    "body",
    [b'{"a":' * 100_000, b'{"message": "\xeb"}', b'{"\xeb": 1}', b"\xff\xfe", b'{"message": 1}'],
)
def test_a_refusal_that_cannot_be_read_is_without_words(
    client: Client, script: Script, body: bytes
):
    """What Harvest said cannot be read, but the status can."""
    script.says(body, status=400)

    with pytest.raises(FatalAPIError, match=r'400 on .*/v2/clients, stream "clients"\)'):
        read(client)


@pytest.mark.parametrize("row", ["1", "null", '"a"', "[]"])
def test_a_row_that_is_no_object_is_an_error(client: Client, script: Script, row: str):
    """A target could not take it."""
    script.says(page({"id": 1}).replace(b'{"id": 1}', row.encode()))

    with pytest.raises(FatalAPIError, match='has an unexpected row in "clients"'):
        read(client)


STATUSES = (200, 200, 200, 204, 302, 304, 400, 401, 403, 404, 407, 422, 429, 500, 503, 999)
DATES = ("Mon, 01 Jan 0001 00:00:00 +2359", "Fri, 31 Dec 9999 23:59:59 -2359", "0", "-1", "\xb2")


def answer_at_random(chance: Random, url: str) -> bytes:
    """An answer on the wire, with some bytes of it changed."""
    following = chance.choice([None, f"{url}/v2/clients?page=2"])
    envelope = {"clients": [{"id": 1}], "total_entries": 3, "links": {"next": following}}
    refusal = {"error": "invalid_grant", "message": "No such page"}
    body = json.dumps(chance.choice([envelope, envelope, refusal])).encode()
    headers = {"Date": chance.choice(DATES), "Retry-After": chance.choice(DATES)}
    headers |= {"Location": chance.choice(["http://[::", "/x", f"{url}/v2"])}
    if chance.random() < 0.3:
        headers, body = headers | GZIP, gzip.compress(body)
    if chance.random() < 0.3:
        headers["Transfer-Encoding"] = "chunked"
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    else:
        headers["Content-Length"] = str(len(body) + chance.choice([0, 0, 0, -3, 5]))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    start = f"HTTP/1.1 {chance.choice(STATUSES)} Word\r\n{lines}\r\n"
    wire = bytearray(start.encode("latin-1") + body)
    for _ in range(chance.choice([0, 0, 1, 1, 3, 20])):
        position = chance.randrange(len(wire))
        wire[position : position + chance.randrange(8)] = chance.randbytes(chance.randrange(4))
    return bytes(wire)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_comes_ends_with_a_line_of_ours(
    script: Script, monkeypatch: pytest.MonkeyPatch, clock: Clock, seed: int
):
    """No answer ends in another error, or in a line that does not tell whose answer it was."""
    monkeypatch.setattr("tap_harvest.http.session.MAX_TRIES", 1)
    chance = Random(seed)
    client = Client(
        api_url=f"{script.url}/v2",
        identity_url=script.url,
        sign_in=PersonalToken(TOKEN),
        user_agent="test",
        timeout_seconds=5,
        clock=clock,
        wait=clock.wait,
    )

    for _ in range(60):
        script.answers.clear()
        for _ in range(3):
            script.says(wire=answer_at_random(chance, script.url))
        try:
            read(client)
        except (FatalAPIError, RetriableAPIError) as error:
            text = str(error)
            assert "\n" not in text
            assert 'stream "clients"' in text
    client.close()
