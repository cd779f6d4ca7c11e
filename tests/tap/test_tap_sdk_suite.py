"""The SDK's standard suite, against the stand-in account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.testing import get_tap_test_class
from singer_sdk.testing.runners import TapTestRunner
from singer_sdk.testing.templates import AttributeTestTemplate

from harvest_sandbox import Sandbox
from tap_harvest.tap import TapHarvest

if TYPE_CHECKING:
    from collections.abc import Iterator

# The tests are named after the streams, which needs no account.
Suite = get_tap_test_class(TapHarvest, config={"access_token": "none"})

REPORTS = (
    *("expense_clients", "expense_projects", "expense_categories", "expense_team"),
    *("time_clients", "time_projects", "time_tasks", "time_team", "uninvoiced"),
)
WITHOUT_VALUES = {
    # Harvest no longer sends these.
    "company.approval_required",
    *(
        f"{stream}.{field}"
        for stream in ("users", "users_me")
        for field in ("is_admin", "is_project_manager", "can_see_rates", "can_create_invoices")
    ),
    *("users.can_close_account", "users_me.can_close_account"),
    # No row of a report was deleted.
    *(f"{report}_report._sdc_deleted_at" for report in REPORTS),
    # The account has no invoice of an expense.
    "expenses.invoice",
}
"""The fields that have no value in the stand-in account."""


def values_of(test: AttributeTestTemplate) -> list[Any]:
    """The values of the field that a test is about."""
    field = test.attribute_name
    values = [row[field] for row in test.stream_records if row.get(field) is not None]
    assert bool(values) is (f"{test.stream.name}.{field}" not in WITHOUT_VALUES)
    return values


# Harvest no longer sends the fields that are retired.
@pytest.mark.filterwarnings("ignore:Fields in transformed catalog but not in records")
class TestStandardSuite(Suite):  # type: ignore[valid-type,misc]  # The SDK makes the class.
    """What every tap of the SDK must do."""

    @pytest.fixture(autouse=True)
    def fields_have_their_own_values(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The SDK keeps the values of the first field, and tests them in place of all others."""
        monkeypatch.setattr(AttributeTestTemplate, "non_null_attribute_values", property(values_of))

    @pytest.fixture(scope="class")
    @classmethod
    def runner(cls) -> Iterator[TapTestRunner]:
        """The suite's runner, with what the tap wrote in one run."""
        with Sandbox() as harvest:
            config = {
                "access_token": harvest.token,
                "account_id": harvest.account_id,
                "api_url": harvest.api_url,
                "identity_url": harvest.identity_url,
                "report_start_date": "2026-05-01",
                "include_forecast": True,
            }
            runner = TapTestRunner(TapHarvest, config=config)
            runner.sync_all()
            yield runner
