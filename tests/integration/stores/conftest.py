"""Stores over the client over the wire over a demo host."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest_asyncio

from xolite_qt.demo_host import Running, start_demo_host
from xolite_qt.stores import Stores
from xolite_qt.xen_api import EventTiming, MemoryPins, XenApi

QUICK = EventTiming(
    poll_s=5.1,
    heartbeat_s=0.3,
    heartbeat_timeout_s=0.4,
    tick_s=0.1,
    first_wait_s=0.1,
    longest_wait_s=0.4,
    jitter_s=0.05,
)


@pytest_asyncio.fixture
async def demo() -> AsyncIterator[Running]:
    async with start_demo_host(speed=0.01) as running:
        yield running


@pytest_asyncio.fixture
async def stores(demo: Running, no_task_left: None) -> AsyncIterator[Stores]:
    pins = MemoryPins()
    url = urlsplit(demo.url)
    pins.accept(url.hostname or "", url.port or 443, demo.fingerprint)
    async with XenApi(demo.url, pins=pins, timing=QUICK) as api:
        await api.login(demo.user, demo.password)
        api.events.start()
        stores = Stores(api, linger_s=0.0, stats_pace=0.01)
        yield stores
        await stores.close()
        assert api.events.classes == frozenset()
