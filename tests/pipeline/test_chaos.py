"""A short soak; `make chaos` runs a long one, and one with the nodes of a Galera cluster."""

from __future__ import annotations

import pytest

from chaos.soak import ENGINES, soak
from fixtures.availability import PARTS


@pytest.mark.parametrize(
    "engine", [engine for engine in ENGINES if engine != "galera" and PARTS[engine].is_here]
)
def test_after_faults_edits_and_kills_the_destination_equals_the_account(engine: str) -> None:
    """By bookmarks alone where Harvest tells of all edits, by reading all where it does not."""
    tally = soak(engine, seed=2, rounds=1, disturbed=1)

    assert tally.differences == []
    assert tally.rows > 0
