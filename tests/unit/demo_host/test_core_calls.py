"""Which error a wrong call gets, and what the generic calls do."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from xolite_qt.demo_host import DemoHost, Failure
from xolite_qt.demo_host.minimal_world import build_minimal_world
from xolite_qt.demo_host.registry import METHODS, Call, Registered


async def failure(caller: Any, name: str, *params: Any) -> list[str]:
    with pytest.raises(Failure) as caught:
        await caller(name, *params)
    return caught.value.description


async def test_codes(caller: Any) -> None:
    vm = caller.db.refs("VM")[0]
    uuid = caller.db.get("VM", vm)["uuid"]
    assert await failure(caller, "VM.get_record", "OpaqueRef:x") == [
        "HANDLE_INVALID",
        "VM",
        "OpaqueRef:x",
    ]
    assert await failure(caller, "host_metrics.get_live", "x") == [
        "HANDLE_INVALID",
        "host_metrics",
        "x",
    ]
    assert await failure(caller, "VM.get_by_uuid", "x") == ["UUID_INVALID", "VM", "x"]
    assert await failure(caller, "VM.no_such") == ["MESSAGE_METHOD_UNKNOWN", "VM.no_such"]
    assert await failure(caller, "Async.VM.no_such") == [
        "MESSAGE_METHOD_UNKNOWN",
        "Async.VM.no_such",
    ]
    assert await failure(caller, "VM.start", vm) == [
        "MESSAGE_PARAMETER_COUNT_MISMATCH",
        "VM.start",
        "3",
        "1",
    ]
    assert await failure(caller, "VM.get_record", vm, "more") == [
        "MESSAGE_PARAMETER_COUNT_MISMATCH",
        "VM.get_record",
        "1",
        "2",
    ]
    assert await failure(caller, "VM.set_is_a_template", vm, "no") == [
        "INTERNAL_ERROR",
        'Failure("Expected bool, got string")',
    ]
    assert await failure(caller, "VMPP.get_all") == ["MESSAGE_REMOVED"]
    assert await failure(caller, "Async.VM.get_uuid", vm) == [
        "Fault",
        "No async mode for this operation (rpc: VM.get_uuid)",
    ]
    await caller("VM.add_to_other_config", vm, "key", "value")
    assert await failure(caller, "VM.add_to_other_config", vm, "key", "other") == [
        "MAP_DUPLICATE_KEY",
        "VM",
        "other_config",
        uuid,
        "key",
    ]


async def test_read_only_fields_have_no_setter(caller: Any) -> None:
    vm = caller.db.refs("VM")[0]
    assert await failure(caller, "VM.set_uuid", vm, "x") == [
        "MESSAGE_METHOD_UNKNOWN",
        "VM.set_uuid",
    ]


async def test_generic_calls(caller: Any) -> None:
    refs = await caller("VM.get_all")
    vm = (await caller("VM.get_by_name_label", "vm 0"))[0]
    assert vm in refs
    record = await caller("VM.get_record", vm)
    assert record["power_state"] == "Running"
    assert await caller("VM.get_by_uuid", record["uuid"]) == vm
    assert set(await caller("VM.get_all_records")) == set(refs)
    found = await caller("VM.get_all_records_where", 'field "power_state" = "Running"')
    assert list(found) == [vm]
    await caller("VM.set_name_label", vm, "renamed")
    assert await caller("VM.get_name_label", vm) == "renamed"
    await caller("VM.add_tags", vm, "t")
    await caller("VM.add_tags", vm, "t")
    assert await caller("VM.get_tags", vm) == ["t"]
    await caller("VM.remove_tags", vm, "t")
    await caller("VM.remove_tags", vm, "t")
    assert await caller("VM.get_tags", vm) == []
    await caller("VM.add_to_other_config", vm, "k", "v")
    await caller("VM.remove_from_other_config", vm, "k")
    await caller("VM.remove_from_other_config", vm, "k")
    assert await caller("VM.get_other_config", vm) == {}
    assert await caller("VM.get_by_name_label", "nobody") == []


async def test_a_plain_setter_checks_nothing(caller: Any) -> None:
    """Source: `xapi.md` 1.11 (set_default_SR and its like)."""
    pool = caller.db.refs("pool")[0]
    await caller("pool.set_default_SR", pool, "OpaqueRef:nowhere")
    assert await caller("pool.get_default_SR", pool) == "OpaqueRef:nowhere"


async def test_every_class_with_records_answers(caller: Any) -> None:
    for cls in caller.db.model.classes.values():
        message = cls.messages.get("get_all_records")
        if message is None:
            continue
        if message.state == "Removed":
            assert await failure(caller, message.wire_name) == ["MESSAGE_REMOVED"]
            continue
        records = await caller(message.wire_name)
        assert set(records) == set(await caller(f"{cls.name}.get_all"))
        for ref, record in records.items():
            assert await caller(f"{cls.name}.get_record", ref) == record


async def test_every_getter_answers(caller: Any) -> None:
    for cls in ("VM", "host", "pool", "SR", "VDI", "VBD", "task", "session"):
        if cls == "task":
            caller.host.tasks.create("a task")
        ref = caller.db.refs(cls)[0]
        record = await caller(f"{cls}.get_record", ref)
        for message in caller.db.model.classes[cls].messages.values():
            field = message.name.removeprefix("get_")
            if message.implicit and message.name != field and field in record:
                if message.state == "Removed":
                    continue
                assert await caller(message.wire_name, ref) == record[field]


async def test_constructors(caller: Any) -> None:
    vm, vdi = caller.db.refs("VM")[0], caller.db.refs("VDI")[0]
    fields = {
        "VM": vm,
        "VDI": vdi,
        "userdevice": "1",
        "bootable": False,
        "mode": "RW",
        "type": "Disk",
        "empty": False,
        "other_config": {},
        "qos_algorithm_type": "",
        "qos_algorithm_params": {},
    }
    vbd = await caller("VBD.create", fields)
    assert vbd in await caller("VM.get_VBDs", vm)
    missing = {name: value for name, value in fields.items() if name != "VM"}
    assert (await failure(caller, "VBD.create", missing))[0] == "INTERNAL_ERROR"
    assert await failure(caller, "VBD.create", {**fields, "VM": "OpaqueRef:x"}) == [
        "HANDLE_INVALID",
        "VM",
        "OpaqueRef:x",
    ]


async def test_login(caller: Any) -> None:
    host = caller.host
    ref = await host.dispatch(None, "session.login_with_password", ["root", host.password])
    assert await host.dispatch(ref, "session.get_uuid", [ref])
    assert await host.dispatch(ref, "session.get_auth_user_name", [ref]) == "root"
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(Failure) as caught:
        await host.dispatch(None, "session.login_with_password", ["root", "wrong"])
    assert caught.value.description[:2] == ["SESSION_AUTHENTICATION_FAILED", "root"]
    assert len(caught.value.params) == 2
    assert loop.time() - began >= 5 * host.speed * 0.9
    await host.dispatch(ref, "session.logout")
    with pytest.raises(Failure) as caught:
        await host.dispatch(ref, "VM.get_all")
    assert caught.value.description == ["SESSION_INVALID", ref]


async def test_an_originator_has_500_sessions_at_most(caller: Any) -> None:
    sessions = caller.host.sessions
    first = sessions.open("root", "busy").ref
    for _ in range(500):
        sessions.open("root", "busy")
    with pytest.raises(Failure):
        sessions.get(first)
    assert caller.session.alive


async def test_a_slave_names_its_master() -> None:
    host = DemoHost(speed=0.01, slave_of="192.0.2.1")
    build_minimal_world(host)
    for params in (["root", host.password], ["root", "wrong"]):
        with pytest.raises(Failure) as caught:
            await host.dispatch(None, "session.login_with_password", params)
        assert caught.value.description == ["HOST_IS_SLAVE", "192.0.2.1"]
    await host.stop()


async def test_calls_beyond_the_model_can_be_registered(
    caller: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def echo(call: Call, *values: Any) -> list[Any]:
        return list(values)

    monkeypatch.setitem(METHODS, "extension.echo", Registered(echo, check_refs=False))
    assert await caller("extension.echo", 1, "a") == [1, "a"]


async def test_references_are_checked_before_a_behaviour_runs(
    caller: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[Any] = []

    def run(call: Call, *values: Any) -> None:
        ran.append(values)

    monkeypatch.setitem(METHODS, "VM.copy", Registered(run, check_refs=True))
    vm = caller.db.refs("VM")[0]
    assert await failure(caller, "VM.copy", "OpaqueRef:NULL", "n", "OpaqueRef:NULL") == [
        "HANDLE_INVALID",
        "VM",
        "OpaqueRef:NULL",
    ]
    assert await failure(caller, "VM.copy", vm, "n", "OpaqueRef:x") == [
        "HANDLE_INVALID",
        "SR",
        "OpaqueRef:x",
    ]
    assert ran == []
    await caller("VM.copy", vm, "n", "OpaqueRef:NULL")
    assert len(ran) == 1
