"""Served hosts, and a client of nothing but aiohttp."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio

from xolite_qt.demo_host import DemoHost, Running
from xolite_qt.demo_host.minimal_world import build_minimal_world


class Failed(Exception):
    """The host said no.

    Attributes:
        description: code and parameters.
    """

    def __init__(self, description: list[str]) -> None:
        super().__init__(description)
        self.description = description


class Wire:
    """JSON-RPC with the envelope laid open."""

    def __init__(self, running: Running, client: aiohttp.ClientSession) -> None:
        self.running = running
        self.host = running.host
        self.db = running.host.db
        self.client = client
        self.session = ""
        self.failed = Failed

    async def raw(self, method: str, *params: Any) -> dict[str, Any]:
        body = {"jsonrpc": "2.0", "method": method, "params": params, "id": 1}
        async with self.client.post(f"{self.running.url}/jsonrpc", json=body) as response:
            return dict(json.loads(await response.text()))

    async def call(self, method: str, *params: Any) -> Any:
        answer = await self.raw(method, self.session, *params)
        if "error" in answer:
            error = answer["error"]
            raise Failed(error if isinstance(error, list) else [error["message"], *error["data"]])
        return answer["result"]

    async def login(self) -> None:
        answer = await self.raw(
            "session.login_with_password", self.running.user, self.running.password
        )
        self.session = answer["result"]

    async def exchange(self, data: bytes) -> bytes:
        """What the host answers to bytes on a fresh connection, until it closes or is quiet."""
        parts = urlsplit(self.running.url)
        context = None
        if parts.scheme == "https":
            context = ssl.create_default_context(cadata=self.host.certificate.pem)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=context)
        writer.write(data)
        answer = b""
        try:
            async with asyncio.timeout(1.0):
                while piece := await reader.read(65536):
                    answer += piece
                    head, separator, body = answer.partition(b"\r\n\r\n")
                    length = [
                        int(line.split(b":")[1])
                        for line in head.lower().split(b"\r\n")
                        if line.startswith(b"content-length")
                    ]
                    closes = b"connection: close" in head.lower()
                    if separator and length and len(body) >= length[0] and not closes:
                        break
        except TimeoutError:
            pass
        finally:
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()
        return answer

    async def post(self, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (lower-case names) and body of one POST, by hand."""
        head = (
            f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
            "Content-Type: application/json\r\n\r\n"
        )
        answer = await self.exchange(head.encode() + body)
        top, _, content = answer.partition(b"\r\n\r\n")
        first, *lines = top.decode("latin-1").split("\r\n")
        pairs = (line.split(": ", 1) for line in lines)
        return int(first.split()[1]), {name.lower(): value for name, value in pairs}, content


@asynccontextmanager
async def serving(*, plain_http: bool, vms: int = 3) -> AsyncIterator[Wire]:
    host = DemoHost(speed=0.01)
    build_minimal_world(host, vms=vms)
    running = await host.start(plain_http=plain_http)
    context = None
    if not plain_http:
        context = ssl.create_default_context(cadata=host.certificate.pem)
    connector = aiohttp.TCPConnector(ssl=context if context else True)
    try:
        async with aiohttp.ClientSession(connector=connector) as client:
            wire = Wire(running, client)
            await wire.login()
            yield wire
            await asyncio.sleep(0)
    finally:
        await host.stop()


@pytest_asyncio.fixture(params=["http", "https"])
async def wire(request: pytest.FixtureRequest) -> AsyncIterator[Wire]:
    """A logged-in client, over both kinds of connection."""
    async with serving(plain_http=request.param == "http") as made:
        yield made


@pytest_asyncio.fixture
async def plain() -> AsyncIterator[Wire]:
    """A logged-in client over plain http."""
    async with serving(plain_http=True) as made:
        yield made
