"""What is checked before an answer, and how each kind of endpoint answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from harvest_sandbox.endpoints import endpoints
from harvest_sandbox.filters import parameters, selection
from harvest_sandbox.paging import Ordered, page_of, paging
from harvest_sandbox.presentation import presented
from harvest_sandbox.records import RECORDS
from harvest_sandbox.refusals import (
    forbidden,
    invalid,
    json_response,
    no_user_agent,
    not_found,
)
from harvest_sandbox.reports import report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request as HttpRequest
    from starlette.responses import Response

    from harvest_sandbox.account import Account
    from harvest_sandbox.budgets import Budgets
    from harvest_sandbox.endpoints import Endpoint
    from harvest_sandbox.identity import Identity
    from harvest_sandbox.rights import Caller

PREFIXES: Final = ("/v2", "/api/v2")
KEPT_LISTS: Final = 16


class Api:
    """Answers requests from one account."""

    def __init__(self, account: Account, identity: Identity, budgets: Budgets) -> None:
        self.account = account
        self.identity = identity
        self.budgets = budgets
        self._kept: dict[object, list[Any]] = {}
        self._kept_version = account.version

    def routes(self) -> list[Route]:
        """Every path of the API, below both of its prefixes, and those of the identity host."""
        routes = [
            Route("/api/v2/accounts", self._accounts),
            Route("/api/v2/oauth2/token", self._token, methods=["POST"]),
        ]
        for endpoint in endpoints().values():
            kind = "list" if endpoint.kind == "alternate list" else endpoint.kind
            answers = {
                "list": self._list,
                "report": self._report,
                "singleton": self._singleton,
                "template": self._template,
            }
            routes += self._routes(endpoint.path, endpoint, answers[kind])
            if endpoint.single_item_path:
                routes += self._routes(endpoint.single_item_path, endpoint, self._item)
        return routes

    def _routes(
        self,
        path: str,
        endpoint: Endpoint,
        answer: Callable[[Endpoint, Caller, HttpRequest], Response],
    ) -> list[Route]:
        async def handle(request: HttpRequest) -> Response:
            with self.account.lock:
                caller = self._admit(request, endpoint)
                self._check_module(endpoint)
                if not self._is_open(endpoint, caller, request):
                    raise forbidden(self.account.switches.forbidden_body)
                return answer(endpoint, caller, request)

        # Ids are numbers: `/users/me` is no user's id, and `/users/x` is no path.
        path = path.replace("id}", "id:int}")
        return [Route(f"{prefix}{path}", handle) for prefix in PREFIXES]

    def _admit(self, request: HttpRequest, endpoint: Endpoint) -> Caller:
        if not request.headers.get("user-agent"):
            raise no_user_agent()
        caller = self.identity.caller(request.headers, request.query_params, self.account)
        self.identity.check_account(request.headers, request.query_params)
        self.budgets.spend("reports" if endpoint.is_report else "general", self.account.switches)
        return caller

    def _check_module(self, endpoint: Endpoint) -> None:
        if not self._is_off(endpoint):
            return
        match self.account.switches.disabled_module:
            case "403":
                raise forbidden(self.account.switches.forbidden_body)
            case "404":
                raise not_found()

    def _is_open(self, endpoint: Endpoint, caller: Caller, request: HttpRequest) -> bool:
        own = (
            endpoint.stream == "user_project_assignments"
            and request.path_params["user_id"] == caller.user.id
        )
        return own or caller.may_read(endpoint.stream)

    def _is_off(self, endpoint: Endpoint) -> bool:
        if endpoint.feature is None or self.account.company[endpoint.feature]:
            return False
        return self.account.switches.inferred_modules or not endpoint.is_feature_inferred

    # Lists.

    def rows(self, endpoint: Endpoint, caller: Caller, path_params: Mapping[str, int]) -> list[Any]:
        """The rows of a list before filters, in its order.

        Raises:
            Refusal: The parent in the path does not exist (404), or has no such list (422).
        """
        account = self.account
        table = account.named(endpoint.table)
        if endpoint.stream == "users_me_project_assignments":
            return self._assignments(caller.user.id)
        if endpoint.parent is None:
            return caller.visible(endpoint.table, table.in_order())
        assert endpoint.parent_parameter is not None
        parent_id = path_params[endpoint.parent_parameter]
        parent = account.named(endpoint.parent).by_id.get(parent_id)
        if parent is None:
            raise not_found()
        if endpoint.stream == "user_teammates":
            if "manager" not in parent.access_roles:
                raise invalid("User is not a manager")
            return [account.users.by_id[user_id] for user_id in sorted(parent.teammate_ids)[::-1]]
        if endpoint.stream == "user_project_assignments":
            return self._assignments(parent_id)
        children = table.of(**{endpoint.parent_parameter: parent_id})
        rows = sorted(children, key=table.key, reverse=table.newest_first)
        return caller.visible(endpoint.table, rows)

    def _assignments(self, user_id: int) -> list[Any]:
        table = self.account.project_user_assignments
        active = [row for row in table.of(user_id=user_id) if row.is_active]
        return sorted(active, key=table.key, reverse=True)

    def _selected(self, endpoint: Endpoint, caller: Caller, request: HttpRequest) -> list[Any]:
        """The rows of a list after filters; kept until the account is edited."""
        switches = self.account.switches
        key = (
            endpoint.stream,
            caller.standing,
            tuple(request.path_params.items()),
            tuple(parameters(self.account, endpoint, request.query_params).items()),
            switches.updated_since_inclusive,
        )
        if self._kept_version != self.account.version:
            self._kept.clear()
            self._kept_version = self.account.version
        if key not in self._kept:
            if len(self._kept) >= KEPT_LISTS:
                self._kept.clear()
            tests = selection(self.account, endpoint, request.query_params)
            rows = self.rows(endpoint, caller, request.path_params)
            for test in tests:
                rows = [row for row in rows if test(row)]
            self._kept[key] = rows
        return self._kept[key]

    def _list(self, endpoint: Endpoint, caller: Caller, request: HttpRequest) -> Response:
        switches = self.account.switches
        per_page = endpoint.per_page
        if endpoint.stream == "invoices":
            per_page = switches.invoices_per_page
        asked = paging(
            request.query_params,
            per_page,
            counts_pages=endpoint.counts_pages,
            cursor_links=not endpoint.counts_pages or switches.cursor_links_in_page_lists,
        )
        rows = [] if self._is_off(endpoint) else self._selected(endpoint, caller, request)
        table = self.account.named(endpoint.table)
        path_params = dict(request.path_params)
        path = endpoint.path
        if endpoint.stream == "users_me_project_assignments":
            path = path.replace("/me/", f"/{caller.user.id}/")
        shown, envelope = page_of(
            Ordered(rows, table.key, table.newest_first),
            asked,
            self._url(request, path.format(**path_params)),
            parameters(self.account, endpoint, request.query_params),
        )
        form = RECORDS[endpoint.shown_as]
        records = [form(self.account, row) for row in shown]
        return self._enveloped(endpoint, caller, request, records, envelope)

    def _enveloped(
        self,
        endpoint: Endpoint,
        caller: Caller,
        request: HttpRequest,
        records: list[dict[str, Any]],
        envelope: dict[str, Any],
    ) -> Response:
        hidden = caller.hidden_fields(endpoint.stream)
        shown = presented(records, hidden, self.account.switches)
        request.scope["harvest_sandbox.request"].rows = len(shown)
        return json_response(200, {str(endpoint.records_key): shown, **envelope})

    def _url(self, request: HttpRequest, path: str) -> str:
        base = self.account.switches.links_url or f"http://{request.headers['host']}/v2"
        return f"{base}{path}"

    # The other kinds.

    def _report(self, endpoint: Endpoint, caller: Caller, request: HttpRequest) -> Response:
        asked = paging(
            request.query_params, endpoint.per_page, counts_pages=True, cursor_links=False
        )
        rows = report(self.account, caller, endpoint, request.query_params)
        places = [(index, row) for index, row in enumerate(rows)]
        shown, envelope = page_of(
            Ordered(places, lambda place: (place[0],), newest_first=False),
            asked,
            self._url(request, endpoint.path),
            parameters(self.account, endpoint, request.query_params),
        )
        return self._enveloped(endpoint, caller, request, [row for _, row in shown], envelope)

    def _bare(self, endpoint: Endpoint, caller: Caller, record: dict[str, Any]) -> Response:
        hidden = caller.hidden_fields(endpoint.stream)
        return json_response(200, presented([record], hidden, self.account.switches)[0])

    def _singleton(self, endpoint: Endpoint, caller: Caller, request: HttpRequest) -> Response:
        del request
        if endpoint.stream == "company":
            return self._bare(endpoint, caller, self.account.company)
        return self._bare(endpoint, caller, RECORDS["users"](self.account, caller.user))

    def _item(self, endpoint: Endpoint, caller: Caller, request: HttpRequest) -> Response:
        parents = {name: value for name, value in request.path_params.items() if name != "id"}
        row = self.account.named(endpoint.table).by_id.get(request.path_params["id"])
        if row is None or any(getattr(row, name) != value for name, value in parents.items()):
            raise not_found()
        if not caller.visible(endpoint.table, [row]):
            raise forbidden(self.account.switches.forbidden_body)
        return self._bare(endpoint, caller, RECORDS[endpoint.shown_as](self.account, row))

    def _template(self, endpoint: Endpoint, caller: Caller, request: HttpRequest) -> Response:
        invoice = self.account.invoices.by_id.get(request.path_params["invoice_id"])
        if invoice is None:
            raise not_found()
        flags = {
            name: request.query_params.get(name) == "true" for name in ("reminder", "thank_you")
        }
        text = {
            "subject": f"Invoice #{invoice.number} from {self.account.company['name']}",
            "body": f"Invoice {invoice.number}\r\n\r\nThank you.",
        }
        return self._bare(endpoint, caller, {"invoice_id": invoice.id, **text, **flags})

    # The identity host.

    async def _accounts(self, request: HttpRequest) -> Response:
        with self.account.lock:
            if not request.headers.get("user-agent"):
                raise no_user_agent()
            caller = self.identity.caller(request.headers, {})
            return json_response(200, self.identity.accounts(caller))

    async def _token(self, request: HttpRequest) -> Response:
        body = await request.body()
        with self.account.lock:
            if not request.headers.get("user-agent"):
                raise no_user_agent()
            content_type = request.headers.get("content-type", "")
            return json_response(200, self.identity.refresh(content_type, body))
