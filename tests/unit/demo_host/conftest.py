"""Hosts in the process, without a server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest_asyncio

from xolite_qt.demo_host import DemoHost
from xolite_qt.demo_host.minimal_world import build_minimal_world
from xolite_qt.demo_host.sessions import Session


class Caller:
    """A host with a session, called in the process."""

    def __init__(self, host: DemoHost) -> None:
        self.host = host
        self.db = host.db
        self.session: Session = host.sessions.open("root", "unit")

    async def __call__(self, name: str, *params: Any) -> Any:
        value = await self.host.dispatch(self.session, name, params)
        return msgspec.json.decode(msgspec.json.encode(value))


@pytest_asyncio.fixture
async def caller() -> AsyncIterator[Caller]:
    host = DemoHost(speed=0.01)
    build_minimal_world(host)
    yield Caller(host)
    await host.stop()
