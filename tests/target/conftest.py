"""Commands that are fed while they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from target_run import Fed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def feeding() -> Iterator[Callable[[list[str]], Fed]]:
    """Starts commands, and ends those that a failed test has left."""
    started: list[Fed] = []

    def start(arguments: list[str]) -> Fed:
        started.append(Fed(arguments))
        return started[-1]

    yield start
    for fed in started:
        if fed.process.poll() is None:
            fed.process.kill()
            fed.process.communicate()
        fed.errors.close()
