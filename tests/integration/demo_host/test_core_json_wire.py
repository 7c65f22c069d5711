"""JSON-RPC as xapi speaks it, byte for byte where clients depend on it.

Source: `xapi.md` 1.2.
"""

from __future__ import annotations

import json
import math
from typing import Any

import pytest


async def test_version_2(wire: Any) -> None:
    status, headers, body = await wire.post(
        "/jsonrpc",
        json.dumps(
            {"jsonrpc": "2.0", "method": "VM.get_all", "params": [wire.session], "id": "x"}
        ).encode(),
    )
    assert status == 200
    assert headers["content-type"] == "application/json"
    assert headers["access-control-allow-origin"] == "*"
    answer = json.loads(body)
    assert set(answer) == {"jsonrpc", "result", "id"}
    assert answer["id"] == "x"
    assert set(answer["result"]) == set(wire.db.refs("VM"))


async def test_version_1(plain: Any) -> None:
    body = {"method": "VM.get_record", "params": [plain.session, "x"], "id": 7}
    _, _, answer = await plain.post("/json", json.dumps(body).encode())
    assert json.loads(answer) == {
        "result": None,
        "error": ["HANDLE_INVALID", "VM", "x"],
        "id": 7,
    }
    body = {"method": "VM.get_all", "params": [plain.session], "id": 7}
    _, _, answer = await plain.post("/jsonrpc", json.dumps(body).encode())
    assert set(json.loads(answer)) == {"result", "error", "id"}


async def test_version_2_errors(plain: Any) -> None:
    answer = await plain.raw("VM.get_record", plain.session, "x")
    assert answer == {
        "jsonrpc": "2.0",
        "error": {"code": 1, "message": "HANDLE_INVALID", "data": ["VM", "x"]},
        "id": 1,
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b'[{"jsonrpc":"2.0","method":"system.listMethods","params":[],"id":1}]',
        b'{"jsonrpc":"2.1","method":"system.listMethods","params":[],"id":1}',
        b'{"jsonrpc":"2.0","method":"system.listMethods","params":[],"id":null}',
        b'{"jsonrpc":"2.0","method":"system.listMethods","params":[]}',
        b'{"jsonrpc":"2.0","method":"system.listMethods","params":[],"id":true}',
        b'{"jsonrpc":"2.0","method":"system.listMethods","params":[],"id":1.5}',
        b'{"jsonrpc":"2.0","method":5,"params":[],"id":1}',
        b'{"jsonrpc":"2.0","method":"x","params":{},"id":1}',
        b'{"method":"system.listMethods","id":1}',
        b'{"method":"system.listMethods","params":null,"id":1}',
        b"[" * 50_000,
    ],
)
async def test_what_is_no_call_closes_the_connection(plain: Any, body: bytes) -> None:
    status, headers, page = await plain.post("/jsonrpc", body)
    assert status == 500
    assert headers["content-type"] == "text/html"
    assert headers["connection"].lower() == "close"
    assert b"<h1>HTTP 500 internal server error</h1>" in page
    assert b"Jsonrpc.Malformed_method_request(" in page


@pytest.mark.parametrize("params", ["", ',"params":null', ',"params":[]'])
async def test_version_2_may_leave_params_out(plain: Any, params: str) -> None:
    body = f'{{"jsonrpc":"2.0","method":"system.listMethods"{params},"id":1}}'
    status, _, answer = await plain.post("/jsonrpc", body.encode())
    assert status == 200
    methods = json.loads(answer)["result"]
    assert {"VM.get_all_records", "Async.VM.start", "event.from", "VM.get_all_records_where"} <= {
        *methods
    }


async def test_bytes_that_are_no_utf_8(plain: Any) -> None:
    _, _, answer = await plain.post("/jsonrpc", b'{"x":"\xff"}')
    assert json.loads(answer)["error"][0] == "INVALID_VALUE"
    assert json.loads(answer)["id"] == 0


async def test_big_ints_and_nan(plain: Any) -> None:
    vm = plain.db.refs("VM")[0]
    plain.db.set("VM", vm, memory_static_max=2**53 + 1)
    metrics = plain.db.get("VM", vm)["metrics"]
    plain.db.set("VM_metrics", metrics, VCPUs_utilisation={"0": math.nan, "1": math.inf})
    assert await plain.call("VM.get_memory_static_max", vm) == 2**53 + 1
    body = json.dumps(
        {"method": "VM_metrics.get_record", "params": [plain.session, metrics], "id": 1}
    )
    _, _, answer = await plain.post("/jsonrpc", body.encode())
    assert b'"VCPUs_utilisation":{"0":NaN,"1":Infinity}' in answer


async def test_ints_are_taken_as_strings_too(plain: Any) -> None:
    vm = plain.db.refs("VM")[0]
    await plain.call("VM.set_user_version", vm, "12")
    assert await plain.call("VM.get_user_version", vm) == 12
    with pytest.raises(plain.failed) as caught:
        await plain.call("VM.set_user_version", vm, 1.5)
    assert caught.value.description[0] == "INTERNAL_ERROR"


async def test_keep_alive(plain: Any) -> None:
    body = json.dumps({"method": "VM.get_all", "params": [plain.session], "id": 1}).encode()
    head = f"POST /jsonrpc HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    answer = await plain.exchange((head + body) * 2)
    assert answer.count(b"HTTP/1.1 200") >= 1
    assert b"connection: close" not in answer.lower()


async def test_options(plain: Any) -> None:
    async with plain.client.options(f"{plain.running.url}/jsonrpc") as response:
        assert response.status == 200
        assert response.headers["Access-Control-Allow-Origin"] == "*"


async def test_sessions_are_needed_and_shared(plain: Any) -> None:
    plain.session = "OpaqueRef:wrong"
    with pytest.raises(plain.failed) as caught:
        await plain.call("VM.get_all")
    assert caught.value.description == ["SESSION_INVALID", "OpaqueRef:wrong"]
    answer = await plain.raw("VM.get_all")
    assert answer["error"] == {
        "code": 1,
        "message": "MESSAGE_PARAMETER_COUNT_MISMATCH",
        "data": ["VM.get_all", "0", "-1"],
    }


async def test_calls_are_counted(plain: Any) -> None:
    plain.host.calls.clear()
    await plain.call("VM.get_all_records")
    await plain.call("event.from", ["vm", "host"], "", 0)
    with pytest.raises(plain.failed):
        await plain.call("VM.get_record", "x")
    records = list(plain.host.calls)
    assert [r.method for r in records] == ["VM.get_all_records", "event.from", "VM.get_record"]
    assert records[1].classes == ("vm", "host")
    assert records[2].error == "HANDLE_INVALID"
    assert all(record.bytes_out > 0 for record in records)


async def test_big_answers_arrive_whole(plain: Any) -> None:
    for number in range(2500):
        plain.db.create("VM", name_label=f"many {number}")
    records = await plain.call("VM.get_all_records")
    assert len(records) == 2503
    assert plain.host.calls[-1].bytes_out > 4_000_000
