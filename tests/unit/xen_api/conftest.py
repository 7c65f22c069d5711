"""A scripted host and a client that is signed in to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.unit.xen_api.scripted_host import PASSWORD, USER, ScriptedHost, scripted_host
from xolite_qt.xen_api import EventTiming, MemoryPins, XenApi

# Everything that takes seconds in life takes a tenth or less here.
FAST = EventTiming(
    poll_s=2.1,
    poll_grace_s=1.0,
    replay_poll_s=0.1,
    debounce_s=0.01,
    heartbeat_s=0.15,
    heartbeat_timeout_s=0.2,
    tick_s=0.05,
    first_wait_s=0.05,
    longest_wait_s=0.2,
    jitter_s=0.01,
)


@pytest_asyncio.fixture
async def host() -> AsyncIterator[ScriptedHost]:
    async with scripted_host() as running:
        yield running


@pytest_asyncio.fixture
async def api(host: ScriptedHost, no_task_left: None) -> AsyncIterator[XenApi]:
    async with XenApi(host.url, pins=MemoryPins(), connect_timeout_s=2.0, timing=FAST) as client:
        await client.login(USER, PASSWORD)
        yield client
