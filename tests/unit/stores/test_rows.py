"""Joined rows, the tree, collections and sums."""

from __future__ import annotations

from typing import Any

from tests.unit.stores.fake_host import FakeHost, turns
from xolite_qt.stores import (
    Change,
    HostRow,
    NodeKind,
    SrRow,
    Stores,
    StoreState,
    VmRow,
    cpu_provisioning,
    create_subscriber,
    fullest,
    memory_provisioning,
    state_counts,
    storage_usage,
)
from xolite_qt.xen_api import (
    PBD,
    SR,
    VM,
    ConnectionLost,
    Host,
    HostMetrics,
    Pool,
    Task,
    VMGuestMetrics,
    VMMetrics,
)

GIB = 1 << 30


def a_small_pool(host: FakeHost) -> None:
    host.put(
        Pool(ref="OpaqueRef:pool", uuid="pool", master="OpaqueRef:h1"),
        Host(ref="OpaqueRef:h1", name_label="one", metrics="OpaqueRef:hm1"),
        Host(ref="OpaqueRef:h2", name_label="two", metrics="OpaqueRef:hm2"),
        HostMetrics(ref="OpaqueRef:hm1", live=True),
        HostMetrics(ref="OpaqueRef:hm2", live=True),
        VM(ref="OpaqueRef:v1", uuid="v1", power_state="Running", resident_on="OpaqueRef:h1",
           metrics="OpaqueRef:m1", guest_metrics="OpaqueRef:g1"),
        VM(ref="OpaqueRef:v2", uuid="v2", power_state="Halted", affinity="OpaqueRef:h2"),
        VM(ref="OpaqueRef:v3", uuid="v3", power_state="Halted"),
        VMMetrics(ref="OpaqueRef:m1", vcpus_number=4),
        VMGuestMetrics(ref="OpaqueRef:g1"),
    )  # fmt: skip


async def test_vm_rows_join_what_belongs_together(host: FakeHost, stores: Stores) -> None:
    a_small_pool(host)
    changes: list[Change[VmRow]] = []
    stores.vm_rows.subscribe(changes.append)
    assert await stores.vm_rows.settled() is StoreState.READY
    assert stores.classes_in_use == {"vm", "vm_metrics", "vm_guest_metrics", "host"}
    row = stores.vm_rows.records["OpaqueRef:v1"]
    assert row.metrics is not None
    assert row.metrics.vcpus_number == row.vcpus == 4
    assert row.host is not None
    assert row.host.name_label == "one"
    assert stores.vm_rows.records["OpaqueRef:v2"] == VmRow(
        "OpaqueRef:v2", stores.vm.records["OpaqueRef:v2"]
    )
    assert len(changes) == 1
    assert stores.vm_rows.by_uuid("v1") is row


async def test_one_answer_over_many_classes_is_one_change_of_just_those_rows(
    host: FakeHost, stores: Stores
) -> None:
    a_small_pool(host)
    changes: list[Change[VmRow]] = []
    stores.vm_rows.subscribe(changes.append)
    await stores.vm_rows.settled()
    untouched = stores.vm_rows.records["OpaqueRef:v3"]
    host.put(
        VM(ref="OpaqueRef:v2", name_label="new"),
        VMMetrics(ref="OpaqueRef:m1", vcpus_number=8),
        VMGuestMetrics(ref="OpaqueRef:g1", live=True),
        VMMetrics(ref="OpaqueRef:of nobody"),
    )
    host.events.answer()
    await turns()
    assert len(changes) == 2
    assert {row.ref for row in changes[1].changed} == {"OpaqueRef:v1", "OpaqueRef:v2"}
    assert stores.vm_rows.records["OpaqueRef:v3"] is untouched


async def test_a_host_that_counts_its_vms_redraws_none(host: FakeHost, stores: Stores) -> None:
    a_small_pool(host)
    changes: list[Change[VmRow]] = []
    stores.vm_rows.subscribe(changes.append)
    await stores.vm_rows.settled()
    host.put(Host(ref="OpaqueRef:h1", name_label="one", metrics="OpaqueRef:hm1",
                  resident_vms=("OpaqueRef:v1",)))  # fmt: skip
    host.events.answer()
    await turns()
    assert len(changes) == 1
    host.put(Host(ref="OpaqueRef:h1", name_label="renamed", metrics="OpaqueRef:hm1"))
    host.events.answer()
    await turns()
    assert [row.ref for row in changes[1].changed] == ["OpaqueRef:v1"]


async def test_rows_of_sources_that_are_there_are_there_at_once(
    host: FakeHost, stores: Stores
) -> None:
    a_small_pool(host)
    for source in (stores.vm, stores.vm_metrics, stores.vm_guest_metrics, stores.host):
        source.subscribe()
        await source.settled()
    stores.vm_rows.subscribe()
    assert stores.vm_rows.is_ready
    assert len(stores.vm_rows.records) == 3


async def test_derived_stores_let_go_of_just_what_they_held(host: FakeHost, stores: Stores) -> None:
    a_small_pool(host)
    mine = stores.vm.subscribe()
    rows = stores.vm_rows.subscribe()
    more = stores.vm_rows.subscribe()
    await stores.vm_rows.settled()
    assert host.api.calls["vm"] == 1
    rows.close()
    assert stores.classes_in_use == {"vm", "vm_metrics", "vm_guest_metrics", "host"}
    more.close()
    assert stores.classes_in_use == {"vm"}
    mine.close()
    assert stores.classes_in_use == frozenset()


async def test_a_source_that_fails_fails_the_rows_and_retry_reaches_it(
    host: FakeHost, stores: Stores
) -> None:
    a_small_pool(host)
    host.api.errors["vm_metrics"] = [ConnectionLost("half an answer")]
    stores.vm_rows.subscribe()
    assert await stores.vm_rows.settled() is StoreState.FAILED
    assert isinstance(stores.vm_rows.error, ConnectionLost)
    assert len(stores.vm_rows.records) == 3
    stores.vm_rows.retry()
    await turns()
    assert stores.vm_rows.is_ready
    assert host.api.calls["vm"] == 1
    assert stores.vm_rows.records["OpaqueRef:v1"].vcpus == 4


async def test_rows_go_stale_with_their_sources(host: FakeHost, stores: Stores) -> None:
    a_small_pool(host)
    stores.vm_rows.subscribe()
    await stores.vm_rows.settled()
    lost = ConnectionLost("gone")
    host.events.lose_link(lost)
    await turns()
    assert stores.vm_rows.state is StoreState.STALE
    assert stores.vm_rows.error is lost
    assert stores.vm_rows.as_of is not None
    assert len(stores.vm_rows.records) == 3
    host.events.reconnect()
    await turns()
    assert stores.vm_rows.is_ready


async def test_host_rows_know_the_master(host: FakeHost, stores: Stores) -> None:
    a_small_pool(host)
    changes: list[Change[HostRow]] = []
    stores.host_rows.subscribe(changes.append)
    await stores.host_rows.settled()
    assert stores.classes_in_use == {"host", "host_metrics", "pool"}
    assert [row.ref for row in stores.host_rows.records.values() if row.is_master] == [
        "OpaqueRef:h1"
    ]
    # A heartbeat touches the pool: nothing to tell.
    host.put(Pool(ref="OpaqueRef:pool", master="OpaqueRef:h1", name_label="lab"))
    host.events.answer()
    await turns()
    assert len(changes) == 1
    host.put(Pool(ref="OpaqueRef:pool", master="OpaqueRef:h2"))
    host.events.answer()
    await turns()
    assert {row.ref: row.is_master for row in changes[1].changed} == {
        "OpaqueRef:h1": False,
        "OpaqueRef:h2": True,
    }


async def test_sr_rows_have_their_connections(host: FakeHost, stores: Stores) -> None:
    host.put(
        SR(ref="OpaqueRef:sr", pbds=("OpaqueRef:p1", "OpaqueRef:dangling"), physical_size=100,
           physical_utilisation=25),
        PBD(ref="OpaqueRef:p1", sr="OpaqueRef:sr", currently_attached=True),
    )  # fmt: skip
    stores.sr_rows.subscribe()
    await stores.sr_rows.settled()
    row = stores.sr_rows.records["OpaqueRef:sr"]
    assert row.is_connected
    assert row.used_fraction == 0.25
    host.put(PBD(ref="OpaqueRef:p1", sr="OpaqueRef:sr"))
    host.events.answer()
    await turns()
    assert stores.sr_rows.records["OpaqueRef:sr"].is_disconnected


async def test_task_rows_know_their_host(host: FakeHost, stores: Stores) -> None:
    a_small_pool(host)
    host.put(Task(ref="OpaqueRef:t", status="pending", resident_on="OpaqueRef:h1",
                  allowed_operations=("cancel",)))  # fmt: skip
    stores.task_rows.subscribe()
    await stores.task_rows.settled()
    row = stores.task_rows.records["OpaqueRef:t"]
    assert row.host is not None
    assert row.host.name_label == "one"
    assert row.is_pending
    assert row.can_cancel


async def test_the_tree_places_vms(host: FakeHost, stores: Stores) -> None:
    a_small_pool(host)
    changes: list[Change[Any]] = []
    stores.vm_tree.subscribe(changes.append)
    await stores.vm_tree.settled()
    tree = stores.vm_tree.records
    assert len(changes) == 1
    assert tree["OpaqueRef:pool"].parent is None
    assert tree["OpaqueRef:h1"].parent == "OpaqueRef:pool"
    assert tree["OpaqueRef:v1"].parent == "OpaqueRef:h1"
    assert tree["OpaqueRef:v2"].parent == "OpaqueRef:h2"
    assert tree["OpaqueRef:v3"].parent == "OpaqueRef:pool"
    assert tree["OpaqueRef:h1"].is_master
    assert (tree["OpaqueRef:h1"].running, tree["OpaqueRef:pool"].running) == (1, 1)
    assert [n.kind for n in stores.vm_tree.children(None)] == [NodeKind.POOL]
    host.put(VM(ref="OpaqueRef:v2", power_state="Running", resident_on="OpaqueRef:h1"))
    host.events.answer()
    await turns()
    assert len(changes) == 2
    assert {n.ref for n in stores.vm_tree.children("OpaqueRef:h1")} == {
        "OpaqueRef:v1",
        "OpaqueRef:v2",
    }
    assert tree["OpaqueRef:h1"].running == 2
    host.remove("host", "OpaqueRef:h1")
    host.events.answer()
    await turns()
    assert tree["OpaqueRef:v1"].parent == "OpaqueRef:pool"
    assert "OpaqueRef:h1" not in tree


async def test_a_collection_speaks_for_one_subscriber(host: FakeHost, stores: Stores) -> None:
    a_small_pool(host)
    use_vms = create_subscriber(stores.vm)
    with use_vms(defer=True) as later:
        await turns()
        assert host.events.classes == frozenset()
        with use_vms() as vms:
            await stores.vm.settled()
            assert vms.is_ready
            assert len(vms) == 3
            found = vms.by_uuid("v1")
            assert found is not None
            assert found.ref in vms
            # Somebody else's start is not mine.
            assert not later.is_started
            assert later.state is StoreState.IDLE
            assert len(later) == 0
            assert later.by_uuid("v1") is None
        await turns()
        assert stores.vm.state is StoreState.IDLE
        later.start()
        await stores.vm.settled()
        assert later.is_started
        assert {vm.ref for vm in later} == {"OpaqueRef:v1", "OpaqueRef:v2", "OpaqueRef:v3"}
    assert host.events.classes == frozenset()


def test_cpus_promised() -> None:
    vms = [
        VmRow("1", VM(power_state="Running", vcpus_at_startup=2), VMMetrics(vcpus_number=4)),
        VmRow("2", VM(power_state="Paused", vcpus_at_startup=1), VMMetrics(vcpus_number=0)),
        VmRow("3", VM(power_state="Halted", vcpus_at_startup=8), VMMetrics(vcpus_number=3)),
        VmRow("4", VM(power_state="Suspended", vcpus_at_startup=16)),
    ]
    hosts = [
        HostRow("1", Host(cpu_info={"cpu_count": "8"}), HostMetrics(live=True)),
        HostRow("2", Host(cpu_info={"cpu_count": "8"}), HostMetrics(live=False)),
        HostRow("3", Host(host_cpus=("a", "b")), HostMetrics(live=True)),
        HostRow("4", Host(cpu_info={"cpu_count": "8"})),
    ]
    sums = cpu_provisioning(vms, hosts)
    assert (sums.assigned, sums.assigned_all, sums.physical) == (5, 29, 10)
    assert sums.fraction == 0.5
    assert cpu_provisioning(vms, []).fraction is None


def test_memory_promised() -> None:
    vms = [
        VmRow("1", VM(power_state="Running", memory_dynamic_max=2 * GIB)),
        VmRow("2", VM(power_state="Halted", memory_dynamic_max=4 * GIB)),
    ]
    hosts = [
        HostRow("1", Host(), HostMetrics(live=True, memory_total=8 * GIB, memory_free=5 * GIB)),
        HostRow("2", Host(), HostMetrics(live=False, memory_total=8 * GIB)),
    ]
    sums = memory_provisioning(vms, hosts)
    assert (sums.assigned_bytes, sums.used_bytes) == (2 * GIB, 3 * GIB)
    assert (sums.total_bytes, sums.free_bytes) == (8 * GIB, 5 * GIB)


def test_storage_leaves_drives_and_unknown_sizes_out() -> None:
    rows = [
        SrRow("1", SR(name_label="a", type="ext", physical_size=100, physical_utilisation=50)),
        SrRow("2", SR(name_label="b", type="nfs", physical_size=300, physical_utilisation=270)),
        SrRow("3", SR(type="udev", physical_size=10, physical_utilisation=10)),
        SrRow("4", SR(type="iso", physical_size=-1, physical_utilisation=-1)),
        SrRow("5", SR(type="iso", physical_size=7, physical_utilisation=7,
                      sm_config={"type": "cd"})),
    ]  # fmt: skip
    usage = storage_usage(rows)
    assert (usage.used_bytes, usage.total_bytes, usage.count) == (320, 400, 2)
    assert usage.fraction == 0.8
    assert [row.ref for row in fullest(rows)] == ["2", "1"]
    assert storage_usage([]).fraction is None


def test_vms_by_state() -> None:
    states = ("Running", "Running", "Paused", "Suspended", "Halted", "Odd")
    counts = state_counts(VmRow(str(i), VM(power_state=s)) for i, s in enumerate(states))
    assert (counts.running, counts.paused, counts.suspended, counts.halted) == (2, 1, 1, 2)
    assert counts.total == 6
