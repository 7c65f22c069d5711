"""The fault switch, in the process and over the wire."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest


async def plugin(wire: Any, function: str, **args: str) -> Any:
    host = wire.db.refs("host")[0]
    return json.loads(await wire.call("host.call_plugin", host, "xolite-demo", function, args))


async def test_dropped_connections(wire: Any) -> None:
    waiting = asyncio.ensure_future(wire.call("event.from", ["nothing"], "", 30))
    await asyncio.sleep(0.1)
    assert wire.host.faults.drop_connections() >= 1
    with pytest.raises(aiohttp.ClientError):
        await waiting
    assert await wire.call("VM.get_all")


async def test_refused_connections(wire: Any) -> None:
    wire.host.faults.refuse(0.3)
    await asyncio.sleep(0.1)
    with pytest.raises(aiohttp.ClientError):
        await wire.call("VM.get_all")
    await asyncio.sleep(0.4)
    assert await wire.call("VM.get_all")


async def test_a_toolstack_restart(plain: Any) -> None:
    await plugin(plain, "restart_toolstack", seconds="0.2")
    await asyncio.sleep(0.1)
    with pytest.raises(aiohttp.ClientError):
        await plain.call("VM.get_all")
    await asyncio.sleep(0.2)
    with pytest.raises(plain.failed) as caught:
        await plain.call("VM.get_all")
    assert caught.value.description == ["HOST_STILL_BOOTING"]
    await asyncio.sleep(0.2)
    with pytest.raises(plain.failed) as caught:
        await plain.call("VM.get_all")
    assert caught.value.description[0] == "SESSION_INVALID"
    await plain.login()
    assert await plain.call("VM.get_all")


async def test_expired_sessions(plain: Any) -> None:
    waiting = asyncio.ensure_future(plain.call("event.from", ["nothing"], "", 30))
    await asyncio.sleep(0.1)
    assert plain.host.faults.expire_sessions() == 1
    with pytest.raises(plain.failed) as caught:
        await waiting
    assert caught.value.description == ["SESSION_INVALID", plain.session]


async def test_lost_events(plain: Any) -> None:
    await plugin(plain, "lose_events")
    with pytest.raises(plain.failed) as caught:
        await plain.call("event.from", ["vm"], "", 1)
    assert caught.value.description == ["EVENTS_LOST"]
    await plain.call("event.from", ["vm"], "", 1)


async def test_an_early_error_has_the_other_shape(plain: Any) -> None:
    await plugin(plain, "still_booting", seconds="60")
    assert await plain.raw("VM.get_all", plain.session) == {
        "jsonrpc": "2.0",
        "error": ["HOST_STILL_BOOTING"],
        "id": 0,
    }
    plain.host.faults.clear()
    assert await plain.call("VM.get_all")


async def test_slow_answers(plain: Any) -> None:
    await plugin(plain, "slow", seconds="0.2")
    loop = asyncio.get_running_loop()
    began = loop.time()
    await plain.call("VM.get_all")
    assert loop.time() - began >= 0.2
    await plugin(plain, "slow", seconds="0")


async def test_silence(plain: Any) -> None:
    plain.host.faults.silent(30)
    waiting = asyncio.ensure_future(plain.call("VM.get_all"))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    plain.host.faults.silent(0)
    assert await waiting


async def test_garbage_and_half_answers(wire: Any) -> None:
    wire.host.faults.garbage()
    with pytest.raises((ValueError, UnicodeDecodeError)):
        await wire.call("VM.get_all")
    wire.host.faults.half()
    with pytest.raises(aiohttp.ClientError):
        await wire.call("VM.get_all_records")
    assert await wire.call("VM.get_all")


async def test_wrong_types(plain: Any) -> None:
    plain.host.faults.wrong_types()
    records = await plain.call("VM.get_all_records")
    record = records[plain.db.refs("VM")[0]]
    assert record["name_label"] == 7
    assert record["is_a_template"] == "yes"
    assert isinstance(record["VCPUs_max"], dict)
    assert (await plain.call("VM.get_all_records")).keys() == records.keys()


async def test_the_plugin_refuses_nonsense(plain: Any) -> None:
    for function, args in (("explode", {}), ("slow", {"seconds": "x"}), ("clear_", {})):
        with pytest.raises(plain.failed) as caught:
            await plugin(plain, function, **args)
        assert caught.value.description[0] == "XENAPI_PLUGIN_FAILURE"
