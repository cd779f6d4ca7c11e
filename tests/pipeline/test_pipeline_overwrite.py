"""`load_method: overwrite` with our tap: tables are replaced by whole streams, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from subprocess import Popen

    from fixtures.pipeline import Pipeline
    from harvest_sandbox import Sandbox


@pytest.mark.parametrize("settings", [{}, {"reconcile_days": None}])
def test_all_that_the_tap_reads_is_proven_whole(
    pipeline: Pipeline, settings: dict[str, Any]
) -> None:
    """Whether it tells what was deleted or not; empty streams too."""
    pipeline.target_config["load_method"] = "overwrite"
    pipeline.tap_config |= settings
    for _ in range(2):
        pipeline()
        pipeline.state = None

        assert pipeline.exit_codes == (0, 0), pipeline.errors


def test_what_the_tap_skips_or_does_not_finish_stays(pipeline: Pipeline, harvest: Sandbox) -> None:
    """A list that is not shown (403) is skipped, and one that is refused (422) ends the tap."""
    pipeline.target_config["load_method"] = "overwrite"
    pipeline.streams = ("clients", "contacts", "tasks", "time_team_report")
    pipeline()
    assert pipeline.exit_codes == (0, 0), pipeline.errors
    pipeline.state = None
    harvest.fail(path="/v2/contacts", status=403)
    pipeline()

    assert pipeline.exit_codes == (0, 1), pipeline.errors
    assert "and no state is printed: contacts. " in pipeline.errors
    assert len(pipeline.database.rows("contacts")) == len(harvest.rows("contacts"))
    harvest.fail(path="/v2/reports/time/team", status=422, after=1)
    report = pipeline.database.rows("time_team_report")
    pipeline()

    assert pipeline.exit_codes == (1, 1), pipeline.errors
    assert "and no state is printed: time_team_report. " in pipeline.errors
    assert pipeline.database.rows("time_team_report") == report


def test_a_tap_that_is_killed_leaves_whole_tables(pipeline: Pipeline, harvest: Sandbox) -> None:
    """Those that it had read are new, the others are old; the next run replaces all of them."""
    pipeline.target_config["load_method"] = "overwrite"
    pipeline.tap_config |= {"page_size": 20}
    pipeline.streams = ("clients", "tasks", "time_entries")
    pipeline()
    before = {name: len(pipeline.database.rows(name)) for name in pipeline.streams}
    pipeline.state = None

    def kill(tap: Popen[bytes], _: object) -> None:
        harvest.before_page("/v2/time_entries", 4, lambda _: tap.kill())

    pipeline(started=kill)

    assert pipeline.exit_codes == (-9, 1), pipeline.errors
    assert {n: len(pipeline.database.rows(n)) for n in pipeline.streams} == before
