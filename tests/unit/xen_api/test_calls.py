"""Calls: what goes over the wire, what comes back, and how it fails."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.xen_api.scripted_host import Bytes, Cut, Refusal, ScriptedHost, until
from xolite_qt.xen_api import (
    VM,
    CallTimeout,
    ConnectionLost,
    HandleInvalid,
    MalformedAnswer,
    MemoryPins,
    NotReachable,
    SessionInvalid,
    VmBadPowerState,
    XapiError,
    XenApi,
)


async def test_the_session_goes_first_and_the_result_comes_back(
    host: ScriptedHost, api: XenApi
) -> None:
    host.answers["VM.set_x"] = lambda *params: {"got": list(params)}
    when = datetime(2026, 8, 21, 12, 0, tzinfo=UTC)
    assert await api.call("VM.set_x", "OpaqueRef:1", True, 2, 60.0, when) == {
        "got": ["OpaqueRef:1", True, 2, 60.0, "20260821T12:00:00Z"]
    }


async def test_large_integers_keep_every_digit(host: ScriptedHost, api: XenApi) -> None:
    host.answers["VM.get_memory"] = lambda n: n
    assert await api.call("VM.get_memory", 2**62 + 1) == 2**62 + 1


async def test_list_methods_needs_no_session(host: ScriptedHost) -> None:
    host.answers["system.listMethods"] = lambda: ["VM.start"]
    async with XenApi(host.url, pins=MemoryPins()) as api:
        assert await api.call("system.listMethods") == ["VM.start"]
    assert host.calls == [("system.listMethods", [])]


async def test_without_a_login_nothing_is_sent(host: ScriptedHost) -> None:
    async with XenApi(host.url, pins=MemoryPins()) as api:
        with pytest.raises(SessionInvalid):
            await api.call("VM.get_all")
    assert host.calls == []


async def test_a_no_in_the_usual_shape(host: ScriptedHost, api: XenApi) -> None:
    def refuse(*_: Any) -> None:
        raise Refusal("VM_BAD_POWER_STATE", "OpaqueRef:1", "halted", "running")

    host.answers["VM.start"] = refuse
    with pytest.raises(VmBadPowerState) as caught:
        await api.call("VM.start", "OpaqueRef:1", False, False)
    assert caught.value.code == "VM_BAD_POWER_STATE"
    assert caught.value.params == ("OpaqueRef:1", "halted", "running")


async def test_a_no_as_a_bare_array_with_id_0(host: ScriptedHost, api: XenApi) -> None:
    def refuse(*_: Any) -> None:
        raise Bytes(b'{"jsonrpc":"2.0","error":["HANDLE_INVALID","VM","OpaqueRef:x"],"id":0}')

    host.answers["VM.get_record"] = refuse
    with pytest.raises(HandleInvalid) as caught:
        await api.get_record("vm", "OpaqueRef:x")
    assert (caught.value.cls, caught.value.ref) == ("VM", "OpaqueRef:x")


@pytest.mark.parametrize("content_type", ["text/plain", "application/json; charset=utf-8", "x/y"])
async def test_the_content_type_does_not_matter(
    host: ScriptedHost, api: XenApi, content_type: str
) -> None:
    def answer() -> None:
        raise Bytes(b'{"jsonrpc":"2.0","result":7,"id":1}', content_type=content_type)

    host.answers["x.y"] = answer
    assert await api.call("x.y") == 7


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"<h1>HTTP 500 internal server error</h1>Jsonrpc.Malformed_method_request(...)", 500),
        (b"<html>a proxy's page</html>", 200),
        (b"", 200),
        (b"\x00\xff\xfe\x80garbage", 200),
        (b'{"jsonrpc":"2.0","result":{"a":', 200),
        (b'{"jsonrpc":"2.0","id":1}', 200),
        (b"[]", 200),
        (b"null", 200),
        (b'{"jsonrpc":"2.0","error":17,"id":1}', 200),
        (b'{"jsonrpc":"2.0","error":{"code":1},"id":1}', 200),
        (b'{"result":' + b"[" * 200_000, 200),
        (b'{"result":' + b"[" * 200_000 + b"]" * 200_000 + b"}", 200),
        (b"moved", 302),
        (b"", 204),
    ],
)
async def test_what_is_no_answer_is_called_malformed(
    host: ScriptedHost, api: XenApi, body: bytes, status: int
) -> None:
    def answer(*_: Any) -> None:
        raise Bytes(body, status)

    host.answers["x.y"] = answer
    host.answers["VM.get_all_records"] = answer
    with pytest.raises(MalformedAnswer):
        await api.call("x.y")
    with pytest.raises(MalformedAnswer):
        await api.get_all_records(VM)


async def test_a_half_answer_is_a_lost_connection(host: ScriptedHost, api: XenApi) -> None:
    def cut() -> None:
        raise Cut(b'{"jsonrpc":"2.0","result":[')

    host.answers["x.y"] = cut
    with pytest.raises(ConnectionLost):
        await api.call("x.y")


async def test_a_cut_connection_is_a_lost_connection(host: ScriptedHost, api: XenApi) -> None:
    def cut() -> None:
        raise Cut

    host.answers["x.y"] = cut
    with pytest.raises(ConnectionLost):
        await api.call("x.y")
    assert host.count("x.y") == 1


async def test_what_only_reads_is_asked_again(host: ScriptedHost, api: XenApi) -> None:
    def cut_once() -> int:
        if host.count("VM.get_all") == 1:
            raise Cut
        return 5

    host.answers["VM.get_all"] = cut_once
    assert await api.call("VM.get_all") == 5


async def test_a_string_of_10_mb(host: ScriptedHost, api: XenApi) -> None:
    text = "<b>ä</b>" * 1_250_000
    host.answers["VM.set_name"] = lambda t: t
    assert await api.call("VM.set_name", text) == text


async def test_a_call_gives_up_after_its_time(host: ScriptedHost, api: XenApi) -> None:
    host.answers["x.slow"] = lambda: asyncio.sleep(30)
    with pytest.raises(CallTimeout) as caught:
        await api.call("x.slow", timeout_s=0.05)
    assert caught.value.method == "x.slow"
    assert caught.value.timeout_s == 0.05


async def test_slow_calls_do_not_block_others(host: ScriptedHost, api: XenApi) -> None:
    host.answers["x.slow"] = lambda: asyncio.sleep(30)
    host.answers["x.fast"] = lambda: "fast"
    slow = asyncio.create_task(api.call("x.slow"))
    await until(lambda: host.count("x.slow"))
    async with asyncio.timeout(1):
        assert await api.call("x.fast") == "fast"
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow


async def test_a_cancelled_call_leaves_the_client_usable(host: ScriptedHost, api: XenApi) -> None:
    host.answers["x.slow"] = lambda: asyncio.sleep(30)
    host.answers["x.fast"] = lambda: "fast"
    for _ in range(20):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.005):
                await api.call("x.slow")
    assert await api.call("x.fast") == "fast"


async def test_nobody_there(unused_tcp_port: int) -> None:
    async with XenApi(f"http://127.0.0.1:{unused_tcp_port}", pins=MemoryPins()) as api:
        with pytest.raises(NotReachable, match="Connection refused"):
            await api.login("root", "x")


async def test_a_name_that_nobody_knows() -> None:
    async with XenApi("https://no-such-host.invalid", pins=MemoryPins()) as api:
        with pytest.raises(NotReachable, match=r"no-such-host\.invalid:443: \D"):
            await api.login("root", "x")


async def test_a_closed_client_says_so(host: ScriptedHost, api: XenApi) -> None:
    await api.close()
    with pytest.raises((ConnectionLost, SessionInvalid)):
        await api.call("VM.get_all")
    await api.close()


async def test_neither_session_nor_password_is_told(
    host: ScriptedHost, api: XenApi, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any) -> None:
        raise Refusal("INTERNAL_ERROR", f"Not_found(OpaqueRef:session-{host.session_count})")

    caplog.set_level(logging.DEBUG)
    host.answers["x.y"] = refuse
    with pytest.raises(XapiError) as caught:
        await api.call("x.y")
    host.sessions.clear()
    host.answers["session.login_with_password"] = lambda *params: (_ for _ in ()).throw(
        Refusal("SESSION_AUTHENTICATION_FAILED", "root", f"bad: {params}")
    )
    with pytest.raises(XapiError) as refused:
        await api.call("x.y")
    told = "\n".join(
        [
            str(caught.value),
            repr(caught.value),
            str(refused.value),
            repr(refused.value),
            repr(api),
            repr(vars(api)),
            caplog.text,
        ]
    )
    assert "session-" not in told
    assert "correct horse" not in told
    assert "Not_found(…)" in str(caught.value)


async def test_get_record_fills_the_reference_in(host: ScriptedHost, api: XenApi) -> None:
    host.answers["VM.get_record"] = lambda ref: {"name_label": "a", "VCPUs_max": "4"}
    vm = await api.get_record(VM, "OpaqueRef:1")
    assert (vm.ref, vm.name_label, vm.vcpus_max) == ("OpaqueRef:1", "a", 4)


async def test_where_asks_the_host_to_filter(host: ScriptedHost, api: XenApi) -> None:
    host.answers["VM.get_all_records_where"] = lambda expr: {"OpaqueRef:1": {"name_label": expr}}
    records = await api.get_all_records("vm", 'field "is_a_template"="true"')
    assert records["OpaqueRef:1"].ref == "OpaqueRef:1"
    with pytest.raises(ValueError, match="no record type"):
        await api.get_all_records("no_such_class")


async def test_large_answers_are_decoded_beside_the_loop(host: ScriptedHost, api: XenApi) -> None:
    records = {f"OpaqueRef:{i}": {"name_label": f"vm {i}", "x": "y" * 2000} for i in range(2000)}
    body = json.dumps({"jsonrpc": "2.0", "result": records, "id": 1}, separators=(",", ":"))

    def answer() -> None:
        raise Bytes(body.encode())

    host.answers["VM.get_all_records"] = answer
    vms = await api.get_all_records(VM)
    assert [vm.name_label for vm in vms.values()] == [f"vm {i}" for i in range(2000)]
    assert all(vm.ref == ref for ref, vm in vms.items())
