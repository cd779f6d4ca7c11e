"""The SDK's own suite for targets, on every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from singer_sdk.exceptions import InvalidRecord
from singer_sdk.testing import SuiteConfig, get_target_test_class
from singer_sdk.testing.runners import TargetTestRunner
from singer_sdk.testing.suites import SingerTestSuite
from singer_sdk.testing.target_tests import (
    TargetMultipleStateMessages,
    TargetRecordMissingRequiredProperty,
)

from target_harvest_sql.target import TargetHarvestSQL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fixtures.databases import Database


class _States(TargetMultipleStateMessages):
    """The suite leaves this one out; its own comparison is of text with decoded states."""

    def test(self) -> None:
        """Run test."""
        self.runner.sync_all()

        a, b = "test_multiple_state_messages_a", "test_multiple_state_messages_b"
        assert self.runner.state_messages == [{a: 1, b: 0}, {a: 3, b: 2}, {a: 5, b: 6}]


class _Invalid(TargetRecordMissingRequiredProperty):
    """The suite leaves this one out, and says nothing of what should happen: an error."""

    def test(self) -> None:
        """Run test."""
        with pytest.raises(InvalidRecord):
            super().test()


LEFT_OUT = SingerTestSuite(kind="target", tests=[_States, _Invalid])
"""Tests that the SDK has, but does not run, since its own targets fail them."""


class TestStandard(get_target_test_class(TargetHarvestSQL, custom_suites=[LEFT_OUT])):  # type: ignore[misc]
    """The whole suite, against the database of each test."""

    @pytest.fixture
    def runner(self, database: Database) -> Iterator[TargetTestRunner]:
        """A target with batches of three, as `multiple_state_messages` expects."""
        runner = TargetTestRunner(
            TargetHarvestSQL,
            config={"sqlalchemy_url": database.url, "batch_size_rows": 3},
            suite_config=SuiteConfig(),
        )
        yield runner
        if runner._input is not None:
            runner._input.close()  # The runner leaves its file open.
