"""The way to a console on another host of the pool, over TLS."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from xolite_qt.demo_host import Running, start_demo_host
from xolite_qt.ui.views.console.way import Place, open_place
from xolite_qt.xen_api import CertificateChanged, MemoryPins, TransportError, XenApi

pytestmark = pytest.mark.asyncio(loop_scope="function")


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Running]:
    async with start_demo_host(speed=0.01) as host:
        yield host


@pytest_asyncio.fixture
async def api(running: Running) -> AsyncIterator[XenApi]:
    pins = MemoryPins()
    url = urlsplit(running.url)
    pins.accept(url.hostname or "", url.port or 443, running.fingerprint)
    async with XenApi(running.url, pins=pins) as client:
        await client.login(running.user, running.password)
        yield client


def place(running: Running, *, scheme: str = "https") -> Place:
    """The console of a VM, told as if on another host: the same machine by another name."""
    db = running.host.db
    port = urlsplit(running.url).port
    for ref in db.refs("console"):
        vm = db.get("VM", db.get("console", ref)["VM"])
        if vm["power_state"] == "Running":
            location = f"{scheme}://localhost:{port}/console?ref={ref}"
            return Place(ref, location, vm["resident_on"], home=False)
    raise AssertionError("no console")


def certificate(running: Running, **fields: str) -> None:
    """What the master says of its hosts' certificates."""
    db = running.host.db
    for ref in db.refs("Certificate"):
        if db.get("Certificate", ref)["type"] == "host":
            db.set("Certificate", ref, **fields)


async def test_the_master_vouches_for_its_members(running: Running, api: XenApi) -> None:
    certificate(running, fingerprint=running.fingerprint, fingerprint_sha256=running.fingerprint)
    _, writer = await open_place(api, place(running))
    writer.close()
    await writer.wait_closed()


async def test_another_certificate_than_the_master_says_is_refused(
    running: Running, api: XenApi
) -> None:
    certificate(running, fingerprint="AA:" * 31 + "AA", fingerprint_sha256="AA:" * 31 + "AA")
    with pytest.raises(CertificateChanged):
        await open_place(api, place(running))


async def test_a_member_nobody_vouches_for_is_refused(running: Running, api: XenApi) -> None:
    for ref in list(running.host.db.refs("Certificate")):
        running.host.db.destroy("Certificate", ref)
    with pytest.raises(TransportError, match="not accepted yet"):
        await open_place(api, place(running))


async def test_no_session_goes_out_without_tls(running: Running, api: XenApi) -> None:
    with pytest.raises(TransportError, match="without TLS"):
        await open_place(api, place(running, scheme="http"))


async def test_a_place_that_is_none(running: Running, api: XenApi) -> None:
    where = place(running)
    with pytest.raises(TransportError):
        await open_place(api, Place(where.console, "nonsense", where.host, home=False))
