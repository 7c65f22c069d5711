"""Trust on first use: nothing is sent to a host whose certificate was not accepted."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.xen_api.certificates import make_certificate
from tests.unit.xen_api.scripted_host import PASSWORD, USER, scripted_host
from xolite_qt.xen_api import (
    AddressInvalid,
    Certificate,
    CertificateChanged,
    CertificateUnknown,
    MalformedAnswer,
    MemoryPins,
    NotReachable,
    XenApi,
    fetch_certificate,
    normalized_fingerprint,
)


@asynccontextmanager
async def eavesdropper(tls: ssl.SSLContext) -> AsyncIterator[tuple[int, bytearray]]:
    """A server that shakes hands and keeps every byte that is sent to it after that."""
    got = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(65536):
                got.extend(chunk)
        except (OSError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1], got


async def test_an_unknown_certificate_is_shown_and_nothing_is_sent(tmp_path: Path) -> None:
    tls, certificate = make_certificate(tmp_path, "host")
    async with (
        eavesdropper(tls) as (port, got),
        XenApi(f"127.0.0.1:{port}", pins=MemoryPins()) as api,
    ):
        with pytest.raises(CertificateUnknown) as caught:
            await api.login(USER, PASSWORD)
        await asyncio.sleep(0.05)
        assert bytes(got) == b""
    assert caught.value.certificate == certificate
    assert (caught.value.host, caught.value.port) == ("127.0.0.1", port)
    assert certificate.fingerprint in str(caught.value)
    assert certificate.subject == "CN=host"
    assert (certificate.not_after - certificate.not_before).days == 3651


async def test_another_certificate_is_refused_and_nothing_is_sent(tmp_path: Path) -> None:
    tls, certificate = make_certificate(tmp_path, "impostor")
    _, accepted = make_certificate(tmp_path, "host")
    pins = MemoryPins()
    async with eavesdropper(tls) as (port, got):
        pins.accept("127.0.0.1", port, accepted.fingerprint)
        async with XenApi(f"127.0.0.1:{port}", pins=pins) as api:
            with pytest.raises(CertificateChanged) as caught:
                await api.login(USER, PASSWORD)
        await asyncio.sleep(0.05)
        assert bytes(got) == b""
    assert caught.value.pinned == accepted.fingerprint
    assert caught.value.certificate == certificate
    assert accepted.fingerprint in str(caught.value)
    assert certificate.fingerprint in str(caught.value)


async def test_an_accepted_certificate_lets_us_in(tmp_path: Path, no_task_left: None) -> None:
    tls, certificate = make_certificate(tmp_path, "host")
    pins = MemoryPins()
    async with scripted_host(tls) as host, XenApi(host.url, pins=pins) as api:
        with pytest.raises(CertificateUnknown) as unknown:
            await api.login(USER, PASSWORD)
        assert host.calls == []
        pins.accept(
            unknown.value.host, unknown.value.port, certificate.fingerprint.replace(":", "").lower()
        )
        await api.login(USER, PASSWORD)
        assert await api.call("pool.get_all") == ["OpaqueRef:pool"]


async def test_a_certificate_that_changes_later_is_refused(tmp_path: Path) -> None:
    tls, certificate = make_certificate(tmp_path, "host")
    other, _ = make_certificate(tmp_path, "other")
    pins = MemoryPins()
    async with scripted_host(tls) as host, XenApi(host.url, pins=pins) as api:
        pins.accept("127.0.0.1", host.port, certificate.fingerprint)
        await api.login(USER, PASSWORD)
        await host.stop()
        await host.start(other)
        before = len(host.calls)
        with pytest.raises(CertificateChanged):
            await api.call("pool.get_all")
        assert len(host.calls) == before


async def test_a_spoilt_pin_accepts_nothing(tmp_path: Path) -> None:
    tls, certificate = make_certificate(tmp_path, "host")
    async with scripted_host(tls) as host:
        pins = MemoryPins({("127.0.0.1", host.port): "no fingerprint"})
        async with XenApi(host.url, pins=pins) as api:
            with pytest.raises(CertificateChanged) as caught:
                await api.login(USER, PASSWORD)
        assert host.calls == []
    assert (caught.value.pinned, caught.value.certificate) == ("no fingerprint", certificate)


async def test_connections_are_kept_and_each_is_checked(tmp_path: Path) -> None:
    tls, certificate = make_certificate(tmp_path, "host")
    pins = MemoryPins()
    ports: set[int] = set()
    async with scripted_host(tls) as host, XenApi(host.url, pins=pins) as api:
        pins.accept("127.0.0.1", host.port, certificate.fingerprint)
        await api.login(USER, PASSWORD)
        for _ in range(5):
            await api.call("pool.get_all")
        transport = api._session._transport
        http = transport._http
        assert http is not None
        assert http.connector is not None
        ports.update(len(conns) for conns in http.connector._conns.values())
    assert ports == {1}


async def test_no_tls_there(tmp_path: Path) -> None:
    async with scripted_host() as host:
        with pytest.raises(NotReachable):
            await fetch_certificate("127.0.0.1", host.port)
        async with XenApi(f"https://127.0.0.1:{host.port}", pins=MemoryPins()) as api:
            with pytest.raises(NotReachable):
                await api.login(USER, PASSWORD)


async def test_a_server_that_never_shakes_hands() -> None:
    hung_up = asyncio.Event()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        hung_up.set()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(NotReachable):
            await fetch_certificate("127.0.0.1", port, timeout_s=0.05)
        await hung_up.wait()


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1", "http://xcp.example.org", "http://[2001:db8::1]", "http://localhos"]
)
def test_plain_http_is_for_this_machine_only(url: str) -> None:
    with pytest.raises(AddressInvalid):
        XenApi(url, pins=MemoryPins())


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("xcp.example.org", "https://xcp.example.org"),
        (" 10.0.0.1 ", "https://10.0.0.1"),
        ("10.0.0.1:8443", "https://10.0.0.1:8443"),
        ("https://10.0.0.1:443/", "https://10.0.0.1"),
        ("2001:db8::1", "https://[2001:db8::1]"),
        ("[2001:db8::1]:444", "https://[2001:db8::1]:444"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost", "http://localhost"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_addresses_as_people_type_them(text: str, url: str) -> None:
    assert XenApi(text, pins=MemoryPins()).url == url


def test_host_and_port_as_pins_know_them() -> None:
    assert XenApi("xcp", pins=MemoryPins()).address == ("xcp", 443)
    assert XenApi("[::1]:8443", pins=MemoryPins()).address == ("::1", 8443)


@pytest.mark.parametrize(
    "text",
    ["", "https://", "ftp://host", "host:port", "https://root:secret@host", "a b", "https://[::1"],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(AddressInvalid) as caught:
        XenApi(text, pins=MemoryPins())
    assert "secret" not in str(caught.value)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        url = XenApi(text, pins=MemoryPins()).url
    except AddressInvalid:
        return
    assert url.startswith(("https://", "http://"))
    assert XenApi(url, pins=MemoryPins()).url == url


def test_fingerprints_in_every_spelling() -> None:
    colons = ":".join(["AB"] * 32)
    assert normalized_fingerprint("ab" * 32) == colons
    assert normalized_fingerprint(" ".join(["ab"] * 32)) == colons
    assert normalized_fingerprint(colons) == colons
    for wrong in ("", "AB", "zz" * 32, "ab" * 20):
        with pytest.raises(ValueError):
            normalized_fingerprint(wrong)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_certificate(der: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        Certificate.from_der(der)
