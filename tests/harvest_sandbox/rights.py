"""Which endpoints, rows and money each access role may see."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harvest_sandbox.account import Account
    from harvest_sandbox.tables import User

INVOICING: Final = frozenset(
    {"managed_projects_invoice_drafter", "managed_projects_invoice_manager"}
)
CATALOGUE: Final = frozenset({"client_and_task_manager"})
MANAGER: Final = frozenset({"manager"})
NOBODY: Final[frozenset[str]] = frozenset()

GRANTS: Final[dict[str, frozenset[str]]] = {
    "clients": CATALOGUE,
    "contacts": CATALOGUE,
    "tasks": CATALOGUE,
    "projects": MANAGER,
    "project_user_assignments": MANAGER,
    "project_user_assignments_by_project": MANAGER,
    "project_task_assignments": MANAGER,
    "project_task_assignments_by_project": MANAGER,
    "users": MANAGER,
    "user_project_assignments": MANAGER,
    "invoice_item_categories": MANAGER,
    "invoices": INVOICING,
    "invoice_messages": INVOICING,
    "invoice_payments": INVOICING,
    "invoice_message_template": INVOICING,
    "uninvoiced_report": INVOICING,
    "estimates": frozenset({"estimates_manager"}),
    "estimate_messages": frozenset({"estimates_manager"}),
    "user_billable_rates": frozenset({"billable_rates_manager"}),
    "user_cost_rates": NOBODY,
    "roles": NOBODY,
    "user_teammates": NOBODY,
    "expense_categories": NOBODY,
    "estimate_item_categories": NOBODY,
}
"""Access roles that open an endpoint besides `administrator`; one not named here is open to all."""

RATES: Final = frozenset(
    {"billable_rate", "hourly_rate", "default_hourly_rate", "billable_amount", "cost_budget", "fee"}
)


@dataclass(frozen=True)
class Caller:
    """The person whose token came with a request."""

    account: Account
    user: User

    @cached_property
    def is_administrator(self) -> bool:
        """Sees and does everything."""
        return "administrator" in self.user.access_roles

    @cached_property
    def is_manager(self) -> bool:
        """Sees teammates and managed projects."""
        return "manager" in self.user.access_roles

    @property
    def standing(self) -> tuple[int, ...]:
        """What decides on the rows that they see: administrators see the same."""
        return () if self.is_administrator else (self.user.id,)

    def may_read(self, stream: str) -> bool:
        """Whether an endpoint is open to them at all."""
        grants = GRANTS.get(stream)
        return grants is None or self.is_administrator or bool(grants & set(self.user.access_roles))

    @cached_property
    def managed_projects(self) -> set[int]:
        """Ids of the projects that they manage."""
        return {
            row.project_id
            for row in self._assignments
            if row.is_project_manager and self.is_manager
        }

    @cached_property
    def assigned_projects(self) -> set[int]:
        """Ids of the projects that they work on."""
        return {row.project_id for row in self._assignments}

    @cached_property
    def people(self) -> set[int]:
        """Ids of themselves and, of a manager, the teammates."""
        return {self.user.id, *(self.user.teammate_ids if self.is_manager else ())}

    @property
    def _assignments(self) -> Sequence[Any]:
        return self.account.project_user_assignments.of(user_id=self.user.id)

    def visible(self, table: str, rows: list[Any]) -> list[Any]:
        """The rows that they may see. The other rows are left out without an error."""
        if self.is_administrator:
            return rows
        managed, people = self.managed_projects, self.people
        tests: dict[str, Callable[[Any], bool]] = {
            "time_entries": lambda row: row.user_id in people or row.project_id in managed,
            "expenses": lambda row: row.user_id in people or row.project_id in managed,
            "users": lambda row: row.id in people,
            "projects": lambda row: row.id in managed,
            "project_user_assignments": lambda row: (
                row.user_id in people or row.project_id in managed
            ),
            "project_task_assignments": lambda row: row.project_id in managed,
        }
        test = tests.get(table)
        return rows if test is None else [row for row in rows if test(row)]

    def hidden_fields(self, stream: str) -> frozenset[str]:
        """The money that they may not see."""
        if self.is_administrator:
            return NOBODY
        if "billable_rates_manager" in self.user.access_roles:
            return frozenset({"cost_rate"})
        # Time reports hide the currency together with the amount.
        currency = (
            {"currency"} if stream.startswith("time_") and stream.endswith("_report") else set()
        )
        return RATES | {"cost_rate"} | currency
