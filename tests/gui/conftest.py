"""What holds for every test with widgets."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def garbage_in_this_thread_alone() -> Iterator[None]:
    """As in the application: a cycle of widgets that another thread collects ends the process."""
    gc.disable()
    # What is alive by now, such as modules, is not looked through after every single test.
    gc.freeze()
    yield
    gc.collect()
    gc.enable()
