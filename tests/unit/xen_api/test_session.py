"""Login, expiry, and slaves that send us to their master."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.unit.xen_api.certificates import make_certificate
from tests.unit.xen_api.scripted_host import (
    PASSWORD,
    USER,
    Cut,
    Refusal,
    ScriptedHost,
    scripted_host,
)
from xolite_qt.xen_api import (
    AuthenticationFailed,
    CertificateUnknown,
    ConnectionLost,
    HostIsSlave,
    MemoryPins,
    SessionInvalid,
    XenApi,
)


def logins(host: ScriptedHost) -> int:
    return host.count("session.login_with_password")


def slave_of(address: str) -> Any:
    def refuse(*_: Any) -> None:
        raise Refusal("HOST_IS_SLAVE", address)

    return refuse


async def test_login_says_who_we_are(host: ScriptedHost) -> None:
    async with XenApi(host.url, pins=MemoryPins(), originator="my tool") as api:
        assert not api.session_known
        await api.login(USER, PASSWORD)
        assert api.session_known
        assert api.user == USER
    assert host.calls[0] == ("session.login_with_password", [USER, PASSWORD, "1.0", "my tool"])
    assert host.sessions == set()
    assert host.count("session.logout") == 1


async def test_a_wrong_password(host: ScriptedHost) -> None:
    async with XenApi(host.url, pins=MemoryPins()) as api:
        with pytest.raises(AuthenticationFailed) as caught:
            await api.login(USER, "wrong")
        assert caught.value.params == ("root", "Authentication failure")
        assert not api.session_known


async def test_login_twice_leaves_one_session(host: ScriptedHost, api: XenApi) -> None:
    await api.login(USER, PASSWORD)
    assert len(host.sessions) == 1


async def test_an_expired_session_is_renewed_and_the_call_replayed(
    host: ScriptedHost, api: XenApi
) -> None:
    host.answers["x.y"] = lambda n: n
    host.expire_sessions()
    assert await api.call("x.y", 4) == 4
    assert logins(host) == 2


async def test_many_calls_renew_one_session(host: ScriptedHost, api: XenApi) -> None:
    async def slowly(*params: Any) -> str:
        await asyncio.sleep(0.02)
        return host.login(*params)

    host.answers["session.login_with_password"] = slowly
    host.answers["x.y"] = lambda n: n
    host.expire_sessions()
    assert await asyncio.gather(*(api.call("x.y", n) for n in range(30))) == list(range(30))
    assert logins(host) == 2


async def test_a_session_that_is_never_valid_is_not_asked_for_again_and_again(
    host: ScriptedHost, api: XenApi
) -> None:
    def refuse(*_: Any) -> None:
        raise Refusal("SESSION_INVALID", "OpaqueRef:whatever")

    host.answers["x.y"] = refuse
    with pytest.raises(SessionInvalid):
        await api.call("x.y")
    assert logins(host) == 2


async def test_a_changed_password_is_tried_once_only(host: ScriptedHost, api: XenApi) -> None:
    def refuse(*_: Any) -> None:
        raise Refusal("SESSION_AUTHENTICATION_FAILED", "root", "no")

    host.answers["session.login_with_password"] = refuse
    host.expire_sessions()
    with pytest.raises(AuthenticationFailed):
        await api.call("x.y")
    # Hosts lock accounts: what was refused is not tried again.
    for _ in range(3):
        with pytest.raises(SessionInvalid):
            await api.call("x.y")
    assert logins(host) == 2
    del host.answers["session.login_with_password"]
    host.answers["x.y"] = lambda: "back"
    await api.login(USER, PASSWORD)
    assert await api.call("x.y") == "back"


async def test_credentials_outlive_a_host_that_was_away(host: ScriptedHost, api: XenApi) -> None:
    host.answers["x.y"] = lambda: 1
    host.expire_sessions()

    def cut(*_: Any) -> None:
        raise Cut

    host.answers["session.login_with_password"] = cut
    with pytest.raises(ConnectionLost):
        await api.call("x.y")
    assert not api.session_known
    del host.answers["session.login_with_password"]
    assert await api.call("x.y") == 1
    assert api.session_known


async def test_a_slave_leads_to_its_master(host: ScriptedHost) -> None:
    async with scripted_host() as slave, XenApi(slave.url, pins=MemoryPins()) as api:
        slave.answers["session.login_with_password"] = slave_of(f"127.0.0.1:{host.port}")
        await api.login(USER, PASSWORD)
        assert api.url == host.url
        assert api.followed_from == slave.url
        assert await api.call("pool.get_all") == ["OpaqueRef:pool"]


async def test_a_slave_is_not_followed_when_not_wanted(host: ScriptedHost) -> None:
    async with XenApi(host.url, pins=MemoryPins()) as api:
        host.answers["session.login_with_password"] = slave_of("10.0.0.1")
        with pytest.raises(HostIsSlave) as caught:
            await api.login(USER, PASSWORD, follow_master=False)
        assert caught.value.master == "10.0.0.1"
        assert api.followed_from is None


@pytest.mark.parametrize("told", ["", "not an address at all", "SELF"])
async def test_a_slave_that_leads_nowhere(host: ScriptedHost, told: str) -> None:
    told = told.replace("SELF", f"127.0.0.1:{host.port}")
    async with XenApi(host.url, pins=MemoryPins()) as api:
        host.answers["session.login_with_password"] = slave_of(told)
        with pytest.raises(HostIsSlave):
            await api.login(USER, PASSWORD)


async def test_hosts_that_send_us_in_circles(host: ScriptedHost) -> None:
    async with scripted_host() as other, XenApi(host.url, pins=MemoryPins()) as api:
        host.answers["session.login_with_password"] = slave_of(f"127.0.0.1:{other.port}")
        other.answers["session.login_with_password"] = slave_of(f"127.0.0.1:{host.port}")
        with pytest.raises(HostIsSlave):
            await api.login(USER, PASSWORD)


async def test_the_masters_certificate_is_asked_about_too(tmp_path: Path) -> None:
    slave_tls, slave_certificate = make_certificate(tmp_path, "slave")
    master_tls, master_certificate = make_certificate(tmp_path, "master")
    pins = MemoryPins()
    async with (
        scripted_host(slave_tls) as slave,
        scripted_host(master_tls) as master,
        XenApi(slave.url, pins=pins) as api,
    ):
        pins.accept("127.0.0.1", slave.port, slave_certificate.fingerprint)
        slave.answers["session.login_with_password"] = slave_of(f"127.0.0.1:{master.port}")
        with pytest.raises(CertificateUnknown) as caught:
            await api.login(USER, PASSWORD)
        assert caught.value.port == master.port
        assert caught.value.certificate == master_certificate
        assert master.calls == []
        pins.accept("127.0.0.1", master.port, master_certificate.fingerprint)
        await api.login(USER, PASSWORD)
        assert api.url == master.url


async def test_a_master_that_steps_down_is_followed(host: ScriptedHost, api: XenApi) -> None:
    async with scripted_host() as heir:
        gone = slave_of(f"127.0.0.1:{heir.port}")
        host.answers["session.login_with_password"] = gone
        host.answers["x.y"] = gone
        heir.answers["x.y"] = lambda: "heir"
        assert await api.call("x.y") == "heir"
        assert api.url == heir.url
        await api.close()
        assert heir.sessions == set()


async def test_logout_does_not_wait_for_a_host_that_is_gone(
    host: ScriptedHost, api: XenApi
) -> None:
    await host.stop()
    async with asyncio.timeout(2):
        await api.close()
