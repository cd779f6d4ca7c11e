"""Lists over HTTP: pages, cursors, links, filters."""

from __future__ import annotations

import base64
import datetime as dt
import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from harvest_sandbox.endpoints import endpoints

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Api
    from harvest_sandbox import Sandbox

TOP_LISTS = [e.stream for e in endpoints().values() if e.kind == "list" and e.parent is None]


def query_of(link: str) -> dict[str, str]:
    """The query of a link."""
    return dict(parse_qsl(urlsplit(link).query))


@pytest.mark.parametrize("per_page", [7, 2000])
@pytest.mark.parametrize("stream", TOP_LISTS)
def test_a_walk_yields_the_rows_of_the_handle(reading: Api, stream: str, per_page: int):
    """Following `links.next` yields every row once, in the order in which the handle gives them."""
    endpoint = endpoints()[stream]

    walked = reading.walk(endpoint.path, str(endpoint.records_key), per_page=per_page)

    assert walked == reading.harvest.rows(stream)
    assert len({row["id"] for row in walked}) == len(walked) > 0


def test_lists_with_cursors_number_only_their_ends(reading: Api):
    """`page`, `next_page` and `previous_page` are null on every page but the first and the last."""
    first = reading.get("/clients", per_page=4).json()
    middle = reading.get(first["links"]["next"]).json()
    last = reading.get(middle["links"]["next"]).json()

    numbers = [
        (page["page"], page["next_page"], page["previous_page"]) for page in (first, middle, last)
    ]
    assert numbers == [(1, 2, None), (None, None, None), (3, None, 2)]
    assert [page["total_entries"] for page in (first, middle, last)] == [11] * 3
    assert [page["total_pages"] for page in (first, middle, last)] == [3] * 3
    assert [len(page["clients"]) for page in (first, middle, last)] == [4, 4, 3]
    assert last["links"]["next"] is None
    assert first["links"]["previous"] is None


def test_links_name_what_they_are(reading: Api):
    """Links of cursor lists carry `ref`, alphabetical keys and a cursor that hides JSON."""
    links = reading.get("/clients", per_page=4, is_active="true").json()["links"]

    base = f"{reading.harvest.api_url}/clients?"
    assert links["first"] == f"{base}is_active=true&page=1&per_page=4&ref=first"
    assert links["last"] == f"{base}is_active=true&page=3&per_page=4&ref=last"
    query = query_of(links["next"])
    assert list(query) == ["cursor", "is_active", "per_page", "ref"]
    assert query["ref"] == "next_cursor"
    cursor = query["cursor"]
    assert "after" in json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))


def test_previous_links_lead_back(reading: Api):
    """The page before a middle page is reached with a cursor, the one before the last by number."""
    first = reading.get("/clients", per_page=3).json()
    second = reading.get(first["links"]["next"]).json()
    third = reading.get(second["links"]["next"]).json()
    last = reading.get(third["links"]["next"]).json()

    assert query_of(third["links"]["previous"])["ref"] == "previous_cursor"
    assert reading.get(third["links"]["previous"]).json()["clients"] == second["clients"]
    assert query_of(last["links"]["previous"])["ref"] == "previous"
    assert reading.get(last["links"]["previous"]).json()["clients"] == third["clients"]


def test_a_list_on_one_page_has_links_without_ref(reading: Api):
    """A short list shows page 1, no neighbours, and plain links."""
    page = reading.get("/roles").json()

    assert (page["page"], page["next_page"], page["previous_page"]) == (1, None, None)
    assert page["per_page"] == 2000
    assert page["links"] == {
        "first": f"{reading.harvest.api_url}/roles?page=1&per_page=2000",
        "next": None,
        "previous": None,
        "last": f"{reading.harvest.api_url}/roles?page=1&per_page=2000",
    }


def test_lists_that_count_pages_number_all(reading: Api):
    """Page lists fill their numbers on every page and link by number."""
    page = reading.get("/time_entries", page=3, per_page=100).json()

    assert (page["page"], page["next_page"], page["previous_page"]) == (3, 4, 2)
    next_query = {"page": "4", "per_page": "100", "ref": "next"}
    assert query_of(page["links"]["next"]) == next_query
    assert query_of(page["links"]["previous"])["ref"] == "previous"


def test_page_lists_can_hand_out_cursors(harvest: Sandbox, api: Api):
    """With the switch, `links.next` of a page list holds a cursor while the numbers stay filled."""
    harvest.switches.cursor_links_in_page_lists = True

    first = api.get("/time_entries", per_page=100).json()
    second = api.get(first["links"]["next"]).json()

    assert "cursor" in query_of(first["links"]["next"])
    assert (second["page"], second["next_page"], second["previous_page"]) == (2, 3, 1)
    walked = api.walk("/time_entries", "time_entries", per_page=70)
    assert walked == harvest.rows("time_entries")


def test_a_cursor_wins_over_a_page(reading: Api):
    """Where both are sent, the page number is ignored."""
    link = reading.get("/clients", per_page=4).json()["links"]["next"]

    assert reading.get(f"{link}&page=1").json()["clients"] == reading.get(link).json()["clients"]


def test_past_the_end_there_is_an_empty_list(reading: Api):
    """A page behind the last has no rows and no next page."""
    for path, key in (("/clients", "clients"), ("/time_entries", "time_entries")):
        page = reading.get(path, page=99).json()

        assert page[key] == []
        assert page["next_page"] is None
        assert page["links"]["next"] is None


@pytest.mark.parametrize("per_page", ["0", "-1", "2001", "many"])
def test_an_unusable_page_size_is_refused(reading: Api, per_page: str):
    """Page sizes outside 1 to 2000 get 422 and a message that names the parameter."""
    answer = reading.get("/clients", per_page=per_page)

    assert answer.status_code == 422
    assert "per_page" in answer.json()["message"]


def test_an_unusable_cursor_is_refused(reading: Api):
    """A cursor that the API did not make gets 422."""
    assert reading.get("/clients", cursor="!!").status_code == 422
    assert reading.get("/clients", cursor="e30").status_code == 422


def test_invoices_have_smaller_pages_unless_asked(
    harvest_factory: Callable[..., Sandbox], caller: Callable[..., Api]
):
    """The default page of invoices is 100 rows, or 2000 with the switch."""
    harvest = harvest_factory(time_entries=6000)
    api = caller(harvest)

    assert len(api.get("/invoices").json()["invoices"]) == 100
    harvest.switches.invoices_per_page = 2000
    assert len(api.get("/invoices").json()["invoices"]) == 120


def test_rows_shift_under_a_walk_by_page(harvest: Sandbox, api: Api):
    """A row deleted meanwhile pulls the next page's first row onto the page just read."""
    ids = [row["id"] for row in harvest.rows("time_entries")]
    harvest.before_page("/v2/time_entries", 2, lambda h: h.delete("time_entries", ids[0]))

    walked = [row["id"] for row in api.walk("/time_entries", "time_entries", per_page=100)]

    assert walked == ids[:100] + ids[101:]


def test_rows_do_not_shift_under_a_walk_by_cursor(harvest: Sandbox, api: Api):
    """A walk by cursor goes on behind the last row it read, even if that row is deleted."""
    harvest.add("contacts")
    ids = [row["id"] for row in harvest.rows("contacts")]
    harvest.before_page("/v2/contacts", 2, lambda h: h.delete("contacts", ids[4]))

    walked = [row["id"] for row in api.walk("/contacts", "contacts", per_page=5)]

    assert walked == ids


ORDER = {
    "clients": ("created_at", "id"),
    "invoices": ("issue_date", "id"),
    "expenses": ("spent_date", "id"),
    "time_entries": ("spent_date", "id"),
}


@pytest.mark.parametrize("stream", ORDER)
def test_lists_run_newest_first(reading: Api, stream: str):
    """Lists are ordered by the date that belongs to them, not by `updated_at`."""
    rows = reading.get(f"/{stream}").json()[stream]

    keys = [tuple(row[name] for name in ORDER[stream]) for row in rows]
    assert keys == sorted(keys, reverse=True)
    assert [row["updated_at"] for row in rows] != sorted(
        (row["updated_at"] for row in rows), reverse=True
    )


def test_rates_run_oldest_first(reading: Api):
    """The rates of a person follow one another without a gap, the last without an end."""
    rates = reading.get("/users/71003/billable_rates").json()["billable_rates"]

    assert rates[0]["start_date"] is None
    assert rates[-1]["end_date"] is None
    for rate, later in pairwise(rates):
        assert dt.date.fromisoformat(rate["end_date"]) + dt.timedelta(
            days=1
        ) == dt.date.fromisoformat(later["start_date"])


def matches(row: dict[str, Any], name: str, value: str) -> bool:
    """Whether a record should be listed under a filter, as far as the record itself tells."""
    nested = row.get(name.removesuffix("_id"))
    found: dict[str, Callable[[], bool]] = {
        "from": lambda: (row.get("spent_date") or row["issue_date"] or "") >= value,
        "to": lambda: "" < (row.get("spent_date") or row["issue_date"] or "") <= value,
        "updated_since": lambda: row["updated_at"] >= value,
        "external_reference_id": lambda: (row["external_reference"] or {}).get("id") == value,
    }
    if name in found:
        return found[name]()
    if name == "project_id" and "line_items" in row:
        return any(str((line["project"] or {}).get("id")) == value for line in row["line_items"])
    if name.endswith("_id"):
        return str(nested["id"]) == value if nested else False
    return json.dumps(row[name]).strip('"') == value


FILTERS = [
    (endpoint.stream, name)
    for endpoint in endpoints().values()
    if endpoint.kind == "list" and endpoint.parent is None
    for name in (*endpoint.filters, *(["updated_since"] if endpoint.updated_since else []))
]


@pytest.mark.parametrize(("stream", "name"), FILTERS)
def test_filters_select_rows(reading: Api, stream: str, name: str):
    """Each filter lists the rows that fit it, all of them and no others, on every page."""
    endpoint = endpoints()[stream]
    rows = reading.harvest.rows(stream)
    values = {
        "from": "2025-01-01",
        "to": "2025-01-01",
        "updated_since": sorted(row["updated_at"] for row in rows)[len(rows) // 2],
        "state": "open" if stream == "invoices" else "sent",
        "approval_status": "approved",
        "external_reference_id": "9005",
        "user_id": str(rows[0].get("user", {}).get("id")),
        "task_id": str(rows[0].get("task", {}).get("id")),
        "client_id": str(rows[-1].get("client", {}).get("id")),
        "project_id": str(reading.harvest.rows("time_entries")[-1]["project"]["id"]),
    }
    if stream == "invoices" and name == "project_id":
        lines = [line for row in rows for line in row["line_items"] if line["project"]]
        values["project_id"] = str(lines[0]["project"]["id"])
    value = values.get(name, "true")

    walked = reading.walk(endpoint.path, str(endpoint.records_key), per_page=11, **{name: value})

    expected = [row for row in rows if matches(row, name, value)]
    assert walked == expected
    assert len(expected) in range(1, len(rows))


def test_filters_can_be_combined(reading: Api):
    """A window and `updated_since` both apply, and both stay in the links."""
    query = {"from": "20250101", "to": "2025-12-31", "updated_since": "2025-06-01T00:00:00+02:00"}

    page = reading.get("/time_entries", per_page=5, **query).json()

    assert query_of(page["links"]["next"]).items() >= query.items()
    walked = reading.walk("/time_entries", "time_entries", **query)
    assert walked == [
        row
        for row in reading.harvest.rows("time_entries")
        if "2025-01-01" <= row["spent_date"] <= "2025-12-31"
        and row["updated_at"] >= "2025-05-31T22:00:00Z"
    ]


def test_unknown_parameters_are_ignored(reading: Api):
    """A parameter that the endpoint does not know changes nothing, not even the links."""
    assert reading.get("/roles", colour="red").json() == reading.get("/roles").json()


@pytest.mark.parametrize(
    "query",
    [{"updated_since": "yesterday"}, {"is_active": "maybe"}, {"client_id": "x"}],
)
def test_an_unreadable_filter_is_refused(reading: Api, query: dict[str, str]):
    """A value that cannot be read gets 422 and a message that names the parameter."""
    answer = reading.get("/projects", **query)

    assert answer.status_code == 422
    assert next(iter(query)) in answer.json()["message"]


@pytest.mark.parametrize(("inclusive", "listed"), [(True, True), (False, False)])
def test_updated_since_may_include_its_second(
    harvest: Sandbox, api: Api, inclusive: bool, listed: bool
):
    """A row that changed in the very second is listed or not, as the switch says."""
    harvest.switches.updated_since_inclusive = inclusive
    row = harvest.change("clients", 4001, name="Changed")

    answer = api.get("/clients", updated_since=row["updated_at"]).json()

    assert (row in answer["clients"]) is listed


def test_project_assignments_of_a_person_are_active_only(reading: Api):
    """Archived assignments are in the account-wide list, not in the person's own."""
    for user in reading.harvest.rows("users"):
        own = reading.walk(f"/users/{user['id']}/project_assignments", "project_assignments")
        everywhere = reading.walk("/user_assignments", "user_assignments", user_id=user["id"])

        assert [row["id"] for row in own] == [row["id"] for row in everywhere if row["is_active"]]


def test_own_assignments_link_to_the_real_id(reading: Api):
    """The links of `/users/me/project_assignments` name the caller's id."""
    page = reading.get("/users/me/project_assignments", per_page=1).json()

    assert urlsplit(page["links"]["first"]).path == "/v2/users/71001/project_assignments"


def test_both_prefixes_answer(reading: Api):
    """`/api/v2` gives what `/v2` gives."""
    other = f"{reading.harvest.identity_url}/api/v2/tasks"

    assert reading.get(other).json() == reading.get("/tasks").json()


@pytest.mark.parametrize("stream", [e.stream for e in endpoints().values() if e.single_item_path])
def test_rows_can_be_read_one_by_one(reading: Api, stream: str):
    """A GET by id answers the row as the list shows it, without an envelope."""
    endpoint = endpoints()[stream]
    row = reading.harvest.rows(stream)[0]
    path = str(endpoint.single_item_path).replace("{id}", str(row["id"]))
    if "{project_id}" in path:
        path = path.format(project_id=row["project"]["id"])
    if "{user_id}" in path:
        path = path.format(user_id=71001)

    answer = reading.get(path).json()

    assert answer == row


def test_running_timers_grow_and_stay_unmoved(harvest: Sandbox, api: Api):
    """The hours of a running timer grow with the account's clock; `updated_at` does not move."""
    before = {
        row["id"]: row for row in api.walk("/time_entries", "time_entries", is_running="true")
    }
    harvest.advance(seconds=3600)
    after = {row["id"]: row for row in api.walk("/time_entries", "time_entries", is_running="true")}

    assert len(before) == 3
    for key, row in after.items():
        assert row["hours"] == pytest.approx(before[key]["hours"] + 1, abs=0.011)
        assert row["hours_without_timer"] == before[key]["hours_without_timer"]
        assert row["updated_at"] == before[key]["updated_at"]
