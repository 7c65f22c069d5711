"""Messages: order, filters, limits, what may be said about what.

Source: `xapi.md` 1.6, 1.9.
"""

from __future__ import annotations

from typing import Any

import pytest

from xolite_qt.demo_host import Failure
from xolite_qt.demo_host.ops.messages import LIMIT


def store(caller: Any, number: int, **fields: Any) -> str:
    record = {
        "name": "ALARM",
        "priority": 3,
        "cls": "VM",
        "obj_uuid": "",
        "timestamp": f"20250615T15:{number // 60:02}:{number % 60:02}Z",
        "body": str(number),
        **fields,
    }
    return str(caller.db.create("message", record))


async def test_create(caller: Any) -> None:
    vm = caller.db.get("VM", caller.db.refs("VM")[0])
    ref = await caller("message.create", "NOTE", 4, "VM", vm["uuid"], "<b>body</b>\n& more")
    record = await caller("message.get_record", ref)
    assert record["timestamp"] > "2020"
    assert record["uuid"]
    del record["timestamp"], record["uuid"]
    assert record == {
        "name": "NOTE",
        "priority": 4,
        "cls": "VM",
        "obj_uuid": vm["uuid"],
        "body": "<b>body</b>\n& more",
    }


@pytest.mark.parametrize(
    ("cls", "wire"),
    [("VM", "VM"), ("Host", "host"), ("SR", "SR"), ("Pool", "pool"), ("VDI", "VDI")],
)
async def test_the_object_must_be_of_its_class(caller: Any, cls: str, wire: str) -> None:
    (uuid, *_) = [record["uuid"] for record in caller.db.records(wire).values()]
    await caller("message.create", "NOTE", 5, cls, uuid, "")
    with pytest.raises(Failure) as caught:
        await caller("message.create", "NOTE", 5, cls, "no-such-uuid", "")
    assert caught.value.code == "UUID_INVALID"
    assert caught.value.params[1] == "no-such-uuid"
    with pytest.raises(Failure) as caught:
        await caller("message.create", "NOTE", 5, "Toaster", uuid, "")
    assert caught.value.code == "INTERNAL_ERROR"
    assert len(caller.db.refs("message")) == 1


async def test_newest_first(caller: Any) -> None:
    refs = {number: store(caller, number) for number in (30, 10, 50, 20, 40)}
    newest = [refs[number] for number in (50, 40, 30, 20, 10)]
    assert list(await caller("message.get_all_records")) == newest
    assert await caller("message.get_all") == newest


async def test_since_a_moment(caller: Any) -> None:
    refs = [store(caller, number) for number in range(5)]
    since = await caller("message.get_since", "20250615T15:00:03Z")
    assert list(since) == [refs[4], refs[3]]
    # The dashed form, and one of another zone, name the same moment.
    for moment in ("2025-06-15T15:00:03Z", "20250615T17:00:03+0200"):
        assert await caller("message.get_since", moment) == since
    assert await caller("message.get_since", "20300101T00:00:00Z") == {}
    with pytest.raises(Failure):
        await caller("message.get_since", "yesterday")


async def test_of_one_object(caller: Any) -> None:
    one, two = (caller.db.get("VM", ref)["uuid"] for ref in caller.db.refs("VM")[:2])
    wanted = [store(caller, number, obj_uuid=one) for number in (1, 9)]
    store(caller, 5, obj_uuid=two)
    store(caller, 6, obj_uuid=one, cls="Host")
    assert list(await caller("message.get", "VM", one, "19700101T00:00:00Z")) == wanted[::-1]
    assert list(await caller("message.get", "VM", one, "20250615T15:00:02Z")) == [wanted[1]]


async def test_a_query_of_alarms(caller: Any) -> None:
    alarm = store(caller, 1)
    store(caller, 2, name="VM_STARTED")
    assert list(await caller("message.get_all_records_where", 'field "name" = "ALARM"')) == [alarm]


async def test_destroy(caller: Any) -> None:
    refs = [store(caller, number) for number in range(4)]
    await caller("message.destroy", refs[0])
    with pytest.raises(Failure) as caught:
        await caller("message.destroy", refs[0])
    assert caught.value.description == ["HANDLE_INVALID", "message", refs[0]]
    # Somebody else may have been faster with some of them.
    await caller("message.destroy_many", refs[:3])
    assert await caller("message.get_all") == [refs[3]]
    await caller("message.destroy_all", {})
    assert await caller("message.get_all") == []


async def test_messages_come_and_go_as_events(caller: Any) -> None:
    token = (await caller("event.from", ["message"], "", 0.0))["token"]
    ref = store(caller, 1)
    events = await caller("event.from", ["message"], token, 5.0)
    (event,) = events["events"]
    assert (event["class"], event["operation"], event["id"]) == ("message", "add", "0")
    assert (event["ref"], event["snapshot"]["body"]) == (ref, "1")
    assert "message" not in events["valid_ref_counts"]
    await caller("message.destroy", ref)
    (event,) = (await caller("event.from", ["message"], events["token"], 5.0))["events"]
    assert (event["operation"], event["ref"]) == ("del", ref)
    assert "snapshot" not in event


async def test_ten_thousand_at_most(caller: Any) -> None:
    oldest = store(caller, 0)
    for number in range(1, LIMIT):
        store(caller, number % 3000 + 1)
    assert caller.db.exists("message", oldest)
    newest = store(caller, 3500)
    assert len(await caller("message.get_all")) == LIMIT
    assert not caller.db.exists("message", oldest)
    assert next(iter(await caller("message.get_all_records"))) == newest
