"""XML-RPC as xapi speaks it, and sessions shared with JSON-RPC.

Source: `xapi.md` 1.2 and 1.3.
"""

from __future__ import annotations

import xmlrpc.client
from typing import Any

import pytest


async def ask(plain: Any, method: str, *params: Any, path: str = "/") -> bytes:
    body = xmlrpc.client.dumps(params, method).encode()
    status, headers, answer = await plain.post(path, body)
    assert status == 200
    assert headers["content-type"] == "text/xml"
    return bytes(answer)


def read(answer: bytes) -> Any:
    return xmlrpc.client.loads(answer.decode(), use_datetime=False)[0][0]


@pytest.mark.parametrize("path", ["/", "/RPC2"])
async def test_success(plain: Any, path: str) -> None:
    answer = read(await ask(plain, "VM.get_all", plain.session, path=path))
    assert answer["Status"] == "Success"
    assert set(answer["Value"]) == set(plain.db.refs("VM"))


async def test_forms(plain: Any) -> None:
    vm = plain.db.refs("VM")[0]
    record = await ask(plain, "VM.get_record", plain.session, vm)
    assert b"<name>VCPUs_max</name><value>2</value>" in record
    assert b"<name>is_a_template</name><value><boolean>0</boolean></value>" in record
    assert b"<name>snapshot_time</name><value><dateTime.iso8601>" in record
    void = await ask(plain, "VM.set_name_label", plain.session, vm, "x")
    assert b"<name>Value</name><value></value>" in void
    events = await ask(plain, "event.from", plain.session, ["vm"], "", 0.0)
    assert b"<name>vm</name><value><i4>3</i4></value>" in events
    batch = read(events)["Value"]
    assert {event["class"] for event in batch["events"]} == {"vm"}
    assert batch["events"][0]["snapshot"]["VCPUs_max"] == "2"


async def test_failure(plain: Any) -> None:
    answer = read(await ask(plain, "VM.get_record", plain.session, "x"))
    assert answer == {"Status": "Failure", "ErrorDescription": ["HANDLE_INVALID", "VM", "x"]}


async def test_list_methods_is_bare(plain: Any) -> None:
    methods = read(await ask(plain, "system.listMethods"))
    assert isinstance(methods, list)
    assert "VM.start" in methods


async def test_a_session_of_either_wire_works_on_both(plain: Any) -> None:
    answer = read(
        await ask(plain, "session.login_with_password", "root", plain.running.password, "1.0", "t")
    )
    plain.session = answer["Value"]
    assert await plain.call("VM.get_all")
    await plain.call("session.logout")
    answer = read(await ask(plain, "VM.get_all", plain.session))
    assert answer["ErrorDescription"] == ["SESSION_INVALID", plain.session]


async def test_parameters_of_every_kind(plain: Any) -> None:
    # A halted one: what runs becomes no template.
    halted = [ref for ref, vm in plain.db.records("VM").items() if vm["power_state"] == "Halted"]
    vm = halted[0]
    await ask(plain, "VM.set_user_version", plain.session, vm, "7")
    await ask(plain, "VM.set_other_config", plain.session, vm, {"k": "<v>&"})
    await ask(plain, "VM.set_tags", plain.session, vm, ["a", ""])
    await ask(plain, "VM.set_is_a_template", plain.session, vm, True)
    record = plain.db.get("VM", vm)
    assert record["user_version"] == 7
    assert record["other_config"] == {"k": "<v>&"}
    assert record["tags"] == ["a", ""]
    assert record["is_a_template"] is True


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<x/>",
        b"<methodCall/>",
        b"<methodCall><methodName>x</methodName><params><param/></params></methodCall>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><methodCall><methodName>&a;</methodName></methodCall>',
        b"<methodCall><methodName>x</methodName><params><param><value><int>z</int></value>"
        b"</param></params></methodCall>",
        b"<methodCall><methodName>x</methodName><params><param><value><boolean>2</boolean>"
        b"</value></param></params></methodCall>",
    ],
)
async def test_what_is_no_call(plain: Any, body: bytes) -> None:
    status, headers, _ = await plain.post("/RPC2", body)
    assert status == 500
    assert headers["connection"].lower() == "close"
