"""A fake host and stores over it that must leave nothing behind."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.unit.stores.fake_host import FakeHost
from xolite_qt.stores import Stores


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


@pytest_asyncio.fixture
async def stores(host: FakeHost, no_task_left: None) -> AsyncIterator[Stores]:
    stores = Stores(host.client(), linger_s=0.0)
    yield stores
    await stores.close()
    assert host.events.classes == frozenset()
    assert not host.events._state_listeners
    assert stores.classes_in_use == frozenset()
