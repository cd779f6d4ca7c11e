"""Roles, by which people are grouped and filtered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from tap_harvest.fields import fields, integers, key, string, timestamp
from tap_harvest.reading.kinds import ExplodedStream, WholeStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Record


class Roles(WholeStream):
    """Labels of people such as "Designer"; they grant nothing.

    Harvest API, "Roles": https://help.getharvest.com/api-v2/roles-api/roles/roles/
    """

    name = "roles"
    path = "/roles"
    schema = fields(
        key("id", "Id of the role."),
        string("name", "Name of the role."),
        timestamp("created_at", "When the role was made."),
        timestamp("updated_at", "When the role last changed."),
        integers("user_ids", "Ids of the people who have the role."),
    )


class UserRoles(ExplodedStream):
    """Who has which role: one record for each person of each role."""

    name = "user_roles"
    parent_stream_type = Roles
    member = "user_ids"
    member_type = list[int] | None
    replication_key = None
    primary_keys: ClassVar = ("role_id", "user_id")
    schema = fields(
        key("role_id", "Id of the role."),
        key("user_id", "Id of the person who has it."),
    )

    @override
    def explode(self, parent_id: int, updated_at: str | None, inside: Any) -> Iterator[Record]:
        for user_id in inside or ():
            yield {"role_id": parent_id, "user_id": user_id}
