"""Whatever happens to a run: it claims no more than it sent, and the next one makes it good."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from threading import Timer
from typing import TYPE_CHECKING, Any

import pytest
from tap_run import Run, landed, run_tap, selecting, try_tap

from harvest_sandbox import Move
from support import commands
from support.account_tables import account, key, report
from tap_harvest.state.bookmark import instant, instant_text
from tap_harvest.tap import TapHarvest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from harvest_sandbox import Sandbox
    from support.account_tables import Row

    Tables = dict[str, dict[tuple[Any, ...], Row]]

NESTED = ("invoice_payments", "user_teammates")
STREAMS = (
    *("clients", "time_entries", "time_entry_external_references", "invoices"),
    *("invoice_line_items", "roles", "user_roles", "users", *NESTED, "time_team_report"),
)
"""One of each kind."""
CATALOG = selecting(*STREAMS)
WINDOWS = (("2026-05-01", "2026-05-31"), ("2026-06-01", "2026-06-30"))
LOOKBACK = timedelta(seconds=300)
HOUR = 3600

ENTRIES = "/v2/time_entries"
REPORT = "/v2/reports/time/team"
RESULT = {
    "no object": lambda _: b"[]",
    "HTML": lambda _: b"<html><h1>Down for maintenance</h1></html>",
    "nothing": lambda _: b"",
    "half of it": lambda body: body[: len(body) // 2],
}
"""What may come with status 200 in place of an answer."""


@dataclass(frozen=True)
class Trouble:
    """What happens to the first of two runs.

    Attributes:
        happens: Arranges it.
        error: What the run then ends with; empty if it gets through.
        settings: Settings of that run.
        deletes: Whether rows are deleted, which the next run can tell if it reconciles.
        ahead: By how many seconds Harvest's clock is ahead during that run.
    """

    happens: Callable[[Sandbox], object]
    error: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    deletes: bool = False
    ahead: int = 0


def fails(error: str = "", settings: Mapping[str, Any] | None = None, **fault: Any) -> Trouble:
    """A fault, on the third page of time entries unless it says where."""
    fault = {"path": ENTRIES, "after": 2} | fault
    return Trouble(lambda harvest: harvest.fail(**fault), error, settings or {})


def edit(change: Callable[[Sandbox], object], **rest: Any) -> Trouble:
    """An edit between two pages of the time entries."""
    return Trouble(lambda harvest: harvest.before_page(ENTRIES, 3, change), **rest)


def without(name: str) -> Callable[[bytes], bytes]:
    """Leaves a part of an answer out."""
    return lambda body: json.dumps(
        {part: value for part, value in json.loads(body).items() if part != name}
    ).encode()


def with_row(row: bytes) -> Callable[[bytes], bytes]:
    """Puts something before the first row of a list."""
    return lambda body: body.replace(b":[", b":[" + row + b",", 1)


def next_at(address: Callable[[dict[str, Any]], str]) -> Callable[[bytes], bytes]:
    """Names another next page."""

    def rewrite(body: bytes) -> bytes:
        answer = json.loads(body)
        answer["links"]["next"] = address(answer)
        return json.dumps(answer).encode()

    return rewrite


def payments(harvest: Sandbox) -> str:
    """The path of the payments of an invoice that has some, and that others come after."""
    paid = {row["id"] for row in harvest.rows("invoices")[:-2] if row["state"] == "paid"}
    return f"/v2/invoices/{min(paid)}/payments"


def fails_below(error: str, **fault: Any) -> Trouble:
    """A fault at the payments of one invoice."""
    return Trouble(lambda harvest: harvest.fail(path=payments(harvest), **fault), error)


def entry_on(harvest: Sandbox, page: int) -> int:
    """The last entry on a page of 50; on none but the first does a timer run."""
    return harvest.rows("time_entries")[50 * page - 1]["id"]


def delete_parent(harvest: Sandbox) -> None:
    """Delete an invoice after the list of invoices was read and before its payments are."""
    path = payments(harvest)
    invoice = int(path.split("/")[3])
    harvest.before_page(path, 1, lambda _: harvest.delete("invoices", invoice))


def delete_and_add(harvest: Sandbox) -> None:
    """Delete an entry of a page that was read, and add one."""
    harvest.delete("time_entries", entry_on(harvest, 1))
    harvest.advance(seconds=5)
    harvest.add("time_entries", spent_date="2024-01-08")


def change_read_and_unread(harvest: Sandbox) -> None:
    """Change an entry of a page that was read and, long after that, one of a page that was not."""
    harvest.change("time_entries", entry_on(harvest, 1), notes="Read before it was changed")
    harvest.advance(seconds=HOUR)
    harvest.change("time_entries", entry_on(harvest, 5), notes="Changed before it was read")


def work(harvest: Sandbox) -> None:
    """Some changes, a moment later."""
    harvest.advance(seconds=5)
    for page in (2, 5):
        harvest.change("time_entries", entry_on(harvest, page), notes="Moved to the afternoon")
    harvest.add("time_entries", spent_date="2026-06-29", hours=1.5)
    harvest.change("clients", harvest.rows("clients")[-1]["id"], address="Example Harbour")
    harvest.add("invoice_payments", invoice_id=harvest.rows("invoices")[-1]["id"])


def switched(name: str, value: Any) -> Trouble:
    """Harvest behaves in another way than is likely, in both runs."""

    def happens(harvest: Sandbox) -> None:
        setattr(harvest.switches, name, value)
        harvest.before_page(ENTRIES, 3, work)

    return Trouble(happens)


TROUBLES: dict[str, Trouble] = {
    # What may pass is tried again, and leaves no trace.
    **{
        f"{status}, twice": fails(status=status, body="html", times=2) for status in range(500, 505)
    },
    **{
        f"500 with {body}": fails(status=500, body=body)
        for body in ("message", "error", "oauth", "empty")
    },
    **{
        f"429 with {body} on {path}": fails(status=429, body=body, path=path, after=1)
        for body in ("message", "error", "html", "empty")
        for path in (ENTRIES, REPORT)
    },
    **{
        f"{status} with Retry-After {seconds} on {path}": fails(
            status=status, body="html", path=path, after=1, retry_after=seconds
        )
        for status, seconds in ((429, 0), (429, 1), (503, 1))
        for path in (ENTRIES, REPORT)
    },
    "reset, twice": fails(reset=True, times=2),
    "cut, twice": fails(cut=True, times=2),
    "slower than the time-out": fails(hang=True, settings={"request_timeout_seconds": 1}),
    **{f"{kind}, twice": fails(rewrite=result, times=2) for kind, result in RESULT.items()},
    "all at once": Trouble(
        lambda harvest: [
            harvest.fail(status=503, body="html", retry_after=0),
            harvest.fail(reset=True, after=3),
            harvest.fail(cut=True, after=6, times=2),
            harvest.fail(status=429, body="empty", after=20, times=2),
        ]
    ),
    # What lasts ends the run.
    "nobody is there": Trouble(
        lambda _: None, "NewConnectionError", {"api_url": "http://127.0.0.1:9/v2"}
    ),
    "500 for ever": fails("500 on", status=500, times=None),
    "504 for ever": fails("504 on", status=504, body="html", times=None),
    "429 for ever": fails("budget is used up", status=429, body="html", times=None),
    "429 for ever on a report": fails(
        "budget is used up", status=429, body="html", path=REPORT, after=1, times=None
    ),
    "reset for ever": fails("No whole answer", reset=True, times=None),
    "cut for ever": fails("No whole answer", cut=True, times=None),
    **{
        f"{kind} for ever": fails("not a JSON object", rewrite=result, times=None)
        for kind, result in RESULT.items()
    },
    "Latin-1 for ever": fails(
        "not text in UTF-8", rewrite=lambda body: body.replace(b'"id"', b'"\xe9"'), times=None
    ),
    "204 for ever": fails("sent no data", status=204, body="empty", times=None),
    "500 below an invoice for ever": fails_below("500 on", status=500, times=None),
    # What is refused ends the run at once.
    **{
        f"{status} with {body}": fails(f"{status} on", status=status, body=body)
        for status in (400, 401, 403, 404, 422)
        for body in ("message", "html")
    },
    "a redirect": fails("redirects", status=302),
    "401 below an invoice": fails_below("refused the access token", status=401, body="oauth"),
    "401 on a report": fails("refused the access token", path=REPORT, after=1, status=401),
    "401 at the start": fails("refused the access token", path="/v2/users/me", after=0, status=401),
    "a token revoked in mid-run": Trouble(
        lambda harvest: harvest.before_page(
            ENTRIES, 3, lambda _: harvest.identity.revoke(harvest.token)
        ),
        "refused the access token",
    ),
    **{
        f"no {part}": fails(f'has no "{part}"', rewrite=without(part))
        for part in ("time_entries", "links", "total_entries")
    },
    "an answer that is too deep": fails("nested too deeply", rewrite=lambda _: b'{"a":' * 9**6),
    "a row that is too deep": fails("nested too deeply", rewrite=with_row(b"[" * 9**5)),
    "a row that is no object": fails("unexpected row", rewrite=with_row(b"1")),
    **{
        f"a total_entries of {total}": fails(
            'an unexpected "total_entries"',
            rewrite=lambda body, total=total: json.dumps(
                json.loads(body) | {"total_entries": total}
            ).encode(),
        )
        for total in (None, -1, "300")
    },
    "ever-new pages": fails(
        "many more pages",
        rewrite=next_at(lambda answer: f"{answer['links']['first']}&again={time.monotonic_ns()}"),
        times=None,
    ),
    "links to another host": fails(
        "another host", rewrite=next_at(lambda _: "http://127.0.0.1:9/v2/time_entries?page=4")
    ),
    "links in a loop": fails("twice", rewrite=next_at(lambda answer: answer["links"]["first"])),
    # What is not shown is skipped.
    **{f"{status} on a list": fails(status=status, after=0, times=None) for status in (403, 404)},
    # The account is edited while it is read.
    "an entry is deleted": edit(lambda h: h.delete("time_entries", entry_on(h, 1)), deletes=True),
    "an entry is deleted ahead": edit(
        lambda h: h.delete("time_entries", entry_on(h, 4)), deletes=True
    ),
    "entries are added": edit(lambda h: [h.add("time_entries") for _ in range(3)]),
    "one is deleted, one added": edit(delete_and_add, deletes=True),
    "an entry that was read changes, and one that was not": edit(change_read_and_unread),
    "an entry moves to the end": edit(
        lambda h: h.change("time_entries", entry_on(h, 1), spent_date="2020-01-01")
    ),
    "an entry moves to the front": edit(
        lambda h: h.change("time_entries", entry_on(h, 5), spent_date="2026-06-30")
    ),
    "a project goes, with all below it": edit(
        lambda h: h.delete("projects", h.rows("time_entries")[0]["project"]["id"]), deletes=True
    ),
    "an invoice goes before its payments are read": Trouble(delete_parent, deletes=True),
    "a payment is made while payments are read": Trouble(
        lambda harvest: harvest.before_page(
            payments(harvest), 1, lambda h: h.add("invoice_payments", amount=1.0)
        )
    ),
    # What no source settles about Harvest, while some work is done.
    **{
        f"{name} is {as_text}": switched(name, value)
        for name, value, as_text in (
            ("updated_since_inclusive", False, False),
            ("no_account_status", 404, 404),
            ("report_window_status", 422, 422),
            ("cursor_links_in_page_lists", True, True),
            ("invoices_per_page", 2000, 2000),
            ("whole_numbers", "5", 5),
            ("extra_keys", True, True),
            ("missing_keys", frozenset({"statement_key", "locked_reason"}), "some"),
            ("roles_updated_since", True, True),
            ("moves", set(Move), "all"),
        )
    },
    **{
        f"an unknown module is off, which answers {answer}": Trouble(
            lambda harvest, answer=answer: [
                harvest.company.update(invoice_feature=False),
                setattr(harvest.switches, "disabled_module", answer),
                harvest.fail(path="/v2/company", status=403, times=None),
            ]
        )
        for answer in ("403", "404", "empty")
    },
    # Clocks differ, and some work is done meanwhile.
    **{f"Harvest's clock is {hours:+} h off": edit(work, ahead=hours * HOUR) for hours in (-1, 1)},
    **{
        f"the clock of its Date header is {hours:+} h off": Trouble(
            lambda harvest, hours=hours: [
                harvest.before_page(ENTRIES, 3, work),
                setattr(harvest.switches, "date_skew_seconds", hours * HOUR),
            ]
        )
        for hours in (-1, 1)
    },
}


@pytest.mark.parametrize("name", TROUBLES)
def test_the_next_run_makes_it_good(
    harvest: Sandbox, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str
):
    """Whatever happened to the first one, with an error or without."""
    monkeypatch.setattr("backoff.full_jitter", lambda _: 0)
    for window in ("WINDOW_SECONDS", "REPORT_WINDOW_SECONDS"):
        monkeypatch.setattr(f"tap_harvest.http.budget.{window}", 0.2)
    trouble = TROUBLES[name]
    before = tables(harvest)

    harvest.advance(seconds=trouble.ahead)
    trouble.happens(harvest)
    first = try_tap(a_tap(config, **trouble.settings))

    assert_ended(first, trouble.error)
    calm(harvest)
    assert_covered(before, tables(harvest), harvest.now, first)
    harvest.advance(seconds=-trouble.ahead)
    days = 0 if trouble.deletes else None  # Nothing else makes good what a bookmark hides.
    assert_made_good(harvest, config, before, first, reconcile_days=days, sweep_days=days)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda n: n.name)
def test_a_run_that_is_ended_at_any_moment_is_made_good(
    harvest: Sandbox, config: dict[str, Any], tmp_path: Path, number: signal.Signals, seed: int
):
    """Be it while an answer is awaited, or while records are written."""
    chance = Random(f"{number} {seed}")
    after, delay = chance.randrange(25), chance.choice((0, 0.002, 0.01))
    before = tables(harvest)
    output = tmp_path / "messages.jsonl"
    command: list[str | Path] = [commands.TAP]
    command += ["--config", written(tmp_path / "config.json", {**config, "page_size": 50})]
    command += ["--catalog", written(tmp_path / "catalog.json", CATALOG)]
    with output.open("wb") as file:
        tap = commands.Command(command, stdout=file, stderr=subprocess.DEVNULL)
        end = Timer(delay, tap.send_signal, [number])
        harvest.fail(after=after, edit=end.start)
        tap.wait(30)
        end.join()

    assert tap.returncode in {-signal.SIGKILL, 128 + signal.SIGTERM, 0}
    # Half a line may be the last; a target takes it for none.
    lines = output.read_text(encoding="utf-8").split("\n")[:-1]
    first = Run([json.loads(line) for line in lines])
    assert_covered(before, tables(harvest), harvest.now, first)
    assert_made_good(harvest, config, before, first)


@pytest.mark.parametrize("moves", [(), *((move,) for move in Move)], ids="".join)
def test_what_moves_nothing_comes_with_a_reconcile(
    harvest: Sandbox, config: dict[str, Any], moves: tuple[Move, ...]
):
    """Whichever change of a row shows at another one, when both runs are over all is there."""
    harvest.switches.moves = set(moves)
    below = ("invoice_payments", "invoice_messages", "estimate_messages")
    names = (
        *("clients", "projects", "project_user_assignments", "time_entries", "expenses"),
        *("invoices", "estimates", "roles", "user_roles", "users", *below),
    )
    catalog = selecting(*names)
    first = run_tap(TapHarvest(config=config, catalog=catalog))

    harvest.advance(seconds=HOUR)
    bill_and_rename(harvest)
    always = {**config, "reconcile_days": 0, "sweep_days": 0}
    second = run_tap(TapHarvest(config=always, catalog=catalog, state=first.states[-1]))

    wanted = {
        name: {key(name, row): row for row in rows}
        for name, rows in account(harvest, below).items()
        if name in names
    }
    assert_equal(wanted, landed(first, second))


def bill_and_rename(harvest: Sandbox) -> None:
    """Each change that may show at another row."""
    invoice, other, *_ = (row["id"] for row in harvest.rows("invoices") if row["state"] == "open")
    estimate = harvest.rows("estimates")[0]["id"]
    user = harvest.rows("users")[-1]["id"]
    expense = next(row["id"] for row in harvest.rows("expenses") if not row["is_billed"])
    entry = next(
        row["id"]
        for row in harvest.rows("time_entries")
        if row["billable"] and not row["is_billed"]
    )
    assignment = harvest.rows("project_user_assignments")[0]["id"]
    harvest.change("project_user_assignments", assignment, budget=40.0)
    for name in ("invoice_payments", "invoice_messages"):
        harvest.delete(name, harvest.rows(name)[0]["id"])
    harvest.add("invoice_payments", invoice_id=invoice)
    harvest.add("invoice_messages", invoice_id=invoice)
    harvest.add("invoice_messages", invoice_id=other, event_type="close")
    harvest.add("invoice_messages", invoice_id=other, reminder=True)
    harvest.add("estimate_messages", estimate_id=estimate, event_type="send")
    harvest.add("invoices", expense_ids=[expense], time_entry_ids=[entry])
    harvest.add("estimates")
    harvest.add("user_billable_rates", user_id=user)
    harvest.change("users", user, first_name="Robin")
    harvest.change("clients", harvest.rows("clients")[0]["id"], name="Example Harbour")
    harvest.change("roles", harvest.rows("roles")[0]["id"], user_ids=[user])


def a_tap(
    config: dict[str, Any], state: dict[str, Any] | None = None, **settings: Any
) -> TapHarvest:
    """A tap that reads pages of 50."""
    return TapHarvest(config={**config, "page_size": 50, **settings}, catalog=CATALOG, state=state)


def written(path: Path, content: dict[str, Any]) -> str:
    """The name of a file that holds this as JSON."""
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)


def assert_made_good(
    harvest: Sandbox, config: dict[str, Any], before: Tables, first: Run, **settings: Any
) -> None:
    """After one more run, and some work before it, a target has what the account has.

    So it is whether the target kept what came after the last STATE of the first run or lost it.
    """
    harvest.advance(seconds=60)
    work(harvest)
    second = run_tap(a_tap(config, first.states[-1] if first.states else None, **settings))
    wanted = tables(harvest)
    for kept in (first, first.until_last_state()):
        assert_equal(wanted, landed(kept, second))
        assert_covered(before, wanted, harvest.now, kept, second)


def calm(harvest: Sandbox) -> None:
    """Let everything be as ever again."""
    harvest.faults.clear()
    harvest.switches.date_skew_seconds = 0
    harvest.company["invoice_feature"] = True
    assert harvest.token_for("administrator") == harvest.token  # It counts again.


def tables(harvest: Sandbox) -> Tables:
    """What is to land, by stream and key; what grows with the clock is left out."""
    found = account(harvest, NESTED) | {"time_team_report": report(harvest, REPORT[3:], WINDOWS)}
    for row in found["time_entries"]:
        if row["is_running"]:
            del row["hours"], row["rounded_hours"]
    return {name: {key(name, row): row for row in found[name]} for name in STREAMS}


def assert_ended(run: Run, error: str) -> None:
    """The run ended with this error; an empty one stands for a run that got through."""
    if run.error and not error:
        raise run.error
    assert bool(run.error) is bool(error)
    assert error in str(run.error)


def assert_equal(wanted: Tables, found: Tables) -> None:
    """The same rows are in each table, and each has all that the account says of it."""
    for name, rows in wanted.items():
        assert found[name].keys() == rows.keys(), name
        assert [lack for k, row in rows.items() if (lack := lacking(row, found[name][k]))] == []


def lacking(row: Row, found: Row) -> Row:
    """What of a row was not found; there may be more."""
    return dict(item for item in row.items() if item not in found.items())


def assert_covered(before: Tables, after: Tables, now: datetime, *runs: Run) -> None:
    """What each state of the last run claims was sent before it, in this run or earlier ones.

    A row that changed while it was read may come with the next run, which reads what changed since
    the bookmark, and for a while before that. A bookmark ahead of Harvest's clock claims nothing.

    Args:
        before: What the account held when the first of the runs began.
        after: What it held when the last of them had ended.
        now: When that was, by Harvest's clock.
        runs: The runs, in order.
    """
    *earlier, last = runs
    present = instant_text(now + LOOKBACK)
    for position, message in enumerate(last.messages):
        if message["type"] != "STATE":
            continue
        found = landed(*earlier, Run(last.messages[:position]))
        for name, entry in message["value"]["bookmarks"].items():
            reached = entry.get("replication_key_value") or ""
            for row_key, row in after[name].items() if "" < reached <= present else ():
                if not is_claimed(entry, row):
                    continue
                is_same = before[name].get(row_key) == row
                limit = reached if is_same else before_lookback(reached)
                if moved_at(name, row, after) <= limit:
                    assert lacking(row, found[name].get(row_key, {})) == {}, name


def is_claimed(entry: Row, row: Row) -> bool:
    """Whether an entry of a report says that the window of a row was read; other rows are."""
    if "report_window" not in entry:
        return True
    unread = any(days["first"] <= row["from"] <= days["last"] for days in entry.get("unread", ()))
    return bool(entry["start_date"] <= row["from"]) and not unread


def moved_at(name: str, row: Row, account: Tables) -> str:
    """What the bookmark of a stream compares for a row."""
    match name:
        case "time_team_report":
            return row["to"]
        case "invoice_line_items" | "invoice_payments":
            return account["invoices"][(row["invoice_id"],)]["updated_at"]
        case "time_entry_external_references":
            return account["time_entries"][(row["time_entry_id"],)]["updated_at"]
    return row["updated_at"]


def before_lookback(moment: str) -> str:
    """The moment from which on the next run reads; a report's day stays as it is."""
    return instant_text(instant(moment) - LOOKBACK) if "T" in moment else moment
