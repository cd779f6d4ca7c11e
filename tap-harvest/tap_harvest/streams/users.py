"""The people of the account, their rates, their projects, and whom they manage."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec
from msgspec import Raw
from typing_extensions import override

from tap_harvest.fields import (
    boolean,
    date,
    decimal,
    fields,
    integer,
    key,
    records,
    reference,
    string,
    strings,
    timestamp,
)
from tap_harvest.http.errors import InvalidError, UnavailableError
from tap_harvest.reading.kinds import ExplodedStream, Singleton
from tap_harvest.reading.nested import NestedStream
from tap_harvest.reading.stream import HarvestStream, decode_record
from tap_harvest.streams.projects import (
    ASSIGNMENT_ID,
    CLIENT,
    CODE,
    TASK_ASSIGNMENT,
    USER_ASSIGNMENT,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Record

    from tap_harvest.account import Account

USER = (
    key("id", "Id of the person."),
    string("first_name", "First name."),
    string("last_name", "Last name."),
    string("employee_id", "Number that the employer gave."),
    string("email", "E-mail address."),
    string("telephone", "Telephone."),
    string("timezone", "Name of the time zone, as Rails calls it."),
    integer("weekly_capacity", "Working time of a week, in seconds."),
    boolean("has_access_to_all_future_projects", "Whether each new project takes them on."),
    boolean("is_contractor", "Whether they are not employed."),
    boolean("is_active", "Whether the person is current, not archived."),
    boolean("saml_exempt", "Whether they may do without single sign-on."),
    boolean("calendar_integration_enabled", "Whether a calendar is connected."),
    string("calendar_integration_source", "Which calendar is connected."),
    timestamp("created_at", "When the person was added."),
    timestamp("updated_at", "When the person last changed."),
    boolean("can_create_projects", "Whether they may make projects."),
    decimal("default_hourly_rate", "Hourly rate at which they are billed now."),
    decimal("cost_rate", "What an hour of theirs costs now."),
    strings("roles", "Names of their roles."),
    strings("access_roles", "What they may do."),
    strings("permissions_claims", "What they may do, in detail."),
    string("avatar_url", "Address of their picture."),
    boolean("is_admin", "Retired; access_roles tells it now."),
    boolean("is_project_manager", "Retired; access_roles tells it now."),
    boolean("can_see_rates", "Retired; access_roles tells it now."),
    boolean("can_create_invoices", "Retired; access_roles tells it now."),
    boolean("can_close_account", "Retired; Harvest documents it no more."),
)


class Users(HarvestStream):
    """The people who track time, past ones included.

    Harvest API, "Users": https://help.getharvest.com/api-v2/users-api/users/users/
    """

    name = "users"
    path = "/users"
    hides_rows = True
    filters: ClassVar = {"is_active": "boolean"}
    schema = fields(*USER)


class UsersMe(Singleton):
    """The person whose access token it is.

    Harvest API, "Users": https://help.getharvest.com/api-v2/users-api/users/users/
    """

    name = "users_me"
    path = "/users/me"
    schema = fields(*USER)

    @override
    def answer(self, account: Account) -> Raw:
        return Raw(account.user)


RATE = (
    key("user_id", "Id of the person, added by the tap."),
    key("id", "Id of the rate."),
    decimal("amount", "Money for an hour."),
    date("start_date", "First day on which it holds; null for always."),
    date("end_date", "Last day on which it holds; null for the present."),
    timestamp("created_at", "When the rate was made."),
    timestamp("updated_at", "When the rate last changed."),
)


class UserBillableRates(NestedStream):
    """At which hourly rates people are billed, and were: also those who are archived.

    Harvest API, "Billable Rates":
    https://help.getharvest.com/api-v2/users-api/users/billable-rates/
    """

    name = "user_billable_rates"
    path = "/users/{user_id}/billable_rates"
    parent_stream_type = Users
    parent_key = "user_id"
    primary_keys: ClassVar = ("user_id", "id")
    replication_key = None
    schema = fields(*RATE)


class UserCostRates(NestedStream):
    """What an hour of people costs, and did: also of those who are archived.

    Harvest API, "Cost Rates": https://help.getharvest.com/api-v2/users-api/users/cost-rates/
    """

    name = "user_cost_rates"
    path = "/users/{user_id}/cost_rates"
    parent_stream_type = Users
    parent_key = "user_id"
    primary_keys: ClassVar = ("user_id", "id")
    replication_key = None
    schema = fields(*RATE)


class UserProjectAssignments(NestedStream):
    """In which projects people can work now, and on which tasks of them.

    Harvest leaves archived assignments out; `project_user_assignments` has them too. A change of
    the tasks may not move the assignment, and then comes within `sweep_days`. A token that may not
    list people gets its owner's assignments, whole in each sync.

    Harvest API, "Project Assignments":
    https://help.getharvest.com/api-v2/users-api/users/project-assignments/
    """

    name = "user_project_assignments"
    path = "/users/{user_id}/project_assignments"
    own_path = "/users/me/project_assignments"
    parent_stream_type = Users
    parent_key = "user_id"
    is_selection = True  # Archived assignments are left out.
    # A manager sees their own and those of their teammates.
    passed_over: ClassVar = {
        **NestedStream.passed_over,
        UnavailableError: "Harvest does not show them to the token",
    }
    hides_rows = True
    schema = fields(
        integer("user_id", "Id of the person, added by the tap."),
        key("id", "Id of the assignment."),
        *USER_ASSIGNMENT,
        reference("project", "The project.", CODE, boolean("is_billable", "Whether billable.")),
        CLIENT,
        records(
            "task_assignments",
            "The tasks of the project.",
            ASSIGNMENT_ID,
            *TASK_ASSIGNMENT,
            reference("task", "The task."),
        ),
    )


class UserProjectTasks(ExplodedStream):
    """Which tasks people can track time to: one record for each task of each of their projects."""

    name = "user_project_tasks"
    parent_stream_type = UserProjectAssignments
    primary_keys: ClassVar = ("user_id", "task_assignment_id")
    schema = fields(
        key("user_id", "Id of the person."),
        key("task_assignment_id", "Id of the task's assignment to the project."),
        integer("user_assignment_id", "Id of the person's assignment to the project."),
        integer("project_id", "Id of the project."),
        integer("task_id", "Id of the task."),
        boolean("is_active", "Whether the task is current in the project."),
        timestamp("updated_at", "When the person's assignment last changed."),
    )

    @override
    def records(self, row: Raw) -> Iterator[Record]:
        assignment = decode_record(row)
        for task in assignment.get("task_assignments") or ():
            yield {
                "user_id": assignment["user_id"],
                "task_assignment_id": task["id"],
                "user_assignment_id": assignment["id"],
                "project_id": (assignment.get("project") or {}).get("id"),
                "task_id": (task.get("task") or {}).get("id"),
                "is_active": task.get("is_active"),
                "updated_at": assignment.get("updated_at"),
            }


class _Rights(msgspec.Struct, frozen=True):
    access_roles: list[str] | None = None


_rights_of = msgspec.json.Decoder(_Rights).decode


class UserTeammates(NestedStream):
    """Whose time and expenses managers look after; `user_id` is the manager.

    Harvest API, "User Teammates":
    https://help.getharvest.com/api-v2/users-api/users/teammates/
    """

    name = "user_teammates"
    path = "/users/{user_id}/teammates"
    parent_stream_type = Users
    parent_key = "user_id"
    is_selection = True  # People become teammates, and stop being so.
    primary_keys: ClassVar = ("user_id", "id")
    replication_key = None
    passed_over: ClassVar = {**NestedStream.passed_over, InvalidError: "no manager any more"}
    schema = fields(
        key("user_id", "Id of the manager, added by the tap."),
        key("id", "Id of the person who is managed."),
        string("first_name", "First name."),
        string("last_name", "Last name."),
        string("email", "E-mail address."),
    )

    @override
    def has_list(self, parent: Raw) -> bool:
        # Harvest refuses to tell the teammates of anybody else (422).
        return "manager" in (_rights_of(parent).access_roles or ())
