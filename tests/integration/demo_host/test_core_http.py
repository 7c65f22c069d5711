"""HTTP handlers: who may, and how they show.

Source: `xapi.md` 1.1.
"""

from __future__ import annotations

import base64
from typing import Any

import pytest
from aiohttp import web

from xolite_qt.demo_host import DemoHost, parse_listen
from xolite_qt.demo_host.registry import HTTP_ROUTES


def basic(user: str, password: str) -> dict[str, str]:
    encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {encoded}"}


@pytest.fixture
def whoami(monkeypatch: pytest.MonkeyPatch) -> str:
    async def handler(host: DemoHost, request: web.Request) -> web.StreamResponse:
        return web.Response(body=host.session_of(request).user.encode())

    monkeypatch.setitem(HTTP_ROUTES, ("GET", "/whoami"), (handler, True))
    return "/whoami"


async def test_authentication(plain: Any, whoami: str) -> None:
    url = f"{plain.running.url}{whoami}"
    sessions = len(plain.host.sessions)
    for options in (
        {"params": {"session_id": plain.session}},
        {"cookies": {"session_id": plain.session}},
        {"headers": basic("root", plain.running.password)},
    ):
        async with plain.client.get(url, **options) as response:
            assert response.status == 200
            assert await response.read() == b"root"
    # The session of a Basic request ends with it.
    assert len(plain.host.sessions) == sessions
    for options in (
        {},
        {"params": {"session_id": "OpaqueRef:x"}},
        {"headers": basic("root", "wrong")},
        {"headers": {"Authorization": "Basic %%%"}},
        {"headers": {"Authorization": "Bearer x"}},
    ):
        plain.client.cookie_jar.clear()
        async with plain.client.get(url, **options) as response:
            assert response.status == 401
            assert response.headers["WWW-Authenticate"].startswith("Basic realm=")


async def test_requests_are_counted(plain: Any, whoami: str) -> None:
    async with plain.client.get(
        f"{plain.running.url}{whoami}", params={"session_id": plain.session}
    ):
        pass
    record = plain.host.calls[-1]
    assert (record.method, record.bytes_out) == ("GET /whoami", 4)


async def test_unknown_paths(plain: Any) -> None:
    async with plain.client.get(f"{plain.running.url}/nowhere") as response:
        assert response.status == 404
    async with plain.client.post(f"{plain.running.url}/xmlrpc") as response:
        assert response.status == 404


@pytest.mark.parametrize(
    "listen",
    [
        "0.0.0.0:0",
        "192.0.2.1:80",
        "example.com:80",
        ":80",
        "::1",
        "127.0.0.1:x",
        "127.0.0.1:99999",
        "[::]:0",
    ],
)
def test_other_addresses_are_refused(listen: str) -> None:
    with pytest.raises(ValueError):
        parse_listen(listen)


@pytest.mark.parametrize(
    ("listen", "parsed"),
    [
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("localhost:443", ("localhost", 443)),
        ("[::1]:80", ("::1", 80)),
        ("127.9.9.9:1", ("127.9.9.9", 1)),
    ],
)
def test_loopback_addresses(listen: str, parsed: tuple[str, int]) -> None:
    assert parse_listen(listen) == parsed
