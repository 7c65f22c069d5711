"""A demo host with VMs that run, and a way to their consoles."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest_asyncio

from xolite_qt.demo_host import Running, start_demo_host
from xolite_qt.xen_api import MemoryPins, XenApi


@pytest_asyncio.fixture
async def demo() -> AsyncIterator[Running]:
    async with start_demo_host(speed=0.01) as running:
        yield running


@pytest_asyncio.fixture
async def api(demo: Running) -> AsyncIterator[XenApi]:
    pins = MemoryPins()
    url = urlsplit(demo.url)
    pins.accept(url.hostname or "", url.port or 443, demo.fingerprint)
    async with XenApi(demo.url, pins=pins) as client:
        await client.login(demo.user, demo.password)
        yield client
