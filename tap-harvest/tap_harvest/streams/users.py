"""The people of the account."""

from __future__ import annotations

from typing_extensions import override

from tap_harvest.fields import (
    boolean,
    decimal,
    fields,
    integer,
    key,
    string,
    strings,
    timestamp,
)
from tap_harvest.streams.base import HarvestStream, Singleton

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
)


class Users(HarvestStream):
    """The people who track time, past ones included.

    Harvest API, "Users": https://help.getharvest.com/api-v2/users-api/users/users/
    """

    name = "users"
    path = "/users"
    schema = fields(*USER)


class UsersMe(Singleton):
    """The person whose access token it is.

    Harvest API, "Users": https://help.getharvest.com/api-v2/users-api/users/users/
    """

    name = "users_me"
    path = "/users/me"
    schema = fields(*USER)

    @override
    def answer(self) -> bytes:
        return self.account.user
