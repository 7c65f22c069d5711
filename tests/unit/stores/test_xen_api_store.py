"""The base store: listens, loads, follows, lets go."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from tests.unit.stores.fake_host import FakeHost, turns
from xolite_qt.stores import Change, Store, Stores, StoreState, Subscription
from xolite_qt.xen_api import (
    SR,
    VM,
    CallTimeout,
    ConnectionLost,
    HandleInvalid,
    LinkPhase,
    MethodUnknown,
    Pool,
    XapiError,
)


def a_vm(ref: str = "OpaqueRef:1", name: str = "web", **fields: object) -> VM:
    return msgspec.structs.replace(VM(ref=ref, uuid=f"uuid {ref}", name_label=name), **fields)


def state_of(store: Store[VM]) -> StoreState:
    return store.state


class Heard:
    """Keeps what a subscriber is told, and what the rows must be by it."""

    def __init__(self) -> None:
        self.changes: list[Change[VM]] = []
        self.states: list[StoreState] = []
        self.rows: dict[str, VM] = {}

    def on_change(self, change: Change[VM]) -> None:
        self.changes.append(change)
        for ref in change.removed:
            del self.rows[ref]
        for row in change.added:
            assert row.ref not in self.rows
            self.rows[row.ref] = row
        for row in change.changed:
            assert row.ref in self.rows
            self.rows[row.ref] = row


async def test_first_subscription_listens_and_loads_last_lets_go(
    host: FakeHost, stores: Stores
) -> None:
    host.put(a_vm())
    assert host.events.classes == frozenset()
    assert state_of(stores.vm) is StoreState.IDLE
    subscription = stores.vm.subscribe()
    assert state_of(stores.vm) is StoreState.LOADING
    assert host.events.classes == {"vm"} == stores.classes_in_use
    assert await stores.vm.settled() is StoreState.READY
    assert set(stores.vm.records) == {"OpaqueRef:1"}
    subscription.close()
    assert stores.vm.state is StoreState.IDLE
    assert not stores.vm.records
    assert host.events.classes == frozenset()


async def test_listens_before_it_loads_and_waits_for_the_hub(
    host: FakeHost, stores: Stores
) -> None:
    host.events.holds_ready = True
    stores.vm.subscribe()
    await turns()
    assert host.events.classes == {"vm"}
    assert host.api.calls["vm"] == 0
    host.events.release()
    await turns()
    assert host.api.calls["vm"] == 1
    assert stores.vm.is_ready


async def test_events_that_overtake_the_answer_are_replayed_after_it(
    host: FakeHost, stores: Stores
) -> None:
    host.put(a_vm("OpaqueRef:stays"), a_vm("OpaqueRef:goes"), a_vm("OpaqueRef:changes"))
    host.touched.clear()
    host.api.turns = 10
    heard = Heard()
    stores.vm.subscribe(heard.on_change)
    await turns(4)
    assert host.api.calls["vm"] == 1
    host.remove("vm", "OpaqueRef:goes")
    host.put(a_vm("OpaqueRef:changes", "new name"), a_vm("OpaqueRef:comes"))
    host.events.answer()
    await turns(20)
    assert stores.vm.records == host.truth["vm"] == heard.rows
    assert len(heard.changes) == 1


async def test_one_change_per_answer(host: FakeHost, stores: Stores) -> None:
    host.put(a_vm("OpaqueRef:1"), a_vm("OpaqueRef:2"))
    heard = Heard()
    stores.vm.subscribe(heard.on_change)
    await stores.vm.settled()
    host.put(a_vm("OpaqueRef:1", "other"), a_vm("OpaqueRef:3"))
    host.remove("vm", "OpaqueRef:2")
    host.events.answer()
    await turns()
    assert len(heard.changes) == 2
    assert [row.ref for row in heard.changes[1].added] == ["OpaqueRef:3"]
    assert [row.ref for row in heard.changes[1].changed] == ["OpaqueRef:1"]
    assert heard.changes[1].removed == ("OpaqueRef:2",)


async def test_an_equal_record_is_no_change_and_keeps_its_identity(
    host: FakeHost, stores: Stores
) -> None:
    host.put(a_vm())
    heard = Heard()
    stores.vm.subscribe(heard.on_change)
    await stores.vm.settled()
    before = stores.vm.records["OpaqueRef:1"]
    host.put(a_vm())
    host.events.answer()
    await turns()
    assert len(heard.changes) == 1
    assert stores.vm.records["OpaqueRef:1"] is before


async def test_linger_bridges_a_change_of_page(host: FakeHost) -> None:
    host.put(a_vm())
    stores = Stores(host.client(), linger_s=0.05)
    first = stores.vm.subscribe()
    await stores.vm.settled()
    first.close()
    await turns()
    second = stores.vm.subscribe()
    assert stores.vm.is_ready
    assert host.api.calls["vm"] == 1
    await asyncio.sleep(0.1)
    assert stores.vm.is_ready
    second.close()
    await asyncio.sleep(0.1)
    assert stores.vm.state is StoreState.IDLE
    assert host.events.classes == frozenset()
    await stores.close()


async def test_a_vm_store_holds_real_vms_only_and_says_so_to_the_host(
    host: FakeHost, stores: Stores
) -> None:
    host.put(
        a_vm("OpaqueRef:real"),
        a_vm("OpaqueRef:template", is_a_template=True),
        a_vm("OpaqueRef:snapshot", is_a_template=True, is_a_snapshot=True),
        a_vm("OpaqueRef:dom0", is_control_domain=True),
    )
    wanted = {
        "OpaqueRef:real": stores.vm,
        "OpaqueRef:template": stores.vm_template,
        "OpaqueRef:snapshot": stores.vm_snapshot,
        "OpaqueRef:dom0": stores.control_domain,
    }
    for ref, store in wanted.items():
        store.subscribe()
        await store.settled()
        assert set(store.records) == {ref}
    assert all(host.api.wheres)
    assert stores.classes_in_use == {"vm"}


async def test_an_event_that_no_longer_passes_is_a_removal(host: FakeHost, stores: Stores) -> None:
    host.put(a_vm())
    stores.vm.subscribe()
    stores.vm_template.subscribe()
    await stores.vm.settled()
    await stores.vm_template.settled()
    host.put(a_vm(is_a_template=True))
    host.events.answer()
    await turns()
    assert not stores.vm.records
    assert set(stores.vm_template.records) == {"OpaqueRef:1"}


@pytest.mark.parametrize(
    "refusal",
    [
        MethodUnknown("MESSAGE_METHOD_UNKNOWN", ("VM.get_all_records_where",)),
        XapiError("INTERNAL_ERROR", ("Parsing.Parse_error",)),
    ],
)
async def test_a_host_that_refuses_filters_is_asked_for_all(
    host: FakeHost, stores: Stores, refusal: Exception
) -> None:
    host.put(a_vm("OpaqueRef:real"), a_vm("OpaqueRef:template", is_a_template=True))
    host.api.errors["vm where"] = [refusal]
    with stores.vm.subscribe():
        await stores.vm.settled()
        assert set(stores.vm.records) == {"OpaqueRef:real"}
    assert len(host.api.wheres) == 2
    # It does not ask twice.
    with stores.vm.subscribe():
        await stores.vm.settled()
    assert host.api.wheres[2:] == [None]


async def test_failure_is_told_retry_clears_it(host: FakeHost, stores: Stores) -> None:
    host.put(SR(ref="OpaqueRef:sr"))
    host.api.errors["sr"] = [CallTimeout("SR.get_all_records", 60)]
    heard = Heard()
    stores.sr.subscribe(on_state=heard.states.append)
    assert await stores.sr.settled() is StoreState.FAILED
    assert isinstance(stores.sr.error, CallTimeout)
    stores.sr.retry()
    await turns()
    assert stores.sr.is_ready
    assert stores.sr.error is None
    assert set(stores.sr.records) == {"OpaqueRef:sr"}
    assert heard.states == [StoreState.FAILED, StoreState.READY]


async def test_objects_that_die_while_the_host_gathers_them_are_no_failure(
    host: FakeHost, stores: Stores
) -> None:
    host.put(SR(ref="OpaqueRef:sr"))
    host.api.errors["sr"] = [HandleInvalid("HANDLE_INVALID", ("SR", "OpaqueRef:x"))] * 2
    stores.sr.subscribe()
    assert await stores.sr.settled() is StoreState.READY


async def test_handle_invalid_on_a_read_is_a_deletion(host: FakeHost, stores: Stores) -> None:
    host.put(a_vm())
    stores.vm.subscribe()
    await stores.vm.settled()
    host.put(a_vm(name="newer"))
    read = await stores.vm.read("OpaqueRef:1")
    await turns()
    assert read is not None
    assert stores.vm.records["OpaqueRef:1"].name_label == "newer"
    host.remove("vm", "OpaqueRef:1")
    assert await stores.vm.read("OpaqueRef:1") is None
    await turns()
    assert not stores.vm.records


@pytest.mark.parametrize("phase", [LinkPhase.RECONNECTING, LinkPhase.EXPIRED, LinkPhase.CLOSED])
async def test_a_lost_link_greys_the_rows_and_a_reset_heals_them(
    host: FakeHost, stores: Stores, phase: LinkPhase
) -> None:
    host.put(a_vm("OpaqueRef:1"), a_vm("OpaqueRef:2"))
    heard = Heard()
    stores.vm.subscribe(heard.on_change, heard.states.append)
    await stores.vm.settled()
    lost = ConnectionLost("gone")
    host.events.lose_link(lost, phase)
    assert stores.vm.state is StoreState.STALE
    assert stores.vm.error is lost
    assert set(stores.vm.records) == {"OpaqueRef:1", "OpaqueRef:2"}
    as_of = stores.vm.as_of
    assert as_of is not None
    assert datetime.now(UTC) - as_of < timedelta(seconds=5)
    await asyncio.sleep(0.02)
    assert stores.vm.as_of == as_of
    host.remove("vm", "OpaqueRef:1")
    host.put(a_vm("OpaqueRef:3"))
    host.events.reconnect()
    assert stores.vm.state is StoreState.STALE
    await turns()
    assert stores.vm.is_ready
    assert stores.vm.error is None
    assert stores.vm.records == host.truth["vm"] == heard.rows
    assert host.api.calls["vm"] == 2
    assert heard.states == [StoreState.READY, StoreState.STALE, StoreState.STALE, StoreState.READY]


async def test_a_reset_during_a_load_makes_it_ask_again(host: FakeHost, stores: Stores) -> None:
    host.put(a_vm("OpaqueRef:before"))
    host.api.turns = 6
    stores.vm.subscribe()
    await turns(5)
    assert host.api.calls["vm"] == 1
    host.remove("vm", "OpaqueRef:before")
    host.put(a_vm("OpaqueRef:after"))
    host.events.reconnect()
    await turns(40)
    assert host.api.calls["vm"] == 2
    assert stores.vm.records == host.truth["vm"]
    assert stores.vm.is_ready


async def test_a_failed_reload_keeps_the_rows_and_a_later_reset_heals(
    host: FakeHost, stores: Stores
) -> None:
    host.put(a_vm())
    stores.vm.subscribe()
    await stores.vm.settled()
    host.api.errors["vm where"] = [ConnectionLost("again")]
    host.events.reconnect()
    await turns()
    assert stores.vm.state is StoreState.FAILED
    assert stores.vm.records
    host.events.lose_link()
    host.events.reconnect()
    await turns()
    assert stores.vm.is_ready


@pytest.mark.logs_warnings
async def test_a_mistake_of_ours_during_a_load_fails_the_store_and_not_the_app(
    host: FakeHost, stores: Stores
) -> None:
    host.api.errors["sr"] = [ZeroDivisionError()]
    stores.sr.subscribe()
    assert await stores.sr.settled() is StoreState.FAILED
    stores.sr.retry()
    await turns()
    assert stores.sr.is_ready


async def test_closing_during_a_load_leaves_nothing(host: FakeHost, stores: Stores) -> None:
    host.api.turns = 100
    subscription = stores.vm.subscribe()
    await turns(5)
    subscription.close()
    await turns()
    assert host.events.classes == frozenset()
    assert stores.vm.state is StoreState.IDLE


async def test_closed_subscriber_hears_nothing_even_in_the_middle_of_a_round(
    host: FakeHost, stores: Stores
) -> None:
    host.put(a_vm())
    heard = Heard()
    second = stores.vm.subscribe(heard.on_change, defer=True)
    first = stores.vm.subscribe(lambda _: second.close())
    second.start()
    await stores.vm.settled()
    assert heard.changes == []
    first.close()


async def test_by_uuid_follows_changes(host: FakeHost, stores: Stores) -> None:
    host.put(a_vm())
    stores.vm.subscribe()
    await stores.vm.settled()
    assert stores.vm.by_uuid("uuid OpaqueRef:1") is stores.vm.records["OpaqueRef:1"]
    host.put(a_vm("OpaqueRef:2"))
    host.remove("vm", "OpaqueRef:1")
    host.events.answer()
    await turns()
    assert stores.vm.by_uuid("uuid OpaqueRef:1") is None
    found = stores.vm.by_uuid("uuid OpaqueRef:2")
    assert found is not None
    assert found.ref == "OpaqueRef:2"
    assert stores.vm.by_uuid("") is None


async def test_the_pool_is_at_hand(host: FakeHost, stores: Stores) -> None:
    assert stores.the_pool() is None
    host.put(Pool(ref="OpaqueRef:pool", name_label="lab"))
    with stores.pool.subscribe():
        await stores.pool.settled()
        pool = stores.the_pool()
        assert pool is not None
        assert (stores.pool_ref, pool.name_label) == ("OpaqueRef:pool", "lab")


def test_pages_may_close_after_the_loop_has_ended(host: FakeHost) -> None:
    async def open_page() -> Subscription[VM]:
        stores = Stores(host.client(), linger_s=1.0)
        subscription: Subscription[VM] = stores.vm.subscribe()
        await stores.vm.settled()
        return subscription

    subscription = asyncio.run(open_page())
    subscription.close()
    assert subscription.store.state is StoreState.IDLE
    assert host.events.classes == frozenset()
