"""The original's faults that are a store's affair, each shown gone (xo-lite.md 2.3)."""

from __future__ import annotations

import msgspec
import pytest

from tests.unit.stores.fake_host import FakeHost, turns
from xolite_qt.stores import Change, Stores, StoreState
from xolite_qt.xen_api import VDI, VM, ConnectionLost, Host, HostMetrics, Message, Pool


async def test_fault_03_no_ghosts_after_nobody_looked(host: FakeHost, stores: Stores) -> None:
    host.put(VM(ref="OpaqueRef:goes"), VM(ref="OpaqueRef:stays"))
    with stores.vm.subscribe():
        await stores.vm.settled()
    host.remove("vm", "OpaqueRef:goes")
    host.events.answer()
    with stores.vm.subscribe():
        await stores.vm.settled()
        assert set(stores.vm.records) == {"OpaqueRef:stays"}


async def test_fault_03_no_ghosts_after_a_gap(host: FakeHost, stores: Stores) -> None:
    host.put(VM(ref="OpaqueRef:goes"), VM(ref="OpaqueRef:stays"))
    removed: list[str] = []
    stores.vm.subscribe(lambda change: removed.extend(change.removed))
    await stores.vm.settled()
    host.events.lose_link()
    host.remove("vm", "OpaqueRef:goes")
    host.events.reconnect()
    await turns()
    assert set(stores.vm.records) == {"OpaqueRef:stays"}
    assert removed == ["OpaqueRef:goes"]


async def test_fault_05_an_error_does_not_stick_and_carries_its_cause(
    host: FakeHost, stores: Stores
) -> None:
    cause = ConnectionLost("reset by peer")
    host.api.errors["vdi"] = [cause]
    stores.vdi.subscribe()
    await stores.vdi.settled()
    assert stores.vdi.error is cause
    stores.vdi.retry()
    await turns()
    assert stores.vdi.error is None
    assert stores.vdi.is_ready


async def test_fault_07_the_tree_reads_four_classes_and_no_templates(
    host: FakeHost, stores: Stores
) -> None:
    host.put(
        Pool(ref="OpaqueRef:pool", master="OpaqueRef:host"),
        Host(ref="OpaqueRef:host", metrics="OpaqueRef:metrics"),
        HostMetrics(ref="OpaqueRef:metrics", live=True),
        VM(ref="OpaqueRef:vm"),
        VM(ref="OpaqueRef:template", is_a_template=True),
    )
    stores.vm_tree.subscribe()
    await stores.vm_tree.settled()
    assert host.events.classes == {"pool", "host", "host_metrics", "vm"}
    assert set(host.api.calls) == {"pool", "host", "host_metrics", "vm"}
    assert [where for where in host.api.wheres if where] != []
    assert "OpaqueRef:template" not in stores.vm_tree.records


async def test_fault_08_messages_are_neither_fetched_nor_followed_before_the_click(
    host: FakeHost, stores: Stores
) -> None:
    host.put(*(an_alarm(f"OpaqueRef:{i}") for i in range(100)))
    waiting = stores.alarms.subscribe(defer=True)
    await turns()
    assert host.events.classes == frozenset()
    assert not host.api.calls
    waiting.start()
    await stores.alarms.settled()
    assert len(stores.alarms.records) == 100
    # And even then there is no fetch: the replay brings them.
    assert not host.api.calls


async def test_fault_09_thousands_of_new_objects_are_one_change(
    host: FakeHost, stores: Stores
) -> None:
    changes: list[Change[VDI]] = []
    stores.vdi.subscribe(changes.append)
    await stores.vdi.settled()
    host.put(*(VDI(ref=f"OpaqueRef:{i}") for i in range(5000)))
    host.events.answer()
    await turns()
    assert [len(change.added) for change in changes] == [5000]


async def test_fault_11_reading_rows_copies_and_sorts_nothing(
    host: FakeHost, stores: Stores
) -> None:
    host.put(VM(ref="OpaqueRef:1"))
    stores.vm.subscribe()
    await stores.vm.settled()
    records = stores.vm.records
    host.put(VM(ref="OpaqueRef:2"))
    host.events.answer()
    await turns()
    assert stores.vm.records is records
    assert set(records) == {"OpaqueRef:1", "OpaqueRef:2"}


@pytest.mark.logs_warnings
async def test_fault_14_a_subscriber_that_raises_harms_nobody(
    host: FakeHost, stores: Stores
) -> None:
    def fail(_: object) -> None:
        raise ZeroDivisionError

    heard: list[Change[VM]] = []
    stores.vm.subscribe(fail, fail)
    stores.vm.subscribe(heard.append)
    await stores.vm.settled()
    for name in ("one", "two"):
        host.put(VM(ref="OpaqueRef:1", name_label=name))
        host.events.answer()
        await turns()
    assert len(heard) == 2
    assert stores.vm.is_ready


async def test_fault_14_a_bad_alarm_body_harms_no_other(host: FakeHost, stores: Stores) -> None:
    host.put(
        an_alarm("OpaqueRef:good"),
        msgspec.structs.replace(an_alarm("OpaqueRef:empty"), body=""),
        msgspec.structs.replace(an_alarm("OpaqueRef:odd"), body="value\n<variable><<"),
    )
    stores.alarms.subscribe()
    assert await stores.alarms.settled() is StoreState.READY
    assert len(stores.alarms.records) == 3
    assert stores.alarms.records["OpaqueRef:good"].alarm.kind == "cpu_usage"


async def test_fault_15_alarms_that_cannot_be_had_say_so(host: FakeHost, stores: Stores) -> None:
    host.events.closed = True
    stores.alarm_groups.subscribe()
    await turns()
    assert stores.alarm_groups.state is StoreState.FAILED
    assert isinstance(stores.alarm_groups.error, ConnectionLost)
    host.events.closed = False
    host.put(an_alarm("OpaqueRef:1"))
    stores.alarm_groups.retry()
    await turns()
    assert stores.alarm_groups.is_ready
    assert len(stores.alarm_groups.records) == 1


def an_alarm(ref: str) -> Message:
    return Message(
        ref=ref,
        uuid=f"uuid {ref}",
        name="ALARM",
        priority=3,
        cls="VM",
        obj_uuid="a-vm",
        timestamp="20260821T12:00:00Z",
        body='value: 0.96\nconfig:\n<variable>\n\t<name value="cpu_usage"/>\n'
        '\t<alarm_trigger_level value="0.95"/>\n</variable>\n',
    )
