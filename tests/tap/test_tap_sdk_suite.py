"""The SDK's standard suite, against the stand-in account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from singer_sdk.testing import get_tap_test_class
from singer_sdk.testing.runners import TapTestRunner

from harvest_sandbox import Sandbox
from tap_harvest.tap import TapHarvest

if TYPE_CHECKING:
    from collections.abc import Iterator

# The tests are named after the streams, which needs no account.
Suite = get_tap_test_class(TapHarvest, config={"access_token": "none"})


# Harvest no longer sends the fields that are retired.
@pytest.mark.filterwarnings("ignore:Fields in transformed catalog but not in records")
class TestStandardSuite(Suite):  # type: ignore[valid-type,misc]  # The SDK makes the class.
    """What every tap of the SDK must do."""

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
            }
            runner = TapTestRunner(TapHarvest, config=config)
            runner.sync_all()
            yield runner
