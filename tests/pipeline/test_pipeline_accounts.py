"""Two stand-in accounts into the same tables."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from support.account_tables import account, key
from tap_harvest.tap import TapHarvest

if TYPE_CHECKING:
    from fixtures.pipeline import Pipeline
    from harvest_sandbox import Sandbox

DAY = 24 * 3600  # In seconds.


@pytest.fixture
def both(harvest: Sandbox, pipeline: Pipeline) -> Pipeline:
    """A pipeline from both accounts; what takes a request for each record is left out."""
    harvest.switches.second_account = True
    del pipeline.tap_config["account_id"]
    pipeline.tap_config["account_ids"] = [harvest.account_id, harvest.second.account_id]
    names = account(harvest, nested=()).keys()
    pipeline.catalog = TapHarvest(config=pipeline.tap_config).catalog_dict
    for entry in pipeline.catalog["streams"]:
        for item in entry["metadata"]:
            if not item["breadcrumb"]:
                item["metadata"]["selected"] = entry["tap_stream_id"] in names
    return pipeline


def assert_equal(harvest: Sandbox, pipeline: Pipeline) -> None:
    """Every table holds the rows of both accounts, each once, and no others that count."""
    with closing(sqlite3.connect(pipeline.folder / "harvest.db")) as database:
        database.row_factory = sqlite3.Row
        for one in (harvest, harvest.second):
            for name, rows in account(one, nested=()).items():
                found = database.execute(
                    f'SELECT * FROM "{name}" WHERE account_id = ? AND _sdc_deleted_at IS NULL',
                    [int(one.account_id)],
                ).fetchall()
                expected = {key(name, row): told_apart(row) for row in rows}
                assert expected, f"the account has no {name}, so nothing is compared"
                assert {key(name, row): told_apart(dict(row)) for row in found} == expected, name
                assert len(found) == len(expected), name


def told_apart(row: dict[str, Any]) -> str | None:
    """What tells a row of one account from that of the other with the same key, if anything."""
    return row.get("name") or row.get("notes")


@pytest.mark.parametrize("hard_delete", [False, True])
def test_both_accounts_arrive_and_what_is_deleted_in_one_leaves_the_other(
    harvest: Sandbox, both: Pipeline, *, hard_delete: bool
) -> None:
    """Though both use the same ids; the second run changes and removes what changed and went."""
    both.target_config["hard_delete"] = hard_delete
    both()
    assert both.exit_codes == (0, 0), both.errors
    assert_equal(harvest, both)

    entry = next(row["id"] for row in harvest.rows("time_entries") if not row["is_closed"])
    harvest.delete("time_entries", entry)
    harvest.second.delete("contacts", harvest.second.rows("contacts")[0]["id"])
    harvest.second.change("tasks", harvest.second.rows("tasks")[0]["id"], name="Elsewhere")
    harvest.advance(seconds=2 * DAY)
    both()

    assert both.exit_codes == (0, 0), both.errors
    assert_equal(harvest, both)
