"""What is refused, to whom, and how: errors, rights, modules, budgets, the identity host."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests

from harvest_sandbox.endpoints import endpoints

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Api
    from harvest_sandbox import Sandbox

ERROR_401 = {"error", "error_description"}


def call(harvest: Sandbox, path: str, **headers: str | None) -> requests.Response:
    """A request with the usual headers, of which some are changed, or left out where None."""
    usual: dict[str, str | None] = {
        "Authorization": f"Bearer {harvest.token}",
        "Harvest-Account-Id": harvest.account_id,
        "User-Agent": "tests (tests@example.org)",
    }
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    # An empty bytes value: the library sends a User-Agent of its own where there is None.
    sent = {name: value or b"" for name, value in {**usual, **given}.items()}
    with requests.Session() as session:
        request = requests.Request("GET", f"{harvest.api_url}{path}", headers=sent).prepare()
        for name, value in {**usual, **given}.items():
            if value is None:
                del request.headers[name]
        return session.send(request, timeout=10)


def test_a_request_without_a_user_agent_is_refused(harvest: Sandbox):
    """An empty User-Agent gets 400."""
    assert call(harvest, "/company", User_Agent="").status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": None},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic abc"},
        {"Harvest_Account_Id": None},
        {"Harvest_Account_Id": "5"},
    ],
)
def test_wrong_credentials_are_refused(harvest: Sandbox, headers: dict[str, str | None]):
    """A missing or wrong token or account id gets 401 with the body seen in the wild."""
    answer = call(harvest, "/company", **headers)

    assert answer.status_code == 401
    assert answer.json().keys() == ERROR_401


def test_a_missing_account_id_can_be_not_found(harvest: Sandbox):
    """With the switch, a request without an account id gets 404."""
    harvest.switches.no_account_status = 404

    assert call(harvest, "/company", Harvest_Account_Id=None).status_code == 404


def test_credentials_may_stand_in_the_query(harvest: Sandbox):
    """Token and account id are taken from the query as well."""
    query = f"?access_token={harvest.token}&account_id={harvest.account_id}"

    answer = call(harvest, f"/company{query}", Authorization=None, Harvest_Account_Id=None)

    assert answer.status_code == 200


def test_a_missing_object_is_json_a_missing_path_is_html(reading: Api):
    """404 has a JSON body for an unknown id and an HTML page for an unknown path."""
    missing = reading.get("/clients/1")
    nowhere = reading.get("/v2/clients")

    assert (missing.status_code, nowhere.status_code) == (404, 404)
    assert missing.json() == {"status": 404, "error": "Not Found"}
    assert nowhere.headers["content-type"].startswith("text/html")


def test_children_of_a_missing_parent_are_not_found(reading: Api):
    """A nested list below an unknown id gets 404."""
    for path in ("/invoices/1/payments", "/users/1/cost_rates", "/projects/1/user_assignments"):
        assert reading.get(path).status_code == 404


def test_answers_carry_the_time_of_the_account(harvest: Sandbox, api: Api):
    """The `Date` header follows the account's clock."""
    before = parsedate_to_datetime(api.get("/company").headers["date"])
    harvest.advance(seconds=90)
    after = parsedate_to_datetime(api.get("/company").headers["date"])

    assert after == harvest.now
    assert (after - before).total_seconds() == 90


# Rights.

OPEN = {
    "company",
    "users_me",
    "users_me_project_assignments",
    "time_entries",
    "expenses",
    *(stream for stream in endpoints() if stream.startswith(("time_", "expense_"))),
    "project_budget_report",
}
MANAGERS = {
    "projects",
    "project_user_assignments",
    "project_task_assignments",
    "project_user_assignments_by_project",
    "project_task_assignments_by_project",
    "users",
    "user_project_assignments",
    "invoice_item_categories",
}


def status(api: Api, stream: str) -> int:
    """The status of a plain request to an endpoint."""
    endpoint = endpoints()[stream]
    window = {"from": "20260101", "to": "20260630"} if endpoint.is_report else {}
    path = endpoint.path.format(
        user_id=71002, invoice_id=13_000_001, project_id=14_300_001, estimate_id=1_000_002
    )
    return api.get(path, **window).status_code


@pytest.mark.parametrize(
    ("who", "allowed"),
    [
        ("administrator", set(endpoints())),
        ("manager", (OPEN - {"expense_categories"}) | MANAGERS | {"user_billable_rates"}),
        ("member", OPEN - {"expense_categories"}),
    ],
)
def test_roles_open_endpoints(
    harvest: Sandbox, caller: Callable[..., Api], who: str, allowed: set[str]
):
    """An administrator reads all; managers and members get 403 where their role does not reach."""
    api = caller(harvest, who)

    answers = {stream: status(api, stream) for stream in endpoints()}

    assert answers == {stream: 200 if stream in allowed else 403 for stream in endpoints()}


@pytest.mark.parametrize(
    ("grant", "streams"),
    [
        ("client_and_task_manager", {"clients", "contacts", "tasks"}),
        ("estimates_manager", {"estimates", "estimate_messages"}),
        ("managed_projects_invoice_drafter", {"invoices", "invoice_payments", "uninvoiced_report"}),
        ("billable_rates_manager", {"user_billable_rates"}),
    ],
)
def test_grants_open_more(
    harvest: Sandbox, caller: Callable[..., Api], grant: str, streams: set[str]
):
    """A further grant of a manager opens its endpoints."""
    api = caller(harvest, 71003)
    before = {status(api, stream) for stream in streams}
    harvest.change("users", 71003, access_roles=["manager", grant])

    assert before == {403}
    assert {status(api, stream) for stream in streams} == {200}


def test_lists_are_cut_to_what_the_caller_may_see(reading: Api, caller: Callable[..., Api]):
    """A member sees their own entries, a manager those of teammates and managed projects too."""
    member = caller(reading.harvest, "member")
    manager = caller(reading.harvest, "manager")
    every = reading.walk("/time_entries", "time_entries")
    own = member.walk("/time_entries", "time_entries")
    managed = manager.walk("/time_entries", "time_entries")

    assert {row["user"]["id"] for row in own} == {71004}
    assert [row["id"] for row in own] == [r["id"] for r in every if r["user"]["id"] == 71004]
    teammates = {71002, 71004, 71005, 71006, 71007}
    for row in every:
        visible = row["user"]["id"] in teammates
        leads = {
            a["project"]["id"]
            for a in reading.harvest.rows("project_user_assignments")
            if a["user"]["id"] == 71002 and a["is_project_manager"]
        }
        assert (row["id"] in {r["id"] for r in managed}) is (
            visible or row["project"]["id"] in leads
        )


@pytest.mark.parametrize("withheld", ["null", "absent"])
def test_money_is_withheld_from_members(
    harvest: Sandbox, caller: Callable[..., Api], withheld: Any
):
    """Rates are null, or absent with the switch, for callers who may not see them."""
    harvest.switches.withheld = withheld
    api = caller(harvest, "member")

    rows = api.walk("/time_entries", "time_entries")
    report = api.get("/reports/time/team", **{"from": "20260101", "to": "20260630"}).json()

    for row in rows:
        holders = (row, row["user_assignment"], row["task_assignment"])
        for record, name in zip(
            holders, ("billable_rate", "hourly_rate", "hourly_rate"), strict=True
        ):
            assert record.get(name) is None
            assert (name in record) is (withheld == "null")
        assert row["client"]["currency"]
    assert {row.get("currency") for row in report["results"]} == {None}
    assert {"billable_amount" in row for row in report["results"]} == {withheld == "null"}


@pytest.mark.parametrize(
    ("body", "content"), [("message", "json"), ("html", "html"), ("empty", "")]
)
def test_a_refusal_has_the_body_of_the_switch(
    harvest: Sandbox, caller: Callable[..., Api], body: Any, content: str
):
    """A 403 may carry JSON, HTML or nothing."""
    harvest.switches.forbidden_body = body

    answer = caller(harvest, "member").get("/clients")

    assert answer.status_code == 403
    assert content in answer.headers.get("content-type", "")
    assert bool(answer.content) is bool(content)


def test_teammates_belong_to_managers(reading: Api):
    """Teammates of someone who is no manager get 422."""
    assert reading.get("/users/71004/teammates").status_code == 422


# Modules.


@pytest.mark.parametrize(("answer", "expected"), [("403", 403), ("404", 404), ("empty", 200)])
def test_modules_can_be_off(harvest: Sandbox, api: Api, answer: Any, expected: int):
    """Endpoints of a module that is off answer as the switch says; the others go on."""
    harvest.switches.disabled_module = answer
    harvest.company["estimate_feature"] = False

    estimates = api.get("/estimates")

    assert estimates.status_code == expected
    assert api.get("/estimate_item_categories").status_code == expected
    if expected == 200:
        assert estimates.json()["estimates"] == []
    assert api.get("/invoices").json()["invoices"] != []
    assert api.get("/company").json()["estimate_feature"] is False


@pytest.mark.parametrize(("closes", "expected"), [(True, 403), (False, 200)])
def test_a_module_may_close_what_no_source_states(
    harvest: Sandbox, api: Api, *, closes: bool, expected: int
):
    """Whether it does is a switch; the lists that Harvest documents are closed in any case."""
    harvest.switches.inferred_modules = closes
    harvest.company.update(estimate_feature=False, team_feature=False)
    [manager, *_] = (row for row in harvest.rows("users") if "manager" in row["access_roles"])

    assert api.get("/estimates").status_code == 403
    assert api.get("/estimate_item_categories").status_code == expected
    assert api.get(f"/users/{manager['id']}/teammates").status_code == expected


# Budgets.


def test_both_budgets_are_kept_apart(harvest: Sandbox, api: Api):
    """Beyond a budget there is 429 with HTML and whole seconds; the other budget is untouched."""
    harvest.switches.budgets = True
    harvest.switches.budget_requests = 3

    answers = [api.get("/clients") for _ in range(4)]
    report = api.get("/reports/project_budget")

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[3].headers["content-type"].startswith("text/html")
    assert 1 <= int(answers[3].headers["retry-after"]) <= 15
    assert report.status_code == 200
    assert [request.group for request in harvest.requests] == ["general"] * 4 + ["reports"]


def test_reports_have_a_budget_of_their_own(harvest: Sandbox, api: Api):
    """All reports share one budget, with a window of a quarter of an hour."""
    harvest.switches.budgets = True
    harvest.switches.budget_requests = 2
    window = {"from": "20260101", "to": "20260630"}

    statuses = [
        api.get("/reports/project_budget").status_code,
        api.get("/reports/time/team", **window).status_code,
        api.get("/reports/time/tasks", **window).status_code,
    ]
    wait = api.get("/reports/uninvoiced", **window).headers["retry-after"]

    assert statuses == [200, 200, 429]
    assert int(wait) > 800


def test_a_budget_comes_back(harvest: Sandbox, api: Api):
    """After the window the requests count no longer."""
    harvest.switches.budgets = True
    harvest.switches.budget_requests = 1
    harvest.switches.general_window_seconds = 0.2

    statuses = [api.get("/clients").status_code, api.get("/clients").status_code]
    time.sleep(0.25)

    assert [*statuses, api.get("/clients").status_code] == [200, 429, 200]


# The log.


def test_the_log_says_what_was_asked(harvest: Sandbox, api: Api):
    """Each request is logged with path, query, status, rows, size, headers and times."""
    answer = api.get("/clients", per_page=3)
    api.get("/nowhere")

    first, second = harvest.requests
    assert (first.method, first.path, first.query) == ("GET", "/v2/clients", {"per_page": "3"})
    assert (first.status, first.rows, first.bytes) == (200, 3, len(answer.content))
    assert first.headers["user-agent"] == "tests (tests@example.org)"
    assert first.answered_at is not None
    assert first.at <= first.answered_at <= second.at
    assert second.status == 404
    harvest.requests.clear()
    api.get("/company")
    assert [request.path for request in harvest.requests] == ["/v2/company"]


# The identity host.


def test_accounts_lists_products(harvest: Sandbox, api: Api):
    """The accounts list holds a Forecast account first, and no second Harvest account at first."""
    url = f"{harvest.identity_url}/api/v2/accounts"

    one = api.get(url).json()
    harvest.switches.second_account = True
    two = api.get(url).json()

    assert [entry["product"] for entry in one["accounts"]] == ["forecast", "harvest"]
    assert str(one["accounts"][1]["id"]) == harvest.account_id
    assert one["user"].keys() == {"id", "first_name", "last_name", "email"}
    assert [entry["product"] for entry in two["accounts"]] == ["forecast", "harvest", "harvest"]


def refresh(harvest: Sandbox, **changes: str) -> requests.Response:
    """The answer to a token refresh."""
    form = {
        "client_id": harvest.identity.client_id,
        "client_secret": harvest.identity.client_secret,
        "refresh_token": harvest.identity.refresh_token,
        "grant_type": "refresh_token",
        **changes,
    }
    url = f"{harvest.identity_url}/api/v2/oauth2/token"
    headers = {"User-Agent": "tests (tests@example.org)"}
    with requests.Session() as session:
        return session.post(url, data=form, headers=headers, timeout=10)


def test_a_token_is_refreshed_until_it_expires(harvest: Sandbox):
    """A refresh gives a token that works for fourteen days on the account's clock."""
    granted = refresh(harvest).json()
    token = f"Bearer {granted['access_token']}"

    before = call(harvest, "/company", Authorization=token).status_code
    harvest.advance(seconds=granted["expires_in"])
    after = call(harvest, "/company", Authorization=token).status_code

    assert granted.keys() == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert granted["expires_in"] == 1_209_600
    assert (before, after) == (200, 401)


@pytest.mark.parametrize("replaced", [True, False])
def test_refresh_tokens_may_be_replaced(harvest: Sandbox, replaced: bool):
    """With the switch, a refresh hands out a new refresh token and ends the old one."""
    harvest.switches.refresh_token_replaced = replaced
    old = harvest.identity.refresh_token

    new = refresh(harvest).json()["refresh_token"]

    assert (new != old) is replaced
    assert refresh(harvest, refresh_token=old).ok is not replaced


@pytest.mark.parametrize("survives", [True, False])
def test_old_access_tokens_may_die(harvest: Sandbox, survives: bool):
    """With the switch, the access token of the last refresh ends with the next."""
    harvest.switches.access_token_survives_refresh = survives
    old = refresh(harvest).json()["access_token"]
    refresh(harvest)

    answer = call(harvest, "/company", Authorization=f"Bearer {old}")

    assert answer.ok is survives


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"refresh_token": "wrong"}, "invalid_grant"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_wrong_refreshes_are_refused(harvest: Sandbox, changes: dict[str, str], error: str):
    """A wrong token call gets an OAuth error with the status of the switch."""
    answer = refresh(harvest, **changes)
    harvest.switches.token_error_status = 400

    assert (answer.status_code, answer.json()["error"]) == (401, error)
    assert refresh(harvest, **changes).status_code == 400
