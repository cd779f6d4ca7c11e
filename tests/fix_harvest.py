"""The stand-in Harvest account as fixtures."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from harvest_sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def harvest_factory() -> Iterator[Callable[..., Sandbox]]:
    """Makes accounts that are served until the test ends; takes what `Sandbox` takes."""
    with ExitStack() as stack:
        yield lambda **arguments: stack.enter_context(Sandbox(**arguments))


@pytest.fixture
def harvest(harvest_factory: Callable[..., Sandbox]) -> Sandbox:
    """A small account of its own for this test."""
    return harvest_factory()
