"""Tasks, alarms and patches."""

from __future__ import annotations

import asyncio
import json
import time

import msgspec
import pytest

from tests.unit.stores.fake_host import FakeHost, turns
from tests.unit.stores.test_faults import an_alarm
from xolite_qt.stores import AlarmGroup, AlarmRow, Change, CheckState, Stores, StoreState, fold
from xolite_qt.stores import xen_api_store as counting
from xolite_qt.stores.task_store import KEPT, VANISHED
from xolite_qt.xen_api import (
    SR,
    CallTimeout,
    HandleInvalid,
    Host,
    Message,
    MethodUnknown,
    Task,
    XapiError,
)


async def test_finished_tasks_stay_after_the_host_forgot_them(
    host: FakeHost, stores: Stores
) -> None:
    host.put(Task(ref="OpaqueRef:done", status="pending"), Task(ref="OpaqueRef:lost",
                                                                status="pending"))  # fmt: skip
    subscription = stores.task.subscribe()
    await stores.task.settled()
    host.put(Task(ref="OpaqueRef:done", status="success", finished="20260821T12:00:00Z"))
    host.events.answer()
    await turns()
    host.remove("task", "OpaqueRef:done")
    host.remove("task", "OpaqueRef:lost")
    host.events.answer()
    await turns()
    assert stores.task.records["OpaqueRef:done"].status == "success"
    lost = stores.task.records["OpaqueRef:lost"]
    assert lost.status == VANISHED
    assert lost.finished
    assert not lost.allowed_operations
    subscription.close()
    assert not stores.task.records
    stores.task.subscribe()
    await stores.task.settled()
    assert set(stores.task.records) == {"OpaqueRef:done", "OpaqueRef:lost"}
    stores.task.forget_finished()
    assert not stores.task.records


async def test_kept_tasks_are_bounded(host: FakeHost, stores: Stores) -> None:
    host.put(*(Task(ref=f"OpaqueRef:{i}", status="success") for i in range(KEPT + 50)))
    removed: list[str] = []
    stores.task.subscribe(lambda change: removed.extend(change.removed))
    await stores.task.settled()
    for i in range(KEPT + 50):
        host.remove("task", f"OpaqueRef:{i}")
    host.events.answer()
    await turns()
    assert len(stores.task.records) == KEPT
    assert len(removed) == 50


async def test_a_wrong_number_of_tasks_is_reason_to_read_them_anew(
    host: FakeHost, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "RECOUNT_S", 0.01)
    host.put(Task(ref="OpaqueRef:1", status="pending"), Task(ref="OpaqueRef:2", status="pending"))
    stores.task.subscribe()
    await stores.task.settled()
    # A toolstack that restarts forgets its tasks without a word.
    host.remove("task", "OpaqueRef:1")
    host.touched.clear()
    host.put(Task(ref="OpaqueRef:2", status="success"))
    host.events.answer()
    await asyncio.sleep(0.1)
    assert stores.task.records["OpaqueRef:1"].status == VANISHED
    assert host.api.calls["task"] == 2
    # A difference that reading does not settle is not asked for again and again.
    host.events.ref_counts["task"] = 7
    await asyncio.sleep(0.1)
    assert host.api.calls["task"] == 3


async def test_an_object_that_came_and_went_unseen_leaves_no_ghost(
    host: FakeHost, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Created before we followed its class, destroyed before the first event.from was read: the
    # host tells of neither.
    monkeypatch.setattr(counting, "RECOUNT_S", 0.01)
    host.put(SR(ref="OpaqueRef:stays"), SR(ref="OpaqueRef:goes"))
    stores.sr.subscribe()
    await stores.sr.settled()
    host.remove("sr", "OpaqueRef:goes")
    host.touched.clear()
    host.events.answer()
    await asyncio.sleep(0.1)
    assert set(stores.sr.records) == {"OpaqueRef:stays"}
    assert host.api.calls["sr"] == 2


async def test_alarms_newest_first_grouped_and_about_something(
    host: FakeHost, stores: Stores
) -> None:
    host.put(
        alarm("OpaqueRef:1", "20260821T10:00:00Z"),
        alarm("OpaqueRef:2", "20260821T12:00:00Z"),
        alarm("OpaqueRef:3", "20260821T11:00:00Z", obj_uuid="a-host", cls="Host"),
        Message(ref="OpaqueRef:4", name="VM_STARTED", obj_uuid="a-vm"),
    )
    rows: list[Change[AlarmRow]] = []
    groups: list[Change[AlarmGroup]] = []
    stores.alarms.subscribe(rows.append)
    stores.alarm_groups.subscribe(groups.append)
    await stores.alarm_groups.settled()
    assert stores.classes_in_use == {"message"}
    assert [len(change.added) for change in rows] == [3]
    assert [r.ref for r in stores.alarms.about(["a-vm"])] == ["OpaqueRef:2", "OpaqueRef:1"]
    assert [r.ref for r in stores.alarms.of_class("host")] == ["OpaqueRef:3"]
    group = stores.alarm_groups.records["a-vm/cpu_usage"]
    assert (group.count, group.newest.ref) == (2, "OpaqueRef:2")
    assert [g.ref for g in fold(stores.alarms.records.values())] == [
        "a-vm/cpu_usage",
        "a-host/cpu_usage",
    ]
    host.put(alarm("OpaqueRef:5", "20260821T13:00:00Z"))
    host.remove("message", "OpaqueRef:3")
    host.events.answer()
    await turns()
    assert len(rows) == len(groups) == 2
    assert stores.alarm_groups.records["a-vm/cpu_usage"].newest.ref == "OpaqueRef:5"
    assert groups[1].removed == ("a-host/cpu_usage",)
    assert stores.alarms.about(["a-host"]) == ()


async def test_dismissing_takes_many_at_once_where_the_host_can(
    host: FakeHost, stores: Stores
) -> None:
    gone: list[str] = []
    host.api.answers["message.destroy_many"] = lambda refs: gone.extend(refs)
    host.api.answers["message.destroy"] = gone.append
    await stores.alarms.dismiss(["a", "b", "a"])
    assert gone == ["a", "b"]
    assert host.api.calls["message.destroy"] == 0
    host.api.errors["message.destroy_many"] = [MethodUnknown("MESSAGE_METHOD_UNKNOWN", ())]
    host.api.errors["message.destroy"] = [HandleInvalid("HANDLE_INVALID", ("message", "c"))]
    await stores.alarms.dismiss(["c", "d"])
    assert gone == ["a", "b", "d"]
    await stores.alarms.dismiss([])
    host.api.errors["message.destroy"] = [XapiError("RBAC_PERMISSION_DENIED")]
    with pytest.raises(XapiError):
        await stores.alarms.dismiss(["e"])


async def test_ten_thousand_alarms_come_in_slices_and_one_change(
    host: FakeHost, stores: Stores
) -> None:
    host.put(*(alarm(f"OpaqueRef:{i}", "20260821T12:00:00Z", obj_uuid=str(i % 50))
               for i in range(10_000)))  # fmt: skip
    changes: list[Change[AlarmRow]] = []
    longest_s = 0.0
    stores.alarms.subscribe(changes.append)
    while not changes:
        before = time.perf_counter()
        await asyncio.sleep(0)
        longest_s = max(longest_s, time.perf_counter() - before)
    assert len(changes) == 1
    assert len(stores.alarms.records) == 10_000
    assert stores.alarms.is_ready


async def test_patches_are_asked_for_once_an_hour(host: FakeHost, stores: Stores) -> None:
    host.put(Host(ref="OpaqueRef:1"), Host(ref="OpaqueRef:2"), Host(ref="OpaqueRef:3"))
    package = {"name": "xapi-core", "version": "26.1", "release": "2", "size": 1000,
               "changelog": {"date": "1755000000", "description": "- fix"}}  # fmt: skip
    asked: list[str] = []

    def check(ref: str, plugin: str, function: str, arguments: dict[str, str]) -> str:
        assert (plugin, function, arguments) == ("updater.py", "check_update", {})
        asked.append(ref)
        if ref == "OpaqueRef:2":
            raise XapiError("XENAPI_MISSING_PLUGIN", ("updater.py",))
        if ref == "OpaqueRef:3":
            raise CallTimeout("host.call_plugin", 300)
        return json.dumps([package])

    host.api.answers["host.call_plugin"] = check
    waiting = stores.patches.subscribe(defer=True)
    await turns()
    assert asked == []
    waiting.start()
    await stores.patches.settled()
    rows = stores.patches.records
    assert rows["OpaqueRef:1"].state is CheckState.DONE
    assert rows["OpaqueRef:1"].patches[0].key == "xapi-core-26.1-2"
    assert rows["OpaqueRef:2"].state is CheckState.NOT_AVAILABLE
    assert rows["OpaqueRef:3"].state is CheckState.FAILED
    merged = stores.patches.merged()
    assert [(patch.name, hosts) for patch, hosts in merged] == [("xapi-core", ("OpaqueRef:1",))]
    waiting.close()
    assert host.events.classes == frozenset()
    # Good for an hour, whoever looks; what failed is asked again.
    with stores.patches.subscribe():
        await stores.patches.settled()
        assert sorted(asked) == ["OpaqueRef:1", "OpaqueRef:2", "OpaqueRef:3", "OpaqueRef:3"]
        stores.patches.check()
        await stores.patches.settled()
        assert len(asked) == 7


@pytest.mark.parametrize("answer", [None, 7, "{", "{}", '"x"'])
async def test_patch_answers_that_make_no_sense_are_a_failed_check(
    host: FakeHost, stores: Stores, answer: object
) -> None:
    host.put(Host(ref="OpaqueRef:1"))
    host.api.answers["host.call_plugin"] = lambda *_: answer
    stores.patches.subscribe()
    assert await stores.patches.settled() is StoreState.READY
    assert stores.patches.records["OpaqueRef:1"].state is CheckState.FAILED


def alarm(ref: str, at: str, *, obj_uuid: str = "a-vm", cls: str = "VM") -> Message:
    return msgspec.structs.replace(an_alarm(ref), timestamp=at, obj_uuid=obj_uuid, cls=cls)
